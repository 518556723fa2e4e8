"""Quota and usages of a region, and the models that ARM lists for an account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client

from ftops.emulator import Emulator
from ftops.emulator.store import _EXPIRING

from .conftest import ACCOUNT, ARM_VERSION, CREATE_S, METRICS_VERSION, Caller

PLACE = "/providers/Microsoft.CognitiveServices/locations/{}/usages"
TUNED = "OpenAI.GlobalStandard.gpt4.1-mini-finetune"
BASE = {"model": "gpt-4.1-mini", "model_version": "2025-04-14"}


def _usages(caller: Caller, region: str = "swedencentral") -> dict[str, tuple[float, float]]:
    """Return current value and limit by name."""
    body = caller.subscribed(PLACE.format(region)).json or {}
    return {row["name"]["value"]: (row["currentValue"], row["limit"]) for row in body["value"]}


def _sku(capacity: int, name: str = "GlobalStandard") -> dict[str, Any]:
    return {"name": name, "capacity": capacity}


def _of(caller: Caller, account: str, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401  JSON
    """Return the answer of another account on ARM."""
    emulator = caller.emulator
    url = emulator.resource_id(account) + path
    query = {"api-version": METRICS_VERSION if "/Microsoft.Insights/" in path else ARM_VERSION}
    answer = Client(emulator.app).open(
        url, method=method, base_url=emulator.arm_endpoint, query_string=query, **options
    )
    return answer.json


def test_names(v1: Caller) -> None:
    """Base and tuned deployments have rows of their own, and the gpt-4.1 family is spelled without its first dash."""
    body = v1.subscribed(PLACE.format("swedencentral")).json or {}
    names = [row["name"]["value"] for row in body["value"]]
    assert len(set(names)) == len(names)
    assert {"OpenAI.GlobalStandard.gpt4.1-mini", TUNED, "OpenAI.Standard.gpt-4o-finetune"} < set(names)
    assert {"OpenAI.DeveloperTier.gpt4.1-mini-finetune", "OpenAI.FineTuned.Deployments"} < set(names)
    assert "OpenAI.DeveloperTier.gpt-4o" not in names
    assert not any("gpt-4.1" in name for name in names)
    assert body["value"][0]["unit"] == "Count"


def test_what_is_used(v1: Caller, model: str) -> None:
    """Capacity is counted by SKU and model, whatever spelling the SKU has, and freed by deletion."""
    v1.deployed("support", model, sku=_sku(30))
    v1.deployed("other", model, sku=_sku(20, "globalstandard"))
    v1.deployed("base", **BASE, sku=_sku(7))
    usages = _usages(v1)
    assert usages[TUNED] == (50, 500)
    assert usages["OpenAI.GlobalStandard.gpt4.1-mini"] == (7, 5_000)
    assert usages["OpenAI.FineTuned.Deployments"] == (2, 10)
    assert usages["OpenAI.Standard.gpt4.1-mini-finetune"] == (0, 500)
    v1.arm("DELETE", "/deployments/other")
    v1.emulator.pause(30)
    assert _usages(v1)[TUNED] == (30, 500)


def test_checkpoints_count_as_tuned(v1: Caller) -> None:
    """A checkpoint that is deployed by its id uses the quota of the model it is of."""
    job = v1.trained(hyperparameters={"n_epochs": 3})
    checkpoint = v1.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")["data"][-1]
    v1.deployed("checkpoint", checkpoint["id"], sku=_sku(11))
    assert _usages(v1)[TUNED] == (11, 500)


def test_too_much(v1: Caller, model: str) -> None:
    """A write beyond the quota is refused with the numbers and changes nothing; what was there is not counted twice."""
    v1.deployed("support", model, sku=_sku(400))
    response = v1.deploy("other", model, sku=_sku(150))
    error = (response.json or {})["error"]
    assert (response.status_code, error["code"]) == (400, "InsufficientQuota")
    assert error["message"].startswith("This operation require 150 new capacity in quota Tokens Per Minute (thousands)")
    assert "is bigger than the current available capacity 100. " in error["message"]
    assert "The current quota usage is 400 and the quota limit is 500" in error["message"]
    assert v1.arm("PATCH", "/deployments/support", json={"sku": {"capacity": 501}}).status_code == 400
    assert v1.arm("PATCH", "/deployments/support", json={"sku": {"capacity": 500}}).status_code == 200
    assert v1.deploy("support", model, sku=_sku(500, "Standard")).status_code == 200
    assert (_usages(v1)[TUNED], len(v1.emulator.snapshot(ACCOUNT)["deployments"])) == ((0, 500), 1)


def test_less_is_always_possible(v1: Caller, emulator: Emulator, model: str) -> None:
    """Above a limit that was lowered a deployment can still shrink."""
    v1.deployed("support", model, sku=_sku(400))
    emulator.limits = replace(emulator.limits, finetune_quota=100)
    assert v1.deploy("support", model, sku=_sku(300)).status_code == 200
    assert v1.deploy("support", model, sku=_sku(301)).status_code == 400


def test_other_units(v1: Caller) -> None:
    """Provisioned capacity is of another unit and not counted in tokens."""
    v1.deployed("base", **BASE, sku=_sku(9_999, "ProvisionedManaged"))
    assert all(used == 0 for name, (used, _) in _usages(v1).items() if "gpt4.1-mini" in name)


def test_regions(v1: Caller, emulator: Emulator) -> None:
    """Accounts of one region share a quota, those of another do not; each account tells what is its own."""
    emulator.ensure_account("near", "Sweden Central")
    emulator.ensure_account("far", "eastus2")
    emulator.limits = replace(emulator.limits, base_quota=100)
    v1.deployed("base", **BASE, sku=_sku(70))
    name = "OpenAI.GlobalStandard.gpt4.1-mini"
    assert _usages(v1, "SwedenCentral")[name] == (70, 100)
    assert _usages(v1, "eastus2")[name] == (0, 100)
    model = {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}
    body = {"sku": _sku(40), "properties": {"model": model}}
    answers = [_of(v1, account, "PUT", "/deployments/base", json=body) for account in ("near", "far")]
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert codes == ["InsufficientQuota", None]
    own = {row["name"]["value"]: row["currentValue"] for row in _of(v1, "far", "GET", "/usages")["value"]}
    assert own[name] == 40
    assert {row["currentValue"] for row in _of(v1, "near", "GET", "/usages")["value"]} == {0, 1}


def test_another_subscription(v1: Caller, emulator: Emulator) -> None:
    """Another subscription uses nothing here."""
    v1.deployed("base", **BASE, sku=_sku(7))
    other = f"/subscriptions/11111111-0000-0000-0000-000000000000{PLACE.format('swedencentral')}"
    url = f"{emulator.arm_endpoint}{other}?api-version={ARM_VERSION}"
    rows = (Client(emulator.app).get(url).json or {})["value"]
    assert {row["currentValue"] for row in rows} == {0}


def test_models(v1: Caller, model: str) -> None:
    """ARM lists base models with SKUs and dates, and the account's tuned ones with the model they stand on."""
    models = {item["name"]: item for item in (v1.arm("GET", "/models").json or {})["value"]}
    base, tuned = models["gpt-4.1-mini"], models[model]
    assert (base["version"], base["capabilities"]["fineTune"]) == ("2025-04-14", "true")
    assert base["deprecation"] == {"fineTune": "2027-04-14T00:00:00Z", "inference": "2027-10-14T00:00:00Z"}
    assert "OpenAI.Standard.gpt4.1-mini" in [sku["usageName"] for sku in base["skus"]]
    assert tuned["baseModel"] == {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}
    assert "OpenAI.DeveloperTier.gpt4.1-mini-finetune" in [sku["usageName"] for sku in tuned["skus"]]
    assert "fineTune" not in models["Qwen-32B"]["capabilities"]
    assert models["text-embedding-3-small"]["capabilities"] == {"embeddings": "true"}


def test_skus_of_a_deployment(v1: Caller, model: str) -> None:
    """A tuned deployment could be a developer one, a base model's could not."""
    v1.deployed("support", model)
    v1.deployed("base", **BASE)
    found = []
    for name in ("support", "base"):
        rows = (v1.arm("GET", f"/deployments/{name}/skus").json or {})["value"]
        assert rows[0]["capacity"]["minimum"] == 1
        found.append("DeveloperTier" in [row["sku"]["name"] for row in rows])
    assert found == [True, False]
    assert v1.arm("GET", "/deployments/nobody/skus").status_code == 404


@pytest.mark.parametrize("path", ["/usages", "/models", "/providers/Microsoft.Insights/metricDefinitions"])
def test_unknown_account(v1: Caller, path: str) -> None:
    """What is below an account that does not exist is not found."""
    assert _of(v1, "nobody", "GET", path)["error"]["code"] == "ParentResourceNotFound"


def test_many_deployments_cost_little(v1: Caller, emulator: Emulator, model: str) -> None:
    """A request looks at one resting deployment, however many there are."""
    emulator.limits = replace(emulator.limits, fine_tuned_deployments=100)
    for number in range(30):
        v1.deploy(f"d{number}", model, sku=_sku(1))
        emulator.pause(CREATE_S)
    plan = emulator._store.rows(f"EXPLAIN QUERY PLAN {_EXPIRING}")
    assert [step for _, _, _, step in plan] == ["SCAN documents USING INDEX expiring_documents"]
    v1.arm("GET", "")
    first = emulator._store.expiring()
    assert first is not None
    assert (first.id, len(emulator._store.active())) == ("d0", 0)

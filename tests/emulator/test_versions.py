"""What each front and each API version has: operations, fields, echoes, and the refusals of versions that are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator
from ftops.emulator.versions import ARM

from .conftest import ACCOUNT, Caller

GA, PREVIEW, EARLIER = "2024-10-21", "2025-04-01-preview", "2025-01-01-preview"
METHOD = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
PATH = "/deployments/base"
BASE = {"model": "gpt-4.1-mini", "model_version": "2025-04-14"}


def _fronts(emulator: Emulator) -> dict[str, Caller]:
    return {
        "ga": Caller(emulator, "/openai", GA),
        "classic": Caller(emulator, "/openai", PREVIEW),
        "project": Caller(emulator, "/api/projects/p/openai", "2025-11-15-preview"),
        "project-v1": Caller(emulator, "/api/projects/p/openai/v1"),
        "v1": Caller(emulator),
    }


def _error(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {})["error"]["code"]


@pytest.mark.parametrize(
    ("method", "path", "fronts"),
    [
        ("POST", "/fine_tuning/jobs/{job}/pause", ("classic", "project", "project-v1", "v1")),
        ("POST", "/fine_tuning/jobs/{job}/resume", ("classic", "project", "project-v1", "v1")),
        ("DELETE", "/fine_tuning/jobs/nobody", ("ga", "classic", "project")),
        ("POST", "/files/import", ("ga", "classic", "project")),
        ("POST", "/uploads", ("ga", "classic")),
        ("POST", "/responses", ("classic", "project", "project-v1", "v1")),
        ("POST", "/fine_tuning/jobs/{job}/events", ()),
        ("POST", "/fine_tuning/jobs/{job}/checkpoints", ()),
        ("GET", "/fine_tuning/jobs/{job}/checkpoints/ftchkpt-0", ()),
        ("GET", "/fine_tuning/jobs", ("ga", "classic", "project", "project-v1", "v1")),
    ],
)
def test_where_an_operation_is(v1: Caller, method: str, path: str, fronts: Iterable[str]) -> None:
    """An operation exists on the fronts that the facts name, and elsewhere the gateway does not find it."""
    job = v1.job()
    found = set()
    for name, caller in _fronts(v1.emulator).items():
        response = caller.call(method, path.format(job=job), json={})
        if (response.json or {}).get("error") != {"code": "404", "message": "Resource not found"}:
            found.add(name)
    assert found == set(fronts)


@pytest.mark.parametrize("version", ["", "latest", "2024-10-22", "2025-06-01", "v1"])
@pytest.mark.parametrize("prefix", ["/openai", "/api/projects/p/openai"])
def test_unknown_data_version(emulator: Emulator, prefix: str, version: str) -> None:
    """A version that a dated path does not have is the gateway's 404, as none at all is."""
    assert _error(Caller(emulator, prefix, version).call("GET", "/files")) == (404, "404")


def test_entity_is_another_404(emulator: Emulator) -> None:
    """What does not exist on a right path is notFound, on every front."""
    for caller in _fronts(emulator).values():
        assert _error(caller.call("GET", "/fine_tuning/jobs/ftjob-0")) == (404, "notFound")


def test_stable_version_knows_no_training_type(v1: Caller) -> None:
    """A stable classic version ignores trainingType: the job is a standard one and never says so, on any front."""
    stable = Caller(v1.emulator, "/openai", GA)
    response = stable.train(training_file=v1.ready_file(), trainingType="Developer")
    job = response.json or {}
    assert (response.status_code, job.get("trainingType")) == (201, None)
    assert v1.emulator.snapshot(ACCOUNT)["jobs"][0]["trainingType"] == "standard"
    assert "trainingType" not in v1.get(f"/fine_tuning/jobs/{job['id']}")
    refused = stable.train(training_file=v1.ready_file(), model="Ministral-3B", trainingType="globalStandard")
    assert "with Standard TrainingType" in refused.text


@pytest.mark.parametrize(("version", "whole"), [(GA, False), (EARLIER, False), (PREVIEW, True)])
def test_method_echo(v1: Caller, version: str, whole: bool) -> None:
    """Older classic versions echo a method's type alone; the job itself has all of it."""
    caller = Caller(v1.emulator, "/openai", version)
    response = caller.train(training_file=v1.ready_file(), method=METHOD)
    job = response.json or {}
    shown = [job, caller.get(f"/fine_tuning/jobs/{job['id']}"), caller.get("/fine_tuning/jobs")["data"][0]]
    assert [set(each["method"]) for each in shown] == [{"type", "supervised"} if whole else {"type"}] * 3
    assert v1.get(f"/fine_tuning/jobs/{job['id']}")["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2


def test_checkpoint_name_leads_to_a_model(v1: Caller) -> None:
    """A model is read by a name with a colon, escaped or not; a checkpoint's is in no listing."""
    job = v1.trained(hyperparameters={"n_epochs": 3})
    names = [
        each["fine_tuned_model_checkpoint"] for each in v1.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")["data"]
    ]
    assert [":ckpt-step-" in name for name in names] == [False, True, True]
    classic = Caller(v1.emulator, "/openai", PREVIEW)
    for name in names:
        shown = classic.get(f"/models/{name.replace(':', '%3A')}")
        assert (shown["id"], shown["fine_tune"]) == (name, job["id"])
    listed = {item["id"] for item in classic.get("/models")["data"]}
    assert [name in listed for name in names] == [True, False, False]
    assert _error(classic.call("GET", f"/models/{names[0]}:ckpt-step-1")) == (404, "notFound")


# --- ARM


@pytest.mark.parametrize("version", ["2024-10-21", "2025-04-01-preview", "2022-01-01", "v1"])
@pytest.mark.parametrize("path", ["", "/deployments", PATH, "/usages", "/models"])
def test_unknown_arm_version(v1: Caller, path: str, version: str) -> None:
    """ARM refuses a version of the data plane, or none that it has, and names those that it has."""
    response = v1.arm("GET", path, version)
    assert _error(response) == (400, "NoRegisteredProviderFound")
    assert f"'{version}'" in response.text
    assert "2024-10-01, 2025-06-01" in response.text


@pytest.mark.parametrize("path", ["/metrics", "/metricDefinitions"])
def test_monitor_has_versions_of_its_own(v1: Caller, path: str) -> None:
    """Azure Monitor takes its own versions and not those of the accounts."""
    full = f"/providers/Microsoft.Insights{path}"
    assert v1.arm("GET", full, "2024-02-01").status_code == 200
    assert _error(v1.arm("GET", full, "2025-06-01")) == (400, "NoRegisteredProviderFound")


@pytest.mark.parametrize("version", ARM)
def test_every_arm_version(v1: Caller, version: str) -> None:
    """Each version that is listed reads and writes deployments, and shows what it knows of them and no more."""
    body: dict[str, Any] = {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "tags": {"a": "b"},
        "properties": {
            "model": {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"},
            "spilloverDeploymentName": "other",
            "serviceTier": "Priority",
        },
    }
    assert v1.arm("PUT", PATH, version, json=body).status_code == 201
    shown = v1.arm("GET", PATH, version).json or {}
    newest = v1.arm("GET", PATH, ARM[-1]).json or {}
    expected = {
        "tags": version >= "2024-10-01",
        "spilloverDeploymentName": version >= "2025-06-01",
        "serviceTier": version >= "2025-12-01",
        "deploymentState": version >= "2025-10-01",
    }
    has = {name: name in shown or name in shown["properties"] for name in expected}
    assert has == expected
    # What a version does not know it did not set, either.
    assert ("serviceTier" in newest["properties"], "tags" in newest) == (has["serviceTier"], has["tags"])


def test_older_version_keeps_what_it_does_not_know(v1: Caller) -> None:
    """A PUT of an older version replaces nothing that it cannot name."""
    more = {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-08-06"}, "serviceTier": "Priority"}
    sku = {"name": "GlobalStandard", "capacity": 1}
    v1.arm("PUT", PATH, ARM[-1], json={"sku": sku, "properties": more})
    v1.arm("PUT", PATH, "2024-10-01", json={"sku": sku, "properties": {"model": more["model"]}})
    assert (v1.arm("GET", PATH, ARM[-1]).json or {})["properties"]["serviceTier"] == "Priority"
    v1.arm("PUT", PATH, ARM[-1], json={"sku": sku, "properties": {"model": more["model"]}})
    assert "serviceTier" not in (v1.arm("GET", PATH, ARM[-1]).json or {})["properties"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", PATH, (405, "HttpMethodNotAllowed")),
        ("POST", "/deployments", (405, "HttpMethodNotAllowed")),
        ("GET", f"{PATH}/pause", (405, "HttpMethodNotAllowed")),
        ("GET", "/nothing", (404, "InvalidResourceType")),
    ],
)
def test_wrong_method_on_arm(v1: Caller, method: str, path: str, expected: tuple[int, str]) -> None:
    """The documentation's POST of a deployment is refused; ARM answers in its own words, not the gateway's."""
    assert _error(v1.arm(method, path, json={})) == expected


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("00000000-0000-0000-0000-000000000000", "11111111-0000-0000-0000-000000000000"), "SubscriptionNotFound"),
        (("resourceGroups/emulator", "resourceGroups/other"), "ResourceGroupNotFound"),
    ],
)
def test_account_is_below_its_parents(emulator: Emulator, change: tuple[str, str], code: str) -> None:
    """An account is found in its own subscription and group only."""
    path = emulator.resource_id(ACCOUNT).replace(*change) + "?api-version=2025-06-01"
    assert _error(Client(emulator.app).get(path)) == (404, code)


# --- pause and resume


@pytest.mark.parametrize(("version", "status"), [("2025-09-01", 405), ("2025-10-01-preview", 200), ("2025-12-01", 200)])
def test_pause_by_version(v1: Caller, version: str, status: int) -> None:
    """Deployments can be paused where the version has it, twice as well as once."""
    v1.deployed("base", **BASE)
    for _ in range(2):
        response = v1.arm("POST", f"{PATH}/pause", version)
        assert response.status_code == status
    assert status == 405 or (response.json or {})["properties"]["deploymentState"] == "Paused"


def test_paused_deployment_is_locked(v1: Caller) -> None:
    """A paused deployment answers 423 until it is resumed; the call is counted with its status."""
    v1.deployed("base", **BASE)
    v1.arm("POST", f"{PATH}/pause", ARM[-1])
    locked = v1.chat("base")
    assert _error(locked) == (423, "Locked")
    v1.arm("POST", f"{PATH}/resume", ARM[-1])
    assert v1.chat("base").status_code == 200
    v1.emulator.pause(400)
    series = v1.series(filter="StatusCode eq '*'")
    assert {each["metadatavalues"][0]["value"] for each in series} == {"423", "200"}


def test_put_can_pause(v1: Caller) -> None:
    """A PUT sets the state where its version has it, and leaves it alone when it does not say."""
    model = {"model": {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}}
    sku = {"name": "GlobalStandard", "capacity": 1}
    states = []
    for more in ({}, {"deploymentState": "Paused"}, {}, {"deploymentState": "Running"}):
        response = v1.arm("PUT", PATH, ARM[-1], json={"sku": sku, "properties": {**model, **more}})
        states.append((response.json or {})["properties"]["deploymentState"])
    assert states == ["Running", "Paused", "Paused", "Running"]
    wrong = {"sku": sku, "properties": {**model, "deploymentState": "Asleep"}}
    assert _error(v1.arm("PUT", PATH, ARM[-1], json=wrong)) == (400, "InvalidResourceProperties")


def test_developer_sku_cannot_be_paused(v1: Caller, model: str) -> None:
    """Only the standard SKUs can be paused."""
    v1.deployed("base", model, sku={"name": "DeveloperTier", "capacity": 1})
    assert _error(v1.arm("POST", f"{PATH}/pause", ARM[-1])) == (400, "InvalidResourceProperties")

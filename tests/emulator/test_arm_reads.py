"""What ARM and Azure Monitor tell of a subscription: accounts, models, capacities, pages, and batches of metrics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator
from ftops.emulator.login_doors import ARM, METRICS

from .conftest import ACCOUNT, MONTH, Caller, StartClock

PLACE = "/providers/Microsoft.CognitiveServices"
MODEL = {"modelFormat": "OpenAI", "modelName": "gpt-4.1-mini", "modelVersion": "2025-04-14"}
BASE = {"model": "gpt-4.1-mini", "model_version": "2025-04-14"}
BATCH = {"metricnamespace": "Microsoft.CognitiveServices/accounts", "metricnames": "AzureOpenAIRequests"}
SPAN = dict(zip(("starttime", "endtime"), MONTH.split("/"), strict=True))


def _batch(caller: Caller, *names: str, **query: str) -> TestResponse:
    emulator = caller.emulator
    asked = {"api-version": "2024-02-01", **BATCH, **SPAN, "interval": "P1D", **query}
    body = {"resourceids": [emulator.resource_id(name) for name in names]}
    path = emulator.resource_id(ACCOUNT).split("/resourceGroups/")[0] + "/metrics:getBatch"
    return Client(emulator.app).post(path, base_url=emulator.arm_endpoint, query_string=asked, json=body)


@pytest.mark.parametrize("group", ["", "/resourceGroups/emulator"])
def test_accounts(v1: Caller, group: str) -> None:
    """The accounts of a subscription, or of its group, are listed as each is read."""
    v1.emulator.ensure_account("other", "eastus2")
    body = v1.subscribed(f"{group}{PLACE}/accounts").json or {}
    assert [item["name"] for item in body["value"]] == [ACCOUNT, "other"]
    read = v1.arm("GET", "")
    assert body["value"][0] == read.json
    assert read.headers["ETag"] == (read.json or {})["etag"]
    assert set((read.json or {})["systemData"]) >= {"createdAt", "createdBy", "lastModifiedAt"}


def test_accounts_of_another_group(v1: Caller) -> None:
    """A group without accounts has none."""
    assert v1.subscribed(f"/resourceGroups/other{PLACE}/accounts").json == {"value": []}


def test_models_of_a_region(v1: Caller) -> None:
    """A region's models are those of an account, once for each kind of account."""
    items = (v1.subscribed(f"{PLACE}/locations/swedencentral/models").json or {})["value"]
    own = (v1.arm("GET", "/models").json or {})["value"]
    assert [item["model"] for item in items if item["kind"] == "AIServices"] == own
    assert {item["kind"] for item in items} == {"OpenAI", "AIServices"}


def test_capacities(v1: Caller, model: str) -> None:
    """What a deployment holds is missing from its region's capacity, and from no other's."""
    v1.emulator.ensure_account("other", "eastus2")
    v1.deployed("support", model)
    items = (v1.subscribed(f"{PLACE}/modelCapacities", **MODEL).json or {})["value"]
    found = {
        item["location"]: item["properties"]["availableFinetuneCapacity"]
        for item in items
        if item["properties"]["skuName"] == "GlobalStandard"
    }
    assert found == {"swedencentral": 450, "eastus2": 500}
    local = (v1.subscribed(f"{PLACE}/locations/swedencentral/modelCapacities", **MODEL).json or {})["value"]
    assert [{**item, "location": "swedencentral"} for item in local] == items[: len(local)]
    developer = next(item["properties"] for item in local if item["name"] == "DeveloperTier")
    assert (developer["availableCapacity"], developer["availableFinetuneCapacity"]) == (0, 500)


def test_capacities_of_what_is_not_offered(v1: Caller) -> None:
    """An unknown model has no capacity, and a query has to name one."""
    path = f"{PLACE}/modelCapacities"
    assert v1.subscribed(path, **{**MODEL, "modelVersion": "1"}).json == {"value": []}
    refused = v1.subscribed(path, **{**MODEL, "modelName": ""})
    assert (refused.status_code, "modelName" in refused.text) == (400, True)


def test_deployments_in_pages(v1: Caller, emulator: Emulator) -> None:
    """A long list of deployments is led through by absolute links, also while one of them is deleted."""
    emulator.limits = replace(emulator.limits, deployment_page=2)
    for name in ("d0", "d1", "d2", "d3", "d4"):
        v1.deployed(name, **BASE)
    page: dict[str, Any] = v1.arm("GET", "/deployments").json or {}
    names = [item["name"] for item in page["value"]]
    v1.arm("DELETE", "/deployments/d1")
    while link := page.get("nextLink"):
        assert link.startswith(emulator.arm_endpoint)
        page = Client(emulator.app).get(link, base_url=emulator.arm_endpoint).json or {}
        names += [item["name"] for item in page["value"]]
    assert names == ["d0", "d1", "d2", "d3", "d4"]
    assert v1.arm("GET", "/deployments", query={"$skipToken": "x"}).status_code == 400


def test_batch_says_what_metrics_say(v1: Caller, emulator: Emulator) -> None:
    """A batch answers for each account from the same counted calls as the metrics of that account."""
    emulator.ensure_account("other", "eastus2")
    v1.deployed("base", **BASE)
    for _ in range(3):
        v1.chatted("base")
    emulator.pause(400)
    response = _batch(v1, "other", ACCOUNT, filter="ModelDeploymentName eq '*'")
    assert response.status_code == 200, response.text
    far, near = (response.json or {})["values"]
    assert (far["value"][0]["timeseries"], far["resourceregion"]) == ([], "eastus2")
    alone = v1.monitor(timespan=MONTH, interval="P1D", filter="ModelDeploymentName eq '*'").json or {}
    assert (near["value"], near["resourceid"]) == (alone["value"], emulator.resource_id(ACCOUNT))
    assert sum(point.get("total", 0) for point in near["value"][0]["timeseries"][0]["data"]) == 3
    assert (near["starttime"], near["endtime"]) == tuple(MONTH.split("/"))


def test_batch_of_the_last_hour(v1: Caller) -> None:
    """Without times a batch is of the hour until now."""
    value = (_batch(v1, ACCOUNT, starttime="", endtime="").json or {})["values"][0]
    assert (value["starttime"], value["endtime"]) == ("2026-11-02T08:00:00Z", "2026-11-02T09:00:00Z")


@pytest.mark.parametrize(
    ("names", "query", "text"),
    [
        ((), {}, "1 to 50"),
        ((ACCOUNT,) * 51, {}, "1 to 50"),
        (("nobody",), {}, "was not found"),
        ((ACCOUNT,), {"endtime": "now"}, "endtime"),
        ((ACCOUNT,), {"metricnames": "TotalCalls"}, "Valid metrics"),
        ((ACCOUNT,), {"api-version": "2025-06-01"}, "2023-10-01, 2024-02-01"),
    ],
)
def test_batch_refused(v1: Caller, names: tuple[str, ...], query: dict[str, str], text: str) -> None:
    """A batch that cannot be answered is refused as a whole."""
    response = _batch(v1, *names, **query)
    assert response.status_code == 400
    assert text in response.text


def test_batch_stays_in_its_subscription(v1: Caller) -> None:
    """A resource of another subscription than the path's is not found, although it exists."""
    body = {"resourceids": [v1.emulator.resource_id(ACCOUNT)]}
    asked = {"api-version": "2024-02-01", **BATCH}
    path = "/subscriptions/11111111-0000-0000-0000-000000000000/metrics:getBatch"
    answer = Client(v1.emulator.app).post(path, query_string=asked, json=body)
    assert (answer.status_code, "was not found" in answer.text) == (400, True)


@pytest.mark.parametrize(("audience", "status"), [(METRICS, 200), (f"{METRICS}/", 200), (ARM, 401)])
def test_batch_has_a_door_of_its_own(audience: str, status: int) -> None:
    """The batch takes tokens for Azure Monitor's metrics, and those for ARM do not open it."""
    emulator = Emulator(None, StartClock(), require_auth=True)
    emulator.ensure_account(ACCOUNT, "swedencentral")
    token, _ = emulator.identity.issue(audience, "https://login.emulator/")
    path = emulator.resource_id(ACCOUNT).split("/resourceGroups/")[0] + "/metrics:getBatch"
    asked = {"api-version": "2024-02-01", **BATCH}
    body = {"resourceids": [emulator.resource_id(ACCOUNT)]}
    headers = {"Authorization": f"Bearer {token}"}
    answer = Client(emulator.app).post(path, query_string=asked, json=body, headers=headers)
    emulator.close()
    assert answer.status_code == status, answer.text

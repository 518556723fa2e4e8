"""Deployments and accounts on ARM."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator

from .conftest import ACCOUNT, Caller

PATH = "/deployments/support"


def _state(caller: Caller) -> str:
    return str((caller.arm("GET", PATH).json or {})["properties"]["provisioningState"])


def _error(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {})["error"]["code"]


def test_tuned_model_takes_minutes(v1: Caller, model: str) -> None:
    """A new deployment of a tuned model is Creating, its operation Running, and both end four minutes later."""
    response = v1.deploy("support", model, body={"tags": {"a": "b"}}, sku={"name": "standard", "capacity": "1"})
    body = response.json or {}
    assert (response.status_code, body["properties"]["provisioningState"]) == (201, "Creating")
    assert body["sku"] == {"name": "standard", "capacity": 1}
    assert body["properties"]["versionUpgradeOption"] == "NoAutoUpgrade"
    assert body["properties"]["rateLimits"][0] == {"key": "request", "renewalPeriod": 10, "count": 1}
    assert body["systemData"]["createdAt"].rsplit(".")[1] == "0000000Z"
    assert response.headers["ETag"] == body["etag"]
    assert "operationResultResponseType=Location" in response.headers["Location"]
    url = response.headers["Azure-AsyncOperation"]
    client = Client(v1.emulator.app)
    running = client.get(url).json or {}
    assert (running["status"], running["percentComplete"]) == ("Running", 0.0)
    assert client.get(url.replace("&h=", "&h=0")).status_code == 404
    assert client.get(response.headers["Location"]).status_code == 202
    v1.emulator.pause(239)
    assert _state(v1) == "Creating"
    v1.emulator.pause(1)
    assert _state(v1) == "Succeeded"
    done = client.get(url).json or {}
    assert (done["status"], "endTime" in done) == ("Succeeded", True)


def test_base_model_is_ready_at_once(v1: Caller) -> None:
    """A base model's deployment is Succeeded in the answer, without an operation."""
    response = v1.deploy("base", "gpt-4.1-mini", model_version="2025-04-14")
    properties = (response.json or {})["properties"]
    assert (response.status_code, properties["provisioningState"]) == (201, "Succeeded")
    assert properties["versionUpgradeOption"] == "OnceNewDefaultVersionAvailable"
    assert "Azure-AsyncOperation" not in response.headers


def test_one_write_at_a_time(v1: Caller, model: str) -> None:
    """While one deployment of the account changes, every other write is a RequestConflict; reads go on."""
    v1.deploy("base", "gpt-4o", model_version="2024-08-06")
    v1.deploy("support", model)
    assert _error(v1.deploy("other", model)) == (409, "RequestConflict")
    assert _error(v1.arm("DELETE", "/deployments/base")) == (409, "RequestConflict")
    assert _error(v1.arm("PATCH", "/deployments/base", json={"tags": {}})) == (409, "RequestConflict")
    assert len((v1.arm("GET", "/deployments").json or {})["value"]) == 2
    v1.emulator.pause(240)
    assert v1.arm("DELETE", PATH).status_code == 202
    assert _state(v1) == "Deleting"
    assert _error(v1.deploy("other", model)) == (409, "RequestConflict")


def test_update(v1: Caller, model: str) -> None:
    """A changed capacity is done at once with 200; a changed model takes minutes again, under the same name."""
    v1.deploy("support", model)
    v1.emulator.pause(240)
    etag = v1.arm("GET", PATH).headers["ETag"]
    same = v1.deploy("SUPPORT", model, sku={"name": "GlobalStandard", "capacity": 60})
    body = same.json or {}
    assert (same.status_code, body["properties"]["provisioningState"], body["name"]) == (200, "Succeeded", "support")
    assert (body["properties"]["currentCapacity"], body["etag"] != etag) == (60, True)
    newer = str(v1.trained()["fine_tuned_model"])
    changed = v1.deploy("support", newer)
    assert (changed.status_code, _state(v1)) == (200, "Updating")
    v1.emulator.pause(240)
    assert (v1.arm("GET", PATH).json or {})["properties"]["model"]["name"] == newer


def test_delete(v1: Caller, model: str) -> None:
    """Deleting is 202 and takes a moment; what is gone is 204, and reading it 404; the model stays."""
    v1.deploy("support", model)
    v1.emulator.pause(240)
    response = v1.arm("DELETE", PATH)
    assert (response.status_code, "Azure-AsyncOperation" in response.headers) == (202, True)
    v1.emulator.pause(30)
    assert v1.arm("DELETE", PATH).status_code == 204
    assert _error(v1.arm("GET", PATH)) == (404, "ResourceNotFound")
    assert v1.call("GET", f"/models/{model}").status_code == 200


def test_tags_by_version(v1: Caller) -> None:
    """Tags are stored and shown from 2024-10-01 on, replaced by PUT and PATCH, and untouched by older versions."""
    base = {"model": "gpt-4o", "model_version": "2024-08-06"}
    v1.deploy("support", body={"tags": {"a": "1"}}, **base)
    assert "tags" not in (v1.arm("GET", PATH, "2023-05-01").json or {})
    v1.deploy("support", body={"tags": {"a": "2"}}, version="2023-05-01", **base)
    assert (v1.arm("GET", PATH).json or {})["tags"] == {"a": "1"}
    assert (v1.arm("PATCH", PATH, json={"tags": {"b": "3"}}).json or {})["tags"] == {"b": "3"}
    patched = v1.arm("PATCH", PATH, json={"sku": {"capacity": 9}}).json or {}
    assert (patched["tags"], patched["sku"]["capacity"]) == ({"b": "3"}, 9)
    assert v1.arm("PATCH", PATH, "2023-05-01", json={"tags": {}}).status_code == 405
    assert "tags" not in (v1.deploy("support", **base).json or {})


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("gpt-4.1-mini-2025-04-14.ft-0", {}, (400, "DeploymentModelNotSupported")),
        ("gpt-4o", {"model_version": "1"}, (400, "DeploymentModelNotSupported")),
        ("gpt-4o", {"sku": {"name": "Huge"}, "model_version": None}, (400, "InvalidResourceProperties")),
        ("gpt-4o", {"sku": {"name": "Standard", "capacity": 0}}, (400, "InvalidCapacity")),
        ("Qwen-32B", {}, (500, "InternalServerError")),
        ("gpt-4o", {"body": {"properties": {}}}, (400, "InvalidResourceProperties")),
        ("gpt-4o", {"version": ""}, (400, "MissingApiVersionParameter")),
    ],
)
def test_refused(v1: Caller, model: str, options: dict[str, Any], expected: tuple[int, str]) -> None:
    """Each bad deployment has ARM's code and makes nothing."""
    assert _error(v1.deploy("support", model, **options)) == expected
    assert v1.emulator.snapshot(ACCOUNT)["deployments"] == []


def test_checkpoint_can_be_deployed(v1: Caller) -> None:
    """A checkpoint is deployed by its id or its name."""
    job = v1.trained(hyperparameters={"n_epochs": 3})
    checkpoint = v1.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")["data"][-1]
    for name in (checkpoint["id"], checkpoint["fine_tuned_model_checkpoint"]):
        assert v1.deploy(name[:8], name).status_code == 201
        v1.emulator.pause(240)


def test_deployments_are_limited(v1: Caller, model: str) -> None:
    """A tuned deployment too many is a question of quota; replacing one of them is not."""
    v1.emulator.limits = replace(v1.emulator.limits, fine_tuned_deployments=1)
    v1.deploy("support", model)
    v1.emulator.pause(240)
    assert _error(v1.deploy("other", model)) == (400, "InsufficientQuota")
    assert v1.deploy("support", model).status_code == 200


def test_account(v1: Caller, emulator: Emulator) -> None:
    """An account tells its region, its data-plane name and its limits; an unknown one is not found."""
    body = v1.arm("GET", "").json or {}
    capabilities = {item["name"]: item.get("value") for item in body["properties"]["capabilities"]}
    assert (body["location"], body["properties"]["customSubDomainName"]) == ("swedencentral", ACCOUNT)
    assert (capabilities["MaxRunningFineTuneCount"], capabilities["MaxTrainingFileSize"]) == ("3", "512000000")
    unknown = Client(emulator.app).get(emulator.resource_id("nobody") + "/deployments?api-version=2025-06-01")
    assert _error(unknown) == (404, "ParentResourceNotFound")


def test_person_edits(v1: Caller, emulator: Emulator, model: str) -> None:
    """What a person changes behind the caller's back is there at the next read."""
    v1.deploy("support", model, body={"tags": {"a": "b"}})
    v1.emulator.pause(240)
    emulator.edit_deployment("support", capacity=5, tags={}, raiPolicyName="Loose")
    body = v1.arm("GET", PATH).json or {}
    assert (body["sku"]["capacity"], body["tags"], body["properties"]["raiPolicyName"]) == (5, {}, "Loose")
    emulator.delete_deployment("support")
    assert v1.arm("GET", PATH).status_code == 404
    with pytest.raises(KeyError):
        emulator.delete_deployment("support")


def test_waiting_by_advance(v1: Caller, model: str) -> None:
    """A jump of days settles a deployment like a wait of minutes."""
    v1.deploy("support", model)
    v1.emulator.advance(timedelta(days=3))
    assert _state(v1) == "Succeeded"

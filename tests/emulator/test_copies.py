"""Checkpoints that are copied into another account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator
from ftops.emulator.copies import COPY_S, GATE

from .conftest import ARM_VERSION, Caller

OTHER = "other"


@dataclass
class Far(Caller):
    """Calls the destination."""

    def call(self, method: str, path: str, **options: Any) -> TestResponse:  # noqa: ANN401
        """Send a request to the other account."""
        return super().call(method, path, base_url=self.emulator.endpoint(OTHER), **options)


@pytest.fixture
def far(emulator: Emulator) -> Far:
    """Give a caller of the destination, which has had a job."""
    emulator.ensure_account(OTHER, "westus3")
    caller = Far(emulator)
    caller.job()
    return caller


@pytest.fixture
def source(v1: Caller, far: Far) -> tuple[str, dict[str, Any]]:
    """Train at the source and give the path of the last checkpoint and itself."""
    assert far
    job = v1.trained()
    checkpoint = v1.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")["data"][0]
    return f"/fine_tuning/jobs/{job['id']}/checkpoints/{checkpoint['id']}/copy", checkpoint


def _copy(caller: Caller, path: str, **more: Any) -> TestResponse:  # noqa: ANN401
    body = {"destinationResourceId": Emulator.resource_id(OTHER), "region": "westus3", **more}
    return caller.call("POST", path, json=body, headers={GATE: "preview"})


def _details(response: TestResponse) -> list[str]:
    return [each["status"] for each in (response.json or {})["copiedAccountDetails"]]


def test_copy_takes_its_time(v1: Caller, source: tuple[str, dict[str, Any]]) -> None:
    """A copy is in progress, then complete, and asking for it again makes no other."""
    path, checkpoint = source
    begun = _copy(v1, path)
    assert begun.status_code == 200, begun.text
    assert begun.json == {
        "checkpointedModelName": checkpoint["fine_tuned_model_checkpoint"],
        "fineTuningJobId": checkpoint["fine_tuning_job_id"],
        "copiedAccountDetails": [
            {"destinationResourceId": Emulator.resource_id(OTHER), "region": "westus3", "status": "InProgress"}
        ],
    }
    v1.emulator.pause(COPY_S - 1)
    watched = v1.call("GET", path, headers={GATE: "preview"})
    assert (watched.json, _details(_copy(v1, path))) == (begun.json, ["InProgress"])
    v1.emulator.pause(1)
    assert _details(v1.call("GET", path, headers={GATE: "preview"})) == ["Completed"]
    assert _details(_copy(v1, path)) == ["Completed"]


def test_copy_is_used_at_its_destination(v1: Caller, far: Far, source: tuple[str, dict[str, Any]]) -> None:
    """A complete copy is a base and is deployed under the same name; nothing lists it, and it outlives its source."""
    path, checkpoint = source
    name = checkpoint["fine_tuned_model_checkpoint"]
    _copy(v1, path)
    file = far.ready_file()
    assert far.train(training_file=file, model=name).status_code == 400
    v1.emulator.pause(COPY_S)
    classic = Caller(v1.emulator, "/openai", "2025-04-01-preview")
    assert classic.call("DELETE", f"/fine_tuning/jobs/{checkpoint['fine_tuning_job_id']}").status_code == 204
    trained = far.train(training_file=file, model=name)
    assert (trained.status_code, (trained.json or {})["model"]) == (201, name)
    assert name not in [item["id"] for item in far.get("/models")["data"]]
    url = Emulator.resource_id(OTHER) + "/deployments/copied"
    model = {"format": "OpenAI", "name": name, "version": "1"}
    body = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": model}}
    query = {"api-version": ARM_VERSION}
    deployed = Client(v1.emulator.app).put(url, base_url=v1.emulator.arm_endpoint, query_string=query, json=body)
    assert deployed.status_code == 201, deployed.text


@pytest.mark.parametrize("header", [{}, {GATE: "on"}])
def test_gate(v1: Caller, source: tuple[str, dict[str, Any]], header: dict[str, str]) -> None:
    """Without its header the operation is not there."""
    for method in ("POST", "GET"):
        response = v1.call(method, source[0], json={}, headers=header)
        assert (response.status_code, (response.json or {})["error"]["code"]) == (404, "404")


def test_model_name_is_no_id(v1: Caller, source: tuple[str, dict[str, Any]]) -> None:
    """A model's name instead of the id, an unknown id, another job's, or a copy that never began is not found."""
    path, checkpoint = source
    for wrong in (
        path.replace(checkpoint["id"], checkpoint["fine_tuned_model_checkpoint"]),
        path.replace(checkpoint["id"], "ftchkpt-0"),
        path.replace(checkpoint["fine_tuning_job_id"], "ftjob-0"),
    ):
        response = _copy(v1, wrong)
        assert (response.status_code, "Copy checkpoint not found" in response.text) == (404, True)
    assert v1.call("GET", path, headers={GATE: "preview"}).status_code == 404


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"destinationResourceId": Emulator.resource_id("nobody")}, "no account"),
        ({"destinationResourceId": None}, "destinationResourceId"),
        ({"region": "eastus2"}, "westus3"),
        ({"destinationResourceId": Emulator.resource_id("idle")}, "job before"),
    ],
)
def test_prerequisites(v1: Caller, source: tuple[str, dict[str, Any]], more: dict[str, Any], text: str) -> None:
    """The destination has to exist, be where the body says, and have had a job."""
    v1.emulator.ensure_account("idle", "westus3")
    response = _copy(v1, source[0], **more)
    assert (response.status_code, text in response.text) == (400, True), response.text

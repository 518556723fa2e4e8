"""Each limit, made small by a description as a file has it, refuses with its message or delays as it says."""

# ruff: noqa: ANN401  the wire is JSON
from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ftops.emulator import Limits, read_trouble

from .conftest import CREATE_S, Caller, rows
from .test_activity import BASE, PATH, SINCE
from .test_uploads import begin, begun, send

QUOTA = 400, "quotaExceeded"
INVALID = 400, "invalidPayload"
NO_CAPACITY = 400, "InsufficientQuota"


def limit(caller: Caller, **limits: object) -> None:
    """Put limits in force."""
    trouble, problems = read_trouble({"limits": limits})
    assert not problems
    caller.emulator.put_trouble(trouble)


def _another_file(caller: Caller) -> TestResponse:
    caller.upload(rows(10))
    return caller.upload(rows(10))


def _another_job(caller: Caller) -> TestResponse:
    file = caller.ready_file()
    assert caller.train(training_file=file).status_code == 201
    return caller.train(training_file=file)


def _tuned(caller: Caller, **sku: Any) -> TestResponse:
    return caller.deploy("one", str(caller.trained()["fine_tuned_model"]), **sku)


def _another_tuned(caller: Caller) -> TestResponse:
    assert _tuned(caller).status_code == 201
    return caller.deploy("two", str(caller.trained()["fine_tuned_model"]))


def _base(caller: Caller) -> TestResponse:
    return caller.deploy("base", **BASE, sku={"name": "Standard", "capacity": 50})


def _call_at_once(caller: Caller) -> TestResponse:
    assert _tuned(caller).status_code == 201
    caller.emulator.pause(CREATE_S)
    return caller.chat("one")


REFUSES: dict[str, tuple[object, Callable[[Caller], TestResponse], tuple[int, str], str]] = {
    "files": (1, _another_file, QUOTA, "already holds 1 files"),
    "file_bytes": (10, lambda caller: caller.upload(rows(10)), INVALID, "10 bytes"),
    "total_bytes": (len(rows(10)), _another_file, QUOTA, f"more than {len(rows(10))} bytes together"),
    "upload_bytes": (10, begin, INVALID, "limit of 10 bytes"),
    "part_bytes": (10, lambda caller: send(caller, begun(caller), b"a" * 11), INVALID, "10 bytes"),
    "jobs": (1, _another_job, QUOTA, "already holds 1 jobs"),
    "queued_jobs": (1, _another_job, QUOTA, "already has 1 queued jobs"),
    "fine_tuned_deployments": (1, _another_tuned, NO_CAPACITY, "the quota limit is 1"),
    "finetune_quota": (49, _tuned, NO_CAPACITY, "quota limit is 49"),
    "base_quota": (49, _base, NO_CAPACITY, "quota limit is 49"),
    "serving_delay_s": (60, _call_at_once, (404, "DeploymentNotFound"), "does not exist"),
}


@pytest.mark.parametrize("name", REFUSES)
def test_a_limit_refuses(classic: Caller, name: str) -> None:
    """What goes beyond a limit is refused with the service's code and the number; without the limit it is taken."""
    value, act, (status, code), words = REFUSES[name]
    limit(classic, **{name: value})
    answer = act(classic)
    error = (answer.json or {})["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert words in error["message"]
    classic.emulator.reset()
    assert act(classic).status_code < 300


RUNNING = {"running_standard": "Standard", "running_global": "GlobalStandard", "running_developer": "developerTier"}


@pytest.mark.parametrize("name", RUNNING)
def test_a_limit_lets_jobs_wait(v1: Caller, name: str) -> None:
    """Of two jobs of a training type one runs and the other waits until it has ended; other types are not held up."""
    limit(v1, **{name: 1})
    file = v1.ready_file()
    other = next(kind for each, kind in RUNNING.items() if each != name)
    keys = [v1.job(training_file=file, trainingType=kind) for kind in (RUNNING[name], RUNNING[name], other, other)]
    v1.emulator.pause(400)
    assert [v1.get(f"/fine_tuning/jobs/{key}")["status"] for key in keys] == [
        "running",
        "pending",
        "running",
        "running",
    ]
    v1.emulator.advance(timedelta(hours=8))
    done = [v1.get(f"/fine_tuning/jobs/{key}") for key in keys[:2]]
    assert [job["status"] for job in done] == ["succeeded"] * 2
    assert done[1]["finished_at"] > done[0]["finished_at"]


def _shown_calls(caller: Caller) -> int:
    return sum(point.get("total", 0) for series in caller.series() for point in series["data"])


def _events(caller: Caller) -> tuple[int, bool]:
    body = caller.subscribed(PATH, filter=SINCE).json or {}
    return len(body["value"]), "nextLink" in body


def test_delays_and_pages(v1: Caller, model: str) -> None:
    """Metrics and the Activity Log are as late as the limits say, and its pages as short."""
    v1.deployed("support", model)
    v1.chatted("support")
    assert (_shown_calls(v1), _events(v1)) == (0, (0, False))
    limit(v1, metrics_lag_s=0, log_lag_s=0, log_page=2)
    v1.emulator.pause(60)
    assert (_shown_calls(v1), _events(v1)) == (1, (2, True))


def test_lists_of_arm_have_short_pages(v1: Caller, model: str) -> None:
    """Deployments and accounts come so many at a time, and the rest behind a nextLink."""
    v1.deployed("one", model)
    v1.deployed("two", model)
    v1.emulator.ensure_account("east", "eastus2")
    limit(v1, deployment_page=1, account_page=1)
    deployments = v1.arm("GET", "/deployments").json or {}
    accounts = v1.subscribed("/providers/Microsoft.CognitiveServices/accounts").json or {}
    for page in (deployments, accounts):
        assert (len(page["value"]), "nextLink" in page) == (1, True)


def test_the_log_tells_what_the_service_deletes(v1: Caller, model: str) -> None:
    """A deployment that the service deletes is in the log where the limits say so."""
    limit(v1, log_service_deletions=True)
    v1.deployed("support", model)
    v1.emulator.advance(timedelta(days=16))
    told = v1.subscribed(PATH, filter=SINCE).json or {}
    assert any(event["operationName"]["value"].endswith("/delete") for event in told["value"])


def test_every_limit_is_tried() -> None:
    """A limit without a test here is not known to hold from a file."""
    pages = {"log_page", "deployment_page", "account_page"}
    delays = {"metrics_lag_s", "log_lag_s", "log_service_deletions"}
    doors = {"token_s", "roles", "disable_local_auth"}  # test_login_rights.py
    assert {each.name for each in fields(Limits)} == {*REFUSES, *RUNNING, *pages, *delays, *doors}

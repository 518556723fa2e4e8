"""What each effect that acts on requests answers, on the data plane and on ARM, and when it lets a caller through."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ftops.emulator import Fault

from .conftest import Caller, rows
from .test_faults_file import emulator_with

OURS = "x.y.z"
NEWER = "x.y.w"


def refusal(response: TestResponse) -> tuple[int, str]:
    """Return status and code of an answer; an empty code of a success."""
    body: dict[str, Any] = response.json or {}
    return response.status_code, body.get("error", {}).get("code", "")


@pytest.mark.parametrize(
    ("effect", "data", "arm"),
    [
        ("throttled", (429, "tooManyRequests"), (429, "TooManyRequests")),
        ("unavailable", (503, "serviceUnavailable"), (503, "ServiceUnavailable")),
        ("forbidden", (403, "PermissionDenied"), (403, "AuthorizationFailed")),
    ],
)
def test_each_plane_refuses_in_its_own_words(effect: str, data: tuple[int, str], arm: tuple[int, str]) -> None:
    """The same effect has each plane's code and nothing is done; afterwards both answer."""
    caller = emulator_with(faults=[{"effect": effect, "count": 2}])
    assert refusal(caller.upload(rows(10))) == data
    assert refusal(caller.arm("GET", "")) == arm
    assert caller.arm("GET", "").status_code == 200
    assert caller.get("/files")["data"] == []


def test_metrics_alone_are_overloaded() -> None:
    """529 comes from metrics unless the rule says another path."""
    caller = emulator_with(faults=[{"effect": "overloaded"}])
    assert caller.get("/files")["data"] == []
    assert caller.monitor("metricDefinitions").status_code == 200
    assert refusal(caller.monitor(metricnames="AzureOpenAIRequests")) == (529, "529")
    assert caller.monitor(metricnames="AzureOpenAIRequests").status_code == 200


def test_own_words_come_first() -> None:
    """A code, a message and headers of the rule stand in place of the usual ones."""
    rule = {"effect": "throttled", "code": "Busy", "message": "Later.", "headers": {"x-should-retry": "false"}}
    answer = emulator_with(faults=[rule]).call("GET", "/files")
    assert (answer.status_code, answer.json) == (429, {"error": {"code": "Busy", "message": "Later."}})
    assert (answer.headers["x-should-retry"], answer.headers["Retry-After"]) == ("false", "2")


@pytest.mark.parametrize(
    ("spelling", "told"),
    [
        ("retry-after", {"retry-after": "8"}),
        ("retry-after-ms", {"retry-after-ms": "7500"}),
        ("x-ms-retry-after-ms", {"x-ms-retry-after-ms": "7500"}),
        ("none", {}),
    ],
)
def test_a_throttled_caller_is_told_when_to_come_back(spelling: str, told: dict[str, str]) -> None:
    """Each spelling stands alone, and whole seconds are rounded."""
    caller = emulator_with(faults=[{"effect": "throttled", "spelling": spelling, "seconds": 7.5}])
    headers = caller.call("GET", "/files").headers
    assert {name.lower(): value for name, value in headers.items() if "retry" in name.lower()} == told


def test_a_date_to_come_back_counts_from_the_date_of_the_answer() -> None:
    """As an HTTP date, Retry-After lies so many seconds after the answer's own Date."""
    caller = emulator_with(faults=[{"effect": "throttled", "spelling": "retry-after-date", "seconds": 90}])
    headers = caller.call("GET", "/files").headers
    wait = parsedate_to_datetime(headers["Retry-After"]) - parsedate_to_datetime(headers["Date"])
    assert wait.total_seconds() == 90


# --- tokens


def with_token(caller: Caller, token: str) -> tuple[int, str]:
    """Return the answer to a read of files with this token."""
    return refusal(caller.call("GET", "/files", headers={"Authorization": f"Bearer {token}"}))


def test_a_token_expires_until_another_one_comes() -> None:
    """The first token is refused each time it comes, in the words of each plane; a newer one goes through."""
    caller = emulator_with(faults=[{"effect": "expired-token"}])
    assert [with_token(caller, OURS) for _ in range(2)] == [(401, "401")] * 2
    answer = caller.arm("GET", "", headers={"Authorization": f"Bearer {OURS}"})
    assert refusal(answer) == (401, "ExpiredAuthenticationToken")
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    assert with_token(caller, NEWER) == (200, "")
    assert with_token(caller, OURS) == (401, "401")


def test_a_token_expires_in_the_middle() -> None:
    """With nth it expires after it was good, and with count the next one does, too."""
    caller = emulator_with(faults=[{"effect": "expired-token", "nth": 3, "count": 2}])
    assert [with_token(caller, OURS)[0] for _ in range(4)] == [200, 200, 401, 401]
    assert [with_token(caller, token)[0] for token in (NEWER, NEWER, "a.b.c")] == [401, 401, 200]


@pytest.mark.parametrize("headers", [{}, {"api-key": "k"}, {"Authorization": "Bearer key"}])
def test_keys_do_not_expire(headers: dict[str, str]) -> None:
    """A request with a key, or with nothing, is none that the rule meets."""
    caller = emulator_with(faults=[{"effect": "expired-token"}])
    assert caller.call("GET", "/files", headers=headers).status_code == 200
    assert caller.emulator.in_force.met()[0].met == 0


def test_no_token_is_kept_in_the_store() -> None:
    """What the rule remembers of a token cannot be used as one."""
    caller = emulator_with(faults=[{"effect": "expired-token"}])
    with_token(caller, OURS)
    (kept,) = caller.emulator.in_force.met()[0].tokens
    assert OURS not in kept


# --- slowness, on the embedded emulator in virtual time


def test_a_slow_answer_takes_virtual_time_and_is_whole() -> None:
    """The clock moves on while the body comes, after the deed and after its Date."""
    caller = emulator_with(faults=[{"effect": "slow-answer", "seconds": 40}])
    before = caller.emulator.now()
    answer = caller.upload(rows(10))
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert (caller.emulator.now() - before).total_seconds() == 40
    assert parsedate_to_datetime(answer.headers["Date"]) == before
    key = str((answer.json or {})["id"])
    caller.emulator.put_trouble(caller.emulator.in_force.trouble)
    assert caller.call("GET", f"/files/{key}/content").data == rows(10)
    assert (caller.emulator.now() - before).total_seconds() == 80


def test_a_slow_upload_comes_before_the_deed() -> None:
    """The clock moves on before anything is received, for uploads and parts only."""
    caller = emulator_with(faults=[{"effect": "slow-upload", "seconds": 30}])
    before = caller.emulator.now()
    caller.get("/files")
    assert caller.emulator.now() == before
    created = (caller.upload(rows(10)).json or {})["created_at"]
    assert created - before.timestamp() == 30


def test_rules_of_this_process_and_of_the_store_act_together() -> None:
    """Python's rules come first, and both count what they meet."""
    caller = emulator_with(faults=[{"effect": "unavailable", "count": 2}])
    caller.emulator.faults.add(Fault(caller.emulator.in_force.trouble.faults[0].effect, message="mine"))
    assert (caller.call("GET", "/files").json or {})["error"]["message"] == "mine"
    assert [caller.call("GET", "/files").status_code for _ in range(2)] == [503, 200]

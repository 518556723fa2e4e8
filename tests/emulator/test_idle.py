"""The service's own deletions, to the second: 15 quiet days of a tuned deployment, 24 hours of a developer one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ftops.emulator import Effect, Emulator, Fault

from .conftest import ACCOUNT, CREATE_S, Caller, StartClock, new_emulator

IDLE_S = 15 * 86_400
DAY_S = 86_400
BASE = {"model": "gpt-4o", "model_version": "2024-08-06"}
DEVELOPER = {"sku": {"name": "developertier", "capacity": 1}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Keep a world with one tuned model, for the tests to copy."""
    path = tmp_path_factory.mktemp("world") / "world.sqlite"
    emulator = new_emulator(path)
    model = str(Caller(emulator).trained()["fine_tuned_model"])
    emulator.close()
    return path, model


@pytest.fixture
def support(trained: tuple[Path, str], tmp_path: Path) -> Iterator[Caller]:
    """Give a caller of a world in which the deployment `support` was created this very moment, on a whole minute."""
    path = tmp_path / "world.sqlite"
    path.write_bytes(trained[0].read_bytes())
    emulator = new_emulator(path)
    emulator.pause(-emulator.now().timestamp() % 60)
    caller = Caller(emulator)
    assert caller.deploy("support", trained[1]).status_code == 201
    yield caller
    emulator.close()


def _there(caller: Caller, name: str = "support") -> bool:
    return caller.arm("GET", f"/deployments/{name}").status_code == 200


def _to(caller: Caller, seconds: float) -> None:
    """Move to so many seconds after the creation."""
    created = str(caller.emulator.snapshot(ACCOUNT)["deployments"][0]["systemData"]["createdAt"])
    caller.emulator.pause(seconds - _age(caller, created))


def _age(caller: Caller, created: str) -> float:
    moment = caller.emulator.now()
    return (moment - moment.fromisoformat(created)).total_seconds()


Story = Callable[[Caller], object]


def _failed(caller: Caller) -> None:
    caller.emulator.faults.add(Fault(Effect.STATUS_BEFORE, "POST", "/chat/completions$", status=429))
    assert caller.chat("support").status_code == 429
    assert caller.chat("support", messages=[]).status_code == 400


def _other(caller: Caller) -> None:
    caller.deployed("other", **BASE)
    caller.chatted("other")


def _looked_at(caller: Caller) -> None:
    caller.arm("GET", "/deployments/support")
    caller.arm("PATCH", "/deployments/support", json={"tags": {"a": "b"}})
    caller.series(filter="ModelDeploymentName eq '*'")


def _responded(caller: Caller) -> None:
    assert caller.call("POST", "/responses", json={"model": "support", "input": "ping"}).status_code == 200


def _chatted(caller: Caller) -> None:
    caller.chatted("support")


@pytest.mark.parametrize(
    ("at_s", "story", "deadline_s"),
    [
        (DAY_S, lambda _: None, IDLE_S),
        # The end of the minute of the call counts, so any second of a minute gives the same deadline.
        (DAY_S, _chatted, DAY_S + 60 + IDLE_S),
        (DAY_S + 1, _chatted, DAY_S + 60 + IDLE_S),
        (DAY_S + 59, _chatted, DAY_S + 60 + IDLE_S),
        (DAY_S + 60, _chatted, DAY_S + 120 + IDLE_S),
        (DAY_S, _responded, DAY_S + 60 + IDLE_S),
        (DAY_S, _failed, IDLE_S),
        (DAY_S, _other, IDLE_S),
        (DAY_S, _looked_at, IDLE_S),
        (IDLE_S, _chatted, IDLE_S + 60 + IDLE_S),
        # A first call within the minute of the creation still moves the deadline to that minute's end.
        (CREATE_S, _chatted, CREATE_S + 60 + IDLE_S),
    ],
)
def test_idle_deadline(support: Caller, at_s: int, story: Story, deadline_s: int) -> None:
    """At the deadline the deployment is there, and a second later it is gone; its model stays."""
    _to(support, at_s)
    story(support)
    _to(support, deadline_s)
    assert _there(support)
    support.emulator.pause(1)
    assert not _there(support)
    assert len(support.emulator.snapshot(ACCOUNT)["models"]) == 1


def test_strictly_more(support: Caller) -> None:
    """The smallest time after the deadline is enough."""
    _to(support, IDLE_S)
    assert _there(support)
    support.emulator.pause(0.00001)
    assert not _there(support)


@pytest.mark.parametrize("looks", [1, 120])
def test_one_jump_or_many(support: Caller, looks: int) -> None:
    """In one jump of a month the deployment goes at the same moment as under many looks; the log tells which."""
    support.emulator.limits = replace(support.emulator.limits, log_service_deletions=True)
    for _ in range(looks):
        support.emulator.advance(timedelta(days=30) / looks)
        support.arm("GET", "/deployments")
    log = support.subscribed(
        "/providers/Microsoft.Insights/eventtypes/management/values",
        filter="eventTimestamp ge '2026-11-01T00:00:00Z' and resourceProvider eq 'Microsoft.CognitiveServices'",
        select="eventTimestamp,operationName,caller",
    ).json or {"value": []}
    gone, created = log["value"][0], log["value"][-1]
    assert gone["caller"] == "Microsoft.CognitiveServices"
    assert gone["operationName"]["value"].endswith("/delete")
    moment = support.emulator.now()
    quiet = moment.fromisoformat(gone["eventTimestamp"]) - moment.fromisoformat(created["eventTimestamp"])
    assert timedelta(days=15) < quiet < timedelta(days=15, seconds=1)


@pytest.mark.parametrize("calls_at_s", [(), (3_600, DAY_S - 1)])
def test_developer_tier(support: Caller, trained: tuple[Path, str], calls_at_s: tuple[int, ...]) -> None:
    """A developer deployment is gone 24 hours after its creation, called or not."""
    _to(support, DAY_S)
    support.deploy("day", trained[1], **DEVELOPER)
    for seconds in calls_at_s:
        _to(support, DAY_S + seconds)
        support.chatted("day")
    _to(support, DAY_S + DAY_S - 1)
    assert _there(support, "day")
    support.emulator.pause(1)
    assert not _there(support, "day")
    assert _there(support)


def test_changed_sku(support: Caller) -> None:
    """The 24 hours count from the creation: who becomes a developer deployment later than that goes at once."""
    _to(support, DAY_S - 1)
    support.arm("PATCH", "/deployments/support", json={"sku": DEVELOPER["sku"]})
    support.arm("PATCH", "/deployments/support", json={"sku": {"name": "GlobalStandard"}})
    support.emulator.pause(10)
    assert _there(support)
    support.arm("PATCH", "/deployments/support", json={"sku": DEVELOPER["sku"]})
    assert not _there(support)


def test_base_models_stay(support: Caller) -> None:
    """A base model's deployment is never deleted."""
    support.emulator.pause(CREATE_S)
    support.deployed("base", **BASE)
    support.emulator.advance(timedelta(days=365))
    assert (_there(support), _there(support, "base")) == (False, True)


def test_new_life_counts_anew(support: Caller, trained: tuple[Path, str]) -> None:
    """A deployment made again under its old name has 15 days of its own."""
    support.emulator.advance(timedelta(days=16))
    support.deploy("support", trained[1])
    support.emulator.advance(timedelta(days=15))
    assert _there(support)
    support.emulator.pause(1)
    assert not _there(support)


def test_not_while_it_is_written(support: Caller) -> None:
    """A write in flight at the deadline ends first; the deployment goes when it has."""
    newer = str(support.trained(seed=7)["fine_tuned_model"])
    _to(support, IDLE_S - 60)
    support.deploy("support", newer)
    support.emulator.pause(CREATE_S - 1)
    assert _there(support)
    support.emulator.pause(1)
    assert not _there(support)


def test_deadlines_survive(support: Caller, tmp_path: Path) -> None:
    """The deadline stands in the file, and a file of an earlier version gets one when it is opened."""
    support.emulator.close()
    path = tmp_path / "world.sqlite"
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT seq, sim FROM documents WHERE kind = 'deployment'").fetchall()
        old = {"tuned": True, "due_at": json.loads(rows[0][1])["due_at"]}
        db.execute("UPDATE documents SET sim = ? WHERE seq = ?", (json.dumps(old), rows[0][0]))
    db.close()
    caller = Caller(Emulator(path, StartClock()))
    caller.emulator.advance(timedelta(days=15))
    assert _there(caller)
    caller.emulator.pause(1)
    assert not _there(caller)
    caller.emulator.close()

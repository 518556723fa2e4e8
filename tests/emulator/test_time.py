"""Virtual time: jobs change at their own moments, in order, however far the clock jumps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ftops.clock import Clock
from ftops.emulator import Emulator

from .conftest import ACCOUNT, START, Caller, new_emulator

QUEUE_S = 300
# 50 rows once: 600 s and 2 s a row.
RUN_S = 700
ONCE = {"hyperparameters": {"n_epochs": 1}}


def _jobs(caller: Caller) -> list[dict[str, Any]]:
    """Return the account's jobs, oldest first."""
    return caller.emulator.snapshot(ACCOUNT)["jobs"]


def _started_at(caller: Caller, key: str) -> int:
    events = caller.get(f"/fine_tuning/jobs/{key}/events", limit=100)["data"]
    return int(next(event["created_at"] for event in events if event["message"] == "Job started."))


def _statuses(caller: Caller) -> list[str]:
    return [job["status"] for job in _jobs(caller)]


@pytest.mark.parametrize("jump_s", [604_800, 60, 7])
def test_queue_over_a_week(v1: Caller, jump_s: int) -> None:
    """Five jobs in three slots start and end at the same moments whether the clock jumps or walks."""
    file = v1.ready_file()
    created = int(v1.emulator.now().timestamp())
    keys = [v1.job(training_file=file, **ONCE) for _ in range(5)]
    for _ in range(max(1, 1800 // jump_s)):
        v1.emulator.pause(jump_s)
        v1.get("/fine_tuning/jobs")
    first = created + QUEUE_S
    assert [_started_at(v1, key) for key in keys] == [first] * 3 + [first + RUN_S] * 2
    assert [job["finished_at"] for job in _jobs(v1)] == [first + RUN_S] * 3 + [first + 2 * RUN_S] * 2


def test_slots_by_type(v1: Caller) -> None:
    """Standard and global jobs have three slots each and developer jobs five; the rest stays pending."""
    file = v1.ready_file()
    for kind, count in (("Standard", 4), ("GlobalStandard", 4), ("developerTier", 6)):
        for _ in range(count):
            v1.job(training_file=file, trainingType=kind)
    v1.emulator.pause(QUEUE_S)
    waiting = [job["trainingType"] for job in _jobs(v1) if job["status"] == "pending"]
    assert waiting == ["standard", "globalStandard", "developerTier"]


def test_cancel_frees_a_slot_now(v1: Caller) -> None:
    """A slot that a cancelled job leaves is taken at that moment and not before."""
    file = v1.ready_file()
    keys = [v1.job(training_file=file, **ONCE) for _ in range(4)]
    v1.emulator.pause(QUEUE_S + 100)
    cancelled_at = int(v1.emulator.now().timestamp())
    job = v1.call("POST", f"/fine_tuning/jobs/{keys[0]}/cancel").json or {}
    assert (job["status"], job["finished_at"]) == ("cancelled", cancelled_at)
    assert _started_at(v1, keys[3]) == cancelled_at
    v1.emulator.advance(timedelta(days=1))
    assert _jobs(v1)[3]["finished_at"] == cancelled_at + RUN_S


def test_cancelled_at_once(v1: Caller) -> None:
    """A job cancelled in the queue has one event, no results, and cannot be cancelled again."""
    key = v1.job()
    job = v1.call("POST", f"/fine_tuning/jobs/{key}/cancel").json or {}
    assert (job["status"], job.get("result_files")) == ("cancelled", None)
    v1.emulator.advance(timedelta(days=1))
    assert len(v1.get(f"/fine_tuning/jobs/{key}/events")["data"]) == 1
    again = v1.call("POST", f"/fine_tuning/jobs/{key}/cancel")
    assert (again.status_code, (again.json or {})["error"]["code"]) == (409, "unexpectedEntityState")


def test_pause_and_resume(v1: Caller) -> None:
    """A paused job leaves a checkpoint, keeps its progress over days, and ends that much later."""
    key = v1.job(**ONCE)
    path = f"/fine_tuning/jobs/{key}"
    started = int(v1.emulator.now().timestamp()) + QUEUE_S
    assert v1.call("POST", f"{path}/pause").status_code == 409
    v1.emulator.pause(QUEUE_S + 290)
    assert (v1.call("POST", f"{path}/pause").json or {})["status"] == "pausing"
    v1.emulator.pause(60)
    assert v1.get(path)["status"] == "paused"
    # 340 s hold 50 steps after a lead of 120 s, so 290 s hold 25.
    paused = v1.get(f"{path}/checkpoints")["data"]
    assert [item["step_number"] for item in paused] == [25]
    assert paused[0]["fine_tuned_model_checkpoint"].endswith(":ckpt-step-25")
    v1.emulator.advance(timedelta(days=2))
    assert (v1.call("POST", f"{path}/resume").json or {})["status"] == "resuming"
    resumed = int(v1.emulator.now().timestamp()) + 60
    v1.emulator.advance(timedelta(days=2))
    job = v1.get(path)
    assert (job["status"], job["finished_at"]) == ("succeeded", resumed + RUN_S - 290)
    assert [item["step_number"] for item in v1.get(f"{path}/checkpoints")["data"]] == [50, 25]
    steps = [e for e in v1.get(f"{path}/events", limit=100)["data"] if e["type"] == "metrics"]
    assert steps[-1]["created_at"] < started + 290
    assert steps[0]["created_at"] > resumed


def test_events_appear_as_time_passes(v1: Caller) -> None:
    """Halfway through a job only the events that happened so far are shown, with the results file being written."""
    key = v1.job(**ONCE)
    v1.emulator.pause(QUEUE_S + 290)
    newest = v1.get(f"/fine_tuning/jobs/{key}/events", limit=1)
    assert (newest["data"][0]["data"]["step"], newest["has_more"]) == (20, True)
    job = v1.get(f"/fine_tuning/jobs/{key}")
    assert job["hyperparameters"]["batch_size"] == 1
    assert v1.get(f"/files/{job['result_files'][0]}")["status"] == "running"


def test_too_few_rows(v1: Caller) -> None:
    """A training file below ten rows passes its check and fails the job when its turn comes."""
    key = v1.job(training_file=v1.ready_file(9))
    v1.emulator.advance(timedelta(days=1))
    job = v1.get(f"/fine_tuning/jobs/{key}")
    assert (job["status"], job["finished_at"]) == ("failed", job["created_at"] + QUEUE_S)
    assert "9 examples" in job["error"]["message"]
    assert v1.get(f"/fine_tuning/jobs/{key}/events")["data"][0]["level"] == "error"


def test_deleted_training_file(v1: Caller) -> None:
    """A training file that is gone when the job's turn comes fails the job."""
    file = v1.ready_file()
    v1.job(training_file=file)
    v1.emulator.delete_file(file)
    v1.emulator.advance(timedelta(days=1))
    assert _statuses(v1) == ["failed"]


def test_clock_stands_still(emulator: Emulator, v1: Caller) -> None:
    """Requests take no virtual time; only advance and pause do, and never backwards."""
    v1.get("/files")
    assert emulator.now() == START
    clock: Clock = emulator
    clock.pause(1.5)
    assert emulator.advance(timedelta(seconds=1)) == START + timedelta(seconds=2.5)
    with pytest.raises(ValueError, match="backwards"):
        emulator.pause(-1)


def test_snapshot_only_looks(emulator: Emulator, v1: Caller) -> None:
    """A snapshot shows the world as of now and changes neither ids nor counters nor the clock."""
    v1.job(**ONCE)
    emulator.advance(timedelta(days=1))
    seen = emulator.snapshot(ACCOUNT)
    assert seen["jobs"][0]["status"] == "succeeded"
    assert seen == emulator.snapshot(ACCOUNT)
    assert seen["models"][0]["id"] == v1.get("/fine_tuning/jobs")["data"][0]["fine_tuned_model"]


def test_same_calls_same_world() -> None:
    """Two emulators that get the same calls have the same ids, times and contents."""
    worlds = []
    for _ in range(2):
        emulator = new_emulator()
        Caller(emulator).trained(suffix="x")
        worlds.append(emulator.snapshot(ACCOUNT))
        emulator.close()
    assert worlds[0] == worlds[1]


def test_reset(emulator: Emulator, v1: Caller) -> None:
    """A reset world begins anew and keeps its accounts."""
    first = v1.ready_file()
    emulator.reset()
    assert emulator.now() == START
    assert emulator.snapshot(ACCOUNT) == {"files": [], "jobs": [], "models": [], "deployments": []}
    assert v1.ready_file() == first

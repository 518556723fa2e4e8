"""The loop against the emulator's faults: nothing is made twice, every pass ends, and what failed is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ftops.apply.loop import _changed_since, _ended, run_pass, run_until
from ftops.call import Call, Plane
from ftops.emulator import EVERY, Effect, Fault
from ftops.errors import ServiceProblem
from ftops.kinds import KINDS_BY_WORD
from ftops.model import Outcome, Verb

from .worlds import ACCOUNT, SETTLE_S, World, deployment_spec, job_spec, training_file

CREATE_JOB = r"/fine_tuning/jobs$"
CANCEL = r"/cancel$"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[World]:
    """Give an empty account and a project of one dataset and one job."""
    made = World(tmp_path)
    training_file(tmp_path)
    made.add("Dataset", "train", {"file": "train.jsonl"})
    made.add("FineTuningJob", "a", job_spec())
    yield made
    made.emulator.close()


@pytest.mark.parametrize("effect", [Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.STATUS_AFTER, Effect.STATUS_BEFORE])
@pytest.mark.parametrize("path", [r"/files$", CREATE_JOB, r"/deployments/[^/]+$"])
@pytest.mark.parametrize("stale_s", [0, 60], ids=["fresh", "stale"])
def test_a_lost_answer_makes_nothing_twice(world: World, effect: Effect, path: str, stale_s: int) -> None:
    """Whenever the answer to a write is lost, with listings late or not, the end is the same with one of each."""
    world.emulator.faults.add(Fault(effect, method="POST|PUT", path=path, status=500))
    if stale_s:
        world.emulator.faults.add(Fault(Effect.STALE_LISTING, window_s=stale_s))
    left = world.converge()
    assert left.outcome is Outcome.CONVERGED
    there = world.emulator.snapshot(ACCOUNT)
    files = [file for file in there["files"] if file["purpose"] == "fine-tune"]
    assert (len(files), len(there["jobs"]), len(there["deployments"])) == (1, 2, 2)


@pytest.mark.parametrize("stale_s", [0, 100], ids=["fresh", "stale"])
def test_a_killed_process_makes_nothing_twice(one: World, stale_s: int, tmp_path: Path) -> None:
    """A new process with the journal of one that died after its create waits for the listings."""
    journal = tmp_path / "journal.jsonl"
    one.apply(journal=journal)
    if stale_s:
        one.emulator.faults.add(Fault(Effect.STALE_LISTING, window_s=stale_s))
    one.emulator.faults.add(Fault(Effect.DROP_AFTER, method="POST", path=CREATE_JOB))
    for _ in range(3):
        one.apply(journal=journal)
    assert len(one.jobs()) == 1


def test_a_dropped_suffix_is_met_with_one_held_line(one: World) -> None:
    """A service that drops suffixes is sent one job, which is cancelled at once; later passes hold."""
    one.emulator.faults.add(Fault(Effect.DROP_SUFFIX))
    assert one.apply().outcome is Outcome.ERROR
    assert one.jobs("cancelled") == one.jobs()
    for _ in range(3):
        assert one.apply().outcome is Outcome.HELD
    assert len(one.jobs()) == 1


@pytest.mark.parametrize(
    "fault", [Fault(Effect.CUT_SUFFIX, keep=5), Fault(Effect.WRONG_TRAINING_TYPE)], ids=["cut", "type"]
)
def test_a_wrong_echo_is_taken_back_at_once(one: World, fault: Fault) -> None:
    """A job that comes back as something else is cancelled while it is unbilled, and not made again."""
    one.emulator.faults.add(fault)
    one.apply()
    assert one.jobs("cancelled") == one.jobs()
    for _ in range(3):
        assert one.apply().outcome is Outcome.HELD
    assert len(one.jobs()) == 1


def test_a_wrong_echo_that_was_lost_is_taken_back_later(one: World) -> None:
    """If the answer with the wrong echo is lost too, a later pass cancels the queued job and makes no other."""
    one.emulator.faults.add(Fault(Effect.WRONG_TRAINING_TYPE))
    one.emulator.faults.add(Fault(Effect.DROP_AFTER, method="POST", path=CREATE_JOB))
    for _ in range(3):
        one.apply()
    assert len(one.jobs()) == 1
    assert one.jobs("cancelled") == one.jobs()


def test_a_dropped_suffix_whose_answer_was_lost_is_not_trained_twice(one: World) -> None:
    """Found by seed and file alone, a job that could not be taken back is met with a held line."""
    one.emulator.faults.add(Fault(Effect.DROP_SUFFIX))
    one.emulator.faults.add(Fault(Effect.DROP_AFTER, method="POST", path=CREATE_JOB))
    for _ in range(3):
        one.apply()
        one.emulator.advance(timedelta(hours=3))
    assert len(one.jobs()) == 1


@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_a_cancel_that_fails_ends_the_pass_with_an_error(one: World, status: int) -> None:
    """A wrong job that cannot be cancelled is told by exit 1, not tried for ever, and nothing is made beside it."""
    one.emulator.faults.add(Fault(Effect.WRONG_TRAINING_TYPE, count=1))
    one.emulator.faults.add(Fault(Effect.STATUS_BEFORE, method="POST", path=CANCEL, status=status, count=60))
    for _ in range(2):
        before = one.sent("POST", "/cancel")
        left = one.apply()
        assert one.sent("POST", "/cancel") - before <= 5
        assert len(one.jobs()) == 1
        assert left.outcome is Outcome.ERROR


def test_a_refused_job_does_not_stop_what_is_independent(world: World) -> None:
    """A refused create is an error of its own; the base deployment is made all the same."""
    world.emulator.faults.add(Fault(Effect.STATUS_BEFORE, method="POST", path=CREATE_JOB, status=400, count=EVERY))
    left = world.apply()
    assert left.outcome is Outcome.ERROR
    assert [d["name"] for d in world.emulator.snapshot(ACCOUNT)["deployments"]] == ["base"]
    assert world.sent("POST", "/fine_tuning/jobs") == 2  # The second without metadata, which might have been why.


@pytest.mark.parametrize("status", [200, 201])
def test_an_answer_that_cannot_be_read_is_a_doubt(one: World, status: int) -> None:
    """A success with a body of another shape (a proxy's page) breaks nothing: listings decide what was made."""
    one.emulator.faults.add(Fault(Effect.STATUS_AFTER, method="POST", path=CREATE_JOB, status=status))
    one.apply()
    one.apply()
    assert len(one.jobs()) == 1


@pytest.mark.parametrize("effect", [Effect.DROP_BEFORE, Effect.STATUS_BEFORE])
def test_a_reading_before_an_update_that_fails_stops_only_the_update(done: World, effect: Effect) -> None:
    """If a deployment cannot be read again before its update, that update is an error and the pass ends in order."""
    done.emulator.edit_deployment("prod", capacity=1)
    done.emulator.faults.add(Fault(effect, method="GET", path="/deployments/prod$", status=503, count=EVERY))
    assert done.apply().outcome is Outcome.ERROR


def test_a_person_changing_a_deployment_meanwhile_is_seen(done: World) -> None:
    """An update re-reads: what somebody changed since the plan is not overwritten unseen, and tags of others stay."""
    done.emulator.edit_deployment("prod", capacity=1, tags={"cost-centre": "42", **_tags(done)})
    done.apply()
    (prod,) = (d for d in done.emulator.snapshot(ACCOUNT)["deployments"] if d["name"] == "prod")
    assert prod["sku"]["capacity"] == 10
    assert prod["tags"]["cost-centre"] == "42"


def _tags(world: World) -> dict[str, str]:
    (prod,) = (d for d in world.emulator.snapshot(ACCOUNT)["deployments"] if d["name"] == "prod")
    return dict(prod["tags"])


def test_dropped_tags_make_no_loop(world: World) -> None:
    """An account that drops tags converges for deployments of our models, which carry the owner in their name."""
    world.resources[:] = [r for r in world.resources if r.address.name != "base"]
    world.emulator.faults.add(Fault(Effect.DROP_TAGS))
    assert world.converge().outcome is Outcome.CONVERGED
    assert world.sent("PUT", "/deployments/prod") == 1


def test_a_busy_account_is_waited_for(done: World) -> None:
    """Two deployments to be moved are written one after the other within one pass."""
    for name in ("prod", "base"):
        done.emulator.edit_deployment(name, capacity=3)
    assert done.apply().outcome is Outcome.CONVERGED


def test_a_record_that_was_deleted_trains_nothing(done: World) -> None:
    """With every job's record gone, listed and deployed models still say what was trained."""
    for job in done.jobs():
        done.emulator.lose_job_record(job)
    left = done.apply()
    assert left.outcome is Outcome.CONVERGED
    assert done.jobs() == []


def test_deleted_files_are_not_uploaded_again(done: World) -> None:
    """Files that every training has read may be deleted."""
    for file in done.emulator.snapshot(ACCOUNT)["files"]:
        if file["purpose"] == "fine-tune":
            done.emulator.delete_file(file["id"])
    uploads = done.sent("POST", "/files")
    assert done.apply().outcome is Outcome.CONVERGED
    assert done.sent("POST", "/files") == uploads


def test_twins_of_two_runs_are_healed(one: World) -> None:
    """Two runs without a common lease make twins; the next pass of either keeps the oldest and cancels the other."""
    one.apply()
    one.emulator.faults.add(Fault(Effect.STALE_LISTING, path="/fine_tuning/jobs$", window_s=3_600, count=1))
    one.apply()
    assert len(one.jobs()) == 2
    left = one.apply()
    assert len(one.jobs("pending")) == 1
    assert left.outcome is Outcome.WAITING
    assert not [a for a in left.actions if a.verb is Verb.CANCEL]


def test_a_changed_file_is_taken_back(one: World, tmp_path: Path) -> None:
    """A file that changed between its check and its upload is deleted again, and nothing is trained with it."""
    (tmp_path / "train.jsonl").write_text('{"messages": []}\n' * 20, encoding="utf-8")
    left = one.apply()
    assert left.outcome is Outcome.ERROR
    assert one.emulator.snapshot(ACCOUNT)["files"] == []
    assert one.jobs() == []


def test_without_settling_a_pass_tells_what_is_left(world: World) -> None:
    """A pass that may not wait ends with a plan that no longer holds what it did."""
    world.emulator.faults.add(
        Fault(
            Effect.STATUS_BEFORE,
            method="PUT",
            path="/deployments/base",
            status=409,
            code="RequestConflict",
            count=EVERY,
        )
    )
    left = world.apply(settle_s=0)
    assert not [a for a in left.frontier if str(a.address) == "dataset/train"]


def test_a_broken_account_is_an_error_without_a_write(one: World) -> None:
    """When nothing can be read nothing is written, and the pass says so."""
    one.emulator.faults.add(Fault(Effect.DROP_BEFORE, method="GET", count=EVERY))
    assert one.apply().outcome is Outcome.ERROR
    assert one.sent("POST", "/") == 0


def test_one_held_job_does_not_end_the_wait_for_the_others(tmp_path: Path) -> None:
    """Under --wait what is independent of a held line goes on to its end, and the exit code is still 4."""
    world = World(tmp_path)
    training_file(tmp_path)
    world.add("Dataset", "train", {"file": "train.jsonl"})
    world.add("FineTuningJob", "bad", job_spec(seed=1))
    world.add("FineTuningJob", "good", job_spec(seed=2))
    world.emulator.faults.add(Fault(Effect.FAIL_JOB, count=1, code="invalidPayload", message="bad data"))
    run = world.run()
    left = run_until(run, run.observe(), SETTLE_S, timedelta(hours=6).total_seconds())
    assert left.outcome is Outcome.HELD
    assert len(world.jobs("succeeded")) == 1
    world.emulator.close()


@pytest.mark.parametrize("effect", [Effect.STATUS_BEFORE, Effect.DROP_BEFORE])
def test_a_create_that_fails_twice_is_an_error(one: World, effect: Effect) -> None:
    """When listings have shown that it was not made and it fails again in the same way, that is told, not retried."""
    one.emulator.faults.add(Fault(effect, method="POST", path=CREATE_JOB, status=500, count=EVERY))
    left = one.apply(settle_s=3600)
    assert left.outcome is Outcome.ERROR
    assert one.sent("POST", "/fine_tuning/jobs") == 2
    (reason,) = [a.reason for a in left.actions if a.why.value == "refused"]
    assert "as before" in reason
    assert reason.endswith("he next pass tries again")
    assert one.jobs() == []


def test_a_refusal_of_the_moment_is_tried_again_while_waiting(one: World) -> None:
    """Under --wait a fault of the service ends nothing: the next pass sends it again."""
    one.apply(settle_s=0)
    one.emulator.faults.add(Fault(Effect.STATUS_BEFORE, method="POST", path=CREATE_JOB, status=500, count=2))
    run = one.run()
    live = run.observe()
    run.policy = replace(run.policy, approved=run.plan(live).keys)
    left = run_until(run, live, SETTLE_S, 4 * 3600)
    assert left.outcome is Outcome.CONVERGED
    assert len(one.jobs()) == 1


@pytest.mark.parametrize(("effect", "status"), [(Effect.STATUS_BEFORE, 403), (Effect.DROP_BEFORE, 0)])
@pytest.mark.parametrize("path", ["GET", "DELETE"])
def test_an_orphan_that_stays_is_no_success(done: World, effect: Effect, status: int, path: str) -> None:
    """A deployment that could not be deleted is billed on: the pass ends, with an error, and it is sent once."""
    done.resources = [r for r in done.resources if r.address.name != "base"]
    run = done.run("traffic:deployment/base")
    run.policy = replace(run.policy, prune=frozenset({"deployment"}))
    done.emulator.faults.add(Fault(effect, method=path, path=r"/deployments/base$", status=status, count=EVERY))
    assert run_pass(run, run.observe(), SETTLE_S).outcome is Outcome.ERROR
    assert done.sent("DELETE", "/deployments/base") == (path == "DELETE")


def test_an_approval_deletes_once(world: World) -> None:
    """What somebody makes anew while a run waits for a training is not covered by what was approved before."""
    world.converge()
    kept = [r for r in world.resources if r.address.name != "base"]
    world.resources = kept
    world.add("FineTuningJob", "more", job_spec(seed=7))
    run = world.run("traffic:deployment/base")
    run.policy = replace(run.policy, prune=frozenset({"deployment"}))
    live = run.observe()
    run.policy = replace(run.policy, approved=run.plan(live).keys)
    (found,) = [o for o in live.objects if o.id == "base"]
    body = {name: found.updatable[name] for name in ("sku", "tags", "properties")}
    pauses = iter(range(100))

    def pause(seconds: float) -> None:
        if next(pauses) == 10:
            world.client.call(Call(Plane.ARM, "PUT", "/deployments/base", body=body))
        world.emulator.pause(seconds)

    run.pause = pause
    left = run_until(run, live, SETTLE_S, 3600)
    assert world.sent("DELETE", "/deployments/base") == 1
    assert left.outcome is Outcome.HELD
    assert [a.why.value for a in left.actions if a.verb is Verb.DELETE] == ["not-approved"]


def test_an_approval_creates_once(world: World) -> None:
    """What somebody deletes while a run waits, before the log tells of it, is not made and billed again."""
    world.converge()
    world.emulator.limits = replace(world.emulator.limits, log_lag_s=1200)
    world.add("Deployment", "next", deployment_spec({"job": "child"}))
    world.add("FineTuningJob", "more", job_spec(seed=7))
    run = world.run()
    live = run.observe()
    run.policy = replace(run.policy, approved=run.plan(live).keys)

    def pause(seconds: float) -> None:
        states = {
            d["name"]: d["properties"]["provisioningState"] for d in world.emulator.snapshot(ACCOUNT)["deployments"]
        }
        if states.get("next") == "Succeeded" and not world.sent("DELETE", "/deployments/next"):
            world.client.call(Call(Plane.ARM, "DELETE", "/deployments/next"))
        world.emulator.pause(seconds)

    run.pause = pause
    left = run_until(run, live, SETTLE_S, 3600)
    assert world.sent("PUT", "/deployments/next") == 1
    assert left.outcome is Outcome.HELD


def test_a_deployment_that_was_made_anew_meanwhile_is_not_deleted_unseen(done: World) -> None:
    """What has the same name and fields but was made after the plan is another; the plan is made again."""
    run = done.run("traffic:deployment/base")
    run.policy = replace(run.policy, prune=frozenset({"deployment"}))
    live = run.observe()
    (found,) = [o for o in live.objects if o.id == "base"]
    done.resources = [r for r in done.resources if r.address.name != "base"]
    run.desired = done.desired
    (action,) = run.plan(live).frontier
    done.emulator.advance(timedelta(hours=1))
    done.client.call(KINDS_BY_WORD["deployment"].delete(found))
    done.emulator.advance(timedelta(hours=1))
    body = {"sku": found.updatable["sku"], "tags": found.updatable["tags"], "properties": found.updatable["properties"]}
    done.client.call(Call(Plane.ARM, "PUT", "/deployments/base", body=body))
    done.emulator.advance(timedelta(hours=1))
    assert _changed_since(run, action, live) is not None


def test_a_delete_that_is_refused_is_told(one: World) -> None:
    """A file that the service does not let go is there still, and not taken for gone."""
    one.apply(settle_s=SETTLE_S)
    run = one.run()
    live = run.observe()
    found = next(o for o in live.objects if o.kind == "dataset")
    one.emulator.faults.add(Fault(Effect.STATUS_BEFORE, method="DELETE", path=r"/files/", status=409, count=EVERY))
    with pytest.raises(ServiceProblem):
        _ended(run, found, Verb.DELETE, live)


@pytest.mark.parametrize("wait_s", [120, 600])
def test_the_timeout_is_a_moment_of_the_service(one: World, wait_s: int) -> None:
    """Waiting ends at its deadline in the service's time, short waits included."""
    run = one.run()
    live = run.observe()
    run.policy = replace(run.policy, approved=run.plan(live).keys)
    left = run_until(run, live, SETTLE_S, wait_s)
    assert left.outcome is Outcome.WAITING
    passed = (one.emulator.now() - live.now).total_seconds()
    assert wait_s <= passed < wait_s + 2

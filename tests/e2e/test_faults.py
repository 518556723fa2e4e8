"""What apply does when the service loses answers, lags, drops what was sent, or fails: one job, and a held line."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from harness import (
    EXAMPLES,
    Project,
    advance,
    apply,
    by_address,
    desired_of,
    jobs_by_digest,
    live_until_converged,
    plan,
    run_over,
)

from ftops.apply.journal import Journal
from ftops.apply.loop import run_pass
from ftops.emulator import Effect, Emulator, Fault, Request, Stage
from ftops.model import Desired, Gate, Outcome, Verb
from ftops.reasons import Why
from ftops.testing import FakeClock

JOB = "job/parcels-v1"
CREATE_JOB = ("POST", r"/fine_tuning/jobs$")
CREATE_FILE = ("POST", r"/files$")
PUT = ("PUT", r"/deployments/")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a scratch copy of the quickstart."""
    return shutil.copytree(EXAMPLES / "quickstart", tmp_path / "project")


@pytest.fixture
def desired(root: Path) -> Desired:
    """Return what the quickstart declares."""
    return desired_of(root)


LOST = [Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.STATUS_BEFORE, Effect.STATUS_AFTER]


@pytest.mark.parametrize("call", [CREATE_JOB, CREATE_FILE], ids=["job", "file"])
@pytest.mark.parametrize("effect", LOST, ids=lambda effect: effect.value)
def test_a_lost_answer_to_a_create_makes_nothing_twice(
    root: Path, desired: Desired, effect: Effect, call: tuple[str, str]
) -> None:
    """Whether the create was done or not, the pass finds out by listing and goes on within --settle."""
    left, _ = apply(root, desired, Fault(effect, *call))
    assert by_address(left)[JOB].verb is Verb.WAIT
    held = Project(root).snapshot()
    assert len(held["jobs"]) == 1
    assert len(held["files"]) == 2


def test_a_create_in_doubt_ends_the_pass_waiting(root: Path, desired: Desired) -> None:
    """Without time to settle, the doubt is told and nothing is sent again until the grace period is over."""
    left, _ = apply(root, desired, Fault(Effect.DROP_BEFORE, *CREATE_FILE), settle_s=0)
    action = by_address(left)["dataset/parcels-train"]
    assert (action.gate, action.why) == (Gate.UPSTREAM, Why.IN_DOUBT)
    assert left.outcome is Outcome.WAITING
    again, _ = apply(root, desired, settle_s=0)
    assert by_address(again)["dataset/parcels-train"].why is Why.IN_DOUBT
    assert len(Project(root).snapshot()["files"]) == 1
    assert live_until_converged(root, desired).outcome is Outcome.CONVERGED


@pytest.mark.parametrize("effect", LOST, ids=lambda effect: effect.value)
def test_a_lost_answer_to_a_deployment_converges(root: Path, desired: Desired, effect: Effect) -> None:
    """A PUT whose answer is lost is found by its name, or sent again after the grace period."""
    apply(root, desired)
    advance(root, 3)
    left, _ = apply(root, desired, Fault(effect, *PUT))
    assert left.outcome is Outcome.CONVERGED
    assert len(Project(root).snapshot()["deployments"]) == 1


def test_stale_listings_make_no_twin(root: Path, desired: Desired) -> None:
    """While listings do not show what was just made, nothing is made again, in this run or the next."""
    stale = Fault(Effect.STALE_LISTING, window_s=90)
    apply(root, desired, stale, settle_s=20)
    apply(root, desired, stale, settle_s=20)
    apply(root, desired, stale)
    assert live_until_converged(root, desired).outcome is Outcome.CONVERGED
    assert set(jobs_by_digest(root).values()) == {1}
    assert len([f for f in Project(root).snapshot()["files"] if f["purpose"] == "fine-tune"]) == 2


@pytest.mark.parametrize(
    "fault", [Fault(Effect.DROP_SUFFIX), Fault(Effect.CUT_SUFFIX, keep=18)], ids=["dropped", "cut"]
)
def test_a_suffix_that_is_lost_is_met_with_one_held_line(root: Path, desired: Desired, fault: Fault) -> None:
    """The job is cancelled at once, unbilled; later runs know it by its seed and file, and hold instead of looping."""
    left, _ = apply(root, desired, fault)
    assert left.outcome is Outcome.ERROR
    for _ in range(3):
        advance(root, 1)
        left, _ = apply(root, desired, fault)
        assert by_address(left)[JOB].why is Why.ATTEMPT_FAILED
        assert left.outcome is Outcome.HELD
    (job,) = Project(root).snapshot()["jobs"]
    assert (job["status"], "trained_tokens" in job) == ("cancelled", False)


def test_a_wrong_training_type_is_cancelled_at_once(root: Path, desired: Desired) -> None:
    """Residency is part of the promise: a job taken as another training type is cancelled while it is queued."""
    left, _ = apply(root, desired, Fault(Effect.WRONG_TRAINING_TYPE, training_type="standard"))
    assert "trainingType came back as Standard" in by_address(left)[JOB].reason
    (job,) = Project(root).snapshot()["jobs"]
    assert job["status"] == "cancelled"
    left, _ = apply(root, desired)
    told = "was cancelled: the service took it differently, and may do so again (trainingType is Standard, not"
    assert told in by_address(left)[JOB].reason


def test_a_wrong_echo_left_by_a_crash_is_cancelled_by_the_next_pass(root: Path, desired: Desired) -> None:
    """An answer lost before a cut suffix was seen leaves a queued job, which any later pass cancels and then holds."""
    lost = Fault(Effect.DROP_AFTER, *CREATE_JOB)
    left, _ = apply(root, desired, Fault(Effect.CUT_SUFFIX, keep=18), lost, settle_s=10)
    assert by_address(left)[JOB].writes
    left, _ = apply(root, desired)
    (job,) = Project(root).snapshot()["jobs"]
    assert job["status"] == "cancelled"
    assert left.outcome is Outcome.HELD


def test_a_job_without_suffix_is_an_attempt_whatever_its_state(root: Path, desired: Desired) -> None:
    """Where listings show no suffix, absence is no contradiction: the job is neither cancelled nor made again."""
    apply(root, desired, Fault(Effect.DROP_SUFFIX), Fault(Effect.DROP_AFTER, *CREATE_JOB), settle_s=10)
    for _ in range(3):
        left, _ = apply(root, desired)
        action = by_address(left)[JOB]
        assert action.why is Why.ATTEMPT_FAILED
        assert "shows no suffix" in action.reason
        advance(root, 3)
    (job,) = Project(root).snapshot()["jobs"]
    assert job["status"] == "succeeded"
    assert not Project(root).snapshot()["deployments"]


def test_dropped_tags_do_not_make_updates_for_ever(root: Path, desired: Desired) -> None:
    """An account that stores no tags converges; the deployment is ours by its model's name."""
    drop = Fault(Effect.DROP_TAGS)
    apply(root, desired, drop)
    advance(root, 3)
    left, _ = apply(root, desired, drop)
    assert left.outcome is Outcome.CONVERGED
    (deployment,) = Project(root).snapshot()["deployments"]
    assert not deployment.get("tags")


def test_a_deleted_job_record_is_found_by_its_model(root: Path, desired: Desired) -> None:
    """When the record goes before the deployment is made, the listed model's name still carries the digest."""
    apply(root, desired)
    advance(root, 3)
    job = str(Project(root).snapshot()["jobs"][0]["id"])
    Project(root).emulator(lambda emulator: emulator.lose_job_record(job))
    left, _ = apply(root, desired)
    assert left.outcome is Outcome.CONVERGED
    held = Project(root).snapshot()
    assert (len(held["jobs"]), len(held["deployments"])) == (0, 1)


@pytest.mark.parametrize("stage", list(Stage), ids=lambda stage: stage.value)
def test_a_failed_job_is_held_with_its_cause(root: Path, desired: Desired, stage: Stage) -> None:
    """A failure is told with the service's words and the override, and never trained again by itself."""
    apply(root, desired, Fault(Effect.FAIL_JOB, stage=stage, code="contentFilter", message="The data is harmful."))
    for _ in range(3):
        advance(root, 3)
        left, _ = apply(root, desired)
    action = by_address(left)[JOB]
    assert (action.gate, action.override) == (Gate.FAILED, f"retrain:{JOB}")
    assert "contentFilter: The data is harmful." in action.reason
    after = by_address(left)["deployment/parcels-prod"]
    assert (after.held, after.reason) == (True, f"{JOB} is held")
    assert left.outcome is Outcome.HELD
    assert len(Project(root).snapshot()["jobs"]) == 1


def test_allowing_a_failed_job_makes_one_more_attempt(root: Path, desired: Desired) -> None:
    """The override makes exactly one attempt more, and the deployment follows it."""
    apply(root, desired, Fault(Effect.FAIL_JOB, code="contentFilter"))
    advance(root, 3)
    apply(root, desired, allow=frozenset({f"retrain:{JOB}"}))
    assert live_until_converged(root, desired).outcome is Outcome.CONVERGED
    assert [job["status"] for job in Project(root).snapshot()["jobs"]] == ["failed", "succeeded"]


def test_transient_failures_are_retried_as_often_as_the_spec_says(root: Path) -> None:
    """`onFailure: {retry: 1}` makes a second attempt after a transient failure, and holds after that."""
    Project(root).edit(
        "specs/parcels.yaml", "  suffix: parcels\n", "  suffix: parcels\nlifecycle: {onFailure: {retry: 1}}\n"
    )
    desired = desired_of(root)
    fail = Fault(Effect.FAIL_JOB, code="internalFailure", message="Try again.")
    for _ in range(4):
        left, _ = apply(root, desired, fail)
        advance(root, 3)
    assert by_address(left)[JOB].why is Why.ATTEMPT_FAILED
    assert [job["status"] for job in Project(root).snapshot()["jobs"]] == ["failed", "failed"]


def test_twins_of_two_runs_are_cancelled_to_one(root: Path, desired: Desired) -> None:
    """Two jobs of one digest (two runs without a shared lease) are healed in the next pass, while they are queued."""
    apply(root, desired)
    twin_of_the_only_job(root)
    assert len(Project(root).snapshot()["jobs"]) == 2
    left, _ = apply(root, desired)
    assert [job["status"] for job in Project(root).snapshot()["jobs"]] == ["pending", "cancelled"]
    assert left.outcome is Outcome.WAITING
    assert live_until_converged(root, desired).outcome is Outcome.CONVERGED


def test_two_runs_at_once_heal_in_the_same_pass(root: Path, desired: Desired) -> None:
    """A run that saw the account before another one made the job makes a twin, and cancels it in its own pass."""
    apply(root, desired, Fault(Effect.STATUS_BEFORE, *CREATE_JOB, status=400, count=2))
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    first, second = (run_over(emulator, desired, Journal(None)) for _ in range(2))
    seen_by_both = first.observe()
    run_pass(first, seen_by_both, 600)
    emulator.pause(1)
    left = run_pass(second, seen_by_both, 600)
    emulator.close()
    assert [job["status"] for job in Project(root).snapshot()["jobs"]] == ["pending", "cancelled"]
    assert left.outcome is Outcome.WAITING


def test_a_deployment_made_since_the_plan_is_not_written_over(root: Path, desired: Desired) -> None:
    """A PUT replaces whatever has the name, so it is read once more before; somebody else's is then left alone."""
    apply(root, desired)
    advance(root, 3)
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    run = run_over(emulator, desired, Journal(None))
    live = run.observe()
    body = b'{"sku": {"name": "Standard", "capacity": 1}, "tags": {"a": "b"}, "properties": {"model": '
    body += b'{"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}}}'
    path = f"{Emulator.resource_id('local')}/deployments/parcels-prod"
    emulator.handle(Request("PUT", "management.emulator", path, {"api-version": "2025-06-01"}, body=body))
    left = run_pass(run, live, 600)
    (deployment,) = emulator.snapshot("local")["deployments"]
    emulator.close()
    assert deployment["tags"] == {"a": "b"}
    assert by_address(left)["deployment/parcels-prod"].why is Why.FOREIGN


def test_a_twin_that_trains_is_held_until_allowed(root: Path, desired: Desired) -> None:
    """Cancelling what is billed already is a person's decision."""
    apply(root, desired)
    twin_of_the_only_job(root)
    Project(root).emulator(lambda emulator: ignore(emulator.advance(timedelta(minutes=6))))
    left, _ = apply(root, desired)
    (held,) = [action for action in left.actions if action.why is Why.TWIN]
    assert (held.gate, held.override) == (Gate.GUARD, f"cancel:{JOB}")
    apply(root, desired, allow=frozenset({held.override}))
    assert [job["status"] for job in Project(root).snapshot()["jobs"]] == ["running", "cancelled"]


def test_a_deployment_under_way_is_waited_for_and_not_written(root: Path, desired: Desired) -> None:
    """ARM takes one write at a time: while somebody else's is in flight, ours waits and then goes on."""
    apply(root, desired)
    advance(root, 3)
    model = str(Project(root).snapshot()["jobs"][0]["fine_tuned_model"])
    body = (
        f'{{"sku": {{"name": "Standard", "capacity": 1}}, "properties": {{"model": {{"format": "OpenAI", '
        f'"name": "{model}", "version": "1"}}}}}}'
    )
    path = f"{Emulator.resource_id('local')}/deployments/somebody-elses"
    put = Request("PUT", "management.emulator", path, {"api-version": "2025-06-01"}, body=body.encode())
    Project(root).emulator(lambda emulator: ignore(emulator.handle(put)))
    left, _ = apply(root, desired)
    assert left.outcome is Outcome.CONVERGED
    tagged = {str(d["name"]): bool(d.get("tags")) for d in Project(root).snapshot()["deployments"]}
    assert tagged == {"somebody-elses": False, "parcels-prod": True}


def test_drift_is_put_right_and_others_tags_survive(root: Path, desired: Desired) -> None:
    """A change made by hand is undone in place; a tag that somebody added stays."""
    live_until_converged(root, desired)
    tags = dict(Project(root).snapshot()["deployments"][0]["tags"])  # type: ignore[call-overload]
    tags["cost-centre"] = "42"
    Project(root).emulator(lambda emulator: emulator.edit_deployment("parcels-prod", capacity=7, tags=tags))
    action = by_address(plan(root))["deployment/parcels-prod"]
    assert (action.verb, action.why) == (Verb.UPDATE, Why.DRIFTED)
    assert [(change.field, change.old, change.new) for change in action.changes] == [("sku.capacity", 7, 50)]
    assert apply(root, desired)[0].outcome is Outcome.CONVERGED
    (deployment,) = Project(root).snapshot()["deployments"]
    assert deployment["sku"] == {"name": "GlobalStandard", "capacity": 50}
    assert deployment["tags"] == tags


def test_a_foreign_deployment_is_left_alone(root: Path, desired: Desired) -> None:
    """A deployment of our name that somebody else made is held, with the words to take it over."""
    body = b'{"sku": {"name": "Standard", "capacity": 1}, "tags": {"a": "b"}, "properties": {"model": '
    body += b'{"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}}}'
    path = f"{Emulator.resource_id('local')}/deployments/Parcels-Prod"
    put = Request("PUT", "management.emulator", path, {"api-version": "2025-06-01"}, body=body)

    def make(emulator: Emulator) -> None:
        emulator.ensure_account("local", "eastus2")
        assert emulator.handle(put).status == 201

    Project(root).emulator(make)
    left, _ = apply(root, desired)
    action = by_address(left)["deployment/parcels-prod"]
    assert (action.gate, action.why) == (Gate.GUARD, Why.FOREIGN)
    assert "ftops adopt deployment/parcels-prod Parcels-Prod" in action.reason
    (deployment,) = Project(root).snapshot()["deployments"]
    assert deployment["tags"] == {"a": "b"}


def twin_of_the_only_job(root: Path) -> None:
    """Send the only job's create call once more, as a second run would that cannot see the first."""
    import json  # noqa: PLC0415

    (job,) = Project(root).snapshot()["jobs"]
    names = ("model", "training_file", "validation_file", "suffix", "seed", "trainingType")
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
    body = json.dumps({**{name: job[name] for name in names}, "method": method}).encode()
    request = Request("POST", "local.openai.emulator", "/openai/v1/fine_tuning/jobs", body=body)

    def send(emulator: Emulator) -> None:
        emulator.pause(1)
        assert emulator.handle(request).status in {200, 201}

    Project(root).emulator(send)


def ignore(_: object) -> None:
    """Take a result that does not matter."""

"""What becomes of the examples where the service behaves in another way than was recorded: the same, or what is told.

Each row of the table is a way in which an account may differ; what a run comes to in it stands in the row.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import pytest
from harness import (
    DIED,
    EXAMPLES,
    Project,
    Told,
    advance,
    apply,
    by_address,
    desired_of,
    in_child,
    jobs_by_digest,
    live_until_converged,
    plan,
    run_over,
)

from ftops.apply.journal import Journal
from ftops.apply.loop import run_pass, run_until
from ftops.emulator import (
    Cancelled,
    Effect,
    Emulator,
    Fault,
    HealthyError,
    Metadata,
    MethodEcho,
    Queued,
    Quirks,
    Request,
    SuffixMember,
    TrainingTypeEcho,
    UnknownAfter,
)
from ftops.model import Desired, Outcome, Plan, Policy, Verb
from ftops.reasons import Why
from ftops.render.to_terminal import plan_text
from ftops.render.view import view
from ftops.testing import FakeClock

CREATE_JOB = ("POST", r"/fine_tuning/jobs$")
JOB = "job/parcels-v1"
RECORDED = Quirks()
REJECTING = Quirks(metadata=Metadata.REJECT)
SHORT = 18
FOREIGN_TO_PRUNE = "kept, since its tags do not show that ftops made it"


@dataclass(frozen=True, slots=True)
class Row:
    """A way in which an account may differ, how often each job is sent there, and what the end of it is.

    `left` is the word for the first plan when it does not converge, `orphan` what becomes of a deployment whose
    document was taken out, if it is not deleted.
    """

    quirks: Quirks
    sends: int = 1
    left: str = ""
    orphan: str = ""


OLD_JOBS = Quirks(
    method_echo=MethodEcho.TYPE,
    training_type_echo=TrainingTypeEcho.CREATED,
    metadata=Metadata.DROP,
    tags_hidden=True,
)
"""What classic API versions of long ago tell."""
BACKED_BY_OPENAI = Quirks(
    queued=Queued.VALIDATING_FILES,
    cancelled=Cancelled.CANCELED,
    healthy_error=HealthyError.NULLS,
    nulls=True,
    unknown_members=True,
    suffix_member=SuffixMember.USER_PROVIDED,
    v1_created_status=200,
)
"""What is told of resources that OpenAI's own service stands behind."""
ROWS = {
    "metadata echoed": Row(Quirks(metadata=Metadata.ECHO)),
    "metadata dropped": Row(Quirks(metadata=Metadata.DROP)),
    "metadata rejected": Row(REJECTING, sends=2),
    "tags hidden": Row(Quirks(tags_hidden=True), orphan=FOREIGN_TO_PRUNE),
    "a PUT keeps tags": Row(Quirks(put_keeps_tags=True)),
    "v1 answers 200": Row(Quirks(v1_created_status=200)),
    "suffixes of 18": Row(Quirks(suffix_max=SHORT), left="The suffix must have 1 to 18 characters"),
    "another suffix member": Row(Quirks(suffix_member=SuffixMember.USER_PROVIDED)),
    "method by its type": Row(Quirks(method_echo=MethodEcho.TYPE)),
    "trainingType told once": Row(Quirks(training_type_echo=TrainingTypeEcho.CREATED)),
    "trainingType never told": Row(
        Quirks(training_type_echo=TrainingTypeEcho.NEVER),
        left="trainingType came back as Standard, not GlobalStandard; it was taken back at once",
    ),
    "queued": Row(Quirks(queued=Queued.QUEUED)),
    "validating files": Row(Quirks(queued=Queued.VALIDATING_FILES)),
    "canceled": Row(Quirks(cancelled=Cancelled.CANCELED)),
    "an empty error": Row(Quirks(healthy_error=HealthyError.EMPTY)),
    "an error of nulls": Row(Quirks(healthy_error=HealthyError.NULLS)),
    "nulls": Row(Quirks(nulls=True)),
    "unknown members": Row(Quirks(unknown_members=True)),
    "no has_more": Row(Quirks(has_more=False)),
    "unknown after": Row(Quirks(unknown_after=UnknownAfter.EMPTY)),
    "too late is 400": Row(Quirks(wrong_state_status=400)),
    "too many is 429": Row(Quirks(quota_status=429)),
    "nested names": Row(Quirks(nested_names=True)),
    "capacity as text": Row(Quirks(capacity_as_text=True)),
    "base models go slowly": Row(Quirks(base_delete_status=202)),
    "tuned models go at once": Row(Quirks(tuned_delete_status=200)),
    "rejected, tags hidden": Row(replace(REJECTING, tags_hidden=True), sends=2, orphan=FOREIGN_TO_PRUNE),
    "rejected, 200": Row(replace(REJECTING, v1_created_status=200), sends=2),
    "rejected, suffixes of 18": Row(
        replace(REJECTING, suffix_max=SHORT), sends=2, left="The suffix must have 1 to 18 characters"
    ),
    "nested names, tags hidden": Row(Quirks(nested_names=True, tags_hidden=True), orphan=FOREIGN_TO_PRUNE),
    "old jobs": Row(OLD_JOBS, orphan=FOREIGN_TO_PRUNE),
    "backed by OpenAI": Row(BACKED_BY_OPENAI),
}
"""Every quirk, and pairs that may be met together."""
CONVERGING = {name: row for name, row in ROWS.items() if not row.left}
DEPLOYMENTS = {"quickstart": "parcels-prod", "chain": "support-prod"}
JOBS = {"quickstart": 1, "chain": 3}


def rows(table: dict[str, Row]) -> pytest.MarkDecorator:
    """Run a test once for each row."""
    return pytest.mark.parametrize("row", table.values(), ids=table.keys())


def copy_of(example: str, folder: Path) -> Path:
    """Return a scratch copy of an example."""
    return shutil.copytree(EXAMPLES / example, folder / "project")


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """Return a scratch copy of the quickstart."""
    return copy_of("quickstart", tmp_path)


def text_of(made: Plan) -> str:
    """Return a plan as a person reads it."""
    return plan_text(view(made, show_unchanged=True), colour=False)


def sends(log: list[str]) -> int:
    """Return how often a job was sent."""
    return sum(line.startswith("POST ") and line.endswith("/fine_tuning/jobs") for line in log)


def without_deployment(root: Path) -> Desired:
    """Take the deployment's document out, and return what is declared then."""
    for file in (root / "specs").rglob("*.yaml"):
        kept = [d for d in file.read_text(encoding="utf-8").split("---\n") if "kind: Deployment" not in d]
        file.write_text("---\n".join(kept), encoding="utf-8")
    return desired_of(root)


def prune(root: Path, desired: Desired, quirks: Quirks) -> Plan:
    """Apply under a policy that deletes deployments of ours that no document declares, and return the plan left."""
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    try:
        emulator.quirks = quirks
        run = run_over(emulator, desired, Journal.open(root / ".ftops" / "journal.jsonl"))
        live = run.observe()
        run.policy = Policy(prune=frozenset({"deployment"}))
        run.policy = replace(run.policy, approved=run.plan(live).keys)
        return run_until(run, live, 600, 0)
    finally:
        emulator.close()


def test_the_table_has_every_quirk() -> None:
    """A quirk is met in at least one row with something else than what was recorded."""
    met = {each.name for each in fields(Quirks) for row in ROWS.values() if differs(row.quirks, each.name)}
    assert met == {each.name for each in fields(Quirks)}


def differs(quirks: Quirks, name: str) -> bool:
    """Tell whether a quirk is another than by default."""
    return bool(getattr(quirks, name) != getattr(RECORDED, name))


@rows(CONVERGING)
@pytest.mark.parametrize("example", DEPLOYMENTS)
def test_examples_converge(tmp_path: Path, row: Row, example: str) -> None:
    """Each job is made once, a second plan says nothing, the journal adds nothing, and what is taken out goes."""
    root, told = copy_of(example, tmp_path), Told(quirks=row.quirks)
    desired = desired_of(root)
    for _ in range(JOBS[example] + 1):
        left, _ = apply(root, desired, told=told)
        advance(root, 3)
    assert left.outcome is Outcome.CONVERGED, text_of(left)
    assert sorted(jobs_by_digest(root).values()) == [1] * JOBS[example]
    assert sends(told.log) == JOBS[example] * row.sends
    again = plan(root, desired, quirks=row.quirks)
    assert (again.outcome, again.writes) == (Outcome.CONVERGED, ()), text_of(again)
    shutil.rmtree(root / ".ftops")
    assert plan(root, desired, quirks=row.quirks).actions == again.actions
    pruned = prune(root, without_deployment(root), row.quirks)
    there = [deployment["name"] for deployment in Project(root).snapshot()["deployments"]]
    assert there == ([DEPLOYMENTS[example]] if row.orphan else []), text_of(pruned)
    assert row.orphan in text_of(pruned)
    assert pruned.outcome is Outcome.CONVERGED


@rows({name: row for name, row in ROWS.items() if row.left})
def test_what_does_not_converge_is_told_and_not_repeated(quickstart: Path, row: Row) -> None:
    """The refusal is shown, no job is left at work, and later runs make no further one."""
    desired, told = desired_of(quickstart), Told(quirks=row.quirks)
    left, _ = apply(quickstart, desired, told=told)
    assert left.outcome is Outcome.ERROR
    assert row.left in text_of(left)
    assert sends(told.log) == row.sends
    later, _ = apply(quickstart, desired, told=Told(quirks=row.quirks))
    assert later.outcome in {Outcome.ERROR, Outcome.HELD}
    assert {job["status"] for job in Project(quickstart).snapshot()["jobs"]} <= {"cancelled"}
    assert len(Project(quickstart).snapshot()["jobs"]) <= 1


@pytest.mark.parametrize("quirks", [Quirks(suffix_max=SHORT), replace(REJECTING, suffix_max=SHORT)])
def test_short_suffixes_take_a_line_in_the_policy(quickstart: Path, quirks: Quirks) -> None:
    """The refusal names the policy; with it everything converges, and nothing else is sent again."""
    left, _ = apply(quickstart, desired_of(quickstart), told=Told(quirks=quirks))
    assert left.outcome is Outcome.ERROR
    assert "suffixMax: 18" in text_of(left)
    assert Project(quickstart).snapshot()["jobs"] == []
    Project(quickstart).edit("specs/project.yaml", "spec:\n", "spec:\n  policy: {suffixMax: 18}\n")
    desired = desired_of(quickstart)
    assert live_until_converged(quickstart, desired, quirks=quirks).outcome is Outcome.CONVERGED
    (job,) = Project(quickstart).snapshot()["jobs"]
    assert len(str(job["suffix"])) <= SHORT
    assert len(Project(quickstart).snapshot()["files"]) == 3  # Two datasets, and the results.


# --- metadata


@pytest.mark.parametrize(
    ("quirks", "kept"),
    [(RECORDED, True), (Quirks(metadata=Metadata.DROP), False), (REJECTING, False)],
    ids=["echo", "drop", "reject"],
)
def test_metadata_is_kept_where_it_can_be(quickstart: Path, quirks: Quirks, *, kept: bool) -> None:
    """Where the account takes it, a job carries who made it in full; nothing else depends on it."""
    apply(quickstart, desired_of(quickstart), told=Told(quirks=quirks))
    (job,) = Project(quickstart).snapshot()["jobs"]
    assert ("metadata" in job) == kept


@pytest.mark.parametrize(
    ("effect", "nth", "jobs"),
    [
        (Effect.DIE_BEFORE, 1, 0),
        (Effect.DIE_AFTER, 1, 0),
        (Effect.DIE_BEFORE, 2, 0),
        (Effect.DIE_AFTER, 2, 1),
    ],
    ids=["before the first", "between the two", "at the second", "after the second"],
)
def test_death_around_the_second_send_makes_one_job(quickstart: Path, effect: Effect, nth: int, jobs: int) -> None:
    """Whichever of the two sends a run dies at, the next ones make the job once, under the same key."""
    desired = desired_of(quickstart)
    fault = Fault(effect, *CREATE_JOB, nth=nth)
    assert in_child(lambda: apply(quickstart, desired, fault, told=Told(quirks=REJECTING))) == DIED
    assert len(Project(quickstart).snapshot()["jobs"]) == jobs
    assert live_until_converged(quickstart, desired, quirks=REJECTING).outcome is Outcome.CONVERGED
    assert list(jobs_by_digest(quickstart).values()) == [1]
    assert keys_of(quickstart, "create") == {f"create emulator:local/{JOB}@{digest_of_job(desired)}#1"}


def test_death_at_any_request_makes_one_job(tmp_path: Path) -> None:
    """With every create refused at first, no request of a run is one at which its death costs a second job."""
    whole = copy_of("quickstart", tmp_path / "whole")
    _, requests = apply(whole, desired_of(whole), told=Told(quirks=REJECTING))
    for number in range(1, requests + 1):
        root = copy_of("quickstart", tmp_path / str(number))
        desired = desired_of(root)
        fault = Fault(Effect.DIE_AFTER, request=number)
        assert in_child(partial(apply, root, desired, fault, told=Told(quirks=REJECTING))) == DIED
        apply(root, desired, told=Told(quirks=REJECTING))
        assert list(jobs_by_digest(root).values()) == [1], number


@pytest.mark.parametrize("effect", [Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.STATUS_BEFORE, Effect.STATUS_AFTER])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_lost_answer_to_either_send_makes_one_job(quickstart: Path, effect: Effect, nth: int) -> None:
    """A lost answer, or a fault of the service, is a doubt that listings end, whichever of the two sends it met."""
    left, _ = apply(
        quickstart, desired_of(quickstart), Fault(effect, *CREATE_JOB, nth=nth), told=Told(quirks=REJECTING)
    )
    assert by_address(left)[JOB].verb is Verb.WAIT
    assert list(jobs_by_digest(quickstart).values()) == [1]


def test_a_refusal_for_another_cause_is_the_one_that_is_shown(quickstart: Path) -> None:
    """A 400 that leaving metadata out does not change is told as it came first, and nothing is sent a third time."""
    desired, told = desired_of(quickstart), Told()
    first = Fault(Effect.STATUS_BEFORE, *CREATE_JOB, status=400, code="invalidPayload", message="Not so.", count=99)
    left, _ = apply(quickstart, desired, first, told=told)
    action = by_address(left)[JOB]
    assert (action.why, left.outcome) == (Why.REFUSED, Outcome.ERROR)
    assert "400 invalidPayload: Not so." in text_of(left)
    assert sends(told.log) == 2


def test_what_is_refused_for_two_causes_tells_the_one_that_is_left(quickstart: Path) -> None:
    """Where metadata was one cause, the refusal without it is what a person has to mend."""
    other = Fault(Effect.STATUS_BEFORE, *CREATE_JOB, nth=2, status=403, code="PermissionDenied", message="No right.")
    left, _ = apply(quickstart, desired_of(quickstart), other, told=Told(quirks=REJECTING))
    assert "403 PermissionDenied: No right." in text_of(left)
    assert "fineTuningJob" not in text_of(left)


def keys_of(root: Path, verb: str) -> set[str]:
    """Return the keys of jobs that a journal has intents of."""
    journal = Journal.open(root / ".ftops" / "journal.jsonl")
    return {key for key in journal.last if key.startswith(f"{verb} ") and "/job/" in key}


def digest_of_job(desired: Desired) -> str:
    """Return the digest of the only job."""
    (job,) = [resource for resource in desired.resources if resource.address.kind == "job"]
    return job.digest


# --- listings in pages


def with_foreign_jobs(root: Path, count: int) -> None:
    """Put so many jobs of somebody else's after ours, each cancelled at once."""
    file = str(Project(root).snapshot()["files"][0]["id"])
    body = f'{{"model": "gpt-4.1-mini", "training_file": "{file}"}}'.encode()

    def make(emulator: Emulator) -> None:
        for _ in range(count):
            emulator.handle(Request("POST", "local.openai.emulator", "/openai/v1/fine_tuning/jobs", body=body))
            emulator.cancel_job(str(emulator.snapshot("local")["jobs"][-1]["id"]))

    Project(root).emulator(make)


@pytest.mark.parametrize("quirks", [RECORDED, Quirks(has_more=False)], ids=["has_more", "no has_more"])
def test_a_job_on_the_second_page_is_found(quickstart: Path, quirks: Quirks) -> None:
    """Behind a page that is full, more is looked for whether or not the service says that there is more."""
    desired = desired_of(quickstart)
    live_until_converged(quickstart, desired, quirks=quirks)
    with_foreign_jobs(quickstart, 100)
    assert plan(quickstart, desired, quirks=quirks).outcome is Outcome.CONVERGED


@pytest.mark.parametrize("after", UnknownAfter)
def test_a_page_that_was_lost_is_no_evidence(quickstart: Path, after: UnknownAfter) -> None:
    """When the job that a page begins after is deleted meanwhile, nothing is trained for what could not be seen."""
    desired, quirks = desired_of(quickstart), Quirks(unknown_after=after)
    live_until_converged(quickstart, desired, quirks=quirks)
    with_foreign_jobs(quickstart, 100)
    emulator = Emulator(quickstart / "ftops-emulator.db", FakeClock())
    emulator.quirks = quirks
    run = run_over(emulator, desired, Journal(None))
    last_of_page = str(emulator.snapshot("local")["jobs"][1]["id"])

    def hear(line: str) -> None:
        if line == "GET data:/fine_tuning/jobs 200" and emulator.snapshot("local")["jobs"][1]["id"] == last_of_page:
            emulator.lose_job_record(last_of_page)

    run.clients["local"].tell_call = hear
    left = run_pass(run, run.observe(), 0)
    jobs = len(emulator.snapshot("local")["jobs"])
    emulator.close()
    assert (left.outcome, jobs) == (Outcome.ERROR, 100)
    assert plan(quickstart, desired, quirks=quirks).outcome is Outcome.CONVERGED


# --- too late, too many


@pytest.mark.parametrize("status", [400, 409])
def test_a_cancel_that_comes_too_late_is_as_good(quickstart: Path, status: int) -> None:
    """A twin that ended since it was seen needs no cancelling, whatever the service answers to that."""
    desired, quirks = desired_of(quickstart), Quirks(wrong_state_status=status)
    apply(quickstart, desired, Fault(Effect.STATUS_BEFORE, *CREATE_JOB, status=400, count=2))
    emulator = Emulator(quickstart / "ftops-emulator.db", FakeClock())
    emulator.quirks = quirks
    first, second = (run_over(emulator, desired, Journal(None)) for _ in range(2))
    seen = first.observe()
    run_pass(first, seen, 600)
    emulator.pause(1)
    second.clients["local"].tell_call = lambda line: cancel_newest(emulator, line)
    left = run_pass(second, seen, 600)
    states = [job["status"] for job in emulator.snapshot("local")["jobs"]]
    emulator.close()
    assert second.refused == {}
    assert states == ["pending", "cancelled"]
    assert left.outcome is Outcome.WAITING


def cancel_newest(emulator: Emulator, line: str) -> None:
    """Cancel the twin as soon as a listing has shown both."""
    jobs = emulator.snapshot("local")["jobs"]
    if line == "GET data:/fine_tuning/jobs 200" and len(jobs) == 2 and jobs[1]["status"] == "pending":
        emulator.cancel_job(str(jobs[1]["id"]))


@pytest.mark.parametrize("status", [400, 429])
def test_one_job_too_many_is_refused_and_goes_on_later(quickstart: Path, status: int) -> None:
    """A full queue is an error that is told; with room in it a later run makes the job."""
    desired = desired_of(quickstart)
    emulator = Emulator(quickstart / "ftops-emulator.db", FakeClock())
    emulator.quirks, full = Quirks(quota_status=status), emulator.limits
    emulator.limits = replace(full, queued_jobs=0)
    run = run_over(emulator, desired, Journal(None))
    left = run_pass(run, run.observe(), 600)
    assert left.outcome is Outcome.ERROR
    assert f"{status} quotaExceeded: The resource already has 0 queued jobs." in text_of(left)
    emulator.limits = full
    again = run_over(emulator, desired, Journal(None))
    left = run_pass(again, again.observe(), 600)
    jobs = len(emulator.snapshot("local")["jobs"])
    emulator.close()
    assert (left.outcome, jobs) == (Outcome.WAITING, 1)


# --- deployments


def test_others_values_survive_an_update_and_nulls_are_not_sent_back(quickstart: Path) -> None:
    """What a deployment tells as null or as text is the same as before, and a change of capacity reaches it."""
    quirks = Quirks(nulls=True, capacity_as_text=True, unknown_members=True)
    live_until_converged(quickstart, desired_of(quickstart), quirks=quirks)
    Project(quickstart).edit("specs/parcels.yaml", "capacity: 50", "capacity: 60")
    desired = desired_of(quickstart)
    assert plan(quickstart, desired, quirks=quirks).writes[0].changes[0].old == 50
    left, _ = apply(quickstart, desired, told=Told(quirks=quirks))
    assert left.outcome is Outcome.CONVERGED
    (deployment,) = Project(quickstart).snapshot()["deployments"]
    assert deployment["sku"] == {"name": "GlobalStandard", "capacity": 60}
    tags = deployment["tags"]
    assert isinstance(tags, dict)
    assert set(tags) == {"team", "ftops-owner", "ftops-digest"}

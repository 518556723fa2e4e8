"""What ftops makes of troubles that the service makes by itself: the plan's line, the exit code, and nothing twice."""

from __future__ import annotations

import io
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from harness import EXAMPLES, Project, advance, apply, by_address, desired_of, live_until_converged, plan
from werkzeug.test import Client as WebClient

from ftops.emulator import Effect, Emulator, Fault, Request, Stage
from ftops.model import Desired, Gate, Outcome, Verb
from ftops.reasons import Why

JOB = "job/parcels-v1"
PROD = "deployment/parcels-prod"
PUT = ("PUT", r"/deployments/")
TYPE = "trainingType: GlobalStandard"
SECOND = """
---
apiVersion: ftops/v1alpha1
kind: Deployment
metadata: {name: parcels-test}
spec:
  sku: {name: GlobalStandard, capacity: 10}
  model: {job: parcels-v1}
"""
ROW = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
REINFORCED = """
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: sums-7k2f}
spec: {accounts: {local: {emulator: ftops-emulator.db, region: eastus2}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: sums}
spec: {file: sums.jsonl}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: more}
spec: {file: more.jsonl}
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: sums-v1}
spec:
  model: o4-mini-2025-04-16
  training_file: {dataset: sums}
  validation_file: {dataset: more}
  method:
    type: reinforcement
    reinforcement:
      grader:
        {type: string_check, name: same, operation: eq, input: "{{sample.output_text}}", reference: "{{item.sum}}"}
  trainingType: GlobalStandard
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a scratch copy of the quickstart."""
    return shutil.copytree(EXAMPLES / "quickstart", tmp_path / "project")


@pytest.fixture
def desired(root: Path) -> Desired:
    """Return what the quickstart declares."""
    return desired_of(root)


def held(root: Path) -> tuple[int, int]:
    """Return how many jobs and deployments the account has."""
    there = Project(root).snapshot()
    return len(there["jobs"]), len(there["deployments"])


def only_job(root: Path) -> dict[str, object]:
    """Return the one job there is."""
    (job,) = Project(root).snapshot()["jobs"]
    return job


def minutes(root: Path, count: int) -> None:
    """Let minutes pass."""
    Project(root).emulator(lambda emulator: ignore(emulator.advance(timedelta(minutes=count))))


def ask(root: Path, what: str) -> None:
    """Pause or resume the first job, as a person does in the portal."""
    key = Project(root).snapshot()["jobs"][0]["id"]

    def act(emulator: Emulator) -> None:
        path = f"/openai/v1/fine_tuning/jobs/{key}/{what}"
        assert emulator.handle(Request("POST", "local.openai.emulator", path)).status == 200

    Project(root).emulator(act)


def command(root: Path, *arguments: str, code: int) -> str:
    """Return what the installed command prints, each run of blanks as one, and without the numbers of the job."""
    told = " ".join(Project(root).ftops(*arguments, code=code).split())
    return re.sub(r"ftjob-[0-9a-f]{32}", "ftjob-N", told)


# --- jobs that fail


def test_a_job_refused_at_the_safety_gate_is_held_with_the_harms(root: Path, desired: Desired) -> None:
    """The plan names what the service found, trains nothing again, and the deployment waits for nothing."""
    apply(root, desired, Fault(Effect.FAIL_JOB, stage=Stage.SAFETY))
    advance(root, 3)
    told = command(root, "plan", "--detailed-exitcode", code=4)
    assert f"x {JOB} train" in told
    assert "for Violence, Self Harm." in told
    assert f"to do it all the same: --allow retrain:{JOB}" in told
    assert f"{PROD} deploy {JOB}" in told
    assert f"held: {JOB} is held" in told
    for _ in range(2):
        command(root, "apply", "--yes", code=4)
    assert held(root) == (1, 0)


def test_trouble_comes_from_a_file_as_well(root: Path) -> None:
    """What a person puts in force with `ftops emulator faults` is met by the commands that follow."""
    Project(root).ftops("emulator", "faults", "-", stdin="faults: [{effect: fail-job, stage: safety, count: 1}]")
    command(root, "apply", "--yes", "--wait", code=4)
    assert "for Violence, Self Harm." in command(root, "status", JOB, code=0)
    assert held(root) == (1, 0)


@pytest.mark.parametrize("stage", [Stage.DATA_CHECK, Stage.SAFETY], ids=str)
def test_what_judges_the_data_is_never_tried_again_by_itself(root: Path, stage: Stage) -> None:
    """The same rows are judged the same: `onFailure: {retry: 2}` is for causes that pass."""
    Project(root).edit(
        "specs/parcels.yaml", "  suffix: parcels\n", "  suffix: parcels\nlifecycle: {onFailure: {retry: 2}}\n"
    )
    wanted = desired_of(root)
    for _ in range(3):
        left, _ = apply(root, wanted, Fault(Effect.FAIL_JOB, stage=stage))
        advance(root, 3)
    assert by_address(left)[JOB].why is Why.ATTEMPT_FAILED
    assert held(root) == (1, 0)


# --- pauses


def test_a_preempted_job_is_waited_for(root: Path) -> None:
    """The service resumes it by itself, so its pause is a wait like any other: exit 3, and then it converges."""
    Project(root).edit("specs/parcels.yaml", TYPE, "trainingType: developerTier")
    wanted = desired_of(root)
    apply(root, wanted, Fault(Effect.PREEMPT, times=2, rest_s=7200))
    minutes(root, 30)
    assert only_job(root)["status"] == "paused"
    told = command(root, "plan", code=0)
    assert re.search(rf"\. {JOB} paused, step \d+, created 3\d m ago; the service pauses the developer tier", told)
    assert "and resumes it by itself" in told
    assert "by itself" in command(root, "status", JOB, code=0)
    command(root, "apply", "--yes", "--settle", "0s", code=3)
    assert live_until_converged(root, wanted).outcome is Outcome.CONVERGED
    assert held(root) == (1, 1)


def test_waiting_goes_through_a_preemption(root: Path) -> None:
    """`apply --wait` ends when everything is there, however often the service paused the training."""
    Project(root).edit("specs/parcels.yaml", TYPE, "trainingType: developerTier")
    apply(root, desired_of(root), Fault(Effect.PREEMPT, times=3, rest_s=3600))
    command(root, "apply", "--yes", "--wait", "--timeout", "12h", code=0)
    assert held(root) == (1, 1)


def test_a_persons_pause_is_left_alone_and_told(root: Path, desired: Desired) -> None:
    """Nothing but a person ends it: held with what to do, no matter how long one waits, and nothing is made anew."""
    apply(root, desired)
    minutes(root, 10)
    ask(root, "pause")
    minutes(root, 2)
    told = command(root, "plan", "--detailed-exitcode", code=4)
    assert re.search(rf"x {JOB} paused, step \d+, created 12 m ago", told)
    ways = "resume it in the portal or with POST /fine_tuning/jobs/ftjob-N/resume, or cancel it"
    assert f"held: somebody paused it, so it is left alone; {ways}" in told
    assert f"held: {JOB} is held" in told
    assert "Nothing to do now. 2 held" in told
    assert ways in command(root, "status", JOB, code=0)
    command(root, "apply", "--yes", "--wait", "--timeout", "100h", code=4)
    assert only_job(root)["status"] == "paused"
    ask(root, "resume")
    assert live_until_converged(root, desired).outcome is Outcome.CONVERGED
    assert held(root) == (1, 1)


def test_a_resumed_job_in_the_queue_is_not_taken_for_an_unbilled_one(root: Path, desired: Desired) -> None:
    """Once it has trained it is billed, though its status says pending again: a twin of it is not cancelled freely."""
    apply(root, desired)
    minutes(root, 10)
    ask(root, "pause")
    minutes(root, 2)
    Project(root).emulator(fill_the_slots)
    minutes(root, 6)
    ask(root, "resume")
    minutes(root, 2)
    (job, *_) = Project(root).snapshot()["jobs"]
    assert job["status"] == "pending"
    (found,) = [action.object for action in plan(root).actions if action.address.name == "parcels-v1"]
    assert found is not None
    assert (found.state, found.phase.value) == ("pending", "running")


def test_a_job_in_the_queue_tells_how_many_run(root: Path, desired: Desired) -> None:
    """The fourth job of a training type waits: its line says since when, and how many of the account run."""
    Project(root).emulator(fill_the_slots)
    apply(root, desired)
    minutes(root, 8)
    told = command(root, "plan", code=0)
    assert f". {JOB} pending, created 8 m ago; 3 run in the account" in told


def reinforced(root: Path, training_type: str) -> Desired:
    """Return what a project declares that trains by reinforcement, written where it is to be."""
    root.mkdir()
    root.joinpath("all.yaml").write_text(REINFORCED.replace("GlobalStandard", training_type), encoding="utf-8")
    for name, first in (("sums", 0), ("more", 100)):
        rows = [
            f'{{"messages": [{{"role": "user", "content": "{n} and 1"}}], "sum": "{n + 1}"}}\n'
            for n in range(first, first + 12)
        ]
        root.joinpath(f"{name}.jsonl").write_text("".join(rows), encoding="utf-8")
    return desired_of(root)


def test_a_reinforcement_job_at_its_cap_is_held(tmp_path: Path) -> None:
    """The line tells of the cap, what is known of the cost, and that nobody but a person resumes it; exit 4."""
    root = tmp_path / "project"
    apply(root, reinforced(root, "GlobalStandard"), Fault(Effect.SPEND_PAUSE, cap_usd=3))
    advance(root, 30)
    told = command(root, "plan", "--detailed-exitcode", code=4)
    assert re.search(
        r"x job/sums-v1 paused(, step \d+)?, created 1 d 6 h ago all.yaml:\d+ held: either it has cost", told
    )
    assert "either it has cost USD 5,000, where the service pauses reinforcement, or somebody paused it" in told
    assert "what it has cost is not told before its end" in told
    assert "Once resumed it has no cap any more, so ftops does not resume it; resume it in the portal" in told
    assert "resumeOverCap" not in told
    command(root, "apply", "--yes", "--wait", "--timeout", "100h", code=4)
    assert only_job(root)["status"] == "paused"
    ask(root, "resume")
    advance(root, 3)
    command(root, "apply", "--yes", code=0)
    assert only_job(root)["status"] == "succeeded"


def test_a_reinforcement_job_of_the_developer_tier_may_be_either(tmp_path: Path) -> None:
    """Such a pause may end by itself, so it is a wait, and its line names the cap as well."""
    root = tmp_path / "project"
    apply(root, reinforced(root, "developerTier"), Fault(Effect.SPEND_PAUSE, cap_usd=3))
    advance(root, 30)
    told = command(root, "plan", "--detailed-exitcode", code=3)
    assert "resumes it by itself; or either it has cost USD 5,000" in told


# --- deployments


def test_a_deployment_that_fails_is_told_and_not_written_again(root: Path, desired: Desired) -> None:
    """Only its operation tells why, to the run that wrote it; nothing is written until somebody acts."""
    apply(root, desired)
    advance(root, 3)
    left, _ = apply(root, desired, Fault(Effect.FAIL_DEPLOYMENT, count=1))
    action = by_address(left)[PROD]
    assert (action.gate, action.why, left.outcome) == (Gate.FAILED, Why.ATTEMPT_FAILED, Outcome.HELD)
    assert "its last write ended Failed: DeploymentFailed: The deployment could not be completed" in action.reason
    for _ in range(2):
        told = command(root, "apply", "--yes", code=4)
        assert "its last write ended Failed (why was told to the apply that wrote it; the portal may tell, too)" in told
    assert f"to do it all the same: --allow create:{PROD}" in told
    assert writes(root) == 1
    told = command(root, "plan", "--allow", f"create:{PROD}", code=0)
    assert f"~ {PROD} update in place" in told
    assert "because its last write ended Failed" in told
    command(root, "apply", "--yes", "--allow", f"create:{PROD}", code=0)
    assert (held(root), writes(root)) == ((1, 1), 2)


def test_a_deployment_that_fails_again_is_an_error(root: Path, desired: Desired) -> None:
    """One more write was allowed, and one more is made."""
    apply(root, desired)
    advance(root, 3)
    apply(root, desired, Fault(Effect.FAIL_DEPLOYMENT))
    left, _ = apply(root, desired, Fault(Effect.FAIL_DEPLOYMENT), allow=frozenset({f"create:{PROD}"}))
    assert left.outcome is Outcome.ERROR
    assert "it ended Failed: DeploymentFailed" in by_address(left)[PROD].reason
    assert writes(root) == 2


def test_an_edit_is_the_other_way_out_of_a_failure(root: Path, desired: Desired) -> None:
    """A spec that asks for something else is written without any leave."""
    apply(root, desired)
    advance(root, 3)
    apply(root, desired, Fault(Effect.FAIL_DEPLOYMENT))
    Project(root).edit("specs/parcels.yaml", "capacity: 50", "capacity: 10")
    assert apply(root, desired_of(root))[0].outcome is Outcome.CONVERGED


def test_a_quota_that_is_used_up_is_told_with_its_numbers(root: Path, desired: Desired) -> None:
    """The service's own words name the quota, what is used and the limit; a refused write is not sent again."""
    apply(root, desired)
    advance(root, 3)
    Project(root).edit("specs/parcels.yaml", "capacity: 50", "capacity: 900")
    told = command(root, "apply", "--yes", "--wait", code=1)
    assert "the service answered 400 InsufficientQuota: This operation require 900 new capacity" in told
    assert "The current quota usage is 0 and the quota limit is 500" in told
    assert held(root) == (1, 0)
    assert writes(root) == 0


def test_a_busy_account_is_written_to_when_it_is_free(root: Path) -> None:
    """A write refused because another one ended moments ago is sent again within --settle, and done once."""
    path = root / "specs" / "parcels.yaml"
    path.write_text(path.read_text(encoding="utf-8") + SECOND, encoding="utf-8")
    wanted = desired_of(root)
    busy = Fault(Effect.BUSY, window_s=40)
    apply(root, wanted, busy)
    advance(root, 3)
    left, _ = apply(root, wanted, busy)
    assert left.outcome is Outcome.CONVERGED
    assert (held(root), writes(root)) == ((1, 2), 2)


def test_a_busy_account_without_time_to_settle_is_a_wait(root: Path) -> None:
    """What could not be written yet is left for the next run: exit 3, no error."""
    path = root / "specs" / "parcels.yaml"
    path.write_text(path.read_text(encoding="utf-8") + SECOND, encoding="utf-8")
    wanted = desired_of(root)
    apply(root, wanted)
    advance(root, 3)
    left, _ = apply(root, wanted, settle_s=0)
    minutes(root, 5)
    left, _ = apply(root, wanted, Fault(Effect.BUSY, window_s=36_000), settle_s=0)
    assert left.outcome is Outcome.WAITING
    assert len(Project(root).snapshot()["deployments"]) == 1


def test_a_lowered_capacity_is_not_asked_for_again_and_again(root: Path, desired: Desired) -> None:
    """What the service does not give is told with what it gave, once a run."""
    lower = Fault(Effect.LOWER_CAPACITY, capacity=20)
    apply(root, desired)
    advance(root, 3)
    left, _ = apply(root, desired, lower)
    action = by_address(left)[PROD]
    assert (action.verb, action.why, left.outcome) == (Verb.UPDATE, Why.NOT_APPROVED, Outcome.HELD)
    assert [(change.field, change.old, change.new) for change in action.changes] == [("sku.capacity", 20, 50)]
    assert writes(root) == 1
    left, _ = apply(root, desired, lower)
    assert (
        "did not take it over: sku.capacity is still 20; write in the spec what it has" in by_address(left)[PROD].reason
    )
    assert (left.outcome, writes(root)) == (Outcome.ERROR, 2)
    Project(root).edit("specs/parcels.yaml", "capacity: 50", "capacity: 20")
    assert apply(root, desired_of(root), lower)[0].outcome is Outcome.CONVERGED


def writes(root: Path) -> int:
    """Return how often a deployment was written, as the Activity Log counts the beginnings."""
    counted: list[int] = []

    def count(emulator: Emulator) -> None:
        rows = emulator._store.rows("SELECT count(*) FROM activity WHERE status = 'Started' AND operation = 'write'")
        counted.append(int(next(iter(rows))[0]))

    Project(root).emulator(count)
    return counted[0]


def fill_the_slots(emulator: Emulator) -> None:
    """Let somebody else's three jobs of the same training type run."""
    emulator.ensure_account("local", "eastus2")
    client = WebClient(emulator.app)
    rows = (ROW + "\n").encode() * 400
    form = {"purpose": "fine-tune", "file": (io.BytesIO(rows), "theirs.jsonl")}
    file = (client.post("/openai/v1/files", base_url=emulator.endpoint("local"), data=form).json or {})["id"]
    emulator.pause(10)
    body = {"model": "gpt-4.1-mini", "training_file": file, "trainingType": "GlobalStandard"}
    for _ in range(3):
        assert (
            client.post("/openai/v1/fine_tuning/jobs", base_url=emulator.endpoint("local"), json=body).status_code
            == 201
        )
    emulator.advance(timedelta(minutes=6))


def ignore(_: object) -> None:
    """Take a result that does not matter."""

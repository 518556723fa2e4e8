"""The chain example: from nothing to converged, edits that train nothing, and edits that hold or retrain."""

from __future__ import annotations

import shutil
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
)

from ftops.emulator import Emulator, Request, Response
from ftops.model import Gate, Outcome, Verb
from ftops.reasons import Why
from ftops.testing import FakeClock

FIRST = "n_epochs: 2}"
JOBS = ("job/support-base", "job/support-tools", "job/support-2026-10")


@pytest.fixture(scope="module")
def converged_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a converged chain; tests work on copies."""
    root = tmp_path_factory.mktemp("chain") / "project"
    shutil.copytree(EXAMPLES / "chain", root)
    assert live_until_converged(root, desired_of(root)).outcome is Outcome.CONVERGED
    return root


@pytest.fixture
def project(converged_once: Path, tmp_path: Path) -> Project:
    """Return a converged chain of one's own."""
    return Project(shutil.copytree(converged_once, tmp_path / "project"))


def test_chain_converges_by_plan_apply_and_advance_alone(tmp_path: Path) -> None:
    """Three links and a deployment take four applies with three advances, and then there is nothing to do."""
    project = Project.copy_of("chain", tmp_path)
    for _ in range(3):
        assert project.plan()["outcome"] == "changes"
        project.ftops("apply", "--yes", code=3)
        project.ftops("emulator", "advance", "3h")
    project.ftops("apply", "--yes", code=0)
    assert "No changes" in project.ftops("plan")
    assert set(jobs_by_digest(project.root).values()) == {1}


def test_deleting_the_state_folder_changes_no_plan(tmp_path: Path) -> None:
    """At every step of the chain's life the plan is the same with and without .ftops."""
    root = tmp_path / "project"
    shutil.copytree(EXAMPLES / "chain", root)
    desired = desired_of(root)
    for _ in range(5):
        apply(root, desired)
        before = plan(root, desired)
        shutil.rmtree(root / ".ftops")
        assert plan(root, desired).actions == before.actions
        advance(root, 3)
    assert before.outcome is Outcome.CONVERGED


def test_deleting_files_and_ancestors_uploads_and_trains_nothing(project: Project) -> None:
    """Files whose jobs are done and jobs whose descendants exist may go from the account without being made again."""
    held = project.snapshot()
    ancestors = [str(job["id"]) for job in held["jobs"]][:2]
    files = [str(file["id"]) for file in held["files"]]

    def tidy(emulator: Emulator) -> None:
        for job in ancestors:
            emulator.lose_job_record(job)
        for file in files:
            emulator.delete_file(file)

    project.emulator(tidy)
    made = plan(project.root)
    assert made.outcome is Outcome.CONVERGED
    assert not made.writes
    assert {a.why for a in made.actions} <= {Why.SETTLED, Why.CONSUMED}


def test_ancestors_gone_with_their_models_are_consumed(project: Project) -> None:
    """Even when an ancestor's model is gone, the descendant that exists keeps it from being trained again."""
    first = str(project.snapshot()["jobs"][0]["id"])
    path, query = f"/openai/fine_tuning/jobs/{first}", {"api-version": "2025-04-01-preview"}
    delete = Request("DELETE", "local.openai.emulator", path, query)
    project.emulator(lambda emulator: check_deleted(emulator.handle(delete)))
    action = by_address(plan(project.root))["job/support-base"]
    assert (action.verb, action.why) == (Verb.KEEP, Why.CONSUMED)


def test_editing_the_first_job_holds_by_default(project: Project) -> None:
    """Under `hold` nothing is trained, and each held line names its override and the pin."""
    project.edit("specs/models.yaml", "hyperparameters: {n_epochs: 2}", "hyperparameters: {n_epochs: 3}")
    actions = by_address(plan(project.root))
    assert (actions[JOBS[0]].verb, actions[JOBS[0]].why) == (Verb.KEEP, Why.NOT_NEEDED_YET)
    for job in JOBS[1:]:
        assert (actions[job].gate, actions[job].why) == (Gate.GUARD, Why.PARENT_CHANGED)
    out = project.ftops("apply", "--yes", code=4)
    assert "nothing allowed needs it yet" in out
    assert "--allow retrain:job/support-tools" in out
    assert "--allow retrain:job/support-2026-10" in out
    assert "`at: " in out
    assert len(project.snapshot()["jobs"]) == 3


def test_editing_the_first_job_under_retrain_trains_the_chain_again(project: Project) -> None:
    """Under `retrain` the first job is planned with the edit as its reason, the descendants as inherited."""
    project.edit("specs/models.yaml", "hyperparameters: {n_epochs: 2}", "hyperparameters: {n_epochs: 3}")
    text = (project.root / "specs/models.yaml").read_text(encoding="utf-8")
    chained = text.replace(
        "trainingType: GlobalStandard\n", "trainingType: GlobalStandard\nlifecycle: {onParentChange: retrain}\n"
    )
    (project.root / "specs/models.yaml").write_text(chained, encoding="utf-8")
    actions = by_address(plan(project.root))
    assert [actions[job].why for job in JOBS] == [Why.CHANGED, Why.INHERITED, Why.INHERITED]
    out = project.ftops("plan")
    assert "because n_epochs 2 -> 3" in out
    assert "because job/support-base changed (inherited)" in out
    assert live_until_converged(project.root, desired_of(project.root)).outcome is Outcome.CONVERGED
    assert len(project.snapshot()["jobs"]) == 6
    assert set(jobs_by_digest(project.root).values()) == {1}


def test_allowing_the_descendants_trains_them(project: Project) -> None:
    """The overrides that the held lines name open the whole chain."""
    project.edit("specs/models.yaml", "hyperparameters: {n_epochs: 2}", "hyperparameters: {n_epochs: 3}")
    allow = frozenset({f"retrain:{job}" for job in JOBS[1:]})
    actions = by_address(plan(project.root, allow=allow))
    assert all(actions[job].verb is Verb.CREATE and not actions[job].held for job in JOBS)


def test_a_pin_trains_the_new_first_job_only(project: Project) -> None:
    """With `at:` in the second job, its own digest stays, and only the new first job is trained."""
    held = by_address(plan(project.root))
    resource = held[JOBS[0]].resource
    assert resource is not None
    pin = resource.marker.digest
    project.edit("specs/models.yaml", "hyperparameters: {n_epochs: 2}", "hyperparameters: {n_epochs: 3}")
    project.edit("specs/models.yaml", "{job: support-base}", f"{{job: support-base, at: {pin}}}")
    made = plan(project.root)
    assert [str(action.address) for action in made.writes] == [JOBS[0]]


def check_deleted(response: Response) -> None:
    """Fail unless the emulator deleted the job's record and model."""
    assert response.status == 204


HARMLESS = {
    "comment": ("kind: FineTuningJob", "# a comment\nkind: FineTuningJob"),
    "quoting": ("trainingType: GlobalStandard", 'trainingType: "GlobalStandard"'),
    "spelling of the training type": ("trainingType: GlobalStandard", "trainingType: globalstandard"),
    "key order": (
        "  hyperparameters: {n_epochs: 2}\n  trainingType: GlobalStandard\n",
        "  trainingType: GlobalStandard\n  hyperparameters: {n_epochs: 2}\n",
    ),
    "suffix": ("  trainingType: GlobalStandard\n", "  trainingType: GlobalStandard\n  suffix: anew\n"),
    "label": ("metadata: {name: support-base}", "metadata: {name: support-base, labels: {team: a}}"),
    "auto": ("{n_epochs: 2}", "{n_epochs: 2, batch_size: auto}"),
    "whole float": ("learning_rate_multiplier: 0.5", "learning_rate_multiplier: 0.50"),
    "method object": (
        "  hyperparameters: {n_epochs: 2}\n",
        "  method: {type: supervised, supervised: {hyperparameters: {n_epochs: 2}}}\n",
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_edits_train_nothing(project: Project, name: str) -> None:
    """An edit that changes no input of a training changes no digest, so nothing is planned."""
    project.edit("specs/models.yaml", *HARMLESS[name])
    assert plan(project.root).outcome is Outcome.CONVERGED


@pytest.mark.parametrize("ending", ["crlf", "bom"])
def test_line_endings_and_byte_order_mark_train_nothing(project: Project, ending: str) -> None:
    """A dataset read with other line endings, or with a byte-order mark, is the same dataset."""
    path = project.root / "data/support-base.jsonl"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\n", b"\r\n") if ending == "crlf" else b"\xef\xbb\xbf" + data)
    assert plan(project.root).outcome is Outcome.CONVERGED


def test_renaming_a_job_with_formerly_trains_nothing(project: Project) -> None:
    """The name is no input; `formerly` keeps the old name's objects in the family."""
    project.edit("specs/models.yaml", "{name: support-tools}", "{name: support-skills, formerly: [support-tools]}")
    project.edit("specs/models.yaml", "{job: support-tools}", "{job: support-skills}")
    assert plan(project.root).outcome is Outcome.CONVERGED


def test_renaming_the_project_with_formerly_keeps_everything(project: Project) -> None:
    """Objects of a former owner mark are ours still."""
    project.edit("specs/project.yaml", "  name: support-models-7k2f", "  name: anew\n  formerly: [support-models-7k2f]")
    assert plan(project.root).outcome is Outcome.CONVERGED


def test_another_project_takes_nothing_for_its_own(project: Project) -> None:
    """Without `formerly` a renamed project is a stranger: it trains anew and leaves the deployment alone."""
    project.edit("specs/project.yaml", "name: support-models-7k2f", "name: stranger")
    actions = by_address(plan(project.root))
    assert actions["deployment/support-prod"].why is Why.FOREIGN
    assert actions["deployment/support-prod"].gate is Gate.GUARD


def test_the_second_revision_adds_one_link(project: Project) -> None:
    """The new month's data is one document, one training and an update of the deployment in place."""
    out = project.ftops("plan", "specs-november")
    assert "Plan: 2 to create, 1 to update, 0 to delete, 7 unchanged." in out
    for code in (3, 0):
        project.ftops("apply", "specs-november", "--yes", code=code)
        project.ftops("emulator", "advance", "3h")
    assert "No changes" in project.ftops("plan", "specs-november")
    (deployment,) = project.snapshot()["deployments"]
    assert "support-2026-11" in str(deployment["properties"])


def test_a_removed_job_is_an_orphan_and_stays(project: Project) -> None:
    """What no document declares any more is shown as an orphan and never deleted."""
    text = (project.root / "specs/models.yaml").read_text(encoding="utf-8")
    head = text[: text.index("---\napiVersion: ftops/v1alpha1\nkind: Deployment")]
    (project.root / "specs/models.yaml").write_text(head, encoding="utf-8")
    out = project.ftops("plan")
    assert "! deployment/support-prod" in out
    assert "1 orphan" in out
    made = plan(project.root)
    assert not made.writes
    (orphan,) = [a for a in made.actions if a.why is Why.ORPHAN]
    assert orphan.verb is Verb.KEEP


def test_editing_while_an_earlier_version_trains_is_held(tmp_path: Path) -> None:
    """A changed job waits for its own earlier version to end, unless it is allowed beside it."""
    root = tmp_path / "project"
    shutil.copytree(EXAMPLES / "chain", root)
    apply(root, desired_of(root))
    Project(root).edit("specs/models.yaml", "hyperparameters: {n_epochs: 2}", "hyperparameters: {n_epochs: 3}")
    action = by_address(plan(root))[JOBS[0]]
    assert (action.gate, action.why, action.override) == (Gate.GUARD, Why.EARLIER_TRAINS, f"retrain:{JOBS[0]}")
    allowed = by_address(plan(root, allow=frozenset({action.override})))[JOBS[0]]
    assert (allowed.verb, allowed.gate) == (Verb.CREATE, Gate.OPEN)


def test_fake_clock_stands_still() -> None:
    """The clock of these tests moves by pauses alone."""
    clock = FakeClock()
    before = clock.now()
    clock.pause(5)
    assert (clock.now() - before).total_seconds() == 5

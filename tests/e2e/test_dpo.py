"""The dpo example: a preference training on top of a supervised one, from nothing to converged, and what is sent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from harness import EXAMPLES, Project, by_address, desired_of, jobs_by_digest, live_until_converged, plan

from ftops.model import Outcome
from ftops.reasons import Why

SPECS = "specs/desk.yaml"
OBJECT = """  method:
    type: dpo
    dpo: {hyperparameters: {n_epochs: 2, beta: 0.1}}
"""
STRING = "  method: dpo\n  hyperparameters: {n_epochs: 2, beta: 0.1}\n"


@pytest.fixture(scope="module")
def converged_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a converged example; tests work on copies."""
    root = tmp_path_factory.mktemp("dpo") / "project"
    shutil.copytree(EXAMPLES / "dpo", root)
    assert live_until_converged(root, desired_of(root)).outcome is Outcome.CONVERGED
    return root


@pytest.fixture
def project(converged_once: Path, tmp_path: Path) -> Project:
    """Return a converged example of one's own."""
    return Project(shutil.copytree(converged_once, tmp_path / "project"))


def test_dpo_converges_by_apply_and_advance_alone(tmp_path: Path) -> None:
    """The session of the example's README ends with nothing to do, and each training was made once."""
    project = Project.copy_of("dpo", tmp_path)
    assert project.ftops("validate") == "Valid: 7 documents in 2 files, 3 datasets with 230 examples.\n"
    for code in (3, 3, 0):
        project.ftops("apply", "--yes", code=code)
        project.ftops("emulator", "advance", "3h")
    assert "No changes" in project.ftops("plan")
    assert list(jobs_by_digest(project.root).values()) == [1, 1]


def test_settings_are_sent_under_the_method(project: Project) -> None:
    """The service knows the settings under method.dpo alone, and its own defaults beside them are no drift."""
    (sft, dpo) = sorted(project.snapshot()["jobs"], key=lambda job: int(str(job["created_at"])))
    assert dpo["method"]["type"] == "dpo"  # type: ignore[index]  # JSON of the service
    settings = dpo["method"]["dpo"]["hyperparameters"]  # type: ignore[index]
    assert settings["n_epochs"] == 2
    assert (settings["beta"], settings["l2_multiplier"]) == (0.1, 0)
    assert dpo.get("hyperparameters") is None
    assert str(dpo["model"]) == sft["fine_tuned_model"]
    assert plan(project.root).outcome is Outcome.CONVERGED


def test_the_string_form_is_the_same_training(project: Project) -> None:
    """`method: dpo` with hyperparameters beside it has the digest of the wire object, so nothing is planned."""
    project.edit(SPECS, OBJECT, STRING)
    assert plan(project.root).outcome is Outcome.CONVERGED


@pytest.mark.parametrize(("old", "new", "change"), [("beta: 0.1", "beta: 0.3", "beta"), (", beta: 0.1", "", None)])
def test_an_edited_beta_is_another_training(project: Project, old: str, new: str, change: str | None) -> None:
    """Another beta trains anew and is named; leaving it to the service is another training too."""
    project.edit(SPECS, old, new)
    action = by_address(plan(project.root))["job/desk-dpo"]
    assert action.why is Why.CHANGED
    assert [each.field for each in action.changes] == ([change] if change else [])


def test_one_file_for_two_methods_is_refused(tmp_path: Path) -> None:
    """A dataset that a supervised and a dpo job both use is an error at the second of them."""
    project = Project.copy_of("dpo", tmp_path)
    project.edit(SPECS, "training_file: {dataset: desk-dpo}", "training_file: {dataset: desk-sft}")
    told = json.loads(project.ftops("validate", "--format", "json", code=1))
    (problem,) = (each for each in told["diagnostics"] if each["severity"] == "error")
    assert problem["code"] == "format-conflict"
    assert "job/desk-sft needs chat rows of dataset/desk-sft" in problem["detail"]

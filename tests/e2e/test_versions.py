"""Edited datasets through the installed command: the same rows train nothing, other rows are told in numbers."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from harness import Project, advance, desired_of, live_until_converged

from ftops.emulator import Emulator
from ftops.model import Outcome

DATA = "data/parcels-train.jsonl"
CHECK = "data/parcels-valid.jsonl"
JOB = "job/parcels-v1"
ALLOW = ("--allow", f"retrain:{JOB}")
WRITTEN = "only the order of the rows or how they are written differs"


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a converged project that the installed command has planned; tests work on copies."""
    project = Project.copy_of("quickstart", tmp_path_factory.mktemp("versions") / "project")
    project.ftops("apply", "--yes", code=3)
    assert live_until_converged(project.root, desired_of(project.root)).outcome is Outcome.CONVERGED
    assert "No changes" in project.ftops("plan")
    return project.root


@pytest.fixture
def project(trained_once: Path, tmp_path: Path) -> Project:
    """Return such a project of one's own."""
    return Project(shutil.copytree(trained_once, tmp_path / "project"))


def rewrite(project: Project, file: str = DATA, edit: Callable[[list[Any]], object] = len) -> None:
    """Write a file's rows in another order, with other spaces and the keys in another order, after an edit of them."""
    path = project.root / file
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    edit(rows)
    random.Random(1).shuffle(rows)  # noqa: S311 - any order but the first
    for row in rows:
        row["messages"] = [dict(reversed(message.items())) for message in row["messages"]]
    path.write_text("".join(f"{json.dumps(row, separators=(' , ', ' :  '))}\n" for row in rows), encoding="utf-8")


def edited(rows: list[Any]) -> None:
    """Give three rows another answer, and add two."""
    for row in rows[:3]:
        row["messages"][-1]["content"] += " Is there anything else that I can do for you?" * 40
    for number in range(2):
        asked = {"role": "user", "content": f"Where is letter {number}?"}
        answered = {"role": "assistant", "content": "It is on its way, and will be there tomorrow."}
        rows.append({"messages": [rows[0]["messages"][0], asked, answered]})


def made(project: Project) -> tuple[int, int]:
    """Return how many files and jobs the account holds, whatever became of them."""
    held = project.snapshot()
    return sum(file["purpose"] == "fine-tune" for file in held["files"]), len(held["jobs"])


def posts(project: Project, *arguments: str, code: int) -> int:
    """Apply, and return how many things it sent."""
    done = project.run("apply", "--yes", "-v", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr.count("POST ")


def action(project: Project, address: str = JOB, *arguments: str) -> dict[str, Any]:
    """Return an action of the plan as other programs read it."""
    actions = cast("list[dict[str, Any]]", project.plan(*arguments)["actions"])
    (found,) = (each for each in actions if each["address"] == address)
    return found


@pytest.mark.parametrize("files", [(CHECK,), (DATA, CHECK)], ids=["validation", "both"])
def test_the_same_rows_are_held(project: Project, files: tuple[str, ...]) -> None:
    """Rows in another order and spelling are held, by plan and by apply, which sends nothing; the override trains."""
    for file in files:
        rewrite(project, file)
    before = made(project)
    text = project.ftops("plan", "--detailed-exitcode", code=4)
    assert WRITTEN in text
    assert f"to do it all the same: --allow retrain:{JOB}" in text
    assert (action(project)["why"], action(project)["gate"]) == ("same-rows", "guard")
    assert posts(project, code=4) == 0
    assert made(project) == before
    assert "is held" in project.ftops("status")
    assert posts(project, *ALLOW, code=3) == len(files) + 1
    assert made(project) == (before[0] + len(files), before[1] + 1)
    advance(project.root, 3)
    project.ftops("apply", "--yes")
    assert "No changes" in project.ftops("plan", "--detailed-exitcode")


def test_putting_the_rows_back_is_free(project: Project) -> None:
    """The file as it was is the dataset as it was."""
    before = (project.root / DATA).read_bytes()
    rewrite(project)
    project.ftops("plan", "--detailed-exitcode", code=4)
    (project.root / DATA).write_bytes(before)
    assert "No changes" in project.ftops("plan", "--detailed-exitcode")


def test_edited_rows_are_told(project: Project) -> None:
    """Three answers edited and two rows added are that, with tokens and money, in every format; apply trains."""
    rewrite(project, edit=edited)
    text = project.ftops("plan", "--detailed-exitcode", code=2)
    line = next(line for line in text.splitlines() if "because dataset/parcels-train is new" in line)
    assert ": 2 rows added, 3 changed; " in line
    assert " tokens" in line and "+USD" in line
    assert line.strip() in project.ftops("plan", "--format", "markdown")
    data = action(project)["data"]
    assert {name: data[name] for name in ("field", "added", "removed", "changed", "kept")} == {
        "field": "training_file",
        "added": 2,
        "removed": 0,
        "changed": 3,
        "kept": 117,
    }
    assert data["tokens_after"] > data["tokens_before"] > 10_000
    cost = action(project)["cost"]["once_usd"]
    share = (data["tokens_after"] - data["tokens_before"]) / data["tokens_after"]
    assert data["usd"] == pytest.approx(cost * share)
    assert posts(project, code=3) == 2


def test_without_what_was_kept_an_edit_is_an_edit(project: Project) -> None:
    """Without the former content the same rows are trained like any other, and the plan says that it could not tell."""
    rewrite(project)
    project.ftops("plan", "--detailed-exitcode", code=4)
    shutil.rmtree(project.root / ".ftops" / "cache")
    text = project.ftops("plan", "--detailed-exitcode", code=2)
    assert "because dataset/parcels-train is new: the former rows are not at hand\n" in text
    assert "to have them compared, keep .ftops/cache/ from run to run, or the former file in the project" in text
    assert "the former rows are not at hand" in project.ftops("plan", "--format", "markdown")
    assert action(project)["data"] is None
    assert {change["field"]: change["uncompared"] for change in action(project)["changes"]} == {"training_file": True}
    assert posts(project, code=3) == 2


def test_a_damaged_cache_fails_no_plan(project: Project) -> None:
    """Whatever stands in the cache, a plan is made."""
    rewrite(project)
    for entry in (project.root / ".ftops" / "cache").glob("*.lasting"):
        entry.write_bytes(entry.read_bytes()[:-8])
    project.ftops("plan", "--detailed-exitcode", code=2)


def test_what_is_kept_is_kept_again(project: Project) -> None:
    """A plan over unchanged specs makes the numbers anew that somebody deleted, so that the next edit is told."""
    for entry in (project.root / ".ftops" / "cache").glob("*.lasting"):
        entry.unlink()
    assert "No changes" in project.ftops("plan")
    rewrite(project)
    project.ftops("plan", "--detailed-exitcode", code=4)


W41 = """\
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: parcels-w41}
spec: {file: data/parcels-w41.jsonl}
"""


@pytest.mark.parametrize("variables", [{}, {"FTOPS_NO_CACHE": "1"}], ids=["cache", "no-cache"])
def test_another_file_is_compared_with_the_former(project: Project, variables: dict[str, str]) -> None:
    """With both files in the project nothing has to be kept: the numbers are those of the two files."""
    shutil.copy(project.root / DATA, project.root / "data/parcels-w41.jsonl")
    rewrite(project, "data/parcels-w41.jsonl", edited)
    former, now = "training_file: {dataset: parcels-train}", "training_file: {dataset: parcels-w41}"
    project.edit("specs/parcels.yaml", former, now)
    specs = project.root / "specs/parcels.yaml"
    specs.write_text(specs.read_text(encoding="utf-8") + W41, encoding="utf-8")
    shutil.rmtree(project.root / ".ftops" / "cache")
    planned = project.run("plan", **variables)
    assert "because dataset/parcels-w41 is new: 2 rows added, 3 changed; " in planned.stdout
    assert (project.root / ".ftops" / "cache").exists() is not bool(variables)


def test_a_pinned_file_is_not_read(project: Project) -> None:
    """A dataset whose content is pinned is at hand only by what was kept of it before."""
    rewrite(project)
    digest = str(action(project, "dataset/parcels-train")["digest"])
    pinned = f"file: {DATA}\nlifecycle: {{sha256: {digest}}}\n"
    project.edit("specs/parcels.yaml", f"file: {DATA}\n", pinned)
    assert action(project)["why"] == "same-rows"
    shutil.rmtree(project.root / ".ftops" / "cache")
    assert action(project)["why"] == "changed"
    assert "not at hand" not in project.ftops("plan")  # Nor would it be compared with the former content.


def test_a_former_file_that_is_gone_from_the_account_tells_nothing(project: Project) -> None:
    """Which content a job was trained with is known by its file; without it there is nothing to compare with."""
    rewrite(project)
    project.emulator(delete_files)
    assert action(project)["data"] is None
    assert not any(change["uncompared"] for change in action(project)["changes"])


def delete_files(emulator: Emulator) -> None:
    """Delete everything that was uploaded."""
    for file in emulator.snapshot("local")["files"]:
        emulator.delete_file(str(file["id"]))

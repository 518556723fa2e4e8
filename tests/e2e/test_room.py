"""An account without room for files: nothing is sent, the line tells what could go, and once it is gone all goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ACCOUNT, REGION, Project

from ftops.emulator import Emulator
from ftops.upkeep import sized

GB = 1_000_000_000


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a scratch copy of the quickstart."""
    return Project.copy_of("quickstart", tmp_path / "project")


def place(project: Project, purpose: str, size_bytes: int, count: int = 1) -> list[str]:
    """Let somebody have uploaded files, and return their ids."""
    ids: list[str] = []

    def act(emulator: Emulator) -> None:
        emulator.ensure_account(ACCOUNT, REGION)
        ids.extend(emulator.place_file(ACCOUNT, f"{n}.jsonl", purpose, size_bytes) for n in range(count))

    project.emulator(act)
    return ids


def sent(project: Project, code: int) -> list[str]:
    """Apply, and return the writes that it sent."""
    done = project.run("apply", "--yes", "-v")
    assert done.returncode == code, done.stdout + done.stderr
    return [line for line in done.stderr.splitlines() if "POST data:" in line or "PUT arm:" in line]


def needed(project: Project) -> int:
    """Return the bytes of the project's data."""
    return sum(path.stat().st_size for path in (project.root / "data").glob("*.jsonl"))


def test_nothing_is_sent_that_the_account_has_no_bytes_for(project: Project) -> None:
    """One byte too many holds the upload and what waits for it; a file of somebody else is counted, never named."""
    (theirs,) = place(project, "fine-tune", GB - needed(project) + 1)
    told = project.ftops("plan")
    assert "x dataset/parcels-valid" in told
    assert "1 byte more than is left\n      ftops knows of none that is not needed any more\n" in told
    assert "      counted too: 1 file of others (999." in told
    assert "delete what nobody needs in the portal, or with DELETE /files/ID" in told
    assert theirs not in told
    assert sent(project, 4) == []
    assert [file["id"] for file in project.snapshot()["files"]] == [theirs]
    project.emulator(lambda emulator: emulator.delete_file(theirs))
    assert project.ftops("apply", "--yes", "--wait").endswith("Converged.\n")


def test_exactly_what_is_left_is_sent(project: Project) -> None:
    """The service takes it too: both count in the same bytes."""
    place(project, "fine-tune", GB - needed(project))
    assert len([line for line in sent(project, 3) if "/files" in line]) == 2


@pytest.mark.parametrize(("count", "uploads", "code"), [(98, 2, 3), (99, 0, 4), (100, 0, 4)])
def test_no_more_files_are_sent_than_the_account_takes(project: Project, count: int, uploads: int, code: int) -> None:
    """A hundred files; one of two is not sent where only both together are of use."""
    place(project, "fine-tune", 10, count)
    assert len([line for line in sent(project, code) if "/files" in line]) == uploads


def test_what_sources_disagree_about_is_told_and_nothing_is_held(project: Project) -> None:
    """Result files may count in the hundred, and files of other tools in the bytes."""
    place(project, "fine-tune-results", 10, 99)
    place(project, "batch", 5 * GB)
    told = project.ftops("plan")
    assert "! account/local" in told
    assert "with this plan it may hold 101 of 100 files: sources disagree whether result files count" in told
    assert "files of other tools may not count (5,000 MB)" in told
    assert project.ftops("apply", "--yes", "--wait").endswith("Converged.\n")


def test_what_could_go_is_named_and_makes_room(project: Project) -> None:
    """New data under a new name leaves the old file behind: with it the account is full, without it all goes on."""
    project.ftops("apply", "--yes", "--wait")
    held = project.snapshot()["files"]
    (old,) = (str(file["id"]) for file in held if str(file["filename"]).startswith("parcels-train."))
    data = project.root / "data" / "parcels-train.jsonl"
    size_bytes = data.stat().st_size
    place(project, "fine-tune", GB - sum(int(str(file["bytes"])) for file in held) - size_bytes)
    data.write_text(data.read_text(encoding="utf-8") * 2, encoding="utf-8")
    for spec in (project.root / "specs").glob("*.yaml"):
        text = spec.read_text(encoding="utf-8")
        text = text.replace("name: parcels-train", "name: parcels-2")
        spec.write_text(text.replace("dataset: parcels-train", "dataset: parcels-2"), encoding="utf-8")
    assert sent(project, 4) == []
    told = project.ftops("plan")
    assert f"not needed any more: {old} parcels-train ({sized(size_bytes)})\n" in told
    assert "counted too: 1 file of others (" in told
    assert "), 1 result file (" in told
    project.emulator(lambda emulator: emulator.delete_file(old))
    assert project.ftops("apply", "--yes", "--wait").endswith("Converged.\n")

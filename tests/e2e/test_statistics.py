"""What `ftops validate` tells of datasets on request: --stats, --show-text and --strict, by the installed command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import EXAMPLES, Project

DOCS = EXAMPLES.parents[1] / "docs" / "datasets.md"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a scratch copy of the quickstart."""
    return Project.copy_of("quickstart", tmp_path / "project")


def first_data(project: Project) -> Path:
    """Return the file of the training data."""
    return project.root / "data" / "parcels-train.jsonl"


def add(path: Path, *rows: str) -> None:
    """Write further rows to a file."""
    path.write_text(path.read_text(encoding="utf-8") + "".join(f"{row}\n" for row in rows), encoding="utf-8")


def chat(user: str, answer: str = '"Here."') -> str:
    """Return a row of chat; `answer` is JSON, with whatever keys follow it."""
    return (
        f"""{{"messages": [{{"role": "user", "content": "{user}"}}, {{"role": "assistant", "content": {answer}}}]}}"""
    )


def test_the_sample_in_the_documentation_is_what_one_sees(project: Project) -> None:
    """The numbers of the training data in docs/datasets.md are those of the example."""
    shown = DOCS.read_text(encoding="utf-8").partition("$ ftops validate --stats\n")[2].partition("\n```")[0]
    assert shown.startswith("dataset/parcels-train ")
    assert f"{shown}\n\n" in project.ftops("validate", "--stats")


def test_statistics_as_json_agree_with_the_file(project: Project) -> None:
    """Rows and bars count the file's lines, the longest row is the one that was added, and the job has 3 epochs."""
    add(first_data(project), chat("word " * 2_000))
    lines = first_data(project).read_text(encoding="utf-8").count("\n")
    (found,) = (
        each
        for each in json.loads(project.ftops("validate", "--stats", "--format", "json"))["datasets"]
        if each["address"] == "dataset/parcels-train"
    )
    assert found["rows"] == sum(rows for _, rows in found["bars"]) == lines
    assert found["longest"][0] == [found["most"], lines]
    assert [each["tokens"] for each in found["trained"]] == [3 * found["tokens"]]
    assert found["prompts"]["rows_without"] == 1
    assert found["prompts"]["text"] == ""


def test_text_of_rows_is_shown_only_where_it_is_asked_for(project: Project) -> None:
    """A system prompt by --stats --show-text, and a row with a problem by --show-text."""
    prompt = json.loads(first_data(project).read_text(encoding="utf-8").splitlines()[0])["messages"][0]["content"]
    assert prompt not in project.ftops("validate", "--stats")
    assert f"    | {prompt}" in project.ftops("validate", "--stats", "--show-text")
    add(first_data(project), chat("a secret row", "7"))
    quiet, shown = project.run("validate"), project.run("validate", "--show-text")
    assert (quiet.returncode, shown.returncode) == (1, 1)
    assert "a secret row" not in quiet.stderr
    assert "a secret row" in shown.stderr


def test_statistics_of_files_with_problems(project: Project) -> None:
    """An empty file and one that is no JSON end the command with their errors, not with a fault of ours."""
    first_data(project).write_text("", encoding="utf-8")
    (project.root / "data" / "parcels-valid.jsonl").write_text("[\n", encoding="utf-8")
    done = project.run("validate", "--stats")
    assert done.returncode == 1
    assert "error[too-few-rows]" in done.stderr
    assert "error[bad-json]" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_that_are_written_twice_are_looked_for_by_strict(project: Project) -> None:
    """The second pass over a row is only made with --strict, and answers from the cache do not mix the two up."""
    add(first_data(project), chat("Where?", '"Here.", "content": "There."'))
    for _ in range(2):
        assert "repeated-key" not in project.run("validate").stderr
        done = project.run("validate", "--strict")
        assert done.returncode == 1
        assert "parcels-train.jsonl:121:" in done.stderr
        assert "error[repeated-key]" in done.stderr


def test_a_row_of_training_and_validation_is_told_however_it_is_written(project: Project) -> None:
    """A row is the same in another order of keys and with other spaces; both lines are told."""
    add(
        first_data(project),
        """{"messages": [{"role": "user", "content": "caf\\u00e9"}, {"role": "assistant", "content": "y"}]}""",
    )
    add(
        project.root / "data" / "parcels-valid.jsonl",
        """{"messages":[{"content":"café","role":"user"},{"content":"y","role":"assistant"}]}""",
    )
    told = project.run("validate")
    assert told.returncode == 0
    assert "parcels-valid.jsonl:61:1: warning[shared-row]" in told.stderr
    assert "line 121" in " ".join(told.stderr.split())

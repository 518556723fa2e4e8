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


STRANGE = {
    "an object of Python": (b'{"messages": None}\n', "bad-json", "None is not a JSON value; JSON writes null"),
    "a list of rows": (b'{"messages": []},\n', "bad-json", "a comma stands behind the row"),
    "an array of rows": (b'[\n{"messages": []},\n]\n', "bad-json", "the rows stand in an array"),
    "UTF-16 without a mark": ('{"messages": []}\n'.encode("utf-16-le"), "not-utf8", "The file is UTF-16"),
    "UTF-16 the other way round": ('{"messages": []}\n'.encode("utf-16-be"), "not-utf8", "The file is UTF-16"),
    "Alpaca": (b'{"instruction": "Say", "input": "hi", "output": "Hi"}\n', "wrong-format", "an instruction row"),
    "ShareGPT": (b'{"conversations": []}\n', "wrong-format", "a conversation as for ShareGPT"),
    "one row": (b'{"messages": []}', "too-few-rows", "The file has 1 row;"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_files_that_people_bring(name: str, project: Project) -> None:
    """What other tools write is called by its name, once, and not as a heap of syntax."""
    content, code, words = STRANGE[name]
    first_data(project).write_bytes(content)
    done = project.run("validate")
    assert done.returncode == 1
    assert f"error[{code}]" in done.stderr
    assert words in " ".join(done.stderr.split())


@pytest.mark.parametrize("content", [chat("a secret row"), f"[{chat('a secret row')},", f"\n {chat('a secret row')},"])
def test_rows_in_the_place_of_specs_are_not_shown(content: str, project: Project) -> None:
    """A dataset given as a path or by standard input is called data, and none of its text is printed."""
    first_data(project).write_text(f"{content}\n{content}\n", encoding="utf-8")
    for done in (
        project.run("validate", "data/parcels-train.jsonl"),
        project.run("validate", "-", stdin=f"{content}\n{content}\n"),
    ):
        assert done.returncode == 1
        assert "error[not-a-document]" in done.stderr
        assert "Name the file in a Dataset" in " ".join(done.stderr.split())
        assert "secret" not in done.stderr + done.stdout


def test_strict_tells_why_a_warning_ends_the_command(project: Project) -> None:
    """Without an error in the list the reader has to be told what failed."""
    add(first_data(project), "")
    assert "--strict" not in project.run("validate").stderr
    done = project.run("validate", "--strict")
    assert done.returncode == 1
    assert done.stderr.endswith("Warnings count as errors: --strict.\n")


def test_text_of_rows_goes_to_no_format_that_is_kept(project: Project) -> None:
    """Annotations and SARIF end up where others read them."""
    for format_ in ("github", "sarif"):
        assert "--show-text goes with" in project.run("validate", "--show-text", "--format", format_).stderr


def test_a_link_to_itself_is_called_a_link(project: Project) -> None:
    """It is not said to be missing with its own name as the way out."""
    first_data(project).unlink()
    first_data(project).symlink_to("parcels-train.jsonl")
    assert "is a symbolic link that leads nowhere" in " ".join(project.run("validate").stderr.split())

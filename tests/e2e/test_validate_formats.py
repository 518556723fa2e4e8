"""The installed command's `validate --format`: the golden output of a small folder, exit codes, and the repository."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from harness import Project
from jsonschema import Draft4Validator

from ftops import __version__

TESTS = Path(__file__).resolve().parents[1]
CASE = TESTS / "cases" / "formats"
UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
GOLDEN = {"text": "text.txt", "json": "json.json", "github": "github.txt", "sarif": "sarif.json"}
FORMATS = tuple(GOLDEN)
MACHINE = ("json", "sarif")
"""Formats of which every result is one document."""


@pytest.fixture
def broken(tmp_path: Path) -> Project:
    """Return a scratch copy of a folder with errors and warnings in specs and data."""
    return Project(Path(shutil.copytree(CASE / "project", tmp_path / "project")))


@pytest.fixture
def sound(tmp_path: Path) -> Project:
    """Return a scratch copy of the quickstart."""
    return Project.copy_of("quickstart", tmp_path / "sound")


def warned(project: Project) -> Project:
    """Give a project a warning."""
    path = min((project.root / "data").iterdir())
    path.write_text(f"{path.read_text(encoding='utf-8')}\n\n", encoding="utf-8")
    return project


@pytest.mark.parametrize("format_", FORMATS)
def test_a_small_folder_in_every_format(format_: str, broken: Project) -> None:
    """What is printed is what a person has read and committed; no format tells the text of a row."""
    done = broken.run("validate", "--format", format_)
    told = (done.stderr if format_ == "text" else done.stdout).replace(f'"{__version__}"', '"0.0.0"')
    golden = CASE / "expected" / GOLDEN[format_]
    if UPDATE:
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")
    assert (done.returncode, done.stdout if format_ == "text" else done.stderr) == (1, "")
    assert "a secret row" not in told


def test_formats_tell_the_same(broken: Project) -> None:
    """Places and codes are the same in JSON, annotations and SARIF, in whatever order."""
    found = json.loads(broken.ftops("validate", "--format", "json", code=1))["diagnostics"]
    places = sorted((each["file"], each["line"], each["code"]) for each in found)
    lines = broken.ftops("validate", "--format", "github", code=1).splitlines()
    results = json.loads(broken.ftops("validate", "--format", "sarif", code=1))["runs"][0]["results"]
    assert len(places) == len(lines) == len(results)
    assert sorted(each["ruleId"] for each in results) == sorted(code for _, _, code in places)
    for file, line, code in places:
        name = file.replace("%", "%25").replace(",", "%2C")
        assert any(f"file={name},{f'line={line}' if line else 'title'}" in each and code in each for each in lines)


@pytest.mark.parametrize("format_", FORMATS)
def test_exit_codes_are_those_of_text(format_: str, sound: Project) -> None:
    """All well is 0; a warning is 0, with --strict 1; the sum for people is printed when the command ends well."""
    out = sound.ftops("validate", "--format", format_)
    assert ("Valid: " in out) is (format_ not in MACHINE)
    warned(sound)
    out = sound.ftops("validate", "--format", format_)
    assert out.endswith("\n") and ("Valid: " in out) is (format_ not in MACHINE)
    strict = sound.ftops("validate", "--format", format_, "--strict", code=1)
    assert "Valid: " not in strict
    assert ("blank-line" in strict) is (format_ != "text")


def test_sarif_is_valid_by_the_standards_schema(broken: Project, sound: Project) -> None:
    """With and without findings the document is SARIF; what was found is no failure of the tool."""
    judge = Draft4Validator(json.loads((TESTS / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8")))
    for project, code in ((broken, 1), (sound, 0)):
        document = json.loads(project.ftops("validate", "--format", "sarif", code=code))
        judge.validate(document)
        assert document["runs"][0]["invocations"] == [{"executionSuccessful": True}]


def test_files_are_told_from_the_repository(broken: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """In GitHub Actions a project in a folder is found from the repository's root, whatever way it is entered."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(broken.root.parent))
    outside = Project(broken.root.parent)
    for project, options in ((broken, ()), (outside, ("-C", "project"))):
        github = project.ftops(*options, "validate", "--format", "github", code=1)
        assert github.count("file=project/specs/support.yaml,") == 3
        sarif = json.loads(project.ftops(*options, "validate", "--format", "sarif", code=1))
        uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in sarif["runs"][0]["results"]}
        assert uris == {
            *("project/specs/support.yaml", "project/data/valid.jsonl", "project/data/train%2C%2050%25.jsonl"),
        }
    text = broken.run("validate")
    assert "project/specs" not in text.stderr


def test_a_repository_elsewhere_changes_nothing(broken: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that is not under the named repository is told from its own root."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(broken.root / "specs"))
    assert "file=specs/support.yaml," in broken.ftops("validate", "--format", "github", code=1)


def test_standard_input_is_no_file_of_the_repository(broken: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read from a pipe keeps its name."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(broken.root.parent))
    out = broken.ftops("validate", "-", "--format", "github", code=1, stdin="{")
    assert out.startswith("::error file=<stdin>,line=1,col=")


def test_more_mistakes_than_github_shows(sound: Project) -> None:
    """Of many errors the first ten are annotations, and a notice counts the others."""
    lines = "".join(f"  surprise{n}: 1\n" for n in range(25))
    (sound.root / "specs" / "more.yaml").write_text(
        f"apiVersion: ftops/v1alpha1\nkind: Dataset\nmetadata: {{name: more}}\nspec:\n  file: x\n{lines}",
        encoding="utf-8",
    )
    *shown, last = sound.ftops("validate", "--format", "github", code=1).splitlines()
    assert [line.partition(" ")[0] for line in shown] == ["::error"] * 10
    assert last == "::notice title=ftops::Not shown here: 15 more errors. `ftops validate` lists them all."


@pytest.mark.parametrize("format_", FORMATS)
def test_the_second_run_prints_what_the_first_did(format_: str, broken: Project) -> None:
    """Whether an answer was known cannot be told from it."""
    first, second = (broken.run("validate", "--format", format_) for _ in range(2))
    assert (first.stdout, first.stderr) == (second.stdout, second.stderr)

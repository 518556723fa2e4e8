"""`ftops emulator faults` as a person uses it: trouble from a file, met by the commands that run next."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from harness import EXAMPLES, Project
from serving import FILES, served

TROUBLE = EXAMPLES.parent / "faults"
WAITING, CONVERGED = 3, 0
RUNS_MAX = 6


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a scratch copy of the quickstart."""
    return Project.copy_of("quickstart", tmp_path)


def converge(project: Project) -> int:
    """Apply until everything has converged, and return how many runs that took."""
    for run in range(1, RUNS_MAX + 1):
        done = project.run("apply", "--yes", "--wait")
        if done.returncode == CONVERGED:
            return run
        assert "Traceback" not in done.stderr
    raise AssertionError(done.stdout + done.stderr)


@pytest.mark.parametrize("file", sorted(TROUBLE.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_quickstart_converges_under_each_example(project: Project, file: Path) -> None:
    """Whatever the example does, each thing is made once, and every one of its rules has acted."""
    project.ftops("emulator", "faults", str(file))
    converge(project)
    held = project.snapshot()
    assert [len(held[kind]) for kind in ("jobs", "deployments")] == [1, 1]
    assert sorted(str(each["purpose"]) for each in held["files"]) == ["fine-tune", "fine-tune", "fine-tune-results"]
    shown = project.ftops("emulator", "faults")
    acted = [int(row[1]) for row in re.findall(r"^ +(\d+) +(\d+)  ", shown, re.MULTILINE)]
    assert all(acted), shown
    assert acted or "limits: files 2," in shown


BROKEN = """seed: 7
limits: {file: 3}
faults:
  - effect: drop-aftr
  - {effect: throttled, chance: 2}
"""


def test_problems_of_a_file_are_told_together_with_their_places(project: Project) -> None:
    """Every mistake is told with file, line, column, reason and way out, and what was in force stays."""
    project.ftops("emulator", "faults", "-", stdin="limits: {jobs: 9}")
    (project.root / "trouble.yaml").write_text(BROKEN, encoding="utf-8")
    done = project.run("emulator", "faults", "trouble.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    places = re.findall(r"^trouble\.yaml:(\d+):(\d+): error\[([a-z-]+)\]", done.stderr, re.MULTILINE)
    assert places == [("2", "10", "unknown-field"), ("4", "13", "bad-value"), ("5", "33", "out-of-range")]
    for words in ('Did you mean "files"?', 'Did you mean "drop-after"?', "from 0 to 1", "3 errors."):
        assert words in done.stderr
    assert "limits: jobs 9" in project.ftops("emulator", "faults")


WRONG = {
    "nothing there": (["nowhere.yaml"], "", 1, "nowhere.yaml: error[path-not-found]"),
    "a folder": (["specs"], "", 1, "specs: error[not-a-file]"),
    "no YAML": (["-"], "faults: [", 1, "<stdin>:1:10: error[yaml-syntax]"),
    "two documents": (["-"], "seed: 1\n---\nseed: 2\n", 1, "<stdin>:3:1: error[not-a-document]"),
    "a key twice": (["-"], "seed: 1\nseed: 2\n", 1, "<stdin>:2:1: error[duplicate-key]"),
    "too large": (["-"], "#" * (17 << 20), 1, "<stdin>: error[file-too-large]"),
    "a file and --clear": (["-", "--clear"], "", 64, "takes no FILE"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_description_is_refused(project: Project, name: str) -> None:
    """Whatever cannot be read says where and why."""
    arguments, stdin, code, words = WRONG[name]
    done = project.run("emulator", "faults", *arguments, stdin=stdin)
    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_a_file_replaces_what_was_in_force_and_clear_removes_it(project: Project) -> None:
    """What is in force is shown after each change, as it was given, and JSON is taken too."""
    shown = project.ftops("emulator", "faults", "-", stdin="faults: [{effect: unavailable, path: /x$, nth: 2}]")
    head, table = shown.splitlines()[0], shown.splitlines()[1:]
    assert head == "ftops-emulator.db: 1 rule"
    assert [line.split() for line in table] == [
        ["met", "acted", "effect", "requests"],
        ["0", "0", "unavailable", "/x$", "nth", "2"],
    ]
    given = json.dumps({"seed": 4, "limits": {"log_service_deletions": True}, "quirks": {"metadata": "drop"}})
    replaced = project.ftops("emulator", "faults", "-", stdin=given)
    assert replaced == "ftops-emulator.db: seed 4\n  limits: log_service_deletions true\n  quirks: metadata drop\n"
    assert project.ftops("emulator", "faults") == replaced
    assert project.ftops("emulator", "faults", "--clear") == "ftops-emulator.db: nothing is in force\n"
    project.ftops("emulator", "faults", "-", stdin=given)
    assert project.ftops("emulator", "faults", "-", stdin="# nothing\n") == "ftops-emulator.db: nothing is in force\n"


def test_a_rule_that_ends_the_process_does_so_once(project: Project) -> None:
    """`die-after` ends the apply where it is, and the next one goes on from there: nothing is made twice."""
    project.ftops("emulator", "faults", "-", stdin="faults: [{effect: die-after, method: POST, path: /jobs$}]")
    assert project.run("apply", "--yes", "--wait").returncode == 9
    converge(project)
    assert len(project.snapshot()["jobs"]) == 1
    assert re.search(r"^ +\d+ +1  die-after", project.ftops("emulator", "faults"), re.MULTILINE)


def test_every_emulator_of_the_project_gets_it(project: Project) -> None:
    """Accounts in several files have the same trouble."""
    project.edit(
        "specs/project.yaml",
        "    local: {emulator: ftops-emulator.db, region: eastus2}",
        "    east: {emulator: a.db}\n    west: {emulator: b.db}\n  defaultAccount: east",
    )
    shown = project.ftops("emulator", "faults", "-", stdin="limits: {jobs: 9}")
    assert shown == "a.db: \n  limits: jobs 9\nb.db: \n  limits: jobs 9\n".replace(": \n", ":\n")


def test_a_served_emulator_meets_it_from_the_next_request_on(project: Project) -> None:
    """What the command puts in force in the file, the server that has it open acts on, and shows."""
    with served(project.root) as server:
        assert server.call("GET", FILES)[0] == 200
        project.ftops("emulator", "faults", "-", stdin="faults: [{effect: unavailable, path: /files$}]")
        assert server.call("GET", FILES)[0] == 503
        assert server.call("GET", FILES)[0] == 200
        assert server.call("GET", "/_emulator/faults")[1]["met"] == [{"met": 2, "acted": 1}]
        project.ftops("emulator", "reset")
        assert server.call("GET", "/_emulator/faults")[1]["met"] == []

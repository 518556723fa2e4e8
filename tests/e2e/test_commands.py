"""The installed command: schema, explain, completion, markdown, and what a terminal and its signals do to it."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Project

from ftops.cli import COMMANDS
from ftops.commands.completion import SHELLS

FTOPS = str(Path(sys.executable).with_name("ftops"))
SILENCE_S = 10
"""How long nothing may be told before a signal is taken to be lost."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a scratch copy of the quickstart."""
    return Project.copy_of("quickstart", tmp_path / "project")


WRONG = {
    "schema of another draft": (["schema", "--draft", "4"], 64, "'4' is not one of '2020-12', '7'"),
    "schema into a directory": (["schema", "-o", "specs"], 1, "specs cannot be written"),
    "schema of something": (["schema", "Dataset"], 64, "unexpected extra argument"),
    "unknown code": (["explain", "unknown-feild"], 64, 'Did you mean "unknown-field"?'),
    "nonsense code": (["explain", "xyzzy"], 64, "`ftops explain` lists all"),
    "two codes": (["explain", "retrain", "create"], 64, "unexpected extra argument"),
    "powershell": (["completion", "powershell"], 64, "the shells are bash, zsh and fish."),
    "shell in capitals": (["completion", "Bash"], 64, 'Did you mean "bash"?'),
    "no shell": (["completion"], 64, "Missing argument 'SHELL'"),
    "plan format of a later version": (["plan", "--format", "html"], 64, "not-yet: --format html is not built yet"),
    "unknown format of validate": (["validate", "--format", "SARIF"], 64, "'json', 'github', 'sarif'"),
    "unknown format": (["plan", "--format", "yaml"], 64, "'yaml' is not one of 'text', 'json', 'markdown'"),
    "cut of a text": (["plan", "--max-chars", "5000"], 64, "--max-chars cuts --format markdown only"),
    "too short a cut": (["plan", "--format", "markdown", "--max-chars", "10"], 64, "is not in the range"),
    "no number": (["plan", "--format", "markdown", "--max-chars", "many"], 64, "'many' is not a valid integer"),
    "huge duration": (["emulator", "advance", "99999999999d"], 64, "is longer than ten years (3650d)"),
    "duration of many digits": (["emulator", "advance", f"{'9' * 5000}d"], 64, "is no length of time"),
    "huge timeout": (["apply", "--timeout", "4000d"], 64, "is longer than ten years"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ways_are_refused_with_the_way_out(project: Project, name: str) -> None:
    """Each wrong way is answered with what is right, and nothing is printed as a result."""
    arguments, code, words = WRONG[name]
    done = project.run(*arguments)
    assert (done.returncode, done.stdout, words in done.stderr) == (code, "", True), done.stderr


def test_schema_is_printed_and_written(project: Project) -> None:
    """The file is what is printed, under the project root, in a folder that is made for it."""
    printed = project.ftops("schema", "--draft", "7")
    assert json.loads(printed)["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert "2020-12" in json.loads(project.ftops("schema"))["$schema"]
    project.ftops("schema", "--draft", "7", "-o", ".ftops/schema.json")
    assert (project.root / ".ftops" / "schema.json").read_text(encoding="utf-8") == printed


def test_init_commits_its_schema_and_nothing_else_of_its_folder(tmp_path: Path) -> None:
    """Git sees the schema of a new project, and neither the journal nor the emulator's store."""
    Project(tmp_path).ftops("init", "parcels")
    project = Project(tmp_path / "parcels")
    project.ftops("apply", "--yes", code=3)
    assert (project.root / ".ftops" / "journal.jsonl").exists()
    git = shutil.which("git")
    assert git is not None
    subprocess.run([git, "init", "-q"], cwd=project.root, check=True)  # noqa: S603
    listed = [git, "ls-files", "--others", "--exclude-standard"]
    seen = subprocess.run(listed, cwd=project.root, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603
    assert set(seen) == {
        *(".ftops/schema.json", ".gitignore", "data/train.jsonl", "data/valid.jsonl"),
        *("specs/assistant.yaml", "specs/project.yaml"),
    }


def test_explain_needs_no_project(tmp_path: Path) -> None:
    """A code is explained anywhere; a guard's word may be given with its address, as a plan prints it."""
    anywhere = Project(tmp_path)
    assert "unknown-field  (error, Documents)" in anywhere.ftops("explain", "unknown-field")
    assert anywhere.ftops("explain", "error[bad-name]: Bad name") == anywhere.ftops("explain", "bad-name")
    assert anywhere.ftops("explain", "retrain:job/a") == anywhere.ftops("explain", "retrain")
    assert "Reasons in a plan\n" in anywhere.ftops("explain")


def complete(project: Project, *words: str) -> list[str]:
    """Return what bash would offer for the last word, by the script that `ftops completion bash` prints."""
    bash = shutil.which("bash")
    assert bash is not None
    script = (
        f'export PATH="{Path(sys.executable).parent}:$PATH"; source <(ftops completion bash); '
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { COMPREPLY+=("$2"); }; '
        '_ftops_completion ftops "${COMP_WORDS[COMP_CWORD]}" ""; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(  # noqa: S603
        [bash, "-c", script, "bash", "ftops", *words], cwd=project.root, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return done.stdout.split("\n")[:-1]


COMPLETIONS = {
    "commands": ([""], [*COMMANDS]),
    "a command": (["st"], ["status"]),
    "common options": (["--no"], ["--no-color"]),
    "options": (["plan", "--max"], ["--max-chars"]),
    "values": (["plan", "--format", ""], ["text", "json", "markdown"]),
    "addresses": (["status", "job/"], ["job/parcels-v1"]),
    "codes": (["explain", "unknown-k"], ["unknown-kind"]),
    "shells": (["completion", ""], [*SHELLS]),
    "files": (["plan", "spe"], ["default"]),
    "directories": (["-C", ""], ["dirnames"]),
    "after what does not exist": (["plann", ""], [*COMMANDS]),
    "after what is not built": (["metrics", ""], [*COMMANDS]),
}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_bash_completes(project: Project, name: str) -> None:
    """The printed script offers exactly what fits, in a shell that has it, and never prints an error."""
    words, expected = COMPLETIONS[name]
    assert complete(project, *words) == expected


def test_addresses_are_offered_from_specs_only_and_never_fail(project: Project) -> None:
    """Outside of a project nothing is read; broken specs offer what is sound."""
    assert complete(Project(project.root.parent), "status", "") == [""]
    (project.root / "specs" / "broken.yaml").write_text("kind: [", encoding="utf-8")
    assert "job/parcels-v1" in complete(project, "status", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_its_script(project: Project, shell: str) -> None:
    """Each script asks by the variable that ftops answers to, in that shell's way."""
    assert f"_FTOPS_COMPLETE={shell}_complete" in project.ftops("completion", shell)
    number = "sta" if shell == "fish" else "1"  # Fish gives the word where the others give its place.
    environment = {
        **os.environ,
        "_FTOPS_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "ftops sta",
        "COMP_CWORD": number,
    }
    done = subprocess.run([FTOPS], env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert "status" in done.stdout


def test_plan_and_status_as_markdown(project: Project) -> None:
    """Both are tables; a plan's cut says what is left out."""
    told = project.ftops("plan", "--format", "markdown")
    assert "| `+` | `job/parcels-v1` |" in told
    assert "**Plan: 4 to create, 0 to update, 0 to delete, 0 unchanged. Training USD 0.19, hosting" in told
    cut = project.ftops("plan", "--format", "markdown", "--max-chars", "1000")
    assert len(cut) <= 1000
    assert ("left out" in cut) == (len(told) > 1000)
    assert "| `job/parcels-v1` | absent |" in project.ftops("status", "--format", "markdown")


def test_what_the_terminal_cannot_show_is_escaped(project: Project) -> None:
    """An output of ASCII gets escapes for what it lacks, and no traceback."""
    project.edit("specs/parcels.yaml", "n_epochs: 3", 'n_epochs: 3, "é": 1')
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [FTOPS, "validate", "--format", "json"]
    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert b"unknown-field" in done.stdout
    listed = subprocess.run([FTOPS, "validate"], cwd=project.root, env=environment, capture_output=True, check=False)  # noqa: S603
    assert b"\\xe9" in listed.stderr
    told = subprocess.run([FTOPS, "explain", "message-shape"], env=environment, capture_output=True, check=True).stdout  # noqa: S603
    assert b"\\u2026" in told


def test_errors_are_told_by_what_was_parsed(project: Project) -> None:
    """The environment counts for errors as for results, and an argument that looks like an option is none."""
    project.edit("specs/parcels.yaml", "n_epochs", "n_epoch")
    environment = {**os.environ, "FORCE_COLOR": "1"}
    environment.pop("NO_COLOR", None)
    command = [FTOPS, "plan"]

    def coloured(arguments: list[str], **more: str) -> bool:
        done = subprocess.run(  # noqa: S603
            [*command, *arguments], cwd=project.root, env={**environment, **more}, capture_output=True, check=False
        )
        assert done.returncode == 1
        return b"\x1b[" in done.stderr

    assert coloured([])
    assert not coloured(["--no-color"])
    assert not coloured([], FTOPS_NO_COLOR="1")
    (project.root / "specs").rename(project.root / "--no-color")
    assert coloured(["--", "--no-color"])


@pytest.mark.parametrize("how", ["signal", "end of input"])
def test_leaving_at_the_question_does_nothing(project: Project, how: str) -> None:
    """The first Ctrl-C at the prompt, or an end of input, ends with 130 at once, and the account is as it was."""
    main, side = pty.openpty()
    with subprocess.Popen([FTOPS, "apply"], cwd=project.root, stdin=side, stdout=side, stderr=side) as process:  # noqa: S603
        os.close(side)
        told = b""
        while not told.endswith(b'Only "yes" is accepted [no]: '):
            told += os.read(main, 65536)
        if how == "signal":
            _until_it_waits(process.pid)
            process.send_signal(signal.SIGINT)
            while not select.select([main], [], [], SILENCE_S)[0]:
                process.send_signal(signal.SIGINT)  # The first one came between its last look and its read.
        else:
            os.write(main, b"\x04")
        told += _rest(main)
        os.close(main)
    assert process.returncode == 130, told
    assert b"Do these 4 things?" in told
    assert told.rstrip().endswith(b"Nothing was done.")
    assert not project.snapshot()["files"]


def _until_it_waits(process: int) -> None:
    """Return when a process that has asked reads the answer; a signal just before its read is heard only after that."""
    state = Path(f"/proc/{process}/stat")  # Only Linux has it; elsewhere the moment of the signal is left to chance.
    while state.exists() and state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "RD":
        os.sched_yield()


def _rest(terminal: int) -> bytes:
    told = b""
    while True:
        try:
            block = os.read(terminal, 65536)
        except OSError:
            return told
        if not block:
            return told
        told += block

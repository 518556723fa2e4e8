"""What the light paths of the command import: heavy libraries must not creep into them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftops.cache import FOLDER, Cache
from ftops.cli import COMMANDS
from ftops.commands import declaration
from ftops.commands.checking import check
from ftops.commands.verdicts import Verdict, ask
from ftops.testing import FakeClock

HEAVY = frozenset(
    {
        *(
            "asyncio",
            "azure",
            "concurrent",
            "cryptography",
            "deepdiff",
            "filelock",
            "http",
            "httpx",
            "logging",
            "msgspec",
        ),
        *("importlib.metadata", "pydantic", "pydantic_core", "rich", "sqlite3", "tomllib", "werkzeug", "yaml"),
        *("ftops.emulator", "ftops.kinds", "ftops.planner", "ftops.rules", "ftops.wire"),
    }
)
"""Each of them takes longer to import than a command that only prints takes altogether."""
PROJECT = """\
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: light-2b7x}
spec: {accounts: {local: {emulator: ftops-emulator.db, region: eastus2}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: train}
spec: {file: train.jsonl}
"""
ROW = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with one dataset, where no variable is set that specs may name: they count in what is known."""
    for name in [name for name in os.environ if name.startswith("FTOPS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "project.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "train.jsonl").write_text(ROW * 12, encoding="utf-8")
    return tmp_path


def imported(folder: Path, *arguments: str) -> set[str]:
    """Return the names of all modules that a command line imports, by Python's own account."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FTOPS_", "COV_")) or k == "FTOPS_TOKENS"}
    command = [sys.executable, "-X", "importtime", "-c", "from ftops.__main__ import main; main()", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr[-2000:]
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def heavy_in(modules: set[str]) -> set[str]:
    """Return which of the heavy ones are among the modules."""
    return {heavy for heavy in HEAVY if any(m == heavy or m.startswith(f"{heavy}.") for m in modules)}


def test_the_list_of_heavy_modules_is_one_of_modules(project: Path) -> None:
    """A plan imports most of what a light path must not: so the names are spelled right and the test can fail."""
    modules = imported(project, "plan")
    assert heavy_in(modules) >= {"pydantic", "yaml", "httpx", "msgspec", "werkzeug", "sqlite3", "ftops.wire"}


@pytest.mark.parametrize("arguments", [("version",), ("--help",)], ids=lambda a: a[0])
def test_a_command_that_only_prints_imports_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """`ftops version` and `ftops --help` need click and little else."""
    assert heavy_in(imported(tmp_path, *arguments)) == set()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_a_command_imports_nothing_heavy(command: str, tmp_path: Path) -> None:
    """A command's module imports what the command works with when it works, not when it only tells its options."""
    assert heavy_in(imported(tmp_path, command, "--help")) == set()


@pytest.mark.parametrize("options", [(), ("--format", "json"), ("--format", "github"), ("--format", "sarif")])
def test_an_unchanged_validate_imports_nothing_heavy(options: tuple[str, ...], project: Path) -> None:
    """Specs and data that were found sound are found so again without the libraries that read them."""
    later = datetime.now(UTC) + timedelta(seconds=10)
    if later.date() != datetime.now(UTC).date():
        pytest.skip("the day ends in a moment, and verdicts are good for a day")
    question = ask(Cache(project / FOLDER, FakeClock(later)), project, ())
    question.keep(*checked(project))
    pages = {"tomllib"} if "sarif" in options else set()  # Of the advice that the example gives.
    assert heavy_in(imported(project, "validate", *options)) == pages


def test_an_unchanged_plan_parses_no_yaml(project: Path) -> None:
    """Specs that were found sound are not read into documents again."""
    later = datetime.now(UTC) + timedelta(seconds=10)
    if later.date() != datetime.now(UTC).date():
        pytest.skip("the day ends in a moment, and what is known is good for a day")
    declaration.look(ask(Cache(project / FOLDER, FakeClock(later)), project, (), declaration.ASKED), ())
    modules = imported(project, "plan")
    assert not {m for m in modules if m.split(".")[0] == "yaml" or m in {"ftops.spec.loader", "ftops.desired"}}
    assert "pydantic" in modules
    assert not {m for m in modules if m.startswith("ftops.data")}, "what compares versions is imported to compare them"


def checked(project: Path) -> tuple[Verdict, tuple[str, ...]]:
    """Return what is found in a project, and its data files."""
    verdict, _, data_files = check(project, (), lambda: b"", strict=False)
    assert data_files == ("train.jsonl",)
    return verdict, data_files


def test_a_plan_on_the_emulator_imports_no_sign_in_and_no_explainer(project: Path) -> None:
    """azure-identity is imported at the first token and deepdiff when two revisions are explained."""
    modules = imported(project, "plan")
    assert not {m for m in modules if m.split(".")[0] in {"azure", "msal", "deepdiff", "cryptography"}}

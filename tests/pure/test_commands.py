"""What commands say by themselves: progress while waiting, durations, and how a plan stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import pytest

from ftops.commands.applying import Progress
from ftops.commands.findings import repository_prefix
from ftops.commands.options import DURATION_MAX_S, Duration, Usd
from ftops.commands.output import Common, Output
from ftops.diagnostics import Collector, Diagnostic, Severity, Span, has_errors
from ftops.model import Account, Action, Address, Gate, Outcome, Plan, Verb
from ftops.reasons import Why
from ftops.render.to_json import outcome_of

EAST = Account("east", "emulator:east", "test.db", "eastus2", emulated=True)


def action(verb: Verb, gate: Gate = Gate.OPEN, why: Why = Why.NEW) -> Action:
    """Return an action on job/a."""
    return Action(Address("job", "a"), "east", verb, gate, why)


def test_waiting_is_told_at_once_and_then_ever_more_rarely(capsys: pytest.CaptureFixture[str]) -> None:
    """However long the single waits are, a line is told after a minute, two, four and then every five minutes."""
    progress = Progress(Output(Common()))
    for seconds in (2.0, 3.0, 4.5, 50.5, *[30.0] * 40):
        progress.waiting((action(Verb.WAIT),), seconds)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "  . waiting for job/a"
    assert told[1:] == [f"  . waiting for job/a, {minutes} m so far" for minutes in (1, 2, 4, 8, 13, 18)]


def test_waiting_for_something_else_begins_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """What is waited for next is told at once, and its time counts from then."""
    progress = Progress(Output(Common()))
    for name in ("a", "b"):
        progress.waiting((replace(action(Verb.WAIT), address=Address("job", name)),), 50.0)
    assert capsys.readouterr().err == "  . waiting for job/a\n  . waiting for job/b\n"


def test_waiting_for_nothing_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A pause without anything to wait for says nothing, and does not use up the minute."""
    progress = Progress(Output(Common()))
    progress.waiting((), 30.0)
    assert capsys.readouterr().err == ""
    progress.waiting((action(Verb.WAIT),), 30.0)
    assert "job/a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("1d12h", 129600), ("3650d", DURATION_MAX_S), ("2m", 120)]
)
def test_durations_are_read(text: str, seconds: int) -> None:
    """Units add up."""
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "3", "h", "3 h", "-3h", "3.5h", "3651d", "9" * 400 + "s", "3h5", "٣h"])
def test_what_is_no_duration_is_a_usage_error(text: str) -> None:
    """Nothing is guessed, and no number is large enough to break a clock."""
    with pytest.raises(click.UsageError):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("actions", "outcome"),
    [
        ([], Outcome.CONVERGED),
        ([action(Verb.KEEP, why=Why.SETTLED)], Outcome.CONVERGED),
        ([action(Verb.WAIT, why=Why.IN_PROGRESS)], Outcome.WAITING),
        ([action(Verb.CREATE, Gate.GUARD, Why.PARENT_CHANGED)], Outcome.HELD),
        ([action(Verb.CREATE)], Outcome.CHANGES),
        ([action(Verb.CREATE), action(Verb.CREATE, Gate.GUARD, Why.PARENT_CHANGED)], Outcome.CHANGES),
        ([action(Verb.CREATE), action(Verb.WAIT)], Outcome.CHANGES),
        ([action(Verb.CREATE), action(Verb.CREATE, Gate.FAILED, Why.REFUSED)], Outcome.ERROR),
    ],
)
def test_a_plan_stands_as_its_exit_code_says(actions: list[Action], outcome: Outcome) -> None:
    """Errors come before changes, changes before held, held before waiting (interface.md §2)."""
    assert outcome_of(Plan("p", {"east": EAST}, tuple(actions))) is outcome


@pytest.mark.parametrize("severity", list(Severity))
def test_only_errors_stop_a_command(severity: Severity) -> None:
    """One helper says so for a list and for a collector."""
    found = [Diagnostic(Span("a"), "x", "X", severity=severity)]
    assert has_errors(found) == Collector(found).has_errors == (severity is Severity.ERROR)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "-0.01", "x", ""])
def test_what_is_no_amount_is_no_limit(text: str) -> None:
    """`nan` would let any training pass, since nothing exceeds it."""
    with pytest.raises(click.BadParameter):
        Usd().convert(text, None, None)
    assert Usd().convert("0.5", None, None) == 0.5


@pytest.mark.parametrize(
    ("root", "workspace", "prefix"),
    [
        ("/repo", "", ""),
        ("/repo", "/repo", ""),
        ("/repo", "/repo/", ""),
        ("/repo/models/east", "/repo", "models/east"),
        ("/repo-2/models", "/repo", ""),
        ("/", "/repo", ""),
    ],
)
def test_a_project_is_placed_in_its_repository(root: str, workspace: str, prefix: str) -> None:
    """Only a root under the named folder has a way from there."""
    assert repository_prefix(Path(root), workspace) == prefix


def test_a_repository_that_is_named_by_a_link_is_the_same(tmp_path: Path) -> None:
    """The project's root has its links followed, so the repository's has too."""
    (tmp_path / "real" / "models").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert repository_prefix((tmp_path / "real" / "models").resolve(), str(tmp_path / "link")) == "models"

"""Does what `ftops apply` was asked for; imported only when there is something to do."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType

import click

from ftops.apply.journal import Journal
from ftops.apply.lease import local_lease
from ftops.apply.loop import Run, run_until
from ftops.clock import SystemClock
from ftops.commands.output import Output
from ftops.commands.policy import Flags, check_allowed, policy, scope
from ftops.commands.refused_rows import refused_rows
from ftops.commands.session import Session, session
from ftops.errors import Interrupted, UsageError
from ftops.model import Action, Outcome, Plan
from ftops.render.text import count, harmless
from ftops.render.to_terminal import plan_text
from ftops.render.view import symbol, view

TELL_FIRST_S, TELL_EVERY_S = 60.0, 300.0
"""After how much waiting for one thing it is told again: a minute, twice that and so on, then every five minutes. An
emulator's hours pass in a moment, and a line for each of their minutes hides the rest."""


@dataclass(slots=True)
class Progress:
    """Tells on stderr what a pass does, a line an action."""

    output: Output
    waited_s: float = 0.0
    tell_at_s: float = 0.0
    waiting_for: str = ""

    def acting(self, action: Action) -> None:
        """Tell that an action is sent."""
        what = action.summary or action.verb.value
        self.output.progress(f"  {symbol(action)} {harmless(f'{action.address}  {what}')}")

    def acted(self, action: Action, result: str) -> None:  # noqa: ARG002
        """Tell what became of it."""
        self.output.progress(f"      {harmless(result)}")

    def waiting(self, actions: tuple[Action, ...], seconds: float) -> None:
        """Tell for what and since when, at once and then ever more rarely, by the service's time."""
        names = ", ".join(dict.fromkeys(str(action.address) for action in actions))
        if names and names != self.waiting_for:
            self.waiting_for, self.waited_s, self.tell_at_s = names, 0.0, 0.0
        if names and self.waited_s >= self.tell_at_s:
            self.tell_at_s = self.waited_s + min(max(self.waited_s, TELL_FIRST_S), TELL_EVERY_S)
            since = f", {round(self.waited_s / 60)} m so far" if self.waited_s else ""
            self.output.progress(f"  . waiting for {harmless(names)}{since}")
        self.waited_s += seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of an apply; the waits are in seconds of the service's time, the lock's in ours."""

    flags: Flags
    settle_s: int
    wait_s: int
    lock_timeout_s: int
    yes: bool


def applied(output: Output, paths: Sequence[str], asked: Asked) -> int:
    """Show the plan, have it approved, do it, and return the exit code."""
    with session(output, paths) as opened, local_lease(opened.folder, asked.lock_timeout_s, output.progress):
        run = Run(
            desired=opened.desired,
            clients=opened.clients,
            clock=SystemClock(),
            journal=Journal.open(opened.folder / "journal.jsonl"),
            policy=policy(opened.project.spec.policy, opened.desired, asked.flags),
            listener=Progress(output),
            pause=opened.pause,
            stopped=lambda: False,
            compare=opened.compare,
        )
        live = run.observe()
        run.desired = opened.desired  # Now it is known which accounts are emulated.
        first = run.plan(live)
        check_allowed(asked.flags.allow, first)
        _print_plan(output, first, show_id=True, about=scope(asked.flags))
        if first.writes and not asked.yes and not _approved(first):
            output.note("Nothing was done.")
            return Outcome.HELD
        if not asked.yes:
            live = run.observe()  # A person may have thought for an hour.
        run.policy = replace(run.policy, approved=first.keys)
        with interrupts() as asked_to_stop:
            run.stopped, run.pause = asked_to_stop, partial(opened.pause, stopped=asked_to_stop)
            last = run_until(run, live, asked.settle_s, asked.wait_s)
        return _told(output, first, last, opened)


def _print_plan(output: Output, made: Plan, *, show_id: bool, about: str = "") -> None:
    output.result(plan_text(view(made, show_id=show_id, scope=about), colour=output.colour_on(sys.stdout)))


def _approved(made: Plan) -> bool:
    """Return whether a person types yes; without a terminal nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for approval on; read the plan, then give --yes")
    number = len(made.writes)
    these = f"{'this' if number == 1 else 'these'} {count(number, 'thing')}"
    try:
        answer = click.prompt(f'\nDo {these}? Only "yes" is accepted', default="no")
    except click.Abort:
        raise Interrupted("Nothing was done.") from None
    return str(answer).strip() == "yes"


def _told(output: Output, first: Plan, last: Plan, opened: Session) -> int:
    """Print how things stand at the end, unless that is what was printed at the beginning, and return the exit code."""
    outcome = last.outcome
    before, after = (view(made, show_id=False) for made in (first, last))
    if first.frontier or (before.sections, before.summary) != (after.sections, after.summary):
        output.result("\n")
        _print_plan(output, last, show_id=False)
    words = {
        Outcome.CONVERGED: "Converged.",
        Outcome.WAITING: f"Waiting for the service: {_how_to_go_on(last, opened)}.",
        Outcome.HELD: "Held: see the lines marked x.",
        Outcome.ERROR: "Failed: see the lines marked x.",
    }
    output.result(f"{words[outcome]}\n")
    output.diagnostics(refused_rows(last.actions, output.common.root))
    return outcome


def _how_to_go_on(last: Plan, opened: Session) -> str:
    """Return what lets the service's time pass: an embedded emulator is advanced from here, a served one is not."""
    if opened.emulators:
        return "advance the emulator (`ftops emulator advance 3h`) and run the same command again"
    if any(account.emulated for account in last.accounts.values()):
        return "run the same command again with --wait, which moves the emulator's clock"
    return "run the same command again later"


class _Interrupt:
    """Remembers that a stop was asked for; the second time it stops at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        """Tell whether to stop after the call in flight."""
        return self.asked

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Take note of a signal."""
        if self.asked:
            raise Interrupted("interrupted in the middle of a call; the next run finds out what became of it")
        self.asked = True
        # Not through sys.stderr: a signal in the middle of its write would enter it a second time, which it refuses.
        with suppress(OSError):
            os.write(2, b"\nStopping after the call in flight; once more to stop at once.\n")


@contextmanager
def interrupts() -> Iterator[_Interrupt]:
    """Have SIGINT and SIGTERM end the run after the call in flight."""
    interrupt = _Interrupt()
    before = {number: signal.signal(number, interrupt.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

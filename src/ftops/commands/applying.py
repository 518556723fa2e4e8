"""Does what `ftops apply` was asked for; imported only when there is something to do."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import FrameType

import click

from ftops.apply.journal import Journal
from ftops.apply.lease import local_lease
from ftops.apply.loop import Run, run_until
from ftops.clock import SystemClock
from ftops.commands.output import Output
from ftops.commands.policy import Flags, check_allowed, policy
from ftops.commands.session import session
from ftops.errors import Interrupted, UsageError
from ftops.model import Action, Outcome, Plan
from ftops.render.text import count, harmless
from ftops.render.to_terminal import plan_text
from ftops.render.view import symbol, view

TELL_EVERY_S = 60.0


@dataclass(slots=True)
class Progress:
    """Tells on stderr what a pass does, a line an action."""

    output: Output
    waited_s: float = 0.0
    tell_at_s: float = 0.0
    acted_on: list[Action] = field(default_factory=list)

    def acting(self, action: Action) -> None:
        """Tell that an action is sent."""
        what = action.summary or action.verb.value
        self.output.progress(f"  {symbol(action)} {harmless(f'{action.address}  {what}')}")
        self.acted_on.append(action)

    def acted(self, action: Action, result: str) -> None:  # noqa: ARG002
        """Tell what became of it."""
        self.output.progress(f"      {harmless(result)}")

    def waiting(self, actions: tuple[Action, ...], seconds: float) -> None:
        """Tell for what, at once and then at most once a minute of the service's time."""
        if actions and self.waited_s >= self.tell_at_s:
            self.tell_at_s = self.waited_s + TELL_EVERY_S
            names = ", ".join(dict.fromkeys(str(action.address) for action in actions))
            self.output.progress(f"  . waiting for {harmless(names)}")
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
    with session(output, paths) as opened, local_lease(opened.folder, asked.lock_timeout_s):
        run = Run(
            desired=opened.desired,
            clients=opened.clients,
            clock=SystemClock(),
            journal=Journal.open(opened.folder / "journal.jsonl"),
            policy=policy(opened.project.spec.policy, opened.desired, asked.flags),
            listener=Progress(output),
            pause=opened.pause,
            stopped=lambda: False,
        )
        live = run.observe()
        run.desired = opened.desired  # Now it is known which accounts are emulated.
        first = run.plan(live)
        check_allowed(asked.flags.allow, first)
        _print_plan(output, first, show_id=True)
        if first.writes and not asked.yes and not _approved(first):
            output.note("Nothing was done.")
            return Outcome.HELD
        if not asked.yes:
            live = run.observe()  # A person may have thought for an hour.
        run.policy = replace(run.policy, approved=first.keys)
        with interrupts() as asked_to_stop:
            run.stopped, run.pause = asked_to_stop, partial(opened.pause, stopped=asked_to_stop)
            last = run_until(run, live, asked.settle_s, asked.wait_s)
        return _told(output, last, changed=bool(first.frontier))


def _print_plan(output: Output, made: Plan, *, show_id: bool) -> None:
    output.result(plan_text(view(made, show_id=show_id), colour=output.colour_on(sys.stdout)))


def _approved(made: Plan) -> bool:
    """Return whether a person types yes; without a terminal nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for approval on; read the plan, then give --yes")
    number = len(made.writes)
    these = f"{'this' if number == 1 else 'these'} {count(number, 'thing')}"
    try:
        answer = click.prompt(f"\nDo {these}? Only yes is taken for it", default="no")
    except click.Abort:
        raise Interrupted("Nothing was done.") from None
    return str(answer).strip() == "yes"


def _told(output: Output, last: Plan, *, changed: bool) -> int:
    """Print how things stand at the end and return the exit code."""
    outcome = last.outcome
    if changed or outcome is not Outcome.CONVERGED:
        output.result("\n")
        _print_plan(output, last, show_id=False)
    emulated = any(account.emulated for account in last.accounts.values())
    clock = "advance the emulator (`ftops emulator advance 3h`) and run" if emulated else "run"
    words = {
        Outcome.CONVERGED: "Converged.",
        Outcome.WAITING: f"Waiting for the service: {clock} the same command again.",
        Outcome.HELD: "Held: see the lines marked x.",
        Outcome.ERROR: "Failed: see the lines marked x.",
    }
    output.result(f"{words[outcome]}\n")
    return outcome


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

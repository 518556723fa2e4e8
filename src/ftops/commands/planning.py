"""Makes and prints the plan of `ftops plan`; imported only when there is one to make."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from ftops.apply.journal import Journal
from ftops.commands.output import Output
from ftops.commands.policy import Flags, check_allowed, policy, scope
from ftops.commands.refused_rows import refused_rows
from ftops.commands.session import session
from ftops.model import LiveState, Outcome, Plan
from ftops.planner import plan as make_plan
from ftops.render.to_json import outcome_of, plan_json
from ftops.render.to_markdown import plan_markdown
from ftops.render.to_terminal import plan_text
from ftops.render.view import View, view


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of a plan."""

    flags: Flags
    as_of: datetime | None
    format_: str
    max_chars: int | None
    show_unchanged: bool
    detailed: bool


@contextmanager
def _uncollected() -> Iterator[None]:
    """Search for no cycles meanwhile: a large plan makes a million objects at once, and hardly any of them ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@_uncollected()
def shown(output: Output, paths: Sequence[str], asked: Asked) -> int:
    """Make a plan, print it, and return the exit code."""
    made = planned(output, paths, asked)
    printed(output, made, asked)
    output.diagnostics(refused_rows(made.actions, output.common.root))
    return exit_code(made, detailed=asked.detailed)


def planned(output: Output, paths: Sequence[str], asked: Asked) -> Plan:
    """Return the plan of a project as it is, or as it would be at another moment."""
    with session(output, paths) as opened:
        journal = Journal.open(opened.folder / "journal.jsonl")
        rules = policy(opened.project.spec.policy, opened.desired, asked.flags)
        live = journal.remembered(opened.observe(), rules.grace_s)
        if asked.as_of is not None:
            live = as_if(live, asked.as_of)
        made = make_plan(opened.desired, live, rules)
    check_allowed(asked.flags.allow, made)
    return made


def printed(output: Output, made: Plan, asked: Asked) -> None:
    """Print a plan in one of the formats."""
    if asked.format_ == "json":
        output.result(plan_json(made))
    elif asked.format_ == "markdown":
        output.result(plan_markdown(_rows(made, asked), asked.max_chars))
    else:
        output.result(plan_text(_rows(made, asked), colour=output.colour_on(sys.stdout)))


def _rows(made: Plan, asked: Asked) -> View:
    return view(made, show_unchanged=asked.show_unchanged, scope=scope(asked.flags, asked.as_of))


def as_if(live: LiveState, moment: datetime) -> LiveState:
    """Return a live state as it would be at another moment if nobody called or changed anything until then."""
    objects = tuple(replace(o, use=replace(o.use, known_until=moment)) if o.use else o for o in live.objects)
    return replace(live, now=moment, now_of={}, objects=objects)


def exit_code(made: Plan, *, detailed: bool) -> int:
    """Return a plan's exit code: 1 for an error; with --detailed-exitcode 2 for changes before 4 and 3."""
    outcome = outcome_of(made)
    return outcome if detailed or outcome is Outcome.ERROR else Outcome.CONVERGED

"""`ftops plan`: what apply would do, and why."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime

import click

from ftops.apply.journal import Journal
from ftops.commands.options import Format, Moment, complete_paths
from ftops.commands.output import Output, command, not_yet
from ftops.commands.policy import Flags, check_allowed, narrowing, policy
from ftops.commands.session import session
from ftops.errors import UsageError
from ftops.model import LiveState, Outcome, Plan
from ftops.planner import plan as make_plan
from ftops.render.to_json import outcome_of, plan_json
from ftops.render.to_markdown import CHARACTERS_LEAST, plan_markdown
from ftops.render.to_terminal import plan_text
from ftops.render.view import view


@command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=complete_paths)
@click.option(
    "--format",
    "format_",
    type=Format("text", "json", "markdown", later=("html", "github")),
    default="text",
    help="How to print.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 for changes, 4 for held, 3 for waiting.")
@click.option("--show-unchanged", is_flag=True, help="List what is as it should be, too.")
@click.option("--as-of", type=Moment(), help="Plan as if it were TIME: what would be idle by then.")
@narrowing
@click.option("--max-chars", type=click.IntRange(CHARACTERS_LEAST), help="Cut markdown at whole rows to N characters.")
@not_yet("--out", "--horizon")
@not_yet("--destroy", "--drift-only", flag=True)
def plan(
    output: Output,
    paths: tuple[str, ...],
    format_: str,
    as_of: datetime | None,
    max_chars: int | None,
    allow: tuple[str, ...],
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    *,
    detailed_exitcode: bool,
    show_unchanged: bool,
) -> int:
    """Show what apply would do, and why. Nothing is written.

    + create, ~ update in place, - delete, > job control, . waiting, x held (and what would let it go on),
    ! needs attention.
    """
    if max_chars is not None and format_ != "markdown":
        raise UsageError("--max-chars cuts --format markdown only; the other formats are whole or nothing.")
    with session(output, paths) as opened:
        journal = Journal.open(opened.folder / "journal.jsonl")
        rules = policy(opened.project.spec.policy, opened.desired, Flags(allow, targets, excludes))
        live = journal.remembered(opened.observe(), rules.grace_s)
        if as_of is not None:
            live = as_if(live, as_of)
        made = make_plan(opened.desired, live, rules)
    check_allowed(allow, made)
    if format_ == "json":
        output.result(plan_json(made))
    elif format_ == "markdown":
        output.result(plan_markdown(view(made, show_unchanged=show_unchanged), max_chars))
    else:
        colour = output.colour_on(sys.stdout)
        output.result(plan_text(view(made, show_unchanged=show_unchanged), colour=colour))
    return exit_code(made, detailed=detailed_exitcode)


def as_if(live: LiveState, moment: datetime) -> LiveState:
    """Return a live state as it would be at another moment if nobody called or changed anything until then."""
    objects = tuple(replace(o, use=replace(o.use, known_until=moment)) if o.use else o for o in live.objects)
    return replace(live, now=moment, now_of={}, objects=objects)


def exit_code(made: Plan, *, detailed: bool) -> int:
    """Return a plan's exit code: 1 for an error; with --detailed-exitcode 2 for changes before 4 and 3."""
    outcome = outcome_of(made)
    return outcome if detailed or outcome is Outcome.ERROR else Outcome.CONVERGED

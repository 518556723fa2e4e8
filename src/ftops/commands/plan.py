"""`ftops plan`: what apply would do, and why."""

from __future__ import annotations

from datetime import datetime

import click

from ftops.commands.options import Format, Moment, complete_paths, narrowing
from ftops.commands.output import Output, command, not_yet
from ftops.errors import UsageError
from ftops.render.markdown import CHARACTERS_LEAST


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
    from ftops.commands.planning import Asked, shown  # noqa: PLC0415 — its help imports nothing heavy
    from ftops.commands.policy import Flags  # noqa: PLC0415

    flags = Flags(allow, targets, excludes)
    return shown(output, paths, Asked(flags, as_of, format_, max_chars, show_unchanged, detailed_exitcode))

"""`ftops apply`: show the plan, have it approved, and do it as far as it can be done now."""

from __future__ import annotations

import click

from ftops.commands.options import Duration, Usd, complete_paths, narrowing
from ftops.commands.output import Output, command, not_yet


@command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=complete_paths)
@click.option("--yes", is_flag=True, help="Approve the plan without being asked.")
@click.option("--wait", is_flag=True, help="Go on until everything has converged, trainings included.")
@click.option("--timeout", type=Duration(), default="6h", show_default=True, help="The longest --wait.")
@click.option("--settle", type=Duration(), default="10m", show_default=True, help="The longest wait for scans and ARM.")
@click.option(
    "--lock-timeout", type=Duration(), default="2m", show_default=True, help="The longest wait for another run."
)
@click.option("--max-deletes", type=click.IntRange(0), help="The most that one plan may delete, over the policy's.")
@click.option("--max-cost", type=Usd(), metavar="USD", help="The most that new trainings may cost.")
@narrowing
@not_yet("--report")
def apply(
    output: Output,
    paths: tuple[str, ...],
    timeout: int,
    settle: int,
    lock_timeout: int,
    max_deletes: int | None,
    max_cost: float | None,
    allow: tuple[str, ...],
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    *,
    yes: bool,
    wait: bool,
) -> int:
    """Show the plan, have it approved, and do it as far as it can be done now.

    Trainings are started, not waited for: exit code 3 says to run the same command again later, 0 that everything has
    converged, 4 that something is held. Killing it at any moment is safe; the next run goes on.
    """
    from ftops.commands.applying import Asked, applied  # noqa: PLC0415 — its help imports nothing heavy
    from ftops.commands.policy import Flags  # noqa: PLC0415

    flags = Flags(allow, targets, excludes, max_deletes, max_cost)
    return applied(output, paths, Asked(flags, settle, timeout if wait else 0, lock_timeout, yes))

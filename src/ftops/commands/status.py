"""`ftops status`: how everything stands in the account."""

from __future__ import annotations

import click

from ftops.commands.options import Format, complete_addresses
from ftops.commands.output import Output, command, not_yet


@command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...", shell_complete=complete_addresses)
@click.option("--format", "format_", type=Format("text", "json", "markdown"), default="text", help="How to print.")
@not_yet("--events")
def status(output: Output, addresses: tuple[str, ...], format_: str) -> int:
    """Show how everything stands in the account.

    ADDRESS is for example job/support-v3; without one, everything the specs declare and everything of ours is shown.
    """
    from ftops.commands.standings import printed  # noqa: PLC0415 — its help imports nothing heavy

    return printed(output, addresses, format_)

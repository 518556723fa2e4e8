"""`ftops emulator`: the group of its commands, and those that move or reset the emulators that the project names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.commands.emulator_accounts import emulated_accounts, opened
from ftops.commands.emulator_call import call
from ftops.commands.emulator_faults import faults
from ftops.commands.emulator_serve import serve
from ftops.commands.options import Duration
from ftops.commands.output import Output, command

if TYPE_CHECKING:
    from ftops.emulator import Emulator


@click.group(no_args_is_help=True)
def emulator() -> None:
    """Serve, move or reset the embedded emulator, give it trouble, and call what is deployed in it.

    Its clock stands still except for `advance` and for what an apply waits: hours of training pass in a moment.
    """


@command(short_help="Move its clock forward by DURATION.")
@click.argument("duration", type=Duration())
def advance(output: Output, duration: int) -> int:
    """Move the emulator's clock forward by DURATION, such as 3h or 16d."""
    for path, each in _emulators(output):
        now = each.advance(timedelta(seconds=duration))
        output.result(f"{path.name}: it is now {now:%Y-%m-%d %H:%M:%S} UTC\n")
    return 0


@command(short_help="Empty it: files, jobs, models and deployments.")
def reset(output: Output) -> int:
    """Empty the emulator: files, jobs, models, deployments and trouble go, its clock starts anew."""
    for path, each in _emulators(output):
        each.reset()
        output.result(f"{path.name}: empty\n")
    return 0


for made in (serve, advance, call, faults, reset):
    emulator.add_command(made)


def _emulators(output: Output) -> Iterator[tuple[Path, Emulator]]:
    """Yield each emulator of the project once."""
    for path in dict.fromkeys(each.path for each in emulated_accounts(output).values()):
        with opened(path) as each:
            yield path, each

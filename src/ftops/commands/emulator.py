"""`ftops emulator`: move or reset the emulators that the project names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click

from ftops.commands.options import Duration
from ftops.commands.output import Output, command
from ftops.commands.session import load_built, open_emulator, store_problems
from ftops.emulator import Emulator
from ftops.errors import FtopsError, SpecError
from ftops.kinds.project import ProjectDocument

NOT_YET = ("serve", "call", "faults")


class _Group(click.Group):
    """Refuses by name what a later version builds."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in NOT_YET:
            ctx.fail(f"not-yet: `ftops emulator {cmd_name}` is not built yet.")
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Group, no_args_is_help=True)
def emulator() -> None:
    """Move or reset the embedded emulator.

    Its clock stands still except for `advance` and for what an apply waits: hours of training pass in a moment.
    """


@command()
@click.argument("duration", type=Duration())
def advance(output: Output, duration: int) -> int:
    """Move the emulator's clock forward by DURATION, such as 3h or 16d."""
    for path, opened in _emulators(output):
        now = opened.advance(timedelta(seconds=duration))
        output.result(f"{path.name}: it is now {now:%Y-%m-%d %H:%M:%S} UTC\n")
    return 0


@command()
def reset(output: Output) -> int:
    """Empty the emulator: files, jobs, models and deployments go, its clock starts anew."""
    for path, opened in _emulators(output):
        opened.reset()
        output.result(f"{path.name}: empty\n")
    return 0


emulator.add_command(advance)
emulator.add_command(reset)


def _emulators(output: Output) -> Iterator[tuple[Path, Emulator]]:
    """Yield each emulator of the project once; only the Project document has to be sound."""
    loaded, built = load_built(output, ())
    if loaded.project is None:
        raise SpecError(built.diagnostics)
    project = loaded.project.document
    if not isinstance(project, ProjectDocument):
        raise FtopsError("the project's document is of another kind")
    files = [spec.emulator for spec in project.spec.accounts.values() if spec.emulator is not None]
    for path in dict.fromkeys(output.common.root / file for file in files):
        opened = open_emulator(path)
        try:
            with store_problems():
                yield path, opened
        finally:
            opened.close()

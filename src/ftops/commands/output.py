"""Options that every command has, and the one way commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ftops.diagnostics import Diagnostic

F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Common:
    """The values of the common options."""

    chdir: str = "."
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def root(self) -> Path:
        """Return the project root."""
        return Path(self.chdir).resolve()


@dataclass(slots=True)
class Told:
    """What the command line was found to say; whoever prints an error after the command has ended looks here."""

    common: Common = field(default_factory=Common)


def _folder(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not Path(value).is_dir():
        raise click.BadParameter(f'"{value}" is not a directory.')
    return value


def _refuse(_context: click.Context, parameter: click.Parameter, value: object) -> object:
    if value not in {None, False, ()}:
        raise click.UsageError(f"not-yet: {parameter.opts[0]} is not built yet.")
    return value


def not_yet(*options: str, flag: bool = False) -> Callable[[F], F]:
    """Give a command options of the interface that a later version builds; used, they are refused by name."""

    def decorate(function: F) -> F:
        for option in options:
            click.option(option, is_flag=flag, hidden=True, expose_value=False, callback=_refuse)(function)
        return function

    return decorate


COMMON: list[click.Parameter] = [
    click.Option(
        ["-C", "--chdir"],
        envvar="FTOPS_CHDIR",
        metavar="DIR",
        callback=_folder,
        shell_complete=lambda _context, _parameter, incomplete: [CompletionItem(incomplete, type="dir")],
        help="Work in the project root DIR.",
    ),
    click.Option(["--no-color"], is_flag=True, envvar="FTOPS_NO_COLOR", help="Print without colours (also NO_COLOR)."),
    click.Option(["-q", "--quiet"], is_flag=True, envvar="FTOPS_QUIET", help="Print results and problems only."),
    click.Option(["-v", "--verbose"], is_flag=True, envvar="FTOPS_VERBOSE", help="Print every call to the service."),
    click.Option(["--account"], envvar="FTOPS_ACCOUNT", hidden=True, expose_value=False, callback=_refuse),
    click.Option(["--log-file"], envvar="FTOPS_LOG_FILE", hidden=True, expose_value=False, callback=_refuse),
]
"""Accepted before and after the command's name."""


def command(**settings: object) -> Callable[[Callable[..., int]], click.Command]:
    """Make a function a command with the common options; it is called with an `Output` and its own options."""

    def decorate(function: Callable[..., int]) -> click.Command:
        def called(**values: object) -> int:
            context = click.get_current_context()
            common = common_of(context)
            if isinstance(context.obj, Told):
                context.obj.common = common
            own = {name: value for name, value in values.items() if name not in Common.__slots__}
            return function(Output(common), **own)

        called.__doc__, called.__name__ = function.__doc__, function.__name__
        called.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        made = click.command(**settings)(called)  # type: ignore[call-overload]
        own = {name for parameter in made.params for name in parameter.opts}
        made.params = [*made.params, *(each for each in COMMON if own.isdisjoint(each.opts))]
        return made  # type: ignore[no-any-return]

    return decorate


def common_of(context: click.Context | None) -> Common:
    """Return the common options, those after the command's name winning over those before it."""
    values: dict[str, object] = {}
    while context is not None:
        found: Mapping[str, object] = context.params
        values = {**{n: v for n, v in found.items() if n in Common.__slots__ and v}, **values}
        context = context.parent
    return Common(
        chdir=str(values.get("chdir", ".")),
        no_color=bool(values.get("no_color")),
        quiet=bool(values.get("quiet")),
        verbose=bool(values.get("verbose")),
    )


@dataclass(frozen=True, slots=True)
class Output:
    """Prints for a command."""

    common: Common

    def result(self, text: str) -> None:
        """Print a result, as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Print a problem or a word that a person must see."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def progress(self, text: str) -> None:
        """Print how things go, unless -q was given."""
        if not self.common.quiet:
            self.note(text)

    def call(self, text: str) -> None:
        """Print a call to the service, if -v was given."""
        if self.common.verbose:
            self.note(f"    {text}")

    def diagnostics(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Print diagnostics on stderr."""
        if not diagnostics:
            return
        from ftops.render.diagnostics import diagnostics_text  # noqa: PLC0415

        sys.stderr.write(diagnostics_text(diagnostics, colour=self.colour_on(sys.stderr)))

    def colour_on(self, stream: TextIO) -> bool:
        """Tell whether a stream gets colours: FORCE_COLOR asks, NO_COLOR and --no-color forbid, a terminal invites."""
        if self.common.no_color or os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")

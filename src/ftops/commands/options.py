"""Option values that several commands read: durations and `--allow` words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from ftops.errors import FtopsError

F = TypeVar("F", bound=Callable[..., object])

ALLOW_WORDS = ("retrain", "create", "cancel", "traffic", "unknown-cost")
"""What a guard that is built can be told; the other words of the interface come with their guards."""
ALLOW_LATER = ("destroy", "replace", "freeze", "resume-over-cap")

DURATION_MAX_S = 10 * 365 * 86400
"""Ten years: longer than anything of the service lasts, and short enough for every clock to take."""

SPECS_FOLDER = "specs"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,12})([smhd])", re.ASCII)
_ALLOW = re.compile(r"(?P<word>[a-z-]+):(?P<address>[a-z]+/\S+)")


class Duration(click.ParamType[int]):
    """A length of time such as `90s`, `10m`, `6h`, `16d` or `1d12h`, as whole seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds."""
        if isinstance(value, int):
            return value
        parts = _DURATION.findall(str(value))
        if not parts or "".join(a + b for a, b in parts) != value:
            self.fail(f'"{value}" is no length of time; write for example 90s, 10m, 6h or 16d.', param, ctx)
        seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
        if seconds > DURATION_MAX_S:
            self.fail(
                f'"{value}" is longer than ten years ({DURATION_MAX_S // 86400}d), the most there is.', param, ctx
            )
        return seconds


def complete_paths(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    """Leave the names of files to the shell."""
    return [CompletionItem(incomplete, type="file")]


def complete_addresses(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str | CompletionItem]:
    """Return the addresses that the specs declare and that begin so; a shell is never told of an error."""
    from ftops.commands.output import common_of  # noqa: PLC0415
    from ftops.rules import load_rules  # noqa: PLC0415
    from ftops.spec.loader import load  # noqa: PLC0415

    root = common_of(context).root
    if not (root / SPECS_FOLDER).is_dir():
        return []  # A press of the tabulator key must not read whatever lies below the current directory.
    try:
        sources = load((SPECS_FOLDER,), root, lambda: b"", load_rules()).sources
    except (FtopsError, OSError):
        return []
    addresses = dict.fromkeys(str(source.address) for source in sources)
    return [address for address in addresses if address.startswith(incomplete)]


class Format(click.Choice[str]):
    """How to print: one of the formats that are built; those of later versions are refused by name."""

    def __init__(self, *built: str, later: Sequence[str] = ()) -> None:
        """Take the names in the order of the help."""
        super().__init__(built)
        self.later = later

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the format's name."""
        if value in self.later:
            raise click.UsageError(f"not-yet: --format {value} is not built yet.", ctx)
        return super().convert(value, param, ctx)


class Allow(click.ParamType[str]):
    """`WHAT:ADDRESS`, as every held action prints it."""

    name = "what:address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, if it is one that a guard understands."""
        found = _ALLOW.fullmatch(str(value))
        if found is None:
            self.fail(f'"{value}" is not WHAT:ADDRESS, for example retrain:job/support-v3.', param, ctx)
        if found["word"] in ALLOW_LATER:
            raise click.UsageError(f"not-yet: --allow {found['word']} is not built yet.")
        if found["word"] not in ALLOW_WORDS:
            self.fail(f'"{found["word"]}" cannot be allowed; the words are {", ".join(ALLOW_WORDS)}.', param, ctx)
        return str(value)


class Usd(click.ParamType[float]):
    """An amount of money, 0 or more; `nan`, which nothing exceeds, is none."""

    name = "usd"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the amount."""
        try:
            amount = float(str(value))
        except ValueError:
            amount = math.nan
        if not 0 <= amount < math.inf:
            self.fail(f'"{value}" is no amount of money; write for example 20 or 0.5.', param, ctx)
        return amount


class Moment(click.ParamType[datetime]):
    """A date such as 2026-12-01, or a moment such as 2026-12-01T08:00:00Z; in UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the aware moment."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f'"{value}" is no moment; write for example 2026-12-01 or 2026-12-01T08:00:00Z.', param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_NARROWING = (
    click.option("--allow", type=Allow(), multiple=True, help="Open the guard that a held action names; repeatable."),
    click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="Only this and what it is made from."),
    click.option("--exclude", "excludes", multiple=True, metavar="ADDRESS", help="All but this and what follows."),
)


def narrowing(function: F) -> F:
    """Give a command --allow, --target and --exclude."""
    for option in reversed(_NARROWING):
        function = option(function)
    return function

"""Option values that several commands read: durations and `--allow` words."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

ALLOW_WORDS = ("retrain", "create", "cancel", "traffic", "unknown-cost")
"""What a guard that is built can be told; the other words of the interface come with their guards."""
ALLOW_LATER = ("destroy", "replace", "freeze", "resume-over-cap")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+)([smhd])")
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
        return sum(int(number) * _UNITS[unit] for number, unit in parts)


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

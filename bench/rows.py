"""A row of the table: what was measured against what, and whether the target is met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bench.measure import BenchError


class Verdict(StrEnum):
    """What came of a row."""

    MET = "met"
    MISSED = "missed"
    NOT_BUILT = "not built"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, in words."""

    what: str
    measured: str
    target: str
    verdict: Verdict


def at_most(what: str, value: float, limit: float, unit: str) -> Row:
    """Return a row whose value must not be above a limit."""
    verdict = Verdict.MET if value <= limit else Verdict.MISSED
    return Row(what, f"{_shown(value)} {unit}", f"<= {limit:g} {unit}", verdict)


def at_least(what: str, value: float, limit: float, unit: str) -> Row:
    """Return a row whose value must not be below a limit."""
    verdict = Verdict.MET if value >= limit else Verdict.MISSED
    return Row(what, f"{_shown(value)} {unit}", f">= {limit:g} {unit}", verdict)


def attempt(what: str, measure: Callable[[], Iterable[Row]]) -> Iterator[Row]:
    """Yield the rows of a measurement; one that fails becomes a row that says so, and the others go on."""
    try:
        yield from list(measure())
    except (BenchError, OSError) as error:
        yield Row(what, str(error).partition("\n")[0][:100], "", Verdict.NOT_MEASURED)


def _shown(value: float) -> str:
    digits = 2
    return f"{value:.{digits}f}" if value < 10 else f"{value:,.1f}"  # noqa: PLR2004 - two digits before the point

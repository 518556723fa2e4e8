"""What a dataset check found, as values; the text of a row never enters them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ftops.data.catalogue import CATALOGUE
from ftops.diagnostics import Diagnostic, Span, has_errors

SHOWN_PER_CODE_MAX = 5
"""Diagnostics printed of one code in one file; one more counts the rest."""


@dataclass(frozen=True, slots=True)
class DataReport:
    """What is known of a data file after one pass.

    `digest` is that of semantics §1 (64 hex digits), empty when the file could not be read; `rows` counts the lines
    that are not blank, sound or not; `problems` are in the order of the file. `tokens` is an estimate of everything
    in the rows (`tokens.py` says how), `input_tokens` of what preference rows have before their two answers.
    """

    digest: str
    size_bytes: int
    rows: int
    problems: tuple[Diagnostic, ...]
    tokens: int = 0
    input_tokens: int = 0

    @property
    def has_errors(self) -> bool:
        """Tell whether a problem stops the dataset from being used."""
        return has_errors(self.problems)


class Tally:
    """Gathers the problems of one file, and keeps only the first few of each code."""

    def __init__(self, shown: str) -> None:
        """Name the file as the user wrote it."""
        self._shown = shown
        self._kept: list[Diagnostic] = []
        self._counts: Counter[str] = Counter()
        self._first_hidden: dict[str, Span] = {}
        self._last_line: dict[str, int] = {}

    def count(self, code: str, line: int) -> bool:
        """Count one problem, and tell whether its place and detail are wanted too, through `describe`."""
        self._counts[code] += 1
        self._last_line[code] = line
        return self._counts[code] <= SHOWN_PER_CODE_MAX + 1

    def describe(self, code: str, detail: str, line: int, column: int) -> None:
        """Keep what was just counted; of the first one too many only the place, where the closing line goes."""
        span = Span(self._shown, line, column)
        if self._counts[code] > SHOWN_PER_CODE_MAX:
            self._first_hidden[code] = span
        else:
            self._kept.append(_diagnostic(span, code, detail))

    def add(self, code: str, detail: str, line: int = 0, column: int = 0) -> None:
        """Count and keep one problem whose place and detail cost nothing to know."""
        if self.count(code, line):
            self.describe(code, detail, line, column)

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """Return what was kept, and for each code with more a closing line, in the order of the file."""
        closing = [_diagnostic(span, code, self._rest(code)) for code, span in self._first_hidden.items()]
        return tuple(sorted([*self._kept, *closing], key=lambda d: (d.span.line, d.span.column)))

    def _rest(self, code: str) -> str:
        rest = self._counts[code] - SHOWN_PER_CODE_MAX
        places = (
            "1 more place" if rest == 1 else f"{rest:,} more places, the last one in line {self._last_line[code]:,}"
        )
        return f"The same in {places}; only the first {SHOWN_PER_CODE_MAX} are listed."


def _diagnostic(span: Span, code: str, detail: str) -> Diagnostic:
    check = CATALOGUE[code]
    return Diagnostic(span, code, check.summary, detail, check.severity)

"""Problems as values: a place in a source, a diagnostic, a collector, and the nearest known word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnostic weighs: only an error stops a command."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a source; `line` and `column` count from 1, 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file`, `file:line` or `file:line:column`, as far as it is known."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: a stable code, a fixed summary, and a detail that says why and what to do.

    `summary` never contains user data; `detail` may. `excerpt` is the source line that `span` points into,
    without its line end; it is printed with a caret under the column. It is left empty for rows of datasets,
    whose text is never shown. `path` is the way from such a row to the value, such as `$.messages[2].content`.
    """

    span: Span
    code: str
    summary: str
    detail: str = ""
    severity: Severity = Severity.ERROR
    excerpt: str = ""
    path: str = ""


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Tell whether any of these stops the command."""
    return any(each.severity is Severity.ERROR for each in diagnostics)


@dataclass(slots=True)
class Collector:
    """Gathers the diagnostics of one command, so that all are told in one run."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep one diagnostic."""
        self.found.append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep several diagnostics."""
        self.found.extend(diagnostics)

    @property
    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return what was found by file, line, column, code and path, each once."""
        return tuple(sorted(dict.fromkeys(self.found), key=lambda d: (d.span, d.code, d.path, d.detail)))

    @property
    def has_errors(self) -> bool:
        """Tell whether anything found stops the command."""
        return has_errors(self.found)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, or None when none is close."""
    import difflib  # noqa: PLC0415 - only a slip of the pen needs it

    options = list(known)
    folded = {option.lower(): option for option in options}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean "x"?` for a close known word, else an empty string."""
    close = nearest(word, known)
    return f' Did you mean "{close}"?' if close else ""

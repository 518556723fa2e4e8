"""Diagnostics as text for people and as values for JSON."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from ftops.diagnostics import Diagnostic, Severity
from ftops.render.text import Ink, count, harmless, paint

WIDTH_COLUMNS = 100
"""Details are wrapped here."""
LINE_NUMBER_COLUMNS = 5
CUT = "…"
CUT_BEFORE = 80
"""Where the column stands in an excerpt that was cut on the left (`spec/text.py`, EXCERPT_BEFORE)."""

_INK = {Severity.ERROR: Ink.RED, Severity.WARNING: Ink.YELLOW, Severity.INFO: Ink.CYAN}


def diagnostics_text(diagnostics: Sequence[Diagnostic], *, colour: bool, limit: int | None = None) -> str:
    """Return the diagnostics with their source lines and, at the end, how many there are; empty without any.

    Args:
        diagnostics: printed in the given order.
        colour: paints the codes; no meaning depends on it.
        limit: how many are printed in full; the last line counts all.

    """
    if not diagnostics:
        return ""
    shown = diagnostics[:limit]
    parts = [_one(each, colour=colour) for each in shown]
    if len(shown) < len(diagnostics):
        parts.append(f"... and {len(diagnostics) - len(shown):,} more.\n")
    return "\n".join([*parts, f"{_summary(diagnostics)}\n"])


def diagnostics_json(diagnostics: Sequence[Diagnostic]) -> list[dict[str, object]]:
    """Return the diagnostics as plain values.

    Line and column count from 1, 0 means the whole file; the path is null where the problem is not in a dataset's row.
    """
    return [
        {
            "file": each.span.file,
            "line": each.span.line,
            "column": each.span.column,
            "severity": str(each.severity),
            "code": each.code,
            "summary": each.summary,
            "path": each.path or None,
            "detail": each.detail,
        }
        for each in diagnostics
    ]


def one_line(diagnostic: Diagnostic) -> str:
    """Return summary, path and detail as one line: `Unknown field. "epoch" is not a field of …`."""
    parts = (f"{diagnostic.summary}.", _told(diagnostic))
    return harmless(" ".join(part for part in parts if part))


def _told(diagnostic: Diagnostic) -> str:
    """Return path and detail, as far as there are any."""
    return ": ".join(part for part in (diagnostic.path, diagnostic.detail) if part)


def _one(diagnostic: Diagnostic, *, colour: bool) -> str:
    label = paint(f"{diagnostic.severity}[{diagnostic.code}]", _INK[diagnostic.severity], colour=colour)
    place = paint(harmless(str(diagnostic.span)), Ink.BOLD, colour=colour)
    lines = [f"{place}: {label}: {diagnostic.summary}"]
    if diagnostic.excerpt:
        lines += _excerpt(diagnostic, colour=colour)
    lines += textwrap.wrap(
        harmless(_told(diagnostic)),
        WIDTH_COLUMNS,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "".join(f"{line}\n" for line in lines)


def _excerpt(diagnostic: Diagnostic, *, colour: bool) -> list[str]:
    margin = paint("|", Ink.DIM, colour=colour)
    lines = [f"{diagnostic.span.line:>{LINE_NUMBER_COLUMNS}} {margin} {harmless(diagnostic.excerpt)}"]
    if diagnostic.span.column:
        before = " " * columns(harmless(diagnostic.excerpt[: _caret(diagnostic)]))
        caret = paint("^", _INK[diagnostic.severity], colour=colour)
        lines.append(f"{'':>{LINE_NUMBER_COLUMNS}} {margin} {before}{caret}")
    return lines


def _caret(diagnostic: Diagnostic) -> int:
    """Return the index in the excerpt that the caret stands under."""
    index, length = diagnostic.span.column - 1, len(diagnostic.excerpt)
    if index < length:
        return index
    return min(CUT_BEFORE, length - 1) if diagnostic.excerpt.startswith(CUT) else length


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide characters two, combining ones none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    numbers = {noun: sum(d.severity is severity for d in diagnostics) for severity, noun in nouns.items()}
    return ", ".join(count(number, noun) for noun, number in numbers.items() if number) + "."

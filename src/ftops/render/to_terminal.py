"""A plan for a terminal: aligned columns, symbols first, colour only as decoration."""

from __future__ import annotations

from dataclasses import replace

from ftops.render.text import Ink, harmless, paint
from ftops.render.view import Row, Section, View

_INKS = {
    "+": Ink.GREEN,
    "=": Ink.GREEN,
    "~": Ink.YELLOW,
    ">": Ink.YELLOW,
    "-": Ink.RED,
    "x": Ink.RED,
    "!": Ink.YELLOW,
    ".": Ink.CYAN,
    " ": Ink.DIM,
}
TEXT_COLUMNS_MAX = 72
"""A longer text does not move the column of sources."""
GAP = "  "


def plan_text(view: View, *, colour: bool) -> str:
    """Return a plan as lines of text, ending in a line break."""
    lines: list[str] = []
    for number, section in enumerate(view.sections):
        lines += _section(section, view.calls if number == 0 else "", colour=colour)
        lines.append("")
    return "\n".join([*lines, *(paint(line, Ink.BOLD, colour=colour) for line in view.summary)]) + "\n"


def _section(section: Section, calls: str, *, colour: bool) -> list[str]:
    rows = [replace(row, address=harmless(row.address), text=harmless(row.text)) for row in section.rows]
    addresses = max((len(row.address) for row in rows), default=0)
    texts = max((len(row.text) for row in rows if len(row.text) <= TEXT_COLUMNS_MAX), default=0)
    head = paint(harmless(section.title), Ink.BOLD, colour=colour)
    lines = [head + (f"{GAP * 4}{paint(calls, Ink.DIM, colour=colour)}" if calls else "")]
    if rows:
        lines.append("")
    for row in rows:
        lines += _row(row, addresses, texts, colour=colour)
    return lines


def _row(row: Row, addresses: int, texts: int, *, colour: bool) -> list[str]:
    ink = _INKS[row.symbol]
    start = f"{GAP}{row.symbol} {row.address:<{addresses}}{GAP}"
    source = f"{GAP}{paint(harmless(row.source), Ink.DIM, colour=colour)}" if row.source else ""
    first = f"{paint(start, ink, colour=colour)}{row.text:<{texts}}{source}".rstrip()
    return [first, *(f"{GAP * 3}{harmless(detail)}" for detail in row.details)]

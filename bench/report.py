"""The table, on the terminal and in docs/performance.md."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.rows import Row
from ftops import __version__

BEGIN, END = "<!-- written by `make bench`: begin -->", "<!-- written by `make bench`: end -->"
HEADINGS = ("what", "measured", "target", "verdict")


def plain(rows: Sequence[Row]) -> str:
    """Return the table in columns."""
    lines = [HEADINGS, *((row.what, row.measured, row.target, str(row.verdict)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def markdown(rows: Sequence[Row], versions: Mapping[str, str], rounds: int) -> str:
    """Return the table with what it was measured on."""
    peers = ", ".join(f"{name} {version}" for name, version in versions.items()) or "none could be installed"
    head = [
        (
            f"ftops {__version__} on Python {platform.python_version()}, {sys.platform} {platform.machine()}, "
            f"{os.cpu_count()} cores; medians of {rounds} rounds in which all contenders of a row take turns. "
            f"Peers: {peers}."
        ),
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *(f"| {r.what} | {r.measured} | {r.target} | {r.verdict} |" for r in rows)]) + "\n"


def write(page: Path, table: str) -> None:
    """Put the table in place of the one that the page has between its marks; the rest is written by hand."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")

"""Markdown as GitHub reads it: text of others put into cells, code and fences so that it stays text.

Names, tags and messages of the service may hold anything. None of it may end a cell, open an element or a link, or
call a person or an issue: the mention and reference filters read the rendered text, so escapes do not stop them, and
an invisible space does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ftops.render.text import harmless

_PUNCTUATION = re.compile(r"[\\`*_\[\]<>|~&$]|\A[#+=-]")
_CALLS = re.compile(r"@(?=\w)|#(?=\d)|\bGH(?=-\d)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)
"""What GitHub makes mentions, references to issues, and links of."""
_ZERO_WIDTH_SPACE = "\u200b"
_BACKTICKS = re.compile(r"`+")
CHARACTERS_LEAST = 1_000
"""Room for a plan's sum and the line that tells what was left out, whatever the plan."""
FENCE_LEAST = 3


def prose(text: str) -> str:
    """Return a text that shows as it is, in a table's cell too, and neither links nor calls anybody."""
    return _PUNCTUATION.sub(r"\\\g<0>", _CALLS.sub(rf"\g<0>{_ZERO_WIDTH_SPACE}", harmless(text)))


def code(text: str) -> str:
    """Return a code span; in a table's cell `row` escapes its pipes. Nothing gives nothing."""
    shown = harmless(text)
    if not shown.strip():
        return ""
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    space = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{space}{shown}{space}{fence}"


def fenced(lines: Sequence[str]) -> str:
    """Return lines as a block of text that no line of it can end."""
    shown = [harmless(line) for line in lines]
    longest = max((len(run) for line in shown for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(FENCE_LEAST, longest + 1)
    return "\n".join([f"{fence}text", *shown, fence]) + "\n"


def row(cells: Iterable[str]) -> str:
    """Return a table's row; the cells are `prose`, whose pipes are escaped, or `code`, where only the table does it."""
    return f"| {' | '.join(cells)} |\n"


def cell(text: str) -> str:
    """Return a code span for a table's cell."""
    return code(text).replace("|", r"\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are markdown already."""
    return row(head) + row("---" for _ in head) + "".join(map(row, rows))

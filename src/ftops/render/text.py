"""Small words shared by all renderings: colours, plurals, and other people's text made harmless."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # What an unchanged `ftops validate` imports is most of what it costs.
    from ftops.trouble import Trouble

COLUMNS = 100
"""A line of prose is no longer than this, with what it is indented by."""


class Ink(StrEnum):
    """Terminal colours; what they say is also said in words or symbols."""

    GREEN = "32"
    YELLOW = "33"
    RED = "31"
    CYAN = "36"
    DIM = "2"
    BOLD = "1"


def paint(text: str, ink: Ink | None, *, colour: bool) -> str:
    """Return the text in a colour, if colour is wanted."""
    return f"\x1b[{ink}m{text}\x1b[0m" if colour and ink and text else text


def harmless(text: str) -> str:
    """Return a text with control characters made visible: names and messages of the service may hold anything."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def count(number: int, noun: str) -> str:
    """Return `1 error` or `3 errors`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def wrapped(text: str, indent_columns: int) -> list[str]:
    """Return a text as lines that fit below something indented by so many columns; its further lines stand in."""
    width = COLUMNS - indent_columns
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def meaning(trouble: Trouble | None, indent_columns: int) -> Sequence[str]:
    """Return the lines that stand below the service's own words: what is likely, what was sent, what to do."""
    told = trouble.lines if trouble else ()
    return [line for label, text in told for line in wrapped(f"{label}: {text}", indent_columns)]

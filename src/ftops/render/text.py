"""Small words shared by all renderings: colours, plurals, and other people's text made harmless."""

from __future__ import annotations

from enum import StrEnum


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

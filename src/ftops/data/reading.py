"""How the rows of a file are read: what they are for decides what is checked and counted."""

from __future__ import annotations

from msgspec import Struct


class Reading(Struct, frozen=True):
    """The format of the rows, the encoding their tokens are counted in (empty: an estimate), and what is asked of them.

    `contexts` are the longest rows, in tokens, that the models to be trained take. `fields` are the ways to what a
    grader reads of each row; `trains` is false where jobs only validate with the rows. `strict` looks for keys that are
    written twice. `identities` are asked for by who compares the rows with others (`identity.py`).
    """

    row_format: str
    encoding: str = ""
    contexts: tuple[int, ...] = ()
    fields: tuple[tuple[str, ...], ...] = ()
    trains: bool = True
    strict: bool = False
    identities: bool = False

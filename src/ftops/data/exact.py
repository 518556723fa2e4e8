"""Exact tokens of rows, counted for some blocks at once in a thread beside the walk, which meanwhile reads on.

Encoders let go of the interpreter while they count. They are slow to begin, and prompts stand in row after row; so they
get many rows at once, and each text of them one time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ftops.data.counting import Count
from ftops.data.tokens import Texts

if TYPE_CHECKING:
    from concurrent.futures import Future

BLOCKS = 4
"""Blocks of lines that are counted at once: about a megabyte."""


class Counted(NamedTuple):
    """The tokens of some rows by their lines, those of their inputs together, and how many are in part an estimate."""

    lines: list[int]
    tokens: list[int]
    asked: int
    unmeasured: int


class ExactTokens:
    """Takes rows, and some time later gives their tokens."""

    def __init__(self, count: Count) -> None:
        """Begin with no row."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for whoever has an encoder

        self._count = count
        self._pool = ThreadPoolExecutor(1)
        self._rows: list[tuple[int, Texts]] = []
        self._blocks = 0
        self._begun: tuple[list[tuple[int, Texts]], list[str], Future[Iterable[int]]] | None = None

    def add(self, line: int, texts: Texts) -> None:
        """Take one more row."""
        self._rows.append((line, texts))

    def next_block(self) -> Iterator[Counted]:
        """Yield what was counted, if anything was; a block of lines has ended."""
        self._blocks += 1
        if self._blocks % BLOCKS == 0:
            yield from self._begin()

    def rest(self) -> Iterator[Counted]:
        """Yield what is still to come."""
        yield from self._begin()
        yield from self._ended()

    def _begin(self) -> Iterator[Counted]:
        yield from self._ended()
        rows, self._rows = self._rows, []
        if not rows:
            return
        texts = list(dict.fromkeys(chain.from_iterable(row.texts for _, row in rows)))
        self._begun = rows, texts, self._pool.submit(self._count, texts)

    def _ended(self) -> Iterator[Counted]:
        if self._begun is None:
            return
        (rows, texts, future), self._begun = self._begun, None
        known = dict(zip(texts, future.result(), strict=True)).__getitem__
        yield Counted(
            [line for line, _ in rows],
            [sum(map(known, row.texts)) + row.beside for _, row in rows],
            sum(sum(map(known, row.texts[: row.inputs])) + row.beside_input for _, row in rows),
            sum(row.unmeasured for _, row in rows),
        )

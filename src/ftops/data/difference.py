"""Compares two versions of a dataset row by row, in bounded memory, whatever order their rows stand in.

Rows are compared by their numbers (`identity.py`), each as often as it stands there. What is left over on both sides is
compared once more by the numbers of the prompts: one that is on both sides got another answer. The numbers are split
by their first bits into parts that are looked at one after the other; beyond a few megabytes they wait in a temporary
file. Two rows that differ are taken for one with a chance of one in 2**64.
"""

from __future__ import annotations

import weakref
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Container, Iterator
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

from ftops.data.cache import Known
from ftops.data.index import MEMORY_BYTES_MAX, RowIndex
from ftops.difference import Difference

PART_ROWS = 1 << 15
"""About so many rows are compared at once."""
PART_BITS_MAX = 10
HELD_NUMBERS = 1 << 10
"""So many numbers of a part are held in memory before they are put with the others."""
READ_BYTES = 1 << 18
_NUMBER_BITS = 64


class Counts(NamedTuple):
    """How many rows were added, removed, changed and kept."""

    added: int
    removed: int
    changed: int
    kept: int


def difference(old: Known, new: Known) -> Difference:
    """Return what became of the rows of one content in another.

    A row that could not be given a number (nested too deeply) is like no other, so it counts as removed or added.
    """
    counts = compared(old.numbers, new.numbers)
    unread = [version.rows - rows for version, rows in ((old.version, _left(counts)), (new.version, _right(counts)))]
    return Difference(
        before=old.version.digest,
        after=new.version.digest,
        added=counts.added + max(0, unread[1]),
        removed=counts.removed + max(0, unread[0]),
        changed=counts.changed,
        kept=counts.kept,
        tokens_before=old.version.tokens,
        tokens_after=new.version.tokens,
        exact=old.version.exact and new.version.exact,
        alike=old.version.encoding == new.version.encoding,
    )


def _left(counts: Counts) -> int:
    return counts.removed + counts.changed + counts.kept


def _right(counts: Counts) -> int:
    return counts.added + counts.changed + counts.kept


def compared(old: RowIndex, new: RowIndex) -> Counts:
    """Return what became of the rows of one index, with two numbers a row, in another."""
    bits = 0
    while bits < PART_BITS_MAX and PART_ROWS << bits < max(old.lines, new.lines):
        bits += 1
    before, after, gone, come = (_Parts(bits) for _ in range(4))
    before.add_rows(old)
    after.add_rows(new)
    kept = changed = removed = added = 0
    for part in range(1 << bits):
        kept += _compare_part(part, (before, after), (gone, come))
    for part in range(1 << bits):
        asked, again = gone.totals(part), come.totals(part)
        changed += (asked & again).total()
        removed += asked.total()
        added += again.total()
    return Counts(added - changed, removed - changed, changed, kept)


def _compare_part(part: int, both: tuple[_Parts, _Parts], left_over: tuple[_Parts, _Parts]) -> int:
    """Return how many rows of a part stand on both sides, and add the prompts of the others to what is left over."""
    before, after = both
    once = [side.rows_if_once(part) for side in both]
    if once[0] is not None and once[1] is not None:  # Nearly always, and three times as fast as counting them.
        kept, gone, come = len(once[0] & once[1]), Counter(once[0] - once[1]), Counter(once[1] - once[0])
    else:
        counts = [side.rows(part) for side in both]
        kept, gone, come = (counts[0] & counts[1]).total(), counts[0] - counts[1], counts[1] - counts[0]
    for side, rest, into in ((before, gone, left_over[0]), (after, come, left_over[1])):
        if rest:
            for row, prompt in side.prompts(part, rest).items():
                into.add(prompt, rest[row])
    return kept


class _Parts:
    """Pairs of numbers in parts by the first bits of the first number; beyond some megabytes they are on disk."""

    def __init__(self, bits: int) -> None:
        self._spool: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(MEMORY_BYTES_MAX)  # noqa: SIM115 - lives on
        weakref.finalize(self, self._spool.close)
        self._shift = _NUMBER_BITS - bits
        self._held = [array("Q") for _ in range(1 << bits)]
        self._places: list[list[tuple[int, int]]] = [[] for _ in self._held]

    def add_rows(self, index: RowIndex) -> None:
        """Add the numbers of all lines; those of lines that are no rows are 0."""
        for block in index.blocks():
            numbers = array("Q", block)
            for part, pairs in self._split(numbers) if len(self._held) > 1 else ((0, numbers),):
                self._extend(part, pairs)

    def _split(self, numbers: array[int]) -> Iterator[tuple[int, array[int]]]:
        """Yield the pairs of each part: sorting a block costs less than looking at each of its rows."""
        rows, prompts = numbers[::2].tolist(), numbers[1::2].tolist()
        order = sorted(range(len(rows)), key=rows.__getitem__)
        in_order = list(map(rows.__getitem__, order))
        numbers[::2] = array("Q", in_order)
        numbers[1::2] = array("Q", map(prompts.__getitem__, order))
        begin = 0
        for part in range(len(self._held)):
            end = bisect_left(in_order, (part + 1) << self._shift, begin)
            yield part, numbers[2 * begin : 2 * end]
            begin = end

    def add(self, first: int, second: int) -> None:
        """Add a pair."""
        self._extend(first >> self._shift, array("Q", (first, second)))

    def _extend(self, part: int, pairs: array[int]) -> None:
        held = self._held[part]
        held.extend(pairs)
        if len(held) >= HELD_NUMBERS:
            self._places[part].append((self._spool.seek(0, 2), len(held) * held.itemsize))
            self._spool.write(held.tobytes())
            self._held[part] = array("Q")

    def rows_if_once(self, part: int) -> set[int] | None:
        """Return the first numbers of a part, or None if one of them stands there twice."""
        numbers: set[int] = set()
        count = 0
        for pairs in self._blocks(part):
            numbers.update(pairs[::2])
            count += len(pairs) // 2
        return numbers if len(numbers) == count and 0 not in numbers else None

    def rows(self, part: int) -> Counter[int]:
        """Return how often each first number of a part stands there; 0 stands for no row."""
        counts: Counter[int] = Counter()
        for pairs in self._blocks(part):
            counts.update(pairs[::2])
        counts.pop(0, None)
        return counts

    def prompts(self, part: int, rows: Container[int]) -> dict[int, int]:
        """Return the second numbers of some first ones."""
        found: dict[int, int] = {}
        for pairs in self._blocks(part):
            found.update(pair for pair in zip(pairs[::2], pairs[1::2], strict=True) if pair[0] in rows)
        return found

    def totals(self, part: int) -> Counter[int]:
        """Return the sum of the second numbers of each first one in a part."""
        sums: Counter[int] = Counter()
        for pairs in self._blocks(part):
            for first, second in zip(pairs[::2], pairs[1::2], strict=True):
                sums[first] += second
        return sums

    def _blocks(self, part: int) -> Iterator[array[int]]:
        for at, length in self._places[part]:
            for begin in range(at, at + length, READ_BYTES):
                self._spool.seek(begin)
                yield array("Q", self._spool.read(min(READ_BYTES, at + length - begin)))
        yield self._held[part]

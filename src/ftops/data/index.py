"""Numbers for every line of a file, in bounded memory: which rows stand there twice, or in two files.

They are hashes of the lines as they are, or what `identity.py` makes of what they say. One stands for each line, so
that its place tells the line. Up to a few megabytes they are in memory, then in a temporary file that has no name. Rows
are compared by 64 bits: among a million, two that differ are taken for one with a chance of one in ten million.
"""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Container, Iterable, Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

MEMORY_BYTES_MAX = 4 << 20
BLOCK_BYTES = 1 << 18
ROWS_COMPARED_MAX = 4_000_000
"""Rows of a file that are looked at for duplicates: what an upload can hold is mostly less."""
SMALL_ROWS = 50_000
"""So many numbers may be in a set at once."""
BITS_A_ROW = 32
BITS_MAX = 1 << 26
_NUMBER_BYTES = 8


class Pair(NamedTuple):
    """A row that stands in two places, by their lines: in one file the earlier one first."""

    first: int
    second: int


class RowIndex:
    """Numbers of a file's lines in order, `each` of them a line, the first for the row; 0 stands for no row."""

    def __init__(self, each: int = 1) -> None:
        """Begin with no line."""
        self._spool: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(MEMORY_BYTES_MAX)  # noqa: SIM115 - lives on
        weakref.finalize(self, self._spool.close)
        self._parts: list[tuple[int, int]] = []
        self.each = each
        self.lines = 0

    def append(self, numbers: bytes) -> None:
        """Add the numbers of the lines that follow."""
        self.place(len(self._parts), numbers)

    def place(self, part: int, numbers: bytes) -> None:
        """Add the numbers of a part of the file; parts may come in any order, each once."""
        while len(self._parts) <= part:
            self._parts.append((0, 0))
        at = self._spool.seek(0, 2)
        self._spool.write(numbers)
        self._parts[part] = (at, len(numbers))
        self.lines += len(numbers) // (_NUMBER_BYTES * self.each)

    @property
    def size_bytes(self) -> int:
        """Return how many bytes all numbers take."""
        return self.lines * self.each * _NUMBER_BYTES

    def blocks(self) -> Iterator[bytes]:
        """Yield the numbers from the first line on, those of whole lines."""
        for at, length in self._parts:
            for begin in range(at, at + length, BLOCK_BYTES):
                self._spool.seek(begin)
                yield self._spool.read(min(BLOCK_BYTES, at + length - begin))

    def rows(self) -> Iterator[array[int]]:
        """Yield the numbers of the rows, in blocks of lines."""
        for block in self.blocks():
            yield array("Q", block)[:: self.each]

    def repeated(self, most: int) -> tuple[int, list[Pair], int]:
        """Return how many rows stand there again, the first of them with their first lines, and the last line."""
        if self.lines > ROWS_COMPARED_MAX:
            return 0, [], 0
        again = self._met_twice()
        return self._places(again, most) if again else (0, [], 0)

    def _met_twice(self) -> set[int]:
        """Return numbers among which all are that stand there more than once."""
        if self.lines <= SMALL_ROWS:
            seen: set[int] = set()
            again: set[int] = set()
            for block in self.rows():
                fresh = set(block)
                if len(fresh) < len(block):
                    again |= _repeated_in(block)
                again |= fresh & seen
                seen |= fresh
            return again - {0}
        sieve = _Sieve(self.lines)
        found: set[int] = set()
        for block in self.rows():
            found.update(sieve.met(block))
        return found - {0}

    def _places(self, again: set[int], most: int) -> tuple[int, list[Pair], int]:
        first: dict[int, int] = {}
        pairs: list[Pair] = []
        count = last = 0
        for line, number in self._among(again):
            if number not in first:
                first[number] = line
                continue
            count, last = count + 1, line
            if len(pairs) < most:
                pairs.append(Pair(first[number], line))
        return count, pairs, last

    def _among(self, numbers: Container[int]) -> Iterator[tuple[int, int]]:
        """Yield the lines whose number is one of these, with it."""
        begin = 1
        for block in self.rows():
            yield from [(line, number) for line, number in enumerate(block, begin) if number in numbers]
            begin += len(block)


def _repeated_in(block: Sequence[int]) -> set[int]:
    seen: set[int] = set()
    return {number for number in block if number in seen or seen.add(number)}  # type: ignore[func-returns-value]


class _Sieve:
    """Tells numbers that were surely not met yet from those that may have been; its size is bounded."""

    def __init__(self, rows: int) -> None:
        self._mask = min(BITS_MAX, 1 << max(rows * BITS_A_ROW - 1, 1).bit_length()) - 1
        self._bits = bytearray((self._mask >> 3) + 1)

    def met(self, numbers: Iterable[int]) -> list[int]:
        """Return those of some numbers that may have been met, and take note of all."""
        bits, mask, found = self._bits, self._mask, []
        for number in numbers:
            short = number & mask
            place, bit = short >> 3, 1 << (short & 7)
            if bits[place] & bit:
                found.append(number)
            else:
                bits[place] |= bit
        return found

    def may_hold(self, number: int) -> bool:
        """Tell whether a number may have been met."""
        return bool(self._bits[(number & self._mask) >> 3] & 1 << (number & 7))


def shared(one: RowIndex, other: RowIndex, most: int) -> tuple[int, list[Pair]]:
    """Return how many rows of the second file stand in the first too, and the first few with both lines."""
    if max(one.lines, other.lines) > ROWS_COMPARED_MAX:
        return 0, []
    sieve = _Sieve(other.lines)
    for block in other.rows():
        sieve.met(block)
    lines: dict[int, int] = {}
    for line, number in _numbered(one):
        if sieve.may_hold(number):
            lines.setdefault(number, line)
    pairs: list[Pair] = []
    count = 0
    for line, number in _numbered(other):
        if number in lines:
            count += 1
            if len(pairs) < most:
                pairs.append(Pair(lines[number], line))
    return count, pairs


def _numbered(index: RowIndex) -> Iterator[tuple[int, int]]:
    """Yield the line and the number of each row."""
    line = 0
    for block in index.rows():
        for line, number in enumerate(block, line + 1):  # noqa: B020 - it goes on where the last block ended
            if number:
                yield line, number

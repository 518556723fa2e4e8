"""Which rows stand twice, or in two files, against the plainest way to find out."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ftops.data import Reading, check_rows, index
from ftops.data.index import BLOCK_BYTES, MEMORY_BYTES_MAX, SMALL_ROWS, Pair, RowIndex, shared

from .data_oracle import LIMITS
from .data_rows import said, written

FEW = st.lists(st.sampled_from([0, 0, 1, 2, 3, 2**32, 2**32 + 1, 2**63, 2**64 - 1]) | st.integers(0, 9), max_size=40)
MANY = SMALL_ROWS + 5_000
"""So many rows are compared by the way that is for more than a set should hold."""


def plainly_repeated(numbers: Sequence[int], most: int) -> tuple[int, list[Pair], int]:
    """Return what `repeated` should: by looking at every row once."""
    first: dict[int, int] = {}
    pairs = [
        Pair(first[number], line)
        for line, number in enumerate(numbers, 1)
        if number and first.setdefault(number, line) != line
    ]
    return len(pairs), pairs[:most], pairs[-1].second if pairs else 0


def plainly_shared(one: Sequence[int], other: Sequence[int], most: int) -> tuple[int, list[Pair]]:
    """Return what `shared` should: by looking at every row once."""
    lines: dict[int, int] = {}
    for line, number in enumerate(one, 1):
        lines.setdefault(number, line)
    pairs = [Pair(lines[number], line) for line, number in enumerate(other, 1) if number and number in lines]
    return len(pairs), pairs[:most]


def index_of(numbers: Sequence[int], each: int = 1, cuts: Sequence[int] = (), *, backwards: bool = False) -> RowIndex:
    """Return an index of these numbers in parts cut at these lines, which may come in the order or backwards."""
    made, borders = RowIndex(each), sorted({0, len(numbers), *(cut % (len(numbers) + 1) for cut in cuts)})
    parts = list(enumerate(pairwise(borders)))
    for part, (begin, end) in reversed(parts) if backwards else parts:
        data = array("Q")
        for number in numbers[begin:end]:
            data.extend([number, *[7] * (each - 1)])
        made.place(part, data.tobytes())
    return made


# --- against the plain way


@given(
    numbers=FEW,
    most=st.integers(0, 5),
    each=st.sampled_from([1, 2]),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    backwards=st.booleans(),
)
@example(numbers=[], most=6, each=1, cuts=[], backwards=False)
@example(numbers=[0, 0, 0], most=6, each=2, cuts=[1], backwards=True)
@settings(deadline=None)
def test_repeated(numbers: list[int], most: int, each: int, cuts: list[int], backwards: bool) -> None:
    """Rows that stand again are counted, and paired with their first lines, whatever order their parts came in."""
    made = index_of(numbers, each, cuts, backwards=backwards)
    assert made.repeated(most) == plainly_repeated(numbers, most)
    assert (made.lines, made.size_bytes) == (len(numbers), 8 * each * len(numbers))
    assert [number for block in made.rows() for number in block] == numbers


@given(one=FEW, other=FEW, most=st.integers(0, 5), each=st.sampled_from([1, 2]), cuts=st.lists(st.integers(0, 40)))
@settings(deadline=None)
def test_shared(one: list[int], other: list[int], most: int, each: int, cuts: list[int]) -> None:
    """Rows of the second file that stand in the first are counted, and paired with the first lines there."""
    left, right = index_of(one, each, cuts), index_of(other, 1, cuts, backwards=True)
    assert shared(left, right, most) == plainly_shared(one, other, most)
    assert shared(right, left, most) == plainly_shared(other, one, most)


# --- many rows


def many(rows: int, *, seed: int) -> list[int]:
    """Return numbers as hashes are, some of them 0."""
    drawn = random.Random(seed)  # noqa: S311 - the same numbers every time
    return [drawn.getrandbits(64) if n % 1000 else 0 for n in range(rows)]


BLOCK_ROWS = BLOCK_BYTES // 8


@pytest.mark.parametrize("rows", [BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, SMALL_ROWS, SMALL_ROWS + 1, MANY])
def test_many_rows(rows: int) -> None:
    """Few rows among many that stand again are found within a block, about its end, and far apart."""
    numbers = many(rows, seed=rows)
    for first, again in ((5, 6), (BLOCK_ROWS - 3, BLOCK_ROWS - 2), (9, rows - 1), (9, rows - 2)):
        numbers[again] = numbers[first]
    made = index_of(numbers, cuts=[7, rows // 2])
    assert made.repeated(6) == plainly_repeated(numbers, 6)
    other = [*many(50, seed=1), numbers[1], 0, numbers[rows - 1], numbers[1]]
    assert shared(made, index_of(other), 6) == plainly_shared(numbers, other, 6)
    assert shared(index_of(other), made, 6) == plainly_shared(other, numbers, 6)


@pytest.mark.parametrize("bits", [20, 40, 63])
def test_numbers_that_are_nearly_equal(bits: int) -> None:
    """Numbers that differ in high bits only, which a sieve cannot tell apart, are not taken for equal."""
    numbers = [n + 1 for n in range(MANY // 2)] + [(n + 1) | 1 << bits for n in range(MANY // 2 + 1)]
    assert index_of(numbers).repeated(6) == plainly_repeated(numbers, 6) == (0, [], 0)
    numbers[-1] = 17
    assert index_of(numbers).repeated(6) == (1, [Pair(17, len(numbers))], len(numbers))
    assert shared(index_of(numbers[: MANY // 2]), index_of(numbers[MANY // 2 :]), 3)[0] == 1


def test_all_rows_stand_again() -> None:
    """A file of one row, many times, is counted to its end."""
    assert index_of([3] * MANY).repeated(2) == (MANY - 1, [Pair(1, 2), Pair(1, 3)], MANY)


@pytest.mark.parametrize("each", [1, 2])
def test_more_than_stays_in_memory(each: int) -> None:
    """Numbers beyond what stays in memory go into a file, and are the same, also those that come after them."""
    rows = MEMORY_BYTES_MAX // (8 * each) + 2
    numbers = list(range(1, rows + 1))
    numbers[-1] = 1
    made = index_of(numbers[:-2], each, cuts=[rows // 3], backwards=True)
    assert not made._spool._rolled  # type: ignore[attr-defined]
    for number in numbers[-2:]:
        made.append(array("Q", [number, *[7] * (each - 1)]).tobytes())
    made.append(b"")
    assert made.repeated(6) == (1, [Pair(1, rows)], rows)


def test_too_many_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of more rows than are compared have no rows that stand again or are shared: it is not looked for."""
    monkeypatch.setattr(index, "ROWS_COMPARED_MAX", 5)
    five, six = index_of([1] * 5), index_of([1] * 6)
    assert five.repeated(9)[0] == 4 and six.repeated(9) == (0, [], 0)
    assert shared(five, five, 9)[0] == 5
    assert shared(five, six, 9) == shared(six, five, 9) == (0, [])


def test_blank_lines_count_as_lines(tmp_path: Path) -> None:
    """Lines that are blank or broken are no rows that could stand again, but they count as lines."""
    row = written({"messages": [said("user", "a"), said("assistant", "b")]})
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([b"", row, b"", b"", b"{", b"{", b"null", b"null", row + b"\r", b" ", b" ", row]))
    checked = check_rows(path, "rows.jsonl", LIMITS, Reading("chat", identities=True))
    seen = checked.report.seen["duplicate-row"]
    assert (seen.count, seen.last_line, [place.line for place in seen.places]) == (2, 12, [9, 12])
    assert all("line 2." in place.detail for place in seen.places)
    assert checked.identities.repeated(6) == (2, [Pair(2, 9), Pair(2, 12)], 12)

"""Two versions of a dataset compared: against a naive model of lists of rows, on real files, and in words."""

from __future__ import annotations

import json
import random
from array import array
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.data import Reading, check_rows
from ftops.data import difference as counting
from ftops.data.cache import Known, Version, known_from
from ftops.data.difference import Counts, compared, difference
from ftops.data.index import RowIndex
from ftops.difference import FORM, ONLY_WRITTEN_OTHERWISE, Difference, kept_as
from ftops.rules import load_rules

LIMITS = load_rules().limits
Row: TypeAlias = tuple[int, int]
"""A prompt and an answer."""


def indexed(rows: list[Row | None]) -> RowIndex:
    """Return the numbers of rows, in blocks of uneven lengths; None is a line that is no row."""
    numbers = [n for row in rows for n in ((0, 0) if row is None else (_number(row), row[0] + 1))]
    index = RowIndex(2)
    for begin in range(0, len(numbers), 6):
        index.append(array("Q", numbers[begin : begin + 6]).tobytes())
    return index


def _number(row: Row) -> int:
    return (hash(row) & 0xFFFF_FFFF_FFFF_FFFF) | 1


def naive(old: list[Row], new: list[Row]) -> Counts:
    """Return the same by pairing rows one by one."""
    gone, come, kept = list(old), [], 0
    for row in new:
        if row in gone:
            gone.remove(row)
            kept += 1
        else:
            come.append(row)
    changed = 0
    for prompt, _ in come:
        match = next((row for row in gone if row[0] == prompt), None)
        if match is not None:
            gone.remove(match)
            changed += 1
    return Counts(len(come) - changed, len(gone), changed, kept)


ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30)


@given(ROWS, ROWS)
def test_it_counts_what_pairing_rows_one_by_one_counts(old: list[Row], new: list[Row]) -> None:
    """Rows are paired as often as they stand there, first alike ones, then those of one prompt."""
    assert compared(indexed([*old]), indexed([*new])) == naive(old, new)


@given(ROWS, ROWS)
def test_parts_change_no_count(old: list[Row], new: list[Row]) -> None:
    """However few rows are compared at once, and wherever they wait, the counts are the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "PART_ROWS", 2)
        patch.setattr(counting, "HELD_NUMBERS", 4)
        patch.setattr(counting, "READ_BYTES", 16)
        patch.setattr(counting, "MEMORY_BYTES_MAX", 64)
        assert compared(indexed([*old]), indexed([*new])) == naive(old, new)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_and_lines_without_rows_do_not_count(rows: list[Row], chance: random.Random) -> None:
    """Rows in another order, with blank lines among them, are the same rows."""
    shuffled: list[Row | None] = [*rows, None, None]
    chance.shuffle(shuffled)
    assert compared(indexed([*rows]), indexed(shuffled)) == Counts(0, 0, 0, len(rows))


def test_many_rows_of_one_prompt_are_counted_in_parts() -> None:
    """A file whose rows all ask the same is no harder; a hundred thousand rows take a moment."""
    old: list[Row | None] = [(7, answer) for answer in range(60_000)]
    new: list[Row | None] = [(7, answer) for answer in range(100, 60_050)]
    assert compared(indexed(old), indexed(new)) == Counts(0, 50, 50, 59_900)


# --- files


def message(role: str, content: str) -> dict[str, object]:
    """Return a message."""
    return {"role": role, "content": content}


def chat(prompt: int, answer: int) -> dict[str, object]:
    """Return a row."""
    said = [message("system", "Be kind."), message("user", f"Ünd {prompt}?"), message("assistant", f"{answer}")]
    return {"messages": said, "parallel_tool_calls": True}


def dpo(prompt: int, answer: int) -> dict[str, object]:
    """Return a preference row."""
    preferred, other = ([message("assistant", f"{answer}{sort}")] for sort in "ab")
    return {
        "input": {"messages": [message("user", f"{prompt}?")]},
        "preferred_output": preferred,
        "non_preferred_output": other,
    }


def rft(prompt: int, answer: int) -> dict[str, object]:
    """Return a reinforcement row."""
    return {"messages": [message("user", f"{prompt}?")], "reference": {"b": answer, "a": [1, None]}}


FORMATS = {"chat": chat, "dpo": dpo, "rft": rft}


def reversed_keys(value: object) -> object:
    """Return a value with the keys of every mapping in the opposite order."""
    if isinstance(value, dict):
        return {key: reversed_keys(inner) for key, inner in reversed(value.items())}
    return [reversed_keys(inner) for inner in value] if isinstance(value, list) else value


def written(path: Path, rows: list[dict[str, object]], *, otherwise: bool = False) -> Path:
    """Write a file of rows; `otherwise` with other keys first, other spaces and escapes, blank lines and CRLF."""
    if otherwise:
        lines = [json.dumps(reversed_keys(row), indent=None, separators=(" ,  ", " : ")) + " \r\n" for row in rows]
    else:
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
    path.write_bytes("".join(lines).encode())
    return path


def known(path: Path, row_format: str) -> Known:
    """Return a file by the numbers of its rows."""
    return known_from(check_rows(path, path.name, LIMITS, Reading(row_format, identities=True)), row_format)


@pytest.mark.parametrize("row_format", FORMATS)
def test_rows_written_otherwise_are_the_same(row_format: str, tmp_path: Path) -> None:
    """The order of rows and keys, spaces, escapes and line ends leave nothing to tell, though the digest is another."""
    rows = [FORMATS[row_format](number // 2, number) for number in range(40)]
    one = known(written(tmp_path / "one", rows), row_format)
    shuffled = [*rows]
    random.Random(4).shuffle(shuffled)  # noqa: S311 - any order but the first
    other = known(written(tmp_path / "other", shuffled, otherwise=True), row_format)
    found = difference(one, other)
    assert one.version.digest != other.version.digest
    assert found.same and found.kept == 40
    assert (found.before, found.after) == (one.version.digest, other.version.digest)


@pytest.mark.parametrize("row_format", FORMATS)
def test_edits_of_a_file_are_counted(row_format: str, tmp_path: Path) -> None:
    """Answers that were edited are changed rows; a row twice is one more."""
    make = FORMATS[row_format]
    rows = [make(number, number) for number in range(40)]
    edited = [make(number, 99 if number < 3 else number) for number in range(38)]
    one = known(written(tmp_path / "one", rows), row_format)
    other = known(
        written(tmp_path / "other", [*reversed(edited), make(50, 1), make(51, 1), make(37, 37)], otherwise=True),
        row_format,
    )
    found = difference(one, other)
    assert (found.added, found.removed, found.changed, found.kept) == (3, 2, 3, 35)
    assert found.tokens == other.version.tokens - one.version.tokens
    assert (found.exact, found.alike) == (False, True)


EDITS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=12)


@settings(deadline=None)
@given(old=EDITS, new=EDITS, row_format=st.sampled_from(sorted(FORMATS)))
def test_files_are_compared_as_their_rows_are(
    old: list[Row], new: list[Row], row_format: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever two files hold, one of them written otherwise, the counts are those of the lists of their rows."""
    folder = tmp_path_factory.mktemp("pair")
    one = known(written(folder / "one", [FORMATS[row_format](*row) for row in old]), row_format)
    other = known(written(folder / "other", [FORMATS[row_format](*row) for row in new], otherwise=True), row_format)
    found = difference(one, other)
    assert Counts(found.added, found.removed, found.changed, found.kept) == naive(old, new)
    assert found.same == (Counter(old) == Counter(new))


def test_a_row_without_a_number_is_like_no_other(tmp_path: Path) -> None:
    """What is no row, or is nested too deeply to be compared, never makes two files the same."""
    rows = [chat(number, number) for number in range(12)]
    one, other = written(tmp_path / "one", rows), written(tmp_path / "other", rows)
    for path, line in ((one, b"{\n"), (other, b"{ \n")):
        path.write_bytes(path.read_bytes() + line)
    found = difference(known(one, "chat"), known(other, "chat"))
    assert (found.added, found.removed, found.kept, found.same) == (1, 1, 12, False)


@pytest.mark.parametrize(
    ("encodings", "unmeasured", "exact", "alike"),
    [
        (("o200k", "o200k"), (0, 0), True, True),
        (("o200k", "o200k"), (0, 3), False, True),
        (("", ""), (0, 0), False, True),
        (("o200k", ""), (0, 0), False, False),
        (("o200k", "cl100k"), (0, 0), True, False),
    ],
)
def test_how_tokens_were_counted_is_told(
    encodings: tuple[str, str], unmeasured: tuple[int, int], exact: bool, alike: bool
) -> None:
    """Numbers are exact only if both are, and comparable only if both were counted in one way."""
    versions = [
        Version("a", 0, 10, encoding, "chat", rows) for encoding, rows in zip(encodings, unmeasured, strict=True)
    ]
    found = difference(*(Known(version, RowIndex(2)) for version in versions))
    assert (found.exact, found.alike) == (exact, alike)


# --- words

EDITED = Difference("a", "b", 150, 20, 12, 4000, 1_000_000, 1_031_000, exact=True)


ROWS_EDITED = "150 rows added, 20 removed, 12 changed; "


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, f"{ROWS_EDITED}+31 k tokens"),
        ({"usd": 0.47}, f"{ROWS_EDITED}+31 k tokens, about +USD 0.47"),
        ({"usd": 0.47, "exact": False}, f"{ROWS_EDITED}about +31 k tokens, +USD 0.47"),
        ({"usd": -1234.0, "tokens_after": 1}, f"{ROWS_EDITED}-1,000 k tokens, about -USD 1,234"),
        ({"usd": 0.004}, f"{ROWS_EDITED}+31 k tokens"),
        ({"added": 0, "removed": 1}, "1 row removed, 12 changed; +31 k tokens"),
        ({"added": 12_345, "removed": 0, "changed": 0}, "12,345 rows added; +31 k tokens"),
        ({"added": 0, "removed": 0, "tokens_after": 1_000_000}, "12 rows changed; as many tokens"),
        ({"added": 0, "removed": 0, "tokens_after": 999_210}, "12 rows changed; -790 tokens"),
        ({"alike": False}, f"{ROWS_EDITED}their tokens were counted in different ways"),
        ({"added": 0, "removed": 0, "changed": 0}, ONLY_WRITTEN_OTHERWISE),
    ],
)
def test_words(changes: dict[str, object], words: str) -> None:
    """What is nothing is not said; signs, thousands and what is only about so stand in it."""
    assert replace(EDITED, **changes).words == words  # type: ignore[arg-type]


def test_numbers_are_kept_by_form_and_by_what_a_file_name_carries() -> None:
    """The first sixteen digits of a digest are enough to find what is kept of a content."""
    assert kept_as("a" * 64) == kept_as("a" * 16) == f"rows {FORM} {'a' * 16}"

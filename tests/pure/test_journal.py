"""The journal: what it remembers of the last moments, whatever became of its file."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ftops.apply.journal import TAIL_BYTES, Journal, Step
from ftops.errors import JournalBroken

from .builders import NOW

GRACE_S = 120
KEY = "create emulator:east/job/a@" + "d" * 64 + "#1"
OTHER = "create emulator:east/job/b@" + "e" * 64 + "#1"


def reopened(path: Path) -> Journal:
    """Return the journal as the next process reads it."""
    return Journal.open(path)


def test_a_journal_that_does_not_exist_knows_nothing(tmp_path: Path) -> None:
    """A deleted journal has no doubts, and opening it makes no file."""
    assert reopened(tmp_path / "journal.jsonl").doubts(NOW, GRACE_S) == {}
    assert not (tmp_path / "journal.jsonl").exists()


def test_an_intent_is_a_doubt_for_the_next_process(tmp_path: Path) -> None:
    """A process that dies after its intent leaves a doubt about that key, with the service's time."""
    path = tmp_path / "journal.jsonl"
    reopened(path).intend(KEY, NOW, "9f31c2a4")
    assert reopened(path).doubts(NOW, GRACE_S) == {KEY: NOW}
    path.unlink()
    assert reopened(path).doubts(NOW, GRACE_S) == {}


@pytest.mark.parametrize(("age_s", "doubted"), [(0, True), (119, True), (120, False), (3_600, False)])
def test_a_doubt_lasts_for_the_grace_period(tmp_path: Path, age_s: int, doubted: bool) -> None:
    """After the grace period listings alone decide."""
    path = tmp_path / "journal.jsonl"
    reopened(path).intend(KEY, NOW - timedelta(seconds=age_s), "")
    assert (KEY in reopened(path).doubts(NOW, GRACE_S)) is doubted


def test_a_moment_far_in_the_future_is_no_doubt(tmp_path: Path) -> None:
    """After an emulator was reset its clock is behind the journal: those intents are of another world."""
    path = tmp_path / "journal.jsonl"
    reopened(path).intend(KEY, NOW + timedelta(days=30), "")
    assert reopened(path).doubts(NOW, GRACE_S) == {}


def test_a_write_that_was_done_stays_in_doubt_until_it_is_listed(tmp_path: Path) -> None:
    """A listing may lag behind the answer, so an outcome with an object keeps the key for the grace period."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.intend(KEY, NOW, "")
    journal.done(KEY, NOW + timedelta(seconds=1), "ftjob-1")
    assert journal.doubts(NOW, GRACE_S) == reopened(path).doubts(NOW, GRACE_S) == {KEY: NOW + timedelta(seconds=1)}


def test_a_refusal_ends_a_doubt(tmp_path: Path) -> None:
    """What the service refused was not made; a later intent is a doubt again."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.intend(KEY, NOW, "")
    journal.intend(OTHER, NOW, "")
    journal.refuse(KEY, NOW, "invalidPayload")
    assert journal.doubts(NOW, GRACE_S) == reopened(path).doubts(NOW, GRACE_S) == {OTHER: NOW}
    journal.intend(KEY, NOW, "")
    assert reopened(path).doubts(NOW, GRACE_S).keys() == {KEY, OTHER}


def test_a_tail_torn_at_any_byte_loses_only_its_line(tmp_path: Path) -> None:
    """Wherever a crash tears the last line, the lines before it count and the next one is whole."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.intend(KEY, NOW, "")
    first = path.read_bytes()
    journal.refuse(KEY, NOW, "a problem\nwith a line break")
    whole = path.read_bytes()
    for size in range(len(first), len(whole)):
        path.write_bytes(whole[:size])
        complete = size == len(whole) - 1
        assert reopened(path).doubts(NOW, GRACE_S) == ({} if complete else {KEY: NOW})
        reopened(path).intend(OTHER, NOW, "")
        assert OTHER in reopened(path).doubts(NOW, GRACE_S)
        assert (KEY in reopened(path).doubts(NOW, GRACE_S)) is not complete
    for size in range(len(first)):
        path.write_bytes(first[:size])
        assert set(reopened(path).doubts(NOW, GRACE_S)) <= {KEY}


GARBAGE = [
    b"",
    b"\x00\x00\x00",
    b"\xff\xfe garbage",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"{}",
    b'{"key": "k", "step": "unknown", "at": "2026-11-23T12:00:00+00:00"}',
    b'{"key": "k", "step": "intent", "at": "yesterday"}',
    b'{"key": "k", "step": "intent", "at": 7}',
    b'{"key": ["k"], "step": "intent", "at": "2026-11-23T12:00:00+00:00"}',
    b'{"key": "k", "step": ["intent"], "at": "2026-11-23T12:00:00+00:00"}',
    b'{"key": "k", "step": "intent", "at": "2026-11-23T12:00:00"}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("line", GARBAGE, ids=lambda line: repr(line[:60]))
def test_garbage_is_passed_over(tmp_path: Path, line: bytes) -> None:
    """A line that is no entry changes nothing of the others, before or after it."""
    path = tmp_path / "journal.jsonl"
    reopened(path).intend(KEY, NOW, "")
    with path.open("ab") as file:
        file.write(line + b"\n")
    reopened(path).intend(OTHER, NOW, "")
    assert reopened(path).doubts(NOW, GRACE_S) == {KEY: NOW, OTHER: NOW}


def test_only_the_end_of_a_long_journal_is_read(tmp_path: Path) -> None:
    """A journal of years is not read from its beginning; a line cut by that is passed over."""
    path = tmp_path / "journal.jsonl"
    reopened(path).intend(KEY, NOW, "")
    with path.open("ab") as file:
        file.write((json.dumps({"filler": "x" * 1_000}).encode() + b"\n") * (TAIL_BYTES // 1_000 + 1))
    reopened(path).intend(OTHER, NOW, "")
    assert reopened(path).doubts(NOW, GRACE_S) == {OTHER: NOW}


def test_every_line_is_an_object_with_its_version(tmp_path: Path) -> None:
    """The file can be read by other programs: version, moment, step and key in every line."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.intend(KEY, NOW, "9f31c2a4")
    journal.done(KEY, NOW, "ftjob-1")
    journal.refuse(OTHER, NOW, "why")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(row["v"], row["at"], row["step"]) for row in rows] == [
        (1, NOW.isoformat(), step) for step in (Step.INTENT, Step.DONE, Step.REFUSED)
    ]
    assert (rows[0]["plan"], rows[1]["id"], rows[2]["problem"]) == ("9f31c2a4", "ftjob-1", "why")


def test_a_journal_without_a_file_remembers_within_its_run() -> None:
    """A run that keeps no journal still knows its own doubts."""
    journal = Journal(None)
    journal.intend(KEY, NOW, "")
    assert journal.doubts(NOW, GRACE_S) == {KEY: NOW}


def test_a_journal_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A folder in its place is a problem with a name, when reading as when writing."""
    with pytest.raises(JournalBroken, match="cannot be read"):
        reopened(tmp_path)
    with pytest.raises(JournalBroken, match="cannot be written"):
        Journal(tmp_path).intend(KEY, NOW, "")

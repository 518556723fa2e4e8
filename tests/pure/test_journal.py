"""The journal: what it remembers of the last moments, whatever became of its file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ftops.apply.journal import TAIL_BYTES, Journal, Step, UploadMemory
from ftops.call import SentPart, SentUpload
from ftops.errors import Interrupted, JournalBroken

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


# --- uploads in parts

BEGUN = SentUpload("upload-1", 25, 1_700_000_000)
PARTS = tuple(SentPart(number, f"part-{number}", f"digest-{number}") for number in range(3))


def sent_of(*numbers: int, **more: object) -> SentUpload:
    """Return the upload with these parts."""
    return replace(BEGUN, parts=tuple(PARTS[number] for number in numbers), **more)  # type: ignore[arg-type]


def test_an_upload_is_remembered_part_by_part(tmp_path: Path) -> None:
    """The next process knows the upload and every part that was noted, in one line each."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.intend(KEY, NOW, "")
    for state in (BEGUN, sent_of(0), sent_of(0, 1)):
        journal.keep(KEY, NOW, "", state)
        assert reopened(path).uploads == journal.uploads == {KEY: state}
    assert path.read_text(encoding="utf-8").count("\n") == 4
    journal.keep(KEY, NOW, "", replace(BEGUN, id="upload-2"))
    assert reopened(path).uploads == {KEY: replace(BEGUN, id="upload-2")}


def test_a_part_that_was_sent_again_takes_the_others_place(tmp_path: Path) -> None:
    """Of two lines for one part the later one counts."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.keep(KEY, NOW, "", sent_of(0, 1))
    other = replace(PARTS[0], id="other")
    journal.keep(KEY, NOW, "", replace(BEGUN, parts=(other, PARTS[1])))
    assert reopened(path).uploads[KEY].parts == (other, PARTS[1])


def test_among_parts_nothing_is_in_doubt(tmp_path: Path) -> None:
    """No file can be there before the upload is completed, so a run that died among the parts is followed at once."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.intend(KEY, NOW, "")
    journal.keep(KEY, NOW, "", BEGUN)
    assert journal.doubts(NOW, GRACE_S) == reopened(path).doubts(NOW, GRACE_S) == {}


def test_the_grace_period_begins_when_an_upload_is_completed(tmp_path: Path) -> None:
    """However long the parts took, what is completed now may be lost now; the upload stays known until it is done."""
    path = tmp_path / "journal.jsonl"
    journal, later = reopened(path), NOW + timedelta(hours=1)
    journal.intend(KEY, NOW, "p")
    journal.keep(KEY, later, "p", sent_of(0, 1, 2))
    journal.keep(KEY, later, "p", sent_of(0, 1, 2, completing=True))
    assert reopened(path).doubts(later, GRACE_S) == {KEY: later}
    assert reopened(path).uploads == {KEY: sent_of(0, 1, 2)}
    journal.done(KEY, later, "file-1")
    assert reopened(path).uploads == journal.uploads == {}


def test_an_upload_that_is_left_is_forgotten(tmp_path: Path) -> None:
    """A refusal of the moment leaves it; what is of no use is forgotten, whatever lines come after."""
    path = tmp_path / "journal.jsonl"
    journal = reopened(path)
    journal.keep(KEY, NOW, "", sent_of(0))
    journal.keep(OTHER, NOW, "", BEGUN)
    journal.refuse(KEY, NOW, "forbidden")
    assert set(reopened(path).uploads) == {KEY, OTHER}
    journal.keep(KEY, NOW, "", None)
    assert set(reopened(path).uploads) == set(journal.uploads) == {OTHER}


ODD_PARTS: list[dict[str, object]] = [
    {"upload": "upload-2", "number": 0, "id": "p", "digest": "d"},
    {"number": 0, "id": "p", "digest": "d"},
    {"upload": "upload-1", "number": "0", "id": "p", "digest": "d"},
    {"upload": "upload-1", "number": 0, "id": 7, "digest": "d"},
    {"upload": "upload-1", "number": 0, "id": "p"},
]


@pytest.mark.parametrize("row", ODD_PARTS, ids=str)
def test_a_part_without_sense_is_no_part(tmp_path: Path, row: dict[str, object]) -> None:
    """A part of another upload, or one that does not say what it has to, is sent again."""
    path = tmp_path / "journal.jsonl"
    reopened(path).keep(KEY, NOW, "", BEGUN)
    line = {"v": 1, "at": NOW.isoformat(), "step": "part", "key": KEY, **row}
    with path.open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")
    assert reopened(path).uploads == {KEY: BEGUN}


@pytest.mark.parametrize("row", [{}, {"upload": 7, "bytes": 1, "expires": 0}, {"upload": "u", "bytes": "1"}], ids=str)
def test_an_upload_without_sense_is_none(tmp_path: Path, row: dict[str, object]) -> None:
    """A line that does not say which upload was begun ends what was known of an earlier one."""
    path = tmp_path / "journal.jsonl"
    reopened(path).keep(KEY, NOW, "", BEGUN)
    with path.open("ab") as file:
        file.write(json.dumps({"at": NOW.isoformat(), "step": "upload", "key": KEY, **row}).encode() + b"\n")
    assert reopened(path).uploads == {}


def test_a_run_may_be_stopped_where_everything_is_written_down(tmp_path: Path) -> None:
    """A stop is heeded after a part, never between the last intent and the call that it is for."""

    def stop() -> None:
        raise Interrupted("stopped")

    path = tmp_path / "journal.jsonl"
    memory = UploadMemory(reopened(path), KEY, "p", lambda: NOW, stop)
    with pytest.raises(Interrupted):
        memory.keep(sent_of(0))
    assert memory.recall() == reopened(path).uploads[KEY] == sent_of(0)
    memory.keep(sent_of(0, completing=True))
    memory.keep(None)
    assert memory.recall() is None

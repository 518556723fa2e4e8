"""What is kept of data files: an unchanged one is not read, and a changed one is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftops.cache import FOLDER, Cache
from ftops.data import DataReport, Reading, guess_format
from ftops.data.cache import Files
from ftops.data.check import Checked
from ftops.rules import Limits, load_rules
from ftops.testing import FakeClock

ROW = '{"messages": [{"role": "user", "content": "%d"}, {"role": "assistant", "content": "b"}]}\n'


class Reader(Files):
    """Reads a file, and counts how often."""

    def __init__(self, folder: Path, ahead: timedelta = timedelta(hours=1)) -> None:
        """Write a file with a problem in it; the cache's clock is ahead of the file's times."""
        self.path = folder / "train.jsonl"
        self.path.write_text("".join(ROW % number for number in range(12)) + "\n{\n", encoding="utf-8")
        super().__init__(folder, Cache(folder / FOLDER, FakeClock(datetime.now(UTC) + ahead)), load_rules().limits)
        self.read = 0

    def _check(self, file: str, reading: Reading) -> Checked:
        """Check the file."""
        self.read += 1
        return super()._check(file, reading)

    def __call__(self, row_format: str = "chat") -> DataReport:
        """Return what is known of the file."""
        return self.report("train.jsonl", Reading(row_format))

    def row_format(self) -> str:
        """Return what the rows are taken for."""

        def guess(path: Path, limits: Limits) -> str:
            self.read += 1
            return guess_format(path, limits)

        return self.guess("train.jsonl", guess)


def test_an_unchanged_file_is_read_once(tmp_path: Path) -> None:
    """The second run knows everything of the first: digest, counts, and problems with their places."""
    reader = Reader(tmp_path)
    first = reader()
    assert len(first.problems) == 2 and reader() == first
    assert reader.read == 1


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """Another content is another report."""
    reader = Reader(tmp_path)
    first = reader()
    reader.path.write_text("".join(ROW % number for number in range(15)), encoding="utf-8")
    assert reader().rows == 15 != first.rows


def test_rows_read_in_another_way_are_another_question(tmp_path: Path) -> None:
    """What is known of chat rows says nothing of the same file as preference rows."""
    reader = Reader(tmp_path)
    reader("chat")
    reader("dpo")
    assert reader.read == 2


def test_the_format_is_guessed_once(tmp_path: Path) -> None:
    """What an unchanged file is taken for is known without its first row, beside what is known of all its rows."""
    reader = Reader(tmp_path)
    assert (reader.row_format(), reader().rows, reader.row_format(), reader().rows) == ("chat", 13, "chat", 13)
    assert reader.read == 2
    reader.path.write_text('{"preferred_output": []}', encoding="utf-8")
    assert reader.row_format() == "dpo"


def test_a_file_of_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    """Within one tick of the file system's clock a change may not show."""
    reader = Reader(tmp_path, ahead=timedelta(0))
    reader()
    reader()
    assert reader.read == 2


def test_a_missing_file_is_told_as_ever(tmp_path: Path) -> None:
    """What cannot be looked at is left to the check."""
    reader = Reader(tmp_path)
    reader.path.unlink()
    assert [p.code for p in reader().problems] == ["unreadable-file"]


@pytest.mark.parametrize("value", [1, {}, {"digest": 1}, {"digest": "a", "size_bytes": "b"}])
def test_an_entry_of_another_shape_is_a_miss(value: object, tmp_path: Path) -> None:
    """An older report, or anything else, is not taken for one."""
    reader = Reader(tmp_path)
    first = reader()
    (entry,) = (tmp_path / FOLDER).glob("*.json")
    entry.write_text(json.dumps(json.loads(entry.read_text("utf-8")) | {"value": value}), encoding="utf-8")
    assert reader() == first
    assert reader.read == 2

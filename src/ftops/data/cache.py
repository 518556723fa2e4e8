"""What is known of data files from earlier runs: an unchanged file is not read again.

The report is kept whole, whatever fields it has; what a stale one could do is little, because an upload hashes what it
sends and breaks off at another digest. What rows say in numbers is kept by the digest of the content, so that a later
version of a file can be compared with one that is gone.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from ftops.cache import Cache, digest, seen
from ftops.data.check import Checked, check_rows
from ftops.data.index import RowIndex
from ftops.data.reading import Reading
from ftops.data.report import DataReport
from ftops.difference import kept_as
from ftops.rules import Limits

T = TypeVar("T")
_HEAD_BYTES = 4


class Version(Struct, frozen=True):
    """What is kept of a content by its digest, beside the numbers of its rows; the numbers depend on the format."""

    digest: str
    rows: int
    tokens: int
    encoding: str
    row_format: str = ""
    unmeasured_rows: int = 0

    @property
    def exact(self) -> bool:
        """Tell whether the tokens are no estimate in any part."""
        return bool(self.encoding) and not self.unmeasured_rows


class Known(NamedTuple):
    """A content by the numbers of its rows, two for each line."""

    version: Version
    numbers: RowIndex


def known_from(found: Checked, row_format: str) -> Known:
    """Return what a check found of a content; the numbers have to be asked for."""
    report = found.report
    version = Version(report.digest, report.rows, report.tokens, report.encoding, row_format, report.unmeasured_rows)
    return Known(version, found.identities)


class Files:
    """The data files of a run: each is read once, or not at all if it is as it was."""

    def __init__(self, root: Path, cache: Cache, limits: Limits) -> None:
        """Begin with nothing read; paths are those under the root."""
        self._root, self._cache, self._limits = root, cache, limits
        self._checked: dict[str, RowIndex] = {}

    def report(self, file: str, reading: Reading) -> DataReport:
        """Return what is known of a file read in a way; numbers of its rows are kept if the reading makes them."""
        # Whether numbers are made changes nothing of what is found.
        plainly = msgspec.structs.replace(reading, identities=False)
        about = ["data", file, repr(plainly)]
        path = self._root / file
        return _remembered(self._cache, path, about, DataReport, lambda: self._check(file, reading).report)

    def guess(self, file: str, guess: Callable[[Path, Limits], str]) -> str:
        """Return the format that `guess` takes a file's rows for, or took them for when the file was the same."""
        path = self._root / file
        return _remembered(self._cache, path, ["data format", str(path)], str, lambda: guess(path, self._limits))

    def identities(self, file: str, reading: Reading, report: DataReport) -> RowIndex:
        """Return what the rows of a file say, in numbers."""
        if report.digest not in self._checked:
            known = known_version(self._cache, report.digest)
            if known is not None and known.version.row_format == reading.row_format:
                self._checked[report.digest] = known.numbers
            else:
                self._check(file, msgspec.structs.replace(reading, identities=True))
        return self._checked.get(report.digest, RowIndex(2))

    def _check(self, file: str, reading: Reading) -> Checked:
        found = check_rows(self._root / file, file, self._limits, reading)
        if reading.identities and found.report.digest:
            self._checked[found.report.digest] = found.identities
            keep_version(self._cache, known_from(found, reading.row_format))
        return found


def keep_version(cache: Cache, found: Known) -> None:
    """Keep what the rows of a content say, in place of what is not whole or was counted otherwise.

    Of a content with too many rows nothing but that is kept, so that it is not read for this again and again.
    """
    name, known = kept_as(found.version.digest), _entry(cache, found.version.digest)
    if known is not None and known.version == found.version:
        return
    head = msgspec.msgpack.encode(found.version)
    numbers = found.numbers.blocks() if found.numbers.size_bytes <= LASTING_ROWS_BYTES_MAX else ()
    cache.put_lasting(name, b"".join([len(head).to_bytes(_HEAD_BYTES, "little"), head, *numbers]))


LASTING_ROWS_BYTES_MAX = 15 << 20


def known_version(cache: Cache, content: str) -> Known | None:
    """Return what is kept of a content by its digest, or the beginning of it that a file's name carries."""
    known = _entry(cache, content)
    return known if known is not None and known.numbers.lines >= known.version.rows else None


def _entry(cache: Cache, content: str) -> Known | None:
    entry = cache.get_lasting(kept_as(content))
    if entry is None:
        return None
    begin = _HEAD_BYTES + int.from_bytes(entry[:_HEAD_BYTES], "little")
    try:
        version = msgspec.msgpack.decode(entry[_HEAD_BYTES:begin], type=Version)
        array("Q", entry[begin:])
    except (msgspec.MsgspecError, ValueError):
        return None  # An entry of another shape than ours.
    index = RowIndex(2)
    index.append(entry[begin:])
    return Known(version, index)


def _remembered(cache: Cache, path: Path, about: Sequence[str], kind: type[T], find: Callable[[], T]) -> T:
    began_at, look = cache.clock.now(), seen(path)
    if look is None:
        return find()
    name, key = "\0".join(about), digest([str(path), str(look), *about[1:]])
    try:
        return msgspec.convert(cache.get(name, key), kind)
    except msgspec.ValidationError:
        found = find()
    if seen(path) == look and look.settled(began_at):
        cache.put(name, key, msgspec.to_builtins(found))
    return found

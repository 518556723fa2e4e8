"""Reads a JSON Lines file, or a stretch of it, in bounded memory: its lines, and beside them its size and digest.

Only the path that is given is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ftops.digest import ContentHash

BLOCK_BYTES = 1 << 18
"""Small enough that a block is still in the processor's cache when its lines are decoded."""
_BOM = b"\xef\xbb\xbf"


class Batch(NamedTuple):
    """Lines that follow each other, without LF, and the number of the first of them.

    None stands for a line longer than the reader's limit: it was passed over.
    """

    number: int
    lines: Sequence[bytes | None]


class Stretch(NamedTuple):
    """A part of a file from one byte to another, which is the first of a line; without an end, to that of the file."""

    begin: int = 0
    end: int | None = None


WHOLE = Stretch()


class JsonlFile:
    """One pass over a file: iterate `batches()` to the end, then ask for `digest` and `size_bytes`.

    Memory is bounded by the longest line allowed plus a few blocks, whatever the size of the file. Of a stretch the
    lines are numbered from 1, and there is no digest.
    """

    def __init__(self, path: Path, line_bytes_max: int, stretch: Stretch = WHOLE) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path
        self._line_bytes_max = line_bytes_max
        self._stretch = stretch
        self._content = ContentHash()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        """Return the digest of everything read so far, as 64 hex digits."""
        return self._content.hexdigest()

    def begin(self, length: int) -> bytes:
        """Return the first bytes of the file, of which nothing counts as read.

        Raises: OSError when the path is not a file that can be read.
        """
        refuse_unless_file(self._path)
        with self._path.open("rb") as stream:
            return stream.read(length)

    def digest_only(self) -> None:
        """Read the whole file for its size and digest."""
        for _ in self._blocks():
            pass

    def batches(self) -> Iterator[Batch]:
        """Yield every line in order, those of a block at once; a byte-order mark is left out.

        Nothing follows the last line end, so a file that ends with one has no empty last line.
        Raises: OSError when the path is not a file that can be read.
        """
        refuse_unless_file(self._path)
        number = 1
        for lines in self._lines():
            if number == 1 and self._stretch.begin == 0 and lines[0] is not None:
                lines[0] = lines[0].removeprefix(_BOM)
            yield Batch(number, lines)
            number += len(lines)

    def _blocks(self) -> Iterator[bytes]:
        at, end = self._stretch
        with self._path.open("rb", buffering=0) as stream:
            stream.seek(at)
            while block := stream.read(BLOCK_BYTES if end is None else min(BLOCK_BYTES, end - at)):
                at += len(block)
                if end is None:
                    self._content.update(block)
                    self.size_bytes += len(block)
                yield block

    def _lines(self) -> Iterator[list[bytes | None]]:
        """Yield the lines that end in each block, if any, and at last the line that does not end."""
        held: list[bytes] = []
        held_bytes = 0  # what belongs to the unfinished line, held or dropped
        for block in self._blocks():
            ended: list[bytes | None] = [*block.split(b"\n")]
            rest = ended.pop() or b""
            if ended:
                begun = ended[0] or b""
                held.append(begun)
                ended[0] = self._allowed(b"".join(held), held_bytes + len(begun))
                if len(block) > self._line_bytes_max:
                    ended[1:] = [line and self._allowed(line, len(line)) for line in ended[1:]]
                yield ended
                held, held_bytes = [], 0
            held.append(rest)
            held_bytes += len(rest)
            if held_bytes > self._line_bytes_max:
                held.clear()
        if held_bytes:
            yield [self._allowed(b"".join(held), held_bytes)]

    def _allowed(self, line: bytes, length: int) -> bytes | None:
        return line if length <= self._line_bytes_max else None


def stretches(path: Path, size_bytes: int, step_bytes: int) -> Iterator[Stretch]:
    """Yield parts of a file of about so many bytes each, which follow each other and begin where a line begins."""
    begin = 0
    with path.open("rb", buffering=0) as stream:
        while begin < size_bytes:
            end = min(begin + step_bytes, size_bytes)
            stream.seek(end)
            while end < size_bytes and (block := stream.read(BLOCK_BYTES)):
                place = block.find(b"\n")
                end += len(block) if place < 0 else place + 1
                if place >= 0:
                    break
            yield Stretch(begin, end)
            begin = end


def refuse_unless_file(path: Path) -> None:
    """Raise OSError for what exists and is no file: a pipe or a device would block or never end."""
    if path.exists() and not path.is_file():
        raise OSError(0, "it is not a regular file")

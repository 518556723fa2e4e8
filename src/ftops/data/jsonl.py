"""Reads a JSON Lines file in one pass and bounded memory: its lines, its size and its digest.

The only module here that touches the outside, and only the path it is given.
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


class JsonlFile:
    """One pass over a file: iterate `batches()` to the end, then ask for `digest` and `size_bytes`.

    Memory is bounded by the longest line allowed plus a few blocks, whatever the size of the file.
    """

    def __init__(self, path: Path, line_bytes_max: int) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path
        self._line_bytes_max = line_bytes_max
        self._content = ContentHash()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        """Return the digest of everything read so far, as 64 hex digits."""
        return self._content.hexdigest()

    def batches(self) -> Iterator[Batch]:
        """Yield every line in order, those of a block at once; a byte-order mark is left out.

        Nothing follows the last line end, so a file that ends with one has no empty last line.
        Raises: OSError when the path is not a file that can be read.
        """
        if self._path.exists() and not self._path.is_file():
            # A pipe or a device would block or never end.
            raise OSError(0, "it is not a regular file")
        number = 1
        for lines in self._lines():
            if number == 1 and lines[0] is not None:
                lines[0] = lines[0].removeprefix(_BOM)
            yield Batch(number, lines)
            number += len(lines)

    def _blocks(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=0) as stream:
            while block := stream.read(BLOCK_BYTES):
                self._content.update(block)
                self.size_bytes += len(block)
                yield block

    def _lines(self) -> Iterator[list[bytes | None]]:
        """Yield the lines that end in each block, if any, and at last the line that does not end."""
        held: list[bytes] = []
        held_bytes = 0  # what belongs to the unfinished line, held or dropped
        for block in self._blocks():
            *ended, rest = block.split(b"\n")
            if ended:
                held.append(ended[0])
                first = self._allowed(b"".join(held), held_bytes + len(ended[0]))
                yield [first, *(line if len(line) <= self._line_bytes_max else None for line in ended[1:])]
                held, held_bytes = [], 0
            held.append(rest)
            held_bytes += len(rest)
            if held_bytes > self._line_bytes_max:
                held.clear()
        if held_bytes:
            yield [self._allowed(b"".join(held), held_bytes)]

    def _allowed(self, line: bytes, length: int) -> bytes | None:
        return line if length <= self._line_bytes_max else None

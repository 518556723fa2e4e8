"""Reads a JSON Lines file in one pass and bounded memory: its lines with byte offsets, its size and its digest.

The only module here that touches the outside, and only the path it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ftops.digest import ContentHash

BLOCK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line without its line end; `offset` is where `data` begins in the file.

    `data` is None for a line longer than the reader's limit: it was passed over. (A named tuple, because a frozen
    dataclass takes three times as long to make and a file has millions of lines.)
    """

    number: int
    offset: int
    data: bytes | None


class JsonlFile:
    """One pass over a file: iterate `lines()` to the end, then ask for `digest` and `size_bytes`.

    Memory is bounded by the longest line allowed plus one block, whatever the size of the file.
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

    def lines(self) -> Iterator[Line]:
        """Yield every line in order; a byte-order mark and CR before LF are left out of its data.

        Raises: OSError when the path is not a file that can be read.
        """
        if self._path.exists() and not self._path.is_file():
            # A pipe or a device would block or never end.
            raise OSError(0, "it is not a regular file")
        offset = 0
        for number, (raw, raw_bytes) in enumerate(self._raw_lines(), start=1):
            begin = len(_BOM) if number == 1 and raw is not None and raw.startswith(_BOM) else 0
            yield Line(number, offset + begin, raw if raw is None else raw[begin:].removesuffix(b"\r"))
            offset += raw_bytes + 1

    def _blocks(self) -> Iterator[bytes]:
        with self._path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                self._content.update(block)
                self.size_bytes += len(block)
                yield block

    def _raw_lines(self) -> Iterator[tuple[bytes | None, int]]:
        """Yield every line as it stands in the file, None in place of one that is too long, with its length.

        Nothing follows the last line end, so a file that ends with one has no empty last line.
        """
        held = bytearray()
        held_bytes = 0  # what belongs to the unfinished line, held or dropped
        for block in self._blocks():
            *ended, rest = block.split(b"\n")
            for piece in ended:
                if held_bytes:
                    held += piece
                    held_bytes += len(piece)
                    yield self._allowed(bytes(held), held_bytes), held_bytes
                    held, held_bytes = bytearray(), 0
                else:
                    yield self._allowed(piece, len(piece)), len(piece)
            held_bytes += len(rest)
            if held_bytes <= self._line_bytes_max:
                held += rest
            else:
                held = bytearray()
        if held_bytes:
            yield self._allowed(bytes(held), held_bytes), held_bytes

    def _allowed(self, piece: bytes, length: int) -> bytes | None:
        return piece if length <= self._line_bytes_max else None

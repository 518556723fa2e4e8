"""The bytes of an upload: read from disk while they are sent, hashed on the way, broken off if they are not what was.

The end of the file is noticed before the closing boundary of the last request is sent, so a file that changed since it
was checked never becomes one in the service, however the process ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from ftops.call import Part, Upload
from ftops.digest import BOM, ContentHash
from ftops.errors import ContentChanged, WireError
from ftops.rules import Bom

BLOCK_BYTES = 1 << 20
CHANGED = "the file changed after it was checked, so nothing was uploaded; run again"


@dataclass(slots=True)
class Content:
    """An opened file as it is sent: `added` before its own bytes, less the first `skipped_bytes` of them.

    `hashes` holds the state of the hash at every place that a part began at, so that a part can be read again.
    """

    source: BinaryIO
    upload: Upload
    tell_progress: Callable[[int, int], None]
    size_bytes: int
    added: bytes = b""
    skipped_bytes: int = 0
    hashes: dict[int, ContentHash] = field(default_factory=lambda: {0: ContentHash()})

    def whole(self) -> Slice:
        """Return all of it, to be read."""
        return self.part(Part(0, 0, self.size_bytes))

    def part(self, part: Part) -> Slice:
        """Return a part of it, to be read; what comes before it has been."""
        return Slice(self, part, self.hashes[part.offset_bytes].copy())

    def look(self, part: Part) -> str:
        """Read a part, and return the digest of everything up to its end."""
        return self.part(part).read_out()

    def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        """Return up to so many of the bytes that are sent; fewer at the end of the file, or of what stands before."""
        if offset_bytes < len(self.added):
            return self.added[offset_bytes : offset_bytes + size_bytes]
        place = offset_bytes - len(self.added) + self.skipped_bytes
        try:
            if self.source.tell() != place:
                self.source.seek(place)
            return self.source.read(size_bytes)
        except OSError as error:
            raise unreadable(self.upload.path.name, error) from error

    def ended(self, part: Part, content: ContentHash) -> None:
        """Take note of a part that was read to its end; raises ContentChanged if it is the last one of another file."""
        self.hashes[part.end_bytes] = content
        last = part.end_bytes == self.size_bytes
        if last and (content.hexdigest() != self.upload.digest or self.read(self.size_bytes, 1)):
            raise ContentChanged(CHANGED)


@dataclass(slots=True)
class Slice:
    """A part while it is read. It is like a file to httpx, which learns its size by seeking."""

    content: Content
    part: Part
    hash: ContentHash
    read_bytes: int = 0
    digest: str = ""
    """That of everything up to the end, once it was read."""

    def read(self, size: int = -1) -> bytes:
        """Return the next block, none at the end; raises ContentChanged if the file is not what was checked."""
        left = self.part.size_bytes - self.read_bytes
        wanted = min(left, BLOCK_BYTES if size < 0 else size)
        if not left:
            self.content.ended(self.part, self.hash)
            self.digest = self.hash.hexdigest()
            return b""
        block = self.content.read(self.part.offset_bytes + self.read_bytes, wanted)
        if not block:
            raise ContentChanged(CHANGED)
        self.hash.update(block)
        self.read_bytes += len(block)
        self.content.tell_progress(self.part.offset_bytes + self.read_bytes, self.content.size_bytes)
        return block

    def read_out(self) -> str:
        """Read to the end, and return the digest."""
        while self.read():
            pass
        return self.digest

    def tell(self) -> int:
        """Return how much was read."""
        return self.read_bytes

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Return the size for the end, else where reading goes on, which does not change."""
        return self.part.size_bytes if whence == os.SEEK_END else offset


@contextmanager
def opened(upload: Upload, bom: Bom, tell_progress: Callable[[int, int], None]) -> Iterator[Content]:
    """Yield the file of an upload. A byte-order mark is sent as `bom` says."""
    try:
        source = upload.path.open("rb", buffering=0)  # What was read ahead would hide a change.
    except OSError as error:
        raise unreadable(upload.path.name, error) from error
    with source:
        try:
            marked = source.read(len(BOM)) == BOM
            size_bytes = source.seek(0, os.SEEK_END)
        except OSError as error:
            raise unreadable(upload.path.name, error) from error
        added = BOM if bom is Bom.ADD and not marked else b""
        skipped_bytes = len(BOM) if bom is Bom.STRIP and marked else 0
        sent_bytes = size_bytes + len(added) - skipped_bytes
        yield Content(source, upload, tell_progress, sent_bytes, added, skipped_bytes)


def unreadable(name: str, error: OSError) -> WireError:
    """Return what to say of a file that the system does not let us read."""
    return WireError(f"{name} cannot be read, so nothing was uploaded: {error.strerror or type(error).__name__}")

"""The body of an upload: read from disk while it is sent, hashed on the way, broken off if it is not what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from ftops.call import Upload
from ftops.digest import ContentHash
from ftops.errors import ContentChanged, WireError

BLOCK_BYTES = 1 << 20


@dataclass(slots=True)
class HashedFile:
    """A file that hashes what is read of it, and breaks the request off if it is not what it should be.

    The end of the file is noticed before the body's closing boundary is sent, so a file that changed since it was
    checked never becomes one in the service, however the process ends.
    """

    source: BinaryIO
    name: str
    size_bytes: int
    digest: str
    tell_progress: Callable[[int, int], None]
    content: ContentHash = field(default_factory=ContentHash)
    read_bytes: int = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next block; raises ContentChanged at the end of a file that is not what was checked."""
        try:
            block = self.source.read(size)
        except OSError as error:
            raise unreadable(self.name, error) from error
        if not block and self.content.hexdigest() != self.digest:
            raise ContentChanged("the file changed after it was checked, so nothing was uploaded; run again")
        self.content.update(block)
        self.read_bytes += len(block)
        self.tell_progress(self.read_bytes, self.size_bytes)
        return block

    def fileno(self) -> int:
        """Return the descriptor, by which httpx learns the size without reading."""
        return self.source.fileno()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks."""
        return iter(lambda: self.read(BLOCK_BYTES), b"")


@contextmanager
def upload_of(body: object, tell_progress: Callable[[int, int], None]) -> Iterator[HashedFile | None]:
    """Yield the opened file of an upload, hashed while it is read; None for any other body."""
    if not isinstance(body, Upload):
        yield None
        return
    try:
        source = body.path.open("rb")
    except OSError as error:
        raise unreadable(body.path.name, error) from error
    with source:
        yield HashedFile(source, body.path.name, body.size_bytes, body.digest, tell_progress)


def unreadable(name: str, error: OSError) -> WireError:
    """Return what to say of a file that the system does not let us read."""
    return WireError(f"{name} cannot be read, so nothing was uploaded: {error.strerror or type(error).__name__}")

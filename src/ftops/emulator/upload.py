"""A multipart form while it arrives: its file goes to a temporary file and is checked line by line on the way.

This happens before the store is touched, so that one slow upload holds nobody up. The temporary file has no name in
the file system (or is deleted by it with the process), so a process that is killed leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile

from ftops.emulator.messages import Part, ServiceError, invalid

MEMORY_BYTES_MAX = 1024 * 1024
"""A file up to this size never touches the disk before it is stored."""
BLOCK_BYTES = 256 * 1024
LINE_BYTES_MAX = 16 * 1024 * 1024
FIELD_BYTES_MAX = 64 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Content:
    """A received file: what its check found, and its bytes."""

    filename: str
    size_bytes: int
    rows: int
    bad_line: int | None
    sha256: str
    spool: SpooledTemporaryFile[bytes]

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes from the beginning, in blocks."""
        self.spool.seek(0)
        return iter(lambda: self.spool.read(BLOCK_BYTES), b"")


@dataclass(frozen=True, slots=True)
class Form:
    """A received form: its fields and its file, or why it is refused."""

    fields: Mapping[str, str] = field(default_factory=dict)
    file: Content | None = None
    refusal: ServiceError | None = None


@contextmanager
def received(parts: Iterable[Part], folder: Path | None, file_bytes_max: int) -> Iterator[Form]:
    """Yield the form that these parts make; its file's bytes are there until the end.

    Args: folder: where a large file is kept meanwhile, None for the system's place.
    Raises: whatever reading the parts raises, when the caller goes away in the middle.
    """
    with ExitStack() as stack:
        fields: dict[str, str] = {}
        content = None
        try:
            for part in parts:
                if part.filename is None:
                    fields[part.name] = _value(part.chunks)
                elif part.name == "file":
                    spool = stack.enter_context(
                        SpooledTemporaryFile(MEMORY_BYTES_MAX, dir=str(folder) if folder else None)
                    )
                    content = _content(part, spool, file_bytes_max)
        except ServiceError as refusal:
            yield Form(refusal=refusal)
            return
        yield Form(fields, content)


def _value(chunks: Iterator[bytes]) -> str:
    value = bytearray()
    for chunk in chunks:
        value.extend(chunk)
        if len(value) > FIELD_BYTES_MAX:
            raise invalid("A form field is too long.")
    return value.decode("utf-8", "replace")


def _content(part: Part, spool: SpooledTemporaryFile[bytes], file_bytes_max: int) -> Content:
    if not part.content_type:
        raise invalid("The file has no or an empty content type specified.")
    scanner, digest, size_bytes = LineScanner(), hashlib.sha256(), 0
    for chunk in part.chunks:
        size_bytes += len(chunk)
        if size_bytes > file_bytes_max:
            raise invalid(f"The file is larger than the limit of {file_bytes_max} bytes.")
        spool.write(chunk)
        digest.update(chunk)
        scanner.feed(chunk)
    scanner.close()
    return Content(part.filename or "", size_bytes, scanner.rows, scanner.bad_line, digest.hexdigest(), spool)


class LineScanner:
    """Parses a JSONL stream as it arrives and holds one line at most; lines are numbered from 0, as the service does.

    A byte order mark and blank lines are fine; a line above `LINE_BYTES_MAX` counts as unreadable.
    """

    def __init__(self) -> None:
        """Begin before the first byte."""
        self.rows = 0
        self.bad_line: int | None = None
        self._line = 0
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        if self.bad_line is not None:
            return
        self._rest.extend(chunk)
        if b"\n" in chunk:
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
            for line in lines:
                self._take(line)
        if len(self._rest) > LINE_BYTES_MAX:
            self._fail()

    def close(self) -> None:
        """Take the last line; a file without rows is unreadable at its first line."""
        if self.bad_line is None:
            self._take(bytes(self._rest))
        if self.rows == 0 and self.bad_line is None:
            self.bad_line = 0
        self._rest.clear()

    def _take(self, line: bytes) -> None:
        if self._line == 0:
            line = line.removeprefix(_BOM)
        if line.strip() and not _is_object(line):
            self._fail()
        elif line.strip():
            self.rows += 1
        self._line += 1

    def _fail(self) -> None:
        if self.bad_line is None:
            self.bad_line = self._line
            self._rest.clear()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode()), dict)
    except (ValueError, RecursionError):
        return False

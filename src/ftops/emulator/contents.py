"""Contents while they arrive: they go to a temporary file, and are checked line by line on the way.

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
"""A content up to this size never touches the disk before it is stored."""
BLOCK_BYTES = 256 * 1024
LINE_BYTES_MAX = 16 * 1024 * 1024
FIELD_BYTES_MAX = 64 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of a content found; `bad_line` is the first that is no JSON object. Of a piece only its size."""

    size_bytes: int
    rows: int = 0
    bad_line: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that were received, under the name that they came with."""

    filename: str
    verdict: Verdict
    spool: SpooledTemporaryFile[bytes]

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes from the beginning, in blocks."""
        self.spool.seek(0)
        return iter(lambda: self.spool.read(BLOCK_BYTES), b"")


@dataclass(frozen=True, slots=True)
class FileField:
    """The field of a form that is a file; the content of a whole file is checked, that of a piece cannot be."""

    name: str
    bytes_max: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """A received form: its fields and its file, or why it is refused."""

    fields: Mapping[str, str] = field(default_factory=dict)
    file: Content | None = None
    refusal: ServiceError | None = None

    def content(self, wanted: str) -> Content:
        """Return the file, which came in the field of the name that was wanted.

        Raises: the refusal of the form, or ServiceError (400) when there is no file.
        """
        if self.refusal is not None:
            raise self.refusal
        if self.file is None:
            raise invalid(f"The {wanted} field is required.")
        return self.file


@contextmanager
def received(parts: Iterable[Part] | None, wanted: FileField, folder: Path | None) -> Iterator[Form]:
    """Yield the form that these parts make; its file's bytes are there until the end.

    Args: parts: None when the body is no form. folder: where a large file is kept meanwhile, None for the system's.
    Raises: whatever reading the parts raises, when the caller goes away in the middle.
    """
    with ExitStack() as stack:
        fields: dict[str, str] = {}
        content = None
        try:
            if parts is None:
                raise invalid("The request must be multipart/form-data.")
            for part in parts:
                if part.filename is None:
                    fields[part.name] = _value(part.chunks)
                elif part.name == wanted.name:
                    content = _content(part, wanted, stack.enter_context(new_spool(folder)))
        except ServiceError as refusal:
            yield Form(refusal=refusal)
            return
        yield Form(fields, content)


def new_spool(folder: Path | None) -> SpooledTemporaryFile[bytes]:
    """Return an empty place for a content: memory while it is small, then a file without a name in the folder."""
    return SpooledTemporaryFile(MEMORY_BYTES_MAX, dir=str(folder) if folder else None)


def _value(chunks: Iterator[bytes]) -> str:
    value = bytearray()
    for chunk in chunks:
        value.extend(chunk)
        if len(value) > FIELD_BYTES_MAX:
            raise invalid("A form field is too long.")
    return value.decode("utf-8", "replace")


def _content(part: Part, wanted: FileField, spool: SpooledTemporaryFile[bytes]) -> Content:
    if not part.content_type:
        raise invalid("The file has no or an empty content type specified.")
    check, size_bytes = Check() if wanted.whole else None, 0
    for chunk in part.chunks:
        size_bytes += len(chunk)
        if size_bytes > wanted.bytes_max:
            raise invalid(f"The {wanted.name} is larger than the limit of {wanted.bytes_max} bytes.")
        spool.write(chunk)
        if check is not None:
            check.feed(chunk)
    return Content(part.filename or "", check.verdict() if check else Verdict(size_bytes), spool)


class Check:
    """Checks a content that is fed to it piece by piece."""

    def __init__(self) -> None:
        """Begin before the first byte."""
        self._scanner = LineScanner()
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        self._size_bytes += len(chunk)
        self._digest.update(chunk)
        self._scanner.feed(chunk)

    def verdict(self) -> Verdict:
        """Return what was found, after the last piece."""
        self._scanner.close()
        return Verdict(self._size_bytes, self._scanner.rows, self._scanner.bad_line, self._digest.hexdigest())


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

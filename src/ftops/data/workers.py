"""Walks over a large file in several processes: each takes the next stretch, and what they find is put together.

This process hashes the whole file first, since that can only be done in order, and then takes stretches too; so a core
that is busy with something else gets less of the work. The others are new interpreters and no forks: encoders of tokens
keep threads that do not survive one. They get the stretches from a pipe that all of them read.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import BinaryIO, NamedTuple

import msgspec

from ftops.data.index import RowIndex
from ftops.data.jsonl import JsonlFile, Stretch, stretches
from ftops.data.reading import Reading
from ftops.data.report import Gathered, merged
from ftops.data.walk import Numbers, Walk
from ftops.rules import Limits

STRETCH_BYTES = 8 << 20
"""Much more than a block, and little enough that the last stretch keeps nobody waiting."""
WORTH_BYTES = 48 << 20
"""Smaller files are done before another interpreter has begun."""
WORTH_BYTES_EXACT = 256 << 20
"""The same where tokens are counted exactly: an encoder takes long to load, and has a thread of its own."""
WORKERS_MAX = 4
STRETCHES_MAX = 8_000
"""What a pipe holds of their numbers; a file with more has larger ones."""
_NUMBER = struct.Struct("<I")
PROCESSES = "FTOPS_DATA_PROCESSES"
"""The environment's say in how many processes walk, this one included."""


class Task(msgspec.Struct):
    """What a process is to do, and where it gets the numbers of its stretches."""

    path: bytes
    reading: Reading
    stretches: list[Stretch]
    numbers_fd: int


class Done(msgspec.Struct):
    """What a stretch gave: its number in the file, what was gathered, and the numbers of its lines."""

    number: int
    gathered: Gathered
    marks: bytes
    identities: bytes


def worth_workers(path: Path, reading: Reading) -> bool:
    """Tell whether a file is large enough for several processes, and there are cores for them."""
    worth_bytes = WORTH_BYTES_EXACT if reading.encoding else WORTH_BYTES
    return path.stat().st_size >= worth_bytes and processes() > 1


def processes() -> int:
    """Return how many processes may walk at once: as many as there are cores to spare, if they can share a pipe."""
    said = os.environ.get(PROCESSES, "")
    if os.name != "posix":
        return 1
    return max(1, min(int(said) if said.isascii() and said.isdigit() else _spare_cores(), WORKERS_MAX))


def _spare_cores() -> int:
    """Return how many cores this process may use and others leave to it.

    On cores that are busy with something else, helpers take longer to begin than they save. This process is taken to be
    one of those that were running in the last minute.
    """
    cores = os.cpu_count() or 1
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    try:
        running = os.getloadavg()[0]
    except OSError:
        return ours
    return min(ours, round(cores - running + 1))


class Indexes(NamedTuple):
    """The numbers of a file's lines: of the lines as they are, and of what they say if that was asked for."""

    marks: RowIndex
    identities: RowIndex

    @classmethod
    def empty(cls) -> Indexes:
        """Return indexes without a line."""
        return cls(RowIndex(), RowIndex(2))

    def place(self, part: int, numbers: Numbers) -> None:
        """Add the numbers of a part of the file; parts may come in any order, each once."""
        self.marks.place(part, numbers.marks)
        self.identities.place(part, numbers.identities)


def walk_together(path: Path, source: JsonlFile, limits: Limits, reading: Reading, indexes: Indexes) -> Gathered:
    """Return what all lines of a file gave, with their numbers in the indexes and the file's digest in its source.

    Raises: OSError when the file cannot be read.
    """
    size_bytes = path.stat().st_size
    step = max(STRETCH_BYTES, -(-size_bytes // STRETCHES_MAX))
    parts = list(stretches(path, size_bytes, step))
    done: dict[int, Gathered] = {}
    lock = Lock()

    def take(each: Done) -> None:
        with lock:
            indexes.place(each.number, Numbers(each.marks, each.identities))
            done[each.number] = each.gathered

    with ExitStack() as stack:
        numbers = stack.enter_context(_numbers(len(parts)))
        helpers: list[_Helper] = []
        for _ in range(processes() - 1):
            helpers.append(_Helper(path, reading, parts, numbers.fileno(), take))
            stack.callback(helpers[-1].end)
        source.digest_only()
        for number in _taken(numbers):
            take(walked(path, number, parts[number], limits, reading))
        for helper in helpers:
            helper.wait()
    for number in range(len(parts)):
        if number not in done:  # Its process has ended early.
            take(walked(path, number, parts[number], limits, reading))
    return merged(done[number] for number in range(len(parts)))


def walked(path: Path, number: int, stretch: Stretch, limits: Limits, reading: Reading) -> Done:
    """Return what one stretch gave."""
    walk = Walk(reading, limits)
    batches = JsonlFile(path, limits.reading.line_bytes_max, stretch).batches()
    numbers = [walk.over(batch) for batch in batches]
    marks, identities = (b"".join(each) for each in zip(*numbers, strict=True)) if numbers else (b"", b"")
    return Done(number, walk.gathered, marks, identities)


def _numbers(count: int) -> BinaryIO:
    """Return a pipe to read from, that holds the number of each stretch and then its end."""
    reads, writes = os.pipe()
    with os.fdopen(writes, "wb") as ends:
        for number in range(count):
            ends.write(_NUMBER.pack(number))
    return os.fdopen(reads, "rb", buffering=0)


def _taken(numbers: BinaryIO) -> Iterator[int]:
    """Yield the numbers of stretches that nobody has taken yet."""
    while len(data := numbers.read(_NUMBER.size)) == _NUMBER.size:
        yield _NUMBER.unpack(data)[0]


class _Helper:
    """Another process that walks; its results are taken while this one works."""

    def __init__(
        self, path: Path, reading: Reading, parts: list[Stretch], numbers_fd: int, take: Callable[[Done], None]
    ) -> None:
        task = msgspec.msgpack.encode(Task(os.fsencode(path.resolve()), reading, parts, numbers_fd))
        # -P: the current folder is no place to import from, it may be anybody's.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ftops.data.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(numbers_fd,),
        )
        self._take = take
        self._reader = Thread(target=self._read, daemon=True)
        stdin = self._process.stdin
        if stdin is not None:
            with suppress(OSError), stdin:
                stdin.write(task)
        self._reader.start()

    def _read(self) -> None:
        stream = self._process.stdout
        with suppress(OSError, ValueError, msgspec.MsgspecError):
            while stream is not None and len(head := stream.read(_NUMBER.size)) == _NUMBER.size:
                (length,) = _NUMBER.unpack(head)
                self._take(msgspec.msgpack.decode(stream.read(length), type=Done))

    def wait(self) -> None:
        """Wait until all that the process found is taken."""
        self._reader.join()

    def end(self) -> None:
        """End the process, if it has not ended by itself: nobody reads any more what it could say."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


def serve(stdin: BinaryIO, stdout: BinaryIO, limits: Limits) -> None:
    """Be such a process: take stretches until there are none, and write what each gave."""
    task = msgspec.msgpack.decode(stdin.read(), type=Task)
    with os.fdopen(task.numbers_fd, "rb", buffering=0) as numbers:
        for number in _taken(numbers):
            done = walked(Path(os.fsdecode(task.path)), number, task.stretches[number], limits, task.reading)
            data = msgspec.msgpack.encode(done)
            stdout.write(_NUMBER.pack(len(data)) + data)
            stdout.flush()

"""The driver: sends what flows ask for over httpx, which is imported here and in `wsgi.py` only."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import BinaryIO, TypeVar, cast

import httpx

from ftops.call import Call, Upload
from ftops.digest import ContentHash
from ftops.errors import ConnectionLost, ContentChanged, WireError
from ftops.wire.dialects import Endpoints, locate
from ftops.wire.flows import Answer, Flow, Limits, Pause, Send, listing, once
from ftops.wire.problems import redact

T = TypeVar("T")

READS_AT_ONCE = 16
"""Threads for listings and reads; the service takes 30 requests a second."""
CONTENT_TYPE = "application/octet-stream"
"""Of an uploaded file; an empty one is refused (azure-api.md §4.3)."""


@dataclass(slots=True)
class _HashedFile:
    """A file that hashes what is read of it, and breaks the request off if it is not what it should be.

    The end of the file is noticed before the body's closing boundary is sent, so a file that changed since it was
    checked never becomes one in the service, however the process ends.
    """

    source: BinaryIO
    size_bytes: int
    digest: str
    tell_progress: Callable[[int, int], None]
    content: ContentHash = field(default_factory=ContentHash)
    read_bytes: int = 0

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(size)
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
        return iter(lambda: self.read(1 << 20), b"")


def _ignore(*_: object) -> None:
    """Do nothing."""


@dataclass(slots=True)
class Client:
    """One account's connection: drives flows, counts calls, and knows the service's time.

    `pause` lets time pass; `tell_call` hears of every answer (-v), `tell_progress` of every block of an upload, as
    the bytes sent and the bytes there are.
    """

    http: httpx.Client
    endpoints: Endpoints
    pause: Callable[[float], None]
    limits: Limits = field(default_factory=Limits)
    tell_call: Callable[[str], None] = _ignore
    tell_progress: Callable[[int, int], None] = _ignore
    calls: int = 0
    now: datetime | None = None
    """The Date header of the newest answer."""
    began: datetime | None = None
    """That of the first answer since `begin`."""
    _lock: Lock = field(default_factory=Lock)

    def call(self, call: Call) -> Answer:
        """Return the answer to one call; raises as `flows.once` does."""
        return self._drive(once(call, random.random, self.limits))

    def list(self, call: Call) -> list[Mapping[str, object]]:
        """Return all items of a listing."""
        return self._drive(listing(call, random.random, self.limits))

    def begin(self) -> None:
        """Begin to observe: the next answer's Date is the one moment that all of it is read at."""
        self.began = None

    def _drive(self, flow: Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                if isinstance(step, Pause):
                    self.pause(step.seconds)
                    step = flow.send(None)
                    continue
                try:
                    answer = self._send(step)
                except ConnectionLost as lost:
                    step = flow.throw(lost)
                else:
                    step = flow.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, step: Send) -> Answer:
        url, query = locate(step.call, self.endpoints)
        with self._lock:
            self.calls += 1
        try:
            with _upload(step.call.body, self.tell_progress) as upload:
                response = self.http.send(_request(self.http, step.call, url, query, upload))
        except httpx.HTTPError as error:
            self.tell_call(f"{step.call} no answer: {redact(str(error))}")
            raise ConnectionLost(redact(str(error)) or type(error).__name__) from error
        self._learn_time(response.headers.get("date", ""))
        self.tell_call(f"{step.call} {response.status_code}")
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=_json(response),
            text=response.text if response.status_code >= httpx.codes.BAD_REQUEST else "",
        )

    def _learn_time(self, date: str) -> None:
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        with self._lock:
            self.now = told if self.now is None else max(self.now, told)
            self.began = self.began or told


@contextmanager
def _upload(body: object, tell_progress: Callable[[int, int], None]) -> Iterator[_HashedFile | None]:
    """Yield the opened file of an upload, hashed while it is read; None for any other body."""
    if not isinstance(body, Upload):
        yield None
        return
    try:
        source = body.path.open("rb")
    except OSError as error:
        raise WireError(f"{body.path.name} cannot be read: {error.strerror}") from error
    with source:
        yield _HashedFile(source, body.size_bytes, body.digest, tell_progress)


def _request(
    http: httpx.Client, call: Call, url: str, query: Mapping[str, str], upload: _HashedFile | None
) -> httpx.Request:
    params = dict(query) or None
    if upload is None or not isinstance(call.body, Upload):
        return http.build_request(call.method, url, params=params, json=call.body)
    # httpx asks for IO[bytes] and uses read, fileno and iteration.
    files = {"file": (call.body.filename, cast("BinaryIO", upload), CONTENT_TYPE)}
    return http.build_request(call.method, url, params=params, data={"purpose": call.body.purpose}, files=files)


def _json(response: httpx.Response) -> object:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        return None


def in_parallel(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """Return the results of several reads, in order, made a few at a time."""
    waiting = list(jobs)
    if not waiting:
        return []
    with ThreadPoolExecutor(max_workers=min(READS_AT_ONCE, len(waiting))) as pool:
        return [future.result() for future in [pool.submit(job) for job in waiting]]

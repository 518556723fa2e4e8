"""The driver: sends what flows ask for over httpx, which is imported here and in `wsgi.py` only."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import BinaryIO, Protocol, Self, TypeVar, cast

import httpx

from ftops.call import Call, Part, Plane, SentUpload, Upload
from ftops.errors import ConnectionLost, ContentChanged, WireError
from ftops.rules import FileLimits, load_rules
from ftops.wire.dialects import Endpoints, locate
from ftops.wire.failures import failure_of, redirect_of
from ftops.wire.flows import Answer, Budget, Flow, Limits, Look, Note, Pause, Send, Step, listing, once
from ftops.wire.parts import CONTENT_TYPE, InParts
from ftops.wire.secrets import Secrets, resolved
from ftops.wire.upload import Content, Slice, opened

T = TypeVar("T")

READS_AT_ONCE = 16
"""Threads for listings and reads; the service takes 30 requests a second."""
UPLOAD_TIMEOUTS = httpx.Timeout(connect=10, read=300, write=300, pool=60)
"""Seconds for each step of an upload: a block that leaves, and the answer after the last."""
EMULATOR_SERVER = "ftops-emulator"
"""What an emulator's Server header holds, whatever serves it may add its own name."""
NO_RESOURCE_ID = "no resourceId: the Project has to name the account's ARM id"


def _ignore(*_: object) -> None:
    """Do nothing."""


class Entry(Protocol):
    """How an account is entered; `auth.Door` on the network, nothing at all on an embedded emulator."""

    def headers(self, plane: Plane, url: str) -> Mapping[str, str]:
        """Return the headers that a call carries."""
        ...

    def renewed(self, plane: Plane, url: str, sent: Mapping[str, str]) -> bool:
        """Return whether a call that answered 401 is worth sending again."""
        ...

    def accepted(self, plane: Plane, url: str) -> None:
        """Take note that a call was let in."""
        ...

    def credential(self, plane: Plane, url: str) -> str:
        """Return which credential opens a door, in words; empty where none is needed."""
        ...


class _Open:
    """An entry without a lock."""

    def headers(self, plane: Plane, url: str) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def renewed(self, plane: Plane, url: str, sent: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False

    def accepted(self, plane: Plane, url: str) -> None:
        """Take no note."""

    def credential(self, plane: Plane, url: str) -> str:  # noqa: ARG002
        return ""


class Memory(Protocol):
    """What a run remembers of an upload in parts for the run after it; the journal, where there is one."""

    def recall(self) -> SentUpload | None:
        """Return how far an earlier run came."""
        ...

    def keep(self, sent: SentUpload | None) -> None:
        """Remember how far this one came; None when the upload is of no use any more."""
        ...


class _Forgetful:
    """A memory of nothing."""

    def recall(self) -> SentUpload | None:
        return None

    def keep(self, sent: SentUpload | None) -> None:
        """Forget it."""


FORGETFUL: Memory = _Forgetful()


@dataclass(slots=True)
class Client:
    """One account's connection: drives flows, counts calls, and knows the service's time.

    `pause` lets time pass where the service's time is everybody's; `advance_url` is where a served emulator, whose
    clock stands still, is told to. `tell_call` hears of every answer (-v), `tell_progress` of every block of an upload,
    as the bytes sent and the bytes there are, and `tell_met` when it is known whether an emulator answers. `files` says
    how files are sent, as the rules do unless it is given; `environ` has the variables that bodies name.
    """

    http: httpx.Client
    endpoints: Endpoints
    pause: Callable[[float], None]
    limits: Limits = field(default_factory=Limits)
    tell_call: Callable[[str], None] = _ignore
    tell_progress: Callable[[int, int], None] = _ignore
    entry: Entry = field(default_factory=_Open)
    budget: Budget = field(default_factory=Budget)
    advance_url: str = ""
    tell_met: Callable[[Client], None] = _ignore
    files: FileLimits | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    at_once: int = READS_AT_ONCE
    """How many reads are worth making at the same time."""
    calls: int = 0
    now: datetime | None = None
    """The Date header of the newest answer."""
    began: datetime | None = None
    """That of the first answer since `begin`."""
    emulated: bool | None = None
    """Whether an emulator answers; None before the first answer."""
    _secrets: Secrets = field(init=False)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Take note of the secrets that may be told again."""
        self._secrets = Secrets.among(self.environ)

    def __enter__(self) -> Self:
        """Return the client; its connections are closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.http.close()

    def call(self, call: Call, memory: Memory = FORGETFUL) -> Answer:
        """Return the answer to one call; raises as `flows.once` does.

        A file that is large is sent by many calls, of which `memory` takes note; the answer tells of the file.
        """
        if isinstance(call.body, Upload):
            return self._upload(call, call.body, memory)
        return self._drive(once(call, random.random, self.limits, self.budget))

    def _upload(self, call: Call, upload: Upload, memory: Memory) -> Answer:
        files = self.files or load_rules().limits.files
        with opened(upload, files.bom, self.tell_progress) as content:
            if content.size_bytes < files.upload_in_parts_from_bytes:
                return self._drive(once(call, random.random, self.limits, self.budget), content)
            if content.size_bytes > files.parts_total_bytes_max:
                most = f"{files.parts_total_bytes_max / 1e9:,.0f} GB"
                raise WireError(f"{upload.path.name} is larger than the {most} that can be sent, so nothing was")
            size, part = content.size_bytes, files.part_bytes
            parts = InParts(upload, size, part, random.random, self.limits, self.budget)
            return self._drive(parts.flow(memory.recall(), self.now), content, memory)

    def list(self, call: Call) -> list[Mapping[str, object]]:
        """Return all items of a listing."""
        return self._drive(listing(call, random.random, self.limits, self.budget))

    def begin(self) -> None:
        """Begin to observe: the next answer's Date is the one moment that all of it is read at."""
        self.began = None

    def let_pass(self, seconds: float) -> None:
        """Let so much of the service's time pass: by waiting, or by telling a served emulator to move its clock."""
        if not (self.emulated and self.advance_url):
            self.pause(seconds)
            return
        response = self._advance(seconds)
        if not response.is_success:
            raise WireError(f"the emulator's clock could not be moved: it answered {response.status_code}")

    def _advance(self, seconds: float) -> httpx.Response:
        """Tell a served emulator to move its clock; a token that ended in a long wait is replaced as for any call."""
        url = self.advance_url
        try:
            headers = self.entry.headers(Plane.DATA, url)
            response = self.http.post(url, json={"seconds": seconds}, headers=headers)
            if response.status_code == httpx.codes.UNAUTHORIZED and self.entry.renewed(Plane.DATA, url, headers):
                headers = self.entry.headers(Plane.DATA, url)
                response = self.http.post(url, json={"seconds": seconds}, headers=headers)
        except httpx.HTTPError as error:
            raise failure_of(error, url) from error
        if response.is_success:
            self.entry.accepted(Plane.DATA, url)
        return response

    def _drive(self, flow: Flow[T], content: Content | None = None, memory: Memory = FORGETFUL) -> T:
        try:
            step = next(flow)
            while True:
                try:
                    answer = self._do(step, content, memory)
                except (ConnectionLost, ContentChanged) as problem:
                    step = flow.throw(problem)
                else:
                    step = flow.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    def _do(self, step: Step, content: Content | None, memory: Memory) -> Answer | None:
        """Do what a flow asks for, and return what it is to be told."""
        if isinstance(step, Send):
            return self._send(step.call, content)
        if isinstance(step, Look) and content is not None:
            return Answer(0, digest=content.look(step.part))
        if isinstance(step, Note):
            memory.keep(step.sent)
        elif isinstance(step, Pause):
            self.let_pass(step.seconds)
        return None

    def _send(self, call: Call, content: Content | None) -> Answer:
        """Return an answer; a 401 says that nothing was done, so the call is sent once more with a newer token."""
        if call.plane is not Plane.DATA and not self.endpoints.resource_id:
            raise WireError(NO_RESOURCE_ID)
        body = resolved(call.body, self.environ, self._secrets)
        address, query = locate(call, self.endpoints)
        url = str(httpx.URL(address, params=dict(query)) if query else address)
        headers = self.entry.headers(call.plane, url)
        answer = self._ask(call, url, headers, body, content)
        if answer.status == httpx.codes.UNAUTHORIZED and self.entry.renewed(call.plane, url, headers):
            answer = self._ask(call, url, self.entry.headers(call.plane, url), body, content)
        if answer.status != httpx.codes.UNAUTHORIZED:
            self.entry.accepted(call.plane, url)
        return answer

    def _ask(self, call: Call, url: str, headers: Mapping[str, str], body: object, content: Content | None) -> Answer:
        with self._lock:
            self.calls += 1
        sent = None if content is None else _slice(content, body)
        try:
            response = self.http.send(_request(self.http, call, url, headers, body if sent is None else sent))
        except httpx.HTTPError as error:
            problem = failure_of(error, url)
            self.tell_call(f"{call} no answer: {problem}")
            raise problem from error
        answer = self._answer_of(response, "" if sent is None else sent.digest)
        self._learn(answer)
        self.tell_call(f"{call} {answer.status}")
        elsewhere = redirect_of(answer.status, answer.headers, url)
        if elsewhere is not None:
            raise elsewhere
        return answer

    def _answer_of(self, response: httpx.Response, digest: str) -> Answer:
        """Return an answer, without the secrets that bodies have told the service."""
        answer = Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=_json(response),
            text=response.text if response.status_code >= httpx.codes.BAD_REQUEST else "",
            digest=digest,
        )
        secrets = self._secrets
        if secrets.patterns and secrets.told_in(response.text):
            answer = replace(answer, body=secrets.hidden(answer.body), text=secrets.hidden(answer.text))
        return answer

    def _learn(self, answer: Answer) -> None:
        """Take note of the service's time, and of whether it is an emulator."""
        told = moment_of(answer.headers)
        emulated = EMULATOR_SERVER in answer.headers.get("server", "")
        with self._lock:
            before, self.emulated = self.emulated, emulated or bool(self.emulated)
            met = self.emulated is not before
            if told is not None:
                self.now = told if self.now is None else max(self.now, told)
                self.began = self.began or told
        if met:
            self.tell_met(self)


def moment_of(headers: Mapping[str, str]) -> datetime | None:
    """Return the Date header of an answer, if it has one that is a date."""
    try:
        told = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _slice(content: Content, body: object) -> Slice | None:
    """Return what of a file a body stands for, to be read while it is sent."""
    if isinstance(body, Part):
        return content.part(body)
    return content.whole() if isinstance(body, Upload) else None


def _request(http: httpx.Client, call: Call, url: str, headers: Mapping[str, str], body: object) -> httpx.Request:
    if not isinstance(body, Slice):
        return http.build_request(call.method, url, json=body, headers=dict(headers))
    # httpx asks for IO[bytes] and uses read, seek and tell.
    upload = body.content.upload
    file = (upload.filename, cast("BinaryIO", body), CONTENT_TYPE)
    in_parts = isinstance(call.body, Part)
    return http.build_request(
        call.method,
        url,
        data={} if in_parts else {"purpose": upload.purpose},
        files={"data" if in_parts else "file": file},
        headers=dict(headers),
        timeout=UPLOAD_TIMEOUTS,
    )


def _json(response: httpx.Response) -> object:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        return None


def in_parallel(jobs: Iterable[Callable[[], T]], at_once: int = READS_AT_ONCE) -> list[T]:
    """Return the results of several reads, in order, made a few at a time.

    When one raises, or a person interrupts, those that have not begun are dropped and those in flight not waited for.
    """
    waiting = list(jobs)
    if at_once == 1 or len(waiting) <= 1:
        return [job() for job in waiting]
    pool = ThreadPoolExecutor(max_workers=min(at_once, len(waiting)))
    try:
        results = [future.result() for future in [pool.submit(job) for job in waiting]]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return results

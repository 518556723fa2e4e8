"""The driver: sends what flows ask for over httpx, which is imported here and in `wsgi.py` only."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import BinaryIO, Protocol, Self, TypeVar, cast

import httpx

from ftops.call import Call, Plane, Upload
from ftops.errors import ConnectionLost, WireError
from ftops.wire.dialects import Endpoints, locate
from ftops.wire.failures import failure_of, redirect_of
from ftops.wire.flows import Answer, Budget, Flow, Limits, Pause, Send, listing, once
from ftops.wire.upload import HashedFile, upload_of

T = TypeVar("T")

READS_AT_ONCE = 16
"""Threads for listings and reads; the service takes 30 requests a second."""
CONTENT_TYPE = "application/octet-stream"
"""Of an uploaded file; an empty one is refused (azure-api.md §4.3)."""
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


class _Open:
    """An entry without a lock."""

    def headers(self, plane: Plane, url: str) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def renewed(self, plane: Plane, url: str, sent: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False

    def accepted(self, plane: Plane, url: str) -> None:
        """Take no note."""


@dataclass(slots=True)
class Client:
    """One account's connection: drives flows, counts calls, and knows the service's time.

    `pause` lets time pass where the service's time is everybody's; `advance_url` is where a served emulator, whose
    clock stands still, is told to. `tell_call` hears of every answer (-v), `tell_progress` of every block of an upload,
    as the bytes sent and the bytes there are, and `tell_met` when it is known whether an emulator answers.
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
    at_once: int = READS_AT_ONCE
    """How many reads are worth making at the same time."""
    calls: int = 0
    now: datetime | None = None
    """The Date header of the newest answer."""
    began: datetime | None = None
    """That of the first answer since `begin`."""
    emulated: bool | None = None
    """Whether an emulator answers; None before the first answer."""
    _lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        """Return the client; its connections are closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.http.close()

    def call(self, call: Call) -> Answer:
        """Return the answer to one call; raises as `flows.once` does."""
        return self._drive(once(call, random.random, self.limits, self.budget))

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
        headers = self.entry.headers(Plane.DATA, self.advance_url)
        try:
            response = self.http.post(self.advance_url, json={"seconds": seconds}, headers=headers)
        except httpx.HTTPError as error:
            raise failure_of(error, self.advance_url) from error
        if not response.is_success:
            raise WireError(f"the emulator's clock could not be moved: it answered {response.status_code}")

    def _drive(self, flow: Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                if isinstance(step, Pause):
                    self.let_pass(step.seconds)
                    step = flow.send(None)
                    continue
                try:
                    answer = self._send(step)
                except ConnectionLost as problem:
                    step = flow.throw(problem)
                else:
                    step = flow.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, step: Send) -> Answer:
        """Return an answer; a 401 says that nothing was done, so the call is sent once more with a newer token."""
        call = step.call
        if call.plane is not Plane.DATA and not self.endpoints.resource_id:
            raise WireError(NO_RESOURCE_ID)
        address, query = locate(call, self.endpoints)
        url = str(httpx.URL(address, params=dict(query)) if query else address)
        headers = self.entry.headers(call.plane, url)
        answer = self._ask(call, url, headers)
        if answer.status == httpx.codes.UNAUTHORIZED and self.entry.renewed(call.plane, url, headers):
            answer = self._ask(call, url, self.entry.headers(call.plane, url))
        if answer.status != httpx.codes.UNAUTHORIZED:
            self.entry.accepted(call.plane, url)
        return answer

    def _ask(self, call: Call, url: str, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            self.calls += 1
        try:
            with upload_of(call.body, self.tell_progress) as upload:
                response = self.http.send(_request(self.http, call, url, headers, upload))
        except httpx.HTTPError as error:
            problem = failure_of(error, url)
            self.tell_call(f"{call} no answer: {problem}")
            raise problem from error
        answer = _answer_of(response)
        self._learn(answer)
        self.tell_call(f"{call} {answer.status}")
        elsewhere = redirect_of(answer.status, answer.headers, url)
        if elsewhere is not None:
            raise elsewhere
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


def _answer_of(response: httpx.Response) -> Answer:
    return Answer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=_json(response),
        text=response.text if response.status_code >= httpx.codes.BAD_REQUEST else "",
    )


def _request(
    http: httpx.Client,
    call: Call,
    url: str,
    headers: Mapping[str, str],
    upload: HashedFile | None,
) -> httpx.Request:
    sent = dict(headers)
    if upload is None or not isinstance(call.body, Upload):
        return http.build_request(call.method, url, json=call.body, headers=sent)
    # httpx asks for IO[bytes] and uses read, fileno and iteration.
    files = {"file": (call.body.filename, cast("BinaryIO", upload), CONTENT_TYPE)}
    data = {"purpose": call.body.purpose}
    return http.build_request(call.method, url, data=data, files=files, headers=sent, timeout=UPLOAD_TIMEOUTS)


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

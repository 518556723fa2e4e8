"""Retry and paging as pure generators: they yield calls and pauses, and are sent answers. Uploads are in `parts.py`.

So they are tested without a socket or a clock. A read is repeated within limits; a write is sent once, unless the
service refused it before doing anything (429; 400 for what can be spared of it). A create whose answer is lost is never
sent again from here: listing by marker decides what happened (azure-api.md §3.4 and §17c).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

from ftops.call import Call, Part, Plane, SentUpload
from ftops.errors import ConnectionLost, ServiceProblem, Unreachable, WireError
from ftops.wire.problems import problem_of

T = TypeVar("T")

SUCCESS = range(200, 300)
BAD_REQUEST = 400
NOT_BOUND = "body-not-bound"
"""The row of rules/troubles.toml for a body that was not understood, by whatever member of it."""
THROTTLED = 429
RETRYABLE_READS = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Statuses after which a read is sent again; 529 is Azure Monitor's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a flow: tries of one call, and of one that finds nobody; seconds of a pause; pages of a listing."""

    tries: int = 5
    knocks: int = 3
    pause_first_s: float = 1.0
    pause_max_s: float = 60.0
    pages: int = 200


@dataclass(slots=True)
class Budget:
    """How often a run repeats calls, whichever they are: so that a service in trouble is not asked ever more.

    Each repeated call costs one, each success gives back a part of one, never beyond what it began with.
    """

    left: float = 100.0
    most: float = 100.0
    refund: float = 0.2
    _lock: Lock = field(default_factory=Lock)

    def take(self) -> bool:
        """Return whether one call more may be repeated."""
        with self._lock:
            if self.left < 1:
                return False
            self.left -= 1
            return True

    def give_back(self) -> None:
        """Take note of a success."""
        with self._lock:
            self.left = min(self.most, self.left + self.refund)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as far as flows look: `headers` have lower-case names, `body` is the JSON, `text` that of an error.

    `digest` is that of the content up to the end of the part that was sent, or looked at.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    text: str = ""
    digest: str = ""

    @property
    def item(self) -> Mapping[str, object]:
        """Return the body as one JSON object; anything else is an answer that cannot be used."""
        if not isinstance(self.body, Mapping):
            raise WireError(f"the service answered {self.status} with something that is no JSON object")
        return self.body


@dataclass(frozen=True, slots=True)
class Send:
    """Ask the driver to send a call; it sends back the Answer, or throws ConnectionLost or Unreachable."""

    call: Call


@dataclass(frozen=True, slots=True)
class Pause:
    """Ask the driver to let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the driver to read a part of the file without sending it; it sends back an Answer with the digest."""

    part: Part


@dataclass(frozen=True, slots=True)
class Note:
    """Ask the driver to have it remembered how far an upload has come, before anything else; None: it is left."""

    sent: SentUpload | None


Step: TypeAlias = Send | Pause | Look | Note
Flow: TypeAlias = Generator[Step, Answer | None, T]
Jitter: TypeAlias = Callable[[], float]
"""Returns a number from 0 to 1, so that clients that were refused together do not come back together."""


def once(call: Call, jitter: Jitter, limits: Limits, budget: Budget | None = None) -> Flow[Answer]:
    """Return the answer to one call, repeated as far as that is safe and the run's budget lasts.

    Raises: ConnectionLost when no answer came; Unreachable when nothing could be sent; ServiceProblem when the
    service refused.
    """
    budget = budget or Budget()
    for number in range(1, limits.tries + 1):
        last = number == limits.tries
        backoff_s = limits.pause_first_s * 2 ** (number - 1) * (0.5 + jitter() / 2)
        try:
            answer = (yield Send(call)) or Answer(0)
        except ConnectionLost as problem:
            # Where nothing was sent, a write may be repeated like a read.
            again = number < limits.knocks if isinstance(problem, Unreachable) else call.repeatable and not last
            if not again or not budget.take():
                raise
            yield Pause(min(backoff_s, limits.pause_max_s))
            continue
        if answer.status in SUCCESS:
            budget.give_back()
            return answer
        if answer.status == BAD_REQUEST and call.spare:
            return (yield from _spared(call, answer, jitter, limits, budget))
        again = answer.status in RETRYABLE_READS if call.repeatable else answer.status == THROTTLED
        if last or not again or not budget.take():
            raise _problem(answer, call)
        yield Pause(min(_retry_after_s(answer.headers, backoff_s), limits.pause_max_s))
    raise WireError(f"{call} was not tried")


def _spared(call: Call, answer: Answer, jitter: Jitter, limits: Limits, budget: Budget) -> Flow[Answer]:
    """Return the answer to a refused call without what can be spared of it, which is sent once more and no further.

    A 400 did nothing, so nothing is made twice. Refused in the same words, what was spared was not the cause, and the
    first refusal is raised; in other words, it was one cause, and the next is told.
    """
    refusal = _problem(answer, call)
    if not _may_be_about_it(answer, refusal):
        raise refusal
    try:
        return (yield from once(call.bare, jitter, limits, budget))
    except ServiceProblem as second:
        told = [(each.status, each.code, each.message) for each in (refusal, second)]
        raise (refusal if told[0] == told[1] else second) from None


def _may_be_about_it(answer: Answer, refusal: ServiceProblem) -> bool:
    """Tell whether a 400 may be about what can be spared: the service's own, and not known to be about something else.

    What is in between may answer 400 after it has passed a request on, in words of its own.
    """
    error = answer.body.get("error") if isinstance(answer.body, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    if not isinstance(code, str) or code.isdigit():
        return False
    return refusal.trouble is None or refusal.trouble.word == NOT_BOUND


def _problem(answer: Answer, call: Call) -> ServiceProblem:
    return problem_of(answer.status, answer.headers, answer.body, answer.text, call)


def _retry_after_s(headers: Mapping[str, str], backoff_s: float) -> float:
    """Return the wait the service asks for, in seconds, else our own; millisecond spellings come first (§3.4).

    A Retry-After that is a date counts from the answer's own Date.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit_s)
        except (KeyError, ValueError):
            continue
    try:
        until, now = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
        return max(0.0, (until - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return backoff_s


def listing(
    call: Call, jitter: Jitter, limits: Limits, budget: Budget | None = None
) -> Flow[list[Mapping[str, object]]]:
    """Return all items of a listing, page by page, in the service's order.

    The data plane pages by `after` while it says `has_more` (where it says nothing, a page as full as its limit may
    have a successor); ARM by `nextLink`, of which only the query is used, so that no body decides which host is asked.
    What is shown twice is there once: a second one would be taken for a twin. Raises WireError for an answer without a
    list, which is no evidence that nothing is there, and for an empty page where more was promised: some services
    answer so when what a page begins after was deleted meanwhile (azure-api.md §3.5), and what follows is not seen.
    """
    items: list[Mapping[str, object]] = []
    ids: set[str] = set()
    promised = False
    for _ in range(limits.pages):
        body = (yield from once(call, jitter, limits, budget)).item
        member = "data" if call.plane is Plane.DATA else "value"
        rows = body.get(member)
        if not isinstance(rows, list):
            raise WireError(f'the answer to {call} has no list "{member}", so nobody can tell what is there')
        page = [row for row in rows if isinstance(row, Mapping)]
        if promised and not page:
            raise WireError(f"{call} said that more follows and then showed nothing, so nobody can tell what is there")
        promised = body.get("has_more") is True
        for row in page:
            if not row.get("id") or row["id"] not in ids:
                items.append(row)
                ids.add(str(row.get("id")))
        query = _next_query(call, body, page)
        if query is None:
            return items
        call = replace(call, query=query)
    raise WireError(f"{call} has more than {limits.pages} pages")


def _next_query(call: Call, body: Mapping[str, object], page: list[Mapping[str, object]]) -> Mapping[str, str] | None:
    if call.plane is not Plane.DATA:
        link = body.get("nextLink")
        return {**call.query, **dict(parse_qsl(urlsplit(link).query))} if isinstance(link, str) and link else None
    full = str(len(page)) == call.query.get("limit")
    if not page or not body.get("has_more", full):
        return None
    return {**call.query, "after": str(page[-1].get("id", ""))}

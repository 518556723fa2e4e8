"""The long operations behind a run's writes of bindings: only they tell why one failed (azure-api.md §10.4).

How a write goes is seen at the object itself; its operation is read once, after it failed. The address is signed and
not written down, so a later run cannot ask any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from ftops.call import Call, Plane
from ftops.errors import WireError
from ftops.model import Action, LiveState, Object, Phase
from ftops.rules.troubles import trouble_of_state
from ftops.wire.client import Client
from ftops.wire.flows import Answer
from ftops.wire.problems import problem_of

Cause: TypeAlias = tuple[str, str] | None
"""The code and the message of a failure, where they were told."""

HEADER = "azure-asyncoperation"
SUBSCRIPTION_PARTS = 3
"""Of a path that begins with `/subscriptions/ID`."""


@dataclass(slots=True)
class Operations:
    """Where to ask about each binding that this run wrote, and what was told of those that failed."""

    _calls: dict[tuple[str, str, str], Call] = field(default_factory=dict)
    _told: dict[tuple[str, str, str], Cause] = field(default_factory=dict)

    def began(self, made: Object, answer: Answer) -> None:
        """Take note of the operation that an answer names, if it names one; what an earlier one told is past."""
        self._told.pop(_place(made), None)
        self._calls.pop(_place(made), None)
        call = operation_call(answer.headers.get(HEADER, ""))
        if call is not None:
            self._calls[_place(made)] = call

    def explained(self, live: LiveState, clients: Mapping[str, Client]) -> LiveState:
        """Return the live state with why the writes of this run failed; each operation is asked once."""
        failed = [o for o in live.objects if o.phase is Phase.FAILED and _place(o) in self._calls]
        for found in failed:
            if _place(found) not in self._told:
                self._told[_place(found)] = _cause(clients[found.account], self._calls[_place(found)])
        if not failed:
            return live
        by_place = {_place(o): _with(o, self._told[_place(o)]) for o in failed}
        return replace(live, objects=tuple(by_place.get(_place(o), o) for o in live.objects))


def operation_call(url: str) -> Call | None:
    """Return the call that reads an operation, or None for what is no address in a subscription.

    Path and query are used, and not the host: no header decides where a credential is sent.
    """
    parts = urlsplit(url)
    head, path = parts.path.split("/")[:SUBSCRIPTION_PARTS], parts.path.split("/")[SUBSCRIPTION_PARTS:]
    if not path or [part.lower() for part in head[:-1]] != ["", "subscriptions"]:
        return None
    return Call(Plane.SUBSCRIPTION, "GET", f"/{'/'.join(path)}", dict(parse_qsl(parts.query, keep_blank_values=True)))


def left_of(action: Action) -> str:
    """Return what is still not as it was written, and what to do about it."""
    if action.object is not None and action.object.phase is Phase.FAILED:
        return f"it ended {action.object.state}{': ' if action.object.problem else ''}{action.object.problem}"
    still = ", ".join(f"{change.field} is still {change.old}" for change in action.changes)
    return f"{still}; write in the spec what it has, if that will do" if still else "it is not there"


def _cause(client: Client, call: Call) -> Cause:
    """Return what an operation tells of its failure, or nothing."""
    try:
        item = client.call(call).item
    except WireError:
        return None
    if not isinstance(item.get("error"), Mapping):
        return None
    problem = problem_of(0, {}, item, "")
    return problem.code, problem.message


def _with(failed: Object, cause: Cause) -> Object:
    """Return a failed object with why its write failed, as far as that was told and is known."""
    if cause is None:
        return failed
    trouble = trouble_of_state(failed.kind, *cause) or failed.trouble
    return replace(failed, problem=": ".join(cause), trouble=trouble)


def _place(found: Object) -> tuple[str, str, str]:
    return found.kind, found.account, found.id

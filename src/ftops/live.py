"""What is there: every kind's listings, then its reads, as one LiveState; and the overlay of what was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from pydantic import ValidationError

from ftops.call import Call
from ftops.clock import Clock
from ftops.digest import Marker
from ftops.errors import WireError
from ftops.kinds import KINDS_BY_WORD, Kind
from ftops.kinds.base import Item
from ftops.model import Address, LiveState, Object, Observed, Pointer
from ftops.wire.client import Client, in_parallel

Listed = list[Item] | WireError


def observe(
    clients: Mapping[str, Client],
    owners: frozenset[str],
    clock: Clock,
    doubts: Mapping[str, datetime],
    refused: Mapping[tuple[Address, str], str],
) -> LiveState:
    """Return what the accounts hold; all listings of all accounts are read at once.

    What cannot be read is said in `unreadable` and closes only its own kind in its own account. `now` is the Date
    header of the first answer, or `clock`'s time when none came.
    """
    for client in clients.values():
        client.begin()
    before = {name: client.calls for name, client in clients.items()}
    calls = _listing_calls()
    asked = [(name, call) for name in clients for call in calls]
    results = in_parallel([partial(_list, clients[name], call) for name, call in asked])
    listed = {name: [(c, r) for (n, c), r in zip(asked, results, strict=True) if n == name] for name in clients}
    objects: list[Object] = []
    unreadable: dict[tuple[str, str], str] = {}
    for name in clients:
        for kind in KINDS_BY_WORD.values():
            try:
                objects += _observed(kind, name, listed[name])
            except (WireError, ValueError) as error:
                unreadable[name, kind.word] = _first_line(error)
    objects = _read_more(objects, clients, owners)
    times = [client.began for client in clients.values() if client.began is not None]
    return LiveState(
        now=min(times) if times else clock.now(),
        objects=resolve_pointers(objects),
        unreadable=unreadable,
        doubts=doubts,
        refused=refused,
        now_of={name: client.began for name, client in clients.items() if client.began is not None},
        calls=sum(client.calls - before[name] for name, client in clients.items()),
    )


def _listing_calls() -> list[Call]:
    """Return the listings of all kinds, each call once."""
    calls: list[Call] = []
    for kind in KINDS_BY_WORD.values():
        calls += [listing.call for listing in kind.listings().values() if listing.call not in calls]
    return calls


def _list(client: Client, call: Call) -> Listed:
    try:
        return client.list(call)
    except WireError as error:
        return error


def _observed(kind: Kind, account: str, listed: Sequence[tuple[Call, Listed]]) -> tuple[Object, ...]:
    """Return the objects of one kind; raises what kept a needed listing from being read."""
    readable: dict[str, Sequence[Item]] = {}
    for name, wanted in kind.listings().items():
        result = next(result for call, result in listed if call == wanted.call)
        if not isinstance(result, WireError):
            readable[name] = result
        elif wanted.needed:
            raise result
    return kind.observe(readable, account)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return f"the service's answer has another shape than expected ({error.error_count()} places)"
    return str(error).partition("\n")[0]


def _read_more(objects: Sequence[Object], clients: Mapping[str, Client], owners: frozenset[str]) -> list[Object]:
    """Return the objects, those of ours whose progress can be asked for with what that told."""

    def read(found: Object) -> Object:
        kind = KINDS_BY_WORD[found.kind]
        call = kind.reads(found) if found.marker is not None and found.marker.owner in owners else None
        try:
            return found if call is None else kind.observe_more(found, clients[found.account].call(call).item)
        except WireError:
            return found  # Progress is for people; without it the plan is the same.

    return in_parallel([partial(read, found) for found in objects])


def resolve_pointers(objects: Iterable[Object]) -> tuple[Object, ...]:
    """Return the objects with the marker of what each field points to, where that object is among them."""
    objects = tuple(objects)
    markers = {(o.account, o.kind, o.id): o.marker for o in objects}
    return tuple(_resolved(o, markers) for o in objects)


def _resolved(found: Object, markers: Mapping[tuple[str, str, str], Marker | None]) -> Object:
    fields: dict[str, Observed] = {}
    for name, value in found.fields.items():
        if isinstance(value, Pointer) and value.marker is None:
            value = replace(value, marker=markers.get((found.account, value.kind, value.id)))  # noqa: PLW2901
        fields[name] = value
    return replace(found, fields=fields)


def overlay(live: LiveState, written: Object) -> LiveState:
    """Return the live state with an object as its write's answer showed it."""
    others = [o for o in live.objects if _place(o) != _place(written)]
    return replace(live, objects=resolve_pointers([*others, written]))


def without(live: LiveState, gone: Object) -> LiveState:
    """Return the live state without an object that was deleted or is not there any more."""
    return replace(live, objects=tuple(o for o in live.objects if _place(o) != _place(gone)))


def _place(found: Object) -> tuple[str, str, str]:
    return found.account, found.kind, found.id

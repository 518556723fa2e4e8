"""What is there: every kind's listings, then its reads, as one LiveState; and the overlay of what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from ftops.call import Call
from ftops.clock import Clock
from ftops.digest import Marker
from ftops.errors import WireError
from ftops.kinds import KINDS_BY_WORD, Kind
from ftops.kinds.account import READ as ACCOUNT
from ftops.kinds.account import limits_of
from ftops.kinds.base import Item
from ftops.model import Address, Desired, LiveState, Object, Observed, Pointer
from ftops.rules import load_rules
from ftops.trouble import Trouble
from ftops.upkeep import Cost, Past, Room
from ftops.wire.client import Client, in_parallel
from ftops.wire.problems import trouble_in, words_in

Listed = list[Item] | WireError
Place = tuple[str, str]
"""An account and the word of a kind."""


def observe(
    clients: Mapping[str, Client],
    desired: Desired,
    clock: Clock,
    doubts: Mapping[str, datetime],
    refused: Mapping[tuple[Address, str], str],
) -> LiveState:
    """Return what the accounts hold; all listings of all accounts are read at once, then what they leave open.

    What cannot be read is said in `unreadable` and closes only its own kind in its own account. `now` is the Date
    header of the first answer, or `clock`'s time when none came.
    """
    for client in clients.values():
        client.begin()
    before = {name: client.calls for name, client in clients.items()}
    calls = _listing_calls()
    asked = [(name, call) for name in clients for call in calls]
    limits: dict[str, Mapping[str, int]] = {}
    reads = [partial(_list, clients[name], call) for name, call in asked]
    reads += [partial(_limits, client, name, limits) for name, client in clients.items()]
    results = in_parallel(reads, _at_once(clients))
    listed = {name: [(c, r) for (n, c), r in zip(asked, results, strict=False) if n == name] for name in clients}
    moments = {name: client.began for name, client in clients.items() if client.began is not None}
    now = min(moments.values(), default=None) or clock.now()
    moments = {name: moments.get(name, now) for name in clients}
    objects: dict[Place, tuple[Object, ...]] = {}
    unreadable: dict[Place, str] = {}
    troubles: dict[tuple[Address | str, str], Trouble] = {}
    rooms: dict[Place, tuple[Room, ...]] = {}
    for name in clients:
        for kind in KINDS_BY_WORD.values():
            try:
                readable = _readable(kind, listed[name])
                objects[name, kind.word] = kind.observe(readable, name)
                rooms[name, kind.word] = kind.rooms(readable, limits[name], load_rules())
            except (WireError, ValueError) as error:
                unreadable[name, kind.word] = words_in(error)
                trouble = trouble_in(error)
                troubles |= {(name, kind.word): trouble} if trouble else {}
    inquired = _inquire(objects, clients, desired, moments)
    found = _read_more(inquired.objects, clients, desired, moments)
    return LiveState(
        now=now,
        objects=resolve_pointers(found, _prices(desired)),
        unreadable=unreadable,
        doubts=doubts,
        refused=refused,
        troubles=troubles,
        now_of=moments,
        calls=sum(client.calls - before[name] for name, client in clients.items()),
        pasts=inquired.pasts,
        unseen=inquired.unseen,
        rooms=rooms,
    )


def _limits(client: Client, name: str, limits: dict[str, Mapping[str, int]]) -> Listed:
    """Note the limits that an account tells; one that does not is held to the rules' numbers."""
    try:
        limits[name] = limits_of(client.call(ACCOUNT).item)
    except (WireError, ValueError):
        limits[name] = {}
    return []


@dataclass(slots=True)
class _Inquired:
    """What inquiries told of all accounts together."""

    objects: list[Object] = field(default_factory=list)
    pasts: dict[tuple[Address, str], Past] = field(default_factory=dict)
    unseen: dict[str, tuple[str, ...]] = field(default_factory=dict)


def _inquire(
    objects: Mapping[Place, tuple[Object, ...]],
    clients: Mapping[str, Client],
    desired: Desired,
    moments: Mapping[str, datetime],
) -> _Inquired:
    """Return the objects with their use, and the pasts of declared names that are absent, asked all at once."""
    rules, told = load_rules(), _Inquired()
    ours = {place: [o for o in found if _is_ours(o, desired)] for place, found in objects.items()}
    clocked = _clocked(desired)
    asked: list[tuple[Place, str, Call]] = []
    for (account, word), found in objects.items():
        absent = _absent(found, clocked.get((account, word), ()))
        inquiries = KINDS_BY_WORD[word].inquiries(ours[account, word], absent, moments[account], rules)
        asked += [((account, word), name, call) for name, call in inquiries.items()]
    results = in_parallel([partial(_list, clients[place[0]], call) for place, _, call in asked], _at_once(clients))
    for (account, word), found in objects.items():
        place = (account, word)
        answers = {name: r for (p, name, _), r in zip(asked, results, strict=True) if p == place}
        informed = KINDS_BY_WORD[word].informed(ours[place], answers, moments[account], rules)
        told.objects += [o for o in found if not _is_ours(o, desired)]
        told.objects += informed.objects
        told.pasts |= {(Address(word, name), account): past for name, past in informed.pasts.items()}
        told.unseen[account] = (*told.unseen.get(account, ()), *informed.unseen)
    return told


def _is_ours(found: Object, desired: Desired) -> bool:
    return found.marker is not None and found.marker.owner in desired.owners


def _clocked(desired: Desired) -> dict[Place, list[str]]:
    """Return the declared names that the service's clock touches."""
    names: dict[Place, list[str]] = {}
    for resource in desired.resources:
        if resource.lifecycle.idle:
            names.setdefault((resource.account, resource.address.kind), []).append(resource.address.name)
    return names


def _absent(found: Sequence[Object], names: Sequence[str]) -> list[str]:
    """Return the names that are not there."""
    there = {o.id.casefold() for o in found} if names else set()
    return [name for name in names if name.casefold() not in there]


def _prices(desired: Desired) -> Callable[[Object], Cost]:
    """Return what tells the price of an object."""
    rules = load_rules()
    regions = {name: account.region for name, account in desired.accounts.items()}
    return lambda found: KINDS_BY_WORD[found.kind].price(found, regions.get(found.account, ""), rules)


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


def _readable(kind: Kind, listed: Sequence[tuple[Call, Listed]]) -> dict[str, Sequence[Item]]:
    """Return the listings of one kind; raises what kept a needed one from being read."""
    readable: dict[str, Sequence[Item]] = {}
    for name, wanted in kind.listings().items():
        result = next(result for call, result in listed if call == wanted.call)
        if not isinstance(result, WireError):
            readable[name] = result
        elif wanted.needed:
            raise result
    return readable


def _read_more(
    objects: Sequence[Object], clients: Mapping[str, Client], desired: Desired, moments: Mapping[str, datetime]
) -> list[Object]:
    """Return the objects, those of ours of which more can be asked with what that told."""
    rules = load_rules()

    def read(found: Object, call: Call) -> Object:
        try:
            return KINDS_BY_WORD[found.kind].observe_more(found, clients[found.account].call(call).item, rules)
        except (WireError, ValueError):
            return found  # It is for people; without it the plan is the same.

    asked = {_place(o): call for o in objects if _is_ours(o, desired) and (call := _more(o, moments)) is not None}
    jobs = [partial(read, o, asked[_place(o)]) for o in objects if _place(o) in asked]
    told = in_parallel(jobs, _at_once(clients))
    by_place = {_place(o): o for o in told}
    return [by_place.get(_place(o), o) for o in objects]


def _at_once(clients: Mapping[str, Client]) -> int:
    return max((client.at_once for client in clients.values()), default=1)


def _more(found: Object, moments: Mapping[str, datetime]) -> Call | None:
    return KINDS_BY_WORD[found.kind].reads(found, moments[found.account])


def resolve_pointers(
    objects: Iterable[Object], price: Callable[[Object], Cost] = lambda found: found.cost
) -> tuple[Object, ...]:
    """Return the objects with the marker of what each field points to, where that object is among them.

    Args: `price` tells what an object costs, which is filled in on the way because copying an object takes time.
    """
    objects = tuple(objects)
    markers = {_place(o): o.marker for o in objects}
    return tuple(_resolved(o, markers, price(o)) for o in objects)


def _resolved(found: Object, markers: Mapping[tuple[str, str, str], Marker | None], cost: Cost) -> Object:
    known: dict[str, Observed] = {}
    for name, value in found.fields.items():
        if isinstance(value, Pointer) and value.marker is None:
            marker = markers.get((found.account, value.kind, value.id))
            if marker is not None:
                known[name] = Pointer(value.kind, value.id, marker, value.selector)
    if not known and cost == found.cost:
        return found
    return replace(found, fields={**found.fields, **known}, cost=cost)


def overlay(live: LiveState, written: Object) -> LiveState:
    """Return the live state with an object as its write's answer showed it, and with what only inquiries tell."""
    others = [o for o in live.objects if _place(o) != _place(written)]
    before = next((o for o in live.objects if _place(o) == _place(written)), None)
    if before is not None:
        written = replace(written, use=written.use or before.use, cost=before.cost)
    else:
        live = _with_less_room(live, written, 1)
    return replace(live, objects=resolve_pointers([*others, written]))


def without(live: LiveState, gone: Object) -> LiveState:
    """Return the live state without an object that was deleted or is not there any more."""
    left = tuple(o for o in live.objects if _place(o) != _place(gone))
    return replace(_with_less_room(live, gone, len(left) - len(live.objects)), objects=left)


def _with_less_room(live: LiveState, found: Object, by: int) -> LiveState:
    """Return the live state with `by` more objects like this one in the rooms of its kind."""
    place = (found.account, found.kind)
    rooms = tuple(replace(room, used=room.used + by * room.share(found.fields)) for room in live.rooms.get(place, ()))
    return replace(live, rooms={**live.rooms, place: rooms})


def _place(found: Object) -> tuple[str, str, str]:
    return found.account, found.kind, found.id

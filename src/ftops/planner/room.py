"""Room: what an account cannot take is held before the first byte is sent, and told what could make room for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from ftops.model import Action, Gate, Object, Resource, Verb
from ftops.planner.graph import Need, sources
from ftops.planner.leftovers import dispensable
from ftops.planner.match import Key, Scene
from ftops.reasons import Why
from ftops.upkeep import Room

Place: TypeAlias = tuple[str, str]
"""An account and the word of a kind."""
NAMED_MAX = 3
"""How many objects that could go are named; the others are counted."""
AGAIN_MAX = 100
"""How often a plan is counted anew because something is needless after all; then more is held than must be."""


def within_room(actions: Sequence[Action], scene: Scene, needs: Mapping[Key, Need]) -> list[Action]:
    """Return the actions, those held that an account has no room for, in the plan's order.

    One after the other, so a smaller one after a held one may still fit. What only something held would have needed is
    not counted, for it is not made either.
    """
    if not any(scene.live.rooms.values()):
        return list(actions)
    settled: dict[Key, Action] = {}
    for _ in range(AGAIN_MAX):
        ledger = _Ledger(actions, scene, needs, settled)
        judged = [ledger.judged(action) for action in actions]
        if ledger.too_early is None:
            break
        settled |= ledger.too_early
    return judged


def crowded(actions: Iterable[Action], scene: Scene) -> dict[str, tuple[str, ...]]:
    """Return by account what a plan would fill beyond a limit if the limit is what some sources say it is."""
    more: Counter[tuple[Place, Room]] = Counter()
    for action in actions:
        if _makes(action) and action.resource is not None:
            place = _place(action)
            for room in scene.live.rooms.get(place, ()):
                if room.doubt and (share := room.share(action.resource.facts)):
                    more[place, room] += share
    told: dict[str, tuple[str, ...]] = {}
    for ((account, _), room), share in more.items():
        if room.used + share > room.limit:
            holds = f"{room.amount(room.used + share)} of {room.amount(room.limit)}"
            told[account] = (*told.get(account, ()), f"with this plan it may hold {holds}{_of(room)}: {room.doubt}")
    return told


def _makes(action: Action) -> bool:
    return action.verb is Verb.CREATE and not action.held


def _place(action: Action) -> Place:
    return action.account, action.address.kind


def _of(room: Room) -> str:
    """Return ` files`, or ` of files` after a size."""
    return f" of {room.what}" if room.by else f" {room.what}"


class _Ledger:
    """Counts what a plan makes, action by action; what is `settled` is held from the start.

    `too_early` is the first action whose holding gave back room that something before it had been held for.
    """

    def __init__(
        self, actions: Sequence[Action], scene: Scene, needs: Mapping[Key, Need], settled: Mapping[Key, Action]
    ) -> None:
        self.too_early: dict[Key, Action] | None = None
        self._settled = settled
        self._scene = scene
        self._needs = needs
        due = [a for a in actions if a.writes and (not a.held or a.why is Why.NO_ROOM)]
        self._writes = {a.resource.key: a.resource for a in due if a.resource is not None}
        self._referrers: dict[Key, list[Key]] = {}
        for resource in self._writes.values():
            for source in sources(resource):
                self._referrers.setdefault(source, []).append(resource.key)
        self._taken: Counter[tuple[Place, Room]] = Counter()
        self._counted: dict[Key, int] = {}
        self._held = 0
        self._behind: set[Key] = set()
        self._needless: set[Key] = set()
        self._ways_out: dict[Place, str] = {}
        for key in [*settled, *(a.resource.key for a in due if a.held and a.resource is not None)]:
            self._set_back(key)

    def judged(self, action: Action) -> Action:
        """Return the action, held if there is no room for what it makes; else that is counted."""
        resource, place = action.resource, _place(action)
        if resource is None or not _makes(action):
            return action
        if resource.key in self._behind or resource.key in self._needless:
            return self._settled.get(resource.key, action)
        lacking = [room for room in self._rooms(place) if self._excess(room, place, resource) > 0]
        if not lacking:
            self._counted[resource.key] = self._held
            self._count(resource, place, 1)
            return action
        reason = "; ".join([*(self._lack(room, place, resource) for room in lacking), *self._way_out(place)])
        held = replace(action, gate=Gate.GUARD, why=Why.NO_ROOM, reason=reason)
        if self._set_back(resource.key) and self.too_early is None:
            self.too_early = {resource.key: held}
        self._held += 1
        return held

    def _rooms(self, place: Place) -> list[Room]:
        return [room for room in self._scene.live.rooms.get(place, ()) if not room.doubt]

    def _excess(self, room: Room, place: Place, resource: Resource) -> int:
        """Return by how much a resource is too much; what takes nothing, as far as known, never is."""
        share = room.share(resource.facts)
        return room.used + self._taken[place, room] + share - room.limit if share else 0

    def _count(self, resource: Resource, place: Place, times: int) -> None:
        for room in self._rooms(place):
            self._taken[place, room] += times * room.share(resource.facts)

    def _set_back(self, held: Key) -> bool:
        """Note what waits for something held, and give back the room of what only that would have needed.

        Returns whether something was held meanwhile for want of that room.
        """
        missed = False
        waiting, doubtful = [held], list[Key]()
        while waiting:
            key = waiting.pop()
            if key not in self._behind:
                self._behind.add(key)
                waiting += self._referrers.get(key, ())
                doubtful += sources(self._writes[key])
        while doubtful:
            key = doubtful.pop()
            if key in self._writes and key not in self._needless and self._is_needless(key):
                self._needless.add(key)
                doubtful += sources(self._writes[key])
                if key in self._counted:
                    self._count(self._writes[key], (key[1], key[0].kind), -1)
                    missed = missed or self._counted.pop(key) < self._held
        return missed

    def _is_needless(self, key: Key) -> bool:
        """Tell whether everything that refers to something is not made either, for want of something else."""
        return all(
            referrer in self._needless or self._behind & (sources(self._writes[referrer]) - {key})
            for referrer in self._referrers[key]
        )

    # --- words

    def _lack(self, room: Room, place: Place, resource: Resource) -> str:
        """Return in numbers why something does not fit."""
        before, holds = self._taken[place, room], f"{room.amount(room.used)} of {room.amount(room.limit)}{_of(room)}"
        if not room.by:
            return f"the account holds {holds}" + (", and this plan would make more" if room.used < room.limit else "")
        brings = f", this plan brings {room.amount(before)} before it" if before else ""
        excess = room.amount(self._excess(room, place, resource))
        needed = f" and this one needs {room.amount(room.share(resource.facts))}, {excess} more than is left"
        return f"the account holds {holds}{brings}{needed}"

    def _way_out(self, place: Place) -> list[str]:
        """Return what could go, what is not ours to judge, and how room is made; nothing where no way out is told."""
        measure = next((room for room in reversed(self._rooms(place)) if room.way_out), None)
        if measure is None:
            return []
        if place not in self._ways_out:
            account, kind = place
            gone = dispensable(kind, account, self._scene, self._needs)
            there = [o for o in self._scene.live.objects if (o.account, o.kind) == place]
            others = [o for o in there if not self._scene.ours(o)]
            parts = [_spare_words(gone, measure), _others_words(others, measure), measure.way_out]
            self._ways_out[place] = "; ".join(part for part in parts if part)
        return [self._ways_out[place]]


def _spare_words(gone: Sequence[Object], measure: Room) -> str:
    """Return the objects that could go, the largest by name."""
    if not gone:
        return "ftops knows of none that is not needed any more"
    by_size = sorted(gone, key=lambda o: -measure.share(o.fields))
    named = [f"{o.id} {o.label} ({measure.amount(measure.share(o.fields))})" for o in by_size[:NAMED_MAX]]
    rest = len(gone) - len(named)
    told = ", ".join(named) + (f" and {rest} more" if rest else "")
    together = measure.amount(sum(measure.share(o.fields) for o in gone))
    return f"not needed any more: {told}" + (f", {together} together" if len(gone) > 1 else "")


def _others_words(others: Sequence[Object], measure: Room) -> str:
    """Return how much of what is held is not this project's, which is only counted."""
    size = measure.amount(sum(measure.share(o.fields) for o in others))
    what = measure.what.removesuffix("s") if len(others) == 1 else measure.what
    parts = [f"{len(others)} {what} of others ({size})"] if others else []
    parts += [measure.besides] if measure.besides else []
    return f"counted too: {', '.join(parts)}" if parts else ""

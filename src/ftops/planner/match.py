"""Which live objects are which resource: the current one, its attempts, twins, contradictions and predecessor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Shape
from ftops.model import Address, Change, Desired, LiveState, Object, Phase, Ref, Resource
from ftops.planner.diff import changes

Key: TypeAlias = tuple[Address, str]

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Match:
    """One resource with what the account holds of it.

    `current` is the object that is, or becomes, the resource. `twins` are further ones of the same digest. `attempts`
    are those that failed, were cancelled, or carry no marker. `wrong` are alive but contradict what they claim to be.
    `previous` is the newest object of the same name with another digest, `training` one that is at it now. `taken`
    holds a binding's name without being ours. `changes` are the fields in which the current object (a binding's) or
    the previous one (an artifact's) differs.
    """

    resource: Resource
    current: Object | None = None
    twins: tuple[Object, ...] = ()
    attempts: tuple[Object, ...] = ()
    wrong: tuple[tuple[Object, tuple[Change, ...]], ...] = ()
    previous: Object | None = None
    training: Object | None = None
    taken: Object | None = None
    changes: tuple[Change, ...] = ()

    @property
    def output_ready(self) -> bool:
        """Tell whether references to the resource can be resolved."""
        return self.current is not None and self.current.phase is Phase.READY


def age_rank(found: Object) -> tuple[datetime, str]:
    """Return the sort key from oldest to newest; every run computes the same one."""
    return found.created_at or _LONG_AGO, found.id


def _keep_rank(found: Object) -> tuple[bool, datetime, str]:
    """Return the sort key that puts the object to keep among twins first: a ready one, else the oldest."""
    return found.phase is not Phase.READY, *age_rank(found)


def match_all(desired: Desired, live: LiveState) -> dict[Key, Match]:
    """Return every resource's match, in the resources' order."""
    parents = {resource.address: resource.names for resource in desired.resources}
    by_place: dict[tuple[str, str], list[Object]] = {}
    for found in live.objects:
        by_place.setdefault((found.kind, found.account), []).append(found)
    matches = {}
    for resource in desired.resources:
        there = by_place.get((resource.address.kind, resource.account), [])
        shape = KINDS_BY_WORD[resource.address.kind].traits.shape
        match = _binding if shape is Shape.BINDING else _artifact
        matches[resource.key] = match(resource, there, desired.owners, parents)
    return matches


def _binding(
    resource: Resource, there: Iterable[Object], owners: frozenset[str], parents: Mapping[Address, frozenset[str]]
) -> Match:
    kind = KINDS_BY_WORD[resource.address.kind]
    named = next((o for o in there if o.id.casefold() == resource.address.name.casefold()), None)
    if named is None:
        return Match(resource)
    if not kind.claims(resource, named, owners):
        return Match(resource, taken=named)
    return Match(resource, current=named, changes=changes(resource, named, kind.rules, parents))


def _artifact(
    resource: Resource, there: Iterable[Object], owners: frozenset[str], parents: Mapping[Address, frozenset[str]]
) -> Match:
    kind = KINDS_BY_WORD[resource.address.kind]
    claimed: list[Object] = []
    others: list[Object] = []
    for found in there:
        (claimed if kind.claims(resource, found, owners) else others).append(found)
    wrong = {o.id: why for o in claimed if o.phase.alive and (why := kind.contradictions(resource, o, None))}
    # Without a marker an object is known by what was sent with it: enough not to try again, not enough to build on.
    right = sorted((o for o in claimed if o.phase.alive and o.id not in wrong and o.marker), key=_keep_rank)
    ended = [o for o in claimed if not o.phase.alive or (o.marker is None and o.id not in wrong)]
    family = sorted((o for o in others if _same_name(resource, o, owners)), key=age_rank)
    previous = family[-1] if family else None
    return Match(
        resource,
        current=right[0] if right else None,
        twins=tuple(right[1:]),
        attempts=tuple(o for o in ended if not _was_twin(o, claimed)),
        wrong=tuple((o, wrong[o.id]) for o in claimed if o.id in wrong),
        previous=previous,
        training=next((o for o in family if o.phase in {Phase.QUEUED, Phase.RUNNING}), None),
        changes=changes(resource, previous, kind.rules, parents) if previous and previous.fields else (),
    )


def _same_name(resource: Resource, found: Object, owners: frozenset[str]) -> bool:
    marker = found.marker
    return marker is not None and marker.owner in owners and marker.name in resource.names


def _was_twin(found: Object, claimed: Iterable[Object]) -> bool:
    """Tell whether a cancelled object lived beside another of its digest that ranks before it or went on.

    Cancelling a twin is our own tidying, not an attempt of the training that failed.
    """
    if found.phase is not Phase.CANCELLED:
        return False
    end = found.finished_at or _LONG_AGO
    for other in claimed:
        if other.id == found.id or age_rank(other)[0] > end or (other.finished_at or end) < age_rank(found)[0]:
            continue
        if other.phase is not Phase.CANCELLED or age_rank(other) < age_rank(found):
            return True
    return False


def target_of(
    ref: Ref, referrer: Resource, matches: Mapping[Key, Match], live: LiveState, owners: frozenset[str]
) -> Object | None:
    """Return the object that a reference stands for now: the target's current one, or the pinned version."""
    if not ref.pinned:
        match = matches.get((ref.target, referrer.account))
        return match.current if match else None
    pinned = [
        o
        for o in live.objects
        if o.kind == ref.target.kind
        and o.account == referrer.account
        and o.phase.alive
        and o.marker is not None
        and o.marker.owner in owners
        and o.marker.digest == ref.digest
    ]
    return min(pinned, key=_keep_rank, default=None)

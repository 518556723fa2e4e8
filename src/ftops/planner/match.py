"""Which live objects are which resource: the current one, its attempts, twins, contradictions and predecessor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Shape
from ftops.model import Address, Change, Desired, LiveState, Object, Phase, Policy, Ref, Resource
from ftops.planner.diff import NOTHING_COMPARED, Differences, changes

Key: TypeAlias = tuple[Address, str]

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Match:
    """One resource with what the account holds of it.

    `current` is the object that is, or becomes, the resource. `twins` are further ones of the same digest. `attempts`
    are those that failed, were cancelled, or carry no marker, from oldest to newest. `contradicting` are alive but do
    not agree with what they claim to be. `previous` is the newest object of the same name that is no document's any
    more (one that came to something before one that did not), `earlier_running` one that is at it now. `foreign` holds
    a binding's name without being ours. `changes` are the fields in which the current object (a binding's) or the
    previous one (an artifact's) differs.
    """

    resource: Resource
    current: Object | None = None
    twins: tuple[Object, ...] = ()
    attempts: tuple[Object, ...] = ()
    contradicting: tuple[tuple[Object, tuple[Change, ...]], ...] = ()
    previous: Object | None = None
    earlier_running: Object | None = None
    foreign: Object | None = None
    changes: tuple[Change, ...] = ()

    @property
    def output_ready(self) -> bool:
        """Tell whether references to the resource can be resolved."""
        return self.current is not None and self.current.phase is Phase.READY


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that the decision about one resource may look at, beside what was decided about others."""

    desired: Desired
    live: LiveState
    policy: Policy
    index: Index
    matches: Mapping[Key, Match]

    def ours(self, found: Object) -> bool:
        """Tell whether an object carries the project's owner mark, or that of a former name."""
        return found.marker is not None and found.marker.owner in self.desired.owners

    def target(self, ref: Ref, referrer: Resource) -> Object | None:
        """Return the object that a reference stands for now: the target's current one, or the pinned version."""
        if not ref.pinned:
            match = self.matches.get((ref.target, referrer.account))
            return match.current if match else None
        versions = self.index.by_digest.get((ref.target.kind, referrer.account, ref.digest), ())
        owners = self.desired.owners
        ours = [o for o in versions if o.phase.alive and o.marker is not None and o.marker.owner in owners]
        return min(ours, key=_keep_rank, default=None)


def age_rank(found: Object) -> tuple[datetime, str]:
    """Return the sort key from oldest to newest; every run computes the same one."""
    return found.created_at or _LONG_AGO, found.id


def _keep_rank(found: Object) -> tuple[bool, datetime, str]:
    """Return the sort key that puts the object to keep among twins first: a ready one, else the oldest."""
    return found.phase is not Phase.READY, *age_rank(found)


@dataclass(frozen=True, slots=True)
class Index:
    """The live objects by what they are looked for by, so that no resource looks at all of them.

    Marked artifacts are found by digest and by name, unmarked ones by place, bindings by their folded name.
    """

    by_digest: Mapping[tuple[str, str, str], tuple[Object, ...]]
    by_name: Mapping[tuple[str, str, str], tuple[Object, ...]]
    unmarked: Mapping[tuple[str, str], tuple[Object, ...]]
    by_id: Mapping[tuple[str, str, str], Object]

    @classmethod
    def of(cls, objects: Iterable[Object]) -> Index:
        """Return the index of some objects, whatever order they come in."""
        by_digest: dict[tuple[str, str, str], list[Object]] = {}
        by_name: dict[tuple[str, str, str], list[Object]] = {}
        unmarked: dict[tuple[str, str], list[Object]] = {}
        by_id: dict[tuple[str, str, str], Object] = {}
        for found in sorted(objects, key=age_rank):
            place = (found.kind, found.account)
            by_id[*place, found.id.casefold()] = found
            if found.marker is None:
                unmarked.setdefault(place, []).append(found)
            else:
                by_digest.setdefault((*place, found.marker.digest), []).append(found)
                by_name.setdefault((*place, found.marker.name), []).append(found)
        return cls(_frozen(by_digest), _frozen(by_name), _frozen(unmarked), by_id)


K = TypeVar("K")


def _frozen(lists: Mapping[K, list[Object]]) -> dict[K, tuple[Object, ...]]:
    return {key: tuple(values) for key, values in lists.items()}


def match_all(desired: Desired, index: Index, differences: Differences = NOTHING_COMPARED) -> dict[Key, Match]:
    """Return every resource's match, in the resources' order; changes tell of the differences that are known."""
    parents = {resource.address: resource.names for resource in desired.resources}
    claims = {resource.key: _claimed(resource, index, desired.owners) for resource in desired.resources}
    taken = {place(found) for claimed in claims.values() for found in claimed}
    matches = {}
    for resource in desired.resources:
        claimed = claims[resource.key]
        if KINDS_BY_WORD[resource.address.kind].traits.shape is Shape.BINDING:
            matches[resource.key] = _binding(resource, claimed, index, parents)
        else:
            family = [o for o in _family(resource, index, desired.owners) if place(o) not in taken]
            matches[resource.key] = _artifact(resource, claimed, family, parents, differences)
    return matches


def place(found: Object) -> tuple[str, str, str]:
    """Return what tells an object from all others."""
    return found.kind, found.account, found.id


def _claimed(resource: Resource, index: Index, owners: frozenset[str]) -> tuple[Object, ...]:
    """Return the objects that are, or were meant to be, a resource, from oldest to newest."""
    kind, where = KINDS_BY_WORD[resource.address.kind], (resource.address.kind, resource.account)
    if kind.traits.shape is Shape.BINDING:
        named = index.by_id.get((*where, resource.address.name.casefold()))
        candidates: tuple[Object, ...] = (named,) if named else ()
    else:
        candidates = (*index.by_digest.get((*where, resource.marker.digest), ()), *index.unmarked.get(where, ()))
    return tuple(found for found in candidates if kind.claims(resource, found, owners))


def _family(resource: Resource, index: Index, owners: frozenset[str]) -> Iterator[Object]:
    """Yield the objects of ours that were made under one of the resource's names."""
    for name in sorted(resource.names):
        for found in index.by_name.get((resource.address.kind, resource.account, name), ()):
            marker = found.marker
            if marker is not None and marker.owner in owners and marker.digest != resource.marker.digest:
                yield found


def _binding(
    resource: Resource, claimed: Sequence[Object], index: Index, parents: Mapping[Address, frozenset[str]]
) -> Match:
    if claimed:
        rules = KINDS_BY_WORD[resource.address.kind].rules
        return Match(resource, current=claimed[0], changes=changes(resource, claimed[0], rules, parents))
    named = index.by_id.get((resource.address.kind, resource.account, resource.address.name.casefold()))
    return Match(resource, foreign=named)


def _artifact(
    resource: Resource,
    claimed: Sequence[Object],
    family: Iterable[Object],
    parents: Mapping[Address, frozenset[str]],
    differences: Differences,
) -> Match:
    kind = KINDS_BY_WORD[resource.address.kind]
    wrong = {o.id: why for o in claimed if o.phase.alive and (why := kind.contradictions(resource, o, None))}
    # Without a marker an object is known by what was sent with it: enough not to try again, not enough to build on.
    right = sorted((o for o in claimed if o.phase.alive and o.id not in wrong and o.marker), key=_keep_rank)
    ended = [o for o in claimed if not o.phase.alive or (o.marker is None and o.id not in wrong)]
    versions = sorted(family, key=lambda o: (o.phase.alive, *age_rank(o)))
    previous = versions[-1] if versions else None
    return Match(
        resource,
        current=right[0] if right else None,
        twins=tuple(right[1:]),
        attempts=tuple(sorted((o for o in ended if not _was_twin(o, claimed)), key=age_rank)),
        contradicting=tuple((o, wrong[o.id]) for o in claimed if o.id in wrong),
        previous=previous,
        earlier_running=next((o for o in versions if o.phase in {Phase.QUEUED, Phase.RUNNING}), None),
        changes=changes(resource, previous, kind.rules, parents, differences) if previous and previous.fields else (),
    )


def _was_twin(found: Object, claimed: Iterable[Object]) -> bool:
    """Tell whether a cancelled object lived beside another of its digest that ranks before it or went on.

    Cancelling a twin is our own tidying, not an attempt of the training that failed.
    """
    if found.phase is not Phase.CANCELLED:
        return False
    return any(
        _overlap(found, other) and (other.phase is not Phase.CANCELLED or age_rank(other) < age_rank(found))
        for other in claimed
        if other.id != found.id
    )


def _overlap(found: Object, other: Object) -> bool:
    """Tell whether two objects existed at one time; what was made in the second of the other's end came after it."""
    first, second = sorted((found, other), key=age_rank)
    return first.finished_at is None or second.created_at is None or second.created_at < first.finished_at

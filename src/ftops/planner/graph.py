"""What is wanted, and what waits for what: the two questions that the references decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Shape
from ftops.model import Address, Desired, Object, Phase, Ref, Resource
from ftops.planner.guards import Hold
from ftops.planner.match import Key, Match, Scene
from ftops.reasons import Why


@dataclass(frozen=True, slots=True)
class Need:
    """Whether a resource is wanted, and if not, what keeps the referrer that asks for it (None: none asks)."""

    wanted: bool
    kept: str = ""
    referrers: int = 0


def needs(desired: Desired, matches: Mapping[Key, Match], holds: Mapping[Key, Hold]) -> dict[Key, Need]:
    """Return for every resource whether anything allowed needs it.

    A resource is wanted when nothing refers to it (unless its kind is made on demand only), or when a referrer must
    still be made or moved. A referrer that is held makes nothing wanted, but a binding that only cannot be seen does:
    a job does not depend on it, and while it serves a model, that model exists and is found. One that waits for what
    has no room makes nothing else wanted, which would only fill the room. A pinned reference is to another version.
    """
    roomless = _roomless(desired, matches, holds)
    referrers: dict[Key, list[Resource]] = {}
    for resource in desired.resources:
        for ref in resource.refs:
            if not ref.pinned:
                referrers.setdefault((ref.target, resource.account), []).append(resource)
    result: dict[Key, Need] = {}
    for resource in reversed(desired.resources):
        its = referrers.get(resource.key, [])
        asking = [r for r in its if _asks(matches[r.key], resource.address)]
        barred = {r.key for r in asking if roomless.intersection(sources(r) - {resource.key})} if roomless else set()
        free = [r for r in asking if not _holds_back(r, holds) and r.key not in barred and result[r.key].wanted]
        on_demand = KINDS_BY_WORD[resource.address.kind].traits.on_demand
        kept = _first_hold(asking, holds, barred, result)
        result[resource.key] = Need(bool(free) or not (its or on_demand), kept, len(its))
    return result


def sources(resource: Resource) -> set[Key]:
    """Return what a resource is made from, but for pinned versions, which are made by no document."""
    return {(ref.target, resource.account) for ref in resource.refs if not ref.pinned}


def _roomless(desired: Desired, matches: Mapping[Key, Match], holds: Mapping[Key, Hold]) -> set[Key]:
    """Return what cannot be made because an account has no room for it, or for something it is made from."""
    found = {key for key, hold in holds.items() if hold.why is Why.NO_ROOM}
    for resource in desired.resources if found else ():
        if matches[resource.key].current is None and not found.isdisjoint(sources(resource)):
            found.add(resource.key)
    return found


def _holds_back(referrer: Resource, holds: Mapping[Key, Hold]) -> bool:
    hold = holds.get(referrer.key)
    unseen = hold is not None and hold.why is Why.UNREADABLE and _is_binding(referrer)
    return hold is not None and not unseen


def _is_binding(resource: Resource) -> bool:
    return KINDS_BY_WORD[resource.address.kind].traits.shape is Shape.BINDING


def _asks(referrer: Match, target: Address) -> bool:
    """Tell whether a referrer must still be made, or, a binding, be moved to another version of the target."""
    if not _is_binding(referrer.resource):
        return referrer.current is None
    moved = {c.new.target for c in referrer.changes if isinstance(c.new, Ref)}
    return referrer.current is None or target in moved


def _first_hold(asking: list[Resource], holds: Mapping[Key, Hold], barred: set[Key], result: Mapping[Key, Need]) -> str:
    for referrer in asking:
        if _holds_back(referrer, holds):
            return f"{referrer.address} is {'retired' if holds[referrer.key].wished else 'held'}"
        if referrer.key in barred:
            return f"{referrer.address} is held"
        if result[referrer.key].kept:
            return result[referrer.key].kept
    return ""


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a resource's references come to: their values, and the targets that have none yet."""

    resolved: Mapping[str, str] = field(default_factory=dict)
    waiting: tuple[Address, ...] = ()
    lost_pins: tuple[Ref, ...] = ()


def upstream(resource: Resource, scene: Scene) -> Upstream:
    """Return the values that a resource's references resolve to now, and what they wait for."""
    resolved, waiting, lost = {}, [], []
    for name, value in resource.fields.items():
        if not isinstance(value, Ref):
            continue
        target = scene.target(value, resource)
        if (output := _output(target, value.selector)) is not None:
            resolved[name] = output
        elif value.pinned and target is None:
            lost.append(value)
        else:
            waiting.append(value.target)
    return Upstream(resolved, tuple(dict.fromkeys(waiting)), tuple(lost))


def _output(target: Object | None, selector: str) -> str | None:
    if target is None or target.phase is not Phase.READY:
        return None
    return target.outputs.get(selector)

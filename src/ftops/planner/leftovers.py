"""What is to be done about objects that are not the one a document means: twins, attempts, orphans, old versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ftops.kinds import KINDS_BY_WORD
from ftops.model import Action, Address, Gate, Object, Phase, Verb
from ftops.planner.match import Match, Scene, age_rank, place
from ftops.reasons import Why
from ftops.upkeep import last_use, to_the_minute


def side_actions(match: Match, scene: Scene) -> Iterator[Action]:
    """Yield what is to be done about further objects of the digest: wrong echoes, twins, worthless attempts."""
    traits = KINDS_BY_WORD[match.resource.address.kind].traits
    for found, _ in match.contradicting:
        if found.phase is Phase.QUEUED and traits.cancellable:
            action = _on_object(match, found, Verb.CANCEL, Why.WRONG_ECHO)
            yield replace(action, undo=True, summary=f"{found.id}: the service took it differently than it was sent")
    for twin in match.twins:
        if twin.phase is not Phase.READY and traits.cancellable:
            yield _twin(match, twin, scene)
    if traits.disposable and match.output_ready:
        for attempt in match.attempts:
            if attempt.phase is Phase.FAILED:
                action = _on_object(match, attempt, Verb.DELETE, Why.ATTEMPT_FAILED)
                yield replace(action, undo=True, summary=f"{attempt.id}: a failed attempt, replaced by a later one")


def _twin(match: Match, twin: Object, scene: Scene) -> Action:
    """Return the cancelling of a twin: free and without asking while it is queued, by permission once it trains."""
    action = _on_object(match, twin, Verb.CANCEL, Why.TWIN)
    kept = match.current.id if match.current else ""
    summary = f"{twin.id}: a twin of {kept}, which is kept"
    if twin.phase is Phase.QUEUED:
        return replace(action, summary=summary, undo=True)
    override = f"cancel:{match.resource.address}"
    gate = Gate.OPEN if override in scene.policy.allow else Gate.GUARD
    reason = f"{twin.id} trains already and is billed"
    return replace(action, summary=summary, gate=gate, override=override, reason=reason)


def unclaimed(scene: Scene) -> Iterator[Action]:
    """Yield our objects that no resource claims; they exist as such only when the whole project was read."""
    desired, policy = scene.desired, scene.policy
    if not desired.whole or policy.targets or policy.excludes:
        return
    claimed = {place(o) for match in scene.matches.values() for o in _objects_of(match)}
    for found in sorted(scene.live.objects, key=lambda o: (o.account, o.kind, *age_rank(o))):
        ours = found.marker is not None and found.marker.owner in desired.owners
        if ours and place(found) not in claimed and found.account in desired.accounts:
            yield _leftover(found, scene)


def _objects_of(match: Match) -> Iterable[Object]:
    current = () if match.current is None else (match.current,)
    return (*current, *match.twins, *match.attempts, *(found for found, _ in match.contradicting))


def _leftover(found: Object, scene: Scene) -> Action:
    family = [
        m
        for m in scene.matches.values()
        if m.resource.account == found.account
        and m.resource.address.kind == found.kind
        and found.marker is not None
        and found.marker.name in m.resource.names
    ]
    kept = Action(found.address, found.account, Verb.KEEP, Gate.OPEN, Why.ORPHAN, object=found)
    if not family:
        return _orphan(kept, found, scene)
    newer = family[0].resource.address
    if any(m.output_ready for m in family):
        return replace(kept, why=Why.SUPERSEDED, reason=f"superseded by {newer}; kept, since nothing is pruned")
    return replace(kept, why=Why.PREVIOUS, reason=f"the earlier version of {newer}")


def _orphan(kept: Action, found: Object, scene: Scene) -> Action:
    """Return what becomes of an object that no document declares: it goes only by policy, and never under traffic."""
    policy = scene.policy
    if found.phase is Phase.ENDING:
        return replace(kept, verb=Verb.WAIT, summary="being deleted", settles=True)
    if found.kind not in policy.prune:
        return replace(kept, reason="in no document; kept, since nothing is pruned")
    if _spelt(found.address, found.kind) in {_spelt(address, found.kind) for address in policy.keep}:
        return replace(kept, reason="in no document; kept (policy.prune.keep)")
    delete = replace(kept, verb=Verb.DELETE, summary="delete: in no document", digest=_digest(found))
    if problem := scene.live.refused.get((found.address, found.account)):
        return replace(delete, gate=Gate.FAILED, why=Why.REFUSED, reason=problem)
    if found.phase is Phase.RUNNING:
        return replace(delete, gate=Gate.UPSTREAM, settles=True, reason=f"it is {found.state}")
    return _unless_called(delete, found, scene)


def _spelt(address: Address | str, kind: str) -> str:
    """Return an address as it compares: without case where the service compares names so."""
    return str(address).casefold() if KINDS_BY_WORD[kind].traits.caseless_names else str(address)


def _digest(found: Object) -> str:
    return found.marker.digest if found.marker else ""


def _unless_called(delete: Action, found: Object, scene: Scene) -> Action:
    """Return a deletion, held while others call what it deletes, or while nobody can tell whether they do."""
    override = f"traffic:{found.address}"
    if not KINDS_BY_WORD[found.kind].traits.called or override in scene.policy.allow:
        return delete
    held = replace(delete, gate=Gate.GUARD, why=Why.TRAFFIC, override=override)
    if found.use is None or found.use.unknown:
        why = last_use(found.use) if found.use else "its calls were not read"
        return replace(held, reason=f"whether it is called cannot be seen ({why})")
    called_at = found.use.called_at
    if called_at is not None and scene.live.now_in(found.account) - called_at < scene.policy.quiet:
        return replace(held, reason=f"it is in use: last called before {to_the_minute(called_at)}")
    return delete


def _on_object(match: Match, found: Object, verb: Verb, why: Why) -> Action:
    resource = match.resource
    return Action(resource.address, resource.account, verb, Gate.OPEN, why, digest=resource.digest, object=found)

"""What is to be done about objects that are not the one a document means: twins, attempts, orphans, old versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ftops.kinds import KINDS_BY_WORD
from ftops.model import Action, Address, Gate, Object, Phase, Pointer, Verb
from ftops.planner.graph import Need
from ftops.planner.match import Key, Match, Scene, age_rank, place
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
    if not _orphans_known(scene):
        return
    claimed = {place(o) for match in scene.matches.values() for o in _objects_of(match)}
    for found in sorted(scene.live.objects, key=lambda o: (o.account, o.kind, *age_rank(o))):
        if scene.ours(found) and place(found) not in claimed and found.account in scene.desired.accounts:
            yield _leftover(found, scene)


def _orphans_known(scene: Scene) -> bool:
    return scene.desired.whole and not (scene.policy.targets or scene.policy.excludes)


def dispensable(kind: str, account: str, scene: Scene, needs: Mapping[Key, Need]) -> list[Object]:
    """Return our artifacts of a kind in an account that nothing needs any more, from oldest to newest.

    What something queued or running was made from is needed, whosever that is. An earlier version is not once the newer
    one is ready. What no document declares, or declares and nothing asks for, is known only of a whole project.
    """
    there = sorted((o for o in scene.live.objects if o.account == account), key=age_rank)
    at_it = [o for o in there if o.phase in {Phase.QUEUED, Phase.RUNNING}]
    used = {(value.kind, value.id) for o in at_it for value in o.fields.values() if isinstance(value, Pointer)}
    claims = {place(o): match for match in scene.matches.values() for o in _objects_of(match)}
    kept = {_spelt(address, kind) for address in scene.policy.keep}

    def free(found: Object) -> bool:
        match = claims.get(place(found))
        if match is None:
            why, _ = _standing(found, scene)
            return why is Why.SUPERSEDED or (why is Why.ORPHAN and _orphans_known(scene))
        need = needs[match.resource.key]
        made = found is match.current or found in match.twins
        return scene.desired.whole and made and not need.wanted and not need.kept

    ours = (o for o in there if o.kind == kind and scene.ours(o) and o.phase is not Phase.ENDING)
    loose = (o for o in ours if (kind, o.id) not in used and _spelt(o.address, kind) not in kept)
    return [found for found in loose if free(found)]


def _objects_of(match: Match) -> Iterable[Object]:
    current = () if match.current is None else (match.current,)
    return (*current, *match.twins, *match.attempts, *(found for found, _ in match.contradicting))


def _standing(found: Object, scene: Scene) -> tuple[Why, Address | None]:
    """Return what an object is that no resource claims, with the address of which it is an earlier version."""
    family = [
        m
        for m in scene.matches.values()
        if m.resource.account == found.account
        and m.resource.address.kind == found.kind
        and found.marker is not None
        and found.marker.name in m.resource.names
    ]
    if not family:
        return Why.ORPHAN, None
    newer = family[0].resource.address
    return (Why.SUPERSEDED if any(m.output_ready for m in family) else Why.PREVIOUS), newer


def _leftover(found: Object, scene: Scene) -> Action:
    why, newer = _standing(found, scene)
    kept = Action(found.address, found.account, Verb.KEEP, Gate.OPEN, why, object=found)
    if newer is None:
        return _orphan(kept, found, scene)
    if why is Why.SUPERSEDED:
        return replace(kept, reason=f"superseded by {newer}; kept, since nothing is pruned")
    return replace(kept, reason=f"the earlier version of {newer}")


def _orphan(kept: Action, found: Object, scene: Scene) -> Action:
    """Return what becomes of an object that no document declares: it goes only by policy, and never under traffic."""
    if found.phase is Phase.ENDING:
        return replace(kept, verb=Verb.WAIT, summary="being deleted", settles=True)
    if because := _kept_because(found, scene):
        return replace(kept, reason=f"in no document; kept{because}")
    delete = replace(kept, verb=Verb.DELETE, summary="delete: in no document", digest=_digest(found))
    if problem := scene.live.refused.get((found.address, found.account)):
        trouble = scene.live.troubles.get((found.address, found.account))
        return replace(delete, gate=Gate.FAILED, why=Why.REFUSED, reason=problem, trouble=trouble)
    if found.phase is Phase.RUNNING:
        return replace(delete, gate=Gate.UPSTREAM, settles=True, reason=f"it is {found.state}")
    return _unless_called(delete, found, scene)


def _kept_because(found: Object, scene: Scene) -> str:
    """Return why an orphan is not to be deleted, or nothing.

    Without tags, a model of ours makes a deployment ours under a name of the spec (decision 0004), and under no other:
    whoever deployed it may be somebody else.
    """
    if found.kind not in scene.policy.prune:
        return ", since nothing is pruned"
    if _spelt(found.address, found.kind) in {_spelt(address, found.kind) for address in scene.policy.keep}:
        return " (policy.prune.keep)"
    return "" if _digest(found) else ", since its tags do not show that ftops made it"


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

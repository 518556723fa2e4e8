"""The planner: one pure function from what is desired and what is live to the actions between the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Effect, Shape, rule_for
from ftops.model import (
    Action,
    Desired,
    Gate,
    LiveState,
    Object,
    Phase,
    Plan,
    Policy,
    Resource,
    Verb,
    Why,
    write_key,
)
from ftops.planner.graph import Need, Upstream, needs, upstream
from ftops.planner.guards import Hold, holds
from ftops.planner.match import Index, Key, Match, age_rank, match_all, place


@dataclass(frozen=True, slots=True)
class _State:
    """Everything the decision about one resource may look at."""

    desired: Desired
    live: LiveState
    policy: Policy
    index: Index
    matches: Mapping[Key, Match]
    holds: Mapping[Key, Hold]
    needs: Mapping[Key, Need]


def plan(desired: Desired, live: LiveState, policy: Policy) -> Plan:
    """Return the plan: an action for every resource and every object of ours, in the order in which they can run.

    Pure: equal values give equal plans. Time is `live.now`, the flags are in `policy`, the journal's doubts in `live`.
    """
    index = Index.of(live.objects)
    matches = match_all(desired, index)
    held = holds(matches, live, policy)
    state = _State(desired, live, policy, index, matches, held, needs(desired, matches, held))
    actions: list[Action] = []
    for match in matches.values():
        actions.extend(_side_actions(match, state))
        actions.append(_main_action(match, state))
    actions.extend(_unclaimed(state))
    closed = tuple(_one_write_at_a_time(_closed(actions, state), live))
    return Plan(desired.project, desired.accounts, closed, live.calls)


def _main_action(match: Match, state: _State) -> Action:
    """Return what is to be done for the resource itself."""
    hold, need, current = state.holds.get(match.resource.key), state.needs[match.resource.key], match.current
    if hold is not None and (need.wanted or need.held_by or hold.why in {Why.UNREADABLE, Why.REFUSED}):
        return _held(match, hold)
    if current is None:
        return _create(match, state) if need.wanted else _not_wanted(match, need)
    if match.changes and _shape(match.resource) is Shape.BINDING:
        return _update(match, state)  # While its last write is in flight too, so that one approval covers both.
    if current.phase in {Phase.QUEUED, Phase.RUNNING}:
        return _waiting(match, state)
    return replace(_action(match, Verb.KEEP, Gate.OPEN, Why.SETTLED), reason=_fixed_edits(match.resource, current))


def _fixed_edits(resource: Resource, current: Object) -> str:
    """Return what became of edits of fields that are fixed at creation, or nothing."""
    rules = KINDS_BY_WORD[resource.address.kind].rules
    notes = []
    for name, wanted in resource.fields.items():
        rule, told = rule_for(rules, name), current.fields.get(name)
        if rule.effect is Effect.FIXED and told is not None and told != wanted:
            notes.append(f"{name} stays {told}: {rule.why}")
    return "; ".join(notes)


def _held(match: Match, hold: Hold) -> Action:
    there = Verb.UPDATE if _shape(match.resource) is Shape.BINDING else Verb.KEEP
    action = _action(match, Verb.CREATE if match.current is None else there, hold.gate, hold.why)
    summary = KINDS_BY_WORD[match.resource.address.kind].describe(match.resource)
    return replace(action, summary=summary, reason=hold.reason, override=hold.override)


def _not_wanted(match: Match, need: Need) -> Action:
    action = _action(match, Verb.KEEP, Gate.OPEN, Why.CONSUMED)
    if need.held_by is not None:
        return replace(action, why=Why.NOT_NEEDED_YET, reason=f"nothing allowed needs it yet: {need.held_by} is held")
    if not need.referrers:
        return replace(action, why=Why.UNUSED, reason="checked; no document refers to it")
    return replace(action, reason="not in the account any more; what was made from it is")


def _waiting(match: Match, state: _State) -> Action:
    kind = KINDS_BY_WORD[match.resource.address.kind]
    action = _action(match, Verb.WAIT, Gate.OPEN, Why.IN_PROGRESS)
    progress = kind.progress(match.current, state.live.now) if match.current else ""
    return replace(action, summary=progress, settles=kind.traits.short_wait)


def _create(match: Match, state: _State) -> Action:
    action = _action(match, Verb.CREATE, Gate.OPEN, _why_create(match))
    reason = ""
    if action.why is Why.RETRIED:
        reason = f"attempt {action.attempt}; the last one: {match.attempts[-1].problem or match.attempts[-1].state}"
    elif match.previous is not None and not match.changes:
        reason = "an input changed that the earlier version does not show"
    summary = KINDS_BY_WORD[match.resource.address.kind].describe(match.resource)
    return _gated(replace(action, summary=summary, reason=reason), match, state)


def _why_create(match: Match) -> Why:
    if match.attempts:
        return Why.RETRIED
    if match.previous is None:
        return Why.NEW
    inherited = [change for change in match.changes if change.inherited]
    return Why.INHERITED if inherited and len(inherited) == len(match.changes) else Why.CHANGED


def _update(match: Match, state: _State) -> Action:
    marker = match.current.marker if match.current else None
    drifted = marker is not None and marker.digest == match.resource.digest
    return _gated(_action(match, Verb.UPDATE, Gate.OPEN, Why.DRIFTED if drifted else Why.CHANGED), match, state)


def _gated(action: Action, match: Match, state: _State) -> Action:
    """Return a write with its references resolved and its gate closed by what it waits for."""
    key = write_key(action, state.desired.accounts[action.account].id)
    intent_at = state.live.doubts.get(key)
    now = state.live.now_of.get(action.account, state.live.now)
    if intent_at is not None and abs(now - intent_at) < timedelta(seconds=state.policy.grace_s):
        reason = "it was sent moments ago and may be there already; the next listings decide"
        return replace(action, gate=Gate.UPSTREAM, why=Why.IN_DOUBT, reason=reason, settles=True)
    return _after(action, upstream(match.resource, state.desired.owners, state.index, state.matches))


def _after(action: Action, up: Upstream) -> Action:
    action = replace(action, resolved=up.resolved, after=up.waiting)
    if up.lost_pins:
        lost = ", ".join(str(ref) for ref in up.lost_pins)
        return replace(action, gate=Gate.GUARD, why=Why.PIN_MISSING, reason=f"{lost} is not in the account")
    if not up.waiting:
        return action
    return replace(action, gate=Gate.UPSTREAM)


def _side_actions(match: Match, state: _State) -> Iterator[Action]:
    """Yield what is to be done about further objects of the digest: wrong echoes, twins, worthless attempts."""
    traits = KINDS_BY_WORD[match.resource.address.kind].traits
    for found, _ in match.contradicting:
        if found.phase is Phase.QUEUED and traits.cancellable:
            action = _on_object(match, found, Verb.CANCEL, Why.WRONG_ECHO)
            yield replace(action, undo=True, summary=f"{found.id}: the service took it differently than it was sent")
    for twin in match.twins:
        if twin.phase is not Phase.READY and traits.cancellable:
            yield _twin(match, twin, state)
    if traits.disposable and match.output_ready:
        for attempt in match.attempts:
            if attempt.phase is Phase.FAILED:
                action = _on_object(match, attempt, Verb.DELETE, Why.ATTEMPT_FAILED)
                yield replace(action, undo=True, summary=f"{attempt.id}: a failed attempt, replaced by a later one")


def _twin(match: Match, twin: Object, state: _State) -> Action:
    """Return the cancelling of a twin: free and without asking while it is queued, by permission once it trains."""
    action = _on_object(match, twin, Verb.CANCEL, Why.TWIN)
    kept = match.current.id if match.current else ""
    summary = f"{twin.id}: a twin of {kept}, which is kept"
    if twin.phase is Phase.QUEUED:
        return replace(action, summary=summary, undo=True)
    override = f"cancel:{match.resource.address}"
    gate = Gate.OPEN if override in state.policy.allow else Gate.GUARD
    return replace(
        action, summary=summary, gate=gate, override=override, reason=f"{twin.id} trains already and is billed"
    )


def _unclaimed(state: _State) -> Iterator[Action]:
    """Yield our objects that no resource claims; they exist as such only when the whole project was read."""
    if not state.desired.whole:
        return
    claimed = {place(o) for match in state.matches.values() for o in _objects_of(match)}
    for found in sorted(state.live.objects, key=lambda o: (o.account, o.kind, *age_rank(o))):
        ours = found.marker is not None and found.marker.owner in state.desired.owners
        if ours and place(found) not in claimed and found.account in state.desired.accounts:
            yield _leftover(found, state)


def _objects_of(match: Match) -> Iterable[Object]:
    current = () if match.current is None else (match.current,)
    return (*current, *match.twins, *match.attempts, *(found for found, _ in match.contradicting))


def _leftover(found: Object, state: _State) -> Action:
    family = [
        m
        for m in state.matches.values()
        if m.resource.account == found.account
        and m.resource.address.kind == found.kind
        and found.marker is not None
        and found.marker.name in m.resource.names
    ]
    if not family:
        why, reason = Why.ORPHAN, "in no document; kept, since nothing is pruned"
    elif any(m.output_ready for m in family):
        why, reason = Why.SUPERSEDED, f"superseded by {family[0].resource.address}; kept, since nothing is pruned"
    else:
        why, reason = Why.PREVIOUS, f"the earlier version of {family[0].resource.address}"
    return Action(found.address, found.account, Verb.KEEP, Gate.OPEN, why, reason=reason, object=found)


def _one_write_at_a_time(actions: Iterable[Action], live: LiveState) -> Iterator[Action]:
    """Yield the actions with all but one open write closed where an account takes one write at a time."""
    busy = {o.account for o in live.objects if _serial(o.kind) and o.phase is Phase.RUNNING}
    for action in actions:
        if not (_serial(action.address.kind) and action.writes and action.gate is Gate.OPEN):
            yield action
        elif action.account in busy:
            reason = "another write is in flight in the account, which takes one at a time"
            yield replace(action, gate=Gate.UPSTREAM, settles=True, reason=reason)
        else:
            busy.add(action.account)
            yield action


def _closed(actions: Iterable[Action], state: _State) -> Iterator[Action]:
    """Yield the actions with those held that wait for something held, or that were not approved.

    Time alone will not bring what waits for something held, so it is no part of what a person approves.
    """
    held: set[Key] = set()
    for action in actions:
        waits_for = [address for address in action.after if (address, action.account) in held]
        if waits_for and action.gate is Gate.UPSTREAM:
            reason = f"{', '.join(map(str, waits_for))} is held"
            closed = replace(action, stuck=True, reason=reason)
        else:
            closed = _approval(action, state)
        if closed.held and closed.writes and closed.resource is not None:
            held.add((closed.address, closed.account))
        yield closed


def _approval(action: Action, state: _State) -> Action:
    """Return the action, held if it would write something that was not approved."""
    approved = state.policy.approved
    if approved is None or not action.writes or action.held or action.undo:
        return action
    if write_key(action, state.desired.accounts[action.account].id) in approved:
        return action
    return replace(action, gate=Gate.GUARD, why=Why.NOT_APPROVED, reason="not part of the plan that was approved")


def _action(match: Match, verb: Verb, gate: Gate, why: Why) -> Action:
    resource = match.resource
    return Action(
        address=resource.address,
        account=resource.account,
        verb=verb,
        gate=gate,
        why=why,
        changes=match.changes if verb.writes or match.current is None else (),
        digest=resource.digest,
        attempt=len(match.attempts) + 1,
        resource=resource,
        object=match.current,
    )


def _on_object(match: Match, found: Object, verb: Verb, why: Why) -> Action:
    resource = match.resource
    return Action(resource.address, resource.account, verb, Gate.OPEN, why, digest=resource.digest, object=found)


def _shape(resource: Resource) -> Shape:
    return KINDS_BY_WORD[resource.address.kind].traits.shape


def _serial(kind: str) -> bool:
    return KINDS_BY_WORD[kind].traits.serial_writes

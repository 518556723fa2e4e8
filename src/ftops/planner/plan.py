"""The planner: one pure function from what is desired and what is live to the actions between the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Effect, Shape, rule_for
from ftops.model import Action, Desired, Gate, LiveState, Object, Phase, Plan, Policy, Resource, Verb, write_key
from ftops.planner.clock import idleness
from ftops.planner.graph import Need, Upstream, needs, upstream
from ftops.planner.guards import Hold, holds
from ftops.planner.leftovers import side_actions, unclaimed
from ftops.planner.match import Index, Key, Match, Scene, match_all
from ftops.planner.room import crowded, within_room
from ftops.planner.rows import hides_a_change
from ftops.planner.select import selected
from ftops.planner.totals import few_deletes, priced, within_budget
from ftops.reasons import Why
from ftops.upkeep import OnIdle, spent_so_far, to_the_minute


@dataclass(frozen=True, slots=True)
class _State:
    """A scene with what was decided of all resources: which are held, and which are wanted."""

    scene: Scene
    holds: Mapping[Key, Hold]
    needs: Mapping[Key, Need]

    @property
    def desired(self) -> Desired:
        """Return the desired side."""
        return self.scene.desired


def plan(desired: Desired, live: LiveState, policy: Policy) -> Plan:
    """Return the plan: an action for every resource and every object of ours, in the order in which they can run.

    Pure: equal values give equal plans. Time is `live.now`, the flags are in `policy`, the journal's doubts in `live`.
    """
    index = Index.of(live.objects)
    scene = Scene(desired, live, policy, index, match_all(desired, index, live.differences))
    chosen = selected(desired, policy)
    held = dict(holds(scene))
    while True:
        state = _State(scene, held, needs(desired, scene.matches, held))
        actions = [a for a in _decided(state) if chosen is None or a.address in chosen]
        actions = within_room(list(priced(actions)), scene, state.needs)
        actions = few_deletes(actions, policy.deletes_max)
        actions = within_budget(actions, scene)
        fresh = _held_by_totals(actions, held)
        if not fresh:
            break
        held |= fresh  # What is held makes nothing wanted, so what it alone needs is not paid for either.
    closed = tuple(_one_write_at_a_time(_closed(actions, scene), live))
    notes = crowded(closed, scene)
    unseen = {name: (*live.unseen.get(name, ()), *notes.get(name, ())) for name in [*live.unseen, *notes]}
    return Plan(desired.project, desired.accounts, closed, live.calls, unseen)


def _decided(state: _State) -> list[Action]:
    """Return every action as it is decided resource by resource."""
    actions: list[Action] = []
    for match in state.scene.matches.values():
        actions.extend(side_actions(match, state.scene))
        actions.append(_main_action(match, state))
    return [*actions, *unclaimed(state.scene)]


def _held_by_totals(actions: Iterable[Action], held: Mapping[Key, Hold]) -> dict[Key, Hold]:
    """Return what a budget or a limit holds besides: what refers first, since what is made for it may then not be."""
    by_totals = {Why.BUDGET, Why.UNKNOWN_COST, Why.NO_ROOM}
    fresh = {
        action.resource.key: Hold(action.why, action.reason, action.override)
        for action in actions
        if action.why in by_totals and action.resource is not None and action.resource.key not in held
    }
    bindings = {key: hold for key, hold in fresh.items() if _shape(key[0].kind) is Shape.BINDING}
    costly = {key: hold for key, hold in fresh.items() if KINDS_BY_WORD[key[0].kind].traits.costly}
    return bindings or costly or fresh


def _main_action(match: Match, state: _State) -> Action:
    """Return what is to be done for the resource itself."""
    hold, need, current = state.holds.get(match.resource.key), state.needs[match.resource.key], match.current
    if hold is not None and (need.wanted or need.kept or hold.why in {Why.UNREADABLE, Why.REFUSED}):
        return _held(match, hold)
    if current is None:
        return _create(match, state) if need.wanted else _not_wanted(match, need)
    if current.phase is Phase.ENDING:
        return replace(_waiting(match, state), summary="being deleted")
    if (match.changes or current.phase is Phase.FAILED) and _shape(match.resource.address.kind) is Shape.BINDING:
        return _update(match, state)  # While its last write is in flight too, so that one approval covers both.
    if current.phase in {Phase.QUEUED, Phase.RUNNING}:
        return _stalled(_waiting(match, state), current)
    kept = _action(match, Verb.KEEP, Gate.OPEN, Why.SETTLED, _fixed_edits(match.resource, current))
    return _idle(kept, match, current, state.scene.live.now_in(match.resource.account))


def _idle(kept: Action, match: Match, current: Object, now: datetime) -> Action:
    """Return what is to be done about something that nobody calls: a word, or its deletion where that is asked for."""
    life = match.resource.lifecycle
    idle = idleness(current, life.idle, now) if life.idle is not None else None
    if idle is None or life.idle is None:
        return kept
    quiet = f"idle {idle.quiet.days} days"
    if life.idle.on_idle is OnIdle.RETIRE and idle.retire and not life.protected:
        summary = f"retire: {quiet} (onIdle: retire); its model stays and can be deployed again"
        return replace(kept, verb=Verb.DELETE, why=Why.IDLE, summary=summary)
    until = current.use.deleted_after if current.use else None
    told = [quiet]
    if until is not None and now > until:
        told += [f"the service may delete it at any moment, since {to_the_minute(until)}"]
    elif until is not None:
        told += [f"the service deletes it after {to_the_minute(until)} unless it is called"]
    told += ["not retired, because it is protected (preventDestroy)" if life.protected and idle.retire else ""]
    told += [spent_so_far(current.cost, current.created_at, now)]
    return replace(kept, why=Why.IDLE, reason="; ".join(part for part in told if part))


def _fixed_edits(resource: Resource, current: Object) -> str:
    """Return what became of edits of fields that are fixed at creation, or nothing."""
    rules = KINDS_BY_WORD[resource.address.kind].rules
    notes = []
    for name, wanted in resource.fields.items():
        told = current.fields.get(name)
        if told is not None and told != wanted and (rule := rule_for(rules, name)).effect is Effect.FIXED:
            notes.append(f"{name} stays {told}: {rule.why}")
    return "; ".join(notes)


def _held(match: Match, hold: Hold) -> Action:
    if hold.wished:
        return replace(_action(match, Verb.KEEP, Gate.OPEN, hold.why), changes=(), reason=hold.reason)
    there = Verb.UPDATE if _shape(match.resource.address.kind) is Shape.BINDING else Verb.KEEP
    action = _action(match, Verb.CREATE if match.current is None else there, hold.gate, hold.why)
    summary = KINDS_BY_WORD[match.resource.address.kind].describe(match.resource)
    return replace(action, summary=summary, reason=hold.reason, override=hold.override, trouble=hold.trouble)


def _not_wanted(match: Match, need: Need) -> Action:
    action = _action(match, Verb.KEEP, Gate.OPEN, Why.CONSUMED)
    if need.kept:
        return replace(action, why=Why.NOT_NEEDED_YET, reason=f"nothing allowed needs it yet: {need.kept}")
    if not need.referrers:
        return replace(action, why=Why.UNUSED, reason="checked; no document refers to it")
    return replace(action, reason="not in the account any more; what was made from it is")


def _waiting(match: Match, state: _State) -> Action:
    kind = KINDS_BY_WORD[match.resource.address.kind]
    action = _action(match, Verb.WAIT, Gate.OPEN, Why.IN_PROGRESS)
    current, now = match.current, state.scene.live.now
    if current is None:
        return action
    progress = kind.progress(current, now)
    queue = _queue(current, state.scene.live) if kind.traits.costly else ""
    lasting = current.trouble is not None and current.trouble.worth_telling(current.created_at, now)
    trouble = current.trouble if lasting else None
    return replace(action, summary=progress + queue, settles=kind.traits.short_wait, trouble=trouble)


def _queue(current: Object, live: LiveState) -> str:
    """Return how many of its kind the account is at, whosever they are, while something waits for its turn."""
    if current.phase is not Phase.QUEUED:
        return ""
    ahead = [o for o in live.objects if (o.kind, o.account) == (current.kind, current.account)]
    running = sum(o.phase is Phase.RUNNING and not o.stalled for o in ahead)
    return f"; {running} run in the account" if running else ""


def _stalled(waiting: Action, current: Object) -> Action:
    """Return a wait, held if nothing but a person ends it."""
    if not current.stalled:
        return waiting
    return replace(waiting, gate=Gate.GUARD, why=Why.PAUSED, reason=current.stalled)


def _create(match: Match, state: _State) -> Action:
    action = _action(match, Verb.CREATE, Gate.OPEN, _why_create(match))
    reason = ""
    if action.why is Why.RETRIED:
        action = replace(action, trouble=match.attempts[-1].trouble)
        reason = f"attempt {action.attempt}; the last one: {match.attempts[-1].problem or match.attempts[-1].state}"
    elif hides_a_change(match, state.scene):
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
    if match.current is not None and not match.changes:
        reason = f"its last write ended {match.current.state}"
        return _gated(_action(match, Verb.UPDATE, Gate.OPEN, Why.RETRIED, reason), match, state)
    drifted = marker is not None and marker.digest == match.resource.digest
    return _gated(_action(match, Verb.UPDATE, Gate.OPEN, Why.DRIFTED if drifted else Why.CHANGED), match, state)


def _gated(action: Action, match: Match, state: _State) -> Action:
    """Return a write with its references resolved and its gate closed by what it waits for."""
    key = write_key(action, state.desired.accounts[action.account].id)
    intent_at = state.scene.live.doubts.get(key)
    now = state.scene.live.now_in(action.account)
    if intent_at is not None and abs(now - intent_at) < timedelta(seconds=state.scene.policy.grace_s):
        reason = "it was sent moments ago and may be there already; the next listings decide"
        return replace(action, gate=Gate.UPSTREAM, why=Why.IN_DOUBT, reason=reason, settles=True)
    return _after(action, upstream(match.resource, state.scene))


def _after(action: Action, up: Upstream) -> Action:
    action = replace(action, resolved=up.resolved, after=up.waiting)
    if up.lost_pins:
        lost = ", ".join(str(ref) for ref in up.lost_pins)
        return replace(action, gate=Gate.GUARD, why=Why.PIN_MISSING, reason=f"{lost} is not in the account")
    if not up.waiting:
        return action
    return replace(action, gate=Gate.UPSTREAM)


def _one_write_at_a_time(actions: Iterable[Action], live: LiveState) -> Iterator[Action]:
    """Yield the actions with all but one open write closed where an account takes one write at a time."""
    busy = {o.account for o in live.objects if _serial(o.kind) and o.phase in {Phase.RUNNING, Phase.ENDING}}
    for action in actions:
        if not (_serial(action.address.kind) and action.writes and action.gate is Gate.OPEN):
            yield action
        elif action.account in busy:
            reason = "another write is in flight in the account, which takes one at a time"
            yield replace(action, gate=Gate.UPSTREAM, settles=True, reason=reason)
        else:
            busy.add(action.account)
            yield action


def _closed(actions: Iterable[Action], scene: Scene) -> Iterator[Action]:
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
            closed = _approval(action, scene)
        if closed.held and (closed.writes or closed.verb is Verb.WAIT) and closed.resource is not None:
            held.add((closed.address, closed.account))
        yield closed


def _approval(action: Action, scene: Scene) -> Action:
    """Return the action, held if it would write something that was not approved."""
    approved = scene.policy.approved
    if approved is None or not action.writes or action.held or action.undo:
        return action
    if write_key(action, scene.desired.accounts[action.account].id) in approved:
        return action
    reason = "; ".join(part for part in ("not part of the plan that was approved", action.reason) if part)
    return replace(action, gate=Gate.GUARD, why=Why.NOT_APPROVED, reason=reason)


def _action(match: Match, verb: Verb, gate: Gate, why: Why, reason: str = "") -> Action:
    resource = match.resource
    return Action(
        address=resource.address,
        account=resource.account,
        verb=verb,
        gate=gate,
        why=why,
        reason=reason,
        changes=match.changes if verb.writes or match.current is None else (),
        digest=resource.digest,
        attempt=len(match.attempts) + 1,
        resource=resource,
        object=match.current,
    )


def _shape(kind: str) -> Shape:
    return KINDS_BY_WORD[kind].traits.shape


def _serial(kind: str) -> bool:
    return KINDS_BY_WORD[kind].traits.serial_writes

"""One pass: observe, plan, write the frontier, lay the answers over, plan again, until nothing can be written.

What happens if the process dies on any line: before the intent is on disk, nothing was sent. Between intent and
answer, the next pass finds the object by its marker, or keeps the key's gate closed for the grace period. After the
answer, the object carries everything there is to know. So nothing here needs to be undone by a later pass, but a
queued job whose echo was wrong, and that the planner sees by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Protocol

from ftops.apply.failures import (
    ENDED,
    is_busy,
    may_have_been_done,
    passes,
    problem_text,
    refusal_of,
    told_of,
    with_what_next,
)
from ftops.apply.journal import Journal, UploadMemory
from ftops.apply.operations import Operations, left_of
from ftops.clock import Clock
from ftops.errors import Interrupted, ServiceProblem, WireError
from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Shape
from ftops.live import observe, overlay, resolve_pointers, without
from ftops.model import Action, Address, Desired, LiveState, Object, Phase, Plan, Policy, Verb
from ftops.planner import plan as make_plan
from ftops.rules import load_rules
from ftops.trouble import Trouble
from ftops.versions import Compare, uncompared
from ftops.wire.client import Client
from ftops.wire.flows import Answer
from ftops.wire.problems import trouble_in, words_in

POLL_GROWTH = 1.5
"""Looks at a short wait begin at the pace of a file's scan and slow down to that of a write of ARM."""
WAIT_POLL_S = 60.0
"""Seconds between passes under --wait."""
SAME_REFUSALS_MAX = 5
"""How often the same may be refused in the same words, though it may pass by itself, until a person has to look."""
ROUNDS_MAX = 10_000
"""Plans made in one pass; more mean that writing changes nothing, which is a bug to be told."""


class Listener(Protocol):
    """Hears what a pass does, for people; nothing depends on it."""

    def acting(self, action: Action) -> None:
        """Hear that an action is about to be sent."""
        ...

    def acted(self, action: Action, result: str) -> None:
        """Hear what became of it."""
        ...

    def waiting(self, actions: tuple[Action, ...], seconds: float) -> None:
        """Hear that the pass waits for something short."""
        ...


@dataclass(slots=True)
class Run:
    """What passes of one command share.

    `pause` lets the service's time pass; `stopped` tells of an interrupt. `refused` says what is written no more and
    why, `troubles` what is known of it; of these, `passing` are tried again by the next pass. `lost` are the causes of
    lost answers by key. `written` are the keys of this pass: one that comes back after it was done did not take effect,
    and is told instead of sent for ever. `done` are the writes of bindings that passes did; once listings show them,
    that is all that was approved of them. `unconfirmed` says that something was made or deleted since the accounts were
    last listed. `compare` adds what differs between contents of datasets, as it did for the plan that was approved.
    `heard` counts refusals by thing and words.
    """

    desired: Desired
    clients: Mapping[str, Client]
    clock: Clock
    journal: Journal
    policy: Policy
    listener: Listener
    pause: Callable[[float], None]
    stopped: Callable[[], bool]
    refused: dict[tuple[Address, str], str] = field(default_factory=dict)
    troubles: dict[tuple[Address | str, str], Trouble] = field(default_factory=dict)
    passing: set[tuple[Address, str]] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    unconfirmed: bool = False
    compare: Compare = uncompared
    heard: Counter[tuple[tuple[Address, str], tuple[int, str, str]]] = field(default_factory=Counter)
    operations: Operations = field(default_factory=Operations)

    def observe(self) -> LiveState:
        """Return what the accounts hold now, with the journal's doubts at that moment."""
        self.unconfirmed = False
        live = self.compare(self.desired, observe(self.clients, self.desired, self.clock, {}, dict(self.refused)))
        live = replace(live, troubles={**live.troubles, **self.troubles})
        return self.operations.explained(self.journal.remembered(live, self.policy.grace_s), self.clients)

    def plan(self, live: LiveState) -> Plan:
        """Return the plan for a live state under this run's policy."""
        return make_plan(self.desired, live, self.policy)

    def moment(self) -> datetime:
        """Return the newest moment that any service told."""
        return max((c.now for c in self.clients.values() if c.now is not None), default=self.clock.now())

    def service_now(self, account: str, live: LiveState) -> datetime:
        """Return the newest moment the account's service told; intents are dated by it."""
        return self.clients[account].now or live.now


class _Busy(Exception):
    """The account is writing something else; the write was refused before it did anything."""


def run_pass(run: Run, live: LiveState, settle_s: float) -> Plan:
    """Return the plan that is left when nothing can be written any more.

    What was made is confirmed by listing it once more: so a twin that another run made meanwhile is seen, and healed,
    in this same pass. Waits that are short by the service's rules are polled for up to `settle_s` seconds of its time;
    training is not waited for. Raises Interrupted between two calls when a stop was asked for.
    """
    run.written.clear()
    paces = load_rules().limits.waits
    poll_s = float(paces.file_scan_poll_s)
    for _ in range(ROUNDS_MAX):
        plan = run.plan(live)
        _heed_stop(run)
        try:
            for action in plan.frontier:
                live = _write(run, plan, action, live)
                _heed_stop(run)
            busy = False
        except _Busy:
            busy = True
        if plan.frontier and not busy:
            poll_s = float(paces.file_scan_poll_s)
            continue
        if run.unconfirmed:
            live = run.observe()
            continue
        waits = tuple(action for action in plan.actions if action.settles)
        if settle_s <= 0 or not (waits or busy):
            return run.plan(live) if busy else plan
        run.listener.waiting(waits, poll_s)
        run.pause(poll_s)
        settle_s, poll_s = settle_s - poll_s, min(poll_s * POLL_GROWTH, paces.arm_poll_s)
        live = run.observe() if busy else _look_again(run, waits, live)
    raise WireError(f"nothing settled in {ROUNDS_MAX} rounds; please report this")


def run_until(run: Run, live: LiveState, settle_s: float, wait_s: float) -> Plan:
    """Return the plan that is left after passes repeated for up to `wait_s` seconds while time moves anything.

    The seconds are the service's, and short waits count. What is held does not end the waiting for what is independent
    of it; what only failed to get through is tried again.
    """
    until = run.moment() + timedelta(seconds=wait_s)
    plan = run_pass(run, live, min(settle_s, wait_s) if wait_s > 0 else settle_s)
    while (left_s := (until - run.moment()).total_seconds()) > 0:
        if not run.passing and not any(action.moves for action in plan.actions):
            break
        pause_s = min(WAIT_POLL_S, left_s)
        run.listener.waiting(tuple(a for a in plan.actions if a.verb is Verb.WAIT), pause_s)
        run.pause(pause_s)
        _heed_stop(run)
        for passed in run.passing:
            run.refused.pop(passed, None)
        run.passing.clear()
        live = run.observe()
        if run.policy.approved is not None:
            # What somebody changed back, made anew or deleted is for a person to judge.
            run.policy = replace(run.policy, approved=run.policy.approved - (run.done - live.doubts.keys()))
        plan = run_pass(run, live, min(settle_s, left_s))
    return plan


def _look_again(run: Run, waits: tuple[Action, ...], live: LiveState) -> LiveState:
    """Return the live state after a short wait: only what is waited for is read, if that is all there is to know."""
    found = [action.object for action in waits if action.verb is Verb.WAIT and action.object is not None]
    if len(found) < len(waits):
        return run.observe()
    try:
        for each in found:
            kind = KINDS_BY_WORD[each.kind]
            item = run.clients[each.account].call(kind.read(each)).item
            live = overlay(live, kind.observe_one(item, each.account))
    except (WireError, ValueError):
        return run.observe()
    return run.operations.explained(live, run.clients)


def _heed_stop(run: Run) -> None:
    if run.stopped():
        raise Interrupted("stopped after the call in flight; run the same command again to go on")


def _write(run: Run, plan: Plan, action: Action, live: LiveState) -> LiveState:
    """Return the live state after one action; a refusal is kept in `run.refused` and closes the action's gate."""
    run.listener.acting(action)
    binding = KINDS_BY_WORD[action.address.kind].traits.shape is Shape.BINDING
    if action.verb is Verb.CANCEL or (action.verb is Verb.DELETE and not binding):
        return _end(run, plan, action, live)
    if binding:
        try:
            fresh = _changed_since(run, action, live)
        except (WireError, ValueError) as error:
            problem = f"it could not be read again before it was written: {words_in(error)}"
            return _refused(run, action, live, problem, error)
        if fresh is not None:
            run.listener.acted(action, "it changed since the plan; planning again")
            return fresh
    return _end(run, plan, action, live) if action.verb is Verb.DELETE else _make(run, plan, action, live)


def _make(run: Run, plan: Plan, action: Action, live: LiveState) -> LiveState:
    """Send one create or update between its two journal lines."""
    kind, key = KINDS_BY_WORD[action.address.kind], plan.key(action)
    if action.resource is None:
        raise ValueError(f"{key} has no resource")
    if key in run.written:
        return _refused(run, action, live, f"it was written and the service did not take it over: {left_of(action)}")
    run.written.add(key)
    call = (
        kind.update(action.resource, action.object, action.resolved)
        if action.verb is Verb.UPDATE and action.object is not None
        else kind.create(action.resource, action.resolved)
    )
    moment = partial(run.service_now, action.account, live)
    run.journal.intend(key, moment(), plan.id)
    try:
        memory = UploadMemory(run.journal, key, plan.id, moment, partial(_heed_stop, run))
        answer = run.clients[action.account].call(call, memory)
    except WireError as error:
        if may_have_been_done(error, KINDS_BY_WORD[action.address.kind]) and run.journal.may_have_made(key):
            return _in_doubt(run, action, key, live, error)
        run.journal.refuse(key, moment(), problem_text(error))
        if is_busy(error):
            run.written.discard(key)
            run.listener.acted(action, told_of(error))
            raise _Busy from error
        return _refused(run, action, live, problem_text(error), error)
    return _confirm(run, action, key, live, answer)


def _confirm(run: Run, action: Action, key: str, live: LiveState, answer: Answer) -> LiveState:
    """Check the echo of what was made, take it back if it is not what was sent, and lay it over the live state."""
    kind, resource = KINDS_BY_WORD[action.address.kind], action.resource
    try:
        made = kind.observe_one(answer.item, action.account)
    except (WireError, ValueError):
        return _in_doubt(run, action, key, live, WireError(f"a success, {answer.status}, without what was made"))
    run.journal.done(key, run.service_now(action.account, live), made.id)
    live = overlay(live, made)
    if kind.traits.shape is Shape.BINDING:
        run.done.add(key)
        run.operations.began(made, answer)
    if resource is None or action.verb is Verb.UPDATE:
        run.listener.acted(action, "done")
        return live
    made = next(o for o in live.objects if (o.account, o.kind, o.id) == (made.account, made.kind, made.id))
    wrong = kind.contradictions(resource, made, action.resolved)
    if not wrong:
        run.unconfirmed = True
        run.listener.acted(action, made.id)
        return live
    told = "; ".join(f"{c.field} came back as {c.old}, not {c.new}" for c in wrong)
    try:
        live = _ended(run, made, Verb.CANCEL if kind.traits.cancellable else Verb.DELETE, live)
        became = "it was taken back at once"
    except (WireError, ValueError) as error:
        became = f"it could not be taken back yet ({words_in(error)}), which the next pass tries again"
    return _refused(run, action, live, f"the service took it differently: {told}; {became}")


def _end(run: Run, plan: Plan, action: Action, live: LiveState) -> LiveState:
    """Send one cancel or delete between its two journal lines; what is already gone or ended is as good."""
    found, key = action.object, f"{plan.key(action)} {action.object.id if action.object else ''}"
    if found is None:
        raise ValueError(f"{action.address} has nothing to {action.verb}")
    if key in run.written:
        return without(live, found)  # A listing that lags still shows it.
    run.journal.intend(key, run.service_now(action.account, live), plan.id)
    try:
        live = _ended(run, found, action.verb, live)
    except (WireError, ValueError) as error:
        run.journal.refuse(key, run.service_now(action.account, live), str(error))
        if is_busy(error):
            run.listener.acted(action, told_of(error))
            raise _Busy from error
        binding = KINDS_BY_WORD[found.kind].traits.shape is Shape.BINDING
        left = live if binding else without(live, found)  # A deployment that stays is billed, and is told so.
        return _refused(run, action, left, f"{found.id}: {words_in(error)}", error)
    run.journal.done(key, run.service_now(action.account, live), found.id)
    run.written.add(key)
    if KINDS_BY_WORD[found.kind].traits.shape is Shape.BINDING:
        run.done.add(plan.key(action))
    run.unconfirmed = run.unconfirmed or action.verb is Verb.DELETE
    run.listener.acted(action, "done")
    return live


def _ended(run: Run, found: Object, verb: Verb, live: LiveState) -> LiveState:
    """Return the live state after a cancel or delete; an object that has ended or is gone by itself is as good."""
    kind, client = KINDS_BY_WORD[found.kind], run.clients[found.account]
    deletes = verb is Verb.DELETE
    try:
        answer = client.call(kind.delete(found) if deletes else kind.cancel(found))
        return without(live, found) if deletes else overlay(live, kind.observe_one(answer.item, found.account))
    except ServiceProblem as problem:
        if problem.status not in ENDED:
            raise
        try:
            fresh = kind.observe_one(client.call(kind.read(found)).item, found.account)
        except ServiceProblem as gone:
            if gone.status != HTTPStatus.NOT_FOUND:
                raise
            return without(live, found)
        if deletes or fresh.phase.alive:
            raise
    return overlay(live, fresh)


def _changed_since(run: Run, action: Action, live: LiveState) -> LiveState | None:
    """Return the live state with a binding as it is now if it is not as planning saw it, else None.

    A PUT replaces whatever has the name: a deployment that somebody made since the plan must not be written over.
    """
    kind = KINDS_BY_WORD[action.address.kind]
    absent = Object(action.address.kind, action.account, action.address.name, Phase.CANCELLED, "absent")
    found = action.object or absent
    try:
        item = run.clients[found.account].call(kind.read(found)).item
    except ServiceProblem as problem:
        if problem.status != HTTPStatus.NOT_FOUND:
            raise
        return None if found is absent else without(live, found)
    (fresh,) = resolve_pointers([kind.observe_one(item, found.account)])
    return None if _same(fresh, found) else overlay(live, fresh)


def _same(fresh: Object, found: Object) -> bool:
    """Tell whether a binding is as it was, and not another that was made under its name meanwhile."""
    looks = [(o.fields, o.updatable, o.phase, o.created_at) for o in (fresh, found)]
    return looks[0] == looks[1]


def _in_doubt(run: Run, action: Action, key: str, live: LiveState, cause: WireError) -> LiveState:
    """Return the live state with a write in doubt: it may or may not have been done, and listings decide.

    When listings decided that it was not done and sending it again ends the same way, that is an error to be told.
    """
    if key in run.lost:
        return _refused(
            run, action, live, f"{problem_text(cause).removesuffix('.')}, as before: {run.lost[key]}", cause
        )
    run.lost[key] = problem_text(cause)
    run.written.discard(key)
    run.listener.acted(action, f"the answer was lost ({cause}); the next listings decide")
    return replace(live, doubts={**live.doubts, key: run.service_now(action.account, live)})


def _refused(run: Run, action: Action, live: LiveState, problem: str, error: Exception | None = None) -> LiveState:
    """Return the live state with a resource that this pass writes no more; everything independent goes on."""
    place = (action.address, action.account)
    trouble = trouble_in(error) if error is not None or action.object is None else action.object.trouble
    run.troubles.pop(place, None)
    if trouble is not None:
        run.troubles[place] = trouble
    again, said = passes(error), refusal_of(error)
    if said is not None:
        run.heard[place, said] += 1
        again = again and run.heard[place, said] < SAME_REFUSALS_MAX
    if again:
        run.passing.add(place)
    problem = with_what_next(problem, error, again=again)
    run.refused[place] = problem
    run.listener.acted(action, f"refused: {problem}")
    return replace(live, refused=dict(run.refused), troubles={**live.troubles, **run.troubles})

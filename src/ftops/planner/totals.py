"""The guards that judge the whole plan and not one resource: how much is deleted, and how much money is spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from ftops.kinds import KINDS_BY_WORD
from ftops.model import Action, Gate, Object, Phase, Resource, Verb
from ftops.planner.match import Scene, place
from ftops.reasons import Why
from ftops.upkeep import HOURS_A_MONTH, Cost, usd

SPEND_DAYS = 30
"""Training budgets count what was begun within so many days."""
NOT_ENOUGH = 0.005
"""Half a cent: less is rounding."""


def priced(actions: Iterable[Action]) -> Iterator[Action]:
    """Yield the actions with what they cost: a create's price, what an update adds, and what a deletion saves."""
    for action in actions:
        if action.verb is Verb.CREATE and action.resource is not None:
            yield replace(action, cost=KINDS_BY_WORD[action.address.kind].cost(action.resource))
        elif action.verb is Verb.UPDATE and action.resource is not None and action.object is not None:
            yield replace(
                action, cost=_added(KINDS_BY_WORD[action.address.kind].cost(action.resource), action.object.cost)
            )
        elif action.verb is Verb.DELETE and action.object is not None and action.object.cost.hourly:
            yield replace(action, cost=Cost(hourly=-action.object.cost.hourly))
        else:
            yield action


def _added(wanted: Cost, there: Cost) -> Cost:
    """Return what an update adds to the hosting: a base model, or a tier without a price, may become one with it."""
    if wanted.hourly is None:
        return Cost(hourly=0.0 if there.hourly is None else None)
    return Cost(hourly=wanted.hourly - (there.hourly or 0.0))


def few_deletes(actions: Sequence[Action], deletes_max: int) -> list[Action]:
    """Return the actions, every delete held if there are more than may be; undoing our own creates does not count."""
    deletes = [a for a in actions if _deletes(a)]
    if len(deletes) <= deletes_max:
        return list(actions)
    most = f"no more than {deletes_max} may go at once (policy.maxDeletes or --max-deletes)"
    reason = f"the plan deletes {len(deletes)}, and {most}"
    override = f"--max-deletes {len(deletes)}"

    def held(action: Action) -> Action:
        return replace(action, gate=Gate.GUARD, why=Why.MAX_DELETES, reason=reason, override=override)

    return [held(a) if _deletes(a) else a for a in actions]


def _deletes(action: Action) -> bool:
    return action.verb is Verb.DELETE and not action.undo and not action.held


def within_budget(actions: Sequence[Action], scene: Scene) -> list[Action]:
    """Return the actions, those held that would spend more than may be, in the plan's order.

    A price that is not known closes the gate where there is a budget: unknown is not free.
    """
    purse = _Purse(scene)
    spends = {Verb.CREATE, Verb.UPDATE}
    return [purse.judged(action) if action.verb in spends and not action.held else action for action in actions]


class _Purse:
    """Counts what is spent, action by action."""

    def __init__(self, scene: Scene) -> None:
        self._policy = scene.policy
        # Adding up takes a look at every object, which nobody has to take who has no budget.
        self._trained = 0.0 if self._policy.training_usd_max is None else _trained_usd(scene)
        self._hosted = 0.0 if self._policy.hosting_usd_max is None else _hosted_usd(scene)
        self._new = 0.0

    def judged(self, action: Action) -> Action:
        """Return the action, held if its cost is unknown or too much; what is not held is counted."""
        once, hourly, policy = action.cost.once, action.cost.hourly, self._policy
        limited = [policy.training_usd_max, policy.apply_usd_max] if once != 0 else []
        limited += [policy.hosting_usd_max] if hourly != 0 else []
        override = f"unknown-cost:{action.address}"
        if not action.cost.known and any(limit is not None for limit in limited) and override not in policy.allow:
            reason = "its price is not known, and there is a budget; `lifecycle.expectedUsd` tells it for a training"
            return replace(action, gate=Gate.GUARD, why=Why.UNKNOWN_COST, reason=reason, override=override)
        monthly = (hourly or 0.0) * HOURS_A_MONTH
        training, room = once or 0.0, f"raise the budget, or wait until older trainings are {SPEND_DAYS} days old"
        for spent, more, limit, what, way_out in (
            (self._new, training, policy.apply_usd_max, "the trainings of this apply", "raise --max-cost"),
            (self._trained, training, policy.training_usd_max, f"the trainings of {SPEND_DAYS} days", room),
            (self._hosted, monthly, policy.hosting_usd_max, "hosting a month", "raise the budget, or host less"),
        ):
            if limit is not None and more > 0 and spent + more > limit + NOT_ENOUGH:
                reason = f"{what} would come to {usd(spent + more)} of {usd(limit)}; {way_out}"
                return replace(action, gate=Gate.GUARD, why=Why.BUDGET, reason=reason)
        self._new += once or 0.0
        self._trained += once or 0.0
        self._hosted += monthly
        return action


def _trained_usd(scene: Scene) -> float:
    """Return what our trainings begun within 30 days cost: as billed, else as their document estimates.

    What nobody can price counts as nothing here: it is spent already, and a guard could not undo it.
    """
    estimates = {place(m.current): _once(m.resource) for m in scene.matches.values() if m.current is not None}
    total = 0.0
    for found in _ours(scene):
        begun = found.created_at
        recent = begun is not None and scene.live.now_in(found.account) - begun < timedelta(days=SPEND_DAYS)
        if recent and found.phase is not Phase.CANCELLED:
            total += found.cost.once if found.cost.once is not None else estimates.get(place(found), 0.0)
    return total


def _once(resource: Resource) -> float:
    return KINDS_BY_WORD[resource.address.kind].cost(resource).once or 0.0


def _hosted_usd(scene: Scene) -> float:
    """Return what our live bindings cost in a month."""
    return sum((o.cost.hourly or 0.0) * HOURS_A_MONTH for o in _ours(scene) if o.phase.alive)


def _ours(scene: Scene) -> list[Object]:
    owners = scene.desired.owners
    return [o for o in scene.live.objects if o.marker is not None and o.marker.owner in owners]

"""A plan as JSON for other programs: every action with its key, in the plan's order; nothing in it is secret."""

from __future__ import annotations

import json

from ftops.model import Action, Observed, Outcome, Plan, Pointer, Ref, Value
from ftops.trouble import Trouble
from ftops.upkeep import Cost

FORMAT = 1
"""Raised when a member changes its meaning or goes; new members do not raise it."""


def plan_json(plan: Plan) -> str:
    """Return a plan as one JSON document, ending in a line break."""
    document = {
        "format": FORMAT,
        "project": plan.project,
        "accounts": [
            {"name": a.name, "id": a.id, "title": a.title, "region": a.region, "emulated": a.emulated}
            for a in plan.accounts.values()
        ],
        "calls": plan.calls,
        "outcome": outcome_of(plan).name.lower(),
        "id": plan.id if plan.keys else None,
        "cost": _cost(plan.cost),
        "unseen": {name: list(texts) for name, texts in plan.unseen.items() if texts},
        "actions": [_action(plan, action) for action in plan.actions],
    }
    return json.dumps(document, indent=2) + "\n"


def outcome_of(plan: Plan) -> Outcome:
    """Return how a plan stands before anything of it is done: an error, changes to make, held, waiting or converged."""
    return Outcome.CHANGES if plan.writes and plan.outcome is not Outcome.ERROR else plan.outcome


def _action(plan: Plan, action: Action) -> dict[str, object]:
    span = action.resource.span if action.resource else None
    return {
        "address": str(action.address),
        "account": action.account,
        "verb": action.verb,
        "gate": action.gate,
        "why": action.why,
        "summary": action.summary,
        "reason": action.reason,
        "trouble": meaning_of(action.trouble),
        "changes": [
            {
                "field": change.field,
                "old": _value(change.old),
                "new": _value(change.new),
                "inherited": str(change.inherited) if change.inherited else None,
                "uncompared": change.uncompared,
            }
            for change in action.changes
        ],
        "data": _data(action),
        "after": [str(address) for address in action.after],
        "override": action.override or None,
        "cost": _cost(action.cost) if action.writes else None,
        "digest": action.digest or None,
        "key": plan.key(action) if action.writes else None,
        "object": action.object.id if action.object else None,
        "source": {"file": span.file, "line": span.line, "column": span.column} if span else None,
    }


def meaning_of(trouble: Trouble | None) -> dict[str, object] | None:
    """Return what is known of the service's words; `word` is a stable name of it, null for a missing right."""
    if trouble is None:
        return None
    return {
        "word": trouble.word or None,
        "cause": trouble.cause or None,
        "sent": trouble.sent or None,
        "remedy": trouble.remedy,
        "passes": trouble.passes,
    }


def _data(action: Action) -> dict[str, object] | None:
    """Return what differs in what something is trained with, by the first field of which that is known.

    Tokens are estimates unless `exact`. `usd`, the change of the cost, is null where it is not known.
    """
    for change in action.changes:
        found = change.data
        if found is not None:
            return {
                "field": change.field,
                "added": found.added,
                "removed": found.removed,
                "changed": found.changed,
                "kept": found.kept,
                "tokens_before": found.tokens_before,
                "tokens_after": found.tokens_after,
                "exact": found.exact and found.alike,
                "usd": found.usd,
            }
    return None


def _cost(cost: Cost) -> dict[str, float | None]:
    """Return a cost in USD; null is unknown."""
    return {"once_usd": cost.once, "once_low_usd": cost.once_low, "hourly_usd": cost.hourly}


def _value(value: Observed | Value) -> object:
    return str(value) if isinstance(value, Ref | Pointer) else value

"""The service's clock: whether an absent binding is new or gone, and whether a live one is idle.

The service deletes what nobody calls, so an absence may be the user's wish, somebody's mistake, or time's doing. A
binding that is gone is never made again by itself unless the spec says so, since each idle life is billed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ftops.kinds import KINDS_BY_WORD
from ftops.model import Object, Resource
from ftops.planner.match import Match, Scene
from ftops.reasons import Why
from ftops.upkeep import IdlePolicy, OnGone, OnIdle, Past, to_the_minute, usd


@dataclass(frozen=True, slots=True)
class Absence:
    """What an absence means: `since` is the end of the last life as far as known, `cause` what ended it in words."""

    why: Why
    reason: str
    wished: bool = False


def absence(match: Match, scene: Scene) -> Absence | None:
    """Return why an absent binding is not made, or None when it is new and may be.

    It is gone if a log or a metric shows that it existed; new if both can be read and show nothing; and otherwise
    gone if its model is older than the patience that would have ended it (semantics §4).
    """
    resource, policy = match.resource, match.resource.lifecycle.idle
    past = scene.live.pasts.get(resource.key)
    if match.current is not None or policy is None or past is None:
        return None
    past, now = _since(past, policy.since), scene.live.now_in(resource.account)
    if past.made_at is None and past.called_at is None and past.removed_at is None:
        return _unseen(past, policy, resource, scene)
    told = _ending(past, policy, now, ours=_removed_by_us(resource, past, scene))
    if policy.on_idle is OnIdle.RETIRE:
        return Absence(Why.RETIRED, f"{told}; it stays away (onIdle: retire)", wished=True)
    if policy.on_gone is OnGone.HOLD or policy.fixed:
        again = "" if policy.fixed else "; with `onGone: recreate` it would be made again by itself"
        return Absence(Why.GONE, told + again)
    if past.called_at is not None and (past.made_at is None or past.called_at > past.made_at):
        return None
    return Absence(Why.GONE, f"{told}; nobody called it in its last life, and {_next_life(resource, policy)}")


def _unseen(past: Past, policy: IdlePolicy, resource: Resource, scene: Scene) -> Absence | None:
    """Return what an absence without evidence means: nothing, unless evidence could not be read and time passed."""
    if not past.unread or not _model_is_old(resource, policy, scene.live.now_in(resource.account), scene):
        return None
    told = f"it is absent, and whether it existed cannot be seen ({past.unread}); its model is, or may be, so old that"
    return Absence(Why.GONE, f"{told} it may have been deleted because nobody called it")


def _next_life(resource: Resource, policy: IdlePolicy) -> str:
    days = policy.limit / timedelta(days=1)
    hourly = KINDS_BY_WORD[resource.address.kind].cost(resource).hourly
    if hourly is None:
        return f"the price of {days:.0f} more idle days is unknown"
    return f"{days:.0f} more idle days would cost {usd(hourly * 24 * days)}"


def _since(past: Past, since: datetime | None) -> Past:
    """Return the evidence that is not older than a date."""
    if since is None:
        return past
    made_at, removed_at = (at if at is not None and at >= since else None for at in (past.made_at, past.removed_at))
    called_at = past.called_at if past.called_at is not None and past.called_at > since else None  # It ends a time.
    return Past(made_at, called_at, removed_at, past.removed_by, past.unread)


def _removed_by_us(resource: Resource, past: Past, scene: Scene) -> bool:
    place = f"delete {scene.desired.accounts[resource.account].id}/{resource.address}@"
    ours = [at for key, at in scene.live.removed.items() if key.startswith(place)]
    return any(past.made_at is None or at >= past.made_at for at in ours)


def _ending(past: Past, policy: IdlePolicy, now: datetime, *, ours: bool) -> str:
    """Return what ended the last life, in words: us, somebody, the idle rule, or the fixed life of its kind."""
    if past.removed_at is not None:
        by = "ftops" if ours else past.removed_by or "somebody"
        return f"deleted by {by} on {to_the_minute(past.removed_at)}"
    if ours:
        return "deleted by ftops"
    begin = max((at for at in (past.made_at, past.called_at) if at is not None), default=now)
    if policy.fixed and past.made_at is not None and now - past.made_at > policy.limit:
        hours = policy.limit / timedelta(hours=1)
        return f"deleted by the service {hours:.0f} hours after it was made on {to_the_minute(past.made_at)}"
    if now - begin > policy.limit and not policy.fixed:
        days = policy.limit / timedelta(days=1)
        if begin == past.called_at:
            told = f"after {days:.0f} days without a call (the last one before {to_the_minute(begin)})"
        else:
            told = f"{days:.0f} days after it was made on {to_the_minute(begin)}, without a call"
        return f"deleted by the service's idle rule {told}"
    return "gone, and neither the log nor the idle rule says why: somebody deleted it"


def _model_is_old(resource: Resource, policy: IdlePolicy, now: datetime, scene: Scene) -> bool:
    """Tell whether the model to deploy is older than what would have ended an idle life, or may be.

    One that is still to be trained is not; one whose record is gone, or that nothing here tells of, may be of any age.
    """
    if resource.refs:
        targets = [scene.target(value, resource) for value in resource.refs]
        born = [o.finished_at or o.created_at for o in targets if o is not None]
    else:
        born = [max((at for at in _made(resource, scene) if at is not None), default=None)]
    return any(at is None or now - at > min(policy.after, policy.limit) for at in born)


def _made(resource: Resource, scene: Scene) -> list[datetime | None]:
    """Return when what a document names literally was made, as far as the account shows it."""
    named = set(resource.fields.values())
    there = (o for o in scene.live.objects if o.account == resource.account and o.kind != resource.address.kind)
    return [o.finished_at or o.created_at for o in there if not named.isdisjoint(o.outputs.values())]


@dataclass(frozen=True, slots=True)
class Idleness:
    """How long nobody called a binding: `quiet` by any request, `retire` if our patience is over and may act on it."""

    quiet: timedelta
    retire: bool


def idleness(found: Object, policy: IdlePolicy, now: datetime) -> Idleness | None:
    """Return how idle a live binding is, or None while there is nothing to say of it.

    Calls that are not counted yet do not make it quiet, and what cannot be seen only leaves a fixed date.
    """
    use, begun = found.use, found.created_at
    if use is None or begun is None or use.unknown or policy.fixed:
        return None
    seen = min(use.known_until or now, now)
    quiet = seen - max(begun, use.called_at or begun)
    unserved = seen - max(begun, use.served_at or begun)
    if max(quiet, unserved) < policy.after:
        return None
    return Idleness(max(quiet, unserved), retire=quiet >= policy.after)

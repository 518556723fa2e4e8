"""What may not happen: each guard looks at one resource that would have to be written and says why it is held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ftops.difference import ONLY_WRITTEN_OTHERWISE
from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Effect, Shape, rule_for
from ftops.model import Gate, Object, Phase
from ftops.planner.clock import absence
from ftops.planner.match import Key, Match, Scene
from ftops.planner.rows import rewritten
from ftops.reasons import Why
from ftops.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a resource is held, and the `--allow` word that would let it go on; `wished` if that is what is asked for.

    `trouble` is what is known of the service's words in the reason.
    """

    why: Why
    reason: str
    override: str = ""
    gate: Gate = Gate.GUARD
    wished: bool = False
    trouble: Trouble | None = None


def holds(scene: Scene) -> dict[Key, Hold]:
    """Return the resources that are held, each with the first guard that says so."""
    found = {}
    for key, match in scene.matches.items():
        for guard in _GUARDS:
            hold = guard(match, scene)
            if hold is not None and not (hold.override and hold.override in scene.policy.allow):
                found[key] = hold
                break
    return found


def _unreadable(match: Match, scene: Scene) -> Hold | None:
    place = (match.resource.account, match.resource.address.kind)
    problem, trouble = scene.live.unreadable.get(place), scene.live.troubles.get(place)
    return Hold(Why.UNREADABLE, f"cannot be read: {problem}", trouble=trouble) if problem else None


def _refused(match: Match, scene: Scene) -> Hold | None:
    problem, trouble = scene.live.refused.get(match.resource.key), scene.live.troubles.get(match.resource.key)
    return Hold(Why.REFUSED, problem, gate=Gate.FAILED, trouble=trouble) if problem else None


def _wrong_echo(match: Match, _scene: Scene) -> Hold | None:
    """Hold while an object claims to be this one but contradicts it; a queued one is about to be cancelled."""
    for found, contradictions in match.contradicting:
        told = "; ".join(f"{c.field} is {c.old}, not {c.new}" for c in contradictions)
        return Hold(
            Why.WRONG_ECHO, f"{found.id} carries its digest, but {told}; look at it before anything is made again"
        )
    return None


def _foreign(match: Match, _scene: Scene) -> Hold | None:
    if match.foreign is None:
        return None
    address = match.resource.address
    reason = (
        f"{match.foreign.id} exists and is not this project's, so it is left alone; name yours otherwise, "
        f"or take it over (`ftops adopt {address} {match.foreign.id}`, once that is built)"
    )
    return Hold(Why.FOREIGN, reason)


def _gone(match: Match, scene: Scene) -> Hold | None:
    """Hold what existed and is gone, unless its document wants it made again."""
    gone = absence(match, scene)
    if gone is None:
        return None
    return Hold(gone.why, gone.reason, f"create:{match.resource.address}", wished=gone.wished)


def _replace(match: Match, _scene: Scene) -> Hold | None:
    """Hold a change that would mean to delete and create, which takes the name off the air."""
    kind = KINDS_BY_WORD[match.resource.address.kind]
    if kind.traits.shape is not Shape.BINDING:
        return None
    for change in match.changes:
        if rule_for(kind.rules, change.field).effect is Effect.REPLACE:
            reason = f"{change.field} {change.old} -> {change.new} needs a deletion first, which is not built yet"
            return Hold(Why.REPLACE, f"{reason}; delete it yourself, or declare it under another name")
    return None


def _attempts(match: Match, _scene: Scene) -> Hold | None:
    """Hold after attempts that came to nothing, unless the spec allows more and every cause so far was transient."""
    attempts, life = match.attempts, match.resource.lifecycle
    if match.current is not None or not attempts:
        return None
    newest = attempts[-1]
    ended = _ENDINGS.get(newest.phase, f"has its seed and data and is {newest.state}, but shows no suffix")
    cause = f": {newest.problem}" if newest.problem else _taken_differently(match, newest)
    passing = life.retry_any_cause or all(o.phase is Phase.FAILED and o.transient for o in attempts)
    if passing and len(attempts) <= life.retries:
        return None
    count = f" (attempt {len(attempts)})" if len(attempts) > 1 else ""
    reason = f"{newest.id} {ended}{count}{cause}"
    word = "retrain" if KINDS_BY_WORD[match.resource.address.kind].traits.costly else "create"
    return Hold(Why.ATTEMPT_FAILED, reason, f"{word}:{match.resource.address}", Gate.FAILED, trouble=newest.trouble)


def _taken_differently(match: Match, attempt: Object) -> str:
    """Return why an attempt was taken back: an earlier pass found that the service had made another thing of it."""
    wrong = KINDS_BY_WORD[match.resource.address.kind].contradictions(match.resource, attempt, None)
    told = ", ".join(f"{each.field} is {each.old}, not {each.new}" for each in wrong)
    return f": the service took it differently, and may do so again ({told})" if told else ""


_ENDINGS = {Phase.FAILED: "failed", Phase.CANCELLED: "was cancelled"}


def _failed_binding(match: Match, _scene: Scene) -> Hold | None:
    """Hold a binding whose last write failed, unless its spec was edited since: the same would fail for ever."""
    current, resource = match.current, match.resource
    if current is None or current.phase is not Phase.FAILED:
        return None
    if match.changes and (current.marker is None or current.marker.digest != resource.digest):
        return None
    cause = (
        f": {current.problem.removesuffix('.')}"
        if current.problem
        else " (why was told to the apply that wrote it; the portal may tell, too)"
    )
    reason = f"its last write ended {current.state}{cause}; change its spec, or let the same be written once more"
    return Hold(Why.ATTEMPT_FAILED, reason, f"create:{resource.address}", Gate.FAILED, trouble=current.trouble)


def _same_rows(match: Match, scene: Scene) -> Hold | None:
    """Hold a training with the very rows of the previous version, which came to something or still may.

    Who has made an attempt has decided that it is to be trained, and `onFailure` decides from there.
    """
    if not _costly_and_missing(match) or match.attempts:
        return None
    previous = rewritten(match, scene)
    if previous is None or not previous.phase.alive:
        return None
    data = ", ".join(dict.fromkeys(str(change.new) for change in match.changes))
    stands = "was trained" if previous.phase is Phase.READY else f"is {previous.state}"
    reason = f"{previous.id} {stands} with the same rows; {ONLY_WRITTEN_OTHERWISE} in {data}"
    return Hold(Why.SAME_ROWS, reason, f"retrain:{match.resource.address}")


def _earlier_trains(match: Match, _scene: Scene) -> Hold | None:
    """Hold a new version while an earlier one of the same name trains."""
    if not _costly_and_missing(match) or match.earlier_running is None:
        return None
    earlier = match.earlier_running
    reason = f"its earlier version {earlier.id} is {earlier.state}; it is made once that has ended, or beside it"
    return Hold(Why.EARLIER_TRAINS, reason, f"retrain:{match.resource.address}")


def _parent_changed(match: Match, _scene: Scene) -> Hold | None:
    """Hold a training that only its parent's change asks for, unless the spec says `onParentChange: retrain`."""
    resource, previous = match.resource, match.previous
    if not _costly_and_missing(match) or resource.lifecycle.retrain_on_parent_change:
        return None
    change = next((c for c in match.changes if c.inherited), None)
    if change is None or previous is None or not previous.phase.alive:
        return None
    was = getattr(getattr(change.old, "marker", None), "digest", "")
    reason = f"{change.inherited} changed; to keep this training, pin its parent with `at: {was}`"
    return Hold(Why.PARENT_CHANGED, reason, f"retrain:{resource.address}")


def _costly_and_missing(match: Match) -> bool:
    return KINDS_BY_WORD[match.resource.address.kind].traits.costly and match.current is None


_GUARDS: tuple[Callable[[Match, Scene], Hold | None], ...] = (
    _unreadable,
    _refused,
    _wrong_echo,
    _foreign,
    _gone,
    _replace,
    _failed_binding,
    _attempts,
    _same_rows,
    _earlier_trains,
    _parent_changed,
)

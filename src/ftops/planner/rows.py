"""Which contents of datasets matter to a plan, and whether anything but how their rows are written has changed.

The planner names the pairs; whoever has the contents compares them, and the live state carries the answers. A pair
without an answer holds nothing: whoever cannot compare plans as if there were nothing to compare.
"""

from __future__ import annotations

from dataclasses import replace

from ftops.kinds import KINDS_BY_WORD
from ftops.model import Desired, LiveState, Object, Ref, Resource
from ftops.planner.diff import Pair, contents
from ftops.planner.match import Index, Match, Scene, match_all


def pairs(desired: Desired, live: LiveState) -> frozenset[Pair]:
    """Return the contents that a plan would like compared: of what is to be trained, and of its previous version."""
    trained = tuple(r for r in desired.resources if KINDS_BY_WORD[r.address.kind].traits.costly)
    ours = [o for o in live.objects if o.marker is not None and o.marker.owner in desired.owners]
    there = {(o.kind, o.account, o.marker.digest) for o in ours if o.marker is not None and o.phase.alive}
    names = {(o.kind, o.account, o.marker.name) for o in ours if o.marker is not None}
    if not any(_is_missing(r, there) and any((*_place(r), name) in names for name in r.names) for r in trained):
        return frozenset()  # As mostly always, and found without matching anything.
    kinds = {resource.address.kind for resource in trained}
    index = Index.of(o for o in live.objects if o.kind in kinds)
    matches = match_all(replace(desired, resources=trained), index)
    changes = [change for match in matches.values() if match.current is None for change in match.changes]
    return frozenset(pair for change in changes if (pair := contents(change.new, change.old)) is not None)


def _place(resource: Resource) -> tuple[str, str]:
    return resource.address.kind, resource.account


def _is_missing(resource: Resource, there: set[tuple[str, str, str]]) -> bool:
    return (*_place(resource), resource.marker.digest) not in there


def rewritten(match: Match, scene: Scene) -> Object | None:
    """Return the previous version if all that differs from it is how the rows of its data are written.

    Not every input of a version can be seen in it (`rerun`, a grader, a setting that a spec left out), and all of them
    are in its digest: with the contents that it had, the resource must come to the digest that it has.
    """
    resource, previous = match.resource, match.previous
    if previous is None or previous.marker is None or not match.changes or not _same_rows(match):
        return None
    former = {change.field: change.data.before for change in match.changes if change.data is not None}
    had = {
        name: former.get(name) or _digest(value, resource, scene)
        for name, value in resource.fields.items()
        if isinstance(value, Ref) and not KINDS_BY_WORD[value.target.kind].traits.costly
    }
    mark = KINDS_BY_WORD[resource.address.kind].mark_with(resource, had)
    return previous if mark == previous.marker.digest else None


def _digest(ref: Ref, resource: Resource, scene: Scene) -> str:
    return scene.matches[ref.target, resource.account].resource.digest


def _same_rows(match: Match) -> bool:
    return all(change.data is not None and change.data.same for change in match.changes)


def hides_a_change(match: Match, scene: Scene) -> bool:
    """Tell whether the previous version differs in something that it does not show."""
    return match.previous is not None and _same_rows(match) and rewritten(match, scene) is None

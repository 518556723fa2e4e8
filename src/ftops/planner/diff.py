"""Field by field: what of a resource differs from an object, and how a difference came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeAlias

from ftops.difference import Difference
from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import FieldRule, Shape, rule_for
from ftops.model import Address, Change, Object, Observed, Pointer, Ref, Resource, Value

Pair: TypeAlias = tuple[str, str]
"""Two contents by the digests that markers carry: what was there, and what takes its place."""
Differences: TypeAlias = Mapping[Pair, Difference | None]
"""What is known of pairs; None where the new content is at hand and the former is not."""
NOTHING_COMPARED: Final[Differences] = MappingProxyType({})


def same(wanted: Value, told: Observed, *, caseless: bool = False) -> bool:
    """Tell whether a desired value is what an object shows; a reference is met by its target's digest."""
    if isinstance(wanted, Ref):
        return (
            isinstance(told, Pointer)
            and told.marker is not None
            and told.marker.digest == wanted.digest
            and told.selector == wanted.selector
        )
    if isinstance(told, Pointer):
        return wanted == told.id
    if caseless and isinstance(wanted, str) and isinstance(told, str):
        return wanted.casefold() == told.casefold()
    return wanted == told


def changes(
    resource: Resource,
    found: Object,
    rules: Mapping[str, FieldRule],
    parents: Mapping[Address, frozenset[str]],
    differences: Differences = NOTHING_COMPARED,
) -> tuple[Change, ...]:
    """Return the declared fields in which an object differs, in the resource's order.

    One-sided: what the spec leaves out is not compared, nor what this account does not show. `parents` maps the
    address of every resource to the name marks it has had; by them a reference is seen to be the same parent in
    another version, which makes the change inherited. Other content of a dataset is no such thing: it was edited.
    """
    found_changes = []
    for name, wanted in resource.fields.items():
        told = found.fields.get(name)
        if name in resource.derived or name.startswith(found.unread):
            continue
        if not same(wanted, told, caseless=rule_for(rules, name).caseless):
            pair = contents(wanted, told)
            data = _data(resource, name, pair, differences)
            lacking = pair is not None and pair in differences and data is None
            found_changes.append(Change(name, told, wanted, _inherited(wanted, told, parents), data, lacking))
    return tuple(found_changes)


def contents(wanted: Value, told: Observed) -> Pair | None:
    """Return the two contents of a reference to data that now refers to another content, or None for anything else."""
    if not isinstance(wanted, Ref) or not isinstance(told, Pointer) or told.marker is None:
        return None
    traits = KINDS_BY_WORD[wanted.target.kind].traits
    if told.kind != wanted.target.kind or traits.shape is not Shape.ARTIFACT or traits.costly:
        return None
    return told.marker.digest, wanted.digest


def _data(resource: Resource, name: str, pair: Pair | None, differences: Differences) -> Difference | None:
    """Return what differs between two contents, with what that changes of the cost."""
    found = differences.get(pair) if pair is not None else None
    if found is None or not found.alike:
        return found
    return replace(found, usd=KINDS_BY_WORD[resource.address.kind].usd_of_tokens(resource, name, found.tokens))


def _inherited(wanted: Value, told: Observed, parents: Mapping[Address, frozenset[str]]) -> Address | None:
    if not isinstance(wanted, Ref) or wanted.pinned or not isinstance(told, Pointer) or told.marker is None:
        return None
    if told.marker.digest == wanted.digest or not KINDS_BY_WORD[wanted.target.kind].traits.costly:
        return None
    return wanted.target if told.marker.name in parents.get(wanted.target, frozenset()) else None

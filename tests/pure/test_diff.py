"""Field by field: what counts as the same, and which differences are inherited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ftops.digest import Marker
from ftops.kinds.base import Effect, FieldRule, rule_for
from ftops.model import Address, Change, Object, Observed, Phase, Pointer, Ref, Value
from ftops.planner.diff import changes, same

from .builders import dataset

PARENT = Address("job", "a")
REF = Ref(PARENT, "dddddddd")
POINTER = Pointer("job", "m.ft-1", Marker("ownr", "nam", "dddddddd"))
RULES = {
    "plain": FieldRule(Effect.IN_PLACE, "x"),
    "loose": FieldRule(Effect.IN_PLACE, "x", caseless=True),
    "model": FieldRule(Effect.IN_PLACE, "x"),
    "tags.": FieldRule(Effect.IN_PLACE, "x"),
}


@pytest.mark.parametrize(
    ("wanted", "told", "expected"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, 2, False),
        (0.5, 0.5, True),
        ("a", "a", True),
        ("a", "A", False),
        ("1", 1, False),
        ("a", None, False),
        (None, None, True),
        (REF, POINTER, True),
        (REF, replace(POINTER, selector="step-8"), False),
        (replace(REF, selector="step-8"), replace(POINTER, selector="step-8"), True),
        (replace(REF, pinned=True), POINTER, True),
        (REF, replace(POINTER, marker=Marker("ownr", "nam", "eeeeeeee")), False),
        (REF, replace(POINTER, marker=None), False),
        (REF, replace(POINTER, marker=Marker("othr", "xxx", "dddddddd")), True),
        (REF, "m.ft-1", False),
        (REF, None, False),
        ("m.ft-1", POINTER, True),
        ("gpt", POINTER, False),
    ],
    ids=str,
)
def test_same(wanted: Value, told: Observed, expected: bool) -> None:
    """Plain values are equal or not; a reference is met by digest and selector; a name by the pointer's id."""
    assert same(wanted, told) is expected


def test_case_is_ignored_where_the_rule_says_so() -> None:
    """A caseless field compares texts without case, and nothing but texts."""
    assert same("GlobalStandard", "globalstandard", caseless=True)
    assert not same("a", 1, caseless=True)
    assert same(None, None, caseless=True)


def test_a_rule_is_found_by_name_or_prefix() -> None:
    """A name without a rule takes that of its prefix; one without either is a bug that shows at once."""
    assert rule_for(RULES, "plain") is RULES["plain"]
    assert rule_for(RULES, "tags.team") is RULES["tags."]
    assert rule_for(RULES, "tags.a.b") is RULES["tags."]
    with pytest.raises(KeyError):
        rule_for(RULES, "unknown")


def differ(fields: Mapping[str, Value], told: Mapping[str, Observed], *, unread: tuple[str, ...] = ()) -> list[Change]:
    """Return the changes between a resource and an object with these fields."""
    resource = replace(dataset(), fields=fields, derived=frozenset({"derived"}))
    found = Object("deployment", "east", "x", Phase.READY, "ok", fields=told, unread=unread)
    return list(changes(resource, found, RULES, {PARENT: frozenset({"nam", "old"})}))


def test_changes_are_one_sided() -> None:
    """What the spec leaves out is not compared, and the order is the spec's."""
    assert differ({"plain": 1, "loose": "A"}, {"plain": 2, "loose": "a", "more": "x"}) == [Change("plain", 2, 1)]
    assert differ({}, {"plain": 2}) == []
    assert [c.field for c in differ({"tags.z": "1", "plain": 1}, {})] == ["tags.z", "plain"]


def test_derived_and_unread_fields_explain_nothing() -> None:
    """What follows from the digest, and what this account does not show, is no difference."""
    assert differ({"derived": 1, "tags.team": "x", "plain": 1}, {"plain": 1}, unread=("tags.",)) == []
    assert differ({"tags.team": "x"}, {}) == [Change("tags.team", None, "x")]


@pytest.mark.parametrize(
    ("ref", "marker", "inherited"),
    [
        (REF, Marker("ownr", "nam", "eeeeeeee"), PARENT),
        (REF, Marker("ownr", "old", "eeeeeeee"), PARENT),
        (REF, Marker("ownr", "xyz", "eeeeeeee"), None),
        (REF, None, None),
        (replace(REF, pinned=True), Marker("ownr", "nam", "eeeeeeee"), None),
        (replace(REF, selector="step-3"), Marker("ownr", "nam", "dddddddd"), None),
        (Ref(Address("job", "unknown"), "dddddddd"), Marker("ownr", "nam", "eeeeeeee"), None),
    ],
    ids=str,
)
def test_inherited_is_the_same_parent_in_another_version(
    ref: Ref, marker: Marker | None, inherited: Address | None
) -> None:
    """Only an unpinned reference to another version of the same name, present or former, is the parent's doing."""
    pointer = replace(POINTER, marker=marker)
    assert differ({"model": ref}, {"model": pointer}) == [Change("model", pointer, ref, inherited)]

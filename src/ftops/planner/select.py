"""`--target` and `--exclude`: which part of a plan is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ftops.model import Address, Desired, Policy


def selected(desired: Desired, policy: Policy) -> frozenset[Address] | None:
    """Return the addresses that may be acted on, or None for all.

    A target brings what it is made from, an exclusion what is made from it: so nothing is begun that cannot be ended.
    """
    if not (policy.targets or policy.excludes):
        return None
    parents: dict[Address, set[Address]] = {resource.address: set() for resource in desired.resources}
    children: dict[Address, set[Address]] = {address: set() for address in parents}
    for resource in desired.resources:
        for ref in resource.refs:
            parents[resource.address].add(ref.target)
            children.setdefault(ref.target, set()).add(resource.address)
    chosen = _reached(policy.targets, parents) if policy.targets else frozenset(parents)
    return chosen - _reached(policy.excludes, children)


def _reached(start: Iterable[Address], edges: Mapping[Address, set[Address]]) -> frozenset[Address]:
    """Return some addresses with everything that edges lead to."""
    found, waiting = set(start), list(start)
    while waiting:
        for address in edges.get(waiting.pop(), ()):
            if address not in found:
                found.add(address)
                waiting.append(address)
    return frozenset(found)

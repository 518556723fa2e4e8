"""References between documents: edges, unknown targets, cycles as a path, and the order in which things can be made."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ftops.diagnostics import Diagnostic, did_you_mean
from ftops.kinds import KINDS, KINDS_BY_WORD
from ftops.kinds.envelope import Finding, Path
from ftops.model import Address
from ftops.spec.codes import SUMMARIES
from ftops.spec.source import Source

SUGGESTIONS_MAX = 20
"""Unknown references for which a near name is looked for: with 10,000 names each search takes a noticeable time."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A reference: the document it stands in, the path of its value, and the address it names."""

    source: Source
    path: Path
    target: Address


def key_of(address: Address) -> Address:
    """Return the address as names compare: without case where the kind's names do."""
    kind = KINDS_BY_WORD.get(address.kind)
    return Address(address.kind, address.name.casefold()) if kind and kind.traits.caseless_names else address


def edges(sources: Iterable[Source]) -> tuple[Edge, ...]:
    """Return the references of the documents, in their order; the targets need not exist."""
    return tuple(
        Edge(source, path, target)
        for source in sources
        for path, target in KINDS[source.kind].references(source.document)
    )


def problems(sources: Sequence[Source], perhaps: Callable[[Address], bool] = lambda _: False) -> list[Diagnostic]:
    """Return what is wrong with the references.

    `perhaps` tells whether an address that is not among the sources may be declared by a document that could not be
    read; a reference to it is no problem of its own.
    """
    known = {key_of(source.address): source for source in sources}
    found, searches, all_edges = [], 0, edges(sources)
    for edge in all_edges:
        target = known.get(key_of(edge.target))
        if target is None and not perhaps(edge.target):
            found.append(_unknown(edge, known if searches < SUGGESTIONS_MAX else ()))
            searches += 1
        elif target is not None and _leaves_account(edge.source, target):
            found.append(_across(edge, target))
    return found + _cycles(sources, all_edges)


def in_order(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Return the documents with the referenced before the referring, else by kind and then as they were given.

    Documents on a cycle, and those that need one, come last; `problems` has said so.
    """
    ranks = {title: rank for rank, title in enumerate(KINDS)}
    waits, referrers = _graph(sources)
    places = [(ranks[source.kind], place) for place, source in enumerate(sources)]
    ready = [places[place] for place, count in enumerate(waits) if not count]
    heapq.heapify(ready)
    ordered: list[int] = []
    while ready:
        _, place = heapq.heappop(ready)
        ordered.append(place)
        for referrer in referrers[place]:
            waits[referrer] -= 1
            if not waits[referrer]:
                heapq.heappush(ready, places[referrer])
    done = set(ordered)
    ordered += [place for _, place in sorted(places) if place not in done]
    return tuple(sources[place] for place in ordered)


def _graph(sources: Sequence[Source]) -> tuple[list[int], list[list[int]]]:
    """Return, by position, how many references each document has and which documents refer to it."""
    position = {key_of(source.address): place for place, source in enumerate(sources)}
    waits = [0] * len(sources)
    referrers: list[list[int]] = [[] for _ in sources]
    for edge in edges(sources):
        target = position.get(key_of(edge.target))
        if target is not None:
            referrer = position[key_of(edge.source.address)]
            waits[referrer] += 1
            referrers[target].append(referrer)
    return waits, referrers


def _leaves_account(source: Source, target: Source) -> bool:
    """Tell whether a reference needs a copy: what is made on demand is made in every account that needs it."""
    on_demand = KINDS[target.kind].traits.on_demand
    return not on_demand and bool(source.account and target.account) and source.account != target.account


def _unknown(edge: Edge, known: Iterable[Address]) -> Diagnostic:
    names = [address.name for address in known if address.kind == edge.target.kind]
    title = KINDS_BY_WORD[edge.target.kind].title
    detail = f'No {title} document that was read is named "{edge.target.name}".'
    near = did_you_mean(edge.target.name, names)
    return _diagnostic(edge, "unknown-reference", detail + (near or " Add it, or correct the name."))


def _across(edge: Edge, target: Source) -> Diagnostic:
    detail = (
        f"{edge.source.address} is in the account {edge.source.account}, but {target.address} in {target.account}. "
        "Using a model in another account is not built yet; put both into one account until it is."
    )
    return _diagnostic(edge, "across-accounts", detail)


def _diagnostic(edge: Edge, code: str, detail: str) -> Diagnostic:
    return edge.source.diagnostic(Finding(edge.path, code, SUMMARIES[code], detail))


def _cycles(sources: Sequence[Source], all_edges: Iterable[Edge]) -> list[Diagnostic]:
    """Return a diagnostic for each reference that closes a cycle, walking depth first in the given order."""
    outgoing: dict[Address, list[Edge]] = {key_of(source.address): [] for source in sources}
    for edge in all_edges:
        outgoing[key_of(edge.source.address)].append(edge)
    found: list[Diagnostic] = []
    finished: set[Address] = set()
    for start in outgoing:
        if start not in finished:
            found += [_cycle(cycle) for cycle in _closing(start, outgoing, finished)]
    return found


def _closing(
    start: Address, outgoing: Mapping[Address, Sequence[Edge]], finished: set[Address]
) -> Iterable[tuple[Edge, ...]]:
    """Yield, for each edge back into the current walk, the edges of the cycle; every address is entered once."""
    walk: dict[Address, Edge | None] = {start: None}
    stack = [(start, iter(outgoing[start]))]
    while stack:
        here, remaining = stack[-1]
        edge = next(remaining, None)
        if edge is None:
            finished.add(here)
            walk.pop(here)
            stack.pop()
            continue
        target = key_of(edge.target)
        if target in walk:
            steps = list(walk)
            entered = [walk[address] for address in steps[steps.index(target) + 1 :]]
            yield (*(step for step in entered if step is not None), edge)
        elif target in outgoing and target not in finished:
            walk[target] = edge
            stack.append((target, iter(outgoing[target])))


def _cycle(cycle: tuple[Edge, ...]) -> Diagnostic:
    path = " -> ".join(str(edge.source.address) for edge in (*cycle, cycle[0]))
    detail = f"{path}: each needs the one after it to be finished first. Take one of these references out."
    return _diagnostic(cycle[-1], "reference-cycle", detail)

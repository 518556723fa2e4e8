"""Builds nodes from the events of one YAML document, and keeps the limits on depth and aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

import yaml

from ftops.spec.codes import PROBLEMS_MAX, TOO_MANY_PROBLEMS
from ftops.spec.nodes import Entry, Node
from ftops.spec.scalars import resolve
from ftops.spec.text import Problem, Region, is_signed, looks_secret

DEPTH_MAX = 64
"""Levels of nesting, aliases expanded. The C parser takes minutes for 200,000 of them, so it is stopped at once."""
ALIAS_VALUES_MAX = 10_000
"""Values that all aliases of one document may stand for together."""
MERGE_KEY = "<<"

_STRING_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
_MAPPING_TAGS = frozenset({None, "tag:yaml.org,2002:map"})
_SEQUENCE_TAGS = frozenset({None, "tag:yaml.org,2002:seq"})


class Mark(Protocol):
    """A place as the parser counts it, from 0."""

    line: int
    column: int


class Event(Protocol):
    """What the C parser's events have; each kind of event has some of it."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    implicit: tuple[bool, bool]
    value: str


class Stop(Exception):
    """The rest of the file is not read; carries the problem that made it so."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem."""
        super().__init__(problem.detail)
        self.problem = problem


class _Anchored(NamedTuple):
    """A node with an anchor: its number of values and its levels, aliases expanded."""

    node: Node
    size: int
    height: int


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is still open."""

    line: int
    column: int
    anchor: str | None
    secret: bool
    entries: dict[str, Entry] | None
    items: list[Node]
    key: Node | None = None
    secret_key: bool = False
    size: int = 1
    height: int = 1

    @property
    def wants_key(self) -> bool:
        return self.entries is not None and self.key is None


@dataclass(slots=True)
class Builder:
    """Takes the events of one document; `root` is set when it is complete."""

    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    secrets: list[Region] = field(default_factory=list)
    stack: list[_Frame] = field(default_factory=list)
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)
    expanded: int = 0

    def scalar(self, event: Event) -> None:
        """Add a scalar."""
        mark, text = event.start_mark, event.value
        line, column = mark.line + 1, mark.column + 1
        frame = self.stack[-1] if self.stack else None
        value = resolve(text) if event.implicit[0] and event.tag is None else text
        if not text and event.implicit[0] and frame and frame.key:
            line, column = frame.key.line, frame.key.column
        if event.tag not in _STRING_TAGS:
            self._refuse_tag(event, line, column)
        if (frame and (frame.secret or frame.secret_key)) or is_signed(text):
            end = event.end_mark
            self.secrets.append(Region(mark.line, mark.column, end.line if end.column else end.line - 1))
        if text == MERGE_KEY and event.implicit[0] and frame and frame.wants_key:
            detail = '"<<" copies the fields of another mapping in YAML 1.1 only; write the fields out.'
            self._note(Problem(line, column, "merge-key", detail))
        self._done(Node(value, line, column), 1, 0, event.anchor)

    def begin(self, event: Event) -> None:
        """Open a mapping or sequence."""
        mapping = isinstance(event, yaml.MappingStartEvent)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if event.tag not in (_MAPPING_TAGS if mapping else _SEQUENCE_TAGS):
            self._refuse_tag(event, line, column)
        secret = bool(self.stack) and (self.stack[-1].secret or self.stack[-1].secret_key)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Frame(line, column, event.anchor, secret, {} if mapping else None, []))
        self._check_depth(len(self.stack), line, column)

    def end(self, event: Event) -> None:  # noqa: ARG002 - all handlers take the event
        """Close the mapping or sequence opened last."""
        frame = self.stack.pop()
        value = tuple(frame.items) if frame.entries is None else MappingProxyType(frame.entries)
        self._done(Node(value, frame.line, frame.column), frame.size, frame.height, frame.anchor)

    def alias(self, event: Event) -> None:
        """Add what an anchor stands for, or null where there is none."""
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        anchored = self.anchors.get(event.anchor or "")
        if anchored is None:
            within = event.anchor in self.anchors
            why = "stands inside the value it names" if within else "names an anchor that does not stand before it"
            detail = f'The alias "*{event.anchor}" {why}; write the value out.'
            self._note(Problem(line, column, "bad-alias", detail))
            anchored = _Anchored(Node(None, line, column), 1, 0)
        self.expanded += anchored.size
        if self.expanded > ALIAS_VALUES_MAX:
            detail = (
                f"Aliases stand for more than {ALIAS_VALUES_MAX:,} values here; write fewer values, or less nested."
            )
            raise Stop(Problem(line, column, "alias-bomb", detail))
        self._check_depth(len(self.stack) + anchored.height, line, column)
        self._done(*anchored, None)

    def _done(self, node: Node, size: int, height: int, anchor: str | None) -> None:
        """Put a finished node where it belongs."""
        if anchor:
            self.anchors[anchor] = _Anchored(node, size, height)
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += size
        if height >= frame.height:
            frame.height = height + 1
        if frame.entries is None:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = node
            frame.secret_key = isinstance(node.value, str) and looks_secret(node.value)
        else:
            self._entry(frame.entries, frame.key, node)
            frame.key = None
            frame.secret_key = False

    def _entry(self, entries: dict[str, Entry], key: Node, node: Node) -> None:
        name = key.value
        if not isinstance(name, str):
            written = (
                "a mapping or list"
                if isinstance(name, (tuple, MappingProxyType))
                else "a number, a truth value or nothing"
            )
            detail = f"This key is {written}; keys of specs are strings. Put it in quotes if it is meant as one."
            self._note(Problem(key.line, key.column, "non-string-key", detail))
        elif name in entries:
            first = entries[name].line
            detail = f'"{name}" is written in line {first} and again in line {key.line}; keep one of the two.'
            self._note(Problem(key.line, key.column, "duplicate-key", detail))
        else:
            entries[name] = Entry(node, key.line, key.column)

    def _note(self, problem: Problem) -> None:
        """Keep a problem, up to the most that are listed for one document."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)
        elif len(self.problems) == PROBLEMS_MAX:
            self.problems.append(problem._replace(code="too-many-problems", detail=TOO_MANY_PROBLEMS))

    def _refuse_tag(self, event: Event, line: int, column: int) -> None:
        tag = (event.tag or "").replace("tag:yaml.org,2002:", "!!")
        detail = f'The tag "{tag}" has no meaning in specs; take it out, or put the value in quotes.'
        self._note(Problem(line, column, "custom-tag", detail))

    def _check_depth(self, depth: int, line: int, column: int) -> None:
        if depth > DEPTH_MAX:
            detail = f"This is nested more than {DEPTH_MAX} levels deep, which no spec needs. The rest was not read."
            raise Stop(Problem(line, column, "too-deep", detail))


HANDLERS: Mapping[type, Callable[[Builder, Event], None]] = {
    yaml.ScalarEvent: Builder.scalar,
    yaml.MappingStartEvent: Builder.begin,
    yaml.SequenceStartEvent: Builder.begin,
    yaml.MappingEndEvent: Builder.end,
    yaml.SequenceEndEvent: Builder.end,
    yaml.AliasEvent: Builder.alias,
}
"""What takes which event; the others say nothing about the document."""

"""The nodes of a parsed document.

They are named tuples and not data classes because a frozen data class takes three times as long to make, and a large
project has hundreds of thousands of them. Mappings are told by their own type: asking whether something is any kind of
Mapping takes ten times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from ftops.diagnostics import Span
from ftops.kinds.envelope import Path
from ftops.model import Scalar
from ftops.spec.text import Problem, Text


class Node(NamedTuple):
    """A value and where it begins, counted from 1; an empty value stands at its key."""

    value: Value
    line: int
    column: int


class Entry(NamedTuple):
    """A value in a mapping, and where its key begins."""

    node: Node
    line: int
    column: int


Value: TypeAlias = Scalar | tuple[Node, ...] | MappingProxyType[str, Entry]


@dataclass(frozen=True, slots=True)
class Tree:
    """One YAML document; `problems` are those that do not keep it from being read."""

    text: Text
    root: Node
    problems: tuple[Problem, ...] = ()

    def span_of(self, path: Path, *, on_key: bool = False) -> Span:
        """Return where a value (or its key) stands; what is not written stands at the key of what it would be in."""
        node = self.root
        key = (node.line, node.column)
        for part in path:
            found = _step(node.value, part)
            if found is None:
                return self.text.span(*key)
            node, key = found.node, (found.line, found.column)
        return self.text.span(*key) if on_key else self.text.span(node.line, node.column)

    def scalar(self, *path: str) -> Scalar:
        """Return a scalar of the document; None when there is none at that path."""
        node = self.root
        for part in path:
            found = _step(node.value, part)
            if found is None:
                return None
            node = found.node
        return None if isinstance(node.value, (tuple, MappingProxyType)) else node.value

    def has(self, key: str) -> bool:
        """Tell whether the document is a mapping with this key."""
        return _step(self.root.value, key) is not None

    def plain(self) -> object:
        """Return the document as plain dicts, tuples (which strict models of sequences ask for) and scalars."""
        return _plain(self.root.value)


def _step(value: Value, part: str | int) -> Entry | None:
    if isinstance(value, MappingProxyType):
        return value.get(str(part))
    if isinstance(value, tuple) and isinstance(part, int) and part < len(value):
        item = value[part]
        return Entry(item, item.line, item.column)
    return None


def _plain(value: Value) -> object:
    """Return a value without places; the parser's depth limit keeps this recursion short."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple):
        return tuple(_plain(item.value) for item in value)
    return {key: _plain(entry.node.value) for key, entry in value.items()}

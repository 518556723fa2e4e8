"""Graders of reinforcement training, as far as a dataset has to fit one: their types, and what they read of a row.

The members of each type are the service's to check; here a grader is JSON with a type that is known.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ftops.diagnostics import did_you_mean
from ftops.kinds.envelope import Finding, Path, not_built

FieldPath: TypeAlias = tuple[str, ...]

GRADERS = ("string_check", "text_similarity", "score_model", "python", "multi")
LATER = ("endpoint",)
"""In private preview."""
DEPTH_MAX = 16

_ITEM = re.compile(r"\{\{\s*item((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


def grader_findings(path: Path, grader: Mapping[str, object]) -> Iterator[Finding]:
    """Yield that a grader, or one inside a multi grader, is of no known type."""
    kind = grader.get("type")
    if kind in LATER:
        yield not_built((*path, "type"), f"the grader {kind}")
    elif not isinstance(kind, str) or kind not in GRADERS:
        hint = did_you_mean(kind, GRADERS) if isinstance(kind, str) else ""
        detail = f"A grader's type is one of {', '.join(GRADERS)}.{hint}"
        yield Finding((*path, "type"), "bad-value", "Value not allowed", detail)
    inner = grader.get("graders")
    if kind == "multi" and isinstance(inner, Mapping):
        for name, each in inner.items():
            if isinstance(each, Mapping) and len(path) < DEPTH_MAX:
                yield from grader_findings((*path, "graders", name), each)


def fields_read(grader: object) -> frozenset[FieldPath]:
    """Return the ways to the fields of a row that a grader reads: by templates, or plainly in Python source.

    `{{item.a.b}}` and `item["a"]["b"]` read `("a", "b")`; what source reads by `item.get("a")` may be absent.
    """
    return frozenset(_fields(grader))


def _fields(value: object) -> Iterator[FieldPath]:
    if isinstance(value, str):
        for found in _ITEM.finditer(value):
            yield tuple(found[1].removeprefix(".").split("."))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "source" and value.get("type") == "python" and isinstance(inner, str):
                yield from _of_source(inner)
            else:
                yield from _fields(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _fields(inner)


def _of_source(source: str) -> Iterator[FieldPath]:
    """Yield what Python source takes out of `item` by names that stand in it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    inner = {node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and node not in inner and (path := _path(node)):
            yield path


def _path(node: ast.expr) -> FieldPath:
    steps: list[str] = []
    while isinstance(node, ast.Subscript):
        if not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)):
            steps.clear()  # What is inside an element of a list, or under a name that is computed, is not looked for.
        else:
            steps.append(node.slice.value)
        node = node.value
    return tuple(reversed(steps)) if isinstance(node, ast.Name) and node.id == "item" else ()

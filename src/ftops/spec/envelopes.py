"""Which documents are ours: by `apiVersion`, then by `kind`; other tools' documents are skipped without a word."""

from __future__ import annotations

import difflib
from types import MappingProxyType

from ftops.diagnostics import did_you_mean
from ftops.kinds import KINDS
from ftops.kinds.envelope import API_VERSION, Finding, Path
from ftops.spec.codes import SUMMARIES
from ftops.spec.names import PROJECT
from ftops.spec.nodes import Tree

GROUP = API_VERSION.partition("/")[0]
GROUP_LIKENESS_MIN = 0.8
"""A group this much like ours is a slip of the pen, as in `ftop/v1alpha1`; `apps` is not."""
TITLES = (PROJECT, *KINDS)


def is_foreign(tree: Tree) -> bool:
    """Tell whether a document belongs to another tool."""
    version = tree.scalar("apiVersion")
    if not isinstance(version, str) or version == API_VERSION:
        return False
    group = version.partition("/")[0].strip().lower()
    return difflib.SequenceMatcher(None, group, GROUP).ratio() < GROUP_LIKENESS_MIN


def check_envelope(tree: Tree) -> Finding | None:
    """Return why a document that is not foreign is of no known kind, or None."""
    if not isinstance(tree.root.value, MappingProxyType):
        what = "a list" if isinstance(tree.root.value, tuple) else "a single value"
        return _finding((), "not-a-document", f"This document is {what}, {_WAY_OUT}")
    if not tree.has("apiVersion") and not tree.has("kind"):
        return _finding((), "not-a-document", f'This document has no "apiVersion" and no "kind", {_WAY_OUT}')
    return _check_version(tree) or _check_kind(tree)


def _check_version(tree: Tree) -> Finding | None:
    if not tree.has("apiVersion"):
        detail = f'A document needs "apiVersion"; for ftops, write "apiVersion: {API_VERSION}".'
        return _finding((), "missing-field", detail)
    if tree.scalar("apiVersion") != API_VERSION:
        detail = f'This ftops reads "apiVersion: {API_VERSION}" only; write that, or use the ftops it was written for.'
        return _finding(("apiVersion",), "unknown-version", detail)
    return None


def _check_kind(tree: Tree) -> Finding | None:
    if not tree.has("kind"):
        return _finding((), "missing-field", f'A document needs "kind": one of {", ".join(TITLES)}.')
    kind = tree.scalar("kind")
    if kind not in TITLES:
        near = did_you_mean(kind, TITLES) if isinstance(kind, str) else ""
        shown = f'"{kind}"' if isinstance(kind, str) else "This"
        return _finding(("kind",), "unknown-kind", f"{shown} is not a kind; the kinds are {', '.join(TITLES)}.{near}")
    return None


_WAY_OUT = (
    f'so it cannot be told what it declares. Begin it with "apiVersion: {API_VERSION}" and "kind", or move the file '
    "out of the folder with the specs."
)


def _finding(path: Path, code: str, detail: str) -> Finding:
    return Finding(path, code, SUMMARIES[code], detail)

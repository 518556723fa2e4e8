"""A document of ftops with its places: as read (a draft), and as a valid model (a source)."""

from __future__ import annotations

from dataclasses import dataclass

from ftops.diagnostics import Diagnostic, Span
from ftops.kinds.envelope import Document, Finding, Path
from ftops.model import Address
from ftops.spec.nodes import Tree
from ftops.spec.text import without_signature

NAME_PATH: Path = ("metadata", "name")
ACCOUNT_PATH: Path = ("metadata", "account")


def diagnostic_of(tree: Tree, finding: Finding) -> Diagnostic:
    """Return a finding about a document as a diagnostic, with its place and source line."""
    span = tree.span_of(finding.path, on_key=finding.on_key)
    return Diagnostic(
        span=span,
        code=finding.code,
        summary=finding.summary,
        detail=without_signature(finding.detail),
        severity=finding.severity,
        excerpt=tree.text.excerpt(span.line, span.column),
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """A document of a known kind, valid or not; `kind` is its title, `document` is None when its shape is wrong."""

    kind: str
    name: str | None
    tree: Tree
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A document of valid shape. `kind` is its title, `account` its own or the project's default one."""

    address: Address
    kind: str
    document: Document
    account: str
    tree: Tree

    @property
    def span(self) -> Span:
        """Return where the document's name stands."""
        return self.span_of(NAME_PATH)

    @property
    def file(self) -> str:
        """Return the file as it is shown."""
        return self.tree.text.file

    def span_of(self, path: Path, *, on_key: bool = False) -> Span:
        """Return where a value (or its key) stands; what is not written stands at the key of what it would be in."""
        return self.tree.span_of(path, on_key=on_key)

    def diagnostic(self, finding: Finding) -> Diagnostic:
        """Return a finding about this document as a diagnostic, with its place and source line."""
        return diagnostic_of(self.tree, finding)

"""Rules about all documents of a project together: one Project, no name twice, only accounts that exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ftops.diagnostics import Diagnostic, did_you_mean
from ftops.kinds import KINDS
from ftops.kinds.envelope import Finding, Path, as_type
from ftops.kinds.project import ProjectDocument
from ftops.model import Address
from ftops.spec.codes import SUMMARIES
from ftops.spec.refs import key_of
from ftops.spec.source import ACCOUNT_PATH, NAME_PATH, Draft, Source, diagnostic_of

PROJECT = "Project"
PROJECT_WORD = "project"

_NAME_IN_TEXT = re.compile(r"""\bname["']?:\s*["']?([\w.-]+)""")
_PROJECT_IN_TEXT = re.compile(rf"""\bkind["']?:\s*["']?{PROJECT}\b""")


@dataclass(frozen=True, slots=True)
class Unread:
    """What documents that could not be read may declare, so that no reference to it is reported as well.

    `anything` is set when not even a text is known.
    """

    names: frozenset[str] = frozenset()
    project: bool = False
    anything: bool = False

    def may_declare(self, address: Address) -> bool:
        """Tell whether a document of this address may be among what could not be read."""
        return self.anything or address.name in self.names

    @property
    def may_be_project(self) -> bool:
        """Tell whether the Project may be among what could not be read."""
        return self.anything or self.project


def unread_in(texts: Iterable[str], *, anything: bool = False) -> Unread:
    """Return what the texts of broken documents seem to declare."""
    joined = "\n".join(texts)
    return Unread(frozenset(_NAME_IN_TEXT.findall(joined)), bool(_PROJECT_IN_TEXT.search(joined)), anything)


def address_of(draft: Draft) -> Address | None:
    """Return the address of a document, or None when it has no name."""
    if draft.name is None:
        return None
    return Address(PROJECT_WORD if draft.kind == PROJECT else KINDS[draft.kind].word, draft.name)


def check_names(drafts: Iterable[Draft]) -> Iterable[Diagnostic]:
    """Yield a diagnostic for each name that a document of the same kind before has, and for each further Project."""
    first: dict[Address, Draft] = {}
    project: Draft | None = None
    for draft in drafts:
        address = address_of(draft)
        if draft.kind == PROJECT:
            if project is not None:
                place = project.tree.span_of(NAME_PATH)
                detail = f"{place} is a Project already. Keep one: it says who owns what the specs declare."
                yield _diagnostic(draft, "two-projects", detail)
            project = project or draft
        elif address is not None:
            other = first.setdefault(key_of(address), draft)
            if other is not draft:
                yield _diagnostic(draft, "duplicate-name", _same_name(draft, other))


def _same_name(draft: Draft, other: Draft) -> str:
    place = other.tree.span_of(NAME_PATH)
    caseless = " (case does not count)" if draft.name != other.name else ""
    return f'{place} is a {draft.kind} named "{other.name}" already{caseless}. Rename or delete one of the two.'


def check_accounts(project: Source, sources: Iterable[Source]) -> Iterable[Diagnostic]:
    """Yield a diagnostic for each account name that the Project does not declare."""
    spec = as_type(ProjectDocument, project.document).spec
    names = list(spec.accounts)
    if not names:
        return
    if spec.defaultAccount is not None and spec.defaultAccount not in names:
        yield _unknown_account(project, ("spec", "defaultAccount"), spec.defaultAccount, names)
    for source in sources:
        name = source.document.metadata.account
        if name is not None and name not in names:
            yield _unknown_account(source, ACCOUNT_PATH, name, names)


def _unknown_account(source: Source, path: Path, name: str, names: Sequence[str]) -> Diagnostic:
    detail = f'"{name}" is not an account of the Project.{did_you_mean(name, names)}'
    detail += f" Its accounts are {', '.join(names)}." if len(names) > 1 else f' Its account is "{names[0]}".'
    return source.diagnostic(Finding(path, "unknown-account", SUMMARIES["unknown-account"], detail))


def _diagnostic(draft: Draft, code: str, detail: str) -> Diagnostic:
    return diagnostic_of(draft.tree, Finding(NAME_PATH, code, SUMMARIES[code], detail))

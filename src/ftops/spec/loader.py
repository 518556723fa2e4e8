"""Specs to sources: reads every file, checks every document, and returns all problems of all files together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ftops.diagnostics import Collector, Diagnostic, Span
from ftops.kinds import KINDS
from ftops.kinds import project as project_kind
from ftops.kinds.envelope import API_VERSION, Document, Finding, as_type
from ftops.kinds.project import ProjectDocument, default_account
from ftops.model import Address
from ftops.rules import Rules
from ftops.spec import refs
from ftops.spec.codes import SUMMARIES
from ftops.spec.document import Parsed, parse
from ftops.spec.envelopes import check_envelope, is_foreign
from ftops.spec.files import find, problem_of_file, read
from ftops.spec.names import PROJECT, PROJECT_WORD, Unread, check_accounts, check_names, unread_in
from ftops.spec.nodes import Tree
from ftops.spec.shape import validate
from ftops.spec.source import NAME_PATH, Draft, Source, diagnostic_of

__all__ = ["Loaded", "Source", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the spec files hold.

    `sources` are the documents of valid shape but the Project, in the order of files and documents; with errors among
    the `diagnostics` (sorted) they are not to be acted on. `whole` says that what was read is the whole project.
    """

    project: Source | None
    sources: tuple[Source, ...]
    diagnostics: tuple[Diagnostic, ...]
    whole: bool
    files: tuple[str, ...]


def load(paths: Sequence[str], root: Path, stdin: Callable[[], bytes], rules: Rules) -> Loaded:
    """Return the documents that PATH stands for (`interface.md` §1), with every problem found in one run.

    Args:
        paths: files and directories, relative to the root; `-` is standard input; none means `specs/`, else the root.
        root: the project root, under which data files must be.
        stdin: called once if `-` is among the paths.
        rules: handed to the kinds' checks.

    """
    inputs = find(paths, root)
    reading = _Reading(rules)
    reading.problems.extend(inputs.problems)
    reading.anything = bool(inputs.problems)
    for each in inputs.found.values():
        data = read(each, stdin)
        if isinstance(data, Diagnostic):
            reading.problems.add(data)
            reading.anything = True
        else:
            reading.add_file(parse(data, each.shown))
    project, sources = reading.sources()
    _check_together(reading, project, sources, root, inputs.shown)
    return Loaded(
        project=project,
        sources=sources,
        diagnostics=reading.problems.sorted,
        whole=inputs.one_tree and project is not None and not reading.problems.has_errors,
        files=tuple(each.shown for each in inputs.found.values()),
    )


@dataclass(slots=True)
class _Reading:
    """Collects the documents of all files, their problems, and what could not be read."""

    rules: Rules
    problems: Collector = field(default_factory=Collector)
    drafts: list[Draft] = field(default_factory=list)
    unread_texts: list[str] = field(default_factory=list)
    anything: bool = False
    kindless: bool = False
    foreign: int = 0

    def add_file(self, parsed: Parsed) -> None:
        """Take the documents of a file."""
        if parsed.problem is not None:
            self.problems.add(parsed.text.diagnostic(parsed.problem))
            self.unread_texts.append(parsed.unread)
        elif not parsed.trees:
            detail = "It holds no document, only comments or nothing. Write one, or delete the file."
            self.problems.add(Diagnostic(Span(parsed.text.file), "empty-file", SUMMARIES["empty-file"], detail))
        for tree in parsed.trees:
            if is_foreign(tree):
                self.foreign += 1
            else:
                self._add_document(tree)

    def _add_document(self, tree: Tree) -> None:
        wrong = check_envelope(tree)
        found = [tree.text.diagnostic(problem) for problem in tree.problems]
        if wrong is not None:
            found.append(diagnostic_of(tree, wrong))
            self.kindless = True
            self.unread_texts.append(f"name: {tree.scalar('metadata', 'name')}")
        else:
            draft, findings = self._draft(tree)
            self.drafts.append(draft)
            told = {diagnostic.span for diagnostic in found}
            further = [diagnostic_of(tree, finding) for finding in findings]
            found += [diagnostic for diagnostic in further if diagnostic.span not in told]
        self.problems.extend(found)

    def _draft(self, tree: Tree) -> tuple[Draft, list[Finding]]:
        """Return a document of known kind as its model, if its shape is right, and what is wrong with it."""
        title, name = str(tree.scalar("kind")), tree.scalar(*map(str, NAME_PATH))
        draft = Draft(title, name if isinstance(name, str) else None, tree)
        model = ProjectDocument if title == PROJECT else KINDS[title].document
        document, findings = validate(tree, model, title)
        if document is not None:
            findings += self._check(title, document)
        return replace(draft, document=document), findings

    def _check(self, title: str, document: Document) -> Iterable[Finding]:
        if isinstance(document, ProjectDocument):
            return project_kind.check(document, self.rules)
        return KINDS[title].check(document, self.rules)

    def sources(self) -> tuple[Source | None, tuple[Source, ...]]:
        """Return the first valid Project and the valid other documents, with their accounts."""
        project, others, account = None, [], ""
        for draft in self.drafts:
            if draft.document is None:
                continue
            if draft.kind == PROJECT:
                project = project or _source(draft, draft.document, "")
            else:
                others.append((draft, draft.document))
        if project is not None:
            account = default_account(as_type(ProjectDocument, project.document).spec)
        return project, tuple(_source(draft, document, account) for draft, document in others)

    @property
    def unread(self) -> Unread:
        """Return what the documents that could not be read, or not be validated, may declare."""
        broken = [f"name: {draft.name}" for draft in self.drafts if draft.document is None]
        return unread_in((*self.unread_texts, *broken), anything=self.anything)


def _source(draft: Draft, document: Document, account: str) -> Source:
    word = PROJECT_WORD if draft.kind == PROJECT else KINDS[draft.kind].word
    address = Address(word, document.metadata.name)
    return Source(address, draft.kind, document, document.metadata.account or account, draft.tree)


def _check_together(
    reading: _Reading, project: Source | None, sources: Sequence[Source], root: Path, shown: str
) -> None:
    """Add what is wrong between documents, and with the files they name."""
    problems, unread = reading.problems, reading.unread
    missing = _nothing_read(reading, unread, shown)
    problems.extend(check_names(reading.drafts))
    if project is not None:
        problems.extend(check_accounts(project, sources))
    problems.extend(refs.problems(sources, unread.may_declare))
    for source in sources:
        problems.extend(_check_files(source, root))
    problems.extend(missing)


def _nothing_read(reading: _Reading, unread: Unread, shown: str) -> list[Diagnostic]:
    """Return that there is no document of ours, or no Project among them, unless another problem explains it."""
    if unread.may_be_project or reading.kindless or any(draft.kind == PROJECT for draft in reading.drafts):
        return []
    if reading.drafts:
        detail = "None of the documents read is of kind Project, which names the owner and the accounts. "
        detail += "Add one, or add the file that holds it to the paths."
        return [Diagnostic(Span(shown), "no-project", SUMMARIES["no-project"], detail)]
    if reading.problems.has_errors:
        return []
    others = f" ({reading.foreign} of other tools skipped)" if reading.foreign else ""
    detail = f"There is no document with apiVersion {API_VERSION} here{others}. Name the folder with the specs, or "
    detail += "write them; `ftops init` begins a project."
    return [Diagnostic(Span(shown), "no-documents", SUMMARIES["no-documents"], detail)]


def _check_files(source: Source, root: Path) -> Iterable[Diagnostic]:
    for path, written in KINDS[source.kind].files(source.document):
        problem = problem_of_file(written, root, source.file)
        if problem is not None:
            code, detail = problem
            yield source.diagnostic(Finding(path, code, SUMMARIES[code], detail))

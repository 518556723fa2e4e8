"""What is wanted: loaded specs and measured data sets, made into Resources with digests, in the order of references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ftops.data import DataReport, check_chat
from ftops.diagnostics import Diagnostic
from ftops.digest import owner_mark
from ftops.errors import FtopsError
from ftops.kinds import KINDS
from ftops.kinds.base import Context
from ftops.kinds.dataset import DatasetDocument
from ftops.kinds.envelope import Finding
from ftops.kinds.project import ProjectDocument, accounts_of
from ftops.model import Address, Desired, Resource, Scalar
from ftops.rules import Rules
from ftops.spec.loader import Loaded, Source
from ftops.spec.refs import edges, in_order


@dataclass(frozen=True, slots=True)
class Built:
    """The desired state with everything found on the way; with an error among it, `desired` must not be used."""

    desired: Desired | None
    diagnostics: tuple[Diagnostic, ...]
    reports: Mapping[Address, DataReport] = field(default_factory=dict)


def build(loaded: Loaded, root: Path, rules: Rules) -> Built:
    """Return the resources that the specs declare; data sets are read and checked, each file once.

    What is made on demand (a data set) becomes one resource in every account that has a job for it, or, when no
    document refers to it, one in the default account that is never made.
    """
    reports, problems = _check_data(loaded.sources, root, rules)
    diagnostics = (*loaded.diagnostics, *problems)
    if loaded.project is None or any(d.severity == "error" for d in diagnostics):
        return Built(None, diagnostics, reports)
    project = loaded.project.document
    if not isinstance(project, ProjectDocument):
        raise FtopsError("the project's document is of another kind")
    builder = _Builder(project, rules, reports, root, _accounts_of_referrers(loaded.sources))
    for source in in_order(loaded.sources):
        builder.add(source)
    accounts = accounts_of(project.spec)
    used = {resource.account for resource in builder.resources}
    desired = Desired(
        project=project.metadata.name,
        owners=frozenset(owner_mark(name) for name in (project.metadata.name, *project.metadata.formerly)),
        accounts={name: account for name, account in accounts.items() if name in used},
        resources=tuple(builder.resources),
        whole=loaded.whole,
    )
    return Built(desired, (*diagnostics, *builder.twice), reports)


def _check_data(
    sources: Iterable[Source], root: Path, rules: Rules
) -> tuple[dict[Address, DataReport], list[Diagnostic]]:
    """Return what each data set's file holds; a file whose content is pinned is read only to upload it."""
    reports: dict[Address, DataReport] = {}
    by_file: dict[str, DataReport] = {}
    for source in sources:
        document = source.document
        if not isinstance(document, DatasetDocument):
            continue
        file, pinned = document.spec.file, document.lifecycle.sha256
        path = root / file
        if not path.is_file():
            continue  # The loader has said so.
        if pinned is not None:
            reports[source.address] = DataReport(digest=pinned, size_bytes=path.stat().st_size, rows=0, problems=())
            continue
        if file not in by_file:
            by_file[file] = check_chat(path, file, rules.limits)
        reports[source.address] = by_file[file]
    return reports, [problem for report in by_file.values() for problem in report.problems]


def _accounts_of_referrers(sources: Iterable[Source]) -> dict[Address, list[str]]:
    accounts: dict[Address, list[str]] = {}
    for edge in edges(sources):
        if edge.source.account not in accounts.setdefault(edge.target, []):
            accounts[edge.target].append(edge.source.account)
    return accounts


@dataclass(slots=True)
class _Builder:
    """Makes resources one after the other, so that each finds the digests of what it references."""

    project: ProjectDocument
    rules: Rules
    reports: Mapping[Address, DataReport]
    root: Path
    referrers: Mapping[Address, list[str]]
    resources: list[Resource] = field(default_factory=list)
    twice: list[Diagnostic] = field(default_factory=list)
    digests: dict[Address, str] = field(default_factory=dict)
    facts: dict[Address, Mapping[str, Scalar]] = field(default_factory=dict)
    first: dict[tuple[str, str, str], Source] = field(default_factory=dict)

    def add(self, source: Source) -> None:
        """Add the resource of a document, in each of its accounts."""
        traits = KINDS[source.kind].traits
        accounts = self.referrers.get(source.address) if traits.on_demand else None
        context = Context(
            project=self.project.metadata.name,
            owner=owner_mark(self.project.metadata.name),
            account="",
            suffix_max=self.project.spec.policy.suffixMax,
            rules=self.rules,
            span=source.span,
            digests=self.digests,
            referenced=self.facts,
            facts=self._measured(source),
        )
        for account in accounts or [source.account]:
            resource = KINDS[source.kind].resource(source.document, replace(context, account=account))
            self.digests[source.address] = resource.marker.digest
            self.facts[source.address] = resource.facts
            if traits.costly:
                self._note_same_training(source, resource)
            self.resources.append(resource)

    def _measured(self, source: Source) -> Mapping[str, Scalar]:
        document = source.document
        if not isinstance(document, DatasetDocument):
            return {}
        report = self.reports[source.address]
        rows = None if document.lifecycle.sha256 else report.rows
        path = str((self.root / document.spec.file).resolve())
        return {"digest": report.digest, "size_bytes": report.size_bytes, "rows": rows, "path": path}

    def _note_same_training(self, source: Source, resource: Resource) -> None:
        place = (resource.address.kind, resource.account, resource.digest)
        other = self.first.setdefault(place, source)
        if other is not source:
            detail = (
                f"{source.address} is the same training as {other.address} at {other.span}: same model, data, method "
                "and settings. Delete one of the two, or give it a `lifecycle: {rerun: WORD}` to train it again."
            )
            finding = Finding(("metadata", "name"), "same-training", "Same training twice", detail)
            self.twice.append(source.diagnostic(finding))

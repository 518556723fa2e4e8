"""What is wanted: loaded specs and measured datasets, made into Resources with digests, in the order of references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

from ftops.cache import Cache
from ftops.data import FORMATS, DataReport, check_rows, guess_format
from ftops.data.cache import remembered, remembered_format
from ftops.diagnostics import Collector, Diagnostic
from ftops.digest import owner_mark
from ftops.kinds import KINDS, matrix
from ftops.kinds.base import Context
from ftops.kinds.dataset import DatasetDocument, DatasetKind
from ftops.kinds.envelope import Finding, as_type
from ftops.kinds.job_spec import FORMAT_OF, JobDocument, method_type
from ftops.kinds.project import ProjectDocument, accounts_of
from ftops.model import Account, Address, Desired, Resource, Scalar
from ftops.rules import Rules, normal_region
from ftops.spec.loader import Loaded, Source
from ftops.spec.refs import edges, in_order
from ftops.upkeep import IdleWish


@dataclass(frozen=True, slots=True)
class Built:
    """The desired state with everything found on the way; with an error among it, `desired` must not be used."""

    desired: Desired | None
    diagnostics: tuple[Diagnostic, ...]
    reports: Mapping[Address, DataReport] = field(default_factory=dict)


def build(loaded: Loaded, root: Path, rules: Rules, today: date | None = None) -> Built:
    """Return the resources that the specs declare; datasets are read and checked, each file once.

    What is made on demand (a dataset) becomes one resource in every account that has a job for it, or, when no
    document refers to it, one in the default account that is never made.

    Args: `today` is the day for which retirements are judged; without one they are not.
    """
    formats, mixed = _formats(loaded.sources)
    reports, problems = _check_data(loaded.sources, root, rules, formats)
    found = Collector([*loaded.diagnostics, *mixed, *_check_matrix(loaded, rules, today)])
    diagnostics = (*found.sorted, *problems)
    if loaded.project is None or any(d.severity == "error" for d in diagnostics):
        return Built(None, diagnostics, reports)
    project = as_type(ProjectDocument, loaded.project.document)
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
    found.extend(builder.problems)
    return Built(desired, (*found.sorted, *problems), reports)


def _check_matrix(loaded: Loaded, rules: Rules, today: date | None) -> Iterable[Diagnostic]:
    """Yield what the service does not offer, also when there are other problems; regions are those of the Project."""
    accounts: Mapping[str, Account] = {}
    if loaded.project is not None:
        accounts = accounts_of(as_type(ProjectDocument, loaded.project.document).spec)
    trained: dict[Address, matrix.Trained] = {}
    for source in in_order(loaded.sources):
        region = normal_region(accounts[source.account].region or "") if source.account in accounts else ""
        place = matrix.Place(region, rules, today)
        yield from map(source.diagnostic, matrix.check(source.document, trained, place))
        if isinstance(source.document, JobDocument):
            trained[source.address] = matrix.trained_by(source.document, trained, rules)


def _formats(sources: Iterable[Source]) -> tuple[dict[Address, str], list[Diagnostic]]:
    """Return the format of each dataset's rows: as declared, else as its jobs need it; else it is not in there.

    A job that needs another one is a problem: one file cannot hold both.
    """
    sources = list(sources)
    formats: dict[Address, str] = {}
    said: dict[Address, str] = {}
    for source in sources:
        if isinstance(source.document, DatasetDocument) and source.document.lifecycle.format:
            formats[source.address] = source.document.lifecycle.format
            said[source.address] = f"{source.address} says `format: {formats[source.address]}`"
    found = []
    for edge in edges(sources):
        job = edge.source.document
        wanted = FORMAT_OF.get(method_type(job.spec)) if isinstance(job, JobDocument) else None
        if wanted is None or edge.target.kind != DatasetKind.word:
            continue
        if formats.setdefault(edge.target, wanted) != wanted:
            detail = (
                f"This job needs {wanted} rows, but {said[edge.target]}. One file cannot hold the rows of two methods: "
                "make a dataset for each."
            )
            finding = Finding(edge.path, "format-conflict", "A dataset of another format", detail)
            found.append(edge.source.diagnostic(finding))
        said.setdefault(edge.target, f"{edge.source.address} needs {wanted} rows of {edge.target}")
    return formats, found


def _check_data(
    sources: Iterable[Source], root: Path, rules: Rules, formats: Mapping[Address, str]
) -> tuple[dict[Address, DataReport], list[Diagnostic]]:
    """Return what each dataset's file holds; a file whose content is pinned is read only to upload it."""
    reports: dict[Address, DataReport] = {}
    by_file: dict[tuple[str, str], DataReport] = {}
    for source in sources:
        document = source.document
        if not isinstance(document, DatasetDocument):
            continue
        file, pinned = document.spec.file, document.lifecycle.sha256
        if file is None:  # What the service imports is taken at the user's word.
            reports[source.address] = DataReport(digest=pinned or "", size_bytes=0, rows=0, problems=())
            continue
        path = root / file
        if not path.is_file():
            continue  # The loader has said so.
        if pinned is not None:
            reports[source.address] = DataReport(digest=pinned, size_bytes=path.stat().st_size, rows=0, problems=())
            continue
        guess = partial(guess_format, path, rules.limits)
        row_format = formats.get(source.address) or remembered_format(Cache.under(root), path, guess)
        if row_format not in FORMATS:
            continue  # The kind has said that it is not built.
        if (file, row_format) not in by_file:
            look = partial(check_rows, path, file, rules.limits, row_format)
            by_file[file, row_format] = remembered(Cache.under(root), path, [file, row_format], look)
        reports[source.address] = by_file[file, row_format]
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
    problems: list[Diagnostic] = field(default_factory=list)
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
            idle=self.project.spec.policy.idle.within(IdleWish()),
            span=source.span,
            digests=self.digests,
            referenced=self.facts,
            facts=self._measured(source),
        )
        for account in accounts or [source.account]:
            region = normal_region(self.project.spec.accounts[account].region or "")
            around = replace(context, account=account, region=region)
            resource = KINDS[source.kind].resource(source.document, around)
            self.digests[source.address] = resource.marker.digest
            self.facts[source.address] = resource.facts
            if traits.costly:
                self._note_same_training(source, resource)
                self._note_too_many_tokens(source, resource)
            self.resources.append(resource)

    def _measured(self, source: Source) -> Mapping[str, Scalar]:
        """Return what a document cannot say: of a dataset what its file holds."""
        document = source.document
        if not isinstance(document, DatasetDocument):
            return {}
        report, read = self.reports[source.address], document.lifecycle.sha256 is None
        if document.spec.file is None:
            return {"digest": report.digest, **document.spec.source}
        return {
            "digest": report.digest,
            "size_bytes": report.size_bytes,
            "rows": report.rows if read else None,
            "tokens": report.tokens if read else None,
            "input_tokens": report.input_tokens if read else None,
            "path": str((self.root / document.spec.file).resolve()),
        }

    def _note_same_training(self, source: Source, resource: Resource) -> None:
        place = (resource.address.kind, resource.account, resource.digest)
        other = self.first.setdefault(place, source)
        if other is not source:
            detail = (
                f"{source.address} is the same training as {other.address} at {other.span}: same model, data, method "
                "and settings. Delete one of the two, or give it a `lifecycle: {rerun: WORD}` to train it again."
            )
            finding = Finding(("metadata", "name"), "same-training", "Same training twice", detail)
            self.problems.append(source.diagnostic(finding))

    def _note_too_many_tokens(self, source: Source, resource: Resource) -> None:
        """Report a job that trains more than one job may; epochs left to the service are not held against it."""
        tokens, most = resource.facts.get("trained_tokens"), self.rules.limits.jobs.trained_tokens_max
        if isinstance(tokens, int) and tokens > most and not resource.facts.get("epochs_assumed"):
            detail = (
                f"The job would train about {tokens:,} tokens, {resource.fields['n_epochs']} times its training file; "
                f"the service takes {most:,} in one job. Train fewer epochs, or split the file and chain the jobs."
            )
            finding = Finding(("spec", "training_file"), "too-many-tokens", "Too many tokens in one job", detail)
            self.problems.append(source.diagnostic(finding))

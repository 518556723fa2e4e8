"""What is wanted: loaded specs and measured datasets, made into Resources with digests, in the order of references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from ftops.cache import Cache
from ftops.catalogue import CATALOGUE, level_of, levels_of
from ftops.data import DataReport, Reading
from ftops.data.cache import Files
from ftops.diagnostics import Collector, Diagnostic, Severity, has_errors
from ftops.digest import owner_mark
from ftops.job_data import PLAIN, Asked, Data, Used, between, formats_of, read_data
from ftops.kinds import KINDS, matrix
from ftops.kinds.base import Context
from ftops.kinds.dataset import DatasetDocument
from ftops.kinds.envelope import Finding, as_type
from ftops.kinds.job_spec import JobDocument
from ftops.kinds.project import ProjectDocument, accounts_of
from ftops.model import Account, Address, Desired, Resource, Scalar
from ftops.rules import Rules, normal_region
from ftops.spec.loader import Loaded, Source
from ftops.spec.refs import edges, in_order
from ftops.upkeep import IdleWish


@dataclass(frozen=True, slots=True)
class Built:
    """The desired state with everything found on the way; with an error among it, `desired` must not be used.

    Beside errors there is no advice: there is enough to do. `data` is what the datasets hold.
    """

    desired: Desired | None
    diagnostics: tuple[Diagnostic, ...]
    data: Data

    @property
    def reports(self) -> Mapping[Address, DataReport]:
        """Return what each dataset's file holds."""
        return self.data.reports


def build(loaded: Loaded, root: Path, rules: Rules, today: date | None = None, asked: Asked = PLAIN) -> Built:
    """Return the resources that the specs declare; datasets are read and checked, each file once.

    What is made on demand (a dataset) becomes one resource in every account that has a job for it, or, when no
    document refers to it, one in the default account that is never made.

    Args: `today` is the day for which retirements are judged; without one they are not.
    """
    formats, mixed = formats_of(loaded.sources)
    unoffered, used = _matched(loaded, rules, today)
    files = Files(root, Cache.under(root), rules.limits)
    data = read_data(loaded.sources, Data(files, rules, used=used), root, formats, asked)
    found = Collector([*loaded.diagnostics, *mixed, *unoffered])
    problems = [*data.problems, *between(data)]
    diagnostics = (*found.sorted, *problems)
    if loaded.project is None or has_errors(diagnostics):
        return Built(None, tuple(d for d in diagnostics if d.severity is not Severity.INFO), data)
    project = as_type(ProjectDocument, loaded.project.document)
    builder = _Builder(project, rules, data, root, _accounts_of_referrers(loaded.sources))
    for source in in_order(loaded.sources):
        builder.add(source)
    accounts = accounts_of(project.spec)
    here = {resource.account for resource in builder.resources}
    desired = Desired(
        project=project.metadata.name,
        owners=frozenset(owner_mark(name) for name in (project.metadata.name, *project.metadata.formerly)),
        accounts={name: account for name, account in accounts.items() if name in here},
        resources=tuple(builder.resources),
        whole=loaded.whole,
    )
    found.extend(builder.problems)
    return Built(desired, (*found.sorted, *problems), data)


def _matched(loaded: Loaded, rules: Rules, today: date | None) -> tuple[list[Diagnostic], list[Used]]:
    """Return what the service does not offer, also when there are other problems, and the jobs with their models.

    Regions are those of the Project.
    """
    accounts: Mapping[str, Account] = {}
    if loaded.project is not None:
        accounts = accounts_of(as_type(ProjectDocument, loaded.project.document).spec)
    trained: dict[Address, matrix.Trained] = {}
    found: list[Diagnostic] = []
    used: list[Used] = []
    for source in in_order(loaded.sources):
        region = normal_region(accounts[source.account].region or "") if source.account in accounts else ""
        place = matrix.Place(region, rules, today)
        found += map(source.diagnostic, matrix.check(source.document, trained, place))
        if isinstance(source.document, JobDocument):
            trained[source.address] = matrix.trained_by(source.document, trained, rules)
            used.append(Used(source, source.document, trained[source.address].base, region))
    return found, used


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
    data: Data
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
        report = self.data.reports[source.address]
        if document.spec.file is None:
            return {"digest": report.digest, **document.spec.source}
        return {
            "digest": report.digest,
            "size_bytes": report.size_bytes,
            "path": str((self.root / document.spec.file).resolve()),
            **(_told(report, self.data.readings[source.address]) if source.address in self.data.readings else {}),
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
        level = level_of("too-many-tokens", levels_of(as_type(JobDocument, source.document).lifecycle.rules))
        tokens, most = resource.facts.get("trained_tokens"), self.rules.limits.jobs.trained_tokens_max
        if level and isinstance(tokens, int) and tokens > most and not resource.facts.get("epochs_assumed"):
            detail = (
                f"The job would train about {tokens:,} tokens, {resource.fields['n_epochs']} times its training file; "
                f"the service takes {most:,} in one job. Train fewer epochs, or split the file and chain the jobs."
            )
            summary = CATALOGUE["too-many-tokens"].summary
            finding = Finding(("spec", "training_file"), "too-many-tokens", summary, detail, level)
            self.problems.append(source.diagnostic(finding))


def _told(report: DataReport, reading: Reading) -> dict[str, Scalar]:
    """Return how a file was read and what was counted in it; the system prompt is the one that most rows have."""
    facts: dict[str, Scalar] = {
        "format": reading.row_format,
        "encoding": report.encoding,
        "rows": report.rows,
        "tokens": report.tokens,
        "input_tokens": report.input_tokens,
        "tokens_exact": bool(report.encoding) and not report.unmeasured_rows,
        "system_prompts": len(report.prompts),
        "shown": report.shown,
    }
    if report.usual_prompt is not None:
        sha256, usual = report.usual_prompt
        facts |= {"prompt_line": usual.line, "prompt_characters": usual.characters, "prompt_rows": usual.rows}
        facts |= {"prompt_sha256": sha256}
    return facts

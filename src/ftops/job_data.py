"""Datasets as jobs use them: how each file is read for its jobs, and the rules between a job, its data and its model.

Files are read here, through `data/`; documents are the loader's. What is found stands at the job where a job is to be
mended, and in the data file where rows are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ftops.catalogue import CATALOGUE, Levels, level_of, levels_of
from ftops.data import DataReport, Reading, guess_format
from ftops.data.cache import Files
from ftops.data.counting import counter
from ftops.data.index import RowIndex, shared
from ftops.data.report import SHOWN_PER_CODE_MAX
from ftops.diagnostics import Diagnostic, Severity, Span
from ftops.kinds.dataset import DatasetDocument, DatasetKind
from ftops.kinds.envelope import Finding, JobRef
from ftops.kinds.envelope import Path as SpecPath
from ftops.kinds.job_advice import advice
from ftops.kinds.job_spec import FORMAT_OF, REINFORCEMENT, JobDocument, grader_fields, method_type
from ftops.model import Address
from ftops.rules import Model, Rules
from ftops.spec.loader import Source
from ftops.spec.refs import edges
from ftops.upkeep import many

TRAINING: SpecPath = ("spec", "training_file")
VALIDATION: SpecPath = ("spec", "validation_file")


@dataclass(frozen=True, slots=True)
class Used:
    """A job with what it trains: its document, the base model as far as the matrix has it, and where it trains."""

    source: Source
    job: JobDocument
    base: Model | None
    region: str

    @property
    def training(self) -> Address:
        """Return the dataset it is trained with."""
        return Address(DatasetKind.word, self.job.spec.training_file.dataset)

    @property
    def validation(self) -> Address | None:
        """Return the dataset it is validated with."""
        given = self.job.spec.validation_file
        return Address(DatasetKind.word, given.dataset) if given else None

    @property
    def datasets(self) -> tuple[Address, ...]:
        """Return both."""
        return (self.training, *((self.validation,) if self.validation else ()))

    @property
    def levels(self) -> Levels:
        """Return the severities that the job's document overrides."""
        return levels_of(self.job.lifecycle.rules)


@dataclass(slots=True)
class Data:
    """The datasets of a project: what each file holds, read as its jobs need it."""

    files: Files
    rules: Rules
    sets: dict[Address, DatasetDocument] = field(default_factory=dict)
    readings: dict[Address, Reading] = field(default_factory=dict)
    reports: dict[Address, DataReport] = field(default_factory=dict)
    used: Sequence[Used] = ()

    def levels(self, address: Address) -> Levels:
        """Return the severities that a dataset's document overrides."""
        document = self.sets.get(address)
        return levels_of(document.lifecycle.rules) if document else {}

    def file_of(self, address: Address) -> str:
        """Return the file of a dataset as its document names it; empty where the service imports it."""
        return self.sets[address].spec.file or ""

    @property
    def problems(self) -> list[Diagnostic]:
        """Return what was found in the files, each as its datasets weigh it, and each once."""
        found = [d for address, report in self.reports.items() for d in report.judged(self.levels(address))]
        return list(dict.fromkeys([*found, *self._advice()]))

    def _advice(self) -> Iterator[Diagnostic]:
        guidance = self.rules.limits.guidance
        for address in dict.fromkeys(used.training for used in self.used):
            report = self.read(address)
            if report is None:
                continue
            if self.rules.limits.rows.rows_min <= report.rows < guidance.rows_to_learn:
                few = report.rows < guidance.rows_to_start
                detail = (
                    f"The file has {report.rows} rows. "
                    f"{f'About {guidance.rows_to_start} good rows are a start' if few else 'That is a start'}; below "
                    f"{guidance.rows_to_learn} a model learns a form rather than a subject."
                )
                yield from self._of_file(address, "few-rows", detail)
            if not report.encoding:
                detail = "No exact encoder of the model is at hand: install `ftops[tokens]`, if it has a published one."
                yield from self._of_file(address, "tokens-estimated", detail)

    def _of_file(self, address: Address, code: str, detail: str, line: int = 0) -> Iterator[Diagnostic]:
        level = level_of(code, self.levels(address))
        if level is not None:
            span = Span(self.file_of(address), line, 1 if line else 0)
            yield Diagnostic(span, code, CATALOGUE[code].summary, detail, level)

    def read(self, address: Address | None) -> DataReport | None:
        """Return what is known of a dataset that was read; None where it is pinned, elsewhere or unreadable."""
        report = self.reports.get(address) if address else None
        return report if report and address in self.readings and report.digest else None


def formats_of(sources: Iterable[Source]) -> tuple[dict[Address, str], list[Diagnostic]]:
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command asks of the data: keys written twice (`strict`), and numbers of rows to compare versions by."""

    strict: bool = False
    compares: bool = False


PLAIN = Asked()


def read_data(
    sources: Sequence[Source], data: Data, root: Path, formats: Mapping[Address, str], asked: Asked = PLAIN
) -> Data:
    """Fill in what each dataset's file holds; a file whose content is pinned is read only to upload it."""
    users: dict[Address, list[Used]] = {}
    for used in data.used:
        for address in set(used.datasets):
            users.setdefault(address, []).append(used)
    for source in sources:
        document = source.document
        if not isinstance(document, DatasetDocument):
            continue
        data.sets[source.address] = document
        file, pinned = document.spec.file, document.lifecycle.sha256
        if file is None:  # The service imports it, and its content is what the spec says it is.
            data.reports[source.address] = DataReport(pinned or "", 0)
            continue
        if not (root / file).is_file():
            continue  # The loader has said so.
        if pinned is not None:
            data.reports[source.address] = DataReport(pinned, (root / file).stat().st_size)
            continue
        row_format = formats.get(source.address) or data.files.guess(file, guess_format)
        reading = data.readings[source.address] = _reading(source.address, row_format, users, data, asked)
        data.reports[source.address] = data.files.report(file, reading)
    return data


def _reading(
    address: Address, row_format: str, users: Mapping[Address, Sequence[Used]], data: Data, asked: Asked
) -> Reading:
    """Return how a dataset is read: by the models it trains, and by what their graders read of it."""
    jobs = users.get(address, ())
    bases = [each.base for each in jobs if each.base is not None]
    encodings = {base.encoding for base in bases} or {data.rules.usual_encoding}
    encoding = encodings.pop() if len(encodings) == 1 else ""
    return Reading(
        row_format=row_format,
        encoding=encoding if counter(encoding) else "",
        contexts=tuple(sorted({base.context_tokens for base in bases if base.context_tokens})),
        fields=tuple(sorted({path for each in jobs for path in grader_fields(each.job.spec)})),
        trains=not jobs or any(each.training == address for each in jobs),
        strict=asked.strict,
        identities=asked.compares or any(each.validation for each in jobs),
    )


def between(data: Data) -> Iterator[Diagnostic]:
    """Yield what is wrong between jobs and their data, and what is advised, each as its documents weigh it."""
    by_address = {each.source.address: each for each in data.used}
    told: set[tuple[str, ...]] = set()
    for each in data.used:
        for finding in _of_job(each, data):
            level = level_of(finding.code, each.levels)
            if level is not None:
                yield each.source.diagnostic(_weighed(finding, level))
        yield from _shared(each, data)
        yield from _repeated(each, by_address, data, told)
    yield from _advised(data)


def _advised(data: Data) -> Iterator[Diagnostic]:
    """Yield what is advised on the settings of jobs, each once: most jobs of a project are made alike."""
    told: dict[tuple[str, Severity], list[tuple[Used, Finding]]] = {}
    for used in data.used:
        for path, code, detail in advice(used.job, data.rules):
            level = level_of(code, used.levels)
            if level is not None:
                told.setdefault((code, level), []).append((used, _found(path, code, detail)))
    for (_, level), ((used, finding), *others) in told.items():
        more = f" The same is to be said of {len(others)} more job{'s' if len(others) > 1 else ''}." if others else ""
        yield used.source.diagnostic(_weighed(replace(finding, detail=f"{finding.detail}{more}"), level))


def _weighed(finding: Finding, level: Severity) -> Finding:
    return replace(finding, severity=level)


def _found(path: SpecPath, code: str, detail: str) -> Finding:
    return Finding(path, code, CATALOGUE[code].summary, detail)


def _of_job(used: Used, data: Data) -> Iterator[Finding]:
    method, training, validation = method_type(used.job.spec), data.read(used.training), data.read(used.validation)
    if method == REINFORCEMENT and used.validation is None:
        detail = "Reinforcement training needs a validation file too; the service refuses the job without one."
        yield _found(TRAINING, "validation-missing", detail)
    if validation is not None and validation.rows < data.rules.limits.guidance.validation_rows_min:
        detail = (
            f"{used.validation} has {validation.rows} rows; below {data.rules.limits.guidance.validation_rows_min} "
            "its metrics are chance, and so is the best checkpoint that they choose."
        )
        yield _found(VALIDATION, "few-validation-rows", detail)
    for path, report in ((TRAINING, training), (VALIDATION, validation)):
        if report is not None:
            yield from _of_model(used, path, report, data.rules)


def _of_model(used: Used, path: SpecPath, report: DataReport, rules: Rules) -> Iterator[Finding]:
    base, images = used.base, _rows(report.image_rows)
    if not report.image_rows or method_type(used.job.spec) == REINFORCEMENT:
        pass  # Its rows are told of themselves: no model is known to take images there.
    elif base is not None and not base.sees_images:
        seeing = ", ".join(model.id for model in rules.models if model.sees_images)
        detail = (
            f"{images} of {report.shown} with images, the first in line {report.first_image_line:,}: {base.id} is not "
            f"trained on them. Models that are: {seeing}."
        )
        yield _found(path, "image-model", detail)
    elif used.region in rules.regions.without_vision:
        detail = f"{images} of {report.shown} with images: in {used.region} no model is trained on them."
        yield _found(path, "image-region", detail)
    over = report.lengths.over.get(base.context_tokens, 0) if base is not None else 0
    if base is not None and over:
        places = ", ".join(f"{line:,}" for tokens, line in report.lengths.longest if tokens > base.context_tokens)
        detail = (
            f"{_rows(over)} of {report.shown} with more than {base.context_tokens:,} tokens, the longest in lines "
            f"{places}: {base.id} drops what is beyond from their ends, without a word. Shorten or split them."
        )
        yield _found(path, "row-over-context", detail)


def _rows(number: int) -> str:
    return f"{number:,} row{'s' if number != 1 else ''}"


def _shared(used: Used, data: Data) -> Iterator[Diagnostic]:
    """Yield the rows that a job is both trained and validated with, in the validation file."""
    training, validation = data.read(used.training), data.read(used.validation)
    if training is None or validation is None or used.validation is None:
        return
    level = level_of("shared-row", {**data.levels(used.validation), **used.levels})
    if level is None:
        return
    summary, most = CATALOGUE["shared-row"].summary, SHOWN_PER_CODE_MAX
    if training.digest == validation.digest:
        detail = f"{used.source.address} trains and validates with the same rows; its metrics would tell nothing."
        yield Diagnostic(Span(validation.shown), "shared-row", summary, detail, level)
        return
    count, pairs = shared(_numbers(used.training, data), _numbers(used.validation, data), most + 1)
    for number, pair in enumerate(pairs):
        detail = f"{used.source.address} trains on this row too: line {pair.first:,} of {training.shown}. Take one out."
        if number == most:
            rest = count - most
            detail = (
                f"The same in {rest:,} more {'place' if rest == 1 else 'places'}; only the first {most} are listed."
            )
        yield Diagnostic(Span(validation.shown, pair.second, 1), "shared-row", summary, detail, level)


def _repeated(
    used: Used, by_address: Mapping[Address, Used], data: Data, told: set[tuple[str, ...]]
) -> Iterator[Diagnostic]:
    """Yield that a stage of a chain repeats rows that its parent was trained on; once for each pair of contents."""
    model = used.job.spec.model
    parent = by_address.get(Address("job", model.job)) if isinstance(model, JobRef) and model.at is None else None
    level = level_of("repeats-parent-rows", used.levels)
    if parent is None or parent is used or level is None:
        return
    before, now = data.read(parent.training), data.read(used.training)
    if before is None or now is None or method_type(parent.job.spec) != method_type(used.job.spec):
        return
    pair = (before.digest, now.digest, level)
    if pair in told:
        return
    told.add(pair)
    if before.digest == now.digest:
        count, where = now.rows, "all of them"
    else:
        count, pairs = shared(_numbers(parent.training, data), _numbers(used.training, data), 1)
        where = f"the first in line {pairs[0].second:,}" if pairs else ""
    if count:
        detail = (
            f"{many(count)} of the {many(now.rows)} rows of {now.shown} were in the data of {parent.source.address} "
            f"too, {where}. A new stage needs the new rows, and of the old ones what is to be kept in mind."
        )
        yield used.source.diagnostic(_weighed(_found(TRAINING, "repeats-parent-rows", detail), level))


def _numbers(address: Address, data: Data) -> RowIndex:
    return data.files.identities(data.file_of(address), data.readings[address], data.reports[address])

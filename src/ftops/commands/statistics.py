"""Gathers what `ftops validate --stats` shows, and the text of rows for `--show-text`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ftops.catalogue import CATALOGUE
from ftops.data import DataReport
from ftops.data.texts import lines_of, prompt_in
from ftops.desired import Built
from ftops.diagnostics import Diagnostic
from ftops.job_data import Data, Used
from ftops.kinds.job_spec import hyperparameters
from ftops.model import Address, Resource
from ftops.render.sets import Context, Prompts, SetStats, Trained
from ftops.spec.text import window


def statistics(built: Built, root: Path, *, show_text: bool) -> list[SetStats]:
    """Return every dataset in numbers, in the order of the documents."""
    jobs = {resource.address: resource for resource in (built.desired.resources if built.desired else ())}
    return [_stats(address, report, built.data, jobs, root if show_text else None) for address, report in _sets(built)]


def _sets(built: Built) -> Iterator[tuple[Address, DataReport]]:
    return ((address, report) for address, report in built.data.reports.items() if report.digest)


def _stats(
    address: Address, report: DataReport, data: Data, jobs: dict[Address, Resource], root: Path | None
) -> SetStats:
    file, reading = data.file_of(address), data.readings.get(address)
    if reading is None:
        how = "pinned" if file else "imported"
        return SetStats(str(address), file or "(a URL)", how, report.digest, report.size_bytes)
    lengths = report.lengths
    return SetStats(
        address=str(address),
        file=file,
        format=reading.row_format,
        digest=report.digest,
        size_bytes=report.size_bytes,
        rows=report.rows,
        tokens=report.tokens,
        encoding=report.encoding,
        unmeasured_rows=report.unmeasured_rows,
        image_rows=report.image_rows,
        least=lengths.least,
        percentiles=lengths.percentiles,
        most=lengths.most,
        bars=lengths.bars,
        longest=lengths.longest,
        contexts=tuple(Context(tokens, rows) for tokens, rows in lengths.over.items()),
        trained=tuple(_trained(used, jobs, data) for used in data.used if used.training == address),
        prompts=_prompts(report, root / file if root else None),
    )


def _trained(used: Used, jobs: dict[Address, Resource], data: Data) -> Trained:
    resource = jobs.get(used.source.address)
    facts = resource.facts if resource else {}
    _, settings = hyperparameters(used.job.spec)
    tokens, usd, low = (facts.get(name) for name in ("trained_tokens", "training_usd", "training_usd_low"))
    epochs = settings.n_epochs if settings.n_epochs is not None else facts.get("epochs")
    return Trained(
        job=str(used.source.address),
        model=used.base.id if used.base else "a model that is not in the matrix",
        epochs=epochs if isinstance(epochs, int) else None,
        assumed=bool(facts.get("epochs_assumed")),
        tokens=int(tokens) if isinstance(tokens, int | float) else None,
        usd_low=float(low) if isinstance(low, int | float) else None,
        usd=float(usd) if isinstance(usd, int | float) else None,
        hourly_usd=data.rules.training_usd_per_hour(used.base.id, used.job.spec.trainingType, used.region)
        if used.base
        else None,
    )


def _prompts(report: DataReport, path: Path | None) -> Prompts | None:
    usual = report.usual_prompt
    if usual is None:
        return None
    sha256, prompt = usual
    return Prompts(
        different=len(report.prompts),
        rows_without=report.promptless_rows,
        usual_line=prompt.line,
        usual_rows=prompt.rows,
        usual_characters=prompt.characters,
        usual_sha256=sha256,
        text=prompt_in(lines_of(path, [prompt.line]).get(prompt.line, b"")) if path else "",
    )


def with_texts(diagnostics: Sequence[Diagnostic], root: Path) -> tuple[Diagnostic, ...]:
    """Return the diagnostics, those of rows with the text of their line, cut around the column."""
    wanted: dict[str, list[int]] = {}
    for each in diagnostics:
        if _of_row(each):
            wanted.setdefault(each.span.file, []).append(each.span.line)
    texts = {file: lines_of(root / file, lines) for file, lines in wanted.items()}
    return tuple(_with_text(each, texts.get(each.span.file, {})) for each in diagnostics)


def _of_row(each: Diagnostic) -> bool:
    return each.code in CATALOGUE and each.span.line > 0 and not each.excerpt


def _with_text(each: Diagnostic, lines: dict[int, bytes]) -> Diagnostic:
    line = lines.get(each.span.line) if _of_row(each) else None
    if line is None:
        return each
    return replace(each, excerpt=window(line.decode("utf-8", "replace"), each.span.column))

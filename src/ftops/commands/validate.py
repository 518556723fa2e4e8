"""`ftops validate`: specs and datasets, offline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.cache import Cache
from ftops.commands.options import Format, complete_paths
from ftops.commands.output import Output, command
from ftops.commands.verdicts import PLAINLY, STRICTLY, Verdict, ask
from ftops.diagnostics import Diagnostic, Severity
from ftops.errors import UsageError
from ftops.render.text import count

if TYPE_CHECKING:
    from ftops.render.sets import SetStats

FOR_PEOPLE = frozenset({"text", "github"})
"""Formats that end in a line of words when all is well; the others are one document."""


@command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=complete_paths)
@click.option(
    "--format", "format_", type=Format("text", "json", "github", "sarif"), default="text", help="How to print."
)
@click.option("--strict", is_flag=True, help="Treat warnings as errors, and look for keys of rows written twice.")
@click.option("--stats", is_flag=True, help="Show each dataset in numbers: rows, tokens, lengths, cost.")
@click.option("--show-text", is_flag=True, help="Show the text of rows that have a problem.")
def validate(
    output: Output, paths: tuple[str, ...], format_: str, *, strict: bool, stats: bool, show_text: bool
) -> int:
    """Check specs and datasets, offline.

    PATH is a file, a directory or - for standard input; without one, specs/ if there is one, else this directory.
    Every problem of every file is listed in one run. Exit code 1 when there is an error.
    """
    if stats and format_ not in {"text", "json"}:
        raise UsageError("--stats goes with --format text or json; the other formats list problems only.")
    if show_text and format_ not in {"text", "json"}:
        raise UsageError("--show-text goes with --format text or json; the other formats are kept and shown by others.")
    root = output.common.root
    verdict, sets = _verdict(root, paths, strict=strict, stats=stats, show_text=show_text)
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failed = any(d.severity in failing for d in verdict.diagnostics)
    if format_ == "text":
        output.diagnostics(_heard(verdict.diagnostics, output))
        if failed and not any(d.severity is Severity.ERROR for d in verdict.diagnostics):
            output.note("Warnings count as errors: --strict.")
        _show(sets, output)
    else:
        from ftops.commands.findings import findings  # noqa: PLC0415

        output.result(findings(verdict.diagnostics, format_, root, ok=not failed, sets=sets))
    if not failed and format_ in FOR_PEOPLE:
        data = f"{count(verdict.sets, 'dataset')} with {verdict.rows:,} examples"
        documents = count(verdict.documents, "document")
        output.result(f"Valid: {documents} in {count(verdict.files, 'file')}, {data}.\n")
    return int(failed)


def _heard(diagnostics: Sequence[Diagnostic], output: Output) -> Sequence[Diagnostic]:
    """Return what a person is told: under -q no notes."""
    return [d for d in diagnostics if d.severity is not Severity.INFO] if output.common.quiet else diagnostics


def _show(sets: Sequence[SetStats], output: Output) -> None:
    if sets:
        from ftops.render.sets import sets_text  # noqa: PLC0415

        output.result(sets_text(sets, colour=output.colour_on(sys.stdout)))


def _verdict(
    root: Path, paths: Sequence[str], *, strict: bool, stats: bool, show_text: bool
) -> tuple[Verdict, Sequence[SetStats]]:
    """Return what is found in the specs and data, by looking unless the same was looked at before."""
    question = ask(Cache.under(root), root, paths, STRICTLY if strict else PLAINLY)
    known = None if stats else question.answer()
    sets: Sequence[SetStats] = ()
    if known is None:
        from ftops.commands.checking import check  # noqa: PLC0415 - what reads specs and data takes long to import

        found = check(root, paths, sys.stdin.buffer.read, strict=strict)
        known = found.verdict
        if found.data_files is not None:
            question.keep(known, found.data_files)
        if stats:
            from ftops.commands.statistics import statistics  # noqa: PLC0415

            sets = statistics(found.built, root, show_text=show_text)
    if show_text:
        from ftops.commands.statistics import with_texts  # noqa: PLC0415

        known = known._replace(diagnostics=with_texts(known.diagnostics, root))
    return known, sets

"""`ftops validate`: specs and datasets, offline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ftops.cache import Cache
from ftops.commands.options import Format, complete_paths
from ftops.commands.output import Output, command, not_yet
from ftops.commands.verdicts import Verdict, ask
from ftops.diagnostics import Severity
from ftops.render.text import count

FOR_PEOPLE = frozenset({"text", "github"})
"""Formats that end in a line of words when all is well; the others are one document."""


@command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=complete_paths)
@click.option(
    "--format", "format_", type=Format("text", "json", "github", "sarif"), default="text", help="How to print."
)
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@not_yet("--stats", "--show-text", flag=True)
def validate(output: Output, paths: tuple[str, ...], format_: str, *, strict: bool) -> int:
    """Check specs and datasets, offline.

    PATH is a file, a directory or - for standard input; without one, specs/ if there is one, else this directory.
    Every problem of every file is listed in one run. Exit code 1 when there is an error.
    """
    verdict = _verdict(output.common.root, paths)
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failed = any(d.severity in failing for d in verdict.diagnostics)
    if format_ == "text":
        output.diagnostics(verdict.diagnostics)
    else:
        from ftops.commands.findings import findings  # noqa: PLC0415

        output.result(findings(verdict.diagnostics, format_, output.common.root, ok=not failed))
    if not failed and format_ in FOR_PEOPLE:
        sets = f"{count(verdict.sets, 'dataset')} with {verdict.rows:,} examples"
        documents = count(verdict.documents, "document")
        output.result(f"Valid: {documents} in {count(verdict.files, 'file')}, {sets}.\n")
    return int(failed)


def _verdict(root: Path, paths: Sequence[str]) -> Verdict:
    """Return what is found in the specs and data, by looking unless the same was looked at before."""
    question = ask(Cache.under(root), root, paths)
    known = question.answer()
    if known is not None:
        return known
    from ftops.commands.checking import check  # noqa: PLC0415 - what reads specs and data takes long to import

    verdict, data_files = check(root, paths, sys.stdin.buffer.read)
    if data_files is not None:
        question.keep(verdict, data_files)
    return verdict

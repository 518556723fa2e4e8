"""`ftops validate`: specs and data sets, offline."""

from __future__ import annotations

import json

import click

from ftops.commands.options import Format, complete_paths
from ftops.commands.output import Output, command, not_yet
from ftops.commands.session import load_built
from ftops.diagnostics import Severity
from ftops.render.diagnostics import diagnostics_json
from ftops.render.text import count


@command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=complete_paths)
@click.option(
    "--format", "format_", type=Format("text", "json", later=("github", "sarif")), default="text", help="How to print."
)
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@not_yet("--stats", "--show-text", flag=True)
def validate(output: Output, paths: tuple[str, ...], format_: str, *, strict: bool) -> int:
    """Check specs and data sets, offline.

    PATH is a file, a directory or - for standard input; without one, specs/ if there is one, else this directory.
    Every problem of every file is listed in one run. Exit code 1 when there is an error.
    """
    loaded, built = load_built(output, paths)
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failed = any(d.severity in failing for d in built.diagnostics)
    if format_ == "json":
        output.result(
            json.dumps({"ok": not failed, "diagnostics": diagnostics_json(built.diagnostics)}, indent=2) + "\n"
        )
        return int(failed)
    output.diagnostics(built.diagnostics)
    if not failed:
        rows = sum(report.rows for report in built.reports.values())
        documents = count(len(loaded.sources) + 1, "document")
        sets = f"{count(len(built.reports), 'data set')} with {rows:,} examples"
        output.result(f"Valid: {documents} in {count(len(loaded.files), 'file')}, {sets}.\n")
    return int(failed)

"""Reads specs and datasets for `ftops validate`; imported only when there is something to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ftops.commands.verdicts import Verdict
from ftops.desired import Built, build
from ftops.job_data import Asked
from ftops.kinds import KINDS
from ftops.rules import load_rules
from ftops.spec.loader import load


class Found(NamedTuple):
    """Everything found, what it was found in, and the data files; None for those where there is no project."""

    verdict: Verdict
    built: Built
    data_files: tuple[str, ...] | None


def check(root: Path, paths: Sequence[str], stdin: Callable[[], bytes], *, strict: bool) -> Found:
    """Return everything found; `strict` looks for keys of rows that are written twice, too."""
    rules = load_rules()
    loaded = load(paths, root, stdin, rules)
    built = build(loaded, root, rules, asked=Asked(strict=strict))
    verdict = Verdict(
        diagnostics=built.diagnostics,
        documents=len(loaded.sources) + 1,
        files=len(loaded.files),
        sets=len(built.reports),
        rows=sum(report.rows for report in built.reports.values()),
    )
    if loaded.project is None:
        return Found(verdict, built, None)
    named = [file for each in loaded.sources for _, file in KINDS[each.kind].files(each.document)]
    return Found(verdict, built, tuple(dict.fromkeys(named)))

"""Reads specs and datasets for `ftops validate`; imported only when there is something to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ftops.commands.verdicts import Verdict
from ftops.desired import build
from ftops.kinds import KINDS
from ftops.rules import load_rules
from ftops.spec.loader import load


def check(root: Path, paths: Sequence[str], stdin: Callable[[], bytes]) -> tuple[Verdict, tuple[str, ...] | None]:
    """Return everything found, and the data files it was found in; None for those where there is no project."""
    rules = load_rules()
    loaded = load(paths, root, stdin, rules)
    built = build(loaded, root, rules)
    verdict = Verdict(
        diagnostics=built.diagnostics,
        documents=len(loaded.sources) + 1,
        files=len(loaded.files),
        sets=len(built.reports),
        rows=sum(report.rows for report in built.reports.values()),
    )
    if loaded.project is None:
        return verdict, None
    named = [file for each in loaded.sources for _, file in KINDS[each.kind].files(each.document)]
    return verdict, tuple(dict.fromkeys(named))

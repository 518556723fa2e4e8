"""What `ftops validate` prints for other programs: JSON, annotations of GitHub Actions, SARIF."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ftops.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from ftops.render.sets import SetStats

WORKSPACE = "GITHUB_WORKSPACE"
"""Where GitHub Actions has put the repository."""


def findings(
    diagnostics: Sequence[Diagnostic], format_: str, root: Path, *, ok: bool, sets: Sequence[SetStats] = ()
) -> str:
    """Return the diagnostics as `json`, `github` or `sarif`; each of them imports no more than it needs.

    Args: `root` is the project's, resolved; `ok` tells whether the command ends well, `sets` are shown in JSON only.
    """
    if format_ == "json":
        return _json(diagnostics, sets, ok=ok)
    prefix = repository_prefix(root, os.environ.get(WORKSPACE, ""))
    return _github(diagnostics, prefix) if format_ == "github" else _sarif(diagnostics, prefix)


def repository_prefix(root: Path, workspace: str) -> str:
    """Return the project root relative to the repository, with `/`; empty where the root is not under a known one."""
    top = Path(workspace).resolve() if workspace else root
    return root.relative_to(top).as_posix() if root.is_relative_to(top) and root != top else ""


def _json(diagnostics: Sequence[Diagnostic], sets: Sequence[SetStats], *, ok: bool) -> str:
    import json  # noqa: PLC0415

    from ftops.render.diagnostics import diagnostics_json  # noqa: PLC0415

    document: dict[str, object] = {"ok": ok, "diagnostics": diagnostics_json(diagnostics)}
    if sets:
        from ftops.render.sets import sets_json  # noqa: PLC0415

        document["datasets"] = sets_json(sets)
    return json.dumps(document, indent=2) + "\n"


def _github(diagnostics: Sequence[Diagnostic], prefix: str) -> str:
    from ftops.render.to_github import github_annotations  # noqa: PLC0415

    return github_annotations(diagnostics, prefix)


def _sarif(diagnostics: Sequence[Diagnostic], prefix: str) -> str:
    from ftops import __version__  # noqa: PLC0415
    from ftops.render.to_sarif import Rule, sarif  # noqa: PLC0415

    if not diagnostics:  # Then no page is wanted, and reading them all takes longer than everything else.
        return sarif((), {}, __version__, prefix)
    from ftops.catalogue import CATALOGUE, OFF  # noqa: PLC0415
    from ftops.commands.explain import diagnostic_pages, severity_of  # noqa: PLC0415

    rules = {
        code: Rule(
            means=page.means,
            mend=page.mend,
            severity=Severity(severity_of(code, page).replace(OFF, Severity.INFO)),  # Told, if it was asked for.
            tags=(CATALOGUE[code].id,) if code in CATALOGUE else (),
        )
        for code, page in diagnostic_pages().items()
    }
    return sarif(diagnostics, rules, __version__, prefix)

"""What our own check says of a row that the service could not read: the service names a line, and no more than that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ftops.diagnostics import Diagnostic, Severity, Span
from ftops.model import Action, Phase, Resource
from ftops.rules import load_rules

CODE, SUMMARY = "refused-row", "The service could not read a row"
_LINE = re.compile(r"line #(\d{1,12})\b")
"""How the service names a line, counted from 0 (azure-api.md §4 and §16)."""


def refused_rows(actions: Iterable[Action], root: Path) -> list[Diagnostic]:
    """Return, for each dataset that the service refused by a line, the place of that row and what we find in it."""
    found = [each for action in actions for each in _of_action(action, root)]
    return list(dict.fromkeys(found))


def _of_action(action: Action, root: Path) -> Iterator[Diagnostic]:
    resource = action.resource
    failed = action.object is not None and action.object.phase is Phase.FAILED
    told = f"{action.reason} {action.object.problem if action.object and failed else ''}"
    line = _LINE.search(told)
    if resource is None or line is None or not isinstance(resource.facts.get("path"), str):
        return
    yield from _of_line(resource, int(line[1]) + 1, root)


def _of_line(resource: Resource, line: int, root: Path) -> Iterator[Diagnostic]:
    from ftops.data import Reading, check_line, guess_format  # noqa: PLC0415 - most plans have nothing refused

    path = Path(str(resource.facts["path"]))
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    rules = load_rules()
    reading = Reading(guess_format(path, rules.limits), strict=True)
    ours = check_line(path, shown, line, rules.limits, reading)
    if ours is None:
        return  # The file is not there any more, or has no such line: another version was uploaded.
    said = f"The service stopped at line {line:,} of what was uploaded as {resource.address}."
    if not ours:
        detail = f"{said} Our check finds nothing wrong with that row; look at it, or leave it out and try again."
        yield Diagnostic(Span(shown, line, 1), CODE, SUMMARY, detail, Severity.WARNING)
    for each in ours:
        detail = f"{said} Our check says: {each.summary} ({each.code}). {each.detail}"
        yield Diagnostic(each.span, CODE, SUMMARY, detail, Severity.WARNING, path=each.path)

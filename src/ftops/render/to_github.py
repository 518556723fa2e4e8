"""Diagnostics as workflow commands of GitHub Actions, which shows them beside the lines of a pull request.

Nothing of a user's can end a command or begin another: the runner reads a command from the first column of a line, and
every text here is one line, its escapes and line ends made visible or encoded as the runner decodes them.

Source: GitHub Docs, "Workflow commands for GitHub Actions"; actions/toolkit, docs/problem-matchers.md, for the limits.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftops.diagnostics import Diagnostic, Severity
from ftops.render.diagnostics import one_line
from ftops.render.places import HERE, in_repository
from ftops.render.text import count, harmless

ANNOTATIONS_MAX = 10
"""GitHub shows so many errors, so many warnings and so many notices of one step, and drops the others silently."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_SHOWN_MAX = dict.fromkeys(Severity, ANNOTATIONS_MAX) | {Severity.INFO: ANNOTATIONS_MAX - 1}
"""The notice that counts the rest takes the place of one."""
_NOUNS = {Severity.ERROR: "more error", Severity.WARNING: "more warning", Severity.INFO: "more note"}

_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def github_annotations(diagnostics: Sequence[Diagnostic], prefix: str = "") -> str:
    """Return one command a line, errors first, and a last one that counts what was left out; empty without any.

    Args:
        diagnostics: of each severity the first few are printed, in the given order.
        prefix: the project root relative to the repository, with `/`; empty where the two are the same.

    """
    lines: list[str] = []
    left_out: list[str] = []
    for severity, most in _SHOWN_MAX.items():
        found = [each for each in diagnostics if each.severity is severity]
        lines += [_annotation(each, prefix) for each in found[:most]]
        if len(found) > most:
            left_out.append(count(len(found) - most, _NOUNS[severity]))
    if left_out:
        message = f"Not shown here: {', '.join(left_out)}. `ftops validate` lists them all."
        lines.append(_command("notice", {"title": "ftops"}, message))
    return "".join(f"{line}\n" for line in lines)


def _annotation(diagnostic: Diagnostic, prefix: str) -> str:
    properties = {**_place(diagnostic, prefix), "title": diagnostic.code}
    return _command(_COMMANDS[diagnostic.severity], properties, one_line(diagnostic))


def _place(diagnostic: Diagnostic, prefix: str) -> dict[str, str]:
    """Return the properties of a place, as far as it is known."""
    span = diagnostic.span
    file = in_repository(span.file, prefix)
    known = {"file": "" if file == HERE else file, "line": span.line or "", "col": span.column or ""}
    return {name: str(value) for name, value in known.items() if value}


def _command(name: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{key}={harmless(value.translate(_IN_PROPERTY))}" for key, value in properties.items())
    return f"::{name} {told}::{message.translate(_IN_MESSAGE)}"

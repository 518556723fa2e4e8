"""Diagnostics as SARIF 2.1.0, the format of static analysis that code scanning reads.

The text of a row or of a source line is never in it. It says nothing of the machine and of the time, so equal findings
are equal files.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0 with errata 01; GitHub Docs, "SARIF support for code
scanning", for what is shown and for the limits.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

from ftops.diagnostics import Diagnostic, Severity
from ftops.render.diagnostics import one_line
from ftops.render.pages import sentence
from ftops.render.places import in_repository

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
RESULTS_MAX = 5_000
"""Code scanning shows so many results of a run and leaves the others out."""
ROOT = "%SRCROOT%"
"""What code scanning calls the root of the repository."""
FINGERPRINT = "ftops/v1"
FINGERPRINT_DIGITS = 32

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_LINE_NUMBER = re.compile(r"(?<=\bline )\d[\d,]*|:\d+:\d+\b")
"""How details tell a place: `in line 1,003`, `specs/support.yaml:14:7`."""
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What there is to know about a code: its page, its usual severity, and the service rules it checks (`F004`)."""

    means: str
    mend: str = ""
    severity: Severity = Severity.ERROR
    tags: tuple[str, ...] = ()


def sarif(diagnostics: Sequence[Diagnostic], rules: Mapping[str, Rule], version: str, prefix: str = "") -> str:
    """Return one run as a JSON document, ending in a line break.

    Args:
        diagnostics: printed errors first, else in the given order; those beyond `RESULTS_MAX` are counted only.
        rules: by code; a code without one is told with the summary of its diagnostic.
        version: that of ftops.
        prefix: the project root relative to the repository, with `/`; empty where the two are the same.

    """
    weights = list(_LEVELS)
    ordered = sorted(diagnostics, key=lambda each: weights.index(each.severity))
    shown = ordered[:RESULTS_MAX]
    known = {each.code: rules.get(each.code) or Rule(each.summary, severity=each.severity) for each in shown}
    indexes = {code: index for index, code in enumerate(sorted(known))}
    prints = _fingerprints(shown, prefix)
    driver = {
        "name": "ftops",
        "semanticVersion": version,
        "rules": [_rule(code, known[code]) for code in indexes],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(len(shown), len(ordered))],
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, indexes[each.code], mark, prefix) for each, mark in zip(shown, prints, strict=True)],
    }
    return json.dumps({"$schema": SCHEMA, "version": VERSION, "runs": [run]}, indent=2) + "\n"


def _rule(code: str, rule: Rule) -> dict[str, object]:
    means = sentence(rule.means)
    help_text = " ".join(part for part in (rule.mend, f"`ftops explain {code}` tells more.") if part)
    return {
        "id": code,
        "shortDescription": {"text": means},
        "fullDescription": {"text": means},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        **({"properties": {"tags": list(rule.tags)}} if rule.tags else {}),
    }


def _invocation(shown: int, found: int) -> dict[str, object]:
    """Return how the run went: well, since problems of the specs are none of the tool's."""
    told: dict[str, object] = {"executionSuccessful": True}
    if shown < found:
        text = f"{shown:,} of {found:,} results are listed here, errors first; `ftops validate` lists them all."
        told["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    return told


def _result(diagnostic: Diagnostic, index: int, mark: str, prefix: str) -> dict[str, object]:
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": _plain(one_line(diagnostic))},
        "locations": [_location(diagnostic, prefix)],
        "partialFingerprints": {FINGERPRINT: mark},
    }


def _plain(text: str) -> str:
    """Return a text in which SARIF finds no placeholder (`{0}`, §3.11.5) and no link (`[…](…)`, §3.11.6)."""
    return _PLACEHOLDER.sub(r"{{\1}}", text).replace("](", "] (")


def _location(diagnostic: Diagnostic, prefix: str) -> dict[str, object]:
    span = diagnostic.span
    physical: dict[str, object] = {"artifactLocation": _artifact(in_repository(span.file, prefix))}
    if span.line:
        physical["region"] = {"startLine": span.line, **({"startColumn": span.column} if span.column else {})}
    logical = {"logicalLocations": [{"fullyQualifiedName": diagnostic.path}]} if diagnostic.path else {}
    return {"physicalLocation": physical, **logical}


def _artifact(file: str) -> dict[str, str]:
    """Return where a file is, as a URI: relative to the repository, or absolute when it was named so."""
    encoded = quote(file, errors="replace")
    return {"uri": f"file://{encoded}"} if encoded.startswith("/") else {"uri": encoded, "uriBaseId": ROOT}


def _fingerprints(diagnostics: Sequence[Diagnostic], prefix: str) -> list[str]:
    """Return for each diagnostic what stays the same of it when lines move; equal ones are numbered from 1."""
    seen: Counter[str] = Counter()
    marks = []
    for each in diagnostics:
        detail = _LINE_NUMBER.sub("", each.detail)
        parts = "\0".join((each.code, in_repository(each.span.file, prefix), each.path, detail))
        mark = sha256(parts.encode("utf-8", "replace")).hexdigest()[:FINGERPRINT_DIGITS]
        seen[mark] += 1
        marks.append(f"{mark}:{seen[mark]}")
    return marks

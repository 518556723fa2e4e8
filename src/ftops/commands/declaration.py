"""What the specs of a project declare: read and checked, or known from a run over the same specs and data.

What is known is found again without PyYAML, without the models of the documents and without looking into a dataset,
under the terms of `verdicts.py`: spec files count by their content, data files by how they look, and the day counts,
because rules have dates. Only what has no error is kept. An answer is printed from and acted on, so it is decoded into
the types it was made of, and what would not come back equal is not kept in the first place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from pydantic import ValidationError

from ftops.cache import Cache, digest
from ftops.commands.verdicts import Look, Question, ask, look_at
from ftops.diagnostics import Diagnostic, Severity, has_errors
from ftops.errors import FtopsError, SpecError
from ftops.kinds.envelope import Finding
from ftops.kinds.project import ProjectDocument
from ftops.model import Desired

ASKED = "declared"


class Declaration(NamedTuple):
    """A project without errors; `point` makes a finding about its Project a diagnostic with its place."""

    project: ProjectDocument
    desired: Desired
    warnings: tuple[Diagnostic, ...]
    point: Callable[[Finding], Diagnostic]


class _Kept(NamedTuple):
    """A declaration as it is kept: the Project as it is written, and how every data file looked."""

    data: dict[str, Look]
    project: object
    desired: Desired
    warnings: tuple[Diagnostic, ...]


def declare(root: Path, paths: Sequence[str]) -> Declaration:
    """Return what the specs declare; raises SpecError with everything that was found if there are errors."""
    question = ask(Cache.under(root), root, paths, ASKED)
    return known(question, paths) or look(question, paths)


def known(question: Question, paths: Sequence[str]) -> Declaration | None:
    """Return what is known of exactly these specs and data, or None."""
    entry = None if question.key is None else question.cache.get_large(question.name, _key(question, question.key))
    try:
        kept = None if entry is None else _decoded(entry)
        if kept is None or any(look_at(question.root, file) != look for file, look in kept.data.items()):
            return None
        project = ProjectDocument.model_validate(kept.project)
    except (ValidationError, msgspec.MsgspecError, ValueError, RecursionError):
        return None  # An entry of another shape than ours.
    return Declaration(project, kept.desired, kept.warnings, partial(_pointed, question.root, paths))


def look(question: Question, paths: Sequence[str]) -> Declaration:
    """Return what the specs declare by reading them, and keep it for the next time."""
    from ftops.desired import build  # noqa: PLC0415 - what reads specs and data is imported when there is something to read
    from ftops.job_data import Asked  # noqa: PLC0415
    from ftops.kinds import KINDS  # noqa: PLC0415
    from ftops.rules import load_rules  # noqa: PLC0415
    from ftops.spec.loader import load  # noqa: PLC0415

    rules = load_rules()
    loaded = load(paths, question.root, sys.stdin.buffer.read, rules)
    # What a file says now is what it said before the next edit: whoever plans keeps it, unless nothing is kept.
    asked = Asked(compares=question.cache.folder is not None)
    built = build(loaded, question.root, rules, question.began_at.date(), asked)
    if has_errors(built.diagnostics) or built.desired is None or loaded.project is None:
        raise SpecError(built.diagnostics)
    project = loaded.project.document
    if not isinstance(project, ProjectDocument):
        raise FtopsError("the project's document is of another kind")
    warnings = tuple(d for d in built.diagnostics if d.severity is Severity.WARNING)
    looks = question.settled(file for each in loaded.sources for _, file in KINDS[each.kind].files(each.document))
    if looks is not None and question.key is not None:
        _keep(question, question.key, _Kept(looks, loaded.project.tree.plain(), built.desired, warnings))
    return Declaration(project, built.desired, warnings, loaded.project.diagnostic)


def _keep(question: Question, key: str, kept: _Kept) -> None:
    """Keep a declaration, unless it would come back as something else than it is."""
    try:
        entry = msgspec.json.encode(kept)
        whole = _decoded(entry) == kept
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return  # A value that the form of an entry has no place for.
    if whole:
        question.cache.put_large(question.name, _key(question, key), entry)


def _key(question: Question, key: str) -> str:
    """Return the key of what the specs declare on the day of the question."""
    return digest([key, question.began_at.date().isoformat()])


def _decoded(entry: bytes) -> _Kept:
    kept = msgspec.json.decode(entry, type=_Kept)
    return kept._replace(project=_plain(kept.project))


def _plain(value: object) -> object:
    """Return a value as a tree of nodes tells it: with tuples, which strict models of sequences ask for."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _pointed(root: Path, paths: Sequence[str], finding: Finding) -> Diagnostic:
    """Return a finding about the Project with its place, for which the specs are read after all."""
    from ftops.rules import load_rules  # noqa: PLC0415
    from ftops.spec.loader import load  # noqa: PLC0415

    project = load(paths, root, sys.stdin.buffer.read, load_rules()).project
    if project is None:
        raise FtopsError("the specs changed while they were used; run the command again")
    return project.diagnostic(finding)

"""What `ftops validate` found, kept for the next run over unchanged specs and data.

It is found again without pydantic, PyYAML or a look into a dataset: spec files count by their content, data files by
how they look (git's rule for files that changed a moment ago included). It holds what was found and not what was
printed, so that every format, colour and strictness is served. The values are named tuples because they are made of
their classes before anything is read, and a data class takes three times as long to define.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ftops.cache import Cache, Seen, digest, seen
from ftops.diagnostics import Diagnostic, Severity, Span
from ftops.spec.files import FILE_BYTES_MAX, find
from ftops.variables import NAMED_BY_SPECS

PLAINLY, STRICTLY = "validate", "validate strictly"
"""What is asked: keys of rows that are written twice are looked for strictly only."""
Look: TypeAlias = tuple[str, Seen]
"""Where a data file really is, and how it looks."""


class Verdict(NamedTuple):
    """What there is to print; the counts are those of documents, files, datasets and rows."""

    diagnostics: tuple[Diagnostic, ...]
    documents: int
    files: int
    sets: int
    rows: int


class Question(NamedTuple):
    """What is to be validated, as it stood when the run began; `key` is None when that cannot be said."""

    cache: Cache
    root: Path
    name: str
    key: str | None
    began_at: datetime

    def answer(self) -> Verdict | None:
        """Return what was found of exactly this, or None."""
        kept = None if self.key is None else self.cache.get(self.name, self.key)
        try:
            return _read(kept, self.root)
        except (TypeError, ValueError, KeyError, AttributeError):
            return None  # An entry of another shape than ours.

    def keep(self, verdict: Verdict, data_files: Iterable[str]) -> None:
        """Keep what was found, if nothing has changed since the question was put."""
        looks = self.settled(data_files)
        if self.key is not None and looks is not None:
            self.cache.put(self.name, self.key, _written(verdict, looks))

    def settled(self, data_files: Iterable[str]) -> dict[str, Look] | None:
        """Return how the data files look, or None if they or a spec may have changed since the question was put."""
        what, *paths = self.name.split("\0")
        if self.key is None or self.key != ask(self.cache, self.root, paths, what).key:
            return None
        looks = {file: look_at(self.root, file) for file in data_files}
        told = {file: look for file, look in looks.items() if look is not None and look[1].settled(self.began_at)}
        return told if len(told) == len(looks) else None


def ask(cache: Cache, root: Path, paths: Sequence[str], what: str = PLAINLY) -> Question:
    """Return the question that PATH stands for; standard input, pipes and what cannot be read have no key.

    Args: `what` is asked of it, which keeps the answers of different commands apart.
    """
    began_at = cache.clock.now()
    name = "\0".join((what, *paths))
    return Question(cache, root, name, None if cache.folder is None else _key(root, paths), began_at)


def _key(root: Path, paths: Sequence[str]) -> str | None:
    inputs = find(paths, root)
    if inputs.problems:
        return None
    named = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(NAMED_BY_SPECS))
    parts: list[str | bytes] = [os.path.realpath(root), str(inputs.one_tree), inputs.shown, *named]
    for each in inputs.found.values():
        look = seen(each.path) if each.path else None
        if each.path is None or look is None or look.size_bytes > FILE_BYTES_MAX:
            return None
        try:
            with open(each.path, "rb", buffering=0) as file:  # noqa: PTH123 - as `seen` does, of thousands of files
                parts += [each.shown, file.readall()]
        except OSError:
            return None
    return digest(parts)


def look_at(root: Path, file: str) -> Look | None:
    """Return where a data file really is and how it looks."""
    look = seen(root / file)
    return None if look is None else (os.path.realpath(root / file), look)


def _written(verdict: Verdict, looks: Mapping[str, Look]) -> dict[str, object]:
    found = [
        [d.span.file, d.span.line, d.span.column, d.code, d.summary, d.detail, d.severity, d.excerpt, d.path]
        for d in verdict.diagnostics
    ]
    counts = [verdict.documents, verdict.files, verdict.sets, verdict.rows]
    return {"data": looks, "counts": counts, "diagnostics": found}


def _read(kept: object, root: Path) -> Verdict | None:
    """Return a kept verdict if its data files still look the same; raises for anything that was not written here."""
    if not isinstance(kept, dict):
        return None
    for file, (real, look) in kept["data"].items():
        if look_at(root, file) != (real, tuple(look)):
            return None
    found = [
        Diagnostic(Span(file, line, column), code, summary, detail, Severity(severity), excerpt, path)
        for file, line, column, code, summary, detail, severity, excerpt, path in kept["diagnostics"]
    ]
    documents, files, sets, rows = kept["counts"]
    return Verdict(tuple(found), int(documents), int(files), int(sets), int(rows))

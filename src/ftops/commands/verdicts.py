"""What `ftops validate` found, kept for the next run over unchanged specs and data.

It is found again without pydantic, PyYAML or a look into a data set: spec files count by their content, data files by
how they look (git's rule for files that changed a moment ago included). It holds what was found and not what was
printed, so that every format, colour and strictness is served. The values are named tuples because they are made of
their classes before anything is read, and a data class takes three times as long to define.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ftops.cache import Cache, Seen, digest, seen
from ftops.diagnostics import Diagnostic, Severity, Span
from ftops.spec.files import FILE_BYTES_MAX, find

NAMED_BY_SPECS = ("AZURE_OPENAI_", "FTOPS_")
"""How the variables begin that `{env: NAME}` may name."""


class Verdict(NamedTuple):
    """What there is to print; the counts are those of documents, files, data sets and rows."""

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
        if self.key is None or self.key != ask(self.cache, self.root, [*self.name.split("\0")[1:]]).key:
            return
        looks = {file: _look(self.root, file) for file in data_files}
        if all(look is not None and look[1].settled(self.began_at) for look in looks.values()):
            self.cache.put(self.name, self.key, _written(verdict, looks))


def ask(cache: Cache, root: Path, paths: Sequence[str]) -> Question:
    """Return the question that PATH stands for; standard input, pipes and what cannot be read have no key."""
    began_at = cache.clock.now()
    name = "\0".join(("validate", *paths))
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
            parts += [each.shown, each.path.read_bytes()]
        except OSError:
            return None
    return digest(parts)


def _look(root: Path, file: str) -> tuple[str, Seen] | None:
    """Return where a data file really is and how it looks."""
    look = seen(root / file)
    return None if look is None else (os.path.realpath(root / file), look)


def _written(verdict: Verdict, looks: Mapping[str, tuple[str, Seen] | None]) -> dict[str, object]:
    found = [
        [d.span.file, d.span.line, d.span.column, d.code, d.summary, d.detail, d.severity, d.excerpt]
        for d in verdict.diagnostics
    ]
    counts = [verdict.documents, verdict.files, verdict.sets, verdict.rows]
    return {"data": looks, "counts": counts, "diagnostics": found}


def _read(kept: object, root: Path) -> Verdict | None:
    """Return a kept verdict if its data files still look the same; raises for anything that was not written here."""
    if not isinstance(kept, dict):
        return None
    for file, (real, look) in kept["data"].items():
        if _look(root, file) != (real, tuple(look)):
            return None
    found = [
        Diagnostic(Span(file, line, column), code, summary, detail, Severity(severity), excerpt)
        for file, line, column, code, summary, detail, severity, excerpt in kept["diagnostics"]
    ]
    documents, files, sets, rows = kept["counts"]
    return Verdict(tuple(found), int(documents), int(files), int(sets), int(rows))

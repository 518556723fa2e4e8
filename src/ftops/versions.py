"""Versions of datasets: contents that are at hand are compared, so that a plan tells what differs in their rows.

What a file held before it was edited is known if it was once read for this (`data/cache.py` keeps the numbers of its
rows by its digest); else a content is at hand if it is another file of the project. What cannot be read, has changed
meanwhile, is damaged, pinned or gone is not at hand: that makes a plan say less, and never fail. Where only the former
content is missing, the plan says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ftops.cache import LASTING_ENTRIES_MAX, Cache
from ftops.difference import Difference, kept_as
from ftops.kinds.dataset import DatasetKind
from ftops.model import Desired, LiveState, Resource
from ftops.planner.rows import pairs
from ftops.rules import Limits

if TYPE_CHECKING:
    from ftops.data.cache import Known

Compare: TypeAlias = Callable[[Desired, LiveState], LiveState]
"""What adds to a live state what is known of the differences between contents."""
KEPT_AGAIN_MAX = LASTING_ENTRIES_MAX // 2
"""Files read only to keep the numbers of their rows: with more of them, each would push out another in turn."""


def uncompared(_desired: Desired, live: LiveState) -> LiveState:
    """Return a live state as it is."""
    return live


@dataclass(slots=True)
class Versions:
    """The contents of one run: each pair is compared once, so that all its passes see the same."""

    cache: Cache
    limits: Limits
    _told: dict[tuple[str, str], Difference | None] = field(default_factory=dict)
    _lacking: set[tuple[str, str]] = field(default_factory=set)
    """Pairs whose former content alone is not at hand: with it, a plan might hold what it trains now."""
    _looked: set[str] = field(default_factory=set)

    def compared(self, desired: Desired, live: LiveState) -> LiveState:
        """Return the live state with the differences that its plan asks for; keep the numbers of what is in service."""
        files = {r.marker.digest: r for r in desired.resources if _was_read(r)}
        asked = pairs(desired, live)
        contents: dict[str, Known | None] = {}
        for old, new in sorted(asked - self._told.keys()):
            self._told[old, new] = self._difference(old, new, files, contents)
        self._keep(files, live)
        known = {pair for pair in asked if self._told[pair] is not None}
        found = {pair: self._told[pair] for pair in sorted(known | (asked & self._lacking))}
        return replace(live, differences=found) if found else live

    def _difference(
        self, old: str, new: str, files: Mapping[str, Resource], contents: dict[str, Known | None]
    ) -> Difference | None:
        # Much is imported with what compares, and most plans have nothing to compare.
        from ftops.data.difference import difference  # noqa: PLC0415

        encoding = str(files[new].facts["encoding"]) if new in files else ""
        for each in (old, new):
            if each not in contents:
                contents[each] = next(self._contents(each, encoding, files), None)
        before, after = contents[old], contents[new]
        if before is None and after is not None:
            self._lacking.add((old, new))
        if before is None or after is None or before.version.row_format != after.version.row_format:
            return None
        try:
            return difference(before, after)
        except (OSError, ValueError):
            return None  # No room for temporary files.

    def _contents(self, content: str, encoding: str, files: Mapping[str, Resource]) -> Iterator[Known]:
        """Yield a content as far as it is at hand, rather from what is kept than from its file."""
        from ftops.data.cache import known_version  # noqa: PLC0415

        resource = files.get(content)
        with suppress(OSError, ValueError):
            kept = known_version(self.cache, content)
            if kept is not None and kept.version.digest.startswith(content) and _fits(kept, resource, encoding):
                yield kept
        if resource is not None:
            read = self._read(resource, encoding)
            if read is not None:
                yield read

    def _read(self, resource: Resource, encoding: str) -> Known | None:
        """Return what a file of the project holds, and keep it, if it still is what it was when it was checked."""
        from ftops.data import Reading, check_rows  # noqa: PLC0415
        from ftops.data.cache import keep_version, known_from  # noqa: PLC0415

        row_format, path = str(resource.facts["format"]), str(resource.facts["path"])
        with suppress(OSError, ValueError):
            checked = check_rows(Path(path), path, self.limits, Reading(row_format, encoding, identities=True))
            if checked.report.digest == resource.digest:
                known = known_from(checked, row_format)
                keep_version(self.cache, known)
                return known
        return None

    def _keep(self, files: Mapping[str, Resource], live: LiveState) -> None:
        """Keep the numbers of the contents that are versions in the service, so that they are known after an edit.

        They are made whenever a file is read for a plan; this is for what was known without being read.
        """
        served = {o.marker.digest for o in live.objects if o.kind == DatasetKind.word and o.marker is not None}
        here = [digest for digest in files if digest in served]
        if self.cache.folder is None or len(here) > KEPT_AGAIN_MAX:
            return
        for digest in here:
            if digest not in self._looked and not self.cache.has_lasting(kept_as(digest)):
                self._read(files[digest], str(files[digest].facts["encoding"]))
            self._looked.add(digest)


def _was_read(resource: Resource) -> bool:
    """Tell whether a resource is a file whose rows were read; one whose content is pinned is only uploaded."""
    return resource.address.kind == DatasetKind.word and "format" in resource.facts


def _fits(kept: Known, resource: Resource | None, encoding: str) -> bool:
    """Tell whether what is kept of a content need not be read again: as its file has it, and counted as asked."""
    if resource is None:
        return True
    return (kept.version.row_format, kept.version.encoding) == (resource.facts["format"], encoding)

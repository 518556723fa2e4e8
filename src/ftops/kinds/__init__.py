"""The table of kinds: one row a resource kind; the rest of ftops finds them here."""

from __future__ import annotations

from collections.abc import Mapping

from ftops.kinds.base import Kind
from ftops.kinds.dataset import DatasetKind
from ftops.kinds.deployment import DeploymentKind
from ftops.kinds.job import JobKind

__all__ = ["KINDS", "KINDS_BY_WORD", "Kind"]

_ROWS: tuple[Kind, ...] = (DatasetKind(), JobKind(), DeploymentKind())

KINDS: Mapping[str, Kind] = {kind.title: kind for kind in _ROWS}
"""By the `kind:` of a document."""

KINDS_BY_WORD: Mapping[str, Kind] = {kind.word: kind for kind in _ROWS}
"""By the first part of an address."""

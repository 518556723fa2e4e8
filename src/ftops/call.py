"""One service call as a value: where it goes, what it carries, and how safely it may be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Plane(StrEnum):
    """Which of an account's doors a call goes through; the last is that of the subscription it belongs to."""

    DATA = "data"
    ARM = "arm"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class Upload:
    """The body of a file upload, read from disk while it is sent.

    `digest` is what the content must hash to (64 hex digits); otherwise the request is broken off before its end.
    """

    path: Path
    filename: str
    purpose: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `path` is relative to the surface's root (data plane), to the account or to its subscription (ARM).

    `{account}` in a query of ARM stands for the account's id. A read may be repeated at will; a write is sent once, and
    if its answer is lost, listing decides what happened.
    """

    plane: Plane
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | Upload | None = None

    @property
    def reads(self) -> bool:
        """Tell whether the call changes nothing."""
        return self.method == "GET"

    @property
    def lists(self) -> bool:
        """Tell whether the path names no single object: a listing, or the account itself."""
        return self.reads and self.path.count("/") <= 1

    def __str__(self) -> str:
        """Return method, plane and path, for progress and problems; never the query or the body."""
        return f"{self.method} {self.plane}:{self.path}"

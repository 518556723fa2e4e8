"""One service call as a value: where it goes, what it carries, and how safely it may be repeated.

What a file's upload in parts has come to is a value too: a run remembers it for the run after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias


class Plane(StrEnum):
    """Which of an account's doors a call goes through; the last is that of the subscription it belongs to."""

    DATA = "data"
    ARM = "arm"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class Upload:
    """The body of a file upload, read from disk while it is sent; a large one is sent in parts.

    `digest` is what the content must hash to (64 hex digits); otherwise it is broken off and makes nothing.
    """

    path: Path
    filename: str
    purpose: str
    digest: str


@dataclass(frozen=True, slots=True)
class Part:
    """The body of one part of an upload: so many of the bytes that are sent, counted from 0; `number` too."""

    number: int
    offset_bytes: int
    size_bytes: int

    @property
    def end_bytes(self) -> int:
        """Return where the next part begins."""
        return self.offset_bytes + self.size_bytes


@dataclass(frozen=True, slots=True)
class FromEnv:
    """A value of a body that is an environment variable's, looked up when the call is sent and never kept: a secret."""

    name: str


Body: TypeAlias = Mapping[str, object] | Upload | Part | None


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that the service has confirmed: its number and id, and the digest of all content up to its end."""

    number: int
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class SentUpload:
    """How far an upload in parts has come: `size_bytes` as it was announced, `expires_s` in Unix time, 0 if not told.

    `completing` says that the call which makes a file of it is about to be sent; before that there is none.
    """

    id: str
    size_bytes: int
    expires_s: int = 0
    parts: tuple[SentPart, ...] = ()
    completing: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `path` is relative to the surface's root (data plane), to the account or to its subscription (ARM).

    `{account}` in a query of ARM stands for the account's id. A read may be repeated at will; a write is sent once, and
    if its answer is lost, listing decides what happened. `again` marks a write that may be repeated like a read,
    because what it makes twice is worth nothing and goes by itself. `spare` names members of the body that a service
    may not know and nothing relies on: a refusal of them (400) is met by leaving them out.
    """

    plane: Plane
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Body = None
    again: bool = False
    spare: frozenset[str] = frozenset()

    @property
    def bare(self) -> Call:
        """Return the call without what can be spared."""
        body = self.body
        if isinstance(body, Mapping):
            body = {name: value for name, value in body.items() if name not in self.spare}
        return replace(self, body=body, spare=frozenset())

    @property
    def reads(self) -> bool:
        """Tell whether the call changes nothing."""
        return self.method == "GET"

    @property
    def repeatable(self) -> bool:
        """Tell whether sending it twice does no harm."""
        return self.reads or self.again

    def __str__(self) -> str:
        """Return method, plane and path, for progress and problems; never the query or the body."""
        return f"{self.method} {self.plane}:{self.path}"

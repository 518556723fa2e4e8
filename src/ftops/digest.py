"""Identity: the canonical form v1, digests, and the markers that carry them inside a create call.

The form is frozen by the golden vectors in `tests/pure/test_digest.py`. No rules data, price, API version or ftops
version enters it, and an absent input leaves no trace, so an input that ftops learns later changes no digest that
exists. A later form would stand beside this one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

FORM = 1
OWNER_LENGTH = 4
NAME_LENGTH = 3
DIGEST_LENGTH = 8
FILE_DIGEST_LENGTH = 16
MARKER_LENGTH = 1 + OWNER_LENGTH + NAME_LENGTH + DIGEST_LENGTH
"""Characters of a job suffix that are ours, the dash before them included."""

Plain: TypeAlias = "str | int | float | bool | Sequence[Plain] | Mapping[str, Plain] | None"
"""What the canonical form is made of: JSON values."""

BOM = b"\xef\xbb\xbf"
"""The byte-order mark of UTF-8."""
_SUFFIX = re.compile(
    rf"-(?P<owner>[a-z2-7]{{{OWNER_LENGTH}}})(?P<name>[a-z2-7]{{{NAME_LENGTH}}})(?P<digest>[a-z2-7]{{{DIGEST_LENGTH}}})"
    r"(?::ckpt-step-[0-9]+)?\Z"
)
_FILE_NAME = re.compile(
    rf"(?P<name>.+)\.(?P<owner>[a-z2-7]{{{OWNER_LENGTH}}})\.(?P<digest>[0-9a-f]{{{FILE_DIGEST_LENGTH}}})\.jsonl"
)


@dataclass(frozen=True, slots=True)
class Marker:
    """Who owns an object, which name it was made for, and which digest it is, as the object itself carries them.

    `name` groups and never identifies; in a file name it is the whole name, elsewhere its three characters.
    """

    owner: str
    name: str
    digest: str


_BASE32_BYTES = 5
"""Five bytes give the eight characters that are ever asked for; encoding all 32 of a hash takes four times as long."""


def _base32(data: bytes, length: int) -> str:
    return base64.b32encode(data[:_BASE32_BYTES]).decode("ascii").lower()[:length]


def owner_mark(project: str) -> str:
    """Return the owner part of a marker: 4 characters of the sha256 of the project's name."""
    return _base32(hashlib.sha256(project.encode()).digest(), OWNER_LENGTH)


def name_mark(name: str) -> str:
    """Return the name part of a job's marker: 3 characters of the sha256 of `metadata.name`."""
    return _base32(hashlib.sha256(name.encode()).digest(), NAME_LENGTH)


def digest_mark(digest: str) -> str:
    """Return the 8 characters that stand for a job's digest (64 hex digits) in its suffix and in references."""
    return _base32(bytes.fromhex(digest), DIGEST_LENGTH)


def _normal(value: Plain) -> Plain:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _normal(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_normal(inner) for inner in value]
    return value


def canonical(kind: str, inputs: Mapping[str, Plain]) -> bytes:
    """Return the canonical form v1 of a resource's inputs: JSON, keys sorted, no spaces, ASCII, 1.0 written as 1.

    Absent (None) and empty inputs leave no trace.
    """
    kept = {key: _normal(value) for key, value in inputs.items() if value is not None and value != {}}
    form = {"form": FORM, "kind": kind, **kept}
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def canonical_json(value: Plain) -> str:
    """Return a value in the same form, as text; line ends in texts are LF."""
    text = json.dumps(_normal(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("\\r\\n", "\\n")


def digest_of(kind: str, inputs: Mapping[str, Plain]) -> str:
    """Return the sha256 of the canonical form, as 64 hex digits."""
    return hashlib.sha256(canonical(kind, inputs)).hexdigest()


def derived_seed(digest: str) -> int:
    """Return the seed sent for a job without one: the first 31 bits of its digest (0 to 2147483647).

    The service always echoes the seed, so it witnesses the digest a second time.
    """
    return int(digest[:8], 16) >> 1


class ContentHash:
    """The digest of a dataset: sha256 of its bytes without byte-order mark and with CRLF read as LF.

    Fed block by block, so that the same object serves the check of a file and its upload.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self._sha = hashlib.sha256()
        self._held = b""
        self._started = False

    def update(self, block: bytes) -> None:
        """Read one more block of the file's own bytes."""
        block = self._held + block
        if not self._started:
            if len(block) < len(BOM) and BOM.startswith(block):
                self._held = block
                return
            self._started = True
            block = block.removeprefix(BOM)
        # A block may end between CR and LF: hold the CR back until the next byte is known.
        self._held = b"\r" if block.endswith(b"\r") else b""
        body = block[: len(block) - len(self._held)]
        self._sha.update(body.replace(b"\r\n", b"\n") if b"\r" in body else body)

    def copy(self) -> ContentHash:
        """Return another one that has read the same."""
        other = ContentHash()
        other._sha, other._held, other._started = self._sha.copy(), self._held, self._started
        return other

    def hexdigest(self) -> str:
        """Return the digest of everything read, as 64 hex digits; reading may go on afterwards."""
        sha = self._sha.copy()
        sha.update(self._held)
        return sha.hexdigest()


def job_suffix(user_part: str, marker: Marker, suffix_max: int) -> str:
    """Return the suffix sent with a job: the user's part, cut to fit `suffix_max` (17 to 64), then the marker."""
    return f"{user_part[: suffix_max - MARKER_LENGTH]}-{marker.owner}{marker.name}{marker.digest}"


def marker_in(text: str) -> Marker | None:
    """Return the marker at the end of a job suffix or of a model or checkpoint name, or None."""
    found = _SUFFIX.search(text)
    return Marker(found["owner"], found["name"], found["digest"]) if found else None


def file_name(marker: Marker) -> str:
    """Return the name a dataset is uploaded under: `NAME.<owner>.<16 hex digits>.jsonl`."""
    return f"{marker.name}.{marker.owner}.{marker.digest}.jsonl"


def marker_in_file_name(text: str) -> Marker | None:
    """Return the marker that a file's name carries, or None; the name is echoed raw, so it may hold anything."""
    found = _FILE_NAME.fullmatch(text)
    return Marker(found["owner"], found["name"], found["digest"]) if found else None

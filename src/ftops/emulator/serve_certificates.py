"""A certificate for a served emulator, under an authority of its own, kept in a folder until it no longer fits.

What makes one is imported only when it has to be made: a start with sound files costs one read of each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
LEFT_DAYS_MIN = 30
"""A certificate that ends sooner is made anew."""
_NOTE = "made.json"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a server's certificate: its chain, its key, and the authority that clients must trust."""

    chain: Path
    key: Path
    authority: Path


def certificate(folder: Path, host: str, now: datetime) -> Certificate:
    """Return a certificate for this machine's own names and `host`, made if there is none that fits.

    The authority is kept as long as it lasts, so that clients that trust it go on working.
    Raises: OSError when the folder cannot be written.
    """
    names = tuple(dict.fromkeys((*LOCAL_NAMES, host)))
    found = Certificate(folder / "server.pem", folder / "server-key.pem", folder / "ca.pem")
    if not _fits(found, folder / _NOTE, names, now):
        from filelock import FileLock  # noqa: PLC0415

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / _LOCK):  # Two servers that start in one project must not mix their files.
            if not _fits(found, folder / _NOTE, names, now):
                _make(found, folder, names, now)
    return found


def _make(found: Certificate, folder: Path, names: Sequence[str], now: datetime) -> None:
    from ftops.emulator.serve_authority import make  # noqa: PLC0415

    (folder / _NOTE).unlink(missing_ok=True)
    until = make(found.chain, found.key, found.authority, names, now)
    note = {"names": names, "until": until.isoformat(), "sha256": _fingerprint(found)}
    (folder / _NOTE).write_text(json.dumps(note), encoding="utf-8")


def _fits(found: Certificate, note: Path, names: Sequence[str], now: datetime) -> bool:
    """Tell from the note that was left beside the files whether they are whole, still good and for these names."""
    try:
        told = json.loads(note.read_bytes())
        until = datetime.fromisoformat(told["until"])
        whole = told["sha256"] == _fingerprint(found)
        return whole and set(names) <= set(told["names"]) and until - now > timedelta(days=LEFT_DAYS_MIN)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fingerprint(found: Certificate) -> str:
    digest = hashlib.sha256()
    for path in (found.chain, found.key, found.authority):
        digest.update(path.read_bytes())
    return digest.hexdigest()

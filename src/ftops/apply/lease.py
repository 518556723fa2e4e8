"""The lease: permission to be the one writer of a project, here by a lock on a local file.

The lock is the operating system's, so it ends with its holder however that dies. The journal stands beside it and
knows more about a dead holder's last writes than a lapsed lease could; the two are lost together or not at all.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ftops.errors import JournalBroken, LeaseHeld


@contextmanager
def local_lease(folder: Path, timeout_s: float, tell: Callable[[str], None] = lambda _text: None) -> Iterator[None]:
    """Hold the lease of the project whose `.ftops` folder this is, waiting for it up to `timeout_s` seconds.

    `tell` hears that it has to be waited for, and for whom.

    Raises: LeaseHeld, naming the holder; JournalBroken when the folder cannot be written.
    """
    note = folder / "lease.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lease.lock")
        said = f"  . waiting up to {timeout_s:.0f} s for another run"
        _acquire(lock, timeout_s, lambda: tell(f"{said} ({_holder(note)})"))
    except Timeout as error:
        waited = "it was waited for as long as --lock-timeout says"
        raise LeaseHeld(f"another run is writing to this project ({_holder(note)}); {waited}") from error
    except OSError as error:
        raise JournalBroken(f"{folder} cannot be written: {error.strerror}") from error
    try:
        note.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, timeout_s: float, tell: Callable[[], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if timeout_s <= 0:
            raise
        tell()
        lock.acquire(timeout=timeout_s)


def _holder(note: Path) -> str:
    try:
        row = json.loads(note.read_text(encoding="utf-8"))
        return f"process {row['pid']} on {row['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said which"

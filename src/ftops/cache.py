"""Results kept between runs in `.ftops/cache/`: never a source of truth, and safe to delete at any moment.

Whatever is not certain is a miss: another version of ftops, of Python or of a library, another day, a file that
changed or may have changed, an entry that cannot be read. Entries are JSON; nothing in one can choose what is made.
There are many small ones, and few large ones, which are sealed with a digest instead of being parsed here. What lasts
says nothing of rules: it is kept from one version of ftops and one day to the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ftops import __version__
from ftops.clock import Clock, SystemClock

FOLDER = ".ftops/cache"
OFF = "FTOPS_NO_CACHE"
"""Set in the environment to anything but nothing, it turns the cache off."""
ENTRIES_MAX = 1_000
ENTRY_BYTES_MAX = 256 << 10
LARGE_ENTRIES_MAX = 8
LARGE_BYTES_MAX = 64 << 20
LASTING_ENTRIES_MAX = 64
LASTING_BYTES_MAX = 16 << 20
_SMALL, _LARGE, _LASTING = ".json", ".large", ".lasting"
_SEAL_BYTES = 64
RACY_S = 2.0
"""A file whose times are this close to the moment of looking may still change within the same tick of its clock."""

_IGNORE = "# Made by ftops, safe to delete.\n*\n"


class Seen(NamedTuple):
    """What tells a version of a file without reading it; `changed_ns`, the inode's own, also tells forged times."""

    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int

    def settled(self, moment: datetime) -> bool:
        """Tell whether whatever changes the file after `moment` must show in its times."""
        return max(self.modified_ns, self.changed_ns) < (moment.timestamp() - RACY_S) * 1e9


def seen(path: Path | str) -> Seen | None:
    """Return how a regular file looks now; None for anything else, and for what cannot be looked at."""
    try:
        about = os.stat(path)  # noqa: PTH116 - thousands of files, and a text as good as a Path
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(about.st_mode):
        return None
    return Seen(about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)


def digest(parts: Iterable[str | bytes]) -> str:
    """Return one digest of several texts; where one ends and the next begins counts."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        sha.update(b"%d:" % len(data) + data)
    return sha.hexdigest()


class Cache(NamedTuple):
    """Entries by name, each good for one key; `folder` is None when nothing is kept. No method raises for the disk."""

    folder: Path | None
    clock: Clock

    @classmethod
    def under(cls, root: Path) -> Cache:
        """Return the cache of a project, or one that keeps nothing if the environment says so."""
        return cls(None if os.environ.get(OFF) else root / FOLDER, SystemClock())

    def get(self, name: str, key: str) -> object:
        """Return the value kept under this name for this key, or None."""
        if self.folder is None:
            return None
        try:
            entry = json.loads(self._place(self.folder, name).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        fits = isinstance(entry, dict) and entry.get("key") == key and entry.get("made_by") == made_by(self.clock)
        return entry.get("value") if fits else None

    def put(self, name: str, key: str, value: object) -> None:
        """Keep a value in place of what the name had, whole or not at all; too large a one is not kept."""
        text = json.dumps({"key": key, "made_by": made_by(self.clock), "value": value}, separators=(",", ":"))
        if self.folder is not None and len(text) <= ENTRY_BYTES_MAX:
            self._write(self.folder, self._place(self.folder, name), text.encode("ascii"), ENTRIES_MAX)

    def get_large(self, name: str, key: str) -> bytes | None:
        """Return the bytes kept under this name for this key, or None unless they are whole."""
        if self.folder is None:
            return None
        try:
            entry = self._place(self.folder, name, _LARGE).read_bytes()
        except OSError:
            return None
        body = entry[_SEAL_BYTES:]
        return body if entry[:_SEAL_BYTES] == self._seal(key, body) else None

    def put_large(self, name: str, key: str, body: bytes) -> None:
        """Keep bytes in place of what the name had, as `put` does with values."""
        if self.folder is not None and len(body) <= LARGE_BYTES_MAX:
            place = self._place(self.folder, name, _LARGE)
            self._write(self.folder, place, self._seal(key, body) + body, LARGE_ENTRIES_MAX)

    def has_lasting(self, name: str) -> bool:
        """Tell whether something is kept under this name from one version and day to the next, whole or not."""
        return self.folder is not None and self._place(self.folder, name, _LASTING).exists()

    def get_lasting(self, name: str) -> bytes | None:
        """Return the bytes kept under this name, or None unless they are whole.

        Only what its name says everything about is kept so: no rule, no date and no version of ftops may matter to it.
        """
        if self.folder is None:
            return None
        try:
            entry = self._place(self.folder, name, _LASTING).read_bytes()
        except OSError:
            return None
        body = entry[_SEAL_BYTES:]
        return body if entry[:_SEAL_BYTES] == digest([name, body]).encode("ascii") else None

    def put_lasting(self, name: str, body: bytes) -> None:
        """Keep bytes whatever becomes of the rules, as `put` does with values."""
        if self.folder is not None and len(body) <= LASTING_BYTES_MAX:
            place = self._place(self.folder, name, _LASTING)
            self._write(self.folder, place, digest([name, body]).encode("ascii") + body, LASTING_ENTRIES_MAX)

    def _seal(self, key: str, body: bytes) -> bytes:
        return digest([key, made_by(self.clock), body]).encode("ascii")

    def _write(self, folder: Path, place: Path, data: bytes, entries_max: int) -> None:
        draft = place.with_name(f"{place.name}.{os.getpid()}.tmp")
        try:
            self._make_room(folder, place.suffix, entries_max)
            draft.write_bytes(data)
            draft.replace(place)
        except OSError:
            with suppress(OSError):
                draft.unlink()

    def _make_room(self, folder: Path, suffix: str, entries_max: int) -> None:
        """Make the folder, or drop its oldest entries of a size when there are too many of them."""
        if not (folder / ".gitignore").exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".gitignore").write_text(_IGNORE, encoding="ascii")
        with os.scandir(folder) as entries:
            paths = [entry for entry in entries if suffix in entry.name]
        if len(paths) < entries_max:
            return
        aged = sorted((entry.stat().st_mtime_ns, entry.path) for entry in paths)
        for _, path in aged[: len(aged) - entries_max + 1]:
            Path(path).unlink(missing_ok=True)

    @staticmethod
    def _place(folder: Path, name: str, suffix: str = _SMALL) -> Path:
        return folder / f"{digest([name])[:32]}{suffix}"


def made_by(clock: Clock) -> str:
    """Return what a result made today depends on besides its inputs."""
    return _made_on(clock.now().date().isoformat())


@cache
def _made_on(day: str) -> str:
    """Return what a result depends on besides its inputs: ftops, its rules, Python, the libraries and the day.

    The files of the package count by their times, so that an edit of a check or of a rule counts too; libraries by the
    folder they are installed in, which changes with every installation.
    """
    package = Path(__file__).parent
    looks = [str(look) for look in _package_files(package)]
    installed = sorted({f"{path}:{seen_folder(path)}" for path in sys.path if path.endswith("-packages")})
    return digest([__version__, sys.version, day, *looks, *installed])


def seen_folder(path: str) -> int:
    """Return when something was last added to or removed from a folder, in nanoseconds; 0 when there is none."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116
    except OSError:
        return 0


def _package_files(folder: Path) -> list[tuple[str, Seen | None]]:
    """Return the files of the package with how they look; compiled ones are made anew at any time."""
    found: list[tuple[str, Seen | None]] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            if entry.is_dir():
                found += [] if entry.name == "__pycache__" else _package_files(Path(entry.path))
            else:
                found.append((entry.path, seen(entry.path)))
    return found

"""The journal: intents and outcomes, one JSON line each, appended and never a source of truth.

What exists is in the service. The journal only knows of writes whose answer may have been lost in the last moments, so
that a create is not sent again before listings have had time to show it. Deleting it changes no plan once the grace
period is over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ftops.errors import JournalBroken
from ftops.model import LiveState

VERSION = 1
TAIL_BYTES = 1 << 20
"""What is read back: the doubts of the last moments stand at the end."""


class Step(StrEnum):
    """What a line tells about its key.

    A write that was done stays in doubt until a listing shows it, since listings may lag; only a refusal ends it.
    """

    INTENT = "intent"
    DONE = "done"
    REFUSED = "refused"


@dataclass(slots=True)
class Journal:
    """Appends to one file; `doubts` tells of the keys whose outcome listings must decide.

    `last` holds the newest step of each key, from the file and from this run.
    """

    path: Path | None
    last: dict[str, tuple[Step, datetime]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Return the journal of a file, which may not exist yet; a line torn by a crash is passed over."""
        journal = cls(path)
        for line in _tail(path):
            try:
                row = json.loads(line)
                key, step, at = row["key"], Step(row["step"]), datetime.fromisoformat(row["at"])
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
            if isinstance(key, str) and at.tzinfo is not None:
                journal.last[key] = step, at
        return journal

    def intend(self, key: str, at: datetime, plan_id: str) -> None:
        """Write down, on disk before this returns, that a key is about to be written."""
        self._append(Step.INTENT, key, at, {"plan": plan_id}, durable=True)

    def done(self, key: str, at: datetime, object_id: str) -> None:
        """Write down that the service answered with an object."""
        self._append(Step.DONE, key, at, {"id": object_id})

    def refuse(self, key: str, at: datetime, problem: str) -> None:
        """Write down that the service refused, so that nothing was made."""
        self._append(Step.REFUSED, key, at, {"problem": problem})

    def doubts(self, now: datetime, grace_s: int) -> Mapping[str, datetime]:
        """Return the keys written within the grace period, in the service's time: listings may not show them yet.

        A moment further ahead than the grace period is another clock's, an emulator's before it was reset.
        """
        grace = timedelta(seconds=grace_s)
        lasting = {key: at for key, (step, at) in self.last.items() if step is not Step.REFUSED}
        return {key: at for key, at in lasting.items() if abs(now - at) < grace}

    def remembered(self, live: LiveState, grace_s: int) -> LiveState:
        """Return a live state with what the journal adds: doubts, and whose deletions were ours.

        Emulators stand still at different moments; the planner judges a doubt by its own account's clock.
        """
        moments = {live.now, *live.now_of.values()}
        doubts = {key: at for now in moments for key, at in self.doubts(now, grace_s).items()}
        return replace(live, doubts=doubts, removed=self.removed())

    def removed(self) -> dict[str, datetime]:
        """Return when deletions were done, by their keys: they tell who did it, and decide nothing."""
        done = {key: at for key, (step, at) in self.last.items() if step is Step.DONE}
        return {key: at for key, at in done.items() if key.startswith("delete ")}

    def _append(self, step: Step, key: str, at: datetime, more: Mapping[str, str], *, durable: bool = False) -> None:
        self.last[key] = step, at
        if self.path is None:
            return
        row = {"v": VERSION, "at": at.isoformat(), "step": step, "key": key, **more}
        try:
            with self.path.open("ab") as file:
                # A line torn by a crash must not swallow this one.
                file.write(_line_break(self.path) + json.dumps(row).encode() + b"\n")
                file.flush()
                if durable:
                    os.fsync(file.fileno())
        except OSError as error:
            raise JournalBroken(f"{self.path} cannot be written: {error.strerror}") from error


def _tail(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalBroken(f"{path} cannot be read: {error.strerror}") from error


def _line_break(path: Path) -> bytes:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return b""
        file.seek(-1, os.SEEK_END)
        return b"" if file.read(1) == b"\n" else b"\n"

"""The journal: intents and outcomes, one JSON line each, appended and never a source of truth.

What exists is in the service. The journal only knows of writes whose answer may have been lost in the last moments, so
that a create is not sent again before listings have had time to show it, and how far uploads in parts have come, which
no listing shows. Deleting it changes no plan once the grace period is over; an upload in parts then begins anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ftops.call import SentPart, SentUpload
from ftops.errors import JournalBroken
from ftops.model import LiveState

VERSION = 1
TAIL_BYTES = 1 << 20
"""What is read back: the doubts of the last moments stand at the end."""


class Step(StrEnum):
    """What a line tells about its key.

    A write that was done stays in doubt until a listing shows it, since listings may lag; only a refusal ends it. An
    upload in parts is begun, sent part by part, and left when it is of no use; it is no file until a second intent is
    followed by the call that completes it.
    """

    INTENT = "intent"
    DONE = "done"
    REFUSED = "refused"
    UPLOAD = "upload"
    PART = "part"
    LEFT = "left"


DOUBTFUL = frozenset({Step.INTENT, Step.DONE})


@dataclass(slots=True)
class Journal:
    """Appends to one file; `doubts` tells of the keys whose outcome listings must decide.

    `last` holds the newest step of each key, from the file and from this run, `uploads` how far its upload has come.
    """

    path: Path | None
    last: dict[str, tuple[Step, datetime]] = field(default_factory=dict)
    uploads: dict[str, SentUpload] = field(default_factory=dict)

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
                journal._follow(step, key, row)
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

    def keep(self, key: str, at: datetime, plan_id: str, sent: SentUpload | None) -> None:
        """Write down how far the upload of a key has come, or that it is left.

        Before it is completed the intent is written once more: what follows may be lost, however long ago it began.
        """
        if sent is None:
            self._append(Step.LEFT, key, at, {})
            return
        before = self.uploads.get(key)
        if before is None or before.id != sent.id:
            self._append(Step.UPLOAD, key, at, {"upload": sent.id, "bytes": sent.size_bytes, "expires": sent.expires_s})
        there = before.parts if before is not None and before.id == sent.id else ()
        for part in (part for part in sent.parts if part not in there):
            of_upload: dict[str, str | int] = {"upload": sent.id, "number": part.number}
            self._append(Step.PART, key, at, {**of_upload, "id": part.id, "digest": part.digest})
        if sent.completing:
            self.intend(key, at, plan_id)

    def may_have_made(self, key: str) -> bool:
        """Tell whether something may be there of a key that was intended; among the parts of an upload nothing is."""
        return self.last[key][0] in DOUBTFUL

    def doubts(self, now: datetime, grace_s: int) -> Mapping[str, datetime]:
        """Return the keys written within the grace period, in the service's time: listings may not show them yet.

        A moment further ahead than the grace period is another clock's, an emulator's before it was reset.
        """
        grace = timedelta(seconds=grace_s)
        lasting = {key: at for key, (step, at) in self.last.items() if step in DOUBTFUL}
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

    def _follow(self, step: Step, key: str, row: Mapping[str, object]) -> None:
        """Follow what a line tells of an upload; one without sense is passed over."""
        sent = self.uploads.get(key)
        if step in {Step.DONE, Step.LEFT}:
            self.uploads.pop(key, None)
        elif step is Step.UPLOAD:
            self.uploads.pop(key, None)
            match row:
                case {"upload": str(id_), "bytes": int(size), "expires": int(expires)}:
                    self.uploads[key] = SentUpload(id_, size, expires)
        elif step is Step.PART and sent is not None and row.get("upload") == sent.id:
            match row:
                case {"number": int(number), "id": str(id_), "digest": str(digest)}:
                    others = [part for part in sent.parts if part.number != number]
                    parts = sorted([*others, SentPart(number, id_, digest)], key=lambda part: part.number)
                    self.uploads[key] = replace(sent, parts=tuple(parts))

    def _append(
        self, step: Step, key: str, at: datetime, more: Mapping[str, str | int], *, durable: bool = False
    ) -> None:
        self.last[key] = step, at
        self._follow(step, key, more)
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


@dataclass(frozen=True, slots=True)
class UploadMemory:
    """What the journal remembers of the upload of one key; `moment` tells the service's time.

    `heed_stop` may raise where an upload may end: with everything written down and the next part not begun.
    """

    journal: Journal
    key: str
    plan_id: str
    moment: Callable[[], datetime]
    heed_stop: Callable[[], None]

    def recall(self) -> SentUpload | None:
        """Return how far an earlier run came."""
        return self.journal.uploads.get(self.key)

    def keep(self, sent: SentUpload | None) -> None:
        """Write down how far this one came."""
        self.journal.keep(self.key, self.moment(), self.plan_id, sent)
        if sent is not None and not sent.completing:
            self.heed_stop()


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

"""An upload in parts as a pure generator: begun or gone on with, part by part, and completed into a file.

Nothing is half-done: until it is completed an upload is no file, and expires by itself (azure-api.md §5.2). The service
lists no uploads, so what is confirmed is noted as it goes, and the next run sends only what is missing. A part may be
sent twice, since one that is not named when the upload is completed is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from ftops.call import Call, Part, Plane, SentPart, SentUpload, Upload
from ftops.errors import ContentChanged, ServiceProblem, WireError
from ftops.wire.flows import Answer, Budget, Flow, Jitter, Limits, Look, Note, once

CONTENT_TYPE = "application/octet-stream"
"""Of an uploaded file; an empty one is refused (azure-api.md §4.3)."""
UNUSABLE = frozenset({400, 404, 409, 410})
"""How an upload is refused that has expired, was completed or was cancelled; the service has no words for it that one
could go by. Every other refusal is of the moment or of the caller's rights, and leaves it as it is."""
ID_CHARACTERS_MAX = 512


@dataclass(frozen=True, slots=True)
class InParts:
    """A file that is sent in parts of `part_bytes`; `size_bytes` is that of all that is sent."""

    upload: Upload
    size_bytes: int
    part_bytes: int
    jitter: Jitter
    limits: Limits
    budget: Budget

    def flow(self, known: SentUpload | None, now: datetime | None) -> Flow[Answer]:
        """Return the answer that tells of the file, as one upload's would.

        Args: known: how far an earlier run came. now: the service's time, by which that has expired or not.
        Raises: as `flows.once` does; ContentChanged when the file is not what was checked, and nothing was made.
        """
        if known is not None and known.size_bytes == self.size_bytes and not _expired(known, now):
            try:
                return (yield from self._completed(known))
            except ServiceProblem as problem:
                if problem.status not in UNUSABLE:
                    raise
                yield Note(None)
        begun = yield from self._begun()
        try:
            return (yield from self._completed(begun))
        except ServiceProblem as problem:
            if problem.status in UNUSABLE:
                yield from self._left(begun)
            raise

    def _begun(self) -> Flow[SentUpload]:
        body = {
            "purpose": self.upload.purpose,
            "filename": self.upload.filename,
            "bytes": self.size_bytes,
            "mime_type": CONTENT_TYPE,
        }
        answer = yield from self._once(Call(Plane.DATA, "POST", "/uploads", body=body, again=True))
        expires = answer.item.get("expires_at")
        begun = SentUpload(_id_of(answer), self.size_bytes, expires if isinstance(expires, int) else 0)
        yield Note(begun)
        return begun

    def _completed(self, begun: SentUpload) -> Flow[Answer]:
        try:
            begun = yield from self._sent(begun)
        except ContentChanged:
            yield from self._left(begun)
            raise
        ids = [part.id for part in begun.parts if part.number < len(self._parts)]
        yield Note(replace(begun, completing=True))
        answer = yield from self._once(Call(Plane.DATA, "POST", _path(begun, "complete"), body={"part_ids": ids}))
        return replace(answer, body=answer.item.get("file"))

    def _sent(self, begun: SentUpload) -> Flow[SentUpload]:
        """Return the upload with all its parts sent; those already there are only compared with the file."""
        sent = {part.number: part for part in begun.parts}
        for part in self._parts:
            there = sent.get(part.number)
            if there is not None and ((yield Look(part)) or Answer(0)).digest == there.digest:
                continue
            answer = yield from self._once(Call(Plane.DATA, "POST", _path(begun, "parts"), body=part, again=True))
            sent[part.number] = SentPart(part.number, _id_of(answer), answer.digest)
            begun = replace(begun, parts=tuple(sent[number] for number in sorted(sent)))
            yield Note(begun)
        return begun

    @property
    def _parts(self) -> tuple[Part, ...]:
        offsets = enumerate(range(0, self.size_bytes, self.part_bytes))
        return tuple(Part(number, at, min(self.part_bytes, self.size_bytes - at)) for number, at in offsets)

    def _left(self, begun: SentUpload) -> Flow[None]:
        with suppress(WireError):
            yield from self._once(Call(Plane.DATA, "POST", _path(begun, "cancel")))
        yield Note(None)

    def _once(self, call: Call) -> Flow[Answer]:
        return once(call, self.jitter, self.limits, self.budget)


def _expired(sent: SentUpload, now: datetime | None) -> bool:
    return bool(sent.expires_s and now is not None and now.timestamp() >= sent.expires_s)


def _path(begun: SentUpload, step: str) -> str:
    return f"/uploads/{quote(begun.id, safe='')}/{step}"


def _id_of(answer: Answer) -> str:
    """Return the id in an answer; one that could not be remembered or sent back is none."""
    told = answer.item.get("id")
    if not isinstance(told, str) or not 0 < len(told) <= ID_CHARACTERS_MAX:
        raise WireError(f"the service answered {answer.status} to an upload without an id")
    return told

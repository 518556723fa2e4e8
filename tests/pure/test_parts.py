"""Uploads in parts, driven by hand: what is sent, noted, repeated, gone on with and given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.call import Call, Part, SentPart, SentUpload, Upload
from ftops.errors import ConnectionLost, ContentChanged, ServiceProblem, Unreachable, WireError
from ftops.wire.flows import Answer, Budget, Limits, Look, Note, Pause, Send, Step
from ftops.wire.parts import ID_CHARACTERS_MAX, InParts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
UPLOAD = Upload(Path("/data/train.jsonl"), "train.abcd.0123.jsonl", "fine-tune", "d" * 64)
SIZE, PART = 25, 10
FILE = {"id": "file-1", "filename": UPLOAD.filename}
EXPIRES_S = int((NOW + timedelta(hours=2)).timestamp())
LOST = ConnectionLost("reset")
Told = Answer | WireError


def digest_to(part: Part) -> str:
    """Return what stands for the digest of all content up to the end of a part."""
    return f"digest-{part.end_bytes}"


@dataclass
class Service:
    """A service that takes uploads; what `odd` gives for a call's last word is answered instead, once each."""

    odd: dict[str, list[Told]] = field(default_factory=dict)
    begun: int = 0
    sent: list[Call] = field(default_factory=list)
    uploads: dict[str, list[str]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def answer(self, call: Call) -> Told:
        """Return the answer to a call, or what is thrown instead."""
        self.sent.append(call)
        word = call.path.rpartition("/")[2]
        if self.odd.get(word):
            return self.odd[word].pop(0)
        if word == "uploads":
            self.begun += 1
            return Answer(200, body={"id": f"up {self.begun}", "expires_at": EXPIRES_S})
        key = call.path.split("/")[2]
        if key in self.gone:
            return Answer(400, body={"error": {"code": "invalidPayload", "message": "It has expired."}})
        if isinstance(call.body, Part):
            ids = self.uploads.setdefault(key, [])
            ids.append(f"part-{len(ids)}-of-{key}")
            return Answer(200, body={"id": ids[-1]}, digest=digest_to(call.body))
        return Answer(200, {"date": "now"}, {"id": key, "status": "completed", "file": FILE})

    @property
    def paths(self) -> list[str]:
        """Return the paths that were called, in order."""
        return [call.path for call in self.sent]


@dataclass
class Driven:
    """What a flow did besides calling: what it noted, which parts it looked at, and how long it paused."""

    notes: list[SentUpload | None] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def drive(
        self,
        service: Service,
        known: SentUpload | None = None,
        *,
        now: datetime | None = NOW,
        look: Callable[[Part], str] = digest_to,
        limits: Limits | None = None,
    ) -> Answer:
        """Return the answer of an upload in parts."""
        parts = InParts(UPLOAD, SIZE, PART, lambda: 1.0, limits or Limits(), Budget())
        flow = parts.flow(known, now)
        told: Told | None = None
        try:
            step = next(flow)
            while True:
                told = self._do(step, service, look)
                step = flow.throw(told) if isinstance(told, WireError) else flow.send(told)
        except StopIteration as done:
            result: Answer = done.value
            return result

    def _do(self, step: Step, service: Service, look: Callable[[Part], str]) -> Told | None:
        if isinstance(step, Send):
            return service.answer(step.call)
        if isinstance(step, Look):
            self.looks.append(step.part.number)
            try:
                return Answer(0, digest=look(step.part))
            except ContentChanged as changed:
                return changed
        if isinstance(step, Note):
            self.notes.append(step.sent)
        elif isinstance(step, Pause):
            self.pauses.append(step.seconds)
        return None


def known(*numbers: int, key: str = "old", **more: int) -> SentUpload:
    """Return an upload of which an earlier run noted these parts."""
    ends = {0: 10, 1: 20, 2: 25}
    parts = tuple(SentPart(number, f"kept-{number}", f"digest-{ends[number]}") for number in numbers)
    return replace(SentUpload(key, SIZE, EXPIRES_S, parts), **more)  # type: ignore[arg-type]  # whole numbers only


def part_ids(service: Service) -> object:
    """Return the part ids that the last completion named."""
    body = service.sent[-1].body
    assert service.sent[-1].path.endswith("/complete")
    assert isinstance(body, Mapping)
    return body["part_ids"]


def test_a_large_file_is_begun_sent_in_parts_and_completed() -> None:
    """The upload announces name, purpose and size; its parts follow each other and are completed in their order."""
    service, driven = Service(), Driven()
    answer = driven.drive(service)
    assert (answer.status, answer.headers, answer.body) == (200, {"date": "now"}, FILE)
    assert service.sent[0].body == {
        "purpose": "fine-tune",
        "filename": UPLOAD.filename,
        "bytes": SIZE,
        "mime_type": "application/octet-stream",
    }
    assert service.paths == ["/uploads", *["/uploads/up%201/parts"] * 3, "/uploads/up%201/complete"]
    assert [call.body for call in service.sent[1:4]] == [Part(0, 0, 10), Part(1, 10, 10), Part(2, 20, 5)]
    assert part_ids(service) == [f"part-{n}-of-up%201" for n in range(3)]
    assert [call.repeatable for call in service.sent] == [True, True, True, True, False]


def test_everything_confirmed_is_noted_before_anything_else_is_sent() -> None:
    """Begun, each part, and that it is about to be completed: what a run that follows has to know."""
    service, driven = Service(), Driven()
    driven.drive(service)
    begun = SentUpload("up 1", SIZE, EXPIRES_S)
    noted = [note for note in driven.notes if note is not None]
    assert len(noted) == len(driven.notes) == 5
    assert noted[0] == begun
    assert [len(note.parts) for note in noted] == [0, 1, 2, 3, 3]
    assert [note.completing for note in noted] == [False] * 4 + [True]
    assert [part.digest for part in noted[-1].parts] == ["digest-10", "digest-20", "digest-25"]


@pytest.mark.parametrize("there", [(), (0,), (0, 1), (0, 1, 2), (1,), (0, 2)], ids=str)
def test_an_upload_is_gone_on_with(there: tuple[int, ...]) -> None:
    """Only what is missing is sent; what is there is compared with the file, in its order."""
    service, driven = Service(), Driven()
    assert driven.drive(service, known(*there)).body == FILE
    assert driven.looks == list(there)
    sent = [call.body for call in service.sent if isinstance(call.body, Part)]
    assert [part.number for part in sent] == [n for n in range(3) if n not in there]
    assert service.begun == 0
    assert [str(id_).startswith("kept") for id_ in part_ids(service)] == [n in there for n in range(3)]  # type: ignore[attr-defined]


def test_a_part_that_was_sent_of_other_content_is_sent_again() -> None:
    """What an earlier run sent while the file was another must not come together with this one's parts."""
    service, driven = Service(), Driven()
    driven.drive(service, known(0, 1), look=lambda part: "other" if part.number == 1 else digest_to(part))
    assert [call.body.number for call in service.sent if isinstance(call.body, Part)] == [1, 2]
    assert part_ids(service) == ["kept-0", "part-0-of-old", "part-1-of-old"]


@pytest.mark.parametrize(
    ("upload", "now"),
    [
        (known(0, 1, expires_s=int(NOW.timestamp())), NOW),
        (known(0, 1), NOW + timedelta(hours=2)),
        (known(0, 1, size_bytes=SIZE + 3), NOW),
    ],
    ids=["expired", "expired meanwhile", "another size"],
)
def test_an_upload_of_no_use_is_begun_anew(upload: SentUpload, now: datetime) -> None:
    """Nothing is sent to an upload that has expired, or that was announced with another size."""
    service, driven = Service(), Driven()
    driven.drive(service, upload, now=now)
    assert service.begun == 1
    assert driven.looks == []
    assert "/uploads/old/complete" not in service.paths


@pytest.mark.parametrize(("upload", "now"), [(known(0, expires_s=0), NOW), (known(0), None)])
def test_an_upload_that_may_not_have_expired_is_tried(upload: SentUpload, now: datetime | None) -> None:
    """Where the expiry or the service's time is not known, its answer tells."""
    service, driven = Service(), Driven()
    driven.drive(service, upload, now=now)
    assert service.begun == 0


@pytest.mark.parametrize("status", [400, 404, 409, 410])
@pytest.mark.parametrize("word", ["parts", "complete"])
def test_an_upload_that_the_service_takes_no_more_is_begun_anew_once(word: str, status: int) -> None:
    """Completed, expired or cancelled: the remembered upload is left, and all parts are sent to a new one."""
    service, driven = Service({word: [Answer(status)]}), Driven()
    assert driven.drive(service, known(0, 1)).body == FILE
    assert service.begun == 1
    assert driven.notes.count(None) == 1
    assert [call.body.number for call in service.sent if isinstance(call.body, Part)][-3:] == [0, 1, 2]
    again = Service({word: [Answer(status)] * 2})
    with pytest.raises(ServiceProblem):
        Driven().drive(again, known(0, 1))
    assert again.begun == 1


@pytest.mark.parametrize("status", [400, 404])
def test_a_refused_upload_of_this_run_is_cancelled_and_told(status: int) -> None:
    """What the service refuses of an upload that was begun just now is no matter of age: it is left and told."""
    service, driven = Service({"complete": [Answer(status)]}), Driven()
    with pytest.raises(ServiceProblem) as caught:
        driven.drive(service)
    assert caught.value.status == status
    assert service.paths[-1] == "/uploads/up%201/cancel"
    assert driven.notes[-1] is None


@pytest.mark.parametrize("status", [401, 403, 413])
def test_a_refusal_that_is_not_the_uploads_leaves_it(status: int) -> None:
    """With the right granted the next run goes on where this one stopped."""
    service, driven = Service({"parts": [Answer(200, body={"id": "p"}, digest="x"), Answer(status)]}), Driven()
    with pytest.raises(ServiceProblem):
        driven.drive(service, known())
    assert driven.notes[-1] is not None
    assert len(driven.notes[-1].parts) == 1
    assert "/uploads/old/cancel" not in service.paths


@pytest.mark.parametrize("upload", [None, known(0, 1)], ids=["new", "gone on with"])
@pytest.mark.parametrize("cancelled", [Answer(200), Answer(404), LOST, Unreachable("down")], ids=str)
def test_a_file_that_changed_is_never_completed(upload: SentUpload | None, cancelled: Told) -> None:
    """The upload is cancelled, as far as that goes, and left; nothing else is done."""
    change = ContentChanged("the file changed")
    service, driven = Service({"parts": [change], "cancel": [cancelled] * 9}), Driven()
    with pytest.raises(ContentChanged):
        driven.drive(service, upload)
    assert service.paths[-1].endswith("/cancel")
    assert not any(path.endswith("/complete") for path in service.paths)
    assert driven.notes[-1] is None


def test_a_file_that_changed_is_noticed_while_only_looking() -> None:
    """With every part there already, the end of the file is still compared before anything is completed."""

    def look(part: Part) -> str:
        if part.number == 2:
            raise ContentChanged("the file changed")
        return digest_to(part)

    service, driven = Service(), Driven()
    with pytest.raises(ContentChanged):
        driven.drive(service, known(0, 1, 2), look=look)
    assert service.paths == ["/uploads/old/cancel"]


@pytest.mark.parametrize("word", ["uploads", "parts"])
@pytest.mark.parametrize("odd", [Answer(429), Answer(500), Answer(503), LOST, Unreachable("down")], ids=str)
def test_what_makes_no_file_is_repeated_like_a_read(word: str, odd: Told) -> None:
    """A part that is there twice is dropped unless it is named, and an upload without parts expires."""
    service, driven = Service({word: [odd, odd]}), Driven()
    assert driven.drive(service).body == FILE
    assert driven.pauses == [1.0, 2.0]
    assert len(set(map(str, part_ids(service)))) == 3  # type: ignore[call-overload]


@pytest.mark.parametrize("odd", [Answer(500), LOST], ids=str)
def test_the_completion_is_never_repeated(odd: Told) -> None:
    """It makes the file: whether it was done is for a listing to tell, so the upload stays remembered."""
    service, driven = Service({"complete": [odd]}), Driven()
    with pytest.raises(WireError):
        driven.drive(service)
    assert service.paths[-1].endswith("/complete")
    assert service.paths.count(service.paths[-1]) == 1
    assert driven.notes[-1] is not None
    assert len(driven.notes[-1].parts) == 3


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": 7}, {"id": "x" * (ID_CHARACTERS_MAX + 1)}], ids=str)
@pytest.mark.parametrize("word", ["uploads", "parts"])
def test_an_id_that_cannot_be_used_is_a_problem(word: str, body: dict[str, object]) -> None:
    """An upload or part without an id, or with one that no line could hold, is told, not guessed."""
    with pytest.raises(WireError, match="without an id"):
        Driven().drive(Service({word: [Answer(200, body=body)]}))


def test_an_id_stays_inside_its_path() -> None:
    """An id decides nothing but which upload is meant, whatever is in it."""
    service = Service({"uploads": [Answer(200, body={"id": "../files?x=1#y"})]})
    Driven().drive(service)
    assert service.paths[1] == "/uploads/..%2Ffiles%3Fx%3D1%23y/parts"


@given(st.lists(st.sampled_from([Answer(429), Answer(500), LOST]), max_size=20))
def test_tries_of_a_part_are_bounded(odd: list[Told]) -> None:
    """However the service behaves, a part is tried at most so often, and what was confirmed stays noted."""
    service, driven = Service({"parts": [Answer(200, body={"id": "p"}, digest="x"), *odd]}), Driven()
    try:
        driven.drive(service, limits=Limits(tries=3))
    except WireError:
        assert driven.notes[-1] is not None
        assert len(driven.notes[-1].parts) in {1, 2}
    assert len(service.sent) <= 1 + 1 + 3 * 2 + 1

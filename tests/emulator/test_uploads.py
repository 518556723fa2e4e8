"""Uploads in parts: the sizes and the order of parts, what ends an upload, and the file that comes of it."""

# ruff: noqa: ANN401  the wire is JSON
from __future__ import annotations

import hashlib
import io
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ftops.emulator import Effect, Fault

from .conftest import ACCOUNT, FORM, FORM_TAIL, Caller, new_emulator, rows

CONTENT = rows(12)
PART_HEAD = (
    b'--B\r\nContent-Disposition: form-data; name="data"; filename="upload"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)


def begin(caller: Caller, **fields: Any) -> TestResponse:
    """Create an upload for `CONTENT`; only what differs from that is given."""
    plain = {"purpose": "fine-tune", "filename": "a.jsonl", "bytes": len(CONTENT), "mime_type": "application/jsonl"}
    body = {name: value for name, value in {**plain, **fields}.items() if value is not None}
    return caller.call("POST", "/uploads", json=body)


def begun(caller: Caller, **fields: Any) -> str:
    """Create an upload and return its id."""
    return str((begin(caller, **fields).json or {})["id"])


def send(caller: Caller, upload: str, piece: bytes) -> TestResponse:
    """Send one part."""
    body = PART_HEAD + piece + FORM_TAIL
    return caller.call("POST", f"/uploads/{upload}/parts", data=body, content_type=FORM)


def sent(caller: Caller, upload: str, *pieces: bytes) -> list[str]:
    """Send parts one after the other and return their ids."""
    return [str((send(caller, upload, piece).json or {})["id"]) for piece in pieces]


def complete(caller: Caller, upload: str, parts: Any, **more: Any) -> TestResponse:
    """Ask for the file that these parts make."""
    return caller.call("POST", f"/uploads/{upload}/complete", json={"part_ids": parts, **more})


def cancel(caller: Caller, upload: str) -> TestResponse:
    """Give an upload up."""
    return caller.call("POST", f"/uploads/{upload}/cancel")


def cut(content: bytes, size_bytes: int) -> list[bytes]:
    """Return the content in pieces of this size, without heed of its lines."""
    return [content[place : place + size_bytes] for place in range(0, len(content), size_bytes)]


def refusal(response: TestResponse) -> tuple[int, str, str]:
    """Return the status, the code and the message of a refusal."""
    error = (response.json or {})["error"]
    return response.status_code, error["code"], error["message"]


def pieces_kept(caller: Caller) -> int:
    """Return how many pieces of content the store holds."""
    return int(caller.emulator._store.rows("SELECT COUNT(*) FROM chunks")[0][0])


def files_of(caller: Caller) -> list[dict[str, Any]]:
    """Return the files of the account."""
    return caller.emulator.snapshot(ACCOUNT)["files"]


def test_parts_become_a_file(classic: Caller) -> None:
    """An upload is pending until its parts, named in their order, make a file that is checked like any other."""
    response = begin(classic)
    upload = response.json or {}
    assert response.status_code == 200
    assert response.headers["Location"].endswith(f"/openai/uploads/{upload['id']}?api-version=2025-04-01-preview")
    assert (upload["object"], upload["status"], upload["bytes"]) == ("upload", "pending", len(CONTENT))
    assert upload["expires_at"] - upload["created_at"] == 7_200
    last, first = sent(classic, upload["id"], CONTENT[100:], CONTENT[:100])
    done = complete(classic, upload["id"], [first, last])
    assert done.status_code == 200
    file = (done.json or {})["file"]
    assert done.json == {**upload, "status": "completed", "file": file}
    assert set(file) == {"id", "object", "bytes", "created_at", "filename", "purpose", "status"}
    assert (file["status"], file["bytes"], file["filename"]) == ("pending", len(CONTENT), "a.jsonl")
    classic.emulator.pause(5)
    assert classic.get(f"/files/{file['id']}")["status"] == "processed"
    assert classic.call("GET", f"/files/{file['id']}/content").data == CONTENT
    assert classic.train(training_file=file["id"]).status_code == 201


def test_part_is_shown(classic: Caller) -> None:
    """A part has an id of its own and that of its block, in base64."""
    upload = begun(classic)
    response = send(classic, upload, b"abc")
    part = response.json or {}
    assert response.status_code == 200
    assert set(part) == {"id", "object", "created_at", "upload_id", "azure_block_id"}
    assert (part["object"], part["upload_id"], part["id"][:7]) == ("upload.part", upload, "uplprt-")
    assert part["azure_block_id"].endswith("==")


def test_part_is_named_by_its_block(classic: Caller) -> None:
    """A completion may call a part by its id or by that of its block."""
    upload = begun(classic)
    first, last = ((send(classic, upload, piece).json or {}) for piece in (CONTENT[:7], CONTENT[7:]))
    assert complete(classic, upload, [first["azure_block_id"], last["id"]]).status_code == 200


@pytest.mark.parametrize("size_bytes", [1, 37, 1_000_000])
@pytest.mark.parametrize(
    ("content", "details"), [(rows(3), None), (rows(3) + b"{\n" + rows(1), "#3"), (rows(1)[:-3], "#0")]
)
def test_lines_are_checked_across_parts(classic: Caller, size_bytes: int, content: bytes, details: str | None) -> None:
    """Lines are read over the borders of parts, and the first unreadable one of the whole is named."""
    upload = begun(classic, bytes=len(content))
    done = complete(classic, upload, sent(classic, upload, *cut(content, size_bytes)))
    classic.emulator.pause(5)
    found = classic.get(f"/files/{(done.json or {})['file']['id']}")
    assert found["status"] == ("error" if details else "processed")
    assert details is None or f"line {details} failed" in found["status_details"]


def test_order_of_parts_counts(classic: Caller) -> None:
    """The content is in the order that the completion names, also where that breaks its lines."""
    upload = begun(classic)
    first, last = sent(classic, upload, CONTENT[:7], CONTENT[7:])
    done = complete(classic, upload, [last, first])
    classic.emulator.pause(5)
    key = (done.json or {})["file"]["id"]
    assert classic.get(f"/files/{key}")["status"] == "error"
    assert classic.call("GET", f"/files/{key}/content").data == CONTENT[7:] + CONTENT[:7]


def test_parts_in_parallel(tmp_path: Path) -> None:
    """Parts that arrive at the same time are all there."""
    emulator = new_emulator(tmp_path / "world.db")
    caller = Caller(emulator, "/openai", "2025-04-01-preview")
    upload, pieces = begun(caller), cut(CONTENT, 50)
    with ThreadPoolExecutor(8) as pool:
        parts = [str((answer.json or {})["id"]) for answer in pool.map(lambda one: send(caller, upload, one), pieces)]
    done = complete(caller, upload, parts, md5=hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
    assert done.status_code == 200
    emulator.close()


def test_part_that_is_not_named_is_dropped(classic: Caller) -> None:
    """A part that was sent twice, as after a lost answer, is left out and none of it stays."""
    upload = begun(classic)
    _, again = sent(classic, upload, CONTENT, CONTENT)
    done = complete(classic, upload, [again])
    assert classic.call("GET", f"/files/{(done.json or {})['file']['id']}/content").data == CONTENT
    assert pieces_kept(classic) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"purpose": "magic"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"purpose": ["fine-tune"]}, "purpose"),
        ({"filename": None}, "filename field is required"),
        ({"mime_type": ""}, "mime_type field is required"),
        ({"bytes": None}, "positive whole number"),
        ({"bytes": True}, "positive whole number"),
        ({"bytes": 0}, "positive whole number"),
        ({"bytes": "12"}, "positive whole number"),
        ({"bytes": 8_000_000_001}, "limit of 8000000000 bytes"),
    ],
)
def test_bad_creation(classic: Caller, fields: dict[str, Any], words: str) -> None:
    """An upload is created with a purpose, a name, a type and a size within the limit."""
    status, code, message = refusal(begin(classic, **fields))
    assert (status, code) == (400, "invalidPayload")
    assert words in message


def _too_large(caller: Caller, upload: str) -> TestResponse:
    caller.emulator.limits = replace(caller.emulator.limits, part_bytes=10)
    return send(caller, upload, b"a" * 11)


def _too_much(caller: Caller, upload: str) -> TestResponse:
    caller.emulator.limits = replace(caller.emulator.limits, upload_bytes=10)
    send(caller, upload, b"a" * 6)
    return send(caller, upload, b"a" * 5)


def _other_field(caller: Caller, upload: str) -> TestResponse:
    data = {"file": (io.BytesIO(b"a"), "upload", "text/plain")}
    return caller.call("POST", f"/uploads/{upload}/parts", data=data)


def _no_form(caller: Caller, upload: str) -> TestResponse:
    return caller.call("POST", f"/uploads/{upload}/parts", data=b"a", content_type="application/octet-stream")


def _cut_form(caller: Caller, upload: str) -> TestResponse:
    return caller.call("POST", f"/uploads/{upload}/parts", data=PART_HEAD + b"ab", content_type=FORM)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda caller, upload: send(caller, upload, b""), "empty"),
        (_too_large, "The data is larger than the limit of 10 bytes"),
        (_too_much, "parts are larger than the limit of 10 bytes"),
        (_other_field, "data field is required"),
        (_no_form, "multipart/form-data"),
        (_cut_form, "malformed"),
    ],
)
def test_bad_part(classic: Caller, act: Callable[[Caller, str], TestResponse], words: str) -> None:
    """A part is a file in the field `data`, within the limits, and a refused one leaves the upload as it was."""
    upload = begun(classic)
    status, code, message = refusal(act(classic, upload))
    assert (status, code) == (400, "invalidPayload")
    assert words in message
    classic.emulator.limits = replace(classic.emulator.limits, part_bytes=1_000_000, upload_bytes=1_000_000)
    assert complete(classic, upload, sent(classic, upload, CONTENT)).status_code == 200


@pytest.mark.parametrize(
    ("parts", "more", "words"),
    [
        (lambda keys: keys[:1], {}, f"7 bytes, but the upload was created for {len(CONTENT)}"),
        (lambda keys: [*keys, "uplprt-0"], {}, "no part uplprt-0"),
        (lambda keys: [keys[0], keys[0], keys[1]], {}, "a part twice"),
        (lambda _: [], {}, "not empty"),
        (lambda _: None, {}, "not empty"),
        (lambda keys: [*keys, 1], {}, "not empty"),
        (lambda keys: keys, {"md5": "0" * 32}, "md5"),
    ],
)
def test_bad_completion(classic: Caller, parts: Callable[[list[str]], Any], more: dict[str, str], words: str) -> None:
    """A completion that does not fit is refused, makes no file, and leaves the upload pending."""
    upload = begun(classic)
    keys = sent(classic, upload, CONTENT[:7], CONTENT[7:])
    status, code, message = refusal(complete(classic, upload, parts(keys), **more))
    assert (status, code) == (400, "invalidPayload")
    assert words in message
    assert files_of(classic) == []
    right = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest().upper()
    assert complete(classic, upload, keys, md5=right).status_code == 200


def test_parts_of_another_upload(classic: Caller) -> None:
    """A part belongs to the upload that it was sent to."""
    mine, other = begun(classic), begun(classic)
    assert refusal(complete(classic, mine, sent(classic, other, CONTENT)))[0] == 400


def _completed(caller: Caller, upload: str) -> None:
    complete(caller, upload, sent(caller, upload, CONTENT))


def _cancelled(caller: Caller, upload: str) -> None:
    sent(caller, upload, CONTENT)
    assert (cancel(caller, upload).json or {})["status"] == "cancelled"


def _expired(caller: Caller, upload: str) -> None:
    sent(caller, upload, CONTENT)
    caller.emulator.pause(7_200)


@pytest.mark.parametrize(
    ("end", "status", "kept"), [(_completed, "completed", 1), (_cancelled, "cancelled", 0), (_expired, "expired", 0)]
)
def test_what_has_ended_takes_nothing(
    classic: Caller, end: Callable[[Caller, str], None], status: str, kept: int
) -> None:
    """An upload that is completed, cancelled or two hours old refuses everything, and no loose part stays."""
    upload = begun(classic)
    end(classic, upload)
    answers = [send(classic, upload, b"a"), complete(classic, upload, ["uplprt-0"]), cancel(classic, upload)]
    for answer, deed in zip(answers, ("take a part", "be completed", "be cancelled"), strict=True):
        assert refusal(answer) == (400, "unexpectedEntityState", f"An upload in status {status} cannot {deed}.")
    assert (len(files_of(classic)), pieces_kept(classic)) == (kept, kept)


def test_upload_lives_for_two_hours(classic: Caller) -> None:
    """A second before its end an upload can still be completed."""
    upload = begun(classic)
    parts = sent(classic, upload, CONTENT)
    classic.emulator.pause(7_199)
    assert complete(classic, upload, parts).status_code == 200
    classic.emulator.pause(2)
    assert len(files_of(classic)) == 1


def test_unknown_upload(classic: Caller) -> None:
    """What was never created is the entity's 404."""
    for answer in (send(classic, "upload-0", b"a"), complete(classic, "upload-0", []), cancel(classic, "upload-0")):
        assert refusal(answer)[:2] == (404, "notFound")


def test_only_classic_has_uploads(classic: Caller, v1: Caller) -> None:
    """On v1 and in projects the paths lead nowhere, also for an upload that exists."""
    upload = begun(classic)
    project = Caller(classic.emulator, "/api/projects/p/openai", "2025-11-15-preview")
    for caller in (v1, project):
        answers = [begin(caller), send(caller, upload, b"a"), complete(caller, upload, []), cancel(caller, upload)]
        assert [refusal(answer)[:2] for answer in answers] == [(404, "404")] * 4


def test_full_account(classic: Caller) -> None:
    """An account with too many files refuses an upload, and one with too much in them the completion of one."""
    upload = begun(classic)
    parts = sent(classic, upload, CONTENT)
    other = classic.ready_file()
    full = (replace(classic.emulator.limits, files=1), replace(classic.emulator.limits, total_bytes=len(CONTENT)))
    for limits, refuses in zip(full, (True, False), strict=True):
        classic.emulator.limits = limits
        assert begin(classic).status_code == (400 if refuses else 200)
        assert refusal(complete(classic, upload, parts))[:2] == (400, "quotaExceeded")
    classic.call("DELETE", f"/files/{other}")
    assert complete(classic, upload, parts).status_code == 200


def test_purpose_that_is_not_checked(classic: Caller) -> None:
    """A file for batches is processed at once and not read."""
    upload = begun(classic, purpose="batch", bytes=3)
    done = complete(classic, upload, sent(classic, upload, b"abc"))
    assert (done.json or {})["file"]["status"] == "processed"


@pytest.mark.parametrize(
    ("effect", "happened"),
    [
        (Effect.DROP_BEFORE, False),
        (Effect.DROP_AFTER, True),
        (Effect.STATUS_BEFORE, False),
        (Effect.STATUS_AFTER, True),
    ],
)
def test_lost_answer_to_a_completion(classic: Caller, effect: Effect, *, happened: bool) -> None:
    """An answer that is lost leaves the file and a completed upload; a lost request leaves the upload pending."""
    upload = begun(classic)
    parts = sent(classic, upload, CONTENT)
    classic.emulator.faults.add(Fault(effect, "POST", "/complete$", status=503))
    if effect in (Effect.DROP_BEFORE, Effect.DROP_AFTER):
        with pytest.raises(ConnectionResetError):
            complete(classic, upload, parts)
    else:
        assert complete(classic, upload, parts).status_code == 503
    assert [file["bytes"] for file in classic.get("/files")["data"]] == [len(CONTENT)] * happened
    assert complete(classic, upload, parts).status_code == (400 if happened else 200)
    assert len(files_of(classic)) == 1


def test_lost_answer_to_a_part(classic: Caller) -> None:
    """A part whose answer is lost is sent again, and the completion names the second one."""
    upload = begun(classic)
    classic.emulator.faults.add(Fault(Effect.DROP_AFTER, "POST", "/parts$"))
    with pytest.raises(ConnectionResetError):
        send(classic, upload, CONTENT)
    assert complete(classic, upload, sent(classic, upload, CONTENT)).status_code == 200


def test_death_in_the_middle(tmp_path: Path) -> None:
    """An emulator that is opened again goes on with the parts that it has."""
    emulator = new_emulator(tmp_path / "world.db")
    caller = Caller(emulator, "/openai", "2025-04-01-preview")
    upload = begun(caller)
    parts = sent(caller, upload, CONTENT[:7])
    emulator.close()
    again = Caller(new_emulator(tmp_path / "world.db"), "/openai", "2025-04-01-preview")
    assert complete(again, upload, parts + sent(again, upload, CONTENT[7:])).status_code == 200
    again.emulator.close()


def test_big_upload_is_not_held(tmp_path: Path) -> None:
    """Parts of 16 MB pass, and are checked when they are put together, without being held in memory."""
    emulator = new_emulator(tmp_path / "world.db")
    caller = Caller(emulator, "/openai", "2025-04-01-preview")
    line, count = b'{"messages": "' + b"a" * (64 * 1024) + b'"}\n', 256
    upload = begun(caller, bytes=3 * count * len(line))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parts = [caller.stream(f"/uploads/{upload}/parts", PART_HEAD, line, count)["id"] for _ in range(3)]
    done = complete(caller, upload, parts)
    emulator.pause(5)
    assert caller.get(f"/files/{(done.json or {})['file']['id']}")["status"] == "processed"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 24 * 1024
    emulator.close()

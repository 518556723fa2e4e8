"""Files on the wire: upload, check, listing, content, deletion and limits."""

from __future__ import annotations

import hashlib
import io
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import Client

from .conftest import ACCOUNT, FORM_TAIL, Caller, new_emulator, rows

MEGABYTE = 1024 * 1024
FORM_HEAD = (
    b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="big"\r\nContent-Type: text/plain\r\n\r\n'
)


def test_upload_is_pending_and_then_processed(v1: Caller) -> None:
    """An upload answers 201 with every member but no nulls, and is processed five virtual seconds later."""
    response = v1.upload(rows(12))
    body = response.json or {}
    assert response.status_code == 201
    assert set(body) == {"id", "object", "bytes", "created_at", "filename", "purpose", "status"}
    assert (body["status"], body["bytes"], len(body["id"])) == ("pending", len(rows(12)), 37)
    assert response.headers["Location"].endswith(f"/openai/files/{body['id']}")
    v1.emulator.pause(4)
    assert v1.get(f"/files/{body['id']}")["status"] == "pending"
    v1.emulator.pause(1)
    assert v1.get(f"/files/{body['id']}")["status"] == "processed"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"not json\n", 0),
        (rows(3) + b'{"messages": [\n' + rows(2), 3),
        (rows(2) + b"[1, 2]\n", 2),
        (rows(2) + b"\xff\xfe\n", 2),
        (b"", 0),
        (rows(1) + b"[" * 100_000 + b"\n", 1),
    ],
    ids=["text", "cut", "no object", "no utf-8", "empty", "deep"],
)
def test_unreadable_line_is_named(v1: Caller, content: bytes, line: int) -> None:
    """A file with an unreadable line ends in error and names the first such line, counted from 0."""
    key = (v1.upload(content).json or {})["id"]
    v1.emulator.pause(5)
    found = v1.get(f"/files/{key}")
    assert found["status"] == "error"
    assert found["status_details"] == f"Validation of jsonl file failed: Deserialization of line #{line} failed."


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + rows(10), rows(10).replace(b"\n", b"\r\n"), rows(10)[:-1]])
def test_marks_and_line_ends_are_tolerated(v1: Caller, content: bytes) -> None:
    """A byte order mark, CRLF and a missing last line end are all fine."""
    key = (v1.upload(content).json or {})["id"]
    v1.emulator.pause(5)
    assert v1.get(f"/files/{key}")["status"] == "processed"


def test_line_spanning_chunks_is_one_line(v1: Caller) -> None:
    """A row larger than what is read at once is still one row."""
    content = b'{"text": "' + b"a" * 400_000 + b'"}\n' + rows(10)
    key = (v1.upload(content).json or {})["id"]
    v1.emulator.pause(5)
    assert v1.get(f"/files/{key}")["status"] == "processed"
    assert v1.call("GET", f"/files/{key}/content").data == content


@pytest.mark.parametrize(("sent", "stored"), [(r"data\\a.jsonl", r"data\a.jsonl"), ("ü a.jsonl", "ü a.jsonl")])
def test_filename_is_echoed_verbatim(v1: Caller, sent: str, stored: str) -> None:
    """The file name comes back as it was sent, backslashes included."""
    head = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{sent}"\r\nContent-Type: text/plain\r\n\r\n'
    tail = '\r\n--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--B--\r\n'
    body = head.encode() + rows(10) + tail.encode()
    response = v1.call("POST", "/files", data=body, content_type="multipart/form-data; boundary=B")
    assert (response.json or {})["filename"] == stored


def test_part_without_content_type_is_refused(v1: Caller) -> None:
    """A file part without a content type is a 400 with the service's own words."""
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{}\r\n--B--\r\n'
    response = v1.call("POST", "/files", data=body, content_type="multipart/form-data; boundary=B")
    assert response.status_code == 400
    assert "no or an empty content type" in (response.json or {})["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"--B\r\n", b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"'])
def test_broken_form_is_refused(v1: Caller, body: bytes) -> None:
    """A multipart body that ends early is a 400 and leaves nothing behind."""
    response = v1.call("POST", "/files", data=body, content_type="multipart/form-data; boundary=B")
    assert response.status_code == 400
    assert v1.emulator.snapshot(ACCOUNT)["files"] == []


def _too_many(caller: Caller) -> None:
    caller.emulator.limits = replace(caller.emulator.limits, files=0)


def _too_large(caller: Caller) -> None:
    caller.emulator.limits = replace(caller.emulator.limits, file_bytes=10)


def _too_much(caller: Caller) -> None:
    caller.emulator.limits = replace(caller.emulator.limits, total_bytes=len(rows(10)) - 1)


@pytest.mark.parametrize(
    ("limit", "code"), [(_too_many, "quotaExceeded"), (_too_much, "quotaExceeded"), (_too_large, "invalidPayload")]
)
def test_limits_refuse_and_undo(v1: Caller, limit: Callable[[Caller], None], code: str) -> None:
    """A file above a limit is refused and none of its bytes stay."""
    limit(v1)
    response = v1.upload(rows(10))
    assert (response.status_code, (response.json or {})["error"]["code"]) == (400, code)
    assert v1.emulator.snapshot(ACCOUNT)["files"] == []


def test_files_fit_to_the_byte_and_other_purposes_do_not_count(v1: Caller) -> None:
    """Training files and results count in the bytes, files of other tools in nothing; a placed file is listed."""
    key = v1.emulator.place_file(ACCOUNT, "results.csv", "fine-tune-results", 1_000_000_000 - len(rows(10)))
    v1.emulator.place_file(ACCOUNT, "batch.jsonl", "batch", 5_000_000_000)
    v1.emulator.limits = replace(v1.emulator.limits, files=2)
    assert v1.upload(rows(10)).status_code == 201
    assert v1.upload(rows(1)).status_code == 400
    assert v1.upload(rows(10), purpose="batch").status_code == 201
    assert v1.get(f"/files/{key}")["bytes"] == 1_000_000_000 - len(rows(10))
    v1.emulator.delete_file(key)
    assert v1.upload(rows(1)).status_code == 201
    assert v1.upload(rows(1)).status_code == 400


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"purpose": "fine-tune", "expires_after[seconds]": "1209600"}, 201),
        ({"purpose": "batch", "expires_after[seconds]": "1209600"}, 201),
        ({"purpose": "fine-tune", "expires_after.seconds": "3600"}, 400),
        ({"purpose": "fine-tune", "expires_after[seconds]": "1209600", "expires_after[anchor]": "now"}, 400),
        ({"purpose": "magic"}, 400),
        ({"purpose": "fine-tune" + "e" * 70_000}, 400),
    ],
)
def test_form_fields(v1: Caller, fields: dict[str, str], status: int) -> None:
    """The form's fields are checked, and an expiry is echoed, except that of a file for batches."""
    part = (io.BytesIO(rows(10)), "a", "text/plain")
    response = v1.call("POST", "/files", data={**fields, "file": part})
    assert response.status_code == status
    assert ("expires_at" in (response.json or {})) == (status == 201 and fields["purpose"] == "fine-tune")


def test_file_is_required(v1: Caller) -> None:
    """A form without a file, and a body that is no form, are refused."""
    assert v1.call("POST", "/files", data={"purpose": "fine-tune", "other": (io.BytesIO(b""), "a")}).status_code == 400
    assert v1.call("POST", "/files", json={}).status_code == 400


def test_line_without_end(v1: Caller) -> None:
    """A line above the limit is unreadable and not collected any further."""
    body = FORM_HEAD + rows(1) + b"a" * (17 * MEGABYTE) + FORM_TAIL
    response = v1.call("POST", "/files", data=body, content_type="multipart/form-data; boundary=B")
    key = (response.json or {})["id"]
    v1.emulator.pause(5)
    assert v1.get(f"/files/{key}")["status_details"].endswith("line #1 failed.")


def test_listing_quirks(v1: Caller, classic: Caller) -> None:
    """Listings are newest first with a null status_details; only v1 says whether more follow."""
    keys = [(v1.upload(rows(10)).json or {})["id"] for _ in range(3)]
    v1.upload(b"x", purpose="batch")
    newest = v1.get("/files", purpose="fine-tune")
    assert [item["id"] for item in newest["data"]] == keys[::-1]
    assert all(item["status_details"] is None for item in newest["data"])
    assert (newest["has_more"], newest["first_id"], newest["last_id"]) == (False, keys[2], keys[0])
    assert set(classic.get("/files")) == {"object", "data"}
    assert [item["id"] for item in classic.get("/files", purpose="fine-tune", order="asc")["data"]] == keys


def test_listing_pages(v1: Caller) -> None:
    """Pages follow one another by the last id, and an unknown one is a 404."""
    keys = [(v1.upload(rows(10)).json or {})["id"] for _ in range(5)][::-1]
    first = v1.get("/files", limit=2)
    second = v1.get("/files", limit=2, after=first["data"][-1]["id"])
    last = v1.get("/files", limit=2, after=second["data"][-1]["id"])
    assert [item["id"] for page in (first, second, last) for item in page["data"]] == keys
    assert [page["has_more"] for page in (first, second, last)] == [True, True, False]
    assert v1.call("GET", "/files", query={"after": "file-0"}).status_code == 404
    assert v1.call("GET", "/files", query={"limit": 0}).status_code == 400


def test_stable_version_lists_at_once(v1: Caller) -> None:
    """A stable classic version knows no limit and no order, and whoever asks on after the last file gets no other."""
    keys = [v1.ready_file() for _ in range(3)]
    stable = Caller(v1.emulator, "/openai", "2024-10-21")
    listed = stable.get("/files", limit="1", order="asc")
    assert [item["id"] for item in listed["data"]] == keys[::-1]
    assert stable.get("/files", after=keys[0]) == {"object": "list", "data": []}


def test_stable_version_knows_no_expiry(v1: Caller) -> None:
    """Only the newer versions take an expiry; the stable one ignores the field."""
    part = (io.BytesIO(rows(10)), "a.jsonl", "application/octet-stream")
    data = {"purpose": "fine-tune", "expires_after[seconds]": "1209600", "file": part}
    stable = Caller(v1.emulator, "/openai", "2024-10-21").call("POST", "/files", data=data)
    assert (stable.status_code, "expires_at" in (stable.json or {})) == (201, False)


def test_delete_twice(v1: Caller) -> None:
    """Deleting says whether something was deleted, and reading afterwards is the entity 404."""
    key = v1.ready_file()
    deleted = [v1.call("DELETE", f"/files/{key}").json for _ in range(2)]
    assert [(answer or {})["deleted"] for answer in deleted] == [True, False]
    missing = v1.call("GET", f"/files/{key}")
    assert (missing.status_code, (missing.json or {})["error"]["code"]) == (404, "notFound")


def test_big_upload_is_streamed(tmp_path: Path) -> None:
    """A body of 48 MB passes in both directions without being held in memory."""
    emulator = new_emulator(tmp_path / "world.db")
    line, count = b'{"messages": "' + b"a" * (64 * 1024) + b'"}\n', 48 * 16
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = Caller(emulator).stream("/files", FORM_HEAD, line, count)
    assert body["bytes"] == len(line) * count
    content = Client(emulator.app).get(f"/openai/v1/files/{body['id']}/content", base_url=emulator.endpoint(ACCOUNT))
    digest = hashlib.sha256()
    for piece in content.response:
        digest.update(piece.encode() if isinstance(piece, str) else piece)
    expected = hashlib.sha256()
    for _ in range(count):
        expected.update(line)
    assert digest.digest() == expected.digest()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 24 * 1024
    emulator.close()

"""The bytes of an upload and the secrets of an import, without a service: blocks, parts, marks, digests, hiding."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.call import FromEnv, Part, Upload
from ftops.digest import BOM
from ftops.errors import ContentChanged, WireError
from ftops.redaction import HIDDEN, redact
from ftops.rules import Bom
from ftops.urls import is_secret, wrong_source
from ftops.wire.secrets import Secrets, resolved
from ftops.wire.upload import Content, opened

ROWS = b'{"a": 1}\r\n{"b": 2}\n\r\n'
DIGEST = hashlib.sha256(ROWS.replace(b"\r\n", b"\n")).hexdigest()
CASES = [
    (Bom.KEEP, ROWS, ROWS),
    (Bom.KEEP, BOM + ROWS, BOM + ROWS),
    (Bom.ADD, ROWS, BOM + ROWS),
    (Bom.ADD, BOM + ROWS, BOM + ROWS),
    (Bom.STRIP, ROWS, ROWS),
    (Bom.STRIP, BOM + ROWS, ROWS),
]


def upload_of(path: Path, data: bytes, digest: str = DIGEST) -> Upload:
    """Return the upload of a file that is written here."""
    path.write_bytes(data)
    return Upload(path, "train.jsonl", "fine-tune", digest)


def ignore(_sent: int, _size: int) -> None:
    """Hear of no progress."""


def read(content: Content, part_bytes: int) -> bytes:
    """Return everything that is sent, part by part."""
    parts = range(0, content.size_bytes, part_bytes)
    slices = [content.part(Part(n, at, min(part_bytes, content.size_bytes - at))) for n, at in enumerate(parts[:1])]
    sent = b""
    for number, at in enumerate(parts):
        piece = slices[0] if number == 0 else content.part(Part(number, at, min(part_bytes, content.size_bytes - at)))
        sent += b"".join(iter(lambda piece=piece: piece.read(3), b""))  # type: ignore[misc]
    return sent


@pytest.mark.parametrize(("bom", "data", "sent"), CASES)
@pytest.mark.parametrize("part_bytes", [1, 2, 3, 4, 7, 1000])
def test_the_byte_order_mark_is_sent_as_the_rules_say(
    tmp_path: Path, bom: Bom, data: bytes, sent: bytes, part_bytes: int
) -> None:
    """Kept, added or stripped: size and progress are those of what is sent, the identity is the same."""
    heard: list[tuple[int, int]] = []
    with opened(upload_of(tmp_path / "a", data), bom, lambda *told: heard.append(told)) as content:
        assert content.size_bytes == len(sent)
        assert read(content, part_bytes) == sent
    assert heard[-1] == (len(sent), len(sent))
    assert [done for done, _ in heard] == sorted({done for done, _ in heard})


def test_looking_reads_as_sending_does(tmp_path: Path) -> None:
    """The digest up to a part's end is the same however often, and in whatever way, the part is read."""
    with opened(upload_of(tmp_path / "a", ROWS), Bom.KEEP, ignore) as content:
        first, second = Part(0, 0, 9), Part(1, 9, len(ROWS) - 9)
        told = content.look(first)
        assert content.look(first) == content.part(first).read_out() == told
        assert content.look(second) == DIGEST
        assert content.whole().read_out() == DIGEST


CHANGES = [
    ROWS[:-1],
    ROWS + b"\n",
    ROWS + b"x",
    ROWS[:-1] + b"x",
    b"x" + ROWS[1:],
    b"",
    BOM + ROWS[:-3],
    ROWS.replace(b"1", b"2"),
]


@pytest.mark.parametrize("changed", CHANGES, ids=repr)
@pytest.mark.parametrize("part_bytes", [4, 1000])
def test_a_file_that_changed_is_never_read_to_its_end(tmp_path: Path, changed: bytes, part_bytes: int) -> None:
    """Changed after it was opened, shorter, longer or otherwise: the end of the last part is never reached."""
    path = tmp_path / "a"
    with opened(upload_of(path, ROWS), Bom.KEEP, ignore) as content:
        path.write_bytes(changed)
        with pytest.raises(ContentChanged, match="changed after it was checked"):
            read(content, part_bytes)


@pytest.mark.parametrize("changed", CHANGES, ids=repr)
def test_a_file_that_was_changed_before_is_no_better(tmp_path: Path, changed: bytes) -> None:
    """Changed between its check and its upload: the same."""
    upload = upload_of(tmp_path / "a", ROWS)
    upload.path.write_bytes(changed)
    with opened(upload, Bom.ADD, ignore) as content, pytest.raises(ContentChanged):
        content.whole().read_out()


def test_line_ends_that_changed_are_the_same_content(tmp_path: Path) -> None:
    """CRLF for LF changes no identity, so the file may go."""
    data = ROWS.replace(b"\r\n", b"\n")
    with opened(upload_of(tmp_path / "a", data), Bom.KEEP, ignore) as content:
        assert read(content, 5) == data


# --- what a URL must be


@pytest.mark.parametrize(
    "url",
    [
        "https://data.blob.core.windows.net/rows/more.jsonl",
        "https://data.example.com:8443/a%20b.jsonl?versionid=7",
        "http://127.0.0.1:10000/devstoreaccount1/c/b",
        "http://localhost/x",
        "http://[::1]:10000/x",
    ],
)
def test_a_plain_url_is_taken(url: str) -> None:
    """Over https anywhere, http on this machine; a query that gives no access is no secret."""
    assert wrong_source(url) == ""
    assert not is_secret(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "whole address"),
        ("data/more.jsonl", "whole address"),
        ("https://", "whole address"),
        ("https://[::1", "whole address"),
        ("https://h:port/x", "whole address"),
        ("http://data.example.com/x", "has to begin with https"),
        ("http://127.0.0.1.example.com/x", "has to begin with https"),
        ("ftp://data.example.com/x", "has to begin with https"),
        ("file:///etc/passwd", "whole address"),
        ("https://data.example.com/a b", "no spaces"),
        ("https://data.example.com/a\nb", "no spaces"),
        ("https://data.example.com/ä", "no spaces"),
    ],
)
def test_what_is_no_url_is_told_by_what_to_write(url: str, words: str) -> None:
    """The text itself is not repeated, since it may hold a secret."""
    assert words in wrong_source(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://d.blob.core.windows.net/c/b?sp=r&sig=abc",
        "https://d.blob.core.windows.net/c/b?SIG=abc",
        "https://d.example.com/b?token=",
        "https://b.s3.amazonaws.com/b?X-Amz-Signature=abc",
        "https://me:pw@d.example.com/b",
        "https://me@d.example.com/b",
        "https://[x?sig=abc",
    ],
)
def test_a_url_that_gives_access_is_a_secret(url: str) -> None:
    """Signatures, tokens and passwords of any kind that the service could use."""
    assert is_secret(url)


# --- secrets

CANARY = "c4n4ry/+S1gnature=="
URL = "https://d.blob.core.windows.net/rows/more.jsonl?sv=2024-11-04&sp=r&sig=c4n4ry%2F%2BS1gnature%3D%3D"
BODY = {"purpose": "fine-tune", "content_url": FromEnv("FTOPS_URL")}


def test_a_variable_is_looked_up_when_the_call_is_sent() -> None:
    """The body that is sent has the value, the body that is kept has the name only."""
    assert resolved(BODY, {"FTOPS_URL": f" {URL}\n"}, Secrets()) == {"purpose": "fine-tune", "content_url": URL}
    assert URL not in repr(BODY)
    assert resolved(None, {}, Secrets()) is None


@pytest.mark.parametrize(
    ("value", "words"), [(None, "is not set"), (" ", "is not set"), ("c4n4ry", "holds no URL"), ("http://h/", "https")]
)
def test_a_variable_without_a_url_is_told_by_its_name(value: str | None, words: str) -> None:
    """Before anything is sent, and without its value."""
    environ = {} if value is None else {"FTOPS_URL": value}
    with pytest.raises(WireError, match=words) as caught:
        resolved(BODY, environ, Secrets())
    assert "FTOPS_URL" in str(caught.value)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    "told",
    [
        URL,
        f'Could not read "{URL}": 403',
        URL.replace("&", "&amp;"),
        URL.replace("&", "\\u0026"),
        "sig: c4n4ry%2f%2bS1gnature%3d%3d",
        f"string to sign {CANARY}",
        "c4n4ry%2F%2BS1gnature%3D%3D",
        "c4n4ry/%2BS1gnature%3D%3D",
        "c4n4ry%252F%252BS1gnature%253D%253D",
        "c4n4ry\\/+S1gnature\\u003d\\u003d",
    ],
)
def test_what_a_service_repeats_of_a_secret_is_taken_out(told: str) -> None:
    """Whole, in part, decoded or encoded otherwise, anywhere in a JSON value."""
    secrets = Secrets()
    resolved(BODY, {"FTOPS_URL": URL}, secrets)
    shown = secrets.hidden({"error": {"message": told, "more": [told, 7, None]}})
    assert "c4n4ry" not in str(shown)
    assert HIDDEN in str(shown)


def test_without_secrets_nothing_is_changed() -> None:
    """A value is handed through as it is."""
    value = {"data": [{"id": "file-1"}]}
    assert Secrets().hidden(value) is value


@given(st.text(alphabet="abcXYZ019+/=-_.~", min_size=12, max_size=60))
def test_any_signature_is_hidden_also_by_a_run_that_does_not_know_it(signature: str) -> None:
    """A later run reads the state of a file and has no variable: the form of a signed URL is enough."""
    for joined in ("?sig=", "&sig=", "&amp;sig=", "\\u0026sig=", '"sig=', "%26sig%3D"):
        assert signature not in redact(f"could not read https://d.example.com/b{joined}{signature} (403)")

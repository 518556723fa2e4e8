"""Imports: what is fetched from this machine, when it shows, what fails and how, and that no address is kept."""

# ruff: noqa: ANN401  the wire is JSON
from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ftops.clock import SystemClock
from ftops.emulator import Effect, Emulator, Fault
from ftops.emulator import fetch as fetch_module
from ftops.emulator.serve import Address, Served, Voice
from ftops.emulator.serve_certificates import certificate

from .conftest import ACCOUNT, START, Caller, new_emulator, rows

SECRET = "c2lnbmF0dXJl"
SIGNED = f"/data/train.jsonl?sv=2024-11-04&sig={SECRET}%3D"
CONTENT = rows(12)


@dataclass
class Storage:
    """A storage on this machine: what it answers at each path, and which paths it was asked for."""

    server: ThreadingHTTPServer
    scheme: str = "http"
    asked: list[str] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)

    def url(self, path: str = SIGNED, host: str = "127.0.0.1") -> str:
        """Return the address of a path."""
        return f"{self.scheme}://{host}:{self.server.server_port}{path}"


def answer(status: int = 200, content: bytes = b"", *headers: str) -> bytes:
    """Return what goes over the wire."""
    lines = [f"HTTP/1.1 {status} x", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Storage]:
    """Give a running storage that has the training file and some trouble."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            self.wfile.write(made.answers.get(self.path, answer(404)))
            self.close_connection = True

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of clients that do not trust this server."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made = Storage(server, "https" if tls else "http")
    length = f"Content-Length: {len(CONTENT)}"
    made.answers = {
        SIGNED: answer(200, CONTENT, length),
        "/?x": answer(200, CONTENT),
        "/chunked": answer(200, b"%x\r\n" % len(CONTENT) + CONTENT + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        "/broken-chunks": answer(200, b"fff\r\nabc", "Transfer-Encoding: chunked"),
        "/moved": answer(302, b"", f"Location: {made.url()}", "Content-Length: 0"),
        "/forbidden": answer(403, b"<Error/>"),
        "/cut": answer(200, CONTENT[:-9], length),
        "/nothing": b"",
        "/noise": b"noise\r\n\r\n",
        "/bad-line": answer(200, CONTENT + b"{\n"),
    }
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def storage() -> Iterator[Storage]:
    """Give a storage over http."""
    with running() as one:
        yield one


def order(caller: Caller, url: Any, **fields: Any) -> TestResponse:
    """Ask for an import; only what differs from a plain one is given."""
    body = {"purpose": "fine-tune", "filename": "a.jsonl", "content_url": url, **fields}
    return caller.call("POST", "/files/import", json={name: value for name, value in body.items() if value is not None})


def imported(caller: Caller, url: str, **fields: Any) -> dict[str, Any]:
    """Ask for an import, wait for its end, and return the file."""
    key = (order(caller, url, **fields).json or {})["id"]
    caller.emulator.pause(8)
    return dict(caller.get(f"/files/{key}"))


def test_import_is_pending_running_and_processed(classic: Caller, storage: Storage) -> None:
    """An import is pending for three seconds, runs for five, and tells its size when it is done."""
    response = order(classic, storage.url())
    file = response.json or {}
    assert response.status_code == 201
    assert response.headers["Location"].endswith(f"/openai/files/{file['id']}?api-version=2025-04-01-preview")
    assert set(file) == {"id", "object", "created_at", "filename", "purpose", "status"}
    path = f"/files/{file['id']}"
    seen = []
    for seconds in (2, 1, 4, 1):
        classic.emulator.pause(seconds)
        seen.append(classic.get(path)["status"])
    assert [file["status"], *seen] == ["pending", "pending", "running", "running", "processed"]
    assert classic.get(path) == {**file, "status": "processed", "bytes": len(CONTENT)}
    assert classic.call("GET", f"{path}/content").data == CONTENT
    assert classic.train(training_file=file["id"]).status_code == 201


def test_import_that_is_not_done_has_no_content(classic: Caller, storage: Storage) -> None:
    """While it runs an import is listed, and can neither be read nor trained with."""
    key = (order(classic, storage.url()).json or {})["id"]
    assert [file["id"] for file in classic.get("/files")["data"]] == [key]
    assert classic.call("GET", f"/files/{key}/content").status_code == 404
    assert classic.train(training_file=key).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
@pytest.mark.parametrize("path", [SIGNED, "/chunked", "/?x"])
def test_what_is_fetched(classic: Caller, storage: Storage, host: str, path: str) -> None:
    """A content comes from this machine under its names, with its query, with or without a length."""
    assert imported(classic, storage.url(path, host) + "#part")["status"] == "processed"
    assert storage.asked == [path]


def test_address_without_a_path(classic: Caller, storage: Storage) -> None:
    """An address without a path means the root."""
    imported(classic, storage.url("?x"))
    assert storage.asked == ["/?x"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/absent", "The source answered 404."),
        ("/forbidden", "The source answered 403."),
        ("/moved", "The source answered 302."),
        ("/cut", "The content ended early."),
        ("/broken-chunks", "The source or its address cannot be understood."),
        ("/nothing", "The connection to the source broke."),
        ("/noise", "The source or its address cannot be understood."),
        ("/a b", "The source or its address cannot be understood."),
        ("/ü", "The source or its address cannot be understood."),
    ],
)
def test_failed_import(classic: Caller, storage: Storage, path: str, words: str) -> None:
    """What cannot be fetched ends in error with the reason, keeps nothing, and no redirect is followed."""
    storage.answers |= {f"{path}?sig={SECRET}": content for at, content in storage.answers.items() if at == path}
    found = imported(classic, storage.url(f"{path}?sig={SECRET}"))
    assert (found["status"], found["status_details"]) == ("error", f"fileImportFailed: {words}")
    assert "bytes" not in found
    assert len(storage.asked) <= 1
    assert classic.call("GET", f"/files/{found['id']}/content").status_code == 404
    assert classic.emulator._store.rows("SELECT * FROM chunks") == []


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.example.com", "127.0.0.1@example.com", "10.0.0.1", "127.1", "localhost.example"]
)
def test_other_machines_are_not_asked(classic: Caller, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """An address on another machine fails without a connection."""
    monkeypatch.setattr(fetch_module, "HTTPSConnection", None)
    found = imported(classic, f"https://{host}{SIGNED}")
    assert found["status_details"].startswith("fileImportFailed: The emulator fetches from this machine only")


def test_refused_connection(classic: Caller) -> None:
    """An address where nobody listens is a failed import."""
    with running() as gone:
        url = gone.url()
    assert imported(classic, url)["status_details"] == "fileImportFailed: Connection refused."


def test_no_proxy_is_asked(classic: Caller, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not see the address."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert imported(classic, storage.url())["status"] == "processed"


def test_silent_source(classic: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that says nothing is given up."""
    monkeypatch.setattr(fetch_module, "SILENCE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert "said nothing" in imported(classic, url)["status_details"]


class Hours:
    """A clock on which an hour passes at every look."""

    def __init__(self) -> None:
        """Begin with the world."""
        self._now = START

    def now(self) -> datetime:
        """Return a moment an hour later than the one before."""
        self._now += timedelta(minutes=61)
        return self._now

    def pause(self, seconds: float) -> None:
        """Do nothing."""


def test_slow_source(storage: Storage) -> None:
    """A source that takes longer than an hour of the system's time is given up."""
    emulator = Emulator(None, Hours())
    emulator.ensure_account(ACCOUNT, "eastus2")
    caller = Caller(emulator, "/openai", "2025-04-01-preview")
    assert "within an hour" in imported(caller, storage.url())["status_details"]
    emulator.close()


def test_bad_line(classic: Caller, storage: Storage) -> None:
    """A content that is there and cannot be read ends like an upload of it; for another purpose nobody reads it."""
    found = imported(classic, storage.url("/bad-line"))
    assert (found["status"], found["bytes"]) == ("error", len(CONTENT) + 2)
    assert found["status_details"] == "Validation of jsonl file failed: Deserialization of line #12 failed."
    assert imported(classic, storage.url("/bad-line"), purpose="batch")["status"] == "processed"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"purpose": "magic"}, "purpose"),
        ({"filename": ""}, "filename"),
        ({"content_url": None}, "content_url"),
        ({"content_url": 1}, "content_url"),
        ({"content_url": "/data"}, "content_url"),
        ({"content_url": f"ftp://127.0.0.1/?sig={SECRET}"}, "content_url"),
        ({"content_url": f"http://[127.0.0.1/?sig={SECRET}"}, "content_url"),
        ({"content_url": f"http://127.0.0.1:99999/?sig={SECRET}"}, "content_url"),
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after"),
    ],
)
def test_bad_order(classic: Caller, storage: Storage, fields: dict[str, Any], words: str) -> None:
    """An import needs a purpose, a name and an address of http or https, and a refusal does not repeat it."""
    response = order(
        classic, **{"url": storage.url(), **fields} if "content_url" not in fields else {"url": 0, **fields}
    )
    error = (response.json or {})["error"]
    assert (response.status_code, error["code"]) == (400, "invalidPayload")
    assert words in error["message"] and SECRET not in response.text
    assert classic.emulator.snapshot(ACCOUNT)["files"] == []


def test_expiry_is_echoed(classic: Caller, storage: Storage) -> None:
    """An import may say when its file expires."""
    found = imported(classic, storage.url(), expires_after={"anchor": "created_at", "seconds": 1_209_600})
    assert found["expires_at"] - found["created_at"] == 1_209_600


def test_where_imports_are(classic: Caller, v1: Caller, storage: Storage) -> None:
    """Classic and dated project paths have imports; on v1 the path leads nowhere and nothing is fetched."""
    project = Caller(classic.emulator, "/api/projects/p/openai", "2025-11-15-preview")
    assert order(project, storage.url()).status_code == 201
    response = order(v1, storage.url())
    assert (response.status_code, (response.json or {})["error"]["code"]) == (404, "404")
    assert len(storage.asked) == 1


def test_too_large_content(classic: Caller, storage: Storage) -> None:
    """A content above the limit of a file is a failed import."""
    classic.emulator.limits = replace(classic.emulator.limits, file_bytes=len(CONTENT) - 1)
    assert f"the limit of {len(CONTENT) - 1} bytes" in imported(classic, storage.url())["status_details"]


def test_too_many_files(classic: Caller, storage: Storage) -> None:
    """An import beyond the number of files is refused at once."""
    classic.emulator.limits = replace(classic.emulator.limits, files=0)
    response = order(classic, storage.url())
    assert (response.status_code, (response.json or {})["error"]["code"]) == (400, "quotaExceeded")


def test_too_much_together(classic: Caller, storage: Storage) -> None:
    """An import that all files together have no room for ends in error, and gives way to the next."""
    classic.emulator.limits = replace(classic.emulator.limits, total_bytes=len(CONTENT))
    key = (order(classic, storage.url()).json or {})["id"]
    other = (classic.upload(CONTENT).json or {})["id"]
    classic.emulator.pause(8)
    found = classic.get(f"/files/{key}")
    assert found["status_details"].startswith("fileImportFailed: The files of the resource would hold more than")
    classic.call("DELETE", f"/files/{other}")
    assert imported(classic, storage.url())["status"] == "processed"


@pytest.mark.parametrize(("effect", "happened"), [(Effect.DROP_BEFORE, 0), (Effect.DROP_AFTER, 1)])
def test_lost_import(classic: Caller, storage: Storage, effect: Effect, happened: int) -> None:
    """An import whose answer is lost goes on, and one whose request is lost never was."""
    classic.emulator.faults.add(Fault(effect, "POST", "/import$"))
    with pytest.raises(ConnectionResetError):
        order(classic, storage.url())
    classic.emulator.pause(8)
    assert [file["status"] for file in classic.get("/files")["data"]] == ["processed"] * happened


def test_import_under_way_survives(tmp_path: Path, storage: Storage) -> None:
    """An emulator that is opened again ends the imports that were begun."""
    emulator = new_emulator(tmp_path / "world.db")
    order(Caller(emulator, "/openai", "2025-04-01-preview"), storage.url())
    emulator.close()
    again = new_emulator(tmp_path / "world.db")
    again.pause(8)
    assert [file["status"] for file in again.snapshot(ACCOUNT)["files"]] == ["processed"]
    again.close()


def _trust_none(monkeypatch: pytest.MonkeyPatch, _: Path) -> str:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return "error"


def _trust(monkeypatch: pytest.MonkeyPatch, authority: Path) -> str:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return "processed"


@pytest.mark.parametrize("trust", [_trust, _trust_none])
def test_private_authority(
    tmp_path: Path,
    classic: Caller,
    monkeypatch: pytest.MonkeyPatch,
    trust: Callable[[pytest.MonkeyPatch, Path], str],
) -> None:
    """Over https the source's authority must be one that the system or SSL_CERT_FILE names."""
    made = certificate(tmp_path, "127.0.0.1", SystemClock().now())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.chain, made.key)
    expected = trust(monkeypatch, made.authority)
    with running(tls) as secure:
        found = imported(classic, secure.url())
    assert found["status"] == expected
    assert expected == "processed" or "certificate of the source is not trusted" in found["status_details"]


def test_source_without_tls(classic: Caller, storage: Storage) -> None:
    """A source that answers https in the clear is a failed import."""
    storage.scheme = "https"
    assert "TLS" in imported(classic, storage.url())["status_details"]


def test_secret_is_nowhere(tmp_path: Path, storage: Storage) -> None:
    """The signature of an address is in no file, no log and no answer of a served emulator, whatever came of it."""
    made = certificate(tmp_path / "certificates", "127.0.0.1", SystemClock().now())
    emulator = new_emulator(tmp_path / "world.db")
    said: list[str] = []
    served = Served(emulator, Address("127.0.0.1", 0, 0), made, Voice(said.append, said.append))
    caller = Caller(emulator, "/openai", "2025-04-01-preview")
    bad = ("http://127.0.0.1:1", "https://example.com", "http://127.0.0.1:99999", "ftp://127.0.0.1", "http://[::1")
    for url in (storage.url(), storage.url(f"/absent?sig={SECRET}"), *(f"{start}/?sig={SECRET}\x7f" for start in bad)):
        response = order(caller, url, base_url=served.http)
        assert SECRET not in response.text
    emulator.pause(8)
    assert SECRET not in caller.call("GET", "/files").text
    told = "\n".join([*said, *emulator.log, *map(repr, emulator.snapshot(ACCOUNT).values())])
    assert SECRET not in told
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(CONTENT[:50] in path.read_bytes() for path in kept)
    assert all(SECRET.encode() not in path.read_bytes() for path in kept)
    served.stop()

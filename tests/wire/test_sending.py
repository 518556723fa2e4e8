"""Sending over a socket: parts with new tokens and broken connections, and a service that repeats what it was told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import pytest

from ftops.call import Call, Plane, SentUpload, Upload
from ftops.cli import run
from ftops.digest import Marker, file_name, owner_mark
from ftops.errors import ServiceProblem, WireError
from ftops.rules import load_rules
from ftops.wire.client import Client
from ftops.wire.network import Place

from .served import KEY, Answer, Fake, Served, network, served, told

ROW = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\n'
ROWS = ROW * 4_000
DIGEST = hashlib.sha256(ROWS).hexdigest()
PART_BYTES = 100_000
PARTS = -(-len(ROWS) // PART_BYTES)
FILES = replace(load_rules().limits.files, upload_in_parts_from_bytes=200_000, part_bytes=PART_BYTES)
LISTING = Call(Plane.DATA, "GET", "/files", {"purpose": "fine-tune"})


@dataclass
class Kept:
    """A memory in memory."""

    sent: SentUpload | None = None
    kept: list[SentUpload | None] = field(default_factory=list)

    def recall(self) -> SentUpload | None:
        """Return what was kept last."""
        return self.sent

    def keep(self, sent: SentUpload | None) -> None:
        """Keep it."""
        self.sent = sent
        self.kept.append(sent)


@pytest.fixture
def upload(tmp_path: Path) -> Call:
    """Return the upload of a file of some parts."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(ROWS)
    return Call(Plane.DATA, "POST", "/files", body=Upload(path, "train.jsonl", "fine-tune", DIGEST))


@contextmanager
def signed_in(root: str, fake: Fake) -> Iterator[Client]:
    """Yield a client that signs in, and sends what is larger than 200 kB in parts."""
    with network(root, lambda: fake).client(Place("east", f"{root}/east")) as east:
        east.files = FILES
        east.pause = lambda _s: None
        yield east


def content_of(client: Client, app: Served) -> list[bytes]:
    """Return the contents of the files."""
    ids = [str(item["id"]) for item in client.list(LISTING)]
    headers = next(h for _, path, h in reversed(app.seen) if path.endswith("/files"))
    kept = {"authorization": headers["authorization"]}
    root = client.endpoints.data
    return [client.http.get(f"{root}/openai/v1/files/{key}/content", headers=kept).content for key in ids]


def test_parts_go_to_the_classic_paths_in_order(upload: Call) -> None:
    """Over a socket, from an account that prefers v1: begun, sent, completed, with progress over the whole file."""
    heard: list[tuple[int, int]] = []
    with served() as (app, root), signed_in(root, Fake()) as east:
        east.tell_progress = lambda *at: heard.append(at)
        answer = east.call(upload)
        assert answer.item["filename"] == "train.jsonl"
        paths = [path.partition("/uploads")[2].rpartition("/")[2] for _, path, _ in app.seen]
        assert paths == ["", *["parts"] * PARTS, "complete"]
        assert all(path.startswith("/east/openai/uploads") for _, path, _ in app.seen)
        assert content_of(east, app) == [ROWS]
    assert heard == sorted(heard)
    assert heard[-1] == (len(ROWS), len(ROWS))


def test_a_token_that_ends_among_the_parts_is_replaced(upload: Call) -> None:
    """A part that is answered with 401 is read and sent again with the next token; the others are not."""
    with served() as (app, root), signed_in(root, Fake()) as east:
        count = [0]

        def refuse_third(path: str, headers: dict[str, str]) -> Answer | None:
            count[0] += path.endswith("/parts")
            late = count[0] >= 3 and headers.get("authorization") == "Bearer token-1"
            return told("401 Unauthorized", {"error": {"code": "401", "message": "old"}}) if late else None

        app.before = refuse_third
        east.call(upload)
        assert count[0] == PARTS + 1
        assert content_of(east, app) == [ROWS]


@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_that_breaks_among_the_parts(upload: Call, times: int) -> None:
    """A part whose answer never comes is sent again, by itself."""
    with served() as (app, root), signed_in(root, Fake()) as east:
        count = [0]

        def break_second(path: str, _headers: dict[str, str]) -> Answer | None:
            count[0] += path.endswith("/parts")
            if path.endswith("/parts") and 2 <= count[0] < 2 + times:
                raise ConnectionResetError("as it happens")
            return None

        app.before = break_second
        east.call(upload)
        assert count[0] == PARTS + times
        assert content_of(east, app) == [ROWS]


def test_what_broke_off_is_gone_on_with_by_another_client(upload: Call) -> None:
    """Memory is all that a second client needs: it sends what is missing and nothing else."""
    memory = Kept()
    with served() as (app, root):
        with signed_in(root, Fake()) as east:
            app.before = lambda path, _h: (
                told("403 Forbidden", {"error": {"code": "forbidden", "message": "no"}})
                if path.endswith("/parts") and len(memory.kept) == 3
                else None
            )
            with pytest.raises(ServiceProblem):
                east.call(upload, memory)
        app.before = lambda _path, _headers: None
        app.seen.clear()
        with signed_in(root, Fake()) as west:
            west.call(upload, memory)
            assert sum(path.endswith("/parts") for _, path, _ in app.seen) == PARTS - 2
            assert content_of(west, app) == [ROWS]


def test_a_file_beyond_what_can_be_sent_is_refused_before_anything_is(upload: Call) -> None:
    """No request is made for a file that the service could not take."""
    with served() as (app, root), signed_in(root, Fake()) as east:
        east.files = replace(FILES, parts_total_bytes_max=len(ROWS) - 1)
        with pytest.raises(WireError, match=r"train\.jsonl is larger than"):
            east.call(upload)
        assert app.seen == []


# --- a service that repeats what it was told

CANARY = "c4n4ry/S1gnature+of0123456789=="
URL = f"https://data.blob.core.windows.net/rows/train.jsonl?sv=2024-11-04&sr=b&sig={quote(CANARY, safe='')}"
PROJECT = """
apiVersion: ftops/v1alpha1
kind: Project
metadata: {{name: import-7k2f}}
spec: {{accounts: {{east: {{endpoint: "{root}/east", auth: {{apiKeyEnv: FTOPS_KEY}}}}}}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {{name: rows}}
spec: {{content_url: {{env: FTOPS_SUPPORT_URL}}}}
lifecycle: {{sha256: {digest}}}
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {{name: only}}
spec: {{model: gpt-4.1-mini-2025-04-14, training_file: {{dataset: rows}}, trainingType: GlobalStandard}}
"""
ECHOES = {
    "as it is": URL,
    "as JSON in JSON": json.dumps({"url": URL}).replace("&", "\\u0026").replace("/", "\\/"),
    "decoded": URL.replace(quote(CANARY, safe=""), CANARY),
    "as html": URL.replace("&", "&amp;"),
    "the signature alone": f"Signature did not match: {CANARY}",
    "in lower case": f"sig%3d{quote(CANARY, safe='').replace('%2F', '%2f').replace('%3D', '%3d')}",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Served, Path]]:
    """Yield a service behind a socket, and a project whose rows it imports."""
    with served() as (app, root):
        for name, value in {"ALLOW_HOSTS": "127.0.0.1", "ARM_ENDPOINT": root, "KEY": KEY, "SUPPORT_URL": URL}.items():
            monkeypatch.setenv(f"FTOPS_{name}", value)
        (tmp_path / "specs").mkdir()
        text = PROJECT.format(root=root, digest=DIGEST)
        (tmp_path / "specs" / "all.yaml").write_text(text, encoding="utf-8")
        yield app, tmp_path


def called(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command; neither what it prints nor what it leaves on disk holds the signature."""
    code = run(["-C", str(root), *arguments])
    out, err = capsys.readouterr()
    assert "c4n4ry" not in out + err
    for path in (path for path in root.rglob("*") if path.is_file()):
        assert b"c4n4ry" not in path.read_bytes(), path
    return code, out + err


@pytest.mark.parametrize("echo", ECHOES.values(), ids=list(ECHOES))
@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error", "429 Too Many Requests"])
def test_a_refusal_that_repeats_the_url_is_told_without_it(
    project: tuple[Served, Path], capsys: pytest.CaptureFixture[str], status: str, echo: str
) -> None:
    """Whatever the service answers to an import, in whatever spelling, its signature is nowhere."""
    app, root = project
    answer = told(status, {"error": {"code": "invalidPayload", "message": f"Cannot read {echo} now"}})
    app.before = lambda path, _headers: answer if path.endswith("/files/import") else None
    code, shown = called(root, capsys, "apply", "--yes", "-v", "--settle", "10m")
    assert code == 1
    assert "…" in shown
    assert not [path for _, path, _ in app.seen if "c4n4ry" in path]


@pytest.mark.parametrize("echo", ECHOES.values(), ids=list(ECHOES))
@pytest.mark.parametrize("known", [True, False], ids=["set", "not set"])
def test_a_file_whose_state_repeats_the_url_is_told_without_it(
    project: tuple[Served, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    echo: str,
    known: bool,
) -> None:
    """A listing may tell the URL of an import that failed, to a run that does not know the variable either."""
    if not known:
        if "sig" not in echo:
            pytest.skip("what has neither its form nor its name cannot be told from other words")
        monkeypatch.delenv("FTOPS_SUPPORT_URL")
    app, root = project
    name = file_name(Marker(owner_mark("import-7k2f"), "rows", DIGEST[:16]))
    file = {
        "id": "file-1",
        "object": "file",
        "filename": name,
        "purpose": "fine-tune",
        "status": "error",
        "created_at": 1,
        "status_details": f"fileImportFailed: cannot read {echo}",
    }
    app.before = lambda path, _headers: told("200 OK", {"data": [file]}) if path.endswith("/v1/files") else None
    for arguments in (["plan", "-v"], ["plan", "--format", "json"], ["status"], ["apply", "--yes", "-v"]):
        called(root, capsys, *arguments)

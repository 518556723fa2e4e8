"""Rows that the service imports: the installed command, a signature that must stand nowhere, and a real blob store."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlencode

import httpx
import pytest
from harness import Project

from ftops.emulator.serve_certificates import certificate

ROW = '{"messages": [{"role": "user", "content": "First %d?"}, {"role": "assistant", "content": "Yes, %d."}]}\n'
ROWS = "".join(ROW % (number, number) for number in range(12)).encode()
CANARY = "c4n4ry/S1gn+ature0123456789=="
"""As it is decoded; every text is searched for its beginning too."""
HINT = "c4n4ry"
VARIABLE = "FTOPS_SUPPORT_URL"
SPECS = f"""
apiVersion: ftops/v1alpha1
kind: Project
metadata: {{name: import-7k2f}}
spec: {{accounts: {{local: {{emulator: ftops-emulator.db, region: eastus2}}}}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {{name: rows}}
spec: {{content_url: {{env: {VARIABLE}}}}}
lifecycle: {{sha256: {hashlib.sha256(ROWS).hexdigest()}}}
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {{name: only}}
spec:
  model: gpt-4.1-mini-2025-04-14
  training_file: {{dataset: rows}}
  trainingType: GlobalStandard
lifecycle: {{expectedUsd: 3}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose rows are imported."""
    (tmp_path / "p" / "specs").mkdir(parents=True)
    (tmp_path / "p" / "specs" / "all.yaml").write_text(SPECS, encoding="utf-8")
    return Project(tmp_path / "p")


class _Quiet(SimpleHTTPRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — as the base names it
        """Write nothing."""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[str]:
    """Serve the rows on loopback and yield the root."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "rows.jsonl").write_bytes(ROWS)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "served")))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str


def ran(project: Project, *arguments: str, secret: str = HINT, **environ: str) -> Ran:
    """Run a command; the secret must stand neither in its output nor in any file of the project."""
    done = project.run(*arguments, **environ)
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    assert secret not in told
    for path in (path for path in project.root.rglob("*") if path.is_file()):
        assert secret.encode() not in path.read_bytes(), path
    return Ran(done.returncode, told)


def test_an_import_is_planned_made_and_found_again_without_its_url(project: Project, source: str) -> None:
    """The plan names the variable; the URL is in no output, with -v neither, and in no file; later runs need it not."""
    url = f"{source}/rows.jsonl?sig={quote(CANARY, safe='')}"
    assert ran(project, "validate").out.startswith("Valid: 3 documents")
    for environ in ({}, {VARIABLE: url}):
        shown = ran(project, "plan", **environ)
        assert (shown.code, f"import from the URL in {VARIABLE}" in shown.out) == (0, True)
    assert f"import from the URL in {VARIABLE}" in ran(project, "plan", "--format", "json", **{VARIABLE: url}).out
    assert "POST data:/files/import 201" in ran(project, "apply", "--yes", "-v", **{VARIABLE: url}).out
    assert ran(project, "apply", "--yes", "-v").code == 3
    (file,) = project.snapshot()["files"]
    assert (file["status"], file["bytes"]) == ("processed", len(ROWS))
    ran(project, "status", "-v", **{VARIABLE: url})


def test_a_variable_that_is_not_set_fails_before_anything_is_sent(project: Project) -> None:
    """The action says which one, the run ends as an error, and nothing was made."""
    for environ in ({}, {VARIABLE: ""}):
        done = ran(project, "apply", "--yes", "-v", **environ)
        assert done.code == 1
        assert f"{VARIABLE} is not set, so nothing was sent" in done.out
        assert "POST" not in done.out
    for value in (HINT, f"http://data.example.com/{HINT}", f"https://h/{HINT} x"):
        done = ran(project, "apply", "--yes", "-v", **{VARIABLE: value})
        assert done.code == 1
        assert f"{VARIABLE} holds no URL that the service could read, so nothing was sent" in done.out
    assert project.snapshot()["files"] == []


def test_an_import_that_fails_is_told_with_the_way_out(project: Project, source: str) -> None:
    """A URL that gives nothing: what the service says, without the URL, and what to look at; a right one mends it."""
    wrong, right = (f"{source}/{name}?sig={quote(CANARY, safe='')}" for name in ("gone.jsonl", "rows.jsonl"))
    done = ran(project, "apply", "--yes", **{VARIABLE: wrong})
    assert done.code == 4
    told = " ".join(done.out.split())
    assert "fileImportFailed: The source answered 404." in told
    assert "likely: the service could not read the URL" in told
    assert ran(project, "apply", "--yes", **{VARIABLE: right}).code == 3
    assert [file["status"] for file in project.snapshot()["files"]] == ["processed"]


# --- Azurite


CONTRACT = Path(__file__).resolve().parents[2] / ".venv-contract"
"""Where `make test` puts the blob service and the node that runs it."""


def _azurite() -> list[str]:
    """Return the command of Azurite's blob service; skips with the reason where it could not be installed."""
    script = CONTRACT / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    if not script.exists():
        pytest.skip("no azurite-blob: `make contract` installs it where the npm registry is reached")
    return [str(CONTRACT / "bin" / "node"), str(script)]


ACCOUNT, VERSION = "devstoreaccount1", "2021-12-02"
KEY = base64.b64encode(hashlib.sha512(b"a key of this test").digest()).decode()


@dataclass
class Store:
    """A running blob store: the blob with the rows, and the authority that its https is trusted by, if it is."""

    blob: str
    trust: dict[str, str]


@pytest.fixture(scope="module", params=["http", "https"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Run Azurite's blob service in memory on a free port, with one container and the rows in it."""
    command, folder = _azurite(), tmp_path_factory.mktemp("azurite")
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    options += ["--blobHost", "127.0.0.1", "--blobPort", "0"]
    trust: dict[str, str] = {}
    if request.param == "https":
        made = certificate(folder / "tls", "127.0.0.1", datetime.now(UTC))
        options += ["--cert", str(made.chain), "--key", str(made.key)]
        trust = {"SSL_CERT_FILE": str(made.authority)}
    with _running([*command, *options], folder) as root:
        http = httpx.Client(trust_env=False, verify=ssl.create_default_context(cafile=trust.get("SSL_CERT_FILE")))
        container = f"{root}/{ACCOUNT}/rows"
        with http:
            _put(http, f"{container}?restype=container", b"", {})
            _put(http, f"{container}/rows.jsonl", ROWS, {"x-ms-blob-type": "BlockBlob"})
        yield Store(f"{container}/rows.jsonl", trust)


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[str]:
    """Run the blob service, and yield its root once it says that it listens."""
    environ = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with (
        (folder / "errors.txt").open("w") as errors,
        subprocess.Popen(  # noqa: S603 — as named
            command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, env=environ, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            found = (re.search(r"listens on (https?://\S+)", line) for line in iter(process.stdout.readline, ""))
            listening = next((match for match in found if match), None)
            assert listening is not None, (folder / "errors.txt").read_text()
            yield listening[1]
        finally:
            process.kill()


def _signed(text: str) -> str:
    """Return the signature of a text by the account's key."""
    return base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()


def _put(http: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> None:
    """Make something in the store by a Shared Key request."""
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    ours = {"x-ms-date": now, "x-ms-version": VERSION, **headers}
    canonical = "".join(f"{name}:{value}\n" for name, value in sorted(ours.items()))
    path, _, query = url.partition("?")
    resource = f"/{ACCOUNT}/{path.split('/', 3)[3]}" + (f"\n{query.replace('=', ':')}" if query else "")
    text = f"PUT\n\n\n{len(body) or ''}\n\n\n\n\n\n\n\n\n{canonical}{resource}"
    sent = {**ours, "Authorization": f"SharedKey {ACCOUNT}:{_signed(text)}"}
    answer = http.put(url, content=body, headers=sent)
    assert answer.status_code == 201, answer.text


def sas(blob: str, *, wrong: bool = False) -> tuple[str, str]:
    """Return the URL of a blob with a signature to read it for an hour, and the signature."""
    expiry = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    resource = f"/blob/{ACCOUNT}/{blob.split('/', 4)[4]}"
    fields = ["r", "", expiry, resource, "", "", "", VERSION, "b", "", "", "", "", "", "", ""]
    signature = _signed("\n".join(fields))
    if wrong:
        signature = _signed("another text")
    query = urlencode({"sv": VERSION, "sr": "b", "sp": "r", "se": expiry, "sig": signature})
    return f"{blob}?{query}", signature


def test_rows_are_imported_from_a_blob_store(project: Project, store: Store) -> None:
    """A blob behind a shared access signature is imported, and the signature stands nowhere."""
    url, signature = sas(store.blob)
    for secret in (signature, quote(signature, safe=""), url):
        done = ran(project, "apply", "--yes", "-v", secret=secret, **{VARIABLE: url}, **store.trust)
        assert done.code == 3, done.out
    (file,) = project.snapshot()["files"]
    assert (file["status"], file["bytes"]) == ("processed", len(ROWS))


def test_a_wrong_signature_is_told_as_what_it_is(project: Project, store: Store) -> None:
    """What the store refuses is an error with a way out; with the right signature the next run goes on."""
    url, signature = sas(store.blob, wrong=True)
    done = ran(project, "apply", "--yes", "-v", secret=signature, **{VARIABLE: url}, **store.trust)
    assert done.code == 4
    told = " ".join(done.out.split())
    assert "fileImportFailed: The source answered 403." in told
    assert "do: Check the variable that `content_url` names and renew its signature" in told
    right, _ = sas(store.blob)
    assert ran(project, "apply", "--yes", secret=signature, **{VARIABLE: right}, **store.trust).code == 3

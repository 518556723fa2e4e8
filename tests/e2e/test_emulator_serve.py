"""`ftops emulator serve` and `call` as a person runs them: started, used, moved, stopped, killed."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Project, advance, desired_of, live_until_converged
from serving import FILES, FTOPS, HEAD, served

OWN_STORE = ("--store", "world.db", "--account", "east:eastus2")
ROW = b'{"messages": [{"role": "user", "content": "' + b"a" * 1000 + b'"}]}\n'
BIG_BYTES = 64_000_000
EXTRA_KB_MAX = 24_000
SLOW_MODULES = ("cryptography", "httpx", "pydantic", "deepdiff", "azure")


def refused(root: Path, *arguments: str) -> tuple[int, str]:
    """Return the exit code and the error of a server that does not start."""
    command = [FTOPS, "emulator", "serve", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_served_project(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """The project's emulator is served, moved by another process meanwhile, and ends cleanly when it is asked to."""
    project = Project.copy_of("quickstart", tmp_path)
    with served(tmp_path) as server:
        assert server.call("GET", FILES)[0] == 200
        before = server.call("POST", "/_emulator/advance", b'{"seconds": 0}')[1]["now"]
        assert "it is now" in project.ftops("emulator", "advance", "3h")
        after = server.call("POST", "/_emulator/advance", b'{"seconds": 60}')[1]["now"]
        assert str(before) < str(after)
        project.ftops("apply", "--yes", code=3)
        listed = server.call("GET", FILES)[1]["data"]
        assert isinstance(listed, list)
        assert listed
        assert server.end(number) == code
    assert not re.search("Traceback|error:", (tmp_path / "stderr.txt").read_text())


def test_ready_text_is_for_pasting(tmp_path: Path) -> None:
    """Every line to paste is an export, each account has its endpoint and resource id, and code can sign in."""
    with served(tmp_path, *OWN_STORE, "--account", "west:westus3", "--cert-dir", "my keys") as server:
        exports = dict(re.findall(r"(\w+)=('[^']*'|\S+)", "".join(re.findall(r"export .*\n", server.printed))))
        https = server.found(r"ready +(\S+)")
        assert exports["FTOPS_ARM_ENDPOINT"] == exports["AZURE_AUTHORITY_HOST"] == https
        assert "DefaultAzureCredential(disable_instance_discovery=True)" in server.printed
        assert exports["SSL_CERT_FILE"] == f"'{tmp_path / 'my keys' / 'ca.pem'}'"
        for name, region in (("east", "eastus2"), ("west", "westus3")):
            assert re.search(rf"{name} +{region} +endpoint {https}/{name} ", server.printed)
            assert f"/accounts/{name}\n" in server.printed
        server.end(signal.SIGTERM)


def test_start_imports_nothing_slow(tmp_path: Path) -> None:
    """A server whose certificates are made, and whose file is named, is ready without any slow library."""
    with served(tmp_path, *OWN_STORE) as server:
        server.end(signal.SIGTERM)
    with served(tmp_path, *OWN_STORE, runner=(sys.executable, "-X", "importtime", "-m", "ftops")) as server:
        server.end(signal.SIGTERM)
    imported = re.findall(r"\| +(\S+)$", (tmp_path / "stderr.txt").read_text(), re.MULTILINE)
    assert "werkzeug.serving" in imported
    assert not [name for name in imported if name.split(".")[0] in SLOW_MODULES]


def test_kill_during_requests(tmp_path: Path) -> None:
    """A server that is killed during an upload comes back with everything it answered, and nothing else."""
    answered = 0
    with served(tmp_path, *OWN_STORE) as server:
        for _ in range(20):
            answered += server.upload(ROW * 20) == 201
        port, key = int(server.found(r"http://127\.0\.0\.1:(\d+)")), server.found(r"api-key (\S+)")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.putrequest("POST", FILES)
        for name, value in (("api-key", key), ("Content-Type", "multipart/form-data; boundary=B")):
            connection.putheader(name, value)
        connection.putheader("Content-Length", "100000000")
        connection.endheaders(HEAD + ROW * 5_000)
        server.call("GET", FILES)
        server.process.kill()
        server.process.wait(60)
        connection.close()
    assert {path.name for path in tmp_path.iterdir()} <= {
        *(".ftops", "stderr.txt", "world.db", "world.db-wal", "world.db-shm")
    }
    with served(tmp_path, *OWN_STORE) as server:
        data = server.call("GET", FILES)[1]["data"]
        assert isinstance(data, list)
        assert len(data) == answered == 20
        content = {(item["bytes"], item["status"]) for item in data}
        assert content == {(len(ROW) * 20, "pending")}
        assert server.upload(ROW) == 201
        server.end(signal.SIGTERM)


# A process begins with the peak of the one it was forked from, so a small one stands between the tests and the server.
MEASURING = """
import os, resource, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
child.wait()
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def _peak_kb(root: Path, content: bytes) -> int:
    """Return the largest memory of a server that takes one upload."""
    with served(root, *OWN_STORE, runner=(sys.executable, "-c", MEASURING, FTOPS)) as server:
        assert server.upload(content) == 201
        assert server.end(signal.SIGTERM) == 0
    return int((root / "stderr.txt").read_text().split()[-1])


def test_big_upload_takes_little_memory(tmp_path: Path) -> None:
    """An upload of 64 MB raises the server's peak memory by far less than its size."""
    _peak_kb(tmp_path, ROW)  # Making the certificates takes memory too.
    small = _peak_kb(tmp_path, ROW)
    big = _peak_kb(tmp_path, ROW * (BIG_BYTES // len(ROW)))
    assert big - small < EXTRA_KB_MAX, (small, big)


def test_taken_port(tmp_path: Path) -> None:
    """A port in use ends the command with exit code 1 and the way out."""
    with served(tmp_path, *OWN_STORE) as server:
        port = server.found(r"http://127\.0\.0\.1:(\d+)")
        code, error = refused(tmp_path, *OWN_STORE, "--http", port, "--https", "0")
        server.end(signal.SIGTERM)
    assert (code, f"port {port} of 127.0.0.1 cannot be used" in error, "--http" in error) == (1, True, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 64, "--store ftops-emulator.db --account east:eastus2"),
        (("--store", "world.db"), 64, "--account east:eastus2"),
        (("--store", "world.db", "--account", "east"), 64, "NAME:REGION"),
        (("--http", "99999"), 64, "65535"),
        (("--store", ".", "--account", "east:eastus2"), 1, "cannot be opened"),
        ((*OWN_STORE, "--cert-dir", "file/keys"), 1, "certificates cannot be kept"),
    ],
)
def test_wrong_ways(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    """What cannot be served is an error that says what to do."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    got, error = refused(tmp_path, *arguments)
    assert (got, words in error) == (code, True), error


TWO_FILES = """
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: two-7k2f}
spec:
  defaultAccount: east
  accounts:
    east: {emulator: one.db, region: eastus2}
    west: {emulator: two.db, region: westus3}
"""


def test_accounts_in_different_files(tmp_path: Path) -> None:
    """Accounts in several files are refused with the names of the files and --store, which chooses one."""
    (tmp_path / "project.yaml").write_text(TWO_FILES, encoding="utf-8")
    code, error = refused(tmp_path)
    assert (code, "one.db and two.db" in error, "--store FILE" in error) == (64, True, True)
    with served(tmp_path, "--store", "two.db") as server:
        assert "west" in server.printed
        assert "east   " not in server.printed
        server.end(signal.SIGTERM)


@pytest.fixture
def deployed(tmp_path: Path) -> Project:
    """Return a project whose deployment serves."""
    project = Project.copy_of("quickstart", tmp_path)
    live_until_converged(tmp_path, desired_of(tmp_path))
    advance(tmp_path, 6)
    return project


def test_call_without_any_deployment(tmp_path: Path) -> None:
    """Where nothing is deployed, no other name is offered."""
    empty = Project.copy_of("quickstart", tmp_path).run("emulator", "call", "assistant-prod")
    assert (empty.returncode, "no other either" in empty.stderr) == (64, True)


def test_call_of_an_unknown_deployment(deployed: Project) -> None:
    """A deployment that is not there is a usage error with the nearest one that is, on an account that is there."""
    project = deployed
    name = str(project.snapshot()["deployments"][0]["name"])
    near = project.run("emulator", "call", f"{name}x")
    assert (near.returncode, f'Did you mean "{name}"?' in near.stderr) == (64, True)
    far = project.run("emulator", "call", "zzzzzzzz")
    assert (far.returncode, f"There is {name}." in far.stderr) == (64, True)
    account = project.run("emulator", "call", name, "--account", "lokal")
    assert (account.returncode, 'Did you mean "local"?' in account.stderr) == (64, True)


def test_calls_are_answered(deployed: Project) -> None:
    """A deployment is called through both interfaces, several times, and made to fail when asked to."""
    project = deployed
    name = str(project.snapshot()["deployments"][0]["name"])
    first = project.run("emulator", "call", name)
    assert (first.returncode, bool(first.stdout.strip())) == (0, True)
    many = project.run("emulator", "call", name, "--responses", "--count", "3", "--message", "Where is my parcel?")
    assert (many.returncode, bool(many.stdout.strip()), "3 calls" in many.stderr) == (0, True, True)
    for interface in ((), ("--responses",)):
        failed = project.run("emulator", "call", name, "--fail", *interface)
        assert (failed.returncode, failed.stdout.startswith("400 ")) == (0, True)

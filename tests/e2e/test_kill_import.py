"""Killing apply at every call of an import by the service, and running again."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harness import DIED, Told, apply, by_address, desired_of, die_at
from sending import CALLS_MAX, ENDS, ROWS, check_end, project

from ftops.digest import ContentHash
from ftops.emulator import Effect
from ftops.model import Outcome

VARIABLE = "FTOPS_ROWS_URL"


def digest_of(data: bytes) -> str:
    """Return a dataset's digest."""
    content = ContentHash()
    content.update(data)
    return content.hexdigest()


class _Quiet(SimpleHTTPRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — as the base names it
        """Write nothing."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the rows on loopback and yield their address."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "rows.jsonl").write_bytes(ROWS)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/rows.jsonl"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def importing(tmp_path: Path) -> Path:
    """Return a project whose rows the service imports."""
    source = f"content_url: {{env: {VARIABLE}}}"
    return project(tmp_path / "p", source, f"lifecycle: {{sha256: {digest_of(ROWS)}}}")


@pytest.mark.parametrize("journal", [True, False], ids=["journal", "no-journal"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.value)
def test_death_at_every_call_of_an_import(
    importing: Path, tmp_path: Path, url: str, end: Effect, journal: bool
) -> None:
    """Whatever call it dies at, the next run ends with one file that was imported once more at most."""
    undisturbed = Told(environ={VARIABLE: url})
    apply(shutil.copytree(importing, tmp_path / "undisturbed"), desired_of(importing), told=undisturbed)
    for request in range(1, CALLS_MAX):
        killed = tmp_path / "killed"
        shutil.rmtree(killed, ignore_errors=True)
        shutil.copytree(importing, killed)
        desired = desired_of(killed)
        if die_at(killed, desired, end, request, Told(environ={VARIABLE: url})) != DIED:
            break
        if not journal:
            shutil.rmtree(killed / ".ftops")
        made = undisturbed.log[: request - 1 if end is Effect.DIE_BEFORE else request]
        told, where = Told(environ={VARIABLE: url}), f"{end.value} call {request}"
        left, _ = apply(killed, desired, told=told)
        assert left.outcome is Outcome.WAITING, where
        check_end(killed, where)
        assert sum(call.endswith("/import") for call in (*made, *told.log)) == 1, where
    else:
        raise AssertionError(f"apply makes more than {CALLS_MAX} calls")
    assert request > 8


def test_an_import_without_its_variable_fails_alone(importing: Path) -> None:
    """The action fails before anything is sent, and says which variable is missing."""
    told = Told()
    left, _ = apply(importing, desired_of(importing), told=told)
    action = by_address(left)["dataset/rows"]
    assert left.outcome is Outcome.ERROR
    assert f"{VARIABLE} is not set, so nothing was sent" in action.reason
    assert not [call for call in told.log if call.startswith("POST")]
    lines = [json.loads(line) for line in (importing / ".ftops" / "journal.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == ["intent", "refused"]


def test_what_is_imported_is_known_by_its_digest_alone(importing: Path, url: str) -> None:
    """A file with the same content that somebody uploaded from disk is the same dataset: nothing is imported."""
    other = project(importing.parent / "q", "file: data/rows.jsonl")
    apply(other, desired_of(other))
    shutil.copy(other / "ftops-emulator.db", importing / "ftops-emulator.db")
    told = Told(environ={VARIABLE: url})
    apply(importing, desired_of(importing), told=told)
    assert not [call for call in told.log if call.endswith("/import")]
    check_end(importing, "known")

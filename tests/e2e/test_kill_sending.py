"""Killing apply at every call and in every body of an upload in parts and of an import, and running again."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harness import (
    ACCOUNT,
    DIED,
    REGION,
    Project,
    Told,
    advance,
    apply,
    by_address,
    desired_of,
    die_at,
    in_child,
    run_over,
)

from ftops.apply.journal import Journal
from ftops.apply.loop import run_pass
from ftops.call import Call, Plane
from ftops.digest import BOM, ContentHash
from ftops.emulator import Effect, Emulator, Fault
from ftops.errors import Interrupted
from ftops.model import Gate, Outcome, Verb
from ftops.reasons import Why
from ftops.rules import Bom, load_rules
from ftops.testing import FakeClock, emulator_client
from ftops.wire.flows import Limits

SPECS = """
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: kill-me-7k2f}
spec: {accounts: {local: {emulator: ftops-emulator.db, region: eastus2}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: rows}
spec: {SOURCE}
LIFECYCLE
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: only}
spec:
  model: gpt-4.1-mini-2025-04-14
  training_file: {dataset: rows}
  hyperparameters: {n_epochs: 1}
  trainingType: GlobalStandard
"""
ROW = '{"messages": [{"role": "user", "content": "First %d?"}, {"role": "assistant", "content": "Yes, %d."}]}\n'
ROWS = "".join(ROW % (number, number) for number in range(12)).encode()
PART_BYTES = 300
PARTS = -(-len(ROWS) // PART_BYTES)
FILES = replace(load_rules().limits.files, upload_in_parts_from_bytes=200, part_bytes=PART_BYTES)
VARIABLE = "FTOPS_ROWS_URL"
ENDS = (Effect.DIE_BEFORE, Effect.DIE_AFTER)
CALLS_MAX = 80
"""More than an apply makes; the walk ends where it outlives its calls."""

SEND_PART = ("POST", r"/uploads/[^/]+/parts$")
COMPLETE = ("POST", r"/uploads/[^/]+/complete$")
IMPORT = ("POST", r"/files/import$")


def digest_of(data: bytes) -> str:
    """Return a dataset's digest."""
    content = ContentHash()
    content.update(data)
    return content.hexdigest()


def project(root: Path, source: str, lifecycle: str = "") -> Path:
    """Return a project with one dataset and one job that nothing has been done for yet."""
    (root / "specs").mkdir(parents=True)
    (root / "data").mkdir()
    text = SPECS.replace("SOURCE", source).replace("LIFECYCLE", lifecycle)
    (root / "specs" / "all.yaml").write_text(text, encoding="utf-8")
    (root / "data" / "rows.jsonl").write_bytes(ROWS)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with a file of some parts."""
    return project(tmp_path / "p", "file: data/rows.jsonl")


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


def parts() -> Told:
    """Return what has a file of any size sent in parts."""
    return Told(files=FILES)


def calls(told: Told) -> Counter[str]:
    """Return how often each step of an upload was called."""
    words = [call.rpartition("/")[2] for call in told.log if call.startswith("POST") and "/uploads" in call]
    return Counter({"begin" if word == "uploads" else word: n for word, n in Counter(words).items()})


def files_in(root: Path) -> list[bytes]:
    """Return the contents of the training files, oldest first."""
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    try:
        client = emulator_client(emulator, ACCOUNT, REGION)
        listed = client.http.get(f"{client.endpoints.data}/openai/v1/files").json()["data"]
        ours = [f for f in reversed(listed) if f["purpose"] == "fine-tune"]
        assert all(f["status"] == "processed" for f in ours), ours
        base = f"{client.endpoints.data}/openai/v1/files"
        contents = [client.http.get(f"{base}/{f['id']}/content").content for f in ours]
        assert [f["bytes"] for f in ours] == [len(each) for each in contents]
        return contents
    finally:
        emulator.close()


def check_end(root: Path, where: str) -> None:
    """Check that one right file is there, and one job that trains on it."""
    assert files_in(root) == [ROWS], where
    assert len(Project(root).snapshot()["jobs"]) == 1, where


def test_an_undisturbed_upload_sends_every_part_once(root: Path) -> None:
    """The apply begins one upload, sends its parts in order, and completes it; small files go as before."""
    told = parts()
    left, _ = apply(root, desired_of(root), told=told)
    assert by_address(left)["job/only"].verb is Verb.WAIT
    assert calls(told) == {"begin": 1, "parts": PARTS, "complete": 1}
    check_end(root, "undisturbed")
    small = Told(files=replace(FILES, upload_in_parts_from_bytes=len(ROWS) + 1))
    other = project(root.parent / "q", "file: data/rows.jsonl")
    apply(other, desired_of(other), told=small)
    assert not calls(small)
    check_end(other, "small")


@pytest.mark.parametrize("journal", [True, False], ids=["journal", "no-journal"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.value)
def test_death_at_every_call_of_an_upload_in_parts(root: Path, tmp_path: Path, end: Effect, journal: bool) -> None:
    """Whatever call it dies at, the next run makes one file of it, and with its journal sends only what is missing."""
    desired, undisturbed = desired_of(root), parts()
    apply(shutil.copytree(root, tmp_path / "undisturbed"), desired, told=undisturbed)
    for request in range(1, CALLS_MAX):
        killed = tmp_path / "killed"
        shutil.rmtree(killed, ignore_errors=True)
        shutil.copytree(root, killed)
        desired = desired_of(killed)
        if die_at(killed, desired, end, request, parts()) != DIED:
            break
        answered = Counter(call.rpartition("/")[2] for call in undisturbed.log[: request - 1])
        done = answered["complete"] > 0 or (
            end is Effect.DIE_AFTER and undisturbed.log[request - 1].endswith("complete")
        )
        if not journal:
            shutil.rmtree(killed / ".ftops")
        told, where = parts(), f"{end.value} call {request}: {undisturbed.log[request - 1]}"
        left, _ = apply(killed, desired, told=told)
        assert left.outcome is Outcome.WAITING, where
        check_end(killed, where)
        again = calls(told)
        if done:
            assert not again, where
        elif journal:
            assert again["parts"] == PARTS - answered["parts"], where
            assert again["begin"] == (0 if answered["uploads"] else 1), where
            assert again["complete"] == 1, where
        else:
            assert again == {"begin": 1, "parts": PARTS, "complete": 1}, where
    else:
        raise AssertionError(f"apply makes more than {CALLS_MAX} calls")
    assert request > PARTS + 8


def dying(at_bytes: int) -> Callable[[Emulator, int], None]:
    """Return what ends the process when so many bytes were sent, in the middle of the request."""

    def die(_emulator: Emulator, sent_bytes: int) -> None:
        if sent_bytes >= at_bytes:
            os._exit(DIED)

    return die


@pytest.mark.parametrize("journal", [True, False], ids=["journal", "no-journal"])
def test_death_in_the_middle_of_every_body(root: Path, tmp_path: Path, journal: bool) -> None:
    """A part whose request broke off is no part: it is sent again, and those before it are not."""
    for number in range(PARTS):
        killed = shutil.copytree(root, tmp_path / f"killed-{number}")
        desired, told = desired_of(killed), parts()
        told.progress = dying(number * PART_BYTES + 1)
        assert in_child(lambda d=desired, t=told, k=killed: apply(k, d, told=t)) == DIED  # type: ignore[misc]
        if not journal:
            shutil.rmtree(killed / ".ftops")
        told = parts()
        apply(killed, desired, told=told)
        check_end(killed, f"part {number}")
        kept = number if journal else 0
        assert calls(told)["parts"] == PARTS - kept
        assert calls(told)["begin"] == (0 if journal else 1)


def test_death_in_the_middle_of_one_request(root: Path) -> None:
    """A file that goes in one request and breaks off makes nothing; the next run sends it whole."""
    desired, told = desired_of(root), Told(progress=dying(1))
    assert in_child(lambda: apply(root, desired, told=told)) == DIED
    assert Project(root).snapshot()["files"] == []
    apply(root, desired)
    check_end(root, "one request")


def kill_after(root: Path, parts_sent: int) -> None:
    """Apply in a process that ends when so many parts were confirmed."""
    told = parts()
    told.progress = dying(parts_sent * PART_BYTES + 1)
    assert in_child(lambda: apply(root, desired_of(root), told=told)) == DIED


def test_an_upload_that_expired_is_begun_anew(root: Path) -> None:
    """Two hours of the service later, nothing is sent to what it has dropped."""
    kill_after(root, 3)
    advance(root, 3)
    told = parts()
    apply(root, desired_of(root), told=told)
    assert calls(told) == {"begin": 1, "parts": PARTS, "complete": 1}
    check_end(root, "expired")


def test_an_upload_that_was_cancelled_is_begun_anew(root: Path) -> None:
    """An upload that the service takes no more refuses one part, and is begun anew in the same run."""
    kill_after(root, 3)
    ((_, sent),) = Journal.open(root / ".ftops" / "journal.jsonl").uploads.items()
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    emulator_client(emulator, ACCOUNT, REGION).call(Call(Plane.DATA, "POST", f"/uploads/{sent.id}/cancel"))
    emulator.close()
    told = parts()
    left, _ = apply(root, desired_of(root), told=told)
    assert left.outcome is Outcome.WAITING
    assert calls(told) == {"begin": 1, "parts": PARTS + 1, "complete": 1}
    check_end(root, "cancelled")


def test_a_file_made_by_a_lost_completion_and_deleted_is_made_again(root: Path) -> None:
    """What was completed cannot be completed again: after the grace period the listing decides, and it is sent anew."""
    desired = desired_of(root)
    undisturbed = parts()
    apply(shutil.copytree(root, root.parent / "undisturbed"), desired, told=undisturbed)
    request = next(n for n, call in enumerate(undisturbed.log, 1) if call.endswith("complete"))
    assert die_at(root, desired, Effect.DIE_AFTER, request, parts()) == DIED
    (file,) = Project(root).snapshot()["files"]
    Project(root).emulator(lambda emulator: emulator.delete_file(str(file["id"])))
    told = parts()
    apply(root, desired, told=told)
    assert calls(told) == {"begin": 1, "parts": PARTS, "complete": 2}
    check_end(root, "deleted")


@pytest.mark.parametrize("effect", [Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.STATUS_BEFORE, Effect.STATUS_AFTER])
@pytest.mark.parametrize("call", [("POST", r"/uploads$"), SEND_PART, COMPLETE], ids=["begin", "part", "complete"])
def test_a_lost_answer_within_a_run_makes_nothing_twice(root: Path, call: tuple[str, str], effect: Effect) -> None:
    """A part is repeated at once; whether a completion was done is found out by listing."""
    told = parts()
    left, _ = apply(root, desired_of(root), Fault(effect, *call), told=told)
    assert by_address(left)["job/only"].verb is Verb.WAIT
    check_end(root, effect.value)
    again = {"begin": 2} if call[1].endswith("uploads$") else {"parts": PARTS + 1} if call is SEND_PART else {}
    done = {"complete": 2} if call is COMPLETE and effect in {Effect.DROP_BEFORE, Effect.STATUS_BEFORE} else {}
    assert calls(told) == {"begin": 1, "parts": PARTS, "complete": 1} | again | done


@pytest.mark.parametrize("effect", [Effect.DROP_AFTER, Effect.STATUS_BEFORE])
def test_parts_that_cannot_be_sent_end_the_run_and_not_the_upload(root: Path, effect: Effect) -> None:
    """A service in trouble is asked a few times; nothing was made, so nothing is in doubt, and the next run goes on."""
    told = parts()
    left, _ = apply(root, desired_of(root), Fault(effect, *SEND_PART, nth=3, count=99), told=told)
    action = by_address(left)["dataset/rows"]
    assert left.outcome is Outcome.ERROR
    assert action.why is Why.REFUSED
    assert action.reason.endswith("the next pass tries again")
    assert calls(told) == {"begin": 1, "parts": 2 + Limits().tries}
    told = parts()
    apply(root, desired_of(root), settle_s=30, told=told)
    assert calls(told) == {"parts": PARTS - 2, "complete": 1}
    check_end(root, effect.value)


def test_the_grace_period_of_an_upload_begins_with_its_completion(root: Path) -> None:
    """Parts may take longer than the grace period; a completion that listings do not show yet is not sent again."""
    desired, told = desired_of(root), parts()

    def slow(emulator: Emulator, sent_bytes: int) -> None:
        if sent_bytes == len(ROWS):
            emulator.advance(timedelta(minutes=10))

    told.progress = slow
    assert in_child(lambda: apply(root, desired, Fault(Effect.DIE_AFTER, *COMPLETE), told=told)) == DIED
    told = parts()
    left, _ = apply(root, desired, Fault(Effect.STALE_LISTING, window_s=90), settle_s=20, told=told)
    assert by_address(left)["dataset/rows"].gate is Gate.UPSTREAM
    assert not calls(told)
    apply(root, desired, Fault(Effect.STALE_LISTING, window_s=90), told=told)
    assert not calls(told)
    check_end(root, "slow")


def test_among_parts_the_next_run_goes_on_at_once(root: Path) -> None:
    """No file can be there, so there is no doubt to wait for."""
    kill_after(root, 2)
    left, _ = apply(root, desired_of(root), settle_s=0, told=parts())
    assert by_address(left)["dataset/rows"].why.value != "in-doubt"
    assert len(Project(root).snapshot()["files"]) == 1


# --- a file that changes


def test_a_file_that_changes_among_its_parts_never_comes_to_be(root: Path) -> None:
    """The upload is cancelled before it is completed, the dataset fails, and the next run sends what is there then."""
    path, told, desired = root / "data" / "rows.jsonl", parts(), desired_of(root)

    def change(_emulator: Emulator, sent_bytes: int) -> None:
        if sent_bytes == 2 * PART_BYTES:
            path.write_bytes(ROWS.replace(b"First 11", b"Other 11"))

    told.progress = change
    left, _ = apply(root, desired, told=told)
    assert left.outcome is Outcome.ERROR
    assert "changed after it was checked" in by_address(left)["dataset/rows"].reason
    assert calls(told) == {"begin": 1, "parts": PARTS - 1, "cancel": 1}
    assert Project(root).snapshot()["files"] == []
    path.write_bytes(ROWS)
    told = parts()
    apply(root, desired, told=told)
    assert calls(told) == {"begin": 1, "parts": PARTS, "complete": 1}
    check_end(root, "changed")


def test_a_part_of_another_content_does_not_survive_its_run(root: Path) -> None:
    """A file that was another for a while, in a run that died, is not put together of both."""
    path, desired = root / "data" / "rows.jsonl", desired_of(root)
    told = parts()

    def change(_emulator: Emulator, sent_bytes: int) -> None:
        if sent_bytes == PART_BYTES:
            path.write_bytes(ROWS.replace(b"First 4", b"Other 4"))
        dying(3 * PART_BYTES + 1)(_emulator, sent_bytes)

    told.progress = change
    assert in_child(lambda: apply(root, desired, told=told)) == DIED
    path.write_bytes(ROWS)
    told = parts()
    apply(root, desired, told=told)
    check_end(root, "another content")
    assert calls(told)["begin"] == 0
    assert PARTS - 3 < calls(told)["parts"] < PARTS


def test_an_interrupt_ends_an_upload_after_the_part_in_flight(root: Path) -> None:
    """Ctrl-C does not wait for the whole of a large file; the next run goes on with it."""
    desired, told, sent = desired_of(root), parts(), [0]
    told.progress = lambda _emulator, sent_bytes: sent.__setitem__(0, sent_bytes)
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    (root / ".ftops").mkdir()
    run = run_over(emulator, desired, Journal.open(root / ".ftops" / "journal.jsonl"), told=told)
    run.stopped = lambda: sent[0] >= 2 * PART_BYTES
    with pytest.raises(Interrupted):
        run_pass(run, run.observe(), 600)
    emulator.close()
    told = parts()
    apply(root, desired, told=told)
    assert calls(told) == {"parts": PARTS - 2, "complete": 1}
    check_end(root, "interrupted")


# --- the byte-order mark


@pytest.mark.parametrize("in_parts", [True, False], ids=["parts", "whole"])
@pytest.mark.parametrize("data", [ROWS, BOM + ROWS], ids=["without", "with"])
@pytest.mark.parametrize("bom", list(Bom), ids=lambda bom: bom.value)
def test_the_byte_order_mark_arrives_as_the_rules_say(root: Path, bom: Bom, data: bytes, in_parts: bool) -> None:
    """Kept, added or stripped on the way; the dataset is the same, and is not sent again under another rule."""
    (root / "data" / "rows.jsonl").write_bytes(data)
    files = replace(FILES, bom=bom, upload_in_parts_from_bytes=200 if in_parts else 1 << 20)
    apply(root, desired_of(root), told=Told(files=files))
    wanted = {Bom.KEEP: data, Bom.ADD: BOM + ROWS, Bom.STRIP: ROWS}[bom]
    assert files_in(root) == [wanted]
    told = Told(files=FILES)
    apply(root, desired_of(root), told=told)
    assert not calls(told)
    assert files_in(root) == [wanted]


# --- what the service imports


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

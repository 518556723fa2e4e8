"""Killing apply at every call and in every body of an upload in parts, and running again."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
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
from sending import CALLS_MAX, ENDS, FILES, PART_BYTES, PARTS, ROWS, calls, check_end, files_in, parts, project

from ftops.apply.journal import Journal
from ftops.apply.loop import run_pass
from ftops.call import Call, Plane
from ftops.digest import BOM
from ftops.emulator import Effect, Emulator, Fault
from ftops.errors import Interrupted
from ftops.model import Gate, Outcome, Verb
from ftops.reasons import Why
from ftops.rules import Bom
from ftops.testing import FakeClock, emulator_client
from ftops.wire.flows import Limits

SEND_PART = ("POST", r"/uploads/[^/]+/parts$")
COMPLETE = ("POST", r"/uploads/[^/]+/complete$")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with a file of some parts."""
    return project(tmp_path / "p", "file: data/rows.jsonl")


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
    assert action.reason.lower().endswith("the next pass tries again")
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
    assert calls(told) == {"begin": 1, "parts": PARTS, "cancel": 1}  # The last part was broken off.
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

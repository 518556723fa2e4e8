"""Rewritten rows over a life of passes: nothing is sent until it is allowed, and then once, whatever is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ftops.cache import FOLDER, Cache
from ftops.emulator import Effect, Fault, Stage
from ftops.model import Outcome
from ftops.reasons import Why
from ftops.rules import load_rules
from ftops.testing import FakeClock
from ftops.versions import Versions

from .worlds import World, job_spec, training_file

ALLOW = "retrain:job/a"
FILES, JOBS = r"/files$", r"/fine_tuning/jobs$"


def declared(folder: Path, before: World | None = None) -> World:
    """Return a project of one dataset and one job as a new command reads it, on an account that may have a past."""
    made = World(folder) if before is None else World(folder, emulator=before.emulator)
    made.compare = Versions(Cache(folder / FOLDER, FakeClock()), load_rules().limits).compared
    made.add("Dataset", "train", {"file": "train.jsonl"})
    made.add("FineTuningJob", "a", job_spec())
    return made


@pytest.fixture
def rewritten(tmp_path: Path) -> Iterator[World]:
    """Give a project that has trained, with the rows of its dataset in another order since."""
    path = training_file(tmp_path)
    before = declared(tmp_path)
    assert before.converge().outcome is Outcome.CONVERGED
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    yield declared(tmp_path, before)
    before.emulator.close()


def sent(world: World) -> tuple[int, int]:
    """Return how many uploads and how many jobs were sent."""
    return world.sent("POST", "/files"), world.sent("POST", "/fine_tuning/jobs")


def test_passes_send_nothing_for_the_same_rows(rewritten: World) -> None:
    """Pass after pass the training is held, and there is one job of one file."""
    before = sent(rewritten)
    for _ in range(3):
        left = rewritten.apply()
        assert left.outcome is Outcome.HELD
        assert Why.SAME_ROWS in {action.why for action in left.actions}
    assert sent(rewritten) == before


@pytest.mark.parametrize("effect", [Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.STATUS_AFTER])
@pytest.mark.parametrize("path", [FILES, JOBS])
def test_what_was_allowed_is_trained_once(rewritten: World, effect: Effect, path: str, tmp_path: Path) -> None:
    """If an answer is lost on the way, the hold and the permission are as they were, and one more job is the end."""
    rewritten.emulator.faults.add(Fault(effect, method="POST", path=path, status=500))
    rewritten.apply(ALLOW, settle_s=0, journal=tmp_path / "journal.jsonl")
    for allow in ((), (ALLOW,), ()):
        again = declared(tmp_path, rewritten)
        again.apply(*allow, journal=tmp_path / "journal.jsonl")
        assert len(again.jobs()) <= 2
    assert len(again.jobs()) == 2
    assert again.converge().outcome is Outcome.CONVERGED


def test_a_failed_attempt_is_told_as_what_it_is(rewritten: World) -> None:
    """What was allowed once and failed is for `onFailure` to decide, not for the rows."""
    rewritten.emulator.faults.add(Fault(Effect.FAIL_JOB, stage=Stage.DATA_CHECK, code="x", message="A fault."))
    rewritten.apply(ALLOW)
    left = rewritten.converge()
    whys = {action.why for action in left.actions if action.resource is not None}
    assert Why.ATTEMPT_FAILED in whys and Why.SAME_ROWS not in whys

"""Golden cases: for each story the plan in every format, and the calls of the apply that follows.

`make golden` rewrites them; a person reads what changed.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stories import STORIES, World

from ftops.apply.journal import Journal
from ftops.apply.loop import Run
from ftops.emulator import Emulator
from ftops.model import Plan
from ftops.render.to_json import plan_json
from ftops.render.to_markdown import plan_markdown
from ftops.render.to_terminal import plan_text
from ftops.render.view import view
from ftops.testing import FakeClock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import Told, apply_with, compare_in, desired_of, run_over

HERE = Path(__file__).parent
UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
START = FakeClock(datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC))


@pytest.mark.parametrize("story", STORIES)
def test_story_gives_its_plan_and_calls(story: str, tmp_path: Path) -> None:
    """The plan and the calls of a story are those that a person has read and committed."""
    world = STORIES[story](World.at(tmp_path / "world"))
    emulator = Emulator(world.root / "ftops-emulator.db", START)
    journal = Journal.open(world.root / ".ftops" / "journal.jsonl")
    run = run_over(emulator, desired_of(world.root), journal, told=Told(compare=compare_in(world.root)))
    made = run.plan(run.observe())
    emulator.log.clear()
    world.root.joinpath(".ftops").mkdir(exist_ok=True)
    told = {
        "plan.txt": _text(made),
        "plan.json": plan_json(made),
        "plan.md": _markdown(made),
        "calls.txt": _calls(emulator, run),
    }
    emulator.close()
    folder = HERE / "cases" / story
    if UPDATE:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in told.items():
            (folder / name).write_text(text, encoding="utf-8")
    assert told == {name: (folder / name).read_text(encoding="utf-8") for name in told}


def test_no_case_is_left_without_a_story() -> None:
    """A case whose story has gone goes too."""
    assert {path.name for path in (HERE / "cases").iterdir()} == set(STORIES)


def _text(made: Plan) -> str:
    return plan_text(view(made, show_unchanged=True), colour=False)


def _markdown(made: Plan) -> str:
    return plan_markdown(view(made, show_unchanged=True))


def _calls(emulator: Emulator, run: Run) -> str:
    """Return the calls of one apply: its writes in order, and how often each thing was read."""
    apply_with(run)
    reads = Counter(call for call in emulator.log if call.startswith("GET "))
    writes = [call for call in emulator.log if not call.startswith("GET ")]
    return "".join(f"{call}\n" for call in writes) + "".join(f"{n} x {call}\n" for call, n in sorted(reads.items()))

"""The stories of the golden cases: how each account came to be as it is when its plan is taken."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import Project, Told, advance, apply, compare_in, desired_of

from ftops.emulator import Effect, Emulator, Fault, Request, Stage

SEED = Path(__file__).parent / "seed"


@dataclass(frozen=True, slots=True)
class World:
    """A scratch copy of the seed project with its emulator."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> World:
        """Return a world in which nothing has happened."""
        shutil.copytree(SEED, root)
        return cls(root)

    def apply(self, *faults: Fault, settle_s: float = 600) -> World:
        """Apply once."""
        apply(self.root, desired_of(self.root), *faults, settle_s=settle_s, told=Told(compare=compare_in(self.root)))
        return self

    def advance(self, hours: int) -> World:
        """Let hours pass."""
        advance(self.root, hours)
        return self

    def converge(self) -> World:
        """Apply and advance until everything is there."""
        for _ in range(3):
            self.apply().advance(3)
        return self

    def edit(self, old: str, new: str) -> World:
        """Edit the specs."""
        Project(self.root).edit("specs/all.yaml", old, new)
        return self

    def double(self, file: str) -> World:
        """Let a data file have all its rows twice."""
        path = self.root / file
        path.write_text(path.read_text(encoding="utf-8") * 2, encoding="utf-8")
        return self

    def rows(self, edit: Callable[[list[str]], list[str]]) -> World:
        """Edit the rows of the first file."""
        path = self.root / "data" / "first.jsonl"
        path.write_text("".join(edit(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
        return self

    def elsewhere(self) -> World:
        """Go on in a clone on another machine, which has neither journal nor cache."""
        shutil.rmtree(self.root / ".ftops")
        return self

    def someone(self, act: Callable[[Emulator], object]) -> World:
        """Let somebody do something to the account."""
        Project(self.root).emulator(lambda emulator: _ignore(act(emulator)))
        return self


def _ignore(_: object) -> None:
    """Take a result that does not matter."""


def _delete_files(emulator: Emulator) -> None:
    for file in emulator.snapshot("local")["files"]:
        emulator.delete_file(str(file["id"]))


def _fill(emulator: Emulator) -> None:
    """Let others' files leave a thousand bytes of room, and those of other tools be above all limits."""
    held = sum(int(str(file["bytes"])) for file in emulator.snapshot("local")["files"])
    emulator.place_file("local", "theirs.jsonl", "fine-tune", emulator.limits.total_bytes - held - 1000)
    emulator.place_file("local", "batch.jsonl", "batch", 5 * emulator.limits.total_bytes)


def _pause(emulator: Emulator) -> None:
    """Let somebody pause the training of the parent once it has begun."""
    emulator.advance(timedelta(minutes=10))
    path = f"/openai/v1/fine_tuning/jobs/{emulator.snapshot('local')['jobs'][0]['id']}/pause"
    emulator.handle(Request("POST", "local.openai.emulator", path))


def _rename_data(world: World) -> World:
    renamed = world.edit("{name: first}", "{name: first-2}").edit("{dataset: first}", "{dataset: first-2}")
    return renamed.edit("onParentChange: hold", "onParentChange: retrain").double("data/first.jsonl")


def _drop_pin(world: World) -> World:
    return world.edit("{job: parent}", "{job: parent, at: aaaaaaaa}")


def _other_rows(rows: list[str]) -> list[str]:
    more = [row.replace("first", "one more") for row in rows[:4]]
    longer = [row.replace("Yes", "Yes, that is what it is: number") for row in rows[:3]]
    return [*longer, *rows[4:], *more]


STORIES: dict[str, Callable[[World], World]] = {
    "new": lambda world: world,
    "first-training": lambda world: world.apply(),
    "second-link": lambda world: world.apply().advance(3),
    "converged": lambda world: world.converge(),
    "edited-parent-holds": lambda world: world.converge().edit("n_epochs: 1", "n_epochs: 2"),
    "edited-parent-retrains": lambda world: (
        world.converge().edit("n_epochs: 1", "n_epochs: 2").edit("onParentChange: hold", "onParentChange: retrain")
    ),
    "edited-child": lambda world: world.converge().edit("batch_size: 4", "batch_size: 8"),
    "edited-rows": lambda world: (
        world.converge().rows(_other_rows).edit("onParentChange: hold", "onParentChange: retrain")
    ),
    "reordered-rows": lambda world: world.converge().rows(lambda rows: rows[::-1]),
    "reordered-rows-elsewhere": lambda world: (
        world.converge()
        .elsewhere()
        .rows(lambda rows: rows[::-1])
        .edit("onParentChange: hold", "onParentChange: retrain")
    ),
    "edited-while-training": lambda world: world.apply().edit("n_epochs: 1", "n_epochs: 2"),
    "lost-pin": lambda world: _drop_pin(world.apply().advance(3)),
    "edited-deployment": lambda world: world.converge().edit("capacity: 50", "capacity: 80"),
    "drifted-deployment": lambda world: world.converge().someone(lambda e: e.edit_deployment("prod", capacity=7)),
    "deleted-deployment": lambda world: world.converge().someone(lambda e: e.delete_deployment("prod")).advance(1),
    "foreign-deployment": lambda world: world.converge().someone(lambda e: e.edit_deployment("prod", tags={"a": "b"})),
    "orphan": lambda world: world.converge().edit("metadata: {name: prod}", "metadata: {name: prod-2}"),
    "failed-training": lambda world: world.apply(
        Fault(Effect.FAIL_JOB, stage=Stage.DATA_CHECK, code="contentFilter", message="Harmful data.")
    ).advance(3),
    "refused-at-the-gate": lambda world: world.apply(Fault(Effect.FAIL_JOB, stage=Stage.SAFETY)).advance(3),
    "paused-training": lambda world: world.apply().someone(_pause).advance(1),
    "failed-deployment": lambda world: world.apply().advance(3).apply().advance(3).apply(Fault(Effect.FAIL_DEPLOYMENT)),
    "create-in-doubt": lambda world: world.apply(Fault(Effect.DROP_BEFORE, "POST", "/fine_tuning/jobs$"), settle_s=10),
    "suffix-dropped": lambda world: world.apply(Fault(Effect.DROP_SUFFIX)),
    "no-room": lambda world: _rename_data(world.converge()).someone(_fill),
    "files-deleted": lambda world: world.converge().someone(_delete_files),
}

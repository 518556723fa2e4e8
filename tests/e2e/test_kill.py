"""Killing apply before every single service call, and after the commit of every write, and running again.

Death after a read is death before the next call: nothing was done in between.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from harness import DIED, advance, apply, desired_of, dying, essence, jobs_by_digest, live_until_converged

from ftops.emulator import Effect, Fault
from ftops.model import Outcome

SPECS = """
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: kill-me-7k2f}
spec: {accounts: {local: {emulator: ftops-emulator.db, region: eastus2}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: first}
spec: {file: data/first.jsonl}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: second}
spec: {file: data/second.jsonl}
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: parent}
spec:
  model: gpt-4.1-mini-2025-04-14
  training_file: {dataset: first}
  validation_file: {dataset: second}
  hyperparameters: {n_epochs: 1}
  trainingType: GlobalStandard
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: child}
spec:
  model: {job: parent}
  training_file: {dataset: second}
  hyperparameters: {n_epochs: 1}
  trainingType: GlobalStandard
---
apiVersion: ftops/v1alpha1
kind: Deployment
metadata: {name: prod}
spec: {sku: {name: GlobalStandard, capacity: 50}, model: {job: child}, tags: {team: support}}
"""
ROW = '{"messages": [{"role": "user", "content": "%s %d?"}, {"role": "assistant", "content": "Yes, %d."}]}\n'
DEATHS_MIN = {Effect.DIE_BEFORE: 10, Effect.DIE_AFTER: 1}
"""Fewer than any stage has; a walk that ends sooner has not walked."""
WRITES = "(POST|PUT|PATCH|DELETE)"
STAGES = 3
"""Applies that a whole life takes: the parent is started, the child is started, the deployment is made."""
CALLS_MAX = 80
"""More than any stage makes; the walk ends where a stage outlives its calls."""


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that nothing has been done for yet."""
    root = tmp_path_factory.mktemp("born")
    (root / "specs").mkdir()
    (root / "data").mkdir()
    (root / "specs" / "all.yaml").write_text(SPECS, encoding="utf-8")
    for name in ("first", "second"):
        rows = "".join(ROW % (name, number, number) for number in range(12))
        (root / "data" / f"{name}.jsonl").write_text(rows, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def undisturbed(born: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Return what a life that nobody disturbs ends in."""
    root = tmp_path_factory.mktemp("undisturbed") / "p"
    shutil.copytree(born, root)
    assert live_until_converged(root, desired_of(root)).outcome is Outcome.CONVERGED
    return essence(root)


@pytest.fixture(scope="module")
def stages(born: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the project as each apply of an undisturbed life finds it."""
    folder = tmp_path_factory.mktemp("stages")
    root = shutil.copytree(born, folder / "stage")
    found = []
    for number in range(STAGES):
        found.append(shutil.copytree(root, folder / str(number)))
        apply(root, desired_of(root))
        advance(root, 3)
    return found


@pytest.mark.parametrize("end", list(DEATHS_MIN), ids=lambda end: end.value)
@pytest.mark.parametrize("stage", range(STAGES))
def test_death_at_every_call_ends_in_the_same_objects(
    stages: list[Path], undisturbed: dict[str, object], tmp_path: Path, stage: int, end: Effect
) -> None:
    """Whatever call apply dies at, the next runs end in exactly the same objects, with one job per digest."""
    root = tmp_path / "killed"
    for number in range(1, CALLS_MAX):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(stages[stage], root)
        desired = desired_of(root)
        fault = Fault(end, request=number) if end is Effect.DIE_BEFORE else Fault(end, WRITES, nth=number)
        if dying(root, desired, fault) != DIED:
            break
        left = live_until_converged(root, desired)
        where = f"{end.value} call {number} of stage {stage}"
        assert left.outcome is Outcome.CONVERGED, where
        assert essence(root) == undisturbed, where
        assert set(jobs_by_digest(root).values()) == {1}, where
    else:
        raise AssertionError(f"stage {stage} makes more than {CALLS_MAX} calls")
    assert number > DEATHS_MIN[end]

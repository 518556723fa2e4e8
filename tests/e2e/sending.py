"""What tests of sending share: a project with one dataset and one job, and what became of its upload."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from harness import ACCOUNT, REGION, Project, Told

from ftops.emulator import Effect, Emulator
from ftops.rules import load_rules
from ftops.testing import FakeClock, emulator_client

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
ENDS = (Effect.DIE_BEFORE, Effect.DIE_AFTER)
CALLS_MAX = 80
"""More than an apply makes; the walk ends where it outlives its calls."""


def project(root: Path, source: str, lifecycle: str = "") -> Path:
    """Return a project with one dataset and one job that nothing has been done for yet."""
    (root / "specs").mkdir(parents=True)
    (root / "data").mkdir()
    text = SPECS.replace("SOURCE", source).replace("LIFECYCLE", lifecycle)
    (root / "specs" / "all.yaml").write_text(text, encoding="utf-8")
    (root / "data" / "rows.jsonl").write_bytes(ROWS)
    return root


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

"""`python -m bench [--rounds N] [ROW...]`: all rows, or those named; all of them also go into docs/performance.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from bench import datasets, network, planning, starting
from bench.peers import Peers
from bench.report import markdown, plain, write
from bench.rows import Row, attempt
from bench.setting import Setting

ROOT = Path(__file__).resolve().parents[1]
ROUNDS_MIN, ROUNDS = 5, 7

MEASUREMENTS: Mapping[str, Callable[[Setting], Iterable[Row]]] = {
    "starting": starting.rows,
    "plan-1k": partial(planning.rows, resources=1_000),
    "plan-10k": partial(planning.rows, resources=10_000),
    "calls": planning.calls,
    "reads": network.reads,
    "upload": network.upload,
    "dataset": datasets.rows,
    "dataset-tokens": datasets.tokens,
    "dataset-shapes": datasets.of_shapes,
    "dataset-extras": datasets.extras,
    "dataset-large": datasets.large,
    "dataset-unchanged": datasets.unchanged,
    "emulator": network.emulator,
}


def main() -> None:
    """Measure, print, and write the page if nothing was left out."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="ROW", help=f"one of {', '.join(MEASUREMENTS)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"at least {ROUNDS_MIN}")
    asked = parser.parse_args()
    if set(asked.names) - MEASUREMENTS.keys() or asked.rounds < ROUNDS_MIN:
        parser.error(f"the rows are {', '.join(MEASUREMENTS)}, and there are {ROUNDS_MIN} rounds or more")
    peers = Peers(ROOT / ".venv-bench")
    peers.install()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ftops-bench-") as scratch:
        setting = Setting(Path(scratch), peers, asked.rounds)
        for name in asked.names or MEASUREMENTS:
            sys.stderr.write(f"{name} ...\n")
            rows += attempt(name, partial(MEASUREMENTS[name], setting))
    sys.stdout.write(plain(rows) + "\n")
    if not asked.names:
        write(ROOT / "docs" / "performance.md", markdown(rows, peers.versions, asked.rounds))


if __name__ == "__main__":
    main()

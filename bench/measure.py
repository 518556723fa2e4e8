"""Whole processes, timed one after the other: the contenders of a row take turns, and the median of each counts."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

UNSET = ("FTOPS_", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
"""Variables by their beginning that a contender does not get: what is installed by pip is compiled once, and so must be
what is measured from a checkout."""


class BenchError(Exception):
    """A contender did not do what it is measured for."""


@dataclass(frozen=True, slots=True)
class Process:
    """A contender: a command that is run whole, has to succeed, and has to print what it should."""

    command: Sequence[str]
    folder: Path
    says: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self) -> float:
        """Run it once and return the seconds it took."""
        begin = time.perf_counter()
        self.output()
        return time.perf_counter() - begin

    def output(self) -> str:
        """Run it once and return its standard output."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(UNSET)} | dict(self.environment)
        done = subprocess.run(  # noqa: S603 - our own commands
            list(self.command), cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or self.says not in done.stdout + done.stderr:
            raise BenchError(f"{' '.join(self.command)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr}")
        return done.stdout


def in_turns(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each contender over rounds in which all of them run, one after the other.

    The speed of a shared machine changes from minute to minute; taking turns, everybody gets the same weather. One
    round more comes first and is not counted: it fills the caches of files and of compiled modules.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            seconds = contender()
            if number:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}

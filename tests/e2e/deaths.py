"""Runs that die at any call, asked for line by line on standard input by the tests, which fork nothing themselves.

A fork is the quickest death, but only a process without threads may fork, and a test runner has threads when it is one
of several. So this file is run as a program of its own: `Deaths` starts it, and it forks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from harness import apply, desired_of

from ftops.emulator import Effect, Fault


class Deaths:
    """A process in which runs of `ftops apply` end at any request, before or after the commit."""

    def __init__(self) -> None:
        """Start the process."""
        command = [sys.executable, str(Path(__file__).resolve())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the process."""
        self._process.communicate()

    def die_at(self, root: Path, effect: Effect, request: int) -> int:
        """Apply in a child that ends at its n-th request; return its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{effect.value} {request} {root}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _die_at(root: Path, effect: Effect, request: int) -> int:
    """Apply in a fork that dies by `os._exit`: nothing is flushed, released or cleaned up, as under SIGKILL."""
    desired = _desired(root)
    child = os.fork()
    if child == 0:
        try:
            apply(root, desired, Fault(effect, request=request))
        except BaseException:  # noqa: BLE001 — the child must never take the next line in its parent's place
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


_desired = cache(desired_of)


def main() -> None:
    """Answer each line with an exit code."""
    for line in sys.stdin:
        effect, request, root = line.rstrip("\n").split(" ", 2)
        sys.stdout.write(f"{_die_at(Path(root), Effect(effect), int(request))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

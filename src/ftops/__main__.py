"""`python -m ftops`, and what the installed command calls."""

from __future__ import annotations

import gc
import os
import sys

from ftops.cli import EXIT_ERROR, run

COLLECT_EVERY = 100_000
"""Objects made between two searches for cycles. Python's 700 costs a third of the time of a large plan, in which
hardly any cycle ends; a search now and then is enough for a run that waits for hours."""


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(COLLECT_EVERY, 20, 20)
    # No plug-in of pydantic is ours; looking for some reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(_flushed(run(sys.argv[1:])))


def _flushed(code: int) -> int:
    """Return the exit code; what could not be written has been told by now, and must not be told again by Python."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or EXIT_ERROR
    return code


if __name__ == "__main__":
    main()

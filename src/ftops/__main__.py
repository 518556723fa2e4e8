"""`python -m ftops`, and what the installed command calls."""

from __future__ import annotations

import gc
import os
import sys

from ftops.cli import run

COLLECT_EVERY = 100_000
"""Objects made between two searches for cycles. Python's 700 costs a third of the time of a large plan, in which
hardly any cycle ends; a search now and then is enough for a run that waits for hours."""


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(COLLECT_EVERY, 20, 20)
    # No plug-in of pydantic is ours; looking for some reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # httpx's own command line, which nobody calls here, imports rich and pygments wherever they are installed.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

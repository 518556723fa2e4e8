"""A process that walks over stretches of a file for another one: `python -m ftops.data.worker` (see `workers.py`)."""

from __future__ import annotations

import sys

from ftops.data.workers import serve
from ftops.rules import load_rules

if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer, load_rules().limits)

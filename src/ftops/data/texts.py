"""The text of rows, for those who ask for it: nothing else here lets it out of a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ftops.data.decode import decode
from ftops.data.jsonl import JsonlFile
from ftops.data.rows import system_prompt_of

LINE_BYTES_MAX = 1 << 20
"""A longer line is passed over: nobody reads it on a terminal."""


def lines_of(path: Path, wanted: Iterable[int]) -> dict[int, bytes]:
    """Return some lines of a file by their numbers, as far as they are there; nothing when it cannot be read."""
    left = set(wanted)
    found: dict[int, bytes] = {}
    try:
        for batch in JsonlFile(path, LINE_BYTES_MAX).batches():
            for number in sorted(left & set(range(batch.number, batch.number + len(batch.lines)))):
                line = batch.lines[number - batch.number]
                left.discard(number)
                if line is not None:
                    found[number] = line.removesuffix(b"\r")
            if not left:
                break
    except OSError:
        return {}
    return found


def prompt_in(line: bytes) -> str:
    """Return the system prompt of the row in a line, or nothing."""
    row = decode(line)
    return system_prompt_of(row) if isinstance(row, dict) else ""

"""Reads one dataset in one way and prints the seconds: `python reading.py check|json|simdjson|together|loop FILE`.

Run by its path, in the environment of ftops or in that of the peers, so it imports what a way needs and nothing else.
Imports are part of a start, which other rows measure, and come before the clock.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

BLOCK_BYTES = 1 << 20


Way: TypeAlias = Callable[[Path], None]


def check() -> Way:
    """Check it as ftops does."""
    data, rules = importlib.import_module("ftops.data"), importlib.import_module("ftops.rules")

    def run(path: Path) -> None:
        report = data.check_rows(path, path.name, rules.load_rules().limits, "chat")
        if report.has_errors:
            raise ValueError(report.problems[0])

    return run


def _hashed_lines(path: Path, parse: Callable[[bytes], object]) -> None:
    sha = hashlib.sha256()
    rest = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            sha.update(block)
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                parse(line)


def floor_json() -> Way:
    """Hash it and parse every line with the standard library."""
    return partial(_hashed_lines, parse=json.loads)


def floor_simdjson() -> Way:
    """Hash it and parse every line with simdjson, without making Python objects of it."""
    parser = importlib.import_module("simdjson").Parser()
    return partial(_hashed_lines, parse=lambda line: parser.parse(line) and None)


def together() -> Way:
    """Check it as the command line of Together does, which reads but does not hash."""
    files = importlib.import_module("together.lib.utils.files")

    def run(path: Path) -> None:
        report = files.check_file(path)
        if not report["is_check_passed"]:
            raise ValueError(report)

    return run


def loop() -> Way:
    """Check it as the notebooks of the cookbooks do: all rows in memory, then a loop over dicts."""
    return _loop


def _loop(path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    problems: Counter[str] = Counter()
    for row in rows:
        messages = row.get("messages", None)
        if not messages:
            problems["missing_messages_list"] += 1
            continue
        for message in messages:
            if "role" not in message or "content" not in message:
                problems["message_missing_key"] += 1
            if any(key not in {"role", "content", "name", "function_call", "weight"} for key in message):
                problems["message_unrecognized_key"] += 1
            if message.get("role", None) not in {"system", "user", "assistant", "function"}:
                problems["unrecognized_role"] += 1
            content = message.get("content", None)
            if (not content and not message.get("function_call")) or not isinstance(content, str):
                problems["missing_content"] += 1
        if not any(message.get("role", None) == "assistant" for message in messages):
            problems["example_missing_assistant_message"] += 1


WAYS: Mapping[str, Callable[[], Way]] = {
    "check": check,
    "json": floor_json,
    "simdjson": floor_simdjson,
    "together": together,
    "loop": loop,
}


def main() -> None:
    """Read once and print the seconds it took."""
    way, path = WAYS[sys.argv[1]](), Path(sys.argv[2])
    begin = time.perf_counter()
    way(path)
    sys.stdout.write(f"{time.perf_counter() - begin}\n")


if __name__ == "__main__":
    main()

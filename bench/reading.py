"""Reads one dataset in one way: `python reading.py WAY FILE [READING]`; READING is JSON, for the ways of ftops.

Prints the most memory in bytes that the process had, that which its helpers had at most, the bytes it read of the
dataset if the way counts them, and last the seconds. Run by its path, in the environment of ftops or in that of the
peers, so it imports what a way needs and nothing else. Imports and the loading of vocabularies are part of a start,
which other rows measure, and come before the clock.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

BLOCK_BYTES = 1 << 20
MESSAGE_TOKENS, NAME_TOKENS, REPLY_TOKENS = 3, 1, 3
"""What the cookbook adds for each message, each name, and the answer that a row asks for."""

Way: TypeAlias = Callable[[Path], int | None]
"""Reads a file; may return how many bytes it read of it."""
Message: TypeAlias = Mapping[str, str]


# --- ftops


def check(reading: str) -> Way:
    """Check it as ftops does."""
    data, rules = importlib.import_module("ftops.data"), importlib.import_module("ftops.rules")
    how = data.Reading(**json.loads(reading))
    if how.encoding:
        importlib.import_module("ftops.data.counting").counter(how.encoding)(["text"])

    def run(path: Path) -> None:
        report = data.check_rows(path, path.name, rules.load_rules().limits, how).report
        if report.has_errors or report.encoding != how.encoding:
            raise ValueError(report.problems)

    return run


def keep(reading: str) -> Way:
    """Ask for what is known of it as a run of ftops does, and count what that reads of it."""
    data, rules = importlib.import_module("ftops.data"), importlib.import_module("ftops.rules")
    files, cache = importlib.import_module("ftops.data.cache").Files, importlib.import_module("ftops.cache").Cache
    opened: list[str] = []
    sys.addaudithook(lambda event, about: opened.append(Path(str(about[0])).name) if event == "open" else None)

    def run(path: Path) -> int:
        limits, how = rules.load_rules().limits, data.Reading(**json.loads(reading))
        report = files(path.parent, cache.under(path.parent), limits).report(path.name, how)
        return int(report.size_bytes) if path.name in opened else 0

    return run


# --- floors


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


def floor_pairs() -> Way:
    """Hash it and parse every line with the standard library, which is handed the pairs of each object."""
    return partial(_hashed_lines, parse=partial(json.loads, object_pairs_hook=_unique))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is written twice")
    return made


def floor_simdjson() -> Way:
    """Hash it and parse every line with simdjson, without making Python objects of it."""
    parser = importlib.import_module("simdjson").Parser()
    return partial(_hashed_lines, parse=lambda line: parser.parse(line) and None)


# --- what people use instead


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

    def run(path: Path) -> None:
        _problems(_rows(path))

    return run


def _rows(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _problems(rows: Iterable[Mapping[str, object]]) -> Counter[str]:
    problems: Counter[str] = Counter()
    for row in rows:
        messages = _messages_of(row)
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
    return problems


def _messages_of(row: Mapping[str, object]) -> list[Message]:
    """Return the messages of a chat row, and for a preference row those of its input and of both answers."""
    found = row.get("messages", None)
    if isinstance(found, list):
        return found
    asked = row.get("input", None)
    lists = [asked.get("messages") if isinstance(asked, dict) else None]
    lists += [row.get("preferred_output"), row.get("non_preferred_output")]
    return [message for each in lists if isinstance(each, list) for message in each]


def tokens() -> Way:
    """Check it and count its tokens as the notebook does: each text of a message, and those of the assistant again."""
    encode = importlib.import_module("tiktoken").get_encoding("o200k_base").encode

    def of_row(messages: Iterable[Message]) -> int:
        count = REPLY_TOKENS
        for message in messages:
            count += MESSAGE_TOKENS + NAME_TOKENS * ("name" in message)
            count += sum(len(encode(value)) for value in message.values())
        return count

    def run(path: Path) -> None:
        rows = _rows(path)
        _problems(rows)
        lengths, answers = [], []
        for messages in map(_messages_of, rows):
            lengths.append(of_row(messages))
            answers.append(sum(len(encode(each["content"])) for each in messages if each["role"] == "assistant"))
        if min(lengths) < min(answers):
            raise ValueError("an answer is longer than its row")

    return run


WAYS: Mapping[str, Callable[..., Way]] = {
    "check": check,
    "keep": keep,
    "json": floor_json,
    "pairs": floor_pairs,
    "simdjson": floor_simdjson,
    "together": together,
    "loop": loop,
    "tokens": tokens,
}


# --- what is printed


def _peaks() -> Iterator[int]:
    """Yield the most memory that this program had, and that none of its helpers had more than; 0 for not known.

    Linux counts in `ru_maxrss` also what a process was before it became its program. So this program's own record is
    read, and the one of its helpers, which are gone, may be this program's size when it started them.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        yield from (0, 0)
        return
    yield int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))[0]) << 10
    yield resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10


def main() -> None:
    """Read once and print the figures."""
    way, path = WAYS[sys.argv[1]](*sys.argv[3:]), Path(sys.argv[2])
    begin = time.perf_counter()
    read_bytes = way(path) or 0
    seconds = time.perf_counter() - begin
    sys.stdout.write(f"{' '.join(map(str, _peaks()))} {read_bytes} {seconds}\n")


if __name__ == "__main__":
    main()

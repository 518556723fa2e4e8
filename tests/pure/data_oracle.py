"""What has to be true of the check of any file, whatever is in it: asked by the tests and by the fuzzer alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from ftops.catalogue import CATALOGUE
from ftops.data import DataReport, Reading, check_rows, guess_format
from ftops.data.jsonl import Batch
from ftops.data.report import Gathered, merged
from ftops.data.walk import Walk
from ftops.rules import Limits, load_rules

BOM = b"\xef\xbb\xbf"
NO_ROWS = (b"version https://git-lfs.github.com/spec/", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")
"""How a file begins of which no line is looked at."""
LIMITS = load_rules().limits

Found: TypeAlias = tuple[Gathered, bytes, bytes]
"""What a walk gave, with the numbers of the lines, as they are and of what they say."""


def plain_digest(content: bytes) -> str:
    """Return the digest of a content, done the plain way."""
    return hashlib.sha256(content.removeprefix(BOM).replace(b"\r\n", b"\n")).hexdigest()


def lines_in(content: bytes, limits: Limits = LIMITS) -> list[bytes | None]:
    """Return the lines of a content, done the plain way; None for those that are too long."""
    lines = content.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    most = limits.reading.line_bytes_max
    read = [line if len(line) <= most else None for line in lines]
    if read and read[0] is not None:
        read[0] = read[0].removeprefix(BOM)
    return read


def walked(batches: Sequence[Sequence[bytes | None]], reading: Reading, limits: Limits = LIMITS) -> Found:
    """Return what one walk over lines in these batches gives."""
    walk, number, marks, identities = Walk(reading, limits), 1, b"", b""
    for lines in batches:
        numbers = walk.over(Batch(number, lines))
        number += len(lines)
        marks, identities = marks + numbers.marks, identities + numbers.identities
    return walk.gathered, marks, identities


def walked_apart(batches: Sequence[Sequence[bytes | None]], reading: Reading, limits: Limits = LIMITS) -> Found:
    """Return what walks over these batches, each for itself, give together."""
    found = [walked([lines], reading, limits) for lines in batches]
    gathered = merged(each[0] for each in found)
    return gathered, b"".join(each[1] for each in found), b"".join(each[2] for each in found)


def cuts_of(lines: Sequence[bytes | None]) -> list[list[Sequence[bytes | None]]]:
    """Return some ways to cut lines into batches."""
    ways = [[lines], [lines[:1], lines[1:]], [lines[:-1], lines[-1:]], [[line] for line in lines[:40]] + [lines[40:]]]
    return [[batch for batch in batches if batch] for batches in ways]


def without_repeated_keys(found: Found) -> Found:
    """Return the same without what only a strict reading tells."""
    gathered, marks, identities = found
    seen = {code: told for code, told in gathered.seen.items() if code != "repeated-key"}
    return msgspec.structs.replace(gathered, seen=seen), marks, identities


def examine(content: bytes, file: Path, reading: Reading, limits: Limits = LIMITS) -> DataReport:
    """Check a file with this content, assert all that has to be true of it, and return its report."""
    file.write_bytes(content)
    checked = check_rows(file, "rows.jsonl", limits, reading)
    report = checked.report
    assert (report.digest, report.size_bytes) == (plain_digest(content), len(content))
    assert guess_format(file, limits) in {"chat", "dpo", "rft"}
    assert msgspec.convert(msgspec.to_builtins(report), DataReport) == report
    if content.removeprefix(BOM).startswith(NO_ROWS):
        assert report.rows == 0
        return report
    lines = lines_in(content, limits)
    blank = report.seen["blank-line"].count if "blank-line" in report.seen else 0
    assert report.rows + blank == len(lines)
    _examine_places(report, len(lines))
    one = walked([lines] if lines else [], reading, limits)
    assert b"".join(checked.identities.blocks()) == one[2]
    for batches in cuts_of(lines):
        assert walked(batches, reading, limits) == one
        assert walked_apart(batches, reading, limits) == one
        strictly = msgspec.structs.replace(reading, strict=not reading.strict)
        assert without_repeated_keys(walked(batches, strictly, limits)) == without_repeated_keys(one)
    return report


def _examine_places(report: DataReport, lines: int) -> None:
    for code, seen in report.seen.items():
        assert code in CATALOGUE
        assert 0 < len(seen.places) <= seen.count
        for place in seen.places:
            assert 0 <= place.line <= seen.last_line <= lines and place.column >= (1 if place.line else 0)
            assert place.detail.endswith((".", "?")) and place.detail.isprintable() and place.path.isprintable()
    for line in [prompt.line for prompt in report.prompts.values()] + [line for _, line in report.lengths.longest]:
        assert 0 < line <= lines
    told = sum(prompt.rows for prompt in report.prompts.values()) + report.other_prompt_rows + report.promptless_rows
    assert told <= report.rows
    assert all(problem.span.line <= lines for problem in report.problems)

"""Checks a data file in one pass: digest, size, rows, tokens, duplicates and every problem at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ftops.catalogue import CATALOGUE
from ftops.data.counting import counter
from ftops.data.decode import decode
from ftops.data.index import RowIndex
from ftops.data.jsonl import Batch, JsonlFile
from ftops.data.preferences import OUTPUTS
from ftops.data.reading import Reading
from ftops.data.report import SHOWN_PER_CODE_MAX, DataReport, Gathered, Lengths, counted
from ftops.data.texts import lines_of
from ftops.data.walk import FORMATS, Walk
from ftops.data.workers import Indexes, walk_together, worth_workers
from ftops.diagnostics import Diagnostic, Severity
from ftops.rules import Limits

__all__ = ["FORMATS", "Checked", "check_line", "check_rows", "guess_format"]

_NOT_ROWS: Mapping[bytes, tuple[str, str]] = {
    b"version https://git-lfs.github.com/spec/": (
        "git-lfs-pointer",
        "Git left a pointer in place of the data. Run `git lfs pull`; in continuous integration, check out with LFS.",
    ),
    b"\xff\xfe": ("not-utf8", "The file is UTF-16. Save it as UTF-8."),
    b"\xfe\xff": ("not-utf8", "The file is UTF-16. Save it as UTF-8."),
    b"\x1f\x8b": ("not-utf8", "The file is compressed with gzip. The service takes plain text: unpack it."),
}
"""How a file begins that holds no rows at all; its lines are not looked at."""
_UNMARKED_UTF16 = re.compile(rb"[^\0]\0[^\0]\0|\0[^\0]\0[^\0]")
_BOM = b"\xef\xbb\xbf"
_BEGIN_BYTES = 64


class Checked(NamedTuple):
    """What is known of a file, and the numbers of what its rows say, if they were asked for."""

    report: DataReport
    identities: RowIndex


def check_rows(path: Path, shown: str, limits: Limits, reading: Reading) -> Checked:
    """Return what is known of a file of rows, with every problem of every line.

    Args: `shown` is the file's name in the problems, as the user wrote it.
    """
    indexes = Indexes.empty()
    try:
        source = JsonlFile(path, limits.reading.line_bytes_max)
        begin = source.begin(_BEGIN_BYTES)
        not_rows = _not_rows(begin)
        if not_rows is None and worth_workers(path, reading):
            gathered = walk_together(path, source, limits, reading, indexes)
        else:
            gathered = _walk(source, limits, reading, indexes, look=not_rows is None)
    except OSError as error:
        gathered = Gathered()
        detail = f"The file cannot be read: {error.strerror}. Paths count from the project root."
        gathered.add("unreadable-file", detail)
        return Checked(DataReport("", 0, shown=shown, seen=gathered.seen), indexes.identities)
    if not_rows is not None:
        gathered.add(*not_rows, 1, 1)
    _judge(gathered, source, limits, indexes.marks, rows_wanted=reading.trains and not_rows is None)
    _compare_fields(gathered, reading)
    if not begin.startswith(_BOM):
        gathered.add("no-bom", "The file has no byte-order mark. Most files have none, and the service takes both.")
    return Checked(_report(gathered, source, shown, reading), indexes.identities)


def _walk(source: JsonlFile, limits: Limits, reading: Reading, indexes: Indexes, *, look: bool) -> Gathered:
    walk = Walk(reading, limits)
    for number, batch in enumerate(source.batches()):
        if look:
            indexes.place(number, walk.over(batch))
    return walk.gathered


def _not_rows(begin: bytes) -> tuple[str, str] | None:
    begin = begin.removeprefix(_BOM)
    if _UNMARKED_UTF16.match(begin):
        return _NOT_ROWS[b"\xff\xfe"]
    return next((told for head, told in _NOT_ROWS.items() if begin.startswith(head)), None)


def _judge(gathered: Gathered, source: JsonlFile, limits: Limits, marks: RowIndex, *, rows_wanted: bool) -> None:
    """Add what the file as a whole is told of."""
    _check_size(source.size_bytes, limits, gathered)
    rows_min = limits.rows.rows_min
    if rows_wanted and gathered.rows < rows_min:
        rows = "1 row" if gathered.rows == 1 else f"{gathered.rows} rows"
        detail = f"The file has {rows}; training needs at least {rows_min}, and useful results need more."
        gathered.add("too-few-rows", detail)
    count, pairs, last_line = marks.repeated(SHOWN_PER_CODE_MAX + 1)
    for pair in pairs:
        detail = f"It says the same as line {pair.first:,}. Take one out, unless it is meant to weigh more."
        gathered.add("duplicate-row", detail, pair.second, 1)
    if count:
        gathered.seen["duplicate-row"].count, gathered.seen["duplicate-row"].last_line = count, last_line
    if len(gathered.prompts) > 1:
        some = sorted(prompt.line for prompt in gathered.prompts.values())[:3]
        more = "more than " if gathered.other_prompt_rows else ""
        detail = (
            f"The rows have {more}{len(gathered.prompts):,} different system prompts, as in lines "
            f"{', '.join(f'{line:,}' for line in some)}. The model has to be called with one that it was trained with."
        )
        gathered.add("several-system-prompts", detail, some[1], 1)
    if gathered.image_rows > limits.images.rows_max:
        detail = f"{gathered.image_rows:,} rows have images; a file takes {limits.images.rows_max:,}. Split it."
        gathered.add("too-many-image-rows", detail)


def _compare_fields(gathered: Gathered, reading: Reading) -> None:
    """Add what is odd about the fields of reinforcement rows, among the rows that have any."""
    for code, detail in counted(gathered, {path[0] for path in reading.fields}):
        gathered.add(code, detail)


def _check_size(size_bytes: int, limits: Limits, gathered: Gathered) -> None:
    size_mb, files = size_bytes / 1e6, limits.files
    if size_bytes > files.parts_total_bytes_max:
        detail = f"The file has {size_mb:,.1f} MB; in parts the service takes {files.parts_total_bytes_max / 1e6:,.0f}."
        gathered.add("file-too-large", f"{detail} Split it, and train on the parts one after the other.")
    elif size_bytes >= files.size_bytes_below:
        detail = (
            f"The file has {size_mb:,.1f} MB. It is sent in parts, but a training file of "
            f"{files.size_bytes_below / 1e6:,.0f} MB or more may be refused by the job. Consider splitting it."
        )
        gathered.add("large-upload", detail)


def _report(gathered: Gathered, source: JsonlFile, shown: str, reading: Reading) -> DataReport:
    exact = bool(reading.encoding) and counter(reading.encoding) is not None
    return DataReport(
        digest=source.digest,
        size_bytes=source.size_bytes,
        rows=gathered.rows,
        shown=shown,
        seen=gathered.seen,
        tokens=gathered.tokens,
        input_tokens=gathered.input_tokens,
        encoding=reading.encoding if exact else "",
        unmeasured_rows=gathered.unmeasured_rows,
        lengths=Lengths.of(gathered, reading.contexts),
        prompts=gathered.prompts,
        other_prompt_rows=gathered.other_prompt_rows,
        promptless_rows=gathered.promptless_rows,
        image_rows=gathered.image_rows,
        first_image_line=gathered.first_image_line,
    )


def check_line(path: Path, shown: str, number: int, limits: Limits, reading: Reading) -> tuple[Diagnostic, ...] | None:
    """Return what there is to say of one line of a file, whatever its severity; None if there is no such line."""
    line = lines_of(path, [number]).get(number)
    if line is None:
        return None
    walk = Walk(reading, limits)
    walk.over(Batch(number, [line]))
    every = {code: check.severity or Severity.INFO for code, check in CATALOGUE.items()}
    return DataReport("", 0, shown=shown, seen=walk.gathered.seen).judged(every)


def guess_format(path: Path, limits: Limits) -> str:
    """Return the format of a file's rows by its first one: for a dataset that says none and that no job uses."""
    try:
        batches = JsonlFile(path, limits.reading.line_bytes_max).batches()
        first = next((line for batch in batches for line in batch.lines if line and line != b"\r"), b"")
    except OSError:
        return "chat"
    row = decode(first)
    if not isinstance(row, dict):
        return "chat"
    if "messages" not in row:
        return "dpo" if row.keys() & set(OUTPUTS) else "chat"
    messages = row["messages"]
    last = messages[-1] if isinstance(messages, list) and messages else None
    role = last.get("role") if isinstance(last, dict) else None
    further = row.keys() - {"messages", "tools", "parallel_tool_calls", "functions"}
    # Compared with tuples, here and elsewhere: what stands in the place of a role may be an array, which no set takes.
    return "rft" if role in ("user", "developer") and further else "chat"

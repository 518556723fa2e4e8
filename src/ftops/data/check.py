"""Checks a data file in one pass: digest, size, rows and every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ftops.data.decode import BadLine, column_of, decode, locate
from ftops.data.formats import Finding, check_chat_row, words_of
from ftops.data.jsonl import JsonlFile, Line
from ftops.data.report import DataReport, Tally
from ftops.rules import Limits

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


def check_chat(path: Path, shown: str, limits: Limits) -> DataReport:
    """Return what is known of a file of chat rows, with every problem of every line.

    Args: `shown` is the file's name in the problems, as the user wrote it.
    """
    source, tally = JsonlFile(path, limits.reading.line_bytes_max), Tally(shown)
    rows = 0
    holds_rows = True
    try:
        for line in source.lines():
            if line.number == 1:
                holds_rows = _holds_rows(line, tally)
            if holds_rows:
                rows += _check_line(line, limits, tally)
    except OSError as error:
        tally.add("unreadable-file", f"The file cannot be read: {error.strerror}. Paths count from the project root.")
        return DataReport("", 0, 0, tally.problems)
    _check_size(source.size_bytes, limits, tally)
    if holds_rows and rows < limits.rows.rows_min:
        detail = (
            f"The file has {rows} rows; training needs at least {limits.rows.rows_min}, and useful results need more."
        )
        tally.add("too-few-rows", detail)
    return DataReport(source.digest, source.size_bytes, rows, tally.problems)


def _holds_rows(first: Line, tally: Tally) -> bool:
    for begin, (code, detail) in _NOT_ROWS.items():
        if first.data is not None and first.data.startswith(begin):
            tally.add(code, detail, first.number, 1)
            return False
    return True


def _check_line(line: Line, limits: Limits, tally: Tally) -> int:
    """Report the problems of one line, and return how many rows it is: one, or none when it is blank."""
    if line.data is None:
        mib = limits.reading.line_bytes_max >> 20
        tally.add("line-too-long", f"The line is longer than {mib} MiB and was not checked.", line.number, 1)
        return 1
    if not line.data or line.data.isspace():
        tally.add("blank-line", "The line is empty. Remove it: every line must hold one row.", line.number, 1)
        return 0
    value = decode(line.data)
    if isinstance(value, BadLine):
        column = column_of(line.data, value.position)
        tally.add(value.code, f"The line cannot be read: {value.reason}.", line.number, column)
        return 1
    for finding in check_chat_row(value, limits.rows):
        if tally.count(finding.code, line.number):
            tally.describe(finding.code, _told(finding), line.number, locate(line.data, finding.path))
    return 1


def _told(finding: Finding) -> str:
    return f"{words_of(finding.path)}: {finding.detail}" if finding.path else finding.detail


def _check_size(size_bytes: int, limits: Limits, tally: Tally) -> None:
    size_mb, files = size_bytes / 1e6, limits.files
    if size_bytes >= files.size_bytes_below:
        detail = f"The file has {size_mb:,.1f} MB; the service takes less than {files.size_bytes_below / 1e6:,.0f} MB."
        tally.add("file-too-large", f"{detail} Split it, and train on the parts one after the other.")
    elif size_bytes >= files.size_bytes_warn:
        detail = (
            f"The file has {size_mb:,.1f} MB; from {files.size_bytes_warn / 1e6:,.0f} MB on an upload in one request"
        )
        tally.add("large-upload", f"{detail} may be accepted and still fail in the job. Consider splitting it.")

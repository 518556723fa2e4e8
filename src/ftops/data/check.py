"""Checks a data file in one pass: digest, size, rows and every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ftops.data.decode import BadLine, column_of, decode, locate
from ftops.data.formats import Finding, check_chat_row, words_of
from ftops.data.jsonl import JsonlFile, Line
from ftops.data.preferences import OUTPUTS, check_preference_row
from ftops.data.report import DataReport, Tally
from ftops.data.tokens import Tokens, chat_tokens, preference_tokens
from ftops.rules import Limits, RowLimits, TokenEstimate

CheckRow: TypeAlias = Callable[[object, RowLimits], list[Finding]]
CountRow: TypeAlias = Callable[[object, TokenEstimate], Tokens]

FORMATS: Mapping[str, tuple[CheckRow, CountRow]] = {
    "chat": (check_chat_row, chat_tokens),
    "dpo": (check_preference_row, preference_tokens),
}
"""How the rows of each format are checked, and how their tokens are estimated."""

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
    """Return what is known of a file of chat rows, with every problem of every line."""
    return check_rows(path, shown, limits, "chat")


def check_rows(path: Path, shown: str, limits: Limits, row_format: str) -> DataReport:
    """Return what is known of a file of rows of one of `FORMATS`, with every problem of every line.

    Args: `shown` is the file's name in the problems, as the user wrote it.
    """
    source, pass_ = JsonlFile(path, limits.reading.line_bytes_max), _Pass(limits, Tally(shown), *FORMATS[row_format])
    tally, holds_rows = pass_.tally, True
    try:
        for line in source.lines():
            if line.number == 1:
                holds_rows = _holds_rows(line, tally)
            if holds_rows:
                pass_.check(line)
    except OSError as error:
        tally.add("unreadable-file", f"The file cannot be read: {error.strerror}. Paths count from the project root.")
        return DataReport("", 0, 0, tally.problems)
    _check_size(source.size_bytes, limits, tally)
    rows_min = limits.rows.rows_min
    if holds_rows and pass_.rows < rows_min:
        detail = f"The file has {pass_.rows} rows; training needs at least {rows_min}, and useful results need more."
        tally.add("too-few-rows", detail)
    return DataReport(source.digest, source.size_bytes, pass_.rows, tally.problems, pass_.tokens, pass_.input_tokens)


def guess_format(path: Path, limits: Limits) -> str:
    """Return the format of a file's rows by its first one: for a data set that says none and that no job uses."""
    try:
        first = next((line.data for line in JsonlFile(path, limits.reading.line_bytes_max).lines() if line.data), b"")
    except OSError:
        return "chat"
    row = decode(first)
    return "dpo" if isinstance(row, dict) and "messages" not in row and row.keys() & set(OUTPUTS) else "chat"


def _holds_rows(first: Line, tally: Tally) -> bool:
    for begin, (code, detail) in _NOT_ROWS.items():
        if first.data is not None and first.data.startswith(begin):
            tally.add(code, detail, first.number, 1)
            return False
    return True


@dataclass(slots=True)
class _Pass:
    """One pass over the lines of a file: what was counted so far, and the problems."""

    limits: Limits
    tally: Tally
    check_row: CheckRow
    count_row: CountRow
    rows: int = 0
    tokens: int = 0
    input_tokens: int = 0

    def check(self, line: Line) -> None:
        """Count one line and report its problems; a blank one is no row."""
        if line.data is None:
            mib = self.limits.reading.line_bytes_max >> 20
            self.tally.add("line-too-long", f"The line is longer than {mib} MiB and was not checked.", line.number, 1)
        elif not line.data or line.data.isspace():
            detail = "The line is empty. Remove it: every line must hold one row."
            self.tally.add("blank-line", detail, line.number, 1)
            return
        else:
            self._check_row(line.number, line.data)
        self.rows += 1

    def _check_row(self, number: int, data: bytes) -> None:
        value = decode(data)
        if isinstance(value, BadLine):
            column = column_of(data, value.position)
            self.tally.add(value.code, f"The line cannot be read: {value.reason}.", number, column)
            return
        for finding in self.check_row(value, self.limits.rows):
            if self.tally.count(finding.code, number):
                self.tally.describe(finding.code, _told(finding), number, locate(data, finding.path))
        tokens = self.count_row(value, self.limits.tokens)
        self.tokens += tokens.all
        self.input_tokens += tokens.input


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

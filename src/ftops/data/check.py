"""Checks a data file in one pass: digest, size, rows and every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ftops.data.decode import BadLine, column_of, decode, locate
from ftops.data.formats import Finding, check_chat_row, words_of
from ftops.data.jsonl import Batch, JsonlFile
from ftops.data.preferences import OUTPUTS, check_preference_row
from ftops.data.quick import Quick, quick_chat, quick_preference
from ftops.data.report import DataReport, Tally
from ftops.data.tokens import Tokens, chat_tokens, preference_tokens
from ftops.rules import Limits, RowLimits, TokenEstimate

CheckRow: TypeAlias = Callable[[object, RowLimits], list[Finding]]
CountRow: TypeAlias = Callable[[object, TokenEstimate], Tokens]


class Format(NamedTuple):
    """How the rows of a format are checked, how their tokens are estimated, and both at once if all is well."""

    check_row: CheckRow
    count_row: CountRow
    quick: Callable[[Limits], Quick]


FORMATS: Mapping[str, Format] = {
    "chat": Format(check_chat_row, chat_tokens, quick_chat),
    "dpo": Format(check_preference_row, preference_tokens, quick_preference),
}

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


def check_rows(path: Path, shown: str, limits: Limits, row_format: str) -> DataReport:
    """Return what is known of a file of rows of one of `FORMATS`, with every problem of every line.

    Args: `shown` is the file's name in the problems, as the user wrote it.
    """
    source, pass_ = JsonlFile(path, limits.reading.line_bytes_max), _Pass(limits, Tally(shown), FORMATS[row_format])
    tally, holds_rows = pass_.tally, True
    try:
        for batch in source.batches():
            if batch.number == 1:
                holds_rows = _holds_rows(batch.lines[0], tally)
            if holds_rows:
                pass_.check(batch)
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
    """Return the format of a file's rows by its first one: for a dataset that says none and that no job uses."""
    try:
        batches = JsonlFile(path, limits.reading.line_bytes_max).batches()
        first = next((line for batch in batches for line in batch.lines if line and line != b"\r"), b"")
    except OSError:
        return "chat"
    row = decode(first)
    return "dpo" if isinstance(row, dict) and "messages" not in row and row.keys() & set(OUTPUTS) else "chat"


def _holds_rows(first: bytes | None, tally: Tally) -> bool:
    for begin, (code, detail) in _NOT_ROWS.items():
        if first is not None and first.startswith(begin):
            tally.add(code, detail, 1, 1)
            return False
    return True


class _Pass:
    """One pass over the lines of a file: what was counted so far, and the problems."""

    def __init__(self, limits: Limits, tally: Tally, row_format: Format) -> None:
        self.limits, self.tally, self.row_format = limits, tally, row_format
        self.quick = row_format.quick(limits)
        self.rows = self.tokens = self.input_tokens = 0

    def check(self, batch: Batch) -> None:
        """Count the rows among some lines, and report their problems: most rows have none, which is soon known."""
        quick = self.quick
        rows = tokens = input_tokens = 0
        for number, line in enumerate(batch.lines, batch.number):
            if line is not None and (counted := quick(line)) is not None:
                rows += 1
                tokens += counted[0]
                input_tokens += counted[1]
            else:
                self._check_line(number, line)
        self.rows += rows
        self.tokens += tokens
        self.input_tokens += input_tokens

    def _check_line(self, number: int, line: bytes | None) -> None:
        """Count one line and report its problems; a blank one is no row."""
        if line is None:
            mib = self.limits.reading.line_bytes_max >> 20
            self.tally.add("line-too-long", f"The line is longer than {mib} MiB and was not checked.", number, 1)
        elif not line or line.isspace():
            self.tally.add("blank-line", "The line is empty. Remove it: every line must hold one row.", number, 1)
            return
        else:
            self._check_row(number, line.removesuffix(b"\r"))
        self.rows += 1

    def _check_row(self, number: int, data: bytes) -> None:
        value = decode(data)
        if isinstance(value, BadLine):
            column = column_of(data, value.position)
            self.tally.add(value.code, f"The line cannot be read: {value.reason}.", number, column)
            return
        for finding in self.row_format.check_row(value, self.limits.rows):
            if self.tally.count(finding.code, number):
                self.tally.describe(finding.code, _told(finding), number, locate(data, finding.path))
        tokens = self.row_format.count_row(value, self.limits.tokens)
        self.tokens += tokens.all
        self.input_tokens += tokens.input


def _told(finding: Finding) -> str:
    return f"{words_of(finding.path)}: {finding.detail}" if finding.path else finding.detail


def _check_size(size_bytes: int, limits: Limits, tally: Tally) -> None:
    size_mb, files = size_bytes / 1e6, limits.files
    if size_bytes > files.parts_total_bytes_max:
        detail = f"The file has {size_mb:,.1f} MB; at most {files.parts_total_bytes_max / 1e6:,.0f} MB can be sent."
        tally.add("file-too-large", f"{detail} Split it, and train on the parts one after the other.")
    elif size_bytes >= files.size_bytes_below:
        detail = f"The file has {size_mb:,.1f} MB, which can be sent, but accounts tell that they train on less than"
        tally.add("large-upload", f"{detail} {files.size_bytes_below / 1e6:,.0f} MB. Consider splitting it.")

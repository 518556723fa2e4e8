"""Checks of datasets: no effect but reading the file that is given."""

from ftops.data.check import FORMATS, Checked, check_line, check_rows, guess_format
from ftops.data.reading import Reading
from ftops.data.report import SHOWN_PER_CODE_MAX, DataReport

__all__ = [
    "FORMATS",
    "SHOWN_PER_CODE_MAX",
    "Checked",
    "DataReport",
    "Reading",
    "check_line",
    "check_rows",
    "guess_format",
]

"""Checks of datasets: no effect but reading the file that is given."""

from ftops.data.catalogue import CATALOGUE, Check
from ftops.data.check import FORMATS, check_rows, guess_format
from ftops.data.report import SHOWN_PER_CODE_MAX, DataReport

__all__ = [
    "CATALOGUE",
    "FORMATS",
    "SHOWN_PER_CODE_MAX",
    "Check",
    "DataReport",
    "check_rows",
    "guess_format",
]

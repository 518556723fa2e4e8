"""Checks of data sets: no effect but reading the file that is given."""

from ftops.data.catalogue import CATALOGUE, Check
from ftops.data.check import check_chat
from ftops.data.report import SHOWN_PER_CODE_MAX, DataReport

__all__ = ["CATALOGUE", "SHOWN_PER_CODE_MAX", "Check", "DataReport", "check_chat"]

"""What is known of data files from earlier runs: an unchanged file is not read again.

The report is kept whole, whatever fields it has; what a stale one could do is little, because an upload hashes what it
sends and breaks off at another digest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from ftops.cache import Cache, digest, seen
from ftops.data.report import DataReport

T = TypeVar("T")


def remembered(cache: Cache, path: Path, about: Sequence[str], check: Callable[[], DataReport]) -> DataReport:
    """Return what `check` finds in a file, or found when the file was the same.

    Args: `about` is everything but the file and the rules that the report depends on: the name it is shown by, and
    how its rows are read.
    """
    return _remembered(cache, path, ("data", *about), DataReport, check)


def remembered_format(cache: Cache, path: Path, guess: Callable[[], str]) -> str:
    """Return the format that `guess` takes a file's rows for, or took them for when the file was the same."""
    return _remembered(cache, path, ("data format", str(path)), str, guess)


def _remembered(cache: Cache, path: Path, about: Sequence[str], kind: type[T], find: Callable[[], T]) -> T:
    began_at, look = cache.clock.now(), seen(path)
    if look is None:
        return find()
    name, key = "\0".join(about), digest([str(path), str(look), *about[1:]])
    try:
        return msgspec.convert(cache.get(name, key), kind)
    except msgspec.ValidationError:
        found = find()
    if seen(path) == look and look.settled(began_at):
        cache.put(name, key, msgspec.to_builtins(found))
    return found

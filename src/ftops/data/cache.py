"""What is known of data files from earlier runs: an unchanged file is not read again.

The report is kept whole, whatever fields it has; what a stale one could do is little, because an upload hashes what it
sends and breaks off at another digest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ftops.cache import Cache, digest, seen
from ftops.data.report import DataReport


def remembered(cache: Cache, path: Path, about: Sequence[str], check: Callable[[], DataReport]) -> DataReport:
    """Return what `check` finds in a file, or found when the file was the same.

    Args: `about` is everything but the file and the rules that the report depends on: the name it is shown by, and
    how its rows are read.
    """
    began_at, look = cache.clock.now(), seen(path)
    if look is None:
        return check()
    name, key = "\0".join(("data", *about)), digest([str(path), str(look), *about])
    try:
        return msgspec.convert(cache.get(name, key), DataReport)
    except msgspec.ValidationError:
        report = check()
    if seen(path) == look and look.settled(began_at):
        cache.put(name, key, msgspec.to_builtins(report))
    return report

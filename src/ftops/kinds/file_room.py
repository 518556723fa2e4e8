"""How much room files take: an account holds so many of them, and so many bytes of them, whoever made them.

Files to train with, result files and those of other tools are in one listing and are told apart by their purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ftops.kinds.base import Item
from ftops.rules import FileLimits
from ftops.upkeep import Room, sized

PURPOSE = "fine-tune"
RESULTS = "fine-tune-results"
SIZE = "size_bytes"
"""The fact of a dataset, and the field of its file, that tells its size."""
COUNT_CAPABILITY = "MaxUserFileCount"
"""The account's own number of files; of their bytes no account tells (azure-api.md §11.1)."""
WAY_OUT = "ftops deletes no files yet: delete what nobody needs in the portal, or with DELETE /files/ID"


def file_rooms(listed: Sequence[Item], told: Mapping[str, int], limits: FileLimits) -> tuple[Room, ...]:
    """Return the rooms by number and by bytes, and those that the sources disagree about.

    The documentation tells both limits "per resource (fine-tuning)". Result files were seen to count in the bytes;
    whether they do among the number, and whether anything of other tools does (which have limits of their own, some
    far above these), is not known, so nothing is held for it. Source: quotas-limits.md, MicrosoftDocs/azure-ai-docs.
    """
    there = [item for item in listed if item.get("status") != "deleted"]
    training = [item for item in there if item.get("purpose") == PURPOSE]
    results = [item for item in there if item.get("purpose") == RESULTS]
    others = [item for item in there if item.get("purpose") not in {PURPOSE, RESULTS}]
    count_max, bytes_max = told.get(COUNT_CAPABILITY, limits.count_max), limits.total_bytes_max
    tuning, apart = _bytes(training) + _bytes(results), _bytes(others)
    noun = "result file" if len(results) == 1 else "result files"
    besides = f"{len(results):,} {noun} ({sized(_bytes(results))})" if results else ""
    rooms = [
        Room(len(training), count_max, "files", way_out=WAY_OUT),
        Room(tuning, bytes_max, "files", by=SIZE, besides=besides, way_out=WAY_OUT),
    ]
    if results:
        doubt = f"sources disagree whether result files count ({len(results)} of these); nothing is held for that"
        rooms += [Room(len(training) + len(results), count_max, "files", doubt=doubt)]
    if apart:
        doubt = f"files of other tools may not count ({sized(apart)}); nothing is held for that"
        rooms += [Room(tuning + apart, bytes_max, "files", by=SIZE, doubt=doubt)]
    return tuple(rooms)


def _bytes(files: Iterable[Item]) -> int:
    sizes = (item.get("bytes") for item in files)
    return sum(size for size in sizes if isinstance(size, int))

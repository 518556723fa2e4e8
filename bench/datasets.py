"""Reading and checking datasets, against hashing and parsing them, the best peer, and the loops of the cookbooks."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench import shapes
from bench.measure import BenchError, Process, in_turns
from bench.peers import HERE
from bench.rows import Row, Verdict, at_least, at_most
from bench.setting import Setting

MIB, MB = 1 << 20, 1_000_000
FILE_BYTES = 64 * MIB
SHAPE_BYTES = 32 * MIB
LARGE_BYTES = 500 * MB
SPEED_MIN = 0.45
PEER_MIN, LOOP_MIN, TOKENS_MIN, PAIRS_MIN = 2.4, 5, 9, 1
NUMBERS_MAX = 1.6
MEMORY_MAX_MB = 40
ENCODING = "o200k_base"
ALONE = {"FTOPS_DATA_PROCESSES": "1"}
SETTLED_S = 2.5
"""A file that changed just now is read again, whatever is kept of it."""
FLOOR, LOOP = "x the speed of sha256 + simdjson", "x the speed of the cookbooks' loop"


class Figures(NamedTuple):
    """What a reader prints of itself; see `reading.py`."""

    memory_bytes: int
    helpers_bytes: int
    read_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Inside:
    """A contender that measures itself, without its start, and prints the seconds last."""

    process: Process

    def __call__(self) -> float:
        """Run it and return what it measured."""
        return float(self.process.output().split()[-1])

    def figures(self) -> Figures:
        """Run it and return everything that it measured."""
        *whole, seconds = self.process.output().split()
        memory, helpers, read = map(int, whole)
        return Figures(memory, helpers, read, float(seconds))


def rows(setting: Setting) -> Iterator[Row]:
    """Yield the throughput of the check of chat rows as shares of each contender's."""
    path = _file(setting, shapes.CHAT, FILE_BYTES)
    taken = in_turns(
        _ftops(setting, path) | _peers(setting, path, "simdjson", "together") | _floors(setting, path, "json", "loop"),
        setting.rounds,
    )
    for ours, what in (("alone", "chat rows, one process"), ("ftops", "chat rows")):
        yield _against_floor(what, taken, ours)
        if "together" in taken:
            yield at_least(what, taken["together"] / taken[ours], PEER_MIN, "x the speed of together's check_file")
        else:
            yield Row(what, "together could not be installed", "", Verdict.NOT_MEASURED)
        yield at_least(what, taken["loop"] / taken[ours], LOOP_MIN, LOOP)


def tokens(setting: Setting) -> Iterator[Row]:
    """Yield the throughput of a check with exact tokens as a share of the cookbook's with tiktoken."""
    if importlib.util.find_spec("toktok") is None:
        raise BenchError("toktok is not installed beside ftops: pip install 'ftops[tokens]'")
    path = _file(setting, shapes.PROSE, FILE_BYTES)
    setting.peers.need("tiktoken")
    ranks = {"TIKTOKEN_CACHE_DIR": str(setting.peers.ranks(setting.scratch / "ranks"))}
    theirs = Inside(Process([setting.peers.python, READER, "tokens", str(path)], setting.scratch, "", ranks))
    taken = in_turns(_ftops(setting, path, encoding=ENCODING) | {"theirs": theirs}, setting.rounds)
    for ours, what in (("alone", "exact tokens, one process"), ("ftops", "exact tokens")):
        yield at_least(what, taken["theirs"] / taken[ours], TOKENS_MIN, "x the speed of the cookbook with tiktoken")


def of_shapes(setting: Setting) -> Iterator[Row]:
    """Yield the throughput in one process for rows of other shapes."""
    for name, shape in shapes.SHAPES.items():
        path = _file(setting, shape, SHAPE_BYTES)
        fields = {"fields": [["reference", "answer"]]} if shape.format == "rft" else {}
        ours = {"alone": _ftops(setting, path, row_format=shape.format, **fields)["alone"]}
        others = _peers(setting, path, "simdjson") | _floors(setting, path, "json", "loop")
        taken = in_turns(ours | others, setting.rounds)
        yield _against_floor(name, taken, "alone")
        yield at_least(name, taken["loop"] / taken["alone"], LOOP_MIN, LOOP)
        path.unlink()


def extras(setting: Setting) -> Iterator[Row]:
    """Yield what it takes to look for keys written twice, and to number rows for a comparison of versions."""
    path = _file(setting, shapes.CHAT, FILE_BYTES)
    contenders = {
        "plain": _ftops(setting, path)["alone"],
        "strict": _ftops(setting, path, strict=True)["alone"],
        "numbers": _ftops(setting, path, identities=True)["alone"],
        **_floors(setting, path, "pairs"),
    }
    taken = in_turns(contenders, setting.rounds)
    pairs = "x the speed of sha256 + json.loads with object_pairs_hook"
    yield at_least("chat rows, --strict", taken["pairs"] / taken["strict"], PAIRS_MIN, pairs)
    yield at_most(
        "chat rows, with numbers to compare versions", taken["numbers"] / taken["plain"], NUMBERS_MAX, "x the check"
    )


def large(setting: Setting) -> Iterator[Row]:
    """Yield throughput and memory for a file of 500 MB, and the memory for one of 64 MiB."""
    path = _file(setting, shapes.CHAT, LARGE_BYTES)
    contenders = _ftops(setting, path) | _peers(setting, path, "simdjson") | _floors(setting, path, "json")
    contenders["helped"] = _helped(setting, path)
    figures = {name: contender.figures() for name, contender in contenders.items()}
    taken = {name: each.seconds for name, each in figures.items()}
    for ours, what in (("alone", "500 MB, one process"), ("ftops", "500 MB")):
        yield _against_floor(what, taken, ours)
    path.unlink()
    small = _file(setting, shapes.CHAT, FILE_BYTES)
    yield from _memory("500 MB, one process", figures["alone"])
    yield from _memory("64 MiB, one process", _ftops(setting, small)["alone"].figures())
    yield from _memory("500 MB, two processes", figures["helped"])
    yield from _memory("64 MiB, two processes", _helped(setting, small).figures())


def _memory(what: str, figures: Figures) -> Iterator[Row]:
    if not figures.memory_bytes:
        yield Row(f"{what}, memory", "only Linux tells it", f"<= {MEMORY_MAX_MB} MB", Verdict.NOT_MEASURED)
        return
    yield at_most(f"{what}, memory", figures.memory_bytes / MB, MEMORY_MAX_MB, "MB")
    if figures.helpers_bytes:
        yield at_most(f"{what}, memory of a helper", figures.helpers_bytes / MB, MEMORY_MAX_MB, "MB")


def unchanged(setting: Setting) -> Iterator[Row]:
    """Yield how much of an unchanged dataset is read again."""
    path = _file(setting, shapes.CHAT, FILE_BYTES)
    time.sleep(max(0, path.stat().st_ctime + SETTLED_S - time.time()))
    reader = _reader(setting, path, "keep", {"row_format": "chat"})
    first, again = reader.figures(), reader.figures()
    if first.read_bytes != path.stat().st_size:
        raise BenchError("the first run did not read the dataset, so the second is none")
    measured = f"{again.read_bytes:,} of {first.read_bytes:,} bytes read"
    verdict = Verdict.MISSED if again.read_bytes else Verdict.MET
    yield Row("unchanged dataset, second run", measured, "0 bytes read", verdict)


# --- files and contenders

READER = str(HERE / "reading.py")


def _file(setting: Setting, shape: shapes.Shape, size_bytes: int) -> Path:
    """Return a file of rows of a shape, written if it is not there."""
    path = setting.scratch / f"{shape.row.__name__}-{size_bytes}.jsonl"
    if not path.exists():
        shapes.write(path, shape, size_bytes)
    return path


def _reader(setting: Setting, path: Path, way: str, reading: object, **environment: str) -> Inside:
    command = [sys.executable, READER, way, str(path), json.dumps(reading)]
    return Inside(Process(command, setting.scratch, environment=environment))


def _ftops(setting: Setting, path: Path, **reading: object) -> dict[str, Inside]:
    """Return ftops in one process and in as many as it takes by itself."""
    how = {"row_format": "chat"} | reading
    return {
        "alone": _reader(setting, path, "check", how, **ALONE),
        "ftops": _reader(setting, path, "check", how),
    }


def _helped(setting: Setting, path: Path) -> Inside:
    """Return ftops with a helper, whether or not there is a core to spare."""
    return _reader(setting, path, "check", {"row_format": "chat"}, FTOPS_DATA_PROCESSES="2")


def _peers(setting: Setting, path: Path, *names: str) -> dict[str, Inside]:
    packages = {"simdjson": "pysimdjson"}
    return {
        name: Inside(Process([setting.peers.python, READER, name, str(path)], setting.scratch))
        for name in names
        if packages.get(name, name) in setting.peers.versions
    }


def _floors(setting: Setting, path: Path, *names: str) -> dict[str, Inside]:
    return {name: Inside(Process([sys.executable, READER, name, str(path)], setting.scratch)) for name in names}


def _against_floor(what: str, taken: Mapping[str, float], ours: str) -> Row:
    if "simdjson" in taken:
        return at_least(what, taken["simdjson"] / taken[ours], SPEED_MIN, FLOOR)
    share = taken["json"] / taken[ours]
    measured = f"{share:.2f} x the speed of sha256 + json.loads: pysimdjson could not be installed"
    return Row(what, measured, "", Verdict.NOT_MEASURED)

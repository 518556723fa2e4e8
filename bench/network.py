"""Reads from a service that is 80 ms away, an upload into a sink, and how soon a served emulator is ready."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.datasets import Inside
from bench.measure import BenchError, Process, in_turns
from bench.peers import HERE
from bench.rows import Row, Verdict, at_least, at_most
from bench.setting import Setting
from ftops.digest import ContentHash

READS, LATENCY_S, AT_ONCE = 300, 0.08, 16
SECONDS_MAX = 1.7
IDEAL_S = READS * LATENCY_S / AT_ONCE
UPLOAD_BYTES = 512_000_000
MEMORY_MAX_MB = 60
BLOCK = bytes(1 << 20)
READY = "EMULATOR ready"
READY_S_MAX, PATIENCE_S = 0.3, 20.0


def reads(setting: Setting) -> Iterator[Row]:
    """Yield how 300 reads fare against a loop and against what 16 at once can do at best."""
    with _server("slow") as port:
        contenders = {way: _child(setting, way, port) for way in ("parallel", "sequential")}
        taken = in_turns(contenders, setting.rounds)
    what = f"{READS} reads at {LATENCY_S * 1000:.0f} ms"
    yield at_most(
        what, taken["parallel"] / IDEAL_S, round(SECONDS_MAX / IDEAL_S, 2), f"x the ideal of {AT_ONCE} at once"
    )
    yield at_least(what, taken["sequential"] / taken["parallel"], 10, "x faster than one after the other")


def upload(setting: Setting) -> Iterator[Row]:
    """Yield the most memory that a client has while it uploads a large file."""
    path = setting.scratch / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(UPLOAD_BYTES)
    content = ContentHash()
    with path.open("rb") as file:
        while block := file.read(len(BLOCK)):
            content.update(block)
    with _server("sink") as port:
        used = [_child(setting, "upload", port, str(path), content.hexdigest())() for _ in range(3)]
    yield at_most(
        f"upload of {UPLOAD_BYTES // 1_000_000} MB, the client's memory", max(used) / 1e6, MEMORY_MAX_MB, "MB"
    )


def emulator(setting: Setting) -> Iterator[Row]:
    """Yield how soon `ftops emulator serve` is ready, as a multiple of bare Python."""
    folder = setting.scratch / "served"
    folder.mkdir()
    if "serve" not in setting.ftops(folder, "emulator", "--help").output():
        yield Row("`ftops emulator serve` is ready", "", f"<= {READY_S_MAX} s", Verdict.NOT_BUILT)
        return
    taken = in_turns({"serve": partial(_ready_s, setting, folder), "floor": setting.floor}, setting.rounds)
    yield at_most("`ftops emulator serve` is ready", taken["serve"], READY_S_MAX, "s")


def _ready_s(setting: Setting, folder: Path) -> float:
    """Return the seconds until an emulator that is started says that it is ready."""
    options = ("--http", "0", "--https", "0", "--store", "served.db", "--account", "east:eastus2")
    begin = time.perf_counter()
    command = list(setting.ftops(folder, "emulator", "serve", *options).command)
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603
        try:
            if process.stdout is None:
                raise BenchError("the emulator has no standard output")
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
            line = process.stdout.readline() if ready else ""
            seconds = time.perf_counter() - begin
        finally:
            process.terminate()
    if not line.startswith(READY):
        raise BenchError(f"the emulator said {line!r}")
    return seconds


def _child(setting: Setting, way: str, *arguments: str) -> Inside:
    return Inside(Process([sys.executable, str(HERE / "client.py"), way, *arguments], setting.scratch))


@contextmanager
def _server(name: str) -> Iterator[str]:
    """Start one of the servers and yield its port; it ends when its standard input does."""
    command = [sys.executable, str(HERE / "servers.py"), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdout is None or process.stdin is None:
            raise BenchError("the server has no pipes")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()

"""Reading and checking a dataset, against hashing and parsing it, the best peer, and the loop of the cookbooks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Process, in_turns
from bench.peers import HERE
from bench.rows import Row, Verdict, at_least
from bench.setting import Setting

FILE_BYTES = 64 << 20
SPEED_MIN = 0.45
PEER_MIN, LOOP_MIN = 2.4, 5


@dataclass(frozen=True, slots=True)
class Inside:
    """A contender that measures itself, without its start, and prints the seconds last."""

    process: Process

    def __call__(self) -> float:
        """Run it and return what it measured."""
        return float(self.process.output().split()[-1])


def rows(setting: Setting) -> Iterator[Row]:
    """Yield the throughput of the check as shares of each contender's."""
    path = setting.scratch / "rows.jsonl"
    _write(path)
    ours = {"ftops": (sys.executable, "check"), "json": (sys.executable, "json"), "loop": (sys.executable, "loop")}
    theirs = {
        name: (setting.peers.python, name)
        for name, package in (("simdjson", "pysimdjson"), ("together", "together"))
        if package in setting.peers.versions
    }
    script = str(HERE / "reading.py")
    contenders = {
        name: Inside(Process([python, script, how, str(path)], setting.scratch))
        for name, (python, how) in (ours | theirs).items()
    }
    taken = in_turns(contenders, setting.rounds)
    what = "dataset hash and check"
    if "simdjson" in taken:
        yield at_least(what, taken["simdjson"] / taken["ftops"], SPEED_MIN, "x the speed of sha256 + simdjson")
    else:
        share = taken["json"] / taken["ftops"]
        measured = f"{share:.2f} x the speed of sha256 + json.loads: pysimdjson could not be installed"
        yield Row(what, measured, "", Verdict.NOT_MEASURED)
    if "together" in taken:
        yield at_least(what, taken["together"] / taken["ftops"], PEER_MIN, "x the speed of together's check_file")
    yield at_least(what, taken["loop"] / taken["ftops"], LOOP_MIN, "x the speed of the cookbooks' loop")


def _write(path: Path) -> None:
    """Write chat rows of about 1.3 kB, a tenth of them with a tool call, in several scripts."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < FILE_BYTES:
            file.write(json.dumps(_row(number), ensure_ascii=number % 7 == 0).encode() + b"\n")
            number += 1


def _row(number: int) -> dict[str, object]:
    words = ("parcel", "Straße", "配達", "delayed", "número", "tracking", "depot", "🙂")
    talk = " ".join(words[(number * 7 + place * place) % len(words)] for place in range(36))
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "You answer questions about parcels in one sentence, and never promise a day."},
        {"role": "user", "content": f"{number}: {talk}?"},
        {"role": "assistant", "content": f"{talk}.", "weight": number % 2},
        {"role": "user", "content": f"And {talk}?"},
    ]
    if number % 10:
        return {"messages": [*messages, {"role": "assistant", "content": f"{talk} again."}]}
    call = {"id": f"c{number}", "type": "function", "function": {"name": "find", "arguments": f'{{"id": {number}}}'}}
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    return {"messages": [*messages, {"role": "assistant", "tool_calls": [call]}], "tools": [tool]}

"""The quick way past sound rows against the rules: what it accepts they must accept, and both must count the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ftops.data.decode import BadLine, decode
from ftops.data.identity import Identities
from ftops.data.quick import SPARE_LEVELS, TOOLS_KEPT_BYTES_MAX, TOOLS_KEPT_MAX
from ftops.data.reading import Reading
from ftops.data.tokens import Texts
from ftops.data.walk import FORMATS, format_of
from ftops.rules import Limits, load_rules

CASES = Path(__file__).parents[1] / "cases" / "data"
EXAMPLES = Path(__file__).parents[2] / "examples" / "specs"
LIMITS = load_rules().limits
TIGHT = replace(LIMITS, rows=replace(LIMITS.rows, messages_max=4, message_characters_max=30, tools_max=2))
"""Limits that generated rows come close to."""

FILES = (*CASES.glob("*.jsonl"), *EXAMPLES.glob("*/data/*.jsonl"))
LINES = sorted({line for path in FILES for line in path.read_bytes().split(b"\n") if len(line) < 100_000})


def by_the_rules(line: bytes, reading: Reading, limits: Limits) -> Texts | None:
    """Return what there is to count in a row in which the rules find nothing, else None."""
    checked = format_of(reading)
    value = decode(line)
    if isinstance(value, BadLine) or checked.check_row(value, limits):
        return None
    return checked.texts_of_value(value, limits)


def agreed(line: bytes, limits: Limits = LIMITS) -> bool:
    """Tell whether the quick way of some format accepts a row; if it does, the rules must agree in everything."""
    accepted = False
    for name in FORMATS:
        accepted = agreed_in(line, Reading(name, fields=(("answer",),)), limits) or accepted
    return accepted


def agreed_in(line: bytes, reading: Reading, limits: Limits = LIMITS) -> bool:
    """Tell whether the quick way of a format accepts a row; if it does, the rules must agree in everything."""
    checked = format_of(reading)
    sound = checked.quick(limits)(line)
    if sound is None:
        return False
    told = by_the_rules(line, reading, limits)
    assert told is not None
    assert sound[:2] == told.estimate(limits.tokens)
    texts = checked.texts_of_row(sound[3], limits)
    assert (sorted(filter(None, texts.texts)), *texts[1:3]) == (sorted(filter(None, told.texts)), *told[1:3])
    numbers = Identities()
    plain = numbers.of(line, None if reading.row_format != "rft" else decode(line), reading.row_format)
    assert numbers.of(line, sound[3], reading.row_format) == plain
    return True


# --- rows as they are


@pytest.mark.parametrize("limits", [LIMITS, TIGHT], ids=["limits", "tight"])
def test_cases_and_examples(limits: Limits) -> None:
    """Over all rows that the tests and examples have, both ways agree."""
    accepted = [line for line in LINES if agreed(line, limits)]
    assert accepted and len(accepted) < len(LINES)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/data/*.jsonl")), ids=lambda path: path.name)
def test_examples_are_quick(path: Path) -> None:
    """Every row of the examples is accepted the quick way: it is not so strict that nothing passes."""
    assert all(agreed(line) for line in path.read_bytes().splitlines())


ASKED: dict[str, Any] = {"role": "user", "content": "Where is it?"}
SAID: dict[str, Any] = {"role": "assistant", "content": "Here."}
CALL: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"ids": [1, {}]}'}}
CALLS: dict[str, Any] = {"role": "assistant", "tool_calls": [CALL]}
REPLY: dict[str, Any] = {"role": "tool", "content": "7", "tool_call_id": "c1"}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "find", "parameters": {"minimum": 1.50, "a": [None]}}}

SOUND: dict[str, dict[str, Any]] = {
    "plain": {"messages": [{"role": "system", "content": "S"}, {"role": "developer", "content": "D"}, ASKED, SAID]},
    "weights": {"messages": [ASKED, SAID | {"weight": 1}, ASKED, SAID | {"weight": 0}]},
    "names": {"messages": [ASKED | {"name": "ann"}, SAID | {"name": "bot"}]},
    "calls alone": {"messages": [ASKED, CALLS]},
    "calls and null": {"messages": [ASKED, CALLS | {"content": None}], "tools": [TOOL]},
    "calls and text": {"messages": [ASKED, CALLS | {"content": "é"}], "tools": []},
    "calls and a name": {"messages": [ASKED, CALLS | {"name": "bot"}], "tools": None},
    "calls and a weight": {"messages": [ASKED, CALLS | {"weight": 1}], "parallel_tool_calls": False},
    "reply": {"messages": [ASKED, CALLS, REPLY, SAID], "tools": [TOOL]},
    "small call": {"messages": [ASKED, {"role": "assistant", "tool_calls": [{"function": CALL["function"]}]}]},
    "preference": {"input": {"messages": [ASKED]}, "preferred_output": [SAID], "non_preferred_output": [CALLS]},
    "preference with tools": {
        "input": {"messages": [ASKED, CALLS, REPLY, ASKED], "tools": [TOOL]},
        "preferred_output": [CALLS, REPLY, SAID],
        "non_preferred_output": [REPLY | {"name": "find"}, SAID | {"content": "There."}],
    },
}


@pytest.mark.parametrize("row", SOUND.values(), ids=SOUND)
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "not"])
def test_sound_rows_are_quick(row: dict[str, Any], escaped: bool) -> None:
    """Each shape of a sound row is accepted the quick way, also with spaces, a CR, and keys given twice."""
    line = json.dumps(row, ensure_ascii=escaped).encode()
    twice = b'{"parallel_tool_calls": true,' if b"parallel_tool_calls" in line else b"{"
    assert all(map(agreed, [line, b" " + line + b"\t\r", twice + line[1:]]))


@pytest.mark.parametrize(
    "line",
    [
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 1.0}]}',
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "\xff"}, {"role": "assistant", "content": "b"}]}',
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "tools": ["\xff"]}',
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "role": "user"}]}',
        b'\xef\xbb\xbf{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]} {}',
        b"",
        b"\r",
    ],
)
def test_unsound_rows_are_not(line: bytes) -> None:
    """What msgspec could be lenient about is left to the rules."""
    assert not agreed(line)


# --- rows near the sound ones

SPLICES = tuple(b'" \\ { } [ ] , : null 1.0 NaN 1e999 "" \\ud83d \xff \x0b'.split(b" "))
KEYS = (
    *("messages", "role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "tools", "x"),
    *("functions", "input", "preferred_output", "non_preferred_output", "parallel_tool_calls", "id", "type"),
    *("function", "arguments"),
)
SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 1.0, 2, -1, 10**30, "", "a", "user", "assistant", "tool", "find", "c1", "function"),
    *("{}", "{", [], {}, ASKED, SAID, CALL, REPLY, TOOL),
)


@given(
    line=st.sampled_from([*LINES, *(json.dumps(row).encode() for row in SOUND.values())]),
    at=st.integers(0, 2000),
    length=st.integers(0, 12),
    splice=st.sampled_from([b"", *SPLICES]) | st.binary(max_size=2),
)
def test_spliced_lines(line: bytes, at: int, length: int, splice: bytes) -> None:
    """Both ways agree about a line of which some bytes are replaced."""
    at %= len(line) + 1
    agreed(line[:at] + splice + line[at + length :])


def places(value: object, found: list[Any]) -> list[Any]:
    """Return every object and array in a value."""
    if isinstance(value, dict | list):
        found.append(value)
        for inner in value.values() if isinstance(value, dict) else value:
            places(inner, found)
    return found


@st.composite
def near_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Return a sound row in which up to three keys or members are set, repeated or left out."""
    row: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(list(SOUND.values())))))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places(row, [])))
        value = json.loads(json.dumps(draw(st.sampled_from(SCALARS))))
        if isinstance(place, list):
            edits: list[Callable[[], None]] = [place.clear, place.reverse, partial(place.append, value)]
            draw(st.sampled_from(edits))()
        elif place and draw(st.booleans()):
            place[draw(st.sampled_from(sorted(place)))] = value
        elif place and draw(st.booleans()):
            del place[draw(st.sampled_from(sorted(place)))]
        else:
            place[draw(st.sampled_from(KEYS))] = value
    return row


@given(row=near_rows(), limits=st.sampled_from([LIMITS, TIGHT]), escaped=st.booleans())
@example(row=SOUND["calls and a name"], limits=TIGHT, escaped=False)
def test_near_rows(row: dict[str, Any], limits: Limits, escaped: bool) -> None:
    """Both ways agree about rows that are sound but for a few values."""
    agreed(json.dumps(row, ensure_ascii=escaped).encode(), limits)


# --- limits


@pytest.mark.parametrize("levels", [1, SPARE_LEVELS, *range(700, 1010, 10)])
def test_deep_values(levels: int) -> None:
    """A value nested near the decoder's limit is not accepted where the rules, called from deeper down, give up."""
    deep = b"[" * levels + b"]" * levels
    messages = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", '
    tools = b'"content": "b"}], "tools": [{"type": "function", "function": {"name": "f", "p": ' + deep + b"}}]}"
    calls = b'"tool_calls": [{"function": {"name": "f", "arguments": "' + deep + b'"}}]}]}'
    assert [agreed(messages + tools), agreed(messages + calls)] == [True, True] or levels >= SPARE_LEVELS


@pytest.mark.parametrize("characters", [1, TOOLS_KEPT_BYTES_MAX])
def test_many_different_tools(characters: int) -> None:
    """Definitions that change from row to row are read each for itself, also when no more of them are kept."""
    for number in range(TOOLS_KEPT_MAX + 2):
        name = f"{'f' * characters}{number}"
        tool = {"type": "function", "function": {"name": name}}
        call = {"role": "assistant", "tool_calls": [{"function": {"name": name, "arguments": "{}"}}]}
        for called in (call, CALLS):
            line = json.dumps({"messages": [ASKED, called], "tools": [tool]}).encode()
            assert agreed_in(line, Reading("chat")) is (by_the_rules(line, Reading("chat"), LIMITS) is not None)


MEASURED = """
import sys
from pathlib import Path
from ftops.data import Reading, check_rows
from ftops.rules import load_rules

def peak_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

limits, before = load_rules().limits, peak_mib()
print(check_rows(Path(sys.argv[1]), "rows.jsonl", limits, Reading("chat")).report.rows, peak_mib() - before, peak_mib())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process alone")
def test_memory_of_a_process(tmp_path: Path) -> None:
    """A process that checks 50 MB has no more than 40 MB of memory, and the check itself takes a few of them."""
    path = tmp_path / "rows.jsonl"
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in SOUND.values() if "messages" in row) * 500
    path.write_bytes(lines * (1 + 50_000_000 // len(lines)))
    command = [sys.executable, "-c", MEASURED, str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter
    rows, taken_mib, peak_mib = map(int, told.stdout.split())
    assert rows > 100_000 and taken_mib <= 8 and peak_mib <= 40

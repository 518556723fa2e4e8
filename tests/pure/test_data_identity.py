"""What rows say in numbers: frozen values, no trace of how a row is written, and a difference for every other one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.data.decode import BadLine, decode
from ftops.data.identity import NO_ROW, TOOLS_KEPT_BYTES_MAX, TOOLS_KEPT_MAX, Identities, Identity
from ftops.data.reading import Reading
from ftops.data.walk import format_of
from ftops.difference import FORM

from .data_oracle import LIMITS, walked
from .data_rows import FIELDS, ROWS, TEXTS, VALUES, WAYS, Json, asked_in, copied, format_of_kind, said, written

ASKED, SAID = said("user", "Wo ist es? 📦"), said("assistant", "Hier.")
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"id": 7}'}}
CALLS = {"role": "assistant", "tool_calls": [CALL]}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "b": 1.5, "a": [None]}}}
ANSWERS: Json = {"preferred_output": [SAID], "non_preferred_output": [said("assistant", "Dort.")]}

# Of FORM 1, and kept between runs: with other numbers for a row that can be known again, FORM has to be raised.
GOLDEN: dict[str, tuple[str, object, Identity]] = {
    "plain": ("chat", {"messages": [ASKED, SAID]}, (0xF2F3B4D9AD3E3A91, 0x986A252CD144DF8F)),
    "null for tools": (
        "chat",
        {"messages": [ASKED, SAID], "tools": None, "parallel_tool_calls": None},
        (0xF2F3B4D9AD3E3A91, 0x986A252CD144DF8F),
    ),
    "system": ("chat", {"messages": [said("system", "S"), ASKED, SAID]}, (0x2B8F5BDE8BCF44E7, 0x5371688BF63A3F44)),
    "developer": (
        "chat",
        {"messages": [said("developer", "S"), ASKED, SAID]},
        (0x83110DBF749ED1CF, 0xEDEBC0B3E7E28B53),
    ),
    "weights": (
        "chat",
        {"messages": [ASKED, SAID | {"weight": 0}, ASKED, SAID | {"weight": 1}]},
        (0xEE533034D3ECD944, 0x31EEA8D0F2C0F626),
    ),
    "names": ("chat", {"messages": [ASKED | {"name": "ann"}, SAID]}, (0x76A29818CEE4B852, 0x29B26E6F99685AF7)),
    "tools": (
        "chat",
        {
            "messages": [ASKED, CALLS, said("tool", "7") | {"tool_call_id": "c1"}, SAID],
            "tools": [TOOL],
            "parallel_tool_calls": False,
        },
        (0x99233C992ABE3395, 0x36FBDD9964A67F9E),
    ),
    "parts": (
        "chat",
        {"messages": [said("user", [{"type": "text", "text": "a"}]), SAID]},
        (0x2568AD023C3598B2, 0x6919D417D88264B3),
    ),
    "unknown key": ("chat", {"messages": [ASKED, SAID], "meta": 1}, (0x882BBF04F3219B15, 0xB0E2754D1AB2A718)),
    "no row": ("chat", [1, "a"], (0xB236DF9E51E1F62F, 0xB236DF9E51E1F62F)),
    "preference": ("dpo", {"input": {"messages": [ASKED]}, **ANSWERS}, (0x1F4A428F6BD7E09E, 0x610D31377D9D0564)),
    "preference with tools": (
        "dpo",
        {"input": {"messages": [ASKED], "tools": [TOOL]}, **ANSWERS},
        (0x77A5BBD96372A801, 0x96E7DB8C07FE444F),
    ),
    "prompt": (
        "rft",
        {"messages": [ASKED], "answer": "7", "reference": {"number": 1, "a": [2.5]}},
        (0x3D2EA937730BBE55, 0x610D31377D9D0564),
    ),
    "prompt in parts": (
        "rft",
        {"messages": [said("user", [])], "answer": "7"},
        (0x5D4A29FDB7555E95, 0x8F5F617B0EF20CF8),
    ),
}


def numbers(line: bytes, row_format: str, *, quick: bool = True) -> Identity:
    """Return the numbers of a line, by the quick way if it accepts the line and that is wanted, else by the rules."""
    sound = format_of(Reading(row_format, fields=FIELDS)).quick(LIMITS)(line) if quick else None
    value = decode(line) if sound is None else sound[3]
    assert not isinstance(value, BadLine)
    return Identities().of(line, value, row_format)


def is_quick(line: bytes, row_format: str) -> bool:
    """Tell whether the quick way accepts a line."""
    return format_of(Reading(row_format, fields=FIELDS)).quick(LIMITS)(line) is not None


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("way", range(len(WAYS)))
def test_golden_numbers(name: str, way: int) -> None:
    """The numbers of these rows never change, whatever they are written like."""
    row_format, row, golden = GOLDEN[name]
    assert FORM == 1
    assert numbers(written(row, way), row_format) == golden


@pytest.mark.parametrize("kind", ROWS)
@given(data=st.data(), order=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=20)
def test_writing_leaves_no_trace(kind: str, data: st.DataObject, order: Any) -> None:  # noqa: ANN401 - a Random
    """Order of keys, whitespace, escapes and a CR change no number, nor does the way a row was checked."""
    row, row_format = data.draw(ROWS[kind]), format_of_kind(kind)
    lines = [written(each, way) for each in (row, shuffled(row, order)) for way in range(len(WAYS))]
    first = numbers(lines[0], row_format)
    for line in [*lines, b" \t" + lines[0] + b" \r"]:
        assert numbers(line, row_format) == numbers(line, row_format, quick=False) == first
        found = walked([[line]], Reading(row_format, fields=FIELDS, strict=True, identities=True))
        assert found[2] == b"".join(number.to_bytes(8, "little") for number in first)


def shuffled(value: Any, order: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the same value with the keys of all objects in another order."""
    if isinstance(value, list):
        return [shuffled(each, order) for each in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    order.shuffle(keys)
    return {key: shuffled(value[key], order) for key in keys}


def test_both_ways_meet_in_golden_rows() -> None:
    """Some of the frozen rows are of the quick way and some are left to the rules."""
    quick = [is_quick(written(row), row_format) for row_format, row, _ in GOLDEN.values()]
    assert quick.count(True) >= 8 and quick.count(False) >= 4


# --- what differs


def meant(row: Json) -> Json:
    """Return a row without what means the same as its absence: null beside calls."""
    row = copied(row)
    for messages in (row.get("messages", []), row.get("preferred_output", [])):
        for message in messages:
            if message.get("tool_calls") and message.get("content", 0) is None:
                del message["content"]
    return row


@pytest.mark.parametrize("kind", ROWS)
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_other_rows_have_other_numbers(kind: str, data: st.DataObject) -> None:
    """Two rows that differ in anything have different numbers, and equal rows equal ones."""
    one, other = data.draw(ROWS[kind]), data.draw(ROWS[kind])
    row_format = format_of_kind(kind)
    alike = json.dumps(meant(one), sort_keys=True) == json.dumps(meant(other), sort_keys=True)
    assert (numbers(written(one), row_format)[0] == numbers(written(other), row_format)[0]) is alike


Edit = Callable[[Json], None]

BASE: Json = {"messages": [ASKED, CALLS, said("tool", "7") | {"tool_call_id": "c1"}, SAID], "tools": [TOOL]}
EDITS: dict[str, Edit] = {
    "role": lambda row: row["messages"].insert(0, said("system", "S")),
    "the other prompt": lambda row: row["messages"].insert(0, said("developer", "S")),
    "content": lambda row: asked_in(row).update(content="x"),
    "space": lambda row: asked_in(row).update(content=ASKED["content"] + " "),
    "answer": lambda row: row["messages"][-1].update(content="x"),
    "weight 0": lambda row: row["messages"][-1].update(weight=0),
    "weight 1": lambda row: row["messages"][-1].update(weight=1),
    "name": lambda row: asked_in(row).update(name="ann"),
    "name of the answer": lambda row: row["messages"][-1].update(name="ann"),
    "id of the reply": lambda row: row["messages"][2].update(tool_call_id="c2"),
    "id of the call": lambda row: row["messages"][1]["tool_calls"][0].update(id="c2"),
    "called": lambda row: row["messages"][1]["tool_calls"][0]["function"].update(name="seek"),
    "arguments": lambda row: row["messages"][1]["tool_calls"][0]["function"].update(arguments='{"id":7}'),
    "text beside calls": lambda row: row["messages"][1].update(content="a"),
    "tools": lambda row: row["tools"].append(TOOL),
    "a tool": lambda row: row["tools"][0]["function"].update(parameters={}),
    "no tools": lambda row: row.update(tools=[]),
    "tools not defined": lambda row: row.pop("tools"),
    "parallel": lambda row: row.update(parallel_tool_calls=True),
    "not parallel": lambda row: row.update(parallel_tool_calls=False),
    "another message": lambda row: row["messages"].append(SAID),
    "fewer messages": lambda row: row["messages"].pop(),
    "the other order": lambda row: row["messages"].reverse(),
    "a further key": lambda row: row.update(meta=None),
}


def test_every_edit_is_seen() -> None:
    """No two of a row and its edits have the same number."""
    rows = []
    for edit in (lambda _: None, *EDITS.values()):
        row = copied(BASE)
        edit(row)
        rows.append(row)
    found = {numbers(written(row), "chat")[0] for row in rows}
    assert len(found) == len(rows)


# --- the prompt


def reworded(message: Json) -> None:
    """Give a message another text, in the same form."""
    if isinstance(message["content"], str):
        message["content"] += " indeed"
    else:
        message["content"].append({"type": "text", "text": "indeed"})


@given(row=st.one_of(ROWS["chat"], ROWS["tools"], ROWS["vision"]))
@settings(deadline=None, max_examples=20)
def test_prompt_of_chat_rows(row: Json) -> None:
    """A chat row whose last answer is another has another number, and its prompt the same one until that is another."""
    one, other = numbers(written(row), "chat"), copied(row)
    reworded(other["messages"][-1])
    two = numbers(written(other), "chat")
    assert one[0] != two[0] and one[1] == two[1]
    reworded(asked_in(other))
    assert numbers(written(other), "chat")[1] != one[1]


@given(row=ROWS["dpo"])
@settings(deadline=None, max_examples=20)
def test_prompt_of_preference_rows(row: Json) -> None:
    """A preference row with other or exchanged answers has another number, and its prompt the same one."""
    first, second = copied(row), row | {"preferred_output": row["non_preferred_output"]}
    reworded(first["preferred_output"][-1])
    second["non_preferred_output"] = row["preferred_output"]
    one = numbers(written(row), "dpo")
    for other in (first, second):
        found = numbers(written(other), "dpo")
        assert found[0] != one[0] and found[1] == one[1]
    reworded(asked_in(first))
    assert numbers(written(first), "dpo")[1] != one[1]


@given(row=ROWS["rft"], answer=VALUES, name=TEXTS)
@settings(deadline=None, max_examples=20)
def test_prompt_of_reinforcement_rows(row: Json, answer: object, name: str) -> None:
    """A reinforcement row with other fields has another number, and its prompt the same one."""
    one = numbers(written(row), "rft")
    other = row | {f"more {name}": answer}
    assert numbers(written(other), "rft")[0] != one[0] and numbers(written(other), "rft")[1] == one[1]


# --- memory


@pytest.mark.parametrize("characters", [1, TOOLS_KEPT_BYTES_MAX])
def test_tools_are_forgotten(characters: int) -> None:
    """Rows with ever other tools have the numbers that they have alone, and few and short tools are remembered."""
    identities = Identities()
    for n in [*range(TOOLS_KEPT_MAX + 9), 0, 1]:
        tool = {"type": "function", "function": {"name": f"f{n}", "description": "x" * characters}}
        line = written({"messages": [ASKED, SAID], "tools": [tool]})
        assert identities.of(line, decode(line), "chat") == numbers(line, "chat")
    kept = identities._tools
    assert len(kept) <= TOOLS_KEPT_MAX and sum(map(len, kept)) <= TOOLS_KEPT_MAX * TOOLS_KEPT_BYTES_MAX
    assert bool(kept) is (characters < TOOLS_KEPT_BYTES_MAX)


@pytest.mark.parametrize("line", [b"", b" ", b"{", b"\xff", b"null"])
def test_no_row_has_no_number(line: bytes) -> None:
    """Lines that hold nothing are numbered as no row."""
    found = walked([[line, None]], Reading("chat", identities=True))
    assert found[2] == b"\0" * 32 and found[1] == b"\0" * 16
    assert NO_ROW == (0, 0)

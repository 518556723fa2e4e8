"""Datasets of several shapes, written to be measured: the same bytes in every run of one Python."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

Row: TypeAlias = Mapping[str, object]

_WORDS = ("parcel", "Straße", "配達", "delayed", "número", "tracking", "depot", "🙂")
_SYSTEM = {"role": "system", "content": "You answer questions about parcels in one sentence, and never promise a day."}
_STEP = 7919
"""How far apart in the text the rows begin: a prime, so that no two of them begin alike for long."""
_IN_MANY_SCRIPTS = 10
"""One row of so many is not English."""
_PICTURE_BYTES = 80_000
_PICTURE_HEAD = bytes.fromhex(
    "ffd8"  # the picture begins
    "ffe000104a46494600010100000100010000"  # JFIF
    "ffc00011080300040003012200021101031101"  # a frame of 1024 by 768, three components of 8 bits
    "ffda000c03010002110311003f00"  # its data follows
)


class Shape(NamedTuple):
    """A kind of dataset: its row by its number, and the word for its format."""

    row: Callable[[int], Row]
    format: str = "chat"


def write(path: Path, shape: Shape, size_bytes: int) -> None:
    """Write rows, all different, until the file has so many bytes."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < size_bytes:
            file.write(json.dumps(shape.row(number), ensure_ascii=number % 7 == 0).encode() + b"\n")
            number += 1


@cache
def _prose() -> str:
    """Return some hundred thousand characters of English that every Python brings: its own language reference."""
    from pydoc_data.topics import topics  # noqa: PLC0415 - large

    return " ".join(" ".join(topics.values()).split())


def _text(number: int, characters: int) -> str:
    """Return a text of a row, different for each number: prose, now and then words in several scripts."""
    if number % _IN_MANY_SCRIPTS == 0:
        words = (_WORDS[(number * 7 + place * place) % len(_WORDS)] for place in range(characters // 6))
        return f"{number} {' '.join(words)}"[:characters]
    prose = _prose()
    at = number * _STEP % (len(prose) - characters)
    return f"{number} {prose[at : at + characters]}"[:characters]


def _turn(number: int, characters: int) -> list[Row]:
    asked, said = _text(2 * number, characters), _text(2 * number + 1, characters)
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]


def chat(number: int) -> Row:
    """Return a chat row of about 1.3 kB in several scripts; every tenth calls a tool, every second has weights."""
    talk = " ".join(_WORDS[(number * 7 + place * place) % len(_WORDS)] for place in range(36))
    messages: list[Row] = [
        _SYSTEM,
        {"role": "user", "content": f"{number}: {talk}?"},
        {"role": "assistant", "content": f"{talk}.", "weight": number % 2},
        {"role": "user", "content": f"And {talk}?"},
    ]
    if number % 10:
        return {"messages": [*messages, {"role": "assistant", "content": f"{talk} again."}]}
    call = {"id": f"c{number}", "type": "function", "function": {"name": "find", "arguments": f'{{"id": {number}}}'}}
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    return {"messages": [*messages, {"role": "assistant", "tool_calls": [call]}], "tools": [tool]}


def _prose_chat(number: int) -> Row:
    return {"messages": [_SYSTEM, *_turn(2 * number, 290), *_turn(2 * number + 1, 290)]}


def _long(number: int) -> Row:
    return {"messages": [_SYSTEM, *(message for turn in range(6) for message in _turn(6 * number + turn, 1000))]}


def _short(number: int) -> Row:
    asked, said = f"Is parcel {number} late?", "No."
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}


def _preference(number: int) -> Row:
    better, worse = _turn(2 * number, 450)[1], _turn(2 * number + 1, 400)[1]
    asked = {"messages": [_SYSTEM, {"role": "user", "content": _text(number, 300)}]}
    return {"input": asked, "preferred_output": [better], "non_preferred_output": [worse]}


def _prompt(number: int) -> Row:
    reference = {"answer": f"Depot {number % 97}", "steps": [_text(number, 100), "deliver"], "tolerance": 0.5}
    return {"messages": [_SYSTEM, {"role": "user", "content": _text(number + 1, 700)}], "reference": reference}


def _picture(number: int) -> Row:
    data = _PICTURE_HEAD + random.Random(number).randbytes(_PICTURE_BYTES)  # noqa: S311 - a picture of nothing
    image = {"url": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", "detail": "high"}
    parts = [{"type": "text", "text": f"What is in picture {number}?"}, {"type": "image_url", "image_url": image}]
    return {"messages": [_SYSTEM, {"role": "user", "content": parts}, _turn(number, 200)[1]]}


def _tool(name: str) -> Row:
    properties = {each: {"type": "string", "description": f"The {each} of the parcel."} for each in ("id", "depot")}
    parameters = {"type": "object", "properties": properties, "required": ["id"]}
    return {"type": "function", "function": {"name": name, "description": f"To {name} one.", "parameters": parameters}}


_TOOLS = [_tool(name) for name in ("find", "send", "hold", "return")]


def _calling(number: int) -> Row:
    function = {"name": "find", "arguments": json.dumps({"id": str(number), "depot": "north"})}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    reply = {"role": "tool", "tool_call_id": f"call_{number}", "content": json.dumps({"at": _text(number, 150)})}
    asked, said = _turn(number, 250)
    return {"messages": [_SYSTEM, asked, {"role": "assistant", "tool_calls": [call]}, reply, said], "tools": _TOOLS}


CHAT, PROSE = Shape(chat), Shape(_prose_chat)
SHAPES: Mapping[str, Shape] = {
    "rows of 12 kB": Shape(_long),
    "rows of 120 bytes": Shape(_short),
    "preference rows": Shape(_preference, "dpo"),
    "reinforcement rows": Shape(_prompt, "rft"),
    "rows with a picture": Shape(_picture),
    "rows with tools": Shape(_calling),
}

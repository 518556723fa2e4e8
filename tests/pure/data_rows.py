"""Strategies of valid rows of every format, as the documentation has them, and pictures with real headers."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

from hypothesis import strategies as st

Json: TypeAlias = dict[str, Any]

PROMPT = "You answer questions about parcels."
"""The one system prompt of all generated rows, so that nothing is told of several."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True)
SIDES = st.integers(1, 5000)

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)


# --- pictures


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, colour: int = 2) -> bytes:
    """Return a PNG without pixels; colours 2 and 6 are RGB and RGBA, 0 is grey and 3 has a palette."""
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


def jpeg(width: int, height: int, components: int = 3, mark: int = 0xC0) -> bytes:
    """Return a JPEG up to its frame, after a JFIF segment and a comment."""
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0"
    comment = b"\xff\xfe" + struct.pack(">H", 7) + b"\xff\xc0\x00ab"
    frame = struct.pack(">BHHB", 8, height, width, components) + b"\1\x11\0" * components
    return b"\xff\xd8" + jfif + comment + bytes((0xFF, mark)) + struct.pack(">H", 2 + len(frame)) + frame + b"\xff\xd9"


def webp(width: int, height: int, kind: bytes = b"VP8 ") -> bytes:
    """Return a WEBP up to its size: lossy (`VP8 `), lossless (`VP8L`) or extended (`VP8X`)."""
    if kind == b"VP8X":
        data = b"\x10\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        data = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    else:
        data = b"\x30\1\0\x9d\1\x2a" + struct.pack("<HH", width, height)
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


PICTURES = st.one_of(
    st.tuples(st.just("png"), st.builds(png, SIDES, SIDES, st.sampled_from([2, 6]))),
    st.tuples(st.just("jpeg"), st.builds(jpeg, SIDES, SIDES, st.just(3), st.sampled_from([0xC0, 0xC1, 0xC2]))),
    st.tuples(st.just("webp"), st.builds(webp, SIDES, SIDES, st.sampled_from([b"VP8 ", b"VP8L", b"VP8X"]))),
)
"""A form and a picture of it."""


def data_url(form: str, data: bytes) -> str:
    """Return a picture as a data URL."""
    return f"data:image/{form};base64,{base64.b64encode(data).decode()}"


def image(url: str) -> Json:
    """Return a part of content that shows a picture."""
    return {"type": "image_url", "image_url": {"url": url}}


@st.composite
def image_parts(draw: st.DrawFn) -> Json:
    """Return a part with a picture in it."""
    part = image(data_url(*draw(PICTURES)))
    detail = draw(st.sampled_from([None, "low", "high", "auto"]))
    if detail:
        part["image_url"]["detail"] = detail
    return part


# --- messages


def said(role: str, content: object) -> Json:
    """Return a message."""
    return {"role": role, "content": content}


@st.composite
def named(draw: st.DrawFn, role: str) -> Json:
    """Return a message of a role, with a name at times, and at times in parts."""
    text = draw(TEXTS)
    message = said(role, draw(st.sampled_from([text, text, [{"type": "text", "text": text}]])))
    return message | {"name": "ann"} if draw(st.booleans()) else message


@st.composite
def heads(draw: st.DrawFn) -> list[Json]:
    """Return what stands before the conversation: a system prompt, a developer's, both or none."""
    roles = draw(st.sampled_from([(), ("system",), ("developer",), ("system", "developer")]))
    return [said(role, PROMPT) for role in roles]


@st.composite
def chat_rows(draw: st.DrawFn) -> Json:
    """Return a chat row of one or more turns, of which some may have weights."""
    messages = draw(heads())
    weights = draw(st.lists(st.sampled_from([None, 0, 1]), min_size=1, max_size=3))
    for weight in [1, *weights[1:]] if set(weights) == {0} else weights:
        answer = draw(named("assistant"))
        messages += [draw(named("user")), answer if weight is None else answer | {"weight": weight}]
    return {"messages": messages}


@st.composite
def definitions(draw: st.DrawFn) -> list[Json]:
    """Return definitions of tools, each with another name."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    return [
        {"type": "function", "function": {"name": name, "description": draw(TEXTS), "parameters": draw(VALUES)}}
        for name in names
    ]


@st.composite
def calls(draw: st.DrawFn, tools: Sequence[Json], first: int = 0) -> list[Json]:
    """Return a message that calls one or two tools, and a reply to each call."""
    made = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {
                "name": draw(st.sampled_from(tools))["function"]["name"],
                "arguments": json.dumps(draw(st.dictionaries(NAMES, VALUES, max_size=2))),
            },
        }
        for number in range(first, first + draw(st.integers(1, 2)))
    ]
    calling: Json = {"role": "assistant", "tool_calls": made}
    if draw(st.booleans()):
        calling["content"] = draw(st.none() | TEXTS)
    return [calling, *(said("tool", draw(TEXTS)) | {"tool_call_id": call["id"]} for call in made)]


@st.composite
def tool_rows(draw: st.DrawFn) -> Json:
    """Return a chat row that defines tools, calls them, and has the replies and an answer."""
    tools = draw(definitions())
    messages = [*draw(heads()), draw(named("user")), *draw(calls(tools)), draw(named("assistant"))]
    row: Json = {"messages": messages, "tools": tools}
    return row | {"parallel_tool_calls": draw(st.booleans())} if draw(st.booleans()) else row


@st.composite
def vision_rows(draw: st.DrawFn) -> Json:
    """Return a chat row that asks about pictures."""
    parts = [{"type": "text", "text": draw(TEXTS)}, *draw(st.lists(image_parts(), min_size=1, max_size=3))]
    return {"messages": [*draw(heads()), said("user", parts), draw(named("assistant"))]}


@st.composite
def preference_rows(draw: st.DrawFn) -> Json:
    """Return a preference row, at times with tools that one answer calls."""
    asked: Json = {"messages": [*draw(heads()), draw(named("user"))]}
    preferred, other = [draw(named("assistant"))], [draw(named("assistant"))]
    if draw(st.booleans()):
        asked["tools"] = draw(definitions())
        preferred = [*draw(calls(asked["tools"])), *preferred]
    elif preferred == other:
        other = [said("assistant", "No.")] if preferred != [said("assistant", "No.")] else [said("assistant", "Yes.")]
    return {"input": asked, "preferred_output": preferred, "non_preferred_output": other}


@st.composite
def prompt_rows(draw: st.DrawFn) -> Json:
    """Return a reinforcement row with two fields for a grader."""
    messages = [*draw(heads()), draw(named("user"))]
    return {"messages": messages, "answer": draw(TEXTS), "reference": {"number": 0, "more": draw(VALUES)}}


FIELDS = (("answer",), ("reference", "number"))
"""What a grader reads of the reinforcement rows."""

ROWS: dict[str, st.SearchStrategy[Json]] = {
    "chat": chat_rows(),
    "tools": tool_rows(),
    "vision": vision_rows(),
    "dpo": preference_rows(),
    "rft": prompt_rows(),
}
"""Strategies of rows by what they have; the first three are chat rows."""


def format_of_kind(kind: str) -> str:
    """Return the format of rows of a kind."""
    return kind if kind in {"dpo", "rft"} else "chat"


def asked_in(row: Json) -> Json:
    """Return the message of the user in a valid row."""
    messages = row["input"]["messages"] if "input" in row else row["messages"]
    message: Json = next(each for each in messages if each["role"] == "user")
    return message


def numbered(row: Json, number: int) -> Json:
    """Return a copy of a row with a number in what the user says (and in the reference), so that no two are equal."""
    row = copied(row)
    message = asked_in(row)
    if isinstance(message["content"], str):
        message["content"] += f" {number}"
    else:
        message["content"].append({"type": "text", "text": f" {number}"})
    if "answer" in row:
        row["answer"] += f" {number}"
        row["reference"]["number"] = number
    return row


def copied(row: Json) -> Json:
    """Return a row that shares nothing with this one."""
    made: Json = json.loads(json.dumps(row))
    return made


WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"ensure_ascii": False},
    {"separators": (",", ":")},
    {"ensure_ascii": False, "separators": (" ,\t", " :  "), "sort_keys": True},
)
"""Ways to write the same value."""


def written(row: object, way: int = 0) -> bytes:
    """Return a row as a line."""
    return json.dumps(row, **WAYS[way]).encode()

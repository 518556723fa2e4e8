"""Rows as types: only shapes to which no rule can object, decoded and checked in one go by msgspec.

Everything else fails to decode, and is left to the rules. No row is part of a cycle, so the garbage collector need not
know of the millions of objects that a file is made of.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Weight: TypeAlias = Literal[0, 1]


class _Strict(Struct, forbid_unknown_fields=True, gc=False):
    pass


# --- plain rows: roles, texts and weights


class _Message(_Strict, tag_field="role"):
    content: Text


class _System(_Message, tag="system"):
    pass


class _Developer(_Message, tag="developer"):
    pass


@final
class User(_Message, tag="user"):
    """What the user says."""


@final
class Assistant(_Message, tag="assistant"):
    """What is learned, unless its weight is 0."""

    weight: Weight = 1


class PlainRow(_Strict):
    """The commonest chat row."""

    messages: Annotated[list[_System | _Developer | User | Assistant], Meta(min_length=1)]


# --- rows with names and tools


class _Named(_Message):
    name: str = ""


class _NamedSystem(_Named, tag="system"):
    pass


class _NamedDeveloper(_Named, tag="developer"):
    pass


@final
class NamedUser(_Named, tag="user"):
    """What the user says, with or without a name."""


@final
class Reply(_Named, tag="tool", kw_only=True):
    """What a tool answers to a call."""

    tool_call_id: str


class _Function(_Strict):
    name: Text
    arguments: str


class Call(_Strict):
    """A call of a tool."""

    function: _Function
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET


@final
class Caller(_Strict, tag_field="role", tag="assistant"):
    """What the assistant says, the calls it makes, or both; what is absent is told from what is null."""

    content: Text | UnsetType | None = UNSET
    name: str | UnsetType = UNSET
    weight: Weight | UnsetType = UNSET
    tool_calls: Annotated[list[Call], Meta(min_length=1)] | UnsetType = UNSET


Answer: TypeAlias = Caller | Reply
Message: TypeAlias = _NamedSystem | _NamedDeveloper | NamedUser | Answer


class ToolRow(_Strict):
    """A chat row, or the input of a preference row; the definitions of its tools stay as they are written."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    tools: Raw = Raw()
    parallel_tool_calls: bool | None = None


class PreferenceRow(_Strict):
    """An input and two answers."""

    input: ToolRow
    preferred_output: Annotated[list[Answer], Meta(min_length=1)]
    non_preferred_output: Annotated[list[Answer], Meta(min_length=1)]

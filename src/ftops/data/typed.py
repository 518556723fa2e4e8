"""Rows as types: only shapes to which hardly a rule can object, decoded and checked in one go by msgspec.

Everything else fails to decode, and is left to the rules. No row is part of a cycle, so the garbage collector need not
know of the millions of objects that a file is made of.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, final

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
NOT_WRITTEN: Final = Raw()


class _Strict(Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    pass


class _Message(_Strict, tag_field="role"):
    """Its empty texts are those that the row does not have: one that is empty in the row fails to decode."""

    content: Text
    name: Text = ""


@final
class System(_Message, tag="system"):
    """What the assistant is told before all else."""


@final
class Developer(_Message, tag="developer"):
    """The same, by its newer name."""


@final
class User(_Message, tag="user"):
    """What the user says."""


@final
class Reply(_Message, tag="tool", kw_only=True):
    """What a tool answers to a call."""

    tool_call_id: str


class _Function(_Strict):
    arguments: str
    name: Text


class Call(_Strict):
    """A call of a tool."""

    function: _Function
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET


@final
class Assistant(_Strict, tag_field="role", tag="assistant"):
    """What the assistant says, the calls it makes, or both; like `_Message`, but that its content may be null."""

    content: Text | None = ""
    name: Text = ""
    weight: Literal[0, 1] | UnsetType = UNSET
    tool_calls: Annotated[list[Call], Meta(min_length=1)] | UnsetType = UNSET


Answer: TypeAlias = Assistant | Reply
Asked: TypeAlias = System | Developer | User
Message: TypeAlias = Asked | Answer


class ChatRow(_Strict, kw_only=True):
    """A chat row, or the input of a preference row; the definitions of its tools stay as they are written."""

    parallel_tool_calls: bool | None = None
    tools: Raw = NOT_WRITTEN
    messages: Annotated[list[Message], Meta(min_length=1)]


class PreferenceRow(_Strict):
    """An input and two answers."""

    input: ChatRow
    preferred_output: Annotated[list[Answer], Meta(min_length=1)]
    non_preferred_output: Annotated[list[Answer], Meta(min_length=1)]


def keeps_as_written(row: object) -> bool:
    """Tell whether something in a row was not decoded."""
    asked = row.input if isinstance(row, PreferenceRow) else row
    return isinstance(asked, ChatRow) and asked.tools is not NOT_WRITTEN


Prompt: TypeAlias = Annotated[list[Asked], Meta(min_length=1)]
"""The messages of a reinforcement row."""

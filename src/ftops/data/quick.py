"""The quick way past rows that have nothing to report: decoded into types, counted, and not looked at any further.

What it accepts, the rules would accept too; what it does not accept, for whatever reason, they look at. So nothing is
found here, and what the types leave out (parts of content, functions of the older kind) only takes longer. Where asking
exactly would cost more than it saves, more is left to the rules than need be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from ftops.data.decode import BadLine, decode
from ftops.data.formats import Row, defined_tools, is_json, tools
from ftops.data.tokens import written_tools
from ftops.data.typed import (
    Assistant,
    Caller,
    Message,
    NamedUser,
    PlainRow,
    PreferenceRow,
    Reply,
    ToolRow,
    User,
)
from ftops.rules import Limits, RowLimits

Counted: TypeAlias = tuple[int, int]
"""The tokens of a row, and those of its input if it is a preference row; a plain tuple, for speed."""
Quick: TypeAlias = Callable[[bytes], Counted | None]
"""Counts the tokens of a line if it is a sound row; returns None for any other."""

SPARE_LEVELS = 64
"""How many levels of nesting the rules may be called from: the decoder's limit of depth counts them too."""
TOOLS_KEPT_MAX = 64
TOOLS_KEPT_BYTES_MAX = 64 << 10

_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def quick_chat(limits: Limits) -> Quick:
    """Return the quick way for chat rows: plain ones first, as they cost the least."""
    decoded = msgspec.json.Decoder(PlainRow).decode
    with_tools = _quick_chat_with_tools(limits)
    characters_max, messages_max = limits.rows.message_characters_max, limits.rows.messages_max
    per_message, per_row = limits.tokens.tokens_per_message, limits.tokens.tokens_per_row
    per_token = limits.tokens.characters_per_token

    def count(data: bytes) -> Counted | None:
        # Run for every row of every file: it calls nothing of ours, and what it needs has local names.
        try:
            messages = decoded(data).messages
        except _REFUSED:
            return with_tools(data)
        characters, asked = 0, False
        for message in messages:
            characters += len(message.content)
            if type(message) is User:
                asked = True
        last = messages[-1]
        if not asked or type(last) is not Assistant or characters > characters_max or len(messages) > messages_max:
            return None
        if last.weight == 0 and not any(type(message) is Assistant and message.weight for message in messages):
            return None
        return len(messages) * per_message + -(-characters // per_token) + per_row, 0

    return count


def _quick_chat_with_tools(limits: Limits) -> Quick:
    decoded, counts = msgspec.json.Decoder(ToolRow).decode, _Counts(limits)

    def count(data: bytes) -> Counted | None:
        try:
            row = decoded(data)
        except _REFUSED:
            return None
        asked = any(type(message) is NamedUser for message in row.messages)
        trained = any(type(message) is Caller and message.weight != 0 for message in row.messages)
        known = counts.seen.get(bytes(row.tools))
        if not asked or not trained or type(row.messages[-1]) is not Caller or known is None:
            return None
        tokens = counts.of_input(row, known, set())
        return None if tokens is None else (tokens, 0)

    return count


def quick_preference(limits: Limits) -> Quick:
    """Return the quick way for preference rows."""
    decoded, counts = msgspec.json.Decoder(PreferenceRow).decode, _Counts(limits)

    def count(data: bytes) -> Counted | None:
        try:
            row = decoded(data)
        except _REFUSED:
            return None
        answers = row.preferred_output, row.non_preferred_output
        known = counts.seen.get(bytes(row.input.tools))
        # Answers that end with the reply of a tool are sound if the assistant has said something before: a rarity.
        if known is None or type(row.input.messages[-1]) is not NamedUser or answers[0] == answers[1]:
            return None
        if any(type(answer[-1]) is not Caller for answer in answers):
            return None
        called: set[str] = set()
        asked = counts.of_input(row.input, known, called)
        preferred, other = (counts.of_messages(answer, known, called.copy()) for answer in answers)
        return None if asked is None or preferred is None or other is None else (asked + preferred + other, asked)

    return count


@dataclass(frozen=True, slots=True)
class _Tools:
    """The tools of a row: what may be called (if there are none, anything), and the characters of their JSON."""

    names: frozenset[str]
    characters: int


_NO_TOOLS = _Tools(frozenset(), 0)


class _ToolsSeen:
    """Definitions of tools that are sound, by how they are written: mostly, all rows of a file have the same ones."""

    def __init__(self, limits: RowLimits) -> None:
        self._limits = limits
        self._kept: dict[bytes, _Tools] = {}

    def get(self, text: bytes) -> _Tools | None:
        """Return the tools that are written so, or None unless they are sound."""
        if not text:
            return _NO_TOOLS
        found = self._kept.get(text) or self._read(text)
        if found is not None and len(text) <= TOOLS_KEPT_BYTES_MAX and text not in self._kept:
            if len(self._kept) >= TOOLS_KEPT_MAX:
                self._kept.clear()
            self._kept[text] = found
        return found

    def _read(self, text: bytes) -> _Tools | None:
        if isinstance(decode(b"[" * SPARE_LEVELS + text + b"]" * SPARE_LEVELS), BadLine):
            return None
        fields = {"tools": decode(text)}
        row = Row(fields, [], (), self._limits)
        if any(True for _ in tools(row)):
            return None
        return _Tools(frozenset(defined_tools(row)), written_tools(fields))


class _Counts:
    """Counts the tokens of messages that may have names and call tools; None unless they are sound."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._estimate = limits.rows, limits.tokens
        self.seen = _ToolsSeen(limits.rows)

    def of_input(self, row: ToolRow, known: _Tools, called: set[str]) -> int | None:
        """Return the tokens of a chat row or of an input."""
        tokens = self.of_messages(row.messages, known, called, known.characters)
        return None if tokens is None else tokens + self._estimate.tokens_per_row

    def of_messages(
        self, messages: Sequence[Message], known: _Tools, called: set[str], characters: int = 0
    ) -> int | None:
        """Return the tokens of messages and of so many characters beside them; `called` gets the ids of their calls."""
        for message in messages:
            if type(message) is Caller:
                more = _of_caller(message, known.names, called)
            elif type(message) is Reply and message.tool_call_id not in called:
                more = None
            else:
                more = len(message.content) + len(message.name)
            if more is None:
                return None
            characters += more
        if characters > self._limits.message_characters_max or len(messages) > self._limits.messages_max:
            return None
        per_message = self._estimate.tokens_per_message
        return len(messages) * per_message + -(-characters // self._estimate.characters_per_token)


def _of_caller(message: Caller, names: frozenset[str], called: set[str]) -> int | None:
    content, name = message.content or "", message.name or ""
    if message.tool_calls is msgspec.UNSET:
        return len(content) + len(name) if content else None
    for call in message.tool_calls:
        arguments = call.function.arguments
        levels_max = arguments.count("[") + arguments.count("{")
        if (names and call.function.name not in names) or levels_max > SPARE_LEVELS or not is_json(arguments):
            return None
        if call.id is not msgspec.UNSET:
            called.add(call.id)
    # Of a message with two keys the estimate leaves the calls out: it takes it for a plain one.
    alone = message.content is msgspec.UNSET and message.name is msgspec.UNSET and message.weight is msgspec.UNSET
    written = 0 if alone else len(msgspec.json.encode(message.tool_calls).decode("utf-8"))
    return len(content) + len(name) + written

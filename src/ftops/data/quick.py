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
from msgspec import UNSET

from ftops.data.decode import BadLine, decode
from ftops.data.formats import Row, defined_tools, is_json, tools
from ftops.data.tokens import written_tools
from ftops.data.typed import NOT_WRITTEN, Assistant, ChatRow, Message, PreferenceRow, Reply, User
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
    """Return the quick way for chat rows."""
    decoded, counts = msgspec.json.Decoder(ChatRow).decode, _Counts(limits)
    characters_max, messages_max = limits.rows.message_characters_max, limits.rows.messages_max
    per_message, per_row = limits.tokens.tokens_per_message, limits.tokens.tokens_per_row
    per_token = limits.tokens.characters_per_token

    def count(data: bytes) -> Counted | None:
        # Run for every row of every file: what it needs has local names, and a row of texts alone needs no other call.
        try:
            row = decoded(data)
        except _REFUSED:
            return None
        messages, characters, asked = row.messages, 0, False
        if row.tools is not NOT_WRITTEN:
            return counts.of_chat(row)
        for message in messages:
            content = message.content
            if type(message) is User:
                asked = True
            elif type(message) is Reply or (type(message) is Assistant and message.tool_calls is not UNSET):
                return counts.of_chat(row)
            if message.name or not content:
                return counts.of_chat(row)
            characters += len(content)
        last = messages[-1]
        trains = (type(last) is Assistant and last.weight is UNSET) or _trains(messages)
        if not asked or not trains or characters > characters_max or len(messages) > messages_max:
            return None
        return len(messages) * per_message + -(-characters // per_token) + per_row, 0

    return count


def _trains(messages: Sequence[Message]) -> bool:
    """Tell whether the assistant has the last word, and a message that is trained on."""
    last = messages[-1]
    return type(last) is Assistant and (
        last.weight != 0 or any(type(message) is Assistant and message.weight != 0 for message in messages)
    )


def quick_preference(limits: Limits) -> Quick:
    """Return the quick way for preference rows."""
    decoded, counts = msgspec.json.Decoder(PreferenceRow).decode, _Counts(limits)

    def count(data: bytes) -> Counted | None:
        try:
            row = decoded(data)
        except _REFUSED:
            return None
        first, second = row.preferred_output, row.non_preferred_output
        # An answer that ends with the reply of a tool is sound if the assistant has spoken before: a rarity.
        if type(first[-1]) is not Assistant or type(second[-1]) is not Assistant or first == second:
            return None
        known = counts.tools.get(bytes(row.input.tools))
        if known is None or type(row.input.messages[-1]) is not User:
            return None
        called: set[str] = set()
        asked = counts.of_input(row.input, called)
        preferred, other = (counts.of_messages(answer, known, called.copy()) for answer in (first, second))
        return None if asked is None or preferred is None or other is None else (asked + preferred + other, asked)

    return count


@dataclass(frozen=True, slots=True)
class _Tools:
    """The tools of a row: what may be called (if there are none, anything), and the characters of their JSON."""

    names: frozenset[str]
    characters: int


_NO_TOOLS = _Tools(frozenset(), 0)


class _KnownTools:
    """Definitions of tools that are sound, by how they are written: mostly, all rows of a file have the same ones."""

    def __init__(self, limits: RowLimits) -> None:
        self._limits = limits
        self._kept: dict[bytes, _Tools] = {}

    def get(self, text: bytes) -> _Tools | None:
        """Return the tools that are written so, or None unless they are sound."""
        if not text:
            return _NO_TOOLS
        found = self._kept.get(text)
        if found is None and (found := self._read(text)) is not None and len(text) <= TOOLS_KEPT_BYTES_MAX:
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
    """Counts the tokens of messages that may call tools; None unless they are sound."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._estimate = limits.rows, limits.tokens
        self.tools = _KnownTools(limits.rows)

    def of_chat(self, row: ChatRow) -> Counted | None:
        """Return the tokens of a chat row."""
        if not _trains(row.messages) or not any(type(message) is User for message in row.messages):
            return None
        tokens = self.of_input(row, set())
        return None if tokens is None else (tokens, 0)

    def of_input(self, row: ChatRow, called: set[str]) -> int | None:
        """Return the tokens of a chat row or of an input."""
        known = self.tools.get(bytes(row.tools))
        if known is None:
            return None
        tokens = self.of_messages(row.messages, known, called, known.characters)
        return None if tokens is None else tokens + self._estimate.tokens_per_row

    def of_messages(
        self, messages: Sequence[Message], known: _Tools, called: set[str], characters: int = 0
    ) -> int | None:
        """Return the tokens of messages and of so many characters beside them; `called` gets the ids of their calls."""
        for message in messages:
            characters += len(message.content or "") + len(message.name)
            if type(message) is Assistant:
                calls = _of_calls(message, known.names, called)
                if calls is None:
                    return None
                characters += calls
            elif type(message) is Reply and message.tool_call_id not in called:
                return None
        if characters > self._limits.message_characters_max or len(messages) > self._limits.messages_max:
            return None
        per_message = self._estimate.tokens_per_message
        return len(messages) * per_message + -(-characters // self._estimate.characters_per_token)


def _of_calls(message: Assistant, names: frozenset[str], called: set[str]) -> int | None:
    """Return the characters of the calls of a message; None unless they are sound, or there is content instead."""
    calls = message.tool_calls
    if calls is UNSET:
        return 0 if message.content else None
    for call in calls:
        arguments = call.function.arguments
        levels_max = arguments.count("[") + arguments.count("{")
        if (names and call.function.name not in names) or levels_max > SPARE_LEVELS or not is_json(arguments):
            return None
        if call.id is not UNSET:
            called.add(call.id)
    return len(msgspec.json.encode(calls).decode("utf-8"))

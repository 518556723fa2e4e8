"""The quick way past rows that have nothing to report: decoded into types, counted, and not looked at any further.

What it accepts, the rules would accept too; what it does not accept, for whatever reason, they look at. So nothing is
found here, and what the types leave out (parts of content, functions of the older kind) only takes longer. Where asking
exactly would cost more than it saves, more is left to the rules than need be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Raw

from ftops.data.decode import BadLine, decode, too_deep
from ftops.data.reinforcement import asks_for_reasoning, missing_fields
from ftops.data.rows import Row
from ftops.data.tokens import Texts, written_tools
from ftops.data.tools import defined_tools, tools
from ftops.data.typed import (
    NOT_WRITTEN,
    Asked,
    Assistant,
    Call,
    ChatRow,
    Developer,
    Message,
    PreferenceRow,
    Prompt,
    Reply,
    System,
    User,
)
from ftops.rules import Limits

Sound: TypeAlias = tuple[int, int, str, object]
"""A sound row: its tokens and those of its input by the characters, its system prompt if any, and the row as it was
decoded. A plain tuple, for speed."""
Quick: TypeAlias = Callable[[bytes], Sound | None]
"""Returns what there is to know of a line if it is a sound row; None for any other."""

SPARE_LEVELS = 64
"""How many levels of nesting the rules may be called from: the decoder's limit of depth counts them too."""
TOOLS_KEPT_MAX = 64
TOOLS_KEPT_BYTES_MAX = 64 << 10

_sorted = msgspec.json.Encoder(order="sorted").encode
_encode = msgspec.json.Encoder().encode
_plain = msgspec.json.Decoder(object).decode
REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def quick_chat(limits: Limits) -> Quick:
    """Return the quick way for chat rows."""
    decoded, counts = msgspec.json.Decoder(ChatRow).decode, _Counts(limits)
    characters_max, messages_max = limits.rows.message_characters_max, limits.rows.messages_max
    per_message, per_row = limits.tokens.tokens_per_message, limits.tokens.tokens_per_row
    per_token = limits.tokens.characters_per_token

    def of_any(row: ChatRow) -> Sound | None:
        tokens = counts.of_chat(row)
        return None if tokens is None else (tokens, 0, prompt_of(row.messages), row)

    def sound(data: bytes) -> Sound | None:
        # Run for every row of every file: what it needs has local names, and a row of texts alone needs no other call.
        try:
            row = decoded(data)
        except REFUSED:
            return None
        if row.tools is not NOT_WRITTEN:
            return of_any(row)
        messages, characters, asked = row.messages, 0, False
        before: type | None = None
        for message in messages:
            content, kind = message.content, type(message)
            if kind is User:
                asked = True
            elif kind is Reply or (kind is Assistant and message.tool_calls is not UNSET):  # type: ignore[union-attr]
                return of_any(row)
            if kind is before or message.name or not content:
                return of_any(row)
            characters, before = characters + len(content), kind
        last, first = messages[-1], messages[0]
        trains = (type(last) is Assistant and last.weight is UNSET) or _trains(messages)
        if not asked or not trains or characters > characters_max or len(messages) > messages_max:
            return None
        prompt = first.content if type(first) is System or type(first) is Developer else ""
        return len(messages) * per_message - (-characters // per_token) + per_row, 0, prompt, row

    return sound


def prompt_of(messages: Sequence[Message]) -> str:
    """Return the system prompt that messages begin with, or nothing."""
    first = messages[0]
    return first.content if type(first) is System or type(first) is Developer else ""


def _trains(messages: Sequence[Message]) -> bool:
    """Tell whether the assistant has the last word, and a message that is trained on."""
    last = messages[-1]
    return type(last) is Assistant and (
        last.weight != 0 or any(type(message) is Assistant and message.weight != 0 for message in messages)
    )


def quick_preference(limits: Limits) -> Quick:
    """Return the quick way for preference rows."""
    decoded, counts = msgspec.json.Decoder(PreferenceRow).decode, _Counts(limits)

    def sound(data: bytes) -> Sound | None:
        try:
            row = decoded(data)
        except REFUSED:
            return None
        first, second = row.preferred_output, row.non_preferred_output
        # An answer that ends with the reply of a tool is sound if the assistant has spoken before: a rarity.
        if type(first[-1]) is not Assistant or type(second[-1]) is not Assistant or first == second:
            return None
        known = counts.tools.get(row.input.tools)
        if known is None or type(row.input.messages[-1]) is not User:
            return None
        called: set[str] = set()
        asked = counts.of_input(row.input, called)
        if asked is None:
            return None
        preferred = counts.of_messages(first, known, called.copy())
        other = counts.of_messages(second, known, called)
        if preferred is None or other is None:
            return None
        characters, beside = preferred[0] + other[0], preferred[1] + other[1]
        tokens = asked + counts.tokens(characters, beside)
        return tokens, asked, prompt_of(row.input.messages), row

    return sound


def quick_prompt(limits: Limits, fields: Sequence[tuple[str, ...]]) -> Quick:
    """Return the quick way for reinforcement rows, whose further fields may be anything."""
    decoded, counts = msgspec.json.Decoder(dict[str, object]).decode, _Counts(limits)

    def sound(data: bytes) -> Sound | None:
        try:
            row = decoded(data)
        except REFUSED:
            return None
        messages = _prompt(row.get("messages"))
        if messages is None or too_deep(data):
            return None
        if type(messages[-1]) is not User or not row.keys().isdisjoint(_NOT_OF_PROMPTS):
            return None
        if asks_for_reasoning("\n".join([message.content for message in messages]), limits):
            return None
        counted = counts.of_messages(messages, _NO_TOOLS, set())
        if counted is None or any(missing_fields(row, fields)):
            return None
        tokens = counts.tokens(*counted) + limits.tokens.tokens_per_row
        return tokens, 0, prompt_of(messages), row

    return sound


_NOT_OF_PROMPTS = ("preferred_output", "non_preferred_output", "tools", "functions")
_ASKED: Mapping[object, type[Asked]] = {"system": System, "developer": Developer, "user": User}
_HEAD_AND_TEXT = 2


def _prompt(listed: object) -> Sequence[Asked] | None:
    """Return the messages of a reinforcement row as types, if they are any.

    Most have a role and a text and nothing else, for which `convert` would take a third of the time of a row.
    """
    messages: list[Asked] = []
    for each in listed if isinstance(listed, list) else ():
        if type(each) is not dict or len(each) != _HEAD_AND_TEXT:
            break
        role, content = each.get("role"), each.get("content")
        kind = _ASKED.get(role) if type(role) is str else None
        if kind is None or type(content) is not str or not content:
            break
        messages.append(kind(content))
    else:
        return messages or None
    try:
        return msgspec.convert(listed, Prompt)
    except REFUSED:
        return None


@dataclass(frozen=True, slots=True)
class _Tools:
    """The tools of a row: what may be called (if there are none, anything), and the characters of their JSON."""

    names: frozenset[str]
    characters: int


_NO_TOOLS = _Tools(frozenset(), 0)


class _KnownTools:
    """Definitions of tools that are sound, by how they are written: mostly, all rows of a file have the same ones."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: dict[bytes, _Tools] = {}
        self._last: tuple[Raw, _Tools] = NOT_WRITTEN, _NO_TOOLS

    def get(self, written: Raw) -> _Tools | None:
        """Return the tools that are written so, or None unless they are sound."""
        if written is NOT_WRITTEN:
            return _NO_TOOLS
        last, found = self._last
        return found if written == last else self._look_up(written)

    def _look_up(self, written: Raw) -> _Tools | None:
        text = bytes(written)
        found = self._kept.get(text)
        if found is None and (found := self._read(text)) is not None and len(text) <= TOOLS_KEPT_BYTES_MAX:
            if len(self._kept) >= TOOLS_KEPT_MAX:
                self._kept.clear()
            self._kept[text] = found
        if found is not None:
            self._last = Raw(text), found  # To compare is less than to hash, and by itself it keeps no line alive.
        return found

    def _read(self, text: bytes) -> _Tools | None:
        if isinstance(decode(b"[" * SPARE_LEVELS + text + b"]" * SPARE_LEVELS), BadLine):
            return None
        fields = {"tools": decode(text)}
        row = Row(fields, [], (), self._limits)
        if any(True for _ in tools(row)):
            return None
        return _Tools(frozenset(defined_tools(row)), len(written_tools(fields)))


class _Counts:
    """Counts the characters of messages that may call tools; None unless they are sound."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._estimate = limits.rows, limits.tokens
        self.tools = _KnownTools(limits)

    def tokens(self, characters: int, beside: int) -> int:
        """Return the tokens of so many characters and of what stands beside them."""
        return beside - (-characters // self._estimate.characters_per_token)

    def of_chat(self, row: ChatRow) -> int | None:
        """Return the tokens of a chat row."""
        messages = row.messages
        if not _trains(messages) or not _takes_turns(messages):
            return None
        return self.of_input(row, set())

    def of_input(self, row: ChatRow, called: set[str]) -> int | None:
        """Return the tokens of a chat row or of an input."""
        known = self.tools.get(row.tools)
        if known is None:
            return None
        counted = self.of_messages(row.messages, known, called)
        if counted is None:
            return None
        return self.tokens(counted[0] + known.characters, counted[1]) + self._estimate.tokens_per_row

    def of_messages(self, messages: Sequence[Message], known: _Tools, called: set[str]) -> tuple[int, int] | None:
        """Return the characters of messages and the tokens beside them; `called` gets the ids of their calls."""
        characters, names = 0, 0
        for message in messages:
            kind = type(message)
            if message.content:
                characters += len(message.content)
            elif kind is Assistant and message.tool_calls is UNSET:  # type: ignore[union-attr]
                return None
            if message.name:
                characters, names = characters + len(message.name), names + 1
            if kind is Assistant and message.tool_calls is not UNSET:  # type: ignore[union-attr]
                calls = _of_calls(message.tool_calls, known.names, called)  # type: ignore[union-attr]
                if calls is None:
                    return None
                characters += calls
            elif kind is Reply and message.tool_call_id not in called:  # type: ignore[union-attr]
                return None
        if characters > self._limits.message_characters_max or len(messages) > self._limits.messages_max:
            return None
        return characters, len(messages) * self._estimate.tokens_per_message + names * self._estimate.tokens_per_name


def _takes_turns(messages: Sequence[Message]) -> bool:
    """Tell whether the user speaks, and neither the user nor the assistant twice in a row."""
    asked = False
    before: type | None = None
    for message in messages:
        kind = type(message)
        if kind is before and (kind is User or kind is Assistant):
            return False
        asked = asked or kind is User
        before = kind
    return asked


def _of_calls(calls: Sequence[Call], names: frozenset[str], called: set[str]) -> int | None:
    """Return the characters of calls; None unless they are sound. `called` gets their ids."""
    for call in calls:
        arguments = call.function.arguments
        if (names and call.function.name not in names) or not _is_shallow_json(arguments):
            return None
        if call.id is not UNSET:
            called.add(call.id)
    return len(_encode(calls).decode())  # In whatever order.


def _is_shallow_json(text: str) -> bool:
    if text.count("[") + text.count("{") > SPARE_LEVELS:
        return False
    try:
        _plain(text)
    except REFUSED:
        return False
    return True


def _written_calls(message: Assistant) -> str:
    return _sorted(message.tool_calls).decode()


# --- what an encoder counts of a sound row


def chat_row_texts(row: ChatRow, limits: Limits) -> Texts:
    """Return what a sound chat row has to count."""
    texts, beside, calls = _texts(row.messages, limits)
    if row.tools is not NOT_WRITTEN:
        texts.append(written_tools({"tools": decode(bytes(row.tools))}))
    return Texts(texts, beside + limits.tokens.tokens_per_row, calls or row.tools is not NOT_WRITTEN)


def preference_row_texts(row: PreferenceRow, limits: Limits) -> Texts:
    """Return what a sound preference row has to count."""
    asked = chat_row_texts(row.input, limits)
    texts, beside, calls = _texts([*row.preferred_output, *row.non_preferred_output], limits)
    return Texts(
        [*asked.texts, *texts], asked.beside + beside, asked.unmeasured or calls, len(asked.texts), asked.beside
    )


def _texts(messages: Sequence[Message], limits: Limits) -> tuple[list[str], int, bool]:
    texts = [message.content for message in messages if message.content]
    names = [message.name for message in messages if message.name]
    calls = [_written_calls(each) for each in messages if type(each) is Assistant and each.tool_calls is not UNSET]
    beside = len(messages) * limits.tokens.tokens_per_message + len(names) * limits.tokens.tokens_per_name
    return [*texts, *names, *calls], beside, bool(calls)

"""What a row says, whatever it is written like: two numbers that stand for it and for the prompt in it.

Order of keys, whitespace and escapes leave no trace; everything else does. A row is laid out as a list of texts, heads
and contents of its messages in turn; the prompt's number is a hash of all but the answer, and the row's one of the
answer with that as the seed. So each text is hashed once, and a row is known again whose answer was edited. The numbers
are kept between runs (`cache.py`): what changes them has to change `FORM` in `ftops/difference.py`. Golden numbers are
in the tests. They take half as long as a check, so only who compares files asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw
from xxhash import xxh3_64_intdigest

from ftops.data.typed import (
    NOT_WRITTEN,
    Assistant,
    ChatRow,
    Developer,
    Message,
    PreferenceRow,
    Prompt,
    Reply,
    System,
    User,
)

APART: Final = "\x1e\x1f"
"""Stands between the texts of a row; that a text has it is not excluded, and would have to be meant to do harm."""
HEADS: Final[Mapping[type, str]] = {System: "s", Developer: "d", User: "u", Assistant: "a", Reply: "t"}
WEIGHTED: Final = ("a0", "a1")
TOOLS_KEPT_MAX = 64
TOOLS_KEPT_BYTES_MAX = 64 << 10

Identity: TypeAlias = tuple[int, int]
"""The numbers of a row and of its prompt, of 64 bits each."""
NO_ROW: Final[Identity] = (0, 0)
"""Stands for a line that is no row."""

_ANSWERS = ("preferred_output", "non_preferred_output")
_sorted = msgspec.json.Encoder(order="sorted").encode
_encode = msgspec.json.Encoder().encode
_plain = msgspec.json.Decoder(object).decode
_chat = msgspec.json.Decoder(ChatRow).decode
_preference = msgspec.json.Decoder(PreferenceRow).decode
_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Identities:
    """Gives rows their numbers; remembers the tools that mostly all rows of a file have alike."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._tools: dict[bytes, str] = {}

    def of_chat(self, row: ChatRow) -> Identity:
        """Return the numbers of a chat row; its prompt is what precedes the last content."""
        before = [*self._heads_of_row(row), *_texts(row.messages)]
        answer = before.pop()
        prompt = xxh3_64_intdigest(APART.join(before).encode())
        return xxh3_64_intdigest(answer.encode(), prompt), prompt

    def of_preference(self, row: PreferenceRow) -> Identity:
        """Return the numbers of a preference row; its prompt is its input."""
        prompt = xxh3_64_intdigest(APART.join([*self._heads_of_row(row.input), *_texts(row.input.messages)]).encode())
        answers = [*_texts(row.preferred_output), "|", *_texts(row.non_preferred_output)]
        return xxh3_64_intdigest(APART.join(answers).encode(), prompt), prompt

    def of_prompt(self, row: Mapping[str, object], messages: Sequence[Message]) -> Identity:
        """Return the numbers of a reinforcement row; its prompt is its messages, the rest its further fields."""
        prompt = xxh3_64_intdigest(APART.join(_texts(messages)).encode())
        fields = {name: value for name, value in row.items() if name != "messages"}
        return xxh3_64_intdigest(_sorted(fields), prompt), prompt

    def of(self, line: bytes, value: object, row_format: str) -> Identity:
        """Return the numbers of any row: as its type has them, if it has one."""
        try:
            if row_format == "dpo":
                return self.of_preference(value if isinstance(value, PreferenceRow) else _preference(line))
            if row_format == "rft" and isinstance(value, dict):
                return self.of_prompt(value, msgspec.convert(value.get("messages"), Prompt))
            return self.of_chat(value if isinstance(value, ChatRow) else _chat(line))
        except _REFUSED:
            return _of_any(value, row_format)

    def _heads_of_row(self, row: ChatRow) -> list[str]:
        """Return what stands before the messages: mostly nothing."""
        heads = [] if row.parallel_tool_calls is None else [f"p{row.parallel_tool_calls}"]
        if row.tools is not NOT_WRITTEN and (written := self._tools_of(row.tools)):
            heads.append(written)
        return heads

    def _tools_of(self, written: Raw) -> str:
        """Return definitions of tools in one form; nothing for null."""
        text = bytes(written)
        known = self._tools.get(text)
        if known is None:
            value = _plain(text)
            known = "" if value is None else _sorted(value).decode()
            if len(text) <= TOOLS_KEPT_BYTES_MAX:
                if len(self._tools) >= TOOLS_KEPT_MAX:
                    self._tools.clear()
                self._tools[text] = known
        return known


def _texts(messages: Sequence[Message]) -> list[str]:
    """Return a head and a content for each message."""
    texts: list[str] = []
    for message in messages:
        head = HEADS[type(message)]
        if type(message) is Assistant:
            if message.weight is not UNSET:
                head = WEIGHTED[message.weight]
            if message.tool_calls is not UNSET:
                head += f" c{_encode(message.tool_calls).decode()}"
        elif type(message) is Reply:
            head += f" i{message.tool_call_id}"
        if message.name:
            head += f" n{message.name}"
        texts += (head, message.content or "")
    return texts


def _of_any(value: object, row_format: str) -> Identity:
    """Return the numbers of a row of any shape."""
    try:
        whole = xxh3_64_intdigest(_sorted(value)) or 1
        if not isinstance(value, Mapping):
            return whole, whole
        return whole, xxh3_64_intdigest(_sorted(_asked(value, row_format)))
    except (RecursionError, ValueError, TypeError):
        return NO_ROW  # Nested as deeply as could just be read.


def _asked(row: Mapping[str, object], row_format: str) -> object:
    """Return a row of any shape without its answers, or the further fields of a reinforcement row."""
    messages = row.get("messages")
    if row_format == "rft":
        return messages
    last = messages[-1] if isinstance(messages, list) and messages else None
    if isinstance(last, Mapping) and last.get("role") == "assistant" and isinstance(messages, list):
        return {**row, "messages": messages[:-1]}
    return {key: value for key, value in row.items() if key not in _ANSWERS}

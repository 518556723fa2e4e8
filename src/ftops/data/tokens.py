"""How many tokens a row has, estimated from its characters: what a price can be told from before anything is sent.

The estimate is the characters of every text divided by the characters of a token (about 4 in English), with a few
tokens for each message and row, as the OpenAI cookbook counts them. Tools and calls count as the JSON they are written
as, an image as one in low detail. Each row is rounded for itself. It is meant for money, not for limits of a row: other
scripts than Latin have more tokens than this. A row that is malformed counts as far as it can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ftops.rules import TokenEstimate

_JSON_KEYS = ("tool_calls", "function_call")
_TOOL_KEYS = ("tools", "functions")
_PLAIN_KEYS = frozenset(("role", "content", "weight"))
"""The keys of the commonest messages: a fast way past all that is rare."""
_OUTPUTS = ("preferred_output", "non_preferred_output")


class Tokens(NamedTuple):
    """What a row is estimated to have in all, and in the part that precedes the two answers of a preference row."""

    all: int
    input: int = 0


def chat_tokens(row: object, estimate: TokenEstimate) -> Tokens:
    """Return the tokens of a chat row."""
    if not isinstance(row, dict):
        return Tokens(0)
    beside = written_tools(row) if len(row) > 1 else 0
    return Tokens(_tokens(row.get("messages"), estimate, beside) + estimate.tokens_per_row)


def preference_tokens(row: object, estimate: TokenEstimate) -> Tokens:
    """Return the tokens of a preference row: its input once, and both answers."""
    if not isinstance(row, dict):
        return Tokens(0)
    given = row.get("input")
    asked = 0
    if isinstance(given, dict):
        asked = _tokens(given.get("messages"), estimate, written_tools(given)) + estimate.tokens_per_row
    return Tokens(asked + sum(_tokens(row.get(name), estimate) for name in _OUTPUTS), asked)


def _tokens(messages: object, estimate: TokenEstimate, characters: int = 0) -> int:
    """Return the tokens of a list of messages and of so many characters beside them."""
    if not isinstance(messages, list):
        return 0
    images = 0
    for message in messages:
        if isinstance(message, dict):
            content = message.get("content")
            if isinstance(content, str):
                characters += len(content)
            elif isinstance(content, list):
                text, pictures = _parts(content)
                characters, images = characters + text, images + pictures
            if not message.keys() <= _PLAIN_KEYS:
                characters += _written(message, _JSON_KEYS) + len(str(message.get("name", "")))
    listed = len(messages) * estimate.tokens_per_message + images * estimate.tokens_per_image
    return listed + -(-characters // estimate.characters_per_token)


def _parts(parts: list[object]) -> tuple[int, int]:
    """Return the characters of the texts, and the number of images, in a content of parts."""
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    images = sum(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)
    return sum(len(text) for text in texts if isinstance(text, str)), images


def written_tools(fields: Mapping[str, object]) -> int:
    """Return the characters of the tools that a row defines, as JSON."""
    return _written(fields, _TOOL_KEYS)


def _written(fields: Mapping[str, object], names: tuple[str, ...]) -> int:
    """Return the characters of these values as JSON; nothing for what is nested as deeply as could just be read."""
    present = [fields[name] for name in names if fields.get(name) is not None]
    try:
        return sum(len(msgspec.json.encode(value).decode("utf-8")) for value in present)
    except RecursionError:
        return 0

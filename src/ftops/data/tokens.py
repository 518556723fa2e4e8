"""How many tokens a row has: the texts in it that are counted, and what is added for messages, rows and images.

The texts are counted exactly where an encoder of the model is at hand (`counting.py`), else estimated from their
characters (about 4 a token in English; other scripts have more). Beside each message stand a few tokens, as the OpenAI
cookbook counts them. Tools and calls count as the JSON they are written as, for which no formula is published. A row
that is malformed counts as far as it can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ftops.data.images import image_parts, image_tokens
from ftops.data.rows import Fields
from ftops.rules import Limits, TokenEstimate

_sorted = msgspec.json.Encoder(order="sorted").encode
_JSON_KEYS = ("tool_calls", "function_call")
_TOOL_KEYS = ("tools", "functions")
_PLAIN_KEYS = frozenset(("role", "content", "weight"))
"""The keys of the commonest messages: a fast way past all that is rare."""
_OUTPUTS = ("preferred_output", "non_preferred_output")


class Texts(NamedTuple):
    """What a row has to count: texts, the tokens that stand beside them, and whether some of it is an estimate.

    The first `inputs` of the texts, and `beside_input` of the tokens, precede the two answers of a preference row.
    """

    texts: list[str]
    beside: int
    unmeasured: bool
    inputs: int = 0
    beside_input: int = 0

    def estimate(self, rules: TokenEstimate) -> tuple[int, int]:
        """Return the tokens in all, and those of the input, by the characters."""
        asked = sum(map(len, self.texts[: self.inputs]))
        rest = sum(map(len, self.texts[self.inputs :]))
        per_token = rules.characters_per_token
        first = -(-asked // per_token) + self.beside_input if self.inputs or self.beside_input else 0
        return first - (-rest // per_token) + self.beside - self.beside_input, first


def chat_texts(row: object, limits: Limits) -> Texts:
    """Return what a chat row, or a reinforcement row, has to count."""
    if not isinstance(row, dict):
        return Texts([], 0, unmeasured=False)
    texts, beside, unmeasured = _of_messages(row.get("messages"), limits)
    written = written_tools(row) if len(row) > 1 else ""
    if written:
        texts.append(written)
    return Texts(texts, beside + limits.tokens.tokens_per_row, unmeasured or bool(written))


def preference_texts(row: object, limits: Limits) -> Texts:
    """Return what a preference row has to count: its input once, and both answers."""
    if not isinstance(row, dict):
        return Texts([], 0, unmeasured=False)
    given = row.get("input")
    asked = chat_texts(given, limits)
    texts, beside, unmeasured = list(asked.texts), asked.beside, asked.unmeasured
    for name in _OUTPUTS:
        more, added, guessed = _of_messages(row.get(name), limits)
        texts += more
        beside, unmeasured = beside + added, unmeasured or guessed
    return Texts(texts, beside, unmeasured, len(asked.texts), asked.beside)


def _of_messages(messages: object, limits: Limits) -> tuple[list[str], int, bool]:
    texts: list[str] = []
    beside, unmeasured = 0, False
    for message in messages if isinstance(messages, list) else ():
        beside += limits.tokens.tokens_per_message
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, list):
            texts += [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
            images = sum(image_tokens(part, limits.images) for _, part in image_parts(message))
            beside, unmeasured = beside + images, unmeasured or images > 0
        if not message.keys() <= _PLAIN_KEYS:
            beside, unmeasured = beside + _of_rare_keys(message, texts, limits), unmeasured or _calls(message)
    return texts, beside, unmeasured


def _of_rare_keys(message: Fields, texts: list[str], limits: Limits) -> int:
    """Add the texts of a message's calls and name, and return the tokens beside them."""
    written = _written(message, _JSON_KEYS)
    if written:
        texts.append(written)
    name = message.get("name")
    if not isinstance(name, str) or not name:
        return 0
    texts.append(name)
    return limits.tokens.tokens_per_name


def _calls(message: Fields) -> bool:
    return any(message.get(key) for key in _JSON_KEYS)


def written_tools(fields: Mapping[str, object]) -> str:
    """Return the tools that a row defines, as JSON."""
    return _written(fields, _TOOL_KEYS)


def _written(fields: Mapping[str, object], names: tuple[str, ...]) -> str:
    """Return these values as JSON; nothing for what is nested as deeply as could just be read."""
    present = [fields[name] for name in names if fields.get(name) is not None]
    try:
        return "".join(_sorted(value).decode() for value in present)
    except RecursionError:
        return ""

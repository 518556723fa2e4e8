"""The rules of a chat row and of single messages, as tables of small checks; each yields findings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

from ftops.data.decode import JsonPath
from ftops.data.images import images_of_message, images_of_row
from ftops.data.rows import (
    KNOWN_ROLES,
    ROLES,
    Fields,
    Finding,
    Found,
    Row,
    first_found,
    hint,
    message_list,
    named,
    not_an_object,
    objects_in,
    other_format,
    unknown_keys,
)
from ftops.data.tools import called_tools, calls_of_message, legacy, replies, tools
from ftops.rules import Limits

CheckMessage: TypeAlias = Callable[[JsonPath, Fields, Limits], Found]

PART_TYPES = ("text", "image_url")
ROW_KEYS = ("messages", "tools", "parallel_tool_calls", "functions")
MESSAGE_KEYS = ("role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call")
REPEATED_ROLES = frozenset(("user", "assistant"))

_KNOWN_MESSAGE_KEYS = frozenset(MESSAGE_KEYS)
_PLAIN_ROW_KEYS = frozenset(("messages",))
_PLAIN_MESSAGE_KEYS = frozenset(("role", "content"))
_PLAIN_ROLES = frozenset(("system", "developer", "user", "assistant"))


def check_chat_row(value: object, limits: Limits) -> list[Finding]:
    """Return every broken rule of one chat row, in no particular order."""
    if not isinstance(value, dict):
        return [not_an_object("a messages array")]
    other = other_format(value, "a supervised job needs chat rows")
    if other is not None:
        return [other]
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        detail = '"messages" must be an array with at least one user and one assistant message.'
        return [Finding("messages-missing", ("messages",), detail)]
    row = Row(value, messages, objects_in(messages), limits)
    return first_found(_of_plain_row(row) if _is_plain(row) else _of_row(row))


def _is_plain(row: Row) -> bool:
    """Tell whether a row has nothing but roles and texts, so that most checks cannot object to it.

    A shortcut for the commonest rows: it makes a check of a file about three times as fast.
    """
    characters_max = row.limits.rows.message_characters_max
    return row.fields.keys() == _PLAIN_ROW_KEYS and all(
        message.keys() == _PLAIN_MESSAGE_KEYS
        and isinstance(role := message["role"], str)
        and role in _PLAIN_ROLES
        and isinstance(content := message["content"], str)
        and 0 < len(content) <= characters_max
        for _, message in row.messages
    )


def _of_plain_row(row: Row) -> Found:
    yield from message_list(row)
    yield from _turns(row)


def _of_row(row: Row) -> Found:
    for check in ROW_CHECKS:
        yield from check(row)
    yield from each_message(row)


def each_message(row: Row) -> Found:
    """Yield what is wrong with single messages."""
    for index, message in row.messages:
        for check_message in MESSAGE_CHECKS:
            yield from check_message((*row.at, index), message, row.limits)


# --- checks of a whole row


def _row_keys(row: Row) -> Found:
    return unknown_keys((), row.fields, ROW_KEYS, "a chat row")


def _turns(row: Row) -> Found:
    roles = row.roles
    if roles is None:
        return  # reported as such
    if "user" not in roles:
        yield Finding("no-user", ("messages",), 'A row needs at least one message with the role "user".')
    if "assistant" not in roles:
        yield Finding(
            "no-assistant", ("messages",), 'A row needs at least one "assistant" message: it is what is learned.'
        )
    elif roles[-1] != "assistant":
        last = ("messages", row.messages[-1][0])
        detail = f'The row ends with the role "{roles[-1]}"; nothing after the last "assistant" message is learned.'
        yield Finding("last-not-assistant", last, detail)
    yield from _repeated(row, roles)


def _repeated(row: Row, roles: list[str]) -> Found:
    for place, (before, role) in enumerate(pairwise(roles), 1):
        if before == role and role in REPEATED_ROLES:
            detail = f'Two "{role}" messages follow each other; join them, unless the answers are meant to be given so.'
            yield Finding("repeated-role", ("messages", row.messages[place][0], "role"), detail)
            return  # Once a row: one that is made so has many.


def _trained(row: Row) -> Found:
    weights = [message.get("weight", 1) for _, message in row.messages if message.get("role") == "assistant"]
    if weights and all(weight == 0 and isinstance(weight, int) for weight in weights):
        detail = 'Every "assistant" message has weight 0, so the row teaches nothing. Set one weight to 1.'
        yield Finding("all-weights-zero", ("messages",), detail)


# --- checks of one message


def _role(at: JsonPath, message: Fields, _limits: Limits) -> Found:
    role = message.get("role")
    if isinstance(role, str) and role in KNOWN_ROLES:
        return
    if "role" not in message:
        yield Finding("unknown-role", (*at, "role"), f"The message has no role; it must be one of {', '.join(ROLES)}.")
    else:
        detail = f"{named(role)} is not a role; it must be one of {', '.join(ROLES)}."
        yield Finding("unknown-role", (*at, "role"), detail + hint(role, ROLES))


def _content(at: JsonPath, message: Fields, limits: Limits) -> Found:
    content, path = message.get("content"), (*at, "content")
    most = limits.rows.message_characters_max
    if content is None:
        if not message.get("tool_calls") and not message.get("function_call"):
            yield Finding(
                "content-missing", path, "Only an assistant message that calls a tool may go without content."
            )
    elif isinstance(content, list):
        yield from _parts(path, content)
    elif not isinstance(content, str):
        yield Finding("content-type", path, "Content must be a text or an array of parts.")
    elif len(content) > most:
        detail = f"The content has {len(content):,} characters; a request takes {most:,}. Shorten or split it."
        yield Finding("long-content", path, detail)
    if content in ("", []):
        yield Finding(
            "empty-content", path, "The content is empty; check whether a text got lost, or leave the row out."
        )


def _parts(path: JsonPath, parts: list[object]) -> Found:
    for index, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(part, dict) or kind not in PART_TYPES:
            detail = 'A part must be an object whose "type" is "text" or "image_url".'
            yield Finding("content-type", (*path, index), detail + hint(kind, PART_TYPES))
        elif kind == "text" and not isinstance(part.get("text"), str):
            yield Finding("content-type", (*path, index), 'A part of type "text" needs its text under "text".')


def _weight(at: JsonPath, message: Fields, _limits: Limits) -> Found:
    if "weight" not in message:
        return
    weight, path = message["weight"], (*at, "weight")
    if isinstance(weight, bool) or not isinstance(weight, int) or weight not in (0, 1):
        detail = "A weight must be the number 0 (not trained on) or 1; for more weight, repeat the row."
        yield Finding("bad-weight", path, detail)
    if message.get("role") != "assistant":
        detail = "Only assistant messages are trained on, so only they take a weight. Remove it here."
        yield Finding("weight-not-assistant", path, detail)


def _message_keys(at: JsonPath, message: Fields, _limits: Limits) -> Found:
    for key in sorted(message.keys() - _KNOWN_MESSAGE_KEYS):
        detail = f"{named(key)} means nothing in a message; the service may ignore or refuse it."
        yield Finding("unknown-message-key", (*at, key), detail + hint(key, MESSAGE_KEYS))


ROW_CHECKS: tuple[Callable[[Row], Found], ...] = (
    _row_keys,
    message_list,
    _turns,
    _trained,
    tools,
    legacy,
    called_tools,
    replies,
    images_of_row,
)
MESSAGE_CHECKS: tuple[CheckMessage, ...] = (
    _role,
    _content,
    _weight,
    _message_keys,
    calls_of_message,
    images_of_message,
)

"""The rules of a preference row (method dpo): an input, and two answers of which the first is preferred."""

from __future__ import annotations

from ftops.data.formats import each_message
from ftops.data.images import image_parts
from ftops.data.rows import (
    KNOWN_ROLES,
    Fields,
    Finding,
    Found,
    Row,
    first_found,
    message_list,
    not_an_object,
    objects_in,
    unknown_keys,
)
from ftops.data.tools import call_ids, called_tools, legacy, replies, tools
from ftops.rules import Limits

ROW_KEYS = ("input", "preferred_output", "non_preferred_output")
INPUT_KEYS = ("messages", "tools", "parallel_tool_calls")
OUTPUTS = ("preferred_output", "non_preferred_output")
OUTPUT_ROLES = ("assistant", "tool")


def check_preference_row(value: object, limits: Limits) -> list[Finding]:
    """Return every broken rule of one preference row, in no particular order."""
    if not isinstance(value, dict):
        return [not_an_object("an input and two outputs")]
    if "messages" in value:
        detail = (
            'The key "messages" shows that this is a chat row; a dpo job needs preference rows. '
            "Use the file for another job, or convert it."
        )
        return [Finding("wrong-format", ("messages",), detail)]
    return first_found(_of_row(value, limits))


def _of_row(fields: Fields, limits: Limits) -> Found:
    yield from unknown_keys((), fields, ROW_KEYS, "a preference row")
    given = fields.get("input")
    asked: Fields = given if isinstance(given, dict) else {}
    yield from _of_input(given, asked, limits)
    messages = asked.get("messages")
    before = objects_in(messages) if isinstance(messages, list) else ()
    calls = frozenset(call for _, message in before for call in call_ids(message))
    for name in OUTPUTS:
        yield from _of_output(name, fields.get(name), asked, calls, limits)
    if fields.get(OUTPUTS[0]) == fields.get(OUTPUTS[1]) and fields.get(OUTPUTS[0]):
        detail = (
            "The preferred and the other answer are equal, so the row teaches nothing. Change one, or leave it out."
        )
        yield Finding("same-outputs", (OUTPUTS[1],), detail)


def _of_input(given: object, asked: Fields, limits: Limits) -> Found:
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        detail = '"input" must be an object whose "messages" has at least one user message.'
        yield Finding("input-missing", ("input", "messages") if isinstance(given, dict) else ("input",), detail)
        return
    row = Row(asked, messages, objects_in(messages), limits, ("input",), ("input", "messages"))
    yield from unknown_keys(("input",), asked, INPUT_KEYS, "the input of a preference row")
    yield from message_list(row)
    yield from _turns(row)
    yield from tools(row)
    yield from legacy(row)
    yield from called_tools(row)
    yield from replies(row)
    yield from each_message(row)
    yield from _images(row)


def _turns(row: Row) -> Found:
    roles = row.roles
    if not roles:
        return  # reported as such
    if "user" not in roles:
        yield Finding("no-user", row.at, 'The input needs at least one message with the role "user".')
    elif roles[-1] != "user":
        detail = f'The input ends with the role "{roles[-1]}"; both answers should answer a "user" message.'
        yield Finding("last-not-user", (*row.at, row.messages[-1][0]), detail)


def _of_output(name: str, listed: object, asked: Fields, calls: frozenset[str], limits: Limits) -> Found:
    if not isinstance(listed, list) or not listed:
        detail = (
            f'"{name}" must be an array with at least one assistant message: the pair of answers is what is learned.'
        )
        yield Finding("output-missing", (name,), detail)
        return
    row = Row(asked, listed, objects_in(listed), limits, ("input",), (name,), calls)
    yield from message_list(row)
    yield from _answers(row)
    yield from called_tools(row)
    yield from replies(row)
    yield from each_message(row)
    yield from _images(row)


def _answers(row: Row) -> Found:
    for index, message in row.messages:
        role = message.get("role")
        if isinstance(role, str) and role in KNOWN_ROLES and role not in OUTPUT_ROLES:
            detail = f'An answer has no "{role}" message, only {" and ".join(OUTPUT_ROLES)}. Move it to the input.'
            yield Finding("output-role", (*row.at, index, "role"), detail)
    roles = row.roles
    if roles is not None and all(role in OUTPUT_ROLES and role != "assistant" for role in roles):
        yield Finding("no-assistant", row.at, 'An answer needs at least one message with the role "assistant".')


def _images(row: Row) -> Found:
    for index, message in row.messages:
        for place, _ in image_parts(message):
            detail = "Images in preference rows are not documented; the service may refuse or drop the row."
            yield Finding("image-in-preference", (*row.at, index, "content", place), detail)

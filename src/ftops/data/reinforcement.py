"""The rules of a reinforcement row: messages that end with the user, and any further fields for the grader to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ftops.data.formats import each_message
from ftops.data.images import image_parts
from ftops.data.rows import (
    Fields,
    Finding,
    Found,
    Row,
    first_found,
    message_list,
    not_an_object,
    objects_in,
    other_format,
    words_of,
)
from ftops.rules import Limits

FieldPath: TypeAlias = tuple[str, ...]
"""The way to a field that a grader reads, such as `("reference", "answer")` for `item.reference.answer`."""

_ABSENT = object()


def check_prompt_row(value: object, limits: Limits, fields: Sequence[FieldPath] = ()) -> list[Finding]:
    """Return every broken rule of one reinforcement row, in no particular order; `fields` are the grader's."""
    if not isinstance(value, dict):
        return [not_an_object("a messages array")]
    other = other_format(value, "a reinforcement job needs rows with messages")
    if other is not None and "messages" not in value:
        return [other]
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        return [
            Finding("messages-missing", ("messages",), '"messages" must be an array that ends with a user message.')
        ]
    row = Row(value, messages, objects_in(messages), limits)
    return [*first_found(_of_messages(row)), *missing_fields(value, fields)]


def _of_messages(row: Row) -> Found:
    yield from message_list(row)
    yield from _turns(row)
    yield from each_message(row)
    for index, message in row.messages:
        yield from _reasoning(index, message, row.limits)
        for place, _ in image_parts(message):
            detail = "No model is known to take images in reinforcement training. Leave the row out."
            yield Finding("image-in-prompt", (*row.at, index, "content", place), detail)


def _turns(row: Row) -> Found:
    roles = row.roles
    if not roles or roles[-1] == "user":
        return
    last = (*row.at, row.messages[-1][0], "role")
    if roles[-1] == "developer":
        detail = 'The row ends with "developer"; one source allows it, the documentation wants "user". Prefer "user".'
        yield Finding("developer-last", last, detail)
    else:
        detail = (
            f"The row ends with \"{roles[-1]}\"; the model's answer is graded, so the last message must be the user's."
        )
        yield Finding("prompt-last-role", last, detail)


def asks_for_reasoning(text: str, limits: Limits) -> str | None:
    """Return the phrase by which a text seems to ask for the model's reasoning, or None."""
    folded = text.casefold()
    return next((phrase for phrase in limits.prompts.reasoning_phrases if phrase in folded), None)


def _reasoning(index: int, message: Fields, limits: Limits) -> Found:
    content = message.get("content")
    if isinstance(content, str) and (phrase := asks_for_reasoning(content, limits)):
        detail = f'The phrase "{phrase}" may get the row refused as an attempt to extract reasoning. Word it otherwise.'
        yield Finding("asks-for-reasoning", ("messages", index, "content"), detail)


def missing_fields(row: Fields, fields: Sequence[FieldPath]) -> Found:
    """Yield the grader's fields that a row does not have: the grader would read nothing there, and score 0."""
    for path in fields:
        inner: object = row
        for step in path:
            inner = inner.get(step, _ABSENT) if isinstance(inner, dict) else _ABSENT
        if inner is _ABSENT:
            where = words_of(path).removeprefix("$.")
            detail = f"The grader reads item.{where}, which this row does not have; it would score 0 without an error."
            yield Finding("grader-field-missing", path, detail)

"""What the rules of all formats are made of: findings, a row on its way through the rules, and names made harmless.

A finding names places, keys, roles and functions, never the text of a message: training data may be confidential, and
what is printed ends in build logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from ftops.data.decode import JsonPath
from ftops.diagnostics import did_you_mean
from ftops.rules import Limits

Fields: TypeAlias = Mapping[str, object]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
KNOWN_ROLES = frozenset(ROLES)
WORD_LENGTH_MAX = 40
"""Characters shown of a name that a row chose: enough for a name, too few for a text that stands in its place."""

FINDINGS_MAX = 10_000
"""Findings of one row: a line of 60 MB may be millions of broken messages."""

_COMPLETION = "this is a prompt/completion row of the retired completions format"
_PREFERENCE = "this is a preference row, for the method dpo"
OTHER_FORMATS: Mapping[str, str] = {
    "instruction": "it is an instruction row as for Alpaca, which no method takes",
    "conversations": "it is a conversation as for ShareGPT, which no method takes",
    "preferred_output": _PREFERENCE,
    "non_preferred_output": _PREFERENCE,
    "input": _PREFERENCE,
    "prompt": _COMPLETION,
    "completion": _COMPLETION,
}
"""What a row without messages is instead, by a key that gives it away."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: its code, the way to the value that breaks it, and the sentences for people."""

    code: str
    path: JsonPath
    detail: str


Found: TypeAlias = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Row:
    """A list of messages: as it stands, and its members that are objects, each with its index.

    `fields` is the object that defines the tools, found at `root` of the row; `at` is where the list stands, and
    `calls` are the ids of tool calls made before it.
    """

    fields: Fields
    listed: list[object]
    messages: tuple[tuple[int, Fields], ...]
    limits: Limits
    root: JsonPath = ()
    at: JsonPath = ("messages",)
    calls: frozenset[str] = frozenset()

    @property
    def roles(self) -> list[str] | None:
        """Return the roles of the messages; None if one is unknown, since nobody knows what it stands for."""
        roles = [message.get("role") for _, message in self.messages]
        known = [role for role in roles if isinstance(role, str) and role in KNOWN_ROLES]
        return known if len(known) == len(roles) else None


def objects_in(listed: list[object]) -> tuple[tuple[int, Fields], ...]:
    """Return the members that are objects, each with its index."""
    return tuple((index, member) for index, member in enumerate(listed) if isinstance(member, dict))


def first_found(found: Iterable[Finding]) -> list[Finding]:
    """Return what was found in a row: of one that is broken in more places than anybody would mend, the first."""
    return list(islice(found, FINDINGS_MAX))


def not_an_object(what: str) -> Finding:
    """Return that a row is no JSON object; `what` it needs is said."""
    return Finding("not-an-object", (), f"A row must be a JSON object in braces, with {what} in it.")


def other_format(fields: Fields, wanted: str) -> Finding | None:
    """Return that the row is for another method; a chat row with one more key, such as `input`, is still one."""
    for key, meaning in OTHER_FORMATS.items():
        if key in fields and ("messages" not in fields or key.endswith("preferred_output")):
            detail = f'The key "{key}" shows that {meaning}; {wanted}. Use the file for another job, or convert it.'
            return Finding("wrong-format", (key,), detail)
    return None


def unknown_keys(at: JsonPath, fields: Fields, known: tuple[str, ...], where: str) -> Found:
    """Yield the keys that mean nothing in a row."""
    for key in sorted(fields.keys() - frozenset(known)):
        detail = f"{named(key)} means nothing in {where}; the service may ignore or refuse it."
        yield Finding("unknown-row-key", (*at, key), detail + hint(key, known))


def message_list(row: Row) -> Found:
    """Yield that the list is too long, or that a member is no object."""
    most = row.limits.rows.messages_max
    if len(row.listed) > most:
        detail = f"The row has {len(row.listed):,} messages; a request takes {most:,}. Split the conversation."
        yield Finding("too-many-messages", row.at, detail)
    for index, message in enumerate(row.listed):
        if not isinstance(message, dict):
            yield Finding("message-shape", (*row.at, index), "A message must be an object with a role and content.")


def words_of(path: JsonPath) -> str:
    """Return a path as people write it: `$.messages[2].content`."""
    return "$" + "".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() and len(step) <= WORD_LENGTH_MAX else f"[{named(step)}]"


def named(text: object) -> str:
    """Return a name out of a row, quoted, made printable and cut."""
    if not isinstance(text, str):
        return "A value that is not text"
    name = "".join(c if c.isprintable() else "?" for c in text[:WORD_LENGTH_MAX])
    return f'"{name}..."' if len(text) > WORD_LENGTH_MAX else f'"{name}"'


def hint(text: object, known: tuple[str, ...]) -> str:
    """Return the near name, unless the text is too long to be one."""
    return did_you_mean(text, known) if isinstance(text, str) and len(text) <= WORD_LENGTH_MAX else ""


def messages_of(row: Fields) -> Iterator[Fields]:
    """Yield the messages of a row of any format that precede its answers, as far as they are objects."""
    asked = row.get("input")
    lists = [row.get("messages"), asked.get("messages") if isinstance(asked, dict) else None]
    return (message for each in lists if isinstance(each, list) for message in each if isinstance(message, dict))


def system_prompt_of(row: Fields) -> str:
    """Return the system prompt that a row begins with, or nothing."""
    first = next(messages_of(row), {})
    role, content = first.get("role"), first.get("content")
    return content if isinstance(content, str) and role in ("system", "developer") else ""

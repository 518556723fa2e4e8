"""The rules of a chat row, as tables of small checks; each yields findings and none knows of files or lines.

A finding names places, keys, roles and functions, never the text of a message: training data may be confidential, and
what is printed ends in build logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ftops.data.decode import BadLine, JsonPath, decode
from ftops.diagnostics import did_you_mean
from ftops.rules import RowLimits

Fields: TypeAlias = Mapping[str, object]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
PART_TYPES = ("text", "image_url")
ROW_KEYS = ("messages", "tools", "parallel_tool_calls", "functions")
MESSAGE_KEYS = ("role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call")
WORD_LENGTH_MAX = 40
"""Characters shown of a name that a row chose: enough for a name, too few for a text that stands in its place."""

KNOWN_ROLES = frozenset(ROLES)
_KNOWN_ROW_KEYS = frozenset(ROW_KEYS)
_KNOWN_MESSAGE_KEYS = frozenset(MESSAGE_KEYS)
_PLAIN_ROW_KEYS = frozenset(("messages",))
_PLAIN_MESSAGE_KEYS = frozenset(("role", "content"))
_PLAIN_ROLES = frozenset(("system", "developer", "user", "assistant"))

_DPO = "this is a preference row; a supervised job needs chat rows. Train it by the method dpo"
_COMPLETION = "this is a prompt/completion row of the retired completions format; a supervised job needs chat rows"
OTHER_FORMATS: Mapping[str, str] = {
    "preferred_output": _DPO,
    "non_preferred_output": _DPO,
    "input": _DPO,
    "prompt": _COMPLETION,
    "completion": _COMPLETION,
}
"""What a row is instead, by a key that gives it away."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: its code, the way to the value that breaks it, and the sentences for people."""

    code: str
    path: JsonPath
    detail: str


@dataclass(frozen=True, slots=True)
class Row:
    """A list of messages: as it stands, and its members that are objects, each with its index.

    `fields` is the object that defines the tools, found at `root` of the row; `at` is where the list stands, and
    `calls` are the ids of tool calls made before it.
    """

    fields: Fields
    listed: list[object]
    messages: tuple[tuple[int, Fields], ...]
    limits: RowLimits
    root: JsonPath = ()
    at: JsonPath = ("messages",)
    calls: frozenset[str] = frozenset()


Found: TypeAlias = Iterator[Finding]


def check_chat_row(value: object, limits: RowLimits) -> list[Finding]:
    """Return every broken rule of one chat row, in no particular order."""
    if not isinstance(value, dict):
        return [Finding("not-an-object", (), "A row must be a JSON object in braces, with a messages array in it.")]
    messages = value.get("messages")
    other = _other_format(value)
    if other is not None:
        return [other]
    if not isinstance(messages, list) or not messages:
        detail = '"messages" must be an array with at least one user and one assistant message.'
        return [Finding("messages-missing", ("messages",), detail)]
    row = Row(value, messages, objects_in(messages), limits)
    return list(_of_plain_row(row) if _is_plain(row) else _of_row(row))


def objects_in(listed: list[object]) -> tuple[tuple[int, Fields], ...]:
    """Return the members that are objects, each with its index."""
    return tuple((index, member) for index, member in enumerate(listed) if isinstance(member, dict))


def _is_plain(row: Row) -> bool:
    """Tell whether a row has nothing but roles and texts, so that most checks cannot object to it.

    A shortcut for the commonest rows: it makes a check of a file about three times as fast.
    """
    characters_max = row.limits.message_characters_max
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


def _other_format(fields: Fields) -> Finding | None:
    """Return that the row is for another method; a chat row with one more key, such as `input`, is still one."""
    for key, meaning in OTHER_FORMATS.items():
        if key in fields and ("messages" not in fields or key.endswith("preferred_output")):
            return Finding("wrong-format", (key,), f'The key "{key}" shows that {meaning}.')
    return None


# --- checks of a whole row


def _row_keys(row: Row) -> Found:
    for key in sorted(row.fields.keys() - _KNOWN_ROW_KEYS):
        detail = f"{named(key)} means nothing in a chat row; the service may ignore or refuse it."
        yield Finding("unknown-row-key", (key,), detail + hint(key, ROW_KEYS))


def message_list(row: Row) -> Found:
    """Yield that the list is too long, or that a member is no object."""
    if len(row.listed) > row.limits.messages_max:
        detail = f"The row has {len(row.listed):,} messages; a request takes {row.limits.messages_max:,}."
        yield Finding("too-many-messages", row.at, detail)
    for index, message in enumerate(row.listed):
        if not isinstance(message, dict):
            yield Finding("message-shape", (*row.at, index), "A message must be an object with a role and content.")


def _turns(row: Row) -> Found:
    roles = [message.get("role") for _, message in row.messages]
    if any(not isinstance(role, str) or role not in KNOWN_ROLES for role in roles):
        return  # reported as such; what a misspelled role stands for is not known
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


def _trained(row: Row) -> Found:
    weights = [message.get("weight", 1) for _, message in row.messages if message.get("role") == "assistant"]
    if weights and all(weight == 0 and isinstance(weight, int) for weight in weights):
        detail = 'Every "assistant" message has weight 0, so the row teaches nothing. Set one weight to 1.'
        yield Finding("all-weights-zero", ("messages",), detail)


def _definitions(row: Row) -> Iterator[tuple[JsonPath, object]]:
    """Yield every defined function, of `tools` and of the older `functions`, with its path; None if malformed."""
    tools, functions = row.fields.get("tools"), row.fields.get("functions")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        sound = isinstance(tool, dict) and tool.get("type") == "function"
        yield (*row.root, "tools", index), tool.get("function") if sound else None
    for index, function in enumerate(functions if isinstance(functions, list) else ()):
        yield (*row.root, "functions", index), function


def _name(function: object) -> str | None:
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None


def tools(row: Row) -> Found:
    """Yield what is wrong with the definitions of tools."""
    for key in ("tools", "functions"):
        value = row.fields.get(key)
        if value is not None and not isinstance(value, list):
            yield Finding("tools-shape", (*row.root, key), f'"{key}" must be an array of definitions.')
    defined: set[str] = set()
    count = 0
    for path, function in _definitions(row):
        count += 1
        name = _name(function)
        if name is None:
            shape = '{"type": "function", "function": {"name": ..., "parameters": ...}}'
            yield Finding("tools-shape", path, f"A tool must look like {shape}.")
        elif name in defined:
            yield Finding(
                "duplicate-tool", path, f"{named(name)} is defined more than once in this row; keep one of them."
            )
        else:
            defined.add(name)
    if count > row.limits.tools_max:
        detail = (
            f"The row defines {count:,} tools; the service takes {row.limits.tools_max}. Leave out what is not called."
        )
        yield Finding("too-many-tools", (*row.root, "tools"), detail)


def _calls(message: Fields) -> Iterator[tuple[JsonPath, object]]:
    """Yield every call of a message, of `tool_calls` and of the older `function_call`, with its path in the message."""
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        sound = isinstance(call, dict) and call.get("type", "function") == "function"
        yield ("tool_calls", index, "function"), call.get("function") if sound else None
    if message.get("function_call") is not None:
        yield ("function_call",), message["function_call"]


def defined_tools(row: Row) -> tuple[str, ...]:
    """Return the names of the tools that a row defines."""
    return tuple(name for _, function in _definitions(row) if (name := _name(function)))


def called_tools(row: Row) -> Found:
    """Yield the calls of tools that are not defined."""
    defined = defined_tools(row)
    if not defined:
        return  # an empty list of tools defines nothing that could be contradicted
    for index, message in row.messages:
        for path, function in _calls(message):
            name = _name(function)
            if name is not None and name not in defined:
                detail = f'{named(name)} is called, but "tools" of this row does not define it.' + hint(name, defined)
                yield Finding("undefined-tool", (*row.at, index, *path, "name"), detail)


def replies(row: Row) -> Found:
    """Yield the replies of tools that nothing has called."""
    called = set(row.calls)
    for index, message in row.messages:
        answered = message.get("tool_call_id")
        called.update(call_ids(message))
        if message.get("role") == "tool" and not (isinstance(answered, str) and answered in called):
            what = "answers a call that no message before it makes" if answered else 'has no "tool_call_id"'
            detail = f'This "tool" message {what}. Give it the id of its call in "tool_calls".'
            yield Finding("dangling-tool-call", (*row.at, index, "tool_call_id"), detail)


def call_ids(message: Fields) -> Iterator[str]:
    """Yield the ids of the calls that a message makes."""
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            yield call["id"]


# --- checks of one message


def _role(at: JsonPath, message: Fields, _limits: RowLimits) -> Found:
    role = message.get("role")
    if isinstance(role, str) and role in KNOWN_ROLES:
        return
    if "role" not in message:
        yield Finding("unknown-role", (*at, "role"), f"The message has no role; it must be one of {', '.join(ROLES)}.")
    else:
        detail = f"{named(role)} is not a role; it must be one of {', '.join(ROLES)}."
        yield Finding("unknown-role", (*at, "role"), detail + hint(role, ROLES))


def _content(at: JsonPath, message: Fields, limits: RowLimits) -> Found:
    content, path = message.get("content"), (*at, "content")
    if content is None:
        if not message.get("tool_calls") and not message.get("function_call"):
            yield Finding(
                "content-missing", path, "Only an assistant message that calls a tool may go without content."
            )
    elif isinstance(content, list):
        yield from _parts(path, content)
    elif not isinstance(content, str):
        yield Finding("content-type", path, "Content must be a text or an array of parts.")
    elif len(content) > limits.message_characters_max:
        detail = f"The content has {len(content):,} characters; a request takes {limits.message_characters_max:,}."
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


def _weight(at: JsonPath, message: Fields, _limits: RowLimits) -> Found:
    if "weight" not in message:
        return
    weight, path = message["weight"], (*at, "weight")
    if isinstance(weight, bool) or not isinstance(weight, int) or weight not in (0, 1):
        detail = "A weight must be the number 0 (not trained on) or 1; for more weight, repeat the row."
        yield Finding("bad-weight", path, detail)
    if message.get("role") != "assistant":
        detail = "Only assistant messages are trained on, so only they take a weight. Remove it here."
        yield Finding("weight-not-assistant", path, detail)


def _message_keys(at: JsonPath, message: Fields, _limits: RowLimits) -> Found:
    for key in sorted(message.keys() - _KNOWN_MESSAGE_KEYS):
        detail = f"{named(key)} means nothing in a message; the service may ignore or refuse it."
        yield Finding("unknown-message-key", (*at, key), detail + hint(key, MESSAGE_KEYS))


def _tool_calls(at: JsonPath, message: Fields, _limits: RowLimits) -> Found:
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        yield Finding("tool-call-shape", (*at, "tool_calls"), '"tool_calls" must be an array of calls.')
    for path, function in _calls(message):
        if not isinstance(function, dict) or _name(function) is None:
            shape = '{"id": ..., "type": "function", "function": {"name": ..., "arguments": "..."}}'
            yield Finding("tool-call-shape", (*at, *path), f"A call must look like {shape}.")
        elif not is_json(function.get("arguments")):
            detail = (
                'Arguments must be a string that holds JSON, such as "{\\"id\\": 7}", not an object and not plain text.'
            )
            yield Finding("arguments-not-json", (*at, *path, "arguments"), detail)


def is_json(text: object) -> bool:
    """Tell whether a value is a text that holds JSON."""
    return isinstance(text, str) and not isinstance(decode(text.encode()), BadLine)


ROW_CHECKS: tuple[Callable[[Row], Found], ...] = (
    _row_keys,
    message_list,
    _turns,
    _trained,
    tools,
    called_tools,
    replies,
)
MESSAGE_CHECKS: tuple[Callable[[JsonPath, Fields, RowLimits], Found], ...] = (
    _role,
    _content,
    _weight,
    _message_keys,
    _tool_calls,
)

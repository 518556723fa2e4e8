"""The rules of tools in a row: their definitions, the calls of them, and the replies to calls."""

from __future__ import annotations

from collections.abc import Iterator

from ftops.data.decode import BadLine, JsonPath, decode
from ftops.data.rows import Fields, Finding, Found, Row, hint, named
from ftops.rules import Limits


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
    most = row.limits.rows.tools_max
    if count > most:
        detail = f"The row defines {count:,} tools; the service takes {most}. Leave out what is not called."
        yield Finding("too-many-tools", (*row.root, "tools"), detail)


def legacy(row: Row) -> Found:
    """Yield that a row uses the deprecated form of tools."""
    if row.fields.get("functions") is not None:
        detail = '"functions" is the deprecated form. Write {"type": "function", "function": ...} under "tools".'
        yield Finding("legacy-functions", (*row.root, "functions"), detail)
    for index, message in row.messages:
        if message.get("function_call") is not None:
            detail = '"function_call" is the deprecated form. Write the call under "tool_calls", with an id.'
            yield Finding("legacy-functions", (*row.at, index, "function_call"), detail)
        elif message.get("role") == "function":
            detail = 'The role "function" is the deprecated form. Write "tool", with the "tool_call_id" of its call.'
            yield Finding("legacy-functions", (*row.at, index, "role"), detail)


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


def calls_of_message(at: JsonPath, message: Fields, _limits: Limits) -> Found:
    """Yield what is wrong with the calls of one message."""
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

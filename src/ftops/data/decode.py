"""One line of JSON to a value, or the reason and place why it is none; and where a JSON path stands in a line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

JsonPath: TypeAlias = tuple[str | int, ...]
"""The way from a row to a value in it, such as `("messages", 2, "content")`."""

NESTING_MAX = 256
"""Levels of objects and arrays that a line may have. Far more than any row needs; without it the limit would be the
interpreter's, which counts the calls that lead to the decoder too, so that one line could pass here and fail there."""

# No type is given: the decoder then makes only plain values, and nothing in a row can choose what is made.
_decoder = msgspec.json.Decoder(object)
_encode = msgspec.json.Encoder().encode
_positioned = re.compile(r"JSON is malformed: (?P<reason>.*) \(byte (?P<position>\d+)\)")

_REASONS: Mapping[str, str] = {
    "expected ':'": 'a ":" is missing between a key and its value',
    "expected ',' or '}'": 'a "," or the closing "}" is missing',
    "expected ',' or ']'": 'a "," or the closing "]" is missing',
    "object keys must be strings": "a key is not in double quotes",
    "trailing characters": "something follows the row on the same line: every row needs a line of its own",
    "trailing comma in array": 'a "," stands before the closing "]"',
    "trailing comma in object": 'a "," stands before the closing "}"',
    "invalid number": "a number is not written as JSON wants it",
    "invalid escape character in string": 'a "\\" in a text starts no known escape; write "\\\\" for a backslash',
    "invalid character in unicode escape": 'a "\\u" needs four hexadecimal digits',
}
"""The decoder's reasons in our words."""

_LONE_SURROGATE = "half of a surrogate pair stands alone in a \\u escape; such text cannot be written as UTF-8"
_BY_BYTE: Mapping[int, str] = {
    ord("'"): "a single quote stands where JSON wants a double quote",
    ord("N"): "NaN is not a JSON value",
    ord("I"): "Infinity is not a JSON value",
    ord("T"): "True is not a JSON value; JSON writes true",
    ord("F"): "False is not a JSON value; JSON writes false",
}


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds no JSON value: the catalogue's code, the byte, and a reason without user data."""

    code: str
    position: int
    reason: str


_TOO_DEEP = BadLine("bad-json", 0, "it is nested too deeply")
_text = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|$)', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def decode(data: bytes) -> object:
    """Return the JSON value of one line, or a BadLine.

    A BadLine stands for what is not UTF-8 or not JSON, is nested too deeply, or has a number out of range.
    """
    try:
        value = _decoder.decode(data)
    except RecursionError:
        return _TOO_DEEP
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        return _TOO_DEEP if too_deep(data) else _explained(data, error)
    return _TOO_DEEP if too_deep(data) else value


def too_deep(data: bytes) -> bool:
    """Tell whether a line, of JSON or nearly so, is nested more deeply than is read."""
    if data.count(b"[") + data.count(b"{") <= NESTING_MAX:
        return False
    levels = 0
    for bracket in _text.sub(b"", data).translate(None, delete=_NO_BRACKETS):
        levels += 1 if bracket in b"[{" else -1
        if levels > NESTING_MAX:
            return True
    return False


def _explained(data: bytes, cause: Exception) -> BadLine:
    """Return the problem with the encoding of the whole line, else with its JSON.

    The decoder knows the place of a bad byte only within one text, and outside of texts it calls one a bad character.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return BadLine(
            "not-utf8", error.start, f"byte 0x{data[error.start]:02x} is not part of UTF-8 text; save the file as UTF-8"
        )
    if isinstance(cause, msgspec.ValidationError):
        return BadLine("bad-json", 0, "a number is too large to be read exactly")
    return _not_json(data, str(cause))


def _not_json(data: bytes, message: str) -> BadLine:
    if data.strip() in _OF_ARRAY:
        return BadLine("bad-json", 0, "the rows stand in an array: write them without brackets, one a line")
    found = _positioned.fullmatch(message)
    if found is None:  # the decoder says that the input ended early, also after an escape that wants a second one
        cut = 'the line ends before its JSON does: a "}", "]" or quote is missing, or the row goes on in the next line'
        return BadLine("bad-json", max(len(data) - 1, 0), _LONE_SURROGATE if _complete(data) else cut)
    position, reason = int(found["position"]), found["reason"]
    if "surrogate" in reason or "escaped utf-16" in reason:
        return BadLine("bad-json", position, _LONE_SURROGATE)
    if reason == "trailing characters":
        position -= 1  # The decoder has read the first one already.
        if data[position:].strip() == b",":
            return BadLine("bad-json", position, _COMMA)
    if reason == "invalid character" and position < len(data):
        return BadLine("bad-json", position, _stray(data, position))
    return BadLine("bad-json", position, _REASONS.get(reason, _UNEXPECTED))


def _complete(data: bytes) -> bool:
    """Tell whether a more lenient parser reads the line to its end."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


_OF_ARRAY = (b"[", b"]", b"],")
_COMMA = "a comma stands behind the row: between rows there is only a line break"
_UNEXPECTED = "a character stands where JSON allows none"


def _stray(data: bytes, position: int) -> str:
    byte = data[position]
    if data.startswith(b"None", position):
        return "None is not a JSON value; JSON writes null"
    if byte < ord(" "):
        return "a text holds a raw control character; write it as an escape such as \\n or \\t"
    return _BY_BYTE.get(byte, f"{_UNEXPECTED} (is a quote missing?)")


def column_of(data: bytes, position: int) -> int:
    """Return the column, in characters from 1, of a byte position in a line."""
    return len(data[:position].decode("utf-8", "replace")) + 1


_skipping = json.JSONDecoder(parse_int=str, parse_float=str)
_space = re.compile(r"[ \t\r\n]*")


def locate(data: bytes, path: JsonPath) -> int:
    """Return the column, in characters from 1, where the value at `path` begins in a line of valid JSON.

    Where the path ends early (a key that is absent), it is the column of the last value on the way. Read only for the
    few places that are printed, so the fast decoder need not keep positions.
    """
    text = data.decode("utf-8")
    at = _past_space(text, 0)
    for step in path:
        try:
            found = _member(text, at, step)
        except RecursionError:
            break  # the fast decoder goes deeper than this one
        if found is None:
            break
        at = found
    return at + 1


def _past_space(text: str, at: int) -> int:
    found = _space.match(text, at)
    return found.end() if found else at


def _member(text: str, at: int, step: str | int) -> int | None:
    """Return where the member `step` of the object or array at `at` begins; of equal keys the last one counts."""
    if text[at] not in "{[":
        return None
    keyed, last, index = text[at] == "{", None, 0
    at = _past_space(text, at + 1)
    while text[at] not in "}]":
        key: str | int = index
        if keyed:
            key, at = _skipping.raw_decode(text, at)
            at = _past_space(text, _past_space(text, at) + 1)
        if key == step:
            last = at
        at = _past_space(text, _skipping.raw_decode(text, at)[1])
        at = _past_space(text, at + 1) if text[at] == "," else at
        index += 1
    return last


def has_each_key_once(data: bytes, value: object) -> bool:
    """Tell whether a line surely has no key that is written twice in one object; False says nothing.

    The value that was read of it lacks what the line repeats. So it is written anew and colons are counted, which stand
    behind keys and within texts: there are as many if no key got lost. Only a colon that is an escape could hide one.
    """
    try:
        return data.count(b":") == _encode(value).count(b":") and b"\\u003" not in data
    except RecursionError:
        return False


class _RepeatedKey(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def repeated_key(data: bytes) -> JsonPath | None:
    """Return the way to a key that is written twice in one object of a line of valid JSON, or None.

    A pass of its own with a slower parser, which is why it is asked for: the fast one takes the last value and is
    silent. The way is the key alone, where it first is found, since the parser goes from the inside out.
    """
    try:
        json.loads(data, object_pairs_hook=_no_key_twice)
    except _RepeatedKey as found:
        return _way_to(data, found.key)
    except (ValueError, RecursionError):
        return None
    return None


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedKey(key)
            seen.add(key)
    return made


def _way_to(data: bytes, key: str) -> JsonPath:
    """Return the way to the first object that has a key twice; its pairs are kept as pairs to be told apart."""

    def search(pairs: object, way: JsonPath) -> JsonPath | None:
        if isinstance(pairs, _Pairs):
            keys = [name for name, _ in pairs.listed]
            if keys.count(key) > 1:
                return (*way, key)
            members: list[tuple[str | int, object]] = list(pairs.listed)
        else:
            members = list(enumerate(pairs)) if isinstance(pairs, list) else []
        for step, inner in members:
            if (found := search(inner, (*way, step))) is not None:
                return found
        return None

    return search(json.loads(data, object_pairs_hook=_Pairs), ()) or (key,)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """An object as its pairs, of which two may have one key."""

    listed: list[tuple[str, object]]

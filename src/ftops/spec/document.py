"""YAML bytes to trees of nodes with a place for every key and value, built from the C parser's events.

Events, because `yaml.load` and `compose` crash the interpreter on deep nesting, tell no places and let the last of two
equal keys win. Nothing here raises for any input: what is wrong with a text is returned as problems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import yaml

from ftops.spec.builder import HANDLERS, Builder, Event, Stop
from ftops.spec.nodes import Tree
from ftops.spec.syntax import problem_of
from ftops.spec.text import Problem, Region, Text

_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that YAML refuses."""
_BOM = "\ufeff"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds: its documents that are not empty, and the problem that ended the reading, if one did.

    `unread` is the text that could not be read, from the beginning of the broken document.
    """

    text: Text
    trees: tuple[Tree, ...] = ()
    problem: Problem | None = None
    unread: str = ""


def parse(data: bytes, file: str) -> Parsed:
    """Return the documents of a file that is shown by this name; documents before a broken one are returned.

    Of what looks like rows of a dataset nothing is shown: training data may be confidential.
    """
    if file.endswith(ROWS_SUFFIX) or _ROWS.match(data):
        return Parsed(Text(file, ""), problem=Problem(1, 1, "not-a-document", _ROWS_ARE_DATA))
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(data, file, error)
    text = Text(file, decoded.removeprefix(_BOM))
    refused = _NOT_TEXT.search(text.text)
    if refused:
        line, column = _place(text.text[: refused.start()])
        detail = f"The character U+{ord(refused[0]):04X} may not stand in YAML; take it out, or write it as an escape."
        return Parsed(text, problem=Problem(line, column, "not-text", detail), unread=text.text)
    return _Reader(text).read()


ROWS_SUFFIX = ".jsonl"
_ROWS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{(?![^\n]*apiVersion)"
    rb"[^\n]*\"(?:messages|input|preferred_output|prompt|instruction|conversations)\"[ \t]*:"
)
"""A first line that is an object with a key of some dataset, and no document of ours."""
_ROWS_ARE_DATA = (
    'These are rows of data and no specs. Name the file in a Dataset ("spec: {file: …}"), which is checked with all '
    "rules."
)


class _Reader:
    """Reads the documents of one text."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.builders: list[Builder] = []
        self.begin_line = 0

    def read(self) -> Parsed:
        problem, unread = None, ""
        try:
            self._events()
        except Stop as stop:
            problem = stop.problem
        except yaml.YAMLError as error:
            problem = problem_of(error, self.text)
        if problem is not None:
            unread = "\n".join(self.text.text.splitlines()[self.begin_line :])
        secrets: list[Region] = [region for builder in self.builders for region in builder.secrets]
        text = Text(self.text.file, self.text.text, tuple(secrets))
        complete = [builder for builder in self.builders if builder.root is not None]
        trees = [Tree(text, b.root, tuple(b.problems)) for b in complete if b.root and b.root.value is not None]
        return Parsed(text, tuple(trees), problem, unread)

    def _events(self) -> None:
        get_event = yaml.CSafeLoader(self.text.text).get_event
        builder = Builder()
        while True:
            event = cast("Event", get_event())
            kind: type[object] = type(event)
            handler = HANDLERS.get(kind)
            if handler is not None:
                handler(builder, event)
            elif kind is yaml.DocumentStartEvent:
                builder = Builder()
                self.builders.append(builder)
                self.begin_line = event.start_mark.line
            elif kind is yaml.StreamEndEvent:
                return


def _not_utf8(data: bytes, file: str, error: UnicodeDecodeError) -> Parsed:
    readable = data.decode("utf-8", "replace")
    line, column = _place(data[: error.start].decode("utf-8", "replace"))
    if data.startswith(_UTF16):
        detail = "The file is UTF-16, as some Windows programs write it; save it as UTF-8."
        return Parsed(Text(file, ""), problem=Problem(1, 1, "not-text", detail), unread=readable)
    detail = f"The byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8."
    return Parsed(Text(file, readable), problem=Problem(line, column, "not-text", detail), unread=readable)


def _place(before: str) -> tuple[int, int]:
    """Return the line and column that follow a text."""
    lines = f"{before}x".splitlines()
    return len(lines), len(lines[-1])

"""Every code a dataset check can report: how bad it is, its fixed summary, and the rule behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ftops.diagnostics import Severity


class Check(NamedTuple):
    """One row of the catalogue; `rule` is the id in the service rules (F file, S chat, T tools, P preferences)."""

    severity: Severity
    summary: str
    rule: str


_E, _W = Severity.ERROR, Severity.WARNING

CATALOGUE: Mapping[str, Check] = {
    # the file
    "unreadable-file": Check(_E, "The data file cannot be read", "F000"),
    "git-lfs-pointer": Check(_E, "The file is a Git LFS pointer", "F000"),
    "not-utf8": Check(_E, "Not UTF-8", "F001"),
    "bad-json": Check(_E, "Not valid JSON", "F003"),
    "not-an-object": Check(_E, "A row is not a JSON object", "F003"),
    "too-few-rows": Check(_E, "Too few rows to train on", "F004"),
    "large-upload": Check(_W, "A large file", "F005"),
    "file-too-large": Check(_E, "The file is too large", "F005"),
    "line-too-long": Check(_E, "A line is too long to check", "F005"),
    "blank-line": Check(_W, "Blank line", "F006"),
    "wrong-format": Check(_E, "A row of another training method", "F009"),
    # the row and its messages
    "unknown-row-key": Check(_W, "Unknown key in a row", "F009"),
    "messages-missing": Check(_E, "A row without messages", "S101"),
    "message-shape": Check(_E, "A message is not an object", "S101"),
    "too-many-messages": Check(_W, "Too many messages in a row", "S101"),
    "unknown-role": Check(_E, "Unknown role", "S102"),
    "no-user": Check(_E, "No user message in a row", "S103"),
    "no-assistant": Check(_E, "No assistant message in a row", "S104"),
    "last-not-assistant": Check(_W, "The last message is not the assistant's", "S105"),
    "content-missing": Check(_E, "A message without content", "S106"),
    "content-type": Check(_E, "Content is neither text nor parts", "S106"),
    "empty-content": Check(_W, "Empty content", "S107"),
    "long-content": Check(_W, "Content longer than a request allows", "S107"),
    "bad-weight": Check(_E, "A weight is neither 0 nor 1", "S108"),
    "weight-not-assistant": Check(_E, "A weight on a message that is not trained on", "S109"),
    "all-weights-zero": Check(_W, "A row that trains nothing", "S110"),
    "unknown-message-key": Check(_W, "Unknown key in a message", "S111"),
    # tools
    "tool-call-shape": Check(_E, "A tool call is malformed", "T201"),
    "arguments-not-json": Check(_E, "Arguments are not a string of JSON", "T201"),
    "undefined-tool": Check(_E, "A tool is called that is not defined", "T202"),
    "dangling-tool-call": Check(_W, "A tool reply without its call", "T203"),
    "too-many-tools": Check(_E, "Too many tools in a row", "T205"),
    "duplicate-tool": Check(_E, "A tool is defined twice", "T206"),
    "tools-shape": Check(_E, "A tool definition is malformed", "T207"),
    # preference rows
    "input-missing": Check(_E, "A preference row without input", "P401"),
    "output-missing": Check(_E, "A preference row without both answers", "P401"),
    "output-role": Check(_E, "A role that an answer may not have", "P402"),
    "same-outputs": Check(_W, "Both answers are the same", "P403"),
    "last-not-user": Check(_W, "The input does not end with the user", "P404"),
    "image-in-preference": Check(_W, "An image in a preference row", "P405"),
}
"""The codes in the order they are documented."""

"""The text of a spec file: its lines, what of them may be shown, and problems with their source line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ftops.diagnostics import Diagnostic, Severity, Span
from ftops.spec.codes import SUMMARIES

EXCERPT_CHARACTERS_MAX = 160
EXCERPT_BEFORE = 80
"""Characters shown before the column when a long line is cut on the left; `render/diagnostics.py` puts its caret so."""
HIDDEN = "…"
TAB_COLUMNS = 8
KEY_CHARACTERS_MAX = 128

_SECRET_KEY = re.compile(
    r"(?:apikeys?|passwords?|passwd|secrets?|token|accesskey|accountkey|connectionstring|credentials?|authorization)$"
)
_VALUES_SHOWN = {
    "auth": re.compile(r"[ \t]*[\"']?(?:entra\b|[{#]|$)"),
    "apiKeyEnv": re.compile(r"[ \t]*[\"']?(?:AZURE_OPENAI_|FTOPS_)[A-Z0-9_]*(?![A-Za-z0-9+/=-])"),
}
"""Keys whose value a person may have mixed up with the secret itself; only what looks right is shown."""
_IN_URL = re.compile(
    r"://[^/\s@\"']+@|[?&](?:api-?key|code|key|token|access_token|subscription-key|awsaccesskeyid|x-(?:amz|goog)-[a-z-]+)=",
    re.IGNORECASE,
)
_NOT_WORD = re.compile(r"[^a-z0-9]")
_SIGNATURE = re.compile(r"\b(sig(?:nature)?=)[^&\s\"'…]+", re.IGNORECASE)
_KEY_IN_LINE = re.compile(rf"(?<![\w.-])([\w.-]{{1,{KEY_CHARACTERS_MAX}}})[\"']?[ \t]*(?::|$)")


class Region(NamedTuple):
    """Where a secret value stands: lines and columns from 0, as the YAML parser counts them."""

    first_line: int
    first_column: int
    last_line: int


class Problem(NamedTuple):
    """A problem at a place of a text whose summary goes by its code."""

    line: int
    column: int
    code: str
    detail: str


@lru_cache(maxsize=4096)
def looks_secret(key: str) -> bool:
    """Tell whether values under this key must not be shown; `apiKeyEnv` names a variable and is no secret."""
    return bool(_SECRET_KEY.search(_NOT_WORD.sub("", key[-KEY_CHARACTERS_MAX:].lower())))


def is_signed(value: str) -> bool:
    """Tell whether a value holds a URL with a signature, which is as good as a password."""
    return "=" in value and _SIGNATURE.search(value) is not None


def without_signature(words: str) -> str:
    """Return the words with the signatures of URLs left out."""
    return _SIGNATURE.sub(rf"\g<1>{HIDDEN}", words)


@dataclass(frozen=True, slots=True)
class Text:
    """One file: the name it is shown by, its text, and where the parser saw secrets in it."""

    file: str
    text: str
    secrets: tuple[Region, ...] = ()

    def span(self, line: int, column: int) -> Span:
        """Return a place in the file."""
        return Span(self.file, line, column)

    def excerpt(self, line: int, column: int) -> str:
        """Return a source line without its secrets, cut around the column if it is very long; empty past the end."""
        lines = _lines(self.text)
        if not 1 <= line <= len(lines):
            return ""
        shown = lines[line - 1]
        cut = _hidden(self.text, self.secrets).get(line - 1)
        if cut is not None:
            shown = f"{shown[:cut].rstrip()} {HIDDEN}"
        return window(shown, column)

    def diagnostic(self, problem: Problem) -> Diagnostic:
        """Return a problem as a diagnostic with its source line."""
        line, column, code, detail = problem
        return Diagnostic(
            span=self.span(line, column),
            code=code,
            summary=SUMMARIES[code],
            detail=without_signature(detail),
            severity=Severity.ERROR,
            excerpt=self.excerpt(line, column),
        )

    def character(self, line: int, column: int) -> str:
        """Return the character at a place; empty at the end of a line."""
        return _lines(self.text)[line - 1][column - 1 : column]

    def within(self, line: int, column: int) -> tuple[int, int]:
        """Return a place with those past the last line moved to the end of what is written."""
        lines = _lines(self.text)
        if line <= len(lines):
            return line, column
        return (len(lines), len(lines[-1]) + 1) if lines else (1, 1)


def window(shown: str, column: int) -> str:
    """Return a line, cut around the column if it is very long."""
    if len(shown) <= EXCERPT_CHARACTERS_MAX:
        return shown
    if column <= EXCERPT_CHARACTERS_MAX:
        return f"{shown[:EXCERPT_CHARACTERS_MAX]}{HIDDEN}"
    begin = min(column, len(shown)) - EXCERPT_BEFORE
    end = begin + EXCERPT_CHARACTERS_MAX - 2  # No longer than the column it is cut for: so the caret is found.
    return f"{HIDDEN}{shown[begin:end]}{HIDDEN if end < len(shown) else ''}"


@lru_cache(maxsize=16)
def _lines(text: str) -> tuple[str, ...]:
    """Return the lines as the parser counts them; for the characters it lets through, `splitlines` breaks alike."""
    return tuple(text.splitlines())


@lru_cache(maxsize=16)
def _hidden(text: str, secrets: tuple[Region, ...]) -> Mapping[int, int]:
    """Return, by line from 0, the column from which a line must not be shown.

    The parser's regions are exact, but end where it stopped; the lines are searched as well, so that the rest of a
    broken file is covered.
    """
    lines = _lines(text)
    hidden: dict[int, int] = {}
    for line, column in (*_columns(lines, secrets), *_secret_lines(lines)):
        hidden[line] = min(column, hidden.get(line, column))
    return hidden


def _columns(lines: tuple[str, ...], secrets: Iterable[Region]) -> Iterable[tuple[int, int]]:
    for region in secrets:
        yield region.first_line, region.first_column
        for line in range(region.first_line + 1, min(region.last_line + 1, len(lines))):
            yield line, len(lines[line]) - len(lines[line].lstrip())


def _secret_lines(lines: Iterable[str]) -> Iterable[tuple[int, int]]:
    """Yield what looks secret line by line: signatures, and whatever is indented under a secret-looking key."""
    under: int | None = None
    for number, line in enumerate(lines):
        body = line.lstrip()
        indent = _indent(line)
        if not body:
            continue
        if under is not None and (indent > under or (indent == under and body[0] in "-:")):
            yield number, len(line) - len(body)
            continue
        under = None
        for signature in filter(None, (_SIGNATURE.search(line), _IN_URL.search(line))):
            yield number, signature.start()
        key = next((m for m in _KEY_IN_LINE.finditer(line) if looks_secret(m[1]) or _mixed_up(m, line)), None)
        if key:
            yield number, key.end()
            before = line[: key.start(1)]
            under = _indent(before + "x") if before.strip(" \t-") else len(before.expandtabs(TAB_COLUMNS))


def _mixed_up(key: re.Match[str], line: str) -> bool:
    """Tell whether a key's value looks like a secret that was written instead of its name."""
    shown = _VALUES_SHOWN.get(key[1])
    return shown is not None and shown.match(line, key.end()) is None


def _indent(line: str) -> int:
    return len(line[: len(line) - len(line.lstrip())].expandtabs(TAB_COLUMNS))

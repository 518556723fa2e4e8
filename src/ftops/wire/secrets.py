"""Secrets that a body takes from the environment, and the answers that repeat them.

The value of a variable exists here, between the look-up and the request, and nowhere else: no plan, journal, log or
error holds it. What the service says of it, in an error or in the state of a file, loses it before it is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit

from ftops.call import FromEnv
from ftops.errors import WireError
from ftops.redaction import HIDDEN
from ftops.urls import is_secret, wrong_source
from ftops.variables import NAMED_BY_SPECS

T = TypeVar("T")

TELLING_CHARACTERS_MIN = 12
"""Shorter values of a query (a date, a letter for a right) are no secret, and would hide innocent words."""


_OTHERWISE: Mapping[str, str] = {
    "&": r"|&amp;|\\+u0026",
    "/": r"|\\+/|\\+u002[fF]",
    "=": r"|\\+u003[dD]",
    "+": r"|\\+u002[bB]| ",
}
"""How programs write a character of a URL, besides by its code; JSON may stand inside a text of JSON."""


@dataclass(slots=True)
class Secrets:
    """Texts that must not be told again, in every spelling that a service may repeat them in."""

    patterns: dict[str, re.Pattern[str]] = field(default_factory=dict)

    @classmethod
    def among(cls, environ: Mapping[str, str]) -> Secrets:
        """Return the URLs with secrets that the environment holds for specs: an earlier run may have sent them."""
        secrets = cls()
        for name, value in environ.items():
            if name.startswith(NAMED_BY_SPECS) and "://" in value and is_secret(value.strip()):
                secrets.learn(value.strip())
        return secrets

    def learn(self, url: str) -> None:
        """Take note of a URL: the whole of it, its place, its query, and every value in that."""
        parts = urlsplit(url)
        values = [each.partition("=")[2] for each in parts.query.split("&")]
        place = url.partition("?")[0].partition("#")[0]
        for text in (url, place, parts.query, parts.password or "", *values):
            if len(text) >= TELLING_CHARACTERS_MIN and text not in self.patterns:
                self.patterns[text] = re.compile("".join(map(_spelled, unquote(text))))

    def told_in(self, text: str) -> bool:
        """Tell whether the text of an answer, JSON or not, holds one."""
        return any(pattern.search(text) for pattern in self.patterns.values())

    def hidden(self, value: T) -> T:
        """Return a text, or a JSON value with all its texts, without the secrets."""
        return cast("T", self._hidden(value)) if self.patterns else value

    def _hidden(self, value: object) -> object:
        if isinstance(value, str):
            for pattern in self.patterns.values():
                value = pattern.sub(HIDDEN, value)
            return value
        if isinstance(value, Mapping):
            return {key: self._hidden(inner) for key, inner in value.items()}
        return [self._hidden(inner) for inner in value] if isinstance(value, list) else value


def _spelled(char: str) -> str:
    """Return a pattern of a character as it is, or encoded once or more, in either case."""
    codes = "".join(f"%(?:25)*{''.join(f'[{c}{c.upper()}]' for c in f'{byte:02x}')}" for byte in char.encode())
    return f"(?:{re.escape(char)}|{codes}{_OTHERWISE.get(char, '')})"


def resolved(body: object, environ: Mapping[str, str], secrets: Secrets) -> object:
    """Return a body with the values of the variables that it names.

    Raises: WireError, before anything is sent, when one is not set or holds no URL that the service could read.
    """
    if not isinstance(body, Mapping):
        return body
    return {
        key: _value(inner, environ, secrets) if isinstance(inner, FromEnv) else inner for key, inner in body.items()
    }


def _value(named: FromEnv, environ: Mapping[str, str], secrets: Secrets) -> str:
    value = environ.get(named.name, "").strip()
    if not value:
        raise WireError(f"the environment variable {named.name} is not set, so nothing was sent; set it to the URL")
    wrong = wrong_source(value)
    if wrong:
        raise WireError(f"{named.name} holds no URL that the service could read, so nothing was sent: {wrong}")
    secrets.learn(value)
    return value

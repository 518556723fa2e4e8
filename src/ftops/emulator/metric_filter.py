"""The `$filter` of a metrics query: which values of which dimensions, and so which series.

As in Azure Monitor `or` binds tighter than `and` and joins values of one dimension only, and only one dimension can be
a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ftops.emulator.messages import ServiceError

ANY = "*"
_TOKEN = re.compile(r"\s*(?:(?P<mark>[()])|'(?P<text>(?:[^']|'')*)'|(?P<word>[^\s()']+))")


@dataclass(frozen=True, slots=True)
class Condition:
    """The values of one dimension, in lower case; `*` stands for every value."""

    dimension: str
    values: frozenset[str]

    def fits(self, dimensions: Mapping[str, str]) -> bool:
        """Tell whether a call has one of the values."""
        return ANY in self.values or dimensions[self.dimension].lower() in self.values


def bad(message: str) -> ServiceError:
    """Return the 400 of Azure Monitor."""
    return ServiceError(400, "BadRequest", message)


def parse(text: str, dimensions: Iterable[str]) -> tuple[Condition, ...]:
    """Return the conditions that all have to hold, in the order in which they are written.

    Args: dimensions: those that every metric of the query has.
    Raises: ServiceError (400) for what Azure Monitor does not accept.
    """
    found = _Parser(text, {name.lower(): name for name in dimensions}).conditions()
    names = [condition.dimension for condition in found]
    if len(set(names)) < len(names):
        raise bad("The filter names a dimension twice; values of one dimension are joined by 'or'.")
    if sum(ANY in condition.values for condition in found) > 1:
        raise bad("Only one dimension of the filter can be a wildcard.")
    return tuple(found)


class _Parser:
    """Reads `and` of `or` of comparisons, with parentheses around any of them."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self._tokens = _tokens(text)
        self._names = names

    def conditions(self) -> list[Condition]:
        found = self._all()
        if self._tokens:
            raise bad(f"The filter goes on unexpectedly at '{self._tokens[0][1]}'.")
        return found

    def _all(self) -> list[Condition]:
        found = self._any()
        while self._taken("and"):
            found += self._any()
        return found

    def _any(self) -> list[Condition]:
        found = self._one()
        while self._taken("or"):
            other = self._one()
            if len(found) > 1 or len(other) > 1 or found[0].dimension != other[0].dimension:
                raise bad("The logical operator 'or' cannot separate two different dimensions.")
            found = [Condition(found[0].dimension, found[0].values | other[0].values)]
        return found

    def _one(self) -> list[Condition]:
        if self._taken("("):
            found = self._all()
            self._expect(")")
            return found
        name = self._next("word").lower()
        if name not in self._names:
            raise bad(f"The dimension '{name}' is not one of {', '.join(sorted(self._names.values()))}.")
        self._expect("eq")
        return [Condition(self._names[name], frozenset({self._next("text").replace("''", "'").lower()}))]

    def _taken(self, word: str) -> bool:
        if not self._tokens or self._tokens[0][0] == "text" or self._tokens[0][1].lower() != word:
            return False
        self._tokens.pop(0)
        return True

    def _expect(self, word: str) -> None:
        if not self._taken(word):
            raise bad(f"The filter lacks '{word}'.")

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise bad("The filter is not of the form: dimension eq 'value'.")
        return self._tokens.pop(0)[1]


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, place, text = [], 0, text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise bad("The filter has a text that does not end.")
        tokens.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
        place = match.end()
    return tokens

"""How tables of rules are read: typed, complete, and each with its origin.

A missing, unknown or mistyped key is a bug of the package and raises.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from importlib.resources import files
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """Since when and from where a fact is known."""

    as_of: date
    source: str


class Bom(StrEnum):
    """What becomes of a byte-order mark when a file is sent; its identity leaves it out in any case."""

    KEEP = "keep"
    ADD = "add"
    STRIP = "strip"


@dataclass(frozen=True, slots=True)
class Range:
    """The values a hyperparameter may take: `min` and `max` included, `above` excluded, each where it is known."""

    type: str
    max: float | None
    min: float | None
    above: float | None

    def holds(self, value: float) -> bool:
        """Tell whether a value is of the type and inside the range; a truth value never is."""
        if isinstance(value, bool) or (self.type == "integer" and value % 1 != 0):
            return False
        high_enough = value >= self.min if self.min is not None else self.above is None or value > self.above
        return high_enough and not math.isnan(value) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        """Return the range in words, such as `a whole number from 1 to 50`."""
        kind = "a whole number" if self.type == "integer" else "a number"
        if self.max is None:
            return f"{kind} {f'of at least {self.min:g}' if self.min is not None else f'above {self.above:g}'}"
        low = f"from {self.min:g}" if self.min is not None else f"above {self.above:g}"
        return f"{kind} {low} {'to' if self.min is not None else 'and at most'} {self.max:g}"


def as_integer(value: object) -> int:
    """Return a whole number; raises TypeError for anything else, truth values too."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value


def as_number(value: object) -> float:
    """Return a number; raises TypeError for anything else."""
    return value if isinstance(value, float) else as_integer(value)


def as_text(value: object) -> str:
    """Return a text; raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def as_flag(value: object) -> bool:
    """Return a truth value; raises TypeError for anything else."""
    if not isinstance(value, bool):
        raise TypeError(f"not a truth value: {value!r}")
    return value


def as_date(value: object) -> date:
    """Return a date; raises TypeError for anything else."""
    if not isinstance(value, date):
        raise TypeError(f"not a date: {value!r}")
    return value


def as_list(value: object) -> list[object]:
    """Return a list; raises TypeError for anything else."""
    if not isinstance(value, list):
        raise TypeError(f"not a list: {value!r}")
    return value


def as_texts(value: object) -> tuple[str, ...]:
    """Return a list of texts as a tuple; raises TypeError for anything else."""
    return tuple(as_text(item) for item in as_list(value))


def as_table(value: object) -> dict[str, object]:
    """Return a table; raises TypeError for anything else."""
    if not isinstance(value, dict):
        raise TypeError(f"not a table: {value!r}")
    return value


_CONVERT: Mapping[str, Callable[[object], object]] = {
    "int": as_integer,
    "float": as_number,
    "float | None": lambda value: None if value is None else as_number(value),
    "str": as_text,
    "bool": as_flag,
    "date": as_date,
    "date | None": lambda value: None if value is None else as_date(value),
    "tuple[str, ...]": as_texts,
    "tuple[int, ...]": lambda value: tuple(as_integer(each) for each in as_list(value)),
    "Mapping[str, float]": lambda value: {name: as_number(each) for name, each in as_table(value).items()},
    "re.Pattern[str]": lambda value: re.compile(as_text(value)),
    "Bom": lambda value: Bom(as_text(value)),
    "Range": lambda value: built(Range, {"min": None, "above": None, "max": None, **as_table(value)}),
    "Origin": lambda value: built(Origin, as_table(value)),
}
"""What to do with a TOML value, by the annotation of the field it is for."""


def built(make: Callable[..., T], table: Mapping[str, object]) -> T:
    """Return the dataclass `make` filled from a table that has exactly its keys."""
    wanted = {f.name: str(f.type) for f in fields(make)}  # type: ignore[arg-type]  # every caller passes a dataclass
    if wanted.keys() != table.keys():
        raise ValueError(f"{make}: missing or unknown keys {sorted(wanted.keys() ^ table.keys())}")
    return make(**{name: _CONVERT[kind](table[name]) for name, kind in wanted.items()})


def dated(table: Mapping[str, object], default: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return the table with its `as_of` and `source` (or the default's) folded into `origin`."""
    origin = {key: {**(default or {}), **table}[key] for key in ("as_of", "source")}
    return {**{key: value for key, value in table.items() if key not in origin}, "origin": origin}


def packaged(name: str) -> dict[str, object]:
    """Return the tables of a file of this package."""
    return tomllib.loads(files("ftops.rules").joinpath(name).read_text(encoding="utf-8"))

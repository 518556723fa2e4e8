"""A description of trouble: seed, limits, quirks and faults as one JSON value, read with all of its problems.

What may be written is read off the fields of `Limits`, `Quirks` and `Fault`, so that a new field needs nothing here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from ftops.emulator.context import Limits, Quirks
from ftops.emulator.faults import Fault
from ftops.emulator.messages import JsonObject

RULES_MAX = 200
NUMBER_MAX = 10**12
"""The largest number that a member without a range of its own may have; the least is 0."""
DAY_S = 86_400
WAIT_S_MAX = 600
_RANGES: Mapping[str, tuple[float, float]] = {
    "chance": (0, 1),
    "share": (0, 1),
    "token_s": (1, 366 * DAY_S),
    "v1_created_status": (200, 299),
    "suffix_max": (1, 64),
    "seconds": (0, WAIT_S_MAX),
    **dict.fromkeys(("nth", "count", "request", "times", "capacity", "part_bytes"), (1, NUMBER_MAX)),
}
_RANGES_BY_ENDING: Mapping[str, tuple[float, float]] = {
    "status": (200, 599),
    "_s": (0, 366 * DAY_S),
    "_page": (1, NUMBER_MAX),
}
"""Units stand last in names, so that a new member has a sane range by its name."""
_PATTERNS = frozenset({"method", "path"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")

Place = tuple[str | int, ...]


class Problem(NamedTuple):
    """What is wrong with a description: where, a word for the sort of mistake, and a sentence with the way out."""

    place: Place
    code: str
    text: str
    on_key: bool = False

    def __str__(self) -> str:
        """Return place and sentence, for readers that have no lines."""
        return f"{'.'.join(map(str, self.place)) or 'the description'}: {self.text}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a description says; `limits` and `quirks` hold what it gives and nothing else, `given` is the whole."""

    seed: int = 0
    limits: Mapping[str, Any] = field(default_factory=dict)
    quirks: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    given: JsonObject = field(default_factory=dict)


CALM = Trouble()


def read_trouble(value: object) -> tuple[Trouble, tuple[Problem, ...]]:
    """Return what a description says, as far as it is sound, and everything that is wrong with it."""
    reading = _Reading()
    if value is None or value == {}:
        return CALM, ()
    members = reading.members((), value, _PARTS)
    seed = members.pop("seed", 0)
    limits = reading.given(Limits, ("limits",), members.pop("limits", {}))
    quirks = reading.given(Quirks, ("quirks",), members.pop("quirks", {}))
    faults = reading.faults(members.pop("faults", ()))
    if isinstance(seed, bool) or not isinstance(seed, int) or abs(seed) > NUMBER_MAX:
        reading.note(("seed",), "wrong-type", "The seed must be a whole number, such as 7.")
        seed = 0
    given = _plain(value) if not reading.problems else {}
    return Trouble(seed, limits, quirks, faults, given), tuple(reading.problems)


def names_of(owner: type) -> tuple[str, ...]:
    """Return the members of `Limits`, `Quirks` or `Fault` that a description can give."""
    return tuple(_readers(owner))


class _Wrong(Exception):
    """A value is not what it must be."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class _Reading:
    """Collects the problems of one description."""

    problems: list[Problem] = field(default_factory=list)

    def note(self, place: Place, code: str, text: str, *, on_key: bool = False) -> None:
        """Keep a problem."""
        self.problems.append(Problem(place, code, text, on_key))

    def members(self, place: Place, value: object, known: Iterable[str]) -> dict[str, object]:
        """Return the known members of a mapping; everything else is a problem."""
        if not isinstance(value, Mapping):
            self.note(place, "wrong-type", f"This must be a mapping of {_listed(known)}.")
            return {}
        for name in value:
            if name not in known:
                self.note((*place, str(name)), "unknown-field", _unknown(str(name), known), on_key=True)
        return {name: item for name, item in value.items() if name in known}

    def given(self, owner: type, place: Place, value: object) -> dict[str, Any]:
        """Return the members of a dataclass that a mapping gives and that are sound."""
        readers, sound = _readers(owner), dict[str, Any]()
        for name, item in self.members(place, value, readers).items():
            try:
                sound[name] = readers[name](item)
            except _Wrong as wrong:
                self.note((*place, name), wrong.code, str(wrong))
        return sound

    def faults(self, value: object) -> tuple[Fault, ...]:
        """Return the rules that are sound."""
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
            self.note(("faults",), "wrong-type", "The faults must be a list of rules, each with an effect.")
            return ()
        if len(value) > RULES_MAX:
            text = f"There are {len(value)} rules, and {RULES_MAX} is the most. Let fewer of them fit more requests."
            self.note(("faults",), "out-of-range", text)
        made = [self._fault(("faults", number), item) for number, item in enumerate(value[:RULES_MAX])]
        return tuple(fault for fault in made if fault is not None)

    def _fault(self, place: Place, value: object) -> Fault | None:
        before = len(self.problems)
        sound = self.given(Fault, place, value)
        needed = [each.name for each in fields(Fault) if each.default is MISSING and each.default_factory is MISSING]
        for name in needed:
            if isinstance(value, Mapping) and name not in value:
                self.note(place, "missing-field", f"A rule needs {name}: {_OF_A_RULE}.")
        return Fault(**sound) if len(self.problems) == before else None


_PARTS = ("seed", "limits", "quirks", "faults")
_OF_A_RULE = "for example {effect: drop-after, method: POST, path: /fine_tuning/jobs$}"

_Reader = Callable[[object], object]


def _readers(owner: type) -> dict[str, _Reader]:
    """Return what reads each field; a field of a type that no text can say, such as a function, has none."""
    hints = get_type_hints(owner)
    found = {each.name: _reader(hints[each.name], each.name) for each in fields(owner)}
    return {name: reader for name, reader in found.items() if reader is not None}


def _reader(hint: Any, name: str) -> _Reader | None:  # noqa: ANN401  annotations have no common type
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        (inner,) = [each for each in get_args(hint) if each is not NoneType]
        read = _reader(inner, name)
        return None if read is None else lambda value: None if value is None else read(value)
    if origin is tuple:
        each = _reader(get_args(hint)[0], name)
        return None if each is None else lambda value: tuple(each(item) for item in _list(value))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return lambda value: _word(hint, name, value)
    made = _READERS.get(origin or hint)
    return None if made is None else lambda value: made(name, value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("wrong-type", f"{name} must be true or false, and this is {_shown(value)}.")
    return value


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Wrong("wrong-type", f"{name} must be a whole number, and this is {_shown(value)}.")
    return int(_within(name, value))


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Wrong("wrong-type", f"{name} must be a number, and this is {_shown(value)}.")
    return float(_within(name, value))


def _within(name: str, value: float) -> float:
    by_ending = (span for ending, span in _RANGES_BY_ENDING.items() if name.endswith(ending))
    least, most = _RANGES.get(name) or next(by_ending, (0, NUMBER_MAX))
    if not least <= value <= most:
        raise _Wrong("out-of-range", f"{name} must be from {least:,} to {most:,}, and this is {value}.")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        hint = "; put it in quotes" if isinstance(value, int | float) else ""
        raise _Wrong("wrong-type", f"{name} must be a text, and this is {_shown(value)}{hint}.")
    if name in _PATTERNS:
        try:
            re.compile(value)
        except re.error as error:
            raise _Wrong("bad-value", f"{name} is a regular expression, and this is none: {error}.") from error
    return value


def _word(words: type[StrEnum], name: str, value: object) -> StrEnum:
    known = [str(word) for word in words]
    if not isinstance(value, str) or value not in known:
        said = f"There is no {name} {_shown(value)}. It is one of {_listed(known)}."
        raise _Wrong("bad-value", said + _near(str(value), known))
    return words(value)


def _headers(_name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _Wrong("wrong-type", "headers must be a mapping, for example {retry-after-ms: 1500}.")
    told = {str(name): str(item) for name, item in value.items() if isinstance(item, str | int | float)}
    sound = all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(item) for name, item in told.items())
    if len(told) < len(value) or not sound:
        raise _Wrong("bad-value", "Each header needs a name without blanks, and a text of one line in ASCII.")
    return told


_READERS: Mapping[object, Callable[[str, object], object]] = {
    bool: _flag,
    int: _whole,
    float: _number,
    str: _text,
    Mapping: _headers,
}


def _list(value: object) -> Sequence[object]:
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise _Wrong("wrong-type", f"This must be a list, and is {_shown(value)}.")
    return value


def _plain(value: Any) -> Any:  # noqa: ANN401  any JSON value goes in and comes out
    """Return the value with dicts and lists, whatever mappings and sequences it came in."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _shown(value: object) -> str:
    words: Mapping[type, str] = {bool: str(value).lower(), NoneType: "null", str: f'"{value}"'}
    plain = words.get(type(value), str(value))
    return "a list or mapping" if isinstance(value, Mapping | list | tuple) else plain


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _unknown(name: str, known: Iterable[str]) -> str:
    near = _near(name, known)
    return f'"{name}" is nothing that can be set here.{near or f" There is {_listed(known)}."}'


def _near(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415  only a slip of the pen needs it

    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f' Did you mean "{close[0]}"?' if close else ""

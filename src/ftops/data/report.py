"""What a pass over a data file found, as values; the text of a row never enters them.

They are structs of msgspec, because they are kept between runs and sent between processes. A `Gathered` is what one
stretch of a file gave, and two that follow each other can be put together; a `DataReport` is what is told of a file.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from msgspec import Struct, field

from ftops.catalogue import CATALOGUE, Levels, level_of
from ftops.diagnostics import Diagnostic, Severity, Span, has_errors

SHOWN_PER_CODE_MAX = 5
"""Diagnostics printed of one code in one file; one more counts the rest."""
LONGEST_MAX = 5
PROMPTS_MAX = 200
"""Different system prompts told apart in one file; further ones are counted together."""
FIELDS_MAX = 200
PERCENTS = (50, 90, 99)
_NO_OBJECT = ("bad-json", "not-utf8", "not-an-object", "line-too-long")


class Place(Struct, gc=False):
    """Where a rule is broken, and the sentences about it; `path` leads to the value in the row."""

    line: int
    column: int
    detail: str
    path: str = ""


class Seen(Struct):
    """How often a rule is broken, the first places, and the last line."""

    count: int = 0
    last_line: int = 0
    places: list[Place] = field(default_factory=list)


class Prompt(Struct, gc=False):
    """A system prompt: how many rows have it, the first of them, and its length; its text stands there."""

    line: int
    characters: int
    rows: int = 0


class Values(Struct):
    """A further field of reinforcement rows: how many have it, of which kinds, and whether it is always the same."""

    rows: int = 0
    kinds: set[str] = field(default_factory=set)
    first: str = ""
    varies: bool = False


class Gathered(Struct):
    """What a stretch of lines gave; `lengths` counts rows by their tokens, `longest` are (tokens, line).

    `unmeasured_rows` are those whose tokens are in part an estimate though an encoder counts them (tools, images).
    """

    lines: int = 0
    rows: int = 0
    tokens: int = 0
    input_tokens: int = 0
    unmeasured_rows: int = 0
    seen: dict[str, Seen] = field(default_factory=dict)
    lengths: dict[int, int] = field(default_factory=dict)
    longest: list[tuple[int, int]] = field(default_factory=list)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    other_prompt_rows: int = 0
    promptless_rows: int = 0
    image_rows: int = 0
    first_image_line: int = 0
    values: dict[str, Values] = field(default_factory=dict)

    def count(self, code: str, line: int) -> bool:
        """Count one broken rule, and tell whether its place is wanted too, through `describe`."""
        seen = self.seen.get(code)
        if seen is None:
            seen = self.seen[code] = Seen()
        seen.count += 1
        seen.last_line = line
        return seen.count <= shown_max(code) + 1

    def describe(self, code: str, place: Place) -> None:
        """Keep the place of what was just counted."""
        self.seen[code].places.append(place)

    def add(self, code: str, detail: str, line: int = 0, column: int = 0, path: str = "") -> None:
        """Count and keep one broken rule whose place costs nothing to know."""
        if self.count(code, line):
            self.describe(code, Place(line, column, detail, path))

    def follow(self, later: Gathered) -> None:
        """Take in what the next stretch of the file gave; its lines are numbered from 1."""
        before = self.lines
        self.lines += later.lines
        self.rows += later.rows
        self.tokens += later.tokens
        self.input_tokens += later.input_tokens
        self.unmeasured_rows += later.unmeasured_rows
        self.other_prompt_rows += later.other_prompt_rows
        self.promptless_rows += later.promptless_rows
        self.image_rows += later.image_rows
        if later.first_image_line and not self.first_image_line:
            self.first_image_line = before + later.first_image_line
        for code, seen in later.seen.items():
            _merge_seen(self.seen.setdefault(code, Seen()), seen, shown_max(code) + 1, before)
        for tokens, rows in later.lengths.items():
            self.lengths[tokens] = self.lengths.get(tokens, 0) + rows
        self.longest = longest([*self.longest, *((tokens, line + before) for tokens, line in later.longest)])
        for name, prompt in later.prompts.items():
            self._take_prompt(name, prompt, before)
        for name, values in later.values.items():
            self._take_values(name, values)

    def _take_prompt(self, name: str, prompt: Prompt, before: int) -> None:
        known = self.prompts.get(name)
        if known is not None:
            known.rows += prompt.rows
        elif len(self.prompts) < PROMPTS_MAX:
            self.prompts[name] = Prompt(prompt.line + before, prompt.characters, prompt.rows)
        else:
            self.other_prompt_rows += prompt.rows

    def _take_values(self, name: str, later: Values) -> None:
        known = self.values.get(name)
        if known is None:
            if len(self.values) < FIELDS_MAX:
                self.values[name] = later
            return
        known.rows += later.rows
        known.kinds |= later.kinds
        known.varies = known.varies or later.varies or known.first != later.first


def _merge_seen(into: Seen, later: Seen, places_max: int, before: int) -> None:
    into.count += later.count
    into.last_line = later.last_line + before if later.last_line else into.last_line
    for place in later.places[: places_max - len(into.places)]:
        line = place.line + before if place.line else 0
        into.places.append(Place(line, place.column, place.detail, place.path))


def longest(rows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest of some rows, as (tokens, line), the longest first and the earlier of equal ones."""
    return sorted(rows, key=lambda row: (-row[0], row[1]))[:LONGEST_MAX]


def shown_max(code: str) -> int:
    """Return how many places of a code are told."""
    return CATALOGUE[code].shown_max or SHOWN_PER_CODE_MAX


class Lengths(Struct, frozen=True):
    """How many tokens rows have: the least, at these percents of the rows, the most, and by bars of a histogram.

    `bars` are (most tokens of the bar, rows), a power of two or the middle between two. `over` counts rows longer than
    each context that a model has.
    """

    least: int = 0
    percentiles: tuple[int, ...] = (0,) * len(PERCENTS)
    most: int = 0
    bars: tuple[tuple[int, int], ...] = ()
    over: dict[int, int] = field(default_factory=dict)
    longest: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, gathered: Gathered, contexts: Iterable[int]) -> Lengths:
        """Return what the counts of a file come to; empty without rows that were counted."""
        counted = sorted(gathered.lengths.items())
        rows = sum(number for _, number in counted)
        if not rows:
            return cls()
        bars: dict[int, int] = {}
        for tokens, number in counted:
            most = 1 << max(tokens - 1, 0).bit_length()
            most = most * 3 // 4 if tokens <= most * 3 // 4 else most
            bars[most] = bars.get(most, 0) + number
        return cls(
            least=counted[0][0],
            percentiles=tuple(_at(counted, -(-rows * percent // 100)) for percent in PERCENTS),
            most=counted[-1][0],
            bars=tuple(bars.items()),
            over={each: sum(n for tokens, n in counted if tokens > each) for each in sorted(contexts)},
            longest=tuple(gathered.longest),
        )


def _at(counted: list[tuple[int, int]], place: int) -> int:
    """Return the tokens of the row at a place, counted from 1, among rows in the order of their tokens."""
    for tokens, number in counted:
        place -= number
        if place <= 0:
            return tokens
    return counted[-1][0]


class DataReport(Struct, frozen=True):
    """What is known of a data file after one pass.

    `digest` is that of semantics §1 (64 hex digits), empty when the file could not be read; `rows` counts the lines
    that are not blank, sound or not. `tokens` are those of everything in the rows (`tokens.py` says how),
    `input_tokens` of what preference rows have before their two answers; `encoding` is how they were counted, empty
    for an estimate, and so are `unmeasured_rows` in any case. `prompts` are the system prompts by the sha256 of their
    text.
    """

    digest: str
    size_bytes: int
    rows: int = 0
    shown: str = ""
    seen: dict[str, Seen] = field(default_factory=dict)
    tokens: int = 0
    input_tokens: int = 0
    encoding: str = ""
    unmeasured_rows: int = 0
    lengths: Lengths = Lengths()
    prompts: dict[str, Prompt] = field(default_factory=dict)
    other_prompt_rows: int = 0
    promptless_rows: int = 0
    image_rows: int = 0
    first_image_line: int = 0

    @property
    def usual_prompt(self) -> tuple[str, Prompt] | None:
        """Return the system prompt that most rows have, with its sha256, or None where no row has one."""
        return max(self.prompts.items(), key=lambda item: (item[1].rows, -item[1].line), default=None)

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """Return what was found, as the rules weigh it."""
        return self.judged({})

    def judged(self, levels: Levels) -> tuple[Diagnostic, ...]:
        """Return what was found, in the order of the file, as a dataset's own severities weigh it."""
        found: list[Diagnostic] = []
        for code, seen in self.seen.items():
            level = level_of(code, levels)
            if level is not None:
                found += _told(self.shown, code, seen, level)
        return tuple(sorted(found, key=lambda d: (d.span.line, d.span.column)))

    @property
    def has_errors(self) -> bool:
        """Tell whether a problem stops the dataset from being used."""
        return has_errors(self.problems)


def _told(shown: str, code: str, seen: Seen, level: Severity) -> Iterable[Diagnostic]:
    """Yield the first places of a code, and in the place of the next one how many more there are."""
    most = shown_max(code)
    for number, place in enumerate(seen.places[: most + 1]):
        rest = seen.count - most
        span = Span(shown, place.line, place.column)
        if number < most:
            yield Diagnostic(span, code, CATALOGUE[code].summary, place.detail, level, path=place.path)
        else:
            yield Diagnostic(span, code, CATALOGUE[code].summary, _rest(rest, most, seen.last_line), level)


def _rest(rest: int, most: int, last_line: int) -> str:
    places = "1 more place" if rest == 1 else f"{rest:,} more places, the last one in line {last_line:,}"
    listed = "the first is" if most == 1 else f"the first {most} are"
    return f"The same in {places}; only {listed} listed."


def merged(parts: Iterable[Gathered]) -> Gathered:
    """Return what consecutive stretches of a file gave together."""
    whole = Gathered()
    for part in parts:
        whole.follow(part)
    return whole


def counted(gathered: Gathered, told: Container[str]) -> Iterable[tuple[str, str]]:
    """Yield what is odd about the further fields of reinforcement rows, by their names, as (code, sentences).

    Lines that hold no object have no fields that could be missing. Of more fields than are kept nothing is told: nobody
    knows then in how many rows one of them is. Where a field in `told` is missing is said of each row.
    """
    from ftops.data.rows import named  # noqa: PLC0415 - rows of this format only

    values = gathered.values if len(gathered.values) < FIELDS_MAX else {}
    rows = gathered.rows - sum(seen.count for code, seen in gathered.seen.items() if code in _NO_OBJECT)
    for name, seen in sorted(values.items()):
        without = 0 if name in told else rows - seen.rows
        if without or len(seen.kinds) > 1:
            missing = f" and missing in {without:,} row{'s' if without > 1 else ''}" if without else ""
            detail = f"{named(name)} is {_either(sorted(seen.kinds))}{missing}. A grader reads all rows alike: "
            yield "uneven-fields", f"{detail}give it one kind in all."
        elif rows > 1 and not seen.varies:
            detail = f"{named(name)} has the same value in all {rows:,} rows; check whether the reference got lost."
            yield "constant-field", detail


def _either(kinds: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(kinds[:-1]), kinds[-1]) if part)

"""One walk over lines: checks, counts and numbers every row; what it gathers can be put together with others'."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple, TypeAlias

import msgspec
from xxhash import xxh3_64_intdigest as hashed

from ftops.data.counting import counter
from ftops.data.decode import BadLine, column_of, decode, has_each_key_once, locate, repeated_key
from ftops.data.exact import Counted, ExactTokens
from ftops.data.formats import check_chat_row
from ftops.data.identity import NO_ROW, Identities
from ftops.data.images import image_parts
from ftops.data.jsonl import Batch
from ftops.data.preferences import check_preference_row
from ftops.data.quick import (
    Quick,
    Sound,
    chat_row_texts,
    preference_row_texts,
    quick_chat,
    quick_preference,
    quick_prompt,
)
from ftops.data.reading import Reading
from ftops.data.reinforcement import check_prompt_row
from ftops.data.report import FIELDS_MAX, LONGEST_MAX, PROMPTS_MAX, Gathered, Place, Prompt, Values, longest
from ftops.data.rows import WORD_LENGTH_MAX, Finding, messages_of, system_prompt_of, words_of
from ftops.data.tokens import Texts, chat_texts, preference_texts
from ftops.data.typed import keeps_as_written
from ftops.rules import Limits

CheckRow: TypeAlias = Callable[[object, Limits], list[Finding]]
CountRow: TypeAlias = Callable[[object, Limits], Texts]


class Numbers(NamedTuple):
    """Of each line: a hash of it as it is, and, if that was asked for, the two numbers of what it says."""

    marks: bytes
    identities: bytes


class Format(NamedTuple):
    """How rows are checked and counted by the rules, and quickly where they are sound."""

    check_row: CheckRow
    texts_of_value: CountRow
    quick: Callable[[Limits], Quick]
    texts_of_row: CountRow


_FORMATS: Mapping[str, Format] = {
    "chat": Format(check_chat_row, chat_texts, quick_chat, chat_row_texts),  # type: ignore[arg-type]
    "dpo": Format(check_preference_row, preference_texts, quick_preference, preference_row_texts),  # type: ignore[arg-type]
}
FORMATS = (*_FORMATS, "rft")
"""The formats of rows by the words of `lifecycle.format`."""


def format_of(reading: Reading) -> Format:
    """Return how the rows of a file are checked and counted."""
    if reading.row_format in _FORMATS:
        return _FORMATS[reading.row_format]
    check, quick = partial(check_prompt_row, fields=reading.fields), partial(quick_prompt, fields=reading.fields)
    return Format(check, chat_texts, quick, chat_texts)


def _without_repeated_keys(quick: Quick, line: bytes) -> Sound | None:
    """Leave lines that may have a key twice in one object to the rules."""
    sound = quick(line)
    if sound is None:
        return None
    value = decode(line) if keeps_as_written(sound[3]) else sound[3]
    return sound if has_each_key_once(line, value) else None


class Walk:
    """A walk over lines of one file; ask for `gathered` at its end."""

    def __init__(self, reading: Reading, limits: Limits) -> None:
        """Begin before the first line."""
        self._limits, self._format = limits, format_of(reading)
        self._identities = Identities() if reading.identities else None
        quick = self._format.quick(limits)
        self._quick: Quick = partial(_without_repeated_keys, quick) if reading.strict else quick
        self._strict, self._row_format, self._fields = reading.strict, reading.row_format, reading.row_format == "rft"
        count = counter(reading.encoding) if reading.encoding else None
        self._exact = None if count is None else ExactTokens(count)
        self._looks_at_sound = self._fields or self._exact is not None
        self._prompts: dict[int, str] = {}
        self._shortest = 0
        self._lengths: Counter[int] = Counter()
        self._gathered = Gathered()

    @property
    def gathered(self) -> Gathered:
        """Return what the lines so far gave."""
        for counted in self._exact.rest() if self._exact else ():
            self._note_counted(counted)
        self._gathered.lengths = {tokens: rows for tokens, rows in self._lengths.items() if tokens}
        return self._gathered

    def over(self, batch: Batch) -> Numbers:
        """Walk over some lines and return their numbers."""
        quick, note, identities = self._quick, self._note_sound if self._looks_at_sound else None, self._identities
        marks = array("Q", [0 if line is None else hashed(line.removesuffix(b"\r")) for line in batch.lines])
        numbers: array[int] = array("Q")
        tokens: list[int] = []
        prompts: list[str | None] = []
        asked = 0
        # Run for every row of every file, so that everything has local names; most rows are sound and alike. A row is
        # let go before the next one is read, which then takes its place in the processor's cache.
        for number, line in enumerate(batch.lines, batch.number):
            sound = quick(line) if line is not None else None
            if sound is None:
                value = self._slowly(number, line)
                tokens.append(0)
                prompts.append(None)
                if value is None:
                    marks[number - batch.number] = 0
            else:
                counted, of_input, prompt, value = sound
                tokens.append(counted)
                prompts.append(prompt)
                asked += of_input
                if note is not None:
                    note(number, value)
            if identities is not None:
                known = NO_ROW if value is None or line is None else identities.of(line, value, self._row_format)
                numbers.extend(known)
        self._note_batch(batch.number, tokens, asked, prompts)
        return Numbers(marks.tobytes(), numbers.tobytes())

    def _note_batch(self, first: int, tokens: Sequence[int], asked: int, prompts: Iterable[str | None]) -> None:
        """Take note of lines that follow each other; those that the rules looked at have no tokens and no prompt."""
        self._gathered.lines += len(tokens)
        self._gathered.rows += len(tokens) - tokens.count(0)
        line = first
        for prompt, run in groupby(prompts):
            rows = len(list(run))
            if prompt is not None:
                self._note_prompt(line, prompt, rows)
            line += rows
        if self._exact is None:
            self._note_tokens(tokens, asked, range(first, first + len(tokens)))
        else:
            for each in self._exact.next_block():
                self._note_counted(each)

    def _note_sound(self, line: int, row: object) -> None:
        """Take note of what a sound row holds beyond its tokens and prompt."""
        if self._fields:
            self._note_values(row)
        if self._exact is not None:
            self._exact.add(line, self._format.texts_of_row(row, self._limits))

    def _note_counted(self, counted: Counted) -> None:
        self._note_tokens(counted.tokens, counted.asked, counted.lines)
        self._gathered.unmeasured_rows += counted.unmeasured

    def _note_tokens(self, tokens: Sequence[int], asked: int, lines: Sequence[int]) -> None:
        """Take note of the tokens of some rows, in all and together those of their inputs."""
        self._gathered.tokens += sum(tokens)
        self._gathered.input_tokens += asked
        self._lengths.update(tokens)
        if max(tokens, default=0) >= self._shortest:  # Of equal ones the earlier counts, and it may come later.
            self._note_long((each, line) for each, line in zip(tokens, lines, strict=True) if each >= self._shortest)

    def _note_long(self, rows: Iterable[tuple[int, int]]) -> None:
        found = self._gathered.longest = longest([*self._gathered.longest, *(row for row in rows if row[0])])
        self._shortest = found[-1][0] if len(found) == LONGEST_MAX else 0

    def _note_prompt(self, line: int, text: str, rows: int) -> None:
        """Take note of the system prompt of some rows that follow each other; it may be empty, for none."""
        gathered, key = self._gathered, hash(text)
        if not text:
            gathered.promptless_rows += rows
        elif key in self._prompts:
            known = gathered.prompts[self._prompts[key]]
            known.line, known.rows = min(known.line, line), known.rows + rows
        elif len(self._prompts) >= PROMPTS_MAX:
            gathered.other_prompt_rows += rows
        else:
            name = hashlib.sha256(text.encode()).hexdigest()
            self._prompts[key] = name
            gathered.prompts[name] = Prompt(line, len(text), rows)

    def _slowly(self, number: int, line: bytes | None) -> object | None:
        """Check one line by the rules and return its value; None for what is no row that can be read."""
        gathered = self._gathered
        if line is not None and (not line or line.isspace()):
            gathered.add("blank-line", "The line is empty. Remove it: every line must hold one row.", number, 1)
            return None
        gathered.rows += 1
        if line is None:
            mib = self._limits.reading.line_bytes_max >> 20
            gathered.add("line-too-long", f"The line is longer than {mib} MiB and was not checked.", number, 1)
            return None
        return self._row(number, line.removesuffix(b"\r"))

    def _row(self, number: int, data: bytes) -> object | None:
        value = decode(data)
        if isinstance(value, BadLine):
            detail = f"The line cannot be read: {value.reason}."
            self._gathered.add(value.code, detail, number, column_of(data, value.position))
            return None
        for finding in self._format.check_row(value, self._limits):
            self._tell(finding, number, data)
        if self._strict and not has_each_key_once(data, value):
            self._look_for_repeated_keys(number, data)
        self._note_row(number, value)
        return value

    def _tell(self, finding: Finding, number: int, data: bytes) -> None:
        if self._gathered.count(finding.code, number):
            path = words_of(finding.path) if finding.path else ""
            place = Place(number, locate(data, finding.path), finding.detail, path)
            self._gathered.describe(finding.code, place)

    def _look_for_repeated_keys(self, number: int, data: bytes) -> None:
        path = repeated_key(data)
        if path is not None:
            detail = "The key is written twice in this object; only the last value would count. Take one out."
            self._tell(Finding("repeated-key", path, detail), number, data)

    def _note_row(self, number: int, value: object) -> None:
        """Take note of what a row holds that went through the rules."""
        gathered = self._gathered
        texts = self._format.texts_of_value(value, self._limits)
        if self._exact is not None:
            self._exact.add(number, texts)
        else:
            tokens, asked = texts.estimate(self._limits.tokens)
            self._note_tokens([tokens], asked, [number])
        if not isinstance(value, dict):
            return
        self._note_prompt(number, system_prompt_of(value), 1)
        if any(True for message in messages_of(value) for _ in image_parts(message)):
            gathered.image_rows += 1
            gathered.first_image_line = gathered.first_image_line or number
        if self._fields:
            self._note_values(value)

    def _note_values(self, row: object) -> None:
        """Take note of the further fields of a reinforcement row."""
        for name, value in row.items() if isinstance(row, dict) else ():
            if name == "messages" or len(name) > WORD_LENGTH_MAX:
                continue
            seen = self._gathered.values.get(name)
            digest = _digest_of(value) if seen is None or not seen.varies else ""
            if seen is None:
                if len(self._gathered.values) >= FIELDS_MAX:
                    continue
                seen = self._gathered.values[name] = Values(first=digest)
            seen.rows += 1
            seen.kinds.add(_KINDS.get(type(value), "a number"))
            seen.varies = seen.varies or digest != seen.first


_KINDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    type(None): "null",
    list: "an array",
    dict: "an object",
}
_sorted = msgspec.json.Encoder(order="sorted").encode


def _digest_of(value: object) -> str:
    """Return a digest of a value, which stays when the value does not."""
    try:
        return hashlib.blake2b(_sorted(value), digest_size=8).hexdigest()
    except RecursionError:
        return "deep"

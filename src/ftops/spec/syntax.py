"""What the YAML parser complains about, in words that say what to do."""

from __future__ import annotations

from collections.abc import Mapping

from yaml import MarkedYAMLError, YAMLError

from ftops.spec.text import Problem, Text

TAB = "YAML does not allow tabs as indentation; use spaces."
_INDENTATION = "Check the indentation, and that quotes and brackets before it are closed."

_WORDS: Mapping[str, str] = {
    "mapping values are not allowed in this context": (
        'A ": " stands where no key can be. If it belongs to a text, put the text in quotes; else check the indentation'
        " of this line against the line before."
    ),
    "did not find expected key": (
        f"A key is expected here, as in the rest of the mapping that begins in line {{begin}}. {_INDENTATION}"
    ),
    "did not find expected '-' indicator": (
        f'"- " is expected here, as in the rest of the list that begins in line {{begin}}. {_INDENTATION}'
    ),
    "did not find expected ',' or ']'": (
        'The "[" of line {begin} is not closed here, or a comma is missing. Close it with "]", or write the comma.'
    ),
    "did not find expected ',' or '}'": (
        'The "{{" of line {begin} is not closed here, or a comma is missing. Close it with "}}", or write the comma.'
    ),
    "did not find expected node content": "A value is expected here: write one, or close the bracket before it.",
    "found unknown escape character": (
        'In double quotes a backslash begins an escape, and this one is unknown. Write "\\\\", or use single quotes.'
    ),
    "did not find expected <document start>": 'A further document has to begin with a line "---".',
    "found undefined tag handle": 'A value that begins with "!" is a tag, which specs do not use; put it in quotes.',
    "block sequence entries are not allowed in this context": (
        'A list cannot begin here; put "- " on a line of its own, or the text in quotes.'
    ),
    "did not find expected comment or line break": 'After "|" or ">" the line has to end; the text begins in the next.',
}
_OPENED: Mapping[str, str] = {
    "could not find expected ':'": 'This is no "key: value": the ":" is missing, or the line is not indented enough.',
    "found unexpected end of stream": "The quote that opens here is never closed; close it.",
    "found unexpected document indicator": "The quote that opens here is not closed in this document; close it.",
}
"""Complaints that are understood where the thing begins, not where the parser gave up."""


def problem_of(error: YAMLError, text: Text) -> Problem:
    """Return the parser's error in words, at the place that has to be mended."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Problem(1, 1, "yaml-syntax", f"The YAML parser says: {error}.")
    mark, opened = error.problem_mark, error.context_mark or error.problem_mark
    said = error.problem or "the text cannot be read"
    if said in _OPENED:
        place = text.within(opened.line + 1, opened.column + 1)
        return Problem(*place, "yaml-syntax", _OPENED[said])
    place = text.within(mark.line + 1, mark.column + 1)
    if "tab character" in said:
        return Problem(*place, "tab-indentation", TAB)
    if said == "found character that cannot start any token":
        return _bad_begin(place, text)
    words = _WORDS.get(said, "The YAML parser says: {said}.")
    return Problem(*place, "yaml-syntax", words.format(begin=opened.line + 1, said=said))


def _bad_begin(place: tuple[int, int], text: Text) -> Problem:
    line, column = place
    character = text.character(line, column)
    if character == "\t":
        return Problem(line, column, "tab-indentation", TAB)
    return Problem(line, column, "yaml-syntax", f'A value cannot begin with "{character}"; put it in quotes.')

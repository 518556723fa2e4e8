"""Diagnostics as workflow commands: shape, limits, the place in the repository, and texts that want to do harm."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ftops.diagnostics import Diagnostic, Severity, Span
from ftops.render.to_github import ANNOTATIONS_MAX, github_annotations

FOUND = Diagnostic(
    Span("specs/support.yaml", 14, 3),
    "unknown-field",
    "Unknown field",
    '"epoch" is not a field of a FineTuningJob. Did you mean "n_epochs"?',
    excerpt="  epoch: 3",
)
IN_A_ROW = Diagnostic(
    Span("data/train.jsonl", 3, 40), "empty-content", "Empty content", "Nobody said a word.", Severity.WARNING
)
NOTE = Diagnostic(Span("data/train.jsonl"), "x", "X", severity=Severity.INFO)
COMMAND = re.compile(r"::(?P<name>error|warning|notice) (?P<properties>[^:]*)::(?P<message>.*)")


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Return a command's name, properties and message, as the runner reads them."""
    found = COMMAND.fullmatch(line)
    assert found is not None, line
    properties = dict(pair.split("=", 1) for pair in found["properties"].split(","))
    return found["name"], {name: decoded(value) for name, value in properties.items()}, decoded(found["message"])


def decoded(text: str) -> str:
    """Return what the runner makes of a text: `%25` last, so that it decodes nothing twice."""
    for code, character in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(code, character)
    return text


def test_shape() -> None:
    """A command is the place, the code as title, and the words as one line; the source line is not in it."""
    assert github_annotations([FOUND]) == (
        "::error file=specs/support.yaml,line=14,col=3,title=unknown-field::"
        'Unknown field. "epoch" is not a field of a FineTuningJob. Did you mean "n_epochs"?\n'
    )


def test_none() -> None:
    """Nothing found gives nothing."""
    assert github_annotations([]) == ""


def test_severities_come_in_their_order() -> None:
    """Errors come first, whatever order they were found in; severities have the runner's names."""
    lines = github_annotations([NOTE, IN_A_ROW, FOUND]).splitlines()
    assert [read(line)[0] for line in lines] == ["error", "warning", "notice"]


def test_path_stands_before_the_detail() -> None:
    """The way to a value in a row is told between summary and detail."""
    line = github_annotations([replace(IN_A_ROW, path="$.messages[2].content")])
    assert read(line.strip())[2] == "Empty content. $.messages[2].content: Nobody said a word."


@pytest.mark.parametrize(
    ("span", "properties"),
    [
        (Span("a.yaml"), {"file": "a.yaml"}),
        (Span("a.yaml", 7), {"file": "a.yaml", "line": "7"}),
        (Span("."), {}),
        (Span("<stdin>", 7, 1), {"file": "<stdin>", "line": "7", "col": "1"}),
    ],
)
def test_only_what_is_known_of_a_place_is_told(span: Span, properties: dict[str, str]) -> None:
    """A whole file has no line, and a project as a whole no file."""
    found = read(github_annotations([replace(FOUND, span=span)]).strip())[1]
    assert found == {**properties, "title": "unknown-field"}


@pytest.mark.parametrize(
    ("file", "prefix", "expected"),
    [
        ("specs/a.yaml", "", "specs/a.yaml"),
        ("specs/a.yaml", "models/east", "models/east/specs/a.yaml"),
        ("../shared/a.yaml", "models/east", "models/shared/a.yaml"),
        ("./a.yaml", "", "a.yaml"),
        (".", "models", "models"),
        ("/tmp/a.yaml", "models", "/tmp/a.yaml"),  # noqa: S108 - a path in words
        ("<stdin>", "models", "<stdin>"),
    ],
)
def test_files_are_told_from_the_root_of_the_repository(file: str, prefix: str, expected: str) -> None:
    """A project in a folder of its repository is found there; what is in no repository stays as it is."""
    line = github_annotations([replace(FOUND, span=Span(file, 1))], prefix).strip()
    assert read(line)[1]["file"] == expected


def test_more_than_github_shows_is_counted() -> None:
    """Of each severity so many are printed as are shown, with room for the notice that counts the others."""
    many = [replace(each, span=Span("a", n)) for each in (FOUND, IN_A_ROW, NOTE) for n in range(1, 1012)]
    *lines, last = github_annotations(many).splitlines()
    names = [read(line)[0] for line in lines]
    assert [names.count(name) for name in ("error", "warning", "notice")] == [10, 10, ANNOTATIONS_MAX - 1]
    assert last == (
        "::notice title=ftops::Not shown here: 1,001 more errors, 1,001 more warnings, 1,002 more notes. "
        "`ftops validate` lists them all."
    )
    assert [read(line)[1]["line"] for line in lines[:3]] == ["1", "2", "3"]


def test_as_many_as_github_shows_are_not_counted() -> None:
    """At the limit nothing is left out, so nothing is said of it; one more is one more."""
    full = [replace(each, span=Span("a", n)) for each in (FOUND, IN_A_ROW) for n in range(1, ANNOTATIONS_MAX + 1)]
    assert "Not shown" not in github_annotations(full)
    assert "Not shown here: 1 more error. " in github_annotations([*full, FOUND])


HOSTILE = (
    "a\nb",
    "a\r\n::error::b",
    "::stop-commands::x",
    "a::b,c=d",
    "100%25 50%0A",
    "\x1b]0;title\x07\x1b[31m",
    "\u202egnp.yaml",
    "прокси/日本.yaml",
    "a\u2028b\x85c\x0bd",
    "a b;c,title=x",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_a_command_or_begins_another(text: str) -> None:
    """Whatever a name or a detail holds, it is one line of printable characters with the properties it should have."""
    found = Diagnostic(Span(text, 1, 2), "unknown-field", "X", text, path=text)
    printed = github_annotations([found])
    assert printed.endswith("\n") and printed[:-1].isprintable()
    name, properties, message = read(printed[:-1])
    assert (name, list(properties)) == ("error", ["file", "line", "col", "title"])
    assert "\n" not in message and "\r" not in message


@pytest.mark.parametrize(
    "name", ["a\nb.yaml", "a\r.yaml", "50%.yaml", "%0A.yaml", "a:b,c.yaml", "日本.yaml", "a b=c.yaml"]
)
def test_the_runner_reads_the_name_of_the_file(name: str) -> None:
    """A file is found again by the name that the runner decodes."""
    assert read(github_annotations([Diagnostic(Span(name), "x", "X")]).strip())[1]["file"] == name

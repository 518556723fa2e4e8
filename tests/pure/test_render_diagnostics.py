"""Diagnostics as text and as values: the shape, the caret, and texts that want to do harm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftops.diagnostics import Collector, Diagnostic, Severity, Span
from ftops.render.diagnostics import columns, diagnostics_json, diagnostics_text, one_line
from ftops.spec.document import parse

FOUND = Diagnostic(
    Span("specs/support.yaml", 14, 3),
    "unknown-field",
    "Unknown field",
    '"epoch" is not a field of spec.hyperparameters in a FineTuningJob. Did you mean "n_epochs"?',
    excerpt="  epoch: 3",
)
IN_A_ROW = Diagnostic(
    Span("train.jsonl", 3, 40),
    "content-type",
    "Content is neither text nor parts",
    "It is a number; write a text.",
    path="$.messages[2].content",
)


def test_text() -> None:
    """A diagnostic is its place, code and summary, the source line with a caret, and the detail; then the number."""
    assert diagnostics_text([FOUND], colour=False) == (
        "specs/support.yaml:14:3: error[unknown-field]: Unknown field\n"
        "   14 |   epoch: 3\n"
        "      |   ^\n"
        '  "epoch" is not a field of spec.hyperparameters in a FineTuningJob. Did you mean "n_epochs"?\n'
        "\n"
        "1 error.\n"
    )


def test_none() -> None:
    """Nothing found gives nothing."""
    assert diagnostics_text([], colour=False) == ""
    assert diagnostics_json([]) == []


def test_without_column() -> None:
    """A line without a column is shown without a caret."""
    found = Diagnostic(Span("a", 7), "x", "X", excerpt="text")
    assert diagnostics_text([found], colour=False) == "a:7: error[x]: X\n    7 | text\n\n1 error.\n"


def test_counts_and_limit() -> None:
    """All are counted by severity, also those beyond the limit."""
    bare = Diagnostic(Span("a"), "x", "X")
    several = [bare, bare, Diagnostic(Span("a"), "y", "Y", severity=Severity.WARNING)]
    noted = [*several, Diagnostic(Span("a"), "z", "Z", severity=Severity.INFO)]
    assert diagnostics_text(noted, colour=False).endswith("a: info[z]: Z\n\n2 errors, 1 warning, 1 note.\n")
    assert (
        diagnostics_text(several, colour=False, limit=1)
        == "a: error[x]: X\n\n... and 2 more.\n\n2 errors, 1 warning.\n"
    )


def test_colour_changes_no_word() -> None:
    """Colour only adds escapes: without them the text is the same."""
    painted = diagnostics_text([FOUND], colour=True)
    plain = diagnostics_text([FOUND], colour=False)
    assert "\x1b[31m" in painted
    for code in ("31", "1", "2", "0"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == plain


def test_details_are_wrapped() -> None:
    """Details are wrapped at 100 columns; a long word is not broken."""
    words = Diagnostic(Span("a"), "x", "X", detail=f"{'word ' * 50}{'y' * 150}")
    lines = diagnostics_text([words], colour=False).splitlines()
    assert all(len(line) <= 100 for line in lines if "y" not in line)
    assert f"  {'y' * 150}" in lines


def caret_under(excerpt: str, column: int) -> str:
    """Return what stands above the caret, by the columns of a terminal."""
    found = Diagnostic(Span("a", 1, column), "x", "X", excerpt=excerpt)
    _, shown, caret, *_ = diagnostics_text([found], colour=False).splitlines()
    want, at = caret.index("^"), 0
    for character in shown:
        if at == want and columns(character):
            return character
        at += columns(character)
    return ""


@pytest.mark.parametrize(
    ("excerpt", "column", "expected"),
    [
        ("a: bcd", 4, "b"),
        ("日本: x", 5, "x"),
        ("e\u0301e\u0301: x", 7, "x"),
        ("한\u200b: x", 5, "x"),
        ("\ta: x", 5, "x"),
        ("🙂🙂 x", 4, "x"),
        ("\x1b[1m x", 6, "x"),
        ("abc", 4, ""),
        ("abc …", 40, ""),
        ("…", 7, "…"),
    ],
)
def test_caret(excerpt: str, column: int, expected: str) -> None:
    """The caret stands under its column, whatever width the characters before it have."""
    assert caret_under(excerpt, column) == expected


@pytest.mark.parametrize("column", [1, 159, 160, 161, 162, 163, 300, 1000])
def test_caret_in_a_long_line(column: int) -> None:
    """In a line that was cut, the caret still stands under the character of its column."""
    line = "".join(chr(0x4E00 + n) for n in range(1000))
    text = parse(line.encode(), "a.yaml").text
    assert caret_under(text.excerpt(1, column), column) == line[column - 1]


def test_harmless() -> None:
    """Escapes, control and direction characters of users are shown, not obeyed."""
    nasty = "\x1b]0;title\x07 \u202egnp.exe \r\n\x9b31m \u2028"
    found = Diagnostic(Span(f"a{nasty}.yaml", 1, 2), "x", "X", detail=nasty, excerpt=nasty)
    told = diagnostics_text([found], colour=False)
    assert all(character.isprintable() for character in told.replace("\n", ""))
    assert "\\x1b]0;title" in told


def test_json() -> None:
    """The values are those of the text, apart."""
    assert diagnostics_json([FOUND]) == [
        {
            "file": "specs/support.yaml",
            "line": 14,
            "column": 3,
            "severity": "error",
            "code": "unknown-field",
            "summary": "Unknown field",
            "path": None,
            "detail": FOUND.detail,
        }
    ]
    assert diagnostics_json([IN_A_ROW])[0]["path"] == "$.messages[2].content"


def test_path() -> None:
    """The way to a value in a row stands before the detail, or alone where there is none."""
    told = "train.jsonl:3:40: error[content-type]: Content is neither text nor parts\n"
    assert diagnostics_text([IN_A_ROW], colour=False) == (
        f"{told}  $.messages[2].content: It is a number; write a text.\n\n1 error.\n"
    )
    bare = replace(IN_A_ROW, detail="")
    assert diagnostics_text([bare], colour=False) == f"{told}  $.messages[2].content\n\n1 error.\n"
    harm = replace(IN_A_ROW, path="$.\x1b[2J\n")
    assert "\\x1b[2J\\n: It is" in diagnostics_text([harm], colour=False)


def test_paths_are_sorted_before_details() -> None:
    """Problems of one place and code come in the order of their paths, whatever they say."""
    other = replace(IN_A_ROW, path="$.messages[3].content", detail="A")
    assert Collector([other, IN_A_ROW, other]).sorted == (IN_A_ROW, other)


def test_one_line() -> None:
    """Summary, path and detail make one line, in which nothing ends a line or obeys an escape."""
    assert one_line(IN_A_ROW) == (
        "Content is neither text nor parts. $.messages[2].content: It is a number; write a text."
    )
    assert one_line(Diagnostic(Span("a"), "x", "X")) == "X."
    assert one_line(Diagnostic(Span("a"), "x", "X", "a\r\n\x1b[1mb\u2028")) == r"X. a\r\n\x1b[1mb\u2028"

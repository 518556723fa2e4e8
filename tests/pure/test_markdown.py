"""Markdown plans: what a name, tag or message holds stays text, in its cell, and calls nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ftops.model import Account
from ftops.render.markdown import CHARACTERS_LEAST, cell, code, fenced, prose, table
from ftops.render.status import Standing, status_markdown
from ftops.render.text import harmless
from ftops.render.to_markdown import plan_markdown
from ftops.render.view import Row, Section, View

from .builders import NOW

GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False}).disable("linkify")
HOSTILE = [
    "a|b",
    r"a\|b",
    "a\\",
    "`code`",
    "``",
    "`",
    " ` ",
    "<b>bold</b>",
    "<!-- hidden",
    "&lt;",
    "*a* _b_ ~~c~~",
    "[text](https://example.org)",
    "![](https://example.org/a.png)",
    "https://example.org",
    "www.example.org",
    "@octocat",
    "me@example.org",
    "#12",
    "owner/repo#12",
    "GH-12",
    "$x$",
    "- item",
    "# head",
    "a\nb\r\n| c |",
    "```\nfence",
    "</details>",
    "\x1b[31mred",
]
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
CALLS = re.compile(r"@\w|#\d|\bGH-\d|://|\bwww\.", re.IGNORECASE)


def text_of(tokens: list[Token], *, within_code: bool = True) -> str:
    """Return the text that a reader sees, without the invisible spaces."""
    parts = []
    for token in tokens:
        for child in token.children or [token]:
            if child.type in {"text", "text_special"} or (child.type in {"code_inline", "fence"} and within_code):
                parts.append(child.content)
            elif child.type in {"softbreak", "hardbreak"}:
                parts.append("\n")
    return "".join(parts)


def types(markdown: str) -> list[str]:
    """Return the types of all tokens of a text, inline ones too."""
    return [each.type for token in GITHUB.parse(markdown) for each in (token, *(token.children or ()))]


def cells(markdown: str) -> list[list[str]]:
    """Return the texts of a table's body, by row."""
    rows: list[list[str]] = []
    for token in GITHUB.parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(text_of([token]))
    return rows[1:]


def as_shown(text: str) -> str:
    """Return a text as a table shows it: without the space around, and with the invisible spaces in it."""
    return harmless(text).strip()


def check_cells(name: str) -> None:
    """Check that a table of this text has one row of two cells, which show exactly it, in plain text and in code."""
    shown = table(("A", "B"), [(prose(name), cell(name))])
    (row,) = cells(shown)
    assert [each.replace("\u200b", "") for each in row] == [as_shown(name), harmless(name) if as_shown(name) else ""]
    assert set(types(shown)) <= {
        *("table_open", "thead_open", "tr_open", "th_open", "inline", "text", "th_close", "tr_close", "thead_close"),
        *("tbody_open", "td_open", "td_close", "tbody_close", "table_close", "code_inline", "text_special"),
    }
    (inline,) = [t for t in GITHUB.parse(shown) if t.type == "inline" and t.level == 4 and t.map == [2, 3]][:1]
    assert not CALLS.search(text_of([inline], within_code=False))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_in_its_cell(name: str) -> None:
    """No pipe, backtick, element, link, mention or line break of a name has its meaning."""
    check_cells(name)


@given(ANY_TEXT)
def test_any_text_stays_in_its_cell(name: str) -> None:
    """The same holds of any text there is."""
    check_cells(name)


@given(st.text("`|\\ a@<", max_size=12))
def test_any_mixture_of_what_has_a_meaning_stays_in_its_cell(name: str) -> None:
    """The same holds of every mixture of the characters that matter most."""
    check_cells(name)


@given(st.lists(st.text("`~ \n<a", max_size=8), max_size=4))
def test_no_line_ends_its_fence(lines: list[str]) -> None:
    """A block of details is one block, whatever its lines are."""
    tokens = GITHUB.parse(f"{fenced(lines)}\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == "".join(f"{harmless(line)}\n" for line in lines)


@given(st.text("` a", min_size=1, max_size=8))
def test_code_shows_exactly_its_text(text: str) -> None:
    """A code span outside of tables shows its text too, however many backticks are in it."""
    if text.strip():
        (inline,) = [token for token in GITHUB.parse(f"a {code(text)} b") if token.type == "inline"]
        spans = [child.content for child in inline.children or [] if child.type == "code_inline"]
        assert spans == [text]


def view_of(*numbers: int, name: str = "job/a", detail: str = "because a is new") -> View:
    """Return a plan with sections of so many rows."""
    sections = [
        Section(f"p on a{i}", tuple(Row("+", f"{name}{n}", "train", "a.yaml:1", (detail,)) for n in range(number)))
        for i, number in enumerate(numbers)
    ]
    return View(tuple(sections), "read in 4 calls", ("Plan: 2 to create.", "Plan id 0123abcd"))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(CHARACTERS_LEAST, 6000))
def test_a_plan_is_cut_at_whole_rows_and_says_so(numbers: list[int], most: int) -> None:
    """What is left is a beginning of the rows, the sum stays, and rows shown and left out are all rows."""
    plan = view_of(*numbers)
    cut, total = plan_markdown(plan, most), sum(numbers)
    assert len(cut) <= most
    assert "Plan id 0123abcd" in cut
    shown = len(re.findall(r"^\| `\+` \| `job/a\d+` \| train \| `a.yaml:1` \|$", cut, re.MULTILINE))
    assert cut.count("    because a is new") == shown
    left = re.search(r"^\*([\d,]+) of ([\d,]+) rows left out", cut, re.MULTILINE)
    assert (int(left[1]), int(left[2])) == (total - shown, total) if left else shown == total
    assert bool(left) == (len(plan_markdown(plan)) > most)


def test_a_cut_keeps_as_much_as_fits() -> None:
    """One row more would not fit."""
    plan = view_of(60)
    lengths = [len(plan_markdown(plan, most)) for most in range(CHARACTERS_LEAST, CHARACTERS_LEAST + 200)]
    assert lengths == sorted(lengths)
    assert all(CHARACTERS_LEAST + i - length < 200 for i, length in enumerate(lengths))


def test_a_row_too_long_for_the_cut_leaves_the_sum() -> None:
    """However long a name is, the sum and the number left out fit into the least that can be asked for."""
    cut = plan_markdown(view_of(3, name="x" * 5000), CHARACTERS_LEAST)
    assert cut.startswith("*3 of 3 rows left out")
    assert "Plan id 0123abcd" in cut


@pytest.mark.parametrize("name", HOSTILE)
def test_a_plan_of_hostile_names_keeps_its_structure(name: str) -> None:
    """Titles, rows, details and sources that hold anything give the elements that a harmless plan gives."""
    assert blocks(view_of_text(name)) == blocks(view_of_text("a"))


def view_of_text(text: str) -> View:
    """Return a plan that says the same everywhere."""
    return View((Section(text, (Row("x", text, text, text, (text,)),)),), "read in 4 calls", (f"Plan: {text}",))


def blocks(plan: View) -> list[str]:
    """Return the block elements of a plan."""
    return list(_blocks(plan_markdown(plan)))


def _blocks(markdown: str) -> Iterator[str]:
    for token in GITHUB.parse(markdown):
        yield token.type
        if token.type == "html_block":
            yield token.content


@pytest.mark.parametrize("name", HOSTILE)
def test_a_status_of_hostile_names_keeps_its_structure(name: str) -> None:
    """The same holds of the status table."""
    account = Account("a", "emulator:a", name)
    rows = [Standing(name, "a", name, name, (name,)), Standing("job/b", "a", "running", "step 4")]
    shown = status_markdown(name, [account], NOW, rows)
    assert [len(row) for row in cells(shown)] == [4, 4]
    assert types(shown).count("heading_open") == 1

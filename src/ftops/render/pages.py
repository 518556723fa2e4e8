"""The pages of `ftops explain` as text, and all of them as the tables of docs/diagnostics.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ftops.pages import Group, Page
from ftops.render.text import Ink, paint

WIDTH_COLUMNS = 100
INDENT = "  "


def page_text(word: str, group: Group, page: Page, severity: str, *, colour: bool) -> str:
    """Return one page, ending in a line break; `severity` is empty for what is no diagnostic."""
    kind = f"{severity}, {group.title}" if severity else group.title
    head = f"{paint(word, Ink.BOLD, colour=colour)}  {paint(f'({kind})', Ink.DIM, colour=colour)}"
    parts = [head + "\n", _wrapped(sentence(page.means))]
    if page.example:
        shown = page.example.strip("\n") or "(an empty line)"
        parts += ["\nExample:\n\n", textwrap.indent(f"{shown}\n", INDENT * 2)]
    for title, words in (
        ("For example", page.when),
        ("What to do", page.mend),
        ("To go on all the same", page.override),
    ):
        if words:
            parts += [f"\n{title}:\n", _wrapped(sentence(words))]
    return "".join(parts)


def index_text(groups: Sequence[Group], *, colour: bool) -> str:
    """Return every word by group with one line each."""
    parts = []
    for group in groups:
        width = max(map(len, group.pages))
        parts.append(paint(group.title, Ink.BOLD, colour=colour) + "\n")
        parts += [f"{INDENT}{word:<{width}}{INDENT}{page.means}\n" for word, page in group.pages.items()]
        parts.append("\n")
    return "".join([*parts, "`ftops explain WORD` tells more.\n"])


def pages_markdown(groups: Sequence[Group], severities: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the tables; a group whose words have severities gets a column for them."""
    for group in groups:
        told = all(word in severities for word in group.pages)
        yield from ["", f"## {group.title}", ""]
        if group.intro:
            yield from [group.intro, ""]
        yield f"| {'code' if told else 'word'} | {'severity | ' if told else ''}means | the way out |"
        yield "|---|---|---|---|" if told else "|---|---|---|"
        for word, page in group.pages.items():
            severity = f"{severities[word]} | " if told else ""
            way_out = " ".join(part for part in (page.mend, page.override) if part)
            yield f"| `{word}` | {severity}{_cell(page.means)} | {_cell(way_out)} |"


def _cell(words: str) -> str:
    return words.replace("|", r"\|")


def _wrapped(words: str) -> str:
    lines = textwrap.wrap(
        words,
        WIDTH_COLUMNS,
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "".join(f"{line}\n" for line in lines)


def sentence(words: str) -> str:
    """Return words that begin small and have no end as a sentence."""
    ended = words if words.endswith((".", ":", "`")) else f"{words}."
    return ended[0].upper() + ended[1:]

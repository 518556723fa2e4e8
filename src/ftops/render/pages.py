"""The pages of `ftops explain` as text, and all of them as the tables of docs/diagnostics.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ftops.pages import Group
from ftops.render.text import Ink, paint

WIDTH_COLUMNS = 100
INDENT = "  "
LINE_END = "\n"
ESCAPED_BAR = r"\|"


def page_text(
    word: str, group: Group, severity: str = "", notes: Sequence[tuple[str, str]] = (), *, colour: bool
) -> str:
    """Return one page, ending in a line break; `severity` is empty for what is no diagnostic.

    Args: `notes` are further paragraphs, each with its title: what is not written in the page.
    """
    page = group.pages[word]
    kind = f"{severity}, {group.title}" if severity else group.title
    head = f"{paint(word, Ink.BOLD, colour=colour)}  {paint(f'({kind})', Ink.DIM, colour=colour)}"
    parts = [head + "\n", _wrapped(sentence(page.means))]
    if page.example:
        shown = page.example.strip("\n") or "(an empty line)"
        parts += ["\nExample:\n\n", textwrap.indent(f"{shown}\n", INDENT * 2)]
        if page.accepted:
            parts += ["\nAccepted:\n\n", textwrap.indent(f"{page.accepted.strip(LINE_END)}\n", INDENT * 2)]
    for title, words in (
        ("For example", page.when),
        ("Accepted", page.accepted if page.when else ""),
        ("What to do", page.mend),
        ("To go on all the same", page.override),
        *notes,
    ):
        if words:
            parts += [f"\n{title}:\n", _wrapped(sentence(words))]
    return "".join(parts)


def index_text(groups: Sequence[Group], ids: Mapping[str, str], *, colour: bool) -> str:
    """Return every word by group with one line each; a group whose words all have an id gets a column for them."""
    parts = []
    for group in groups:
        width, told = max(map(len, group.pages)), group.pages.keys() <= ids.keys()
        parts.append(paint(group.title, Ink.BOLD, colour=colour) + "\n")
        for word, page in group.pages.items():
            number = f"{ids[word]}{INDENT}" if told else ""
            parts.append(f"{INDENT}{word:<{width}}{INDENT}{number}{page.means}\n")
        parts.append("\n")
    return "".join([*parts, "`ftops explain WORD` tells more.\n"])


def pages_markdown(groups: Sequence[Group], severities: Mapping[str, str], ids: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the tables; a group whose words have ids, or severities, gets columns for them."""
    for group in groups:
        columns = ["code" if group.pages.keys() <= severities.keys() else "word"]
        numbered = group.pages.keys() <= ids.keys()
        columns += ["id"] if numbered else []
        columns += ["severity"] if columns[0] == "code" else []
        yield from ["", f"## {group.title}", ""]
        if group.intro:
            yield from [group.intro, ""]
        yield from table_head([*columns, "means", "the way out"])
        for word, page in group.pages.items():
            cells = [
                f"`{word}`",
                *([ids[word]] if numbered else []),
                *([severities[word]] if "severity" in columns else []),
            ]
            way_out = " ".join(part for part in (page.mend, page.override) if part)
            yield table_row([*cells, page.means, way_out])


def table_head(columns: Sequence[str]) -> Iterator[str]:
    """Yield the two lines that a table of markdown begins with."""
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"


def table_row(cells: Sequence[str]) -> str:
    """Return one row of a table; a bar is escaped, also in code."""
    return f"| {' | '.join(cell.replace('|', ESCAPED_BAR) for cell in cells)} |"


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

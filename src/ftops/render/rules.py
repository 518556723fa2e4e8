"""The rules of datasets as one table of markdown, of the catalogue and the pages: the end of docs/datasets.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ftops.catalogue import CATALOGUE, OFF, Check
from ftops.pages import LABELS, Group, Page
from ftops.render.pages import table_head, table_row

COLUMNS = ("code", "id", "severity", "source", "accepted", "refused")
EMPTY_LINE = "(an empty line)"


def rules_markdown(groups: Sequence[Group]) -> Iterator[str]:
    """Yield the lines of the table, in the order of the catalogue."""
    pages: Mapping[str, Page] = {word: page for group in groups for word, page in group.pages.items()}
    yield from table_head(COLUMNS)
    for code, check in CATALOGUE.items():
        yield table_row([f"`{code}`", check.id, severity_word(check), check.source, *_cells(pages[code])])


def severity_word(check: Check) -> str:
    """Return how much a rule weighs where no document says otherwise."""
    return str(check.severity) if check.severity else OFF


def _cells(page: Page) -> tuple[str, str]:
    if page.when:
        return page.accepted, page.when
    return _rows(page.accepted), _rows(page.example)


def _rows(text: str) -> str:
    return "<br>".join(_line(line) for line in text.strip("\n").split("\n"))


def _line(line: str) -> str:
    label, colon, rest = line.partition(": ")
    if colon and label in LABELS:
        return f"{label}: `{rest}`"
    return f"`{line}`" if line else EMPTY_LINE

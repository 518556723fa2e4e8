"""The table of misleading words as pages: a row by itself, and all of them as the tables of docs/troubles.md."""

from __future__ import annotations

from collections.abc import Iterator

from ftops.render.pages import sentence, table_head, table_row
from ftops.render.text import Ink, paint, wrapped
from ftops.rules.troubles import Symptom, Troubles

COLUMNS = ("word", "what the service says", "likely", "what to do", "may pass", "source")
AGAIN = "The same is tried again."
IF_ASKED = "The same is tried again only where you say so (`onFailure`, `--allow`): each time may cost."


def troubles_markdown(troubles: Troubles) -> Iterator[str]:
    """Yield the lines of the tables, one for each place that words come from, in the order of their lookup."""
    for name, where in troubles.where.items():
        yield from ["", f"## {sentence(where.title).removesuffix('.')}", ""]
        yield from table_head(COLUMNS)
        for row in (each for each in troubles.rows if each.where == name):
            source = f"{row.origin.source} ({row.origin.as_of:%Y-%m-%d})"
            passes = "yes" if row.passes else "no"
            yield table_row((f"`{row.word}`", _known_by(row), row.cause, row.remedy, passes, source))


def trouble_text(row: Symptom, troubles: Troubles, *, colour: bool) -> str:
    """Return one row as a page, ending in a line break."""
    where = troubles.where[row.where]
    head = (
        f"{paint(row.word, Ink.BOLD, colour=colour)}  {paint(f'(the service, {where.title})', Ink.DIM, colour=colour)}"
    )
    told = [("It says", _known_by(row)), ("Likely", sentence(row.cause)), ("What to do", row.remedy)]
    told += [("It may pass by itself", AGAIN if where.calls else IF_ASKED)] if row.passes else []
    told += [("The source", f"{row.origin.source}, as of {row.origin.as_of:%Y-%m-%d}.")]
    parts = [f"{head}\n"]
    for title, words in told:
        parts += [f"\n{title}:\n", *(f"  {line.lstrip()}\n" for line in wrapped(words, 2))]
    return "".join(parts)


def _known_by(row: Symptom) -> str:
    """Return by what a row is known: statuses, codes, and an example of the words."""
    status = " or ".join(map(str, row.status))
    codes = ", ".join(f"`{code}`" for code in row.codes)
    named = " ".join(part for part in (status, codes) if part)
    said = "" if row.said in row.codes else row.said
    return ": ".join(part for part in (named, said) if part)

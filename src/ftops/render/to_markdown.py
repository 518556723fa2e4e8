"""A plan as markdown for a comment on a pull request: a table, the reasons folded away, the sum at the end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from ftops.render.markdown import cell, fenced, prose, table
from ftops.render.text import count, harmless
from ftops.render.view import Row, View

TITLE_CHARACTERS_MAX = 200
HEAD = ("", "Address", "What", "Declared in")


def plan_markdown(view: View, characters_max: int | None = None) -> str:
    """Return a plan as markdown of at most so many characters, ending in a line break.

    It is cut at whole rows, each with its reasons, from the end; then a line says how many were left out.
    """
    total = sum(len(section.rows) for section in view.sections)
    whole = _plan(view, total, total)
    if characters_max is None or len(whole) <= characters_max:
        return whole
    fitting = bisect_right(range(total), characters_max, key=lambda shown: len(_plan(view, shown, total))) - 1
    return _plan(view, max(0, fitting), total)


def _plan(view: View, shown: int, total: int) -> str:
    """Return the plan with its first rows only."""
    parts = list(_sections(view, shown, cut=shown < total))
    if shown < total:
        parts.append(f"*{total - shown:,} of {count(total, 'row')} left out; `ftops plan` lists them all.*\n")
    parts += [f"{f'**{prose(line)}**' if number == 0 else prose(line)}\n" for number, line in enumerate(view.summary)]
    return "\n".join(parts)


def _sections(view: View, shown: int, *, cut: bool) -> Iterator[str]:
    for number, section in enumerate(view.sections):
        rows = section.rows[:shown]
        shown -= len(rows)
        if rows or not cut:
            yield f"### {prose(_short(section.title))}\n"
            yield from _section(rows)
            if number == 0:
                yield f"<sub>{prose(view.calls)}</sub>\n"


def _section(rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        yield table(HEAD, map(_cells, rows))
    told = [row for row in rows if row.details]
    if told:
        lines = [line for row in told for line in _reasons(row)]
        yield f"<details><summary>Reasons and changes ({len(told):,})</summary>\n"
        yield fenced(lines)
        yield "</details>\n"


def _cells(row: Row) -> tuple[str, str, str, str]:
    return cell(row.symbol.strip()), cell(row.address), prose(row.text), cell(row.source)


def _reasons(row: Row) -> list[str]:
    return [f"{row.symbol} {harmless(row.address)}", *(f"    {harmless(detail)}" for detail in row.details)]


def _short(title: str) -> str:
    return title if len(title) <= TITLE_CHARACTERS_MAX else f"{title[:TITLE_CHARACTERS_MAX]}…"

"""How everything stands: one row for each resource and each object of ours, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from ftops.model import Account
from ftops.render.markdown import cell, prose, table
from ftops.render.text import Ink, harmless, meaning, paint
from ftops.render.to_json import meaning_of
from ftops.render.view import account_title
from ftops.trouble import Trouble

MEANING_COLUMNS = 6
"""What the lines below a row are indented by."""


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """The system prompt that a model was trained with, by where it stands: its text is nobody's to print unasked.

    `different` counts those that the training data has; this is the one that most rows have.
    """

    file: str
    line: int
    characters: int
    sha256: str
    different: int

    def __str__(self) -> str:
        """Return what to do with it."""
        usual = "the usual system prompt" if self.different > 1 else "the system prompt"
        return f"call it with {usual} of its training ({self.file}:{self.line}, {self.characters:,} characters)"


@dataclass(frozen=True, slots=True)
class Standing:
    """One address: the service's own word for its state, how it stands in words, and what it came from or serves.

    `trouble` is what is known of what the service says of it.
    """

    address: str
    account: str
    state: str
    words: str
    depends_on: tuple[str, ...] = ()
    object_id: str = ""
    created_at: datetime | None = None
    prompt: SystemPrompt | None = None
    trouble: Trouble | None = None


def status_text(
    project: str, accounts: Iterable[Account], now: datetime, rows: Sequence[Standing], *, colour: bool
) -> str:
    """Return the table, by account, ending in a line break."""
    lines: list[str] = []
    for account in accounts:
        title = f"{project} on {account_title(account)} at {now:%Y-%m-%d %H:%M} UTC"
        lines += [paint(harmless(title), Ink.BOLD, colour=colour), ""]
        its = [row for row in rows if row.account == account.name]
        widths = [max((len(text) for text in column), default=0) for column in zip(*map(_cells, its), strict=True)]
        for row in its:
            cells = [f"{text:<{width}}" for text, width in zip(_cells(row), widths, strict=True)]
            lines.append(f"  {'  '.join(cells)}".rstrip())
            lines += [f"{' ' * MEANING_COLUMNS}{harmless(line)}" for line in meaning(row.trouble, MEANING_COLUMNS)]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _cells(row: Standing) -> tuple[str, str, str]:
    origin = f" <- {', '.join(row.depends_on)}" if row.depends_on else ""
    return harmless(row.address), harmless(row.state), harmless(_words(row) + origin)


def _words(row: Standing) -> str:
    return "; ".join(str(part) for part in (row.words, row.prompt) if part)


def _words_and_meaning(row: Standing) -> str:
    return f"{_words(row).removesuffix('.')}. {row.trouble}" if row.trouble else _words(row)


def status_markdown(project: str, accounts: Iterable[Account], now: datetime, rows: Sequence[Standing]) -> str:
    """Return the table as markdown, by account, ending in a line break."""
    parts = []
    for account in accounts:
        its = [row for row in rows if row.account == account.name]
        parts.append(f"### {prose(f'{project} on {account_title(account)} at {now:%Y-%m-%d %H:%M} UTC')}\n")
        if its:
            parts.append(table(("Address", "State", "How it stands", "From"), map(_markdown_cells, its)))
    return "\n".join(parts)


def _markdown_cells(row: Standing) -> tuple[str, str, str, str]:
    return cell(row.address), prose(row.state), prose(_words_and_meaning(row)), ", ".join(map(cell, row.depends_on))


def status_json(project: str, now: datetime, rows: Sequence[Standing]) -> str:
    """Return the rows as one JSON document, ending in a line break."""
    document = {
        "format": 1,
        "project": project,
        "now": now.isoformat(),
        "rows": [
            {
                "address": row.address,
                "account": row.account,
                "state": row.state,
                "words": row.words,
                "trouble": meaning_of(row.trouble),
                "depends_on": list(row.depends_on),
                "object": row.object_id or None,
                "created_at": row.created_at.isoformat() if row.created_at else None,
                "system_prompt": asdict(row.prompt) if row.prompt else None,
            }
            for row in rows
        ],
    }
    return json.dumps(document, indent=2) + "\n"

"""What `ftops doctor` found: one line a check with how to mend it, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ftops.render.text import Ink, harmless, paint


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


SYMBOLS = {Level.OK: "ok", Level.WARNING: "!", Level.BROKEN: "x"}
INKS = {Level.OK: Ink.GREEN, Level.WARNING: Ink.YELLOW, Level.BROKEN: Ink.RED}


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, what was found, and how to mend it; `account` is empty for this machine's."""

    account: str
    name: str
    level: Level
    found: str
    mend: str = ""


def doctor_text(checks: Sequence[Check], *, colour: bool) -> str:
    """Return the lines by account, ending in a summary."""
    lines: list[str] = []
    width = max((len(check.name) for check in checks), default=0)
    for account in dict.fromkeys(check.account for check in checks):
        lines += [paint(harmless(account or "this machine"), Ink.BOLD, colour=colour)]
        for check in (each for each in checks if each.account == account):
            symbol = paint(f"{SYMBOLS[check.level]:<2}", INKS[check.level], colour=colour)
            lines.append(f"  {symbol} {check.name:<{width}}  {harmless(check.found)}")
            if check.mend:
                lines.append(f"     {'':<{width}}  {harmless(check.mend)}")
        lines.append("")
    counts = {level: sum(check.level is level for check in checks) for level in Level}
    lines.append(f"{counts[Level.OK]} ok, {counts[Level.WARNING]} to look at, {counts[Level.BROKEN]} broken.")
    return "\n".join(lines) + "\n"


def doctor_json(checks: Sequence[Check]) -> str:
    """Return the checks as one JSON document, ending in a line break."""
    rows = [
        {"account": c.account or None, "check": c.name, "level": c.level, "found": c.found, "mend": c.mend or None}
        for c in checks
    ]
    return json.dumps({"format": 1, "checks": rows}, indent=2) + "\n"

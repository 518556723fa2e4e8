"""Refusals whose own words do not say where the remedy is, and what we say after them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftops.call import Call


@dataclass(frozen=True, slots=True)
class Hint:
    """A symptom (calls in full, a pattern searched in the service's message without case) and its remedy."""

    calls: re.Pattern[str]
    status: int
    message: re.Pattern[str]
    remedy: str


HINTS = (
    Hint(
        re.compile(r"POST data:/fine_tuning/jobs"),
        400,
        re.compile("suffix", re.IGNORECASE),
        "If the account takes shorter suffixes, write `policy: {suffixMax: 18}` in the Project.",
    ),
)
"""From azure-api.md §15 (1) and service-rules.md §13 (1)."""


def hint(call: Call, status: int, message: str) -> str:
    """Return the remedy for a refusal, or nothing where it is not known."""
    fitting = (h for h in HINTS if h.status == status and h.calls.fullmatch(str(call)) and h.message.search(message))
    return next((h.remedy for h in fitting), "")

"""What a refusal or a failure means, as a value: the service's words are kept apart from it, and stand above it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Trouble:
    """The likely cause of what the service said, and what to do about it, in our words.

    `word` names the row of rules/troubles.toml that it is from, empty where it is from none; `cause` is empty where
    the service has told it. `passes` says that it may go by itself, so that the same may be tried again. `sent` tells
    what was sent, by its keys. Of a state that is usual for a while, `after_hours` says when it is worth a word.
    """

    word: str
    cause: str
    remedy: str
    passes: bool = False
    sent: str = ""
    after_hours: int = 0

    def worth_telling(self, since: datetime | None, now: datetime) -> bool:
        """Tell whether a state has lasted long enough to be told."""
        return since is None or now - since >= timedelta(hours=self.after_hours)

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Return what stands below the service's words, each line with its label."""
        told = (("likely", self.cause), ("sent", self.sent), ("do", self.remedy))
        return tuple((label, text) for label, text in told if text)

    def __str__(self) -> str:
        """Return the cause and the remedy in one line, for where there is only one."""
        return f"Likely: {self.cause}. {self.remedy}" if self.cause else self.remedy

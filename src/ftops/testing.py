"""Public helpers for tests: a clock that stands still, and a client joined to an emulator in this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ftops.embedded import emulator_client

__all__ = ["NOON", "FakeClock", "emulator_client"]

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """A clock that moves only when it is paused on."""

    at: datetime = NOON

    def now(self) -> datetime:
        """Return the moment it stands at."""
        return self.at

    def pause(self, seconds: float) -> None:
        """Move on by so many seconds."""
        self.at += timedelta(seconds=seconds)

"""The clock protocol and the system clock; nothing else in ftops reads the time or sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass; the emulator's clock moves only when it is told to."""

    def now(self) -> datetime:
        """Return the current moment as an aware UTC datetime."""
        ...

    def pause(self, seconds: float) -> None:
        """Return after `seconds` have passed on this clock."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the current moment as an aware UTC datetime."""
        return datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        time.sleep(seconds)

"""Public helpers for tests: a clock that stands still, and a client joined to an emulator in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ftops.emulator import Emulator
from ftops.wire.client import Client
from ftops.wire.dialects import Endpoints
from ftops.wire.wsgi import client_over

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


def emulator_client(
    emulator: Emulator,
    account: str,
    region: str,
    tell_call: Callable[[str], None] | None = None,
    tell_progress: Callable[[int, int], None] | None = None,
) -> Client:
    """Return a client of one emulated account, made if it is not there; pauses advance the emulator's clock."""
    emulator.ensure_account(account, region)
    endpoints = Endpoints(Emulator.endpoint(account), Emulator.arm_endpoint, Emulator.resource_id(account))
    return client_over(emulator.app, endpoints, emulator.pause, tell_call, tell_progress)

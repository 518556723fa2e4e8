"""The one place where the embedded emulator is joined to the client; commands and `testing` use it."""

from __future__ import annotations

from collections.abc import Callable

from ftops.emulator import Emulator
from ftops.wire.client import Client
from ftops.wire.dialects import Endpoints
from ftops.wire.wsgi import client_over


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

"""An emulator that wants credentials, as the tests of its doors call it."""

# ruff: noqa: ANN401  the wire is JSON
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator

from .conftest import ACCOUNT, START

COGNITIVE, FOUNDRY = "https://cognitiveservices.azure.com", "https://ai.azure.com"
ARM, ARM_CLASSIC = "https://management.azure.com", "https://management.core.windows.net"
FILES = "/openai/v1/files"
PROJECT_FILES = "/api/projects/p/openai/v1/files"
ACCOUNT_PATH = f"{Emulator.resource_id(ACCOUNT)}?api-version=2025-06-01"
HOST = "https://127.0.0.1:8443"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Clock:
    """A system clock that is moved by hand."""

    at: datetime = START

    def now(self) -> datetime:
        """Return where it stands."""
        return self.at

    def pause(self, seconds: float) -> None:
        """Move it on."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Guarded:
    """An emulator that wants credentials, and a caller of it on one host for all accounts."""

    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        """Begin with two accounts."""
        self.emulator = Emulator(None, self.clock, require_auth=True)
        for name in (ACCOUNT, "other"):
            self.emulator.ensure_account(name, "eastus2")
        self.identity = self.emulator.identity

    def call(self, path: str, method: str = "GET", bearer: str = "", **options: Any) -> TestResponse:
        """Send a request, with a bearer token if one is given."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        return Client(self.emulator.app).open(path, method=method, base_url=HOST, headers=headers, **options)

    def token(self, audience: str) -> str:
        """Return a token for an audience."""
        return self.identity.issue(audience, HOST)[0]

    def sign_in(self, version: str = "/v2.0", tenant: str = "", **form: str) -> TestResponse:
        """Ask for a token with the right secret, but for what the form says otherwise."""
        sound = {
            "grant_type": "client_credentials",
            "client_id": self.identity.client_id,
            "client_secret": self.identity.client_secret,
            "scope": f"{ARM}/.default",
        }
        sent = {name: value for name, value in {**sound, **form}.items() if value}
        return self.call(f"/{tenant or self.identity.tenant_id}/oauth2{version}/token", "POST", data=sent)

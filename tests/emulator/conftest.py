"""A fixed start of virtual time, an emulator in memory, and a small caller over its WSGI application."""

# ruff: noqa: ANN401  the wire is JSON
from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ACCOUNT = "contoso"
ARM_VERSION = "2025-06-01"
MODEL = "gpt-4.1-mini-2025-04-14"


class StartClock:
    """A clock that only says when the world begins."""

    def now(self) -> datetime:
        """Return the start of virtual time."""
        return START

    def pause(self, seconds: float) -> None:
        """Do nothing: the emulator keeps its own time."""


def new_emulator(path: Path | None = None) -> Emulator:
    """Return an emulator with one account."""
    emulator = Emulator(path, StartClock())
    emulator.ensure_account(ACCOUNT, "swedencentral")
    return emulator


def rows(count: int) -> bytes:
    """Return a training file with `count` rows."""
    message = [{"role": "user", "content": "ping"}, {"role": "assistant", "content": "pong"}]
    return b"".join(json.dumps({"messages": message, "n": n}).encode() + b"\n" for n in range(count))


@dataclass
class Caller:
    """Calls one emulator as a client would, on either data-plane surface and on ARM."""

    emulator: Emulator
    prefix: str = "/openai/v1"
    version: str = ""

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a data-plane request; `path` is below the surface's root."""
        query = dict(options.pop("query", {}))
        if self.version:
            query["api-version"] = self.version
        base = options.pop("base_url", self.emulator.endpoint(ACCOUNT))
        client = Client(self.emulator.app)
        return client.open(self.prefix + path, method=method, base_url=base, query_string=query, **options)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a successful GET."""
        response = self.call("GET", path, query=query)
        assert response.status_code == 200, response.text
        return response.json

    def upload(self, content: bytes, filename: str = "train.jsonl", purpose: str = "fine-tune") -> TestResponse:
        """Upload a file."""
        part = (io.BytesIO(content), filename, "application/octet-stream")
        return self.call("POST", "/files", data={"purpose": purpose, "file": part})

    def ready_file(self, count: int = 50) -> str:
        """Upload a training file, wait for its check and return its id."""
        key = str((self.upload(rows(count)).json or {})["id"])
        self.emulator.pause(5)
        return key

    def train(self, **body: Any) -> TestResponse:
        """Send a create request for a job; only what differs from a plain one is given."""
        return self.call("POST", "/fine_tuning/jobs", json={"model": MODEL, **body})

    def job(self, **body: Any) -> str:
        """Create a job and return its id."""
        if "training_file" not in body:
            body["training_file"] = self.ready_file()
        response = self.train(**body)
        assert response.status_code == 201, response.text
        return str((response.json or {})["id"])

    def trained(self, **body: Any) -> dict[str, Any]:
        """Create a job, let it finish, and return it."""
        key = self.job(**body)
        self.emulator.advance(timedelta(hours=4))
        return dict(self.get(f"/fine_tuning/jobs/{key}"))

    def arm(self, method: str, path: str, version: str = ARM_VERSION, **options: Any) -> TestResponse:
        """Send an ARM request; `path` is below the account."""
        url = self.emulator.resource_id(ACCOUNT) + path
        query = {"api-version": version} if version else {}
        base = self.emulator.arm_endpoint
        return Client(self.emulator.app).open(url, method=method, base_url=base, query_string=query, **options)

    def deploy(self, name: str, model: str, **options: Any) -> TestResponse:
        """Put a deployment of a tuned model."""
        body = {
            "sku": options.pop("sku", {"name": "GlobalStandard", "capacity": 50}),
            "properties": {"model": {"format": "OpenAI", "name": model, "version": options.pop("model_version", "1")}},
            **options.pop("body", {}),
        }
        return self.arm("PUT", f"/deployments/{name}", json=body, **options)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Give an emulator in memory."""
    emulator = new_emulator()
    yield emulator
    emulator.close()


@pytest.fixture
def v1(emulator: Emulator) -> Caller:
    """Give a caller on the v1 surface."""
    return Caller(emulator)


@pytest.fixture
def classic(emulator: Emulator) -> Caller:
    """Give a caller on the classic surface of the same emulator."""
    return Caller(emulator, "/openai", "2025-04-01-preview")

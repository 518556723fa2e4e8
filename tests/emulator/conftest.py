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
from werkzeug.test import Client, EnvironBuilder, TestResponse, run_wsgi_app

from ftops.emulator import Emulator

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ACCOUNT = "contoso"
ARM_VERSION = "2025-06-01"
METRICS_VERSION, LOG_VERSION = "2024-02-01", "2015-04-01"
MODEL = "gpt-4.1-mini-2025-04-14"
CREATE_S = 240
LAG_S = 180
FORM = "multipart/form-data; boundary=B"
FORM_TAIL = b"\r\n--B--\r\n"
MONTH = "2026-11-01T00:00:00Z/2026-12-01T00:00:00Z"


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


class _Body(io.RawIOBase):
    """A body of a given size that is made while it is read."""

    def __init__(self, head: bytes, line: bytes, count: int, tail: bytes) -> None:
        self._pieces = (piece for part in ((head,), (line for _ in range(count)), (tail,)) for piece in part)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while len(self._rest) < len(buffer) and (piece := next(self._pieces, b"")):
            self._rest += piece
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


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

    def stream(self, path: str, head: bytes, line: bytes, count: int) -> dict[str, Any]:
        """Post a form that is made while it is read, its head and a line so many times, and return the answer."""
        query = {"api-version": self.version} if self.version else {}
        base = self.emulator.endpoint(ACCOUNT)
        environ = EnvironBuilder(self.prefix + path, base, query, "POST").get_environ()
        environ["CONTENT_TYPE"] = FORM
        environ["wsgi.input"] = io.BufferedReader(_Body(head, line, count, FORM_TAIL), 1024 * 1024)
        environ["CONTENT_LENGTH"] = str(len(head) + len(line) * count + len(FORM_TAIL))
        answer, *_ = run_wsgi_app(self.emulator.app, environ)
        return dict(json.loads(b"".join(answer)))

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
        query = {**options.pop("query", {}), **({"api-version": version} if version else {})}
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

    def deployed(self, name: str, model: str, **options: Any) -> dict[str, Any]:
        """Put a deployment, wait until it serves, and return what the service shows of it."""
        response = self.deploy(name, model, **options)
        assert response.status_code in (200, 201), response.text
        self.emulator.pause(CREATE_S)
        return dict(self.arm("GET", f"/deployments/{name}").json or {})

    def chat(self, name: str, text: str = "ping", **body: Any) -> TestResponse:
        """Chat with a deployment on the caller's surface."""
        message = {"messages": [{"role": "user", "content": text}], **body}
        if self.prefix.endswith("/v1"):
            return self.call("POST", "/chat/completions", json={"model": name, **message})
        return self.call("POST", f"/deployments/{name}/chat/completions", json=message)

    def chatted(self, name: str, text: str = "ping", **body: Any) -> dict[str, Any]:
        """Chat successfully and return the answer."""
        response = self.chat(name, text, **body)
        assert response.status_code == 200, response.text
        return dict(response.json or {})

    def monitor(self, what: str = "metrics", **query: str) -> TestResponse:
        """Ask Azure Monitor about the account; `filter` stands for `$filter`."""
        if "filter" in query:
            query["$filter"] = query.pop("filter")
        return self.arm("GET", f"/providers/Microsoft.Insights/{what}", METRICS_VERSION, query=query)

    def series(self, name: str = "AzureOpenAIRequests", **query: str) -> list[dict[str, Any]]:
        """Return the series of one metric over the first month of virtual time, one point for the whole by default."""
        asked = {"timespan": MONTH, "interval": "FULL", "metricnames": name, **query}
        response = self.monitor(**asked)
        assert response.status_code == 200, response.text
        return list((response.json or {})["value"][0]["timeseries"])

    def subscribed(self, path: str, **query: str) -> TestResponse:
        """Send a GET to the subscription; `filter` and `select` stand for `$filter` and `$select`."""
        shown = {f"${name}" if name in ("filter", "select") else name: value for name, value in query.items()}
        url = self.emulator.resource_id(ACCOUNT).split("/resourceGroups/")[0] + path
        base = self.emulator.arm_endpoint
        version = LOG_VERSION if "/Microsoft.Insights/" in path else ARM_VERSION
        return Client(self.emulator.app).get(url, base_url=base, query_string={"api-version": version, **shown})


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Give an emulator in memory."""
    emulator = new_emulator()
    yield emulator
    emulator.close()


@pytest.fixture
def model(v1: Caller) -> str:
    """Train a model and give its name."""
    return str(v1.trained()["fine_tuned_model"])


@pytest.fixture
def v1(emulator: Emulator) -> Caller:
    """Give a caller on the v1 surface."""
    return Caller(emulator)


@pytest.fixture
def classic(emulator: Emulator) -> Caller:
    """Give a caller on the classic surface of the same emulator."""
    return Caller(emulator, "/openai", "2025-04-01-preview")

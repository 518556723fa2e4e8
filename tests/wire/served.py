"""An emulator behind a socket: plain http on loopback, one path prefix an account, and whatever a test adds to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from ftops.emulator import Emulator
from ftops.testing import NOON, FakeClock
from ftops.wire.auth import Credential
from ftops.wire.client import Client
from ftops.wire.network import Network, Place

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEY = "0123456789abcdef0123456789abcdef"
Answer = tuple[str, list[tuple[str, str]], bytes]


class _Silent(WSGIRequestHandler):
    """Writes no log."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 — as the base names it
        """Write nothing."""

    def send_response(self, code: int | HTTPStatus, message: str | None = None) -> None:
        """Add neither a Server nor a Date header: both are the application's."""
        self.send_response_only(int(code), message)


@contextmanager
def serving(app: WSGIApplication) -> Iterator[str]:
    """Serve an application on a free port of loopback and yield its root."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Served:
    """An emulator as a WSGI application: `/NAME/…` is an account's data plane, the rest is ARM.

    `before` may answer a request instead; `seen` holds what was asked, with the credential that came with it.
    """

    emulator: Emulator
    server_header: str = "ftops-emulator/1"
    before: Callable[[str, dict[str, str]], Answer | None] = lambda _path, _headers: None
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    advanced_s: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        headers = {k[5:].replace("_", "-").lower(): str(v) for k, v in environ.items() if k.startswith("HTTP_")}
        path = environ["PATH_INFO"]
        with self._lock:
            self.seen.append((environ["REQUEST_METHOD"], path, headers))
        own = self.before(path, headers) or self._control(environ)
        if own is not None:
            status, fields, body = own
            start_response(status, [*fields, ("Content-Length", str(len(body)))])
            return [body]
        name, _, rest = path.removeprefix("/").partition("/")
        if name != "subscriptions":
            environ = {**environ, "HTTP_HOST": f"{name}.openai.emulator", "PATH_INFO": f"/{rest}"}

        def start(status: str, fields: list[tuple[str, str]], _info: object = None) -> object:
            shown = [(key, value) for key, value in fields if key.lower() != "server"]
            return start_response(status, [*shown, *([("Server", self.server_header)] if self.server_header else [])])

        return self.emulator.app(environ, start)  # type: ignore[arg-type]

    def _control(self, environ: WSGIEnvironment) -> Answer | None:
        if environ["PATH_INFO"] != "/_emulator/advance":
            return None
        seconds = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))["seconds"]
        self.advanced_s.append(seconds)
        self.emulator.pause(seconds)
        return "200 OK", [("Server", self.server_header)], b"{}"


@contextmanager
def served(emulator: Emulator | None = None, **settings: object) -> Iterator[tuple[Served, str]]:
    """Serve an emulator with one account, `east`, and yield it with its root."""
    emulator = emulator or Emulator(None, FakeClock())
    emulator.ensure_account("east", "eastus2")
    app = Served(emulator, **settings)  # type: ignore[arg-type]
    try:
        with serving(app) as root:
            yield app, root
    finally:
        emulator.close()


def told(status: str, body: object = None, **headers: str) -> Answer:
    """Return an answer with a JSON body; underscores of a header's name are dashes."""
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return status, [("Content-Type", "application/json"), *fields], json.dumps(body).encode()


def network(root: str, make: Callable[[], Credential] | None = None, **environ: str) -> Network:
    """Return a network that may talk to loopback, with a key in FTOPS_KEY and ARM at the root."""
    given = {"FTOPS_ALLOW_HOSTS": "127.0.0.1", "FTOPS_KEY": KEY, "FTOPS_ARM_ENDPOINT": root, **environ}
    heard: list[str] = []
    return Network(given, FakeClock(NOON), heard.append, heard.append, make)


@contextmanager
def client(root: str, name: str = "east", key_env: str = "FTOPS_KEY") -> Iterator[Client]:
    """Yield a client of an account behind a root, entered by a key."""
    with network(root).client(Place(name, f"{root}/{name}", "", key_env)) as made:
        yield made


@dataclass
class Fake:
    """A credential as azure-identity's: gives numbered tokens and counts them."""

    lives_s: float = 3600
    given: list[str] = field(default_factory=list)
    at: datetime = NOON

    def get_token(self, *scopes: str) -> FakeToken:
        """Return the next token."""
        self.given.append(scopes[0])
        return FakeToken(f"token-{len(self.given)}", int(self.at.astimezone(UTC).timestamp() + self.lives_s))


@dataclass(frozen=True)
class FakeToken:
    """A token as azure-identity's."""

    token: str
    expires_on: int

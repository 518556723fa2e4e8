"""An emulator on the network: one http and one https port in front of one state, a thread for each request.

Werkzeug's server carries the requests; each of its answers ends the connection. What is ours here is what it lacks: TLS
handshakes that hold up nobody else, silence, and answers of the service's kind when something breaks.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from ftops.emulator.core import SERVER_NAME, Emulator
from ftops.emulator.messages import ServiceError
from ftops.emulator.serve_certificates import Certificate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IDLE_S = 60.0
"""How long a connection may say nothing before it is closed."""
POLL_S = 0.05
"""How soon the servers notice that they are asked to stop."""
AGENT_CHARACTERS_MAX = 60
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  what a user asked for


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    http: int
    https: int

    @property
    def reached(self) -> str:
        """Return the host by which this machine reaches it."""
        return _EVERYWHERE.get(self.host, self.host)


@dataclass(frozen=True, slots=True)
class Voice:
    """Whom the server tells: `request` hears a line for each request, `failure` what went wrong in the emulator."""

    request: Callable[[str], None]
    failure: Callable[[str], None]


class PortTaken(OSError):
    """An address cannot be listened on."""


class Served:
    """A running server; `http` and `https` are the addresses that clients on this machine use."""

    def __init__(self, emulator: Emulator, address: Address, certificate: Certificate, voice: Voice) -> None:
        """Listen and begin to answer.

        Raises: PortTaken when an address is in use or not this machine's.
        """
        self._emulator = emulator
        self._stopping = threading.Event()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate.chain, certificate.key)
        app = _steady(emulator.app, self._stopping, voice)
        with _listening(address.host, address.http) as plain, _listening(address.host, address.https) as secure:
            self._servers = (
                _Server(address.host, plain, app, None, voice.request),
                _Server(address.host, secure, app, tls, voice.request),
            )
        self.http, self.https = (
            f"{scheme}://{_in_url(address.reached)}:{server.port}"
            for scheme, server in zip(("http", "https"), self._servers, strict=True)
        )
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()

    def stop(self) -> None:
        """Answer nobody any more; requests under way are undone, and the store is closed."""
        self._stopping.set()
        for server in self._servers:
            server.shutdown()
        self._emulator.close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=ThreadedWSGIServer.request_queue_size)
    except OSError as error:
        # The text that create_server makes repeats the address; a name that does not resolve has no number of its own.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        text = f"port {port} of {host} cannot be used: {why.lower()}"
        raise PortTaken(text) from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Server(ThreadedWSGIServer):
    def __init__(
        self,
        host: str,
        listening: socket.socket,
        app: WSGIApplication,
        tls: ssl.SSLContext | None,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(host, 0, app, _Handler, fd=listening.fileno())
        self.ssl_context = tls
        self.tell = tell

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the handshake is left to the first read, in the request's own thread.

        Werkzeug's own way makes it here, where one client that connects and says nothing would stop all others.
        """
        connection, client = super().get_request()
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, client

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Tell of a connection that broke outside of a request."""
        self.tell(traceback.format_exc())

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  Werkzeug's name
        """Tell what Werkzeug would log."""
        self.tell(f"{type}: {message % args if args else message}")


class _Handler(WSGIRequestHandler):
    server: _Server
    timeout = IDLE_S
    # An answer's head and body leave in one packet, and at once.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin an answer, without the Server and Date that http.server adds: the emulator has its own."""
        self.log_request(code)
        self.send_response_only(code, message)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what is not even HTTP, as the service answers."""
        response = ServiceError(code, str(code), message or "Bad request.").response()
        body = response.body if isinstance(response.body, bytes) else b""
        self.request_version = self.protocol_version  # What was read may be taken for a version without headers.
        self.send_response(code, message)
        for name, value in {**response.headers, "Server": SERVER_NAME, "Connection": "close"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:  # noqa: ARG002
        """Close the connection, which http.server would keep for a next request."""
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        """Tell a line about a request: its path, and never its query; and what the client calls itself."""
        headers = getattr(self, "headers", None)
        agent = ((headers.get("User-Agent") if headers else None) or "-").split(" ", 1)[0]
        path = getattr(self, "path", "-").partition("?")[0]
        words = (getattr(self, "command", None) or "-", path, str(code), agent[:AGENT_CHARACTERS_MAX])
        self.server.tell(re.sub(r"[^ -~]", "?", " ".join(words)))

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  Werkzeug's name
        """Tell what Werkzeug would log."""
        self.server.log(type, message, *args)


def _steady(app: WSGIApplication, stopping: threading.Event, voice: Voice) -> WSGIApplication:
    """Return the application with its failures as a server wants them.

    A caller that went away is a broken connection, and so is everything once the server stops; any other failure is
    told and answered as the service answers its own.
    """

    def steady(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except Exception as error:
            if stopping.is_set() or _has_gone(error):
                raise ConnectionResetError from error
            voice.failure(
                f"error: the emulator failed at {environ['REQUEST_METHOD']} {environ['PATH_INFO']}: {error!r}"
            )
            voice.request(traceback.format_exc())
            response = ServiceError(500, "internalFailure", f"The emulator failed: {error}").response()
            body = bytes(response.body) if isinstance(response.body, bytes) else b""
            head = {**response.headers, "Server": SERVER_NAME, "Content-Length": str(len(body))}
            start_response("500 Internal Server Error", list(head.items()))
            return [body]

    return steady


def _has_gone(error: Exception) -> bool:
    """Tell whether an error means that the caller went away: Werkzeug's body readers raise bare OSErrors for that."""
    if isinstance(error, ClientDisconnected | ConnectionError | TimeoutError | ssl.SSLError):
        return True
    return isinstance(error, OSError) and error.errno is None

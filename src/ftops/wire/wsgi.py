"""An httpx transport over any WSGI callable: how the embedded emulator is reached without a socket.

httpx's own WSGI transport reads request bodies whole; this one hands the application a stream, so that an upload of
any size passes through in blocks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import cast
from wsgiref.types import StartResponse, WSGIApplication

import httpx

from ftops.wire.client import Client
from ftops.wire.dialects import Endpoints


class _BodyReader(io.RawIOBase):
    """The request's stream as the file that WSGI wants."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class WsgiTransport(httpx.BaseTransport):
    """Answers requests by calling a WSGI application in this process."""

    def __init__(self, app: WSGIApplication) -> None:
        """Keep the application."""
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's response; a ConnectionError it raises is a connection that broke."""
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> object:
            told.append((status, headers))
            return lambda _data: None

        try:
            body = b"".join(self._app(_environ(request), cast("StartResponse", start_response)))
        except ConnectionError as error:
            raise httpx.ReadError(f"the connection broke: {error}", request=request) from error
        status, headers = told[-1]
        return httpx.Response(int(status.split(" ", 1)[0]), headers=headers, content=body, request=request)


def _environ(request: httpx.Request) -> dict[str, object]:
    stream = request.stream
    chunks = iter(stream) if isinstance(stream, httpx.SyncByteStream) else iter(())
    environ: dict[str, object] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.url.path,
        "QUERY_STRING": request.url.query.decode("ascii"),
        "SERVER_NAME": request.url.host,
        "SERVER_PORT": str(request.url.port or 443),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.url.scheme,
        "wsgi.input": io.BufferedReader(_BodyReader(chunks), buffer_size=1 << 18),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ


def client_over(
    app: WSGIApplication,
    endpoints: Endpoints,
    pause: Callable[[float], None],
    tell_call: Callable[[str], None] | None = None,
    tell_progress: Callable[[int, int], None] | None = None,
) -> Client:
    """Return a client whose requests an application in this process answers."""
    # An application in this process works while we do and not beside us: threads would only take turns.
    client = Client(httpx.Client(transport=WsgiTransport(app)), endpoints, pause, at_once=1)
    client.tell_call = tell_call or client.tell_call
    client.tell_progress = tell_progress or client.tell_progress
    return client

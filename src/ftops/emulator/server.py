"""The emulator as a WSGI application; the only file here that knows Werkzeug.

A multipart upload is parsed while it arrives: its parts reach the store piece by piece and are never held whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug import Request as WerkzeugRequest
from werkzeug import Response as WerkzeugResponse
from werkzeug.sansio import multipart

from ftops.emulator.messages import Part, Request, Response, invalid

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READ_BYTES = 256 * 1024
BODY_BYTES_MAX = 8 * 1024 * 1024
_FILENAME = re.compile(r'\bfilename="((?:\\.|[^"\\])*)"')
_ESCAPED = re.compile(r'\\([\\"])')


class Handler(Protocol):
    """What the application needs of an emulator."""

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        ...


def wsgi_app(emulator: Handler) -> WSGIApplication:
    """Return a WSGI callable in front of an emulator.

    Raises: the callable raises ConnectionResetError where a fault drops the connection.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = emulator.handle(_read(WerkzeugRequest(environ)))
        return _shown(response)(environ, start_response)

    return app


def _read(incoming: WerkzeugRequest) -> Request:
    boundary = incoming.mimetype_params.get("boundary", "")
    is_form = incoming.mimetype == "multipart/form-data" and bool(boundary)
    return Request(
        method=incoming.method,
        host=incoming.host,
        path=incoming.path,
        query=incoming.args.to_dict(),
        headers={name.lower(): value for name, value in incoming.headers.items()},
        body=b"" if is_form else incoming.stream.read(BODY_BYTES_MAX),
        parts=_parts(incoming.stream.read, boundary.encode()) if is_form else None,
        scheme=incoming.scheme,
    )


def _shown(response: Response) -> WerkzeugResponse:
    outgoing = WerkzeugResponse(response.body, response.status)
    outgoing.automatically_set_content_length = isinstance(response.body, bytes)
    if "Content-Type" not in response.headers:
        del outgoing.headers["Content-Type"]
    for name, value in response.headers.items():
        outgoing.headers[name] = value
    return outgoing


def _parts(read: Callable[[int], bytes], boundary: bytes) -> Iterator[Part]:
    events = _events(read, multipart.MultipartDecoder(boundary))
    for event in events:
        if isinstance(event, multipart.Field):
            yield Part(event.name or "", None, "", _chunks(events))
        elif isinstance(event, multipart.File):
            content_type = event.headers.get("content-type", "")
            yield Part(event.name or "", _filename(event), content_type, _chunks(events))


def _filename(part: multipart.File) -> str:
    # Werkzeug drops the backslashes of a Windows path, which the service echoes as they were sent.
    found = _FILENAME.search(part.headers.get("content-disposition", ""))
    return _ESCAPED.sub(r"\1", found[1]) if found else part.filename


def _chunks(events: Iterator[Any]) -> Iterator[bytes]:
    for event in events:
        yield bytes(event.data)
        if not event.more_data:
            return


def _events(read: Callable[[int], bytes], decoder: multipart.MultipartDecoder) -> Iterator[multipart.Event]:
    while True:
        try:
            event = decoder.next_event()
            if isinstance(event, multipart.NeedData):
                decoder.receive_data(read(READ_BYTES) or None)
                continue
        except ValueError as cause:
            raise invalid("The multipart body ends early or is malformed.") from cause
        if isinstance(event, multipart.Epilogue):
            return
        yield event

"""Why no answer came, as a sentence with a way out; judged by the exceptions' types, never by their text."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx

from ftops.errors import ConnectionLost, Unreachable, WireError
from ftops.redaction import redact

PLACE_CHARACTERS_MAX = 200
REDIRECTS = range(300, 400)


def failure_of(error: httpx.HTTPError, url: str) -> WireError:
    """Return what a request's failure means: Unreachable when nothing can have been done, ConnectionLost otherwise."""
    host = urlsplit(url).hostname or url
    causes = (error, *_causes(error))
    for types, made, words in _TABLE:
        if any(isinstance(cause, types) for cause in causes):
            return made(words.format(host=host, told=_told(error), type=type(error).__name__))
    return ConnectionLost(_told(error))


_Row = tuple[tuple[type[Exception], ...], type[WireError], str]
_TABLE: tuple[_Row, ...] = (
    (
        (ssl.SSLCertVerificationError,),
        WireError,
        (
            "the certificate of {host} is not trusted, so nothing was sent. If a proxy or an emulator signs with an "
            "authority of its own, name its certificate's file in SSL_CERT_FILE."
        ),
    ),
    (
        (socket.gaierror,),
        Unreachable,
        (
            "the name {host} cannot be resolved. Check the endpoint in the Project (of ARM: FTOPS_ARM_ENDPOINT, if it "
            "is not Azure's own), and whether this machine reaches the network (HTTPS_PROXY) or, for a private "
            "endpoint, asks its DNS zone."
        ),
    ),
    (
        (httpx.ConnectTimeout, httpx.PoolTimeout),
        Unreachable,
        (
            "no connection to {host} came about in time. A firewall may keep this machine out, or a proxy is needed "
            "(HTTPS_PROXY)."
        ),
    ),
    (
        (httpx.ProxyError,),
        Unreachable,
        "the proxy does not let us through to {host}: {told}. Check HTTPS_PROXY and NO_PROXY.",
    ),
    (
        (httpx.ConnectError,),
        Unreachable,
        "{host} takes no connection: {told}. Check the endpoint's port, whether it speaks https, and whether it runs.",
    ),
    (
        (httpx.UnsupportedProtocol, httpx.LocalProtocolError),
        WireError,
        "the request to {host} could not be made ({type}), so nothing was sent.",
    ),
)
"""By the first exception that fits, in this order: of the failure itself, or of what caused it."""


def redirect_of(status: int, headers: Mapping[str, str], url: str) -> WireError | None:
    """Return what to say of an answer that points elsewhere; it is never followed with a credential."""
    location = headers.get("location")
    if status not in REDIRECTS or not location:
        return None
    parts = urlsplit(location)
    place = f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path
    return WireError(
        f"{urlsplit(url).hostname} answers {status} and points to {redact(place)[:PLACE_CHARACTERS_MAX]}, where no "
        "credential is sent. If that is the account's address, write it as the endpoint in the Project; a sign-in page "
        "means that a proxy stands in between."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _told(error: Exception) -> str:
    return redact(" ".join(str(error).split())) or type(error).__name__

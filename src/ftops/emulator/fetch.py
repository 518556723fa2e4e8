"""Fetching a content from an address on this machine, before the store is touched.

An address of a storage carries a signature in its query that opens what it names. So nothing here repeats an address,
in a text or in an exception that leaves this module, and no redirect and no proxy leads to another machine.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from tempfile import SpooledTemporaryFile
from urllib.parse import SplitResult, urlsplit

from ftops.clock import Clock
from ftops.emulator.contents import BLOCK_BYTES, Check, Content, new_spool

SILENCE_S = 30.0
DURATION = timedelta(hours=1)
"""How long the service tries to fetch a content."""


class Unfetched(Exception):
    """Why a content could not be fetched, in words that do not repeat its address."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a large content is kept meanwhile, how large it may be, and the clock that ends what takes too long."""

    folder: Path | None
    bytes_max: int
    clock: Clock


def is_address(url: object) -> bool:
    """Tell whether this is an address of http or https."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@contextmanager
def fetched(url: str, bounds: Bounds) -> Iterator[Content | Unfetched]:
    """Yield the content that is at an address, checked, or why it could not be fetched."""
    outcome: Content | Unfetched
    with new_spool(bounds.folder) as spool:
        try:
            outcome = _content(urlsplit(url), bounds, spool)
        except Unfetched as failure:
            outcome = failure
        except (OSError, HTTPException, ValueError) as error:
            outcome = Unfetched(_why(error))
        yield outcome


def _why(error: Exception) -> str:
    """Return what went wrong in our own words: those of an exception may repeat the address."""
    if isinstance(error, TimeoutError):
        return f"The source said nothing for {SILENCE_S:.0f} seconds."
    if isinstance(error, ssl.SSLCertVerificationError):
        return "The certificate of the source is not trusted."
    if isinstance(error, ssl.SSLError):
        return "The source does not speak TLS as it should."
    if isinstance(error, OSError):
        number = error.errno or 0
        return f"{os.strerror(number) if number > 0 else 'The connection to the source broke'}."
    return "The source or its address cannot be understood."


def _content(parts: SplitResult, bounds: Bounds, spool: SpooledTemporaryFile[bytes]) -> Content:
    host = parts.hostname or ""
    if not _is_this_machine(host):
        raise Unfetched("The emulator fetches from this machine only (127.0.0.0/8, ::1, localhost).")
    if parts.scheme == "https":
        # The default trusts what SSL_CERT_FILE names.
        trust = ssl.create_default_context()
        connection: HTTPConnection = HTTPSConnection(host, parts.port, timeout=SILENCE_S, context=trust)
    else:
        connection = HTTPConnection(host, parts.port, timeout=SILENCE_S)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        with connection.getresponse() as response:
            if response.status != 200:  # noqa: PLR2004  the only status that carries the content
                raise Unfetched(f"The source answered {response.status}.")
            return _read(response, bounds, spool)
    finally:
        connection.close()


def _read(response: HTTPResponse, bounds: Bounds, spool: SpooledTemporaryFile[bytes]) -> Content:
    until = bounds.clock.now() + DURATION
    declared_bytes, size_bytes, check = response.length, 0, Check()
    while chunk := response.read1(BLOCK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > bounds.bytes_max:
            raise Unfetched(f"The content is larger than the limit of {bounds.bytes_max} bytes.")
        if bounds.clock.now() > until:
            raise Unfetched("The content was not there within an hour.")
        spool.write(chunk)
        check.feed(chunk)
    if declared_bytes not in (None, size_bytes):
        raise Unfetched("The content ended early.")
    return Content("", check.verdict(), spool)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""URLs that the service is to read from: what they must be, and whether one holds a secret."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_THIS_MACHINE = re.compile(r"localhost|::1|127(\.[0-9]{1,3}){3}")
_SECRET_NAMES = frozenset(
    {
        "sig",
        "signature",
        "token",
        "access_token",
        "code",
        "key",
        "api-key",
        "apikey",
        "password",
        "secret",
        "subscription-key",
        "awsaccesskeyid",
        "key-pair-id",
        "x-amz-signature",
        "x-amz-credential",
        "x-amz-security-token",
        "x-goog-signature",
        "x-goog-credential",
    }
)
"""Names in a query whose value gives access, of Azure and of others whose signed URLs the service can read."""


def wrong_source(url: str) -> str:
    """Return what keeps a text from being a URL that the service can read, with the way out; never the text."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return "A URL has no spaces, line breaks or letters beyond ASCII; write those as %XX."
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host:
        return "Write the whole address, such as https://ACCOUNT.blob.core.windows.net/CONTAINER/FILE."
    if parts.scheme == "https" or (parts.scheme == "http" and _THIS_MACHINE.fullmatch(host)):
        return ""
    return "It has to begin with https://; http is for this machine only, such as http://127.0.0.1."


def is_secret(url: str) -> bool:
    """Tell whether a URL holds a signature, a token or a password, so that whoever reads it has access."""
    try:
        parts = urlsplit(url)
        named = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        return "@" in url or "?" in url
    return "@" in parts.netloc or not named.isdisjoint(_SECRET_NAMES)

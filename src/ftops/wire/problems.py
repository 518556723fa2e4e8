"""Error bodies read into problems, and texts made safe to print."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ftops.errors import ServiceProblem

REQUEST_ID_HEADERS = ("apim-request-id", "x-ms-request-id")
MESSAGE_CHARACTERS_MAX = 600
"""What is kept of a service's message; a body may be a whole page."""

HIDDEN = "…"

_SECRETS = (
    # The signature of a SAS or of a signed polling URL, in any query.
    (re.compile(r"(?i)([?&](?:sig|signature|s|h|t|c|se|sv|sp|sr|skoid|code|key|token)=)[^&\s\"'<>]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(?i)([\"']?(?:api[-_]?key|authorization|access[-_]?token|client[-_]?secret|secret|password|account[-_]?key)"
            r"[\"']?\s*[:=]\s*[\"']?)(?!bearer\b)[^\s\"',;&]+"
        ),
        rf"\1{HIDDEN}",
    ),
    # JSON web tokens and long keys, wherever they stand.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), HIDDEN),
)


def redact(text: str) -> str:
    """Return a text without keys, tokens and signatures; what hides them is always `…`."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def problem_of(status: int, headers: Mapping[str, str], body: object, text: str) -> ServiceProblem:
    """Return what an answer with an error status says, whichever envelope it came in.

    Seen are `{"error": {"code", "message"}}`, the same without the wrapper, APIM's `{"statusCode", "message"}`, and
    bodies that are no JSON at all (azure-api.md §3.3). The code may be a number. `headers` have lower-case names.
    """
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if isinstance(error, Mapping):
        code = str(error.get("code") or error.get("statusCode") or status)
        message = str(error.get("message") or text)
    else:
        code, message = str(status), text or "the answer has no text"
    request_id = next((headers[name] for name in REQUEST_ID_HEADERS if name in headers), "")
    return ServiceProblem(status, code, redact(message)[:MESSAGE_CHARACTERS_MAX], request_id)

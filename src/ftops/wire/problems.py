"""Error bodies read into problems, and texts made safe to print."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ftops.call import Call
from ftops.errors import ServiceProblem
from ftops.wire.rights import way_out

REQUEST_ID_HEADERS = ("apim-request-id", "x-ms-request-id")
MESSAGE_CHARACTERS_MAX = 600
"""What is kept of a service's message; a body may be a whole page."""
CODE_CHARACTERS_MAX = 100

HIDDEN = "…"

_QUOTE = r"(?:\\*[\"']|&quot;)?"
_NAMES = (
    r"(?:ocp-apim-subscription-key|(?:x[-_])?api[-_ ]?key|subscription[-_]?key|account[-_]?key|"
    r"(?:access|refresh|id|auth)[-_]?token|client[-_]?secret|secret|password|sharedaccesskey)"
)
_SECRETS = (
    # Authorization headers of every scheme hide to the end of the line or the quote.
    (re.compile(rf"(?i)(authorization{_QUOTE}\s*[:=]\s*{_QUOTE})[^\"'\\\r\n]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:bearer|basic|sharedkey)\s+)[A-Za-z0-9._~+/=:-]{8,}"), rf"\1{HIDDEN}"),
    # The signature of a SAS or of a signed polling URL, in any query; HTML writes & as &amp;.
    (
        re.compile(
            r"(?i)((?:[?&;\s]|&amp;)(?:sig|signature|s|h|t|c|se|sv|sp|sr|skoid|code|key|token|access_token)=)"
            r"[^&;\s\"'<>\\]+"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"(?i)({_NAMES}{_QUOTE}\s*[:=]\s*{_QUOTE})[^\s\"',;&\\]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(key provided:\s*)\S+"), rf"\1{HIDDEN}"),
    # The password before a host, as in a proxy's address.
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    # JSON web tokens and keys of known shape, wherever they stand.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), HIDDEN),
)


def redact(text: str) -> str:
    """Return a text without keys, tokens and signatures; what hides them is always `…`."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def problem_of(
    status: int, headers: Mapping[str, str], body: object, text: str, call: Call | None = None
) -> ServiceProblem:
    """Return what an answer with an error status says, whichever envelope it came in, with the way out for its call.

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
    return ServiceProblem(
        status,
        redact(code)[:CODE_CHARACTERS_MAX],
        redact(message)[:MESSAGE_CHARACTERS_MAX],
        redact(request_id)[:CODE_CHARACTERS_MAX],
        "" if call is None else way_out(call, status, code),
    )


def in_words(error: Exception) -> str:
    """Return an error as one line for people; a body of unexpected shape is told without the library's own text."""
    count = getattr(error, "error_count", None)
    if callable(count):
        return f"the service's answer has another shape than expected ({count()} places)"
    return redact(" ".join(str(error).split()))

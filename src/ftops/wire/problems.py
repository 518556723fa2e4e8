"""Error bodies read into problems, and errors into a line."""

from __future__ import annotations

from collections.abc import Mapping

from ftops.call import Call
from ftops.errors import ServiceProblem
from ftops.redaction import redact
from ftops.rules.troubles import load_troubles
from ftops.trouble import Trouble
from ftops.wire.rights import way_out
from ftops.wire.sent import keys_of

REQUEST_ID_HEADERS = ("apim-request-id", "x-ms-request-id")
MESSAGE_CHARACTERS_MAX = 600
"""What is kept of a service's message; a body may be a whole page."""
CODE_CHARACTERS_MAX = 100


def problem_of(
    status: int, headers: Mapping[str, str], body: object, text: str, call: Call | None = None
) -> ServiceProblem:
    """Return what an answer with an error status says, whichever envelope it came in, and what that means for its call.

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
        None if call is None else _trouble_of(call, status, code, message),
    )


def _trouble_of(call: Call, status: int, code: str, message: str) -> Trouble | None:
    """Return what a refusal means: what the credential may not do by its call, all else by the table."""
    missing = way_out(call, status, code)
    if missing:
        return Trouble("", "", missing)
    found = load_troubles().of_answer(str(call), status, code, message)
    return found.trouble(keys_of(call.body)) if found else None


def trouble_in(error: Exception | None) -> Trouble | None:
    """Return what is known of an error that is a refusal of the service."""
    return error.trouble if isinstance(error, ServiceProblem) else None


def words_in(error: Exception) -> str:
    """Return an error as one line, of a refusal the service's own words alone."""
    return error.words if isinstance(error, ServiceProblem) else in_words(error)


def in_words(error: Exception) -> str:
    """Return an error as one line for people; a body of unexpected shape is told without the library's own text."""
    count = getattr(error, "error_count", None)
    if callable(count):
        return f"the service's answer has another shape than expected ({count()} places)"
    return redact(" ".join(str(error).split()))

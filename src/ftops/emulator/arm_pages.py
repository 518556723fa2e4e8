"""What all of ARM shares: listings in pages that `nextLink` leads through, and the head of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from ftops.emulator.messages import JsonObject, Request, Response, ServiceError, reply
from ftops.emulator.store import Document

TOKEN = "$skipToken"  # noqa: S105  no secret

# What is left of a subscription's requests and of everybody's, as a fresh one begins (azure-api.md §10.4). It is told
# and not counted: an hour of virtual time has no number of requests.
_ALLOWANCE: Mapping[str, tuple[int, int]] = {
    "reads": (1_099, 16_499),
    "writes": (799, 11_999),
    "deletes": (799, 11_999),
}
_KINDS: Mapping[str, str] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


def arm_allowance(method: str) -> dict[str, str]:
    """Return the headers that tell how many more requests of a kind are let through."""
    kind = _KINDS.get(method, "writes")
    own, everybody = _ALLOWANCE[kind]
    name = "x-ms-ratelimit-remaining-subscription"
    return {f"{name}-{kind}": str(own), f"{name}-global-{kind}": str(everybody)}


def listing(
    request: Request, found: Sequence[Document], size: int, shown: Callable[[Document], JsonObject]
) -> Response:
    """Return a page of documents that come oldest first; the link to the next is absolute (azure-api.md §10).

    Raises: ServiceError (400) for a token that no link has.
    """
    first = _first(request)
    rest = [document for document in found if document.seq > first]
    body: JsonObject = {"value": [shown(document) for document in rest[:size]]}
    if len(rest) > size:
        query = urlencode({**request.query, TOKEN: rest[size - 1].seq})
        body["nextLink"] = f"{request.origin}{request.path}?{query}"
    return reply(body)


def _first(request: Request) -> int:
    token = next((value for name, value in request.query.items() if name.lower() == TOKEN.lower()), "0")
    if not token.isascii() or not token.isdigit():
        raise ServiceError(400, "BadRequest", f"The {TOKEN} is not valid.")
    return int(token)

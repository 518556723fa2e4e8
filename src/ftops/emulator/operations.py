"""The long-running operation behind a slow write on ARM: the two links that lead to it, and its states."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

from ftops.emulator.context import Context
from ftops.emulator.messages import JsonObject, Response, ServiceError, reply
from ftops.emulator.store import Document, Kind

# The links of the service are about four kilobytes long, nearly all of it its certificate (azure-api.md §10.4).
_CERTIFICATE_BYTES, _SEAL_BYTES = 2_700, 256


def begun(ctx: Context, seconds: int, failure: list[str] | None = None) -> dict[str, str]:
    """Begin an operation that ends in `seconds`, or fails then, and return the two headers that lead to it.

    Args: failure: the code and the message of that.
    """
    key, moment = str(UUID(ctx.store.next_hex())), ctx.now.timestamp()
    subscription = ctx.account.api["id"].split("/resourceGroups/")[0]
    place = f"providers/Microsoft.CognitiveServices/locations/{ctx.account.api['location']}"
    path = f"{subscription}/{place}/operationResults/{key}"
    api: JsonObject = {"id": path, "name": key, "status": "Running", "startTime": _whole_seconds(moment)}
    sim: JsonObject = {"due_at": moment + seconds, "failure": failure}
    ctx.store.put(Document(Kind.OPERATION, ctx.name, key, moment, api, sim))
    query = urlencode({"api-version": ctx.api_version, **_signed(key, moment)})
    url = f"{ctx.request.origin}{path}?{query}"
    return {"Azure-AsyncOperation": url, "Location": f"{url}&operationResultResponseType=Location"}


def get(ctx: Context, _subscription: str, _location: str, key: str) -> Response:
    """Return the state of an operation; its signed query must come back untouched."""
    found, query = ctx.store.find(Kind.OPERATION, key), ctx.request.query
    if found is None or not _signed(key, found.created_at).items() <= query.items():
        raise ServiceError(404, "ResourceNotFound", f"The operation '{key}' was not found.")
    done = ctx.now.timestamp() >= found.sim["due_at"]
    if query.get("operationResultResponseType") == "Location" and not done:
        return Response(202)
    ending = {"endTime": _whole_seconds(found.sim["due_at"])} if done else {}
    code, message = found.sim.get("failure") or ("", "")
    if done and code:
        return reply({**found.api, "status": "Failed", **ending, "error": {"code": code, "message": message}})
    # The percentage never moves.
    return reply({**found.api, "status": "Succeeded" if done else "Running", **ending, "percentComplete": 0.0})


def _signed(key: str, moment: float) -> Mapping[str, str]:
    """Return the query that the service signs: a time, a certificate, its seal, and a digest."""
    return {
        "t": str(int(moment)),
        "c": _noise(f"certificate:{key}", _CERTIFICATE_BYTES),
        "s": _noise(f"seal:{key}", _SEAL_BYTES),
        "h": _noise(f"operation:{key}", 32),
    }


def _noise(text: str, size_bytes: int) -> str:
    return base64.urlsafe_b64encode(hashlib.shake_256(text.encode()).digest(size_bytes)).decode().rstrip("=")


def _whole_seconds(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

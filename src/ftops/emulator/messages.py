"""The emulator's own request and response values, its error, and JSON helpers; nothing here knows a service area."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

JsonObject = dict[str, Any]

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; its `chunks` are read from the wire while they are iterated, once."""

    name: str
    filename: str | None
    content_type: str
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: a body of bytes, or for multipart the parts as a stream, and never both.

    `account` is what `addresses.addressed` made of the host and the path, `prefix` what it took off the path for that.
    """

    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Iterable[Part] | None = None
    scheme: str = "https"
    account: str = ""
    prefix: str = ""

    @property
    def origin(self) -> str:
        """Return the scheme and host by which the caller reached the emulator."""
        return f"{self.scheme}://{self.host}"

    def json(self) -> JsonObject:
        """Return the body as a JSON object.

        Raises: ServiceError (400) when the body is no JSON object.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as cause:
            raise invalid("The request body is not valid JSON.") from cause
        if not isinstance(value, dict):
            raise invalid("The request body must be a JSON object.")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; a body that is an iterator is streamed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""

    def with_headers(self, headers: Mapping[str, str]) -> Response:
        """Return this response with `headers` beneath its own."""
        return Response(self.status, {**headers, **self.headers}, self.body)


class ServiceError(Exception):
    """A refusal of the service: everything the request did is undone and this is answered instead."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Keep what the error body says."""
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the error in the envelope that both planes share."""
        return reply({"error": {"code": self.code, "message": self.message}}, self.status, self.headers)


def reply(value: JsonObject, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(status, {"Content-Type": JSON_TYPE, **(headers or {})}, body)


def invalid(message: str) -> ServiceError:
    """Return the 400 for a bad field."""
    return ServiceError(400, "invalidPayload", message)


def not_found() -> ServiceError:
    """Return the 404 for an entity that does not exist."""
    return ServiceError(404, "notFound", "The specified entity cannot be found.")


def gateway_not_found() -> ServiceError:
    """Return the gateway's 404: the path or the API version is wrong, which is another thing than a missing entity."""
    return ServiceError(404, "404", "Resource not found")


def required_text(body: JsonObject, name: str) -> str:
    """Return a text of a body.

    Raises: ServiceError (400) when there is none, or an empty one.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"The {name} field is required.")
    return value


def whole(value: Any) -> Any:  # noqa: ANN401  any JSON value goes in and comes out
    """Return the JSON value with whole floats as integers, as the service echoes them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return value


def without_nulls(value: JsonObject) -> JsonObject:
    """Return the object without its null members: the native backend omits them."""
    return {key: item for key, item in value.items() if item is not None}


def ticks(moment: float) -> str:
    """Return a Unix time as ARM writes it, with seven fractional digits."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def moment_in(text: str) -> float | None:
    """Return the Unix time that an ISO 8601 text names, in UTC unless it says otherwise, or None."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None

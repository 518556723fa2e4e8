"""What a request is answered with on which a fault acts, in the shapes of the data plane and of ARM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from ftops.emulator.faults import CODE, MESSAGE, Effect, Fault, Spelling
from ftops.emulator.login_doors import expired, is_arm
from ftops.emulator.login_errors import as_sign_in_tells
from ftops.emulator.messages import Response, ServiceError


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A refusal that is named by its effect, with its codes on the data plane and on ARM."""

    status: int
    data_code: str
    arm_code: str
    message: str


# Source: azure-api.md §3.3, §10.5 and §12; the code of a 529 is not recorded.
_REFUSALS: Mapping[Effect, _Refusal] = {
    Effect.THROTTLED: _Refusal(429, "tooManyRequests", "TooManyRequests", "Too many requests. Please retry later."),
    Effect.UNAVAILABLE: _Refusal(
        503, "serviceUnavailable", "ServiceUnavailable", "The service is temporarily unavailable. Please retry later."
    ),
    Effect.OVERLOADED: _Refusal(529, "529", "529", "The service is overloaded. Please retry later."),
}
_SPELLED: Mapping[Spelling, Callable[[float, datetime], dict[str, str]]] = {
    Spelling.SECONDS: lambda seconds, _: {"Retry-After": str(max(1, round(seconds)))},
    Spelling.DATE: lambda seconds, now: {
        "Retry-After": format_datetime((now + timedelta(seconds=seconds)).astimezone(UTC), usegmt=True)
    },
    Spelling.MS: lambda seconds, _: {"retry-after-ms": str(round(seconds * 1000))},
    Spelling.X_MS: lambda seconds, _: {"x-ms-retry-after-ms": str(round(seconds * 1000))},
    Spelling.NONE: lambda _seconds, _now: {},
}


def before(fired: tuple[Fault, ...], path: str, now: datetime) -> Response | None:
    """Act on a request that nothing has happened to yet; a response here ends it.

    Raises: ConnectionResetError when the request is lost.
    """
    if any(fault.effect is Effect.FORBIDDEN for fault in fired):
        return _forbidden(path).response()
    if any(fault.effect is Effect.EXPIRED_TOKEN for fault in fired):
        return expired(path).response()
    acted = _act(fired, drop=Effect.DROP_BEFORE, die=Effect.DIE_BEFORE, status=Effect.STATUS_BEFORE)
    if acted is not None:
        return as_sign_in_tells(path, acted)
    refused = next((fault for fault in fired if fault.effect in _REFUSALS), None)
    return None if refused is None else _refusal(refused, path, now).response()


def after(fired: tuple[Fault, ...]) -> Response | None:
    """Act on a request that was committed; a response here replaces the true one.

    Raises: ConnectionResetError when the response is lost.
    """
    return _act(fired, drop=Effect.DROP_AFTER, die=Effect.DIE_AFTER, status=Effect.STATUS_AFTER)


def slowness_s(fired: tuple[Fault, ...], effect: Effect) -> float:
    """Return for how many seconds the faults of this effect keep the caller waiting."""
    return sum(fault.seconds for fault in fired if fault.effect is effect)


def slowly(response: Response, linger: Callable[[], None]) -> Response:
    """Return the response with a body that comes in two halves, `linger` between them."""
    if not isinstance(response.body, bytes):
        return Response(response.status, response.headers, _after_lingering(response.body, linger))
    half = len(response.body) // 2
    halves = _lingering(response.body[:half], linger, response.body[half:])
    return Response(response.status, {"Content-Length": str(len(response.body)), **response.headers}, halves)


def _lingering(first: bytes, linger: Callable[[], None], rest: bytes) -> Iterator[bytes]:
    yield first
    linger()
    yield rest


def _after_lingering(chunks: Iterator[bytes], linger: Callable[[], None]) -> Iterator[bytes]:
    linger()
    yield from chunks


def _act(fired: tuple[Fault, ...], *, drop: Effect, die: Effect, status: Effect) -> Response | None:
    for fault in fired:
        if fault.effect is die:
            fault.die()
        if fault.effect is drop:
            text = "the emulator dropped the connection"
            raise ConnectionResetError(text)
        if fault.effect is status:
            return ServiceError(fault.status, fault.code, fault.message, fault.headers).response()
    return None


def _refusal(fault: Fault, path: str, now: datetime) -> ServiceError:
    """Return the refusal that an effect names; a code or message of the fault's own comes before the usual one."""
    usual = _REFUSALS[fault.effect]
    code = (usual.arm_code if is_arm(path) else usual.data_code) if fault.code == CODE else fault.code
    message = usual.message if fault.message == MESSAGE else fault.message
    told = _SPELLED[fault.spelling](fault.seconds, now) if fault.effect is Effect.THROTTLED else {}
    return ServiceError(usual.status, code, message, {**told, **fault.headers})


def _forbidden(path: str) -> ServiceError:
    if not path.lower().startswith("/subscriptions/"):
        text = f"The principal lacks the required data action to perform the operation on '{path}'."
        return ServiceError(403, "PermissionDenied", text)
    text = (
        f"The client does not have authorization to perform this action over scope '{path}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials."
    )
    return ServiceError(403, "AuthorizationFailed", text)

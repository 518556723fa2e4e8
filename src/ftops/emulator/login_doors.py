"""Which credential opens which door: keys and tokens for an account's data plane, tokens alone for ARM."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ftops.emulator.context import Limits
from ftops.emulator.login_roles import check_on_arm, check_on_data_plane
from ftops.emulator.login_tokens import Identity
from ftops.emulator.messages import Request, ServiceError

COGNITIVE = "https://cognitiveservices.azure.com"
FOUNDRY = "https://ai.azure.com"
ARM = "https://management.azure.com"
ARM_CLASSIC = "https://management.core.windows.net"
"""The older name of the same door, which the Azure CLI asks tokens for."""
METRICS = "https://metrics.monitor.azure.com"
"""Azure Monitor's own door, for the metrics of several resources at once (azure-api.md §12)."""
CONTROL_PREFIX = "/_emulator/"
ARM_ROOT = "/subscriptions"
_DOTS_OF_A_TOKEN = 2
_PROJECT_PREFIX = "/api/projects/"
_ARM_PREFIXES = (ARM_ROOT, "/tenants", "/providers")
_DATA_AUDIENCES = (COGNITIVE, FOUNDRY)
_PROJECT_AUDIENCES = (FOUNDRY,)
_ARM_AUDIENCES = (ARM, ARM_CLASSIC)
_BATCH = re.compile(r"/subscriptions/[^/]+/metrics:getBatch", re.IGNORECASE)


def admit(identity: Identity, request: Request, limits: Limits) -> None:
    """Let a request pass that brings the right credential for its door, and a token whose application may do this.

    Raises: ServiceError (401, or 403) otherwise.
    """
    if request.path.startswith(CONTROL_PREFIX):
        _admit_anybody(identity, request)
    elif _BATCH.fullmatch(request.path):
        _admit_to_arm(identity, _bearer(request.headers), (METRICS,))
        check_on_arm(limits.roles, request, identity.client_id, identity.object_id)
    elif is_arm(request.path):
        _admit_to_arm(identity, _bearer(request.headers), _ARM_AUDIENCES)
        check_on_arm(limits.roles, request, identity.client_id, identity.object_id)
    else:
        _admit_to_account(identity, request, limits)


def is_arm(path: str) -> bool:
    """Tell whether a path is ARM's."""
    return path.lower().startswith(_ARM_PREFIXES)


def expired(path: str) -> ServiceError:
    """Return the refusal of a token whose time is over, as the door of this path says it."""
    if is_arm(path):
        return _unauthenticated("ExpiredAuthenticationToken", "The access token expiry UTC time is in the past.")
    return _refused_token(_PROJECT_AUDIENCES if path.startswith(_PROJECT_PREFIX) else _DATA_AUDIENCES)


def bearer_token(request: Request) -> str:
    """Return the token that a request brings; empty without one, and for a key in its place."""
    bearer = _bearer(request.headers)
    return bearer if bearer.count(".") == _DOTS_OF_A_TOKEN and "api-key" not in request.headers else ""


def _admit_to_account(identity: Identity, request: Request, limits: Limits) -> None:
    key, bearer = request.headers.get("api-key"), _bearer(request.headers)
    if limits.disable_local_auth and (key is not None or (bearer and not bearer_token(request))):
        # Neither status nor body is confirmed (azure-api.md §2.2).
        raise ServiceError(403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource.")
    if key is not None or not bearer:
        if key is None or not identity.is_key(request.account, key):
            raise _unauthorized(
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid "
                "key for an active subscription and use a correct regional API endpoint for your resource."
            )
        return
    audiences = _PROJECT_AUDIENCES if request.path.startswith(_PROJECT_PREFIX) else _DATA_AUDIENCES
    if not identity.is_key(request.account, bearer) and not _opens(identity, bearer, audiences):
        raise _refused_token(audiences)
    if not identity.is_key(request.account, bearer):
        check_on_data_plane(limits.roles, request, identity.object_id)


def _admit_to_arm(identity: Identity, bearer: str, audiences: tuple[str, ...]) -> None:
    token = identity.read(bearer)
    if not bearer:
        raise _unauthenticated("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    if token is None:
        raise _unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
    if identity.is_expired(token):
        raise expired(ARM_ROOT)
    if token.audience.rstrip("/") not in audiences:
        allowed = ",".join(f"'{audience}/'" for audience in audiences)
        raise _unauthenticated(
            "InvalidAuthenticationTokenAudience",
            f"The access token has been obtained for wrong audience or resource '{token.audience}'. "
            f"It should exactly match with one of the allowed audiences {allowed}.",
        )


def _admit_anybody(identity: Identity, request: Request) -> None:
    given = request.headers.get("api-key") or _bearer(request.headers)
    token = identity.read(given)
    if not identity.is_any_key(given) and (token is None or identity.is_expired(token)):
        raise _unauthorized("The emulator's controls want the key of one of its accounts or any token of its tenant.")


def _opens(identity: Identity, bearer: str, audiences: tuple[str, ...]) -> bool:
    token = identity.read(bearer)
    return token is not None and not identity.is_expired(token) and token.audience.rstrip("/") in audiences


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _refused_token(audiences: tuple[str, ...]) -> ServiceError:
    return _unauthorized(
        f"Unauthorized. Access token is missing, invalid, audience is incorrect ({audiences[0]}), or have expired."
    )


def _unauthorized(message: str) -> ServiceError:
    return ServiceError(401, "401", message)


def _unauthenticated(code: str, message: str) -> ServiceError:
    challenge = f'Bearer realm="", error="invalid_token", error_description="{message}"'
    return ServiceError(401, code, message, {"WWW-Authenticate": challenge})

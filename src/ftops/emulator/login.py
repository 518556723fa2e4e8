"""The doors in front of the service: signing in, the clouds' description, and subscriptions.

Enough of Microsoft Entra for azure-identity and the Azure CLI: client credentials by secret or assertion, and a managed
identity as App Service has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

from ftops.emulator import login_doors
from ftops.emulator.accounts import SUBSCRIPTION
from ftops.emulator.context import Limits
from ftops.emulator.login_errors import oauth_error
from ftops.emulator.login_roles import granted_something_on_arm
from ftops.emulator.login_tokens import EXCHANGE, Identity, claims_in, same
from ftops.emulator.messages import JsonObject, Request, Response, reply
from ftops.emulator.store import Store

_ANY_TENANT = frozenset({"common", "organizations"})
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SUBSCRIPTION_ID = SUBSCRIPTION.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the endpoints answer from; `limits` returns those in force."""

    store: Store
    identity: Identity
    limits: Callable[[], Limits]


def answer(desk: Desk, request: Request) -> Response | None:
    """Return the answer to a request for one of these doors; None when it is for the service itself."""
    for method, path, handler in _ROUTES:
        if method == request.method and (found := path.fullmatch(request.path)):
            return handler(desk, request, *found.groups())
    return None


def needs_credential(request: Request) -> bool:
    """Tell whether a request has to prove who sent it: everything but signing in and what leads there."""
    return not any(method == request.method and path.fullmatch(request.path) for method, path, _ in _OPEN)


# --- what leads to signing in


def _configuration(desk: Desk, request: Request, tenant: str, v2: str | None) -> Response:
    if tenant not in {desk.identity.tenant_id, *_ANY_TENANT}:
        return _unknown_tenant(tenant)
    root = f"{request.origin}/{tenant}"
    oauth = f"{root}/oauth2{v2 or ''}"
    value: JsonObject = {
        "issuer": f"{root}{v2 or '/'}",
        "token_endpoint": f"{oauth}/token",
        "authorization_endpoint": f"{oauth}/authorize",
        "device_authorization_endpoint": f"{oauth}/devicecode",
        "jwks_uri": f"{root}/discovery{v2 or ''}/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_types_supported": ["code", "id_token", "token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": None,
        "cloud_instance_name": request.host,
    }
    return reply(value)


def _instance(desk: Desk, request: Request) -> Response:
    tenant = f"{request.origin}/{desk.identity.tenant_id}"
    entry: JsonObject = {"preferred_network": request.host, "preferred_cache": request.host, "aliases": [request.host]}
    endpoint = f"{tenant}/v2.0/.well-known/openid-configuration"
    return reply({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [entry]})


def _metadata(_desk: Desk, request: Request) -> Response:
    """Describe the cloud as `az cloud register` reads it: one object, for this API version."""
    root = f"{request.origin}/"
    audiences = [f"{login_doors.ARM_CLASSIC}/", f"{login_doors.ARM}/"]
    graph = {"graphEndpoint": root, "graph": root, "graphAudience": root, "microsoftGraphResourceId": root}
    value: JsonObject = {
        "name": "ftops-emulator",
        "portal": root,
        "portalEndpoint": root,
        "gallery": root,
        "galleryEndpoint": root,
        "resourceManager": root,
        "authentication": {
            "loginEndpoint": root,
            "audiences": audiences,
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": {},
        **graph,
    }
    return reply(value)


# --- tokens


def _token_v2(desk: Desk, request: Request, tenant: str) -> Response:
    form = _form(request)
    scopes = [scope for scope in form.get("scope", "").split() if scope.endswith("/.default")]
    if not scopes:
        text = "AADSTS1002012: The provided value for scope is not valid. Client credential flows must have a scope "
        return oauth_error(400, "invalid_scope", f"{text}value with /.default suffixed to the resource identifier.")
    refused = _refused(desk.identity, request, tenant, form)
    if refused is not None:
        return refused
    token_s = desk.limits().token_s
    token, _ = desk.identity.issue(scopes[0].removesuffix("/.default"), f"{request.origin}/{tenant}/", token_s)
    return reply({"token_type": "Bearer", "expires_in": token_s, "ext_expires_in": token_s, "access_token": token})


def _token_v1(desk: Desk, request: Request, tenant: str) -> Response:
    form = _form(request)
    resource = form.get("resource", "")
    if not resource:
        text = "AADSTS900144: The request body must contain the following parameter: 'resource'."
        return oauth_error(400, "invalid_request", text)
    refused = _refused(desk.identity, request, tenant, form)
    if refused is not None:
        return refused
    token_s = desk.limits().token_s
    token, expires_at = desk.identity.issue(resource, f"{request.origin}/{tenant}/", token_s)
    times = {"expires_in": str(token_s), "ext_expires_in": str(token_s), "expires_on": str(expires_at)}
    return reply({"token_type": "Bearer", **times, "resource": resource, "access_token": token})


def _refused(identity: Identity, request: Request, tenant: str, form: Mapping[str, str]) -> Response | None:
    """Return why an application gets no token, None if it gets one."""
    if tenant != identity.tenant_id:
        return _unknown_tenant(tenant)
    grant, client = form.get("grant_type", ""), form.get("client_id", "")
    if grant != "client_credentials":
        text = f"AADSTS70003: The emulator knows only the grant client_credentials, not '{grant}'."
        return oauth_error(400, "unsupported_grant_type", text)
    if client != identity.client_id:
        text = f"AADSTS700016: Application with identifier '{client}' was not found in the directory of the emulator."
        return oauth_error(400, "unauthorized_client", text)
    problem = _problem_of_proof(identity, request, form)
    return oauth_error(401, "invalid_client", problem) if problem else None


def _problem_of_proof(identity: Identity, request: Request, form: Mapping[str, str]) -> str:
    if form.get("client_assertion_type") == _ASSERTION_TYPE and form.get("client_assertion"):
        return _problem_of_assertion(identity, request, form["client_assertion"])
    if "client_secret" not in form:
        return "AADSTS7000218: The request body must contain the parameter 'client_assertion' or 'client_secret'."
    if not same(form["client_secret"], identity.client_secret):
        return "AADSTS7000215: Invalid client secret provided. Take the one that `ftops emulator serve` prints."
    return ""


def _problem_of_assertion(identity: Identity, request: Request, assertion: str) -> str:
    """Return why a token of somebody else's is no proof; who signed it is unknown here, an issuer or a certificate."""
    claims = claims_in(assertion)
    if not claims:
        return "AADSTS50027: JWT token is invalid or malformed."
    ends, given = claims.get("exp"), claims.get("aud", EXCHANGE)
    if not isinstance(ends, int | float) or ends <= identity.now_s:
        told = _moment(ends) if isinstance(ends, int | float) else "none"
        text = "AADSTS700024: Client assertion is not within its valid time range."
        return f"{text} Current time: {_moment(identity.now_s)}, expiry time of assertion {told}."
    audiences = [str(each) for each in (given if isinstance(given, list) else [given])]
    if not any(each == EXCHANGE or each.startswith(request.origin) for each in audiences):
        text = "AADSTS700212: No matching federated identity record found for presented assertion audience"
        return f"{text} '{', '.join(audiences)}'. The audience should be '{EXCHANGE}'."
    return ""


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _managed_identity(desk: Desk, request: Request) -> Response:
    resource = request.query.get("resource", "")
    if not same(request.headers.get("x-identity-header", ""), desk.identity.identity_header):
        return reply({"statusCode": 401, "message": "The header X-IDENTITY-HEADER is missing or wrong."}, 401)
    if not resource or not request.query.get("api-version"):
        return reply({"statusCode": 400, "message": "The queries resource and api-version are required."}, 400)
    issuer = f"{request.origin}/{desk.identity.tenant_id}/"
    token, expires_at = desk.identity.issue(resource, issuer, desk.limits().token_s)
    who = {"client_id": desk.identity.client_id, "resource": resource, "token_type": "Bearer"}
    return reply({"access_token": token, "expires_on": str(expires_at), **who})


def _form(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}


def _unknown_tenant(tenant: str) -> Response:
    text = f"AADSTS90002: Tenant '{tenant}' not found. The emulator has one, which `ftops emulator serve` prints."
    return oauth_error(400, "invalid_request", text)


# --- what is known once one is signed in


def _subscriptions(desk: Desk, _request: Request) -> Response:
    seen = [_subscription(desk)] if granted_something_on_arm(desk.limits().roles) else []
    return reply({"value": seen, "count": {"type": "Total", "value": len(seen)}})


def _one_subscription(desk: Desk, _request: Request) -> Response:
    return reply(_subscription(desk))


def _subscription(desk: Desk) -> JsonObject:
    tenant = desk.identity.tenant_id
    return {
        "id": SUBSCRIPTION,
        "subscriptionId": _SUBSCRIPTION_ID,
        "displayName": "ftops emulator",
        "state": "Enabled",
        "tenantId": tenant,
        "homeTenantId": tenant,
        "managedByTenants": [],
        "authorizationSource": "RoleBased",
    }


def _tenants(desk: Desk, _request: Request) -> Response:
    tenant = desk.identity.tenant_id
    entry: JsonObject = {"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "ftops emulator"}
    return reply({"value": [{**entry, "tenantCategory": "Home", "countryCode": "US", "domains": []}]})


_Row = tuple[str, re.Pattern[str], Callable[..., Response]]


def _row(method: str, path: str, handler: Callable[..., Response]) -> _Row:
    return method, re.compile(path, re.IGNORECASE), handler


_OPEN: tuple[_Row, ...] = (
    _row("GET", r"/([^/]+)(/v2\.0)?/\.well-known/openid-configuration", _configuration),
    _row("GET", r"/common/discovery/instance", _instance),
    _row("GET", r"/metadata/endpoints", _metadata),
    _row("POST", r"/([^/]+)/oauth2/v2\.0/token", _token_v2),
    _row("POST", r"/([^/]+)/oauth2/token", _token_v1),
    _row("GET", r"/msi/token", _managed_identity),
)
_ROUTES: tuple[_Row, ...] = (
    *_OPEN,
    _row("GET", r"/subscriptions", _subscriptions),
    _row("GET", re.escape(SUBSCRIPTION), _one_subscription),
    _row("GET", r"/tenants", _tenants),
)

"""Where a request goes: which front of the service, whose account, and which table of operations; or a refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftops.emulator import accounts, versions
from ftops.emulator.context import Surface
from ftops.emulator.messages import Request, ServiceError, gateway_not_found
from ftops.emulator.routes import ARM_ROUTES, DATA_ROUTES, SUBSCRIPTION_ROUTES, Route
from ftops.emulator.store import Document, Kind, Store

API_VERSIONS = ",".join((*versions.CLASSIC, "1"))
"""What the header `api-supported-versions` says; the 1 is v1 (azure-api.md §2.1)."""
_DATA_PATH = re.compile(r"(?P<project>/api/projects/[^/]+)?/openai(?P<v1>/v1)?/(?P<rest>(?!v1/).+)")
_ACCOUNT_PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.CognitiveServices/accounts/(?P<account>[^/]+)(?P<rest>.*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """The front, the account, the operations there, and the path below their root."""

    surface: Surface
    account: Document
    routes: tuple[Route, ...]
    rest: str


def is_arm(path: str) -> bool:
    """Tell whether a path is below a subscription."""
    return path.lower().startswith("/subscriptions/")


def locate(store: Store, request: Request) -> Place:
    """Return where a request goes.

    Raises: ServiceError: the gateway's 404 for a wrong path or version on the data plane, ARM's refusals on ARM.
    """
    if is_arm(request.path):
        return _on_arm(store, request)
    found = _DATA_PATH.fullmatch(request.path)
    account = store.get(Kind.ACCOUNT, request.account, request.account)
    if found is None or account is None:
        raise gateway_not_found()
    surface = _surface(request.query.get("api-version", ""), v1=bool(found["v1"]), project=bool(found["project"]))
    return Place(surface, account, DATA_ROUTES, found["rest"])


def _surface(version: str, *, v1: bool, project: bool) -> Surface:
    """Return the data plane's front; a project's is v1 without a date, as nothing is known to set it apart."""
    dated = versions.PROJECT if project else versions.CLASSIC
    known = versions.V1 if v1 else frozenset(dated)
    if version not in known:
        raise gateway_not_found()
    if v1:
        return Surface.V1
    if project:
        return Surface.PROJECT
    return Surface.GA if versions.is_stable(version) else Surface.CLASSIC


def _on_arm(store: Store, request: Request) -> Place:
    versions.check_arm(request.path, request.query.get("api-version", ""))
    if any(route.path.fullmatch(request.path) for route in SUBSCRIPTION_ROUTES):
        return Place(Surface.ARM, accounts.new_account("", "", 0), SUBSCRIPTION_ROUTES, request.path)
    found = _ACCOUNT_PATH.fullmatch(request.path)
    name = found["account"].lower() if found else ""
    account = store.get(Kind.ACCOUNT, name, name)
    if found is None or account is None:
        code = "ParentResourceNotFound" if found and found["rest"] else "ResourceNotFound"
        raise ServiceError(404, code, f"The Resource '{request.path}' was not found.")
    _check_parents(account, found)
    return Place(Surface.ARM, account, ARM_ROUTES, found["rest"])


def _check_parents(account: Document, found: re.Match[str]) -> None:
    """Refuse a wrong subscription or resource group: an account is not found by its name alone."""
    _, _, subscription, _, group, *_ = str(account.api["id"]).split("/")
    if found["subscription"].lower() != subscription.lower():
        raise ServiceError(
            404, "SubscriptionNotFound", f"The subscription '{found['subscription']}' could not be found."
        )
    if found["group"].lower() != group.lower():
        raise ServiceError(404, "ResourceGroupNotFound", f"Resource group '{found['group']}' could not be found.")

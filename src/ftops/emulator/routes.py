"""The table of operations: where each is, on which fronts of the service, and who answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ftops.emulator import (
    account_models,
    accounts,
    activity,
    deployments,
    files,
    imports,
    inference,
    jobs,
    metrics,
    models,
    quota,
    uploads,
)
from ftops.emulator.context import Surface
from ftops.emulator.messages import Response, gateway_not_found

_ALL = frozenset(Surface)
_CLASSIC, _V1 = frozenset({Surface.CLASSIC}), frozenset({Surface.V1})
_DATED = frozenset({Surface.CLASSIC, Surface.PROJECT})
_LOCATION = r"/subscriptions/[^/]+/providers/Microsoft.CognitiveServices/locations"

Preparation = Callable[..., AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: the method, the path below the surface's root, who answers, and where the operation exists.

    `ahead` is what it does before the store is locked; the handler is given what that yields.
    """

    method: str
    path: re.Pattern[str]
    handler: Callable[..., Response]
    on: frozenset[Surface]
    ahead: Preparation | None


@dataclass(frozen=True, slots=True)
class Target:
    """The route that a request means, and the names in its path."""

    route: Route
    names: tuple[str, ...]


def target(routes: tuple[Route, ...], surface: Surface, method: str, path: str) -> Target:
    """Return what a request means.

    Raises: ServiceError, the gateway's 404, when there is no such operation here.
    """
    for route in routes:
        if route.method == method and surface in route.on and (match := route.path.fullmatch(path)):
            return Target(route, match.groups())
    raise gateway_not_found()


def _route(
    method: str,
    path: str,
    handler: Callable[..., Response],
    *,
    on: frozenset[Surface] = _ALL,
    ahead: Preparation | None = None,
) -> Route:
    return Route(method, re.compile(path.replace("*", "([^/]+)"), re.IGNORECASE), handler, on, ahead)


DATA_ROUTES = (
    _route("POST", "files", files.create, ahead=files.receive),
    _route("GET", "files", files.list_files),
    _route("GET", "files/*", files.get),
    _route("GET", "files/*/content", files.content),
    _route("DELETE", "files/*", files.delete),
    _route("POST", "files/import", imports.create, on=_DATED, ahead=imports.fetch),
    _route("POST", "uploads", uploads.create, on=_CLASSIC),
    _route("POST", "uploads/*/parts", uploads.add_part, on=_CLASSIC, ahead=uploads.receive_part),
    _route("POST", "uploads/*/complete", uploads.complete, on=_CLASSIC, ahead=uploads.read_parts),
    _route("POST", "uploads/*/cancel", uploads.cancel, on=_CLASSIC),
    _route("POST", "fine_tuning/jobs", jobs.create),
    _route("GET", "fine_tuning/jobs", jobs.list_jobs),
    _route("GET", "fine_tuning/jobs/*", jobs.get),
    _route("DELETE", "fine_tuning/jobs/*", jobs.delete, on=_DATED),
    _route("POST", "fine_tuning/jobs/*/cancel", jobs.cancel),
    _route("POST", "fine_tuning/jobs/*/pause", jobs.pause),
    _route("POST", "fine_tuning/jobs/*/resume", jobs.resume),
    _route("GET", "fine_tuning/jobs/*/events", jobs.list_events),
    _route("GET", "fine_tuning/jobs/*/checkpoints", jobs.list_checkpoints),
    _route("GET", "models", models.list_models),
    _route("GET", "models/*", models.get),
    _route("POST", "chat/completions", inference.chat, on=_V1),
    _route("POST", "deployments/*/chat/completions", inference.chat_at, on=_DATED),
    _route("POST", "responses", inference.responses),
)
ARM_ROUTES = (
    _route("GET", "", accounts.get),
    _route("POST", "/listKeys", accounts.list_keys),
    _route("POST", "/regenerateKey", accounts.regenerate_key),
    _route("GET", "/providers/Microsoft.Authorization/permissions", accounts.permissions),
    _route("GET", "/deployments", deployments.list_deployments),
    _route("GET", "/deployments/*", deployments.get),
    _route("PUT", "/deployments/*", deployments.put),
    _route("PATCH", "/deployments/*", deployments.patch),
    _route("DELETE", "/deployments/*", deployments.delete),
    _route("GET", "/deployments/*/skus", account_models.list_skus),
    _route("GET", "/models", account_models.list_models),
    _route("GET", "/usages", quota.of_account),
    _route("GET", "/providers/Microsoft.Insights/metrics", metrics.query),
    _route("GET", "/providers/Microsoft.Insights/metricDefinitions", metrics.definitions),
)
# What belongs to no account; the whole path is told.
SUBSCRIPTION_ROUTES = (
    _route("GET", f"{_LOCATION}/[^/]+/operationResults/*", deployments.operation),
    _route("GET", "/subscriptions/*/providers/Microsoft.CognitiveServices/locations/*/usages", quota.of_region),
    _route("GET", "/subscriptions/*/providers/Microsoft.Insights/eventtypes/management/values", activity.values),
)

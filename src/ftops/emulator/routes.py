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
    copies,
    deployment_pause,
    deployments,
    files,
    graders,
    imports,
    inference,
    jobs,
    metric_batch,
    metrics,
    models,
    operations,
    quota,
    uploads,
)
from ftops.emulator.context import Surface
from ftops.emulator.messages import Response, ServiceError, gateway_not_found

_ALL = frozenset(Surface)
_V1 = frozenset({Surface.V1})
_CLASSIC = frozenset({Surface.GA, Surface.CLASSIC})
_DATED = _CLASSIC | {Surface.PROJECT}
# What came after the last stable classic version (azure-api.md §6.1).
_NEWER = frozenset({Surface.CLASSIC, Surface.PROJECT, Surface.V1})
_SERVICE = "Microsoft.CognitiveServices"
_SUBSCRIPTION = "/subscriptions/*"
_LOCATION = f"{_SUBSCRIPTION}/providers/{_SERVICE}/locations/*"

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

    Raises: ServiceError when there is no such operation here: the gateway's 404, or ARM's 404 or 405 on ARM.
    """
    for route in routes:
        if route.method == method and surface in route.on and (match := route.path.fullmatch(path)):
            return Target(route, match.groups())
    if surface is not Surface.ARM:
        raise gateway_not_found()
    here = [route for route in routes if surface in route.on and route.path.fullmatch(path)]
    if here:
        # The wording is ours: a POST where the service wants a PUT or a GET is refused, and nobody recorded how.
        text = f"The HTTP method {method} is not supported here; use {' or '.join(route.method for route in here)}."
        raise ServiceError(405, "HttpMethodNotAllowed", text)
    kind = path.strip("/").partition("/")[0]
    text = f"The resource type '{kind}' could not be found in the namespace 'Microsoft.CognitiveServices'."
    raise ServiceError(404, "InvalidResourceType", text)


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
    _route("POST", "fine_tuning/jobs/*/pause", jobs.pause, on=_NEWER),
    _route("POST", "fine_tuning/jobs/*/resume", jobs.resume, on=_NEWER),
    _route("GET", "fine_tuning/jobs/*/events", jobs.list_events),
    _route("GET", "fine_tuning/jobs/*/checkpoints", jobs.list_checkpoints),
    _route("POST", "fine_tuning/jobs/*/checkpoints/*/copy", copies.begin, on=_V1),
    _route("GET", "fine_tuning/jobs/*/checkpoints/*/copy", copies.watch, on=_V1),
    _route("POST", "fine_tuning/alpha/graders/validate", graders.validate, on=_NEWER),
    _route("POST", "fine_tuning/alpha/graders/run", graders.run, on=_NEWER),
    _route("GET", "models", models.list_models),
    _route("GET", "models/*", models.get),
    _route("POST", "chat/completions", inference.chat, on=_V1),
    _route("POST", "deployments/*/chat/completions", inference.chat_at, on=_DATED),
    _route("POST", "responses", inference.responses, on=_NEWER),
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
    _route("POST", "/deployments/*/pause", deployment_pause.pause),
    _route("POST", "/deployments/*/resume", deployment_pause.resume),
    _route("GET", "/deployments/*/skus", account_models.list_skus),
    _route("GET", "/models", account_models.list_models),
    _route("GET", "/usages", quota.of_account),
    _route("GET", "/providers/Microsoft.Insights/metrics", metrics.query),
    _route("GET", "/providers/Microsoft.Insights/metricDefinitions", metrics.definitions),
)
# What belongs to no single account; the whole path is told.
SUBSCRIPTION_ROUTES = (
    _route("GET", f"{_SUBSCRIPTION}/providers/{_SERVICE}/accounts", accounts.list_accounts),
    _route("GET", f"{_SUBSCRIPTION}/resourceGroups/*/providers/{_SERVICE}/accounts", accounts.list_accounts),
    _route("GET", f"{_LOCATION}/models", account_models.in_location),
    _route("GET", f"{_LOCATION}/modelCapacities", account_models.capacities_in_location),
    _route("GET", f"{_SUBSCRIPTION}/providers/{_SERVICE}/modelCapacities", account_models.capacities),
    _route("GET", f"{_LOCATION}/usages", quota.of_region),
    _route("GET", f"{_LOCATION}/operationResults/*", operations.get),
    _route("GET", f"{_SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values", activity.values),
    _route("POST", f"{_SUBSCRIPTION}/metrics:getBatch", metric_batch.query),
)

"""The Activity Log: who wrote or deleted a deployment, and when; and the subscription's listing of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from ftops.emulator.context import Context
from ftops.emulator.messages import JsonObject, Response, ServiceError, moment_in, reply, ticks
from ftops.emulator.store import Document, Store

RETENTION_S = 90 * 86_400
SERVICE = "Microsoft.CognitiveServices"
# A write that is done at once, and one that goes on.
AT_ONCE = ("Started", "Succeeded")
BEGUN = ("Started", "Accepted")
_KIND = f"{SERVICE}/accounts/deployments"
_CONDITION = re.compile(r"(\w+)\s+(ge|le|eq)\s+(?:'([^']*)'|([^\s']+))", re.IGNORECASE)
_GROUP = re.compile(r"/resourceGroups/([^/]+)/", re.IGNORECASE)
_SCOPES = frozenset({"resourceuri", "resourcegroupname", "resourceprovider", "correlationid"})


@dataclass(frozen=True, slots=True)
class Act:
    """When and by whom something is done; what belongs together has one correlation id, a request's if there is one."""

    at: float
    caller: str
    correlation: str = ""

    @property
    def sim(self) -> JsonObject:
        """What a deployment remembers of who began what goes on."""
        return {"caller": self.caller, "correlation": self.correlation}


@dataclass(frozen=True, slots=True)
class _Event:
    """One row of the log."""

    seq: int
    at: float
    resource: str
    operation: str
    status: str
    caller: str
    correlation: str


def ending(deployment: Document) -> Act:
    """Return the end of what somebody began."""
    sim = deployment.sim
    return Act(sim["due_at"], sim.get("caller", SERVICE), sim.get("correlation", ""))


def record(store: Store, deployment: Document, operation: str, statuses: Iterable[str], act: Act) -> None:
    """Log one event for each status, and forget those that are too old.

    Args: operation: `write` or `delete`.
    """
    store.rows("DELETE FROM activity WHERE at <= ?", act.at - RETENTION_S)
    resource = deployment.api["id"]
    own = hashlib.sha256(f"{resource}:{operation}:{act.at}".encode()).hexdigest()[:32]
    for status in statuses:
        store.rows(
            "INSERT INTO activity (at, resource, operation, status, caller, correlation) VALUES (?, ?, ?, ?, ?, ?)",
            *(act.at, resource, operation, status, act.caller, act.correlation or str(UUID(own))),
        )


def values(ctx: Context, subscription: str) -> Response:
    """List the subscription's events that the filter asks for, newest first, in pages that `nextLink` leads through."""
    conditions = _conditions(ctx.request.query.get("$filter", ""))
    moment = ctx.now.timestamp()
    found = ctx.store.rows(
        "SELECT seq, at, resource, operation, status, caller, correlation FROM activity "
        "WHERE at >= ? AND at <= ? AND at > ? AND seq < ? ORDER BY seq DESC",
        conditions["from"],
        min(conditions["until"], moment - ctx.limits.log_lag_s),
        moment - RETENTION_S,
        _before(ctx.request.query.get("$skiptoken")),
    )
    fits = [event for event in (_Event(*row) for row in found) if _fits(event, conditions, subscription)]
    shown, rest = fits[: ctx.limits.log_page], fits[ctx.limits.log_page :]
    names = [name for name in ctx.request.query.get("$select", "").split(",") if name]
    body: JsonObject = {"value": [_selected(_shown(event), names) for event in shown]}
    if rest:
        query = urlencode({**ctx.request.query, "$skiptoken": shown[-1].seq})
        body["nextLink"] = f"{ctx.request.origin}{ctx.request.path}?{query}"
    return reply(body)


def _before(token: str | None) -> float:
    if token is None:
        return float("inf")
    if not token.isascii() or not token.isdigit():
        raise _bad("The $skiptoken is not valid.")
    return float(token)


def _bad(message: str) -> ServiceError:
    return ServiceError(400, "BadRequest", message)


def _conditions(text: str) -> dict[str, Any]:
    """Return the filter as `from`, `until` and at most one scope, in lower case."""
    found: dict[str, Any] = {"until": float("inf")}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE):
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise _bad(f"The filter is not valid: '{part}'.")
        name, operator, value = match[1].lower(), match[2].lower(), match[3] or match[4] or ""
        found |= _condition(name, operator, value)
    if "from" not in found:
        raise _bad("The filter must bound eventTimestamp from below.")
    if len(_SCOPES & found.keys()) > 1:
        raise _bad(f"The filter allows one of {', '.join(sorted(_SCOPES))}.")
    return found


def _condition(name: str, operator: str, value: str) -> Mapping[str, float | str]:
    if name in _SCOPES and operator == "eq":
        return {name: value.lower()}
    moment = moment_in(value)
    if name != "eventtimestamp" or operator == "eq" or moment is None:
        raise _bad(f"The filter cannot compare {name} with '{value}'.")
    return {"from" if operator == "ge" else "until": moment}


def _fits(event: _Event, conditions: Mapping[str, Any], subscription: str) -> bool:
    resource, group = event.resource.lower(), _GROUP.search(event.resource)
    values = {
        "resourceuri": resource,
        "resourcegroupname": group[1].lower() if group else "",
        "resourceprovider": SERVICE.lower(),
        "correlationid": event.correlation,
    }
    wanted = {name: conditions[name] for name in _SCOPES & conditions.keys()}
    inside = resource.startswith(f"/subscriptions/{subscription.lower()}/")
    return inside and all(values[name] == value for name, value in wanted.items())


def _selected(event: JsonObject, names: Iterable[str]) -> JsonObject:
    wanted = {name.strip().lower() for name in names}
    return {name: value for name, value in event.items() if not wanted or name.lower() in wanted}


def _shown(event: _Event) -> JsonObject:
    group = _GROUP.search(event.resource)
    return {
        "eventTimestamp": ticks(event.at),
        "submissionTimestamp": ticks(event.at),
        "operationName": _named(f"{_KIND}/{event.operation}", f"{event.operation.capitalize()} deployment"),
        "status": _named(event.status),
        "caller": event.caller,
        "resourceId": event.resource,
        "resourceGroupName": group[1] if group else "",
        "resourceProviderName": _named(SERVICE),
        "resourceType": _named(_KIND),
        "subscriptionId": event.resource.split("/")[2],
        "correlationId": event.correlation,
        "eventDataId": f"{event.correlation}-{event.seq}",
        "category": _named("Administrative"),
        "level": "Informational",
    }


def _named(value: str, localized: str = "") -> JsonObject:
    return {"value": value, "localizedValue": localized or value}

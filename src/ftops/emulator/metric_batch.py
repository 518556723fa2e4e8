"""The metrics of several accounts at once, which Azure Monitor answers at a door of its own and not through ARM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ftops.emulator import metrics
from ftops.emulator.context import Context
from ftops.emulator.messages import JsonObject, Request, Response, moment_in, reply
from ftops.emulator.metric_filter import bad
from ftops.emulator.metric_query import SPAN_S
from ftops.emulator.store import Document, Kind

RESOURCES_MAX = 50


def query(ctx: Context, subscription: str) -> Response:
    """Answer one query for each account that the body names, all of the subscription in the path (azure-api.md §12)."""
    found = [_account(ctx, subscription, key) for key in _named(ctx.request)]
    asked = _translated(ctx)
    return reply({"values": [_value(replace(ctx, account=account), asked) for account in found]})


def _named(request: Request) -> list[str]:
    named = request.json().get("resourceids")
    if not isinstance(named, list) or not all(isinstance(key, str) for key in named):
        raise bad("The body must list the resources in resourceids.")
    if not 1 <= len(named) <= RESOURCES_MAX:
        raise bad(f"A batch is of 1 to {RESOURCES_MAX} resources.")
    return named


def _account(ctx: Context, subscription: str, key: str) -> Document:
    for account in ctx.store.every(Kind.ACCOUNT):
        known = str(account.api["id"]).lower()
        if known == f"/{key.strip('/')}".lower() and known.startswith(f"/subscriptions/{subscription}/".lower()):
            return account
    # What the service says of a resource that is not there was recorded nowhere.
    raise bad(f"The resource '{key}' was not found in the subscription.")


def _translated(ctx: Context) -> Request:
    """Return the query as ARM's metrics have it: there the filter has a dollar sign, and the span is one parameter."""
    given = {name.lower(): value for name, value in ctx.request.query.items()}
    start, end = _span(given, ctx.now.timestamp())
    rest = {name: value for name, value in given.items() if name not in ("starttime", "endtime", "filter")}
    filtered = {"$filter": given["filter"]} if given.get("filter") else {}
    return replace(ctx.request, query={**rest, **filtered, "timespan": f"{start}/{end}"})


def _span(given: Mapping[str, str], now_s: float) -> tuple[str, str]:
    end = given.get("endtime") or metrics.instant(now_s)
    until = moment_in(end)
    if until is None:
        raise bad(f"The endtime '{end}' is not in ISO 8601.")
    return given.get("starttime") or metrics.instant(until - SPAN_S), end


def _value(ctx: Context, asked: Request) -> JsonObject:
    answer = metrics.answer(ctx, asked)
    start, _, end = answer["timespan"].partition("/")
    shown = {name: value for name, value in answer.items() if name not in ("timespan", "cost")}
    return {"starttime": start, "endtime": end, "resourceid": ctx.account.api["id"], **shown}

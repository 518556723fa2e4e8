"""Azure Monitor's metrics of an account, from its counted calls: series of sums, and the definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from ftops.emulator import accounts, calls
from ftops.emulator.context import Context
from ftops.emulator.deployment_life import MINUTE_S
from ftops.emulator.messages import JsonObject, Request, Response, reply
from ftops.emulator.metric_filter import bad
from ftops.emulator.metric_query import (
    AGGREGATIONS,
    GRAINS,
    METRICS,
    NAMESPACE,
    POINTS_MAX,
    Counted,
    Metric,
    Query,
    read,
)

_KEY = tuple[str, ...]


@dataclass(slots=True)
class _Sum:
    """What one point, or a whole series, adds up to."""

    total: int = 0
    count: int = 0

    def add(self, total: int, count: int) -> None:
        self.total += total
        self.count += count

    def value(self, aggregation: str) -> float:
        values = {"Total": self.total, "Count": self.count, "Average": self.total / self.count}
        return values[aggregation]


@dataclass(slots=True)
class _Series:
    """One combination of the filter's dimensions: the sums by the number of the point."""

    whole: _Sum = field(default_factory=_Sum)
    points: dict[int, _Sum] = field(default_factory=dict)

    def add(self, place: int, total: int, count: int) -> None:
        self.whole.add(total, count)
        self.points.setdefault(place, _Sum()).add(total, count)


def query(ctx: Context) -> Response:
    """Answer a metrics query; a series is there only if it had data in the span."""
    return reply(answer(ctx, ctx.request))


def answer(ctx: Context, request: Request) -> JsonObject:
    """Return what a query finds of the account.

    Raises: ServiceError (400) for what Azure Monitor refuses.
    """
    moment = ctx.now.timestamp()
    asked = read(request, moment)
    oldest, youngest = moment - calls.RETENTION_S, moment - ctx.limits.metrics_lag_s
    # The rows are asked for a minute too wide on each side: it is the call's minute that lies in the span, or not.
    after, until = max(oldest, asked.start - MINUTE_S), min(youngest, asked.end + MINUTE_S)
    rows = calls.between(ctx.store, ctx.name, after, until)
    found = [call for call in rows if asked.start <= call.minute < asked.end]
    emitted = accounts.families(ctx.account)
    return {
        "cost": 0,
        "timespan": f"{instant(asked.start)}/{instant(asked.end)}",
        "interval": asked.interval,
        "namespace": NAMESPACE,
        "resourceregion": accounts.region(ctx.account),
        "value": [
            _metric(ctx, asked, metric, found if emitted in (metric.family, "both") else ()) for metric in asked.metrics
        ],
    }


def definitions(ctx: Context) -> Response:
    """List the metrics that can be asked for, whether or not the account emits them."""
    return reply({"value": [_definition(ctx, metric) for metric in METRICS]})


def _metric(ctx: Context, asked: Query, metric: Metric, found: Iterable[calls.Call]) -> JsonObject:
    series = _series(ctx, asked, metric, found)
    aggregation, descending = asked.order
    keys = sorted(series)
    keys.sort(key=lambda key: series[key].whole.value(aggregation), reverse=descending)
    shown = keys[: asked.top]
    if len(shown) * asked.points > POINTS_MAX and not asked.metadata:
        raise bad("The query asks for too many points: choose a shorter timespan or a longer interval.")
    return {
        "id": f"{ctx.account.api['id']}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.label},
        "displayDescription": metric.label,
        "unit": "Count",
        "errorCode": "Success",
        "timeseries": [_shown(asked, key, series[key]) for key in shown],
    }


def _series(ctx: Context, asked: Query, metric: Metric, found: Iterable[calls.Call]) -> Mapping[_KEY, _Series]:
    region, series = accounts.region(ctx.account), dict[_KEY, _Series]()
    for call in found:
        dimensions = call.dimensions(region)
        total = _counted(metric.counted, call)
        if total and all(condition.fits(dimensions) for condition in asked.conditions):
            key = tuple(dimensions[condition.dimension] for condition in asked.conditions)
            place = int((call.minute - asked.start) // asked.grain_s)
            series.setdefault(key, _Series()).add(place, total, call.count)
    return series


def _counted(what: Counted, call: calls.Call) -> int:
    values = {
        Counted.CALLS: call.count,
        Counted.PROMPT: call.prompt,
        Counted.GENERATED: call.generated,
        Counted.TOKENS: call.prompt + call.generated,
    }
    return values[what]


def _shown(asked: Query, key: _KEY, series: _Series) -> JsonObject:
    # The names of dimensions come back in lower case, whatever was asked.
    names = [condition.dimension.lower() for condition in asked.conditions]
    metadata = [
        {"name": {"value": name, "localizedValue": name}, "value": value}
        for name, value in zip(names, key, strict=True)
    ]
    if asked.metadata:
        return {"metadatavalues": metadata}
    data: list[JsonObject] = [{"timeStamp": moment} for moment in _times(asked.start, asked.grain_s, asked.points)]
    for place, found in series.points.items():
        data[place] |= {name.lower(): found.value(name) for name in asked.aggregations}
    return {"metadatavalues": metadata, "data": data}


@lru_cache(maxsize=1)
def _times(start: int, grain_s: float, points: int) -> tuple[str, ...]:
    """Return when each point begins; all series of a query share them, and a month has 43,200 minutes."""
    return tuple(instant(start + place * grain_s) for place in range(points))


def _definition(ctx: Context, metric: Metric) -> JsonObject:
    account = ctx.account.api["id"]
    grains = [{"timeGrain": grain, "retention": "P93D"} for grain in GRAINS]
    return {
        "id": f"{account}/providers/Microsoft.Insights/metricDefinitions/{metric.name}",
        "resourceId": account,
        "namespace": NAMESPACE,
        "name": {"value": metric.name, "localizedValue": metric.label},
        "isDimensionRequired": False,
        "unit": "Count",
        "primaryAggregationType": AGGREGATIONS[0],
        "supportedAggregationTypes": list(AGGREGATIONS),
        "metricAvailabilities": grains,
        "dimensions": [{"value": name, "localizedValue": name} for name in metric.dimensions],
    }


def instant(at: float) -> str:
    """Return a Unix time as Azure Monitor writes it, in whole seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

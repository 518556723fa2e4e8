"""What a metrics query asks for: the known metrics, and the parameters of the URL as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ftops.emulator.deployment_life import minute_of
from ftops.emulator.messages import Request, moment_in
from ftops.emulator.metric_filter import Condition, bad, parse

NAMESPACE = "Microsoft.CognitiveServices/accounts"
GRAINS: Mapping[str, int] = {
    "PT1M": 60,
    "PT5M": 300,
    "PT15M": 900,
    "PT30M": 1_800,
    "PT1H": 3_600,
    "PT6H": 21_600,
    "PT12H": 43_200,
    "P1D": 86_400,
}
FULL = "FULL"
NAMES_MAX = 20
TOP = 10
SPAN_S = 3_600
# The emulator's own limit on one answer: what the service does with more is not known.
POINTS_MAX = 2_000_000
AGGREGATIONS = ("Total", "Count", "Average")
_REQUEST_DIMENSIONS = (
    "ApiName",
    "OperationName",
    "Region",
    "StreamType",
    "ModelDeploymentName",
    "ModelName",
    "ModelVersion",
    "StatusCode",
    "IsSpillover",
    "ServiceTierRequest",
    "ServiceTierResponse",
)
_TOKEN_DIMENSIONS = ("ApiName", "Region", "ModelDeploymentName", "ModelName", "ModelVersion")


class Counted(Enum):
    """What of a call a metric adds up."""

    CALLS = "calls"
    PROMPT = "prompt"
    GENERATED = "generated"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, and the family to which an account's setting refers."""

    name: str
    label: str
    family: str
    counted: Counted

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What it can be split by."""
        return _REQUEST_DIMENSIONS if self.counted is Counted.CALLS else _TOKEN_DIMENSIONS


METRICS = (
    Metric("AzureOpenAIRequests", "Azure OpenAI Requests", "openai", Counted.CALLS),
    Metric("ProcessedPromptTokens", "Processed Prompt Tokens", "openai", Counted.PROMPT),
    Metric("GeneratedTokens", "Generated Completion Tokens", "openai", Counted.GENERATED),
    Metric("TokenTransaction", "Processed Inference Tokens", "openai", Counted.TOKENS),
    Metric("ModelRequests", "Model Requests", "foundry", Counted.CALLS),
    Metric("InputTokens", "Input Tokens", "foundry", Counted.PROMPT),
    Metric("OutputTokens", "Output Tokens", "foundry", Counted.GENERATED),
    Metric("TotalTokens", "Total Tokens", "foundry", Counted.TOKENS),
)
_BY_NAME = {metric.name.lower(): metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Query:
    """A metrics query; `start` lies on a minute, and `end` is not in the span.

    Args: grain_s: the whole span for FULL. top: None without a filter. metadata: the dimensions' values only.
    """

    metrics: tuple[Metric, ...]
    start: int
    end: float
    interval: str
    aggregations: tuple[str, ...]
    conditions: tuple[Condition, ...]
    top: int | None
    order: tuple[str, bool]
    metadata: bool

    @property
    def grain_s(self) -> float:
        """The length of a point's time."""
        return GRAINS.get(self.interval, self.end - self.start)

    @property
    def points(self) -> int:
        """The number of points of a series."""
        return math.ceil((self.end - self.start) / self.grain_s)


def read(request: Request, now_s: float) -> Query:
    """Return the query of a request.

    Raises: ServiceError (400) for anything that Azure Monitor refuses; one unknown metric refuses them all.
    """
    query = {name.lower(): value for name, value in request.query.items()}
    _check_namespace(query.get("metricnamespace"))
    metrics = _metrics(query.get("metricnames") or METRICS[0].name)
    shared = [name for name in _REQUEST_DIMENSIONS if all(name in metric.dimensions for metric in metrics)]
    conditions = parse(query["$filter"], shared) if query.get("$filter") else ()
    start, end = _span(query.get("timespan"), now_s)
    aggregations = tuple(_aggregation(name) for name in (query.get("aggregation") or AGGREGATIONS[0]).split(","))
    return Query(
        metrics=metrics,
        start=minute_of(start),
        end=end,
        interval=_interval(query.get("interval")),
        aggregations=aggregations,
        conditions=conditions,
        top=_top(query.get("top"), filtered=bool(conditions)),
        order=_order(query.get("orderby"), filtered=bool(conditions)),
        metadata=_is_metadata(query.get("resulttype")),
    )


def _check_namespace(text: str | None) -> None:
    if text and text.lower() != NAMESPACE.lower():
        raise bad(f"The metric namespace '{text}' is not known; the resource has {NAMESPACE}.")


def _metrics(text: str) -> tuple[Metric, ...]:
    names = [name.strip() for name in text.split(",")]
    if len(names) > NAMES_MAX:
        raise bad(f"At most {NAMES_MAX} metrics can be asked for at once.")
    for name in names:
        if name.lower() not in _BY_NAME:
            valid = ",".join(metric.name for metric in METRICS)
            raise bad(
                "Failed to find metric configuration for provider: Microsoft.CognitiveServices, resource Type: "
                f"accounts, metric: {name}, Valid metrics: {valid}"
            )
    return tuple(_BY_NAME[name.lower()] for name in dict.fromkeys(names))


def _span(text: str | None, now_s: float) -> tuple[float, float]:
    if not text:
        return now_s - SPAN_S, now_s
    # A plus sign that was not escaped arrives as a blank.
    start, _, end = (part.strip().replace(" ", "+") for part in text.partition("/"))
    moments = moment_in(start), moment_in(end)
    if moments[0] is None or moments[1] is None or moments[0] >= moments[1]:
        raise bad(f"The timespan '{text}' is not a start and a later end in ISO 8601.")
    return moments[0], moments[1]


def _interval(text: str | None) -> str:
    interval = (text or "PT1M").upper()
    if interval not in GRAINS and interval != FULL:
        raise bad(f"The interval '{text}' is not one of {', '.join(GRAINS)} and {FULL}.")
    return interval


def _aggregation(text: str) -> str:
    for name in AGGREGATIONS:
        if name.lower() == text.strip().lower():
            return name
    raise bad(f"The aggregation '{text}' is not supported by the metric; it has {', '.join(AGGREGATIONS)}.")


def _top(text: str | None, *, filtered: bool) -> int | None:
    if text is None:
        return TOP if filtered else None
    if not filtered:
        raise bad("The parameter top is only valid with a $filter.")
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise bad(f"The parameter top must be a positive whole number, not '{text}'.")
    return int(text)


def _order(text: str | None, *, filtered: bool) -> tuple[str, bool]:
    """Return the aggregation that orders the series, and whether the greatest comes first."""
    if text is None:
        return AGGREGATIONS[0], True
    if not filtered:
        raise bad("The parameter orderby is only valid with a $filter.")
    name, _, direction = text.strip().partition(" ")
    if direction.strip().lower() not in ("", "asc", "desc"):
        raise bad(f"The parameter orderby must be like 'Total desc', not '{text}'.")
    return _aggregation(name), direction.strip().lower() == "desc"


def _is_metadata(text: str | None) -> bool:
    if (text or "data").lower() not in ("data", "metadata"):
        raise bad(f"The resultType '{text}' is not one of data and metadata.")
    return (text or "").lower() == "metadata"

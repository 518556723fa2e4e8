"""The service's clock for deployments: what to ask Azure Monitor and the Activity Log, and what the answers mean.

A fine-tuned deployment is deleted strictly more than 15 days after the later of its creation and the end of the minute
of its last successful call, one of DeveloperTier 24 hours after its creation (service-rules.md §7.4, §7.1). No API
tells the date, so it is derived from request metrics (azure-api.md §12); who deleted what, from the log (§12b).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from pydantic import Field, ValidationError

from ftops.call import Call, Plane
from ftops.errors import ServiceProblem, WireError
from ftops.kinds.base import Answers, Informed, Item
from ftops.kinds.bodies import Body
from ftops.model import Object, Pointer
from ftops.rules import Rules
from ftops.upkeep import Past, Use

FAMILIES = ("AzureOpenAIRequests", "ModelRequests")
"""Which of the two an account counts requests in depends on its kind and age, and both may hold some."""
DIMENSION = "ModelDeploymentName"
SERIES_MAX = "1000"
"""The default of 10 hides deployments."""
SUCCESS = "StatusCode eq '200'"
STARTED, SUCCEEDED, FAILED = "started", "succeeded", "failed"
"""How an operation in the log begins and ends; what failed was begun, but nothing came of it."""
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
_GRAINS = {"PT1M": MINUTE, "PT1H": HOUR}
DEVELOPER_TIER = "developertier"
REFINED_AFTER = DAY
"""A last call younger than this is known to the hour, which is enough; an older one is read to the minute."""


def life(sku: str, rules: Rules) -> tuple[timedelta, bool]:
    """Return how long the service keeps a fine-tuned deployment of a SKU, and whether calls do not change that."""
    if sku.casefold() == DEVELOPER_TIER:
        return timedelta(hours=rules.limits.idle.developer_hours), True
    return timedelta(days=rules.limits.idle.delete_after_days), False


def inquiries(live: Sequence[Object], absent: Sequence[str], now: datetime, rules: Rules) -> dict[str, Call]:
    """Return the calls that tell of live fine-tuned deployments and of absent names.

    The hours of 30 days are enough for what lives, since without a call nothing lives that long. The past of an
    absent name is asked as far back as metrics and log reach, and its log by name.
    """
    idle, asked = rules.limits.idle, {}
    if live:
        for family in FAMILIES:
            since = now - timedelta(days=idle.metrics_chunk_days)
            asked[f"any:{family}"] = _metric(family, since, now, "PT1H")
            asked[f"served:{family}"] = _metric(family, since, now, "PT1H", SUCCESS)
    if absent:
        chunks = list(_chunks(now, idle.metrics_days, idle.metrics_chunk_days))
        for family in FAMILIES:
            for number, (since, until) in enumerate(chunks):
                asked[f"past:{family}:{number}"] = _metric(family, since, until, "PT1H")
        for name in absent:
            asked[f"log:{name}"] = _log(name, now - timedelta(days=idle.activity_log_days), now)
    return asked


def minute_read(found: Object, now: datetime) -> Call | None:
    """Return the call that tells the minute of a deployment's last successful call, once its day is over."""
    use = found.use
    if use is None or use.served_at is None or use.fixed or now - use.served_at < REFINED_AFTER:
        return None
    only = f"{DIMENSION} eq '{_quoted(found.id)}' and {SUCCESS}"
    return _metric(use.counted_in, use.served_at - HOUR, use.served_at, "PT1M", only)


def refined(found: Object, body: Item, rules: Rules) -> Object:
    """Return a deployment with the minute of its last successful call, or as it was if nothing more precise is told.

    When it was last called at all stays the end of the hour: a refused call may have come after that minute.
    """
    metrics = body.get("value")
    last = _last_by_name(metrics if isinstance(metrics, list) else [], "PT1M").get(found.id.casefold())
    if last is None or found.use is None:
        return found
    use = replace(found.use, served_at=last, deleted_after=deleted_after(found, last, rules))
    return replace(found, use=use)


def on_the_clock(found: Object) -> bool:
    """Tell whether the service deletes a deployment by itself: one of a fine-tuned model."""
    return isinstance(found.fields.get("model.name"), Pointer)


def deleted_after(found: Object, served_at: datetime | None, rules: Rules) -> datetime | None:
    """Return the moment strictly after which the service deletes a deployment, None if never or not known."""
    if found.created_at is None or not on_the_clock(found):
        return None
    limit, fixed = life(str(found.fields.get("sku.name") or ""), rules)
    return (found.created_at if fixed or served_at is None else max(found.created_at, served_at)) + limit


def informed(live: Sequence[Object], answers: Answers, now: datetime, rules: Rules) -> Informed:
    """Return the live deployments with their use, and the pasts of the absent names that were asked for."""
    counted = _counted(answers, "any")
    served = _counted(answers, "served")
    unknown = (counted.unknown or served.unknown) if live else ""
    used = tuple(replace(found, use=_use(found, counted, served, now, rules)) for found in live)
    past_calls = _counted(answers, "past")
    names = [key.removeprefix("log:") for key in answers if key.startswith("log:")]
    limit = timedelta(days=rules.limits.idle.delete_after_days)
    pasts = {name: _past(name, answers[f"log:{name}"], past_calls, limit) for name in names}
    unseen = [f"calls cannot be seen: {unknown}"] if unknown else []
    unseen += [past.unread for past in list(pasts.values())[:1] if past.unread]
    return Informed(used, pasts, tuple(dict.fromkeys(unseen)))


def _use(found: Object, counted: _Counted, served: _Counted, now: datetime, rules: Rules) -> Use:
    _, fixed = life(str(found.fields.get("sku.name") or ""), rules)
    fixed = fixed and on_the_clock(found)
    if unknown := counted.unknown or served.unknown:
        return Use(deleted_after=deleted_after(found, None, rules) if fixed else None, fixed=fixed, unknown=unknown)
    name = found.id.casefold()
    served_at = _not_before(served.last.get(name), found.created_at)
    return Use(
        called_at=_not_before(counted.last.get(name), found.created_at),
        served_at=served_at,
        known_until=now - timedelta(seconds=rules.limits.idle.metrics_lag_s),
        deleted_after=deleted_after(found, served_at, rules),
        fixed=fixed,
        counted_in=served.family[name] if served_at else "",
    )


def _not_before(called_at: datetime | None, created_at: datetime | None) -> datetime | None:
    """Return the moment of a call unless it was one of a former life under the same name."""
    return None if called_at is None or (created_at is not None and called_at < created_at) else called_at


@dataclass(frozen=True, slots=True)
class _Counted:
    """The end of the last time in which each deployment (its folded name) was called, and the metric that tells it."""

    last: Mapping[str, datetime]
    family: Mapping[str, str]
    unknown: str = ""


def _counted(answers: Answers, what: str) -> _Counted:
    """Return what the metrics of one kind of question tell, by both families together.

    An account that does not know a metric refuses it with 400; that is an answer as long as the other one is known.
    """
    last: dict[str, datetime] = {}
    family: dict[str, str] = {}
    known, problems = False, []
    for key, answer in answers.items():
        question, _, rest = key.partition(":")
        if question != what:
            continue
        if isinstance(answer, WireError):
            if not (isinstance(answer, ServiceProblem) and answer.status == HTTPStatus.BAD_REQUEST):
                problems.append(_first_line(answer))
            continue
        try:
            told = _last_by_name(answer, "PT1H")
        except ValidationError:
            problems.append("the metrics came in another shape than expected")
            continue
        if unsaid := _unsaid(answer):
            problems.append(unsaid)
        known = True
        for name, at in told.items():
            if name not in last or at > last[name]:
                last[name], family[name] = at, rest.partition(":")[0]
    unknown = problems[0] if problems else "" if known else "the account knows no metric of requests"
    return _Counted(last, family, unknown)


def _first_line(error: WireError) -> str:
    return str(error).partition("\n")[0]


class _Point(Body):
    timeStamp: datetime
    total: float | None = None


class _Word(Body):
    value: str = ""


class _Dimension(Body):
    name: _Word = Field(default_factory=_Word)
    value: str = ""


class _Series(Body):
    metadatavalues: tuple[_Dimension, ...] = ()
    data: tuple[_Point, ...] = ()


class _Metric(Body):
    timeseries: tuple[_Series, ...] = ()
    errorCode: str = ""


def _unsaid(metrics: Sequence[Item]) -> str:
    """Return why an answer without calls is no evidence of none; a metric may fail within an answer of 200."""
    if not metrics:
        return "the answer holds no metric"
    failed = (metric.errorCode for metric in map(_Metric.model_validate, metrics))
    return next(
        (f"the metric could not be read: {code}" for code in failed if code.casefold() not in {"", "success"}), ""
    )


def _last_by_name(metrics: Iterable[Item], grain: str) -> dict[str, datetime]:
    """Return the end of the last interval with a call, by the folded name of each deployment.

    Points without a value are intervals without data. The service writes the names of dimensions in lower case.
    """
    last: dict[str, datetime] = {}
    for item in metrics:
        for series in _Metric.model_validate(item).timeseries:
            called = [point.timeStamp for point in series.data if point.total]
            for name in _deployments_of(series) if called else ():
                end = _aware(max(called)) + _GRAINS[grain]
                last[name] = max(end, last.get(name, end))
    return last


def _deployments_of(series: _Series) -> list[str]:
    its = (d for d in series.metadatavalues if d.name.value.casefold() == DIMENSION.casefold())
    return [dimension.value.casefold() for dimension in its]


class _Event(Body):
    eventTimestamp: datetime
    operationName: _Word = Field(default_factory=_Word)
    status: _Word = Field(default_factory=_Word)
    caller: str = ""


def _past(name: str, log: Sequence[Item] | WireError, calls: _Counted, limit: timedelta) -> Past:
    called_at = calls.last.get(name.casefold())
    problems = [f"calls cannot be seen: {calls.unknown}"] if calls.unknown else []
    if isinstance(log, WireError):
        problems.append(f"the Activity Log cannot be read: {_first_line(log)}")
        return Past(called_at=called_at, unread="; ".join(problems))
    try:
        events = sorted((_Event.model_validate(item) for item in log), key=_order)
    except ValidationError:
        return Past(called_at=called_at, unread="the Activity Log came in another shape than expected")
    past = Past(called_at=called_at, unread="; ".join(problems))
    before: dict[str, Past] = {}
    written_at: datetime | None = None
    for event in events:
        operation, status = event.operationName.value.casefold(), event.status.value.casefold()
        if status == FAILED:
            past = before.pop(operation, past)
            continue
        if status == STARTED or operation not in before:
            before[operation] = past  # The end of an earlier one may not be told.
        lapsed = _lapsed(past, written_at, _aware(event.eventTimestamp), limit)
        past, written_at = _after(past, event, lapsed=lapsed), _aware(event.eventTimestamp)
        if status == SUCCEEDED:
            del before[operation]
    return past


def _order(event: _Event) -> tuple[datetime, bool]:
    """Return the sort key of an event: what was begun and ended in one moment begins first."""
    return _aware(event.eventTimestamp), event.status.value.casefold() in {SUCCEEDED, FAILED}


def _lapsed(past: Past, written_at: datetime | None, at: datetime, limit: timedelta) -> bool:
    """Tell whether the service must have ended a life before a moment: its own deletions stand in no log."""
    signs = [sign for sign in (written_at, past.called_at) if sign is not None and sign <= at]
    return bool(signs) and max(signs) + limit < at


def _after(past: Past, event: _Event, *, lapsed: bool) -> Past:
    """Return the past with one more event: a life begins with the first write after the end of another."""
    operation, at = event.operationName.value.casefold(), _aware(event.eventTimestamp)
    if operation.endswith("/deployments/delete"):
        return replace(past, removed_at=at, removed_by=event.caller)
    if operation.endswith("/deployments/write") and (past.made_at is None or past.removed_at is not None or lapsed):
        return replace(past, made_at=at, removed_at=None, removed_by="")
    return past


def _chunks(now: datetime, days: int, chunk_days: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield spans from `days` before now up to now, none longer than one query takes."""
    until, begin = now, now - timedelta(days=days)
    while until > begin:
        since = max(begin, until - timedelta(days=chunk_days))
        yield since, until
        until = since


def _metric(name: str, since: datetime, until: datetime, interval: str, only: str = "") -> Call:
    every = f"{DIMENSION} eq '*'"
    query = {
        "metricnames": name,
        "timespan": f"{_stamp(_floor(since, _GRAINS[interval]))}/{_stamp(until)}",
        "interval": interval,
        "aggregation": "Total",
        "$filter": only if DIMENSION in only else f"{every} and {only}" if only else every,
        "top": SERIES_MAX,
    }
    return Call(Plane.ARM, "GET", "/providers/Microsoft.Insights/metrics", query)


def _floor(moment: datetime, grain: timedelta) -> datetime:
    """Return the beginning of the hour or minute, so that intervals are those of the clock."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return moment - (moment - epoch) % grain


def _log(name: str, since: datetime, until: datetime) -> Call:
    times = f"eventTimestamp ge '{_stamp(since)}' and eventTimestamp le '{_stamp(until)}'"
    query = {
        "$filter": f"{times} and resourceUri eq '{{account}}/deployments/{_quoted(name)}'",
        "$select": "eventTimestamp,operationName,status,caller,resourceId",
    }
    return Call(Plane.SUBSCRIPTION, "GET", "/providers/Microsoft.Insights/eventtypes/management/values", query)


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

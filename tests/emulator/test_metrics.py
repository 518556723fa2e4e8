"""Azure Monitor: series of counted calls, their filters, times, delay and retention."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator

from .conftest import ACCOUNT, LAG_S, MONTH, Caller

BASE = {"model": "gpt-4o", "model_version": "2024-08-06"}
EACH = "ModelDeploymentName eq '*'"
OPENAI = ("AzureOpenAIRequests", "ProcessedPromptTokens", "GeneratedTokens", "TokenTransaction")
FOUNDRY = ("ModelRequests", "InputTokens", "OutputTokens", "TotalTokens")


@pytest.fixture
def called(v1: Caller) -> Caller:
    """Give a caller who called `Alpha` twice well and once badly, and `beta` once well, an hour later, at 10:00:30."""
    for name in ("Alpha", "beta"):
        v1.deployed(name, **BASE)
    v1.emulator.pause(3_630 - 480)
    v1.chatted("alpha")
    v1.chatted("ALPHA")
    v1.chat("alpha", messages=[])
    v1.chatted("beta")
    v1.emulator.pause(LAG_S)
    return v1


def _refused(response: TestResponse) -> str:
    body = response.json or {}
    assert (response.status_code, body["error"]["code"]) == (400, "BadRequest")
    return str(body["error"]["message"])


def _totals(series: list[dict[str, Any]]) -> dict[tuple[str, ...], float]:
    return {tuple(item["value"] for item in one["metadatavalues"]): one["data"][0]["total"] for one in series}


def test_shape(called: Caller) -> None:
    """The answer is Azure Monitor's: names of dimensions in lower case, points without data without a value."""
    span = "2026-11-02T10:00:00Z/2026-11-02T10:02:00Z"
    query = {"metricnames": "azureopenairequests", "timespan": span, "interval": "PT1M", "filter": EACH}
    body = called.monitor(**query, aggregation="Total,Count,average").json or {}
    name = {"value": "modeldeploymentname", "localizedValue": "modeldeploymentname"}
    empty = {"timeStamp": "2026-11-02T10:01:00Z"}
    data = {"timeStamp": "2026-11-02T10:00:00Z", "average": 1.0}
    metric = body["value"][0]
    assert (body["timespan"], body["interval"], body["resourceregion"]) == (span, "PT1M", "swedencentral")
    assert body["namespace"] == "Microsoft.CognitiveServices/accounts"
    assert metric["name"] == {"value": "AzureOpenAIRequests", "localizedValue": "Azure OpenAI Requests"}
    assert (metric["unit"], metric["errorCode"]) == ("Count", "Success")
    assert metric["id"].endswith("/providers/Microsoft.Insights/metrics/AzureOpenAIRequests")
    assert metric["timeseries"] == [
        {"metadatavalues": [{"name": name, "value": "Alpha"}], "data": [data | {"total": 3, "count": 3}, empty]},
        {"metadatavalues": [{"name": name, "value": "beta"}], "data": [data | {"total": 1, "count": 1}, empty]},
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (EACH, {("Alpha",): 3, ("beta",): 1}),
        ("modeldeploymentname EQ 'alpha'", {("Alpha",): 3}),
        ("ModelDeploymentName eq 'alpha' or ModelDeploymentName eq 'BETA'", {("Alpha",): 3, ("beta",): 1}),
        (f"{EACH} and StatusCode eq '200'", {("Alpha", "200"): 2, ("beta", "200"): 1}),
        (f"StatusCode eq '400' and {EACH}", {("400", "Alpha"): 1}),
        (
            "ModelDeploymentName eq 'alpha' and (StatusCode eq '200' or StatusCode eq '400')",
            {("Alpha", "200"): 2, ("Alpha", "400"): 1},
        ),
        # Here `or` binds tighter than `and`.
        (
            "ModelDeploymentName eq 'alpha' and StatusCode eq '200' or StatusCode eq '400'",
            {("Alpha", "200"): 2, ("Alpha", "400"): 1},
        ),
        ("((StatusCode eq '*'))", {("200",): 3, ("400",): 1}),
        ("ModelName eq 'gpt-4o-2024-08-06' and Region eq 'SwedenCentral'", {("gpt-4o-2024-08-06", "swedencentral"): 4}),
        ("ModelDeploymentName eq 'it''s'", {}),
        ("StatusCode eq '429'", {}),
    ],
)
def test_filter(called: Caller, text: str, expected: dict[tuple[str, ...], float]) -> None:
    """There is one series for each combination of values of the filter's dimensions that had data."""
    assert _totals(called.series(filter=text)) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ModelDeploymentName eq 'a' or StatusCode eq '200'", "cannot separate two different dimensions"),
        ("(ModelDeploymentName eq 'a' and StatusCode eq '200') or StatusCode eq '400'", "cannot separate"),
        ("ModelDeploymentName eq '*' and StatusCode eq '*'", "Only one dimension"),
        ("ModelDeploymentName eq 'a' and ModelDeploymentName eq 'b'", "twice"),
        ("Deployment eq 'a'", "'deployment' is not one of ApiName"),
        ("ModelDeploymentName ne 'a'", "lacks 'eq'"),
        ("ModelDeploymentName eq a", "not of the form"),
        ("ModelDeploymentName eq 'a", "does not end"),
        ("(ModelDeploymentName eq 'a'", "lacks ')'"),
        ("ModelDeploymentName eq 'a')", "goes on unexpectedly at ')'"),
        ("ModelDeploymentName eq 'a' and", "not of the form"),
    ],
)
def test_bad_filter(called: Caller, text: str, word: str) -> None:
    """Each filter that Azure Monitor does not accept is refused with what is wrong."""
    assert word in _refused(called.monitor(filter=text, timespan=MONTH))


def test_whole_account(called: Caller) -> None:
    """Without a filter there is one series of everything, without dimensions."""
    assert _totals(called.series()) == {(): 4}


def test_no_data(called: Caller) -> None:
    """A span without calls has no series at all."""
    assert called.series(filter=EACH, timespan="2026-11-01T00:00:00Z/2026-11-02T10:00:00Z") == []


@pytest.mark.parametrize(
    ("interval", "place", "points"),
    [
        ("PT1M", 90, 180),
        ("PT5M", 18, 36),
        ("PT15M", 6, 12),
        ("PT30M", 3, 6),
        ("PT1H", 1, 3),
        ("PT6H", 0, 1),
        ("pt12h", 0, 1),
        ("P1D", 0, 1),
        ("FULL", 0, 1),
    ],
)
def test_intervals(called: Caller, interval: str, place: int, points: int) -> None:
    """The span is cut from its beginning; a point carries the moment at which its time begins."""
    span = "2026-11-02T08:30:00Z/2026-11-02T11:30:00Z"
    data = called.series(timespan=span, interval=interval)[0]["data"]
    assert (len(data), [n for n, point in enumerate(data) if "total" in point]) == (points, [place])
    length = 180 / points if points > 1 else 0
    begins = called.emulator.now().replace(hour=8, minute=30, second=0) + timedelta(minutes=length * place)
    assert data[place]["timeStamp"] == begins.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("span", "seen"),
    [
        ("2026-11-02T10:00:59Z/2026-11-02T10:30:00Z", True),
        ("2026-11-02T10:01:00Z/2026-11-02T10:30:00Z", False),
        ("2026-11-02T09:00:00Z/2026-11-02T10:00:00Z", False),
        ("2026-11-02T09:00:00Z/2026-11-02T10:00:01Z", True),
        ("2026-11-02T11:00:00+01:00/2026-11-02T11:00:01+01:00", True),
        ("2026-11-02T10:00:00.0000000/2026-11-02T10:00:01.0000000", True),
    ],
)
def test_span_is_of_minutes(called: Caller, span: str, seen: bool) -> None:
    """A call belongs to its minute: the span begins with a whole minute and ends before the minute of its end."""
    assert bool(called.series(timespan=span)) is seen


@pytest.mark.parametrize(("waited_s", "seen"), [(LAG_S - 1, False), (LAG_S, True)])
def test_lag(v1: Caller, waited_s: int, seen: bool) -> None:
    """A call is shown when it is as old as the delay, to the second."""
    v1.deployed("support", **BASE)
    v1.emulator.pause(17)
    v1.chatted("support")
    v1.emulator.pause(waited_s)
    assert bool(v1.series()) is seen


@pytest.mark.parametrize(("days", "seen"), [(92, True), (93, False)])
def test_retention(called: Caller, days: int, seen: bool) -> None:
    """Calls are kept for 93 days, whoever asks for more."""
    called.emulator.advance(timedelta(days=days))
    assert bool(called.series(timespan="2026-01-01T00:00:00Z/2027-12-31T00:00:00Z")) is seen


def test_retention_drops(called: Caller) -> None:
    """A new call sweeps out those that nobody can ask for any more."""
    called.emulator.advance(timedelta(days=94))
    called.chatted("beta")
    assert len(called.emulator._store.rows("SELECT * FROM calls")) == 1


def test_default_span(called: Caller) -> None:
    """Without a timespan the last hour is told, minute by minute."""
    body = called.monitor().json or {}
    assert (body["timespan"], body["interval"]) == ("2026-11-02T09:03:00Z/2026-11-02T10:03:30Z", "PT1M")
    assert len(body["value"][0]["timeseries"][0]["data"]) == 61


def test_top(v1: Caller) -> None:
    """Ten series are told unless more are asked for, the busiest first; `orderby` turns that around."""
    for number in range(12):
        v1.deployed(f"d{number:02}", **BASE)
        for _ in range(number + 1):
            v1.chatted(f"d{number:02}")
    v1.emulator.pause(LAG_S)
    names = [key[0] for key in _totals(v1.series(filter=EACH))]
    assert names == [f"d{number:02}" for number in range(11, 1, -1)]
    assert len(v1.series(filter=EACH, top="100")) == 12
    assert list(_totals(v1.series(filter=EACH, top="2", orderby="total asc"))) == [("d00",), ("d01",)]
    assert "only valid with a $filter" in _refused(v1.monitor(top="100"))
    assert "only valid with a $filter" in _refused(v1.monitor(orderby="Total desc"))


def test_metadata(called: Caller) -> None:
    """Only the values of the dimensions come back when no more is wanted."""
    series = called.series(filter=EACH, resultType="metadata")
    assert [one["metadatavalues"][0]["value"] for one in series] == ["Alpha", "beta"]
    assert all("data" not in one for one in series)


def test_tokens(called: Caller) -> None:
    """Prompts, answers and their sum are counted apart, of successful calls only."""
    usage = called.chatted("beta")["usage"]
    for name, field in zip(OPENAI[1:], ("prompt_tokens", "completion_tokens", "total_tokens"), strict=True):
        assert _totals(called.series(name, filter=EACH))[("beta",)] == usage[field]
        assert _totals(called.series(name, filter=EACH))[("Alpha",)] == 2 * usage[field]
    assert "StatusCode" not in _refused(called.monitor(metricnames=OPENAI[1], filter="StatusCode eq '200'"))


@pytest.mark.parametrize(
    ("families", "openai", "foundry"), [(None, 4, 4), ("both", 4, 4), ("openai", 4, 0), ("foundry", 0, 4)]
)
def test_families(called: Caller, families: str | None, openai: int, foundry: int) -> None:
    """A metric of a family that the account does not emit is known and has no series."""
    if families:
        called.emulator.set_metric_families(ACCOUNT, families)
    for names, expected in ((OPENAI, openai), (FOUNDRY, foundry)):
        body = called.monitor(metricnames=",".join(names), timespan=MONTH, interval="FULL").json or {}
        assert [metric["name"]["value"] for metric in body["value"]] == list(names)
        assert sum(bool(metric["timeseries"]) for metric in body["value"]) == expected


def test_unknown_family(emulator: Emulator) -> None:
    """The setting takes its three words, of an account that exists."""
    with pytest.raises(ValueError, match="all"):
        emulator.set_metric_families(ACCOUNT, "all")
    with pytest.raises(KeyError):
        emulator.set_metric_families("nobody", "both")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"metricnames": "AzureOpenAIRequests,TotalCalls"}, "metric: TotalCalls, Valid metrics: AzureOpenAIRequests,"),
        ({"metricnames": ",".join(["AzureOpenAIRequests"] * 21)}, "At most 20"),
        ({"metricnamespace": "Microsoft.Compute/virtualMachines"}, "namespace"),
        ({"timespan": "P1D"}, "timespan"),
        ({"timespan": "2026-11-02T00:00:00Z/2026-11-02T00:00:00Z"}, "timespan"),
        ({"interval": "PT2M"}, "'PT2M' is not one of PT1M"),
        ({"aggregation": "Total,Median"}, "'Median'"),
        ({"filter": EACH, "top": "0"}, "top"),
        ({"filter": EACH, "top": "many"}, "top"),
        ({"filter": EACH, "orderby": "Total upwards"}, "orderby"),
        ({"resultType": "everything"}, "resultType"),
        ({"timespan": "2020-01-01T00:00:00Z/2026-12-01T00:00:00Z"}, "too many points"),
    ],
)
def test_refused(called: Caller, query: dict[str, str], word: str) -> None:
    """One bad parameter refuses the whole query."""
    assert word in _refused(called.monitor(**query))


def test_definitions(v1: Caller) -> None:
    """The definitions name the metrics of both families, with their dimensions and retention."""
    found = {item["name"]["value"]: item for item in (v1.monitor("metricDefinitions").json or {})["value"]}
    assert set(found) == {*OPENAI, *FOUNDRY}
    requests = found["ModelRequests"]
    assert requests["primaryAggregationType"] == "Total"
    assert {"value": "StatusCode", "localizedValue": "StatusCode"} in requests["dimensions"]
    assert requests["metricAvailabilities"][0] == {"timeGrain": "PT1M", "retention": "P93D"}


def test_accounts_are_apart(called: Caller) -> None:
    """An account's metrics know nothing of another's calls."""
    emulator = called.emulator
    emulator.ensure_account("fabrikam", "eastus2")
    url = f"{emulator.arm_endpoint}{emulator.resource_id('fabrikam')}/providers/Microsoft.Insights/metrics"
    body = Client(emulator.app).get(url, query_string={"api-version": "2024-02-01", "timespan": MONTH}).json or {}
    assert (body["resourceregion"], body["value"][0]["timeseries"]) == ("eastus2", [])

"""Azure Monitor's metrics: which series there are, how they are called, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from arm import BASE, Answers, Arm, deployment_of, refusal
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from monitor import EACH, LAG_S, REQUESTS, label, last_hour, metrics_client, monitor_client, queried, totals
from openai import NotFoundError
from trouble import now, trouble

NAMESPACE = "Microsoft.CognitiveServices/accounts"
OPENAI = (REQUESTS, "ProcessedPromptTokens", "GeneratedTokens", "TokenTransaction")
FOUNDRY = ("ModelRequests", "InputTokens", "OutputTokens", "TotalTokens")


@pytest.fixture
def called(arm: Arm) -> Arm:
    """Return an account with two deployments, one called twice and one once, long enough ago to be shown."""
    for name, count in (("Support", 2), ("sales", 1)):
        arm.made(name, deployment_of(BASE, capacity=5))
        for _ in range(count):
            arm.called(name)
    arm.service.advance(LAG_S)
    return arm


def _refused(arm: Arm, names: str = REQUESTS, **more: str | int) -> str:
    with pytest.raises(HttpResponseError) as refused:
        queried(arm.service, arm.account, names, **more)
    status, code, message = refusal(refused.value)
    assert (status, code) == (400, "BadRequest")
    return message


@pytest.mark.fact("azure-api.md §12 ($filter) [D]")
def test_a_wildcard_gives_a_series_for_each_deployment(called: Arm) -> None:
    """Calls are counted by deployment; names of dimensions come back in lower case, values as they are."""
    (metric,) = queried(called.service, called.account)
    assert totals(metric) == {("Support",): 2, ("sales",): 1}
    names = {str(each.name.value) for one in metric.timeseries or [] for each in one.metadatavalues or [] if each.name}
    assert names == {"modeldeploymentname"}
    assert (metric.name.value, metric.unit, metric.error_code) == (REQUESTS, "Count", "Success")
    assert metric.id == f"{called.account.resource_id}/providers/Microsoft.Insights/metrics/{REQUESTS}"


@pytest.mark.fact("azure-api.md §12 (names and values are case-insensitive) [D]")
@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("modeldeploymentname EQ 'SUPPORT'", {("Support",): 2}),
        ("ModelDeploymentName eq 'support' or ModelDeploymentName eq 'sales'", {("Support",): 2, ("sales",): 1}),
        (f"{EACH} and StatusCode eq '200'", {("Support", "200"): 2, ("sales", "200"): 1}),
        ("ModelDeploymentName eq 'nobody'", {}),
    ],
)
def test_a_filter_chooses_series(called: Arm, chosen: str, found: dict[tuple[str, ...], float]) -> None:
    """By one value, by several, by two dimensions; and what was never called has no series at all."""
    (metric,) = queried(called.service, called.account, filter=chosen)
    assert totals(metric) == found


@pytest.mark.fact("azure-api.md §12 (top, default 10) [D]")
@pytest.mark.fact("azure-api.md §15 (trap 31) [D]")
def test_ten_series_hide_the_others(arm: Arm) -> None:
    """Without `top` the eleventh deployment is not in the answer, and nothing says so."""
    names = [f"d{number:02}" for number in range(12)]
    for name in names:
        arm.made(name, deployment_of(BASE))
        arm.called(name)
    arm.service.advance(LAG_S)
    hours = last_hour(arm.service, 24)
    (metric,) = queried(arm.service, arm.account, timespan=hours)
    assert len(metric.timeseries or []) == 10
    (metric,) = queried(arm.service, arm.account, timespan=hours, top=100)
    assert sorted(totals(metric)) == [(name,) for name in names]
    (metric,) = queried(arm.service, arm.account, timespan=hours, top=1, orderby="Total asc")
    assert len(metric.timeseries or []) == 1


@pytest.mark.fact("azure-api.md §12 (No data at all) [D]")
def test_an_account_that_nobody_calls_has_no_series(arm: Arm) -> None:
    """A deployment that was never called is nowhere in the answer, which is no error."""
    arm.made("plain", deployment_of(BASE))
    with pytest.raises(NotFoundError):
        arm.called("nothing")
    arm.service.advance(LAG_S)
    (metric,) = queried(arm.service, arm.account)
    assert (metric.timeseries, metric.error_code) == ([], "Success")


@pytest.mark.fact("azure-api.md §12 (Points without data omit the value) [D]")
def test_points_without_a_call_have_no_value(arm: Arm) -> None:
    """The call's own minute has a number, and every other minute has none."""
    arm.made("plain", deployment_of(BASE))
    begin = now(arm.service).replace(second=0, microsecond=0)
    arm.called("plain")
    arm.service.advance(LAG_S)
    span = f"{begin:%Y-%m-%dT%H:%M:%SZ}/{begin + timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}"
    (metric,) = queried(arm.service, arm.account, timespan=span, interval="PT1M")
    ((series),) = metric.timeseries or []
    data = series.data or []
    assert [point.total for point in data] == [1, None, None]
    assert [point.time_stamp for point in data] == [begin + timedelta(minutes=minute) for minute in range(3)]


@pytest.mark.fact("azure-api.md §12 (Ingestion latency) [D]")
def test_a_call_is_shown_after_minutes(arm: Arm) -> None:
    """Just after the call the metrics know nothing of it."""
    arm.made("plain", deployment_of(BASE))
    arm.called("plain")
    (before,) = queried(arm.service, arm.account)
    arm.service.advance(LAG_S)
    (after,) = queried(arm.service, arm.account)
    assert (totals(before), totals(after)) == ({}, {("plain",): 1})


@pytest.mark.fact("azure-api.md §12 (Metric names) [D]")
@pytest.mark.parametrize("family", [OPENAI, FOUNDRY])
def test_both_families_count_requests_and_tokens(called: Arm, family: tuple[str, ...]) -> None:
    """An account of the newer kind emits both; prompt and answer add up to all tokens."""
    found = queried(called.service, called.account, ",".join(family))
    assert [metric.name.value for metric in found] == list(family)
    requests, prompt, generated, every = (totals(metric)["Support",] or 0 for metric in found)
    assert (requests, prompt + generated) == (2, every) and prompt and generated


@pytest.mark.fact("azure-api.md §12 (unknown metric name) [D]")
@pytest.mark.parametrize("name", ["Requests", "TotalCalls", "SuccessfulCalls"])
def test_one_unknown_metric_refuses_them_all(arm: Arm, name: str) -> None:
    """400 for the whole request, with the names that are known."""
    message = _refused(arm, f"{REQUESTS},{name}")
    assert f"metric: {name}, Valid metrics: {REQUESTS}" in message


@pytest.mark.fact("azure-api.md §12 ($filter, top, orderby) [D]")
@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "", "top": 5},
        {"filter": "", "orderby": "Total desc"},
        {"filter": "ModelDeploymentName eq 'a' or ModelName eq 'b'"},
        {"filter": "ModelDeploymentName eq '*' and ModelName eq '*'"},
        {"filter": "Deployment eq '*'"},
        {"interval": "PT2M"},
        {"aggregation": "Sum"},
        {"metricnamespace": "Microsoft.Compute/virtualMachines"},
        {"timespan": "yesterday"},
    ],
)
def test_what_monitor_does_not_take(arm: Arm, asked: dict[str, str | int]) -> None:
    """`top` without a filter, `or` between dimensions, two wildcards, and words that are none."""
    assert _refused(arm, REQUESTS, **asked)


@pytest.mark.fact("azure-api.md §12 (resultType) [D]")
def test_metadata_names_the_dimensions_only(called: Arm) -> None:
    """The values without their points."""
    (metric,) = queried(called.service, called.account, result_type="Metadata")
    assert {label(each): each.data for each in metric.timeseries or []} == {("Support",): None, ("sales",): None}


@pytest.mark.fact("azure-api.md §12 (metricDefinitions) [D]")
@pytest.mark.parametrize("version", ["2018-01-01", "2024-02-01"])
def test_the_definitions_tell_what_can_be_asked_for(arm: Arm, version: str) -> None:
    """Names, dimensions, grains from a minute on, and how long it is kept."""
    definitions = monitor_client(arm.service, arm.account).metric_definitions
    found = {
        str(each.name.value): each
        for each in definitions.list(arm.account.resource_id, api_version=version)
        if each.name
    }
    assert set(found) == {*OPENAI, *FOUNDRY}
    requests = found[REQUESTS]
    assert {each.value for each in requests.dimensions or []} >= {"ModelDeploymentName", "StatusCode", "IsSpillover"}
    grains = {each.time_grain: each.retention for each in requests.metric_availabilities or []}
    assert grains[timedelta(minutes=1)] == timedelta(days=93)
    assert (requests.unit, requests.primary_aggregation_type) == ("Count", "Total")


@pytest.mark.fact("azure-api.md §12 (529) [D]")
def test_monitor_may_be_overloaded(arm: Arm) -> None:
    """The SDK does not try again by itself, and shows the number that no standard knows."""
    rule = {"effect": "overloaded", "path": f"/{arm.account.name}/"}
    with trouble(arm.service, rule), pytest.raises(HttpResponseError) as refused:
        queried(arm.service, arm.account)
    assert refused.value.status_code == 529
    assert len(queried(arm.service, arm.account)) == 1


@pytest.mark.fact("azure-api.md §12 (Batch) [D]")
@pytest.mark.parametrize("version", ["2023-10-01", "2024-02-01"])
def test_several_accounts_are_asked_at_once(called: Arm, version: str) -> None:
    """One answer for each resource in its order, with a filter that has no dollar sign."""
    end = now(called.service)
    near = [account for account in called.service.accounts() if account.region == called.account.region]
    other = next(account for account in near if account != called.account)
    answers = Answers()
    first, second = metrics_client(called.service, api_version=version).query_resources(
        resource_ids=[called.account.resource_id, other.resource_id],
        metric_namespace=NAMESPACE,
        metric_names=[REQUESTS],
        timespan=(end - timedelta(hours=1), end),
        granularity=timedelta(hours=1),
        aggregations=["Total"],
        filter=EACH,
        raw_response_hook=answers,
    )
    found = {one.metadata_values["modeldeploymentname"]: one.data[0].total for one in first.metrics[0].timeseries}
    assert found == {"Support": 2, "sales": 1}
    assert [each.resource_region for each in (first, second)] == [called.account.region] * 2
    assert [each["resourceid"] for each in answers.first["values"]] == [called.account.resource_id, other.resource_id]


@pytest.mark.fact("azure-api.md §12 (scope of the batch) [D]")
def test_the_batch_has_a_door_of_its_own(arm: Arm) -> None:
    """A token for ARM does not open it."""
    client = metrics_client(arm.service, audience="https://management.azure.com")
    with pytest.raises(ClientAuthenticationError) as refused:
        client.query_resources(
            resource_ids=[arm.account.resource_id], metric_namespace=NAMESPACE, metric_names=[REQUESTS]
        )
    assert refusal(refused.value)[:2] == (401, "InvalidAuthenticationTokenAudience")

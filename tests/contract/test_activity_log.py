"""The Activity Log: who made, changed and deleted deployments."""

from __future__ import annotations

from datetime import timedelta

import pytest
from arm import BASE, Arm, deployment_of, refusal
from azure.core.exceptions import HttpResponseError
from azure.mgmt.monitor.models import EventData
from monitor import monitor_client
from trouble import now, trouble
from tuned import tuned_model

LAG_S = 300
"""How long the emulator keeps an event from the log."""
WRITE, DELETE = (f"Microsoft.CognitiveServices/accounts/deployments/{verb}" for verb in ("write", "delete"))
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
SELECT = "eventTimestamp,operationName,status,caller,resourceId,correlationId"


def _events(arm: Arm, scope: str, select: str | None = SELECT) -> list[EventData]:
    """Return the events of the last day."""
    until = now(arm.service)
    bounds = f"eventTimestamp ge '{until - timedelta(days=1):{INSTANT}}' and eventTimestamp le '{until:{INSTANT}}'"
    return list(monitor_client(arm.service, arm.account).activity_logs.list(f"{bounds} and {scope}", select))


def _told(events: list[EventData]) -> list[tuple[str, str]]:
    return [(str(e.operation_name.value), str(e.status.value)) for e in events if e.operation_name and e.status]


@pytest.mark.fact("azure-api.md §12b [S]")
def test_the_log_tells_who_made_and_deleted_a_deployment(arm: Arm) -> None:
    """Newest first: what belongs together has one correlation id, and each event its caller and its deployment."""
    arm.made("support", deployment_of(tuned_model(arm.service, arm.account)))
    arm.delete("support")
    arm.service.advance(LAG_S)
    resource = f"{arm.account.resource_id}/deployments/support"
    events = _events(arm, f"resourceUri eq '{resource}'")
    steps = ("Succeeded", "Accepted", "Started")
    assert _told(events) == [(verb, step) for verb in (DELETE, WRITE) for step in steps]
    assert {each.resource_id for each in events} == {resource}
    assert {each.caller for each in events} == {"emulator@ftops.invalid"}
    assert [len({each.correlation_id for each in events[part]}) for part in (slice(3), slice(3, 6))] == [1, 1]
    times = [each.event_timestamp for each in events if each.event_timestamp]
    assert times == sorted(times, reverse=True) and len(times) == 6
    assert _told(_events(arm, f"correlationId eq '{events[0].correlation_id}'")) == _told(events[:3])


@pytest.mark.fact("azure-api.md §12b (Latency of minutes) [S]")
def test_an_event_is_shown_after_minutes(arm: Arm) -> None:
    """Just after the write the log knows nothing of it."""
    arm.made("plain", deployment_of(BASE))
    arm.service.advance(LAG_S - 270)
    scope = f"resourceUri eq '{arm.account.resource_id}/deployments/plain'"
    assert _events(arm, scope) == []
    arm.service.advance(LAG_S)
    assert _told(_events(arm, scope)) == [(WRITE, "Succeeded"), (WRITE, "Started")]


@pytest.mark.fact("azure-api.md §12b (select) [S]")
def test_only_what_is_selected_comes_back(arm: Arm) -> None:
    """Without a selection there is more."""
    arm.made("plain", deployment_of(BASE))
    arm.service.advance(LAG_S)
    scope = f"resourceUri eq '{arm.account.resource_id}/deployments/plain'"
    few, all_of_it = _events(arm, scope, "caller"), _events(arm, scope, None)
    assert {each.caller for each in few} == {"emulator@ftops.invalid"} and not any(each.resource_id for each in few)
    assert {each.subscription_id for each in all_of_it} == {arm.account.subscription}
    assert {each.resource_group_name for each in all_of_it} == {arm.account.group}


@pytest.mark.fact("azure-api.md §12b (nextLink) [S]")
def test_the_log_comes_in_pages(arm: Arm) -> None:
    """The SDK follows the links by itself."""
    for capacity in (1, 2, 3):
        arm.made("plain", deployment_of(BASE, capacity=capacity))
    arm.service.advance(LAG_S)
    scope = f"resourceUri eq '{arm.account.resource_id}/deployments/plain'"
    before = len(arm.service.exchanges())
    with trouble(arm.service, log_page=4):
        assert len(_events(arm, scope)) == 6
    asked = [each for each in arm.service.exchanges()[before:] if each.path.endswith("/eventtypes/management/values")]
    assert [each.status for each in asked] == [200, 200]


@pytest.mark.fact("azure-api.md §12b (the filter) [S]")
@pytest.mark.parametrize(
    "text",
    [
        "resourceProvider eq 'Microsoft.CognitiveServices'",
        "eventTimestamp ge '2026-11-01T00:00:00Z' and resourceGroupName eq 'a' and resourceProvider eq 'b'",
        "eventTimestamp ge '2026-11-01T00:00:00Z' and caller eq 'me'",
        "eventTimestamp ge 'yesterday'",
    ],
)
def test_a_filter_has_a_beginning_and_one_scope(arm: Arm, text: str) -> None:
    """400 without a time, with two scopes, and for what cannot be compared."""
    with pytest.raises(HttpResponseError) as refused:
        list(monitor_client(arm.service, arm.account).activity_logs.list(text))
    assert refusal(refused.value)[:2] == (400, "BadRequest")

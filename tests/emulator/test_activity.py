"""The Activity Log: who wrote and deleted deployments, told late and for 90 days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import Client

from ftops.emulator import Emulator

from .conftest import ACCOUNT, CREATE_S, Caller

PATH = "/providers/Microsoft.Insights/eventtypes/management/values"
SINCE = "eventTimestamp ge '2026-11-01T00:00:00Z'"
LAG_S = 300
ME = "emulator@ftops.invalid"
SOMEBODY = "somebody@example.com"
BASE = {"model": "gpt-4o", "model_version": "2024-08-06"}


def _events(caller: Caller, where: str = SINCE, **query: str) -> list[dict[str, Any]]:
    response = caller.subscribed(PATH, filter=where, **query)
    assert response.status_code == 200, response.text
    return list((response.json or {})["value"])


def _story(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return operation, status and caller, oldest first."""
    rows = [(e["operationName"]["value"].rsplit("/", 1)[1], e["status"]["value"], e["caller"]) for e in events]
    return list(reversed(rows))


def test_life_of_a_tuned_deployment(v1: Caller, model: str) -> None:
    """A slow write is started, accepted and later succeeded under one correlation, that of its request."""
    begun = v1.emulator.now()
    request = v1.deploy("support", model).headers["x-ms-correlation-request-id"]
    v1.emulator.pause(CREATE_S)
    v1.arm("PATCH", "/deployments/support", json={"tags": {"a": "b"}})
    v1.arm("DELETE", "/deployments/support")
    v1.emulator.pause(30 + LAG_S)
    events = _events(v1)
    assert _story(events) == [
        *(("write", status, ME) for status in ("Started", "Accepted", "Succeeded")),
        *(("write", status, ME) for status in ("Started", "Succeeded")),
        *(("delete", status, ME) for status in ("Started", "Accepted", "Succeeded")),
    ]
    assert [event["correlationId"] for event in events[-3:]] == [request] * 3
    ages = [(begun.fromisoformat(event["eventTimestamp"]) - begun).total_seconds() for event in reversed(events)]
    assert ages == [0, 0, 240, 240, 240, 240, 240, 270]
    event = events[0]
    assert event["resourceId"].endswith("/deployments/support")
    assert event["operationName"]["value"] == "Microsoft.CognitiveServices/accounts/deployments/delete"
    assert (event["resourceGroupName"], event["subscriptionId"]) == ("emulator", "00000000-0000-0000-0000-000000000000")


def test_what_is_done_at_once(v1: Caller) -> None:
    """A base model's deployment is written and deleted at once; what did nothing is not in the log."""
    v1.deploy("base", **BASE)
    v1.deploy("bad", "gpt-9")
    v1.arm("DELETE", "/deployments/base")
    v1.arm("DELETE", "/deployments/base")
    v1.emulator.pause(LAG_S)
    both = ("Started", "Succeeded")
    assert _story(_events(v1)) == [(verb, status, ME) for verb in ("write", "delete") for status in both]


def test_people(v1: Caller, emulator: Emulator) -> None:
    """What a person does by hand has that person's name."""
    v1.deployed("base", **BASE)
    emulator.edit_deployment("base", capacity=5)
    emulator.delete_deployment("base", by="carol@example.com")
    emulator.pause(LAG_S)
    story = _story(_events(v1))[2:]
    expected = [("write", SOMEBODY), ("delete", "carol@example.com")]
    assert story == [(verb, status, who) for verb, who in expected for status in ("Started", "Succeeded")]


@pytest.mark.parametrize("logged", [False, True])
def test_service_deletions(v1: Caller, emulator: Emulator, model: str, logged: bool) -> None:
    """What the service deletes by itself is in the log only where it is said so."""
    emulator.limits = replace(emulator.limits, log_service_deletions=logged)
    v1.deploy("support", model, sku={"name": "DeveloperTier", "capacity": 1})
    emulator.advance(timedelta(days=2))
    story = _story(_events(v1))[3:]
    service = "Microsoft.CognitiveServices"
    assert story == ([("delete", "Started", service), ("delete", "Succeeded", service)] if logged else [])


def test_log_is_late(v1: Caller) -> None:
    """An event is told when it is as old as the delay, to the second."""
    v1.deploy("base", **BASE)
    v1.emulator.pause(LAG_S - 1)
    assert _events(v1) == []
    v1.emulator.pause(1)
    assert len(_events(v1)) == 2


@pytest.mark.parametrize(("days", "count"), [(89, 2), (91, 0)])
def test_retention(v1: Caller, days: int, count: int) -> None:
    """Events are kept for 90 days; a later one sweeps out the older."""
    v1.deploy("base", **BASE)
    v1.emulator.advance(timedelta(days=days))
    assert len(_events(v1)) == count
    v1.deploy("other", **BASE)
    assert len(v1.emulator._store.rows("SELECT * FROM activity")) == count + 2


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (SINCE, 4),
        ("eventTimestamp ge 2026-11-02T09:00:10Z", 2),
        ("eventTimestamp ge '2026-11-02T09:00:00Z' and eventTimestamp le '2026-11-02T09:00:09.9999999Z'", 2),
        (f"{SINCE} AND resourceUri eq '{{id}}/Deployments/ONE'", 2),
        (f"{SINCE} and resourceUri eq '{{id}}'", 0),
        (f"{SINCE} and resourceGroupName eq 'Emulator'", 4),
        (f"{SINCE} and resourceGroupName eq 'other'", 0),
        (f"{SINCE} and resourceProvider eq 'microsoft.cognitiveservices'", 4),
        (f"{SINCE} and resourceProvider eq 'Microsoft.Compute'", 0),
    ],
)
def test_filter(v1: Caller, where: str, count: int) -> None:
    """Events are asked for by time and by one scope; a deployment's own id is its scope, its account's is not."""
    v1.deploy("one", **BASE)
    v1.emulator.pause(10)
    v1.deploy("two", **BASE)
    v1.emulator.pause(LAG_S)
    assert len(_events(v1, where.format(id=v1.emulator.resource_id(ACCOUNT)))) == count


@pytest.mark.parametrize(
    "where",
    [
        "",
        "resourceProvider eq 'Microsoft.CognitiveServices'",
        f"{SINCE} and resourceProvider eq 'a' and resourceGroupName eq 'b'",
        f"{SINCE} or resourceProvider eq 'a'",
        f"{SINCE} and caller eq 'me'",
        "eventTimestamp eq '2026-11-01T00:00:00Z'",
        "eventTimestamp ge 'yesterday'",
    ],
)
def test_bad_filter(v1: Caller, where: str) -> None:
    """A filter without a beginning, with two scopes, or of another form is refused."""
    response = v1.subscribed(PATH, filter=where)
    assert (response.status_code, (response.json or {})["error"]["code"]) == (400, "BadRequest")


def test_pages(v1: Caller, emulator: Emulator) -> None:
    """A long log comes in pages, newest first, that keep the filter and the selection; a new event moves none."""
    emulator.limits = replace(emulator.limits, log_page=3)
    for number in range(4):
        v1.deploy(f"base-{number}", **BASE)
    emulator.pause(LAG_S)
    v1.deploy("later", **BASE)
    select = "eventTimestamp,resourceId"
    page = v1.subscribed(PATH, filter=SINCE, select=select).json or {}
    seen = [page["value"]]
    emulator.pause(LAG_S)
    while "nextLink" in page:
        page = Client(emulator.app).get(page["nextLink"]).json or {}
        seen.append(page["value"])
    names = [event["resourceId"].rsplit("/", 1)[1] for events in seen for event in events]
    assert [len(events) for events in seen] == [3, 3, 2]
    assert names == [f"base-{number}" for number in (3, 3, 2, 2, 1, 1, 0, 0)]
    assert set(seen[0][0]) == {"eventTimestamp", "resourceId"}
    bad = v1.subscribed(PATH, filter=SINCE, **{"$skiptoken": "next"})
    assert bad.status_code == 400


def test_other_subscriptions(v1: Caller, emulator: Emulator) -> None:
    """Another subscription's log is empty."""
    v1.deploy("base", **BASE)
    emulator.pause(LAG_S)
    url = f"{emulator.arm_endpoint}/subscriptions/11111111-0000-0000-0000-000000000000{PATH}"
    query = {"api-version": "2015-04-01", "$filter": SINCE}
    assert Client(emulator.app).get(url, query_string=query).json == {"value": []}

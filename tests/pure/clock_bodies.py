"""Bodies of Azure Monitor and the Activity Log as the service writes them, for the tests of the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ftops.errors import ServiceProblem, WireError
from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.base import Answers
from ftops.model import Address, LiveState, Object
from ftops.rules import load_rules

from .builders import EAST, NOW, live

NO_RIGHT = ServiceProblem(403, "AuthorizationFailed", "no right to read this")
UNKNOWN_METRIC = ServiceProblem(400, "BadRequest", "no such metric")
KIND = KINDS_BY_WORD["deployment"]


def metric(calls: Mapping[str, Sequence[datetime]]) -> list[dict[str, object]]:
    """Return a metric's listing: by deployment, the beginnings of the intervals in which it was called."""
    series = [
        {
            "metadatavalues": [{"name": {"value": "modeldeploymentname"}, "value": name}],
            "data": [{"timeStamp": (min(at) - timedelta(days=1)).isoformat()}]
            + [{"timeStamp": each.isoformat(), "total": 3.0} for each in at],
        }
        for name, at in calls.items()
    ]
    return [{"name": {"value": "AzureOpenAIRequests"}, "timeseries": series}]


def event(word: str, at: datetime, *, status: str = "Succeeded", caller: str = "ann@example.com") -> dict[str, object]:
    """Return one event of the log about a deployment: its write or its delete."""
    operation = {"value": f"Microsoft.CognitiveServices/accounts/deployments/{word}"}
    return {
        "eventTimestamp": at.isoformat(),
        "operationName": operation,
        "status": {"value": status},
        "caller": caller,
    }


def answered(
    found: Sequence[Object], absent: Sequence[str], told: Mapping[str, object], now: datetime = NOW
) -> Answers:
    """Return what came of every inquiry: `told` by the beginning of its name, nothing else."""
    answers: dict[str, list[dict[str, object]] | WireError] = {}
    for name in KIND.inquiries(found, absent, now, load_rules()):
        key = next((key for key in told if name.startswith(key)), None)
        answer = told[key] if key is not None else ([] if name.startswith("log:") else metric({}))
        assert isinstance(answer, list | WireError)
        answers[name] = answer
    return answers


def seen(found: Sequence[Object], absent: Sequence[str], told: Mapping[str, object], now: datetime = NOW) -> LiveState:
    """Return a live state of deployments whose use and past were asked for."""
    informed = KIND.informed(found, answered(found, absent, told, now), now, load_rules())
    pasts = {(Address("deployment", name), EAST): past for name, past in informed.pasts.items()}
    unseen = {EAST: informed.unseen} if informed.unseen else {}
    return live(*informed.objects, now=now, pasts=pasts, unseen=unseen)


def created(found: Object, at: datetime) -> Object:
    """Return a deployment that was made at another moment."""
    return replace(found, created_at=at)

"""The table of counted calls: one row for equal calls of one moment, kept for as long as the service keeps metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftops.emulator.deployment_life import MINUTE_S, minute_of
from ftops.emulator.store import Store

RETENTION_S = 93 * 86_400
STREAMED = "+stream"
"""What the stored operation of a streamed call ends with; a column would not be there in older files."""
_ADD = """
INSERT INTO calls
    (account, at, deployment, shown, model, version, api, operation, status, count, prompt, generated)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account, at, deployment, model, version, api, operation, status) DO UPDATE SET
    count = count + excluded.count, prompt = prompt + excluded.prompt, generated = generated + excluded.generated
"""


@dataclass(frozen=True, slots=True)
class Call:
    """Equal calls of one moment; `shown` is the deployment's name as it was first spelled."""

    at: float
    deployment: str
    model: str
    version: str
    api: str
    operation: str
    status: int
    count: int
    prompt: int
    generated: int

    @property
    def minute(self) -> int:
        """The beginning of the minute in which it was made, which is all that metrics tell."""
        return minute_of(self.at)

    def dimensions(self, region: str) -> Mapping[str, str]:
        """Return what the service's metrics can be split by."""
        return {
            "ApiName": self.api,
            "OperationName": self.operation.removesuffix(STREAMED),
            "Region": region,
            "StreamType": "Streaming" if self.operation.endswith(STREAMED) else "Non-Streaming",
            "ModelDeploymentName": self.deployment,
            "ModelName": self.model,
            "ModelVersion": self.version,
            "StatusCode": str(self.status),
            "IsSpillover": "False",
            "ServiceTierRequest": "default",
            "ServiceTierResponse": "default",
        }


def count(store: Store, account: str, call: Call) -> None:
    """Count a call, and forget those that are too old for any metric."""
    store.rows("DELETE FROM calls WHERE at <= ?", call.at - RETENTION_S)
    key = call.deployment.lower()
    known = store.rows(
        "SELECT shown FROM calls WHERE account = ? AND deployment = ? ORDER BY at LIMIT 1",
        *(account, key),
    )
    shown = known[0][0] if known else call.deployment
    what = (key, shown, call.model, call.version, call.api, call.operation, call.status)
    store.rows(
        _ADD,
        *(account, call.at, *what, call.count, call.prompt, call.generated),
    )


def between(store: Store, account: str, after: float, until: float) -> list[Call]:
    """Return the account's calls later than `after` and not later than `until`, oldest first."""
    found = store.rows(
        "SELECT at, shown, model, version, api, operation, status, count, prompt, generated FROM calls "
        "WHERE account = ? AND at > ? AND at <= ? ORDER BY at",
        *(account, after, until),
    )
    return [Call(*row) for row in found]


def used_in_minute(store: Store, account: str, deployment: str, moment: float) -> tuple[int, int]:
    """Return how many calls and tokens a deployment has had in the minute of a moment."""
    begin = minute_of(moment)
    found = store.rows(
        "SELECT COALESCE(SUM(count), 0), COALESCE(SUM(prompt + generated), 0) FROM calls "
        "WHERE account = ? AND deployment = ? AND at >= ? AND at < ?",
        *(account, deployment.lower(), begin, begin + MINUTE_S),
    )
    return int(found[0][0]), int(found[0][1])

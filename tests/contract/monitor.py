"""Azure Monitor's clients of one account, and what their answers come to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from arm import ClockedTransport
from azure.core.credentials import TokenCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.models import Metric, TimeSeriesElement
from azure.monitor.querymetrics import MetricsClient
from clients import credential
from service import Account, Service
from trouble import now

EACH = "ModelDeploymentName eq '*'"
REQUESTS = "AzureOpenAIRequests"
LAG_S = 180
"""How long the emulator keeps a call from the metrics."""


def monitor_client(
    service: Service, account: Account, signed_in: TokenCredential | None = None
) -> MonitorManagementClient:
    """Return the management SDK of Azure Monitor."""
    return MonitorManagementClient(
        signed_in or credential(service),
        account.subscription,
        base_url=service.https,
        transport=ClockedTransport(service),
        retry_total=0,
    )


def metrics_client(service: Service, **more: str) -> MetricsClient:
    """Return the client that asks for the metrics of several resources at once, at a door of its own."""
    transport = ClockedTransport(service)
    return MetricsClient(service.https, credential(service), transport=transport, retry_total=0, **more)


def last_hour(service: Service, hours: int = 1) -> str:
    """Return the span of the service's last hour, or of more."""
    end = now(service)
    return f"{end - timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}"


def queried(service: Service, account: Account, names: str = REQUESTS, **more: str | int) -> list[Metric]:
    """Return the metrics of an account for its last hour, as one point, by deployment if nothing else is said."""
    asked: dict[str, Any] = {
        "filter": EACH,
        "interval": "FULL",
        "aggregation": "Total",
        "timespan": last_hour(service),
        **more,
    }
    return monitor_client(service, account).metrics.list(account.resource_id, metricnames=names, **asked).value


def label(series: TimeSeriesElement) -> tuple[str, ...]:
    """Return the values of a series' dimensions."""
    return tuple(str(each.value) for each in series.metadatavalues or [])


def totals(metric: Metric) -> dict[tuple[str, ...], float | None]:
    """Return the total of the only point of each series, by the values of its dimensions."""
    return {label(each): each.data[0].total for each in metric.timeseries or [] if each.data}

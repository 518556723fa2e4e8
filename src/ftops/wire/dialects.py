"""Where an account is reached: plane × surface to URL prefix and API version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftops.call import Call, Plane

V1_PREFIX = "/openai/v1"
ARM_VERSION = "2025-06-01"
"""The first stable version with deployment tags and spillover (azure-api.md §2.3)."""
PROVIDER_VERSIONS = {
    "/providers/Microsoft.Insights/eventtypes/": "2015-04-01",
    "/providers/Microsoft.Insights/metrics": "2024-02-01",
}
"""The versions of other providers' operations, by the beginning of their path (azure-api.md §12)."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """An account's two doors: the data plane's host, and ARM's host with the account's resource id."""

    data: str
    arm: str
    resource_id: str


def locate(call: Call, endpoints: Endpoints) -> tuple[str, Mapping[str, str]]:
    """Return the URL and the query of a call."""
    if call.plane is Plane.DATA:
        return f"{endpoints.data}{V1_PREFIX}{call.path}", call.query
    root = endpoints.resource_id if call.plane is Plane.ARM else "/".join(endpoints.resource_id.split("/")[:3])
    version = next((v for prefix, v in PROVIDER_VERSIONS.items() if call.path.startswith(prefix)), ARM_VERSION)
    query = {name: value.replace("{account}", endpoints.resource_id) for name, value in call.query.items()}
    return f"{endpoints.arm}{root}{call.path}", {"api-version": version, **query}

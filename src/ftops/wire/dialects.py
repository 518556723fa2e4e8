"""Where an account is reached: plane × surface to URL prefix and API version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftops.call import Call, Plane

V1_PREFIX = "/openai/v1"
ARM_VERSION = "2025-06-01"
"""The first stable version with deployment tags and spillover (azure-api.md §2.3)."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """An account's two doors: the data plane's host, and ARM's host with the account's resource id."""

    data: str
    arm: str
    resource_id: str


def locate(call: Call, endpoints: Endpoints) -> tuple[str, Mapping[str, str]]:
    """Return the URL and the query of a call."""
    if call.plane is Plane.ARM:
        return f"{endpoints.arm}{endpoints.resource_id}{call.path}", {"api-version": ARM_VERSION, **call.query}
    return f"{endpoints.data}{V1_PREFIX}{call.path}", call.query

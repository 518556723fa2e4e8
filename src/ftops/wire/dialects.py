"""Where an account is reached: operation × surface to URL prefix and API version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ftops.call import Call, Plane

CLASSIC_VERSION = "2025-04-01-preview"
"""The last classic version, with uploads, import, pause and resume (azure-api.md §2.1 and §6.1)."""
ARM_VERSION = "2025-06-01"
"""The first stable version with deployment tags and spillover (azure-api.md §2.3)."""
PROVIDER_VERSIONS = {
    "/providers/Microsoft.Insights/eventtypes/": "2015-04-01",
    "/providers/Microsoft.Insights/metrics": "2024-02-01",
    "/providers/Microsoft.Authorization/permissions": "2022-04-01",
}
"""The versions of other providers' operations, by the beginning of their path (azure-api.md §12)."""
PROJECT_MARK = "/api/projects/"
CLASSIC_HOSTS = (".services.ai.azure.", ".openai.azure.")
"""The classic surface is documented for the second host only; an account has both, under one name."""


class Surface(StrEnum):
    """The fronts of the data plane (azure-api.md §2.1)."""

    V1 = "v1"
    CLASSIC = "classic"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Gap:
    """Operations that not every surface has: `have` are those that do, the first of them is used instead."""

    method: str
    path: re.Pattern[str]
    have: tuple[Surface, ...]


GAPS = (
    Gap("DELETE", re.compile(r"/fine_tuning/jobs/[^/]+"), (Surface.CLASSIC,)),
    Gap("POST", re.compile(r"/files/import"), (Surface.CLASSIC,)),
    Gap("", re.compile(r"/uploads(/.*)?"), (Surface.CLASSIC,)),
    Gap("", re.compile(r"/fine_tuning/jobs/[^/]+/checkpoints/[^/]+/copy"), (Surface.V1,)),
    Gap("POST", re.compile(r"/(chat/completions|responses)"), (Surface.V1, Surface.PROJECT)),
)
"""From azure-api.md §5, §6.1, §7.4 and §13. A gap without a method is one for all of them."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """An account's doors: the data plane's root, and ARM's with the account's resource id, empty when unknown.

    `data` is as the spec gives it: with a path before the surface's own where there is one, and with
    `/api/projects/NAME` at its end for the project surface.
    """

    data: str
    arm: str
    resource_id: str
    surface: Surface = Surface.V1

    @property
    def account_root(self) -> str:
        """Return the data plane's root of the account, without a project."""
        return self.data.partition(PROJECT_MARK)[0]


def surface_of(call: Call, preferred: Surface) -> Surface:
    """Return the surface that a call goes to: the preferred one, unless it lacks the operation."""
    for gap in GAPS:
        if gap.method in {"", call.method} and gap.path.fullmatch(call.path) and preferred not in gap.have:
            return gap.have[0]
    return preferred


def locate(call: Call, endpoints: Endpoints) -> tuple[str, Mapping[str, str]]:
    """Return the URL and the query of a call."""
    if call.plane is Plane.DATA:
        root, version = data_root(surface_of(call, endpoints.surface), endpoints)
        return f"{root}{call.path}", {**version, **call.query}
    root = endpoints.resource_id if call.plane is Plane.ARM else "/".join(endpoints.resource_id.split("/")[:3])
    known = {prefix.lower(): version for prefix, version in PROVIDER_VERSIONS.items()}
    version_text = next((v for prefix, v in known.items() if call.path.lower().startswith(prefix)), ARM_VERSION)
    query = {name: value.replace("{account}", endpoints.resource_id) for name, value in call.query.items()}
    return f"{endpoints.arm}{root}{call.path}", {"api-version": version_text, **query}


def data_root(surface: Surface, endpoints: Endpoints) -> tuple[str, Mapping[str, str]]:
    """Return the root of a surface and what its every query holds."""
    if surface is Surface.CLASSIC:
        root = endpoints.account_root.replace(*CLASSIC_HOSTS, 1)
        return f"{root}/openai", {"api-version": CLASSIC_VERSION}
    root = endpoints.data if surface is Surface.PROJECT else endpoints.account_root
    return f"{root}/openai/v1", {}

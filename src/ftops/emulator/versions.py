"""The API versions that the service has, by the door they are sent to, and since when each has what.

A version is compared as text: a date, and `-preview` after the stable version of the same day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ftops.emulator.messages import ServiceError

V1 = frozenset({"", "v1", "preview"})
"""What may be sent to v1 (azure-api.md §2.1)."""
CLASSIC = (
    "2024-02-01",
    "2024-06-01",
    "2024-10-21",
    "2024-12-01-preview",
    "2025-01-01-preview",
    "2025-02-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
)
"""Those that azure-api.md names (§2.1, §4.3, §6.6) and their published neighbours, not all that there ever were."""
PROJECT = ("2025-11-15-preview",)
"""The one dated version that was seen on a project's front (§2.1)."""
ARM = (
    "2023-05-01",
    "2024-10-01",
    "2025-06-01",
    "2025-09-01",
    "2025-10-01-preview",
    "2025-12-01",
    "2026-03-01",
    "2026-05-01",
    "2026-05-15-preview",
    "2026-07-01-preview",
    "2026-09-15-preview",
)
"""Versions of Microsoft.CognitiveServices on ARM (§2.3)."""
PERMISSIONS = ("2015-07-01", "2018-07-01", "2022-04-01")
"""Versions of Microsoft.Authorization as far as permissions go; nobody recorded them."""
METRICS = ("2018-01-01", "2019-07-01", "2021-05-01", "2023-10-01", "2024-02-01")
ACTIVITY = ("2014-04-01", "2015-04-01")
BATCH = ("2023-05-01-preview", "2023-10-01", "2024-02-01")
"""Versions of Azure Monitor: its metrics, its Activity Log, and the metrics of several resources at once (§12)."""

METHOD_SINCE = "2025-03-01-preview"
"""Before it a job's method is echoed as its type alone (§6.6)."""
TAGS_SINCE = "2024-10-01"
_SPILLOVER_SINCE, _TIER_SINCE = "2025-06-01", "2025-12-01"
_PAUSE_SINCE = "2025-12-01"
_PAUSE_ALSO = frozenset({"2025-10-01-preview"})
_SINCE: Mapping[str, str] = {"spilloverDeploymentName": _SPILLOVER_SINCE, "serviceTier": _TIER_SINCE}
"""Since when a deployment has a property (§10.1)."""


@dataclass(frozen=True, slots=True)
class _Provider:
    """The versions of one kind of path on ARM; the type is what a refusal calls it."""

    path: re.Pattern[str]
    type: str
    versions: tuple[str, ...]


def _provider(path: str, kind: str, versions: tuple[str, ...]) -> _Provider:
    return _Provider(re.compile(path, re.IGNORECASE), kind, versions)


_PROVIDERS = (
    _provider(r"/metrics:getBatch$", "metrics:getBatch", BATCH),
    _provider(r"/providers/Microsoft\.Insights/eventtypes/", "eventtypes", ACTIVITY),
    _provider(r"/providers/Microsoft\.Insights/", "metrics", METRICS),
    _provider(r"/providers/Microsoft\.Authorization/permissions", "permissions", PERMISSIONS),
    _provider(r"/providers/Microsoft\.CognitiveServices/locations/", "locations", ARM),
    _provider(r"/providers/Microsoft\.CognitiveServices/modelCapacities", "modelCapacities", ARM),
    _provider(r"/accounts/[^/]+/deployments", "accounts/deployments", ARM),
    _provider(r"/providers/Microsoft\.CognitiveServices/accounts", "accounts", ARM),
)


def check_arm(path: str, version: str) -> None:
    """Refuse a version that the provider of an ARM path does not have, as a data-plane version is none.

    Raises: ServiceError (400). The code and the wording are ARM's for an unknown version; for this provider nobody
    recorded them.
    """
    if not version:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        raise ServiceError(400, "MissingApiVersionParameter", text)
    for provider in _PROVIDERS:
        if provider.path.search(path):
            if version.lower() not in provider.versions:
                raise ServiceError(400, "NoRegisteredProviderFound", _unknown(provider, version))
            return


def is_stable(version: str) -> bool:
    """Tell whether a classic version is a GA one, which lacks what only the previews have."""
    return not version.endswith("-preview")


def echoes_method(version: str) -> bool:
    """Tell whether jobs are shown with their whole method; v1 has no date and always does."""
    return version in V1 or version >= METHOD_SINCE


def has_tags(version: str) -> bool:
    """Tell whether deployments have tags, and so PATCH (§10.3)."""
    return version >= TAGS_SINCE


def has_pause(version: str) -> bool:
    """Tell whether deployments can be paused, and say so in `deploymentState` (§10, §10.1)."""
    return version >= _PAUSE_SINCE or version in _PAUSE_ALSO


def unknown_properties(version: str) -> frozenset[str]:
    """Return the properties of deployments that a version can neither set nor show."""
    found = {name for name, since in _SINCE.items() if version < since}
    return frozenset(found if has_pause(version) else {*found, "deploymentState"})


def _unknown(provider: _Provider, version: str) -> str:
    return (
        f"No registered resource provider found for API version '{version}' for type '{provider.type}'. "
        f"The supported api-versions are '{', '.join(provider.versions)}'."
    )

"""Where each operation goes, by surface and plane: URL, API version, and what a surface lacks."""

from __future__ import annotations

import pytest

from ftops.call import Call, Plane
from ftops.wire.dialects import ARM_VERSION, CLASSIC_VERSION, Endpoints, Surface, locate, surface_of

ID = "/subscriptions/0001/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/aoai"
ACCOUNT = "https://aoai.openai.azure.com"
FOUNDRY = "https://aoai.services.ai.azure.com"
PROJECT = f"{FOUNDRY}/api/projects/ml"
V1, CLASSIC, IN_PROJECT = Surface.V1, Surface.CLASSIC, Surface.PROJECT
COMMON = [
    ("GET", "/files"),
    ("POST", "/files"),
    ("GET", "/files/file-1"),
    ("GET", "/files/file-1/content"),
    ("DELETE", "/files/file-1"),
    ("GET", "/fine_tuning/jobs"),
    ("POST", "/fine_tuning/jobs"),
    ("GET", "/fine_tuning/jobs/ftjob-1"),
    ("POST", "/fine_tuning/jobs/ftjob-1/cancel"),
    ("POST", "/fine_tuning/jobs/ftjob-1/pause"),
    ("POST", "/fine_tuning/jobs/ftjob-1/resume"),
    ("GET", "/fine_tuning/jobs/ftjob-1/events"),
    ("GET", "/fine_tuning/jobs/ftjob-1/checkpoints"),
    ("GET", "/models"),
]
CLASSIC_ONLY = [
    ("DELETE", "/fine_tuning/jobs/ftjob-1"),
    ("POST", "/files/import"),
    ("POST", "/uploads"),
    ("POST", "/uploads/u-1/parts"),
    ("POST", "/uploads/u-1/complete"),
    ("POST", "/uploads/u-1/cancel"),
]
COPY = "/fine_tuning/jobs/ftjob-1/checkpoints/ftchkpt-1/copy"
V1_FIRST = [
    ("POST", "/chat/completions", {V1: V1, CLASSIC: V1, IN_PROJECT: IN_PROJECT}),
    ("POST", "/responses", {V1: V1, CLASSIC: V1, IN_PROJECT: IN_PROJECT}),
    ("POST", COPY, dict.fromkeys(Surface, V1)),
    ("GET", COPY, dict.fromkeys(Surface, V1)),
]


@pytest.mark.parametrize(("method", "path"), COMMON)
@pytest.mark.parametrize("surface", Surface)
def test_what_every_surface_has(method: str, path: str, surface: Surface) -> None:
    """The preferred surface is used where it has the operation."""
    assert surface_of(Call(Plane.DATA, method, path), surface) is surface


@pytest.mark.parametrize(("method", "path"), CLASSIC_ONLY)
@pytest.mark.parametrize("surface", Surface)
def test_what_only_classic_has(method: str, path: str, surface: Surface) -> None:
    """Deleting a job's record, imports and multi-part uploads go to classic, whatever is preferred."""
    assert surface_of(Call(Plane.DATA, method, path), surface) is CLASSIC


@pytest.mark.parametrize(("method", "path", "used"), V1_FIRST)
def test_what_classic_lacks(method: str, path: str, used: dict[Surface, Surface]) -> None:
    """Calls that name the deployment in the body, and copies of checkpoints, go to a surface that has them."""
    assert {surface: surface_of(Call(Plane.DATA, method, path), surface) for surface in Surface} == used


@pytest.mark.parametrize(
    ("data", "surface", "method", "path", "url"),
    [
        (ACCOUNT, V1, "GET", "/files", f"{ACCOUNT}/openai/v1/files"),
        (ACCOUNT, CLASSIC, "GET", "/files", f"{ACCOUNT}/openai/files"),
        (ACCOUNT, V1, "DELETE", "/fine_tuning/jobs/j", f"{ACCOUNT}/openai/fine_tuning/jobs/j"),
        (PROJECT, IN_PROJECT, "GET", "/files", f"{PROJECT}/openai/v1/files"),
        (PROJECT, V1, "GET", "/files", f"{FOUNDRY}/openai/v1/files"),
        (PROJECT, IN_PROJECT, "POST", "/uploads", f"{ACCOUNT}/openai/uploads"),
        (FOUNDRY, CLASSIC, "GET", "/files", f"{ACCOUNT}/openai/files"),
        ("https://127.0.0.1:8443/east", V1, "GET", "/files", "https://127.0.0.1:8443/east/openai/v1/files"),
        ("https://127.0.0.1/east", CLASSIC, "GET", "/files", "https://127.0.0.1/east/openai/files"),
        (
            "https://127.0.0.1/east/api/projects/ml",
            IN_PROJECT,
            "POST",
            "/uploads",
            "https://127.0.0.1/east/openai/uploads",
        ),
    ],
)
def test_urls_of_the_data_plane(data: str, surface: Surface, method: str, path: str, url: str) -> None:
    """Each surface has its prefix; classic has its host and always its version, v1 has none."""
    found, query = locate(Call(Plane.DATA, method, path, {"limit": "1"}), Endpoints(data, "", "", surface))
    assert found == url
    version = {} if "/openai/v1/" in url else {"api-version": CLASSIC_VERSION}
    assert query == {**version, "limit": "1"}


@pytest.mark.parametrize(
    ("plane", "path", "below", "version"),
    [
        (Plane.ARM, "", ID, ARM_VERSION),
        (Plane.ARM, "/deployments/prod", ID, ARM_VERSION),
        (Plane.ARM, "/providers/Microsoft.Insights/metrics", ID, "2024-02-01"),
        (Plane.ARM, "/providers/Microsoft.Authorization/permissions", ID, "2022-04-01"),
        (
            Plane.SUBSCRIPTION,
            "/providers/Microsoft.Insights/eventtypes/management/values",
            "/subscriptions/0001",
            "2015-04-01",
        ),
        (
            Plane.SUBSCRIPTION,
            "/providers/microsoft.insights/eventtypes/management/values",
            "/subscriptions/0001",
            "2015-04-01",
        ),
        (
            Plane.SUBSCRIPTION,
            "/providers/Microsoft.CognitiveServices/locations/eastus2/usages",
            "/subscriptions/0001",
            ARM_VERSION,
        ),
    ],
)
def test_urls_of_arm(plane: Plane, path: str, below: str, version: str) -> None:
    """ARM's calls stand below the account or its subscription, each provider with its own version."""
    endpoints = Endpoints(ACCOUNT, "https://management.azure.com", ID)
    assert locate(Call(plane, "GET", path), endpoints) == (
        f"https://management.azure.com{below}{path}",
        {"api-version": version},
    )

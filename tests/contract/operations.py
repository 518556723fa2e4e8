"""The contract stated a second time, as a table: operation × surface, the status, and the SDK call that exercises it.

The first statement is the emulator's own table of routes; a test holds the two against each other, and `coverage.py`
holds this one against what the server answered to whom.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Surface(StrEnum):
    """A front of the service, by the beginning of its paths."""

    V1 = "v1"
    CLASSIC = "classic"
    PROJECT = "project"
    PROJECT_V1 = "project v1"
    ARM = "ARM"
    LOGIN = "login"


ROOTS: dict[Surface, str] = {
    Surface.V1: r"(/[^/]+)?/openai/v1/",
    Surface.CLASSIC: r"(/[^/]+)?/openai/(?!v1/)",
    Surface.PROJECT: r"(/[^/]+)?/api/projects/[^/]+/openai/(?!v1/)",
    Surface.PROJECT_V1: r"(/[^/]+)?/api/projects/[^/]+/openai/v1/",
    Surface.ARM: "",
    Surface.LOGIN: "",
}


@dataclass(frozen=True, slots=True)
class Exercise:
    """One operation on one surface: what it answers when all is well, and which call of which SDK makes it do so."""

    surface: Surface
    status: int
    call: str

    @property
    def agent(self) -> str:
        """The beginning of the client's own name in the log, by the first word of the call."""
        return AGENTS[self.call.split(".", 1)[0]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: `path` is below the surface's root on the data plane and whole elsewhere, `{…}` is a name."""

    method: str
    path: str
    exercises: tuple[Exercise, ...]

    def pattern(self, surface: Surface) -> re.Pattern[str]:
        """Return what the paths of this operation look like on a surface."""
        names = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(self.path))
        return re.compile(ROOTS[surface] + names, re.IGNORECASE)


AGENTS = {
    "OpenAI": "OpenAI/Python",
    "AzureOpenAI": "AzureOpenAI/Python",
    "AIProjectClient": "AIProjectClient",
    "CognitiveServicesManagementClient": "azsdk-python-mgmt-cognitiveservices",
    "MonitorManagementClient": "azsdk-python-mgmt-monitor",
    "MetricsClient": "azsdk-python-monitor-querymetrics",
    "ClientSecretCredential": "azsdk-python-identity",
    "ManagedIdentityCredential": "azsdk-python-identity",
    "WorkloadIdentityCredential": "azsdk-python-identity",
}
"""How each client names itself (its User-Agent), by the class that the calls in the table begin with."""

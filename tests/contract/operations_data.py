"""The data plane's operations: files, uploads, jobs, models, inference."""

from __future__ import annotations

from operations import Exercise, Operation, Surface

V1, CLASSIC, PROJECT, PROJECT_V1 = Surface.V1, Surface.CLASSIC, Surface.PROJECT, Surface.PROJECT_V1


def _everywhere(method: str, path: str, status: int, call: str) -> Operation:
    """Return an operation that is on every surface and is called alike on all."""
    return Operation(
        method,
        path,
        (
            Exercise(V1, status, f"OpenAI.{call}"),
            Exercise(CLASSIC, status, f"AzureOpenAI.{call}"),
            Exercise(PROJECT, status, f"AzureOpenAI.{call}"),
            Exercise(PROJECT_V1, status, f"AIProjectClient.{call}"),
        ),
    )


DATA_OPERATIONS = (
    _everywhere("POST", "files", 201, "files.create"),
    _everywhere("GET", "files", 200, "files.list"),
)

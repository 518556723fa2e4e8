"""The data plane's operations: files, uploads, jobs, checkpoints, graders, models, inference."""

from __future__ import annotations

from operations import Exercise, Operation, Surface

V1, CLASSIC, PROJECT, PROJECT_V1 = Surface.V1, Surface.CLASSIC, Surface.PROJECT, Surface.PROJECT_V1
_CLIENTS = {V1: "OpenAI", CLASSIC: "AzureOpenAI", PROJECT: "AzureOpenAI", PROJECT_V1: "AIProjectClient"}
"""Whose client exercises a surface."""


def _on(surfaces: tuple[Surface, ...], method: str, path: str, status: int, call: str) -> Operation:
    """Return an operation that some surfaces have, which is called alike on all of them."""
    return Operation(method, path, tuple(Exercise(each, status, f"{_CLIENTS[each]}.{call}") for each in surfaces))


def _everywhere(method: str, path: str, status: int, call: str) -> Operation:
    """Return an operation that is on every surface."""
    return _on((V1, CLASSIC, PROJECT, PROJECT_V1), method, path, status, call)


JOBS = "fine_tuning/jobs"
JOB = f"{JOBS}/{{job}}"
COPY = f"{JOB}/checkpoints/{{checkpoint}}/copy"
GRADERS = "fine_tuning/alpha/graders"

DATA_OPERATIONS = (
    _everywhere("POST", "files", 201, "files.create"),
    _everywhere("GET", "files", 200, "files.list"),
    _everywhere("GET", "files/{file}", 200, "files.retrieve"),
    _everywhere("GET", "files/{file}/content", 200, "files.content"),
    _everywhere("DELETE", "files/{file}", 200, "files.delete"),
    _on((CLASSIC, PROJECT), "POST", "files/import", 201, 'post("/files/import")'),
    _on((CLASSIC,), "POST", "uploads", 200, "uploads.create"),
    _on((CLASSIC,), "POST", "uploads/{upload}/parts", 200, "uploads.parts.create"),
    _on((CLASSIC,), "POST", "uploads/{upload}/complete", 200, "uploads.complete"),
    _on((CLASSIC,), "POST", "uploads/{upload}/cancel", 200, "uploads.cancel"),
    _everywhere("POST", JOBS, 201, "fine_tuning.jobs.create"),
    _everywhere("GET", JOBS, 200, "fine_tuning.jobs.list"),
    _everywhere("GET", JOB, 200, "fine_tuning.jobs.retrieve"),
    _on((CLASSIC, PROJECT), "DELETE", JOB, 204, f'delete("/{JOB}")'),
    _everywhere("POST", f"{JOB}/cancel", 200, "fine_tuning.jobs.cancel"),
    _everywhere("POST", f"{JOB}/pause", 200, "fine_tuning.jobs.pause"),
    _everywhere("POST", f"{JOB}/resume", 200, "fine_tuning.jobs.resume"),
    _everywhere("GET", f"{JOB}/events", 200, "fine_tuning.jobs.list_events"),
    _everywhere("GET", f"{JOB}/checkpoints", 200, "fine_tuning.jobs.checkpoints.list"),
    _on((V1, PROJECT_V1), "POST", COPY, 200, f'post("/{COPY}")'),
    _on((V1, PROJECT_V1), "GET", COPY, 200, f'get("/{COPY}")'),
    _everywhere("POST", f"{GRADERS}/validate", 200, "fine_tuning.alpha.graders.validate"),
    _everywhere("POST", f"{GRADERS}/run", 200, "fine_tuning.alpha.graders.run"),
    _everywhere("GET", "models", 200, "models.list"),
    _everywhere("GET", "models/{model}", 200, "models.retrieve"),
    _on((V1, PROJECT_V1), "POST", "chat/completions", 200, "chat.completions.create"),
    _on((CLASSIC, PROJECT), "POST", "deployments/{name}/chat/completions", 200, "chat.completions.create"),
    _everywhere("POST", "responses", 200, "responses.create"),
)

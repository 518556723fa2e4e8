"""What the service tells about jobs and their models, read into objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache

from ftops.digest import MARKER_LENGTH, marker_in
from ftops.kinds.base import Item
from ftops.kinds.bodies import Body, moment
from ftops.kinds.job_pause import stalled
from ftops.kinds.job_spec import HYPERPARAMETERS
from ftops.model import Object, Observed, Phase, Pointer
from ftops.redaction import redact
from ftops.rules import load_rules
from ftops.rules.troubles import trouble_of_state
from ftops.trouble import Trouble

AUTO = -1
"""What the service echoes for a hyperparameter that it has not chosen yet."""

_STEP = re.compile(r"^Step (\d+):")
_CHECKPOINT = re.compile(r":ckpt-step-(\d+)$")
_FINE_TUNED = re.compile(r"^(?P<base>.+)\.ft-(?P<job>[0-9a-f]{32})(?:-(?P<suffix>.+))?$")

FAILED = "failed"
QUEUED = frozenset({"pending", "queued"})
"""States in which a job waits for its turn, and may for long."""
_PHASES = {
    **dict.fromkeys(("pending", "queued", "validating_files", "created", "notRunning"), Phase.QUEUED),
    "running": Phase.RUNNING,
    "pausing": Phase.RUNNING,
    "paused": Phase.RUNNING,
    "resuming": Phase.RUNNING,
    "succeeded": Phase.READY,
    FAILED: Phase.FAILED,
    "cancelled": Phase.CANCELLED,
    "canceled": Phase.CANCELLED,
}
"""Only these queued words are known to cost nothing; a word that the service adds counts as running."""


class Failure(Body):
    """Why a job failed, in the service's words."""

    code: str | None = None
    message: str | None = None


class MethodBody(Body):
    """The method as echoed; its hyperparameters sit under its own name."""

    type: str = ""
    supervised: Mapping[str, object] | None = None
    dpo: Mapping[str, object] | None = None
    reinforcement: Mapping[str, object] | None = None


class JobBody(Body):
    """A job as the service describes it; everything optional is absent or null."""

    id: str
    status: str
    created_at: int
    model: str = ""
    training_file: str | None = None
    validation_file: str | None = None
    hyperparameters: Mapping[str, object] | None = None
    method: MethodBody | None = None
    suffix: str | None = None
    user_provided_suffix: str | None = None
    seed: int | None = None
    trainingType: str | int | None = None
    fine_tuned_model: str | None = None
    finished_at: int | None = None
    trained_tokens: int | None = None
    error: Failure | None = None
    result_files: Sequence[str] | None = None


@cache
def _no_method() -> MethodBody:
    return MethodBody()


def model_pointer(name: str) -> Pointer | None:
    """Return what a fine-tuned model's or checkpoint's name points to, or None for a base model."""
    if ".ft-" not in name:
        return None
    step = _CHECKPOINT.search(name)
    return Pointer("job", name, marker_in(name), f"step-{step[1]}" if step else "last")


def observe(item: Item, account: str) -> Object:
    """Return the job that a body describes."""
    body = JobBody.model_validate(item)
    code, message = (body.error.code or "", body.error.message or "") if body.error is not None else ("", "")
    suffix = body.suffix or body.user_provided_suffix or ""
    marker = marker_in(suffix or body.fine_tuned_model or "")
    fields, phase = _observed_fields(body), _PHASES.get(body.status, Phase.RUNNING)
    # A resumed job waits as `pending` once more, and its results are begun when it first trains: it has been billed.
    begun = phase is Phase.QUEUED and body.result_files
    trouble = None if begun else _trouble(body.status, code, message)
    return Object(
        kind="job",
        account=account,
        id=body.id,
        phase=Phase.RUNNING if begun else phase,
        state=body.status,
        marker=marker,
        label=_label(suffix) if marker else "",
        fields=fields,
        outputs={"last": body.fine_tuned_model} if body.fine_tuned_model else {},
        created_at=moment(body.created_at),
        finished_at=moment(body.finished_at) if body.finished_at else None,
        problem=redact(": ".join(part for part in (code, message) if part)),
        stalled=stalled(body.id, body.status, str(fields.get("trainingType", "")), str(fields.get("method", ""))),
        unread=("grader", "response_format"),  # The echo reorders members and adds defaults (azure-api.md §8).
        trouble=trouble,
        transient=trouble is not None and trouble.passes and body.status == FAILED,
    )


def _trouble(status: str, code: str, message: str) -> Trouble | None:
    """Return what is known of a failed job's error, or of a state in which a job may stay.

    Jobs that are well may have an `error` too, with or without members: it says nothing (service-rules.md §12).
    """
    if status == FAILED:
        return trouble_of_state("job", code, message)
    return trouble_of_state("job", status, "") if status in QUEUED else None


def _observed_fields(body: JobBody) -> dict[str, Observed]:
    """Return the echoed inputs by the names that specs give them; what is not echoed is absent.

    A dpo job echoes its settings under its method alone, with the service's own where none were sent (beta, for one).
    """
    method = body.method or _no_method()
    members = {"supervised": method.supervised, "dpo": method.dpo, "reinforcement": method.reinforcement}
    nested = (members.get(method.type) or {}).get("hyperparameters")
    settings = {**(body.hyperparameters or {}), **(nested if isinstance(nested, Mapping) else {})}
    told: dict[str, Observed | None] = {
        "model": (model_pointer(body.model) or body.model) if body.model else None,
        "training_file": Pointer("dataset", body.training_file) if body.training_file else None,
        "validation_file": Pointer("dataset", body.validation_file) if body.validation_file else None,
        "method": method.type or None,
        "trainingType": _training_type(body.trainingType),
        "seed": body.seed,
        "suffix": body.suffix or body.user_provided_suffix or None,
        "trained_tokens": body.trained_tokens,
    }
    told |= {n: v for n in HYPERPARAMETERS if isinstance(v := settings.get(n), int | float | str) and v != AUTO}
    return {name: value for name, value in told.items() if value is not None}


@lru_cache(maxsize=64, typed=True)
def _training_type(echoed: str | int | None) -> str | None:
    if echoed is None:
        return None
    return load_rules().training_type(str(echoed)) or str(echoed)


def _label(suffix: str | None) -> str:
    """Return the user's part of a suffix that carries a marker."""
    return (suffix or "")[:-MARKER_LENGTH]


def newest_step(events: Item) -> int | None:
    """Return the step that the newest event of a listing (newest first) tells, or None."""
    rows = events.get("data")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and (step := _STEP.match(str(row.get("message", "")))):
            return int(step[1])
    return None


def model_names(models: Sequence[Item], deployments: Sequence[Item]) -> Iterable[tuple[str, datetime | None]]:
    """Yield the names of fine-tuned models that are listed or deployed, with when they were made if that is told."""
    for item in models:
        created = item.get("created", item.get("created_at"))
        yield str(item.get("id", "")), moment(created) if isinstance(created, int) else None
    for item in deployments:
        properties = item.get("properties")
        model = properties.get("model") if isinstance(properties, Mapping) else None
        if isinstance(model, Mapping):
            yield str(model.get("name", "")), None


def jobs_without_record(
    names: Iterable[tuple[str, datetime | None]], jobs: Sequence[Object], account: str
) -> tuple[Object, ...]:
    """Return a succeeded job for each fine-tuned model whose job is not among those listed.

    A job's record can be deleted while its model stays and serves; the name still carries the marker.
    """
    known = {found.id.removeprefix("ftjob-") for found in jobs}
    bare: dict[str, Object] = {}
    for name, created_at in names:
        final = _CHECKPOINT.sub("", name)
        parts = _FINE_TUNED.match(final)
        if parts and parts["job"] not in known and parts["job"] not in bare:
            bare[parts["job"]] = Object(
                kind="job",
                account=account,
                id=f"ftjob-{parts['job']}",
                phase=Phase.READY,
                state="record deleted",
                marker=marker_in(final),
                label=_label(parts["suffix"]) if marker_in(final) else "",
                outputs={"last": final},
                created_at=created_at,
            )
    return tuple(bare.values())

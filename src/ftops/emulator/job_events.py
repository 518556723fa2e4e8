"""The events of a job: nothing is stored, they follow from its plan and from when it trained."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from ftops.emulator.faults import Stage
from ftops.emulator.job_life import LEAD_S, TAIL_S, Plan, moment_of, plan_of
from ftops.emulator.messages import JsonObject
from ftops.emulator.store import Document

METRIC_STEPS = 10
METRIC_EVENTS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class _Event:
    at: float
    message: str
    level: str = "info"
    data: JsonObject = field(default_factory=dict)


def events(job: Document, now: float) -> list[JsonObject]:
    """Return the job's events up to a moment, newest first."""
    end = min(now, job.sim.get("ended_at", math.inf))
    happened = [event for event in _all(job) if event.at <= end]
    # Sorting keeps what shares a second in the order of the story.
    shown = [_shown(job, place, event) for place, event in enumerate(sorted(happened, key=lambda event: event.at))]
    return shown[::-1]


def _all(job: Document) -> Iterator[_Event]:
    yield _Event(job.created_at, "Job enqueued. Waiting for jobs ahead to complete.")
    ended_at = job.sim.get("ended_at", math.inf)
    started_at = job.sim.get("started_at")
    failed = job.api["status"] == "failed"
    if started_at is not None:
        yield from _preprocessing(job, started_at)
    elif failed:
        yield _Event(ended_at, "Preprocessing running for file training file.")
    plan = plan_of(job)
    if plan is not None:
        yield from _training(job, plan)
    if failed:
        yield _Event(ended_at, job.api["error"]["message"], "error")


def _preprocessing(job: Document, at: float) -> Iterator[_Event]:
    for name in ("training file", "validation file"):
        if name.replace(" ", "_") in job.api:
            yield _Event(at, f"Preprocessing running for file {name}.")
            yield _Event(at, f"Preprocessing completed for file {name}.")


def _training(job: Document, plan: Plan) -> Iterator[_Event]:
    results = job.api["result_files"][0]
    end_s = plan.duration_s
    for second, message in (
        (0, "Job started."),
        (10, "Data Import started."),
        (20, "Finetuning started."),
        (30, "Job queued, waiting for GPUs."),
        (LEAD_S, "Training started."),
        (LEAD_S, f"Created results file: {results}"),
    ):
        yield _Event(moment_of(job, second), message)
    yield from _metrics(job, plan)
    yield _Event(moment_of(job, end_s - TAIL_S), "Job succeeded.")
    if (job.sim.get("fail") or {}).get("stage") == Stage.SAFETY:
        return
    for second, message in (
        (end_s - TAIL_S // 2, "Model Evaluation Passed."),
        (end_s - TAIL_S // 4, f"Completed results file: {results}"),
        (end_s, f"Training tokens billed: {plan.tokens}"),
    ):
        yield _Event(moment_of(job, second), message)


def _metrics(job: Document, plan: Plan) -> Iterator[_Event]:
    stride = max(METRIC_STEPS, math.ceil(plan.steps / METRIC_EVENTS_MAX))
    for step in range(stride, plan.steps + 1, stride):
        metrics = plan.curve.at(step)
        shown = f"reward={metrics['train_mean_reward']}" if plan.rewarded else f"loss={metrics['train_loss']}"
        yield _Event(moment_of(job, plan.step_s(step)), f"Step {step}: training {shown}", data=dict(metrics))


def _shown(job: Document, place: int, event: _Event) -> JsonObject:
    key = hashlib.sha256(f"{job.id}/{place}".encode()).hexdigest()[:32]
    base: JsonObject = {
        "id": f"ftevent-{key}",
        "object": "fine_tuning.job.event",
        "created_at": int(event.at),
        "level": event.level,
        "message": event.message,
        "type": "metrics" if event.data else "message",
    }
    return base | ({"data": event.data} if event.data else {})

"""Fine-tuning jobs on the wire: create, list, read, cancel, pause, resume, delete, events and checkpoints."""

from __future__ import annotations

from ftops.emulator import echoes, job_create, job_life, versions
from ftops.emulator.context import Context, Surface, page
from ftops.emulator.faults import Effect
from ftops.emulator.job_events import events
from ftops.emulator.messages import JsonObject, Response, ServiceError, reply, without_nulls
from ftops.emulator.store import Document, Kind

JOBS_PAGE, EVENTS_PAGE, CHECKPOINTS_PAGE = 20, 20, 10
# The service's estimate is a placeholder: a constant after creation, longer for reinforcement.
ESTIMATE_S, ESTIMATE_REINFORCED_S = 900, 2_760
_CANCELLABLE = frozenset({"pending", "running", "pausing", "paused", "resuming"})
_DELETABLE = job_life.TERMINAL | {"paused"}


def create(ctx: Context) -> Response:
    """Queue a job and tell it; two equal requests make two jobs, as in the service."""
    accepted = job_create.accept(ctx)
    _check_room(ctx)
    key = f"ftjob-{ctx.store.next_hex()}"
    estimate = ESTIMATE_REINFORCED_S if accepted.method == "reinforcement" else ESTIMATE_S
    api: JsonObject = {
        "object": "fine_tuning.job",
        "id": key,
        "created_at": ctx.now_s,
        "status": "pending",
        **without_nulls(accepted.api),
        "estimated_finish": ctx.now_s + estimate,
    }
    if wrong := ctx.fault(Effect.WRONG_TRAINING_TYPE):
        api["trainingType"] = wrong.training_type
    sim: JsonObject = {
        "due_at": ctx.now_s + job_life.QUEUE_S,
        "segments": [],
        "given": accepted.given,
        "method": accepted.method,
        # Jobs of old classic versions do not tell their type (azure-api.md §6.4).
        "untold": ["trainingType"] if ctx.surface is Surface.GA else [],
        **_troubles(ctx, api["trainingType"], accepted.method),
        "nested": ctx.quirks.nested_names,
    }
    job = ctx.store.put(Document(Kind.JOB, ctx.name, key, ctx.now_s, api, sim, active=True))
    # The service's Location lacks /jobs/ and leads nowhere.
    location = {"Location": ctx.location(f"fine_tuning/{key}")}
    return reply(_shown(ctx, job, created=True), echoes.created_status(ctx), location)


def list_jobs(ctx: Context) -> Response:
    """List jobs, newest first."""
    found, has_more = ctx.page(Kind.JOB, JOBS_PAGE)
    return reply(echoes.listing(ctx, [_shown(ctx, job) for job in found], {"has_more": has_more}))


def get(ctx: Context, key: str) -> Response:
    """Return one job."""
    return reply(_shown(ctx, ctx.get(Kind.JOB, key)))


def cancel(ctx: Context, key: str) -> Response:
    """Cancel a job at once; a job that ended is refused."""
    job = ctx.get(Kind.JOB, key)
    _require(ctx, job, _CANCELLABLE, "cancelled")
    return reply(_shown(ctx, job_life.cancel(ctx.store, job, ctx.now_s)))


def pause(ctx: Context, key: str) -> Response:
    """Begin to pause a running job that has finished a step."""
    job = ctx.get(Kind.JOB, key)
    _require(ctx, job, frozenset({"running"}), "paused")
    plan = job_life.plan_of(job)
    if plan is None or plan.steps_done(job_life.trained_s(job, ctx.now_s)) < 1:
        raise _wrong_state(ctx, "The job cannot be paused before its first training step is finished.")
    return reply(_shown(ctx, job_life.pause(ctx.store, job, ctx.now_s)))


def resume(ctx: Context, key: str) -> Response:
    """Begin to resume a paused job."""
    job = ctx.get(Kind.JOB, key)
    _require(ctx, job, frozenset({"paused"}), "resumed")
    return reply(_shown(ctx, job_life.resume(ctx.store, job, ctx.now_s)))


def delete(ctx: Context, key: str) -> Response:
    """Delete a job's record, with its model and checkpoints; 204 also when there is none.

    Whether the service deletes the model with the record is not known; a model that is deployed is not deleted
    (service-rules.md §8).
    """
    job = ctx.store.get(Kind.JOB, ctx.name, key)
    if job is None:
        return Response(204)
    _require(ctx, job, _DELETABLE, "deleted")
    checkpoints = job_life.checkpoints(ctx.store, job)
    _check_not_deployed(ctx, job, checkpoints)
    for checkpoint in checkpoints:
        ctx.store.delete(checkpoint)
    model = ctx.store.get(Kind.MODEL, ctx.name, job_life.tuned_name(job))
    if model is not None:
        ctx.store.delete(model)
    ctx.store.delete(job)
    return Response(204)


def list_events(ctx: Context, key: str) -> Response:
    """List a job's events, newest first."""
    return _page(ctx, events(ctx.get(Kind.JOB, key), ctx.now.timestamp()), EVENTS_PAGE)


def list_checkpoints(ctx: Context, key: str) -> Response:
    """List a job's checkpoints, the highest step first."""
    found = job_life.checkpoints(ctx.store, ctx.get(Kind.JOB, key))
    found.sort(key=lambda checkpoint: int(checkpoint.sim["step"]), reverse=True)
    return _page(ctx, [checkpoint.api for checkpoint in found], CHECKPOINTS_PAGE)


def _shown(ctx: Context, job: Document, *, created: bool = False) -> JsonObject:
    """Return a job as the caller's API version shows it; older ones tell of a method its type only (§6.6)."""
    shown = {name: value for name, value in job.api.items() if name not in job.sim.get("untold", ())}
    if "method" in shown and not versions.echoes_method(ctx.api_version):
        shown["method"] = {"type": shown["method"]["type"]}
    return echoes.job(ctx, shown, created=created)


def _page(ctx: Context, items: list[JsonObject], limit_default: int) -> Response:
    data, has_more = page(ctx, items, limit_default)
    return reply(echoes.listing(ctx, data, {"has_more": has_more}))


def _require(ctx: Context, job: Document, states: frozenset[str], done: str) -> None:
    status = job.api["status"]
    if status not in states:
        raise _wrong_state(ctx, f"A job in status {status} cannot be {done}.")


def _wrong_state(ctx: Context, message: str) -> ServiceError:
    return ServiceError(ctx.quirks.wrong_state_status, "unexpectedEntityState", message)


def _check_not_deployed(ctx: Context, job: Document, checkpoints: list[Document]) -> None:
    names = {job_life.tuned_name(job), *(checkpoint.id for checkpoint in checkpoints)}
    names.update(checkpoint.api["fine_tuned_model_checkpoint"] for checkpoint in checkpoints)
    for deployment in ctx.store.all(Kind.DEPLOYMENT, ctx.name):
        model = deployment.api["properties"]["model"]["name"]
        if model in names:
            # The refusal is documented and its words are ours.
            raise ServiceError(409, "conflict", f"The model {model} is deployed as {deployment.api['name']}.")


def _check_room(ctx: Context) -> None:
    jobs = ctx.store.all(Kind.JOB, ctx.name)
    if len(jobs) >= ctx.limits.jobs:
        raise ctx.full(f"The resource already holds {ctx.limits.jobs} jobs.")
    if sum(job.api["status"] == "pending" for job in jobs) >= ctx.limits.queued_jobs:
        raise ctx.full(f"The resource already has {ctx.limits.queued_jobs} queued jobs.")


def _troubles(ctx: Context, training_type: str, method: str) -> JsonObject:
    """Return what the service will do to the job by itself."""
    troubles: JsonObject = {"fail": None}
    if fail := ctx.fault(Effect.FAIL_JOB):
        code, message = fail.failure
        troubles["fail"] = {"code": code, "message": message, "stage": str(fail.stage)}
    preempt, spend = ctx.fault(Effect.PREEMPT), ctx.fault(Effect.SPEND_PAUSE)
    if preempt and training_type == "developerTier":
        troubles["preempt"] = {"share": preempt.share, "times": preempt.times, "rest_s": preempt.rest_s}
    if spend and method == "reinforcement":
        troubles["cap_usd"] = spend.cap_usd
    return troubles

"""The life of a job in virtual time: waiting for a slot, training, pausing, ending.

Each change is computed at its own moment, in order, however far the clock jumped; `world.py` decides whose turn it is.
What a job goes through is a function of its plan and of the segments of time in which it trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

from ftops.emulator import files
from ftops.emulator.context import Limits
from ftops.emulator.curves import Curve
from ftops.emulator.faults import Stage
from ftops.emulator.messages import JsonObject, whole
from ftops.emulator.models import TUNED_MARK, base_of
from ftops.emulator.store import Document, Kind, Store

QUEUE_S = 300
LEAD_S, TAIL_S = 120, 240
DURATION_S_MIN, DURATION_S_MAX = 600, 7_200
ROW_S = 2
TURN_S = 60
ROWS_MIN = 10
BYTES_PER_TOKEN = 4
CHECKPOINTS_KEPT = 3
USD_PER_HOUR = 100.0
"""What a simulated reinforcement training costs while it trains; a round number and no price."""
TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
# Pools are counted apart, as the account's two MaxRunning… capabilities say; any other is like the first.
_RUNNING_MAX: Mapping[str, Callable[[Limits], int]] = {
    "standard": lambda limits: limits.running_standard,
    "globalStandard": lambda limits: limits.running_global,
    "developerTier": lambda limits: limits.running_developer,
}
_HOLDS_SLOT = frozenset({"running", "pausing"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training will do, fixed when it first starts."""

    epochs: int
    batch_size: int
    learning_rate_multiplier: float
    steps_per_epoch: int
    duration_s: int
    tokens: int
    curve_seed: str
    validated: bool
    rewarded: bool

    @property
    def steps(self) -> int:
        """All steps of the training."""
        return self.epochs * self.steps_per_epoch

    @property
    def curve(self) -> Curve:
        """The metrics the training will show."""
        return Curve(self.curve_seed, self.steps, self.steps_per_epoch, self.validated, self.rewarded)

    def step_s(self, step: int) -> float:
        """Return the trained second at which a step is done."""
        return LEAD_S + (self.duration_s - LEAD_S - TAIL_S) * step / self.steps

    def steps_done(self, trained_s: float) -> int:
        """Return how many steps are done after so many trained seconds."""
        share = (trained_s - LEAD_S) / (self.duration_s - LEAD_S - TAIL_S)
        return max(0, min(self.steps, math.floor(share * self.steps + 1e-9)))


def plan_of(job: Document) -> Plan | None:
    """Return a job's plan, or None when it never started."""
    stored = job.sim.get("plan")
    return Plan(**stored) if stored else None


def trained_s(job: Document, moment: float) -> float:
    """Return for how many seconds the job had trained at a moment."""
    return float(sum(max(0.0, min(end or moment, moment) - start) for start, end in job.sim["segments"]))


def moment_of(job: Document, at_trained_s: float) -> float:
    """Return the moment at which a job reached a trained second, counting on from its last segment if need be."""
    before = 0.0
    for start, end in job.sim["segments"]:
        if end is None or before + end - start >= at_trained_s:
            return float(start) + at_trained_s - before
        before += end - start
    return math.inf


def due_at(job: Document, active: Iterable[Document], cursor: float, limits: Limits) -> float:
    """Return when the job changes next by itself; never (infinity) while it waits for a slot.

    Args: active: all changing documents. cursor: the moment of the change just made, when a slot may have come free.
    """
    if job.api["status"] != "pending":
        return float(job.sim["due_at"])
    pool = job.api["trainingType"]
    running = sum(
        other.kind is Kind.JOB
        and other.account == job.account
        and other.api["trainingType"] == pool
        and other.api["status"] in _HOLDS_SLOT
        for other in active
    )
    room = _RUNNING_MAX.get(pool, _RUNNING_MAX["standard"])(limits)
    return max(job.sim["due_at"], cursor) if running < room else math.inf


def step(store: Store, job: Document, at: float) -> None:
    """Make the change that is due."""
    status = job.api["status"]
    if status == "pending":
        _start(store, job, at)
    elif status == "running":
        _go_on(store, job, at)
    elif status == "pausing":
        _rest(store, job)
    elif status == "paused":
        resume(store, job, at)
    else:
        # Resuming ends in the queue: the job runs at once when a slot is free.
        store.put(job.changed(status="pending", sim={"due_at": at}))


def cancel(store: Store, job: Document, at: float) -> Document:
    """End a job because somebody asked for it."""
    return _end(store, job, at, "cancelled")


def pause(store: Store, job: Document, at: float) -> Document:
    """Begin to pause a running job; it holds its slot until it rests."""
    return store.put(_closed(job, at).changed(status="pausing", sim={"due_at": at + TURN_S}))


def resume(store: Store, job: Document, at: float) -> Document:
    """Begin to resume a paused job."""
    return store.put(job.changed(status="resuming", active=True, sim={"due_at": at + TURN_S}))


def _start(store: Store, job: Document, at: float) -> None:
    plan = plan_of(job)
    if plan is None:
        training = store.get(Kind.FILE, job.account, job.api["training_file"])
        problem = _data_problem(training, job)
        if training is None or problem:
            _fail(store, job, at, *problem)
            return
        plan = _make_plan(job, training)
        results = files.open_result(store, job.account, int(at))
        job = _with_hyperparameters(job, plan).changed(
            result_files=[results.id], sim={"plan": asdict(plan), "started_at": at}
        )
    end_s: float = plan.duration_s
    if (job.sim.get("fail") or {}).get("stage") == Stage.TRAINING:
        end_s = plan.duration_s / 2
    stop = _next_stop(job, plan)
    left_s = max(1.0, min(end_s, stop.at_s if stop else end_s) - trained_s(job, at))
    segments = [*job.sim["segments"], [at, None]]
    store.put(job.changed(status="running", sim={"segments": segments, "due_at": math.ceil(at + left_s)}))


@dataclass(frozen=True, slots=True)
class _Stop:
    """A pause that the service makes by itself, at a trained second; it ends by itself if it has an end."""

    at_s: float
    rest_s: float | None = None


def _next_stop(job: Document, plan: Plan) -> _Stop | None:
    """Return the next pause that the service makes of a job by itself."""
    stops = []
    preempt, count, cap_usd = job.sim.get("preempt"), job.sim.get("preempted", 0), job.sim.get("cap_usd")
    if preempt and count < preempt["times"]:
        share = 1 - (1 - preempt["share"]) ** (count + 1)
        stops.append(_Stop(plan.step_s(1 + math.floor(share * (plan.steps - 1))), preempt["rest_s"]))
    if cap_usd is not None:
        stops.append(_Stop(max(plan.step_s(1), LEAD_S + 3_600 * cap_usd / USD_PER_HOUR)))
    return min(stops, key=lambda stop: stop.at_s, default=None)


def _go_on(store: Store, job: Document, at: float) -> None:
    plan = Plan(**job.sim["plan"])
    stop = _next_stop(job, plan)
    if stop is None or trained_s(job, at) < stop.at_s:
        _end_training(store, job, at)
    elif stop.rest_s is None:
        # Whoever resumes it has lifted the cap.
        _rest(store, _closed(job, at).changed(sim={"cap_usd": None}))
    else:
        sim = {"preempted": job.sim.get("preempted", 0) + 1, "due_at": at + stop.rest_s}
        _rest(store, _closed(job, at).changed(sim=sim), active=True)


def _data_problem(training: Document | None, job: Document) -> tuple[str, str] | tuple[()]:
    fail = job.sim.get("fail") or {}
    if fail.get("stage") == Stage.DATA_CHECK:
        return fail["code"], fail["message"]
    if training is None:
        return "notFound", "Preprocessing failed: the training file cannot be found."
    if training.sim["rows"] < ROWS_MIN:
        text = f"Preprocessing failed: the training file has {training.sim['rows']} examples; at least {ROWS_MIN}"
        return "invalidPayload", f"{text} are required."
    return ()


def _make_plan(job: Document, training: Document) -> Plan:
    rows, given, base = training.sim["rows"], job.sim["given"], base_of(job.api["model"])
    epochs = int(given.get("n_epochs") or max(1, min(10, round(100 / rows))))
    batch_size = int(given.get("batch_size") or max(1, min(256, round(0.002 * rows))))
    rate = given.get("learning_rate_multiplier") or (base.learning_rate if base else 1)
    inputs = (job.api["model"], training.sim["sha256"], job.api["seed"], sorted(given.items()), job.sim["method"])
    return Plan(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate_multiplier=rate,
        steps_per_epoch=math.ceil(rows / batch_size),
        duration_s=min(DURATION_S_MAX, DURATION_S_MIN + ROW_S * rows * epochs),
        tokens=epochs * max(1, training.api["bytes"] // BYTES_PER_TOKEN),
        curve_seed=repr(inputs),
        validated="validation_file" in job.api,
        rewarded=job.sim["method"] == "reinforcement",
    )


def _with_hyperparameters(job: Document, plan: Plan) -> Document:
    real = {
        "n_epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "learning_rate_multiplier": whole(plan.learning_rate_multiplier),
    }
    top = job.api.get("hyperparameters")
    job = job.changed(hyperparameters=top and {**top, **real})
    method, kind = job.api.get("method"), job.sim["method"]
    if method is None:
        return job
    inner = {**method[kind], "hyperparameters": {**method[kind]["hyperparameters"], **real}}
    return job.changed(method={**method, kind: inner})


def _end_training(store: Store, job: Document, at: float) -> None:
    fail = job.sim.get("fail")
    if fail:
        # At the safety gate the training is done, and no model comes of it that could be deployed.
        tokens = Plan(**job.sim["plan"]).tokens if fail["stage"] == Stage.SAFETY else None
        _fail(store, job.changed(trained_tokens=tokens), at, fail["code"], fail["message"])
    else:
        _succeed(store, job, at)


def _succeed(store: Store, job: Document, at: float) -> None:
    plan = Plan(**job.sim["plan"])
    name = tuned_name(job)
    api: JsonObject = {"model": name.split(TUNED_MARK)[0], "fine_tune": job.id}
    store.put(Document(Kind.MODEL, job.account, name, int(at), api))
    for epoch in range(max(1, plan.epochs - CHECKPOINTS_KEPT + 1), plan.epochs + 1):
        _keep_checkpoint(store, job, plan, epoch * plan.steps_per_epoch)
    done = job.changed(fine_tuned_model=name, trained_tokens=plan.tokens)
    _end(store, done, at, "succeeded")


def _rest(store: Store, job: Document, *, active: bool = False) -> None:
    plan = Plan(**job.sim["plan"])
    _keep_checkpoint(store, job, plan, plan.steps_done(trained_s(job, math.inf)))
    store.put(job.changed(status="paused", active=active))


def _keep_checkpoint(store: Store, job: Document, plan: Plan, number: int) -> None:
    final = number == plan.steps
    name = tuned_name(job)
    if any(c.sim["step"] == number for c in checkpoints(store, job)):
        return
    created_at = int(moment_of(job, plan.step_s(number)))
    api: JsonObject = {
        "object": "fine_tuning.job.checkpoint",
        "id": f"ftchkpt-{store.next_hex()}",
        "created_at": created_at,
        "fine_tuned_model_checkpoint": name if final else f"{name}:ckpt-step-{number}",
        "step_number": number,
        "metrics": plan.curve.at(number),
        "fine_tuning_job_id": job.id,
    }
    sim = {"job": job.id, "step": number}
    store.put(Document(Kind.CHECKPOINT, job.account, api["id"], created_at, api, sim))


def checkpoints(store: Store, job: Document) -> list[Document]:
    """Return the checkpoints that a job left, oldest first."""
    return [c for c in store.all(Kind.CHECKPOINT, job.account) if c.sim["job"] == job.id]


def tuned_name(job: Document) -> str:
    """Return the name of the model that the job makes; it begins with the first ancestor's, or with its parent's."""
    base = None if job.sim.get("nested") else base_of(job.api["model"])
    stem = base.id if base else job.api["model"]
    suffix = f"-{job.api['suffix']}" if "suffix" in job.api else ""
    return f"{stem}{TUNED_MARK}{job.id.removeprefix('ftjob-')}{suffix}"


def _fail(store: Store, job: Document, at: float, code: str = "", message: str = "") -> None:
    _end(store, job.changed(error={"code": code, "message": message}), at, "failed")


def _end(store: Store, job: Document, at: float, status: str) -> Document:
    plan = plan_of(job)
    job = _closed(job, at)
    if plan is not None:
        results = store.get(Kind.FILE, job.account, job.api["result_files"][0])
        if results is not None:
            files.write_result(store, results, plan.curve.csv(plan.steps_done(trained_s(job, at))))
    return store.put(job.changed(status=status, finished_at=int(at), active=False, sim={"ended_at": at}))


def _closed(job: Document, at: float) -> Document:
    return job.changed(sim={"segments": [[start, end or at] for start, end in job.sim["segments"]]})

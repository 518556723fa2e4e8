"""Fine-tuning jobs: immutable, paid for, found by the digest in their suffix, chained by references to parents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from ftops.call import Call, Plane
from ftops.digest import Marker, Plain, canonical_json, derived_seed, digest_mark, digest_of, job_suffix, name_mark
from ftops.kinds import job_body, job_spec
from ftops.kinds.base import Context, Effect, FieldRule, Item, Listing, Shape, Traits, Uninquiring
from ftops.kinds.bodies import age
from ftops.kinds.envelope import Document, Finding, JobRef, Path, as_type
from ftops.kinds.job_cost import cost_facts
from ftops.kinds.job_pause import PAUSED, preempted
from ftops.kinds.job_spec import (
    HYPERPARAMETERS,
    JobDocument,
    JobSpec,
    ReinforcementSettings,
    Retry,
    hyperparameters,
    method_type,
    reinforcement,
)
from ftops.model import Address, Change, Object, Phase, Pointer, Ref, Resource, Scalar, Value
from ftops.rules import Rules
from ftops.upkeep import Cost, Lifecycle, Room, many

STANDARD = "Standard"
"""How an absent trainingType in the answer to a create call is to be read."""
METADATA = frozenset({"metadata"})
"""What a create call carries for people and other tools, where the account takes it; the suffix is the marker."""
WRITTEN_AS_JSON = ("grader", "response_format")
"""Fields of reinforcement training that are JSON on the wire."""
PAGE = "100"
"""Jobs asked for a page."""
EVENTS = "20"
"""Newest events asked for, to find the step a running job has come to."""


class JobKind(Uninquiring):
    """The kind `job`."""

    word = "job"
    title = "FineTuningJob"
    document: type[Document] = JobDocument
    traits = Traits(Shape.ARTIFACT, costly=True, cancellable=True)
    rules: Mapping[str, FieldRule] = {
        "model": FieldRule(Effect.NEW_ARTIFACT, "what is trained further"),
        "training_file": FieldRule(Effect.NEW_ARTIFACT, "what it is trained with"),
        "validation_file": FieldRule(Effect.NEW_ARTIFACT, "decides the metrics and the best checkpoint"),
        "method": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "n_epochs": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "batch_size": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "learning_rate_multiplier": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "prompt_loss_weight": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "beta": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "l2_multiplier": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "compute_multiplier": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "eval_interval": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "eval_samples": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "reasoning_effort": FieldRule(Effect.NEW_ARTIFACT, "how it is trained"),
        "grader": FieldRule(Effect.NEW_ARTIFACT, "what it learns to please; the echo is never compared"),
        "response_format": FieldRule(Effect.NEW_ARTIFACT, "what its answers look like; the echo is never compared"),
        "trainingType": FieldRule(Effect.NEW_ARTIFACT, "residency is part of the promise", caseless=True),
        "seed": FieldRule(Effect.NEW_ARTIFACT, "makes a training repeatable"),
        "suffix": FieldRule(Effect.FIXED, "an edit is used by the next training"),
    }

    def check(self, document: Document, rules: Rules) -> Iterable[Finding]:
        """Yield what is wrong with the values of a job."""
        return job_spec.check(as_type(JobDocument, document), rules)

    def files(self, document: Document) -> Iterable[tuple[Path, str]]:
        """Yield nothing: a job names datasets, not files."""
        return ()

    def references(self, document: Document) -> Iterable[tuple[Path, Address]]:
        """Yield the parent job and the datasets."""
        spec = as_type(JobDocument, document).spec
        if isinstance(spec.model, JobRef):
            yield ("spec", "model", "job"), Address("job", spec.model.job)
        yield ("spec", "training_file", "dataset"), Address("dataset", spec.training_file.dataset)
        if spec.validation_file is not None:
            yield ("spec", "validation_file", "dataset"), Address("dataset", spec.validation_file.dataset)

    def resource(self, document: Document, context: Context) -> Resource:
        """Return the job; an absent seed is derived from its digest, the marker is put into its suffix."""
        job = as_type(JobDocument, document)
        name = job.metadata.name
        fields = _fields(job.spec, context)
        refs = {name: fields[name] for name in ("training_file", "validation_file")}
        contents = {name: _content(ref, context) for name, ref in refs.items() if isinstance(ref, Ref)}
        digest = digest_of(self.word, _digest_inputs(fields, contents, job.spec.seed, job.lifecycle.rerun))
        marker = Marker(context.owner, name_mark(name), digest_mark(digest))
        seeded = job.spec.seed is not None
        parent = fields["model"]
        base = context.referenced[parent.target]["base_model"] if isinstance(parent, Ref) else parent
        on_failure = job.lifecycle.onFailure
        return Resource(
            address=Address(self.word, name),
            account=context.account,
            digest=digest,
            marker=marker,
            names=frozenset(name_mark(each) for each in (name, *job.metadata.formerly)),
            fields={
                **fields,
                "seed": job.spec.seed if seeded else derived_seed(digest),
                "suffix": job_suffix(job.spec.suffix or name, marker, context.suffix_max),
            },
            span=context.span,
            derived=frozenset({"suffix"} if seeded else {"suffix", "seed"}),
            lifecycle=Lifecycle(
                retries=on_failure.retry if isinstance(on_failure, Retry) else 0,
                retrain_on_parent_change=job.lifecycle.onParentChange == "retrain",
            ),
            facts={
                "base_model": base if isinstance(base, str) else None,
                "project": context.project,
                "name": name,
                **({} if job.lifecycle.rerun is None else {"rerun": job.lifecycle.rerun}),
                **cost_facts(job, base if isinstance(base, str) else "", context),
            },
        )

    def listings(self) -> Mapping[str, Listing]:
        """Return the listings in which a job, or the model that outlived its record, can be found."""
        return {
            "jobs": Listing(Call(Plane.DATA, "GET", "/fine_tuning/jobs", {"limit": PAGE})),
            "models": Listing(Call(Plane.DATA, "GET", "/models")),
            "deployments": Listing(Call(Plane.ARM, "GET", "/deployments"), needed=False),
        }

    def observe(self, listings: Mapping[str, Sequence[Item]], account: str) -> tuple[Object, ...]:
        """Return the jobs, and a job for each fine-tuned model, listed or deployed, that has no record any more."""
        jobs = tuple(self.observe_one(item, account) for item in listings["jobs"])
        names = job_body.model_names(listings.get("models", ()), listings.get("deployments", ()))
        return (*jobs, *job_body.jobs_without_record(names, jobs, account))

    def observe_one(self, item: Item, account: str) -> Object:
        """Return the job that a body describes."""
        return job_body.observe(item, account)

    def reads(self, found: Object, now: datetime) -> Call | None:
        """Return the newest events of a running or paused job; there are a handful of them in an account."""
        if found.state not in {"running", PAUSED}:
            return None
        return Call(Plane.DATA, "GET", f"/fine_tuning/jobs/{found.id}/events", {"limit": EVENTS})

    def observe_more(self, found: Object, body: Item, rules: Rules) -> Object:
        """Return the job with the newest step that its events tell."""
        step = job_body.newest_step(body)
        return found if step is None else replace(found, fields={**found.fields, "step": step})

    def claims(self, resource: Resource, found: Object, owners: frozenset[str]) -> bool:
        """Tell whether a job carries our owner mark and this digest, or was sent with them and lost its suffix."""
        marker = found.marker
        if marker is not None:
            return marker.owner in owners and marker.digest == resource.marker.digest
        return _sent_as(resource, found, owners)

    def contradictions(self, resource: Resource, found: Object, sent: Mapping[str, str] | None) -> tuple[Change, ...]:
        """Return the echoed fields that are not what was, or would have been, sent."""
        cut = "suffix" in found.fields and "seed" in resource.derived
        if not found.fields or (sent is None and found.marker is None and not cut):
            return ()  # A seed that a person chose proves nothing: an attempt then, and never cancelled.
        told = found.fields if sent is None else {"trainingType": STANDARD, **found.fields}
        witnesses = {name: resource.fields[name] for name in ("seed", "trainingType")}
        witnesses |= {name: value for name, value in (sent or {}).items() if name != "model"}
        changes = [
            Change(n, told.get(n), value) for n, value in witnesses.items() if _differs(told.get(n), value, sent)
        ]
        if _suffix_differs(resource, found, sent):
            changes.append(Change("suffix", told.get("suffix"), resource.fields["suffix"]))
        return (*changes, *_wrong_files(resource, found))

    def read(self, found: Object) -> Call:
        """Return the call that reads a job."""
        return Call(Plane.DATA, "GET", f"/fine_tuning/jobs/{found.id}")

    def create(self, resource: Resource, resolved: Mapping[str, str]) -> Call:
        """Return the call that starts a training: the one call that costs money and cannot be undone."""
        fields = {name: resolved.get(name, value) for name, value in resource.fields.items()}
        names = ("model", "training_file", "validation_file", "suffix", "seed", "trainingType")
        settings = {name: fields[name] for name in HYPERPARAMETERS if name in fields}
        method = str(fields["method"])
        further = {name: json.loads(str(fields[name])) for name in WRITTEN_AS_JSON if name in fields}
        return Call(
            Plane.DATA,
            "POST",
            "/fine_tuning/jobs",
            body={
                **{name: fields[name] for name in names if fields.get(name) is not None},
                "method": {"type": method, method: {**further, "hyperparameters": settings}},
                "metadata": {
                    "ftops-owner": str(resource.facts["project"]),
                    "ftops-name": str(resource.facts["name"]),
                    "ftops-digest": resource.digest,
                },
            },
            spare=METADATA,
        )

    def update(self, resource: Resource, found: Object, resolved: Mapping[str, str]) -> Call:
        """Raise: an artifact is never updated."""
        raise NotImplementedError("a job is an artifact")

    def cancel(self, found: Object) -> Call:
        """Return the call that cancels a job; while it is queued, nothing is billed."""
        return Call(Plane.DATA, "POST", f"/fine_tuning/jobs/{found.id}/cancel")

    def delete(self, found: Object) -> Call:
        """Raise: a job's record stays so far."""
        raise NotImplementedError("a job's record is not deleted")

    def rooms(self, listings: Mapping[str, Sequence[Item]], told: Mapping[str, int], rules: Rules) -> tuple[Room, ...]:
        """Return how many jobs there are, whatever became of them: every record counts."""
        return (Room(len(listings["jobs"]), told.get("MaxFineTuneCount", rules.limits.jobs.count_max), "jobs"),)

    def cost(self, resource: Resource) -> Cost:
        """Return the estimate of the training; None where its price is not known."""
        usd, low = (resource.facts.get(name) for name in ("training_usd", "training_usd_low"))
        tokens = resource.facts.get("trained_tokens")
        basis = f"{many(tokens)} trained tokens" if isinstance(tokens, int) else ""
        return Cost(once=_usd(usd), once_low=_usd(low), basis=basis)

    def price(self, found: Object, region: str, rules: Rules) -> Cost:
        """Return what a training was billed, by the tokens it tells; unknown while it trains."""
        tokens, kind = found.fields.get("trained_tokens"), str(found.fields.get("trainingType") or STANDARD)
        price = rules.training_usd_per_million(rules.base_of(found.outputs.get("last", "")), kind, region)
        billed = tokens * price / 1e6 if isinstance(tokens, int) and price is not None else None
        return Cost(once=billed)

    def mark_with(self, resource: Resource, contents: Mapping[str, str]) -> str:
        """Return the mark of the digest that the job would have with other contents: all its other inputs count."""
        seed = None if "seed" in resource.derived else resource.fields["seed"]
        inputs = _digest_inputs(resource.fields, contents, _scalar(seed), resource.facts.get("rerun"))
        return digest_mark(digest_of(self.word, inputs))

    def usd_of_tokens(self, resource: Resource, field: str, tokens: int) -> float | None:
        """Return what so many tokens more in its training file cost over all epochs; validation is free."""
        price = _usd(resource.facts.get("token_usd"))
        return None if field != "training_file" or price is None else tokens * price

    def describe(self, resource: Resource) -> str:
        """Return `train gpt-4.1-mini-2025-04-14 from job/support-v2 by dpo, 3 epochs`; supervised is not said."""
        parent = resource.fields["model"]
        origin = f" from {parent}" if isinstance(parent, Ref) else ""
        epochs = resource.fields.get("n_epochs")
        length = "auto epochs" if epochs is None else f"{epochs} epoch{'s' if epochs != 1 else ''}"
        method = resource.fields["method"]
        by = "" if method == "supervised" else f" by {method}"
        return f"train {resource.facts['base_model']}{origin}{by}, {length}"

    def progress(self, found: Object, now: datetime) -> str:
        """Return how a job stands: `running, step 412, created 1 h 12 m ago`, or the model that came of it."""
        if found.phase is Phase.FAILED:
            return f"failed: {found.problem or 'the service gave no reason'}"
        if found.phase is Phase.READY:
            return found.outputs.get("last", "")
        if found.phase is Phase.CANCELLED:
            return found.state
        step = f", step {found.fields['step']}" if "step" in found.fields else ""
        told = f"{found.state}{step}, created {age(found.created_at, now)} ago"
        by_itself = preempted(found.state, str(found.fields.get("trainingType")), str(found.fields.get("method")))
        return f"{told}; {by_itself}" if by_itself else told


def _usd(fact: Scalar) -> float | None:
    return float(fact) if isinstance(fact, int | float) else None


def _fields(spec: JobSpec, context: Context) -> dict[str, Value]:
    _, settings = hyperparameters(spec)
    model: Value = spec.model if isinstance(spec.model, str) else _job_ref(spec.model, context)
    given = {name: getattr(settings, name) for name in HYPERPARAMETERS}
    return {
        "model": model,
        "training_file": _dataset_ref(spec.training_file.dataset, context),
        "validation_file": _dataset_ref(spec.validation_file.dataset, context) if spec.validation_file else None,
        "method": method_type(spec),
        **{name: value for name, value in given.items() if value is not None},
        **_as_json(reinforcement(spec)),
        "trainingType": context.rules.training_type(spec.trainingType) or spec.trainingType,
    }


def _as_json(settings: ReinforcementSettings | None) -> dict[str, Value]:
    """Return the grader and the form of answers as canonical JSON: values of a field, which are compared as one."""
    given = {} if settings is None else {"grader": settings.grader, "response_format": settings.response_format}
    return {name: canonical_json(cast("Plain", value)) for name, value in given.items() if value is not None}


def _job_ref(written: JobRef, context: Context) -> Ref:
    target = Address("job", written.job)
    return Ref(target, written.at or context.digests[target], pinned=written.at is not None)


def _dataset_ref(name: str, context: Context) -> Ref:
    target = Address("dataset", name)
    return Ref(target, context.digests[target])


def _digest_inputs(
    fields: Mapping[str, Value], contents: Mapping[str, Scalar], seed: Scalar, rerun: Scalar
) -> dict[str, Plain]:
    """Return what semantics §1 says a job is: its inputs, each reference as the digest of what it refers to."""
    settings: dict[str, Plain] = {name: _scalar(fields[name]) for name in HYPERPARAMETERS if name in fields}
    model = fields["model"]
    further = {name: json.loads(str(fields[name])) for name in WRITTEN_AS_JSON if name in fields}
    return {
        "model": [model.digest, model.selector] if isinstance(model, Ref) else model,
        "training_file": contents["training_file"],
        "validation_file": contents.get("validation_file"),
        "method": {"type": _scalar(fields["method"]), "hyperparameters": settings or None, **further},
        "trainingType": _scalar(fields["trainingType"]),
        "seed": seed,
        "rerun": rerun,
    }


def _content(ref: Ref, context: Context) -> Scalar:
    return context.referenced[ref.target]["digest"]


def _scalar(value: Value) -> Scalar:
    if isinstance(value, Ref):
        raise TypeError(f"{value} is a reference")
    return value


def _sent_as(resource: Resource, found: Object, owners: frozenset[str]) -> bool:
    """Tell whether a job without a marker has the seed and the training file of this resource, and no other suffix.

    So a job is known again in an account that drops or cuts suffixes, as an attempt that is met with one held line.
    """
    training, asked = found.fields.get("training_file"), resource.fields["training_file"]
    if not isinstance(training, Pointer) or training.marker is None or not isinstance(asked, Ref):
        return False
    ours = training.marker.owner in owners and training.marker.digest == asked.digest
    suffix = str(found.fields.get("suffix") or "")
    return (
        ours
        and found.fields.get("seed") == resource.fields["seed"]
        and str(resource.fields["suffix"]).startswith(suffix)
    )


def _differs(told: object, value: Value | str, sent: Mapping[str, str] | None) -> bool:
    """Tell whether a witness contradicts; in the answer to a create call its absence does too."""
    told = told.id if isinstance(told, Pointer) else told
    return told != value and (told is not None or sent is not None)


def _suffix_differs(resource: Resource, found: Object, sent: Mapping[str, str] | None) -> bool:
    """Tell whether a suffix contradicts: in the answer by any character, later by its marker alone.

    The user's part of a suffix may be edited after the training; that is no contradiction.
    """
    told = found.fields.get("suffix")
    if sent is not None:
        return told != resource.fields["suffix"]
    return told is not None and (found.marker is None or found.marker.digest != resource.marker.digest)


def _wrong_files(resource: Resource, found: Object) -> tuple[Change, ...]:
    """Return the files of a job whose markers are known and are not those of the resource's datasets."""
    changes = []
    for name in ("training_file", "validation_file"):
        asked, told = resource.fields[name], found.fields.get(name)
        if isinstance(asked, Ref) and isinstance(told, Pointer) and told.marker and told.marker.digest != asked.digest:
            changes.append(Change(name, told, asked))
    return tuple(changes)

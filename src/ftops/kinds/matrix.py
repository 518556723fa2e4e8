"""What the service offers: model, method, training type, deployment type and region together, and until when.

The documents of a project are judged in the order of their references, so that a chain is judged by the base model it
began with. What the rules do not know is not judged. A job's `lifecycle: {allow: [model-matrix]}` turns this off for
the job and for what deploys its model: the rules are dated, and the service has the last word.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from ftops.diagnostics import Severity
from ftops.kinds.deployment_spec import DeploymentDocument
from ftops.kinds.envelope import Document, Finding, JobRef, Path
from ftops.kinds.job_spec import METHODS, JobDocument, method_type
from ftops.model import Address
from ftops.rules import Model, Offer, Rules

ALLOW = "model-matrix"
MODEL: Path = ("spec", "model")
TRAINING_TYPE: Path = ("spec", "trainingType")
SKU: Path = ("spec", "sku", "name")

_WAY_OUT = "If the service takes it all the same, write `lifecycle: {allow: [model-matrix]}`"
_OF_JOB = f"{_WAY_OUT}."
_OF_DEPLOYMENT = f"{_WAY_OUT} in the job."


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when something is judged: without a region (empty) or a day (None), what depends on it is not."""

    region: str
    rules: Rules
    today: date | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a spec tells of a fine-tuned model: its base if the matrix has it, and how it is trained.

    `allowed` is set where the job says that the matrix does not count; `named` where no job of the project makes it.
    """

    base: Model | None
    training_type: str | None = None
    allowed: bool = False
    named: bool = False


def check(document: Document, trained: Mapping[Address, Trained], place: Place) -> Iterable[Finding]:
    """Yield what the service does not offer of what a document asks for; `trained` are the jobs it may refer to."""
    if isinstance(document, JobDocument):
        yield from _check_job(document, trained_by(document, trained, place.rules), place)
    elif isinstance(document, DeploymentDocument):
        served = _served_by(document, trained, place.rules)
        if served is not None:
            yield from check_deployment(document.spec.sku.name, served, place)


def trained_by(job: JobDocument, trained: Mapping[Address, Trained], rules: Rules) -> Trained:
    """Return what is known of the model that a job makes; a parent pinned by `at:` may be another than declared."""
    base, model = None, job.spec.model
    if isinstance(model, str):
        base = rules.model(model)
    elif model.at is None and Address("job", model.job) in trained:
        base = trained[Address("job", model.job)].base
    return Trained(base, rules.training_type(job.spec.trainingType), allowed=ALLOW in job.lifecycle.allow)


def _served_by(document: DeploymentDocument, trained: Mapping[Address, Trained], rules: Rules) -> Trained | None:
    """Return what is known of the fine-tuned model that is deployed; None for a base model and a pinned version."""
    model = document.spec.model
    if isinstance(model, JobRef):
        return trained.get(Address("job", model.job)) if model.at is None else None
    base = rules.base_of(model.name)
    return Trained(rules.model(base), named=True) if base != model.name else None


# --- jobs


def _check_job(job: JobDocument, wanted: Trained, place: Place) -> Iterator[Finding]:
    base, kind, method = wanted.base, wanted.training_type, method_type(job.spec)
    if base is None or wanted.allowed or method not in METHODS:
        return
    if method not in base.methods:
        nearest = _nearest(base, method, kind, place)
        detail = f"{base.id} is tuned by {', '.join(base.methods)}, not by {method}.{nearest} {_OF_JOB}"
        yield _refused(MODEL, detail)
    elif method in base.doubtful:
        yield _doubtful(MODEL, f"Not every source lists {method} for {base.id}; the service may refuse the job.")
    if isinstance(job.spec.model, JobRef) and not base.continues:
        detail = f"What was trained from {base.id}, an open-weight model, cannot be trained further. {_OF_JOB}"
        yield _refused(MODEL, detail)
    if kind is not None:
        yield from _training_type(base, method, kind, place)
    retirement = place.rules.retirement(base.id)
    if retirement is not None:
        notice, told = (
            place.rules.retirements.notice.training_days,
            f"{base.id} is not trained any more (what is trained stays)",
        )
        yield from _retires(told, retirement.training, notice, place.today)


def _training_type(base: Model, method: str, kind: str, place: Place) -> Iterator[Finding]:
    if kind not in base.training_types:
        nearest = _nearest(base, method, kind, place)
        detail = f"{base.id} trains as {', '.join(base.training_types)}, not as {kind}.{nearest} {_OF_JOB}"
        yield _refused(TRAINING_TYPE, detail)
        return
    offer = place.rules.training_offer(base.id, kind, place.region)
    if offer is Offer.NO:
        where, nearest = (
            ", ".join(place.rules.regions.training_regions(base.id, kind)),
            _nearest(base, method, kind, place),
        )
        detail = f"{base.id} trains as {kind} in {where}, not in {place.region}.{nearest} {_OF_JOB}"
        yield _refused(TRAINING_TYPE, detail)
    elif offer is Offer.DOUBTFUL:
        detail = f"Not every source says that {base.id} trains as {kind} in {place.region}; the service may refuse it."
        yield _doubtful(TRAINING_TYPE, detail)


def _nearest(base: Model, method: str, kind: str | None, place: Place) -> str:
    """Return the offered combination that differs least, in the same region, as a sentence; empty when there is none.

    Another training type of the same model comes before another model, and a model of a similar name before others.
    """
    rules = place.rules
    offered = [
        (model, each)
        for model in rules.models
        if method in model.methods and method not in model.doubtful and (model is base or model.access == "general")
        for each in model.training_types
        if rules.training_offer(model.id, each, place.region) in {Offer.YES, Offer.UNKNOWN}
    ]
    if not offered:
        return ""

    def distance(choice: tuple[Model, str]) -> tuple[int, bool, float]:
        model, each = choice
        likeness = difflib.SequenceMatcher(None, model.id, base.id).ratio()
        return (model is not base) + (each != kind), model is not base, -likeness

    model, each = min(offered, key=distance)
    where = f" in {place.region}" if place.region else ""
    return f" The nearest that is offered: {model.id} by {method} as {each}{where}."


# --- deployments


def check_deployment(sku: str, served: Trained, place: Place) -> Iterator[Finding]:
    """Yield what speaks against a deployment type for a fine-tuned model in a region."""
    base, wanted = served.base, place.rules.sku(sku)
    residency = place.rules.regions.residency
    if served.training_type in residency.resident_training_types and wanted in residency.leaving_skus:
        detail = (
            f"The model is trained as {served.training_type}, so its data and weights stay in the region; a {wanted} "
            "deployment takes the weights out of it. Deploy it as Standard where the data has to stay."
        )
        yield Finding(SKU, "residency", "The model leaves its region", detail, Severity.WARNING)
    if base is None or wanted is None or served.allowed:
        return
    yield from _sku(base, wanted, served, place)
    retirement = place.rules.retirement(base.id)
    if retirement is not None:
        notice, told = place.rules.retirements.notice.deployment_days, f"what was trained from {base.id} is not served"
        yield from _retires(told, retirement.deployment, notice, place.today)


def _sku(base: Model, wanted: str, served: Trained, place: Place) -> Iterator[Finding]:
    offer = place.rules.deployment_offer(base.id, wanted, place.region)
    if wanted in base.skus and offer is not Offer.NO:
        return
    if wanted in base.skus:
        where = ", ".join(place.rules.regions.deployment_regions(base.id, wanted))
        said = f"What was trained from {base.id} is deployed as {wanted} in {where}, not in {place.region}."
    elif base.skus:
        said = f"What was trained from {base.id} is deployed as {', '.join(base.skus)}, not as {wanted}."
    else:
        said = f"What was trained from {base.id} has no deployment type that ftops can make, only managed compute."
    said += _nearest_sku(base, wanted, place)
    if served.named:  # No job of the project could allow it.
        yield _doubtful(SKU, f"{said} The service may refuse it.")
    else:
        yield _refused(SKU, f"{said} {_OF_DEPLOYMENT}")


def _nearest_sku(base: Model, wanted: str, place: Place) -> str:
    """Return the offered deployment type nearest to one, as a sentence; one that leaves the region as little as it."""
    rules = place.rules
    leaving = rules.regions.residency.leaving_skus
    offered = [sku for sku in base.skus if rules.deployment_offer(base.id, sku, place.region) is not Offer.NO]
    if not offered:
        return ""
    nearest = min(offered, key=lambda sku: (sku == wanted, (sku in leaving) != (wanted in leaving)))
    return f" The nearest that is offered: {nearest}{f' in {place.region}' if place.region else ''}."


# --- both


def _retires(told: str, day: date | None, notice_days: int, today: date | None) -> Iterator[Finding]:
    """Yield that a day has come, or that it comes within the notice.

    A warning, since a job that was trained before that day is as good as ever, and a document does not say whether its
    job is; a new one is refused by the service.
    """
    if day is None or today is None:
        return
    if today >= day:
        detail = f"Since {day} {told}. Move to a newer base model."
        yield Finding(MODEL, "retired", "The base model is retired", detail, Severity.WARNING)
    elif (day - today).days <= notice_days:
        detail = f"From {day} on, in {(day - today).days} days, {told}. Plan the move to a newer base model."
        yield Finding(MODEL, "retires-soon", "The base model retires soon", detail, Severity.WARNING)


def _refused(path: Path, detail: str) -> Finding:
    return Finding(path, "model-matrix", "Not a combination of the service", detail)


def _doubtful(path: Path, detail: str) -> Finding:
    return Finding(path, "model-matrix", "Not a combination of the service", detail, Severity.WARNING)

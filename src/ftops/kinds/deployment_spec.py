"""The Deployment document: what a user may write, and what is wrong with its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from ftops.diagnostics import did_you_mean
from ftops.kinds.envelope import Document, Finding, IdleSpec, JobRef, Strict, idle_findings, not_built
from ftops.rules import Rules


class SkuSpec(Strict):
    """The kind of deployment and its capacity in thousands of tokens per minute."""

    name: str
    capacity: Annotated[int, Field(ge=1)]


class WireModel(Strict):
    """The wire object of a model that no job of the project makes."""

    format: str
    name: str
    version: str

    not_yet: ClassVar[Mapping[str, str]] = {"source": "deploying another account's model"}


def _which_model(value: object) -> str:
    return "job" if isinstance(value, JobRef) or (isinstance(value, Mapping) and "job" in value) else "object"


DeployedModel: TypeAlias = Annotated[
    Annotated[JobRef, Tag("job")] | Annotated[WireModel, Tag("object")], Discriminator(_which_model)
]


class DeploymentSpec(Strict):
    """What is deployed, by the service's own field names."""

    sku: SkuSpec
    model: DeployedModel
    raiPolicyName: str | None = None
    versionUpgradeOption: str | None = None
    tags: Mapping[str, str] = Field(default_factory=dict)

    not_yet: ClassVar[Mapping[str, str]] = {"extra_body": "passing further service fields through"}


class DeploymentIdle(IdleSpec):
    """The same for one deployment; evidence of its former lives from before `since` is ignored."""

    since: str | None = None


class DeploymentLifecycle(Strict):
    """What only ftops understands about a deployment."""

    idle: DeploymentIdle = Field(default_factory=DeploymentIdle)
    preventDestroy: bool = False

    not_yet: ClassVar[Mapping[str, str]] = {
        "require": "serving only a model that earned it",
        "rollback": "rolling back",
        "smoke": "smoke tests",
        "adopt": "adopting a deployment",
    }


class DeploymentDocument(Document):
    """`kind: Deployment`."""

    kind: Literal["Deployment"]
    spec: DeploymentSpec
    lifecycle: DeploymentLifecycle = Field(default_factory=DeploymentLifecycle)


def check(deployment: DeploymentDocument, rules: Rules) -> Iterable[Finding]:
    """Yield what is wrong with the values of a deployment."""
    spec, name = deployment.spec, deployment.metadata.name
    if not rules.limits.names.deployment_pattern.fullmatch(name):
        detail = (
            f'"{name}" is not a deployment name: use 2 to 64 letters, digits, dashes, dots and underscores, '
            "the first a letter or digit."
        )
        yield Finding(("metadata", "name"), "bad-name", "Bad name", detail)
    if deployment.metadata.formerly:
        yield not_built(("metadata", "formerly"), "renaming a deployment")
    skus = rules.limits.deployments.skus
    if spec.sku.name.casefold() not in {sku.casefold() for sku in skus}:
        detail = f'"{spec.sku.name}" is no deployment type; write one of {", ".join(skus)}.'
        yield Finding(
            ("spec", "sku", "name"), "bad-value", "Value not allowed", detail + did_you_mean(spec.sku.name, skus)
        )
    for tag in spec.tags:
        if tag.lower().startswith("ftops-"):
            detail = f'"{tag}" is a name that ftops writes itself; choose another.'
            yield Finding(("spec", "tags", tag), "bad-value", "Value not allowed", detail, on_key=True)
    if isinstance(spec.model, JobRef) and spec.versionUpgradeOption is not None:
        detail = "A fine-tuned model is never upgraded by the service, whatever is sent; take versionUpgradeOption out."
        yield Finding(("spec", "versionUpgradeOption"), "bad-value", "Value not allowed", detail, on_key=True)
    yield from idle_findings(("lifecycle", "idle"), deployment.lifecycle.idle, rules.limits.idle.metrics_chunk_days)
    since = deployment.lifecycle.idle.since
    if since is not None and begin_of(since) is None:
        detail = f'"{since}" is not a date; write one such as 2026-11-23, or a moment such as 2026-11-23T08:00:00Z.'
        yield Finding(("lifecycle", "idle", "since"), "bad-value", "Value not allowed", detail)


def begin_of(since: str) -> datetime | None:
    """Return a date's first moment in UTC, or a moment (in UTC unless it says otherwise); None for anything else."""
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

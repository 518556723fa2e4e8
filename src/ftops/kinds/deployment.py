"""Deployments: named bindings of an account to a model, updated in place, owned by tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from ftops.call import Call, Plane
from ftops.diagnostics import did_you_mean
from ftops.digest import Marker, Plain, digest_of, owner_mark
from ftops.kinds.base import Context, Effect, FieldRule, Item, Listing, Shape, Traits
from ftops.kinds.bodies import Body, age
from ftops.kinds.envelope import Document, Finding, JobRef, Path, Strict, as_type
from ftops.kinds.job_body import model_pointer
from ftops.model import Address, Change, Object, Observed, Phase, Pointer, Ref, Resource, Value
from ftops.rules import Rules

OWNER_TAG = "ftops-owner"
DIGEST_TAG = "ftops-digest"
FINE_TUNED_VERSION = "1"
"""The version of every fine-tuned model in a deployment."""
WRITABLE = (
    "model",
    "versionUpgradeOption",
    "raiPolicyName",
    "capacitySettings",
    "parentDeploymentName",
    "spilloverDeploymentName",
    "serviceTier",
    "deploymentState",
)
"""The properties that a PUT replaces (deployment resource, ARM 2025-12-01): an update sends them back as observed."""


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


class DeploymentLifecycle(Strict):
    """What only ftops understands about a deployment."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "require": "serving only a model that earned it",
        "rollback": "rolling back",
        "smoke": "smoke tests",
        "idle": "acting on an idle deployment",
        "preventDestroy": "protecting a deployment from deletion",
        "adopt": "adopting a deployment",
    }


class DeploymentDocument(Document):
    """`kind: Deployment`."""

    kind: Literal["Deployment"]
    spec: DeploymentSpec
    lifecycle: DeploymentLifecycle = Field(default_factory=DeploymentLifecycle)


class SkuBody(Body):
    """The SKU as echoed, in the caller's casing."""

    name: str = ""
    capacity: int | None = None


class SystemData(Body):
    """When the deployment was made."""

    createdAt: datetime | None = None


class DeploymentBody(Body):
    """A deployment as ARM describes it."""

    name: str
    sku: SkuBody = Field(default_factory=SkuBody)
    tags: Mapping[str, str] | None = None
    properties: Mapping[str, object] = Field(default_factory=dict)
    systemData: SystemData | None = None


_PHASES = {
    "Succeeded": Phase.READY,
    "Failed": Phase.FAILED,
    "Canceled": Phase.FAILED,
    "Disabled": Phase.FAILED,
}
"""Every other provisioning state is a write in flight."""


class DeploymentKind:
    """The kind `deployment`."""

    word = "deployment"
    title = "Deployment"
    document: type[Document] = DeploymentDocument
    traits = Traits(Shape.BINDING, short_wait=True, serial_writes=True, caseless_names=True)
    rules: Mapping[str, FieldRule] = {
        "sku.name": FieldRule(Effect.IN_PLACE, "the service echoes the caller's casing", caseless=True),
        "sku.capacity": FieldRule(Effect.IN_PLACE, "thousands of tokens per minute"),
        "model.format": FieldRule(Effect.REPLACE, "another publisher's model is another deployment", caseless=True),
        "model.name": FieldRule(Effect.IN_PLACE, "that is how a new training is rolled out"),
        "model.version": FieldRule(Effect.IN_PLACE, "of a base model"),
        "raiPolicyName": FieldRule(Effect.IN_PLACE, "content filter", caseless=True),
        "versionUpgradeOption": FieldRule(Effect.IN_PLACE, "of a base model"),
        "tags.": FieldRule(Effect.IN_PLACE, "tags of your own"),
    }

    def check(self, document: Document, rules: Rules) -> Iterable[Finding]:
        """Yield what is wrong with the values of a deployment."""
        deployment = as_type(DeploymentDocument, document)
        spec, name = deployment.spec, deployment.metadata.name
        if not rules.limits.names.deployment_pattern.fullmatch(name):
            detail = (
                f'"{name}" is not a deployment name: use 2 to 64 letters, digits, dashes, dots and underscores, '
                "the first a letter or digit."
            )
            yield Finding(("metadata", "name"), "bad-name", "Bad name", detail)
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
            detail = (
                "A fine-tuned model is never upgraded by the service, whatever is sent; take versionUpgradeOption out."
            )
            yield Finding(("spec", "versionUpgradeOption"), "bad-value", "Value not allowed", detail, on_key=True)

    def files(self, document: Document) -> Iterable[tuple[Path, str]]:
        """Yield nothing."""
        return ()

    def references(self, document: Document) -> Iterable[tuple[Path, Address]]:
        """Yield the job whose model is deployed."""
        model = as_type(DeploymentDocument, document).spec.model
        if isinstance(model, JobRef):
            yield ("spec", "model", "job"), Address("job", model.job)

    def resource(self, document: Document, context: Context) -> Resource:
        """Return the deployment; its digest is known before the training, since a job enters by its marker."""
        deployment = as_type(DeploymentDocument, document)
        name = deployment.metadata.name
        fields = _fields(deployment.spec, context)
        digest = digest_of(self.word, {key: _digest_input(value) for key, value in fields.items()})
        return Resource(
            address=Address(self.word, name),
            account=context.account,
            digest=digest,
            marker=Marker(context.owner, name, digest),
            names=frozenset({name}),
            fields=fields,
            span=context.span,
            facts={"project": context.project},
        )

    def listings(self) -> Mapping[str, Listing]:
        """Return the listing of an account's deployments."""
        return {"deployments": Listing(Call(Plane.ARM, "GET", "/deployments"))}

    def observe(self, listings: Mapping[str, Sequence[Item]], account: str) -> tuple[Object, ...]:
        """Return every deployment of the account, ours or not: a name can be taken."""
        return tuple(self.observe_one(item, account) for item in listings["deployments"])

    def observe_one(self, item: Item, account: str) -> Object:
        """Return the deployment that a body describes."""
        body = DeploymentBody.model_validate(item)
        fields = _observed_fields(body)
        state = str(body.properties.get("provisioningState", ""))
        return Object(
            kind=self.word,
            account=account,
            id=body.name,
            phase=_PHASES.get(state, Phase.RUNNING),
            state=state,
            marker=_marker(body, fields),
            fields=fields,
            outputs={"last": body.name},
            created_at=body.systemData.createdAt if body.systemData else None,
            updatable={
                "sku": body.sku.model_dump(),
                "tags": dict(body.tags or {}),
                "properties": {name: body.properties[name] for name in WRITABLE if name in body.properties},
            },
            unread=() if body.tags else ("tags.",),
        )

    def reads(self, found: Object) -> Call | None:
        """Return None: a listing tells everything so far."""
        return None

    def observe_more(self, found: Object, body: Item) -> Object:
        """Return the deployment as it was."""
        return found

    def claims(self, resource: Resource, found: Object, owners: frozenset[str]) -> bool:
        """Tell whether a deployment of this name (compared without case) is ours."""
        same_name = found.id.casefold() == resource.address.name.casefold()
        return same_name and found.marker is not None and found.marker.owner in owners

    def contradictions(self, resource: Resource, found: Object, sent: Mapping[str, str] | None) -> tuple[Change, ...]:
        """Return nothing: what a deployment echoes is compared field by field."""
        return ()

    def read(self, found: Object) -> Call:
        """Return the call that reads one deployment."""
        return Call(Plane.ARM, "GET", f"/deployments/{found.id}")

    def create(self, resource: Resource, resolved: Mapping[str, str]) -> Call:
        """Return the PUT that makes the deployment."""
        return Call(Plane.ARM, "PUT", f"/deployments/{resource.address.name}", body=_body(resource, resolved, {}))

    def update(self, resource: Resource, found: Object, resolved: Mapping[str, str]) -> Call:
        """Return the PUT of the observed writable fields overlaid by the spec, so that others' fields survive."""
        return Call(Plane.ARM, "PUT", f"/deployments/{found.id}", body=_body(resource, resolved, found.updatable))

    def take_back(self, found: Object) -> Call:
        """Raise: a deployment is not taken back by itself."""
        raise NotImplementedError("a deployment cannot be cancelled")

    def describe(self, resource: Resource) -> str:
        """Return `deploy job/support-v3 on GlobalStandard, capacity 80`."""
        fields = resource.fields
        return f"deploy {fields['model.name']} on {fields['sku.name']}, capacity {fields['sku.capacity']}"

    def progress(self, found: Object, now: datetime) -> str:
        """Return how a deployment stands: `Creating, created 3 m ago`, or what it has once it serves."""
        if found.phase is Phase.FAILED:
            return found.state
        has = f"{found.fields['sku.name']} {found.fields['sku.capacity']}"
        return f"{has if found.phase is Phase.READY else found.state}, created {age(found.created_at, now)} ago"


def _fields(spec: DeploymentSpec, context: Context) -> dict[str, Value]:
    skus = {sku.casefold(): sku for sku in context.rules.limits.deployments.skus}
    fields: dict[str, Value] = {
        "sku.name": skus.get(spec.sku.name.casefold(), spec.sku.name),
        "sku.capacity": spec.sku.capacity,
        **_model_fields(spec.model, context),
        **{f"tags.{name}": value for name, value in spec.tags.items()},
    }
    optional = {"raiPolicyName": spec.raiPolicyName, "versionUpgradeOption": spec.versionUpgradeOption}
    return fields | {name: value for name, value in optional.items() if value is not None}


def _model_fields(model: JobRef | WireModel, context: Context) -> dict[str, Value]:
    if isinstance(model, WireModel):
        return {"model.format": model.format, "model.name": model.name, "model.version": model.version}
    target = Address("job", model.job)
    base = context.rules.model(str(context.referenced[target]["base_model"]))
    return {
        "model.format": base.format if base and base.format else "OpenAI",
        "model.name": Ref(target, model.at or context.digests[target], pinned=model.at is not None),
        "model.version": FINE_TUNED_VERSION,
    }


def _digest_input(value: Value) -> Plain:
    return [value.digest, value.selector] if isinstance(value, Ref) else value


def _observed_fields(body: DeploymentBody) -> dict[str, Observed]:
    model = body.properties.get("model")
    told = {f"model.{key}": value for key, value in model.items()} if isinstance(model, Mapping) else {}
    fields: dict[str, Observed] = {name: str(value) for name, value in told.items() if value is not None}
    name = str(fields.get("model.name", ""))
    fields["model.name"] = model_pointer(name) or name
    fields |= {"sku.name": body.sku.name, "sku.capacity": body.sku.capacity}
    for optional in ("raiPolicyName", "versionUpgradeOption"):
        if body.properties.get(optional) is not None:
            fields[optional] = str(body.properties[optional])
    return fields | {f"tags.{name}": value for name, value in (body.tags or {}).items()}


def _marker(body: DeploymentBody, fields: Mapping[str, Observed]) -> Marker | None:
    """Return who a deployment belongs to: by its tags, or, when none can be read, by the mark in its model's name."""
    tags = body.tags or {}
    if OWNER_TAG in tags:
        return Marker(owner_mark(tags[OWNER_TAG]), body.name, tags.get(DIGEST_TAG, ""))
    served = fields["model.name"]
    if tags or not isinstance(served, Pointer) or served.marker is None:
        return None
    return Marker(served.marker.owner, body.name, "")


def _body(resource: Resource, resolved: Mapping[str, str], observed: Mapping[str, object]) -> dict[str, object]:
    wanted = {name: resolved.get(name, value) for name, value in resource.fields.items()}
    part = {
        prefix: {name.removeprefix(prefix): v for name, v in wanted.items() if name.startswith(prefix)}
        for prefix in ("sku.", "model.", "tags.")
    }
    plain = {name: value for name, value in wanted.items() if "." not in name}
    marks = {OWNER_TAG: resource.facts["project"], DIGEST_TAG: resource.digest}
    return {
        "sku": {**_mapping(observed, "sku"), **part["sku."]},
        "tags": {**_mapping(observed, "tags"), **part["tags."], **marks},
        "properties": {**_mapping(observed, "properties"), **plain, "model": part["model."]},
    }


def _mapping(body: Mapping[str, object], name: str) -> dict[str, object]:
    value = body.get(name)
    return dict(value) if isinstance(value, Mapping) else {}

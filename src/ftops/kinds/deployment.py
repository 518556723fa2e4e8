"""Deployments: named bindings of an account to a model, updated in place, owned by tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import ConfigDict, Field

from ftops.call import Call, Plane
from ftops.digest import Marker, Plain, digest_of, owner_mark
from ftops.kinds import deployment_clock, deployment_spec
from ftops.kinds.base import (
    Answers,
    Context,
    Effect,
    FieldRule,
    Informed,
    Inquiries,
    Item,
    Listing,
    Shape,
    Traits,
    Untrained,
)
from ftops.kinds.bodies import Body, age
from ftops.kinds.deployment_spec import DeploymentDocument, DeploymentSpec, WireModel
from ftops.kinds.envelope import Document, Finding, JobRef, Path, as_type
from ftops.kinds.job_body import model_pointer
from ftops.model import Address, Change, Object, Observed, Phase, Pointer, Ref, Resource, Value
from ftops.rules import Rules
from ftops.rules.troubles import trouble_of_state
from ftops.upkeep import FREE, Cost, IdlePolicy, Lifecycle, Room, last_use, spent_so_far, to_the_minute

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
"""The properties that a PUT replaces (azure-api.md §10.1): an update sends back what was observed of them."""


class SkuBody(Body):
    """The SKU as echoed, in the caller's casing; an update sends back what ftops does not know of it."""

    model_config = ConfigDict(extra="allow", frozen=True)

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
    "Deleting": Phase.ENDING,
}
"""Every other provisioning state is a write in flight."""


class DeploymentKind(Untrained):
    """The kind `deployment`."""

    word = "deployment"
    title = "Deployment"
    document: type[Document] = DeploymentDocument
    traits = Traits(Shape.BINDING, short_wait=True, serial_writes=True, called=True, caseless_names=True)
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
        return deployment_spec.check(as_type(DeploymentDocument, document), rules)

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
            lifecycle=Lifecycle(idle=_idle_policy(deployment, context), protected=deployment.lifecycle.preventDestroy),
            facts={"project": context.project, "hosting_usd_per_hour": _hosting(deployment.spec, context)},
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
        phase = _PHASES.get(state, Phase.RUNNING)
        return Object(
            kind=self.word,
            account=account,
            id=body.name,
            phase=phase,
            state=state,
            marker=_marker(body, fields),
            fields=fields,
            outputs={"last": body.name},
            created_at=body.systemData.createdAt if body.systemData else None,
            updatable={
                "sku": body.sku.model_dump(exclude_none=True),
                "tags": dict(body.tags or {}),
                "properties": {name: told for name in WRITABLE if (told := body.properties.get(name)) is not None},
            },
            unread=() if body.tags else ("tags.",),
            trouble=trouble_of_state(self.word, state, "") if phase is Phase.FAILED else None,
        )

    def inquiries(self, found: Sequence[Object], absent: Sequence[str], now: datetime, rules: Rules) -> Inquiries:
        """Return what to ask of Azure Monitor and the Activity Log."""
        return deployment_clock.inquiries(found, absent, now, rules)

    def informed(self, found: Sequence[Object], answers: Answers, now: datetime, rules: Rules) -> Informed:
        """Return the deployments with their use, and the pasts of the absent ones."""
        return deployment_clock.informed(found, answers, now, rules)

    def reads(self, found: Object, now: datetime) -> Call | None:
        """Return what tells the minute of the last call that counts."""
        return deployment_clock.minute_read(found, now)

    def observe_more(self, found: Object, body: Item, rules: Rules) -> Object:
        """Return the deployment with that minute."""
        return deployment_clock.refined(found, body, rules)

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

    def cancel(self, found: Object) -> Call:
        """Raise: a deployment is made or deleted, never cancelled."""
        raise NotImplementedError("a deployment cannot be cancelled")

    def delete(self, found: Object) -> Call:
        """Return the deletion of a deployment; the model stays and can be deployed again."""
        return Call(Plane.ARM, "DELETE", f"/deployments/{found.id}")

    def rooms(self, listings: Mapping[str, Sequence[Item]], told: Mapping[str, int], rules: Rules) -> tuple[Room, ...]:
        """Return nothing: how many fine-tuned deployments an account takes, the sources disagree on."""
        return ()

    def cost(self, resource: Resource) -> Cost:
        """Return the hosting, by the hour."""
        hourly = resource.facts["hosting_usd_per_hour"]
        return Cost(hourly=hourly if isinstance(hourly, float) else None)

    def price(self, found: Object, region: str, rules: Rules) -> Cost:
        """Return the hosting price of a deployment; what is no fine-tuned model is not hosted by the hour."""
        if not deployment_clock.on_the_clock(found):
            return FREE
        base = rules.base_of(_model_name(found.fields))
        return Cost(hourly=rules.hosting_usd_per_hour(base, str(found.fields["sku.name"]), region))

    def describe(self, resource: Resource) -> str:
        """Return `deploy job/support-v3 on GlobalStandard, capacity 80`."""
        fields = resource.fields
        return f"deploy {fields['model.name']} on {fields['sku.name']}, capacity {fields['sku.capacity']}"

    def progress(self, found: Object, now: datetime) -> str:
        """Return how a deployment stands: `Creating, created 3 m ago`, or what it has once it serves."""
        if found.phase is Phase.FAILED:
            return found.state
        has = f"{found.fields['sku.name']} {found.fields['sku.capacity']}"
        told = [f"{has if found.phase is Phase.READY else found.state}, created {age(found.created_at, now)} ago"]
        if found.phase is Phase.READY and found.use is not None:
            until = found.use.deleted_after
            told += [last_use(found.use), f"deleted after {to_the_minute(until)}" if until else ""]
            told += [spent_so_far(found.cost, found.created_at, now)]
        return ", ".join(part for part in told if part)


def _model_name(fields: Mapping[str, Observed]) -> str:
    model = fields.get("model.name")
    return model.id if isinstance(model, Pointer) else str(model or "")


def _base_model(model: JobRef | WireModel, context: Context) -> str:
    """Return the base of the fine-tuned model that is deployed, or nothing for a base model."""
    if isinstance(model, JobRef):
        return str(context.referenced[Address("job", model.job)]["base_model"])
    return context.rules.base_of(model.name) if model_pointer(model.name) else ""


def _idle_policy(deployment: DeploymentDocument, context: Context) -> IdlePolicy | None:
    """Return how the deployment lives with the service's clock; it does not touch base models."""
    spec, since = deployment.spec, deployment.lifecycle.idle.since
    wish = deployment.lifecycle.idle.within(context.idle)
    if not _base_model(spec.model, context):
        return None
    limit, fixed = deployment_clock.life(spec.sku.name, context.rules)
    return IdlePolicy(
        after=timedelta(days=wish.after_days),
        limit=limit,
        fixed=fixed,
        on_idle=wish.on_idle,
        on_gone=wish.on_gone,
        since=deployment_spec.begin_of(since) if since else None,
    )


def _hosting(spec: DeploymentSpec, context: Context) -> float | None:
    """Return the hosting price in USD per hour, None when it is not known."""
    base = _base_model(spec.model, context)
    return context.rules.hosting_usd_per_hour(base, spec.sku.name, context.region) if base else 0.0


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
    properties = _mapping(observed, "properties")
    told = _mapping(properties, "model")
    same = told.get("name") == part["model."].get("name")  # Then what else is told of it, its source, stays true.
    marks = {OWNER_TAG: resource.facts["project"], DIGEST_TAG: resource.digest}
    return {
        "sku": {**_mapping(observed, "sku"), **part["sku."]},
        "tags": {**_mapping(observed, "tags"), **part["tags."], **marks},
        "properties": {**properties, **plain, "model": {**(told if same else {}), **part["model."]}},
    }


def _mapping(body: Mapping[str, object], name: str) -> dict[str, object]:
    value = body.get(name)
    return dict(value) if isinstance(value, Mapping) else {}

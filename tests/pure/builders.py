"""Builders shared by the pure tests: resources made of documents, live objects made of the service's bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ftops.diagnostics import Span
from ftops.digest import name_mark, owner_mark
from ftops.kinds import KINDS, KINDS_BY_WORD
from ftops.kinds.base import Context
from ftops.kinds.deployment import DIGEST_TAG, OWNER_TAG
from ftops.kinds.envelope import Document
from ftops.live import resolve_pointers
from ftops.model import Account, Action, Address, Desired, LiveState, Object, Plan, Policy, Ref, Resource, Verb
from ftops.planner import plan
from ftops.rules import load_rules

PROJECT = "support-models-7k2f"
OWNER = owner_mark(PROJECT)
BASE = "gpt-4.1-mini-2025-04-14"
EAST, WEST = "east", "west"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ECHOES = {"Standard": "standard", "GlobalStandard": "globalStandard", "developerTier": "developerTier"}
FOREIGN_OWNER = owner_mark("another-project")


def context(account: str = EAST, *known: Resource, **more: Any) -> Context:  # noqa: ANN401  a context's own fields
    """Return the context of a document whose references are among the known resources."""
    return Context(
        project=more.pop("project", PROJECT),
        owner=owner_mark(more.pop("owned_by", PROJECT)),
        account=account,
        suffix_max=more.pop("suffix_max", 40),
        rules=load_rules(),
        span=Span("specs/test.yaml", 1),
        digests={resource.address: resource.marker.digest for resource in known},
        referenced={resource.address: resource.facts for resource in known},
        **more,
    )


def document(kind: str, name: str, spec: Mapping[str, object], **more: Any) -> Document:  # noqa: ANN401  YAML values
    """Return a document as the loader would; `more` are metadata, and `lifecycle`."""
    lifecycle = more.pop("lifecycle", {})
    return KINDS[kind].document.model_validate(
        {
            "apiVersion": "ftops/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, **more},
            "spec": dict(spec),
            "lifecycle": lifecycle,
        }
    )


def dataset(name: str = "train", content: str = "one", account: str = EAST, **more: Any) -> Resource:  # noqa: ANN401
    """Return a dataset with some content."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    facts = {"digest": digest, "path": f"/data/{name}.jsonl", "size_bytes": 3_100_000, "rows": 4180}
    made = document("Dataset", name, {"file": f"data/{name}.jsonl"}, **more)
    return KINDS_BY_WORD["dataset"].resource(made, context(account, facts=facts))


def job(  # noqa: PLR0913  one argument a key of the document
    name: str,
    data: Resource,
    model: str | Resource = BASE,
    *,
    validation: Resource | None = None,
    at: str | None = None,
    account: str = EAST,
    suffix_max: int = 40,
    owned_by: str = PROJECT,
    metadata: Mapping[str, object] | None = None,
    lifecycle: Mapping[str, object] | None = None,
    **spec: Any,  # noqa: ANN401  YAML values
) -> Resource:
    """Return a job trained from a literal model or a parent, with a dataset."""
    known = [data, *([validation] if validation else []), *([model] if isinstance(model, Resource) else [])]
    reference: object = model
    if isinstance(model, Resource):
        reference = {"job": model.address.name} | ({"at": at} if at else {})
    wanted = {"model": reference, "training_file": {"dataset": data.address.name}, "trainingType": "GlobalStandard"}
    if validation:
        wanted["validation_file"] = {"dataset": validation.address.name}
    made = document("FineTuningJob", name, wanted | spec, lifecycle=lifecycle or {}, **(metadata or {}))
    around = context(account, *known, suffix_max=suffix_max, owned_by=owned_by)
    return KINDS_BY_WORD["job"].resource(made, around)


def deployment(  # noqa: PLR0913  one argument a key of the document
    name: str,
    model: Resource | Mapping[str, str],
    *,
    at: str | None = None,
    capacity: int = 50,
    sku: str = "GlobalStandard",
    account: str = EAST,
    lifecycle: Mapping[str, object] | None = None,
    **spec: Any,  # noqa: ANN401  YAML values
) -> Resource:
    """Return a deployment of a job's model, or of a base model."""
    known = [model] if isinstance(model, Resource) else []
    served: object = model
    if isinstance(model, Resource):
        served = {"job": model.address.name} | ({"at": at} if at else {})
    wanted = {"sku": {"name": sku, "capacity": capacity}, "model": served} | spec
    made = document("Deployment", name, wanted, lifecycle=lifecycle or {})
    return KINDS_BY_WORD["deployment"].resource(made, context(account, *known))


# --- what is live


def file_id(digest: str) -> str:
    """Return the id that files of a content have in these tests, unless another is given."""
    return f"file-{digest[:16]}"


def uploaded(
    data: Resource, status: str = "processed", *, key: str = "", age_s: int = 86_400, problem: str | None = None
) -> Object:
    """Return a dataset's file as a listing shows it."""
    body = {
        "id": key or file_id(data.digest),
        "filename": str(data.fields["filename"]),
        "purpose": "fine-tune",
        "status": status,
        "bytes": 3_100_000,
        "created_at": int((NOW - timedelta(seconds=age_s)).timestamp()),
        "status_details": problem,
    }
    return KINDS_BY_WORD["dataset"].observe_one(body, data.account)


def model_name(resource: Resource, number: int = 1) -> str:
    """Return the name of the model that a job made."""
    return f"{resource.facts['base_model']}.ft-{number:032x}-{resource.fields['suffix']}"


def _marked_model(ref: Ref, base: object) -> str:
    return f"{base}.ft-{'e' * 32}-{ref.target.name}-{OWNER}{name_mark(ref.target.name)}{ref.digest}"


def trained(  # noqa: PLR0913  one argument a member of the body
    resource: Resource,
    status: str = "succeeded",
    number: int = 1,
    *,
    age_s: int = 3_600,
    took_s: int = 600,
    error: tuple[str, str] | None = None,
    **echo: object,
) -> Object:
    """Return a job as a listing shows it; `echo` overrides members of the body, None leaves one out."""
    created = int((NOW - timedelta(seconds=age_s)).timestamp())
    fields = resource.fields
    told: dict[str, object] = {
        "id": f"ftjob-{number:032x}",
        "status": status,
        "created_at": created,
        "model": _marked_model(fields["model"], BASE) if isinstance(fields["model"], Ref) else fields["model"],
        "method": {"type": "supervised", "supervised": {"hyperparameters": _settings(resource)}},
        "seed": fields["seed"],
        "suffix": fields["suffix"],
        "trainingType": ECHOES[str(fields["trainingType"])],
    }
    for name in ("training_file", "validation_file"):
        ref = fields[name]
        told[name] = file_id(ref.digest) if isinstance(ref, Ref) else None
    if status in {"succeeded", "failed", "cancelled"}:
        told["finished_at"] = created + took_s
    if status == "succeeded":
        told["fine_tuned_model"] = model_name(resource, number)
    if error:
        told["error"] = {"code": error[0], "message": error[1]}
    body = {name: value for name, value in {**told, **echo}.items() if value is not None}
    return KINDS_BY_WORD["job"].observe_one(body, resource.account)


def _settings(resource: Resource) -> dict[str, object]:
    shown: dict[str, object] = {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": 2}
    return shown | {name: resource.fields[name] for name in shown if name in resource.fields}


def deployed(
    resource: Resource,
    model: str,
    state: str = "Succeeded",
    *,
    tags: Mapping[str, str] | None = None,
    marked: bool = True,
    **changes: Any,  # noqa: ANN401  wire values
) -> Object:
    """Return a deployment as ARM shows it, with server defaults that no spec names."""
    marks = {OWNER_TAG: str(resource.facts["project"]), DIGEST_TAG: resource.digest} if marked else {}
    declared = {n.removeprefix("tags."): str(v) for n, v in resource.fields.items() if n.startswith("tags.")}
    body = {
        "name": changes.pop("name", resource.address.name),
        "sku": {
            "name": changes.pop("sku", resource.fields["sku.name"]),
            "capacity": changes.pop("capacity", resource.fields["sku.capacity"]),
        },
        "tags": {**marks, **declared, **(tags or {})} or None,
        "properties": {
            "model": {"format": changes.pop("publisher", "OpenAI"), "name": model, "version": "1"},
            "versionUpgradeOption": "NoAutoUpgrade",
            "raiPolicyName": "Microsoft.DefaultV2",
            "currentCapacity": 50,
            "capabilities": {"chatCompletion": "true"},
            "rateLimits": [],
            "provisioningState": state,
            **changes,
        },
        "systemData": {"createdAt": "2026-11-20T09:00:00.1234567Z"},
    }
    return KINDS_BY_WORD["deployment"].observe_one(body, resource.account)


def foreign(found: Object) -> Object:
    """Return an object with another project's owner mark."""
    assert found.marker is not None
    return replace(found, marker=replace(found.marker, owner=FOREIGN_OWNER))


# --- the planner's arguments and answers


def desired(*resources: Resource, whole: bool = True, owners: frozenset[str] = frozenset({OWNER})) -> Desired:
    """Return what a project of these resources asks for."""
    accounts = {name: Account(name, f"emulator:{name}", "test.db", "eastus2", emulated=True) for name in (EAST, WEST)}
    used = {resource.account for resource in resources} or {EAST}
    return Desired(PROJECT, owners, {n: a for n, a in accounts.items() if n in used}, tuple(resources), whole)


def live(*objects: Object, now: datetime = NOW, **more: Any) -> LiveState:  # noqa: ANN401  a live state's own fields
    """Return a live state of these objects."""
    return LiveState(now=now, objects=resolve_pointers(objects), **more)


def planned(wanted: Desired, there: LiveState, *allow: str, approved: frozenset[str] | None = None) -> Plan:
    """Return the plan."""
    return plan(wanted, there, Policy(allow=frozenset(allow), approved=approved))


def main_action(made: Plan, resource: Resource) -> Action:
    """Return the one action for a resource that is not about a further object of it."""
    found = [a for a in made.actions if a.resource is not None and a.resource.key == resource.key]
    assert len(found) == 1, found
    return found[0]


def action_for(made: Plan, address: str) -> Action:
    """Return the action for a resource by its address."""
    kind, _, name = address.partition("/")
    found = [a for a in made.actions if a.address == Address(kind, name) and a.resource is not None]
    assert len(found) == 1, found
    return found[0]


def told(action: Action) -> tuple[str, str, str]:
    """Return verb, gate and why, as a table row has them."""
    return action.verb.value, action.gate.value, action.why.value


def side_actions(made: Plan) -> list[Action]:
    """Return the actions about further objects: twins, wrong echoes, worthless attempts, leftovers."""
    return [a for a in made.actions if a.resource is None]


def cancels(made: Plan) -> list[str]:
    """Return the ids of the objects that would be cancelled at once."""
    return [a.object.id for a in made.frontier if a.verb is Verb.CANCEL and a.object is not None]

"""Deployments on ARM: put, read, list, patch and delete."""

from __future__ import annotations

import re
from uuid import UUID

from ftops.emulator import activity, echoes, operations, quota, versions
from ftops.emulator.accounts import ACTOR
from ftops.emulator.activity import AT_ONCE, BEGUN, Act
from ftops.emulator.arm_pages import listing
from ftops.emulator.context import Context
from ftops.emulator.deployment_life import PAUSED, RUNNING, STATE, has_failed, keep, served, serves_tuned
from ftops.emulator.faults import Effect
from ftops.emulator.messages import JsonObject, Response, ServiceError, reply, ticks, without_nulls
from ftops.emulator.models import base_of, tuned_exists
from ftops.emulator.store import Document, Kind, Store

CREATE_S, DELETE_S = 240, 30
LATER = 202
SKUS = frozenset(
    {
        "standard",
        "globalstandard",
        "datazonestandard",
        "developertier",
        "provisionedmanaged",
        "globalprovisionedmanaged",
        "datazoneprovisionedmanaged",
        "globalbatch",
        "datazonebatch",
    }
)
UPGRADES = frozenset({"OnceNewDefaultVersionAvailable", "OnceCurrentVersionExpired", "NoAutoUpgrade"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}")
_WRITABLE = (
    "raiPolicyName",
    "capacitySettings",
    "parentDeploymentName",
    "spilloverDeploymentName",
    "serviceTier",
    STATE,
)


def put(ctx: Context, name: str) -> Response:
    """Create (201) or replace (200) a deployment; one of a tuned model takes minutes of virtual time."""
    _check_lock(ctx)
    old = ctx.store.get(Kind.DEPLOYMENT, ctx.name, name.lower())
    if old is None and not _NAME.fullmatch(name):
        raise ServiceError(400, "InvalidResourceName", f"The deployment name '{name}' is not valid.")
    body = ctx.request.json()
    sku, properties = _sku(body), _properties(ctx, body, old)
    tuned = serves_tuned(properties["model"]["name"])
    if tuned and (old is None or not old.sim["tuned"]):
        _check_tuned_room(ctx)
    quota.check(ctx, name, sku, properties["model"]["name"])
    if lower := ctx.fault(Effect.LOWER_CAPACITY):
        sku["capacity"] = min(sku["capacity"], lower.capacity)
    fault = ctx.fault(Effect.FAIL_DEPLOYMENT)
    failure = list(fault.failure) if fault else None
    other_model = old is None or has_failed(old) or old.api["properties"]["model"] != properties["model"]
    slow = failure is not None or (tuned and other_model)
    state = ("Updating" if old else "Creating") if slow else "Succeeded"
    document = _resource(ctx, name, old).changed(
        active=slow,
        sim={"tuned": tuned, "due_at": ctx.now.timestamp() + CREATE_S, "failure": failure},
        sku=sku,
        tags=_tags(ctx, body, old),
        properties=_shown_properties(properties, sku, state),
    )
    if other_model or failure:
        document = document.changed(sim=_serving(ctx, old, CREATE_S if slow else 0))
    _keep_written(ctx, document, "write", BEGUN if slow else AT_ONCE)
    return _written(ctx, document, 200 if old else 201, slow_s=CREATE_S if slow else 0, failure=failure)


def get(ctx: Context, name: str) -> Response:
    """Return one deployment."""
    document = existing(ctx, name)
    return reply(shown(ctx, document), headers={"ETag": document.api["etag"]})


def list_deployments(ctx: Context) -> Response:
    """List the account's deployments, oldest first, in pages."""
    found = ctx.listed(Kind.DEPLOYMENT)[::-1]
    return listing(ctx.request, found, ctx.limits.deployment_page, lambda document: shown(ctx, document))


def patch(ctx: Context, name: str) -> Response:
    """Change a deployment's tags or sku, nothing else."""
    if not versions.has_tags(ctx.api_version):
        raise ServiceError(405, "HttpMethodNotAllowed", "PATCH needs api-version 2024-10-01 or later.")
    old = existing(ctx, name)
    _check_lock(ctx)
    body = ctx.request.json()
    changed = body.get("sku")
    sku = _sku({"sku": {**old.api["sku"], **changed}}) if isinstance(changed, dict) else old.api["sku"]
    tags = _tags(ctx, body, old) if "tags" in body else old.api.get("tags")
    quota.check(ctx, name, sku, old.api["properties"]["model"]["name"])
    properties = {**old.api["properties"], **_rates(sku)}
    return rewrite(ctx, old, {"sku": sku, "tags": tags, "properties": properties})


def delete(ctx: Context, name: str) -> Response:
    """Delete a deployment: at once (200) or in a while (202), as it is with its kind of model; 204: there is none."""
    document = ctx.store.get(Kind.DEPLOYMENT, ctx.name, name.lower())
    if document is None:
        return Response(204)
    _check_lock(ctx)
    status = ctx.quirks.tuned_delete_status if document.sim["tuned"] else ctx.quirks.base_delete_status
    if status != LATER:
        activity.record(ctx.store, document, "delete", AT_ONCE, _act(ctx))
        ctx.store.delete(document)
        return Response(status)
    properties = {**document.api["properties"], "provisioningState": "Deleting"}
    due_at = ctx.now.timestamp() + DELETE_S
    _keep_written(ctx, document.changed(active=True, sim={"due_at": due_at}, properties=properties), "delete", BEGUN)
    return Response(status, operations.begun(ctx, DELETE_S))


def settle(store: Store, document: Document) -> None:
    """Finish what a write began."""
    properties = document.api["properties"]
    deleting = properties["provisioningState"] == "Deleting"
    state = "Failed" if document.sim.get("failure") and not deleting else "Succeeded"
    activity.record(store, document, "delete" if deleting else "write", (state,), activity.ending(document))
    if deleting:
        store.delete(document)
    else:
        keep(store, document.changed(active=False, properties={**properties, "provisioningState": state}))


def expire(store: Store, document: Document, at: float, *, logged: bool) -> None:
    """Delete a deployment as the service does by itself; the model stays."""
    if logged:
        activity.record(store, document, "delete", AT_ONCE, Act(at, activity.SERVICE))
    store.delete(document)


def remove(store: Store, document: Document, moment: float, by: str) -> None:
    """Delete a deployment as a person in the portal would, at once."""
    activity.record(store, document, "delete", AT_ONCE, Act(moment, by))
    store.delete(document)


def edit(store: Store, document: Document, changes: JsonObject, moment: float, by: str) -> None:
    """Change a deployment as a person in the portal would, at once.

    Args: changes: `sku` and `tags` replace, `capacity` changes the sku, `model` names another model, and anything
    else is a property.
    """
    rest = dict(changes)
    sku = rest.pop("sku", document.api["sku"])
    if "capacity" in rest:
        sku = {**sku, "capacity": rest.pop("capacity")}
    properties = {**document.api["properties"], **_rates(sku)}
    if "model" in rest:
        properties["model"] = {**properties["model"], "name": rest.pop("model")}
    tags = rest.pop("tags", document.api.get("tags"))
    system = {**document.api["systemData"], **_modified(moment)}
    changed = document.changed(
        sku=sku,
        tags=tags,
        properties={**properties, **rest},
        systemData=system,
        etag=_etag(store),
        sim={"tuned": serves_tuned(properties["model"]["name"])},
    )
    activity.record(store, changed, "write", AT_ONCE, Act(moment, by))
    keep(store, changed)


def shown(ctx: Context, document: Document) -> JsonObject:
    """Return a deployment as the caller's API version knows it."""
    hidden = () if versions.has_tags(ctx.api_version) else ("tags",)
    unknown = versions.unknown_properties(ctx.api_version)
    every = {STATE: RUNNING, **document.api["properties"]}
    properties = {name: value for name, value in every.items() if name not in unknown}
    told = {name: value for name, value in document.api.items() if name not in hidden} | {"properties": properties}
    return echoes.deployment(ctx, told)


def rewrite(ctx: Context, old: Document, changes: JsonObject) -> Response:
    """Change members of a deployment at once and answer with it."""
    _check_lock(ctx)
    document = _resource(ctx, old.api["name"], old).changed(**changes)
    _keep_written(ctx, document, "write", AT_ONCE)
    return _written(ctx, document, 200, slow_s=0)


def existing(ctx: Context, name: str) -> Document:
    """Return a deployment.

    Raises: ServiceError (404 ResourceNotFound) when there is none.
    """
    document = ctx.store.get(Kind.DEPLOYMENT, ctx.name, name.lower())
    if document is None:
        path = f"{ctx.account.api['id']}/deployments/{name}"
        raise ServiceError(404, "ResourceNotFound", f"The Resource '{path}' was not found.")
    return document


def _serving(ctx: Context, old: Document | None, slow_s: int) -> JsonObject:
    """Return from when on the new model answers calls, and which one does until then."""
    moment = ctx.now.timestamp()
    before = served(old, moment, ctx.limits.serving_delay_s) if old else None
    return {"ready_at": moment + slow_s, "before": before}


def _keep_written(ctx: Context, document: Document, operation: str, statuses: tuple[str, ...]) -> None:
    act = _act(ctx)
    keep(ctx.store, document.changed(sim=act.sim))
    activity.record(ctx.store, document, operation, statuses, act)


def _act(ctx: Context) -> Act:
    return Act(ctx.now.timestamp(), ACTOR["By"], ctx.store.request_id())


def _check_lock(ctx: Context) -> None:
    if any(document.active for document in ctx.store.all(Kind.DEPLOYMENT, ctx.name)) or _just_wrote(ctx):
        parent = ctx.account.api["id"]
        text = f"Another operation is being performed on the parent resource '{parent}'. Please try again later."
        raise ServiceError(409, "RequestConflict", text)


def _just_wrote(ctx: Context) -> bool:
    """Tell whether a write of the account ended so recently that the account is still held to be busy."""
    busy = ctx.fault(Effect.BUSY)
    if busy is None:
        return False
    since = ctx.now.timestamp() - busy.window_s
    return any(operation.sim["due_at"] > since for operation in ctx.store.all(Kind.OPERATION, ctx.name))


def _bad(message: str) -> ServiceError:
    return ServiceError(400, "InvalidResourceProperties", message)


def _sku(body: JsonObject) -> JsonObject:
    sku = body.get("sku")
    if not isinstance(sku, dict) or str(sku.get("name", "")).lower() not in SKUS:
        raise _bad("The sku name is missing or not supported.")
    capacity = sku.get("capacity", 1)
    if isinstance(capacity, bool) or not str(capacity).isdecimal() or int(capacity) < 1:
        raise ServiceError(400, "InvalidCapacity", "The sku capacity must be a positive whole number.")
    # The caller's spelling of the name is kept.
    return {"name": sku["name"], "capacity": int(capacity)}


def _properties(ctx: Context, body: JsonObject, old: Document | None) -> JsonObject:
    properties = body.get("properties")
    model = properties.get("model") if isinstance(properties, dict) else None
    if not isinstance(properties, dict) or not isinstance(model, dict):
        raise _bad("The properties.model field is required.")
    tuned = serves_tuned(str(model.get("name", "")))
    upgrade = properties.get("versionUpgradeOption") or "OnceNewDefaultVersionAvailable"
    if str(upgrade) not in UPGRADES:
        raise _bad("The versionUpgradeOption is not supported.")
    # What a version does not know it cannot replace.
    unknown, stored = versions.unknown_properties(ctx.api_version), old.api["properties"] if old else {}
    chosen = {name: (stored if name in unknown else properties).get(name) for name in _WRITABLE}
    state = chosen[STATE] or stored.get(STATE, RUNNING)
    if state not in (RUNNING, PAUSED):
        raise _bad(f"The {STATE} must be {RUNNING} or {PAUSED}.")
    # A tuned model has one version, so whatever was asked for is answered with NoAutoUpgrade.
    return {
        "model": _model(ctx, model, tuned=tuned),
        "versionUpgradeOption": "NoAutoUpgrade" if tuned else upgrade,
        **without_nulls({**chosen, STATE: state}),
    }


def _model(ctx: Context, model: JsonObject, *, tuned: bool) -> JsonObject:
    name, version = str(model.get("name", "")), model.get("version")
    base = base_of(name)
    if tuned:
        owner = str(model.get("source") or ctx.name).rsplit("/", 1)[-1].lower()
        known = tuned_exists(ctx.store, owner, name) and version in (None, "1")
    else:
        known = base is not None and name == base.name and version in (None, base.version)
    if not known:
        text = (
            f"The model 'Format:{model.get('format')},Name:{name},Version:{version}' of the account is not supported."
        )
        raise ServiceError(400, "DeploymentModelNotSupported", text)
    if base is not None and model.get("format") != base.format:
        raise ServiceError(500, "InternalServerError", "Encountered internal server error.")
    default = "1" if tuned or base is None else base.version
    return without_nulls({**model, "name": name, "version": version or default})


def _check_tuned_room(ctx: Context) -> None:
    count = sum(bool(document.sim["tuned"]) for document in ctx.store.all(Kind.DEPLOYMENT, ctx.name))
    limit = ctx.limits.fine_tuned_deployments
    if count >= limit:
        text = (
            "This operation require 1 new capacity in quota Fine-tuned deployments, which is bigger than the current "
            f"available capacity 0. The current quota usage is {count} and the quota limit is {limit}."
        )
        raise ServiceError(400, "InsufficientQuota", text)


def _tags(ctx: Context, body: JsonObject, old: Document | None) -> JsonObject | None:
    stored = old.api.get("tags") if old else None
    if not versions.has_tags(ctx.api_version) or ctx.fault(Effect.DROP_TAGS):
        return stored
    tags = body.get("tags")
    if tags is None and ctx.quirks.put_keeps_tags:
        return stored
    if tags is not None and not isinstance(tags, dict):
        raise _bad("The tags must be an object.")
    # A PUT replaces everything, so left-out tags are removed.
    return tags or None


def _shown_properties(properties: JsonObject, sku: JsonObject, state: str) -> JsonObject:
    capabilities = {"chatCompletion": "true", "responses": "true", "assistants": "true", "agentsV2": "true"}
    return {
        **properties,
        **_rates(sku),
        "capabilities": {**capabilities, "area": "US"},
        "provisioningState": state,
    }


def _rates(sku: JsonObject) -> JsonObject:
    capacity = sku["capacity"]
    request_s = 10 if str(sku["name"]).lower() == "standard" else 60
    return {
        "currentCapacity": capacity,
        "rateLimits": [
            {"key": "request", "renewalPeriod": request_s, "count": capacity},
            {"key": "token", "renewalPeriod": 60, "count": capacity * 1000},
        ],
    }


def _resource(ctx: Context, name: str, old: Document | None) -> Document:
    moment = ctx.now.timestamp()
    if old is not None:
        system = {**old.api["systemData"], **_modified(moment)}
        return old.changed(systemData=system, etag=_etag(ctx.store))
    created = {f"created{key}": value for key, value in {**ACTOR, "At": ticks(moment)}.items()}
    api: JsonObject = {
        "id": f"{ctx.account.api['id']}/deployments/{name}",
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "name": name,
        "systemData": {**created, **_modified(moment)},
        "etag": _etag(ctx.store),
    }
    return Document(Kind.DEPLOYMENT, ctx.name, name.lower(), moment, api)


def _modified(moment: float) -> JsonObject:
    return {f"lastModified{key}": value for key, value in {**ACTOR, "At": ticks(moment)}.items()}


def _etag(store: Store) -> str:
    return f'"{UUID(store.next_hex())}"'


def _written(
    ctx: Context, document: Document, status: int, *, slow_s: int, failure: list[str] | None = None
) -> Response:
    headers = {"ETag": document.api["etag"], **(operations.begun(ctx, slow_s, failure) if slow_s else {})}
    return reply(shown(ctx, document), status, headers)

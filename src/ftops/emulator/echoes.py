"""How jobs, files and deployments are told where nobody has confirmed it: what is stored, changed by the quirks."""

from __future__ import annotations

from collections.abc import Mapping

from ftops.emulator.context import Context, HealthyError, MethodEcho, SuffixMember, Surface, TrainingTypeEcho
from ftops.emulator.messages import JsonObject

UNKNOWN: JsonObject = {"futureMember": {"kind": "unknown", "values": [1, None, "two"]}}
"""What no specification has."""
_JOB_NULLS = (
    "error",
    "estimated_finish",
    "fine_tuned_model",
    "finished_at",
    "hyperparameters",
    "integrations",
    "metadata",
    "method",
    "organization_id",
    "result_files",
    "suffix",
    "trained_tokens",
    "user_provided_suffix",
    "validation_file",
)
_FILE_NULLS = ("bytes", "expires_at", "status_details")
_DEPLOYMENT_NULLS = ("tags",)
_PROPERTY_NULLS = (
    "capacitySettings",
    "deploymentState",
    "parentDeploymentName",
    "raiPolicyName",
    "serviceTier",
    "spilloverDeploymentName",
)
_SKU_NULLS = ("family", "size", "tier")
_ERRORS: Mapping[HealthyError, JsonObject] = {
    HealthyError.ABSENT: {},
    HealthyError.EMPTY: {"error": {}},
    HealthyError.NULLS: {"error": {"code": None, "message": None, "param": None}},
}
CREATED = 201


def job(ctx: Context, stored: JsonObject, *, created: bool = False) -> JsonObject:
    """Return a job as this account tells it; `created` says that it answers a create call."""
    quirks = ctx.quirks
    told = {**_ERRORS[quirks.healthy_error], **stored, "status": _status(ctx, str(stored["status"]))}
    echo = quirks.training_type_echo
    if echo is TrainingTypeEcho.NEVER or (echo is TrainingTypeEcho.CREATED and not created):
        told.pop("trainingType", None)
    if quirks.method_echo is MethodEcho.TYPE and "method" in told:
        told["method"] = {"type": told["method"]["type"]}
    if quirks.suffix_member is not SuffixMember.SUFFIX and "suffix" in told:
        told[quirks.suffix_member] = told.pop("suffix")
    return _told(ctx, told, _JOB_NULLS)


def file(ctx: Context, stored: JsonObject) -> JsonObject:
    """Return a file as this account tells it."""
    return _told(ctx, stored, _FILE_NULLS)


def deployment(ctx: Context, stored: JsonObject) -> JsonObject:
    """Return a deployment as this account tells it; whether its API version has tags is not looked at here."""
    quirks = ctx.quirks
    told = {name: value for name, value in stored.items() if not (name == "tags" and quirks.tags_hidden)}
    sku, properties = told["sku"], told["properties"]
    if quirks.capacity_as_text:
        sku = {**sku, "capacity": str(sku["capacity"])}
    if quirks.nulls:
        sku = {**dict.fromkeys(_SKU_NULLS), **sku}
        properties = {**dict.fromkeys(_PROPERTY_NULLS), **properties}
    return _told(ctx, {**told, "sku": sku, "properties": properties}, _DEPLOYMENT_NULLS)


def listing(ctx: Context, data: list[JsonObject], more: JsonObject) -> JsonObject:
    """Return the body of a listing on the data plane; `more` is what it tells beside its items."""
    hidden = () if ctx.quirks.has_more or ctx.surface is not Surface.V1 else ("has_more",)
    return {"object": "list", "data": data, **{name: value for name, value in more.items() if name not in hidden}}


def created_status(ctx: Context) -> int:
    """Return the status of an answer that tells of something made on the data plane."""
    return ctx.quirks.v1_created_status if ctx.surface is Surface.V1 else CREATED


def _status(ctx: Context, status: str) -> str:
    if status == "pending" and ctx.surface is Surface.V1:
        return ctx.quirks.queued
    return ctx.quirks.cancelled if status == "cancelled" else status


def _told(ctx: Context, told: JsonObject, nulls: tuple[str, ...]) -> JsonObject:
    missing: JsonObject = dict.fromkeys(nulls) if ctx.quirks.nulls else {}
    return {**missing, **told, **(UNKNOWN if ctx.quirks.unknown_members else {})}

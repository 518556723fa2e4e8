"""The models of an account or a region on ARM, with their SKUs and dates, and what is left of their capacity."""

from __future__ import annotations

from collections.abc import Mapping

from ftops.emulator import accounts, deployments, quota, versions
from ftops.emulator.context import Context
from ftops.emulator.messages import JsonObject, Request, Response, ServiceError, reply, ticks
from ftops.emulator.models import BASE_MODELS, BaseModel, base_of
from ftops.emulator.quota import token_skus, usage_name
from ftops.emulator.store import Document, Kind

CAPACITY_MAX = 100_000
_CAPACITY: Mapping[str, int] = {"minimum": 1, "maximum": CAPACITY_MAX, "step": 1, "default": 10}
KINDS = ("OpenAI", "AIServices")
_OLD_NAMES: Mapping[str, str] = {"rateLimits": "ratelimits"}
"""What the oldest version writes otherwise (azure-api.md §11.2)."""
TOKENS_MAX = 2_000_000_000
# When training and when inference of a base model's tuned models ends; for the others nothing is published.
_RETIREMENT: Mapping[str, Mapping[str, str]] = {
    "gpt-4.1": {"fineTune": "2027-04-14", "inference": "2027-10-14"},
    "gpt-4.1-mini": {"fineTune": "2027-04-14", "inference": "2027-10-14"},
    "gpt-4.1-nano": {"fineTune": "2027-04-14", "inference": "2027-10-14"},
    "gpt-4o": {"fineTune": "2027-04-01", "inference": "2027-10-01"},
    "gpt-4o-mini": {"fineTune": "2027-04-01", "inference": "2027-10-01"},
    "o4-mini": {"fineTune": "2027-04-16", "inference": "2027-10-16"},
    "gpt-5": {"inference": "2027-02-06"},
}


def list_models(ctx: Context) -> Response:
    """List the base models, then the account's tuned ones, newest first."""
    tuned = [_tuned(document) for document in ctx.listed(Kind.MODEL)]
    every = [*(_base(base) for base in BASE_MODELS), *(model for model in tuned if model)]
    return reply({"value": [_as_known(ctx, model) for model in every]})


def in_location(ctx: Context, _subscription: str, _location: str) -> Response:
    """List the base models of a region, once for each kind of account; here every region has all of them."""
    items = [
        {"kind": kind, "skuName": "S0", "description": f"{base.format} {base.id}", "model": _as_known(ctx, _base(base))}
        for kind in KINDS
        for base in BASE_MODELS
    ]
    return reply({"value": items})


def capacities_in_location(ctx: Context, subscription: str, location: str) -> Response:
    """List how much of each SKU of one model is left in a region, for the model itself and for its tuned ones."""
    base = _asked(ctx.request)
    return reply({"value": _capacities(ctx, base, subscription, location)})


def capacities(ctx: Context, subscription: str) -> Response:
    """List the same for every region that has an account."""
    base = _asked(ctx.request)
    regions = dict.fromkeys(accounts.region(account) for account in ctx.store.every(Kind.ACCOUNT))
    found = [
        {**item, "location": region} for region in regions for item in _capacities(ctx, base, subscription, region)
    ]
    return reply({"value": found})


def _asked(request: Request) -> BaseModel | None:
    """Return the model that a query names, None for one that is not offered.

    Raises: ServiceError (400) when the query does not name one by format, name and version.
    """
    query = {name.lower(): value for name, value in request.query.items()}
    names = ("modelFormat", "modelName", "modelVersion")
    for name in names:
        if not query.get(name.lower()):
            raise ServiceError(400, "BadRequest", f"The query parameter {name} is required.")
    wanted = tuple(query[name.lower()] for name in names)
    return next((base for base in BASE_MODELS if (base.format, base.name, base.version) == wanted), None)


def _capacities(ctx: Context, base: BaseModel | None, subscription: str, location: str) -> list[JsonObject]:
    if base is None:
        return []
    model = {"format": base.format, "name": base.name, "version": base.version}
    place = f"/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/locations/{location}"
    found: list[JsonObject] = []
    for sku in token_skus(tuned=bool(base.methods)):
        own, tuned = (usage_name(base, sku, tuned=each) for each in (False, True))
        properties = {
            "model": model,
            "skuName": sku,
            "availableCapacity": quota.left(ctx, subscription, location, own) if sku in token_skus(tuned=False) else 0,
            "availableFinetuneCapacity": quota.left(ctx, subscription, location, tuned) if base.methods else 0,
        }
        key = f"{place}/models/{base.format}.{base.name}.{base.version}/skus/{sku}"
        kind = "Microsoft.CognitiveServices/locations/models/skus"
        found.append({"id": key, "name": sku, "type": kind, "properties": properties})
    return found


def list_skus(ctx: Context, name: str) -> Response:
    """List the SKUs that a deployment could have."""
    document = deployments.existing(ctx, name)
    tuned = bool(document.sim["tuned"])
    kind = document.api["type"]
    return reply(
        {
            "value": [
                {"resourceType": kind, "sku": {"name": sku}, "capacity": _CAPACITY} for sku in token_skus(tuned=tuned)
            ]
        }
    )


def _as_known(ctx: Context, model: JsonObject) -> JsonObject:
    """Return a model with its members spelled as the caller's API version spells them."""
    if ctx.api_version != versions.ARM[0]:
        return model
    skus = [{_OLD_NAMES.get(name, name): value for name, value in sku.items()} for sku in model["skus"]]
    return {**model, "skus": skus}


def _base(base: BaseModel) -> JsonObject:
    # The open models say nothing of tuning although they can be tuned.
    tunable = bool(base.methods) and base.dated
    embeds = "embedding" in base.name
    abilities = {"embeddings": "true"} if embeds else {"chatCompletion": "true", "responses": "true"}
    if tunable:
        abilities |= {"fineTune": "true", "FineTuneTokensMaxValue": str(TOKENS_MAX)}
    return {
        "format": base.format,
        "name": base.name,
        "version": base.version,
        "isDefaultVersion": True,
        "maxCapacity": CAPACITY_MAX,
        "lifecycleStatus": "GenerallyAvailable",
        "deprecation": _dates(base),
        "capabilities": abilities,
        **({"finetuneCapabilities": dict.fromkeys(sorted(base.methods), "true")} if tunable else {}),
        "skus": [_sku(base, sku, tuned=False) for sku in token_skus(tuned=False)],
    }


def _tuned(document: Document) -> JsonObject | None:
    base = base_of(document.id)
    if base is None:
        return None
    return {
        "format": base.format,
        "name": document.id,
        "version": "1",
        "baseModel": {"format": base.format, "name": base.name, "version": base.version},
        "isDefaultVersion": True,
        "maxCapacity": CAPACITY_MAX,
        "lifecycleStatus": "GenerallyAvailable",
        "deprecation": {name: date for name, date in _dates(base).items() if name == "inference"},
        "capabilities": {"chatCompletion": "true", "responses": "true"},
        "skus": [_sku(base, sku, tuned=True) for sku in token_skus(tuned=True)],
        "systemData": {"createdAt": ticks(document.created_at)},
    }


def _dates(base: BaseModel) -> dict[str, str]:
    return {name: f"{date}T00:00:00Z" for name, date in _RETIREMENT.get(base.name, {}).items()}


def _sku(base: BaseModel, name: str, *, tuned: bool) -> JsonObject:
    inference = _dates(base).get("inference")
    return {
        "name": name,
        "usageName": usage_name(base, name, tuned=tuned),
        **({"deprecationDate": inference} if inference else {}),
        "capacity": _CAPACITY,
        "rateLimits": [
            {"key": "request", "renewalPeriod": 60, "count": 1},
            {"key": "token", "renewalPeriod": 60, "count": 1000},
        ],
    }

"""Quota: what is used of each SKU and model in a region, the usages that tell it, and the refusal of more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ftops.emulator import accounts
from ftops.emulator.context import Context
from ftops.emulator.deployment_life import CHECKPOINT_MARK, serves_tuned
from ftops.emulator.messages import JsonObject, Response, ServiceError, reply
from ftops.emulator.models import BASE_MODELS, BaseModel, base_of
from ftops.emulator.store import Document, Kind, Store

# Counted in thousands of tokens per minute; provisioned and batch SKUs have other units and are not counted here.
_TOKEN_SKUS: Mapping[str, str] = {
    name.lower(): name for name in ("Standard", "GlobalStandard", "DataZoneStandard", "DeveloperTier")
}
_ONLY_TUNED = "DeveloperTier"
_TUNED_END = "-finetune"
ACCOUNTS_MAX = 30


def check(ctx: Context, name: str, sku: JsonObject, model: str) -> None:
    """Refuse a write that needs more than what is left of its quota in the account's region.

    Raises: ServiceError (400 InsufficientQuota) with the numbers.
    """
    row = _row_of(ctx.store, str(sku["name"]), model)
    if row is None:
        return
    own = ctx.store.get(Kind.DEPLOYMENT, ctx.name, name.lower())
    used = _used(ctx.store, _neighbours(ctx.store, ctx.account)).get(row, 0)
    held = int(own.api["sku"]["capacity"]) if own and _row(ctx.store, own) == row else 0
    more, limit = sku["capacity"] - held, _limit(ctx, row)
    if more > 0 and used + more > limit:
        what = f"Tokens Per Minute (thousands) - {row.removeprefix('OpenAI.')}"
        text = (
            f"This operation require {more} new capacity in quota {what}, which is bigger than the current available "
            f"capacity {max(0, limit - used)}. The current quota usage is {used} and the quota limit is {limit} for "
            f"quota {what}."
        )
        raise ServiceError(400, "InsufficientQuota", text)


def of_region(ctx: Context, subscription: str, location: str) -> Response:
    """Return the usages of a subscription's region."""
    return _usages(ctx, _accounts_in(ctx.store, subscription.lower(), accounts.normal_region(location)))


def of_account(ctx: Context) -> Response:
    """Return the usages of one account, against the limits of its region."""
    return _usages(ctx, [ctx.account])


def left(ctx: Context, subscription: str, location: str, name: str) -> int:
    """Return how much of a quota is not used in a subscription's region."""
    place = (subscription.lower(), accounts.normal_region(location))
    used = _used(ctx.store, _accounts_in(ctx.store, *place))
    return max(0, _limit(ctx, name) - used.get(name, 0))


def usage_name(base: BaseModel, sku: str, *, tuned: bool) -> str:
    """Return the name of a quota; the gpt-4.1 family is spelled without its first dash there."""
    return f"OpenAI.{sku}.{base.name.replace('gpt-4.1', 'gpt4.1')}{_TUNED_END if tuned else ''}"


def token_skus(*, tuned: bool) -> list[str]:
    """Return the SKUs that are counted in tokens."""
    return [sku for sku in _TOKEN_SKUS.values() if tuned or sku != _ONLY_TUNED]


def _usages(ctx: Context, found: list[Document]) -> Response:
    used = _used(ctx.store, found)
    tuned = sum(document.sim["tuned"] for document in _deployments(ctx.store, found))
    rows = [_shown(name, used.get(name, 0), _limit(ctx, name)) for name in _names()]
    count_max = ctx.limits.fine_tuned_deployments * max(1, len(found))
    rows.append(_shown("OpenAI.FineTuned.Deployments", tuned, count_max))
    rows.append(_shown("OpenAI.S0.AccountCount", len(found), ACCOUNTS_MAX))
    return reply({"value": rows})


def _shown(name: str, used: int, limit: int) -> JsonObject:
    # The service writes all of them as decimal numbers.
    label = {"value": name, "localizedValue": name}
    return {"name": label, "currentValue": float(used), "limit": float(limit), "unit": "Count"}


def _names() -> list[str]:
    return [
        usage_name(base, sku, tuned=tuned)
        for base in BASE_MODELS
        for tuned in (False, True)
        if base.methods or not tuned
        for sku in token_skus(tuned=tuned)
    ]


def _limit(ctx: Context, name: str) -> int:
    return ctx.limits.finetune_quota if name.endswith(_TUNED_END) else ctx.limits.base_quota


def _neighbours(store: Store, account: Document) -> list[Document]:
    """Return the accounts that share the account's quota."""
    return _accounts_in(store, accounts.subscription(account), accounts.region(account))


def _accounts_in(store: Store, subscription: str, region: str) -> list[Document]:
    every = store.every(Kind.ACCOUNT)
    return [each for each in every if (accounts.subscription(each), accounts.region(each)) == (subscription, region)]


def _deployments(store: Store, found: Iterable[Document]) -> list[Document]:
    return [document for account in found for document in store.all(Kind.DEPLOYMENT, account.id)]


def _used(store: Store, found: Iterable[Document]) -> dict[str, int]:
    used: dict[str, int] = {}
    for document in _deployments(store, found):
        row = _row(store, document)
        if row is not None:
            used[row] = used.get(row, 0) + int(document.api["sku"]["capacity"])
    return used


def _row(store: Store, document: Document) -> str | None:
    return _row_of(store, document.api["sku"]["name"], document.api["properties"]["model"]["name"])


def _row_of(store: Store, sku: str, model: str) -> str | None:
    if model.startswith(CHECKPOINT_MARK):
        checkpoint = store.find(Kind.CHECKPOINT, model)
        model = checkpoint.api["fine_tuned_model_checkpoint"] if checkpoint else ""
    base, kind = base_of(model), _TOKEN_SKUS.get(sku.lower())
    return usage_name(base, kind, tuned=serves_tuned(model)) if base and kind else None

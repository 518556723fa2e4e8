"""Accounts: how they are named and found, and the ARM resource that describes one."""

from __future__ import annotations

import hashlib
from uuid import UUID

from ftops.emulator.addresses import endpoint_as_reached
from ftops.emulator.arm_pages import listing
from ftops.emulator.context import Context, Limits
from ftops.emulator.login_roles import PERMISSIONS
from ftops.emulator.messages import JsonObject, Response, ServiceError, reply, required_text, ticks
from ftops.emulator.store import Document, Kind

FAMILIES = frozenset({"openai", "foundry", "both"})
ARM_ENDPOINT = "https://management.emulator"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
_KEY_NUMBERS = {"key1": 1, "key2": 2}
ACTOR = {"By": "emulator@ftops.invalid", "ByType": "User"}
"""Who writes on ARM, as `systemData` tells it."""
_PARENT = f"{SUBSCRIPTION}/resourceGroups/emulator"


def resource_id(name: str) -> str:
    """Return an account's ARM id."""
    return f"{_PARENT}/providers/Microsoft.CognitiveServices/accounts/{name}"


def endpoint(name: str) -> str:
    """Return an account's data-plane root; the account is the first label of the host."""
    return f"https://{name}.openai.emulator"


def new_account(name: str, region: str, moment: float) -> Document:
    """Return an account as it is stored."""
    api: JsonObject = {
        "id": resource_id(name),
        "name": name,
        "type": "Microsoft.CognitiveServices/accounts",
        "location": region,
        "sku": {"name": "S0"},
        "kind": "AIServices",
        "properties": {
            "endpoint": f"{endpoint(name)}/",
            "endpoints": {"OpenAI Language Model Instance API": f"{endpoint(name)}/"},
            "customSubDomainName": name,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "disableLocalAuth": False,
            "dateCreated": ticks(moment),
            "isMigrated": False,
            "callRateLimit": {
                "rules": [
                    {
                        "key": "openai",
                        "renewalPeriod": 1,
                        "count": 30,
                        "matchPatterns": [{"path": "openai/*", "method": "*"}],
                    }
                ]
            },
        },
    }
    return Document(Kind.ACCOUNT, name.lower(), name.lower(), moment, api)


def get(ctx: Context) -> Response:
    """Return the account's ARM resource; the capabilities say the limits in force."""
    shown = _shown(ctx, ctx.account)
    return reply(shown, headers={"ETag": shown["etag"]})


def list_accounts(ctx: Context, subscription_id: str, group: str = "") -> Response:
    """List the accounts of a subscription, or of one of its resource groups, oldest first."""
    parent = f"/subscriptions/{subscription_id}/" + (f"resourceGroups/{group}/" if group else "")
    found = [account for account in ctx.store.every(Kind.ACCOUNT) if _is_below(account, parent)]
    return listing(ctx.request, found, ctx.limits.account_page, lambda account: _shown(ctx, account))


def list_keys(ctx: Context) -> Response:
    """Return the account's two API keys.

    An account that takes none tells none; how the service says so is not confirmed.
    """
    if ctx.limits.disable_local_auth:
        raise ServiceError(400, "BadRequest", "Failed to list key. disableLocalAuth is set to be true")
    key1, key2 = ctx.identity.keys(ctx.name)
    return reply({"key1": key1, "key2": key2})


def _is_below(account: Document, parent: str) -> bool:
    return str(account.api["id"]).lower().startswith(parent.lower())


def _shown(ctx: Context, account: Document) -> JsonObject:
    properties = {**account.api["properties"], "capabilities": _capabilities(ctx.limits)}
    if reached := endpoint_as_reached(ctx.request, account.id):
        properties |= {"endpoint": f"{reached}/", "endpoints": dict.fromkeys(properties["endpoints"], f"{reached}/")}
    key = hashlib.sha256(account.api["id"].encode()).hexdigest()[:32]
    who = {**ACTOR, "At": ticks(account.created_at)}
    system = {f"{what}{name}": value for what in ("created", "lastModified") for name, value in who.items()}
    more = {"internalId": key, "allowProjectManagement": True}
    properties["disableLocalAuth"] = ctx.limits.disable_local_auth
    etag = f'"{UUID(key)}"'
    return {**account.api, "properties": {**more, **properties}, "systemData": system, "etag": etag}


def regenerate_key(ctx: Context) -> Response:
    """Replace one of the account's keys and return both."""
    name = required_text(ctx.request.json(), "keyName")
    if name.lower() not in _KEY_NUMBERS:
        raise ServiceError(400, "InvalidKeyName", f"The key name must be Key1 or Key2, not '{name}'.")
    ctx.identity.regenerate_key(ctx.name, _KEY_NUMBERS[name.lower()])
    return list_keys(ctx)


def permissions(ctx: Context) -> Response:
    """Return what the caller may do, as far as it is the tenant's application."""
    return reply({"value": [PERMISSIONS[ctx.limits.roles].shown()]})


def _capabilities(limits: Limits) -> list[dict[str, str]]:
    values = {
        "MaxFineTuneCount": limits.jobs,
        "MaxRunningFineTuneCount": limits.running_standard,
        "MaxRunningGlobalStandardFineTuneCount": limits.running_global,
        "MaxUserFileCount": limits.files,
        "MaxTrainingFileSize": limits.file_bytes,
        "MaxUserFileImportDurationInHours": 1,
        "MaxFineTuneJobDurationInHours": 720,
    }
    return [*({"name": name, "value": str(value)} for name, value in values.items()), {"name": "VirtualNetworks"}]


def families(account: Document) -> str:
    """Return which metrics the account emits, by default both families for a Foundry resource."""
    default = "both" if account.api["kind"] == "AIServices" else "openai"
    return str(account.sim.get("metric_families", default))


def region(account: Document) -> str:
    """Return the account's region in the one spelling that places are compared by."""
    return normal_region(account.api["location"])


def normal_region(text: str) -> str:
    """Return a region's name in lower case and without blanks."""
    return text.lower().replace(" ", "")


def subscription(account: Document) -> str:
    """Return the id of the subscription that the account belongs to, in lower case."""
    return str(account.api["id"]).split("/")[2].lower()

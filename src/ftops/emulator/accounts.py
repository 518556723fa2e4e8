"""Accounts: how they are named and found, and the ARM resource that describes one."""

from __future__ import annotations

from ftops.emulator.addresses import endpoint_as_reached
from ftops.emulator.context import Context, Limits
from ftops.emulator.messages import JsonObject, Response, reply, ticks
from ftops.emulator.store import Document, Kind

FAMILIES = frozenset({"openai", "foundry", "both"})
ARM_ENDPOINT = "https://management.emulator"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
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
    properties = {**ctx.account.api["properties"], "capabilities": _capabilities(ctx.limits)}
    if reached := endpoint_as_reached(ctx.request, ctx.name):
        properties |= {"endpoint": f"{reached}/", "endpoints": dict.fromkeys(properties["endpoints"], f"{reached}/")}
    return reply({**ctx.account.api, "properties": properties})


def list_keys(ctx: Context) -> Response:
    """Return the account's two API keys."""
    key1, key2 = ctx.identity.keys(ctx.name)
    return reply({"key1": key1, "key2": key2})


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

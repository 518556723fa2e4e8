"""Pausing and resuming deployments: the two POSTs that newer ARM versions have, and what calls meet meanwhile."""

from __future__ import annotations

from ftops.emulator import deployments, versions
from ftops.emulator.context import Context
from ftops.emulator.deployment_life import PAUSED, RUNNING, STATE
from ftops.emulator.messages import Response, ServiceError, reply

PAUSABLE = frozenset({"standard", "globalstandard", "datazonestandard"})


def pause(ctx: Context, name: str) -> Response:
    """Pause a deployment; one that rests already stays as it is (azure-api.md §10)."""
    return _turn(ctx, name, PAUSED)


def resume(ctx: Context, name: str) -> Response:
    """Let a paused deployment answer calls again."""
    return _turn(ctx, name, RUNNING)


def _turn(ctx: Context, name: str, state: str) -> Response:
    if not versions.has_pause(ctx.api_version):
        text = "Pausing and resuming need api-version 2025-10-01-preview, or 2025-12-01 or later."
        raise ServiceError(405, "HttpMethodNotAllowed", text)
    document = deployments.existing(ctx, name)
    sku = document.api["sku"]["name"]
    if str(sku).lower() not in PAUSABLE:
        # Which SKUs can be paused is documented, the refusal is not.
        text = f"Deployments of the sku {sku} cannot be paused or resumed."
        raise ServiceError(400, "InvalidResourceProperties", text)
    properties = document.api["properties"]
    if properties.get(STATE, RUNNING) == state:
        return reply(deployments.shown(ctx, document))
    return deployments.rewrite(ctx, document, {"properties": {**properties, STATE: state}})

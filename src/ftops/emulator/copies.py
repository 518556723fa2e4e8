"""Copies of checkpoints into other accounts: begun and watched at the source, usable at the destination when complete.

A preview behind a header, and on v1 only (azure-api.md §7.4, service-rules.md §3.5). A copy keeps its name, no listing
of the destination shows it, it outlives its source, and no operation is known that deletes it.
"""

from __future__ import annotations

from ftops.emulator import accounts
from ftops.emulator.context import Context
from ftops.emulator.deployment_life import CHECKPOINT_MARK
from ftops.emulator.messages import (
    JsonObject,
    Response,
    ServiceError,
    gateway_not_found,
    invalid,
    reply,
    required_text,
)
from ftops.emulator.store import Document, Kind, Store

GATE = "aoai-copy-ft-checkpoints"
COPY_S = 600
"""How long a copy takes here; of the service nothing is known but that it is long-running."""
IN_PROGRESS, COMPLETED = "InProgress", "Completed"


def begin(ctx: Context, job: str, key: str) -> Response:
    """Begin to copy a checkpoint; what is asked again is answered as it stands."""
    checkpoint = _checkpoint(ctx, job, key)
    body = ctx.request.json()
    target, region = required_text(body, "destinationResourceId"), required_text(body, "region")
    account = _destination(ctx.store, target, region)
    name = f"{key}>{account.id}"
    if ctx.store.get(Kind.COPY, ctx.name, name) is None:
        told = {"destinationResourceId": target, "region": region, "status": IN_PROGRESS}
        sim: JsonObject = {
            "checkpoint": key,
            "destination": account.id,
            "model": checkpoint.api["fine_tuned_model_checkpoint"],
            "due_at": ctx.now_s + COPY_S,
        }
        ctx.store.put(Document(Kind.COPY, ctx.name, name, ctx.now_s, told, sim, active=True))
    return _state(ctx, checkpoint)


def watch(ctx: Context, job: str, key: str) -> Response:
    """Return how the copies of a checkpoint stand."""
    checkpoint = _checkpoint(ctx, job, key)
    if not _of(ctx, checkpoint):
        raise _no_copy()
    return _state(ctx, checkpoint)


def settle(store: Store, copy: Document) -> None:
    """Complete a copy: from now on the destination has the model."""
    store.put(copy.changed(status=COMPLETED, active=False))
    api: JsonObject = {"source": copy.account}
    store.put(Document(Kind.COPIED, copy.sim["destination"], copy.sim["model"], copy.sim["due_at"], api))


def _checkpoint(ctx: Context, job: str, key: str) -> Document:
    """Return the checkpoint that is meant, by its id: its model's name leads to nothing, as users report."""
    if ctx.request.headers.get(GATE, "").lower() != "preview":
        raise gateway_not_found()
    found = ctx.store.get(Kind.CHECKPOINT, ctx.name, key) if key.startswith(CHECKPOINT_MARK) else None
    if found is None or found.api["fine_tuning_job_id"] != job:
        raise _no_copy()
    return found


def _no_copy() -> ServiceError:
    return ServiceError(404, "notFound", "Copy checkpoint not found")


def _destination(store: Store, target: str, region: str) -> Document:
    """Return the account to copy into; what is documented are its prerequisites, not the words of the refusals."""
    known = (account for account in store.every(Kind.ACCOUNT) if str(account.api["id"]).lower() == target.lower())
    account = next(known, None)
    if account is None:
        raise invalid("The destinationResourceId names no account.")
    if accounts.region(account) != accounts.normal_region(region):
        raise invalid(f"The destination account is in {accounts.region(account)}, not in {region}.")
    if not store.all(Kind.JOB, account.id):
        raise invalid("The destination account must have run a fine-tuning job before.")
    return account


def _of(ctx: Context, checkpoint: Document) -> list[Document]:
    return [copy for copy in ctx.store.all(Kind.COPY, ctx.name) if copy.sim["checkpoint"] == checkpoint.id]


def _state(ctx: Context, checkpoint: Document) -> Response:
    body: JsonObject = {
        "checkpointedModelName": checkpoint.api["fine_tuned_model_checkpoint"],
        "fineTuningJobId": checkpoint.api["fine_tuning_job_id"],
        "copiedAccountDetails": [copy.api for copy in _of(ctx, checkpoint)],
    }
    return reply(body)

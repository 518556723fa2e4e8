"""The life of a deployment: which model it serves from when on, and when the service deletes it by itself."""

from __future__ import annotations

from ftops.emulator.messages import JsonObject
from ftops.emulator.models import is_tuned
from ftops.emulator.store import Document, Kind, Store

MINUTE_S = 60
IDLE_S = 15 * 86_400
DEVELOPER_S = 24 * 3_600
# The idle rule says "more than": the first moment after the deadline, as fine as the virtual clock can tell.
JUST_AFTER_S = 1e-6
CHECKPOINT_MARK = "ftchkpt-"
STATE = "deploymentState"
RUNNING, PAUSED = "Running", "Paused"
"""The property that says whether a deployment answers calls, and its values (azure-api.md §10.2)."""


def serves_tuned(name: str) -> bool:
    """Tell whether a deployed model's name is that of a tuned model or of a checkpoint, by name or by id."""
    return is_tuned(name) or name.startswith(CHECKPOINT_MARK)


def is_developer(document: Document) -> bool:
    """Tell whether a deployment has the SKU that lives for a day."""
    return str(document.api["sku"]["name"]).lower() == "developertier"


def has_failed(document: Document) -> bool:
    """Tell whether a deployment's last write failed: it serves what it served before that, if anything."""
    return bool(document.api["properties"]["provisioningState"] == "Failed")


def minute_of(moment: float) -> int:
    """Return the beginning of the minute in which a moment lies."""
    return int(moment // MINUTE_S) * MINUTE_S


def keep(store: Store, document: Document) -> Document:
    """Store a deployment with the moment at which it goes by itself, which every change may have moved."""
    return store.put(document.changed(sim={"expires_at": _expires_at(document)}))


def _expires_at(document: Document) -> float | None:
    if not document.sim["tuned"]:
        return None
    if is_developer(document):
        return document.created_at + DEVELOPER_S
    used_until: float = document.sim.get("used_until", 0.0)
    return max(document.created_at, used_until) + IDLE_S + JUST_AFTER_S


def used(store: Store, document: Document, moment: float) -> None:
    """Note a successful call: the idle rule counts from the end of the minute in which it was made."""
    until = float(minute_of(moment) + MINUTE_S)
    if document.sim.get("used_until") != until:
        keep(store, document.changed(sim={"used_until": until}))


def adopt(store: Store) -> None:
    """Give the deployments of a file that was made before the idle rule was known their moment, too."""
    for document in store.every(Kind.DEPLOYMENT):
        if "expires_at" not in document.sim:
            keep(store, document)


def served(document: Document, moment: float, delay_s: float) -> JsonObject | None:
    """Return the model that answers calls, or None while none does.

    Args: delay_s: how long after Succeeded a new model is not answering yet; a replaced one answers until then.
    """
    if document.api["properties"]["provisioningState"] == "Deleting":
        return None
    if not has_failed(document) and moment >= document.sim.get("ready_at", document.created_at) + delay_s:
        model: JsonObject = document.api["properties"]["model"]
        return model
    before: JsonObject | None = document.sim.get("before")
    return before

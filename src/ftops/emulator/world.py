"""Virtual time: what changes by itself, in the order in which it would have happened."""

from __future__ import annotations

import math
from datetime import datetime

from ftops.emulator import copies, deployments, files, imports, job_life, uploads
from ftops.emulator.context import Limits
from ftops.emulator.store import Document, Kind, Store


def tick(store: Store, now: datetime, limits: Limits) -> None:
    """Make every change that is due by `now`, each at its own moment.

    One at a time, because a job that ends frees the slot in which the next one starts: after a jump of days the world
    looks as if somebody had watched it all along.
    """
    _run(store, now.timestamp(), -math.inf, limits)


def settle(store: Store, now: datetime, limits: Limits) -> None:
    """Let the world react to what a request just did, at `now`.

    A job that was cancelled frees its slot now and not earlier; this must follow every write, so that a later tick
    finds no job that could have started before.
    """
    _run(store, now.timestamp(), float(int(now.timestamp())), limits)


def _run(store: Store, until: float, cursor: float, limits: Limits) -> None:
    while turns := _turns(store, cursor, limits):
        at, document = min(turns, key=lambda turn: turn[0])
        if at > until:
            return
        cursor = max(cursor, at)
        _step(store, document, at, limits)


def _turns(store: Store, cursor: float, limits: Limits) -> list[tuple[float, Document]]:
    """Return what changes by itself, and when.

    Of what rests, only the first to expire is looked at: deployments are many, and they wait for days.
    """
    active = store.active()
    turns = [(_due_at(document, active, cursor, limits), document) for document in active]
    expiring = store.expiring()
    return turns if expiring is None else [*turns, (max(cursor, expiring.sim["expires_at"]), expiring)]


def _due_at(document: Document, active: list[Document], cursor: float, limits: Limits) -> float:
    if document.kind is Kind.JOB:
        return job_life.due_at(document, active, cursor, limits)
    return float(document.sim["due_at"])


def _step(store: Store, document: Document, at: float, limits: Limits) -> None:
    if document.kind is Kind.JOB:
        job_life.step(store, document, at)
    elif document.kind is Kind.FILE and imports.is_under_way(document):
        imports.step(store, document, at, limits)
    elif document.kind is Kind.FILE:
        files.finish_scan(store, document)
    elif document.kind is Kind.UPLOAD:
        uploads.expire(store, document)
    elif document.kind is Kind.COPY:
        copies.settle(store, document)
    elif document.active:
        deployments.settle(store, document)
    else:
        deployments.expire(store, document, at, logged=limits.log_service_deletions)

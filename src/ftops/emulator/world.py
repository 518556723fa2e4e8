"""Virtual time: what changes by itself, in the order in which it would have happened."""

from __future__ import annotations

import math
from datetime import datetime

from ftops.emulator import deployments, files, job_life
from ftops.emulator.store import Document, Kind, Store


def tick(store: Store, now: datetime) -> None:
    """Make every change that is due by `now`, each at its own moment.

    One at a time, because a job that ends frees the slot in which the next one starts: after a jump of days the world
    looks as if somebody had watched it all along.
    """
    _run(store, now.timestamp(), -math.inf)


def settle(store: Store, now: datetime) -> None:
    """Let the world react to what a request just did, at `now`.

    A job that was cancelled frees its slot now and not earlier; this must follow every write, so that a later tick
    finds no job that could have started before.
    """
    _run(store, now.timestamp(), float(int(now.timestamp())))


def _run(store: Store, until: float, cursor: float) -> None:
    while active := store.active():
        at, document = min(((_due_at(d, active, cursor), d) for d in active), key=lambda turn: turn[0])
        if at > until:
            return
        cursor = max(cursor, at)
        _step(store, document, at)


def _due_at(document: Document, active: list[Document], cursor: float) -> float:
    if document.kind is Kind.JOB:
        return job_life.due_at(document, active, cursor)
    return float(document.sim["due_at"])


def _step(store: Store, document: Document, at: float) -> None:
    if document.kind is Kind.JOB:
        job_life.step(store, document, at)
    elif document.kind is Kind.FILE:
        files.finish_scan(store, document)
    else:
        deployments.settle(store, document)

"""Imports: files that the service fetches by itself.

Everything is fetched while the request is answered, before the store is locked; it shows when it is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ftops.emulator import files
from ftops.emulator.contents import Content, Verdict
from ftops.emulator.context import Ahead, Context, Limits
from ftops.emulator.fetch import Bounds, Unfetched, fetched, is_address
from ftops.emulator.messages import JsonObject, Request, Response, ServiceError, invalid, required_text
from ftops.emulator.store import Document, Kind, Store

PENDING_S, RUNNING_S = 3, 5


@dataclass(frozen=True, slots=True)
class Order:
    """What a request wants to be imported; its address holds a secret and is shown nowhere."""

    purpose: str
    filename: str
    expires_after_s: str | None
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Import:
    """An order and what was fetched for it."""

    order: Order
    outcome: Content | Unfetched


@contextmanager
def fetch(ahead: Ahead) -> Iterator[Import | ServiceError]:
    """Yield what a request wants to be imported, fetched and checked, or why the request is refused."""
    try:
        order = _order(ahead.request)
    except ServiceError as refusal:
        yield refusal
        return
    with fetched(order.url, Bounds(ahead.store.folder, ahead.limits.file_bytes, ahead.clock)) as outcome:
        yield Import(order, outcome)


def create(ctx: Context, found: Import | ServiceError) -> Response:
    """Begin an import and answer 201 with status pending; the file tells its size when it is done."""
    if isinstance(found, ServiceError):
        raise found
    files.check_count(ctx, found.order.purpose)
    key = f"file-{ctx.store.next_hex()}"
    api: JsonObject = {
        "id": key,
        "object": "file",
        "created_at": ctx.now_s,
        "filename": found.order.filename,
        "purpose": found.order.purpose,
        "status": "pending",
        **files.expiry(found.order.expires_after_s, ctx.now_s),
    }
    failure, verdict = "", Verdict(0)
    if isinstance(found.outcome, Content):
        verdict = found.outcome.verdict
        for position, block in enumerate(found.outcome.blocks()):
            ctx.store.add_chunk(key, position, block)
    else:
        failure = str(found.outcome)
    bad_line = verdict.bad_line if found.order.purpose == files.TRAINING else None
    sim: JsonObject = {
        "due_at": ctx.now_s + PENDING_S,
        "imported": {"size_bytes": verdict.size_bytes, "failure": failure},
        "rows": verdict.rows,
        "bad_line": bad_line,
        "sha256": verdict.sha256,
    }
    return files.told(ctx, ctx.store.put(Document(Kind.FILE, ctx.name, key, ctx.now_s, api, sim, active=True)))


def is_under_way(document: Document) -> bool:
    """Tell whether a file that changes by itself is an import."""
    return "imported" in document.sim


def step(store: Store, document: Document, at: float, limits: Limits) -> None:
    """Begin to run, or end as any file does that was checked; a failure leaves nothing of the content."""
    if document.api["status"] == "pending":
        store.put(document.changed(status="running", sim={"due_at": at + RUNNING_S}))
        return
    size_bytes = document.sim["imported"]["size_bytes"]
    failure = document.sim["imported"]["failure"] or files.too_much(store, document.account, limits, size_bytes)
    if not failure:
        files.finish_scan(store, document.changed(bytes=size_bytes))
        return
    store.drop_chunks(document.id)
    store.put(document.changed(status="error", status_details=f"fileImportFailed: {failure}", active=False))


def _order(request: Request) -> Order:
    body = request.json()
    purpose, filename = files.known_purpose(body.get("purpose")), required_text(body, "filename")
    url = body.get("content_url")
    if not isinstance(url, str) or not is_address(url):
        raise invalid("The content_url field must be an address of http or https.")
    after = body.get("expires_after")
    seconds = str(after["seconds"]) if isinstance(after, dict) and "seconds" in after else None
    return Order(purpose, filename, seconds, url)

"""Uploads in parts: created with a size, filled part by part in any order, and completed to a file, or dropped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from ftops.emulator import files
from ftops.emulator.contents import Check, FileField, Form, Verdict, received
from ftops.emulator.context import Ahead, Context
from ftops.emulator.messages import (
    JsonObject,
    Request,
    Response,
    ServiceError,
    invalid,
    not_found,
    reply,
    required_text,
)
from ftops.emulator.store import Document, Kind, Store

LIFE_S = 2 * 3_600


@dataclass(frozen=True, slots=True)
class Assembled:
    """The parts that a completion names, in its order, and what the check of the whole found."""

    parts: tuple[str, ...]
    verdict: Verdict


def create(ctx: Context) -> Response:
    """Begin an upload; it waits two hours for its parts."""
    body = ctx.request.json()
    purpose = files.known_purpose(body.get("purpose"))
    filename, _ = required_text(body, "filename"), required_text(body, "mime_type")
    size_bytes = body.get("bytes")
    if isinstance(size_bytes, bool) or not isinstance(size_bytes, int) or size_bytes < 1:
        raise invalid("The bytes field must be a positive whole number.")
    if size_bytes > ctx.limits.upload_bytes:
        raise invalid(f"The upload is larger than the limit of {ctx.limits.upload_bytes} bytes.")
    files.check_count(ctx, purpose)
    key = f"upload-{ctx.store.next_hex()}"
    api: JsonObject = {
        "id": key,
        "object": "upload",
        "bytes": size_bytes,
        "created_at": ctx.now_s,
        "filename": filename,
        "purpose": purpose,
        "status": "pending",
        "expires_at": ctx.now_s + LIFE_S,
    }
    sim: JsonObject = {"expires_at": ctx.now_s + LIFE_S, "received_bytes": 0, "parts": {}}
    ctx.store.put(Document(Kind.UPLOAD, ctx.name, key, ctx.now_s, api, sim))
    return reply(api, 200, {"Location": ctx.location(f"uploads/{key}")})


def receive_part(ahead: Ahead, _key: str) -> AbstractContextManager[Form]:
    """Receive a part."""
    wanted = FileField("data", ahead.limits.part_bytes, whole=False)
    return received(ahead.request.parts, wanted, ahead.store.folder)


def add_part(ctx: Context, form: Form, key: str) -> Response:
    """Store a part, which has been received before; a part that is sent twice is two parts."""
    upload = _pending(ctx.store.get(Kind.UPLOAD, ctx.name, key), "take a part")
    content = form.content("data")
    size_bytes = content.verdict.size_bytes
    if size_bytes == 0:
        raise invalid("The part is empty.")
    received_bytes = upload.sim["received_bytes"] + size_bytes
    if received_bytes > ctx.limits.upload_bytes:
        raise invalid(f"The parts are larger than the limit of {ctx.limits.upload_bytes} bytes.")
    part, block = f"uplprt-{ctx.store.next_hex()}", _block_id(ctx.store.next_hex())
    for position, piece in enumerate(content.blocks()):
        ctx.store.add_chunk(part, position, piece)
    parts = {**upload.sim["parts"], part: {"block": block, "bytes": size_bytes}}
    ctx.store.put(upload.changed(sim={"parts": parts, "received_bytes": received_bytes}))
    shown = {"id": part, "object": "upload.part", "created_at": ctx.now_s, "upload_id": key, "azure_block_id": block}
    return reply(shown)


@contextmanager
def read_parts(ahead: Ahead, key: str) -> Iterator[Assembled | ServiceError]:
    """Yield the parts that a completion names, checked as the one content that they become, or why it is refused.

    Parts never change, so what is found here still holds under the lock, if the upload is still pending then.
    """
    assembled: Assembled | ServiceError
    try:
        upload = _pending(ahead.store.get(Kind.UPLOAD, ahead.account.id, key), "be completed")
        assembled = _assemble(ahead.store, upload, ahead.request)
    except ServiceError as refusal:
        assembled = refusal
    yield assembled


def complete(ctx: Context, assembled: Assembled | ServiceError, key: str) -> Response:
    """Make a file of the parts, which have been checked before; parts that are not named are dropped."""
    upload = _pending(ctx.store.get(Kind.UPLOAD, ctx.name, key), "be completed")
    if isinstance(assembled, ServiceError):
        raise assembled
    files.check_room(ctx, upload.api["purpose"], assembled.verdict.size_bytes)
    file = files.add(ctx, upload.api["purpose"], upload.api["filename"], assembled.verdict, {})
    position = 0
    for part in assembled.parts:
        position = ctx.store.move_chunks(part, file.id, position)
    return reply({**_end(ctx.store, upload, "completed").api, "file": file.api})


def cancel(ctx: Context, key: str) -> Response:
    """Give an upload up; its parts are dropped."""
    upload = _pending(ctx.store.get(Kind.UPLOAD, ctx.name, key), "be cancelled")
    return reply(_end(ctx.store, upload, "cancelled").api)


def expire(store: Store, upload: Document) -> None:
    """End an upload that waited too long; its parts are dropped."""
    _end(store, upload, "expired")


def _end(store: Store, upload: Document, status: str) -> Document:
    for part in upload.sim["parts"]:
        store.drop_chunks(part)
    return store.put(upload.changed(sim={"expires_at": None, "parts": {}}, status=status))


def _pending(upload: Document | None, deed: str) -> Document:
    if upload is None:
        raise not_found()
    status = upload.api["status"]
    if status != "pending":
        raise ServiceError(400, "unexpectedEntityState", f"An upload in status {status} cannot {deed}.")
    return upload


def _assemble(store: Store, upload: Document, request: Request) -> Assembled:
    body = request.json()
    parts = _named_parts(upload, body.get("part_ids"))
    size_bytes = sum(upload.sim["parts"][part]["bytes"] for part in parts)
    if size_bytes != upload.api["bytes"]:
        raise invalid(f"The parts have {size_bytes} bytes, but the upload was created for {upload.api['bytes']}.")
    check, digest = Check(), hashlib.md5(usedforsecurity=False)
    for part in parts:
        for block in store.chunks(part):
            check.feed(block)
            digest.update(block)
    md5 = body.get("md5")
    if md5 is not None and str(md5).lower() != digest.hexdigest():
        raise invalid("The md5 of the parts is not the one that was sent.")
    return Assembled(parts, check.verdict())


def _named_parts(upload: Document, named: Any) -> tuple[str, ...]:  # noqa: ANN401  any JSON value may have been sent
    """Return the parts of a list that may call each by its id or by its block's."""
    if not isinstance(named, list) or not named or not all(isinstance(name, str) for name in named):
        raise invalid("The part_ids field must be a list of part ids that is not empty.")
    known = {part["block"]: key for key, part in upload.sim["parts"].items()} | {
        key: key for key in upload.sim["parts"]
    }
    for name in named:
        if name not in known:
            raise invalid(f"The upload has no part {name}.")
    parts = tuple(known[name] for name in named)
    if len(set(parts)) < len(parts):
        raise invalid("The part_ids field names a part twice.")
    return parts


def _block_id(digits: str) -> str:
    """Return what a block of Azure's storage is called: base64, of one length."""
    return base64.b64encode(bytes.fromhex(digits)).decode()

"""Files: upload, listing, content, deletion, and the check that runs a few seconds after an upload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ftops.emulator.context import LIST_LIMIT_MAX, Context, Surface, page
from ftops.emulator.messages import JsonObject, Response, ServiceError, invalid, reply
from ftops.emulator.store import Document, Kind, Store

SCAN_S = 5
EXPIRY_S = range(1_209_600, 2_592_001)
TRAINING, RESULTS = "fine-tune", "fine-tune-results"
PURPOSES = frozenset({TRAINING, "assistants", "batch", "evals", "user_data", "vision"})


def create(ctx: Context) -> Response:
    """Store an upload, which has been received and checked before, and answer 201 with status pending."""
    if ctx.form is None:
        raise invalid("The request must be multipart/form-data.")
    if ctx.form.refusal is not None:
        raise ctx.form.refusal
    key = f"file-{ctx.store.next_hex()}"
    fields, content = ctx.form.fields, ctx.form.file
    purpose = fields.get("purpose", "")
    if purpose not in PURPOSES:
        raise invalid("The purpose of the file is missing or not supported.")
    if content is None:
        raise invalid("The file field is required.")
    scanned = purpose == TRAINING
    if scanned:
        _admit(ctx, content.size_bytes)
    api: JsonObject = {
        "id": key,
        "object": "file",
        "bytes": content.size_bytes,
        "created_at": ctx.now_s,
        "filename": content.filename,
        "purpose": purpose,
        "status": "pending" if scanned else "processed",
        **_expiry(fields, ctx.now_s),
    }
    sim = {"rows": content.rows, "bad_line": content.bad_line, "sha256": content.sha256, "due_at": ctx.now_s + SCAN_S}
    for position, block in enumerate(content.blocks()):
        ctx.store.add_chunk(key, position, block)
    ctx.store.put(Document(Kind.FILE, ctx.name, key, ctx.now_s, api, sim, active=scanned))
    return reply(api, 201, {"Location": ctx.location(f"files/{key}")})


def _admit(ctx: Context, size_bytes: int) -> None:
    """Refuse a training file beyond the number of them, or beyond the bytes of them and of result files together."""
    held = [document.api for document in ctx.store.all(Kind.FILE, ctx.name)]
    if sum(f["purpose"] == TRAINING for f in held) >= ctx.limits.files:
        raise ServiceError(400, "quotaExceeded", f"The resource already holds {ctx.limits.files} files.")
    if sum(f["bytes"] for f in held if f["purpose"] in {TRAINING, RESULTS}) + size_bytes > ctx.limits.total_bytes:
        text = f"The files of the resource would exceed {ctx.limits.total_bytes} bytes in total."
        raise ServiceError(400, "quotaExceeded", text)


def place(store: Store, account: str, at_s: int, told: JsonObject) -> Document:
    """Return a file of the told name, purpose and bytes that somebody uploaded; of a large one nothing is kept."""
    key = f"file-{store.next_hex()}"
    api: JsonObject = {"id": key, "object": "file", "created_at": at_s, "status": "processed", **told}
    return store.put(Document(Kind.FILE, account, key, at_s, api))


def list_files(ctx: Context) -> Response:
    """List files; every entry carries `status_details`, and only v1 says whether more follow."""
    purpose = ctx.request.query.get("purpose")
    files = [document.api for document in ctx.listed(Kind.FILE)]
    items: list[JsonObject] = [{"status_details": None} | f for f in files if purpose in (None, "", f["purpose"])]
    if ctx.request.query.get("order") == "asc":
        items.reverse()
    data, has_more = page(ctx.request, items, LIST_LIMIT_MAX)
    body: JsonObject = {"object": "list", "data": data}
    if ctx.surface is Surface.V1:
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        body |= {**ends, "has_more": has_more}
    return reply(body)


def get(ctx: Context, key: str) -> Response:
    """Return one file."""
    return reply(ctx.get(Kind.FILE, key).api)


def content(ctx: Context, key: str) -> Response:
    """Stream a file's bytes."""
    document = ctx.get(Kind.FILE, key)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(document.api["bytes"])}
    return Response(200, headers, ctx.store.chunks(key))


def delete(ctx: Context, key: str) -> Response:
    """Delete a file; what is already gone is answered with `deleted: false`, not with 404."""
    document = ctx.store.get(Kind.FILE, ctx.name, key)
    if document is not None:
        ctx.store.delete(document)
    return reply({"object": "file", "deleted": document is not None, "id": key})


def write_result(store: Store, document: Document, pieces: Iterable[bytes]) -> None:
    """Fill a job's result file, which until now was being written."""
    size_bytes = 0
    for position, piece in enumerate(pieces):
        store.add_chunk(document.id, position, piece)
        size_bytes += len(piece)
    store.put(document.changed(bytes=size_bytes, status="processed"))


def open_result(store: Store, account: str, at_s: int) -> Document:
    """Create the file into which a job that starts at `at_s` will write its curves."""
    key = f"file-{store.next_hex()}"
    api: JsonObject = {
        "id": key,
        "object": "file",
        "bytes": 0,
        "created_at": at_s,
        "filename": "results.csv",
        "purpose": RESULTS,
        "status": "running",
    }
    return store.put(Document(Kind.FILE, account, key, at_s, api))


def finish_scan(store: Store, document: Document) -> None:
    """Give a file the verdict of its check, which read the lines while they arrived."""
    line = document.sim["bad_line"]
    if line is None:
        store.put(document.changed(status="processed", active=False))
        return
    details = f"Validation of jsonl file failed: Deserialization of line #{line} failed."
    store.put(document.changed(status="error", status_details=details, active=False))


def _expiry(fields: Mapping[str, str], now_s: int) -> JsonObject:
    text = fields.get("expires_after[seconds]") or fields.get("expires_after.seconds")
    if text is None:
        return {}
    if not text.isascii() or not text.isdigit() or int(text) not in EXPIRY_S:
        raise invalid(f"expires_after.seconds must be between {EXPIRY_S.start} and {EXPIRY_S.stop - 1}.")
    return {"expires_at": now_s + int(text)}

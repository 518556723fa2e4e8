"""Files: upload, listing, content, deletion, and the check that runs a few seconds after an upload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from ftops.emulator import echoes
from ftops.emulator.contents import FileField, Form, Verdict, received
from ftops.emulator.context import LIST_LIMIT_MAX, Ahead, Context, Limits, Surface, page
from ftops.emulator.messages import JsonObject, Response, invalid, not_found, reply
from ftops.emulator.store import Document, Kind, Store

SCAN_S = 5
_LIST_QUERY = {True: ("after",), False: ("limit", "after", "order")}
"""Which of the queries that shape a list are read, on the stable classic versions and elsewhere."""
EXPIRY_S = range(1_209_600, 2_592_001)
TRAINING, RESULTS, BATCH = "fine-tune", "fine-tune-results", "batch"
"""The purposes of files that are checked, of those that jobs write, and of those that are run in batches."""
PURPOSES = frozenset({TRAINING, BATCH, "assistants", "evals", "user_data", "vision"})


def receive(ahead: Ahead) -> AbstractContextManager[Form]:
    """Receive and check an upload."""
    wanted = FileField("file", ahead.limits.file_bytes)
    return received(ahead.request.parts, wanted, ahead.store.folder)


def create(ctx: Context, form: Form) -> Response:
    """Store an upload, which has been received and checked before, and tell it with status pending."""
    fields, content = form.fields, form.content("file")
    purpose = known_purpose(fields.get("purpose"))
    check_room(ctx, purpose, content.verdict.size_bytes)
    seconds = _seconds(fields) if ctx.surface is not Surface.GA else None
    expires = expiry(seconds, ctx.now_s)
    # Checked for every purpose; the recorded upload for batches had an expiry and no echo of it (azure-api.md §4.3).
    document = add(ctx, purpose, content.filename, content.verdict, {} if purpose == BATCH else expires)
    for position, block in enumerate(content.blocks()):
        ctx.store.add_chunk(document.id, position, block)
    return told(ctx, document)


def told(ctx: Context, document: Document) -> Response:
    """Return the answer that tells of a new file."""
    location = {"Location": ctx.location(f"files/{document.id}")}
    return reply(echoes.file(ctx, document.api), echoes.created_status(ctx), location)


def known_purpose(value: object) -> str:
    """Return the purpose of a new file.

    Raises: ServiceError (400) when it is none that the service has.
    """
    if not isinstance(value, str) or value not in PURPOSES:
        raise invalid("The purpose of the file is missing or not supported.")
    return value


def check_count(ctx: Context, purpose: str) -> None:
    """Refuse one more training file than the account may hold; results of jobs and other tools' files do not count."""
    held = sum(file.api["purpose"] == TRAINING for file in ctx.store.all(Kind.FILE, ctx.name))
    if purpose == TRAINING and held >= ctx.limits.files:
        raise ctx.full(f"The resource already holds {ctx.limits.files} files.")


def check_room(ctx: Context, purpose: str, size_bytes: int) -> None:
    """Refuse one more training file of this size when the account would hold too many, or too much."""
    check_count(ctx, purpose)
    if purpose == TRAINING and (text := too_much(ctx.store, ctx.name, ctx.limits, size_bytes)):
        raise ctx.full(text)


def too_much(store: Store, account: str, limits: Limits, size_bytes: int) -> str:
    """Return why an account cannot hold so many bytes more, or nothing; training files count and results of jobs."""
    files = [file.api for file in store.all(Kind.FILE, account) if file.api["purpose"] in {TRAINING, RESULTS}]
    held_bytes = sum(int(file.get("bytes", 0)) for file in files)
    if held_bytes + size_bytes <= limits.total_bytes:
        return ""
    return f"The files of the resource would hold more than {limits.total_bytes} bytes together."


def add(ctx: Context, purpose: str, filename: str, verdict: Verdict, more: JsonObject) -> Document:
    """Put a new file and return it; its bytes are written under its id by the caller."""
    key = f"file-{ctx.store.next_hex()}"
    scanned = purpose == TRAINING
    api: JsonObject = {
        "id": key,
        "object": "file",
        "bytes": verdict.size_bytes,
        "created_at": ctx.now_s,
        "filename": filename,
        "purpose": purpose,
        "status": "pending" if scanned else "processed",
        **more,
    }
    sim = {"rows": verdict.rows, "bad_line": verdict.bad_line, "sha256": verdict.sha256, "due_at": ctx.now_s + SCAN_S}
    return ctx.store.put(Document(Kind.FILE, ctx.name, key, ctx.now_s, api, sim, active=scanned))


def place(store: Store, account: str, at_s: int, told: JsonObject) -> Document:
    """Return a file of the told name, purpose and bytes that somebody uploaded; of a large one nothing is kept."""
    key = f"file-{store.next_hex()}"
    api: JsonObject = {"id": key, "object": "file", "created_at": at_s, "status": "processed", **told}
    return store.put(Document(Kind.FILE, account, key, at_s, api))


def list_files(ctx: Context) -> Response:
    """List files; every entry carries `status_details`, and only v1 says whether more follow (azure-api.md §4.4)."""
    asked = ctx.request.query
    # The stable classic versions have neither limit nor order. They have no after, either, but an SDK asks on after the
    # last file when has_more is absent, and would never end if it got the same page again.
    known = {name: asked[name] for name in _LIST_QUERY[ctx.surface is Surface.GA] if name in asked}
    purpose = asked.get("purpose")
    files = [document.api for document in ctx.listed(Kind.FILE)]
    items: list[JsonObject] = [{"status_details": None} | f for f in files if purpose in (None, "", f["purpose"])]
    if known.get("order") == "asc":
        items.reverse()
    data, has_more = page(replace(ctx, request=replace(ctx.request, query=known)), items, LIST_LIMIT_MAX)
    more: JsonObject = {}
    if ctx.surface is Surface.V1:
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        more = {**ends, "has_more": has_more}
    return reply(echoes.listing(ctx, [echoes.file(ctx, item) for item in data], more))


def get(ctx: Context, key: str) -> Response:
    """Return one file."""
    return reply(echoes.file(ctx, ctx.get(Kind.FILE, key).api))


def content(ctx: Context, key: str) -> Response:
    """Stream a file's bytes; an import that is not done, or failed, has none."""
    document = ctx.get(Kind.FILE, key)
    if "bytes" not in document.api:
        raise not_found()
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


def expiry(text: str | None, now_s: int) -> JsonObject:
    """Return the member that says when a file expires, if seconds are given.

    Raises: ServiceError (400) when they are not what the service takes.
    """
    if text is None:
        return {}
    if not text.isascii() or not text.isdigit() or int(text) not in EXPIRY_S:
        raise invalid(f"expires_after.seconds must be between {EXPIRY_S.start} and {EXPIRY_S.stop - 1}.")
    return {"expires_at": now_s + int(text)}


def _seconds(fields: Mapping[str, str]) -> str | None:
    """Return the seconds after which a file expires, in either spelling of the form (§4.3)."""
    anchor = fields.get("expires_after[anchor]") or fields.get("expires_after.anchor")
    if anchor not in (None, "created_at"):
        raise invalid("expires_after.anchor must be created_at.")
    return fields.get("expires_after[seconds]") or fields.get("expires_after.seconds")

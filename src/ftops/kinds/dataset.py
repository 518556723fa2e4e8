"""Datasets: files of training rows, found by the digest in their name, uploaded where a job needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftops.call import Call, Plane, Upload
from ftops.digest import FILE_DIGEST_LENGTH, Marker, file_name, marker_in_file_name
from ftops.kinds.base import Context, Effect, FieldRule, Item, Listing, Shape, Traits, Uninquiring, Untrained
from ftops.kinds.bodies import Body, moment
from ftops.kinds.envelope import (
    Document,
    Finding,
    Path,
    RuleLevels,
    Strict,
    artifact_name,
    as_type,
    rule_findings,
)
from ftops.model import Address, Change, Object, Phase, Resource
from ftops.rules import Rules
from ftops.upkeep import FREE, Cost, Lifecycle, Room, many

PURPOSE = "fine-tune"
RETRIES = 1
"""A file that ended in `error` is sent again once (semantics §1)."""


class DatasetSpec(Strict):
    """Where the rows come from: a file under the project root."""

    file: str

    not_yet: ClassVar[Mapping[str, str]] = {
        "content_url": "importing a file from a URL",
        "id": "using a file that is in the account already",
    }


class DatasetLifecycle(Strict):
    """`sha256` pins the content: the file is then read only to upload, and verified; `rules` overrides severities."""

    format: Literal["chat", "dpo", "rft"] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    rules: RuleLevels = Field(default_factory=dict)


class DatasetDocument(Document):
    """`kind: Dataset`."""

    kind: Literal["Dataset"]
    spec: DatasetSpec
    lifecycle: DatasetLifecycle = Field(default_factory=DatasetLifecycle)


class FileBody(Body):
    """A file as the service describes it."""

    id: str
    filename: str
    purpose: str = ""
    status: str
    bytes: int | None = None
    created_at: int
    status_details: str | None = None


_PHASES = {
    "processed": Phase.READY,
    "error": Phase.FAILED,
    "deleted": Phase.CANCELLED,
    "deleting": Phase.CANCELLED,
}
"""Every other status (uploaded, pending, running) is on its way."""


class DatasetKind(Uninquiring, Untrained):
    """The kind `dataset`."""

    word = "dataset"
    title = "Dataset"
    document: type[Document] = DatasetDocument
    traits = Traits(Shape.ARTIFACT, on_demand=True, short_wait=True, disposable=True)
    rules: Mapping[str, FieldRule] = {
        "filename": FieldRule(Effect.FIXED, "it is display, and an edit is used by the next upload"),
    }

    def check(self, document: Document, rules: Rules) -> Iterable[Finding]:
        """Yield what is wrong with the values of a dataset."""
        dataset = as_type(DatasetDocument, document)
        yield from artifact_name(dataset)
        if dataset.metadata.account is not None:
            detail = "A dataset has no account: it is uploaded wherever a job needs it. Take `account` out."
            yield Finding(("metadata", "account"), "unknown-field", "Unknown field", detail, on_key=True)
        yield from rule_findings(dataset.lifecycle.rules)

    def files(self, document: Document) -> Iterable[tuple[Path, str]]:
        """Yield the file of rows."""
        yield ("spec", "file"), as_type(DatasetDocument, document).spec.file

    def references(self, document: Document) -> Iterable[tuple[Path, Address]]:
        """Yield nothing: a dataset refers to no document."""
        return ()

    def resource(self, document: Document, context: Context) -> Resource:
        """Return the dataset in one account; `context.facts` holds what was measured of its file."""
        name = document.metadata.name
        digest = str(context.facts["digest"])
        marker = Marker(context.owner, name, digest[:FILE_DIGEST_LENGTH])
        return Resource(
            address=Address(self.word, name),
            account=context.account,
            digest=digest,
            marker=marker,
            names=frozenset({name, *document.metadata.formerly}),
            fields={"filename": file_name(marker)},
            span=context.span,
            lifecycle=Lifecycle(retries=RETRIES, retry_any_cause=True),
            facts=context.facts,
        )

    def listings(self) -> Mapping[str, Listing]:
        """Return the listing of files to train with."""
        return {"files": Listing(Call(Plane.DATA, "GET", "/files", {"purpose": PURPOSE}))}

    def observe(self, listings: Mapping[str, Sequence[Item]], account: str) -> tuple[Object, ...]:
        """Return the files that are training data; result files, other tools' and deleted ones are left out."""
        files = [self.observe_one(item, account) for item in listings["files"] if item.get("purpose") == PURPOSE]
        return tuple(found for found in files if found.phase is not Phase.CANCELLED)

    def observe_one(self, item: Item, account: str) -> Object:
        """Return the file that a body describes."""
        body = FileBody.model_validate(item)
        marker = marker_in_file_name(body.filename)
        return Object(
            kind=self.word,
            account=account,
            id=body.id,
            phase=_PHASES.get(body.status, Phase.QUEUED),
            state=body.status,
            marker=marker,
            label=marker.name if marker else "",
            fields={"filename": body.filename},
            outputs={"last": body.id},
            created_at=moment(body.created_at),
            problem=body.status_details or "",
        )

    def reads(self, found: Object, now: datetime) -> Call | None:
        """Return None: a listing tells everything about files."""
        return None

    def observe_more(self, found: Object, body: Item, rules: Rules) -> Object:
        """Return the file as it was."""
        return found

    def claims(self, resource: Resource, found: Object, owners: frozenset[str]) -> bool:
        """Tell whether a file carries our owner mark and this content's digest; the name in it is display."""
        marker = found.marker
        ours = marker is not None and marker.owner in owners and marker.digest == resource.marker.digest
        return ours and found.phase is not Phase.CANCELLED

    def contradictions(self, resource: Resource, found: Object, sent: Mapping[str, str] | None) -> tuple[Change, ...]:
        """Return the echoed name if the create call's answer tells another."""
        echoed = found.fields["filename"]
        if sent is None or echoed == resource.fields["filename"]:
            return ()
        return (Change("filename", echoed, resource.fields["filename"]),)

    def read(self, found: Object) -> Call:
        """Return the call that reads a file's state."""
        return Call(Plane.DATA, "GET", f"/files/{found.id}")

    def create(self, resource: Resource, resolved: Mapping[str, str]) -> Call:
        """Return the upload."""
        upload = Upload(
            path=FilePath(str(resource.facts["path"])),
            filename=str(resource.fields["filename"]),
            purpose=PURPOSE,
            digest=resource.digest,
            size_bytes=int(resource.facts["size_bytes"] or 0),
        )
        return Call(Plane.DATA, "POST", "/files", body=upload)

    def update(self, resource: Resource, found: Object, resolved: Mapping[str, str]) -> Call:
        """Raise: an artifact is never updated."""
        raise NotImplementedError("a dataset is an artifact")

    def cancel(self, found: Object) -> Call:
        """Raise: an upload is deleted, never cancelled."""
        raise NotImplementedError("a file cannot be cancelled")

    def delete(self, found: Object) -> Call:
        """Return the deletion of a file."""
        return Call(Plane.DATA, "DELETE", f"/files/{found.id}")

    def room(self, listings: Mapping[str, Sequence[Item]], told: Mapping[str, int], rules: Rules) -> Room | None:
        """Return how many files to train with there are; result files are not listed with them."""
        limit = told.get("MaxUserFileCount", rules.limits.files.count_max)
        return Room(len(listings["files"]), limit, "files")

    def cost(self, resource: Resource) -> Cost:
        """Return nothing: files are not billed."""
        return FREE

    def price(self, found: Object, region: str, rules: Rules) -> Cost:
        """Return nothing: files are not billed."""
        return FREE

    def describe(self, resource: Resource) -> str:
        """Return `upload 3.1 MB, 4,180 examples, about 1.02 M tokens`; rows are unknown when the content is pinned."""
        size_mb = int(resource.facts["size_bytes"] or 0) / 1e6
        size = f"{size_mb:,.1f} MB" if size_mb >= 1 else f"{size_mb * 1000:,.1f} kB"
        rows = resource.facts.get("rows")
        tokens = resource.facts.get("tokens")
        told = [f"upload {size}"]
        told += [f"{rows:,} examples"] if isinstance(rows, int) else []
        told += [f"about {many(tokens)} tokens"] if isinstance(tokens, int) else []
        return ", ".join(told)

    def progress(self, found: Object, now: datetime) -> str:
        """Return how the service's scan of a file stands."""
        if found.phase is Phase.FAILED:
            return f"the service refused it: {found.problem}"
        return str(found.fields["filename"]) if found.phase is Phase.READY else "being scanned"

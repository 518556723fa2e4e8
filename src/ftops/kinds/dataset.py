"""Datasets: files of training rows, found by the digest in their name, uploaded where a job needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from ftops.call import Call, FromEnv, Plane, Upload
from ftops.digest import FILE_DIGEST_LENGTH, Marker, file_name, marker_in_file_name
from ftops.kinds.base import Context, Effect, FieldRule, Item, Listing, Shape, Traits, Uninquiring, Untrained
from ftops.kinds.bodies import Body, moment
from ftops.kinds.envelope import (
    Document,
    EnvRef,
    Finding,
    Path,
    RuleLevels,
    Strict,
    artifact_name,
    as_type,
    rule_findings,
    wrong_variable,
)
from ftops.kinds.file_room import PURPOSE, SIZE, file_rooms
from ftops.model import Address, Change, Object, Phase, Resource, Scalar
from ftops.redaction import redact
from ftops.rules import Rules
from ftops.rules.troubles import trouble_of_state
from ftops.trouble import Trouble
from ftops.upkeep import FREE, Cost, Lifecycle, Room, many, sized
from ftops.urls import is_secret, wrong_source

_CODE = re.compile(r"\A[a-z]\w+(?=: )")
"""The code that a file's error may begin with, such as `fileImportFailed: …` (azure-api.md §3.3)."""
RETRIES = 1
"""A file that ended in `error` is sent again once (semantics §1)."""


ContentUrl: TypeAlias = Annotated[
    Annotated[str, Tag("literal")] | Annotated[EnvRef, Tag("env")],
    Discriminator(lambda value: "literal" if isinstance(value, str) else "env"),
]


class DatasetSpec(Strict):
    """Where the rows come from: a file under the project root, or a URL that the service imports from."""

    file: str | None = None
    content_url: ContentUrl | None = None

    not_yet: ClassVar[Mapping[str, str]] = {"id": "using a file that is in the account already"}

    @property
    def source(self) -> Mapping[str, Scalar]:
        """Return the facts that say where the service imports from: the variable's name, or the URL; none of a file."""
        if isinstance(self.content_url, EnvRef):
            return {"content_url_env": self.content_url.env}
        return {} if self.content_url is None else {"content_url": self.content_url}


class DatasetLifecycle(Strict):
    """`sha256` pins the content: a file is then read only to upload, and verified; of a URL it is the identity."""

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
        yield from _source_findings(dataset)
        if dataset.metadata.account is not None:
            detail = "A dataset has no account: it is uploaded wherever a job needs it. Take `account` out."
            yield Finding(("metadata", "account"), "unknown-field", "Unknown field", detail, on_key=True)
        yield from rule_findings(dataset.lifecycle.rules, self.title)

    def files(self, document: Document) -> Iterable[tuple[Path, str]]:
        """Yield the file of rows, unless they are imported."""
        file = as_type(DatasetDocument, document).spec.file
        if file is not None:
            yield ("spec", "file"), file

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
        """Return the listing of all files: those of other purposes take room too."""
        return {"files": Listing(Call(Plane.DATA, "GET", "/files"))}

    def observe(self, listings: Mapping[str, Sequence[Item]], account: str) -> tuple[Object, ...]:
        """Return the files that are training data; result files, other tools' and deleted ones are left out."""
        files = [self.observe_one(item, account) for item in listings["files"] if item.get("purpose") == PURPOSE]
        return tuple(found for found in files if found.phase is not Phase.CANCELLED)

    def observe_one(self, item: Item, account: str) -> Object:
        """Return the file that a body describes."""
        body = FileBody.model_validate(item)
        marker = marker_in_file_name(body.filename)
        phase, told = _PHASES.get(body.status, Phase.QUEUED), body.status_details or ""
        return Object(
            kind=self.word,
            account=account,
            id=body.id,
            phase=phase,
            state=body.status,
            marker=marker,
            label=marker.name if marker else "",
            fields={"filename": body.filename} | ({} if body.bytes is None else {SIZE: body.bytes}),
            outputs={"last": body.id},
            created_at=moment(body.created_at),
            problem=redact(told),  # It may be the URL that could not be read.
            trouble=_trouble(told) if phase is Phase.FAILED else None,
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
        """Return the upload, or the import by the service from a URL."""
        filename, facts = str(resource.fields["filename"]), resource.facts
        if "path" in facts:
            upload = Upload(FilePath(str(facts["path"])), filename, PURPOSE, resource.digest)
            return Call(Plane.DATA, "POST", "/files", body=upload)
        named = facts.get("content_url_env")
        url = facts["content_url"] if named is None else FromEnv(str(named))
        body = {"purpose": PURPOSE, "filename": filename, "content_url": url}
        return Call(Plane.DATA, "POST", "/files/import", body=body)

    def update(self, resource: Resource, found: Object, resolved: Mapping[str, str]) -> Call:
        """Raise: an artifact is never updated."""
        raise NotImplementedError("a dataset is an artifact")

    def cancel(self, found: Object) -> Call:
        """Raise: an upload is deleted, never cancelled."""
        raise NotImplementedError("a file cannot be cancelled")

    def delete(self, found: Object) -> Call:
        """Return the deletion of a file."""
        return Call(Plane.DATA, "DELETE", f"/files/{found.id}")

    def rooms(self, listings: Mapping[str, Sequence[Item]], told: Mapping[str, int], rules: Rules) -> tuple[Room, ...]:
        """Return how many files there are, and how large they are together."""
        return file_rooms(listings["files"], told, rules.limits.files)

    def cost(self, resource: Resource) -> Cost:
        """Return nothing: files are not billed."""
        return FREE

    def price(self, found: Object, region: str, rules: Rules) -> Cost:
        """Return nothing: files are not billed."""
        return FREE

    def describe(self, resource: Resource) -> str:
        """Return `upload 3.1 MB, 4,180 examples, about 1.02 M tokens`; rows are unknown when the content is pinned."""
        if "path" not in resource.facts:
            named = resource.facts.get("content_url_env")
            return f"import from {resource.facts['content_url'] if named is None else f'the URL in {named}'}"
        size = sized(int(resource.facts[SIZE] or 0))
        rows = resource.facts.get("rows")
        tokens = resource.facts.get("tokens")
        told = [f"upload {size}"]
        told += [f"{rows:,} examples"] if isinstance(rows, int) else []
        about = "" if resource.facts.get("tokens_exact") else "about "
        told += [f"{about}{many(tokens)} tokens"] if isinstance(tokens, int) else []
        return ", ".join(told)

    def progress(self, found: Object, now: datetime) -> str:
        """Return how the service's scan of a file stands."""
        if found.phase is Phase.FAILED:
            return f"the service refused it: {found.problem}"
        return str(found.fields["filename"]) if found.phase is Phase.READY else "being scanned"


def _trouble(told: str) -> Trouble | None:
    """Return what is known of the error of a file."""
    code = _CODE.match(told)
    return trouble_of_state("dataset", code[0] if code else "", told)


def _source_findings(dataset: DatasetDocument) -> Iterable[Finding]:
    """Yield what is wrong with where the rows come from."""
    spec, here = dataset.spec, ("spec", "content_url")
    if spec.file is None and spec.content_url is None:
        detail = "A Dataset needs `file: PATH`, or `content_url: {env: FTOPS_NAME}` to have the service import it."
        yield Finding(("spec",), "missing-field", "Missing field", detail, on_key=True)
    if spec.content_url is None:
        return
    if spec.file is not None:
        detail = "The rows come from a file or from a URL, not from both. Take one of the two out."
        yield Finding(here, "bad-value", "Value not allowed", detail, on_key=True)
    if dataset.lifecycle.sha256 is None:
        detail = (
            "A dataset is found again by its content, which ftops does not read at a URL: write its digest as "
            "`lifecycle: {sha256: …}`. It is what `sha256sum` prints of a file without byte-order mark and CRLF."
        )
        yield Finding(here, "missing-field", "Missing field", detail, on_key=True)
    if isinstance(spec.content_url, EnvRef):
        yield from wrong_variable((*here, "env"), spec.content_url.env, "URL", "FTOPS_SUPPORT_URL")
    elif is_secret(spec.content_url):
        detail = (
            "Whoever reads a URL with a signature, token or password has access, and a spec is read by many. Put it "
            "into an environment variable and name that: `content_url: {env: FTOPS_SUPPORT_URL}`. One that was "
            "committed has to be revoked."
        )
        yield Finding(here, "secret-literal", "A secret in a spec", detail)
    elif wrong_source(spec.content_url):
        yield Finding(here, "bad-value", "Value not allowed", wrong_source(spec.content_url))

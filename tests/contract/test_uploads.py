"""Uploads in parts, on classic paths only, as the OpenAI SDK makes them."""

from __future__ import annotations

import hashlib

import pytest
from clients import CLASSIC_GA_VERSION, CLASSIC_VERSION, data_client
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI
from openai.types import Upload
from operations import Surface
from service import Account, Service
from steps import GATEWAY_404, SCAN_S, jsonl, nulls_in, raw, refusal

CONTENT = jsonl()
HALVES = (CONTENT[:100], CONTENT[100:])
LIFE_S = 2 * 3600


def begun(client: OpenAI, size_bytes: int = len(CONTENT)) -> Upload:
    """Return an upload that waits for its parts."""
    return client.uploads.create(
        bytes=size_bytes, filename="rows.jsonl", mime_type="application/jsonl", purpose="fine-tune"
    )


def refused(error: APIStatusError) -> tuple[str, str]:
    """Return the code and message of a refusal with 400."""
    status, code, message = refusal(error)
    assert status == 400
    return code, message


@pytest.mark.fact("azure-api.md §5.2 [S]")
@pytest.mark.parametrize("version", [CLASSIC_VERSION, CLASSIC_GA_VERSION])
def test_a_file_is_made_of_its_parts(service: Service, account: Account, version: str) -> None:
    """Parts come in any order; the completion's order is the file's, and its md5 is compared."""
    client = data_client(service, account, Surface.CLASSIC, version)
    upload = begun(client)
    assert (upload.status, upload.expires_at - upload.created_at) == ("pending", LIFE_S)
    second, first = (client.uploads.parts.create(upload.id, data=half) for half in HALVES[::-1])
    assert raw(first).keys() == {"id", "object", "created_at", "upload_id", "azure_block_id"}
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    done = client.uploads.complete(upload.id, part_ids=[first.id, second.id], md5=md5)
    assert done.file is not None
    assert (done.status, str(done.file.status), done.file.bytes) == ("completed", "pending", len(CONTENT))
    assert not list(nulls_in(raw(done)))
    service.advance(SCAN_S)
    assert client.files.retrieve(done.file.id).status == "processed"
    assert client.files.content(done.file.id).read() == CONTENT


@pytest.mark.fact("azure-api.md §5.2 [S]")
def test_the_sdk_cuts_a_file_into_parts_itself(service: Service, account: Account) -> None:
    """`upload_file_chunked` is all that somebody needs to call."""
    client = data_client(service, account, Surface.CLASSIC)
    done = client.uploads.upload_file_chunked(
        file=CONTENT,
        filename="rows.jsonl",
        bytes=len(CONTENT),
        mime_type="application/jsonl",
        purpose="fine-tune",
        part_size=500,
    )
    assert done.file is not None
    assert client.files.content(done.file.id).read() == CONTENT


@pytest.mark.fact("azure-api.md §5.2 [S]")
def test_parts_may_be_named_by_their_blocks(service: Service, account: Account) -> None:
    """The specification's own example completes an upload with `azure_block_id`."""
    client = data_client(service, account, Surface.CLASSIC)
    upload = begun(client)
    parts = [client.uploads.parts.create(upload.id, data=half) for half in HALVES]
    done = client.uploads.complete(upload.id, part_ids=[str(raw(part)["azure_block_id"]) for part in parts])
    assert done.status == "completed"


@pytest.mark.fact("azure-api.md §5.2 [S]")
def test_a_cancelled_upload_takes_no_more(service: Service, account: Account) -> None:
    """It says `cancelled`, and refuses parts and completion by its status."""
    client = data_client(service, account, Surface.CLASSIC)
    upload = begun(client)
    part = client.uploads.parts.create(upload.id, data=CONTENT)
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(BadRequestError) as another:
        client.uploads.parts.create(upload.id, data=CONTENT)
    with pytest.raises(BadRequestError) as end:
        client.uploads.complete(upload.id, part_ids=[part.id])
    assert [refused(error.value) for error in (another, end)] == [
        ("unexpectedEntityState", f"An upload in status cancelled cannot {deed}.")
        for deed in ("take a part", "be completed")
    ]
    assert [*client.files.list()] == []


@pytest.mark.fact("azure-api.md §5.2 [S]")
def test_an_upload_waits_two_hours(service: Service, account: Account) -> None:
    """Afterwards it has expired."""
    client = data_client(service, account, Surface.CLASSIC)
    upload = begun(client)
    service.advance(LIFE_S + 1)
    with pytest.raises(BadRequestError) as late:
        client.uploads.parts.create(upload.id, data=CONTENT)
    assert refused(late.value) == ("unexpectedEntityState", "An upload in status expired cannot take a part.")


@pytest.mark.fact("azure-api.md §5.2 [S]")
def test_the_bytes_must_be_those_that_were_announced(service: Service, account: Account) -> None:
    """A completion with fewer bytes is refused, and can be tried again with all parts."""
    client = data_client(service, account, Surface.CLASSIC)
    upload = begun(client)
    parts = [client.uploads.parts.create(upload.id, data=half).id for half in HALVES]
    with pytest.raises(BadRequestError) as short:
        client.uploads.complete(upload.id, part_ids=parts[:1])
    message = f"The parts have 100 bytes, but the upload was created for {len(CONTENT)}."
    assert refused(short.value) == ("invalidPayload", message)
    assert client.uploads.complete(upload.id, part_ids=parts).status == "completed"


@pytest.mark.fact("azure-api.md §5.2 [P]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.PROJECT, Surface.PROJECT_V1])
def test_other_fronts_have_no_uploads(service: Service, account: Account, surface: Surface) -> None:
    """Neither v1 nor a project takes uploads in parts: the path is wrong."""
    client = data_client(service, account, surface)
    with pytest.raises(NotFoundError) as missing:
        begun(client)
    assert refusal(missing.value) == GATEWAY_404

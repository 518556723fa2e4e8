"""Imports: a blob that the storage SDK uploads and signs, and that the service fetches by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobClient, BlobServiceClient, generate_blob_sas
from azurite import ACCOUNT, KEY, blob_service
from clients import data_client
from openai import NotFoundError, OpenAI
from openai.types import FileObject
from operations import Surface
from service import Account, Service
from tuned import ROWS

NAME = "rows.jsonl"
IMPORT_S = 20
"""Longer than the emulator makes an import wait."""


@pytest.fixture(scope="module", params=["http", "https"])
def blob(
    service: Service, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlobClient]:
    """Give a blob with rows, uploaded by the storage SDK to a store that speaks http or https."""
    with blob_service(service, tmp_path_factory.mktemp("azurite"), request.param) as root:
        trust: str | bool = service.ca if request.param == "https" else False
        named = {"account_name": ACCOUNT, "account_key": KEY}
        with BlobServiceClient(root, credential=named, connection_verify=trust) as store:
            container = store.create_container("rows")
            yield container.upload_blob(NAME, ROWS)


@dataclass(frozen=True)
class Signature:
    """A shared access signature: of which blob, by which key, for how long, and what it lets one do."""

    name: str = NAME
    key: str = KEY
    hours: int = 1
    permission: str = "r"

    def url(self, blob: BlobClient) -> str:
        """Return an address beside the blob's with a signature of the SDK's own making."""
        until = datetime.now(UTC) + timedelta(hours=self.hours)
        named = (ACCOUNT, str(blob.container_name), self.name)
        signature = generate_blob_sas(*named, account_key=self.key, permission=self.permission, expiry=until)
        return f"{blob.url.replace(NAME, self.name)}?{signature}"


GOOD = Signature()


def _imported(client: OpenAI, url: str) -> FileObject:
    body = {"purpose": "fine-tune", "filename": "rows.jsonl", "content_url": url}
    return client.post("/files/import", body=body, cast_to=FileObject)


@pytest.mark.fact("azure-api.md §5.1 [P]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_a_signed_blob_is_imported(service: Service, account: Account, blob: BlobClient, surface: Surface) -> None:
    """Pending at once, then processed with the blob's bytes under the name that was asked for."""
    client = data_client(service, account, surface)
    made = _imported(client, GOOD.url(blob))
    assert (made.status, made.filename, made.purpose) == ("pending", "rows.jsonl", "fine-tune")
    service.advance(IMPORT_S)
    done = client.files.retrieve(made.id)
    assert (done.status, done.bytes) == ("processed", len(ROWS))
    assert client.files.content(made.id).content == ROWS


@pytest.mark.fact("azure-api.md §5.1 [P]")
def test_an_import_is_running_in_between(service: Service, account: Account, blob: BlobClient) -> None:
    """Pending, running, processed: a status that an upload never has."""
    client = data_client(service, account, Surface.CLASSIC)
    made, seen = _imported(client, GOOD.url(blob)), list[str]()
    for _ in range(IMPORT_S):
        seen.append(client.files.retrieve(made.id).status)
        service.advance(1)
    assert list(dict.fromkeys(seen)) == ["pending", "running", "processed"]


@pytest.mark.fact("azure-api.md §5.1 (fileImportFailed) [S]")
@pytest.mark.parametrize(
    ("signature", "answered"),
    [
        (Signature(key="d3Jvbmc="), 403),
        (Signature(hours=-1), 403),
        (Signature(permission="w"), 403),
        (Signature(name="nothing.jsonl"), 404),
    ],
    ids=["key", "expired", "right", "missing"],
)
def test_what_the_store_refuses_ends_in_an_error(
    service: Service, account: Account, blob: BlobClient, signature: Signature, answered: int
) -> None:
    """The import is taken, and the file says later why nothing came; the signature is not repeated."""
    client = data_client(service, account, Surface.CLASSIC)
    made = _imported(client, signature.url(blob))
    service.advance(IMPORT_S)
    done = client.files.retrieve(made.id)
    told = done.to_json()
    assert (done.status, "fileImportFailed" in told, str(answered) in told) == ("error", True, True)
    assert "sig=" not in told


@pytest.mark.fact("azure-api.md §5.1 (not v1) [S]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.PROJECT_V1])
def test_v1_has_no_imports(service: Service, account: Account, surface: Surface) -> None:
    """The gateway's 404 for a path that is not there."""
    with pytest.raises(NotFoundError) as refused:
        _imported(data_client(service, account, surface), f"{service.http}/rows.jsonl")
    assert refused.value.code == "404"

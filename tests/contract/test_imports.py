"""Imports: files that the service fetches; the SDK has no method for them, so they are sent as the REST tab does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from clients import data_client
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types import FileObject
from operations import Surface
from service import Account, Service
from steps import GATEWAY_404, jsonl, raw, refusal

PENDING_S, RUNNING_S = 4, 6


class _Shelf(BaseHTTPRequestHandler):
    """Hands out one file, as a blob's address with its signature does, and nothing else."""

    def do_GET(self) -> None:
        """Answer with the file, or that there is none."""
        content = jsonl() if self.path == "/rows.jsonl?sig=secret" else b""
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def shelf() -> Iterator[str]:
    """Give the root of a server of files on this machine."""
    with HTTPServer(("127.0.0.1", 0), _Shelf) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def imported(client: OpenAI, url: str) -> FileObject:
    """Begin an import."""
    wanted = {"purpose": "fine-tune", "filename": "rows.jsonl", "content_url": url}
    return client.post("/files/import", cast_to=FileObject, body=wanted)


@pytest.mark.fact("azure-api.md §5.1 [S]")
@pytest.mark.fact("azure-api.md §4.2 [S]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_a_file_is_imported(service: Service, account: Account, shelf: str, surface: Surface) -> None:
    """It is pending, running and processed; its size is told at the end, and its address, which has a secret, never."""
    client = data_client(service, account, surface)
    made = imported(client, f"{shelf}/rows.jsonl?sig=secret")
    seen = [raw(made)]
    for seconds in (PENDING_S, RUNNING_S):
        service.advance(seconds)
        seen.append(raw(client.files.retrieve(made.id)))
    assert [(file["status"], file.get("bytes")) for file in seen] == [
        ("pending", None),
        ("running", None),
        ("processed", len(jsonl())),
    ]
    assert client.files.content(made.id).read() == jsonl()
    assert "secret" not in repr([*seen, *client.files.list()])


@pytest.mark.fact("azure-api.md §5.1 [S]")
def test_what_cannot_be_fetched_ends_in_error(service: Service, account: Account, shelf: str) -> None:
    """The request is answered with 201 all the same, and the file says `fileImportFailed`."""
    client = data_client(service, account, Surface.CLASSIC)
    made = imported(client, f"{shelf}/nothing.jsonl")
    service.advance(PENDING_S)
    service.advance(RUNNING_S)
    found = client.files.retrieve(made.id)
    assert found.status == "error"
    assert (found.status_details or "").startswith("fileImportFailed: ")


@pytest.mark.fact("azure-api.md §5.1 [S]")
def test_an_address_is_needed(service: Service, account: Account) -> None:
    """What is no address is refused at once."""
    client = data_client(service, account, Surface.CLASSIC)
    with pytest.raises(BadRequestError) as refused:
        imported(client, "rows.jsonl")
    message = "The content_url field must be an address of http or https."
    assert refusal(refused.value) == (400, "invalidPayload", message)


@pytest.mark.fact("azure-api.md §5.1 [S]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.PROJECT_V1])
def test_v1_has_no_imports(service: Service, account: Account, shelf: str, surface: Surface) -> None:
    """There the path is wrong."""
    with pytest.raises(NotFoundError) as refused:
        imported(data_client(service, account, surface), f"{shelf}/rows.jsonl?sig=secret")
    assert refusal(refused.value) == GATEWAY_404

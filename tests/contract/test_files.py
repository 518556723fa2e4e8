"""Files, as the OpenAI SDK sends, lists, reads and deletes them on every surface."""

from __future__ import annotations

import pytest
from clients import data_client
from operations import Surface
from service import Account, Service

ROW = b'{"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]}\n'
DATA_SURFACES = [Surface.V1, Surface.CLASSIC, Surface.PROJECT, Surface.PROJECT_V1]


@pytest.mark.fact("azure-api.md §4.2 [W]")
@pytest.mark.fact("azure-api.md §4.1 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_an_upload_is_pending_and_then_processed(service: Service, account: Account, surface: Surface) -> None:
    """A file is checked some seconds after its upload, and keeps its name as it was sent."""
    client = data_client(service, account, surface)
    made = client.files.create(file=(r"data\rows.jsonl", ROW * 12, "application/octet-stream"), purpose="fine-tune")
    assert (made.status, made.filename, made.bytes) == ("pending", r"data\rows.jsonl", len(ROW) * 12)
    service.advance(10)
    assert [(file.id, file.status) for file in client.files.list()] == [(made.id, "processed")]

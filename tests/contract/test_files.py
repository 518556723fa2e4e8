"""Files, as the OpenAI SDK sends, lists, reads and deletes them on every surface."""

from __future__ import annotations

from typing import Any

import pytest
from clients import CLASSIC_GA_VERSION, data_client
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types import FileObject
from operations import Surface
from service import Account, Service
from steps import DATA_SURFACES, ENTITY_404, OCTETS, SCAN_S, jsonl, nulls_in, raw, refusal, uploaded

EXPIRY_S = 14 * 86_400


def listed(client: OpenAI, **query: Any) -> Any:
    """Return the JSON of a listing as the wire carried it."""
    return client.files.with_raw_response.list(**query).http_response.json()


@pytest.mark.fact("azure-api.md §4.2 [W]")
@pytest.mark.fact("azure-api.md §4.1 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_an_upload_is_pending_and_then_processed(service: Service, account: Account, surface: Surface) -> None:
    """A file is checked some seconds after its upload, and keeps its name as it was sent."""
    client = data_client(service, account, surface)
    made = client.files.create(file=(r"data\rows.jsonl", jsonl(), OCTETS), purpose="fine-tune")
    assert (made.status, made.filename, made.bytes) == ("pending", r"data\rows.jsonl", len(jsonl()))
    service.advance(SCAN_S)
    assert [(file.id, file.status) for file in client.files.list()] == [(made.id, "processed")]


@pytest.mark.fact("azure-api.md §4.3 [W]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_an_upload_is_answered_with_201_and_where_it_is(service: Service, account: Account, surface: Surface) -> None:
    """The Location of a file is below /openai on both fronts, with the caller's version, and leads to the file."""
    client = data_client(service, account, surface)
    answer = client.files.with_raw_response.create(file=("rows.jsonl", jsonl(), OCTETS), purpose="fine-tune")
    made, location = answer.parse(), answer.headers["location"]
    version = str(client._custom_query["api-version"])
    assert (answer.status_code, location) == (201, f"{account.root}/openai/files/{made.id}?api-version={version}")
    if surface is Surface.CLASSIC:
        assert client.get(location, cast_to=FileObject).id == made.id


@pytest.mark.fact("azure-api.md §4.2 [W]")
@pytest.mark.fact("azure-api.md §4.1 [W]")
@pytest.mark.parametrize("line", [0, 2])
def test_a_file_that_is_no_jsonl_ends_in_error(service: Service, account: Account, line: int) -> None:
    """The check names the first bad line, counted from 0, in status_details and not as an answer to the upload."""
    client = data_client(service, account, Surface.CLASSIC)
    lines = jsonl().splitlines(keepends=True)
    lines[line] = b'{"messages": [\n'
    made = client.files.create(file=("rows.jsonl", b"".join(lines), OCTETS), purpose="fine-tune")
    service.advance(SCAN_S)
    found = client.files.retrieve(made.id)
    details = f"Validation of jsonl file failed: Deserialization of line #{line} failed."
    assert (found.status, found.status_details) == ("error", details)


@pytest.mark.fact("azure-api.md §4.2 [W]")
def test_a_file_for_batches_is_not_checked(service: Service, account: Account) -> None:
    """A file of another purpose than fine-tune is processed at once."""
    made = data_client(service, account, Surface.CLASSIC).files.create(
        file=("rows.jsonl", b"{}\n", OCTETS), purpose="batch"
    )
    assert made.status == "processed"


@pytest.mark.fact("azure-api.md §4.3 [W]")
def test_a_byte_order_mark_is_neither_needed_nor_refused(service: Service, account: Account) -> None:
    """Files with and without a mark are processed, although the documentation wants one."""
    client = data_client(service, account, Surface.V1)
    for content in (jsonl(), b"\xef\xbb\xbf" + jsonl()):
        client.files.create(file=("rows.jsonl", content, OCTETS), purpose="fine-tune")
    service.advance(SCAN_S)
    assert [file.status for file in client.files.list()] == ["processed", "processed"]


@pytest.mark.fact("azure-api.md §4.3 [W]")
def test_equal_files_are_two_files(service: Service, account: Account) -> None:
    """Neither a name nor a content is taken twice for the same."""
    client = data_client(service, account, Surface.V1)
    first, second = uploaded(service, client), uploaded(service, client)
    assert first != second
    assert [file.id for file in client.files.list()] == [second, first]


@pytest.mark.fact("azure-api.md §3.3 [P]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_file_part_without_content_type_is_refused(service: Service, account: Account, surface: Surface) -> None:
    """What api.openai.com takes is a 400 here."""
    client = data_client(service, account, surface)
    with pytest.raises(BadRequestError) as refused:
        client.files.create(file=("rows.jsonl", jsonl(), ""), purpose="fine-tune")
    message = "The file has no or an empty content type specified."
    assert refusal(refused.value) == (400, "invalidPayload", message)


@pytest.mark.fact("azure-api.md §4.3 [D]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.CLASSIC])
def test_a_file_may_expire(service: Service, account: Account, surface: Surface) -> None:
    """The form's names are taken in brackets, as the SDK writes them, and with a dot, as the specification does."""
    client = data_client(service, account, surface)
    content = ("rows.jsonl", jsonl(), OCTETS)
    bracketed = client.files.create(
        file=content, purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": EXPIRY_S}
    )
    spelled = {"expires_after.anchor": "created_at", "expires_after.seconds": str(EXPIRY_S)}
    dotted = client.files.create(file=content, purpose="fine-tune", extra_body=spelled)
    assert [file.expires_at for file in (bracketed, dotted)] == [
        file.created_at + EXPIRY_S for file in (bracketed, dotted)
    ]


@pytest.mark.fact("azure-api.md §4.3 [D]")
def test_a_file_does_not_expire_within_14_days(service: Service, account: Account) -> None:
    """api.openai.com's shortest life, an hour, is refused."""
    client = data_client(service, account, Surface.V1)
    with pytest.raises(BadRequestError) as refused:
        client.files.create(
            file=("rows.jsonl", jsonl(), OCTETS),
            purpose="fine-tune",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
    message = "expires_after.seconds must be between 1209600 and 2592000."
    assert refusal(refused.value) == (400, "invalidPayload", message)


@pytest.mark.fact("azure-api.md §4.3 [W]")
def test_an_expiry_of_a_file_for_batches_is_taken_and_not_told(service: Service, account: Account) -> None:
    """The one recorded upload with an expiry was of this purpose and had no `expires_at` in its echo."""
    client = data_client(service, account, Surface.CLASSIC)
    made = client.files.create(
        file=("rows.jsonl", b"{}\n", OCTETS),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": EXPIRY_S},
    )
    assert "expires_at" not in raw(made)


@pytest.mark.fact("azure-api.md §4.5 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_file_is_deleted_twice_and_missing_once(service: Service, account: Account, surface: Surface) -> None:
    """The second delete says `deleted: false` instead of 404; reading and downloading say 404."""
    client = data_client(service, account, surface)
    key = uploaded(service, client)
    assert client.files.content(key).read() == jsonl()
    assert [raw(client.files.delete(key)) for _ in range(2)] == [
        {"object": "file", "deleted": True, "id": key},
        {"object": "file", "deleted": False, "id": key},
    ]
    for missing in (client.files.retrieve, client.files.content):
        with pytest.raises(NotFoundError) as refused:
            missing(key)
        assert refusal(refused.value) == ENTITY_404


@pytest.mark.fact("azure-api.md §3.2 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_only_the_list_has_nulls(service: Service, account: Account, surface: Surface) -> None:
    """An upload and a read omit what is absent; the list, of another backend, has `status_details: null`."""
    client = data_client(service, account, surface)
    made = client.files.create(file=("rows.jsonl", jsonl(), OCTETS), purpose="fine-tune")
    assert not [*nulls_in(raw(made)), *nulls_in(raw(client.files.retrieve(made.id)))]
    assert list(nulls_in(listed(client)["data"])) == ["0.status_details"]


@pytest.mark.fact("azure-api.md §4.4 [W]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_dated_lists_do_not_say_whether_more_follows(service: Service, account: Account, surface: Surface) -> None:
    """A list has no `has_more`, and the SDK, which asks on until a page is empty, comes to an end all the same."""
    client = data_client(service, account, surface)
    keys = [uploaded(service, client) for _ in range(3)]
    assert listed(client).keys() == {"object", "data"}
    assert [file.id for file in client.files.list(limit=2)] == keys[::-1]


@pytest.mark.fact("azure-api.md §4.4 [S]")
def test_the_stable_version_lists_everything_at_once(service: Service, account: Account) -> None:
    """2024-10-21 knows no `limit`; the SDK's paging ends here, too."""
    client = data_client(service, account, Surface.CLASSIC, CLASSIC_GA_VERSION)
    keys = [uploaded(service, client) for _ in range(3)]
    assert [file["id"] for file in listed(client, limit=1)["data"]] == keys[::-1]
    assert [file.id for file in client.files.list(limit=1)] == keys[::-1]


@pytest.mark.fact("azure-api.md §4.4 [S]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.PROJECT_V1])
def test_v1_lists_say_whether_more_follows(service: Service, account: Account, surface: Surface) -> None:
    """v1's list has the first and the last id and `has_more`; the order can be turned."""
    client = data_client(service, account, surface)
    keys = [uploaded(service, client) for _ in range(3)]
    page = listed(client, limit=2, order="asc")
    assert (page["first_id"], page["last_id"], page["has_more"]) == (keys[0], keys[1], True)
    assert [file.id for file in client.files.list(limit=2, order="asc")] == keys
    assert listed(client, after=keys[1])["data"][0]["id"] == keys[0]


@pytest.mark.fact("azure-api.md §15 [D]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_list_has_every_purpose_unless_one_is_asked_for(service: Service, account: Account, surface: Surface) -> None:
    """Trap 13: other tools' files are among them, so one filters by purpose."""
    client = data_client(service, account, surface)
    other = client.files.create(file=("rows.jsonl", b"{}\n", OCTETS), purpose="batch").id
    mine = uploaded(service, client)
    assert [file.id for file in client.files.list()] == [mine, other]
    assert [file.id for file in client.files.list(purpose="fine-tune")] == [mine]

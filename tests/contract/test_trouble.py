"""Trouble of the data plane as the SDK meets it: its exceptions, its retries, and what its retries do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from clients import data_client
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from operations import Surface
from service import Account, Service
from steps import DATA_SURFACES, GATEWAY_404, MODEL, jsonl, queued, refusal, uploaded

Put = Callable[[object], object]
JOBS, FILES = "/fine_tuning/jobs$", "/files$"
RETRIED = "Retrying request in "


@pytest.mark.fact("azure-api.md §15 [P]")
@pytest.mark.fact("azure-api.md §3.4 [P]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.CLASSIC])
def test_trap_34_the_sdk_makes_a_job_twice(service: Service, account: Account, trouble: Put, surface: Surface) -> None:
    """An answer is lost after the job was made; the SDK, as it is by default, sends it again, and there are two."""
    client = data_client(service, account, surface)
    training = uploaded(service, client)
    trouble({"faults": [{"effect": "drop-after", "method": "POST", "path": JOBS}]})
    kept = queued(client.with_options(max_retries=2), training, seed=7)
    found = list(client.fine_tuning.jobs.list())
    assert (found[0].id, [job.seed for job in found]) == (kept, [7, 7])


@pytest.mark.fact("azure-api.md §15 [P]")
def test_trap_34_without_retries_a_job_is_made_once(service: Service, account: Account, trouble: Put) -> None:
    """With max_retries=0 the loss is an exception, and whoever looks finds the one job by its seed."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client)
    trouble({"faults": [{"effect": "drop-after", "method": "POST", "path": JOBS}]})
    with pytest.raises(APIConnectionError):
        queued(client, training, seed=7)
    assert [job.seed for job in client.fine_tuning.jobs.list()] == [7]


@pytest.mark.fact("azure-api.md §3.4 [P]")
@pytest.mark.parametrize(("effect", "made"), [("status-before", 1), ("status-after", 2)])
def test_the_sdk_sends_again_after_a_503(
    service: Service, account: Account, trouble: Put, effect: str, made: int
) -> None:
    """Whether the service had already done it decides whether there are two jobs; there is no key against that."""
    client = data_client(service, account, Surface.CLASSIC)
    training = uploaded(service, client)
    headers = {"retry-after-ms": "20"}
    trouble({"faults": [{"effect": effect, "method": "POST", "path": JOBS, "status": 503, "headers": headers}]})
    queued(client.with_options(max_retries=2), training)
    assert len(list(client.fine_tuning.jobs.list())) == made


@pytest.mark.fact("azure-api.md §3.4 [D]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_the_sdk_waits_as_long_as_it_is_told(
    service: Service, account: Account, trouble: Put, surface: Surface, caplog: pytest.LogCaptureFixture
) -> None:
    """`retry-after-ms` of a 429 is what the SDK waits for, and then the request goes through."""
    client = data_client(service, account, surface)
    rule = {"effect": "throttled", "method": "GET", "path": FILES, "spelling": "retry-after-ms", "seconds": 0.03}
    trouble({"faults": [{**rule, "count": 2}]})
    with caplog.at_level(logging.INFO, "openai"):
        assert list(client.with_options(max_retries=2).files.list()) == []
    messages = [record.getMessage() for record in caplog.records if RETRIED in record.getMessage()]
    assert [message.partition(" (")[0] for message in messages] == [f"{RETRIED}0.030000 seconds"] * 2


@pytest.mark.fact("azure-api.md §3.4 [D]")
@pytest.mark.parametrize(
    ("spelling", "header"),
    [
        ("retry-after", ("retry-after", "7")),
        ("retry-after-ms", ("retry-after-ms", "7000")),
        ("x-ms-retry-after-ms", ("x-ms-retry-after-ms", "7000")),
        ("retry-after-date", ("retry-after", " GMT")),
    ],
)
def test_a_throttled_request_is_a_rate_limit_error(
    service: Service, account: Account, trouble: Put, spelling: str, header: tuple[str, str]
) -> None:
    """Without retries the SDK's exception carries the header, in whatever spelling it came."""
    client = data_client(service, account, Surface.V1)
    trouble({"faults": [{"effect": "throttled", "path": FILES, "spelling": spelling, "seconds": 7}]})
    with pytest.raises(RateLimitError) as refused:
        client.files.list()
    assert refusal(refused.value)[:2] == (429, "tooManyRequests")
    assert refused.value.response.headers[header[0]].endswith(header[1])


@pytest.mark.fact("azure-api.md §3.3 [S]")
@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"effect": "unavailable"}, (InternalServerError, 503, "serviceUnavailable")),
        ({"effect": "status-before", "status": 500}, (InternalServerError, 500, "internalFailure")),
        ({"effect": "forbidden"}, (PermissionDeniedError, 403, "PermissionDenied")),
    ],
    ids=lambda value: value["effect"] if isinstance(value, dict) else "",
)
def test_errors_are_the_sdks_own(
    service: Service, account: Account, trouble: Put, rule: dict[str, Any], told: tuple[type[APIStatusError], int, str]
) -> None:
    """Each status is an exception of the SDK with the service's code in it."""
    client = data_client(service, account, Surface.V1)
    trouble({"faults": [{**rule, "method": "GET", "path": FILES}]})
    with pytest.raises(told[0]) as refused:
        client.files.list()
    assert refusal(refused.value)[:2] == told[1:]


@pytest.mark.fact("azure-api.md §3.4 [P]")
def test_an_answer_that_is_too_slow(service: Service, account: Account, trouble: Put) -> None:
    """A body that stands still for longer than the SDK's timeout is its APITimeoutError."""
    client = data_client(service, account, Surface.V1)
    trouble({"faults": [{"effect": "slow-answer", "method": "GET", "path": FILES, "seconds": 0.5}]})
    with pytest.raises(APITimeoutError):
        client.with_options(timeout=0.2).files.list()


@pytest.mark.fact("azure-api.md §4.3 [D]")
def test_the_room_for_files_ends(service: Service, account: Account, trouble: Put) -> None:
    """One training file more than the limit is refused; the limit is lowered here to two."""
    client = data_client(service, account, Surface.V1)
    trouble({"limits": {"files": 2}})
    for _ in range(2):
        uploaded(service, client)
    with pytest.raises(APIStatusError) as refused:
        client.files.create(file=("rows.jsonl", jsonl()), purpose="fine-tune")
    assert refusal(refused.value) == (400, "quotaExceeded", "The resource already holds 2 files.")


@pytest.mark.fact("azure-api.md §16 [UNCONFIRMED]")
def test_a_list_that_is_behind(service: Service, account: Account, trouble: Put) -> None:
    """What was made just now may be missing from a list, though it can be read by its id."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client)
    trouble({"faults": [{"effect": "stale-listing", "path": JOBS, "window_s": 30}]})
    job = queued(client, training)
    assert list(client.fine_tuning.jobs.list()) == []
    assert client.fine_tuning.jobs.retrieve(job).model == MODEL


@pytest.mark.fact("azure-api.md §2.1 [W]")
def test_trouble_ends(service: Service, account: Account) -> None:
    """No test leaves trouble behind, and a wrong path is no trouble."""
    described: Any = service.control("GET", "faults")
    assert described["met"] == []
    with pytest.raises(NotFoundError) as refused:
        data_client(service, account, Surface.V1).get("/nothing", cast_to=object)
    assert refusal(refused.value) == GATEWAY_404

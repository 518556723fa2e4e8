"""What is not taken: calls that are documented and that the service has not got, wrong paths, wrong values."""

from __future__ import annotations

from typing import Any

import pytest
from clients import data_client, plain_client
from openai import APIStatusError, BadRequestError, NotFoundError
from operations import Surface
from service import Account, Service
from steps import (
    DATA_SURFACES,
    ENTITY_404,
    GATEWAY_404,
    MODEL,
    PREFERENCE,
    queued,
    refusal,
    succeeded,
    uploaded,
)

NOBODY = f"ftjob-{'0' * 32}"


@pytest.mark.fact("azure-api.md §15 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
@pytest.mark.parametrize("what", ["events", "checkpoints"])
def test_trap_3_lists_are_not_posted(service: Service, account: Account, surface: Surface, what: str) -> None:
    """The documentation's curl lists events and checkpoints by POST; the service takes GET of the same path only."""
    client = data_client(service, account, surface)
    path = f"/fine_tuning/jobs/{succeeded(service, client)}/{what}"
    with pytest.raises(NotFoundError) as refused:
        client.post(path, cast_to=object)
    assert refusal(refused.value) == GATEWAY_404
    listed: Any = client.get(path, cast_to=object)
    assert listed["data"]


@pytest.mark.fact("azure-api.md §2.1 [W]")
@pytest.mark.parametrize("path", ["/openai", "/api/projects/p1/openai"])
def test_dated_fronts_need_a_version(service: Service, account: Account, path: str) -> None:
    """Who points the plain SDK at a dated front sends no api-version, and is told that the path is wrong."""
    client = plain_client(service, f"{account.root}{path}", account.key)
    for missing in (client.files.list, client.fine_tuning.jobs.list, client.models.list):
        with pytest.raises(NotFoundError) as refused:
            missing()
        assert refusal(refused.value) == GATEWAY_404


@pytest.mark.fact("azure-api.md §2.1 [W]")
@pytest.mark.fact("azure-api.md §2.1 [S]")
def test_versions_of_other_doors(service: Service, account: Account) -> None:
    """A version of ARM's, one of a project's, and the word `v1` open no classic path; a classic one no project."""
    for version in ("2024-10-01", "2025-11-15-preview", "v1", "latest"):
        with pytest.raises(NotFoundError) as refused:
            data_client(service, account, Surface.CLASSIC, version).files.list()
        assert refusal(refused.value) == GATEWAY_404
    with pytest.raises(NotFoundError) as refused:
        data_client(service, account, Surface.PROJECT, "2025-04-01-preview").files.list()
    assert refusal(refused.value) == GATEWAY_404


@pytest.mark.fact("azure-api.md §2.1 [S]")
@pytest.mark.parametrize("version", ["v1", "preview"])
def test_v1_takes_its_two_words_for_a_version(service: Service, account: Account, version: str) -> None:
    """A version may be sent to v1, if it is one of these."""
    client = plain_client(service, account.v1, account.key).with_options(default_query={"api-version": version})
    assert list(client.files.list()) == []


@pytest.mark.fact("azure-api.md §2.1 [W]")
@pytest.mark.fact("azure-api.md §15 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_trap_15_two_bodies_of_404(service: Service, account: Account, surface: Surface) -> None:
    """A path that is none and an entity that is none are both the SDK's NotFoundError; only their bodies differ."""
    client = data_client(service, account, surface)
    jobs = client.fine_tuning.jobs
    with pytest.raises(NotFoundError) as refused:
        client.get("/finetuning/jobs", cast_to=object)
    assert refusal(refused.value) == GATEWAY_404
    for missing in (jobs.retrieve, jobs.cancel, jobs.pause, jobs.resume, jobs.list_events, jobs.checkpoints.list):
        with pytest.raises(NotFoundError) as refused:
            missing(NOBODY)
        assert refusal(refused.value) == ENTITY_404


@pytest.mark.fact("azure-api.md §7.2 [W]")
def test_one_checkpoint_cannot_be_read(service: Service, account: Account) -> None:
    """There is neither a path of one checkpoint nor, as on api.openai.com, of its permissions."""
    client = data_client(service, account, Surface.V1)
    job = succeeded(service, client)
    checkpoint = client.fine_tuning.jobs.checkpoints.list(job).data[0]
    with pytest.raises(NotFoundError) as one:
        client.get(f"/fine_tuning/jobs/{job}/checkpoints/{checkpoint.id}", cast_to=object)
    with pytest.raises(NotFoundError) as permissions:
        client.fine_tuning.checkpoints.permissions.list(checkpoint.id)
    assert [refusal(error.value) for error in (one, permissions)] == [GATEWAY_404] * 2


@pytest.mark.fact("azure-api.md §3.5 [UNCONFIRMED]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_list_after_nothing(service: Service, account: Account, surface: Surface) -> None:
    """An id that the list has not got is not found."""
    client = data_client(service, account, surface)
    queued(client, uploaded(service, client))
    with pytest.raises(NotFoundError) as refused:
        client.fine_tuning.jobs.list(after=NOBODY)
    assert refusal(refused.value) == ENTITY_404


@pytest.mark.fact("azure-api.md §6.2 [S]")
@pytest.mark.fact("azure-api.md §6.3 [S]")
@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"suffix": "v1.2"}, "The suffix must have 1 to 64 characters of A-Z, a-z, 0-9, - and _."),
        ({"seed": 2**31}, "The seed must be between 0 and 2147483647."),
        ({"hyperparameters": {"n_epochs": 0}}, "The hyperparameter n_epochs is out of range."),
        ({"hyperparameters": {"batch_size": 257}}, "The hyperparameter batch_size is out of range."),
        ({"method": {"type": "magic"}}, "The method type must be one of supervised, dpo, reinforcement."),
        (
            {"metadata": {f"key{number}": "value" for number in range(17)}},
            "The metadata has at most 16 pairs of text, keys up to 64 and values up to 512 characters.",
        ),
    ],
    ids=["suffix", "seed", "n_epochs", "batch_size", "method", "metadata"],
)
def test_values_that_no_job_takes(service: Service, account: Account, sent: dict[str, Any], message: str) -> None:
    """Each is refused at once with 400; that a suffix has no dots is the documentation's."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client)
    with pytest.raises(BadRequestError) as refused:
        queued(client, training, **sent)
    assert refusal(refused.value) == (400, "invalidPayload", message)
    assert list(client.fine_tuning.jobs.list()) == []


@pytest.mark.fact("service-rules.md §12 [P]")
def test_preferences_have_their_own_place(service: Service, account: Account) -> None:
    """A preference job with hyperparameters at the top is refused: they belong in its method."""
    client = data_client(service, account, Surface.CLASSIC)
    training = uploaded(service, client, PREFERENCE)
    with pytest.raises(BadRequestError) as refused:
        queued(client, training, method={"type": "dpo"}, hyperparameters={"n_epochs": 1})
    assert refusal(refused.value)[:2] == (400, "invalidPayload")


@pytest.mark.fact("azure-api.md §3.3 [S]")
@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda client: client.fine_tuning.jobs.create(model="", training_file="file-0"),
            "The model field is required.",
        ),
        (
            lambda client: client.fine_tuning.jobs.create(model=MODEL, training_file="file-0"),
            "The specified training_file cannot be found.",
        ),
        (
            lambda client: client.files.create(file=("rows.jsonl", b"{}"), purpose="magic"),
            "The purpose of the file is missing or not supported.",
        ),
        (lambda client: client.fine_tuning.jobs.list(limit=0), "The limit must be between 1 and 10000."),
    ],
    ids=["model", "training_file", "purpose", "limit"],
)
def test_bad_and_missing_fields(service: Service, account: Account, act: Any, message: str) -> None:
    """They are `invalidPayload`."""
    with pytest.raises(APIStatusError) as refused:
        act(data_client(service, account, Surface.CLASSIC))
    assert refusal(refused.value) == (400, "invalidPayload", message)

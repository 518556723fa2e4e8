"""Copies of checkpoints into another account, sent as the REST tab does: the SDK has no method for them."""

from __future__ import annotations

from typing import Any

import pytest
from clients import data_client
from openai import BadRequestError, NotFoundError, OpenAI
from operations import Surface
from service import Account, Service
from steps import GATEWAY_404, LONG_S, queued, refusal, succeeded, uploaded

GATE: Any = {"headers": {"aoai-copy-ft-checkpoints": "preview"}}
COPY_S = 601


def path_of(client: OpenAI, job: str, place: int = 0) -> str:
    """Return where the copies of one of a job's checkpoints are."""
    checkpoint = client.fine_tuning.jobs.checkpoints.list(job).data[place]
    return f"/fine_tuning/jobs/{job}/checkpoints/{checkpoint.id}/copy"


def target(account: Account) -> dict[str, str]:
    """Return the body that names where to copy to."""
    return {"destinationResourceId": account.resource_id, "region": account.region}


@pytest.mark.fact("azure-api.md §7.4 [D]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.PROJECT_V1])
def test_a_checkpoint_is_copied(service: Service, pair: tuple[Account, Account], surface: Surface) -> None:
    """A copy is in progress, then completed; it keeps its name, no list shows it, and jobs there may begin with it."""
    source, there = data_client(service, pair[0], surface), data_client(service, pair[1], surface)
    queued(there, uploaded(service, there))
    job = succeeded(service, source)
    path, model = path_of(source, job, 1), source.fine_tuning.jobs.checkpoints.list(job).data[1]
    begun: Any = source.post(path, cast_to=object, body=target(pair[1]), options=GATE)
    service.advance(COPY_S)
    done: Any = source.get(path, cast_to=object, options=GATE)
    name = model.fine_tuned_model_checkpoint
    assert begun == {
        "checkpointedModelName": name,
        "fineTuningJobId": job,
        "copiedAccountDetails": [{**target(pair[1]), "status": "InProgress"}],
    }
    assert done["copiedAccountDetails"] == [{**target(pair[1]), "status": "Completed"}]
    assert name not in {model.id for model in there.models.list()}
    child = queued(there, uploaded(service, there), model=name)
    service.advance(LONG_S)
    assert there.fine_tuning.jobs.retrieve(child).status == "succeeded"


@pytest.mark.fact("azure-api.md §7.4 [D]")
@pytest.mark.fact("azure-api.md §2.4 [D]")
def test_a_copy_needs_its_header(service: Service, pair: tuple[Account, Account]) -> None:
    """Without the preview's header there is no such path."""
    client = data_client(service, pair[0], Surface.V1)
    path = path_of(client, succeeded(service, client))
    with pytest.raises(NotFoundError) as refused:
        client.post(path, cast_to=object, body=target(pair[1]))
    assert refusal(refused.value) == GATEWAY_404


@pytest.mark.fact("azure-api.md §7.4 [P]")
def test_a_copy_is_asked_for_by_the_id(service: Service, pair: tuple[Account, Account]) -> None:
    """The model's name instead of the checkpoint's id leads to a 404 of its own."""
    client = data_client(service, pair[0], Surface.V1)
    job = client.fine_tuning.jobs.retrieve(succeeded(service, client))
    path = f"/fine_tuning/jobs/{job.id}/checkpoints/{job.fine_tuned_model}/copy"
    with pytest.raises(NotFoundError) as refused:
        client.post(path, cast_to=object, body=target(pair[1]), options=GATE)
    assert refusal(refused.value) == (404, "notFound", "Copy checkpoint not found")


@pytest.mark.fact("azure-api.md §7.4 [D]")
def test_the_destination_must_have_had_a_job(service: Service, pair: tuple[Account, Account]) -> None:
    """An account that never trained anything takes no copy."""
    client = data_client(service, pair[0], Surface.V1)
    path = path_of(client, succeeded(service, client))
    with pytest.raises(BadRequestError) as refused:
        client.post(path, cast_to=object, body=target(pair[1]), options=GATE)
    message = "The destination account must have run a fine-tuning job before."
    assert refusal(refused.value) == (400, "invalidPayload", message)


@pytest.mark.fact("azure-api.md §7.4 [D]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_dated_fronts_copy_nothing(service: Service, pair: tuple[Account, Account], surface: Surface) -> None:
    """There is no such path on them."""
    client = data_client(service, pair[0], surface)
    path = path_of(client, succeeded(service, client))
    with pytest.raises(NotFoundError) as refused:
        client.post(path, cast_to=object, body=target(pair[1]), options=GATE)
    assert refusal(refused.value) == GATEWAY_404

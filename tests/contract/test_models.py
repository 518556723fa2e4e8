"""Models on the data plane: base and tuned ones, told by v1 and by the dated fronts in different shapes."""

from __future__ import annotations

from typing import Any

import pytest
from clients import data_client
from openai import NotFoundError, OpenAI
from operations import Surface
from service import Account, Service
from steps import DATA_SURFACES, ENTITY_404, GATEWAY_404, MODEL, raw, refusal, succeeded

ABILITIES = {"fine_tune", "inference", "completion", "chat_completion", "embeddings"}


def listed(client: OpenAI) -> dict[str, dict[str, Any]]:
    """Return every model as the wire carried it, by its name."""
    page = client.models.with_raw_response.list().http_response.json()
    assert page.keys() == {"object", "data"}
    return {model["id"]: model for model in page["data"]}


@pytest.mark.fact("azure-api.md §9 [S]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.PROJECT_V1])
def test_v1_tells_little_of_a_model(service: Service, account: Account, surface: Surface) -> None:
    """Base and tuned models are on one page, each with four members and no capabilities."""
    client = data_client(service, account, surface)
    tuned = client.fine_tuning.jobs.retrieve(succeeded(service, client)).fine_tuned_model
    assert tuned
    models = listed(client)
    assert {MODEL, tuned} <= models.keys()
    assert {frozenset(model) for model in models.values()} == {frozenset({"id", "object", "created", "owned_by"})}
    assert raw(client.models.retrieve(tuned)) == models[tuned]


@pytest.mark.fact("azure-api.md §9 [S]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_dated_fronts_tell_what_a_model_can(service: Service, account: Account, surface: Surface) -> None:
    """A tuned model names its base and its job, and cannot be said to be tunable; the SDK passes all of it through."""
    client = data_client(service, account, surface)
    job = client.fine_tuning.jobs.retrieve(succeeded(service, client))
    assert job.fine_tuned_model
    models = listed(client)
    base, tuned = models[MODEL], models[job.fine_tuned_model]
    assert base["capabilities"].keys() == ABILITIES
    assert (base["capabilities"]["fine_tune"], tuned["capabilities"]["fine_tune"]) == (True, False)
    assert (tuned["model"], tuned["fine_tune"]) == (MODEL, job.id)
    assert (base["status"], base["lifecycle_status"]) == ("succeeded", "generally-available")
    assert base["deprecation"]["inference"] > base["created_at"]
    assert raw(client.models.retrieve(job.fine_tuned_model)) == tuned


@pytest.mark.fact("azure-api.md §9 [P]")
def test_open_models_are_said_not_to_be_tunable(service: Service, account: Account) -> None:
    """`capabilities.fine_tune` is false for them, although they can be tuned."""
    assert not listed(data_client(service, account, Surface.CLASSIC))["Ministral-3B"]["capabilities"]["fine_tune"]


@pytest.mark.fact("azure-api.md §9 [S]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_models_are_not_deleted(service: Service, account: Account, surface: Surface) -> None:
    """The SDK's delete is a path that the service has not got; a model that is not there is another 404."""
    client = data_client(service, account, surface)
    tuned = client.fine_tuning.jobs.retrieve(succeeded(service, client)).fine_tuned_model
    assert tuned
    with pytest.raises(NotFoundError) as refused:
        client.models.delete(tuned)
    assert refusal(refused.value) == GATEWAY_404
    with pytest.raises(NotFoundError) as refused:
        client.models.retrieve(f"{tuned}-2")
    assert refusal(refused.value) == ENTITY_404
    assert tuned in listed(client)

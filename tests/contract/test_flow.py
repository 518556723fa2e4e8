"""The documentation's whole story in one piece: data, job, model, deployment, calls, and taking it all away again."""

from __future__ import annotations

import pytest
from clients import data_client, http_client, plain_client
from httpx2 import Response
from openai import AzureOpenAI, ConflictError, NotFoundError, OpenAI
from operations import Surface
from service import Account, Service
from steps import LONG_S, deployed, queued, refusal, running, tuned, undeployed, uploaded


def told(client: OpenAI, deployment: str) -> str:
    """Return what a deployment answers."""
    answer = client.chat.completions.create(model=deployment, messages=[{"role": "user", "content": "ping"}])
    return answer.choices[0].message.content or ""


def forget(client: OpenAI, job: str) -> int:
    """Delete a job with its model, and return the status."""
    return client.delete(f"/fine_tuning/jobs/{job}", cast_to=Response).status_code


@pytest.mark.fact("azure-api.md §2.1 [W]")
@pytest.mark.fact("azure-api.md §6.7 [W]")
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_from_rows_to_answers(service: Service, account: Account, scheme: str) -> None:
    """One job is made on v1, watched on classic and called on both: all are fronts of one service, also over http."""
    root = account.root if scheme == "https" else account.root.replace(service.https, service.http)
    v1 = plain_client(service, f"{root}/openai/v1/", account.key)
    classic = AzureOpenAI(
        azure_endpoint=root, api_version="2025-04-01-preview", api_key=account.key, http_client=http_client(service)
    )
    training, validation = uploaded(service, v1), uploaded(service, classic, name="validation.jsonl")
    job = queued(v1, training, validation_file=validation, suffix="support", seed=11)
    service.advance(LONG_S)
    done = classic.fine_tuning.jobs.retrieve(job)
    assert done.fine_tuned_model
    deployed(service, account, "support", done.fine_tuned_model)
    assert told(v1, "support") == told(classic, "support")
    assert classic.files.content(done.result_files[0]).text.startswith("step,train_loss,")


@pytest.mark.fact("service-rules.md §8 [D]")
@pytest.mark.fact("azure-api.md §6.1 [W]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_the_documented_order_of_taking_away(service: Service, account: Account, surface: Surface) -> None:
    """Cancel what runs, delete deployments, then models, then files: nothing is refused, and nothing is left."""
    client = data_client(service, account, surface)
    model = tuned(service, client)
    deployed(service, account, "support", model)
    client.fine_tuning.jobs.cancel(running(service, client))
    undeployed(service, account, "support")
    assert [forget(client, job.id) for job in client.fine_tuning.jobs.list()] == [204, 204]
    assert model not in {found.id for found in client.models.list()}
    files = list(client.files.list())
    assert {file.purpose for file in files} == {"fine-tune", "fine-tune-results"}
    assert all(client.files.delete(file.id).deleted for file in files)
    assert [list(client.files.list()), list(client.fine_tuning.jobs.list())] == [[], []]


@pytest.mark.fact("service-rules.md §8 [D]")
def test_a_model_that_is_deployed_stays(service: Service, account: Account) -> None:
    """A job that runs and a model that is deployed are not deleted, whatever is said of their files."""
    client = data_client(service, account, Surface.CLASSIC)
    model = tuned(service, client)
    deployed(service, account, "support", model)
    job, busy = next(iter(client.fine_tuning.jobs.list())).id, running(service, client)
    refusals = []
    for key in (job, busy):
        with pytest.raises(ConflictError) as refused:
            forget(client, key)
        refusals.append(refusal(refused.value))
    assert refusals == [
        (409, "conflict", f"The model {model} is deployed as support."),
        (409, "unexpectedEntityState", "A job in status running cannot be deleted."),
    ]
    assert model in told(client, "support")


@pytest.mark.fact("azure-api.md §10.3 [D]")
@pytest.mark.fact("azure-api.md §9 [D]")
def test_a_model_stays_when_its_deployment_goes(service: Service, account: Account) -> None:
    """Its calls are not found any more, and it can be deployed again."""
    client = data_client(service, account, Surface.V1)
    model = tuned(service, client)
    for _ in range(2):
        deployed(service, account, "support", model)
        assert model in told(client, "support")
        undeployed(service, account, "support")
        with pytest.raises(NotFoundError) as refused:
            told(client, "support")
        assert refusal(refused.value)[1] == "DeploymentNotFound"
    assert model in {found.id for found in client.models.list()}


@pytest.mark.fact("azure-api.md §4.5 [W]")
def test_the_data_of_a_model_may_go(service: Service, account: Account) -> None:
    """Its files are not needed by the model: one can call it and train it further."""
    client = data_client(service, account, Surface.CLASSIC)
    model = tuned(service, client)
    # As a list: the SDK would ask on after the last file, which is gone by then.
    for file in list(client.files.list()):
        client.files.delete(file.id)
    deployed(service, account, "support", model)
    assert model in told(client, "support")
    assert client.fine_tuning.jobs.retrieve(queued(client, uploaded(service, client), model=model)).model == model

"""Calls of a deployment: chat and responses on every surface, whole and streamed, as applications make them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku
from clients import CLASSIC_GA_VERSION, arm_client, data_client
from openai import BadRequestError, NotFoundError, OpenAI
from operations import Surface
from service import Account, Service
from steps import DATA_SURFACES, DEPLOY_S, GATEWAY_404, deployed, raw, refusal, tuned

NAME = "Support"
NO_DEPLOYMENT = (
    404,
    "DeploymentNotFound",
    (
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
        "please wait a moment and try again."
    ),
)


@dataclass(frozen=True)
class Live:
    """An account with a deployment of a tuned model."""

    service: Service
    account: Account
    model: str

    def client(self, surface: Surface, version: str = "") -> OpenAI:
        """Return a client of the account."""
        return data_client(self.service, self.account, surface, version)


@pytest.fixture(scope="module")
def live(service: Service, _unused: Iterator[Account]) -> Live:
    """Return an account that serves a tuned model as `Support`."""
    account = next(_unused)
    model = tuned(service, data_client(service, account, Surface.V1))
    deployed(service, account, NAME, model)
    return Live(service, account, model)


def asked(client: OpenAI, deployment: str = NAME) -> str:
    """Return what a deployment answers to a question, and check that it is the whole of it."""
    answer = client.chat.completions.create(model=deployment, messages=[{"role": "user", "content": "ping"}])
    assert answer.choices[0].finish_reason == "stop"
    return answer.choices[0].message.content or ""


@pytest.mark.fact("azure-api.md §13 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_chat_tells_the_model_that_answers(live: Live, surface: Surface) -> None:
    """`model` is the deployment in the request (on dated fronts in the path) and the tuned model in the answer."""
    answer = live.client(surface).chat.completions.with_raw_response.create(
        model=NAME, messages=[{"role": "user", "content": "ping"}], max_tokens=100
    )
    chat = raw(answer.parse())
    assert (chat["model"], chat["object"]) == (live.model, "chat.completion")
    assert chat["id"].startswith("chatcmpl-")
    assert "content_filter_results" in chat["choices"][0]
    assert chat["prompt_filter_results"][0]["prompt_index"] == 0
    usage = chat["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    wanted = {"x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-ms-region", "apim-request-id"}
    assert wanted <= answer.headers.keys()


@pytest.mark.fact("azure-api.md §13 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_response_tells_the_deployment(live: Live, surface: Surface) -> None:
    """`model` of a response is the deployment's name, so that a response does not show which model answers."""
    response = live.client(surface).responses.create(model=NAME, input="ping")
    assert (response.model, response.status) == (NAME, "completed")
    assert live.model in response.output_text


@pytest.mark.fact("azure-api.md §13 [W]")
def test_every_front_reaches_the_same_deployment(live: Live) -> None:
    """One question has one answer, wherever it is asked and in whatever casing, also on a stable version."""
    clients = [live.client(surface) for surface in DATA_SURFACES]
    clients.append(live.client(Surface.CLASSIC, CLASSIC_GA_VERSION))
    assert len({asked(client, name) for client in clients for name in (NAME, NAME.lower())}) == 1


@pytest.mark.fact("azure-api.md §13 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_chat_is_streamed(live: Live, surface: Surface) -> None:
    """Chunks make the same answer; the first tells what the filter found, the last one the usage that was asked for."""
    client = live.client(surface)
    with client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "ping"}],
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == asked(client)
    assert "prompt_filter_results" in raw(chunks[0])
    assert {chunk.model for chunk in chunks} == {live.model}
    assert chunks[-1].usage is not None


@pytest.mark.fact("azure-api.md §13 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_response_is_streamed(live: Live, surface: Surface) -> None:
    """The SDK's own helper puts the events together."""
    client = live.client(surface)
    with client.responses.stream(model=NAME, input="ping") as stream:
        kinds = [event.type for event in stream]
        done = stream.get_final_response()
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert done.output_text == client.responses.create(model=NAME, input="ping").output_text


@pytest.mark.fact("azure-api.md §13 [W]")
def test_a_stable_version_has_no_responses(live: Live) -> None:
    """2024-10-21 is older than they are: the path is wrong."""
    with pytest.raises(NotFoundError) as refused:
        live.client(Surface.CLASSIC, CLASSIC_GA_VERSION).responses.create(model=NAME, input="ping")
    assert refusal(refused.value) == GATEWAY_404


@pytest.mark.fact("azure-api.md §13 [D]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_deployment_that_is_not_there(live: Live, surface: Surface) -> None:
    """A third 404: it names neither a path nor an entity, but a deployment; the model's own name is none."""
    client = live.client(surface)
    for name in ("nobody", live.model):
        with pytest.raises(NotFoundError) as refused:
            asked(client, name)
        assert refusal(refused.value) == NO_DEPLOYMENT


@pytest.mark.fact("azure-api.md §13 [D]")
@pytest.mark.fact("azure-api.md §15 [W]")
def test_a_deployment_serves_when_it_is_made(live: Live) -> None:
    """Before it has succeeded it is not found."""
    model = DeploymentModel(format="OpenAI", name=live.model, version="1")
    wanted = Deployment(sku=Sku(name="Standard", capacity=1), properties=DeploymentProperties(model=model))
    deployments = arm_client(live.service, live.account).deployments
    deployments.begin_create_or_update(live.account.group, live.account.name, "later", wanted, polling=False)
    client = live.client(Surface.V1)
    with pytest.raises(NotFoundError) as refused:
        asked(client, "later")
    assert refusal(refused.value) == NO_DEPLOYMENT
    live.service.advance(DEPLOY_S)
    assert live.model in asked(client, "later")


@pytest.mark.fact("azure-api.md §13 [D]")
def test_a_chat_without_messages(live: Live) -> None:
    """A body that cannot be answered is the SDK's BadRequestError."""
    with pytest.raises(BadRequestError) as refused:
        live.client(Surface.V1).chat.completions.create(model=NAME, messages=[])
    assert refusal(refused.value)[:2] == (400, "invalidPayload")

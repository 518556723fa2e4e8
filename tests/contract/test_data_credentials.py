"""How the OpenAI SDK brings its credential to the data plane, and how it is told that it has the wrong one."""

from __future__ import annotations

import pytest
from azure.identity import get_bearer_token_provider
from clients import CLASSIC_VERSION, PROJECT_VERSION, credential, data_client, http_client, plain_client
from openai import AuthenticationError, AzureOpenAI
from operations import Surface
from service import Account, Service
from steps import refusal

COGNITIVE, FOUNDRY = "https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default"
WRONG_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
WRONG_TOKEN = "Unauthorized. Access token is missing, invalid, audience is incorrect ({}), or have expired."


@pytest.mark.fact("azure-api.md §2.2 [D]")
def test_a_key_is_taken_in_two_headers(service: Service, account: Account) -> None:
    """v1 takes the key as a bearer, as the plain SDK sends it, and as `api-key`."""
    client = plain_client(service, account.v1, account.key)
    assert client.auth_headers == {"Authorization": f"Bearer {account.key}"}
    assert list(client.files.list()) == []
    azure = AzureOpenAI(
        base_url=account.v1, api_key=account.key, api_version="preview", http_client=http_client(service)
    )
    assert list(azure.files.list()) == []


@pytest.mark.fact("azure-api.md §2.2 [P]")
@pytest.mark.parametrize("scope", [COGNITIVE, FOUNDRY])
def test_a_token_is_provided(service: Service, account: Account, scope: str) -> None:
    """`azure_ad_token_provider` signs in; the account's own paths take both audiences, v1 as well as classic ones."""
    provider = get_bearer_token_provider(credential(service), scope)
    classic = AzureOpenAI(
        azure_endpoint=account.root,
        api_version=CLASSIC_VERSION,
        azure_ad_token_provider=provider,
        http_client=http_client(service),
    )
    v1 = plain_client(service, account.v1, provider)
    assert [list(client.files.list()) for client in (classic, v1)] == [[], []]


@pytest.mark.fact("azure-api.md §2.2 [P]")
def test_a_project_wants_the_newer_audience(service: Service, account: Account) -> None:
    """A project's paths take a token for https://ai.azure.com and refuse one for Cognitive Services."""
    answers = []
    for scope in (FOUNDRY, COGNITIVE):
        client = AzureOpenAI(
            base_url=f"{account.project}/openai",
            api_version=PROJECT_VERSION,
            azure_ad_token_provider=get_bearer_token_provider(credential(service), scope),
            http_client=http_client(service),
        )
        try:
            answers.append(str(list(client.files.list())))
        except AuthenticationError as error:
            answers.append(refusal(error)[2])
    assert answers == ["[]", WRONG_TOKEN.format("https://ai.azure.com")]


@pytest.mark.fact("azure-api.md §3.3 [S]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_a_wrong_key(service: Service, pair: tuple[Account, Account], surface: Surface) -> None:
    """Another account's key opens nothing: AuthenticationError, in the gateway's words."""
    account, other = pair
    client = data_client(service, account, surface).with_options(api_key=other.key)
    with pytest.raises(AuthenticationError) as refused:
        client.files.list()
    assert refusal(refused.value) == (401, "401", WRONG_KEY)


@pytest.mark.fact("azure-api.md §3.3 [S]")
@pytest.mark.parametrize("key", ["nothing", ""])
def test_a_wrong_bearer(service: Service, account: Account, key: str) -> None:
    """On v1 a wrong key is taken for a wrong token, and none at all for a wrong key."""
    client = plain_client(service, account.v1, key or "unused")
    headers = {} if key else {"Authorization": ""}
    with pytest.raises(AuthenticationError) as refused:
        client.files.list(extra_headers=headers)
    message = WRONG_TOKEN.format("https://cognitiveservices.azure.com") if key else WRONG_KEY
    assert refusal(refused.value) == (401, "401", message)

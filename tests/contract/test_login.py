"""Signing in: azure-identity's credentials at the emulated login, which door each token opens, and what is refused."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from arm import BASE, Arm, deployment_of, refusal
from azure.core.credentials import AzureKeyCredential, TokenCredential
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from azure.core.rest import HttpRequest
from azure.identity import (
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
    get_bearer_token_provider,
)
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.monitor import MonitorManagementClient
from azure.monitor.querymetrics import MetricsClient
from clients import ARM_VERSION
from monitor import REQUESTS
from openai import AuthenticationError, DefaultHttpxClient, OpenAI
from service import Account, Service
from trouble import trouble

ARM_SCOPE, COGNITIVE_SCOPE, FOUNDRY_SCOPE, METRICS_SCOPE = (
    f"https://{host}/.default"
    for host in ("management.azure.com", "cognitiveservices.azure.com", "ai.azure.com", "metrics.monitor.azure.com")
)
INSECURE = "Bearer token authentication is not permitted for non-TLS protected"


def _principal(service: Service, **changed: str) -> ClientSecretCredential:
    """Return the service principal, with something in it that is wrong."""
    given = {
        "tenant_id": service.exports["AZURE_TENANT_ID"],
        "client_id": service.exports["AZURE_CLIENT_ID"],
        "client_secret": service.exports["AZURE_CLIENT_SECRET"],
        **changed,
    }
    return ClientSecretCredential(
        **given, authority=service.https, disable_instance_discovery=True, connection_verify=service.ca
    )


def _workload(service: Service, file: Path) -> WorkloadIdentityCredential:
    return WorkloadIdentityCredential(
        tenant_id=service.exports["AZURE_TENANT_ID"],
        client_id=service.exports["AZURE_CLIENT_ID"],
        token_file_path=str(file),
        authority=service.https,
        disable_instance_discovery=True,
        connection_verify=service.ca,
    )


def _assertion(ends_in_s: int, audience: str = "api://AzureADTokenExchange") -> str:
    """Return what a cluster writes for its workloads; who signed it is not looked at."""
    claims = {"iss": "https://cluster.example", "sub": "job", "aud": [audience], "exp": int(time.time()) + ends_in_s}
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*coded, "c2lnbmF0dXJl"])


def _arm_with(service: Service, account: Account, signed_in: TokenCredential) -> CognitiveServicesManagementClient:
    return CognitiveServicesManagementClient(
        signed_in,
        account.subscription,
        base_url=service.https,
        api_version=ARM_VERSION,
        connection_verify=service.ca,
        retry_total=0,
    )


def _data_with(service: Service, root: str, scope: str) -> OpenAI:
    """Return the OpenAI SDK's client with a token for a scope, as the documentation makes it."""
    http = DefaultHttpxClient(verify=ssl.create_default_context(cafile=service.ca))
    token = get_bearer_token_provider(_principal(service), scope)
    return OpenAI(base_url=f"{root}/openai/v1/", api_key=token, max_retries=0, http_client=http)


# --- the three ways


@pytest.mark.fact("azure-api.md §2.3 [S]")
def test_a_service_principal_signs_in_once(service: Service, account: Account) -> None:
    """The tenant is described, a token is given for an hour, and the next call takes it from the cache."""
    before, signed_in = len(service.exchanges()), _principal(service)
    first = signed_in.get_token(ARM_SCOPE)
    assert 3500 < first.expires_on - time.time() <= 3600
    assert signed_in.get_token(ARM_SCOPE).token == first.token
    tenant = service.exports["AZURE_TENANT_ID"]
    seen = [(each.method, each.path) for each in service.exchanges()[before:]]
    assert seen == [
        ("GET", f"/{tenant}/v2.0/.well-known/openid-configuration"),
        ("POST", f"/{tenant}/oauth2/v2.0/token"),
    ]
    assert _arm_with(service, account, signed_in).accounts.get(account.group, account.name).name == account.name


@pytest.mark.fact("service-rules.md §11 [D]")
def test_a_workload_identity_brings_its_file(service: Service, account: Account, tmp_path: Path) -> None:
    """The token in the file is exchanged for one that opens ARM."""
    (tmp_path / "token").write_text(_assertion(3600), encoding="utf-8")
    client = _arm_with(service, account, _workload(service, tmp_path / "token"))
    assert client.accounts.get(account.group, account.name).name == account.name


@pytest.mark.fact("service-rules.md §11 [D]")
@pytest.mark.parametrize("scope", [ARM_SCOPE, COGNITIVE_SCOPE])
def test_a_managed_identity_asks_its_host(service: Service, monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    """As on App Service: the endpoint and the header come from the environment, and http is enough."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, service.exports[name])
    before = len(service.exchanges())
    given = ManagedIdentityCredential().get_token(scope)
    assert given.token.count(".") == 2 and 3500 < given.expires_on - time.time() <= 3600
    assert [(each.method, each.path, each.status) for each in service.exchanges()[before:]] == [
        ("GET", "/msi/token", 200)
    ]


# --- what is wrong with a credential


@pytest.mark.fact("service-rules.md §11 [D]")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215: Invalid client secret provided"),
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, "AADSTS700016: Application with identifier"),
    ],
)
def test_a_wrong_principal_gets_no_token(
    service: Service, account: Account, changed: dict[str, str], code: str
) -> None:
    """The SDK's own exception, with the directory's code, from the first call on."""
    client = _arm_with(service, account, _principal(service, **changed))
    with pytest.raises(ClientAuthenticationError, match=code):
        client.accounts.get(account.group, account.name)


@pytest.mark.fact("service-rules.md §11 [D]")
def test_another_tenant_is_not_known(service: Service) -> None:
    """The tenant's description says so before anything secret is sent."""
    before, signed_in = len(service.exchanges()), _principal(service, tenant_id="11111111-1111-1111-1111-111111111111")
    with pytest.raises(ClientAuthenticationError, match="please double check your tenant name or GUID is correct"):
        signed_in.get_token(ARM_SCOPE)
    assert [(each.method, each.status) for each in service.exchanges()[before:]] == [("GET", 400)]


@pytest.mark.fact("service-rules.md §11 [D]")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (_assertion(-60), "AADSTS700024"),
        (_assertion(3600, "https://elsewhere.example"), "AADSTS700212"),
        ("no token", "AADSTS50027"),
    ],
    ids=["expired", "audience", "malformed"],
)
def test_a_bad_assertion_is_told_as_what_it_is(service: Service, tmp_path: Path, text: str, code: str) -> None:
    """An old one, one for somebody else, and what is no token at all."""
    (tmp_path / "token").write_text(text, encoding="utf-8")
    with pytest.raises(ClientAuthenticationError, match=code):
        _workload(service, tmp_path / "token").get_token(ARM_SCOPE)


@pytest.mark.fact("service-rules.md §11 [D]")
def test_a_managed_identity_needs_its_header(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another header than the host's is refused."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", service.exports["IDENTITY_ENDPOINT"])
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises((ClientAuthenticationError, CredentialUnavailableError)):
        ManagedIdentityCredential().get_token(ARM_SCOPE)


# --- which token opens which door


@pytest.mark.fact("azure-api.md §2.2 [P]")
@pytest.mark.fact("azure-api.md §15 (trap 33) [D]")
@pytest.mark.parametrize(
    ("scope", "on_account", "on_project"),
    [(COGNITIVE_SCOPE, True, False), (FOUNDRY_SCOPE, True, True), (ARM_SCOPE, False, False)],
)
def test_the_data_plane_opens_by_its_audiences(
    service: Service, account: Account, scope: str, *, on_account: bool, on_project: bool
) -> None:
    """A project's front wants the newer audience, an account takes both, and a token for ARM opens neither: 401."""
    for root, opens in ((account.root, on_account), (account.project, on_project)):
        client = _data_with(service, root, scope)
        if opens:
            assert list(client.files.list()) == []
            continue
        with pytest.raises(AuthenticationError) as refused:
            client.files.list()
        assert (refused.value.status_code, refused.value.code) == (401, "401")
        assert "audience is incorrect" in refused.value.message


@pytest.mark.fact("azure-api.md §2.3 [S]")
@pytest.mark.fact("azure-api.md §10.5 (401) [P]")
@pytest.mark.parametrize("scope", [COGNITIVE_SCOPE, FOUNDRY_SCOPE, METRICS_SCOPE])
def test_arm_opens_by_its_own_audience_only(service: Service, account: Account, scope: str) -> None:
    """A token of the data plane is refused with the audiences that are allowed."""
    client = CognitiveServicesManagementClient(
        _principal(service),
        account.subscription,
        base_url=service.https,
        credential_scopes=[scope],
        connection_verify=service.ca,
    )
    with pytest.raises(ClientAuthenticationError) as refused:
        client.accounts.get(account.group, account.name)
    status, code, message = refusal(refused.value)
    assert (status, code) == (401, "InvalidAuthenticationTokenAudience")
    assert "https://management.azure.com/" in message


@pytest.mark.fact("azure-api.md §10.5 (401) [P]")
def test_an_expired_token_is_refused(service: Service, account: Account) -> None:
    """401 in the middle of the work, with ARM's code; a client that signs in anew goes on."""
    first, second = (_arm_with(service, account, _principal(service)) for _ in range(2))
    assert first.accounts.get(account.group, account.name)
    with trouble(service, {"effect": "expired-token", "path": f"/{account.name}$"}):
        with pytest.raises(ClientAuthenticationError) as refused:
            first.accounts.get(account.group, account.name)
        assert refusal(refused.value)[:2] == (401, "ExpiredAuthenticationToken")
        assert second.accounts.get(account.group, account.name)


@pytest.mark.fact("azure-api.md §2.3 [S]")
def test_a_short_token_is_renewed_by_the_sdk(service: Service, account: Account) -> None:
    """A token that is about to end is not used again: the credential fetches another by itself."""
    with trouble(service, token_s=60):
        signed_in = _principal(service)
        client = _arm_with(service, account, signed_in)
        before = len(service.exchanges())
        for _ in range(2):
            client.accounts.get(account.group, account.name)
    asked = [each for each in service.exchanges()[before:] if each.path.endswith("/oauth2/v2.0/token")]
    assert len(asked) == 2


# --- http


@pytest.mark.fact("azure-api.md §2.3 [S]")
def test_no_token_is_sent_over_http_unless_one_says_so(service: Service, account: Account) -> None:
    """The SDKs refuse by themselves before anything is sent; `enforce_https=False` at the call lets it go."""
    signed_in, plain = _principal(service), service.http
    arm = CognitiveServicesManagementClient(
        signed_in, account.subscription, base_url=plain, api_version=ARM_VERSION, retry_total=0
    )
    monitor = MonitorManagementClient(signed_in, account.subscription, base_url=plain, retry_total=0)
    batch = MetricsClient(plain, signed_in, retry_total=0)
    calls: list[Callable[..., object]] = [
        lambda **more: arm.deployments.get(account.group, account.name, "plain", **more),
        lambda **more: monitor.metrics.list(account.resource_id, metricnames=REQUESTS, **more),
        lambda **more: batch.query_resources(
            resource_ids=[account.resource_id],
            metric_namespace="Microsoft.CognitiveServices/accounts",
            metric_names=[REQUESTS],
            **more,
        ),
    ]
    before = len(service.exchanges())
    for call in calls:
        with pytest.raises(ServiceRequestError, match=INSECURE):
            call()
    assert service.exchanges()[before:] == []
    begin = arm.deployments.begin_create_or_update
    begin(account.group, account.name, "plain", deployment_of(BASE), enforce_https=False).result()
    for call in calls:
        assert call(enforce_https=False)


@pytest.mark.fact("azure-api.md §2.3 [S]")
def test_a_secret_is_not_sent_over_http(service: Service) -> None:
    """azure-identity refuses an authority that is not https."""
    with pytest.raises(ValueError, match="https"):
        ClientSecretCredential("t", "c", "s", authority=service.http)


# --- what one sees when one is in


@pytest.mark.fact("azure-api.md §2.3 [S]")
@pytest.mark.parametrize("path", ["/subscriptions", "/subscriptions/{}", "/tenants"])
def test_what_a_principal_sees(arm: Arm, path: str) -> None:
    """Its subscription and its tenant, as the Azure CLI asks for them after signing in."""
    status, body = arm.send("GET", path.format(arm.account.subscription), version="2022-12-01", whole=True)
    (found,) = body.get("value", [body])
    assert (status, found["tenantId"]) == (200, arm.service.exports["AZURE_TENANT_ID"])


@pytest.mark.fact("azure-api.md §2.3 (Bearer only) [S]")
def test_arm_takes_no_key(arm: Arm) -> None:
    """An account's key opens the data plane and not ARM."""
    client = CognitiveServicesManagementClient(
        _principal(arm.service),
        arm.account.subscription,
        base_url=arm.service.https,
        authentication_policy=AzureKeyCredentialPolicy(AzureKeyCredential(arm.account.key), "api-key"),
        connection_verify=arm.service.ca,
    )
    answer = client._send_request(HttpRequest("GET", arm.account.resource_id, params={"api-version": ARM_VERSION}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")

"""The strangers' clients, made as their documentation makes them: no retries of their own, the emulator's authority."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from azure.ai.projects import AIProjectClient
from azure.identity import ClientSecretCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from openai import AzureOpenAI, DefaultHttpxClient, OpenAI
from operations import Surface
from service import Account, Service

CLASSIC_VERSION = "2025-04-01-preview"
CLASSIC_GA_VERSION = "2024-10-21"
PROJECT_VERSION = "2025-11-15-preview"
ARM_VERSION = "2025-06-01"


def data_client(service: Service, account: Account, surface: Surface, version: str = "") -> OpenAI:
    """Return the OpenAI SDK's client of a surface of the data plane, with the account's key."""
    http = http_client(service)
    if surface is Surface.V1:
        return plain_client(service, account.v1, account.key)
    if surface is Surface.CLASSIC:
        return AzureOpenAI(
            azure_endpoint=account.root,
            api_version=version or CLASSIC_VERSION,
            api_key=account.key,
            max_retries=0,
            http_client=http,
        )
    if surface is Surface.PROJECT:
        return AzureOpenAI(
            base_url=f"{account.project}/openai",
            api_version=version or PROJECT_VERSION,
            api_key=account.key,
            max_retries=0,
            http_client=http,
        )
    projects = AIProjectClient(account.project, signed_in(service))
    return projects.get_openai_client(max_retries=0, http_client=http)


def plain_client(service: Service, base_url: str, api_key: str | Callable[[], str]) -> OpenAI:
    """Return the client that knows nothing of Azure: a root, and a key or what provides tokens."""
    return OpenAI(base_url=base_url, api_key=api_key, max_retries=0, http_client=http_client(service))


def http_client(service: Service) -> DefaultHttpxClient:
    """Return the SDK's own http client, which trusts the emulator's authority."""
    return DefaultHttpxClient(verify=ssl.create_default_context(cafile=service.ca))


def credential(service: Service) -> ClientSecretCredential:
    """Return a service principal that signs in at the emulator's own login endpoint, and has not done so yet."""
    printed = service.exports
    return ClientSecretCredential(
        printed["AZURE_TENANT_ID"],
        printed["AZURE_CLIENT_ID"],
        printed["AZURE_CLIENT_SECRET"],
        authority=service.https,
        disable_instance_discovery=True,
        connection_verify=service.ca,
    )


_SIGNED_IN: dict[str, ClientSecretCredential] = {}


def signed_in(service: Service) -> ClientSecretCredential:
    """Return the one principal of a server that keeps its tokens from test to test, as a program's does."""
    return _SIGNED_IN.setdefault(service.https, credential(service))


def arm_client(service: Service, account: Account, version: str = ARM_VERSION) -> CognitiveServicesManagementClient:
    """Return the management SDK's client, signed in."""
    return CognitiveServicesManagementClient(
        signed_in(service),
        account.subscription,
        base_url=service.https,
        api_version=version,
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=service.ca,
        polling_interval=0,
    )

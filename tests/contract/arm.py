"""One account on ARM through the management SDK, with waits that move the service's clock instead of the test's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import RequestsTransport
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku
from clients import ARM_VERSION, credential, data_client
from operations import Surface
from service import Account, Service

CREATE_S, DELETE_S = 240, 30
"""How long the emulator makes a deployment of a tuned model wait, and the deletion of one."""
BASE = "gpt-4o"
BASE_VERSION = "2024-08-06"


class ClockedTransport(RequestsTransport):  # type: ignore[misc] # the SDK exports it lazily, without its type
    """The SDK's own transport; where the SDK sleeps between two polls or tries, the service's clock goes on."""

    def __init__(self, service: Service) -> None:
        """Trust the service's authority, and remember each wait."""
        super().__init__(connection_verify=service.ca)
        self.waits: list[float] = []
        self._service = service

    def sleep(self, duration: float) -> None:
        """Move the service's clock."""
        self.waits.append(duration)
        self._service.advance(duration)


@dataclass
class Answers:
    """What came over the wire for one call of an SDK: given to it as `raw_response_hook`."""

    seen: list[Any] = field(default_factory=list)

    def __call__(self, answer: PipelineResponse[Any, Any]) -> None:
        """Keep one answer."""
        self.seen.append(answer.http_response)

    @property
    def statuses(self) -> list[int]:
        """The statuses, in order."""
        return [answer.status_code for answer in self.seen]

    @property
    def first(self) -> Any:
        """The first body, as JSON."""
        return json.loads(self.seen[0].text())

    @property
    def headers(self) -> Mapping[str, str]:
        """The first answer's headers."""
        headers: Mapping[str, str] = self.seen[0].headers
        return headers


@dataclass(frozen=True, slots=True)
class Shown:
    """A deployment as the SDK read it, without the doubts of its types: every member has to be there."""

    id: str
    name: str
    type: str
    state: str
    model: str
    version: str
    upgrade: str
    sku: str
    capacity: int
    current_capacity: int
    rates: dict[str, tuple[float, float]]
    capabilities: dict[str, str]
    tags: dict[str, str] | None
    etag: str
    created_at: datetime
    modified_at: datetime


def shown(deployment: Deployment) -> Shown:
    """Return what the SDK made of the service's answer."""
    properties, sku, system = deployment.properties, deployment.sku, deployment.system_data
    assert properties and properties.model and sku and system and system.created_at and system.last_modified_at
    rates = {str(rate.key): (rate.renewal_period, rate.count) for rate in properties.rate_limits or []}
    return Shown(
        id=str(deployment.id),
        name=str(deployment.name),
        type=str(deployment.type),
        state=str(properties.provisioning_state),
        model=str(properties.model.name),
        version=str(properties.model.version),
        upgrade=str(properties.version_upgrade_option),
        sku=sku.name,
        capacity=sku.capacity or 0,
        current_capacity=properties.current_capacity or 0,
        rates={key: (period or 0, count or 0) for key, (period, count) in rates.items()},
        capabilities=properties.capabilities or {},
        tags=deployment.tags,
        etag=str(deployment.etag),
        created_at=system.created_at,
        modified_at=system.last_modified_at,
    )


@dataclass(frozen=True)
class Arm:
    """An account's deployments, as somebody who deploys models by the management SDK sees them."""

    service: Service
    account: Account
    version: str = ARM_VERSION
    transport: ClockedTransport = field(init=False)

    def __post_init__(self) -> None:
        """Make the transport of its one client."""
        object.__setattr__(self, "transport", ClockedTransport(self.service))

    @cached_property
    def client(self) -> CognitiveServicesManagementClient:
        """The SDK's client: its own interval of polling, and no tries of its own."""
        return CognitiveServicesManagementClient(
            credential(self.service),
            self.account.subscription,
            base_url=self.service.https,
            api_version=self.version,
            transport=self.transport,
            retry_total=0,
        )

    @property
    def names(self) -> tuple[str, str]:
        """The first two arguments of the SDK's methods."""
        return self.account.group, self.account.name

    def begin(
        self, name: str, deployment: Deployment, answers: Answers | None = None, *, polling: bool = True
    ) -> LROPoller[Deployment]:
        """Put a deployment; without polling the result is what the PUT answered."""
        begin = self.client.deployments.begin_create_or_update
        return begin(*self.names, name, deployment, polling=polling, raw_response_hook=answers or Answers())

    def polled(self, name: str, deployment: Deployment, answers: Answers | None = None) -> Shown:
        """Put a deployment and let the SDK's poller go to its end."""
        return shown(self.begin(name, deployment, answers).result())

    def made(self, name: str, deployment: Deployment) -> Shown:
        """Return a deployment that has come to its end, without polling."""
        self.begin(name, deployment, polling=False).result()
        self.service.advance(CREATE_S)
        return self.get(name)

    def get(self, name: str) -> Shown:
        """Return a deployment."""
        return shown(self.client.deployments.get(*self.names, name))

    @property
    def listed(self) -> list[str]:
        """The names of the account's deployments."""
        return [str(deployment.name) for deployment in self.client.deployments.list(*self.names)]

    def delete(self, name: str, answers: Answers | None = None) -> None:
        """Delete a deployment and wait for the end of that."""
        self.client.deployments.begin_delete(*self.names, name, raw_response_hook=answers or Answers()).result()

    def called(self, name: str) -> str:
        """Make a chat as an application would, and return the model that answered."""
        with data_client(self.service, self.account, Surface.V1) as client:
            return client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hello?"}]).model

    def send(
        self, method: str, path: str, body: object = None, *, version: str | None = None, whole: bool = False
    ) -> tuple[int, Any]:
        """Send what the SDK has no method for by the SDK's client, below the account unless the path is whole."""
        query = {"api-version": self.version if version is None else version} if version != "" else {}
        url = path if whole else f"{self.account.resource_id}{path}"
        answer = self.client._send_request(HttpRequest(method, url, params=query, json=body))
        return answer.status_code, json.loads(answer.text() or "null")


def deployment_of(
    model: str, sku: str = "GlobalStandard", capacity: int = 1, *, tags: dict[str, str] | None = None, upgrade: str = ""
) -> Deployment:
    """Return what is sent to deploy a tuned model, or the base model that `BASE` names."""
    version = BASE_VERSION if model == BASE else "1"
    chosen = DeploymentModel(format="OpenAI", name=model, version=version)
    properties = DeploymentProperties(model=chosen, version_upgrade_option=upgrade or None)
    return Deployment(sku=Sku(name=sku, capacity=capacity), tags=tags, properties=properties)


def model_of(deployment: Deployment) -> DeploymentModel:
    """Return the model of what is to be sent, to change it."""
    assert deployment.properties and deployment.properties.model
    return deployment.properties.model


def refusal(error: HttpResponseError) -> tuple[int | None, str, str]:
    """Return the status, code and message of an SDK's own exception."""
    assert error.error is not None, error
    return error.status_code, str(error.error.code), str(error.error.message)

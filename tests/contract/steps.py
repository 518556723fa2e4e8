"""What many tests begin with, done as the documentation's Python tab does it: files, jobs, models, deployments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku
from clients import arm_client
from openai import APIStatusError, BaseModel, OpenAI
from operations import Surface
from service import Account, Service

DATA_SURFACES = [Surface.V1, Surface.CLASSIC, Surface.PROJECT, Surface.PROJECT_V1]
MODEL = "gpt-4.1-mini-2025-04-14"
REASONING_MODEL = "o4-mini-2025-04-16"
OCTETS = "application/octet-stream"

CHAT = {"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]}
PREFERENCE = {
    "input": {"messages": [{"role": "user", "content": "Hello?"}]},
    "preferred_output": [{"role": "assistant", "content": "Good morning."}],
    "non_preferred_output": [{"role": "assistant", "content": "What?"}],
}
QUESTION = {"messages": [{"role": "user", "content": "2 + 2"}], "answer": "4"}

SCAN_S, QUEUE_S, DEPLOY_S, LONG_S = 10, 301, 600, 3 * 3600
"""Times after which an upload is checked, a job runs, a deployment serves, and a small job has ended."""
BEFORE_STEPS_S, AMID_STEPS_S = 60, 300
"""How long after its start a job of a few rows has no step yet, and is in the middle of them."""


def jsonl(row: Mapping[str, object] = CHAT, count: int = 12) -> bytes:
    """Return the bytes of a training file: a row so many times."""
    return (json.dumps(row) + "\n").encode() * count


def uploaded(
    service: Service, client: OpenAI, row: Mapping[str, object] = CHAT, count: int = 12, name: str = "train.jsonl"
) -> str:
    """Return the id of a file that was uploaded and has been processed."""
    made = client.files.create(file=(name, jsonl(row, count), OCTETS), purpose="fine-tune")
    service.advance(SCAN_S)
    return made.id


def queued(client: OpenAI, training_file: str, **more: Any) -> str:
    """Return the id of a job that was created just now: supervised and of global type unless told otherwise."""
    sent = {"model": MODEL, "extra_body": {"trainingType": "GlobalStandard"}, **more}
    return client.fine_tuning.jobs.create(training_file=training_file, **sent).id


def running(service: Service, client: OpenAI, **more: Any) -> str:
    """Return the id of a job that runs and is in the middle of its steps."""
    job = queued(client, uploaded(service, client), **more)
    service.advance(QUEUE_S + AMID_STEPS_S)
    return job


def succeeded(service: Service, client: OpenAI, count: int = 12, **more: Any) -> str:
    """Return the id of a job that succeeded."""
    job = queued(client, uploaded(service, client, count=count), **more)
    service.advance(LONG_S)
    return job


def tuned(service: Service, client: OpenAI, **more: Any) -> str:
    """Return the name of a model that was tuned just now."""
    job = client.fine_tuning.jobs.retrieve(succeeded(service, client, **more))
    assert job.fine_tuned_model
    return job.fine_tuned_model


def deployed(service: Service, account: Account, name: str, model: str) -> None:
    """Deploy a tuned model by the management SDK and wait; the SDK does not poll, which would take the test's time."""
    wanted = Deployment(
        sku=Sku(name="GlobalStandard", capacity=50),
        properties=DeploymentProperties(model=DeploymentModel(format="OpenAI", name=model, version="1")),
    )
    deployments = arm_client(service, account).deployments
    deployments.begin_create_or_update(account.group, account.name, name, wanted, polling=False)
    service.advance(DEPLOY_S)
    made = deployments.get(account.group, account.name, name)
    assert made.properties is not None
    assert made.properties.provisioning_state == "Succeeded"


def undeployed(service: Service, account: Account, name: str) -> None:
    """Delete a deployment by the management SDK and wait."""
    deployments = arm_client(service, account).deployments
    deployments.begin_delete(account.group, account.name, name, polling=False)
    service.advance(DEPLOY_S)


def raw(model: BaseModel) -> dict[str, Any]:
    """Return what the wire carried: with what the SDK has no name for, and without what was absent."""
    return model.to_dict(warnings=False)


def nulls_in(value: object) -> Iterator[str]:
    """Yield the paths of the nulls in a JSON value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        if item is None:
            yield str(name)
        yield from (f"{name}.{path}" for path in nulls_in(item))


def refusal(error: APIStatusError) -> tuple[int, str, str]:
    """Return the status, code and message of an SDK's own exception."""
    assert isinstance(error.body, dict), error
    return error.status_code, str(error.body["code"]), str(error.body["message"])


GATEWAY_404 = (404, "404", "Resource not found")
ENTITY_404 = (404, "notFound", "The specified entity cannot be found.")
"""The gateway's answer to a wrong path or version, and the service's to an id that it does not know (§2.1)."""

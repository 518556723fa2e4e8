"""What the service does to deployments by itself: a day of the developer tier, the idle rule, failures and delays."""

from __future__ import annotations

import pytest
from arm import BASE, CREATE_S, Arm, deployment_of, refusal
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from clients import data_client
from openai import NotFoundError
from operations import Surface
from trouble import trouble
from tuned import tuned_model

HOUR_S, DAY_S = 3_600, 86_400
IDLE_S = 15 * DAY_S


@pytest.mark.fact("azure-api.md §10.7 (DeveloperTier) [D]")
@pytest.mark.fact("service-rules.md §7.4 (8) [D]")
def test_the_developer_tier_lives_for_a_day(arm: Arm) -> None:
    """24 hours after its creation it is gone although it is used; its model stays and is deployed again."""
    model = tuned_model(arm.service, arm.account)
    arm.made("trial", deployment_of(model, "DeveloperTier"))
    arm.service.advance(DAY_S - CREATE_S - 1)
    assert (arm.listed, arm.called("trial")) == (["trial"], model)
    arm.service.advance(2)
    with pytest.raises(ResourceNotFoundError):
        arm.get("trial")
    with pytest.raises(NotFoundError):
        arm.called("trial")
    assert data_client(arm.service, arm.account, Surface.V1).models.retrieve(model).id == model
    assert arm.made("trial", deployment_of(model, "DeveloperTier")).state == "Succeeded"


@pytest.mark.fact("azure-api.md §10.7 (idle) [D]")
@pytest.mark.fact("service-rules.md §7.4 (1, 2, 3, 4) [D]")
def test_what_nobody_calls_for_more_than_fifteen_days_goes(arm: Arm) -> None:
    """A tuned model's deployment goes, whoever looks at it; a base model's stays, and so does the tuned model."""
    model = tuned_model(arm.service, arm.account)
    arm.made("plain", deployment_of(BASE))
    arm.made("support", deployment_of(model))
    arm.service.advance(IDLE_S - CREATE_S)
    assert arm.listed == ["plain", "support"]
    arm.service.advance(1)
    assert arm.listed == ["plain"]
    assert data_client(arm.service, arm.account, Surface.V1).models.retrieve(model).id == model


@pytest.mark.fact("service-rules.md §7.4 (2) [D]")
@pytest.mark.parametrize("kind", ["chat", "responses"])
def test_a_call_keeps_a_deployment_for_fifteen_days_more(arm: Arm, kind: str) -> None:
    """Chats and responses count, a write of the deployment does not."""
    arm.made("support", deployment_of(tuned_model(arm.service, arm.account)))
    arm.service.advance(IDLE_S - DAY_S)
    if kind == "chat":
        arm.called("support")
    else:
        data_client(arm.service, arm.account, Surface.V1).responses.create(model="support", input="Hello?")
    arm.service.advance(IDLE_S - DAY_S)
    arm.made("support", deployment_of(arm.get("support").model, capacity=2))
    assert arm.listed == ["support"]
    arm.service.advance(DAY_S)
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §10.4 (Succeeded is not serving) [P]")
@pytest.mark.fact("azure-api.md §15 (trap 23) [P]")
def test_succeeded_does_not_serve_at_once(arm: Arm) -> None:
    """ARM says Succeeded, and calls are still 404 for some minutes."""
    with trouble(arm.service, serving_delay_s=600):
        made = arm.made("support", deployment_of(tuned_model(arm.service, arm.account)))
        assert made.state == "Succeeded"
        with pytest.raises(NotFoundError) as refused:
            arm.called("support")
        assert refused.value.code == "DeploymentNotFound"
        arm.service.advance(600)
        assert arm.called("support") == made.model


@pytest.mark.fact("azure-api.md §10.4 (Failure shape) [S]")
def test_a_deployment_may_fail(arm: Arm) -> None:
    """The SDK's poller raises the operation's own error, and the deployment says Failed."""
    model = tuned_model(arm.service, arm.account)
    rule = {"effect": "fail-deployment", "path": f"/{arm.account.name}/"}
    with trouble(arm.service, rule):
        poller = arm.begin("support", deployment_of(model))
        with pytest.raises(HttpResponseError) as failed:
            poller.result()
    assert failed.value.error and failed.value.error.code and failed.value.error.message
    assert arm.get("support").state == "Failed"
    assert arm.made("support", deployment_of(model)).state == "Succeeded"


@pytest.mark.fact("azure-api.md §10 (LIST nextLink) [W]")
def test_deployments_are_listed_in_pages(arm: Arm) -> None:
    """The link is absolute and leads on with the same version; the SDK follows it by itself."""
    names = [f"d{number}" for number in range(5)]
    for name in names:
        arm.made(name, deployment_of(BASE))
    with trouble(arm.service, deployment_page=2):
        assert arm.listed == names
        status, first = arm.send("GET", "/deployments")
    assert (status, [each["name"] for each in first["value"]]) == (200, names[:2])
    assert first["nextLink"].startswith(f"{arm.service.https}{arm.account.resource_id}/deployments?api-version=")


@pytest.mark.fact("azure-api.md §10.5 (AuthorizationFailed) [P]")
def test_a_right_that_is_missing(arm: Arm) -> None:
    """403 with ARM's code, for the write and not for the reads."""
    rule = {"effect": "forbidden", "method": "PUT", "path": f"/{arm.account.name}/"}
    with trouble(arm.service, rule), pytest.raises(HttpResponseError) as refused:
        arm.begin("plain", deployment_of(BASE))
    assert refusal(refused.value)[:2] == (403, "AuthorizationFailed")
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §10.5 (429) [P]")
def test_the_sdk_waits_as_long_as_it_is_told(arm: Arm) -> None:
    """A throttled call is made again after Retry-After, where the SDK is let."""
    arm.made("plain", deployment_of(BASE))
    rule = {"effect": "throttled", "path": f"/{arm.account.name}/", "seconds": 7}
    with trouble(arm.service, rule):
        assert len(list(arm.client.deployments.list(*arm.names, retry_total=1))) == 1
    assert arm.transport.waits == [7]

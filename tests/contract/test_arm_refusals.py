"""Calls that documents show and ARM does not take, each with its refusal."""

from __future__ import annotations

import pytest
from arm import BASE, Arm, deployment_of
from clients import ARM_VERSION

BODY = deployment_of(BASE).serialize()


@pytest.mark.fact("azure-api.md §15 (trap 4) [D]")
@pytest.mark.fact("azure-api.md §2.3 [S]")
@pytest.mark.parametrize("version", ["2024-10-21", "2025-04-01-preview", "2025-11-15-preview", "v1", "preview"])
def test_a_version_of_the_data_plane_is_none_of_arm(arm: Arm, version: str) -> None:
    """400 with the list of those that are; the documented call does not work as it is shown."""
    status, body = arm.send("PUT", "/deployments/plain", BODY, version=version)
    assert (status, body["error"]["code"]) == (400, "NoRegisteredProviderFound")
    assert f"'{version}'" in body["error"]["message"] and ARM_VERSION in body["error"]["message"]
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §2.3 [S]")
@pytest.mark.parametrize("version", ["2099-01-01", "2024-10-01-preview", "latest"])
def test_an_unknown_version_is_refused(arm: Arm, version: str) -> None:
    """The message names the version, the type and what is supported."""
    status, body = arm.send("GET", "/deployments", version=version)
    assert (status, body["error"]["code"]) == (400, "NoRegisteredProviderFound")
    assert f"API version '{version}' for type 'accounts/deployments'" in body["error"]["message"]


@pytest.mark.fact("azure-api.md §2.3 (required) [S]")
@pytest.mark.parametrize("path", ["", "/deployments", "/providers/Microsoft.Insights/metrics"])
def test_a_version_has_to_be_there(arm: Arm, path: str) -> None:
    """400 with ARM's own words."""
    status, body = arm.send("GET", path, version="")
    assert (status, body["error"]["code"]) == (400, "MissingApiVersionParameter")
    assert body["error"]["message"] == "The api-version query parameter (?api-version=) is required for all requests."


@pytest.mark.fact("azure-api.md §15 (trap 3) [D]")
@pytest.mark.fact("service-rules.md §7.2 (POST by mistake) [D]")
def test_a_deployment_is_not_made_by_a_post(arm: Arm) -> None:
    """The documentation's REST tab shows POST; the verb is PUT, and the refusal says so."""
    status, body = arm.send("POST", "/deployments/plain", BODY)
    assert (status, body["error"]["code"]) == (405, "HttpMethodNotAllowed")
    assert "PUT" in body["error"]["message"]
    assert (arm.listed, arm.send("PUT", "/deployments/plain", BODY)[0]) == ([], 201)


@pytest.mark.fact("azure-api.md §10.5 (InvalidResourceProperties) [P]")
@pytest.mark.parametrize(
    "changed",
    [
        {"sku": None},
        {"sku": {"name": "Developer", "capacity": 1}},
        {"properties": None},
        {"properties": {"model": None}},
    ],
)
def test_what_is_no_deployment_is_refused(arm: Arm, changed: dict[str, object]) -> None:
    """A SKU that is none (as the CLI spells it), and a body without a model; nothing was made."""
    status, body = arm.send("PUT", "/deployments/plain", {**BODY, **changed})
    assert (status, body["error"]["code"], arm.listed) == (400, "InvalidResourceProperties", [])


@pytest.mark.fact("azure-api.md §10.5 (404) [P]")
def test_another_type_of_resource_is_not_there(arm: Arm) -> None:
    """A path of the data plane below the account is no type of ARM's."""
    status, body = arm.send("GET", "/fine_tuning/jobs")
    assert (status, body["error"]["code"]) == (404, "InvalidResourceType")


@pytest.mark.fact("azure-api.md §10.5 (404) [P]")
def test_another_subscription_is_not_there(arm: Arm) -> None:
    """An account is not found below a subscription that is not its own."""
    path = arm.account.resource_id.replace(arm.account.subscription, "11111111-1111-1111-1111-111111111111")
    status, body = arm.send("GET", path, whole=True)
    assert (status, body["error"]["code"]) == (404, "SubscriptionNotFound")

"""A deployment as a resource: what the management SDK shows of it, how it is named, listed and deleted."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from arm import BASE, Answers, Arm, deployment_of, refusal, shown
from azure.core.exceptions import ResourceNotFoundError
from tuned import tuned_model

SEVEN_DIGITS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
UPGRADE = "OnceNewDefaultVersionAvailable"
ETAG = re.compile(r'"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"')


@pytest.mark.fact("azure-api.md §10 [W]")
def test_a_fresh_account_has_no_deployments(arm: Arm) -> None:
    """A listing without anything is an empty list."""
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §10 [W]")
@pytest.mark.fact("azure-api.md §10.2 (OnceNewDefaultVersionAvailable) [W]")
def test_a_base_model_is_there_at_once(arm: Arm) -> None:
    """201 although nothing is left to do: Succeeded in the body, no operation to poll, upgrades on."""
    answers = Answers()
    made = arm.polled("plain", deployment_of(BASE), answers)
    assert answers.statuses == [201]
    assert not {"azure-asyncoperation", "location"} & {name.lower() for name in answers.headers}
    assert (made.state, arm.transport.waits, made.upgrade) == ("Succeeded", [], UPGRADE)


@pytest.mark.fact("azure-api.md §10.2 [W]")
@pytest.mark.fact("azure-api.md §10.2 (NoAutoUpgrade) [W]")
@pytest.mark.parametrize(
    ("sku", "capacity", "rates"),
    [
        ("Standard", 1, {"request": (10, 1), "token": (60, 1000)}),
        ("GlobalStandard", 50, {"request": (60, 50), "token": (60, 50_000)}),
    ],
)
def test_a_tuned_model_is_shown_as_the_service_shows_it(
    arm: Arm, sku: str, capacity: int, rates: dict[str, tuple[float, float]]
) -> None:
    """One version, never upgraded whatever is asked for; texts for abilities; rates by SKU."""
    model = tuned_model(arm.service, arm.account)
    made = arm.made("support", deployment_of(model, sku, capacity, upgrade=UPGRADE))
    assert (made.id, made.name) == (f"{arm.account.resource_id}/deployments/support", "support")
    assert made.type == "Microsoft.CognitiveServices/accounts/deployments"
    assert (made.model, made.version, made.upgrade) == (model, "1", "NoAutoUpgrade")
    assert (made.capacity, made.current_capacity, made.rates) == (capacity, capacity, rates)
    assert made.capabilities["chatCompletion"] == made.capabilities["responses"] == "true"
    assert {type(value) for value in made.capabilities.values()} == {str}
    arm.delete("support")


@pytest.mark.fact("azure-api.md §10.2 (timestamps, etag) [W]")
def test_times_have_seven_digits_and_the_etag_is_in_the_head_too(arm: Arm) -> None:
    """What the SDK reads as times has a digit more than Python's; the ETag is a quoted UUID."""
    answers = Answers()
    made = arm.polled("plain", deployment_of(BASE), answers)
    system = answers.first["systemData"]
    assert [bool(SEVEN_DIGITS.fullmatch(system[f"{what}At"])) for what in ("created", "lastModified")] == [True] * 2
    assert system["createdAt"] == system["lastModifiedAt"]
    assert ETAG.fullmatch(made.etag) and made.etag == answers.headers["ETag"]


@pytest.mark.fact("azure-api.md §10.1 (SKU names) [W]")
@pytest.mark.parametrize("sku", ["standard", "GLOBALSTANDARD", "developertier"])
def test_a_sku_comes_back_as_it_was_spelled(arm: Arm, sku: str) -> None:
    """The service reads the name of a SKU without case and echoes the caller's."""
    made = arm.made("support", deployment_of(tuned_model(arm.service, arm.account), sku))
    assert made.sku == sku


@pytest.mark.fact("azure-api.md §10.1 (sku.capacity) [W]")
def test_a_capacity_may_be_a_text(arm: Arm) -> None:
    """The text "1" is taken, and comes back as a number."""
    body = b'{"sku":{"name":"Standard","capacity":"1"},"properties":{"model":{"format":"OpenAI","name":"gpt-4o"}}}'
    made = shown(arm.client.deployments.begin_create_or_update(*arm.names, "plain", BytesIO(body)).result())
    assert (made.capacity, made.version) == (1, "2024-08-06")


@pytest.mark.fact("azure-api.md §10.2 (deploymentName) [P]")
def test_names_are_compared_without_case(arm: Arm) -> None:
    """A deployment is found, changed and deleted by its name in any case, and keeps the one it was made with."""
    arm.made("Support", deployment_of(BASE))
    again = arm.made("SUPPORT", deployment_of(BASE, capacity=2))
    assert (again.name, arm.get("support").capacity, arm.listed) == ("Support", 2, ["Support"])
    arm.delete("supporT")
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §10 [W]")
@pytest.mark.fact("azure-api.md §10.5 [P]")
def test_what_is_not_there_cannot_be_read_but_deleted(arm: Arm) -> None:
    """GET of nothing is 404 ResourceNotFound, the SDK's own exception; DELETE of nothing is 204."""
    with pytest.raises(ResourceNotFoundError) as refused:
        arm.get("nothing")
    assert refusal(refused.value)[:2] == (404, "ResourceNotFound")
    answers = Answers()
    arm.delete("nothing", answers)
    assert answers.statuses == [204]


@pytest.mark.fact("azure-api.md §10 (DELETE) [W]")
def test_a_base_model_is_deleted_at_once(arm: Arm) -> None:
    """200, no operation, and it is gone."""
    arm.made("plain", deployment_of(BASE))
    answers = Answers()
    arm.delete("plain", answers)
    assert (answers.statuses, arm.listed) == ([200], [])


@pytest.mark.fact("azure-api.md §10.4 (ARM headers) [W]")
def test_the_head_tells_what_is_left_and_who_asked(arm: Arm) -> None:
    """Each answer has its id, and how many more reads, writes and deletions a subscription has."""
    read, written, deleted = Answers(), Answers(), Answers()
    arm.polled("plain", deployment_of(BASE), written)
    arm.client.deployments.get(*arm.names, "plain", raw_response_hook=read)
    arm.delete("plain", deleted)
    for answers, kind, left in ((read, "reads", 1099), (written, "writes", 799), (deleted, "deletes", 799)):
        assert int(answers.headers[f"x-ms-ratelimit-remaining-subscription-{kind}"]) <= left
        assert int(answers.headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"]) > left
        assert answers.headers["x-ms-request-id"] and answers.headers["x-ms-correlation-request-id"]


@pytest.mark.fact("azure-api.md §10 (SKUs of a deployment) [S]")
def test_the_skus_of_a_deployment(arm: Arm) -> None:
    """What the SKU of a tuned model's deployment could be changed to, with the bounds of its capacity."""
    arm.made("support", deployment_of(tuned_model(arm.service, arm.account)))
    found = list(arm.client.deployments.list_skus(*arm.names, "support"))
    assert {"Standard", "GlobalStandard", "DeveloperTier"} <= {each.sku.name for each in found if each.sku}
    assert all(each.capacity and each.capacity.minimum == each.capacity.step == 1 for each in found)

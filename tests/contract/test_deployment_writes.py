"""Writes of deployments: in place, with tags, one at a time, within the account's room, and in the documented order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from arm import BASE, CREATE_S, Answers, Arm, deployment_of, model_of, refusal
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.mgmt.cognitiveservices.models import PatchResourceTagsAndSku, Sku
from clients import data_client
from openai import NotFoundError
from operations import Surface
from service import Account, Service
from tuned import tuned_model

TUNED_MAX = 10
TAGS = {"ftops-managed": "true", "team": "support"}


def _refused(arm: Arm, name: str, model: str) -> tuple[int | None, str, str]:
    with pytest.raises(HttpResponseError) as refused:
        arm.begin(name, deployment_of(model))
    return refusal(refused.value)


@pytest.mark.fact("azure-api.md §10 (PUT 200) [W]")
def test_a_capacity_is_changed_in_place_and_at_once(arm: Arm) -> None:
    """200, Succeeded, the creation stays, and the rates follow."""
    made = arm.made("support", deployment_of(tuned_model(arm.service, arm.account)))
    answers = Answers()
    changed = arm.polled("support", deployment_of(made.model, capacity=3), answers)
    assert (answers.statuses, arm.transport.waits, changed.state) == ([200], [], "Succeeded")
    assert (changed.capacity, changed.current_capacity, changed.rates["token"]) == (3, 3, (60, 3000))
    assert changed.created_at == made.created_at and changed.modified_at > made.modified_at
    assert changed.etag != made.etag


@pytest.mark.fact("azure-api.md §10.1 (model.name in place) [P]")
@pytest.mark.fact("service-rules.md §7.2 (Name is the identity) [D]")
def test_a_model_is_replaced_in_place(arm: Arm) -> None:
    """The same deployment serves the next tuned model, without another creation."""
    first, second = (tuned_model(arm.service, arm.account, suffix=suffix) for suffix in ("v1", "v2"))
    made = arm.made("support", deployment_of(first))
    changed = arm.polled("support", deployment_of(second))
    assert (changed.model, changed.created_at, changed.id) == (second, made.created_at, made.id)
    assert arm.called("support") == second


@pytest.mark.fact("azure-api.md §10.3 [S]")
@pytest.mark.fact("azure-api.md §10.1 (PUT is a full replace) [UNCONFIRMED]")
def test_tags_of_a_put_replace_all_of_them(arm: Arm) -> None:
    """They are shown by every read, replaced by the next PUT, and gone after one without."""
    assert arm.made("plain", deployment_of(BASE, tags=TAGS)).tags == TAGS
    assert [each.tags for each in arm.client.deployments.list(*arm.names)] == [TAGS]
    assert arm.made("plain", deployment_of(BASE, tags={"team": "sales"})).tags == {"team": "sales"}
    assert arm.made("plain", deployment_of(BASE)).tags is None


@pytest.mark.fact("azure-api.md §10 (PATCH) [S]")
def test_a_patch_changes_tags_or_sku_and_nothing_else(arm: Arm) -> None:
    """The SDK's update: tags alone leave the SKU, a SKU alone leaves the tags, and the model stays."""
    made = arm.made("support", deployment_of(tuned_model(arm.service, arm.account), tags={"team": "sales"}))
    update, answers = arm.client.deployments.begin_update, Answers()
    update(*arm.names, "support", PatchResourceTagsAndSku(tags=TAGS), raw_response_hook=answers).result()
    tagged = arm.get("support")
    assert (answers.statuses, tagged.tags, tagged.sku, tagged.capacity) == ([200], TAGS, "GlobalStandard", 1)
    update(*arm.names, "support", PatchResourceTagsAndSku(sku=Sku(name="GlobalStandard", capacity=2))).result()
    changed = arm.get("support")
    assert (changed.tags, changed.capacity, changed.current_capacity) == (TAGS, 2, 2)
    assert (changed.model, changed.created_at, arm.transport.waits) == (made.model, made.created_at, [])


@pytest.mark.fact("azure-api.md §10.6 [P]")
@pytest.mark.fact("azure-api.md §10.5 (RequestConflict) [P]")
@pytest.mark.parametrize(
    "write",
    [
        lambda arm: arm.begin("another", deployment_of(BASE)),
        lambda arm: arm.client.deployments.begin_update(*arm.names, "plain", PatchResourceTagsAndSku(tags=TAGS)),
        lambda arm: arm.client.deployments.begin_delete(*arm.names, "plain"),
    ],
    ids=["put", "patch", "delete"],
)
def test_one_account_takes_one_write_at_a_time(
    service: Service, pair: tuple[Account, Account], write: Callable[[Arm], object]
) -> None:
    """A second write of the account, of whatever kind, is 409 until the first has ended; another account writes on."""
    arm, neighbour = (Arm(service, account) for account in pair)
    arm.made("plain", deployment_of(BASE))
    arm.begin("support", deployment_of(tuned_model(service, arm.account)), polling=False)
    with pytest.raises(ResourceExistsError) as refused:
        write(arm)
    status, code, message = refusal(refused.value)
    assert (status, code) == (409, "RequestConflict")
    assert message.startswith(
        f"Another operation is being performed on the parent resource '{arm.account.resource_id}'"
    )
    assert message.endswith("Please try again later.")
    assert neighbour.made("plain", deployment_of(BASE)).state == "Succeeded"
    service.advance(CREATE_S)
    write(arm)


@pytest.mark.fact("azure-api.md §10.7 (Max FT deployments) [D]")
@pytest.mark.fact("azure-api.md §10.5 (InsufficientQuota) [P]")
def test_an_account_has_ten_deployments_of_tuned_models(arm: Arm) -> None:
    """The eleventh is refused with the count; one of a base model is none of them, and a deletion makes room."""
    model = tuned_model(arm.service, arm.account)
    for number in range(TUNED_MAX):
        arm.begin(f"support-{number}", deployment_of(model), polling=False)
        arm.service.advance(CREATE_S)
    status, code, message = _refused(arm, "one-more", model)
    assert (status, code) == (400, "InsufficientQuota")
    assert "current quota usage is 10 and the quota limit is 10" in message
    assert arm.made("plain", deployment_of(BASE)).state == "Succeeded"
    arm.delete("support-0")
    assert arm.made("one-more", deployment_of(model)).state == "Succeeded"


@pytest.mark.fact("azure-api.md §10.5 (DeploymentModelNotSupported) [P]")
@pytest.mark.parametrize("model", ["gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef", "gpt-99"])
def test_a_model_that_the_account_has_not_is_refused(arm: Arm, model: str) -> None:
    """400 with the model's name, whether it looks like a tuned one or not; nothing was made."""
    status, code, message = _refused(arm, "support", model)
    assert (status, code, model in message) == (400, "DeploymentModelNotSupported", True)
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §10.1 (a wrong format) [P]")
@pytest.mark.fact("service-rules.md §7.2 (format) [D]")
@pytest.mark.parametrize("wrong", ["openai", "OpenAI-OSS", "Microsoft"])
def test_a_wrong_format_is_a_failure_of_the_server(arm: Arm, wrong: str) -> None:
    """Formats are compared with case, and what does not fit the model is answered with 500."""
    sent = deployment_of(tuned_model(arm.service, arm.account))
    model_of(sent).format = wrong
    with pytest.raises(HttpResponseError) as refused:
        arm.begin("support", sent)
    assert refusal(refused.value)[:2] == (500, "InternalServerError")
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §10.5 (InvalidCapacity) [P]")
@pytest.mark.parametrize(
    ("sku", "capacity", "code"),
    [("GlobalStandard", 0, "InvalidCapacity"), ("GlobalStandard", -1, "InvalidCapacity")],
)
def test_a_capacity_is_a_positive_number(arm: Arm, sku: str, capacity: int, code: str) -> None:
    """Anything else is the user's error, with a code of its own."""
    with pytest.raises(HttpResponseError) as refused:
        arm.begin("plain", deployment_of(BASE, sku, capacity))
    assert refusal(refused.value)[:2] == (400, code)


@pytest.mark.fact("azure-api.md §10.1 (model.source) [D]")
@pytest.mark.fact("service-rules.md §7.3 [D]")
def test_a_model_of_another_account_is_deployed_by_its_source(service: Service, pair: tuple[Account, Account]) -> None:
    """An account of another region deploys what it has not, once it names the owner; then the model answers there."""
    owner, other = (Arm(service, account) for account in pair)
    model = tuned_model(service, owner.account)
    assert _refused(other, "support", model)[1] == "DeploymentModelNotSupported"
    sent = deployment_of(model)
    model_of(sent).source = owner.account.resource_id
    made = other.made("support", sent)
    assert (made.state, made.model, owner.listed) == ("Succeeded", model, [])
    assert other.called("support") == model


@pytest.mark.fact("azure-api.md §10.7 (Deleting a deployment never deletes the model) [D]")
def test_a_model_outlives_its_deployment(arm: Arm) -> None:
    """The deployment's name answers nobody any more; the model is there and is deployed again."""
    model = tuned_model(arm.service, arm.account)
    arm.made("support", deployment_of(model))
    arm.delete("support")
    with pytest.raises(NotFoundError) as refused:
        arm.called("support")
    assert refused.value.code == "DeploymentNotFound"
    assert data_client(arm.service, arm.account, Surface.V1).models.retrieve(model).id == model
    assert arm.made("support", deployment_of(model)).state == "Succeeded"

"""Accounts and what they offer: the resource, its keys, and the models of an account and of a region."""

from __future__ import annotations

from dataclasses import replace

import pytest
from arm import BASE, Answers, Arm, deployment_of, refusal
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from clients import data_client
from openai import APIStatusError, AuthenticationError
from operations import Surface
from service import Account, Service
from trouble import trouble
from tuned import MINI, tuned_model

MINI_NAME, MINI_VERSION = "gpt-4.1-mini", "2025-04-14"
CAPABILITIES = {
    "MaxFineTuneCount": "500",
    "MaxRunningFineTuneCount": "3",
    "MaxRunningGlobalStandardFineTuneCount": "3",
    "MaxUserFileCount": "100",
    "MaxTrainingFileSize": "512000000",
    "MaxUserFileImportDurationInHours": "1",
    "MaxFineTuneJobDurationInHours": "720",
}


@pytest.mark.fact("azure-api.md §11.1 [W]")
def test_an_account_says_its_limits_and_its_endpoint(arm: Arm) -> None:
    """Kind, region, endpoint, keys allowed, limits as texts, and a capability without a value."""
    found = arm.client.accounts.get(*arm.names)
    properties = found.properties
    assert properties and properties.capabilities and properties.call_rate_limit and properties.call_rate_limit.rules
    assert (found.id, found.name, found.kind) == (arm.account.resource_id, arm.account.name, "AIServices")
    assert (found.location, found.sku.name if found.sku else "") == (arm.account.region, "S0")
    assert (properties.provisioning_state, properties.public_network_access) == ("Succeeded", "Enabled")
    assert properties.disable_local_auth is False
    assert properties.custom_sub_domain_name == arm.account.name
    told = {each.name: each.value for each in properties.capabilities}
    assert (told.pop("VirtualNetworks"), told) == (None, CAPABILITIES)
    rules = {rule.key: (rule.count, rule.renewal_period) for rule in properties.call_rate_limit.rules}
    assert rules["openai"] == (30, 1)


@pytest.mark.fact("azure-api.md §11.1 (endpoint) [W]")
def test_the_endpoint_that_an_account_names_is_served(arm: Arm) -> None:
    """A client that derives the data plane's address from the resource reaches the account."""
    properties = arm.client.accounts.get(*arm.names).properties
    assert properties and properties.endpoint
    named = replace(arm.account, root=properties.endpoint.rstrip("/"))
    assert data_client(arm.service, named, Surface.V1).models.retrieve(MINI).id == MINI


@pytest.mark.fact("azure-api.md §11.1 (listKeys) [S]")
def test_the_listed_keys_open_the_data_plane(arm: Arm) -> None:
    """Both keys are the account's and differ."""
    keys = arm.client.accounts.list_keys(*arm.names)
    assert keys.key1 and keys.key2 and keys.key1 != keys.key2
    for key in (keys.key1, keys.key2):
        assert data_client(arm.service, replace(arm.account, key=key), Surface.V1).models.retrieve(MINI).id == MINI


@pytest.mark.fact("azure-api.md §11.1 (keys) [S]")
def test_a_key_is_made_anew(arm: Arm) -> None:
    """The old key opens nothing any more, the new one does, and the other stays."""
    before = arm.client.accounts.list_keys(*arm.names)
    after = arm.client.accounts.regenerate_key(*arm.names, "Key1")
    assert (after.key1 != before.key1, after.key2 == before.key2) == (True, True)
    assert before.key1 and after.key1
    with pytest.raises(AuthenticationError):
        data_client(arm.service, replace(arm.account, key=before.key1), Surface.V1).models.retrieve(MINI)
    assert data_client(arm.service, replace(arm.account, key=after.key1), Surface.V1).models.retrieve(MINI).id == MINI


@pytest.mark.fact("azure-api.md §2.2 (disableLocalAuth) [UNCONFIRMED]")
def test_an_account_may_take_no_keys(arm: Arm) -> None:
    """The resource says so, keys are refused with 401 or 403, and the SDK shows why."""
    with trouble(arm.service, disable_local_auth=True):
        properties = arm.client.accounts.get(*arm.names).properties
        assert properties and properties.disable_local_auth is True
        with pytest.raises(APIStatusError) as refused:
            data_client(arm.service, arm.account, Surface.V1).models.retrieve(MINI)
    assert refused.value.status_code in (401, 403)


@pytest.mark.fact("service-rules.md §11 [D]")
@pytest.mark.parametrize(("roles", "may"), [("all", True), ("reader", False)])
def test_what_one_may_do_can_be_asked_for(arm: Arm, roles: str, *, may: bool) -> None:
    """The permissions on an account say whether a deployment can be written, and so it is."""
    with trouble(arm.service, roles=roles):
        path = "/providers/Microsoft.Authorization/permissions"
        status, body = arm.send("GET", path, version="2022-04-01")
        assert (status, body["value"][0]["actions"]) == (200, ["*"] if may else ["*/read"])
        status, _ = arm.send("PUT", "/deployments/plain", deployment_of(BASE).serialize())
        assert status == (201 if may else 403)
    assert arm.listed == (["plain"] if may else [])


@pytest.mark.fact("azure-api.md §11.1 [S]")
def test_accounts_are_listed_by_subscription_and_by_group(arm: Arm) -> None:
    """Both listings have this account as it is shown alone; another group has none."""
    alone = arm.client.accounts.get(*arm.names).serialize(keep_readonly=True)
    for found in (arm.client.accounts.list(), arm.client.accounts.list_by_resource_group(arm.account.group)):
        assert [each.serialize(keep_readonly=True) for each in found if each.name == arm.account.name] == [alone]
    assert list(arm.client.accounts.list_by_resource_group("another")) == []


@pytest.mark.fact("azure-api.md §10.5 (404) [P]")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"name": "nobody"}, "ResourceNotFound"),
        ({"group": "nowhere"}, "ResourceGroupNotFound"),
    ],
)
def test_an_account_is_not_found_in_another_place(arm: Arm, changed: dict[str, str], code: str) -> None:
    """The SDK's own exception with ARM's code, by what is wrong in the path."""
    group, name = changed.get("group", arm.account.group), changed.get("name", arm.account.name)
    with pytest.raises(ResourceNotFoundError) as refused:
        arm.client.accounts.get(group, name)
    assert refusal(refused.value)[:2] == (404, code)


@pytest.mark.fact("azure-api.md §10.5 (ParentResourceNotFound) [P]")
def test_a_deployment_of_no_account_lacks_its_parent(arm: Arm) -> None:
    """What is below an account that is not there has no parent."""
    with pytest.raises(ResourceNotFoundError) as refused:
        arm.client.deployments.get(arm.account.group, "nobody", "support")
    assert refusal(refused.value)[:2] == (404, "ParentResourceNotFound")


@pytest.mark.fact("azure-api.md §11.2 [D]")
@pytest.mark.fact("azure-api.md §11.2 (the account's fine-tuned models) [UNCONFIRMED]")
def test_an_account_lists_base_and_tuned_models(arm: Arm) -> None:
    """What can be tuned says so in texts, dates are RFC 3339, and a tuned model names its base."""
    tuned = tuned_model(arm.service, arm.account)
    found = {str(each.name): each for each in arm.client.accounts.list_models(*arm.names)}
    base, mine = found[MINI_NAME], found[tuned]
    assert base.capabilities and (base.capabilities["fineTune"], base.capabilities["chatCompletion"]) == (
        "true",
        "true",
    )
    assert base.deprecation and (base.deprecation.fine_tune, base.deprecation.inference) == (
        "2027-04-14T00:00:00Z",
        "2027-10-14T00:00:00Z",
    )
    assert (base.version, base.base_model, base.lifecycle_status) == (MINI_VERSION, None, "GenerallyAvailable")
    assert mine.base_model and (mine.base_model.name, mine.base_model.version) == (MINI_NAME, MINI_VERSION)
    usages = {sku.name: sku.usage_name for sku in mine.skus or []}
    assert usages["GlobalStandard"] == "OpenAI.GlobalStandard.gpt4.1-mini-finetune"
    assert usages["DeveloperTier"] == "OpenAI.DeveloperTier.gpt4.1-mini-finetune"


@pytest.mark.fact("azure-api.md §11.2 (locations) [S]")
def test_a_region_lists_its_models_by_kind(arm: Arm) -> None:
    """Each model is there for both kinds of account; tuned models are in no region."""
    found = list(arm.client.models.list(arm.account.region))
    assert {each.kind for each in found if each.model and each.model.name == MINI_NAME} == {"OpenAI", "AIServices"}
    assert {each.sku_name for each in found} == {"S0"}
    assert not [each for each in found if each.model and ".ft-" in str(each.model.name)]


@pytest.mark.fact("azure-api.md §11.2 (modelCapacities) [S]")
def test_the_capacity_that_is_left_falls_with_each_deployment(arm: Arm) -> None:
    """Both listings tell what is left for tuned models, for this region and for every one."""
    model = tuned_model(arm.service, arm.account)

    def left() -> tuple[float | None, float | None]:
        asked = ("OpenAI", MINI_NAME, MINI_VERSION)
        here = arm.client.location_based_model_capacities.list(arm.account.region, *asked)
        every = arm.client.model_capacities.list(*asked)
        (local,) = [each.properties for each in here if each.name == "GlobalStandard"]
        (same,) = [
            each.properties for each in every if (each.name, each.location) == ("GlobalStandard", arm.account.region)
        ]
        assert local and same
        assert same.available_finetune_capacity == local.available_finetune_capacity
        return local.available_capacity, local.available_finetune_capacity

    base_before, before = left()
    arm.begin("support", deployment_of(model, capacity=7), polling=False)
    base_after, after = left()
    assert before is not None and (base_after, after) == (base_before, before - 7)
    arm.service.advance(300)
    arm.delete("support")


@pytest.mark.fact("azure-api.md §11.2 (modelCapacities) [S]")
def test_the_capacity_of_no_model_is_refused(arm: Arm) -> None:
    """The model is named by format, name and version."""
    answers = Answers()
    with pytest.raises(HttpResponseError) as refused:
        list(arm.client.model_capacities.list("OpenAI", MINI_NAME, "", raw_response_hook=answers))
    assert refusal(refused.value)[0] == 400


@pytest.mark.fact("azure-api.md §11.1 [W]")
def test_an_account_is_found_by_its_name_in_any_case(service: Service, account: Account) -> None:
    """Names on ARM are compared without case."""
    found = Arm(service, account).client.accounts.get(account.group.upper(), account.name.upper())
    assert found.name == account.name

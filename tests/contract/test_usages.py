"""Quota: what the usages call it, what they count, and the refusal with its numbers."""

from __future__ import annotations

import pytest
from arm import BASE, CREATE_S, Arm, deployment_of, refusal
from azure.core.exceptions import HttpResponseError
from service import Account, Service
from tuned import tuned_model

MINI = "OpenAI.GlobalStandard.gpt4.1-mini"
NANO = "gpt-4.1-nano-2025-04-14"
NANO_TUNED = "OpenAI.GlobalStandard.gpt4.1-nano-finetune"
TUNED_COUNT = "OpenAI.FineTuned.Deployments"


def _region(arm: Arm) -> dict[str, tuple[float, float]]:
    """Return what is used and what is allowed in the account's region, by the quota's name."""
    rows = arm.client.usages.list(arm.account.region)
    return {str(row.name.value): (row.current_value or 0, row.limit or 0) for row in rows if row.name}


def _own(arm: Arm) -> dict[str, float]:
    """Return what the account itself uses."""
    rows = arm.client.accounts.list_usages(*arm.names).value or []
    return {str(row.name.value): row.current_value or 0 for row in rows if row.name}


@pytest.mark.fact("azure-api.md §11.3 [W]")
@pytest.mark.fact("azure-api.md §11.3 (names) [P]")
def test_quotas_have_names_that_no_model_has(arm: Arm) -> None:
    """The gpt-4.1 family lacks its first dash, tuned models have rows of their own, others keep their names."""
    rows = list(arm.client.usages.list(arm.account.region))
    names = {str(row.name.value) for row in rows if row.name}
    assert {MINI, f"{MINI}-finetune", "OpenAI.DeveloperTier.gpt4.1-mini-finetune"} <= names
    assert {"OpenAI.Standard.gpt-4o-finetune", TUNED_COUNT, "OpenAI.S0.AccountCount"} <= names
    assert not [name for name in names if "gpt-4.1" in name]
    assert {row.unit for row in rows} == {"Count"}


@pytest.mark.fact("azure-api.md §11.3 (units) [P]")
def test_a_deployment_uses_its_capacity_of_its_own_row(service: Service, pair: tuple[Account, Account]) -> None:
    """A tuned model counts in the row of tuned ones, in thousands, in its own region only, from the PUT on."""
    arm, far = (Arm(service, account) for account in pair)
    model = tuned_model(service, arm.account)
    before, elsewhere, row = _region(arm), _region(far), f"{MINI}-finetune"
    arm.begin("support", deployment_of(model, capacity=4), polling=False)
    after = _region(arm)
    assert after[row] == (before[row][0] + 4, before[row][1])
    assert after[TUNED_COUNT][0] == before[TUNED_COUNT][0] + 1
    assert (after[MINI], _region(far)[row]) == (before[MINI], elsewhere[row])
    assert (_own(arm)[row], _own(arm)[TUNED_COUNT], _own(far)[row]) == (4, 1, 0)
    service.advance(CREATE_S)
    arm.delete("support")
    assert _own(arm)[row] == 0


@pytest.mark.fact("azure-api.md §10.5 (InsufficientQuota) [P]")
def test_more_than_is_left_is_refused_with_the_numbers(arm: Arm) -> None:
    """400 with what was asked for, what is left, what is used and the limit; nothing was made, and less is taken."""
    model = tuned_model(arm.service, arm.account, NANO)
    used, limit = (int(value) for value in _region(arm)[NANO_TUNED])
    left = limit - used
    with pytest.raises(HttpResponseError) as refused:
        arm.begin("support", deployment_of(model, capacity=left + 1))
    status, code, message = refusal(refused.value)
    assert (status, code) == (400, "InsufficientQuota")
    quota = "Tokens Per Minute (thousands) - GlobalStandard.gpt4.1-nano-finetune"
    assert message == (
        f"This operation require {left + 1} new capacity in quota {quota}, which is bigger than the current available "
        f"capacity {left}. The current quota usage is {used} and the quota limit is {limit} for quota {quota}."
    )
    assert arm.listed == []
    assert arm.made("support", deployment_of(model, capacity=left)).capacity == left
    assert _region(arm)[NANO_TUNED] == (limit, limit)
    arm.delete("support")


@pytest.mark.fact("azure-api.md §10.5 (InsufficientQuota) [P]")
def test_a_larger_capacity_needs_only_the_difference(arm: Arm) -> None:
    """What a deployment holds already is not asked for again."""
    used, limit = _region(arm)["OpenAI.Standard.gpt-4o"]
    arm.made("plain", deployment_of(BASE, "Standard", int(limit - used)))
    with pytest.raises(HttpResponseError) as refused:
        arm.begin("plain", deployment_of(BASE, "Standard", int(limit - used) + 2))
    assert "This operation require 2 new capacity" in refusal(refused.value)[2]
    arm.delete("plain")

"""Graders tried before a job is made of them, with the SDK's alpha methods."""

from __future__ import annotations

from typing import Any

import pytest
from clients import data_client
from openai import BadRequestError
from operations import Surface
from service import Account, Service
from steps import DATA_SURFACES, raw, refusal

CHECK: Any = {
    "type": "string_check",
    "name": "same",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}
MULTI: Any = {
    "type": "multi",
    "name": "both",
    "graders": {"same": CHECK, "near": {**CHECK, "name": "near", "operation": "like"}},
    "calculate_output": "0.25 * same + 0.75 * near",
}


@pytest.mark.fact("azure-api.md §8 [S]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_sound_grader_is_returned(service: Service, account: Account, surface: Surface) -> None:
    """Validation answers with the grader itself."""
    checked = data_client(service, account, surface).fine_tuning.alpha.graders.validate(grader=CHECK)
    assert raw(checked) == {"grader": CHECK}


@pytest.mark.fact("azure-api.md §8 [S]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_grader_is_run_on_a_sample(service: Service, account: Account, surface: Surface) -> None:
    """The reward of a sum of graders is computed by its formula, and each part's is told."""
    graders = data_client(service, account, surface).fine_tuning.alpha.graders
    ran = graders.run(grader=MULTI, item={"answer": "4"}, model_sample="It is 4.")
    assert (ran.reward, ran.sub_rewards) == (0.75, {"same": 0.0, "near": 1.0})
    assert graders.run(grader=CHECK, item={"answer": "4"}, model_sample="4").reward == 1
    assert not ran.metadata.errors.other_error


@pytest.mark.fact("service-rules.md §1.6 [P]")
def test_a_key_that_is_missing_scores_nothing(service: Service, account: Account) -> None:
    """What a template does not find raises no error: the reward is 0."""
    graders = data_client(service, account, Surface.V1).fine_tuning.alpha.graders
    assert graders.run(grader=CHECK, item={}, model_sample="4").reward == 0


@pytest.mark.fact("azure-api.md §8 [S]")
def test_a_grader_that_is_none(service: Service, account: Account) -> None:
    """An operation that no string check has is refused."""
    graders = data_client(service, account, Surface.V1).fine_tuning.alpha.graders
    wrong: Any = {**CHECK, "operation": "same"}
    with pytest.raises(BadRequestError) as refused:
        graders.validate(grader=wrong)
    assert refusal(refused.value)[:2] == (400, "invalidPayload")

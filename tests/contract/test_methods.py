"""Preference optimisation and reinforcement: what their tabs of the documentation send, and what is echoed."""

from __future__ import annotations

from typing import Any

import pytest
from clients import data_client
from openai import BadRequestError
from operations import Surface
from service import Account, Service
from steps import (
    DATA_SURFACES,
    LONG_S,
    MODEL,
    PREFERENCE,
    QUESTION,
    REASONING_MODEL,
    queued,
    raw,
    refusal,
    uploaded,
)

SCORER: Any = {
    "type": "score_model",
    "name": "scorer",
    "model": "o3-mini",
    "input": [{"role": "user", "content": "Is {{sample.output_text}} equal to {{item.answer}}?"}],
    "range": [0.0, 1.0],
}
CHECK: Any = {
    "type": "string_check",
    "name": "same",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}
PYTHON: Any = {"type": "python", "name": "code", "source": "def grade(sample, item):\n    return 1.0\n"}
SIMILAR: Any = {
    "type": "text_similarity",
    "name": "near",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "evaluation_metric": "fuzzy_match",
    "pass_threshold": 0.5,
}
MULTI: Any = {
    "type": "multi",
    "name": "both",
    "graders": {"same": CHECK, "code": PYTHON},
    "calculate_output": "0.5 * same + 0.5 * code",
}


def reinforcement(grader: Any, **hyperparameters: Any) -> Any:
    """Return the `method` of a reinforcement job."""
    return {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": hyperparameters}}


@pytest.mark.fact("azure-api.md §6.6 [W]")
@pytest.mark.fact("azure-api.md §6.3 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_preference_job(service: Service, account: Account, surface: Surface) -> None:
    """The echo has beta 0.1 and l2_multiplier 0 where nothing was sent, and no hyperparameters at the top."""
    client = data_client(service, account, surface)
    method: Any = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1}}}
    job = queued(client, uploaded(service, client, PREFERENCE), method=method)
    made = raw(client.fine_tuning.jobs.retrieve(job))
    assert "hyperparameters" not in made
    expected = {"n_epochs": 1, "batch_size": -1, "learning_rate_multiplier": 2, "beta": 0.1, "l2_multiplier": 0}
    assert made["method"] == {"type": "dpo", "dpo": {"hyperparameters": expected}}
    service.advance(LONG_S)
    assert client.fine_tuning.jobs.retrieve(job).status == "succeeded"


@pytest.mark.fact("azure-api.md §6.6 [W]")
@pytest.mark.fact("azure-api.md §8 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_reinforcement_job(service: Service, account: Account, surface: Surface) -> None:
    """The echo adds compute_multiplier 1 and the scorer's pass_threshold 0, and keeps the grader's short model name."""
    client = data_client(service, account, surface)
    files = [uploaded(service, client, QUESTION, name=name) for name in ("train.jsonl", "validation.jsonl")]
    job = queued(
        client,
        files[0],
        validation_file=files[1],
        model="o4-mini",
        method=reinforcement(SCORER, n_epochs=1, reasoning_effort="medium", eval_interval=5, eval_samples=2),
    )
    made = raw(client.fine_tuning.jobs.retrieve(job))
    assert "hyperparameters" not in made
    assert (made["model"], made["estimated_finish"]) == (REASONING_MODEL, made["created_at"] + 2760)
    echoed = made["method"]["reinforcement"]
    assert echoed["hyperparameters"] == {
        "n_epochs": 1,
        "batch_size": -1,
        "learning_rate_multiplier": 1,
        "compute_multiplier": 1,
        "reasoning_effort": "medium",
        "eval_interval": 5,
        "eval_samples": 2,
    }
    assert echoed["grader"] == {**SCORER, "range": [0, 1], "pass_threshold": 0}
    service.advance(LONG_S)
    assert client.fine_tuning.jobs.retrieve(job).status == "succeeded"


@pytest.mark.fact("azure-api.md §8 [D]")
@pytest.mark.parametrize("grader", [CHECK, PYTHON, SIMILAR, MULTI], ids=lambda grader: grader["type"])
def test_every_documented_grader_is_taken(service: Service, account: Account, grader: Any) -> None:
    """A job has one grader of any kind, also `python`, which v1's specification leaves out; it is echoed as it was."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client, QUESTION)
    method = reinforcement(grader)
    job = queued(client, training, validation_file=training, model=REASONING_MODEL, method=method)
    assert raw(client.fine_tuning.jobs.retrieve(job))["method"]["reinforcement"]["grader"] == grader


@pytest.mark.fact("azure-api.md §6.3 [D]")
def test_an_answer_may_have_a_schema(service: Service, account: Account) -> None:
    """`response_format` is nested in `json_schema` and echoed."""
    client = data_client(service, account, Surface.CLASSIC)
    wanted = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": {"type": "object"}}}
    method = reinforcement(CHECK)
    method["reinforcement"]["response_format"] = wanted
    training = uploaded(service, client, QUESTION)
    job = queued(client, training, validation_file=training, model=REASONING_MODEL, method=method)
    assert raw(client.fine_tuning.jobs.retrieve(job))["method"]["reinforcement"]["response_format"] == wanted


@pytest.mark.fact("azure-api.md §6.2 [D]")
def test_reinforcement_needs_a_validation_file(service: Service, account: Account) -> None:
    """Without one the job is refused."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client, QUESTION)
    with pytest.raises(BadRequestError) as refused:
        queued(client, training, model=REASONING_MODEL, method=reinforcement(CHECK))
    message = "The validation_file field is required for reinforcement fine-tuning."
    assert refusal(refused.value) == (400, "invalidPayload", message)


@pytest.mark.fact("azure-api.md §3.3 [P]")
@pytest.mark.parametrize(("model", "method"), [(MODEL, reinforcement(CHECK)), ("gpt-3.5", None)])
def test_a_model_and_a_method_that_do_not_fit(service: Service, account: Account, model: str, method: Any) -> None:
    """A model that cannot be tuned so, or at all, is refused with one and the same message."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client, QUESTION)
    with pytest.raises(BadRequestError) as refused:
        queued(client, training, validation_file=training, model=model, **({"method": method} if method else {}))
    message = "The specified base model does not support fine-tuning."
    assert refusal(refused.value) == (400, "invalidPayload", message)


@pytest.mark.fact("service-rules.md §12 [P]")
@pytest.mark.parametrize("method", [None, {"type": "supervised", "supervised": {}}, {"type": "dpo", "dpo": {}}])
def test_a_reasoning_model_is_reinforced_only(service: Service, account: Account, method: Any) -> None:
    """Another method, also the one that stands where none is named, is refused by name."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client)
    with pytest.raises(BadRequestError) as refused:
        queued(client, training, model="o4-mini", **({"method": method} if method else {}))
    message = f"Fine-tuning with {REASONING_MODEL} requires the reinforcement method."
    assert refusal(refused.value) == (400, "invalidPayload", message)


@pytest.mark.fact("azure-api.md §3.3 [P]")
def test_open_models_are_tuned_globally_only(service: Service, account: Account) -> None:
    """Without a trainingType an open model would be trained regionally, which is refused."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client)
    with pytest.raises(BadRequestError) as refused:
        client.fine_tuning.jobs.create(model="Ministral-3B", training_file=training)
    assert refusal(refused.value)[2].endswith("does not support fine-tuning with Standard TrainingType")

"""Jobs on the wire: what is accepted, how it is echoed, and what a finished job leaves."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import MODEL, Caller

RFT = {"type": "reinforcement", "reinforcement": {"grader": {"type": "score_model", "name": "g", "model": "o3-mini"}}}


def _method(kind: str, **hyperparameters: float | str) -> dict[str, Any]:
    return {"type": kind, kind: {"hyperparameters": hyperparameters}}


def test_fresh_job(v1: Caller) -> None:
    """A new job is echoed with sentinels, a seed and the standard type, without nulls and with a broken Location."""
    file = v1.ready_file()
    response = v1.train(model="gpt-4.1-mini", training_file=file)
    job = response.json or {}
    assert response.status_code == 201
    assert response.headers["Location"].endswith(f"/openai/fine_tuning/{job['id']}")
    assert None not in job.values()
    assert set(job) == {
        *("object", "id", "created_at", "status", "model", "training_file", "seed", "trainingType"),
        *("hyperparameters", "estimated_finish"),
    }
    assert (job["model"], job["status"], job["trainingType"]) == (MODEL, "pending", "standard")
    assert job["hyperparameters"] == {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": 2}
    assert job["estimated_finish"] == job["created_at"] + 900


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ({"trainingType": "GLOBALSTANDARD"}, {"trainingType": "globalStandard"}),
        ({"trainingType": "DEVELOPERTIER"}, {"trainingType": "developerTier"}),
        ({"suffix": "a-b_C9", "seed": 0}, {"suffix": "a-b_C9", "seed": 0}),
        (
            {"method": _method("supervised", n_epochs=2.0, batch_size="auto", learning_rate_multiplier=0.5)},
            {
                "method": _method("supervised", n_epochs=2, batch_size=-1, learning_rate_multiplier=0.5),
                "hyperparameters": {"n_epochs": 2, "batch_size": -1, "learning_rate_multiplier": 0.5},
            },
        ),
        (
            {"hyperparameters": {"n_epochs": 3}},
            {
                "hyperparameters": {"n_epochs": 3, "batch_size": -1, "learning_rate_multiplier": 2},
                "method": None,
            },
        ),
        (
            {"method": _method("dpo")},
            {
                "method": _method(
                    "dpo", n_epochs=-1, batch_size=-1, learning_rate_multiplier=2, beta=0.1, l2_multiplier=0
                ),
                "hyperparameters": None,
            },
        ),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"unknown": 1}, {"unknown": None}),
        ({"model": "Ministral-3B", "trainingType": "globalStandard"}, {"model": "Ministral-3B"}),
    ],
)
def test_echo(v1: Caller, sent: Mapping[str, Any], echoed: Mapping[str, Any]) -> None:
    """Each accepted setting is echoed as the service does it; None stands for an absent member."""
    job = v1.train(training_file=v1.ready_file(), **sent).json or {}
    assert {name: job.get(name) for name in echoed} == echoed


def test_reinforcement_echo(v1: Caller) -> None:
    """A reinforcement job shows the grader with its default and no top-level hyperparameters."""
    file = v1.ready_file()
    job = v1.train(model="o4-mini", training_file=file, validation_file=file, method=RFT).json or {}
    assert job["method"]["reinforcement"]["grader"]["pass_threshold"] == 0
    assert job["method"]["reinforcement"]["hyperparameters"]["compute_multiplier"] == 1
    assert "hyperparameters" not in job
    assert job["estimated_finish"] == job["created_at"] + 2760


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"model": "gpt-9"}, "The specified base model does not support fine-tuning."),
        ({"model": "o3-mini"}, "The specified base model does not support fine-tuning."),
        ({"model": MODEL + ".ft-" + "0" * 32}, "The specified base model does not support fine-tuning."),
        ({"model": "o4-mini"}, "Fine-tuning with o4-mini-2025-04-16 requires the reinforcement method."),
        ({"model": None}, "The model field is required."),
        ({"model": "Ministral-3B"}, "with Standard TrainingType"),
        ({"trainingType": "turbo"}, "The fineTuningJob field is required."),
        ({"trainingType": 1}, "The fineTuningJob field is required."),
        ({"trainingType": "Developer"}, "The fineTuningJob field is required."),
        ({"suffix": "a.b"}, "suffix"),
        ({"suffix": "a" * 65}, "suffix"),
        ({"suffix": ""}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": True}, "seed"),
        ({"method": {"type": "magic"}}, "method type"),
        ({"method": {"type": "dpo", "dpo": 1}}, "must be an object"),
        ({"method": _method("supervised", n_epochs=0)}, "n_epochs"),
        ({"method": _method("supervised", n_epochs=10**12)}, "n_epochs"),
        ({"method": _method("supervised", batch_size=1.5)}, "batch_size"),
        ({"method": _method("dpo", beta=0)}, "beta"),
        ({"method": _method("dpo"), "hyperparameters": {"n_epochs": 1}}, "method.dpo"),
        ({"method": {"type": "reinforcement"}}, "grader"),
        ({"model": "o4-mini", "method": RFT}, "validation_file"),
        ({"training_file": "file-0"}, "training_file cannot be found"),
        ({"validation_file": "file-0"}, "validation_file cannot be found"),
        ({"metadata": {"a": 1}}, "metadata"),
    ],
)
def test_refused(v1: Caller, sent: Mapping[str, Any], message: str) -> None:
    """Each bad field is a 400 invalidPayload that says which, and makes no job."""
    body = {"training_file": v1.ready_file(), **sent}
    response = v1.train(**body)
    error = (response.json or {})["error"]
    assert (response.status_code, error["code"]) == (400, "invalidPayload")
    assert message in error["message"]
    assert v1.get("/fine_tuning/jobs")["data"] == []


def test_file_must_be_processed(v1: Caller) -> None:
    """A training file that is still being checked, or of another purpose, is refused."""
    fresh = (v1.upload(b"{}").json or {})["id"]
    batch = (v1.upload(b"{}", purpose="batch").json or {})["id"]
    assert [v1.train(training_file=key).status_code for key in (fresh, batch)] == [400, 400]


def test_reinforcement_shows_rewards(v1: Caller) -> None:
    """A reinforcement job reports rewards instead of losses, in events, checkpoints and results."""
    file = v1.ready_file()
    job = v1.trained(model="o4-mini", training_file=file, validation_file=file, method=RFT)
    event = v1.get(f"/fine_tuning/jobs/{job['id']}/events", limit=5)["data"][4]
    checkpoint = v1.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")["data"][0]
    assert set(event["data"]) >= {"step", "train_mean_reward"}
    assert set(checkpoint["metrics"]) == {
        "step",
        "train_mean_reward",
        "valid_mean_reward",
        "full_valid_mean_reward",
    }
    text = v1.call("GET", f"/files/{job['result_files'][0]}/content").text
    assert text.startswith("step,train_mean_reward,")


def test_large_jobs_stay_small(v1: Caller) -> None:
    """A job of very many steps has a bounded table of results and a bounded number of metrics events."""
    job = v1.trained(training_file=v1.ready_file(3_000), method=_method("supervised", n_epochs=10, batch_size=1))
    table = v1.call("GET", f"/files/{job['result_files'][0]}/content").text.splitlines()
    assert len(table) <= 2_012
    assert table[-1].startswith("30000,")
    events = v1.get(f"/fine_tuning/jobs/{job['id']}/events", limit=10_000)["data"]
    assert sum(event["type"] == "metrics" for event in events) == 1_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("model", "suffix", "seed", "method", "hyperparameters", "trainingType", "metadata", "validation_file")


@settings(
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
    inner=st.dictionaries(st.sampled_from(["n_epochs", "batch_size", "beta", "reasoning_effort"]), JSON),
    kind=st.sampled_from(["supervised", "dpo", "reinforcement"]) | JSON,
)
def test_any_body_is_answered(v1: Caller, body: dict[str, Any], inner: dict[str, Any], kind: object) -> None:
    """Whatever stands in the fields, the answer is a job or a 400, never a crash."""
    v1.emulator.reset()
    method = {"type": kind, **({kind: {"hyperparameters": inner}} if isinstance(kind, str) else {})}
    response = v1.train(**{"training_file": v1.ready_file(10), "method": method, **body})
    assert response.status_code in {201, 400}
    v1.emulator.advance(timedelta(days=1))
    v1.get("/fine_tuning/jobs")


def test_broken_body(v1: Caller) -> None:
    """A body that is no JSON object gets the service's misleading message."""
    response = v1.call("POST", "/fine_tuning/jobs", data=b"[]", content_type="application/json")
    assert (response.json or {})["error"]["message"] == "The fineTuningJob field is required."


def test_success_leaves_everything(v1: Caller) -> None:
    """A finished job has its model, tokens, real hyperparameters, checkpoints, a results file and the billed event."""
    file = v1.ready_file()
    job = v1.trained(
        training_file=file, validation_file=file, suffix="s1", method=_method("supervised", n_epochs=5, batch_size=5)
    )
    assert job["status"] == "succeeded"
    assert job["fine_tuned_model"] == f"{MODEL}.ft-{job['id'].removeprefix('ftjob-')}-s1"
    assert job["hyperparameters"] == {"n_epochs": 5, "batch_size": 5, "learning_rate_multiplier": 2}
    assert job["method"]["supervised"]["hyperparameters"] == job["hyperparameters"]
    checkpoints = v1.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")["data"]
    assert [item["step_number"] for item in checkpoints] == [50, 40, 30]
    assert [item["fine_tuned_model_checkpoint"].removeprefix(job["fine_tuned_model"]) for item in checkpoints] == [
        "",
        ":ckpt-step-40",
        ":ckpt-step-30",
    ]
    results = v1.get(f"/files/{job['result_files'][0]}")
    assert (results["filename"], results["purpose"], results["status"]) == (
        "results.csv",
        "fine-tune-results",
        "processed",
    )
    table = list(csv.DictReader(io.StringIO(v1.call("GET", f"/files/{results['id']}/content").text)))
    assert len(table) == 50
    assert float(table[49]["full_valid_loss"]) == checkpoints[0]["metrics"]["full_valid_loss"]
    assert table[48]["full_valid_loss"] == ""
    events = v1.get(f"/fine_tuning/jobs/{job['id']}/events", limit=100)["data"]
    assert events[0]["message"] == f"Training tokens billed: {job['trained_tokens']}"
    assert events[-1]["message"] == "Job enqueued. Waiting for jobs ahead to complete."
    assert [event["data"]["step"] for event in events if event["type"] == "metrics"] == [50, 40, 30, 20, 10]
    assert events == sorted(events, key=lambda event: -event["created_at"])
    assert len({event["id"] for event in events}) == len(events)


def test_models_of_both_surfaces(v1: Caller, classic: Caller) -> None:
    """The tuned model is listed beside the base models, in each surface's own shape."""
    job = v1.trained()
    name = job["fine_tuned_model"]
    assert set(v1.get(f"/models/{name}")) == {"id", "object", "created", "owned_by"}
    shown = {item["id"]: item for item in classic.get("/models")["data"]}
    assert (shown[name]["model"], shown[name]["fine_tune"]) == (MODEL, job["id"])
    assert shown[name]["capabilities"]["fine_tune"] is False
    assert shown[MODEL]["capabilities"]["fine_tune"] is True
    assert "fine_tune" not in shown[MODEL]
    assert classic.call("GET", "/models/nothing").status_code == 404


def test_continuous_tuning(v1: Caller) -> None:
    """A tuned model or a checkpoint can be tuned on; it is echoed verbatim and the name keeps the first base."""
    parent = v1.trained(suffix="one", method=_method("supervised", n_epochs=3))
    checkpoint = v1.get(f"/fine_tuning/jobs/{parent['id']}/checkpoints")["data"][1]["fine_tuned_model_checkpoint"]
    for model in (parent["fine_tuned_model"], checkpoint):
        child = v1.trained(model=model, suffix="two")
        assert child["model"] == model
        assert child["fine_tuned_model"] == f"{MODEL}.ft-{child['id'].removeprefix('ftjob-')}-two"


def test_metadata_is_dropped_on_classic(classic: Caller) -> None:
    """The classic surface ignores metadata."""
    assert "metadata" not in (classic.train(training_file=classic.ready_file(), metadata={"a": "b"}).json or {})


def test_twins(v1: Caller) -> None:
    """Nothing is idempotent: the same request twice makes two jobs."""
    file = v1.ready_file()
    assert v1.job(training_file=file, seed=1) != v1.job(training_file=file, seed=1)


def test_same_inputs_same_curve(v1: Caller) -> None:
    """Two trainings of the same inputs show the same metrics."""
    file = v1.ready_file()
    jobs = [v1.trained(training_file=file, seed=7) for _ in range(2)]
    texts = [v1.call("GET", f"/files/{job['result_files'][0]}/content").text for job in jobs]
    assert texts[0] == texts[1]


def test_listing_pages_newest_first(v1: Caller) -> None:
    """Jobs come newest first, twenty to a page, and the pages join."""
    v1.emulator.limits = replace(v1.emulator.limits, queued_jobs=100)
    file = v1.ready_file()
    keys = [v1.job(training_file=file) for _ in range(25)][::-1]
    first = v1.get("/fine_tuning/jobs")
    rest = v1.get("/fine_tuning/jobs", after=first["data"][-1]["id"])
    assert [job["id"] for job in first["data"] + rest["data"]] == keys
    assert (len(first["data"]), first["has_more"], rest["has_more"]) == (20, True, False)
    assert set(first) == {"object", "data", "has_more"}


def test_queue_is_limited(v1: Caller) -> None:
    """A queued job too many is refused."""
    file = v1.ready_file()
    for _ in range(20):
        v1.job(training_file=file)
    response = v1.train(training_file=file)
    assert (response.status_code, (response.json or {})["error"]["code"]) == (400, "quotaExceeded")


def test_delete_is_classic(v1: Caller, classic: Caller) -> None:
    """A job's record is deleted on the classic surface only, idempotently, and never while it runs."""
    key = v1.job()
    assert v1.call("DELETE", f"/fine_tuning/jobs/{key}").status_code == 404
    assert classic.call("DELETE", f"/fine_tuning/jobs/{key}").status_code == 409
    v1.emulator.advance(timedelta(hours=3))
    assert [classic.call("DELETE", f"/fine_tuning/jobs/{key}").status_code for _ in range(2)] == [204, 204]
    assert v1.call("GET", f"/fine_tuning/jobs/{key}").status_code == 404
    assert v1.emulator.snapshot("contoso")["models"] == []


def test_deployed_model_is_not_deleted(v1: Caller, classic: Caller) -> None:
    """A job whose model or checkpoint is deployed keeps both until the deployment is gone."""
    key = v1.job()
    v1.emulator.advance(timedelta(hours=3))
    checkpoint = v1.get(f"/fine_tuning/jobs/{key}/checkpoints")["data"][1]
    for name in (checkpoint["fine_tuned_model_checkpoint"], checkpoint["id"]):
        v1.deployed("support", name)
        refused = classic.call("DELETE", f"/fine_tuning/jobs/{key}")
        assert (refused.status_code, (refused.json or {})["error"]["code"]) == (409, "conflict")
        v1.emulator.delete_deployment("support")
    assert classic.call("DELETE", f"/fine_tuning/jobs/{key}").status_code == 204

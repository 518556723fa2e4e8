"""Troubles that the service makes by itself: failing jobs, pauses of its own, deployments that fail, a busy account."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from ftops.emulator import Effect, Fault, Stage

from .conftest import CREATE_S, Caller, new_emulator
from .test_jobs import RFT

HARMS = "Violence, Self Harm"


def statuses(v1: Caller, key: str, hours: float = 6, minutes: int = 1) -> list[str]:
    """Return the statuses that a job goes through, each once as long as it lasts, looked at every minute."""
    seen = [str(v1.get(f"/fine_tuning/jobs/{key}")["status"])]
    for _ in range(int(hours * 60 / minutes)):
        v1.emulator.advance(timedelta(minutes=minutes))
        status = str(v1.get(f"/fine_tuning/jobs/{key}")["status"])
        if status != seen[-1]:
            seen.append(status)
    return seen


def messages(v1: Caller, key: str) -> list[str]:
    """Return a job's events from first to last."""
    return [str(event["message"]) for event in v1.get(f"/fine_tuning/jobs/{key}/events", limit=1000)["data"]][::-1]


def reinforced(v1: Caller) -> str:
    """Create a reinforcement job and return its id."""
    file = v1.ready_file()
    return v1.job(model="o4-mini", training_file=file, validation_file=file, method=RFT)


# --- jobs that fail


@pytest.mark.parametrize(
    ("stage", "words", "last"),
    [
        (
            Stage.DATA_CHECK,
            "RAI checks for harm types: [hate_fairness",
            "Preprocessing running for file training file.",
        ),
        (Stage.TRAINING, "The server had an error", "Step"),
        (Stage.SAFETY, HARMS, "Job succeeded."),
    ],
    ids=str,
)
def test_each_stage_fails_with_its_own_words(v1: Caller, stage: Stage, words: str, last: str) -> None:
    """A job fails with the service's words for where it failed, which are also its last event (azure-api.md §7.1)."""
    v1.emulator.faults.add(Fault(Effect.FAIL_JOB, stage=stage))
    job = v1.trained()
    assert job["status"] == "failed"
    assert words in job["error"]["message"]
    told = messages(v1, str(job["id"]))
    assert told[-1] == job["error"]["message"]
    assert told[-2].startswith(last)


def test_the_safety_gate_comes_after_the_training(v1: Caller) -> None:
    """What the gate refuses was trained to its end, and leaves tokens and results but no model and no checkpoint."""
    v1.emulator.faults.add(Fault(Effect.FAIL_JOB, stage=Stage.SAFETY))
    job = v1.trained()
    assert job["trained_tokens"] > 0
    assert v1.call("GET", f"/files/{job['result_files'][0]}/content").text.count("\n") > 100
    assert "fine_tuned_model" not in job
    assert v1.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")["data"] == []
    assert not [model for model in v1.get("/models")["data"] if ".ft-" in model["id"]]
    assert not {"Model Evaluation Passed.", f"Training tokens billed: {job['trained_tokens']}"} & set(
        messages(v1, str(job["id"]))
    )


def test_words_of_a_fault_stand_before_the_usual_ones(v1: Caller) -> None:
    """A fault that names a code and a message fails the job with these."""
    v1.emulator.faults.add(Fault(Effect.FAIL_JOB, stage=Stage.SAFETY, code="contentFilter", message="No."))
    assert v1.trained()["error"] == {"code": "contentFilter", "message": "No."}


# --- developer tier


@pytest.mark.parametrize("times", [1, 3])
def test_a_preempted_job_goes_on_by_itself_where_it_was(v1: Caller, times: int) -> None:
    """The service pauses and resumes a job of the developer tier, and nothing is trained twice (azure-api.md §6.7)."""
    undisturbed = v1.trained(trainingType="developerTier")
    v1.emulator.faults.add(Fault(Effect.PREEMPT, times=times, rest_s=1800))
    key = v1.job(trainingType="developerTier")
    assert statuses(v1, key) == ["pending", "running", *["paused", "resuming", "running"] * times, "succeeded"]
    job = v1.get(f"/fine_tuning/jobs/{key}")
    lasted = [each["finished_at"] - each["created_at"] for each in (undisturbed, job)]
    assert times * 1800 <= lasted[1] - lasted[0] <= times * (1800 + 62)
    told = messages(v1, key)
    assert len(told) == len(set(told)) == len(messages(v1, str(undisturbed["id"])))


def test_a_preempted_job_keeps_a_checkpoint_and_gives_its_slot_away(v1: Caller) -> None:
    """While it is paused another job runs in its place."""
    v1.emulator.faults.add(Fault(Effect.PREEMPT, count=1, share=0.1, rest_s=36_000))
    keys = [v1.job(trainingType="developerTier") for _ in range(6)]
    v1.emulator.advance(timedelta(minutes=6))
    assert v1.get(f"/fine_tuning/jobs/{keys[5]}")["status"] == "pending"
    v1.emulator.advance(timedelta(minutes=4))
    assert [v1.get(f"/fine_tuning/jobs/{key}")["status"] for key in (keys[0], keys[5])] == ["paused", "running"]
    (checkpoint,) = v1.get(f"/fine_tuning/jobs/{keys[0]}/checkpoints")["data"]
    assert checkpoint["step_number"] >= 1


def test_only_the_developer_tier_is_preempted(v1: Caller) -> None:
    """Jobs of the other training types run through."""
    v1.emulator.faults.add(Fault(Effect.PREEMPT))
    assert statuses(v1, v1.job(trainingType="globalStandard"), hours=2) == ["pending", "running", "succeeded"]


def test_a_preempted_job_can_be_cancelled_and_resumed_by_a_person(v1: Caller) -> None:
    """A person may resume it early, or cancel it."""
    v1.emulator.faults.add(Fault(Effect.PREEMPT, rest_s=36_000))
    keys = [v1.job(trainingType="developerTier") for _ in range(2)]
    v1.emulator.advance(timedelta(minutes=20))
    assert {v1.get(f"/fine_tuning/jobs/{key}")["status"] for key in keys} == {"paused"}
    assert (v1.call("POST", f"/fine_tuning/jobs/{keys[0]}/cancel").json or {})["status"] == "cancelled"
    assert (v1.call("POST", f"/fine_tuning/jobs/{keys[1]}/resume").json or {})["status"] == "resuming"
    v1.emulator.advance(timedelta(hours=1))
    assert [v1.get(f"/fine_tuning/jobs/{key}")["status"] for key in keys] == ["cancelled", "succeeded"]


# --- the spending cap


def test_a_reinforcement_job_pauses_at_its_cap_until_it_is_resumed(v1: Caller) -> None:
    """It keeps a checkpoint, waits for ever, and once resumed is not capped again (service-rules.md §3.6)."""
    v1.emulator.faults.add(Fault(Effect.SPEND_PAUSE, cap_usd=4))
    key = reinforced(v1)
    assert statuses(v1, key, hours=240, minutes=60) == ["pending", "paused"]
    (checkpoint,) = v1.get(f"/fine_tuning/jobs/{key}/checkpoints")["data"]
    assert checkpoint["fine_tuned_model_checkpoint"].endswith(f":ckpt-step-{checkpoint['step_number']}")
    assert v1.call("POST", f"/fine_tuning/jobs/{key}/resume").status_code == 200
    assert statuses(v1, key)[-2:] == ["running", "succeeded"]


def test_the_cap_is_of_what_was_trained_for(v1: Caller) -> None:
    """A cap that the training does not come to pauses nothing, and neither does one of another method's job."""
    v1.emulator.faults.add(Fault(Effect.SPEND_PAUSE, cap_usd=300))
    assert statuses(v1, reinforced(v1))[-1] == "succeeded"
    v1.emulator.faults.add(Fault(Effect.SPEND_PAUSE, cap_usd=0))
    assert v1.trained()["status"] == "succeeded"


# --- deployments


def operation(v1: Caller, url: str) -> dict[str, Any]:
    """Return what an operation tells."""
    return dict(Client(v1.emulator.app).get(url).json or {})


def test_a_deployment_fails_when_its_write_ends(v1: Caller, model: str) -> None:
    """The deployment shows that it failed and the operation alone tells why (azure-api.md §10.4)."""
    v1.emulator.faults.add(Fault(Effect.FAIL_DEPLOYMENT, count=1))
    answer = v1.deploy("prod", model)
    assert (answer.json or {})["properties"]["provisioningState"] == "Creating"
    url = answer.headers["Azure-AsyncOperation"]
    assert operation(v1, url)["status"] == "Running"
    v1.emulator.pause(CREATE_S)
    shown = v1.arm("GET", "/deployments/prod").json or {}
    assert shown["properties"]["provisioningState"] == "Failed"
    assert "capacity" not in str(shown["properties"].get("error", ""))
    told = operation(v1, url)
    assert (told["status"], told["error"]["code"]) == ("Failed", "DeploymentFailed")
    assert "no capacity" in told["error"]["message"]
    assert v1.chat("prod").status_code == 404
    assert v1.deploy("prod", model).status_code == 200
    v1.emulator.pause(CREATE_S)
    v1.chatted("prod")


def test_an_update_that_fails_leaves_what_served_before(v1: Caller, model: str) -> None:
    """The former model goes on answering, whatever the deployment says it has."""
    other = str(v1.trained(suffix="other")["fine_tuned_model"])
    v1.deployed("prod", model)
    v1.emulator.faults.add(Fault(Effect.FAIL_DEPLOYMENT))
    assert v1.deployed("prod", other)["properties"]["provisioningState"] == "Failed"
    assert v1.chatted("prod")["model"] == model


def test_a_service_lowers_a_capacity(v1: Caller, model: str) -> None:
    """What was asked for is answered and shown with less, and counted so."""
    v1.emulator.faults.add(Fault(Effect.LOWER_CAPACITY, capacity=20))
    shown = v1.deployed("prod", model)
    assert (shown["sku"]["capacity"], shown["properties"]["currentCapacity"]) == (20, 20)


def test_an_account_stays_busy_for_a_while_after_a_write(v1: Caller, model: str) -> None:
    """Another write is refused like one that is parallel, until some seconds have passed (azure-api.md §10.6)."""
    v1.emulator.faults.add(Fault(Effect.BUSY, window_s=20))
    v1.deployed("prod", model)
    refused = v1.deploy("test", model)
    assert (refused.status_code, (refused.json or {})["error"]["code"]) == (409, "RequestConflict")
    v1.emulator.pause(20)
    assert v1.deploy("test", model).status_code == 201


def test_troubles_survive_the_process(tmp_path: Path) -> None:
    """What a job or a deployment is going to meet is stored with it, and not kept with the faults."""
    path = tmp_path / "world.db"
    first = new_emulator(path)
    first.faults.add(Fault(Effect.PREEMPT))
    key = Caller(first).job(trainingType="developerTier")
    first.close()
    second = new_emulator(path)
    assert "paused" in statuses(Caller(second), key)
    second.close()

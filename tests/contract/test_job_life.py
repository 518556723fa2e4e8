"""The life of a job: queued, running, ended, and what one can do to it on the way; each refusal with its message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clients import CLASSIC_GA_VERSION, data_client
from httpx2 import Response
from openai import APIStatusError, BadRequestError, ConflictError, NotFoundError, OpenAI
from openai.types.fine_tuning import FineTuningJob
from operations import Surface
from service import Account, Service
from steps import (
    BEFORE_STEPS_S,
    DATA_SURFACES,
    ENTITY_404,
    GATEWAY_404,
    LONG_S,
    MODEL,
    QUEUE_S,
    nulls_in,
    queued,
    raw,
    refusal,
    running,
    succeeded,
    uploaded,
)

UNFINISHED = "training_file: the file reference must point to a completed file import."
MINUTE_S = 61
"""After it a job that is pausing rests, and one that is resuming runs."""


def states(client: OpenAI) -> list[str]:
    """Return the status of every job, oldest first."""
    return [str(job.status) for job in client.fine_tuning.jobs.list()][::-1]


def refused(error: type[APIStatusError], act: Callable[[str], object], job: str) -> tuple[int, str, str]:
    """Return how the service refuses something."""
    with pytest.raises(error) as found:
        act(job)
    return refusal(found.value)


def delete(client: OpenAI, job: str) -> int:
    """Delete a job's record as the REST tab does, and return the status."""
    return client.delete(f"/fine_tuning/jobs/{job}", cast_to=Response).status_code


@pytest.mark.fact("azure-api.md §6.7 [W]")
@pytest.mark.fact("azure-api.md §6.6 [W]")
@pytest.mark.fact("azure-api.md §9 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_job_from_the_queue_to_its_model(service: Service, account: Account, surface: Surface) -> None:
    """On every surface a job is pending, runs with real numbers for -1 and a results file, and succeeds with a model.

    The model's name has the job's hex and the suffix (§9); what comes later is absent before, and nothing is null.
    """
    client = data_client(service, account, surface)
    job = queued(client, uploaded(service, client, count=10), suffix="support")
    seen = [client.fine_tuning.jobs.retrieve(job)]
    for seconds in (QUEUE_S, LONG_S):
        service.advance(seconds)
        seen.append(client.fine_tuning.jobs.retrieve(job))
    pending, runs, done = map(raw, seen)
    assert [each["status"] for each in (pending, runs, done)] == ["pending", "running", "succeeded"]
    assert pending["hyperparameters"] == {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": 2}
    assert runs["hyperparameters"] == {"n_epochs": 10, "batch_size": 1, "learning_rate_multiplier": 2}
    assert runs.keys() - pending.keys() == {"result_files"}
    assert done.keys() - runs.keys() == {"fine_tuned_model", "finished_at", "trained_tokens"}
    assert done["fine_tuned_model"] == f"{MODEL}.ft-{job.removeprefix('ftjob-')}-support"
    assert not [*nulls_in(pending), *nulls_in(runs), *nulls_in(done)]


@pytest.mark.fact("azure-api.md §6.3 [W]")
@pytest.mark.parametrize(("rows", "epochs"), [(10, 10), (11, 9)])
def test_automatic_epochs(service: Service, account: Account, rows: int, epochs: int) -> None:
    """Ten rows are trained for ten epochs and eleven for nine, one row at a time."""
    client = data_client(service, account, Surface.CLASSIC)
    job = client.fine_tuning.jobs.retrieve(succeeded(service, client, count=rows))
    assert (job.hyperparameters.n_epochs, job.hyperparameters.batch_size) == (epochs, 1)


@pytest.mark.fact("azure-api.md §6.7 [W]")
@pytest.mark.fact("azure-api.md §7.1 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_queued_job_is_cancelled_at_once(service: Service, account: Account, surface: Surface) -> None:
    """The answer says `cancelled` with an end, and the only event is that it was enqueued."""
    client = data_client(service, account, surface)
    job = queued(client, uploaded(service, client))
    cancelled = raw(client.fine_tuning.jobs.cancel(job))
    assert (cancelled["status"], cancelled["finished_at"]) == ("cancelled", cancelled["created_at"])
    events = [event.message for event in client.fine_tuning.jobs.list_events(job)]
    assert events == ["Job enqueued. Waiting for jobs ahead to complete."]


@pytest.mark.fact("azure-api.md §6.7 [W]")
def test_a_running_job_is_cancelled_at_once(service: Service, account: Account) -> None:
    """What was trained leaves no model."""
    client = data_client(service, account, Surface.V1)
    job = running(service, client)
    assert client.fine_tuning.jobs.cancel(job).status == "cancelled"
    service.advance(LONG_S)
    assert client.fine_tuning.jobs.retrieve(job).fine_tuned_model is None


@pytest.mark.fact("azure-api.md §6.7 [W]")
@pytest.mark.fact("azure-api.md §7.2 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_job_rests_and_goes_on(service: Service, account: Account, surface: Surface) -> None:
    """Pausing and resuming are states of their own, and a job at rest has a checkpoint at the step that it reached."""
    client = data_client(service, account, surface)
    job = running(service, client)
    seen = [str(client.fine_tuning.jobs.pause(job).status)]
    service.advance(MINUTE_S)
    seen += states(client)
    assert seen == ["pausing", "paused"]
    kept = client.fine_tuning.jobs.checkpoints.list(job).data
    assert [name.fine_tuned_model_checkpoint.endswith(f":ckpt-step-{name.step_number}") for name in kept] == [True]
    seen = [str(client.fine_tuning.jobs.resume(job).status)]
    for seconds in (MINUTE_S, LONG_S):
        service.advance(seconds)
        seen += states(client)
    assert seen == ["resuming", "running", "succeeded"]
    steps = [checkpoint.step_number for checkpoint in client.fine_tuning.jobs.checkpoints.list(job)]
    assert kept[0].step_number in steps
    assert len(steps) == 4


@pytest.mark.fact("azure-api.md §6.7 [W]")
def test_a_resting_job_is_cancelled(service: Service, account: Account) -> None:
    """A paused job can be given up."""
    client = data_client(service, account, Surface.CLASSIC)
    job = running(service, client)
    client.fine_tuning.jobs.pause(job)
    service.advance(MINUTE_S)
    assert client.fine_tuning.jobs.cancel(job).status == "cancelled"


@pytest.mark.fact("azure-api.md §3.3 [UNCONFIRMED]")
@pytest.mark.fact("azure-api.md §6.7 [D]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_what_a_queued_job_cannot(service: Service, account: Account, surface: Surface) -> None:
    """It can be neither paused nor resumed; the message names its status."""
    client = data_client(service, account, surface)
    job, jobs = queued(client, uploaded(service, client)), client.fine_tuning.jobs
    assert [refused(ConflictError, act, job) for act in (jobs.pause, jobs.resume)] == [
        (409, "unexpectedEntityState", f"A job in status pending cannot be {deed}.") for deed in ("paused", "resumed")
    ]


@pytest.mark.fact("azure-api.md §3.3 [UNCONFIRMED]")
@pytest.mark.fact("azure-api.md §6.7 [D]")
def test_what_a_running_job_cannot(service: Service, account: Account) -> None:
    """It cannot be resumed, nor paused before its first step, nor deleted."""
    client = data_client(service, account, Surface.CLASSIC)
    job, jobs = queued(client, uploaded(service, client)), client.fine_tuning.jobs
    service.advance(QUEUE_S + BEFORE_STEPS_S)
    acts = (jobs.resume, jobs.pause, lambda key: delete(client, key))
    assert [refused(ConflictError, act, job)[2] for act in acts] == [
        "A job in status running cannot be resumed.",
        "The job cannot be paused before its first training step is finished.",
        "A job in status running cannot be deleted.",
    ]


@pytest.mark.fact("azure-api.md §3.3 [UNCONFIRMED]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_what_a_job_that_ended_cannot(service: Service, account: Account, surface: Surface) -> None:
    """Nothing moves a job that succeeded."""
    client = data_client(service, account, surface)
    job, jobs = succeeded(service, client), client.fine_tuning.jobs
    assert [refused(ConflictError, act, job) for act in (jobs.cancel, jobs.pause, jobs.resume)] == [
        (409, "unexpectedEntityState", f"A job in status succeeded cannot be {deed}.")
        for deed in ("cancelled", "paused", "resumed")
    ]


@pytest.mark.fact("azure-api.md §6.1 [S]")
def test_the_stable_version_neither_pauses_nor_resumes(service: Service, account: Account) -> None:
    """2024-10-21 has no such operations: the path is wrong, whatever the job."""
    client = data_client(service, account, Surface.CLASSIC, CLASSIC_GA_VERSION)
    job, jobs = running(service, client), client.fine_tuning.jobs
    assert [refused(NotFoundError, act, job) for act in (jobs.pause, jobs.resume)] == [GATEWAY_404] * 2
    assert jobs.cancel(job).status == "cancelled"


@pytest.mark.fact("azure-api.md §6.1 [W]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_a_job_is_deleted_twice_and_missing_afterwards(service: Service, account: Account, surface: Surface) -> None:
    """A delete is answered with 204 after a cancel, again, and for what never was; reading is answered with 404."""
    client = data_client(service, account, surface)
    job = queued(client, uploaded(service, client))
    client.fine_tuning.jobs.cancel(job)
    assert [delete(client, key) for key in (job, job, f"ftjob-{'0' * 32}")] == [204, 204, 204]
    assert refused(NotFoundError, client.fine_tuning.jobs.retrieve, job) == ENTITY_404


@pytest.mark.fact("azure-api.md §6.1 [S]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.PROJECT_V1])
def test_v1_deletes_no_jobs(service: Service, account: Account, surface: Surface) -> None:
    """v1 has no such operation."""
    client = data_client(service, account, surface)
    job = succeeded(service, client)
    assert refused(NotFoundError, lambda key: delete(client, key), job) == GATEWAY_404
    assert client.fine_tuning.jobs.retrieve(job).status == "succeeded"


@pytest.mark.fact("azure-api.md §6.8 [D]")
@pytest.mark.fact("azure-api.md §4.2 [W]")
def test_a_file_of_too_few_rows_fails_its_job(service: Service, account: Account) -> None:
    """Nine rows are processed as a file and refused by the job, which fails and says why; so does its last event."""
    client = data_client(service, account, Surface.V1)
    job = client.fine_tuning.jobs.retrieve(succeeded(service, client, count=9))
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.code, "at least 10 are required" in job.error.message) == ("invalidPayload", True)
    newest = client.fine_tuning.jobs.list_events(job.id).data[0]
    assert (newest.level, newest.message) == ("error", job.error.message)


@pytest.mark.fact("azure-api.md §6.8 [W]")
def test_three_jobs_of_a_type_run_at_once(service: Service, account: Account) -> None:
    """Of standard and of global type three run each, of the developer tier five; the others wait for them."""
    client = data_client(service, account, Surface.CLASSIC)
    training = uploaded(service, client)
    for word in ("Standard", "GlobalStandard", "developerTier"):
        for _ in range(6):
            queued(client, training, extra_body={"trainingType": word})
    service.advance(QUEUE_S)
    three = ["running"] * 3 + ["pending"] * 3
    assert states(client) == three + three + ["running"] * 5 + ["pending"]
    service.advance(LONG_S)
    assert set(states(client)) == {"succeeded"}


@pytest.mark.fact("azure-api.md §15 [P]")
def test_the_sdk_takes_statuses_that_it_does_not_know(service: Service, account: Account) -> None:
    """Trap 7: `pending` is in no type of the SDK, which hands it out all the same."""
    client = data_client(service, account, Surface.V1)
    job = client.fine_tuning.jobs.retrieve(queued(client, uploaded(service, client)))
    annotated = str(FineTuningJob.model_fields["status"].annotation)
    assert "pending" not in annotated
    assert str(job.status) == "pending"


@pytest.mark.fact("azure-api.md §4.5 [W]")
def test_files_are_deleted_whatever_refers_to_them(service: Service, account: Account) -> None:
    """A file goes while a job waits for it; that job fails at its start, because its file cannot be found.

    The recorded deletions came right after a cancel; what happens to a job that needs the file is UNCONFIRMED.
    """
    client = data_client(service, account, Surface.CLASSIC)
    training = uploaded(service, client)
    running_one, waiting = queued(client, training), queued(client, training)
    client.fine_tuning.jobs.cancel(running_one)
    assert client.files.delete(training).deleted
    service.advance(QUEUE_S)
    job = client.fine_tuning.jobs.retrieve(waiting)
    assert job.error is not None
    assert (str(job.status), job.error.code) == ("failed", "notFound")


@pytest.mark.fact("service-rules.md §1.1 [P]")
@pytest.mark.fact("azure-api.md §3.3 [P]")
def test_a_job_cannot_begin_with_a_file_that_is_not_processed(service: Service, account: Account) -> None:
    """A fresh upload, one that failed its check, an unknown file and one of another purpose are refused."""
    client = data_client(service, account, Surface.V1)
    bad = client.files.create(file=("bad.jsonl", b"{\n"), purpose="fine-tune").id
    other = client.files.create(file=("batch.jsonl", b"{}\n"), purpose="batch").id
    service.advance(MINUTE_S)
    fresh = client.files.create(file=("new.jsonl", b"{}\n"), purpose="fine-tune").id
    messages = []
    for training in (fresh, bad, f"file-{'0' * 32}", other):
        with pytest.raises(BadRequestError) as found:
            queued(client, training)
        messages.append(refusal(found.value)[1:])
    assert messages == [
        ("invalidPayload", UNFINISHED),
        ("invalidPayload", UNFINISHED),
        ("invalidPayload", "The specified training_file cannot be found."),
        ("invalidPayload", "The purpose of the specified training_file is not fine-tune."),
    ]

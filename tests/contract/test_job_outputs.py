"""What a job leaves: events, checkpoints, the results file, and models that further jobs begin with."""

from __future__ import annotations

import csv
import io

import pytest
from clients import data_client
from openai import BadRequestError
from operations import Surface
from service import Account, Service
from steps import DATA_SURFACES, LONG_S, MODEL, PREFERENCE, nulls_in, queued, raw, refusal, succeeded, uploaded


@pytest.mark.fact("azure-api.md §7.1 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_events_come_newest_first_in_pages(service: Service, account: Account, surface: Surface) -> None:
    """A page has 20 events or `limit`; the SDK's `limit` is a page's and it asks on until it has them all."""
    client = data_client(service, account, surface)
    job = succeeded(service, client)
    raw_list = client.fine_tuning.jobs.with_raw_response.list_events
    newest = raw_list(job, limit=1).http_response.json()
    assert newest.keys() == {"object", "data", "has_more"}
    assert newest["data"][0]["message"].startswith("Training tokens billed: ")
    assert newest["has_more"]
    assert len(raw_list(job).http_response.json()["data"]) == 20
    events = list(client.fine_tuning.jobs.list_events(job, limit=7))
    assert len({event.id for event in events}) == len(events) > 20
    times = [event.created_at for event in events]
    assert times == sorted(times, reverse=True)


@pytest.mark.fact("azure-api.md §7.1 [P]")
def test_events_tell_the_story_of_a_job(service: Service, account: Account) -> None:
    """The messages come in the recorded order; each ten steps have an event with the metrics, and no other has data."""
    client = data_client(service, account, Surface.CLASSIC)
    training = uploaded(service, client)
    job = queued(client, training, validation_file=training)
    service.advance(LONG_S)
    events = [*client.fine_tuning.jobs.list_events(job)][::-1]
    results = client.fine_tuning.jobs.retrieve(job)
    story = [event.message for event in events if event.type == "message"]
    assert story == [
        "Job enqueued. Waiting for jobs ahead to complete.",
        "Preprocessing running for file training file.",
        "Preprocessing completed for file training file.",
        "Preprocessing running for file validation file.",
        "Preprocessing completed for file validation file.",
        "Job started.",
        "Data Import started.",
        "Finetuning started.",
        "Job queued, waiting for GPUs.",
        "Training started.",
        f"Created results file: {results.result_files[0]}",
        "Job succeeded.",
        "Model Evaluation Passed.",
        f"Completed results file: {results.result_files[0]}",
        f"Training tokens billed: {results.trained_tokens}",
    ]
    metrics = [raw(event) for event in events if event.type == "metrics"]
    assert [event["data"]["step"] for event in metrics] == [10 * number for number in range(1, len(metrics) + 1)]
    assert metrics[0]["message"] == f"Step 10: training loss={metrics[0]['data']['train_loss']}"
    assert all("data" not in raw(event) for event in events if event.type == "message")
    assert {event.level for event in events} == {"info"}


@pytest.mark.fact("azure-api.md §15 [W]")
def test_a_job_says_that_it_succeeded_before_it_has(service: Service, account: Account) -> None:
    """Trap 21: the event `Job succeeded.` comes minutes before the status."""
    client = data_client(service, account, Surface.V1)
    job = queued(client, uploaded(service, client))
    seen: list[tuple[str, bool]] = []
    for _ in range(12):
        service.advance(120)
        told = any(event.message == "Job succeeded." for event in client.fine_tuning.jobs.list_events(job, limit=100))
        seen.append((str(client.fine_tuning.jobs.retrieve(job).status), told))
    assert ("running", True) in seen
    assert seen[-1] == ("succeeded", True)


@pytest.mark.fact("azure-api.md §7.2 [W]")
@pytest.mark.fact("azure-api.md §9 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_three_checkpoints_are_kept(service: Service, account: Account, surface: Surface) -> None:
    """Eleven rows make nine epochs; the last three are kept, newest first, and the final one is the model itself."""
    client = data_client(service, account, surface)
    job = client.fine_tuning.jobs.retrieve(succeeded(service, client, count=11, suffix="support"))
    answer = client.fine_tuning.jobs.checkpoints.with_raw_response.list(job.id).http_response.json()
    model = job.fine_tuned_model
    assert answer.keys() == {"object", "data", "has_more"}
    assert not list(nulls_in(answer))
    assert [(each["step_number"], each["fine_tuned_model_checkpoint"]) for each in answer["data"]] == [
        (99, model),
        (88, f"{model}:ckpt-step-88"),
        (77, f"{model}:ckpt-step-77"),
    ]
    first = answer["data"][0]
    assert first["id"].startswith("ftchkpt-")
    assert (first["object"], first["fine_tuning_job_id"]) == ("fine_tuning.job.checkpoint", job.id)
    assert first["metrics"].keys() == {"step", "train_loss", "train_mean_token_accuracy"}
    assert [each.step_number for each in client.fine_tuning.jobs.checkpoints.list(job.id, limit=1)] == [99, 88, 77]


@pytest.mark.fact("azure-api.md §7.2 [W]")
def test_checkpoints_tell_validation_metrics(service: Service, account: Account) -> None:
    """With a validation file a checkpoint has the four metrics of it, too."""
    client = data_client(service, account, Surface.V1)
    job = succeeded(service, client, validation_file=uploaded(service, client))
    # Not through the SDK's types, which make floats of whole numbers.
    answer = client.fine_tuning.jobs.checkpoints.with_raw_response.list(job).http_response.json()
    metrics = answer["data"][0]["metrics"]
    kinds = ("loss", "mean_token_accuracy")
    assert metrics.keys() == {
        "step",
        *(f"{part}_{kind}" for part in ("train", "valid", "full_valid") for kind in kinds),
    }
    assert isinstance(metrics["step"], int)


@pytest.mark.fact("azure-api.md §7.3 [W]")
@pytest.mark.fact("azure-api.md §4.3 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_the_results_are_a_file(service: Service, account: Account, surface: Surface) -> None:
    """`results.csv` is among the files under a purpose of its own; it has a row for every step."""
    client = data_client(service, account, surface)
    job = client.fine_tuning.jobs.retrieve(succeeded(service, client))
    (key,) = job.result_files
    listed = {file.id: (file.filename, file.purpose, file.bytes) for file in client.files.list()}
    content = client.files.content(key).read()
    assert listed[key] == ("results.csv", "fine-tune-results", len(content))
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    steps = client.fine_tuning.jobs.checkpoints.list(job.id).data[0].step_number
    assert [row["step"] for row in rows] == [str(step) for step in range(1, steps + 1)]
    assert rows[0].keys() >= {"step", "train_loss", "train_mean_token_accuracy"}


@pytest.mark.fact("azure-api.md §9 [D]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_tuned_model_is_tuned_further(service: Service, account: Account, surface: Surface) -> None:
    """Supervised, then by preferences: the job's model is the tuned one, and the new name stands on the base again."""
    client = data_client(service, account, surface)
    parent = client.fine_tuning.jobs.retrieve(succeeded(service, client)).fine_tuned_model
    method = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1}}}
    job = queued(client, uploaded(service, client, PREFERENCE), model=parent, method=method)
    service.advance(LONG_S)
    done = client.fine_tuning.jobs.retrieve(job)
    assert (done.model, done.fine_tuned_model) == (parent, f"{MODEL}.ft-{job.removeprefix('ftjob-')}")


@pytest.mark.fact("azure-api.md §7.2 [D]")
def test_a_checkpoint_is_tuned_further(service: Service, account: Account) -> None:
    """A checkpoint's name is the `model` of a further job."""
    client = data_client(service, account, Surface.V1)
    checkpoint = client.fine_tuning.jobs.checkpoints.list(succeeded(service, client)).data[1]
    name = checkpoint.fine_tuned_model_checkpoint
    job = succeeded(service, client, model=name)
    assert client.fine_tuning.jobs.retrieve(job).model == name


@pytest.mark.fact("service-rules.md §14 [D]")
def test_a_model_is_tuned_further_in_its_own_account(service: Service, pair: tuple[Account, Account]) -> None:
    """Another account does not know the model."""
    here, there = (data_client(service, account, Surface.V1) for account in pair)
    parent = here.fine_tuning.jobs.retrieve(succeeded(service, here)).fine_tuned_model
    training = uploaded(service, there)
    with pytest.raises(BadRequestError) as refused:
        queued(there, training, model=parent)
    assert refusal(refused.value)[2] == "The specified base model does not support fine-tuning."

"""Creating jobs: the requests of the documentation's tabs, and what is made of their fields."""

from __future__ import annotations

from typing import Any

import pytest
from clients import CLASSIC_GA_VERSION, data_client
from openai import BadRequestError, NotFoundError
from openai.types.fine_tuning import FineTuningJob
from operations import Surface
from service import Account, Service
from steps import DATA_SURFACES, GATEWAY_404, MODEL, nulls_in, queued, raw, refusal, uploaded

SUPERVISED: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 1}}}
FIELD_REQUIRED = "The fineTuningJob field is required."


@pytest.mark.fact("azure-api.md §6.6 [W]")
@pytest.mark.fact("azure-api.md §3.2 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_a_fresh_supervised_job(service: Service, account: Account, surface: Surface) -> None:
    """All of a fresh job is told as it was recorded: nothing else is there, and no member is null."""
    client = data_client(service, account, surface)
    training, validation = uploaded(service, client), uploaded(service, client, name="validation.jsonl")
    made = client.fine_tuning.jobs.create(
        model=MODEL,
        training_file=training,
        validation_file=validation,
        suffix="support",
        seed=42,
        method=SUPERVISED,
        extra_body={"trainingType": "Standard"},
    )
    shown = {"n_epochs": 2, "batch_size": 1, "learning_rate_multiplier": 2}
    assert raw(made) == {
        "object": "fine_tuning.job",
        "id": made.id,
        "created_at": made.created_at,
        "status": "pending",
        "model": MODEL,
        "training_file": training,
        "validation_file": validation,
        "seed": 42,
        "suffix": "support",
        "trainingType": "standard",
        "estimated_finish": made.created_at + 900,
        "hyperparameters": shown,
        "method": {"type": "supervised", "supervised": {"hyperparameters": shown}},
    }
    assert raw(client.fine_tuning.jobs.retrieve(made.id)) == raw(made)
    assert [raw(job) for job in client.fine_tuning.jobs.list()] == [raw(made)]


@pytest.mark.fact("azure-api.md §6.1 [W]")
@pytest.mark.parametrize("surface", [Surface.CLASSIC, Surface.PROJECT])
def test_the_location_of_a_new_job_leads_nowhere(service: Service, account: Account, surface: Surface) -> None:
    """A job is answered with 201 and a Location that lacks /jobs/: who follows it is told that the path is wrong."""
    client = data_client(service, account, surface)
    answer = client.fine_tuning.jobs.with_raw_response.create(model=MODEL, training_file=uploaded(service, client))
    made, location = answer.parse(), answer.headers["location"]
    assert answer.status_code == 201
    assert location.partition("?")[0] == f"{account.root}/openai/fine_tuning/{made.id}"
    with pytest.raises(NotFoundError) as refused:
        client.get(location, cast_to=FineTuningJob)
    assert refusal(refused.value) == GATEWAY_404


@pytest.mark.fact("azure-api.md §6.6 [W]")
def test_the_older_hyperparameters(service: Service, account: Account) -> None:
    """Who sends hyperparameters at the top gets no method back, whole numbers for whole floats, and -1 for the rest."""
    client = data_client(service, account, Surface.CLASSIC)
    job = queued(client, uploaded(service, client), hyperparameters={"n_epochs": 3, "learning_rate_multiplier": 1.0})
    answer = client.fine_tuning.jobs.with_raw_response.retrieve(job).http_response
    assert '"learning_rate_multiplier":1}' in answer.text
    assert answer.json()["hyperparameters"] == {"n_epochs": 3, "batch_size": -1, "learning_rate_multiplier": 1}
    assert "method" not in answer.json()


@pytest.mark.fact("azure-api.md §6.3 [S]")
@pytest.mark.fact("azure-api.md §6.6 [W]")
def test_auto_is_minus_one_until_the_start(service: Service, account: Account) -> None:
    """The word `auto` leaves a value to the service; the multiplier shows what the model's is."""
    client = data_client(service, account, Surface.V1)
    auto: Any = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    training = uploaded(service, client)
    shown = [
        raw(client.fine_tuning.jobs.retrieve(queued(client, training, model=model, hyperparameters=auto)))
        for model in (MODEL, "gpt-4o-mini-2024-07-18")
    ]
    assert [job["hyperparameters"] for job in shown] == [
        {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": rate} for rate in (2, 1)
    ]


@pytest.mark.fact("azure-api.md §6.4 [W]")
@pytest.mark.fact("azure-api.md §15 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_training_types_in_every_casing(service: Service, account: Account, surface: Surface) -> None:
    """Trap 6: what is sent in any casing is echoed in camel case, and what is left out is standard."""
    client = data_client(service, account, surface)
    sent = {
        "Standard": "standard",
        "standard": "standard",
        "GlobalStandard": "globalStandard",
        "globalStandard": "globalStandard",
        "globalstandard": "globalStandard",
        "developerTier": "developerTier",
        "DeveloperTier": "developerTier",
    }
    training = uploaded(service, client)
    made = [client.fine_tuning.jobs.create(model=MODEL, training_file=training)]
    for word in sent:
        extra = {"trainingType": word}
        made.append(client.fine_tuning.jobs.create(model=MODEL, training_file=training, extra_body=extra))
    assert [raw(job)["trainingType"] for job in made] == ["standard", *sent.values()]


@pytest.mark.fact("service-rules.md §4 [P]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
@pytest.mark.parametrize("word", ["Developer", "DataZone"])
def test_a_training_type_that_is_none(service: Service, account: Account, surface: Surface, word: str) -> None:
    """The documentation's own `Developer` is refused, with a message that names the whole body."""
    client = data_client(service, account, surface)
    training = uploaded(service, client)
    with pytest.raises(BadRequestError) as refused:
        client.fine_tuning.jobs.create(model=MODEL, training_file=training, extra_body={"trainingType": word})
    assert refusal(refused.value) == (400, "invalidPayload", FIELD_REQUIRED)


@pytest.mark.fact("service-rules.md §4 [P]")
@pytest.mark.fact("azure-api.md §6.4 [W]")
def test_the_stable_version_has_no_training_type(service: Service, account: Account) -> None:
    """2024-10-21 ignores the field without a word, and its jobs do not tell theirs."""
    client = data_client(service, account, Surface.CLASSIC, CLASSIC_GA_VERSION)
    made = client.fine_tuning.jobs.create(
        model=MODEL, training_file=uploaded(service, client), extra_body={"trainingType": "GlobalStandard"}
    )
    assert "trainingType" not in raw(made)


@pytest.mark.fact("azure-api.md §6.6 [W]")
def test_older_versions_echo_a_method_as_its_type(service: Service, account: Account) -> None:
    """2025-01-01-preview tells which method it is and nothing more; today's version tells all of the same job."""
    older = data_client(service, account, Surface.CLASSIC, "2025-01-01-preview")
    made = older.fine_tuning.jobs.create(model=MODEL, training_file=uploaded(service, older), method=SUPERVISED)
    assert raw(made)["method"] == {"type": "supervised"}
    whole = raw(data_client(service, account, Surface.CLASSIC).fine_tuning.jobs.retrieve(made.id))
    assert whole["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2


@pytest.mark.fact("azure-api.md §6.2 [W]")
@pytest.mark.parametrize(
    ("asked", "resolved"),
    [
        ("gpt-4.1", "gpt-4.1-2025-04-14"),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini-2024-07-18"),
        ("Ministral-3B", "Ministral-3B"),
    ],
)
def test_model_names_are_resolved(service: Service, account: Account, asked: str, resolved: str) -> None:
    """A name without its date gets it; an open model's has none."""
    client = data_client(service, account, Surface.V1)
    made = client.fine_tuning.jobs.retrieve(queued(client, uploaded(service, client), model=asked))
    assert made.model == resolved


@pytest.mark.fact("azure-api.md §6.6 [W]")
def test_a_seed_is_always_told(service: Service, account: Account) -> None:
    """The service chooses a seed where none was sent, another for each job."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client)
    seeds = [client.fine_tuning.jobs.retrieve(queued(client, training)).seed for _ in range(2)]
    assert seeds[0] != seeds[1]
    assert all(0 <= seed <= 2_147_483_647 for seed in seeds)


@pytest.mark.fact("azure-api.md §17 [UNCONFIRMED]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_metadata_is_echoed_by_v1_only(service: Service, account: Account, surface: Surface) -> None:
    """As its specification has it, v1 takes metadata; the dated fronts ignore it."""
    client = data_client(service, account, surface)
    job = queued(client, uploaded(service, client), metadata={"team": "support"})
    v1 = surface in {Surface.V1, Surface.PROJECT_V1}
    assert raw(client.fine_tuning.jobs.retrieve(job)).get("metadata") == ({"team": "support"} if v1 else None)


@pytest.mark.fact("azure-api.md §6.2 [S]")
@pytest.mark.parametrize("surface", [Surface.V1, Surface.CLASSIC])
def test_integrations_are_echoed(service: Service, account: Account, surface: Surface) -> None:
    """A job may report to Weights & Biases."""
    client = data_client(service, account, surface)
    asked: Any = [{"type": "wandb", "wandb": {"project": "support", "tags": ["a"]}}]
    made = client.fine_tuning.jobs.retrieve(queued(client, uploaded(service, client), integrations=asked))
    assert raw(made)["integrations"] == asked


@pytest.mark.fact("azure-api.md §3.2 [W]")
@pytest.mark.fact("azure-api.md §6.1 [W]")
@pytest.mark.parametrize("surface", DATA_SURFACES)
def test_jobs_are_listed_newest_first_in_pages(service: Service, account: Account, surface: Surface) -> None:
    """A page has 20 jobs unless `limit` says otherwise, no null, and neither first nor last id; the SDK asks on."""
    client = data_client(service, account, surface)
    training = uploaded(service, client)
    keys = [queued(client, training) for _ in range(3)]
    page = client.fine_tuning.jobs.with_raw_response.list(limit=2).http_response.json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([keys[2], keys[1]], True)
    assert page.keys() == {"object", "data", "has_more"}
    assert not list(nulls_in(page))
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == keys[::-1]


@pytest.mark.fact("azure-api.md §6.8 [D]")
def test_the_queue_has_room_for_20(service: Service, account: Account) -> None:
    """One job more than 20 is refused; the 20 are one page."""
    client = data_client(service, account, Surface.V1)
    training = uploaded(service, client)
    for _ in range(20):
        queued(client, training)
    with pytest.raises(BadRequestError) as refused:
        queued(client, training)
    assert refusal(refused.value) == (400, "quotaExceeded", "The resource already has 20 queued jobs.")
    page = client.fine_tuning.jobs.list()
    assert (len(page.data), page.has_more) == (20, False)

"""What the kinds send and read: each create call in full, each body of the service as an object."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from ftops.call import Call, FromEnv, Plane, Upload
from ftops.digest import Marker, owner_mark
from ftops.kinds import KINDS, KINDS_BY_WORD
from ftops.kinds.base import Effect, Kind, Shape, rule_for
from ftops.model import Change, Object, Phase, Pointer, Resource
from ftops.planner.diff import changes
from ftops.rules import load_rules

from .builders import (
    BASE,
    EAST,
    NOW,
    OWNER,
    PROJECT,
    context,
    dataset,
    deployed,
    deployment,
    document,
    job,
    live,
    model_name,
    trained,
    uploaded,
)

FILES, JOBS, DEPLOYMENTS = (KINDS_BY_WORD[word] for word in ("dataset", "job", "deployment"))
TRAIN, HOLDOUT = dataset("train"), dataset("holdout", "two")
A = job("a", TRAIN)
SENT = {"training_file": "file-7692c3ad3540bb80"}


def test_the_table_has_a_row_a_kind() -> None:
    """Kinds are found by the document's title and by the address's word."""
    assert {kind.title: kind.word for kind in KINDS.values()} == {
        "Dataset": "dataset",
        "FineTuningJob": "job",
        "Deployment": "deployment",
    }
    assert list(KINDS_BY_WORD.values()) == list(KINDS.values())


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.word)
def test_a_kinds_rules_fit_its_shape(kind: Kind) -> None:
    """An artifact's fields are never changed in place, a binding's never make a new artifact; each says why."""
    effects = {rule.effect for rule in kind.rules.values()}
    impossible = {Effect.IN_PLACE, Effect.REPLACE} if kind.traits.shape is Shape.ARTIFACT else {Effect.NEW_ARTIFACT}
    assert not effects & impossible
    assert all(rule.why for rule in kind.rules.values())


FULL = job(
    "full",
    TRAIN,
    A,
    validation=HOLDOUT,
    suffix="Mine",
    seed=105,
    hyperparameters={"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5, "prompt_loss_weight": 0.1},
)
DPO = job("tone", TRAIN, A, method="dpo", hyperparameters={"n_epochs": 2, "beta": 0.2, "l2_multiplier": 0})
PROD = deployment("prod", A, capacity=80, raiPolicyName="P", tags={"team": "x"})
RESOURCES: list[Resource] = [
    TRAIN,
    A,
    FULL,
    DPO,
    PROD,
    deployment("b", {"format": "OpenAI", "name": BASE, "version": "1"}),
]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: str(r.address))
def test_every_field_of_a_resource_has_a_rule(resource: Resource) -> None:
    """No field is without a rule that says what changing it takes."""
    rules = KINDS_BY_WORD[resource.address.kind].rules
    assert all(rule_for(rules, name).why for name in resource.fields)
    assert resource.derived <= resource.fields.keys()


def test_an_upload_is_one_call() -> None:
    """A dataset is sent under its marked name, with the purpose and the digest to be met."""
    call = FILES.create(TRAIN, {})
    upload = Upload(Path("/data/train.jsonl"), f"train.{OWNER}.7692c3ad3540bb80.jsonl", "fine-tune", TRAIN.digest)
    assert call == Call(Plane.DATA, "POST", "/files", body=upload)
    assert not call.reads


def imported(source: object) -> Resource:
    """Return a dataset that the service imports."""
    made = document("Dataset", "train", {"content_url": source}, lifecycle={"sha256": TRAIN.digest})
    named = {"content_url_env": source["env"]} if isinstance(source, dict) else {"content_url": source}
    return FILES.resource(made, context(facts={"digest": TRAIN.digest, **named}))


@pytest.mark.parametrize(
    ("source", "value", "words"),
    [
        ({"env": "FTOPS_URL"}, FromEnv("FTOPS_URL"), "import from the URL in FTOPS_URL"),
        ("https://d.example.com/a.jsonl", "https://d.example.com/a.jsonl", "import from https://d.example.com/a.jsonl"),
    ],
    ids=["variable", "literal"],
)
def test_an_import_is_one_call(source: object, value: object, words: str) -> None:
    """An import has the name that the digest marks; a variable is a value that only the wire looks up."""
    resource = imported(source)
    assert FILES.create(resource, {}) == Call(
        Plane.DATA,
        "POST",
        "/files/import",
        body={"purpose": "fine-tune", "filename": TRAIN.fields["filename"], "content_url": value},
    )
    assert FILES.describe(resource) == words


def test_a_failed_import_is_told_with_the_way_out() -> None:
    """What the service could not read is told without a signature and with what to look at; other errors as is."""
    told = "fileImportFailed: https://d/x?sig=abcdefghijkl answered 403."
    found = uploaded(TRAIN, "error", problem=told)
    assert found.problem == "fileImportFailed: https://d/x?sig=… answered 403."
    assert found.trouble is not None
    assert found.trouble.word == "import-failed"
    assert "`content_url`" in found.trouble.remedy
    other = uploaded(TRAIN, "error", problem="Line 3 is bad.")
    assert (other.problem, other.trouble) == ("Line 3 is bad.", None)
    assert uploaded(TRAIN, "processed", problem=told).trouble is None


def test_a_job_is_one_call() -> None:
    """A job is sent with every reference resolved, its settings under the method, suffix, seed and metadata."""
    resolved = {"model": "parent.ft-1", "training_file": "file-1", "validation_file": "file-2"}
    assert JOBS.create(FULL, resolved).body == {
        "model": "parent.ft-1",
        "training_file": "file-1",
        "validation_file": "file-2",
        "suffix": FULL.fields["suffix"],
        "seed": 105,
        "trainingType": "GlobalStandard",
        "method": {
            "type": "supervised",
            "supervised": {
                "hyperparameters": {
                    "n_epochs": 3,
                    "batch_size": 8,
                    "learning_rate_multiplier": 0.5,
                    "prompt_loss_weight": 0.1,
                }
            },
        },
        "metadata": {"ftops-owner": PROJECT, "ftops-name": "full", "ftops-digest": FULL.digest},
    }


def test_a_plain_job_sends_nothing_it_was_not_told() -> None:
    """What the service is to choose is left out; the seed is derived, never absent."""
    body = JOBS.create(A, SENT).body
    assert isinstance(body, dict)
    assert set(body) == {"model", "training_file", "suffix", "seed", "trainingType", "method", "metadata"}
    assert body["method"] == {"type": "supervised", "supervised": {"hyperparameters": {}}}
    assert body["seed"] == int(A.digest[:8], 16) >> 1


def test_a_dpo_job_has_its_settings_under_its_method() -> None:
    """The service refuses settings of dpo at the top level, so all stand under method.dpo, however they are written."""
    body = JOBS.create(DPO, {**SENT, "model": "parent.ft-1"}).body
    assert isinstance(body, dict)
    assert "hyperparameters" not in body
    settings = {"n_epochs": 2, "beta": 0.2, "l2_multiplier": 0}
    assert body["method"] == {"type": "dpo", "dpo": {"hyperparameters": settings}}
    assert JOBS.describe(DPO) == f"train {BASE} from job/a by dpo, 2 epochs"


def test_a_dpo_echo_with_the_services_defaults_is_no_change() -> None:
    """A dpo job echoes settings that were not sent, under its method alone; they are observed and never compared."""
    plain = job("tone", TRAIN, A, method="dpo", hyperparameters={"n_epochs": 2})
    echo = {"n_epochs": 2, "batch_size": -1, "learning_rate_multiplier": 2, "beta": 0.1, "l2_multiplier": 0}
    found = trained(plain, model=model_name(A), method={"type": "dpo", "dpo": {"hyperparameters": echo}})
    assert {name: found.fields[name] for name in ("method", "n_epochs", "beta", "l2_multiplier")} == {
        "method": "dpo",
        "n_epochs": 2,
        "beta": 0.1,
        "l2_multiplier": 0,
    }
    assert "batch_size" not in found.fields
    assert not [change for change in changes(plain, found, JOBS.rules, {}) if change.field in echo]


def test_a_deployment_is_one_call() -> None:
    """A deployment is put with our two tags beside the user's, and the fine-tuned model's version."""
    call = DEPLOYMENTS.create(PROD, {"model.name": "m.ft-1"})
    assert (call.plane, call.method, call.path) == (Plane.ARM, "PUT", "/deployments/prod")
    assert call.body == {
        "sku": {"name": "GlobalStandard", "capacity": 80},
        "tags": {"team": "x", "ftops-owner": PROJECT, "ftops-digest": PROD.digest},
        "properties": {"model": {"format": "OpenAI", "name": "m.ft-1", "version": "1"}, "raiPolicyName": "P"},
    }


def test_nulls_that_a_deployment_tells_are_not_sent_back() -> None:
    """An update sends what was observed and is not null: a null is no value of anybody's."""
    found = deployed(PROD, "m.ft-1", raiPolicyName=None, serviceTier=None, spilloverDeploymentName="other")
    body = DEPLOYMENTS.update(PROD, found, {"model.name": "m.ft-1"}).body
    assert isinstance(body, dict)
    assert body["properties"] == {
        "model": {"format": "OpenAI", "name": "m.ft-1", "version": "1"},
        "versionUpgradeOption": "NoAutoUpgrade",
        "raiPolicyName": "P",
        "spilloverDeploymentName": "other",
    }
    assert body["sku"] == {"name": "GlobalStandard", "capacity": 80}


def test_a_sku_is_normalised() -> None:
    """The SKU is sent as the rules spell it, however the spec does, and has one digest."""
    assert deployment("x", A, sku="globalstandard").fields["sku.name"] == "GlobalStandard"
    assert deployment("x", A, sku="globalstandard").digest == deployment("x", A).digest


@pytest.mark.parametrize(
    ("found", "cancel", "read"),
    [
        (uploaded(TRAIN, key="file-1"), ("DELETE", "/files/file-1"), "/files/file-1"),
        (trained(A), ("POST", f"/fine_tuning/jobs/ftjob-{1:032x}/cancel"), f"/fine_tuning/jobs/ftjob-{1:032x}"),
    ],
    ids=["dataset", "job"],
)
def test_taking_back_and_reading_again(found: Object, cancel: tuple[str, str], read: str) -> None:
    """A file is deleted, a job cancelled; both are read again by their id."""
    kind = KINDS_BY_WORD[found.kind]
    call = kind.cancel(found) if kind.traits.cancellable else kind.delete(found)
    assert (call.method, call.path) == cancel
    assert kind.read(found) == Call(Plane.DATA, "GET", read)


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("pending", Phase.QUEUED),
        ("queued", Phase.QUEUED),
        ("notRunning", Phase.QUEUED),
        ("validating_files", Phase.QUEUED),
        ("running", Phase.RUNNING),
        ("pausing", Phase.RUNNING),
        ("paused", Phase.RUNNING),
        ("resuming", Phase.RUNNING),
        ("succeeded", Phase.READY),
        ("failed", Phase.FAILED),
        ("cancelled", Phase.CANCELLED),
        ("canceled", Phase.CANCELLED),
    ],
)
def test_statuses_of_a_job(status: str, phase: Phase) -> None:
    """Every status of the service has its phase."""
    assert trained(A, status).phase is phase


@pytest.mark.parametrize(
    "echoed", ["standard", "Standard", "globalStandard", "GlobalStandard", "developerTier", "Developer", None]
)
def test_training_types_are_read_in_any_spelling(echoed: str | None) -> None:
    """The echo's own spelling is read as the one that is sent."""
    told = trained(A, trainingType=echoed).fields.get("trainingType")
    known = {None: None, "standard": "Standard", "globalstandard": "GlobalStandard"}
    assert told == known.get(echoed.lower() if echoed else None, "developerTier")


def test_a_service_that_adds_members_is_understood() -> None:
    """Unknown members, nulls and numbers where words are usual do not keep a job from being read."""
    found = trained(
        A, estimated_finish=1, integrations=[], hyperparameters={"n_epochs": "auto"}, trainingType=1, odd={}
    )
    assert found.phase is Phase.READY
    assert "n_epochs" not in found.fields


def test_what_the_service_chose_is_no_field() -> None:
    """A hyperparameter of -1 was not chosen; a number was, by whomever."""
    found = trained(
        A, method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": -1}}}
    )
    assert found.fields["n_epochs"] == 3
    assert "batch_size" not in found.fields


def test_a_body_without_an_id_is_refused() -> None:
    """What cannot be named cannot be an object."""
    with pytest.raises(ValidationError):
        JOBS.observe_one({"status": "running", "created_at": 1}, EAST)


def test_result_files_are_no_data_sets() -> None:
    """Only files to train with are listed, whatever the listing's filter did."""
    rows = [
        {"id": f"file-{n}", "filename": "x.jsonl", "purpose": purpose, "status": "processed", "created_at": 1}
        for n, purpose in enumerate(["fine-tune", "fine-tune-results", "assistants"])
    ]
    assert [o.id for o in FILES.observe({"files": rows}, EAST)] == ["file-0"]


def test_a_file_is_an_object() -> None:
    """Marker and label come out of the file's name, the moment out of its seconds."""
    body = {"id": "file-1", "filename": TRAIN.fields["filename"], "status": "error", "created_at": 1_700_000_000}
    found = FILES.observe_one({**body, "status_details": "bad row"}, EAST)
    assert (found.marker, found.label, found.problem) == (TRAIN.marker, "train", "bad row")
    assert found.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_deployment_is_an_object() -> None:
    """Its owner comes out of the tag, its model is a pointer to a job, moments have seven digits of fraction."""
    found = deployed(PROD, model_name(A))
    assert found.marker == Marker(owner_mark(PROJECT), "prod", PROD.digest)
    assert found.fields["model.name"] == Pointer("job", model_name(A), A.marker)
    assert found.created_at == datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
    assert set(found.updatable) == {"sku", "tags", "properties"}
    assert "capabilities" not in dict(found.updatable["properties"])  # type: ignore[call-overload]


def test_a_served_checkpoint_is_another_output() -> None:
    """A checkpoint of the same job is not what a reference to its last model means."""
    found = deployed(PROD, f"{model_name(A)}:ckpt-step-88")
    assert found.fields["model.name"] == Pointer("job", f"{model_name(A)}:ckpt-step-88", A.marker, "step-88")


# --- the echo of a create


def echo(**changes: object) -> Object:
    """Return A as the answer to its create call tells it."""
    return live(uploaded(TRAIN), trained(A, "pending", **changes)).objects[1]  # type: ignore[arg-type]


def test_a_true_echo_confirms() -> None:
    """An answer that repeats what was sent contradicts nothing."""
    assert JOBS.contradictions(A, echo(), SENT) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"suffix": None}, "suffix"),
        ({"suffix": "a"}, "suffix"),
        ({"suffix": str(A.fields["suffix"]).upper()}, "suffix"),
        ({"seed": None}, "seed"),
        ({"seed": 1}, "seed"),
        ({"trainingType": None}, "trainingType"),
        ({"trainingType": "standard"}, "trainingType"),
        ({"training_file": None}, "training_file"),
        ({"training_file": "file-other"}, "training_file"),
    ],
    ids=str,
)
def test_a_wrong_answer_contradicts(changes: dict[str, object], field: str) -> None:
    """In the answer to a create call absence is wrong where the service always echoes; an absent type is standard."""
    assert field in {change.field for change in JOBS.contradictions(A, echo(**changes), SENT)}


def test_an_absent_training_type_confirms_standard() -> None:
    """A service that echoes no type trained as standard."""
    standard = job("s", TRAIN, trainingType="Standard")
    found = live(uploaded(TRAIN), trained(standard, "pending", trainingType=None)).objects[1]
    assert JOBS.contradictions(standard, found, SENT) == ()


@pytest.mark.parametrize("changes", [{"suffix": None}, {"seed": None}, {"trainingType": None}, {"training_file": None}])
def test_a_listing_may_leave_things_out(changes: dict[str, object]) -> None:
    """In a listing absence is no contradiction."""
    assert JOBS.contradictions(A, echo(**changes), None) == ()


def test_the_users_part_of_a_suffix_may_be_edited_later() -> None:
    """A listed job with another user's part, but our marker, is the same training."""
    edited = job("a", TRAIN, suffix="other")
    assert JOBS.contradictions(edited, echo(), None) == ()


def test_a_file_under_another_name_contradicts() -> None:
    """An upload's answer must repeat the marked name; in a listing only the marker counts."""
    found = FILES.observe_one({"id": "f", "filename": "x.jsonl", "status": "pending", "created_at": 1}, EAST)
    assert FILES.contradictions(TRAIN, found, {}) == (Change("filename", "x.jsonl", TRAIN.fields["filename"]),)
    assert FILES.contradictions(TRAIN, found, None) == ()


@pytest.mark.parametrize("kind", [FILES, JOBS], ids=["dataset", "job"])
def test_an_artifact_is_never_updated(kind: Kind) -> None:
    """Asking for an update of one is a bug that shows at once."""
    with pytest.raises(NotImplementedError):
        kind.update(A, trained(A), {})
    with pytest.raises(NotImplementedError):
        DEPLOYMENTS.cancel(deployed(PROD, BASE))


# --- words


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (TRAIN, "upload 3.1 MB, 4,180 examples"),
        (replace(TRAIN, facts={**TRAIN.facts, "size_bytes": 1_500, "rows": None}), "upload 1.5 kB"),
        (A, f"train {BASE}, auto epochs"),
        (FULL, f"train {BASE} from job/a, 3 epochs"),
        (job("x", TRAIN, hyperparameters={"n_epochs": 1}), f"train {BASE}, 1 epoch"),
        (PROD, "deploy job/a on GlobalStandard, capacity 80"),
        (deployment("x", A, at="abcdefgh"), "deploy job/a at abcdefgh on GlobalStandard, capacity 50"),
    ],
    ids=lambda value: str(getattr(value, "address", "words")),
)
def test_a_create_is_described(resource: Resource, words: str) -> None:
    """What a create does is said in a few words."""
    assert KINDS_BY_WORD[resource.address.kind].describe(resource) == words


def test_progress_is_described() -> None:
    """How an object stands is said with its state, its step and its age."""
    now = live().now
    running = trained(A, "running", age_s=4_320)
    events = [{"message": "Job started"}, {"message": "Step 412: training loss=1"}]
    more = JOBS.observe_more(running, {"data": events}, load_rules())
    assert JOBS.progress(more, now) == "running, step 412, created 1 h 12 m ago"
    assert JOBS.observe_more(running, {"data": None}, load_rules()) == running
    assert JOBS.progress(trained(A, "failed", error=("c", "m")), now) == "failed: c: m"
    assert JOBS.progress(trained(A, "failed"), now) == "failed: the service gave no reason"
    assert FILES.progress(uploaded(TRAIN, "pending"), now) == "being scanned"
    assert DEPLOYMENTS.progress(deployed(PROD, BASE, "Creating"), now) == "Creating, created 3 d 2 h ago"


def test_only_a_job_under_way_is_read_further() -> None:
    """Events are asked for where they tell something: the step at which a job is, or at which it rests."""
    assert JOBS.reads(trained(A, "running"), NOW) is not None
    assert JOBS.reads(trained(A, "paused"), NOW) is not None
    assert JOBS.reads(trained(A, "pending"), NOW) is None
    assert FILES.reads(uploaded(TRAIN), NOW) is None
    assert DEPLOYMENTS.reads(deployed(PROD, BASE), NOW) is None

"""The emulator's quirks on the wire: what is told otherwise, and what is stored all the same."""

from __future__ import annotations

from typing import Any

import pytest

from ftops.emulator import (
    Cancelled,
    HealthyError,
    Limits,
    Metadata,
    MethodEcho,
    Queued,
    Quirks,
    SuffixMember,
    TrainingTypeEcho,
    UnknownAfter,
)

from .conftest import ACCOUNT, CREATE_S, MODEL, Caller, rows

METADATA = {"ftops-name": "support"}
METHOD = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1}}}


def made(caller: Caller, quirks: Quirks, **body: Any) -> dict[str, Any]:  # noqa: ANN401  the wire is JSON
    """Return a job as it is read, made under quirks."""
    caller.emulator.quirks = quirks
    response = caller.train(training_file=caller.ready_file(), **body)
    assert response.status_code == 201, response.text
    return dict(caller.get(f"/fine_tuning/jobs/{(response.json or {})['id']}"))


@pytest.mark.parametrize(
    ("mode", "on_v1", "on_classic"),
    [
        (Metadata.BY_SURFACE, True, False),
        (Metadata.ECHO, True, True),
        (Metadata.DROP, False, False),
    ],
)
def test_metadata_is_echoed_or_dropped(
    v1: Caller, classic: Caller, mode: Metadata, *, on_v1: bool, on_classic: bool
) -> None:
    """By default v1 echoes and classic drops (azure-api.md §16); each can be had on both."""
    told = [made(caller, Quirks(metadata=mode), metadata=METADATA).get("metadata") for caller in (v1, classic)]
    assert told == [METADATA if on_v1 else None, METADATA if on_classic else None]


def test_metadata_is_rejected_with_the_binders_words(v1: Caller) -> None:
    """The refusal names the whole job and not the member, and makes nothing; without the member it is accepted."""
    v1.emulator.quirks = Quirks(metadata=Metadata.REJECT)
    file = v1.ready_file()
    response = v1.train(training_file=file, metadata=METADATA)
    error = {"code": "invalidPayload", "message": "The fineTuningJob field is required."}
    assert (response.status_code, (response.json or {})["error"]) == (400, error)
    assert v1.get("/fine_tuning/jobs")["data"] == []
    assert v1.train(training_file=file).status_code == 201


@pytest.mark.parametrize(
    ("quirks", "body", "member", "told"),
    [
        (Quirks(method_echo=MethodEcho.TYPE), {"method": METHOD}, "method", {"type": "dpo"}),
        (Quirks(training_type_echo=TrainingTypeEcho.CREATED), {}, "trainingType", None),
        (Quirks(training_type_echo=TrainingTypeEcho.NEVER), {}, "trainingType", None),
        (Quirks(suffix_member=SuffixMember.USER_PROVIDED), {"suffix": "s"}, "suffix", None),
        (Quirks(suffix_member=SuffixMember.USER_PROVIDED), {"suffix": "s"}, "user_provided_suffix", "s"),
        (Quirks(queued=Queued.QUEUED), {}, "status", "queued"),
        (Quirks(queued=Queued.VALIDATING_FILES), {}, "status", "validating_files"),
        (Quirks(healthy_error=HealthyError.EMPTY), {}, "error", {}),
        (
            Quirks(healthy_error=HealthyError.NULLS),
            {},
            "error",
            {"code": None, "message": None, "param": None},
        ),
        (Quirks(suffix_max=18), {"suffix": "a" * 18}, "suffix", "a" * 18),
    ],
)
def test_what_a_job_tells(v1: Caller, quirks: Quirks, body: dict[str, object], member: str, told: object) -> None:
    """A job is told as the quirk has it, listed and when it is read; what is stored is the truth."""
    job = made(v1, quirks, **body)
    assert job.get(member) == told
    assert v1.get("/fine_tuning/jobs")["data"] == [job]
    (stored,) = v1.emulator.snapshot(ACCOUNT)["jobs"]
    assert (stored["status"], stored["trainingType"]) == ("pending", "standard")


def test_the_training_type_is_told_once(v1: Caller) -> None:
    """The answer to a create call tells it, and nothing later does."""
    v1.emulator.quirks = Quirks(training_type_echo=TrainingTypeEcho.CREATED)
    job = v1.train(training_file=v1.ready_file()).json or {}
    assert job["trainingType"] == "standard"
    assert "trainingType" not in v1.get(f"/fine_tuning/jobs/{job['id']}")


def test_the_other_surfaces_say_pending(v1: Caller, classic: Caller) -> None:
    """Only v1 has OpenAI's words for a job that waits."""
    key = made(v1, Quirks(queued=Queued.QUEUED))["id"]
    assert classic.get(f"/fine_tuning/jobs/{key}")["status"] == "pending"


def test_cancelled_in_the_other_spelling(v1: Caller) -> None:
    """One l, in the answer and later."""
    key = made(v1, Quirks(cancelled=Cancelled.CANCELED))["id"]
    assert (v1.call("POST", f"/fine_tuning/jobs/{key}/cancel").json or {})["status"] == "canceled"
    assert v1.get(f"/fine_tuning/jobs/{key}")["status"] == "canceled"


def test_a_longer_suffix_is_refused(v1: Caller) -> None:
    """One character more than the account takes is a 400 that says how many there may be."""
    v1.emulator.quirks = Quirks(suffix_max=18)
    response = v1.train(training_file=v1.ready_file(), suffix="a" * 19)
    assert response.status_code == 400
    assert "1 to 18 characters" in response.text


def test_v1_answers_200_and_the_others_201(v1: Caller, classic: Caller) -> None:
    """What v1 makes, files and jobs, is answered as its specification has it."""
    v1.emulator.quirks = Quirks(v1_created_status=200)
    file = str((v1.upload(rows(10)).json or {})["id"])
    assert (v1.upload(rows(10)).status_code, classic.upload(rows(10)).status_code) == (200, 201)
    v1.emulator.pause(5)
    assert [caller.train(training_file=file).status_code for caller in (v1, classic)] == [200, 201]


def test_nulls_and_unknown_members_are_everywhere(v1: Caller, model: str) -> None:
    """A member without a value is null, and there are members that no specification has."""
    v1.emulator.quirks = Quirks(nulls=True, unknown_members=True)
    job, file = v1.get("/fine_tuning/jobs")["data"][0], v1.get("/files")["data"][0]
    deployment = v1.deployed("support", model)
    assert [job["suffix"], file["expires_at"], deployment["tags"]] == [None, None, None]
    assert deployment["properties"]["serviceTier"] is None
    assert all("futureMember" in each for each in (job, file, deployment))


def test_v1_may_not_say_whether_more_follow(v1: Caller, classic: Caller) -> None:
    """Without has_more a page is only as long as it is; the other surfaces go on saying it of jobs."""
    made(v1, Quirks(has_more=False))
    assert [("has_more" in caller.get("/fine_tuning/jobs")) for caller in (v1, classic)] == [False, True]
    assert "has_more" not in v1.get("/files")


def test_an_unknown_after_may_be_an_empty_page(v1: Caller) -> None:
    """What a page begins after is not there: nothing follows then, of files, jobs or events."""
    key = made(v1, Quirks(unknown_after=UnknownAfter.EMPTY))["id"]
    for path in ("/files", "/fine_tuning/jobs", f"/fine_tuning/jobs/{key}/events"):
        page = v1.get(path, after="nothing")
        assert (page["data"], page["has_more"]) == ([], False)


def test_refusals_with_another_status(v1: Caller) -> None:
    """What comes too late is refused with 400, what is too much with 429."""
    v1.emulator.quirks = Quirks(wrong_state_status=400, quota_status=429)
    v1.emulator.limits = Limits(queued_jobs=1)
    file = v1.ready_file()
    key = (v1.train(training_file=file).json or {})["id"]
    full = v1.train(training_file=file)
    assert (full.status_code, (full.json or {})["error"]["code"]) == (429, "quotaExceeded")
    assert v1.call("POST", f"/fine_tuning/jobs/{key}/cancel").status_code == 200
    assert v1.call("POST", f"/fine_tuning/jobs/{key}/cancel").status_code == 400


def test_a_model_tuned_further_is_named_after_its_parent(v1: Caller, model: str) -> None:
    """The parent's whole name begins the child's, which is listed and deployed like any other."""
    v1.emulator.quirks = Quirks(nested_names=True)
    child = str(v1.trained(model=model, suffix="more")["fine_tuned_model"])
    assert child.startswith(f"{model}.ft-")
    assert child.endswith("-more")
    assert v1.get(f"/models/{child}")["id"] == child
    assert v1.deployed("child", child)["properties"]["provisioningState"] == "Succeeded"


def test_tags_are_stored_and_hidden(v1: Caller, model: str) -> None:
    """No answer shows them, whether of a write, a read or a listing; they are there when the quirk has gone."""
    v1.emulator.quirks = Quirks(tags_hidden=True, capacity_as_text=True)
    tags = {"tags": {"team": "support"}}
    answers = [v1.deploy("support", model, body=tags).json or {}]
    v1.emulator.pause(CREATE_S)
    answers += [v1.arm("GET", "/deployments/support").json or {}]
    answers += (v1.arm("GET", "/deployments").json or {})["value"]
    assert [("tags" in each, each["sku"]["capacity"]) for each in answers] == [(False, "50")] * 3
    v1.emulator.quirks = Quirks()
    assert (v1.arm("GET", "/deployments/support").json or {})["tags"] == tags["tags"]


@pytest.mark.parametrize(("keeps", "left"), [(True, {"team": "support"}), (False, None)])
def test_a_put_without_tags(v1: Caller, model: str, left: dict[str, str] | None, *, keeps: bool) -> None:
    """A PUT replaces everything, or leaves tags that it does not name."""
    v1.deployed("support", model, body={"tags": {"team": "support"}})
    v1.emulator.quirks = Quirks(put_keeps_tags=keeps)
    assert v1.deployed("support", model).get("tags") == left


def test_deletions_take_their_time_or_do_not(v1: Caller, model: str) -> None:
    """A base model's deployment may go slowly, and a tuned one's at once."""
    v1.emulator.quirks = Quirks(base_delete_status=202, tuned_delete_status=200)
    base, version = MODEL.rsplit("-2025", 1)[0], MODEL.removeprefix("gpt-4.1-mini-")
    v1.deployed("tuned", model)
    v1.deployed("base", base, model_version=version)
    assert v1.arm("DELETE", "/deployments/tuned").status_code == 200
    assert v1.arm("GET", "/deployments/tuned").status_code == 404
    response = v1.arm("DELETE", "/deployments/base")
    assert (response.status_code, "Azure-AsyncOperation" in response.headers) == (202, True)
    assert (v1.arm("GET", "/deployments/base").json or {})["properties"]["provisioningState"] == "Deleting"
    v1.emulator.pause(60)
    assert v1.arm("GET", "/deployments/base").status_code == 404

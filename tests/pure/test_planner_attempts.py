"""Attempts, twins, wrong echoes and jobs that are known by other witnesses than their suffix."""

from __future__ import annotations

import pytest

from ftops.kinds import KINDS_BY_WORD
from ftops.model import Gate, Object, Outcome, Verb

from .builders import (
    NOW,
    OWNER,
    action_for,
    cancels,
    dataset,
    deployed,
    deployment,
    desired,
    foreign,
    job,
    live,
    main_action,
    model_name,
    planned,
    side_actions,
    told,
    trained,
    uploaded,
)

TRAIN = dataset("train")
FILE = uploaded(TRAIN)
A = job("a", TRAIN)
WANTED = desired(TRAIN, A)
BAD_DATA = ("invalidPayload", "The training data is not valid.")
HICCUP = ("internalFailure", "The server had an error.")


def failed(number: int = 1, error: tuple[str, str] = BAD_DATA, age_s: int = 3_600) -> Object:
    """Return a failed attempt of A."""
    return trained(A, "failed", number, error=error, age_s=age_s)


# --- attempts


@pytest.mark.parametrize("error", [BAD_DATA, HICCUP], ids=["bad data", "transient"])
def test_a_failed_attempt_is_held_by_default(error: tuple[str, str]) -> None:
    """One line says which job failed, why, and what allows another attempt."""
    action = main_action(planned(WANTED, live(FILE, failed(error=error))), A)
    assert told(action) == ("create", "failed", "attempt-failed")
    assert action.override == "retrain:job/a"
    assert error[1] in action.reason
    assert f"ftjob-{1:032x}" in action.reason


def test_a_cancelled_attempt_is_held() -> None:
    """A job that somebody cancelled is not trained again by itself."""
    action = main_action(planned(WANTED, live(FILE, trained(A, "cancelled"))), A)
    assert told(action) == ("create", "failed", "attempt-failed")
    assert "cancelled" in action.reason


def test_allow_makes_another_attempt_with_a_key_of_its_own() -> None:
    """The permitted attempt is the next one, and the key says which."""
    made = planned(WANTED, live(FILE, failed()), "retrain:job/a")
    action = main_action(made, A)
    assert told(action) == ("create", "open", "retried")
    assert action.attempt == 2
    assert made.key(action) == f"create emulator:east/job/a@{A.digest}#2"
    assert BAD_DATA[1] in action.reason


@pytest.mark.parametrize("word", ["create:job/a", "retrain:job/b", "cancel:job/a", "retrain", ""])
def test_another_word_allows_nothing(word: str) -> None:
    """Only the named override opens the gate."""
    assert main_action(planned(WANTED, live(FILE, failed()), word), A).gate is Gate.FAILED


@pytest.mark.parametrize(
    ("retries", "attempts", "expected"),
    [
        (1, [HICCUP], "open"),
        (1, [HICCUP, HICCUP], "failed"),
        (3, [HICCUP, HICCUP, HICCUP], "open"),
        (3, [BAD_DATA], "failed"),
        (3, [HICCUP, BAD_DATA], "failed"),
        (3, [BAD_DATA, HICCUP], "failed"),
    ],
    ids=str,
)
def test_retries_count_transient_causes_only(retries: int, attempts: list[tuple[str, str]], expected: str) -> None:
    """`onFailure: {retry: n}` makes n further attempts, and none once a cause was not transient."""
    patient = job("a", TRAIN, lifecycle={"onFailure": {"retry": retries}})
    there = live(FILE, *(failed(number + 1, error, 3_600 - number) for number, error in enumerate(attempts)))
    action = main_action(planned(desired(TRAIN, patient), there), patient)
    assert action.gate.value == expected
    assert action.attempt == len(attempts) + 1


def test_a_cancelled_attempt_is_never_retried() -> None:
    """Cancelling is a decision, not a passing cause."""
    patient = job("a", TRAIN, lifecycle={"onFailure": {"retry": 5}})
    action = main_action(planned(desired(TRAIN, patient), live(FILE, trained(A, "cancelled"))), patient)
    assert told(action) == ("create", "failed", "attempt-failed")


def test_the_line_tells_the_newest_attempt() -> None:
    """Of several attempts the newest one's cause is told, in whichever order they were listed."""
    patient = job("a", TRAIN, lifecycle={"onFailure": {"retry": 5}})
    old = failed(2, ("internalFailure", "old cause"), age_s=900)
    new = failed(1, ("internalFailure", "new cause"), age_s=100)
    for objects in ((old, new), (new, old)):
        assert "new cause" in main_action(planned(desired(TRAIN, patient), live(FILE, *objects)), patient).reason
        held = main_action(planned(WANTED, live(FILE, *objects)), A)
        assert "new cause" in held.reason
        assert "(attempt 2)" in held.reason


def test_a_failed_attempt_beside_a_success_is_history() -> None:
    """A job that succeeded at its second attempt is settled."""
    made = planned(WANTED, live(FILE, failed(1), trained(A, number=2, age_s=60)))
    assert told(main_action(made, A)) == ("keep", "open", "settled")
    assert made.outcome is Outcome.CONVERGED


def test_a_foreign_failure_is_no_attempt() -> None:
    """Another project's failed job with the same digest counts for nothing."""
    assert told(main_action(planned(WANTED, live(FILE, foreign(failed()))), A)) == ("create", "open", "new")


def test_a_job_cancelled_before_its_second_attempt_began_is_an_attempt() -> None:
    """A person cancels, allows another one, and cancels that: two attempts, also within one second."""
    first = trained(A, "cancelled", 1, age_s=100, took_s=10)
    second = trained(A, "cancelled", 2, age_s=80, took_s=10)
    assert main_action(planned(WANTED, live(FILE, first, second)), A).attempt == 3


# --- files as attempts


def test_a_refused_file_is_sent_again_once() -> None:
    """A file in `error` is one attempt of its content, and a second one is held."""
    made = planned(WANTED, live(uploaded(TRAIN, "error", problem="bad")))
    assert told(action_for(made, "dataset/train")) == ("create", "open", "retried")
    assert action_for(made, "dataset/train").attempt == 2
    made = planned(WANTED, live(uploaded(TRAIN, "error"), uploaded(TRAIN, "error", key="file-2")))
    action = action_for(made, "dataset/train")
    assert told(action) == ("create", "failed", "attempt-failed")
    assert action.override == "create:dataset/train"
    assert told(main_action(made, A)) == ("create", "upstream", "new")
    assert "dataset/train is held" in main_action(made, A).reason


def test_refused_files_go_once_another_is_ready() -> None:
    """A worthless attempt is deleted without asking when a later one was processed, and not before."""
    refused = uploaded(TRAIN, "error", key="file-bad")
    assert not side_actions(planned(WANTED, live(refused, uploaded(TRAIN, "pending", key="file-2"))))
    (action,) = side_actions(planned(WANTED, live(refused, FILE)))
    assert (action.verb, action.gate, action.undo) == (Verb.DELETE, Gate.OPEN, True)
    assert action.object is not None
    assert action.object.id == "file-bad"


@pytest.mark.parametrize("status", ["deleted", "deleting"])
def test_a_deleted_file_is_no_attempt(status: str) -> None:
    """A file that a person deleted is missing, not failed: its content is sent without being counted or held."""
    gone = (uploaded(TRAIN, status, key="file-1"), uploaded(TRAIN, status, key="file-2"))
    action = action_for(planned(WANTED, live(*gone)), "dataset/train")
    assert told(action) == ("create", "open", "new")
    assert action.attempt == 1


# --- twins


def test_a_queued_twin_is_taken_back() -> None:
    """Of two jobs of one digest the oldest stays; the queued other is cancelled without asking, as an undo."""
    old, new = trained(A, "running", 2, age_s=200), trained(A, "pending", 1, age_s=100)
    made = planned(WANTED, live(FILE, new, old))
    assert told(main_action(made, A)) == ("wait", "open", "in-progress")
    (action,) = side_actions(made)
    assert told(action) == ("cancel", "open", "twin")
    assert action.undo
    assert cancels(made) == [new.id]
    assert not made.keys


def test_a_twin_of_the_same_second_is_decided_by_id() -> None:
    """Runs that see the same twins keep the same one."""
    one, two = trained(A, "pending", 1), trained(A, "pending", 2)
    assert cancels(planned(WANTED, live(FILE, one, two))) == [two.id]
    assert cancels(planned(WANTED, live(FILE, two, one))) == [two.id]


def test_a_training_twin_is_held_until_it_is_allowed() -> None:
    """A twin that is billed already is cancelled only with the named word."""
    old, new = trained(A, "running", 1, age_s=200), trained(A, "running", 2, age_s=100)
    made = planned(WANTED, live(FILE, old, new))
    (action,) = side_actions(made)
    assert told(action) == ("cancel", "guard", "twin")
    assert action.override == "cancel:job/a"
    assert made.outcome is Outcome.HELD
    made = planned(WANTED, live(FILE, old, new), "cancel:job/a")
    assert cancels(made) == [new.id]
    assert made.keys == {f"cancel emulator:east/job/a@{A.digest}"}


def test_what_waits_for_a_job_with_a_held_twin_is_not_stuck() -> None:
    """The kept one of two training twins will be ready, so what needs it waits, is approved, and is made then."""
    old, new = trained(A, "running", 1, age_s=200), trained(A, "running", 2, age_s=100)
    prod = deployment("prod", A)
    made = planned(desired(TRAIN, A, prod), live(FILE, old, new))
    assert told(main_action(made, prod)) == ("create", "upstream", "new")
    assert not main_action(made, prod).held
    assert made.key(main_action(made, prod)) in made.keys


def test_a_succeeded_twin_is_the_one_to_keep() -> None:
    """A succeeded job is kept before an older one that still trains."""
    old, new = trained(A, "pending", 1, age_s=9_000), trained(A, "succeeded", 2, age_s=5_000)
    made = planned(WANTED, live(FILE, old, new))
    assert told(main_action(made, A)) == ("keep", "open", "settled")
    assert cancels(made) == [old.id]


def test_two_succeeded_twins_are_left_alone() -> None:
    """A trained twin is worth what it cost; the oldest one is used, nothing is held."""
    old, new = trained(A, number=2, age_s=9_000), trained(A, number=1, age_s=5_000)
    made = planned(WANTED, live(FILE, old, new))
    assert not side_actions(made)
    found = main_action(made, A).object
    assert found is not None
    assert found.id == old.id
    assert made.outcome is Outcome.CONVERGED


@pytest.mark.parametrize("kept", ["pending", "running", "succeeded", "failed", "cancelled"])
def test_a_cancelled_twin_is_no_attempt(kept: str) -> None:
    """A job cancelled beside an older one of its digest is our tidying, whatever became of the kept one."""
    twin = trained(A, "cancelled", 2, age_s=995, took_s=5)
    made = planned(WANTED, live(FILE, twin, trained(A, kept, 1, age_s=1_000, took_s=900)))
    expected = {"failed": 2, "cancelled": 2}.get(kept, 1)
    assert main_action(made, A).attempt == expected


# --- wrong echoes


@pytest.mark.parametrize(
    "echo",
    [{"trainingType": "standard"}, {"seed": 5}, {"training_file": "file-other"}],
    ids=str,
)
def test_a_contradicting_echo_closes_the_gate(echo: dict[str, object]) -> None:
    """A queued job whose echo contradicts is cancelled unasked, one that trains is left; both hold the create."""
    other = uploaded(dataset("other", "other rows"), key="file-other")
    queued = trained(A, "pending", **echo)  # type: ignore[arg-type]
    made = planned(WANTED, live(FILE, other, queued))
    assert told(main_action(made, A))[1:] == ("guard", "wrong-echo")
    assert cancels(made) == [queued.id]
    assert [a.undo for a in side_actions(made) if a.verb is Verb.CANCEL] == [True]
    training = trained(A, "running", **echo)  # type: ignore[arg-type]
    made = planned(WANTED, live(FILE, other, training))
    assert told(main_action(made, A))[1:] == ("guard", "wrong-echo")
    assert not made.frontier
    assert made.outcome is Outcome.HELD


@pytest.mark.parametrize("absent", ["trainingType", "seed", "method", "model", "training_file", "validation_file"])
def test_absence_in_a_listing_is_no_contradiction(absent: str) -> None:
    """A listing that leaves a field out says nothing about it."""
    made = planned(WANTED, live(FILE, trained(A, "running", **{absent: None})))  # type: ignore[arg-type]
    assert told(main_action(made, A)) == ("wait", "open", "in-progress")


def test_an_undone_create_is_an_attempt() -> None:
    """What was cancelled for its echo is held afterwards, so that it is not made again in a loop."""
    made = planned(WANTED, live(FILE, trained(A, "cancelled", suffix=None)))
    assert told(main_action(made, A)) == ("create", "failed", "attempt-failed")


# --- other witnesses


def test_a_job_without_record_is_found_by_its_model() -> None:
    """A model that is listed still carries the digest, so its job is not trained again and serves references."""
    record = {"id": model_name(A, 7), "object": "model", "created": 1_790_000_000}
    assert_found_without_record(models=[record], deployments=[])


def test_a_job_without_record_is_found_by_a_deployment() -> None:
    """A model that is only deployed is found by the deployment's model name, foreign or not."""
    properties = {"model": {"format": "OpenAI", "name": model_name(A, 7), "version": "1"}}
    assert_found_without_record(models=[], deployments=[{"name": "theirs", "properties": properties}])
    checkpoint = {"model": {"name": f"{model_name(A, 7)}:ckpt-step-88"}}
    assert_found_without_record(models=[], deployments=[{"name": "theirs", "properties": checkpoint}])


def assert_found_without_record(models: list[dict[str, object]], deployments: list[dict[str, object]]) -> None:
    """Assert that the job kind finds A in these listings and the planner keeps it."""
    found = KINDS_BY_WORD["job"].observe({"jobs": [], "models": models, "deployments": deployments}, "east")
    assert [o.id for o in found] == [f"ftjob-{7:032x}"]
    child = job("child", TRAIN, A)
    made = planned(desired(TRAIN, A, child), live(FILE, *found))
    assert told(main_action(made, A)) == ("keep", "open", "settled")
    assert main_action(made, child).resolved["model"] == model_name(A, 7)


def test_a_listed_job_is_not_found_twice() -> None:
    """A model whose job has a record, and a base model, make no further object."""
    body = {"id": f"ftjob-{7:032x}", "status": "succeeded", "created_at": 1, "suffix": A.fields["suffix"]}
    models = [{"id": model_name(A, 7)}, {"id": "gpt-4o-2024-08-06"}, {"id": f"{model_name(A, 7)}:ckpt-step-3"}]
    found = KINDS_BY_WORD["job"].observe({"jobs": [body], "models": models}, "east")
    assert len(found) == 1


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_without_suffix_is_found_by_seed_and_file(status: str) -> None:
    """In an account that drops suffixes a failed attempt is met with one held line, not with a loop."""
    action = main_action(planned(WANTED, live(FILE, trained(A, status, suffix=None))), A)
    assert told(action) == ("create", "failed", "attempt-failed")


@pytest.mark.parametrize("status", ["pending", "running", "succeeded"])
def test_a_job_without_suffix_is_never_made_again(status: str) -> None:
    """Whatever is made of a job that is only known by seed and file, it is not trained a second time."""
    made = planned(WANTED, live(FILE, trained(A, status, suffix=None, fine_tuned_model=None)))
    assert Verb.CREATE not in {a.verb for a in made.frontier}


@pytest.mark.parametrize("echo", [{"seed": 4}, {"training_file": "file-x"}, {"seed": None}], ids=str)
def test_a_job_without_suffix_and_one_witness_is_not_ours(echo: dict[str, object]) -> None:
    """Seed and file are needed together; neither alone says anything."""
    there = live(FILE, trained(A, "failed", suffix=None, **echo))  # type: ignore[arg-type]
    assert told(main_action(planned(WANTED, there), A)) == ("create", "open", "new")


@pytest.mark.parametrize("status", ["pending", "running", "succeeded", "failed", "cancelled"])
@pytest.mark.parametrize("training_type", ["standard", "globalStandard"])
def test_a_colleagues_job_with_the_users_seed_is_never_cancelled(status: str, training_type: str) -> None:
    """A seed that a person chose is no proof: somebody's job with our file and that seed is not written to."""
    seeded = job("a", TRAIN, seed=105)
    theirs = trained(seeded, status, suffix=None, trainingType=training_type, fine_tuned_model=None)
    made = planned(desired(TRAIN, seeded), live(FILE, theirs))
    assert not cancels(made)


def test_one_job_without_suffix_is_not_two_trainings() -> None:
    """Two documents with the user's seed and the same file do not both take one unmarked job for theirs."""
    one = job("a", TRAIN, seed=105, hyperparameters={"n_epochs": 2})
    two = job("b", TRAIN, seed=105, hyperparameters={"n_epochs": 3})
    made = planned(desired(TRAIN, one, two), live(FILE, trained(one, suffix=None, fine_tuned_model="x.ft-1")))
    assert [told(main_action(made, each))[2] for each in (one, two)] != ["settled", "settled"]


def test_an_unmarked_model_that_serves_is_not_deployed_for_ever() -> None:
    """A deployment that serves the model its reference resolves to is settled, whether or not that name is marked."""
    prod = deployment("prod", A)
    bare = f"gpt-4.1-mini-2025-04-14.ft-{1:032x}"
    there = live(FILE, trained(A, suffix=None, fine_tuned_model=bare), deployed(prod, bare))
    made = planned(desired(TRAIN, A, prod), there)
    assert not [a for a in made.frontier if a.address.kind == "deployment"]


@pytest.mark.parametrize("keep", [1, 2, 5, 16])
def test_a_cut_suffix_is_a_contradiction(keep: int) -> None:
    """A suffix that lost its marker is known by seed and file, cancelled while queued, held once it trains."""
    cut = str(A.fields["suffix"])[:keep]
    assert cancels(planned(WANTED, live(FILE, trained(A, "pending", suffix=cut)))) == [f"ftjob-{1:032x}"]
    assert main_action(planned(WANTED, live(FILE, trained(A, "running", suffix=cut))), A).gate is Gate.GUARD


def test_the_owner_in_a_marker_is_not_enough() -> None:
    """Another digest of ours is another training, and the same digest of another owner is foreign."""
    other = job("z", TRAIN, seed=9)
    there = live(FILE, trained(other, number=1), foreign(trained(A, number=2)))
    assert told(main_action(planned(WANTED, there), A)) == ("create", "open", "new")
    assert OWNER in str(A.fields["suffix"])
    assert there.now == NOW

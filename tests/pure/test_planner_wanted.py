"""What is made, in which order, and what is left alone because nothing allowed needs it."""

from __future__ import annotations

import pytest

from ftops.model import Gate, Outcome, Verb

from .builders import (
    BASE,
    EAST,
    WEST,
    action_for,
    dataset,
    deployed,
    deployment,
    desired,
    file_id,
    job,
    live,
    main_action,
    model_name,
    planned,
    told,
    trained,
    uploaded,
)

TRAIN, HOLDOUT = dataset("train"), dataset("holdout", "two")
A = job("a", TRAIN)
B = job("b", TRAIN, A, validation=HOLDOUT)
PROD = deployment("prod", B)
ALL = desired(TRAIN, HOLDOUT, A, B, PROD)
FILES = (uploaded(TRAIN), uploaded(HOLDOUT))
DONE = (*FILES, trained(A, number=1), trained(B, number=2), deployed(PROD, model_name(B, 2)))


def test_an_empty_account_gets_everything_in_order() -> None:
    """What has no references is made at once, the rest waits for what it refers to, referenced before referring."""
    made = planned(ALL, live())
    assert [(str(a.address), *told(a)) for a in made.actions] == [
        ("dataset/train", "create", "open", "new"),
        ("dataset/holdout", "create", "open", "new"),
        ("job/a", "create", "upstream", "new"),
        ("job/b", "create", "upstream", "new"),
        ("deployment/prod", "create", "upstream", "new"),
    ]
    assert [str(a) for a in action_for(made, "job/b").after] == ["job/a", "dataset/train", "dataset/holdout"]
    assert made.outcome is Outcome.WAITING
    assert len(made.keys) == 5


def test_a_reference_is_known_once_its_target_is_ready() -> None:
    """A job whose files are processed goes on with their ids; one whose parent is missing waits for it alone."""
    made = planned(ALL, live(*FILES))
    assert told(action_for(made, "job/a")) == ("create", "open", "new")
    assert action_for(made, "job/a").resolved == {"training_file": file_id(TRAIN.digest)}
    child = action_for(made, "job/b")
    assert told(child) == ("create", "upstream", "new")
    assert [str(a) for a in child.after] == ["job/a"]


def test_a_child_is_trained_from_its_parents_model() -> None:
    """The parent's output is the model that the child's create call names."""
    made = planned(ALL, live(*FILES, trained(A)))
    assert action_for(made, "job/b").resolved["model"] == model_name(A, 1)
    assert told(action_for(made, "job/b")) == ("create", "open", "new")


@pytest.mark.parametrize("status", ["uploaded", "pending", "running", "a new word of the service"])
def test_a_file_being_scanned_is_a_short_wait(status: str) -> None:
    """An upload that is not processed yet is waited for within the pass, and its job waits for it."""
    made = planned(ALL, live(uploaded(TRAIN, status), uploaded(HOLDOUT)))
    assert told(action_for(made, "dataset/train")) == ("wait", "open", "in-progress")
    assert action_for(made, "dataset/train").settles
    assert told(action_for(made, "job/a")) == ("create", "upstream", "new")


@pytest.mark.parametrize(
    "status", ["pending", "queued", "validating_files", "created", "running", "pausing", "resuming", "odd"]
)
def test_a_job_on_its_way_is_waited_for_over_passes(status: str) -> None:
    """Training, also an unknown state of it, is a wait that ends the pass; what needs it waits too."""
    made = planned(ALL, live(*FILES, trained(A, status)))
    assert told(action_for(made, "job/a")) == ("wait", "open", "in-progress")
    assert not action_for(made, "job/a").settles
    assert told(action_for(made, "job/b")) == ("create", "upstream", "new")
    assert made.outcome is Outcome.WAITING
    assert not made.frontier


@pytest.mark.parametrize("state", ["Accepted", "Creating", "Updating", "Moving"])
def test_a_deployment_being_written_is_a_short_wait(state: str) -> None:
    """A write in flight is waited for within the pass; what has to follow it is planned, and approved, with it."""
    made = planned(ALL, live(*DONE[:-1], deployed(PROD, model_name(B, 2), state)))
    assert told(action_for(made, "deployment/prod")) == ("wait", "open", "in-progress")
    assert action_for(made, "deployment/prod").settles
    made = planned(ALL, live(*DONE[:-1], deployed(PROD, model_name(B, 2), state, capacity=10)))
    assert action_for(made, "deployment/prod").verb is Verb.UPDATE
    assert action_for(made, "deployment/prod").gate is Gate.UPSTREAM
    assert action_for(made, "deployment/prod").settles


def test_a_deployment_being_deleted_is_waited_for() -> None:
    """Nothing can be written to it until it has gone, whatever its document asks for."""
    for capacity in (PROD.fields["sku.capacity"], 10):
        made = planned(ALL, live(*DONE[:-1], deployed(PROD, model_name(B, 2), "Deleting", capacity=capacity)))
        assert told(action_for(made, "deployment/prod")) == ("wait", "open", "in-progress")
        assert action_for(made, "deployment/prod").settles
        assert not made.frontier


def test_what_is_as_declared_is_kept() -> None:
    """A converged account has nothing to do and nothing to say."""
    made = planned(ALL, live(*DONE))
    assert {told(a) for a in made.actions} == {("keep", "open", "settled")}
    assert made.outcome is Outcome.CONVERGED
    assert not made.keys


def test_deleting_old_files_uploads_nothing() -> None:
    """A file that every training has read is consumed: missing, and left so."""
    made = planned(ALL, live(*DONE[2:]))
    assert told(action_for(made, "dataset/train")) == told(action_for(made, "dataset/holdout"))
    assert told(action_for(made, "dataset/train")) == ("keep", "open", "consumed")
    assert made.outcome is Outcome.CONVERGED


def test_deleting_an_ancestor_trains_nothing() -> None:
    """A parent whose child exists is consumed, with its record and model gone."""
    made = planned(ALL, live(*FILES, *DONE[3:]))
    assert told(action_for(made, "job/a")) == ("keep", "open", "consumed")
    assert made.outcome is Outcome.CONVERGED


@pytest.mark.parametrize("status", ["pending", "running", "paused", "succeeded"])
def test_a_child_that_exists_consumes_its_parent_whatever_its_state(status: str) -> None:
    """A child that trains does not need its parent made again."""
    made = planned(desired(TRAIN, HOLDOUT, A, B), live(trained(B, status)))
    assert told(action_for(made, "job/a")) == ("keep", "open", "consumed")
    assert told(action_for(made, "dataset/train")) == ("keep", "open", "consumed")


def test_a_lost_leaf_is_made_again_with_what_it_needs() -> None:
    """When the record and model of a child are gone, only what it needs is wanted, and what exists is used."""
    made = planned(desired(TRAIN, HOLDOUT, A, B), live(uploaded(TRAIN), trained(A)))
    assert told(action_for(made, "dataset/holdout")) == ("create", "open", "new")
    assert told(action_for(made, "job/b")) == ("create", "upstream", "new")
    assert told(action_for(made, "job/a")) == ("keep", "open", "settled")


def test_a_job_whose_only_referrer_is_satisfied_is_consumed() -> None:
    """A deployment that serves the job's model does not need the job's record."""
    serving = deployed(PROD, model_name(B, 2))
    made = planned(ALL, live(serving))
    assert told(action_for(made, "job/b")) == ("keep", "open", "consumed")
    assert not made.frontier


def test_a_deployment_that_changes_another_field_does_not_need_its_job() -> None:
    """A new capacity is no move to another model."""
    made = planned(ALL, live(deployed(PROD, model_name(B, 2), capacity=10)))
    assert told(action_for(made, "job/b")) == ("keep", "open", "consumed")


def test_a_data_set_that_nothing_refers_to_is_only_checked() -> None:
    """An unused dataset is never uploaded."""
    made = planned(desired(TRAIN), live())
    assert told(main_action(made, TRAIN)) == ("keep", "open", "unused")
    assert made.outcome is Outcome.CONVERGED


def test_an_unused_data_set_with_a_failed_file_is_not_held() -> None:
    """What nothing needs cannot be held."""
    made = planned(desired(TRAIN), live(uploaded(TRAIN, "error"), uploaded(TRAIN, "error", key="file-2")))
    assert told(main_action(made, TRAIN)) == ("keep", "open", "unused")


def test_one_free_referrer_is_enough() -> None:
    """A parent with a held child and a free one is made for the free one."""
    held_child, free_child = job("held", TRAIN, A), job("free", TRAIN, A, seed=1)
    there = live(uploaded(TRAIN), trained(held_child, "failed", error=("bad", "data")))
    made = planned(desired(TRAIN, A, held_child, free_child), there)
    assert told(action_for(made, "job/a")) == ("create", "open", "new")
    assert told(action_for(made, "job/held")) == ("create", "failed", "attempt-failed")


def test_a_held_referrer_makes_nothing_wanted() -> None:
    """The parent of a held child says that nothing allowed needs it, and no file is uploaded for it."""
    there = live(trained(B, "failed", error=("bad", "data")))
    made = planned(desired(TRAIN, HOLDOUT, A, B), there)
    parent = action_for(made, "job/a")
    assert told(parent) == ("keep", "open", "not-needed-yet")
    assert "job/b is held" in parent.reason
    assert told(action_for(made, "dataset/holdout")) == ("keep", "open", "not-needed-yet")
    assert made.outcome is Outcome.HELD


def test_a_data_set_is_uploaded_in_each_account_that_needs_it() -> None:
    """One digest in two accounts is two artifacts, each with keys and objects of its own."""
    west_train = dataset("train", account=WEST)
    east, west = job("east-job", TRAIN), job("west-job", west_train, account=WEST)
    wanted = desired(TRAIN, west_train, east, west)
    made = planned(wanted, live())
    assert len(made.keys) == 4
    assert {key.split()[1].split("/")[0] for key in made.keys} == {"emulator:east", "emulator:west"}
    made = planned(wanted, live(uploaded(TRAIN), trained(east)))
    assert told(main_action(made, TRAIN)) == ("keep", "open", "settled")
    assert told(main_action(made, west_train)) == ("create", "open", "new")
    assert told(main_action(made, west)) == ("create", "upstream", "new")


def test_the_same_training_in_another_account_is_no_twin() -> None:
    """A job's identity is its account and digest together."""
    west_train = dataset("train", account=WEST)
    east, west = job("x", TRAIN), job("y", west_train, account=WEST)
    made = planned(desired(TRAIN, west_train, east, west), live(trained(east), trained(west, "running", number=2)))
    assert told(main_action(made, east)) == ("keep", "open", "settled")
    assert told(main_action(made, west)) == ("wait", "open", "in-progress")
    assert len(made.actions) == 4


def test_of_several_files_the_oldest_processed_one_is_used() -> None:
    """A later upload of the same content changes nothing, and a file still being scanned is passed over."""
    files = (
        uploaded(TRAIN, key="file-new", age_s=10),
        uploaded(TRAIN, key="file-old", age_s=99),
        uploaded(TRAIN, "pending", key="file-oldest", age_s=999),
    )
    made = planned(desired(TRAIN, A), live(*files))
    assert action_for(made, "job/a").resolved["training_file"] == "file-old"


def test_a_base_model_is_deployed_at_once() -> None:
    """A deployment without a reference waits for nothing."""
    base = deployment("base", {"format": "OpenAI", "name": BASE, "version": "1"})
    made = planned(desired(base), live())
    assert told(main_action(made, base)) == ("create", "open", "new")


def test_arm_takes_one_write_at_a_time() -> None:
    """Of several deployments to write, one is open in each account, and the others wait within the pass."""
    base = {"format": "OpenAI", "name": BASE, "version": "1"}
    here = [deployment(f"d{number}", base) for number in range(3)]
    there = deployment("d0", base, account=WEST)
    made = planned(desired(*here, there), live())
    assert [told(main_action(made, r))[1] for r in here] == ["open", "upstream", "upstream"]
    assert main_action(made, here[1]).settles
    assert told(main_action(made, there)) == ("create", "open", "new")
    assert len(made.keys) == 4


@pytest.mark.parametrize("marked", [True, False], ids=["ours", "foreign"])
def test_a_write_in_flight_closes_arm(marked: bool) -> None:
    """Whoever's deployment is being written, the account takes no other write."""
    base = {"format": "OpenAI", "name": BASE, "version": "1"}
    wanted, other = deployment("d", base), deployment("other", base)
    made = planned(desired(wanted), live(deployed(other, BASE, "Updating", marked=marked)))
    assert told(main_action(made, wanted)) == ("create", "upstream", "new")
    assert main_action(made, wanted).settles
    assert main_action(made, wanted).account == EAST

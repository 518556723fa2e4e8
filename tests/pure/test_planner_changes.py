"""What an edit, a parent's change or a drift leads to, and which reasons are told."""

from __future__ import annotations

import pytest

from ftops.digest import owner_mark
from ftops.model import Change, Outcome, Pointer

from .builders import (
    BASE,
    OWNER,
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
RETRAIN = {"onParentChange": "retrain"}


A1 = job("a", TRAIN, hyperparameters={"n_epochs": 2})
B1 = job("b", TRAIN, A1)
C1 = job("c", TRAIN, B1)
OLD = (FILE, trained(A1, number=1), trained(B1, number=2), trained(C1, number=3))
A2 = job("a", TRAIN, hyperparameters={"n_epochs": 3})


def test_an_edit_makes_a_new_version() -> None:
    """An edited job is trained beside its earlier version, and the line tells the field."""
    made = planned(desired(TRAIN, A2), live(*OLD[:2]))
    action = main_action(made, A2)
    assert told(action) == ("create", "open", "changed")
    assert action.changes == (Change("n_epochs", 2, 3),)
    assert [(a.why.value, a.reason) for a in side_actions(made)] == [("previous", "the earlier version of job/a")]


def test_a_field_that_was_added_is_told() -> None:
    """A hyperparameter that the service chose before is unset in the change."""
    after = job("a", TRAIN, hyperparameters={"n_epochs": 2, "batch_size": 4})
    action = main_action(planned(desired(TRAIN, after), live(*OLD[:2])), after)
    assert action.changes == (Change("batch_size", None, 4),)


def test_a_removed_field_or_rerun_still_explains_itself() -> None:
    """When no echoed field tells why, the line says that an input changed which the earlier version does not show."""
    again = job("a", TRAIN, hyperparameters={"n_epochs": 2}, lifecycle={"rerun": "x"})
    action = main_action(planned(desired(TRAIN, again), live(*OLD[:2])), again)
    assert told(action) == ("create", "open", "changed")
    assert action.changes == ()
    assert action.reason


def test_what_follows_from_the_digest_explains_nothing() -> None:
    """Neither the suffix nor a derived seed is told as a change; a seed that the user wrote is."""
    seeded = job("a", TRAIN, hyperparameters={"n_epochs": 2}, seed=5)
    action = main_action(planned(desired(TRAIN, seeded), live(*OLD[:2])), seeded)
    assert [change.field for change in action.changes] == ["seed"]


def test_an_edit_of_what_is_fixed_at_creation_keeps_the_job() -> None:
    """Another suffix, name or suffixMax is no other training."""
    for edited in (
        job("a", TRAIN, hyperparameters={"n_epochs": 2}, suffix="other"),
        job("a", TRAIN, hyperparameters={"n_epochs": 2}, suffix_max=17),
        job("renamed", TRAIN, hyperparameters={"n_epochs": 2}),
    ):
        made = planned(desired(TRAIN, edited), live(*OLD[:2]))
        assert told(main_action(made, edited)) == ("keep", "open", "settled")
        assert made.outcome is Outcome.CONVERGED


def test_a_new_suffix_is_told_to_be_used_by_the_next_training() -> None:
    """The line of a kept job says that its edited suffix is used by the next training (semantics §1)."""
    edited = job("a", TRAIN, hyperparameters={"n_epochs": 2}, suffix="other")
    action = main_action(planned(desired(TRAIN, edited), live(*OLD[:2])), edited)
    assert "next training" in f"{action.summary} {action.reason}"


def test_a_chain_edited_at_its_first_is_held() -> None:
    """Under `onParentChange: hold` nothing is trained: the first is not needed by anything allowed."""
    second, third = (b := job("b", TRAIN, A2)), job("c", TRAIN, b)
    made = planned(desired(TRAIN, A2, second, third), live(*OLD))
    assert told(main_action(made, third)) == ("create", "guard", "parent-changed")
    assert told(main_action(made, second)) == ("create", "guard", "parent-changed")
    assert told(main_action(made, A2)) == ("keep", "open", "not-needed-yet")
    assert not made.frontier
    assert not made.keys
    assert made.outcome is Outcome.HELD


def test_a_held_child_names_both_ways_out() -> None:
    """The line names the --allow that retrains and the pin that keeps the training."""
    child = job("b", TRAIN, A2)
    action = main_action(planned(desired(TRAIN, A2, child), live(*OLD[:3])), child)
    assert action.override == "retrain:job/b"
    assert f"at: {A1.marker.digest}" in action.reason
    assert [str(change.inherited) for change in action.changes] == ["job/a"]


def test_the_pin_keeps_the_training() -> None:
    """With the named pin the child is as it was, while the parent is free to go on."""
    pinned = job("b", TRAIN, A2, at=A1.marker.digest)
    made = planned(desired(TRAIN, A2, pinned), live(*OLD[:3]))
    assert pinned.digest == B1.digest
    assert told(main_action(made, pinned)) == ("keep", "open", "settled")
    assert told(main_action(made, A2)) == ("create", "open", "changed")


def test_allow_opens_a_whole_chain() -> None:
    """With the named words the chain is trained from its first to its last; each is inherited but the first."""
    second, third = (b := job("b", TRAIN, A2)), job("c", TRAIN, b)
    made = planned(desired(TRAIN, A2, second, third), live(*OLD), "retrain:job/b", "retrain:job/c")
    assert told(main_action(made, A2)) == ("create", "open", "changed")
    assert told(main_action(made, second)) == ("create", "upstream", "inherited")
    assert told(main_action(made, third)) == ("create", "upstream", "inherited")
    assert len(made.keys) == 3


def test_allowing_one_of_a_chain_makes_nothing_for_the_held_rest() -> None:
    """Allowing the last alone leaves it waiting for its held parent, and the line says so."""
    second, third = (b := job("b", TRAIN, A2)), job("c", TRAIN, b)
    made = planned(desired(TRAIN, A2, second, third), live(*OLD), "retrain:job/c")
    assert told(main_action(made, second)) == ("create", "guard", "parent-changed")
    assert told(main_action(made, third))[:2] == ("create", "upstream")
    assert "job/b is held" in main_action(made, third).reason
    assert not made.frontier


def test_retrain_follows_the_parent() -> None:
    """Under `onParentChange: retrain` the chain is trained again without being asked."""
    second = job("b", TRAIN, A2, lifecycle=RETRAIN)
    third = job("c", TRAIN, second, lifecycle=RETRAIN)
    made = planned(desired(TRAIN, A2, second, third), live(*OLD))
    assert [told(main_action(made, r)) for r in (A2, second, third)] == [
        ("create", "open", "changed"),
        ("create", "upstream", "inherited"),
        ("create", "upstream", "inherited"),
    ]


def test_a_change_of_its_own_beside_an_inherited_one_is_no_inheritance() -> None:
    """A child whose own settings were edited too is `changed`, with both told."""
    child = job("b", TRAIN, A2, hyperparameters={"n_epochs": 9}, lifecycle=RETRAIN)
    action = main_action(planned(desired(TRAIN, A2, child), live(*OLD[:3])), child)
    assert action.why.value == "changed"
    assert {change.field: change.inherited is not None for change in action.changes} == {
        "model": True,
        "n_epochs": False,
    }


def test_another_parent_is_a_change_of_its_own() -> None:
    """Naming another parent is the user's edit, not the parent's change, so nothing is held."""
    other = job("other", TRAIN, seed=4)
    child = job("b", TRAIN, other)
    made = planned(desired(TRAIN, other, child), live(*OLD[:3], trained(other, number=9)))
    assert told(main_action(made, child)) == ("create", "open", "changed")


def test_an_edited_data_set_names_only_ways_out_that_exist() -> None:
    """A dataset cannot be pinned by `at:`, so a line about one must not say so (it is no parent, semantics §1)."""
    after = dataset("train", "other rows")
    edited = job("a", after, hyperparameters={"n_epochs": 2})
    action = main_action(planned(desired(after, edited), live(*OLD[:2])), edited)
    assert "at: " not in action.reason


def test_a_new_data_set_is_uploaded_and_trained_with() -> None:
    """Naming another dataset trains again once it is uploaded, and the change names both."""
    other = dataset("later", "other rows")
    edited = job("a", other, hyperparameters={"n_epochs": 2})
    made = planned(desired(other, edited), live(*OLD[:2]))
    assert told(main_action(made, other)) == ("create", "open", "new")
    assert told(main_action(made, edited)) == ("create", "upstream", "changed")
    (change,) = main_action(made, edited).changes
    assert isinstance(change.old, Pointer)
    assert change.old.marker == TRAIN.marker


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_failed_later_version_does_not_lift_the_hold(status: str) -> None:
    """A try in between that came to nothing leaves the trained version the one that a parent's change would replace."""
    tried = job("b", TRAIN, A1, hyperparameters={"n_epochs": 7})
    child = job("b", TRAIN, A2)
    there = live(*OLD[:3], trained(A2, number=8), trained(tried, status, number=9, age_s=60, took_s=10))
    assert told(main_action(planned(desired(TRAIN, A2, child), there), child)) == ("create", "guard", "parent-changed")


def test_a_child_that_never_existed_is_not_held() -> None:
    """A first training is new whatever happened to its parent."""
    child = job("b", TRAIN, A2)
    made = planned(desired(TRAIN, A2, child), live(FILE, trained(A1), trained(A2, number=5)))
    assert told(main_action(made, child)) == ("create", "open", "new")


@pytest.mark.parametrize("status", ["pending", "running", "paused"])
def test_an_earlier_version_that_trains_holds_the_next(status: str) -> None:
    """Changed while an earlier digest trains: held, and both ways out are named."""
    made = planned(desired(TRAIN, A2), live(FILE, trained(A1, status)))
    action = main_action(made, A2)
    assert told(action) == ("create", "guard", "earlier-trains")
    assert action.override == "retrain:job/a"
    assert "once that has ended" in action.reason
    assert told(main_action(planned(desired(TRAIN, A2), live(FILE, trained(A1, status)), action.override), A2)) == (
        "create",
        "open",
        "changed",
    )


@pytest.mark.parametrize("status", ["failed", "cancelled", "succeeded"])
def test_an_earlier_version_that_ended_holds_nothing(status: str) -> None:
    """The next version is trained once the earlier one has ended, however it did."""
    made = planned(desired(TRAIN, A2), live(FILE, trained(A1, status)))
    assert told(main_action(made, A2)) == ("create", "open", "changed")


def test_another_document_that_trains_is_no_earlier_version() -> None:
    """A running job that a document of its own declares is not the earlier version of one that was renamed from it."""
    one = job("a", TRAIN, seed=1)
    two = job("b", TRAIN, seed=2, metadata={"formerly": ["a"]})
    made = planned(desired(TRAIN, one, two), live(FILE, trained(one, "running")))
    assert told(main_action(made, two)) == ("create", "open", "new")


# --- pins


def test_a_pin_to_a_version_that_is_gone_is_held() -> None:
    """A pinned version that is not in the account cannot be trained from, and nothing is made instead."""
    child = job("b", TRAIN, A2, at=A1.marker.digest)
    made = planned(desired(TRAIN, A2, child), live(FILE))
    assert told(main_action(made, child)) == ("create", "guard", "pin-missing")
    assert A1.marker.digest in main_action(made, child).reason


def test_a_pinned_version_is_trained_from() -> None:
    """A pin resolves to that version, and a pin to one that still trains waits."""
    child = job("b", TRAIN, A2, at=A1.marker.digest, seed=3)
    made = planned(desired(TRAIN, A2, child), live(FILE, trained(A1, number=4), trained(A2, number=5)))
    assert main_action(made, child).resolved["model"] == model_name(A1, 4)
    made = planned(desired(TRAIN, A2, child), live(FILE, trained(A1, "running", number=4)))
    assert told(main_action(made, child)) == ("create", "upstream", "new")


def test_a_pinned_deployment_stays_while_its_job_moves_on() -> None:
    """A pinned binding is not moved by a new version, which is then wanted for itself."""
    serving = deployment("prod", A2, at=A1.marker.digest)
    there = live(FILE, trained(A1, number=1), deployed(serving, model_name(A1, 1)))
    made = planned(desired(TRAIN, A2, serving), there)
    assert told(main_action(made, serving)) == ("keep", "open", "settled")
    assert told(main_action(made, A2)) == ("create", "open", "changed")


# --- bindings


PROD = deployment("prod", A1, capacity=80, tags={"team": "support"}, raiPolicyName="Microsoft.DefaultV2")
SERVED = model_name(A1, 1)
BASE_ROWS = (FILE, trained(A1, number=1))


def test_a_deployment_follows_its_job() -> None:
    """A new version is rolled out once it is ready; until then the update waits for it."""
    after = deployment("prod", A2)
    there = live(*BASE_ROWS, deployed(deployment("prod", A1), SERVED))
    action = main_action(planned(desired(TRAIN, A2, after), there), after)
    assert told(action) == ("update", "upstream", "changed")
    assert [str(a) for a in action.after] == ["job/a"]
    assert [str(change.inherited) for change in action.changes] == ["job/a"]
    there = live(*there.objects, trained(A2, number=6))
    action = main_action(planned(desired(TRAIN, A2, after), there), after)
    assert told(action) == ("update", "open", "changed")
    assert action.resolved == {"model.name": model_name(A2, 6)}


@pytest.mark.parametrize(
    "changed",
    [{"capacity": 10}, {"tags": {"team": "other"}}, {"raiPolicyName": "Other"}, {"sku": "Standard"}],
    ids=str,
)
def test_a_change_made_outside_is_drift(changed: dict[str, object]) -> None:
    """A field that differs while our digest tag says that the spec did not change is drift, and is put right."""
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, deployed(PROD, SERVED, **changed)))  # type: ignore[arg-type]
    assert told(main_action(made, PROD)) == ("update", "open", "drifted")
    assert len(main_action(made, PROD).changes) == 1


def test_an_edit_is_no_drift() -> None:
    """With another digest in the tag the same difference comes from the spec."""
    before = deployment("prod", A1, capacity=10, tags={"team": "support"}, raiPolicyName="Microsoft.DefaultV2")
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, deployed(before, SERVED)))
    assert told(main_action(made, PROD)) == ("update", "open", "changed")
    assert main_action(made, PROD).changes == (Change("sku.capacity", 10, 80),)


def test_server_defaults_and_others_tags_are_no_difference() -> None:
    """What the spec leaves out is not compared: defaults of the service, and tags of others."""
    plain = deployment("prod", A1)
    found = deployed(plain, SERVED, tags={"cost-centre": "42"}, serviceTier="Default")
    made = planned(desired(TRAIN, A1, plain), live(*BASE_ROWS, found))
    assert told(main_action(made, plain)) == ("keep", "open", "settled")


def test_case_means_nothing_in_names_and_skus() -> None:
    """ARM compares names without case and echoes the caller's casing of a SKU and a policy."""
    found = deployed(PROD, SERVED, name="PROD", sku="globalSTANDARD", raiPolicyName="microsoft.defaultv2")
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, found))
    assert told(main_action(made, PROD)) == ("keep", "open", "settled")
    assert len(made.actions) == 3


def test_a_deployment_whose_tags_cannot_be_read_is_known_by_its_model() -> None:
    """Our owner in the model's name and its name in our spec are enough; tags are then not compared."""
    found = deployed(deployment("prod", A1, capacity=80, raiPolicyName="Microsoft.DefaultV2"), SERVED, marked=False)
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, found))
    assert told(main_action(made, PROD)) == ("keep", "open", "settled")


def test_a_difference_without_readable_tags_counts_as_an_edit() -> None:
    """With the last applied binding lost, drift is shown as an edit (semantics §5)."""
    found = deployed(
        deployment("prod", A1, capacity=80, raiPolicyName="Microsoft.DefaultV2"), SERVED, marked=False, capacity=9
    )
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, found))
    assert told(main_action(made, PROD)) == ("update", "open", "changed")


def test_another_publishers_model_is_held() -> None:
    """A change that would need a deletion is held, since deleting is not built."""
    found = deployed(PROD, SERVED, publisher="Microsoft")
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, found))
    assert told(main_action(made, PROD)) == ("update", "guard", "replace")


@pytest.mark.parametrize("state", ["Failed", "Canceled", "Disabled"])
def test_a_failed_deployment_is_held_until_its_spec_changes(state: str) -> None:
    """A binding whose last write failed is not sent again as it was, also where it shows what it had; an edit is."""
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, deployed(PROD, SERVED, state)))
    assert told(main_action(made, PROD)) == ("update", "failed", "attempt-failed")
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, deployed(PROD, SERVED, state, capacity=1)))
    assert told(main_action(made, PROD)) == ("update", "failed", "attempt-failed")
    earlier = deployed(deployment("prod", A1, capacity=1), SERVED, state)
    assert told(main_action(planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, earlier)), PROD)) == (
        *("update", "open", "changed"),
    )


@pytest.mark.parametrize(("less", "why"), [(0, "retried"), (1, "drifted")])
def test_a_failed_deployment_is_written_once_more_by_permission(less: int, why: str) -> None:
    """The override that the line names sends the same once more, whether or not something differs."""
    found = deployed(PROD, SERVED, "Failed", capacity=int(str(PROD.fields["sku.capacity"])) - less)
    held = main_action(planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, found)), PROD)
    made = planned(desired(TRAIN, A1, PROD), live(*BASE_ROWS, found), held.override)
    assert held.override == "create:deployment/prod"
    assert told(main_action(made, PROD)) == ("update", "open", why)


# --- renames


def test_a_job_keeps_its_grouping_over_a_rename() -> None:
    """With `formerly` a renamed and edited job still finds its earlier version."""
    renamed = job("b", TRAIN, hyperparameters={"n_epochs": 3}, metadata={"formerly": ["a"]})
    action = main_action(planned(desired(TRAIN, renamed), live(*OLD[:2])), renamed)
    assert told(action) == ("create", "open", "changed")
    assert action.changes == (Change("n_epochs", 2, 3),)


def test_a_renamed_job_without_formerly_is_new_when_edited() -> None:
    """Without `formerly` an edited and renamed job has no history, and the old one is an orphan."""
    renamed = job("b", TRAIN, hyperparameters={"n_epochs": 3})
    made = planned(desired(TRAIN, renamed), live(*OLD[:2]))
    assert told(main_action(made, renamed)) == ("create", "open", "new")
    assert [a.why.value for a in side_actions(made)] == ["orphan"]


def test_a_project_keeps_its_objects_over_a_rename() -> None:
    """With the project's former name among the owners nothing is made again."""
    before = deployment("prod", A1)
    now = job("a", TRAIN, hyperparameters={"n_epochs": 2}, owned_by="renamed")
    there = live(*BASE_ROWS, deployed(before, SERVED))
    owners = frozenset({owner_mark("renamed"), OWNER})
    made = planned(desired(TRAIN, now, deployment("prod", now), owners=owners), there)
    assert {told(a) for a in made.actions} == {("keep", "open", "settled")}
    alone = planned(desired(TRAIN, now, owners=frozenset({owner_mark("renamed")})), there)
    assert told(main_action(alone, now)) == ("create", "upstream", "new")


def test_leftovers_of_a_whole_project_are_shown_and_kept() -> None:
    """Orphans and superseded versions are named, never deleted, and in no key."""
    other = job("gone", TRAIN, seed=77)
    orphan = deployed(deployment("old", A1), SERVED)
    there = live(FILE, trained(A1, number=1), trained(A2, number=2), trained(other, number=3), orphan)
    made = planned(desired(TRAIN, A2), there)
    assert {(a.why.value, a.object.id if a.object else "") for a in side_actions(made)} == {
        ("superseded", f"ftjob-{1:032x}"),
        ("orphan", f"ftjob-{3:032x}"),
        ("orphan", "old"),
    }
    assert not made.keys
    assert made.outcome is Outcome.CONVERGED
    assert planned(desired(TRAIN, A2, whole=False), there).actions == made.actions[:2]


def test_another_accounts_deployment_of_the_same_name_is_an_orphan_of_its_own() -> None:
    """An object is claimed by account and id together: the same name elsewhere is another deployment."""
    east = deployment("prod", {"format": "OpenAI", "name": BASE, "version": "1"})
    west = deployment("prod", {"format": "OpenAI", "name": BASE, "version": "1"}, account="west")
    west_data = dataset("train", account="west")
    west_job = job("w", west_data, account="west")
    there = live(deployed(east, BASE), deployed(west, BASE), trained(west_job))
    made = planned(desired(east, west_data, west_job), there)
    assert [(a.why.value, a.account, str(a.address)) for a in side_actions(made)] == [
        ("orphan", "west", "deployment/prod")
    ]


def test_a_foreign_or_unmarked_object_is_no_leftover() -> None:
    """Only our own objects can be orphans."""
    there = live(FILE, foreign(trained(A1)), trained(A1, number=2, suffix="theirs", seed=1))
    assert not side_actions(planned(desired(TRAIN), there))

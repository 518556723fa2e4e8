"""Contents that were compared: which pairs a plan asks for, when the same rows hold a training, and what is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from ftops.difference import ONLY_WRITTEN_OTHERWISE, Difference
from ftops.kinds import KINDS_BY_WORD
from ftops.model import Desired, LiveState, Object, Outcome, Plan, Resource
from ftops.planner.diff import Pair
from ftops.planner.rows import pairs
from ftops.render.to_json import plan_json
from ftops.render.view import view

from .builders import (
    BASE,
    NOW,
    WEST,
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
    told,
    trained,
    uploaded,
)

OLD, NEW = dataset("train", "one"), dataset("train", "the rows of one, in another order")
CHECK, CHECK_NEW = dataset("check", "two"), dataset("check", "the rows of two, in another order")
ALL = (OLD, NEW, CHECK, CHECK_NEW)
FILES = (uploaded(OLD), uploaded(CHECK))
A_OLD, A = job("a", OLD), job("a", NEW)
HELD = ("create", "guard", "same-rows")
ALLOW = "retrain:job/a"


def compared(old: Resource, new: Resource, *, added: int = 0) -> dict[Pair, Difference]:
    """Return what differs between the contents of two datasets."""
    found = Difference(old.digest, new.digest, added, 0, 0, 100, 5_000, 5_000 + 100 * added, exact=True)
    return {(old.marker.digest, new.marker.digest): found}


SAME, MORE = compared(OLD, NEW), compared(OLD, NEW, added=20)


def made(
    wanted: Desired, *objects: Object, differences: Mapping[Pair, Difference | None] = SAME, allow: str = ""
) -> Plan:
    """Return the plan when these contents were compared."""
    return planned(wanted, live(*objects, differences=differences), *([allow] if allow else []))


LACKING: dict[Pair, Difference | None] = dict.fromkeys(SAME)
NOT_AT_HAND = "because dataset/train is new: the former rows are not at hand"


def lines_of(plan_: Plan) -> list[str]:
    """Return what a plan says below the job."""
    (row,) = [row for section in view(plan_).sections for row in section.rows if row.address == "job/a"]
    return list(row.details)


# --- what could not be compared


def test_former_rows_that_are_not_at_hand_are_told() -> None:
    """The training goes on, and the plan says that knowing the former rows might hold it, and how to know them."""
    plan_ = made(desired(NEW, A), *FILES, trained(A_OLD), differences=LACKING)
    assert told(main_action(plan_, A)) == ("create", "upstream", "changed")
    first, why, remedy, *_ = lines_of(plan_)
    assert first == NOT_AT_HAND
    assert "same-rows" in why
    assert ".ftops/cache/" in remedy
    assert '"uncompared": true' in plan_json(plan_)


def test_one_file_of_two_that_cannot_be_compared_is_told() -> None:
    """The other file with the same rows leaves the question open; with other rows it is an edit in any case."""
    wanted, before = job("a", NEW, validation=CHECK_NEW), job("a", OLD, validation=CHECK)
    for added, open_ in ((0, True), (5, False)):
        differences = {**LACKING, **compared(CHECK, CHECK_NEW, added=added)}
        plan_ = made(desired(NEW, CHECK_NEW, wanted), *FILES, trained(before), differences=differences)
        assert lines_of(plan_)[0].startswith(NOT_AT_HAND)
        assert any("same-rows" in line for line in lines_of(plan_)) == open_


def test_another_edit_leaves_no_question() -> None:
    """A training whose settings changed too is one whatever its rows are, so there is nothing to advise."""
    plan_ = made(desired(NEW, job("a", NEW, seed=7)), *FILES, trained(A_OLD), differences=LACKING)
    assert "the former rows are not at hand" in lines_of(plan_)[0]
    assert not any("same-rows" in line for line in lines_of(plan_))


# --- which pairs matter


def test_a_plan_asks_for_the_contents_of_what_is_trained_again() -> None:
    """The content that the previous version was trained with, and the one that takes its place, of both files."""
    both, before = job("a", NEW, validation=CHECK_NEW), job("a", OLD, validation=CHECK)
    wanted = desired(NEW, CHECK_NEW, both)
    assert pairs(wanted, live(*FILES, trained(before))) == {
        (OLD.marker.digest, NEW.marker.digest),
        (CHECK.marker.digest, CHECK_NEW.marker.digest),
    }
    assert pairs(desired(NEW, A), live(uploaded(OLD), trained(A_OLD, "failed"))) == SAME.keys()


@pytest.mark.parametrize(
    ("wanted", "objects"),
    [
        (desired(NEW, A), ()),
        (desired(NEW, A), (uploaded(OLD),)),
        (desired(OLD, A_OLD), (*FILES, trained(A_OLD))),
        (desired(NEW, A), (*FILES, trained(A_OLD), trained(A, "running", number=2))),
        (desired(NEW, A), (trained(A_OLD),)),
        (desired(NEW, A), (*FILES, foreign(trained(A_OLD)))),
        (desired(NEW, job("b", NEW)), (*FILES, trained(A_OLD))),
        (desired(NEW, dataset("train", "x", account=WEST)), (*FILES, trained(A_OLD))),
        (desired(OLD, job("a", OLD, seed=7)), (*FILES, trained(A_OLD))),
    ],
    ids=["nothing", "file", "settled", "running", "file-gone", "foreign", "name", "no-job", "other-field"],
)
def test_nothing_else_is_asked_for(wanted: Desired, objects: tuple[Object, ...]) -> None:
    """Nothing is compared for what is there, what is new, and what nobody can tell the former content of."""
    assert pairs(wanted, live(*objects)) == frozenset()


# --- when the same rows hold


@pytest.mark.parametrize("status", ["succeeded", "running", "pending", "paused"])
def test_the_same_rows_are_not_trained_again(status: str) -> None:
    """A previous version that came to something or still may holds, with its id and the override; nothing is sent."""
    plan = made(desired(NEW, A), *FILES, trained(A_OLD, status))
    action = main_action(plan, A)
    assert told(action) == HELD
    assert action.override == ALLOW
    assert action.reason.startswith("ftjob-00000000000000000000000000000001 ")
    assert f"with the same rows; {ONLY_WRITTEN_OTHERWISE} in dataset/train" in action.reason
    assert told(main_action(plan, NEW)) == ("keep", "open", "not-needed-yet")
    assert not plan.writes
    assert plan.outcome is Outcome.HELD


@pytest.mark.parametrize("status", ["succeeded", "running"])
def test_the_override_trains_them(status: str) -> None:
    """The word that the line names opens this guard, and the one of an earlier version that trains with it."""
    plan = made(desired(NEW, A), *FILES, trained(A_OLD, status), allow=ALLOW)
    assert told(main_action(plan, NEW)) == ("create", "open", "changed")
    assert told(main_action(plan, A)) == ("create", "upstream", "changed")
    assert plan.outcome is Outcome.WAITING


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_previous_version_that_came_to_nothing_holds_nothing(status: str) -> None:
    """Rows in another order may be the very thing to try after a failure."""
    assert told(main_action(made(desired(NEW, A), *FILES, trained(A_OLD, status)), A)) == (
        "create",
        "upstream",
        "changed",
    )


@pytest.mark.parametrize("differences", [{}, MORE], ids=["not-at-hand", "more-rows"])
def test_other_rows_are_trained(differences: Mapping[Pair, Difference]) -> None:
    """What differs, and what nobody can compare, is an edit like any other; a training that runs holds it as ever."""
    plan = made(desired(NEW, A), *FILES, trained(A_OLD), differences=differences)
    assert told(main_action(plan, A)) == ("create", "upstream", "changed")
    plan = made(desired(NEW, A), *FILES, trained(A_OLD, "running"), differences=differences)
    assert told(main_action(plan, A)) == ("create", "guard", "earlier-trains")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"hyperparameters": {"n_epochs": 3}}),
        ({"hyperparameters": {"n_epochs": 3}}, {}),
        ({}, {"seed": 7}),
        ({"seed": 7}, {}),
        ({}, {"lifecycle": {"rerun": "again"}}),
        ({"lifecycle": {"rerun": "once"}}, {"lifecycle": {"rerun": "again"}}),
        ({"lifecycle": {"rerun": "once"}}, {}),
        ({}, {"model": "gpt-4.1-2025-04-14"}),
        ({}, {"trainingType": "Standard"}),
        ({}, {"validation": CHECK}),
        ({"validation": CHECK}, {}),
    ],
    ids=str,
)
def test_any_other_change_trains(before: Mapping[str, object], after: Mapping[str, object]) -> None:
    """Whatever else was edited in the same go is trained, also what the previous version cannot show."""
    earlier, later = job("a", OLD, **before), job("a", NEW, **after)  # type: ignore[arg-type]  # a test's own table
    plan = made(desired(NEW, CHECK, later), *FILES, trained(earlier))
    assert told(main_action(plan, later)) == ("create", "upstream", "changed")


@pytest.mark.parametrize(
    "settings",
    [{"seed": 7}, {"lifecycle": {"rerun": "once"}}, {"hyperparameters": {"n_epochs": 3}}, {"suffix": "mine"}],
)
def test_settings_that_stay_do_not_train(settings: Mapping[str, object]) -> None:
    """A seed, a rerun or a hyperparameter that both versions have changes nothing; a suffix never did."""
    later = job("a", NEW, **settings)  # type: ignore[arg-type]
    earlier = job("a", OLD, **{**settings, **({"suffix": "its"} if "suffix" in settings else {})})  # type: ignore[arg-type]
    assert told(main_action(made(desired(NEW, later), *FILES, trained(earlier)), later)) == HELD


def test_an_input_that_does_not_show_is_told_beside_the_rows() -> None:
    """Next to rows that are the same, the line says that there is more to it."""
    later = job("a", NEW, lifecycle={"rerun": "again"})
    plan = made(desired(NEW, later), uploaded(OLD), uploaded(NEW), trained(A_OLD))
    action = main_action(plan, later)
    assert told(action) == ("create", "open", "changed")
    assert action.reason == "an input changed that the earlier version does not show"
    assert main_action(made(desired(NEW, A), uploaded(NEW), *FILES, trained(A_OLD), allow=ALLOW), A).reason == ""


# --- validation files


@pytest.mark.parametrize(
    ("training", "validation", "differences", "expected"),
    [
        (OLD, CHECK_NEW, compared(CHECK, CHECK_NEW), HELD),
        (OLD, CHECK_NEW, compared(CHECK, CHECK_NEW, added=1), ("create", "upstream", "changed")),
        (NEW, CHECK_NEW, SAME | compared(CHECK, CHECK_NEW), HELD),
        (NEW, CHECK_NEW, SAME | compared(CHECK, CHECK_NEW, added=1), ("create", "upstream", "changed")),
        (NEW, CHECK_NEW, MORE | compared(CHECK, CHECK_NEW), ("create", "upstream", "changed")),
        (NEW, CHECK_NEW, SAME, ("create", "upstream", "changed")),
    ],
    ids=["validation", "validation-edited", "both", "one-edited", "other-edited", "one-unknown"],
)
def test_a_validation_file_counts_like_a_training_file(
    training: Resource, validation: Resource, differences: Mapping[Pair, Difference], expected: tuple[str, str, str]
) -> None:
    """It decides metrics and the best checkpoint: held only if no file's rows have changed."""
    later = job("a", training, validation=validation)
    before = trained(job("a", OLD, validation=CHECK))
    plan = made(desired(training, validation, later), *FILES, before, differences=differences)
    assert told(main_action(plan, later)) == expected


def test_a_swap_of_two_files_is_no_rewrite() -> None:
    """Training and validation data changing places are other rows in both."""
    earlier, later = job("a", OLD, validation=CHECK), job("a", CHECK, validation=OLD)
    differences = compared(OLD, CHECK, added=3) | compared(CHECK, OLD, added=2)
    plan = made(desired(OLD, CHECK, later), *FILES, trained(earlier), differences=differences)
    assert told(main_action(plan, later))[2] == "changed"


# --- attempts, twins, other versions and names


@pytest.mark.parametrize("retries", [0, 1])
def test_an_attempt_was_a_decision(retries: int) -> None:
    """Once the new version was sent, `onFailure` decides: it is retried, or held for its failure."""
    later = job("a", NEW, lifecycle={"onFailure": {"retry": retries}} if retries else {})
    failed = trained(later, "failed", number=2, error=("internalFailure", "A fault."))
    plan = made(desired(NEW, later), *FILES, uploaded(NEW), trained(A_OLD), failed)
    expected = ("create", "open", "retried") if retries else ("create", "failed", "attempt-failed")
    assert told(main_action(plan, later)) == expected


def test_what_is_made_is_as_it_is() -> None:
    """Once the new version exists it is kept, whatever its rows were before; its twins are healed as ever."""
    there = (
        *FILES,
        uploaded(NEW),
        trained(A_OLD),
        trained(A, "pending", number=2),
        trained(A, "pending", number=3, age_s=9),
    )
    plan = made(desired(NEW, A), *there)
    assert told(main_action(plan, A)) == ("wait", "open", "in-progress")
    assert [a.why.value for a in plan.frontier] == ["twin"]


def test_only_the_previous_version_counts() -> None:
    """Rows that went and came back in another order are trained again: the version in between is the previous one."""
    between = dataset("train", "others")
    objects = (*FILES, uploaded(between), trained(A_OLD, number=1, age_s=9_000), trained(job("a", between), number=2))
    plan = made(desired(NEW, A), *objects, differences=SAME | compared(between, NEW, added=1))
    assert told(main_action(plan, A)) == ("create", "upstream", "changed")
    assert pairs(desired(NEW, A), live(*objects)) == {(between.marker.digest, NEW.marker.digest)}


def test_a_later_version_that_failed_does_not_lift_the_hold() -> None:
    """The newest version that came to something is the previous one."""
    between = dataset("train", "others")
    failed = trained(job("a", between), "failed", number=2, age_s=9)
    assert told(main_action(made(desired(NEW, A), *FILES, uploaded(between), trained(A_OLD), failed), A)) == HELD


def test_another_file_and_another_name_hold_as_well() -> None:
    """A dataset under another name, or a job that was renamed with `formerly`, changes nothing of the rows."""
    other = dataset("train-w41", "the rows of one, in another order")
    renamed = job("b", other, metadata={"formerly": ["a"]})
    plan = made(desired(OLD, other, renamed), *FILES, trained(A_OLD))
    assert told(main_action(plan, renamed)) == HELD
    assert "differs in dataset/train-w41" in main_action(plan, renamed).reason


def test_a_dataset_whose_content_is_pinned_is_held_like_any_other() -> None:
    """Pinning a content that was read before changes nothing; what was never read is not at hand, and is trained."""
    pinned = dataset("train", "the rows of one, in another order", lifecycle={"sha256": NEW.digest})
    later = job("a", pinned)
    assert told(main_action(made(desired(pinned, later), *FILES, trained(A_OLD)), later)) == HELD


def test_what_another_job_needs_is_uploaded() -> None:
    """A held job keeps its dataset only as long as nothing else is to be trained with it."""
    second = job("b", NEW, seed=3)
    plan = made(desired(NEW, A, second), *FILES, trained(A_OLD))
    assert told(main_action(plan, NEW)) == ("create", "open", "changed")
    assert (told(main_action(plan, A)), told(main_action(plan, second))[2]) == (HELD, "new")


# --- descendants


def test_a_childs_hold_is_the_one_of_its_changed_parent() -> None:
    """Under `hold` both links are held, each with its own override, and nothing is uploaded or trained."""
    child_old, child = job("b", CHECK, A_OLD), job("b", CHECK, A)
    objects = (*FILES, trained(A_OLD, number=1), trained(child_old, number=2))
    plan = made(desired(NEW, CHECK, A, child), *objects)
    assert told(main_action(plan, A)) == HELD
    assert told(main_action(plan, child)) == ("create", "guard", "parent-changed")
    assert not plan.writes
    plan = made(desired(NEW, CHECK, A, child), *objects, allow=ALLOW)
    assert told(main_action(plan, A)) == ("keep", "open", "not-needed-yet")


def test_a_child_that_follows_waits_for_what_is_held() -> None:
    """Under `retrain` the child is stuck behind its parent, and is no part of what could be approved."""
    retrain = {"onParentChange": "retrain"}
    child_old, child = job("b", CHECK, A_OLD, lifecycle=retrain), job("b", CHECK, A, lifecycle=retrain)
    plan = made(desired(NEW, CHECK, A, child), *FILES, trained(A_OLD, number=1), trained(child_old, number=2))
    assert told(main_action(plan, A)) == HELD
    action = main_action(plan, child)
    assert (told(action), action.reason, action.held) == (("create", "upstream", "inherited"), "job/a is held", True)
    assert not plan.writes


def test_a_child_whose_own_rows_were_rewritten_too() -> None:
    """A parent that changed with it is a change besides: the child is held for its parent, or follows it."""
    child_old, child = job("b", CHECK, A_OLD), job("b", CHECK_NEW, A)
    plan = made(
        desired(NEW, CHECK_NEW, A, child),
        *(*FILES, trained(A_OLD, number=1), trained(child_old, number=2)),
        differences=SAME | compared(CHECK, CHECK_NEW),
    )
    assert told(main_action(plan, child)) == ("create", "guard", "parent-changed")


@pytest.mark.parametrize("pin", [None, A_OLD.marker.digest], ids=["parent", "pinned"])
def test_a_child_whose_rows_alone_were_rewritten_is_held(pin: str | None) -> None:
    """With its parent as it was, pinned or not, only the rows have changed."""
    child_old, child = job("b", CHECK, A_OLD, at=pin), job("b", CHECK_NEW, A_OLD)
    plan = made(
        desired(OLD, CHECK_NEW, A_OLD, child),
        *(*FILES, trained(A_OLD, number=1), trained(child_old, number=2)),
        differences=compared(CHECK, CHECK_NEW),
    )
    assert told(main_action(plan, child)) == HELD
    assert told(main_action(plan, A_OLD)) == ("keep", "open", "settled")


def test_a_deployment_stays_with_what_it_serves() -> None:
    """A deployment of a held job waits for it and is held with it; nothing of it is written."""
    prod_old, prod = deployment("prod", A_OLD), deployment("prod", A)
    plan = made(desired(NEW, A, prod), *FILES, trained(A_OLD), deployed(prod_old, model_name(A_OLD)))
    assert main_action(plan, prod).held
    assert not plan.writes


def test_a_consumed_ancestor_has_nothing_to_hold() -> None:
    """A job whose descendants exist is not wanted, so that its rows were rewritten is nothing to tell."""
    child = job("b", CHECK, A_OLD, at=A_OLD.marker.digest)
    prod = deployment("prod", child)
    wanted = desired(NEW, CHECK, A, job("c", CHECK, A), child, prod)
    plan = made(wanted, *FILES, trained(A_OLD, number=1), trained(job("c", CHECK, A), number=2))
    assert told(main_action(plan, A)) == ("keep", "open", "consumed")


# --- other guards before it


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"unreadable": {("east", "job"): "503"}}, "unreadable"),
        ({"refused": {A.key: "no"}}, "refused"),
        ({"doubts": {f"create emulator:east/job/a@{A.digest}#1": NOW}}, "same-rows"),
    ],
    ids=["unreadable", "refused", "doubt"],
)
def test_what_nobody_can_know_comes_first(more: Mapping[str, object], why: str) -> None:
    """What cannot be read or was refused is told first; a create in doubt is held until a listing shows it."""
    there = live(*FILES, trained(A_OLD), differences=SAME)
    there = replace(there, **more)  # type: ignore[arg-type]
    assert told(main_action(planned(desired(NEW, A), there), A))[2] == why


# --- what is told


def priced(resource: Resource) -> Resource:
    """Return a job whose tokens cost a cent a thousand."""
    return replace(resource, facts={**resource.facts, "token_usd": 0.01 / 1_000})


def lines(plan: Plan, resource: Resource) -> tuple[str, ...]:
    """Return the further lines of a resource in a plan."""
    (section,) = view(plan).sections
    return next(row.details for row in section.rows if row.address == str(resource.address))


def test_a_plan_tells_what_differs_and_what_it_costs() -> None:
    """Rows, tokens and money stand beside the dataset that they are about, in text and for other programs."""
    job_ = priced(A)
    plan = made(desired(NEW, job_), *FILES, trained(A_OLD), differences=MORE)
    first = lines(plan, job_)[0]
    assert first == "because dataset/train is new: 20 rows added; +2,000 tokens, about +USD 0.02"
    (action,) = [a for a in json.loads(plan_json(plan))["actions"] if a["address"] == "job/a"]
    assert action["data"] == {
        "field": "training_file",
        "added": 20,
        "removed": 0,
        "changed": 0,
        "kept": 100,
        "tokens_before": 5_000,
        "tokens_after": 7_000,
        "exact": True,
        "usd": pytest.approx(0.02),
    }


def test_a_file_that_is_there_already_is_told_by_its_content() -> None:
    """A dataset that needs no upload is not called new."""
    plan = made(desired(NEW, A), *FILES, uploaded(NEW), trained(A_OLD), differences=MORE)
    told_ = f"because training_file dataset~{OLD.marker.digest} -> dataset/train: 20 rows added; +2,000 tokens"
    assert lines(plan, A)[0] == told_


def test_validation_costs_nothing() -> None:
    """Rows of a validation file are told without a price, and tokens that were counted otherwise without a number."""
    later = priced(job("a", OLD, validation=CHECK_NEW))
    before = trained(job("a", OLD, validation=CHECK))
    differences = compared(CHECK, CHECK_NEW, added=2)
    plan = made(desired(OLD, CHECK_NEW, later), *FILES, before, differences=differences)
    assert lines(plan, later)[0] == "because dataset/check is new: 2 rows added; +200 tokens"
    otherwise = {pair: replace(found, alike=False) for pair, found in MORE.items()}
    plan = made(desired(NEW, priced(A)), *FILES, trained(A_OLD), differences=otherwise)
    assert lines(plan, A)[0].endswith("20 rows added; their tokens were counted in different ways")
    assert json.loads(plan_json(plan))["actions"][1]["data"]["exact"] is False


def test_a_held_line_says_it_once() -> None:
    """The reason names the job and the dataset; the numbers are for programs."""
    plan = made(desired(NEW, A), *FILES, trained(A_OLD))
    assert len(lines(plan, A)) == 2
    (action,) = [a for a in json.loads(plan_json(plan))["actions"] if a["address"] == "job/a"]
    assert (action["why"], action["override"], action["data"]["kept"]) == ("same-rows", ALLOW, 100)


def test_another_hold_still_tells_the_rows() -> None:
    """While an earlier version trains, what would be trained next is told too."""
    plan = made(desired(NEW, A), *FILES, trained(A_OLD, "running"), differences=MORE)
    assert any("20 rows added" in line for line in lines(plan, A))


def test_differences_change_no_digest_and_no_key() -> None:
    """What was compared is told beside the plan: its keys and its id are those of a plan without it."""
    there: LiveState = live(*FILES, trained(A_OLD))
    wanted = desired(NEW, A)
    assert planned(wanted, replace(there, differences=MORE)).id == planned(wanted, there).id
    assert planned(wanted, replace(there, differences=SAME), ALLOW).id == planned(wanted, there).id


# --- the digest with other contents


@pytest.mark.parametrize(
    "settings", [{}, {"seed": 7}, {"lifecycle": {"rerun": "x"}}, {"hyperparameters": {"n_epochs": 2}}, {"model": BASE}]
)
def test_a_job_knows_its_digest_with_other_contents(settings: Mapping[str, object]) -> None:
    """With its own contents a job has its own mark, with former ones the mark that it had."""
    kind = KINDS_BY_WORD["job"]
    later = job("a", NEW, validation=CHECK_NEW, **settings)  # type: ignore[arg-type]
    earlier = job("a", OLD, validation=CHECK, **settings)  # type: ignore[arg-type]
    own = {"training_file": NEW.digest, "validation_file": CHECK_NEW.digest}
    former = {"training_file": OLD.digest, "validation_file": CHECK.digest}
    assert kind.mark_with(later, own) == later.marker.digest
    assert kind.mark_with(later, former) == earlier.marker.digest


@pytest.mark.parametrize("resource", [OLD, deployment("prod", A)], ids=lambda r: str(r.address))
def test_other_kinds_have_no_rows(resource: Resource) -> None:
    """What is not trained stays what it is, and no token of it costs."""
    kind = KINDS_BY_WORD[resource.address.kind]
    assert kind.mark_with(resource, {}) == resource.marker.digest
    assert kind.usd_of_tokens(resource, "training_file", 1_000) is None

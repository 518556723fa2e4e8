"""What closes a gate: foreign objects, unreadable listings, doubts, refusals and the approval; and the plan's id."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ftops.kinds import KINDS_BY_WORD
from ftops.model import Action, Gate, LiveState, Outcome, Plan, Verb, write_key
from ftops.reasons import Why

from .builders import (
    BASE,
    NOW,
    WEST,
    action_for,
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

TRAIN = dataset("train")
FILE = uploaded(TRAIN)
A = job("a", TRAIN)
PROD = deployment("prod", A)
ALL = desired(TRAIN, A, PROD)
BASE_MODEL = {"format": "OpenAI", "name": BASE, "version": "1"}
PLAIN = deployment("prod", BASE_MODEL)
KEY = f"create emulator:east/job/a@{A.digest}#1"


# --- foreign


@pytest.mark.parametrize("tags", [{}, {"team": "x"}, {"ftops-owner": "another-project", "ftops-digest": "0" * 64}])
def test_a_foreign_deployment_is_left_alone(tags: dict[str, str]) -> None:
    """A name that is taken holds ours, names the adopt command, and nothing is written."""
    theirs = deployed(PLAIN, BASE, marked=False, tags=tags, name="PROD", capacity=1)
    made = planned(desired(PLAIN), live(theirs))
    action = main_action(made, PLAIN)
    assert told(action) == ("create", "guard", "foreign")
    assert "ftops adopt deployment/prod PROD" in action.reason
    assert not made.frontier
    assert made.outcome is Outcome.HELD


def test_others_tags_over_our_model_make_a_deployment_foreign() -> None:
    """With readable tags and no owner among them, our model's name alone does not make a deployment ours."""
    theirs = deployed(PROD, model_name(A), marked=False, tags={"team": "x"})
    assert told(main_action(planned(ALL, live(FILE, trained(A), theirs)), PROD)) == ("create", "guard", "foreign")


def test_foreign_artifacts_are_not_used() -> None:
    """Another project's file and job of the same content are neither taken nor touched."""
    made = planned(desired(TRAIN, A), live(foreign(FILE), foreign(trained(A))))
    assert told(main_action(made, TRAIN)) == ("create", "open", "new")
    assert told(main_action(made, A)) == ("create", "upstream", "new")
    assert len(made.actions) == 2


# --- unreadable


def test_unreadable_deployments_do_not_stop_trainings() -> None:
    """Without ARM (an account with a key has none) jobs are trained all the same; only deployments are held."""
    made = planned(ALL, live(FILE, unreadable={("east", "deployment"): "403 Forbidden"}))
    assert told(main_action(made, PROD)) == ("create", "guard", "unreadable")
    assert told(main_action(made, A)) == ("create", "open", "new")
    assert made.outcome is Outcome.ERROR


def test_a_job_without_referrer_trains_without_arm() -> None:
    """A job that nothing refers to does not depend on the deployments' listing."""
    made = planned(desired(TRAIN, A), live(FILE, unreadable={("east", "deployment"): "403"}))
    assert told(main_action(made, A)) == ("create", "open", "new")


def test_unreadable_jobs_close_jobs_and_what_waits_for_them() -> None:
    """Nothing is trained that might exist; files are held back with it, a served deployment stays."""
    problem = {("east", "job"): "503 unavailable"}
    made = planned(ALL, live(unreadable=problem))
    assert told(main_action(made, A)) == ("create", "guard", "unreadable")
    assert "503 unavailable" in main_action(made, A).reason
    assert not made.frontier
    made = planned(ALL, live(FILE, deployed(PROD, model_name(A)), unreadable=problem))
    assert told(main_action(made, PROD)) == ("keep", "open", "settled")
    assert made.outcome is Outcome.ERROR


def test_unreadable_files_close_jobs_that_need_one() -> None:
    """A job that exists goes on; one to be made waits for its held file."""
    problem = {("east", "dataset"): "500"}
    made = planned(desired(TRAIN, A), live(unreadable=problem))
    assert told(main_action(made, TRAIN)) == ("create", "guard", "unreadable")
    assert told(main_action(made, A)) == ("create", "upstream", "new")
    assert not made.frontier
    made = planned(desired(TRAIN, A), live(trained(A), unreadable=problem))
    assert told(main_action(made, A)) == ("keep", "open", "settled")
    assert made.outcome is Outcome.ERROR


def test_an_unreadable_account_closes_only_its_own_gates() -> None:
    """The other account's actions go on."""
    west_data = dataset("train", account=WEST)
    west = job("w", west_data, account=WEST)
    problems = {("east", kind): "no answer" for kind in ("dataset", "job", "deployment")}
    made = planned(desired(TRAIN, west_data, A, west), live(unreadable=problems))
    assert {a.account for a in made.frontier} == {WEST}
    assert told(main_action(made, west)) == ("create", "upstream", "new")


# --- doubts and refusals


@pytest.mark.parametrize(("age_s", "doubted"), [(0, True), (119, True), (120, False), (86_400, False)])
def test_a_lost_answer_closes_the_gate_for_the_grace_period(age_s: int, doubted: bool) -> None:
    """A create whose outcome nobody knows is a short wait for 120 seconds of service time."""
    doubts = {KEY: NOW - timedelta(seconds=age_s)}
    action = main_action(planned(desired(TRAIN, A), live(FILE, doubts=doubts)), A)
    assert told(action) == (("create", "upstream", "in-doubt") if doubted else ("create", "open", "new"))
    assert action.settles is doubted


def test_a_doubt_ends_when_the_object_appears() -> None:
    """The listing decides at once, whatever the journal says."""
    made = planned(desired(TRAIN, A), live(FILE, trained(A, "pending", age_s=1), doubts={KEY: NOW}))
    assert told(main_action(made, A)) == ("wait", "open", "in-progress")


def test_a_doubt_is_about_its_key_alone() -> None:
    """A doubt about another attempt or account closes nothing."""
    doubts = {KEY.replace("#1", "#2"): NOW, KEY.replace("east", "west"): NOW}
    assert told(main_action(planned(desired(TRAIN, A), live(FILE, doubts=doubts)), A)) == ("create", "open", "new")


def test_what_waits_for_a_doubtful_object_waits() -> None:
    """A deployment of a job in doubt is not made, and the plan says that it waits."""
    made = planned(ALL, live(FILE, doubts={KEY: NOW}))
    assert told(main_action(made, PROD)) == ("create", "upstream", "new")
    assert made.outcome is Outcome.WAITING


def test_a_refused_resource_is_an_error() -> None:
    """What the service refused in this run is not sent again in it, what waits for it waits, and exit is 1."""
    refused = {(A.address, "east"): "400 invalidPayload"}
    made = planned(ALL, live(FILE, refused=refused))
    assert told(main_action(made, A)) == ("create", "failed", "refused")
    assert main_action(made, A).reason == "400 invalidPayload"
    assert told(main_action(made, PROD))[:2] == ("create", "upstream")
    assert made.outcome is Outcome.ERROR
    assert not made.frontier


def test_a_refusal_is_about_its_resource_and_account_alone() -> None:
    """The same address in another account, and another address in the same, go on."""
    refused = {(A.address, WEST): "400", (PROD.address, "east"): "400"}
    made = planned(desired(TRAIN, A), live(FILE, refused=refused))
    assert told(main_action(made, A)) == ("create", "open", "new")


def test_a_refused_deployment_does_not_stop_trainings() -> None:
    """A job goes on, although the deployment that refers to it was refused in this run."""
    made = planned(ALL, live(FILE, refused={(PROD.address, "east"): "400"}))
    assert told(main_action(made, PROD)) == ("create", "failed", "refused")
    assert made.outcome is Outcome.ERROR


# --- approval and keys


def test_only_approved_keys_are_written() -> None:
    """An extra key is held with exit 4, an approved one goes on."""
    first = planned(desired(TRAIN, A), live())
    other = job("other", TRAIN, seed=1)
    later = planned(desired(TRAIN, A, other), live(FILE), approved=first.keys)
    assert told(main_action(later, A)) == ("create", "open", "new")
    assert told(main_action(later, other)) == ("create", "guard", "not-approved")
    assert later.outcome is Outcome.HELD


def test_done_keys_are_skipped() -> None:
    """A later pass has nothing to approve when the approved things are done."""
    first = planned(desired(TRAIN, A), live())
    done = planned(desired(TRAIN, A), live(FILE, trained(A)), approved=first.keys)
    assert done.outcome is Outcome.CONVERGED


def test_an_approved_create_does_not_cover_the_next_attempt() -> None:
    """A retry is a key of its own."""
    patient = job("a", TRAIN, lifecycle={"onFailure": {"retry": 2}})
    wanted = desired(TRAIN, patient)
    first = planned(wanted, live(FILE))
    failure = trained(patient, "failed", error=("internalFailure", "x"))
    assert main_action(planned(wanted, live(FILE, failure), approved=first.keys), patient).why is Why.NOT_APPROVED


def test_undo_needs_no_approval() -> None:
    """Taking back our own create is never in the approved keys and always open."""
    old, new = trained(A, "running", 1, age_s=200), trained(A, "pending", 2, age_s=100)
    made = planned(desired(TRAIN, A), live(FILE, old, new), approved=frozenset())
    assert [a.verb for a in made.frontier] == [Verb.CANCEL]


def test_an_empty_approval_approves_nothing() -> None:
    """No key is approved by an empty set; without a set nothing has to be."""
    assert not planned(ALL, live(), approved=frozenset()).frontier
    assert planned(ALL, live(), approved=None).frontier


def test_an_upstream_action_is_part_of_the_approval() -> None:
    """One approval covers what becomes possible later."""
    first = planned(ALL, live())
    later = planned(ALL, live(FILE, trained(A)), approved=first.keys)
    assert told(main_action(later, PROD)) == ("create", "open", "new")


def test_the_plans_id_stands_for_its_keys() -> None:
    """The id is eight hex digits of the keys' digest; server ids and the order of things do not enter."""
    made = planned(ALL, live())
    assert made.id == planned(ALL, live(foreign(FILE))).id
    other_ids = planned(ALL, live(uploaded(TRAIN, key="file-x")))
    assert other_ids.id == planned(ALL, live(uploaded(TRAIN, key="file-y"))).id != made.id
    backwards = Plan(made.project, made.accounts, tuple(reversed(made.actions)))
    assert backwards.id == made.id
    assert len(made.id) == 8
    assert made.keys == {
        f"create emulator:east/dataset/train@{TRAIN.digest}#1",
        KEY,
        f"create emulator:east/deployment/prod@{PROD.digest}#1",
    }


@pytest.mark.parametrize("verb", list(Verb))
def test_a_key_names_verb_account_address_and_digest(verb: Verb) -> None:
    """Only a create's key ends in its attempt."""
    action = Action(A.address, "east", verb, Gate.OPEN, Why.NEW, digest="d" * 64, attempt=3)
    end = "#3" if verb is Verb.CREATE else ""
    assert write_key(action, "emulator:east") == f"{verb.value} emulator:east/job/a@{'d' * 64}{end}"


def test_an_update_keeps_what_the_spec_does_not_name() -> None:
    """An update sends the observed writable fields overlaid by the spec; others' tags and fields survive the PUT."""
    wanted = deployment("prod", A, capacity=80, tags={"team": "support"})
    found = deployed(
        PROD, model_name(A), tags={"cost-centre": "42", "team": "old"}, serviceTier="Priority", name="Prod"
    )
    made = planned(desired(TRAIN, A, wanted), live(FILE, trained(A), found))
    action = action_for(made, "deployment/prod")
    assert action.object is not None
    call = KINDS_BY_WORD["deployment"].update(wanted, action.object, action.resolved)
    assert (call.method, call.path) == ("PUT", "/deployments/Prod")
    assert call.body == {
        "sku": {"name": "GlobalStandard", "capacity": 80},
        "tags": {
            "cost-centre": "42",
            "team": "support",
            "ftops-owner": "support-models-7k2f",
            "ftops-digest": wanted.digest,
        },
        "properties": {
            "model": {"format": "OpenAI", "name": model_name(A), "version": "1"},
            "versionUpgradeOption": "NoAutoUpgrade",
            "raiPolicyName": "Microsoft.DefaultV2",
            "serviceTier": "Priority",
        },
    }


def test_outcomes_are_ranked() -> None:
    """An error outranks a held action, that a wait, that convergence."""
    held = trained(A, "failed", error=("x", "y"))
    broken = desired(TRAIN, A, PLAIN)
    states: dict[Outcome, LiveState] = {
        Outcome.ERROR: live(FILE, held, unreadable={("east", "deployment"): "x"}),
        Outcome.HELD: live(FILE, held),
        Outcome.WAITING: live(FILE),
        Outcome.CONVERGED: live(FILE, trained(A), deployed(PLAIN, BASE)),
    }
    assert {outcome: planned(broken, there).outcome for outcome, there in states.items()} == {o: o for o in states}

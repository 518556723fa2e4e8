"""Guards over the whole plan: deletions by policy, how many of them, under traffic, and money."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ftops.model import Action, Address, Desired, LiveState, Object, Outcome, Plan, Policy, Resource
from ftops.planner import plan
from ftops.upkeep import UNPRICED, Cost, Use

from .builders import (
    EAST,
    NOW,
    dataset,
    deployed,
    deployment,
    desired,
    foreign,
    job,
    live,
    main_action,
    model_name,
    side_actions,
    told,
    trained,
    uploaded,
)

TRAIN = dataset()
A = job("a", TRAIN)
B = job("b", TRAIN, A)
PROD = deployment("prod", A)
DONE = (uploaded(TRAIN), trained(A))
PRUNE = frozenset({"deployment"})
QUIET = Use(known_until=NOW)


def left(name: str, use: Use | None = QUIET, cost: Cost = UNPRICED, state: str = "Succeeded") -> Object:
    """Return a deployment of ours that no document declares."""
    made = deployed(deployment(name, A), model_name(A), state)
    return replace(made, use=use, cost=cost)


def made(wanted: Desired, there: LiveState, **policy: Any) -> Plan:  # noqa: ANN401  a policy's own fields
    """Return the plan under a policy."""
    return plan(wanted, there, Policy(**policy))


def orphans(made_: Plan) -> list[Action]:
    """Return the actions about deployments that no document declares."""
    return [action for action in side_actions(made_) if action.address.kind == "deployment"]


# --- prune


@pytest.mark.parametrize(
    ("wanted", "policy", "verb"),
    [
        (desired(TRAIN, A), {"prune": PRUNE}, "delete"),
        (desired(TRAIN, A), {}, "keep"),
        (desired(TRAIN, A), {"prune": PRUNE, "keep": frozenset({"deployment/old"})}, "keep"),
        (desired(TRAIN, A, whole=False), {"prune": PRUNE}, None),
        (desired(TRAIN, A), {"prune": PRUNE, "targets": frozenset({A.address})}, None),
        (desired(TRAIN, A), {"prune": PRUNE, "excludes": frozenset({A.address})}, None),
    ],
    ids=["orphans", "nothing is pruned", "kept by name", "a part of the project", "a target", "an exclusion"],
)
def test_orphans_go_only_by_policy(wanted: Desired, policy: dict[str, Any], verb: str | None) -> None:
    """Only when the whole project was read is there an orphan, and only by policy does it go."""
    found = orphans(made(wanted, live(*DONE, left("old")), **policy))
    assert [action.verb.value for action in found] == ([verb] if verb else [])


def test_keep_names_a_deployment_in_any_case() -> None:
    """Names of deployments compare without case, so what is kept is not deleted for its spelling."""
    (action,) = orphans(
        made(desired(TRAIN, A), live(*DONE, left("Old")), prune=PRUNE, keep=frozenset({"deployment/oLD"}))
    )
    assert action.verb.value == "keep"


def test_an_orphan_that_could_not_be_deleted_is_told() -> None:
    """It is there and billed as before, so the run does not end as converged, and does not send it for ever."""
    there = live(*DONE, left("old"), refused={(Address("deployment", "old"), EAST): "403: no right"})
    result = made(desired(TRAIN, A), there, prune=PRUNE)
    (action,) = orphans(result)
    assert (*told(action), action.reason) == ("delete", "failed", "refused", "403: no right")
    assert result.outcome is Outcome.ERROR


def test_what_is_foreign_or_declared_is_no_orphan() -> None:
    """Another project's deployment is not ours to delete, and a declared one is not in the way."""
    there = live(*DONE, foreign(left("theirs")), replace(deployed(PROD, model_name(A)), use=QUIET))
    assert not made(desired(TRAIN, A, PROD), there, prune=PRUNE).writes


@pytest.mark.parametrize("tags", [{}, {"ftops-owner": "support-models-7k2f"}], ids=["no tags", "half of them"])
def test_what_shows_no_digest_of_ours_is_never_deleted(tags: dict[str, str]) -> None:
    """Somebody may have deployed our model under a name of theirs: it is told, and no policy deletes it."""
    theirs = replace(deployed(deployment("theirs", A), model_name(A), marked=False, tags=tags), use=QUIET)
    (action,) = orphans(made(desired(TRAIN, A), live(*DONE, theirs), prune=PRUNE))
    assert told(action) == ("keep", "open", "orphan")
    assert action.reason == "in no document; kept, since its tags do not show that ftops made it"


@pytest.mark.parametrize(
    ("use", "gate", "reason"),
    [
        (QUIET, "open", ""),
        (Use(called_at=NOW - timedelta(days=10)), "open", ""),
        (
            Use(called_at=NOW - timedelta(days=10) + timedelta(seconds=1)),
            "guard",
            "it is in use: last called before 2026-11-13",
        ),
        (Use(unknown="403"), "guard", "whether it is called cannot be seen (calls unknown (403))"),
        (None, "guard", "whether it is called cannot be seen (its calls were not read)"),
    ],
    ids=["never called", "quiet long enough", "called", "unknown", "not read"],
)
def test_traffic_holds_a_deletion(use: Use | None, gate: str, reason: str) -> None:
    """What somebody calls, or what nobody can tell of, is not deleted without a word that names it."""
    there = live(*DONE, left("old", use))
    (action,) = orphans(made(desired(TRAIN, A), there, prune=PRUNE))
    assert (action.gate.value, action.override) == (gate, "traffic:deployment/old" if gate == "guard" else "")
    assert reason in action.reason
    (allowed,) = orphans(made(desired(TRAIN, A), there, prune=PRUNE, allow=frozenset({"traffic:deployment/old"})))
    assert allowed.gate.value == "open"


def test_more_than_max_deletes_holds_them_all() -> None:
    """The number is judged over the whole plan; above it every deletion is held, and the override names the number."""
    there = live(*DONE, *(left(f"old-{number}") for number in range(4)))
    held = orphans(made(desired(TRAIN, A), there, prune=PRUNE))
    assert [told(action) for action in held] == [("delete", "guard", "max-deletes")] * 4
    assert {action.override for action in held} == {"--max-deletes 4"}
    open_ = made(desired(TRAIN, A), there, prune=PRUNE, deletes_max=4)
    assert len(open_.frontier) == 1  # One write at a time in an account.
    assert len(open_.keys) == 4
    assert made(desired(TRAIN, A), there, prune=PRUNE).outcome is Outcome.HELD


def test_a_deletion_waits_for_a_write_in_flight() -> None:
    """A deployment that is being made is deleted after that, and one that is going is waited for."""
    (action,) = orphans(made(desired(TRAIN, A), live(*DONE, left("old", state="Creating")), prune=PRUNE))
    assert told(action) == ("delete", "upstream", "orphan")
    (action,) = orphans(made(desired(TRAIN, A), live(*DONE, left("old", state="Deleting")), prune=PRUNE))
    assert told(action) == ("wait", "open", "orphan")


# --- a part of the plan


@pytest.mark.parametrize(
    ("targets", "excludes", "writes"),
    [
        ((), (), {"dataset/train", "job/a", "job/b", "deployment/prod"}),
        (("job/a",), (), {"dataset/train", "job/a"}),
        (("deployment/prod",), (), {"dataset/train", "job/a", "deployment/prod"}),
        ((), ("job/a",), {"dataset/train"}),
        ((), ("deployment/prod",), {"dataset/train", "job/a", "job/b"}),
        (("job/b",), ("job/a",), {"dataset/train"}),
    ],
)
def test_a_target_brings_its_ancestors_and_an_exclusion_its_descendants(
    targets: tuple[str, ...], excludes: tuple[str, ...], writes: set[str]
) -> None:
    """So nothing is begun that cannot be ended."""
    wanted = desired(TRAIN, A, B, PROD)
    some = {str(r.address): r.address for r in wanted.resources}
    narrowed = made(
        wanted,
        live(),
        targets=frozenset(some[name] for name in targets),
        excludes=frozenset(some[name] for name in excludes),
    )
    assert {str(action.address) for action in narrowed.writes} == writes


def test_a_target_does_not_make_its_parent_wanted() -> None:
    """A parent whose descendant exists is consumed, whatever part of the plan is asked for."""
    there = live(trained(B, model=model_name(A)))
    narrowed = made(desired(TRAIN, A, B), there, targets=frozenset({A.address}))
    assert not narrowed.writes


# --- money


def priced(resource: Resource, **facts: float | None) -> Resource:
    """Return a resource with other facts about money."""
    return replace(resource, facts={**resource.facts, **facts})


DEAR = priced(A, training_usd=15.3, training_usd_low=11.5)
NEXT = priced(B, training_usd=20.0)
HOSTED = priced(PROD, hosting_usd_per_hour=1.7)


def test_a_plan_adds_up_what_it_costs() -> None:
    """Trainings once, hosting by the hour; what a deletion saves is taken off, and unknown makes all unknown."""
    cost = made(desired(TRAIN, DEAR, NEXT, HOSTED), live()).cost
    assert [cost.once, cost.once_low, cost.hourly] == pytest.approx([35.3, 31.5, 1.7])
    there = live(*DONE, left("old", cost=Cost(hourly=1.7)))
    assert made(desired(TRAIN, DEAR), there, prune=PRUNE).cost.hourly == -1.7
    assert made(desired(TRAIN, priced(A, training_usd=None)), live()).cost.once is None


@pytest.mark.parametrize(
    ("policy", "held"),
    [
        ({"training_usd_max": 35.3}, []),
        ({"training_usd_max": 35.29}, ["job/b"]),
        ({"training_usd_max": 15.0}, ["job/a", "job/b"]),
        ({"apply_usd_max": 20.0}, ["job/b"]),
        ({"hosting_usd_max": 1241.0}, []),
        ({"hosting_usd_max": 1240.0}, ["deployment/prod"]),
    ],
    ids=["exactly", "a cent more", "the first already", "of one apply", "hosting exactly", "hosting"],
)
def test_a_budget_holds_what_would_exceed_it(policy: dict[str, float], held: list[str]) -> None:
    """In the plan's order, as long as the budget lasts; what waits for something held is held too."""
    result = made(desired(TRAIN, DEAR, NEXT, HOSTED), live(), **policy)
    assert [str(a.address) for a in result.actions if a.why.value == "budget"] == held
    assert result.outcome is (Outcome.HELD if held else Outcome.WAITING)


def test_what_was_trained_within_thirty_days_counts() -> None:
    """As billed, else as its document estimates; older trainings and cancelled ones do not."""
    billed = replace(trained(DEAR), cost=Cost(once=30.0))
    for there, room in (
        (billed, 50.0),
        (replace(billed, cost=UNPRICED), 35.3),
        (replace(billed, created_at=NOW - timedelta(days=30)), 20.0),
        (foreign(replace(billed, id="ftjob-x")), 35.3),
    ):
        for limit, held in ((room, 0), (room - 0.01, 1)):
            wanted = desired(TRAIN, DEAR, NEXT)
            result = made(wanted, live(uploaded(TRAIN), there), training_usd_max=limit)
            assert sum(a.why.value == "budget" for a in result.actions) == held


def test_live_hosting_counts() -> None:
    """What is hosted already is part of the month."""
    there = live(*DONE, left("old", cost=Cost(hourly=1.7)))
    result = made(desired(TRAIN, DEAR, HOSTED), there, hosting_usd_max=2000.0)
    assert told(main_action(result, HOSTED)) == ("create", "guard", "budget")
    assert "hosting a month would come to USD 2,482 of USD 2,000" in (main_action(result, HOSTED).reason)


def test_an_update_that_begins_to_cost_counts() -> None:
    """A deployment that leaves a tier without a price is hosted from then on, and the budget holds it."""
    there = live(*DONE, replace(deployed(PROD, model_name(A), sku="DeveloperTier"), cost=Cost(hourly=0.0), use=QUIET))
    result = made(desired(TRAIN, DEAR, HOSTED), there, hosting_usd_max=1240.0)
    assert told(main_action(result, HOSTED)) == ("update", "guard", "budget")
    result = made(desired(TRAIN, DEAR, HOSTED), there, hosting_usd_max=1241.0)
    assert (told(main_action(result, HOSTED)), result.cost.hourly) == (("update", "open", "drifted"), 1.7)
    unpriced = desired(TRAIN, DEAR, priced(PROD, hosting_usd_per_hour=None))
    assert told(main_action(made(unpriced, there, hosting_usd_max=9999.0), PROD)) == ("update", "guard", "unknown-cost")
    known = replace(deployed(PROD, model_name(A), capacity=9), cost=Cost(hourly=1.7), use=QUIET)
    assert made(desired(TRAIN, DEAR, HOSTED), live(*DONE, known), hosting_usd_max=0.0).frontier


@pytest.mark.parametrize("limit", ["training_usd_max", "apply_usd_max"])
def test_an_unknown_price_closes_where_there_is_a_budget(limit: str) -> None:
    """Unknown is not free; without a budget it is only told, and a word of the user opens it."""
    wanted = desired(TRAIN, priced(A, training_usd=None))
    result = made(wanted, live(), **{limit: 1000.0})
    action = main_action(result, A)
    assert (*told(action), action.override) == ("create", "guard", "unknown-cost", "unknown-cost:job/a")
    assert made(wanted, live(), **{limit: 1000.0}, allow=frozenset({"unknown-cost:job/a"})).frontier
    assert main_action(made(wanted, live()), A).gate.value == "upstream"
    assert main_action(made(wanted, live(), hosting_usd_max=1.0), A).gate.value == "upstream"


def test_an_unknown_hosting_price_closes_where_there_is_a_budget() -> None:
    """The same for what is billed by the hour."""
    wanted = desired(TRAIN, DEAR, priced(PROD, hosting_usd_per_hour=None))
    result = made(wanted, live(*DONE), hosting_usd_max=5000.0)
    assert told(main_action(result, PROD)) == ("create", "guard", "unknown-cost")
    assert Address("deployment", "prod") == PROD.address

"""What holds of every plan, whatever is declared and whatever is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.difference import Difference
from ftops.model import Desired, Gate, LiveState, Object, Resource, Verb
from ftops.reasons import Why

from .builders import (
    OWNER,
    WEST,
    dataset,
    deployed,
    deployment,
    desired,
    foreign,
    job,
    live,
    model_name,
    planned,
    trained,
    uploaded,
)

T1, T2, W1 = dataset("one"), dataset("two", "two"), dataset("one", account=WEST)
EPOCHS: tuple[dict[str, int], ...] = ({}, {"n_epochs": 2})
ECHOES: list[dict[str, str | None]] = [{}, {}, {}, {"trainingType": "standard"}, {"suffix": None}, {"suffix": "x"}]
VARIANTS = [
    job("a", data, hyperparameters=hyper, seed=seed, lifecycle={"onFailure": {"retry": 2}})
    for data in (T1, T2)
    for hyper in EPOCHS
    for seed in (None, 7)
]
OVERRIDES = ("retrain:job/a", "retrain:job/b", "cancel:job/a", "create:dataset/one")


@st.composite
def projects(draw: st.DrawFn) -> Desired:
    """Return a project with a chain, a job in a second account and two deployments, each in some version."""
    first = draw(st.sampled_from(VARIANTS))
    on_change = draw(st.sampled_from(["hold", "retrain"]))
    second = job("b", T1, first, seed=draw(st.sampled_from([None, 3])), lifecycle={"onParentChange": on_change})
    west = job("w", W1, account=WEST)
    bindings = [deployment("prod", second, capacity=draw(st.sampled_from([1, 2]))), deployment("test", first)]
    chosen = [first, second, west, *bindings] if draw(st.booleans()) else [first, west, bindings[1]]
    return desired(T1, T2, W1, *chosen, whole=draw(st.booleans()))


STATES = st.sampled_from(["pending", "running", "paused", "succeeded", "failed", "cancelled"])


@st.composite
def worlds(draw: st.DrawFn, project: Desired) -> list[Object]:
    """Return objects near the project: its own, earlier versions, twins, failures and other people's."""
    jobs = [*VARIANTS[:4], *(r for r in project.resources if r.address.kind == "job")]
    objects: list[Object] = []
    for number in range(draw(st.integers(0, 6))):
        it = draw(st.sampled_from(jobs))
        error = draw(st.sampled_from([("internalFailure", f"cause {number}"), ("bad", "data")]))
        echo: dict[str, str | None] = draw(st.sampled_from(ECHOES))
        age_s = draw(st.integers(1, 4)) * 1_000
        made = trained(it, draw(STATES), number, age_s=age_s, took_s=500, error=error, **echo)
        objects.append(foreign(made) if made.marker and draw(st.integers(0, 4)) == 0 else made)
    for number in range(draw(st.integers(0, 4))):
        data = draw(st.sampled_from([T1, T2, W1]))
        file = uploaded(data, draw(st.sampled_from(["processed", "pending", "error"])), key=f"file-{number}")
        objects.append(foreign(file) if draw(st.integers(0, 4)) == 0 else file)
    for it in project.resources:
        if it.address.kind == "deployment" and draw(st.booleans()):
            served = model_name(draw(st.sampled_from(VARIANTS)), 1)
            state = draw(st.sampled_from(["Succeeded", "Updating", "Failed"]))
            objects.append(deployed(it, served, state, marked=draw(st.booleans()), tags={"x": "y"}))
    return objects


@st.composite
def cases(draw: st.DrawFn) -> tuple[Desired, list[Object], list[Object], tuple[str, ...]]:
    """Return a project, its objects in two orders, and some overrides."""
    project = draw(projects())
    objects = draw(worlds(project))
    allow = tuple(word for word in OVERRIDES if draw(st.booleans()))
    return project, objects, draw(st.permutations(objects)), allow


@given(cases())
def test_a_plan_does_not_depend_on_the_order_of_objects(
    case: tuple[Desired, list[Object], list[Object], tuple[str, ...]],
) -> None:
    """Listings come in any order; the plan is the same, to the last word."""
    project, objects, shuffled, allow = case
    assert planned(project, live(*shuffled), *allow) == planned(project, live(*objects), *allow)


@given(cases())
def test_a_plans_id_does_not_depend_on_the_order_of_objects(
    case: tuple[Desired, list[Object], list[Object], tuple[str, ...]],
) -> None:
    """What is approved does not depend on the order in which things were listed."""
    project, objects, shuffled, allow = case
    assert planned(project, live(*shuffled), *allow).keys == planned(project, live(*objects), *allow).keys


@given(cases())
def test_equal_values_give_equal_plans(case: tuple[Desired, list[Object], list[Object], tuple[str, ...]]) -> None:
    """The planner keeps nothing between two calls and changes nothing that it is given."""
    project, objects, _, allow = case
    there = live(*objects)
    before = repr((project, there))
    assert planned(project, there, *allow) == planned(project, there, *allow)
    assert repr((project, there)) == before


@given(cases())
def test_a_plan_never_writes_to_a_foreign_object(
    case: tuple[Desired, list[Object], list[Object], tuple[str, ...]],
) -> None:
    """Whatever another owner marked is the object of no write, held ones included."""
    project, objects, _, allow = case
    for action in planned(project, live(*objects), *allow).actions:
        if action.writes and action.object is not None:
            marker = action.object.marker
            assert marker is None or marker.owner == OWNER


@given(cases())
def test_each_thing_is_created_once(case: tuple[Desired, list[Object], list[Object], tuple[str, ...]]) -> None:
    """No key is created twice in one plan, and nothing of which a live object is right is created at all."""
    project, objects, _, allow = case
    made = planned(project, live(*objects), *allow)
    creates = Counter(made.key(a) for a in made.actions if a.verb is Verb.CREATE)
    assert all(times == 1 for times in creates.values())
    alive = {(o.account, o.marker.digest) for o in objects if o.marker and o.marker.owner == OWNER and o.phase.alive}
    for action in made.frontier:
        if action.verb is Verb.CREATE and action.resource is not None and action.resource.address.kind == "job":
            assert (action.account, action.resource.marker.digest) not in alive


@given(cases())
def test_every_resource_has_one_line(case: tuple[Desired, list[Object], list[Object], tuple[str, ...]]) -> None:
    """Each declared resource has exactly one action of its own, in the order of references."""
    project, objects, _, allow = case
    made = planned(project, live(*objects), *allow)
    assert [a.resource.key for a in made.actions if a.resource] == [r.key for r in project.resources]


@given(cases())
def test_what_is_open_is_known(case: tuple[Desired, list[Object], list[Object], tuple[str, ...]]) -> None:
    """An open create or update has a value for each of its references; one that waits for an address names it."""
    project, objects, _, allow = case
    for action in planned(project, live(*objects), *allow).actions:
        if action.gate is Gate.OPEN and action.verb in {Verb.CREATE, Verb.UPDATE}:
            assert action.resource is not None
            assert set(action.resolved) == {n for n, v in action.resource.fields.items() if not _plain(v)}
        if action.after:
            assert action.gate is not Gate.OPEN


@given(cases())
def test_an_approved_plan_does_nothing_else(
    case: tuple[Desired, list[Object], list[Object], tuple[str, ...]],
) -> None:
    """Under the approval of one moment, a plan of any other moment writes approved keys and undoes, nothing more."""
    project, objects, shuffled, allow = case
    approved = planned(project, live(*objects), *allow).keys
    later = planned(project, live(*shuffled[: len(shuffled) // 2]), *allow, approved=approved)
    assert all(a.undo or later.key(a) in approved for a in later.frontier)


@given(cases())
def test_a_held_line_says_why(case: tuple[Desired, list[Object], list[Object], tuple[str, ...]]) -> None:
    """Every held action has a reason in words."""
    project, objects, _, allow = case
    assert all(a.reason for a in planned(project, live(*objects), *allow).actions if a.held)


@given(cases())
def test_arm_writes_are_one_an_account(case: tuple[Desired, list[Object], list[Object], tuple[str, ...]]) -> None:
    """At most one deployment is written at a time in an account."""
    project, objects, _, allow = case
    open_writes = Counter(
        a.account for a in planned(project, live(*objects), *allow).frontier if _on_arm(a.address.kind)
    )
    assert all(times == 1 for times in open_writes.values())


@given(cases(), st.lists(st.booleans(), min_size=2, max_size=2))
def test_comparing_contents_only_ever_holds(
    case: tuple[Desired, list[Object], list[Object], tuple[str, ...]], same: list[bool]
) -> None:
    """Whoever can compare the contents writes nothing that another would not write, and all of it if it is allowed."""
    project, objects, _, allow = case
    differences = {
        (old.marker.digest, new.marker.digest): Difference(
            old.digest, new.digest, int(not each), 0, 0, 9, 1, 1, exact=True
        )
        for (old, new), each in zip(((T1, T2), (T2, T1)), same, strict=True)
    }
    known, unknown = live(*objects, differences=differences), live(*objects)
    assert planned(project, known, *allow).keys <= planned(project, unknown, *allow).keys
    assert planned(project, known, *OVERRIDES).keys == planned(project, unknown, *OVERRIDES).keys
    held = {action.why: action for action in planned(project, known, *allow).actions}.get(Why.SAME_ROWS)
    assert held is None or (any(same) and held.override.startswith("retrain:"))


def _on_arm(kind: str) -> bool:
    return kind == "deployment"


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


@pytest.mark.parametrize("resource", [T1, VARIANTS[0], deployment("prod", VARIANTS[0])], ids=lambda r: str(r.address))
def test_values_are_frozen(resource: Resource) -> None:
    """Nothing is mutated after it is built; a changed copy is another value."""
    with pytest.raises(AttributeError):
        resource.digest = "x"  # type: ignore[misc]
    assert replace(resource, digest="x") != resource
    assert isinstance(live(), LiveState)

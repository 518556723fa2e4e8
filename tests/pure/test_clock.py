"""The idle rule to the second, and what a plan says of it (semantics §4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ftops.errors import ConnectionLost
from ftops.kinds.deployment_clock import SUCCESS
from ftops.model import Action, Object, Outcome, Plan, Resource, Verb
from ftops.rules import load_rules
from ftops.upkeep import Cost, IdlePolicy, OnGone, OnIdle, Use

from .builders import (
    NOW,
    dataset,
    deployed,
    deployment,
    desired,
    document,
    job,
    main_action,
    model_name,
    planned,
    told,
    trained,
)
from .builders import uploaded as file_of
from .clock_bodies import KIND, NO_RIGHT, UNKNOWN_METRIC, created, event, metric, seen

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LAG = timedelta(seconds=load_rules().limits.idle.metrics_lag_s)
TRAIN = dataset()
A = job("a", TRAIN)
PROD = deployment("prod", A)
DEV = deployment("dev", A, sku="DeveloperTier")


def one(resource: Resource, at: datetime) -> Object:
    """Return the deployment as it was made at a moment."""
    return created(deployed(resource, model_name(A)), at)


def use_of(found: Object, answers: Mapping[str, object], now: datetime = NOW) -> Use:
    """Return what is known of a deployment's use."""
    (deployment_,) = seen([found], [], answers, now).objects
    assert deployment_.use is not None
    return deployment_.use


def with_idle(resource: Resource, **changes: object) -> Resource:
    """Return a deployment with another wish about idleness."""
    life = resource.lifecycle
    assert life.idle is not None
    return replace(resource, lifecycle=replace(life, idle=replace(life.idle, **changes)))  # type: ignore[arg-type]


# --- when the service deletes


@pytest.mark.parametrize(
    ("served", "deleted_after"),
    [
        ([], NOW),
        ([NOW - 10 * DAY], NOW + 5 * DAY + HOUR),
        ([NOW - 20 * DAY, NOW - 12 * DAY, NOW - 13 * DAY], NOW + 3 * DAY + HOUR),
        ([NOW - 16 * DAY], NOW),
    ],
    ids=["never called", "called", "the last call counts", "a call of a former life"],
)
def test_the_later_of_creation_and_last_call_counts(served: Sequence[datetime], deleted_after: datetime) -> None:
    """The service deletes 15 days after the later of creation and the end of the time of the last good call."""
    calls = metric({"PROD": served}) if served else metric({})
    use = use_of(one(PROD, NOW - 15 * DAY), {"any": calls, "served": calls})
    assert use.deleted_after == deleted_after


def test_a_call_to_another_deployment_changes_nothing() -> None:
    """Each deployment has its own clock."""
    calls = metric({"other": [NOW - HOUR]})
    assert use_of(one(PROD, NOW - 15 * DAY), {"any": calls, "served": calls}).deleted_after == NOW


def test_a_failed_call_does_not_reset_the_service() -> None:
    """Only successful calls count for the service, any request counts as traffic for us."""
    use = use_of(one(PROD, NOW - 15 * DAY), {"any": metric({"prod": [NOW - 2 * HOUR]})})
    assert (use.called_at, use.served_at, use.deleted_after) == (NOW - HOUR, None, NOW)


def test_either_family_of_metrics_tells() -> None:
    """An account counts in one of two metrics; one that it does not know is refused and says nothing."""
    calls = metric({"prod": [NOW - 2 * DAY]})
    told_by_new = {"any:AzureOpenAIRequests": UNKNOWN_METRIC, "served:AzureOpenAIRequests": UNKNOWN_METRIC}
    use = use_of(one(PROD, NOW - 5 * DAY), {**told_by_new, "any": calls, "served": calls})
    assert (use.called_at, use.unknown, use.counted_in) == (NOW - 2 * DAY + HOUR, "", "ModelRequests")


@pytest.mark.parametrize(
    ("answers", "unknown"),
    [
        ({"any": NO_RIGHT}, "403 AuthorizationFailed: no right to read this"),
        ({"served": NO_RIGHT}, "403 AuthorizationFailed: no right to read this"),
        ({"any:ModelRequests": ConnectionLost("no answer")}, "no answer"),
        ({"any": [{"errorCode": "Throttled", "timeseries": []}]}, "could not be read: Throttled"),
        ({"any:ModelRequests": []}, "the answer holds no metric"),
        ({"any": UNKNOWN_METRIC}, "the account knows no metric of requests"),
        ({"any": [{"timeseries": [{"data": [{"timeStamp": "soon"}]}]}]}, "another shape"),
    ],
    ids=[
        "no right",
        "half a right",
        "a lost answer",
        "a failure told with 200",
        "an empty answer",
        "no metric",
        "another shape",
    ],
)
def test_what_cannot_be_read_is_unknown(answers: Mapping[str, object], unknown: str) -> None:
    """Without a whole answer nobody knows, and no date is invented."""
    use = use_of(one(PROD, NOW - 20 * DAY), answers)
    assert unknown in use.unknown
    assert (use.called_at, use.served_at, use.deleted_after) == (None, None, None)


def test_developer_tier_lives_a_day_whatever_happens() -> None:
    """Calls do not help it, and the date is known without metrics."""
    calls = metric({"dev": [NOW - HOUR]})
    made_at = NOW - 5 * HOUR
    for answers in ({"any": calls, "served": calls}, {"any": NO_RIGHT}):
        use = use_of(one(DEV, made_at), answers)
        assert (use.deleted_after, use.fixed) == (made_at + 24 * HOUR, True)


def test_a_base_model_is_never_deleted() -> None:
    """The rule is about fine-tuned models."""
    base = deployment("base", {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"})
    assert use_of(created(deployed(base, "gpt-4.1-mini"), NOW - 50 * DAY), {}).deleted_after is None
    assert base.lifecycle.idle is None


def test_the_minute_is_asked_for_once_the_day_is_over() -> None:
    """A last call is known by hours; when its date matters, its minute is read and decides."""
    calls = metric({"prod": [NOW - 12 * DAY]})
    (found,) = seen([one(PROD, NOW - 14 * DAY)], [], {"any": calls, "served": calls}).objects
    call = KIND.reads(found, NOW)
    assert call is not None
    assert call.query["interval"] == "PT1M"
    assert call.query["timespan"] == "2026-11-11T12:00:00Z/2026-11-11T13:00:00Z"
    assert call.query["$filter"] == f"ModelDeploymentName eq 'prod' and {SUCCESS}"
    more = KIND.observe_more(found, {"value": metric({"prod": [NOW - 12 * DAY + 7 * MINUTE]})}, load_rules())
    assert more.use is not None
    assert more.use.deleted_after == NOW + 3 * DAY + 8 * MINUTE
    assert more.use.called_at == NOW - 12 * DAY + HOUR  # A refused call may have come later in that hour.
    assert KIND.observe_more(found, {"value": []}, load_rules()) == found
    young = metric({"prod": [NOW - 2 * HOUR]})
    (found,) = seen([one(PROD, NOW - 14 * DAY)], [], {"any": young, "served": young}).objects
    assert KIND.reads(found, NOW) is None


# --- what a plan says of a live one


def idle_plan(
    resource: Resource, made_at: datetime, answers: Mapping[str, object], now: datetime = NOW
) -> tuple[Plan, Action]:
    """Return the plan of a converged project whose deployment was made at a moment, and the deployment's action."""
    there = seen([replace(one(resource, made_at), cost=Cost(hourly=1.7))], [], answers, now)
    there = replace(there, objects=(*there.objects, file_of(TRAIN), trained(A)))
    made = planned(desired(TRAIN, A, resource), there)
    return made, main_action(made, resource)


@pytest.mark.parametrize(
    ("quiet", "why", "reason"),
    [
        (10 * DAY - SECOND, "settled", ""),
        (
            10 * DAY,
            "idle",
            "idle 10 days; the service deletes it after {deleted} unless it is called; USD 408 so far",
        ),
        (
            15 * DAY,
            "idle",
            "idle 15 days; the service may delete it at any moment, since {deleted}; USD 612 so far",
        ),
    ],
    ids=["one second before our patience ends", "our patience", "the service's limit"],
)
def test_an_idle_deployment_is_told(quiet: timedelta, why: str, reason: str) -> None:
    """From `afterDays` on a plan tells how long nobody called, when it goes and what it has cost; that is no exit 4."""
    made_at = NOW - LAG - quiet
    made, action = idle_plan(PROD, made_at, {})
    assert told(action) == ("keep", "open", why)
    assert action.reason == reason.format(deleted=f"{made_at + 15 * DAY:%Y-%m-%d %H:%M} UTC")
    assert made.outcome is Outcome.CONVERGED


@pytest.mark.parametrize(
    ("made_at", "answers", "why"),
    [
        (NOW - 30 * DAY, {"any": NO_RIGHT, "served": NO_RIGHT}, "settled"),
        (NOW - 30 * DAY, {"any": metric({"prod": [NOW - DAY]}), "served": metric({"prod": [NOW - DAY]})}, "settled"),
        (NOW - 30 * DAY, {"any": metric({"prod": [NOW - DAY]})}, "idle"),
        (NOW - 5 * DAY, {}, "settled"),
        (NOW - 30 * DAY, {"any": metric({"other": [NOW]}), "served": metric({"other": [NOW]})}, "idle"),
    ],
    ids=["no right", "called", "only failed calls", "younger than the window", "calls to another"],
)
def test_who_is_told_to_be_idle(made_at: datetime, answers: Mapping[str, object], why: str) -> None:
    """Unknown only leaves a word about the account; failed calls do not keep it from the service."""
    made, action = idle_plan(PROD, made_at, answers)
    assert action.why.value == why
    assert bool(made.unseen) == (answers.get("any") is NO_RIGHT)


@pytest.mark.parametrize(
    ("quiet", "answers", "verb"),
    [
        (10 * DAY - SECOND, {}, "keep"),
        (10 * DAY, {}, "delete"),
        (30 * DAY, {"any": metric({"prod": [NOW - DAY]})}, "keep"),
        (30 * DAY, {"any": NO_RIGHT}, "keep"),
        (30 * DAY, {"served": NO_RIGHT}, "keep"),
    ],
    ids=["too early", "on the day", "any request is use", "unknown", "half unknown"],
)
def test_retiring(quiet: timedelta, answers: Mapping[str, object], verb: str) -> None:
    """Under `onIdle: retire` it is deleted once its patience is over, by any request, and never on what is unknown."""
    resource = with_idle(PROD, on_idle=OnIdle.RETIRE)
    made, action = idle_plan(resource, NOW - LAG - quiet, answers)
    assert action.verb.value == verb
    if action.verb is Verb.DELETE:
        assert action.summary.startswith("retire: idle 10 days")
        assert made.keys == {f"delete emulator:east/deployment/prod@{PROD.digest}"}


def test_what_is_protected_is_not_retired() -> None:
    """`preventDestroy` is a standing choice: the plan says so, and it is no exit 4."""
    resource = with_idle(PROD, on_idle=OnIdle.RETIRE)
    resource = replace(resource, lifecycle=replace(resource.lifecycle, protected=True))
    made, action = idle_plan(resource, NOW - 12 * DAY, {})
    assert told(action) == ("keep", "open", "idle")
    assert "preventDestroy" in action.reason
    assert made.outcome is Outcome.CONVERGED


def test_developer_tier_is_never_idle() -> None:
    """It goes by itself."""
    _, action = idle_plan(with_idle(DEV, on_idle=OnIdle.RETIRE), NOW - 23 * HOUR, {})
    assert told(action) == ("keep", "open", "settled")


# --- what a plan says of one that is not there


def absent_plan(
    resource: Resource, answers: Mapping[str, object], *, model_age: timedelta = 40 * DAY, **more: object
) -> tuple[Plan, Action]:
    """Return the plan of a project whose model is there and whose deployment is not."""
    there = seen([], [resource.address.name], answers)
    objects = (file_of(TRAIN), trained(A, age_s=int(model_age.total_seconds()), took_s=0))
    made = planned(desired(TRAIN, A, resource), replace(there, objects=objects, **more))  # type: ignore[arg-type]
    return made, main_action(made, resource)


LOG = f"log:{PROD.address.name}"
GONE = {LOG: [event("write", NOW - 40 * DAY)]}
BLIND = {"past": NO_RIGHT, "log:": NO_RIGHT}


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (GONE, "deleted by the service's idle rule 15 days after it was made on 2026-10-14 12:00 UTC"),
        (
            {LOG: [event("write", NOW - 15 * DAY - SECOND)]},
            "deleted by the service's idle rule 15 days after it was made on 2026-11-08 11:59 UTC",
        ),
        ({LOG: [event("write", NOW - 15 * DAY)]}, "neither the log nor the idle rule says why"),
        (
            {LOG: [event("write", NOW - 60 * DAY)], "past": metric({"prod": [NOW - 30 * DAY]})},
            "idle rule after 15 days without a call (the last one before 2026-10-24 13:00 UTC",
        ),
        (
            {"past": metric({"prod": [NOW - 60 * DAY]})},
            "idle rule after 15 days without a call (the last one before 2026-09-24 13:00 UTC",
        ),
        (
            {LOG: [event("write", NOW - 9 * DAY), event("delete", NOW - DAY, caller="bob@example.com")]},
            "deleted by bob@example.com on 2026-11-22 12:00 UTC",
        ),
        (
            {LOG: [event("delete", NOW - DAY, status="Failed"), event("write", NOW - 2 * DAY)]},
            "neither the log nor the idle rule says why",
        ),
        (
            {
                LOG: [event("delete", NOW - DAY, status=s) for s in ("Failed", "Started")]
                + [event("write", NOW - 2 * DAY)]
            },
            "neither the log nor the idle rule says why",
        ),
        ({"past": NO_RIGHT, LOG: [event("delete", NOW - DAY, caller="")]}, "deleted by somebody on 2026-11-22"),
    ],
    ids=[
        "never called",
        "a second over the limit",
        "at the limit",
        "called long ago",
        "metrics alone show it",
        "somebody deleted it",
        "a deletion that failed",
        "a deletion that was begun and failed",
        "the log alone shows it",
    ],
)
def test_what_existed_is_gone_and_held(answers: Mapping[str, object], reason: str) -> None:
    """Gone is held with what ended it, and never billed again by itself: exit 4."""
    made, action = absent_plan(PROD, answers)
    assert told(action) == ("create", "guard", "gone")
    assert reason in action.reason
    assert action.override == "create:deployment/prod"
    assert made.outcome is Outcome.HELD
    assert not made.frontier


@pytest.mark.parametrize(
    ("answers", "model_age", "why"),
    [
        ({}, 400 * DAY, "new"),
        (BLIND, 10 * DAY, "new"),
        (BLIND, 10 * DAY + SECOND, "gone"),
        ({"log:": NO_RIGHT}, 10 * DAY, "new"),
        ({"log:": NO_RIGHT}, 10 * DAY + SECOND, "gone"),
        ({"past": NO_RIGHT}, 10 * DAY + SECOND, "gone"),
    ],
    ids=[
        "both read, both empty",
        "blind, a model as old as our patience",
        "blind, a model a second older",
        "log unreadable, young model",
        "log unreadable, old model",
        "metrics unreadable, old model",
    ],
)
def test_an_absence_without_evidence(answers: Mapping[str, object], model_age: timedelta, why: str) -> None:
    """With both readable and empty it is new; otherwise its model's age against the smaller patience decides."""
    _, action = absent_plan(PROD, answers, model_age=model_age)
    assert action.why.value == why


def test_a_model_whose_age_nobody_tells_may_be_old() -> None:
    """Without evidence, a model by its name, or one whose record was deleted, is not billed again by itself."""
    literal = deployment("prod", {"format": "OpenAI", "name": model_name(A), "version": "1"})
    record = trained(A, age_s=600)
    lost = replace(record, created_at=None, finished_at=None)
    for resource, there, why in (
        (literal, [], "gone"),
        (literal, [record], "new"),
        (literal, [lost], "gone"),
        (PROD, [], "new"),
        (PROD, [record], "new"),
        (PROD, [lost], "gone"),
    ):
        blind = replace(seen([], ["prod"], BLIND), objects=(file_of(TRAIN), *there))
        assert main_action(planned(desired(TRAIN, A, resource), blind), resource).why.value == why


def test_developer_tier_is_gone_after_a_day() -> None:
    """For it the smaller patience is the day it lives, and it is never made again by itself."""
    log = f"log:{DEV.address.name}"
    for age, why in ((24 * HOUR, "new"), (24 * HOUR + SECOND, "gone")):
        _, action = absent_plan(DEV, BLIND, model_age=age)
        assert action.why.value == why
    for wish in OnGone:
        answers = {log: [event("write", NOW - 2 * DAY)], "past": metric({"dev": [NOW - 2 * DAY]})}
        _, action = absent_plan(with_idle(DEV, on_gone=wish), answers)
        assert told(action) == ("create", "guard", "gone")
        assert "deleted by the service 24 hours after it was made" in action.reason


@pytest.mark.parametrize(
    ("calls", "why"),
    [([NOW - 29 * DAY], "new"), ([NOW - 50 * DAY], "gone"), ([], "gone")],
    ids=["used", "before", "never"],
)
def test_recreating_what_was_used(calls: Sequence[datetime], why: str) -> None:
    """`onGone: recreate` makes again what had a call in its last life, else it names what the next idle life costs."""
    answers = {LOG: [event("write", NOW - 40 * DAY)], "past": metric({"prod": calls}) if calls else metric({})}
    resource = with_idle(PROD, on_gone=OnGone.RECREATE)
    resource = replace(resource, facts={**resource.facts, "hosting_usd_per_hour": 1.7})
    _, action = absent_plan(resource, answers)
    assert action.why.value == why
    if why == "gone":
        assert "nobody called it in its last life, and 15 more idle days would cost USD 612" in action.reason


def test_a_life_begins_with_the_first_write_after_a_deletion() -> None:
    """Updates are writes too, and calls of a former life do not count for the last one."""
    log = [
        event("write", NOW - 80 * DAY),
        event("delete", NOW - 60 * DAY),
        event("write", NOW - 40 * DAY),
        event("write", NOW - 30 * DAY),
    ]
    resource = with_idle(PROD, on_gone=OnGone.RECREATE)
    _, action = absent_plan(resource, {LOG: log, "past": metric({"prod": [NOW - 70 * DAY]})})
    assert action.why.value == "gone"
    _, action = absent_plan(resource, {LOG: log, "past": metric({"prod": [NOW - 39 * DAY]})})
    assert action.why.value == "new"


def test_a_write_that_failed_began_no_life() -> None:
    """A deployment that the service refused, for want of quota, never was there: it is new, not gone."""
    log = [event("write", NOW - HOUR, status=status) for status in ("Failed", "Started")]
    _, action = absent_plan(PROD, {LOG: log})
    assert action.why.value == "new"
    _, action = absent_plan(PROD, {LOG: [*log, event("write", NOW - 9 * DAY)]})
    assert action.why.value == "gone"
    unfinished = [event("write", NOW - 9 * DAY, status=status) for status in ("Started", "Accepted")]
    _, action = absent_plan(PROD, {LOG: [*log, *unfinished]})
    assert action.why.value == "gone"


def test_calls_earlier_on_the_day_of_the_last_life_are_not_its_own() -> None:
    """Calls of the former life on the day on which the last one began do not have it billed again."""
    began = NOW.replace(hour=10) - 30 * DAY
    log = [event("write", began - 9 * DAY), event("delete", began - HOUR), event("write", began)]
    resource = with_idle(PROD, on_gone=OnGone.RECREATE)
    _, action = absent_plan(resource, {LOG: log, "past": metric({"prod": [began - 2 * HOUR]})})
    assert action.why.value == "gone"


def test_a_life_that_the_service_ended_is_over_though_no_log_says_so() -> None:
    """A write long after the last sign of life began another one, and calls before it were not that one's."""
    resource = with_idle(PROD, on_gone=OnGone.RECREATE)
    log = [event("write", NOW - 60 * DAY), event("write", NOW - 30 * DAY)]
    for called, why in (([NOW - 59 * DAY], "gone"), ([NOW - 40 * DAY], "new"), ([NOW - 29 * DAY], "new"), ([], "gone")):
        past = metric({"prod": called}) if called else metric({})
        _, action = absent_plan(resource, {LOG: log, "past": past})
        assert action.why.value == why, called


def test_gone_under_retire_is_as_wished() -> None:
    """What was retired stays away: nothing is held, nothing is made, and what it was made from is not needed."""
    made, action = absent_plan(with_idle(PROD, on_idle=OnIdle.RETIRE), GONE)
    assert told(action) == ("keep", "open", "retired")
    assert made.outcome is Outcome.CONVERGED
    assert not made.writes


def test_an_absence_that_is_wished_trains_nothing() -> None:
    """A gone deployment makes nothing wanted, so its model is not trained again."""
    for wish in (OnIdle.ALERT, OnIdle.RETIRE):
        resource = with_idle(PROD, on_idle=wish)
        made = planned(desired(TRAIN, A, resource), seen([], ["prod"], GONE))
        assert not made.writes
        assert told(main_action(made, A)) == ("keep", "open", "not-needed-yet")


@pytest.mark.parametrize(("since", "why"), [(NOW - 41 * DAY, "gone"), (NOW - 39 * DAY, "new")])
def test_since_forgets_what_was_before(since: datetime, why: str) -> None:
    """`lifecycle.idle.since` re-arms: evidence before it is ignored."""
    _, action = absent_plan(with_idle(PROD, since=since), GONE)
    assert action.why.value == why


def test_since_forgets_a_call_of_the_day_before() -> None:
    """What ends when `since` begins was before it."""
    since = NOW.replace(hour=0)
    answers = {"past": metric({"prod": [since - HOUR]})}
    _, action = absent_plan(with_idle(PROD, since=since), answers)
    assert action.why.value == "new"


def test_our_own_deletion_is_told_as_ours() -> None:
    """The journal knows who it was, also before the log does."""
    key = f"delete emulator:east/deployment/prod@{PROD.digest} prod"
    log = [*GONE[LOG], event("delete", NOW - DAY)]
    for answers in (GONE, {LOG: log}):
        _, action = absent_plan(PROD, answers, removed={key: NOW - DAY})
        assert action.reason.startswith("deleted by ftops")


def test_a_deletion_in_another_account_is_not_this_ones() -> None:
    """Accounts may hold deployments of one name."""
    key = f"delete emulator:west/deployment/prod@{PROD.digest} prod"
    _, action = absent_plan(PROD, GONE, removed={key: NOW - DAY})
    assert "ftops" not in action.reason.partition(";")[0]


@pytest.mark.parametrize(("days", "problems"), [(1, 0), (30, 0), (31, 1)])
def test_patience_ends_where_calls_are_not_seen(days: int, problems: int) -> None:
    """A call that is older than what is asked for would be no call, and a deployment in use retired."""
    spec = {"sku": {"name": "GlobalStandard", "capacity": 5}, "model": {"job": "a"}}
    made = document("Deployment", "prod", spec, lifecycle={"idle": {"afterDays": days}})
    assert len(list(KIND.check(made, load_rules()))) == problems


def test_allow_makes_it_again() -> None:
    """The override that the line names opens the gate."""
    there = replace(seen([], ["prod"], GONE), objects=(file_of(TRAIN), trained(A)))
    made = planned(desired(TRAIN, A, PROD), there, "create:deployment/prod")
    assert told(main_action(made, PROD)) == ("create", "open", "new")


def test_a_policy_reaches_the_resource() -> None:
    """What a document leaves out is the project's."""
    assert PROD.lifecycle.idle == IdlePolicy(after=10 * DAY, limit=15 * DAY)
    made = deployment("x", A, lifecycle={"idle": {"onIdle": "retire", "afterDays": 3, "since": "2026-11-01"}})
    assert made.lifecycle.idle is not None
    assert made.lifecycle.idle.on_idle is OnIdle.RETIRE
    assert made.lifecycle.idle.after == 3 * DAY
    assert made.lifecycle.idle.since == datetime(2026, 11, 1, tzinfo=NOW.tzinfo)

"""Paused jobs: which pause ends by itself, which only a person ends, and what that means for what waits for them."""

from __future__ import annotations

import pytest

from ftops.apply.operations import operation_call
from ftops.call import Call, Plane
from ftops.kinds.job_pause import preempted, stalled
from ftops.model import Object, Outcome, Phase

from .builders import (
    action_for,
    dataset,
    deployment,
    desired,
    foreign,
    job,
    live,
    planned,
    side_actions,
    told,
    trained,
    uploaded,
)

TRAIN = dataset("train")
FILE = uploaded(TRAIN)
A = job("a", TRAIN)
B = job("b", TRAIN, A)
PROD = deployment("prod", B)
ALL = desired(TRAIN, A, B, PROD)
RFT = {"type": "reinforcement", "reinforcement": {"hyperparameters": {}}}


@pytest.mark.parametrize(
    ("status", "training_type", "method", "rests"),
    [
        ("paused", "GlobalStandard", "supervised", "somebody paused it, so it is left alone"),
        ("paused", "Standard", "dpo", "somebody paused it, so it is left alone"),
        ("paused", "", "", "somebody paused it, so it is left alone"),
        ("paused", "Standard", "reinforcement", "either it has cost USD 5,000"),
        ("paused", "developerTier", "supervised", ""),
        ("paused", "developerTier", "reinforcement", ""),
        ("pausing", "Standard", "reinforcement", ""),
        ("resuming", "Standard", "supervised", ""),
        ("running", "Standard", "reinforcement", ""),
        ("pending", "Standard", "supervised", ""),
    ],
)
def test_what_only_a_person_ends(status: str, training_type: str, method: str, rests: str) -> None:
    """A pause is the service's own only in the developer tier; the words name the job and both ways out."""
    words = stalled("ftjob-1", status, training_type, method)
    assert words.startswith(rests)
    assert bool(words) is bool(rests)
    if words:
        assert words.endswith("with POST /fine_tuning/jobs/ftjob-1/resume, or cancel it")


@pytest.mark.parametrize(
    ("status", "training_type", "method", "begin", "end"),
    [
        ("paused", "developerTier", "supervised", "the service pauses", "resumes it by itself"),
        ("paused", "developerTier", "reinforcement", "the service pauses", "so ftops does not resume it"),
        ("running", "developerTier", "supervised", "", ""),
        ("paused", "GlobalStandard", "supervised", "", ""),
    ],
)
def test_what_ends_by_itself(status: str, training_type: str, method: str, begin: str, end: str) -> None:
    """Of the developer tier it is said that the service resumes it, and of reinforcement the cap as well."""
    words = preempted(status, training_type, method)
    assert words.startswith(begin)
    assert words.endswith(end)
    assert bool(words) is bool(begin)


def test_a_pause_that_only_a_person_ends_is_held_with_all_that_waits_for_it() -> None:
    """Time brings nothing on: exit 4, nothing to approve, and no wait that `--wait` would wait for."""
    made = planned(ALL, live(FILE, trained(A, "paused")))
    assert told(action_for(made, "job/a")) == ("wait", "guard", "paused")
    assert action_for(made, "job/a").override == ""
    assert [action_for(made, address).reason for address in ("job/b", "deployment/prod")] == [
        *("job/a is held", "job/b is held")
    ]
    assert not any(action.moves for action in made.actions)
    assert (made.outcome, made.keys) == (Outcome.HELD, frozenset())


@pytest.mark.parametrize("method", [None, RFT], ids=["supervised", "reinforcement"])
def test_a_pause_of_the_developer_tier_is_a_wait(method: object) -> None:
    """The service resumes it, and what waits for it is approved with it."""
    a = job("a", TRAIN, trainingType="developerTier")
    made = planned(desired(TRAIN, a), live(FILE, trained(a, "paused", method=method)))
    assert told(action_for(made, "job/a")) == ("wait", "open", "in-progress")
    assert "resumes it by itself" in action_for(made, "job/a").summary
    assert made.outcome is Outcome.WAITING


def test_a_job_that_has_trained_is_billed_whatever_its_status_says() -> None:
    """A resumed job may be `pending` once more: its twin is not cancelled as if it were free (azure-api.md §6.7)."""
    begun = trained(A, "pending", 2, age_s=100, result_files=["file-r"])
    assert (begun.phase, begun.state) == (Phase.RUNNING, "pending")
    assert trained(A, "pending", result_files=[]).phase is Phase.QUEUED
    (twin,) = side_actions(planned(desired(TRAIN, A), live(FILE, trained(A, "running"), begun)))
    assert told(twin) == ("cancel", "guard", "twin")


@pytest.mark.parametrize(
    ("others", "ending"),
    [
        ([], "ago"),
        (["running", "running", "pausing"], "; 3 run in the account"),
        (["paused", "pending", "succeeded", "running"], "; 1 run in the account"),
    ],
    ids=str,
)
def test_a_queued_job_tells_how_many_run(others: list[str], ending: str) -> None:
    """Jobs of others count: they hold the slots too. What rests, waits or has ended does not."""
    theirs: list[Object] = [foreign(trained(job(f"x{n}", TRAIN), s, 9 + n)) for n, s in enumerate(others)]
    made = planned(desired(TRAIN, A), live(FILE, trained(A, "pending"), *theirs))
    assert action_for(made, "job/a").summary.endswith(ending)


# --- the operation behind a write


def test_an_operation_is_read_by_path_and_query_and_not_by_host() -> None:
    """The signed query goes back as it came; whichever host the header names, the account's own door is used."""
    url = "https://evil.example/subscriptions/0/providers/P/operationResults/1?api-version=2025-06-01&t=1&s=a%2Bb%3D&h="
    query = {"api-version": "2025-06-01", "t": "1", "s": "a+b=", "h": ""}
    assert operation_call(url) == Call(Plane.SUBSCRIPTION, "GET", "/providers/P/operationResults/1", query)


@pytest.mark.parametrize("url", ["", "https://x", "https://x/subscriptions/0", "https://x/a/b/c", "/tenants/0/x"])
def test_what_is_no_operation_is_not_asked(url: str) -> None:
    """An address outside of a subscription is passed over."""
    assert operation_call(url) is None

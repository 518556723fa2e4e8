"""Room: what an account cannot take is held before a byte is sent, and the line tells what could make room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.account import limits_of
from ftops.kinds.file_room import SIZE, WAY_OUT, file_rooms
from ftops.live import overlay, without
from ftops.model import Desired, LiveState, Object, Outcome, Plan, Policy, Resource
from ftops.planner import plan
from ftops.rules import load_rules
from ftops.upkeep import Room, sized

from .builders import EAST, WEST, dataset, desired, foreign, job, live, main_action, told, trained, uploaded

TRAIN = dataset()
A = job("a", TRAIN)
B = job("b", TRAIN, A)
MB = 1_000_000
GB = 1_000 * MB
FILES = (EAST, "dataset")


def data(name: str, size_bytes: int | None = 100 * MB, account: str = EAST) -> Resource:
    """Return a dataset of some size; None is not known, as of an import."""
    made = dataset(name, content=name, account=account)
    return replace(made, facts={**made.facts, SIZE: size_bytes})


def file(resource: Resource, size_bytes: int = 100 * MB, **more: Any) -> Object:  # noqa: ANN401  a builder's own
    """Return a dataset's file of some size."""
    found = uploaded(resource, **more)
    return replace(found, fields={**found.fields, SIZE: size_bytes})


def rooms(files: int = 0, size_bytes: int = 0, besides: str = "") -> dict[tuple[str, str], tuple[Room, ...]]:
    """Return the rooms of an account with so many files of so many bytes."""
    count = Room(files, 100, "files", way_out=WAY_OUT)
    return {FILES: (count, Room(size_bytes, GB, "files", by=SIZE, besides=besides, way_out=WAY_OUT))}


def made(wanted: Desired, there: LiveState, **policy: Any) -> Plan:  # noqa: ANN401  a policy's own fields
    """Return the plan under a policy."""
    return plan(wanted, there, Policy(**policy))


def held(result: Plan) -> list[str]:
    """Return what there is no room for."""
    return [str(action.address) for action in result.actions if action.why.value == "no-room"]


def writes(result: Plan) -> set[str]:
    """Return what would be made."""
    return {str(action.address) for action in result.writes}


# --- how many, and how many bytes


@pytest.mark.parametrize(("used", "expected"), [(97, []), (98, ["job/b"]), (99, ["job/a"]), (120, ["job/a"])])
def test_what_an_account_has_no_room_for_is_not_begun(used: int, expected: list[str]) -> None:
    """In the plan's order, as long as there is room; no dataset is uploaded for a job that cannot be made."""
    result = made(desired(TRAIN, A, B), live(rooms={(EAST, "job"): (Room(used, 99, "jobs"),)}))
    assert held(result) == expected
    assert result.outcome is (Outcome.HELD if expected else Outcome.WAITING)
    if expected == ["job/a"]:
        assert not result.writes
        assert main_action(result, A).reason == f"the account holds {used} of 99 jobs"
        assert main_action(result, B).reason == "job/a is held"


@pytest.mark.parametrize(
    ("there", "size_bytes", "fits"),
    [
        (rooms(0, 0), GB, True),
        (rooms(0, 0), GB + 1, False),
        (rooms(0, 900 * MB), 100 * MB, True),
        (rooms(0, 900 * MB), 100 * MB + 1, False),
        (rooms(0, 2 * GB), 1, False),
        (rooms(99, 0), 1, True),
        (rooms(100, 0), 1, False),
        (rooms(120, 0), 1, False),
        (rooms(0, 2 * GB), None, True),
        (rooms(100, 0), None, False),
        ({}, 2 * GB, True),
    ],
    ids=[
        "exactly all",
        "one byte more than all",
        "exactly what is left",
        "one byte more than is left",
        "overfull",
        "the hundredth",
        "the hundred and first",
        "too many already",
        "an unknown size counts as nothing",
        "but as one",
        "no limit known",
    ],
)
def test_files_fit_to_the_byte(
    there: Mapping[tuple[str, str], tuple[Room, ...]], size_bytes: int | None, fits: bool
) -> None:
    """Both limits are checked before anything is sent; what waits for a held upload is held with it."""
    big = data("big", size_bytes)
    result = made(desired(big, job("a", big)), live(rooms=there))
    assert held(result) == ([] if fits else ["dataset/big"])
    assert writes(result) == ({"dataset/big", "job/a"} if fits else set())
    assert result.outcome is (Outcome.WAITING if fits else Outcome.HELD)


def test_uploads_are_counted_one_after_the_other() -> None:
    """Of two that do not fit together the first goes, a smaller one after them too, and the rest goes on."""
    one, two, three = data("one", 400 * MB), data("two", 300 * MB), data("three", 200 * MB)
    jobs = [job(name, resource) for name, resource in (("a", one), ("b", two), ("c", three))]
    result = made(desired(one, two, three, *jobs), live(rooms=rooms(3, 400 * MB)))
    assert held(result) == ["dataset/two"]
    assert writes(result) == {"dataset/one", "dataset/three", "job/a", "job/c"}
    assert main_action(result, jobs[1]).reason == "dataset/two is held"
    assert main_action(result, two).reason.startswith(
        "the account holds 400 MB of 1,000 MB of files, this plan brings 400 MB before it and this one needs 300 MB,"
        " 100 MB more than is left; "
    )


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0)])
def test_what_only_a_held_upload_would_have_brought_along_takes_no_room(order: Sequence[int]) -> None:
    """The validation file of a training whose data has no room is not sent, and leaves its room to others."""
    train, valid, other = data("train", 600 * MB), data("valid", 300 * MB), data("other", 450 * MB)
    some = [train, valid, other]
    wanted = desired(*(some[n] for n in order), job("a", train, validation=valid), job("b", other))
    result = made(wanted, live(rooms=rooms(1, 500 * MB)))
    assert held(result) == ["dataset/train"]
    assert writes(result) == {"dataset/other", "job/b"}
    kept = main_action(result, valid)
    assert (told(kept), kept.reason) == (
        ("keep", "open", "not-needed-yet"),
        "nothing allowed needs it yet: job/a is held",
    )


def test_counting_anew_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan of many such trainings holds more than it must rather than to count for ever."""
    monkeypatch.setattr("ftops.planner.room.AGAIN_MAX", 1)
    train, valid, other = data("train", 600 * MB), data("valid", 300 * MB), data("other", 450 * MB)
    wanted = desired(valid, other, train, job("a", train, validation=valid), job("b", other))
    result = made(wanted, live(rooms=rooms(1, 500 * MB)))
    assert (held(result), writes(result)) == (["dataset/other", "dataset/train"], set())


def test_a_chain_behind_a_held_upload_brings_nothing_along() -> None:
    """The data of a descendant is not sent while its parent cannot be trained; its parent's line stays as it is."""
    first, second = data("first", 600 * MB), data("second")
    parent = job("a", first)
    child = job("b", second, parent)
    result = made(desired(first, second, parent, child), live(rooms=rooms(1, 500 * MB)))
    assert not result.writes
    assert [str(a.address) for a in result.actions if a.held] == ["dataset/first", "job/a", "job/b"]
    assert main_action(result, second).why.value == "not-needed-yet"


def test_a_parent_is_not_trained_for_a_child_without_room() -> None:
    """It would cost money and come to nothing yet."""
    first, second = data("first"), data("second", 600 * MB)
    parent = job("a", first)
    result = made(desired(first, second, parent, job("b", second, parent)), live(rooms=rooms(1, 500 * MB)))
    assert (held(result), writes(result)) == (["dataset/second"], set())
    assert main_action(result, parent).reason == "nothing allowed needs it yet: job/b is held"


def test_what_a_budget_holds_takes_no_room() -> None:
    """The data of a training that is too dear is not sent, so that of another one fits."""
    one, two = data("one", 600 * MB), data("two", 600 * MB)
    dear, cheap = job("a", one), job("b", two)
    dear = replace(dear, facts={**dear.facts, "training_usd": 100.0})
    cheap = replace(cheap, facts={**cheap.facts, "training_usd": 1.0})
    result = made(desired(one, two, dear, cheap), live(rooms=rooms()), training_usd_max=50.0)
    assert writes(result) == {"dataset/two", "job/b"}


def test_each_account_has_its_own_room() -> None:
    """A full account holds nothing in another one."""
    west = data("big", account=WEST)
    wanted = desired(data("big"), west, job("a", data("big")), job("b", west, account=WEST))
    result = made(wanted, live(rooms=rooms(100)))
    assert [(str(a.address), a.account) for a in result.writes] == [("dataset/big", WEST), ("job/b", WEST)]


def test_what_a_pass_made_and_deleted_counts_at_once() -> None:
    """So the next plan of the pass does not begin what the first one held."""
    one = data("one", 400 * MB)
    there = live(rooms=rooms(3, 400 * MB))
    after = overlay(there, file(one, 400 * MB))
    assert [room.used for room in after.rooms[FILES]] == [4, 800 * MB]
    assert overlay(after, file(one, 400 * MB)).rooms == after.rooms
    assert without(after, file(one, 400 * MB)).rooms == there.rooms
    assert without(there, file(one)).rooms == there.rooms


# --- what could go

BIG = data("big", 700 * MB)
NEEDS_BIG = job("z", BIG)


def advice(wanted: Desired, *objects: Object, besides: str = "", **policy: Any) -> list[str]:  # noqa: ANN401
    """Return what the line of the upload that does not fit says after its numbers."""
    result = made(wanted, live(*objects, rooms=rooms(len(objects), 500 * MB, besides)), **policy)
    numbers, *rest = main_action(result, BIG).reason.split("; ")
    assert numbers == (
        "the account holds 500 MB of 1,000 MB of files and this one needs 700 MB, 200 MB more than is left"
    )
    assert rest[-1] == WAY_OUT
    return rest[:-1]


NONE = ["ftops knows of none that is not needed any more"]


def test_orphans_could_go_the_largest_first() -> None:
    """Three are named, the others counted; all together are told."""
    gone = [file(data(f"old-{n}"), n * MB, key=f"file-{n}") for n in range(1, 6)]
    assert advice(desired(BIG, NEEDS_BIG), *gone) == [
        "not needed any more: file-5 old-5 (5 MB), file-4 old-4 (4 MB), file-3 old-3 (3 MB) and 2 more, 15 MB together"
    ]
    assert advice(desired(BIG, NEEDS_BIG), gone[0]) == ["not needed any more: file-1 old-1 (1 MB)"]
    assert advice(desired(BIG, NEEDS_BIG)) == NONE


@pytest.mark.parametrize(
    ("whole", "policy"),
    [
        (False, {}),
        (True, {"targets": frozenset({NEEDS_BIG.address})}),
        (True, {"excludes": frozenset({A.address})}),
        (True, {"keep": frozenset({str(file(data("old")).address)})}),
    ],
    ids=["a part of the project", "a target", "an exclusion", "kept by policy"],
)
def test_an_orphan_is_known_only_of_a_whole_project(whole: bool, policy: dict[str, Any]) -> None:
    """What no document declares may be declared where nobody looked."""
    assert advice(desired(TRAIN, BIG, A, NEEDS_BIG, whole=whole), file(data("old")), trained(A), **policy) == NONE


@pytest.mark.parametrize("status", ["queued", "running", "paused"])
@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_what_a_live_job_trains_with_could_not_go(status: str, whose: str) -> None:
    """Whosever job it is; once it has ended the file could go."""
    old = data("old")
    trains = trained(job("old", old), status)
    found = trains if whose == "ours" else foreign(trains)
    assert advice(desired(BIG, NEEDS_BIG), file(old), found) == NONE
    ended = trained(job("old", old))
    assert advice(desired(BIG, NEEDS_BIG), file(old, key=""), ended)[0].startswith("not needed any more: file-")


def test_a_superseded_file_could_go_once_the_newer_one_is_ready() -> None:
    """Also when only a part of the project was read: its own document says so."""
    new = dataset("data", content="new")
    old = file(dataset("data", content="old"), key="file-old")
    trains = job("a", new)
    for whole in (True, False):
        wanted = desired(new, BIG, trains, NEEDS_BIG, whole=whole)
        ready = advice(wanted, old, file(new), trained(trains, "running"))
        assert ready == ["not needed any more: file-old data (100 MB)"]
        assert advice(wanted, old, file(new, status="pending"), trained(trains, "running")) == NONE


def test_a_consumed_file_could_go() -> None:
    """The file of a job that is done, if the whole project was read; not while an attempt may follow."""
    kept = file(TRAIN, key="file-train")
    assert advice(desired(TRAIN, A, BIG, NEEDS_BIG), kept, trained(A)) == [
        "not needed any more: file-train train (100 MB)"
    ]
    assert advice(desired(TRAIN, A, BIG, NEEDS_BIG, whole=False), kept, trained(A)) == NONE
    assert advice(desired(TRAIN, A, BIG, NEEDS_BIG), kept, trained(A, "failed")) == NONE
    assert advice(desired(TRAIN, A, BIG, NEEDS_BIG), kept) == NONE
    second = job("second", TRAIN, A)
    assert advice(desired(TRAIN, A, second, BIG, NEEDS_BIG), kept, trained(A)) == NONE


def test_files_of_others_are_counted_and_never_named() -> None:
    """So are what has no marker, and result files."""
    theirs = [foreign(file(data("x"), 200 * MB)), replace(file(data("y"), 100 * MB), marker=None, label="")]
    assert advice(desired(BIG, NEEDS_BIG), *theirs) == [*NONE, "counted too: 2 files of others (300 MB)"]
    assert advice(desired(BIG, NEEDS_BIG), theirs[0], besides="12 result files (3.1 MB)") == [
        *NONE,
        "counted too: 1 file of others (200 MB), 12 result files (3.1 MB)",
    ]


def test_both_limits_are_told() -> None:
    """Where neither the number nor the bytes have room."""
    result = made(desired(BIG, NEEDS_BIG), live(rooms=rooms(100, 500 * MB)))
    assert main_action(result, BIG).reason.startswith("the account holds 100 of 100 files; the account holds 500 MB of")


# --- what the account says


def item(purpose: str, size_bytes: int | None = 1, status: str = "processed") -> Mapping[str, object]:
    """Return a file as a listing shows it."""
    return {"purpose": purpose, "bytes": size_bytes, "status": status}


def test_the_limit_is_the_accounts_own_where_it_tells() -> None:
    """Capabilities win over the documented number; a value that is no number says nothing."""
    capabilities = [
        {"name": "MaxFineTuneCount", "value": "500"},
        {"name": "MaxUserFileCount", "value": "250"},
        {"name": "VirtualNetworks"},
        {"name": "x", "value": "y"},
    ]
    told_limits = limits_of({"properties": {"capabilities": capabilities}})
    assert told_limits == {"MaxFineTuneCount": 500, "MaxUserFileCount": 250}
    counted = KINDS_BY_WORD["job"].rooms
    assert counted({"jobs": [{}] * 3}, told_limits, load_rules()) == (Room(3, 500, "jobs"),)
    assert counted({"jobs": [{}] * 3}, {}, load_rules()) == (Room(3, 100, "jobs"),)
    assert limits_of({}) == {}
    files = KINDS_BY_WORD["dataset"].rooms({"files": [item("fine-tune")] * 3}, told_limits, load_rules())
    assert [(room.used, room.limit) for room in files] == [(3, 250), (3, GB)]
    assert not KINDS_BY_WORD["deployment"].rooms({}, {}, load_rules())


def test_the_listing_is_split_by_purpose() -> None:
    """Whoever made them; what was deleted or tells no size takes nothing."""
    listed: list[Mapping[str, object]] = [
        item("fine-tune", 10),
        item("fine-tune", None),
        item("fine-tune", 999, "deleted"),
        item("fine-tune-results", 5),
        item("batch", 700),
        {"status": "processed"},
    ]
    count, size, with_results, with_others = file_rooms(listed, {}, load_rules().limits.files)
    assert [(r.used, r.limit, bool(r.doubt)) for r in (count, size)] == [(2, 100, False), (15, GB, False)]
    assert [(r.used, r.limit) for r in (with_results, with_others)] == [(3, 100), (715, GB)]
    assert size.besides == "1 result file (5 bytes)"
    assert "(1 of these)" in with_results.doubt
    assert "(700 bytes)" in with_others.doubt


@pytest.mark.parametrize(
    ("listed", "line"),
    [
        ([item("fine-tune")] * 60 + [item("fine-tune-results")] * 39, ""),
        (
            [item("fine-tune")] * 60 + [item("fine-tune-results")] * 40,
            "with this plan it may hold 101 of 100 files: sources disagree whether result files count (40 of these)",
        ),
        ([item("batch", 900 * MB)], ""),
        (
            [item("batch", 900 * MB + 1)],
            "with this plan it may hold 1,000.0 MB of 1,000 MB of files: files of other tools may not count (900.0 MB)",
        ),
    ],
    ids=["results fit", "results do not", "others fit", "others do not"],
)
def test_what_sources_disagree_about_is_told_and_holds_nothing(listed: list[Mapping[str, object]], line: str) -> None:
    """A line of the account, as long as the plan would upload anything."""
    there = live(rooms={FILES: file_rooms(listed, {}, load_rules().limits.files)})
    wanted = desired(data("new"), job("a", data("new")))
    result = made(wanted, there)
    assert result.unseen == ({EAST: (f"{line}; nothing is held for that",)} if line else {})
    assert writes(result) == {"dataset/new", "job/a"}
    assert not made(desired(data("new"), job("a", data("new"))), replace(there, rooms={FILES: ()})).unseen
    done = (file(data("new")), trained(job("a", data("new"))))
    assert not made(wanted, live(*done, rooms=there.rooms)).unseen


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1 kB"), (12_345, "12.3 kB"), (GB, "1,000 MB")],
)
def test_sizes_are_told_as_people_read_them(size_bytes: int, words: str) -> None:
    """A megabyte is a million bytes, as the service counts."""
    assert sized(size_bytes) == words

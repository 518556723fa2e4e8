"""Descriptions of trouble: how they are read, kept in the store, and met by whoever opens it."""

# ruff: noqa: ANN401  the wire is JSON
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ftops.emulator import Effect, Emulator, Fault, Limits, Met, Quirks, Trouble, names_of, read_trouble

from .conftest import ACCOUNT, Caller, new_emulator

SOUND: Mapping[str, Any] = {
    "seed": 7,
    "limits": {"files": 3, "serving_delay_s": 60, "log_service_deletions": True},
    "quirks": {"metadata": "drop", "suffix_max": 18},
    "faults": (
        {"effect": "status-before", "method": "GET", "nth": 2, "status": 503, "headers": {"retry-after-ms": 1500}},
        {"effect": "fail-job", "count": None, "stage": "data-check"},
    ),
}


def trouble_of(**parts: object) -> Trouble:
    """Return a description that must be sound."""
    trouble, problems = read_trouble(parts)
    assert not problems
    return trouble


def emulator_with(**parts: object) -> Caller:
    """Return a caller of an emulator in memory that has this trouble."""
    emulator = new_emulator()
    emulator.put_trouble(trouble_of(**parts))
    return Caller(emulator)


def test_a_sound_description_is_read() -> None:
    """Numbers, words, flags and headers become what the emulator works with; what is left out stays as it is."""
    trouble = trouble_of(**SOUND)
    assert trouble.seed == 7
    assert trouble.limits == {"files": 3, "serving_delay_s": 60.0, "log_service_deletions": True}
    assert (trouble.quirks["metadata"], trouble.quirks["suffix_max"]) == ("drop", 18)
    first, second = trouble.faults
    assert first == Fault(Effect.STATUS_BEFORE, "GET", nth=2, status=503, headers={"retry-after-ms": "1500"})
    assert (second.effect, second.count, second.stage) == (Effect.FAIL_JOB, None, "data-check")


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_is_no_trouble(nothing: object) -> None:
    """An empty description is sound and changes nothing."""
    assert read_trouble(nothing) == (Trouble(), ())


def value_of(response: TestResponse) -> Any:
    """Return the JSON that was answered."""
    return response.json


WRONG = [
    ([], (), "wrong-type", "mapping of seed, limits, quirks, faults"),
    ({"limts": {}}, ("limts",), "unknown-field", 'Did you mean "limits"?'),
    ({"seed": "7"}, ("seed",), "wrong-type", "whole number"),
    ({"seed": True}, ("seed",), "wrong-type", "whole number"),
    ({"limits": 3}, ("limits",), "wrong-type", "mapping of files"),
    ({"limits": {"file": 3}}, ("limits", "file"), "unknown-field", 'Did you mean "files"?'),
    ({"limits": {"files": -1}}, ("limits", "files"), "out-of-range", "from 0 to"),
    ({"limits": {"files": 1.5}}, ("limits", "files"), "wrong-type", "whole number, and this is 1.5"),
    ({"limits": {"files": True}}, ("limits", "files"), "wrong-type", "this is true"),
    ({"limits": {"log_page": 0}}, ("limits", "log_page"), "out-of-range", "from 1 to"),
    ({"limits": {"log_lag_s": float("nan")}}, ("limits", "log_lag_s"), "wrong-type", "a number"),
    ({"limits": {"log_service_deletions": 1}}, ("limits", "log_service_deletions"), "wrong-type", "true or false"),
    ({"quirks": {"metadata": "droop"}}, ("quirks", "metadata"), "bad-value", 'Did you mean "drop"?'),
    ({"quirks": {"v1_created_status": 404}}, ("quirks", "v1_created_status"), "out-of-range", "from 200 to 299"),
    ({"limits": {"serving_delay_s": 1e9}}, ("limits", "serving_delay_s"), "out-of-range", "to 31,622,400"),
    ({"faults": {}}, ("faults",), "wrong-type", "list of rules"),
    ({"faults": ["drop-after"]}, ("faults", 0), "wrong-type", "mapping of effect"),
    ({"faults": [{}]}, ("faults", 0), "missing-field", "needs effect"),
    ({"faults": [{"effect": "drop-aftr"}]}, ("faults", 0, "effect"), "bad-value", 'Did you mean "drop-after"?'),
    ({"faults": [{"effect": "forbidden", "die": 1}]}, ("faults", 0, "die"), "unknown-field", "There is effect"),
    ({"faults": [{"effect": "forbidden", "path": "("}]}, ("faults", 0, "path"), "bad-value", "regular expression"),
    ({"faults": [{"effect": "forbidden", "path": 7}]}, ("faults", 0, "path"), "wrong-type", "put it in quotes"),
    ({"faults": [{"effect": "forbidden", "nth": 0}]}, ("faults", 0, "nth"), "out-of-range", "from 1"),
    ({"faults": [{"effect": "forbidden", "chance": 2}]}, ("faults", 0, "chance"), "out-of-range", "from 0 to 1"),
    ({"faults": [{"effect": "status-before", "status": 99}]}, ("faults", 0, "status"), "out-of-range", "200 to 599"),
    ({"faults": [{"effect": "forbidden", "headers": 1}]}, ("faults", 0, "headers"), "wrong-type", "mapping"),
    ({"faults": [{"effect": "forbidden", "headers": {"a": "b\n"}}]}, ("faults", 0, "headers"), "bad-value", "one line"),
    ({"faults": [{"effect": "forbidden", "headers": {"a": []}}]}, ("faults", 0, "headers"), "bad-value", "header"),
    ({"faults": [{"effect": "forbidden"}] * 201}, ("faults",), "out-of-range", "201 rules"),
]


@pytest.mark.parametrize(("value", "place", "code", "words"), WRONG)
def test_a_mistake_is_told(value: object, place: tuple[str | int, ...], code: str, words: str) -> None:
    """Each mistake has its place, a word for its sort, and a sentence with the way out."""
    _, problems = read_trouble(value)
    assert [(problem.place, problem.code) for problem in problems] == [(place, code)]
    assert words in problems[0].text


@pytest.mark.parametrize("effect", Effect)
def test_every_effect_can_be_given_alone(effect: Effect) -> None:
    """A rule needs no more than its effect, whichever it is."""
    assert trouble_of(faults=[{"effect": str(effect)}]).faults == (Fault(effect),)


def test_all_mistakes_are_told_together() -> None:
    """One reading finds everything, in every part."""
    _, problems = read_trouble({"seed": 1.5, "limits": {"x": 1, "files": -1}, "faults": [{"effect": 3, "nth": "a"}]})
    assert len(problems) == 5


def test_whatever_can_be_said_in_text_can_be_given() -> None:
    """Every field of limits, quirks and faults is accepted but the function that ends a process."""
    assert names_of(Limits) == tuple(each.name for each in fields(Limits))
    assert names_of(Quirks) == tuple(each.name for each in fields(Quirks))
    assert {each.name for each in fields(Fault)} - set(names_of(Fault)) == {"die"}
    trouble = trouble_of(limits=asdict(Limits()), quirks=asdict(Quirks()))
    assert (Limits(**trouble.limits), Quirks(**trouble.quirks)) == (Limits(), Quirks())


# --- kept in the store


def test_trouble_is_met_by_the_next_process_and_counted_on(tmp_path: Path) -> None:
    """What one emulator puts in force the next one meets, and an occurrence that was counted is not met again."""
    path = tmp_path / "world.db"
    first = new_emulator(path)
    first.put_trouble(trouble_of(faults=[{"effect": "drop-after", "method": "GET", "nth": 2}], limits={"files": 0}))
    assert Caller(first).call("GET", "/files").status_code == 200
    first.close()
    second = new_emulator(path)
    with pytest.raises(ConnectionResetError):
        Caller(second).call("GET", "/files")
    assert second.in_force.met() == (Met(2, 1),)
    assert Caller(second).upload(b"{}").status_code == 400
    second.close()
    third = new_emulator(path)
    assert Caller(third).call("GET", "/files").status_code == 200
    assert third.in_force.met() == (Met(3, 1),)
    third.close()


def test_another_process_may_change_it_at_any_time(tmp_path: Path) -> None:
    """An emulator that is open meets from its next request on what another one puts in force, or clears."""
    one, other = (new_emulator(tmp_path / "world.db") for _ in range(2))
    assert Caller(one).call("GET", "/files").status_code == 200
    other.put_trouble(trouble_of(faults=[{"effect": "unavailable", "count": 5}], limits={"jobs": 3}))
    assert Caller(one).call("GET", "/files").status_code == 503
    assert one.limits.jobs == 3
    other.put_trouble(Trouble())
    assert Caller(one).call("GET", "/files").status_code == 200
    assert (one.limits, one.in_force.met()) == (Limits(), ())
    one.close()
    other.close()


def test_putting_trouble_in_force_begins_its_counts_anew() -> None:
    """The same description once more is met from its first occurrence on."""
    caller = emulator_with(faults=[{"effect": "unavailable"}])
    assert [caller.call("GET", "/files").status_code for _ in range(2)] == [503, 200]
    caller.emulator.put_trouble(trouble_of(faults=[{"effect": "unavailable"}]))
    assert [caller.call("GET", "/files").status_code for _ in range(2)] == [503, 200]


def test_reset_clears_it() -> None:
    """Forgetting everything forgets the trouble and what it has met."""
    caller = emulator_with(faults=[{"effect": "unavailable", "count": 9}], limits={"files": 0})
    caller.call("GET", "/files")
    caller.emulator.reset()
    assert caller.call("GET", "/files").status_code == 200
    assert (caller.emulator.limits, caller.emulator.in_force.met()) == (Limits(), ())


def test_trouble_of_another_version_is_met_as_far_as_it_is_known() -> None:
    """A rule or limit that a later version wrote does not keep the file from being used."""
    emulator = new_emulator()
    given = {"limits": {"files": 4, "later": 1}, "faults": [{"effect": "later"}, {"effect": "unavailable"}]}
    emulator.put_trouble(Trouble(given=given))
    assert emulator.limits.files == 4
    assert Caller(emulator).call("GET", "/files").status_code == 503


def test_limits_of_this_process_stay_under_those_of_the_store(emulator: Emulator) -> None:
    """Python's limits and quirks hold where the description gives none."""
    emulator.limits = Limits(files=5, jobs=6)
    emulator.quirks = Quirks(suffix_max=30)
    emulator.put_trouble(trouble_of(limits={"files": 1}, quirks={"tags_hidden": True}))
    assert (emulator.limits.files, emulator.limits.jobs) == (1, 6)
    assert (emulator.quirks.suffix_max, emulator.quirks.tags_hidden) == (30, True)


def story(seed: int, rules: int = 1, **more: object) -> list[int]:
    """Return the statuses of twenty reads when each has a chance to go wrong."""
    faults = [{"effect": "status-before", "status": 500 + rule, "chance": 0.4, **more} for rule in range(rules)]
    caller = emulator_with(seed=seed, faults=faults)
    return [caller.call("GET", "/files").status_code for _ in range(20)]


def test_chance_tells_the_same_story_each_time() -> None:
    """A seed fixes which occurrences go wrong; another seed is another story, and each rule has its own."""
    assert story(1) == story(1)
    assert story(1) != story(2)
    assert 2 <= story(1).count(500) <= 14
    assert {500, 501, 200} == set(story(1, rules=2))


def test_chance_goes_with_nth_and_count() -> None:
    """Chance decides within what nth and count take; 0 is never and 1 always."""
    assert 500 not in story(1, nth=21)
    assert story(1, nth=3, count=4, chance=1) == [200, 200, 500, 500, 500, 500, *[200] * 14]
    assert story(1, chance=0) == [200] * 20


def test_the_account_tells_the_limits_in_force() -> None:
    """ARM's capabilities are those of the description."""
    limits = {"running_standard": 1, "running_global": 2, "files": 4, "jobs": 5, "file_bytes": 6}
    caller = emulator_with(limits=limits)
    told = {each["name"]: each.get("value") for each in value_of(caller.arm("GET", ""))["properties"]["capabilities"]}
    wanted = {
        "MaxRunningFineTuneCount": "1",
        "MaxRunningGlobalStandardFineTuneCount": "2",
        "MaxUserFileCount": "4",
        "MaxFineTuneCount": "5",
        "MaxTrainingFileSize": "6",
    }
    assert told.items() >= wanted.items()


def test_no_fault_acts_on_the_controls() -> None:
    """Whatever a rule fits, it can be taken away again."""
    caller = emulator_with(faults=[{"effect": "drop-before", "count": 1000}])
    caller.prefix = ""
    assert caller.call("DELETE", "/_emulator/faults").json == {
        "description": {},
        "met": [],
        "limits": asdict(Limits()),
        "quirks": asdict(Quirks()),
    }
    assert Caller(caller.emulator).call("GET", "/files").status_code == 200


def test_controls_replace_show_and_reset() -> None:
    """PUT puts in force and answers what is, which can be sent back; GET tells it too; reset empties the world."""
    caller = emulator_with()
    data, caller.prefix = Caller(caller.emulator), ""
    put = caller.call("PUT", "/_emulator/faults", json={"faults": [{"effect": "unavailable"}], "limits": {"jobs": 2}})
    assert (put.status_code, value_of(put)["limits"]["jobs"]) == (200, 2)
    assert data.call("GET", "/files").status_code == 503
    shown = value_of(caller.call("GET", "/_emulator/faults"))
    assert shown["met"] == [{"met": 1, "acted": 1}]
    again = caller.call("PUT", "/_emulator/faults", json=shown["description"])
    assert value_of(again)["met"] == [{"met": 0, "acted": 0}]
    data.emulator.put_trouble(Trouble())
    data.upload(b"{}")
    assert caller.call("POST", "/_emulator/reset").status_code == 200
    assert data.get("/files")["data"] == []
    assert data.emulator.accounts() == {ACCOUNT: "swedencentral"}


def test_the_control_tells_all_problems_and_changes_nothing() -> None:
    """A description with mistakes is refused with each of them, and what was in force stays."""
    caller = emulator_with(limits={"jobs": 2})
    caller.prefix = ""
    wrong = {"limits": {"jbs": 3}, "faults": [{"effect": "nope"}]}
    answer = caller.call("PUT", "/_emulator/faults", json=wrong)
    assert answer.status_code == 400
    error = value_of(answer)["error"]
    assert [each["target"] for each in error["details"]] == ["limits.jbs", "faults.0.effect"]
    assert re.search(r"limits\.jbs: .*faults\.0\.effect: ", error["message"])
    assert caller.call("PUT", "/_emulator/faults", data=b"[]").status_code == 400
    assert caller.emulator.limits.jobs == 2

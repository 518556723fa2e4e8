"""The rows of a plan: a symbol and words for every verb and gate, in columns, with hostile text made harmless."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.digest import Marker
from ftops.model import Account, Action, Address, Change, Gate, Plan, Pointer, Ref, Scalar, Verb
from ftops.reasons import Why
from ftops.render.text import count, harmless
from ftops.render.to_json import plan_json
from ftops.render.to_terminal import plan_text
from ftops.render.view import Row, field_label, shown, symbol, view
from ftops.upkeep import Cost

from .builders import (
    PROJECT,
    dataset,
    deployed,
    deployment,
    desired,
    job,
    live,
    model_name,
    planned,
    trained,
    uploaded,
)

EAST = Account("east", "emulator:east", "test.db", "eastus2", emulated=True)
TRAIN = dataset("train")
A = job("a", TRAIN, hyperparameters={"n_epochs": 2})


def action(verb: Verb, gate: Gate = Gate.OPEN, why: Why = Why.NEW, **more: object) -> Action:
    """Return an action on job/a."""
    return replace(Action(Address("job", "a"), "east", verb, gate, why), **more)  # type: ignore[arg-type]


def plan_of(*actions: Action) -> Plan:
    """Return a plan of these actions."""
    return Plan(PROJECT, {"east": EAST}, actions, calls=7)


def row_of(one: Action, *others: Action) -> Row:
    """Return an action's row."""
    return view(plan_of(one, *others), show_unchanged=True).sections[0].rows[0]


@pytest.mark.parametrize(
    ("verb", "expected"),
    list(zip(Verb, [" ", ".", "+", "~", "=", ">", ">", ">", ">", "-"], strict=True)),
    ids=[verb.value for verb in Verb],
)
def test_every_verb_has_its_symbol(verb: Verb, expected: str) -> None:
    """The symbols are those of the interface, and a closed guard or a failure is an x."""
    assert symbol(action(verb, why=Why.SETTLED)) == expected
    assert symbol(action(verb, Gate.UPSTREAM, Why.SETTLED)) == expected
    assert symbol(action(verb, Gate.GUARD, Why.FOREIGN)) == "x"
    assert symbol(action(verb, Gate.FAILED, Why.REFUSED)) == "x"


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("gate", list(Gate))
@pytest.mark.parametrize("why", list(Why))
def test_every_verb_gate_and_reason_has_a_row(verb: Verb, gate: Gate, why: Why) -> None:
    """Nothing that a plan can hold breaks the view, in text or JSON, and colour only adds to it."""
    made = plan_of(action(verb, gate, why, reason="because of it"))
    shown_plan = view(made, show_unchanged=True)
    text = plan_text(shown_plan, colour=False)
    assert "job/a" in text
    coloured = plan_text(shown_plan, colour=True)
    for code in ("0", "1", "2", "31", "32", "33", "36"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert [line.rstrip() for line in coloured.splitlines()] == [line.rstrip() for line in text.splitlines()]
    assert json.loads(plan_json(made))["actions"][0]["verb"] == verb.value


@pytest.mark.parametrize("why", [Why.SETTLED, Why.CONSUMED, Why.UNUSED, Why.SUPERSEDED, Why.PREVIOUS])
def test_what_is_unchanged_is_shown_on_request(why: Why) -> None:
    """A settled line is counted, and listed only with --show-unchanged."""
    made = plan_of(action(Verb.KEEP, why=why))
    assert view(made).sections[0].rows == ()
    assert len(view(made, show_unchanged=True).sections[0].rows) == 1


@pytest.mark.parametrize("why", [Why.ORPHAN, Why.NOT_NEEDED_YET])
def test_what_needs_attention_is_always_shown(why: Why) -> None:
    """An orphan and a parent that waits for a permission are told with an exclamation mark."""
    rows = view(plan_of(action(Verb.KEEP, why=why, reason="look"))).sections[0].rows
    assert [(row.symbol, row.text) for row in rows] == [("!", "look")]


def test_an_upstream_row_says_what_it_waits_for() -> None:
    """What must be ready first is named, with the note that values are known then."""
    waiting = action(Verb.UPDATE, Gate.UPSTREAM, Why.CHANGED, after=(Address("job", "x"), Address("dataset", "y")))
    assert row_of(waiting).text == "after job/x, dataset/y (known then)"
    doubt = action(Verb.CREATE, Gate.UPSTREAM, Why.IN_DOUBT, summary="train", reason="the answer was lost")
    assert (row_of(doubt).text, row_of(doubt).details) == ("train", ("waits: the answer was lost",))


def test_a_held_row_names_its_override() -> None:
    """The row says what is held, the lines below it why and by which word it goes on all the same."""
    held = action(Verb.CREATE, Gate.GUARD, Why.PARENT_CHANGED, reason="job/p changed", override="retrain:job/a")
    row = row_of(held)
    assert (row.symbol, row.text) == ("x", "create")
    assert row.details == ("held: job/p changed", "to do it all the same: --allow retrain:job/a")


def test_job_control_says_its_word() -> None:
    """After the sign for job control follows which control it is."""
    assert row_of(action(Verb.CANCEL, summary="ftjob-1: a twin")).text == "cancel ftjob-1: a twin"
    assert row_of(action(Verb.PAUSE)).text.strip() == "pause"


def test_changes_are_told_in_words() -> None:
    """A create says because of what; an update lists its fields; inherited and new references have words."""
    ref = Ref(Address("dataset", "d"), "0" * 16)
    pointer = Pointer("dataset", "file-1", Marker("ownr", "d", "1" * 16))
    changes = (
        Change("n_epochs", 2, 3),
        Change("training_file", pointer, ref),
        Change("model", pointer, Ref(Address("job", "p"), "x" * 8), Address("job", "p")),
    )
    create = action(Verb.CREATE, why=Why.CHANGED, changes=changes)
    other = replace(action(Verb.CREATE), address=Address("dataset", "d"))
    assert row_of(create, other).details == ("because n_epochs 2 -> 3; dataset/d is new; job/p changed",)
    assert row_of(create).details == (
        "because n_epochs 2 -> 3; training_file dataset~1111111111111111 -> dataset/d; job/p changed",
    )
    update = action(Verb.UPDATE, why=Why.DRIFTED, changes=(Change("sku.capacity", 50, 80),))
    assert row_of(update).details == ("capacity 50 -> 80", "drift: changed outside ftops since it was last applied")


@pytest.mark.parametrize(
    ("field", "label"),
    [("n_epochs", "n_epochs"), ("sku.capacity", "capacity"), ("model.name", "model"), ("sku.name", "sku")],
)
def test_field_labels_are_short(field: str, label: str) -> None:
    """A field is called by its last part, and a name by what it names."""
    assert field_label(field) == label


@pytest.mark.parametrize("field", ["tags.name", "tags.cost.name", "tags.capacity"])
def test_a_tags_label_is_not_anothers(field: str) -> None:
    """A user's tag is not shown under a label that could be mistaken for another field."""
    assert field_label(field) not in {"tags", "cost", "capacity"}


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "(unset)"), (True, "true"), (0, "0"), (0.5, "0.5"), ("x", "x"), (Pointer("job", "id-1"), "id-1")],
)
def test_values_are_shown(value: Scalar | Pointer, words: str) -> None:
    """Absent, true and unknown values have words."""
    assert shown(value) == words


def test_a_whole_plan_reads_as_the_interface_shows_it() -> None:
    """Title, aligned columns, sources at the right, a summary and the plan's id; an emulator says so."""
    prod = deployment("prod", A)
    before = job("a", TRAIN, hyperparameters={"n_epochs": 1})
    served = replace(deployed(prod, model_name(before), capacity=10), cost=Cost(hourly=1.7))
    made = planned(desired(TRAIN, A, prod), live(uploaded(TRAIN), trained(before), served, calls=7))
    assert plan_text(view(made), colour=False).splitlines() == [
        "support-models-7k2f on east (EMULATOR test.db)        read in 7 calls",
        "",
        "  + job/a            train gpt-4.1-mini-2025-04-14, 2 epochs  specs/test.yaml:1",
        "      because n_epochs 1 -> 2",
        "      its price is not known",
        "  ~ deployment/prod  after job/a (known then)                 specs/test.yaml:1",
        "      capacity 10 -> 50",
        "      job/a changed",
        "      drift: changed outside ftops since it was last applied",
        "",
        "Plan: 1 to create, 1 to update, 0 to delete, 2 unchanged. Training at an unknown price, hosting +USD 0/month.",
        f"Plan id {made.id}",
    ]


def test_columns_are_aligned() -> None:
    """Texts begin in one column, sources in another; a very long text does not move the others' sources."""
    west = replace(A, address=Address("job", "a-much-longer-name"))
    rows = [
        action(Verb.CREATE, summary="short", resource=A),
        replace(action(Verb.CREATE, summary="s" * 200, resource=west), address=west.address),
        action(Verb.CREATE, summary="another text", resource=A),
    ]
    lines = [line for line in plan_text(view(plan_of(*rows)), colour=False).splitlines() if "  + " in line]
    assert len({line.index("s") for line in (lines[0][20:], lines[1][20:])}) == 1
    assert lines[0].index("specs/") == lines[2].index("specs/")
    assert "s" * 200 in lines[1]


HOSTILE = st.text(st.sampled_from("ab\x1b\r\n\t\x00\x07\x9b\u202e\u200b\u2028\ud800é"), min_size=1, max_size=12)


@given(HOSTILE)
def test_hostile_text_is_made_harmless(text: str) -> None:
    """Control characters, direction marks and line breaks of others are shown, never sent to a terminal."""
    pointer = Pointer("job", text)
    evil = action(
        Verb.UPDATE,
        summary=text,
        changes=(Change(f"tags.{text}", pointer, text),),
        reason=text,
        override=text,
        resource=A,
    )
    odd = replace(action(Verb.KEEP, why=Why.ORPHAN, reason=text), address=Address("deployment", text))
    account = replace(EAST, title=text)
    made = Plan(PROJECT, {"east": account}, (evil, odd), 1)
    out = plan_text(view(made, show_unchanged=True), colour=False)
    assert all(char.isprintable() for char in out.replace("\n", ""))
    assert json.loads(plan_json(made))["actions"][0]["reason"] == text
    assert harmless(text).isprintable()


@given(HOSTILE)
def test_hostile_text_moves_no_column(text: str) -> None:
    """Columns are as wide as what is printed, not as what was told."""
    odd = replace(action(Verb.KEEP, why=Why.ORPHAN, reason="R1"), address=Address("deployment", text))
    plain = replace(action(Verb.KEEP, why=Why.ORPHAN, reason="R2"), address=Address("job", "b"))
    out = plan_text(view(plan_of(odd, plain)), colour=False).splitlines()
    assert out[2].rindex("R1") == out[3].rindex("R2")


def test_json_can_be_written_whatever_the_text_is() -> None:
    """A lone surrogate of a service's message does not keep the JSON from being encoded."""
    made = plan_of(action(Verb.CREATE, reason="\ud800"))
    assert json.loads(plan_json(made).encode("utf-8"))["actions"]


@pytest.mark.parametrize(
    ("actions", "summary"),
    [
        ([], "No changes. 0 unchanged."),
        ([action(Verb.KEEP, why=Why.SETTLED)], "No changes. 1 unchanged."),
        ([action(Verb.WAIT), action(Verb.WAIT)], "Nothing to do now. 2 waiting, 0 unchanged."),
        ([action(Verb.CREATE, Gate.GUARD)], "Nothing to do now. 1 held, 0 unchanged."),
        ([action(Verb.KEEP, why=Why.ORPHAN)] * 2, "No changes. 2 orphans, 0 unchanged."),
        ([action(Verb.KEEP, why=Why.NOT_NEEDED_YET)] * 2, "No changes. 2 not needed yet, 0 unchanged."),
        ([action(Verb.KEEP, why=Why.SUPERSEDED)], "No changes. 1 superseded, 0 unchanged."),
        ([action(Verb.CANCEL, undo=True)], "Tidying up. 0 unchanged."),
        (
            [action(Verb.CREATE), action(Verb.WAIT)],
            "Plan: 1 to create, 0 to update, 0 to delete, 1 waiting, 0 unchanged.",
        ),
        (
            [action(Verb.CREATE, Gate.UPSTREAM)],
            "Plan: 1 to create, 0 to update, 0 to delete, 0 unchanged.",
        ),
        (
            [action(Verb.CANCEL)],
            "Plan: 0 to create, 0 to update, 0 to delete, 1 job control step, 0 unchanged.",
        ),
    ],
)
def test_the_summary_counts(actions: list[Action], summary: str) -> None:
    """The last lines count what will be done and what stays, and give the id when there is something to approve."""
    made = plan_of(*actions)
    lines = view(made).summary
    money = " Training USD 0, hosting +USD 0/month." if summary.startswith("Plan:") else ""
    assert lines[0] == summary + money
    assert lines[1:] == ((f"Plan id {made.id}",) if made.writes else ())


def test_an_override_that_plan_does_not_take_names_its_command() -> None:
    """A word of --allow works in plan and apply; a number that only apply takes says so."""
    held = action(Verb.DELETE, Gate.GUARD, reason="too many", override="--max-deletes 4")
    assert row_of(held).details[-1] == "to do it all the same: apply --max-deletes 4"


@pytest.mark.parametrize(("number", "words"), [(0, "0 calls"), (1, "1 call"), (1200, "1,200 calls")])
def test_counts_have_plurals(number: int, words: str) -> None:
    """One call, two calls."""
    assert count(number, "call") == words


def test_json_says_everything_a_row_says() -> None:
    """Each action carries its key, its changes and what it waits for; without anything to write there is no id."""
    prod = deployment("prod", A)
    made = planned(desired(TRAIN, A, prod), live())
    told = json.loads(plan_json(made))
    assert (told["format"], told["id"], told["outcome"]) == (1, made.id, "changes")
    assert told["actions"][1]["key"] == f"create emulator:east/job/a@{A.digest}#1"
    assert told["actions"][1]["after"] == ["dataset/train"]
    assert json.loads(plan_json(plan_of()))["id"] is None

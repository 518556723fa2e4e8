"""`lifecycle.rules`: how a document weighs the rules of datasets, by their words or ids, and what it may not say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ftops.catalogue import CATALOGUE, DATASET, JOB, codes_of, level_of, levels_of, overridden_in, problem_with
from ftops.desired import Built
from ftops.diagnostics import Severity

from .data_examples import Lines, Setting, built, found

EMPTY = '{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "Hello."}]}'
"""A row that gives `empty-content`, a warning of the id S107."""
MADE_GLOBAL = {"trainingType": "GlobalStandard"}


def of_dataset(root: Path, rules: dict[str, str]) -> Built:
    """Return what a project gives whose dataset has an empty content and weighs rules so."""
    return built(root, Lines(rows=(EMPTY,)), Setting(of_dataset=rules))


def of_job(root: Path, rules: dict[str, str]) -> Built:
    """Return what a project gives whose job leaves its region and weighs rules so."""
    return built(root, Lines(job=MADE_GLOBAL), Setting(of_job=rules))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, {"empty-content": "warning"}),
        ({"empty-content": "error"}, {"empty-content": "error"}),
        ({"empty-content": "info"}, {"empty-content": "info"}),
        ({"empty-content": "off"}, {}),
        ({"Empty-Content": "off"}, {}),
        ({"S107": "error"}, {"empty-content": "error"}),
        ({"s107": "off"}, {}),
        ({"S107": "off", "empty-content": "error"}, {"empty-content": "error"}),
        ({"empty-content": "error", "S107": "off"}, {"empty-content": "error"}),
        ({"S107": "error", "empty-content": "off"}, {}),
        ({"S106": "off"}, {"empty-content": "warning"}),
        ({"no-bom": "info"}, {"empty-content": "warning", "no-bom": "info"}),
        ({"F002": "warning"}, {"empty-content": "warning", "no-bom": "warning"}),
    ],
    ids=str,
)
def test_a_dataset_weighs_its_rules(rules: dict[str, str], expected: dict[str, str], tmp_path: Path) -> None:
    """By a word or by an id, in any case; a word wins, in whatever order; off is nothing at all."""
    made = of_dataset(tmp_path, rules)
    assert found(made) == expected
    assert (made.desired is None) is ("error" in expected.values())


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, {"leaves-region": "info"}),
        ({"leaves-region": "error"}, {"leaves-region": "error"}),
        ({"A704": "off"}, {}),
        ({"A704": "off", "leaves-region": "warning"}, {"leaves-region": "warning"}),
        ({"A703": "off"}, {"leaves-region": "info"}),
    ],
    ids=str,
)
def test_a_job_weighs_its_rules(rules: dict[str, str], expected: dict[str, str], tmp_path: Path) -> None:
    """The same for what is between a job and its data, and for advice; what is made an error stops the command."""
    made = of_job(tmp_path, rules)
    assert found(made) == expected
    assert (made.desired is None) is ("error" in expected.values())


def test_each_dataset_weighs_its_own(tmp_path: Path) -> None:
    """What one says of a rule is not said of another's file."""
    lines = Lines(rows=(EMPTY,), validation=(EMPTY.replace("Hello", "Bye"),))
    diagnostics = built(tmp_path, lines, Setting(of_dataset={"empty-content": "off"})).diagnostics
    assert [diagnostic.span.file for diagnostic in diagnostics] == ["data/holdout.jsonl"]


@pytest.mark.parametrize(
    ("of_holdout", "of_job_", "expected"),
    [
        ({}, {}, {"shared-row": "warning"}),
        ({"shared-row": "error"}, {}, {"shared-row": "error"}),
        ({"shared-row": "error"}, {"shared-row": "off"}, {}),
        ({"shared-row": "off"}, {"F008": "info"}, {"shared-row": "info"}),
    ],
    ids=str,
)
def test_a_job_wins_over_its_validation_data(
    of_holdout: dict[str, str], of_job_: dict[str, str], expected: dict[str, str], tmp_path: Path
) -> None:
    """A row in both files is weighed by the validation file's dataset, and the job has the last word."""
    row = EMPTY.replace('""', '"Hi"')
    setting = Setting(of_holdout=of_holdout, of_job=of_job_)
    assert found(built(tmp_path, Lines(rows=(row,), validation=(row,)), setting)) == expected


@pytest.mark.parametrize(
    ("word", "hint"),
    [("empty-contents", "empty-content"), ("F04", "F004"), ("to-few-rows", "too-few-rows"), ("xyzzy", "")],
)
def test_an_unknown_word_is_an_error_at_its_place(word: str, hint: str, tmp_path: Path) -> None:
    """A slip is told where it stands, with the rule that was probably meant."""
    made = of_dataset(tmp_path, {"no-bom": "off", word: "off"})
    (diagnostic,) = (each for each in made.diagnostics if each.code == "unknown-rule")
    assert made.desired is None and diagnostic.severity is Severity.ERROR
    line = (tmp_path / "all.yaml").read_text(encoding="utf-8").splitlines()[diagnostic.span.line - 1]
    assert line[diagnostic.span.column - 1 :].startswith(f'"{word}"')
    told = re.search(r'Did you mean "([^"]+)"\?', diagnostic.detail)
    assert (told[1] if told else "") == hint


@pytest.mark.parametrize("word", ["git-lfs-pointer", "F000", "unreadable-file"])
def test_a_fixed_rule_cannot_be_overridden(word: str, tmp_path: Path) -> None:
    """There would be nothing to train on."""
    made = of_dataset(tmp_path, {word: "warning"})
    (diagnostic,) = (each for each in made.diagnostics if each.code == "unknown-rule")
    assert "cannot be overridden" in diagnostic.detail


@pytest.mark.parametrize(
    ("make", "word", "place"),
    [
        (of_dataset, "leaves-region", JOB),
        (of_dataset, "V301", JOB),
        (of_job, "S107", DATASET),
        (of_job, "bad-json", DATASET),
    ],
)
def test_a_rule_is_weighed_where_it_does_something(make: object, word: str, place: str, tmp_path: Path) -> None:
    """A word that would be inert in its document is refused, and told where it belongs."""
    assert callable(make)
    (diagnostic,) = (each for each in make(tmp_path, {word: "off"}).diagnostics if each.code == "unknown-rule")
    assert f"is weighed in the {place}" in diagnostic.detail


def test_every_rule_can_be_overridden_in_some_document() -> None:
    """By its word and by its id, unless it is fixed; no id is of rules of both documents."""
    for code, check in CATALOGUE.items():
        places = [kind for kind in (DATASET, JOB) if code in overridden_in(kind)]
        assert places and all(set(codes_of(check.id)) <= overridden_in(kind) for kind in places)
        for kind in places:
            assert bool(problem_with(code, kind)) is bool(problem_with(check.id, kind)) is check.fixed
    assert overridden_in("Deployment") == frozenset()


def test_another_level_is_refused(tmp_path: Path) -> None:
    """A level is one of four words."""
    assert "bad-value" in found(of_dataset(tmp_path, {"empty-content": "fatal"}))


def test_levels_by_code() -> None:
    """What a document does not say stays as it is in the catalogue."""
    levels = levels_of({"S107": "off", "long-content": "error"})
    assert levels == {"empty-content": None, "long-content": Severity.ERROR}
    assert level_of("empty-content", levels) is None and level_of("bad-json", levels) is Severity.ERROR
    assert level_of("no-bom", {}) is None

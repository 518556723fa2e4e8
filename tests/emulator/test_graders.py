"""Graders that are tried: which are sound, and what they give for a sample."""

from __future__ import annotations

from typing import Any

import pytest

from ftops.emulator.grader_checks import DEPTH_MAX
from ftops.emulator.grader_formula import FormulaError, names_in, value_of

from .conftest import Caller

CHECK = {
    "type": "string_check",
    "name": "same",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}
SIMILAR = {
    "type": "text_similarity",
    "name": "near",
    "input": "{{sample.output_text}}",
    "reference": "a",
    "evaluation_metric": "bleu",
}
MODEL = {"type": "score_model", "name": "judge", "model": "gpt-4o", "input": [{"role": "user", "content": "?"}]}
PYTHON = {"type": "python", "name": "code", "source": "def grade(sample, item):\n    return 1.0\n"}
MULTI = {
    "type": "multi",
    "name": "both",
    "graders": {"a": CHECK, "b": {**CHECK, "operation": "ne"}},
    "calculate_output": "max(a, b) ^ 2 - 0.5 * a",
}
LABEL = {**MODEL, "type": "label_model", "labels": ["good", "bad"], "passing_labels": ["good"]}


def _run(caller: Caller, grader: Any, sample: Any = "yes", item: Any = None) -> Any:  # noqa: ANN401  JSON
    body = {"grader": grader, "model_sample": sample, **({"item": item} if item is not None else {})}
    return caller.call("POST", "/fine_tuning/alpha/graders/run", json=body)


@pytest.mark.parametrize(
    "grader", [CHECK, SIMILAR, MODEL, PYTHON, MULTI, LABEL, {"type": "endpoint", "url": "https://a"}]
)
def test_sound(v1: Caller, grader: dict[str, Any]) -> None:
    """A sound grader of each type comes back as it was sent."""
    response = v1.call("POST", "/fine_tuning/alpha/graders/validate", json={"grader": grader})
    assert (response.status_code, (response.json or {})["grader"]) == (200, grader)


@pytest.mark.parametrize(
    ("grader", "member"),
    [
        (None, "grader field"),
        ({"type": "guess"}, "grader.type"),
        ({**CHECK, "operation": "near"}, "grader.operation"),
        ({name: value for name, value in CHECK.items() if name != "reference"}, "grader.reference"),
        ({**SIMILAR, "evaluation_metric": "rouge_9"}, "grader.evaluation_metric"),
        ({**MODEL, "input": []}, "grader.input"),
        ({**MODEL, "range": [1, 0]}, "grader.range"),
        ({**LABEL, "passing_labels": ["fair"]}, "grader.passing_labels"),
        ({**LABEL, "labels": None}, "grader.labels"),
        ({**PYTHON, "source": "def grade(sample): return 1"}, "grade(sample, item)"),
        ({**PYTHON, "source": "def grade(:"}, "grader.source"),
        ({**PYTHON, "source": "#" * 262_145}, "256 KB"),
        ({**MULTI, "graders": {}}, "grader.graders"),
        ({**MULTI, "graders": {"a b": CHECK}}, "a b"),
        ({**MULTI, "graders": {"a": {**CHECK, "operation": ""}}}, "grader.graders.a.operation"),
        ({**MULTI, "calculate_output": "a + c"}, "names c"),
        ({**MULTI, "calculate_output": "a +"}, "grader.calculate_output"),
    ],
)
def test_unsound(v1: Caller, grader: Any, member: str) -> None:  # noqa: ANN401
    """A grader that lacks something is refused, and the message names the member, also within another grader."""
    for what in ("validate", "run"):
        body = {"grader": grader, "model_sample": "yes"}
        response = v1.call("POST", f"/fine_tuning/alpha/graders/{what}", json=body)
        assert (response.status_code, member in response.text) == (400, True), response.text


@pytest.mark.parametrize(("deep", "status"), [(DEPTH_MAX, 200), (DEPTH_MAX + 1, 400)])
def test_depth(v1: Caller, deep: int, status: int) -> None:
    """Graders stand within each other so deep and no deeper."""
    grader: dict[str, Any] = CHECK
    for _ in range(deep):
        grader = {**MULTI, "graders": {"a": grader}, "calculate_output": "a"}
    response = v1.call("POST", "/fine_tuning/alpha/graders/validate", json={"grader": grader})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("operation", "sample", "answer", "reward"),
    [
        ("eq", "yes", "yes", 1),
        ("eq", "yes", "Yes", 0),
        ("ne", "yes", "no", 1),
        ("like", "oh yes", "yes", 1),
        ("like", "oh Yes", "yes", 0),
        ("ilike", "oh Yes", "yES", 1),
    ],
)
def test_string_check(v1: Caller, operation: str, sample: str, answer: str, reward: float) -> None:
    """A string check compares as its operation says, and nothing of it is simulated."""
    found = _run(v1, {**CHECK, "operation": operation}, sample, {"answer": answer}).json
    assert (found["reward"], found["metadata"]["simulated"]) == (reward, [])
    assert not any(found["metadata"]["errors"].values())


@pytest.mark.parametrize(
    ("template", "row", "text", "error"),
    [
        ("{{ item.a.b }}", ({"a": {"b": 3}}, "x"), "3", ""),
        ("{{item.none}}", ({}, "x"), "", ""),
        ("{{item.a.b}}", ({"a": "text"}, "x"), "", ""),
        ("{{sample.output_json.n}}", ({}, '{"n": true}'), "true", ""),
        ("{{sample.output_json.n}}", ({}, "{"), "", "sample_parse_error"),
        ("{{other.x}}", ({}, "x"), "", "invalid_variable_error"),
    ],
)
def test_templates(v1: Caller, template: str, row: tuple[Any, str], text: str, error: str) -> None:
    """Templates read the row and the sample; what is missing reads as nothing, a wrong name is told."""
    item, sample = row
    found = _run(v1, {**CHECK, "input": template, "reference": text}, sample, item).json
    assert found["reward"] == 1
    assert [name for name, wrong in found["metadata"]["errors"].items() if wrong] == ([error] if error else [])


def test_multi(v1: Caller) -> None:
    """A multi grader's reward is its formula's, and the parts are told."""
    found = _run(v1, MULTI, "yes", {"answer": "yes"}).json
    assert (found["reward"], found["sub_rewards"]) == (0.5, {"a": 1, "b": 0})
    divided = _run(v1, {**MULTI, "calculate_output": "a / b"}, "yes", {"answer": "yes"}).json
    assert (divided["reward"], divided["metadata"]["errors"]["formula_parse_error"]) == (0, True)


@pytest.mark.parametrize("grader", [SIMILAR, {**MODEL, "range": [2, 4]}, PYTHON])
def test_simulated(v1: Caller, grader: dict[str, Any]) -> None:
    """What is not computed is in its range, the same each time, and says that it is simulated, within others too."""
    low, high = grader.get("range", (0, 1))
    first, again = (_run(v1, grader, "yes").json for _ in range(2))
    assert low <= first["reward"] <= high
    assert (first["reward"], first["metadata"]["simulated"]) == (again["reward"], [grader["name"]])
    within = {**MULTI, "graders": {"a": CHECK, "b": grader}, "calculate_output": "a + b"}
    assert _run(v1, within).json["metadata"]["simulated"] == [grader["name"]]


@pytest.mark.parametrize("sample", [None, 1])
def test_sample_is_required(v1: Caller, sample: Any) -> None:  # noqa: ANN401
    """There is nothing to grade without a sample."""
    assert _run(v1, CHECK, sample).status_code == 400


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", 3),
        ("-a + 2 * (b - 1)", -1),
        ("2 ^ a ^ 2", 512),
        ("min(a, b, 1)", 1),
        ("max(a)", 3),
        ("floor(a / b) + ceil(0.2)", 2),
        ("sqrt(b * 2) + abs(-1) + log(exp(1))", 4),
    ],
)
def test_formula(text: str, value: float) -> None:
    """Formulas are worked out as arithmetic."""
    assert value_of(text, {"a": 3, "b": 2}) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a +", "a; b", "a if b else a", "a.real", "open('x')", "min()", "sqrt(a, b)", "'a'", "True", "a[0]", "x"),
        *("9 ^ 9 ^ 9", "1 / 0", "log(0)", "(" * 2000 + "a" + ")" * 2000, "a" * 5000, "min(a, key=b)"),
    ],
)
def test_bad_formula(text: str) -> None:
    """What is no formula, or has no value, is refused and never run."""
    with pytest.raises(FormulaError):
        value_of(text, {"a": 3, "b": 2})


def test_names_of_a_formula() -> None:
    """A formula names its graders, and its functions are none."""
    assert names_in("min(a, b) + 2 * -c") == {"a", "b", "c"}

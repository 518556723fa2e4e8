"""The structure of graders: the members of each type, and what they may be (azure-api.md §8, service-rules.md §1.7)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from ftops.emulator.grader_formula import FormulaError, names_in
from ftops.emulator.messages import JsonObject, invalid

SOURCE_BYTES_MAX = 256 * 1024
DEPTH_MAX = 8
OPERATIONS = ("eq", "ne", "like", "ilike")
METRICS = (
    *("fuzzy_match", "bleu", "gleu", "meteor", "cosine"),
    *(f"rouge_{number}" for number in (*range(1, 6), "l")),
)
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "string_check": ("name", "input", "reference", "operation"),
    "text_similarity": ("name", "input", "reference", "evaluation_metric"),
    "score_model": ("name", "model"),
    "label_model": ("name", "model"),
    "python": ("name", "source"),
    "multi": ("name", "calculate_output"),
    "endpoint": ("url",),
}
"""The types, and the texts that each needs."""


def check(grader: Any, place: str = "grader", depth: int = 0) -> JsonObject:  # noqa: ANN401  any JSON may have been sent
    """Return a grader that has what its type needs.

    Raises: ServiceError (400) that names the member; the wording is ours.
    """
    if not isinstance(grader, dict):
        raise invalid(f"The {place} field must be an object.")
    kind = grader.get("type")
    if not isinstance(kind, str) or kind not in _TEXTS:
        raise invalid(f"The {place}.type must be one of {', '.join(_TEXTS)}.")
    for name in _TEXTS[kind]:
        if not isinstance(grader.get(name), str):
            raise invalid(f"The {place}.{name} field is required for a {kind} grader.")
    more = _MORE.get(kind)
    if more is not None:
        more(grader, place, depth)
    return grader


def _string_check(grader: JsonObject, place: str, _depth: int) -> None:
    _one_of(grader["operation"], OPERATIONS, f"{place}.operation")


def _text_similarity(grader: JsonObject, place: str, _depth: int) -> None:
    _one_of(grader["evaluation_metric"], METRICS, f"{place}.evaluation_metric")


def _score_model(grader: JsonObject, place: str, _depth: int) -> None:
    _messages(grader, place)
    bounds = grader.get("range", [0, 1])
    numbers = isinstance(bounds, list) and len(bounds) == 2 and all(_is_number(bound) for bound in bounds)  # noqa: PLR2004
    if not numbers or bounds[0] >= bounds[1]:
        raise invalid(f"The {place}.range must be a lower and a higher number.")


def _label_model(grader: JsonObject, place: str, _depth: int) -> None:
    _messages(grader, place)
    labels, passing = grader.get("labels"), grader.get("passing_labels")
    if not isinstance(labels, list) or not isinstance(passing, list) or not passing:
        raise invalid(f"The {place}.labels and {place}.passing_labels must be lists that are not empty.")
    if not all(label in labels for label in passing):
        raise invalid(f"The {place}.passing_labels must be among its labels.")


def _python(grader: JsonObject, place: str, _depth: int) -> None:
    source = grader["source"]
    if len(source.encode("utf-8", "replace")) > SOURCE_BYTES_MAX:
        raise invalid(f"The {place}.source is larger than {SOURCE_BYTES_MAX // 1024} KB.")
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as cause:
        raise invalid(f"The {place}.source cannot be parsed as Python.") from cause
    functions = [each for each in body if isinstance(each, ast.FunctionDef) and each.name == "grade"]
    if not functions or len(functions[-1].args.args) != 2:  # noqa: PLR2004
        raise invalid(f"The {place}.source must define grade(sample, item).")


def _multi(grader: JsonObject, place: str, depth: int) -> None:
    inner = grader.get("graders")
    if not isinstance(inner, dict) or not inner or depth >= DEPTH_MAX:
        raise invalid(f"The {place}.graders must be an object of graders, at most {DEPTH_MAX} within each other.")
    for name, each in inner.items():
        if not name.isidentifier():
            raise invalid(f"The name {name} in {place}.graders cannot be used in a formula.")
        check(each, f"{place}.graders.{name}", depth + 1)
    try:
        unknown = names_in(grader["calculate_output"]) - set(inner)
    except FormulaError as cause:
        raise invalid(f"The {place}.calculate_output is not valid. {cause}") from cause
    if unknown:
        raise invalid(f"The {place}.calculate_output names {', '.join(sorted(unknown))}, which are not in its graders.")


_MORE: Mapping[str, Callable[[JsonObject, str, int], None]] = {
    "string_check": _string_check,
    "text_similarity": _text_similarity,
    "score_model": _score_model,
    "label_model": _label_model,
    "python": _python,
    "multi": _multi,
}


def _messages(grader: JsonObject, place: str) -> None:
    given = grader.get("input")
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) and "role" in each for each in given):
        raise invalid(f"The {place}.input must be a list of messages that is not empty.")


def _one_of(value: str, known: tuple[str, ...], place: str) -> None:
    if value not in known:
        raise invalid(f"The {place} must be one of {', '.join(known)}.")


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool)

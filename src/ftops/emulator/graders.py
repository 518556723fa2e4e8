"""Trying graders: whether one is sound, and what it gives for one sample.

String checks and formulas are computed as the service does. What would need a model, a measure of similarity or foreign
code gets a simulated reward, and the metadata says so in `simulated`, a member that the service does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ftops.emulator.answers import digest
from ftops.emulator.context import Context
from ftops.emulator.grader_checks import check
from ftops.emulator.grader_formula import FormulaError, value_of
from ftops.emulator.messages import JsonObject, Response, invalid, reply, whole

_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_ERRORS = (
    "formula_parse_error",
    "invalid_variable_error",
    "model_grader_parse_error",
    "model_grader_refusal_error",
    "model_grader_server_error",
    "other_error",
    "python_grader_runtime_error",
    "python_grader_server_error",
    "sample_parse_error",
    "truncated_observation_error",
    "unresponsive_reward_error",
)
_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda given, reference: given == reference,
    "ne": lambda given, reference: given != reference,
    "like": lambda given, reference: reference in given,
    "ilike": lambda given, reference: reference.casefold() in given.casefold(),
}


@dataclass(slots=True)
class _Run:
    """One sample on its way through a grader: what templates read, and what went wrong or was made up."""

    item: Any
    sample: JsonObject
    errors: set[str] = field(default_factory=set)
    simulated: set[str] = field(default_factory=set)


def validate(ctx: Context) -> Response:
    """Return the grader if it is sound."""
    return reply({"grader": whole(check(ctx.request.json().get("grader")))})


def run(ctx: Context) -> Response:
    """Return the reward of one sample."""
    body = ctx.request.json()
    grader, text = check(body.get("grader")), body.get("model_sample")
    if not isinstance(text, str):
        raise invalid("The model_sample field is required.")
    running = _Run(body.get("item") or {}, _sample(text))
    parts = {name: _reward(running, each) for name, each in grader.get("graders", {}).items()}
    reward = _combined(running, grader, parts) if parts else _reward(running, grader)
    name = str(grader.get("name", ""))
    metadata: JsonObject = {
        "name": name,
        "type": grader["type"],
        "errors": {error: error in running.errors for error in _ERRORS},
        "execution_time": 0.0,
        "scores": parts or {name: reward},
        "token_usage": None,
        "sampled_model_name": None,
        "simulated": sorted(running.simulated),
    }
    shown = {"reward": reward, "metadata": metadata, "sub_rewards": parts}
    return reply({**shown, "model_grader_token_usage_per_model": {}})


def _sample(text: str) -> JsonObject:
    try:
        parsed = {"output_json": json.loads(text)}
    except (ValueError, RecursionError):
        parsed = {}
    return {"output_text": text, "output_tools": [], **parsed}


def _reward(running: _Run, grader: JsonObject) -> float:
    if grader["type"] == "multi":
        parts = {name: _reward(running, each) for name, each in grader["graders"].items()}
        return _combined(running, grader, parts)
    if grader["type"] == "string_check":
        given, reference = (_filled(running, grader[name]) for name in ("input", "reference"))
        return float(_COMPARISONS[grader["operation"]](given, reference))
    running.simulated.add(str(grader.get("name", grader["type"])))
    low, high = grader.get("range", (0.0, 1.0))
    shown = json.dumps([grader, running.item, running.sample], sort_keys=True)
    return float(round(low + (high - low) * int(digest(shown)[:4], 16) / 0xFFFF, 4))


def _combined(running: _Run, grader: JsonObject, parts: Mapping[str, float]) -> float:
    try:
        return value_of(grader["calculate_output"], parts)
    except FormulaError:
        running.errors.add("formula_parse_error")
        return 0.0


def _filled(running: _Run, template: str) -> str:
    return _TEMPLATE.sub(lambda found: _value(running, found[1].split(".")), template)


def _value(running: _Run, path: list[str]) -> str:
    """Return what a template reads; a key that is missing reads as nothing, and raises no error (§1.6)."""
    root, *rest = path
    value: Any = {"item": running.item, "sample": running.sample}.get(root)
    if value is None:
        running.errors.add("invalid_variable_error")
        return ""
    if root == "sample" and rest[:1] == ["output_json"] and "output_json" not in running.sample:
        running.errors.add("sample_parse_error")
    for name in rest:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""Projects around a few rows: sound but for what an example, or a cell of a table, puts into them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from ftops.desired import Built, build
from ftops.job_data import Asked
from ftops.pages import LABELS, Group, load_pages
from ftops.rules import Rules, load_rules
from ftops.spec.loader import load

RULES = load_rules()
GROUP_OF: Mapping[str, Group] = {
    word: group for group in load_pages() for word in group.pages if group.name != "reasons"
}
FILLING_ROWS = 110
"""Enough for the rule that advises more."""
HELD_BACK_ROWS = 12
BASE = "support-v0"

GRADER = {
    "type": "string_check",
    "name": "same",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}
JOBS: Mapping[str, Mapping[str, Any]] = {
    "supervised": {"model": "gpt-4.1-2025-04-14"},
    "dpo": {"model": "gpt-4.1-2025-04-14", "method": "dpo"},
    "reinforcement": {
        "model": "o4-mini-2025-04-16",
        "method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}},
        "validation_file": {"dataset": "holdout"},
    },
}
"""The usual job of each method; Standard in Sweden Central, since all of these models have it there."""


def filling(method: str, count: int, word: str = "Question") -> list[str]:
    """Return so many sound rows, no two of which are equal."""
    return [json.dumps(_row(method, f"{word} {number}", f"Answer {number}")) for number in range(count)]


def _row(method: str, asked: str, answer: str) -> dict[str, object]:
    user, said = {"role": "user", "content": asked}, {"role": "assistant", "content": answer}
    if method == "dpo":
        other = {"role": "assistant", "content": f"No {answer}"}
        return {"input": {"messages": [user]}, "preferred_output": [said], "non_preferred_output": [other]}
    if method == "reinforcement":
        return {"messages": [user], "answer": answer}
    return {"messages": [user, said]}


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of an example, told apart by their labels; those without one are rows of the training file."""

    rows: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    parent: tuple[str, ...] = ()
    job: Mapping[str, Any] = field(default_factory=dict)
    account: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Iterable[str]) -> Lines:
        """Return lines told apart."""
        told: dict[str, list[str]] = {label: [] for label in ("", *LABELS)}
        for line in lines:
            label, colon, rest = line.partition(": ")
            known = bool(colon) and label in LABELS
            told[label if known else ""].append(rest if known else line)
        made = {
            name: {k: v for text in told[name] for k, v in yaml.safe_load(text).items()} for name in ("job", "account")
        }
        return cls(tuple(told[""]), tuple(told["validation"]), tuple(told["parent"]), made["job"], made["account"])


@dataclass(frozen=True, slots=True)
class Setting:
    """What stands around an example: its method, whether it is alone in its file, and how documents weigh rules."""

    method: str = "supervised"
    alone: bool = False
    strict: bool = False
    rules: Rules = RULES
    held_back: int = HELD_BACK_ROWS
    of_dataset: Mapping[str, str] = field(default_factory=dict)
    of_holdout: Mapping[str, str] = field(default_factory=dict)
    of_job: Mapping[str, str] = field(default_factory=dict)


def setting_of(code: str, rules: Rules = RULES) -> Setting:
    """Return what stands around the examples of a rule."""
    group = GROUP_OF[code]
    alone = group.pages[code].alone
    return Setting(group.method, alone, strict=code == "repeated-key", rules=_for_few_rows(rules) if alone else rules)


def _for_few_rows(rules: Rules) -> Rules:
    limits = rules.limits
    rows, guidance = replace(limits.rows, rows_min=1), replace(limits.guidance, rows_to_learn=0)
    return replace(rules, limits=replace(limits, rows=rows, guidance=guidance))


def built(root: Path, lines: Lines, setting: Setting) -> Built:
    """Return what a project gives that holds these lines."""
    method, rules = setting.method, setting.rules
    rest = [] if setting.alone else filling(method, FILLING_ROWS)
    held_back = filling(method, setting.held_back, "Check")
    # In the midst, since a file is looked at from its beginning to its end.
    files = {
        "train": [*rest[:9], *lines.rows, *rest[9:]],
        "holdout": [*held_back, *lines.validation],
        "base": [*filling(method, FILLING_ROWS, "Earlier"), *lines.parent],
    }
    for name, rows in files.items():
        path = root / "data" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8", errors="surrogateescape")
    (root / "all.yaml").write_text("\n---\n".join(map(json.dumps, _documents(lines, setting))), encoding="utf-8")
    return build(load(["all.yaml"], root, lambda: b"", rules), root, rules, asked=Asked(strict=setting.strict))


def _documents(lines: Lines, setting: Setting) -> list[dict[str, Any]]:
    usual: dict[str, Any] = {**JOBS[setting.method], "trainingType": "Standard"}
    validated = {"validation_file": {"dataset": "holdout"}} if lines.validation else {}
    asked = {**usual, "training_file": {"dataset": "train"}, **validated, **lines.job}
    wanted = {key: value for key, value in asked.items() if value is not None}
    accounts = {"local": {"emulator": "ftops-emulator.db", "region": "swedencentral", **lines.account}}
    documents = [
        _document("Project", "support-7k2f", {"accounts": accounts}),
        _document("Dataset", "train", {"file": "data/train.jsonl"}, setting.of_dataset),
        _document("FineTuningJob", "support-v1", wanted, setting.of_job),
    ]
    if "validation_file" in wanted:
        documents.append(_document("Dataset", "holdout", {"file": "data/holdout.jsonl"}, setting.of_holdout))
    if wanted["model"] == {"job": BASE}:
        documents.append(_document("Dataset", "base", {"file": "data/base.jsonl"}))
        documents.append(_document("FineTuningJob", BASE, {**usual, "training_file": {"dataset": "base"}}))
    return documents


def _document(kind: str, name: str, spec: Mapping[str, Any], rules: Mapping[str, str] | None = None) -> dict[str, Any]:
    head = {"apiVersion": "ftops/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    return {**head, "lifecycle": {"rules": rules}} if rules else head


def found(made: Built) -> dict[str, str]:
    """Return the severity of each code that was found."""
    return {diagnostic.code: str(diagnostic.severity) for diagnostic in made.diagnostics}


def lines_of(text: str) -> Sequence[str]:
    """Return the lines of an example as a page has it."""
    return text.strip("\n").split("\n")

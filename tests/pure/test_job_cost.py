"""What a training is expected to cost: tokens of rows, epochs assumed, prices by region, and what stays unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ftops.data import Reading, check, check_rows, walk
from ftops.data.tokens import Texts, chat_texts, preference_texts
from ftops.desired import Built, build
from ftops.model import Scalar
from ftops.rules import Rules, load_rules
from ftops.spec.loader import load

RULES = load_rules()
LIMITS = RULES.limits
USER = {"role": "user", "content": "12345678"}
LOW = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
UNKNOWN = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
BASE = "gpt-4.1-mini-2025-04-14"


def estimated(texts: Texts) -> tuple[int, int]:
    """Return the tokens of a row by its characters, in all and in the input."""
    return texts.estimate(LIMITS.tokens)


# --- tokens of rows


@pytest.mark.parametrize(
    ("row", "tokens"),
    [
        ({"messages": [USER]}, 3 + 4 + 2),
        ({"messages": [USER, USER]}, 3 + 8 + 4),
        ({"messages": [{"role": "user", "content": "123456789"}]}, 3 + 4 + 3),
        ({"messages": [USER | {"name": "Anna"}]}, 3 + 4 + 3 + 1),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "1234"}]}]}, 3 + 4 + 1),
        ({"messages": [{"role": "user", "content": [LOW]}]}, 3 + 4 + 85),
        ({"messages": [{"role": "user", "content": [UNKNOWN, LOW]}]}, 3 + 4 + 85 + 4 * 170 + 85),
        ({"messages": [USER], "tools": [{"type": "x"}]}, 3 + 4 + 6),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}]}, 3 + 4 + 3),
        ({"messages": ["x"]}, 3 + 4),
        ({"messages": []}, 3),
        ({"messages": "x"}, 3),
        ([], 0),
    ],
    ids=str,
)
def test_tokens_of_a_chat_row(row: object, tokens: int) -> None:
    """Characters over four, four tokens a message (three and its role), three a row, one a name beside itself.

    Tools and calls count as JSON; an image of unknown size as one of four tiles, in low detail as 85 tokens.
    """
    assert estimated(chat_texts(row, LIMITS)) == (tokens, 0)


def test_tokens_of_a_preference_row() -> None:
    """Everything counts once, and the input is told apart because it may be billed twice."""
    answer = [{"role": "assistant", "content": "1234"}]
    row = {"input": {"messages": [USER]}, "preferred_output": answer, "non_preferred_output": answer * 2}
    asked = 3 + 4 + 2
    assert estimated(preference_texts(row, LIMITS)) == (asked + 3 * 4 + 3, asked)
    assert estimated(preference_texts({"input": 1}, LIMITS)) == (0, 0)
    assert estimated(preference_texts(None, LIMITS)) == (0, 0)


def test_what_has_no_formula_is_an_estimate_even_with_an_encoder() -> None:
    """Nothing is published on how tools, calls and images are counted; texts and names are exact."""
    assert not chat_texts({"messages": [USER | {"name": "Anna"}]}, LIMITS).unmeasured
    for row in (
        {"messages": [USER], "tools": [{"type": "x"}]},
        {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "x"}]}]},
        {"messages": [{"role": "user", "content": [LOW]}]},
    ):
        assert chat_texts(row, LIMITS).unmeasured
        assert preference_texts({"input": row}, LIMITS).unmeasured


def test_what_is_nested_too_deeply_costs_nothing() -> None:
    """A row that could just be read is never a crash of the count."""
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    assert estimated(chat_texts({"messages": [], "tools": deep}, LIMITS)) == (3, 0)


def test_tokens_of_a_file_are_those_of_its_rows(tmp_path: Path) -> None:
    """The check of a file counts on its way, also rows that have a mistake."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"messages": [USER]}) + "\nnot json\n" + json.dumps({"messages": [USER]}) + "\n")
    report = check_rows(path, "rows.jsonl", LIMITS, Reading("chat", "o200k_base")).report
    assert (report.rows, report.tokens, report.input_tokens, report.encoding) == (3, 2 * (3 + 4 + 2), 0, "")


def test_an_encoder_counts_the_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is an encoder of the model, texts are counted by it, and what stands beside them is added."""
    for module in (walk, check):
        monkeypatch.setattr(module, "counter", lambda _encoding: lambda texts: [100 for _ in texts])
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(PAIR) + "\n" + json.dumps(PAIR | {"n": 1}) + "\n")
    report = check_rows(path, "rows.jsonl", LIMITS, Reading("dpo", "o200k_base")).report
    assert (report.tokens, report.input_tokens) == (2 * (3 + 3 * (4 + 100)), 2 * (3 + 4 + 100))
    assert (report.encoding, report.unmeasured_rows) == ("o200k_base", 0)


# --- facts of jobs

HEAD = """\
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: demo-7k2f}
spec: {accounts: {local: {emulator: x.db, region: %s}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: rows}
spec: {file: rows.jsonl}
lifecycle: %s
"""
JOB = """\
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: %s}
spec:
  model: %s
  training_file: {dataset: rows}
  trainingType: %s
  method: %s
  hyperparameters: %s
lifecycle: %s
"""
ROWS = 40
CHAT = {"messages": [{"role": "user", "content": "x" * 388}, {"role": "assistant", "content": "y" * 388}]}
"""A row of 205 tokens."""
PAIR = {
    "input": {"messages": [{"role": "user", "content": "x" * 388}]},
    "preferred_output": [{"role": "assistant", "content": "y" * 188}],
    "non_preferred_output": [{"role": "assistant", "content": "z" * 188}],
}
"""A row of 206 tokens, 104 of them in the input."""


def built(
    root: Path,
    *jobs: str,
    row: object = CHAT,
    region: str = "swedencentral",
    data: str = "{}",
    rules: Rules = RULES,
) -> Built:
    """Return what a project of these jobs declares."""
    lines = (json.dumps(row)[:-1] + f', "n": {n}}}\n' for n in range(ROWS))
    (root / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    (root / "all.yaml").write_text(HEAD % (region, data) + "".join(jobs), encoding="utf-8")
    return build(load(["all.yaml"], root, lambda: b"", rules), root, rules)


def job(  # noqa: PLR0913  one argument a key
    name: str = "a",
    model: str = BASE,
    *,
    kind: str = "GlobalStandard",
    method: str = "supervised",
    settings: str = "{n_epochs: 2}",
    lifecycle: str = "{}",
) -> str:
    """Return a job's document."""
    return JOB % (name, model, kind, method, settings, lifecycle)


def facts(made: Built, name: str = "a") -> dict[str, Scalar]:
    """Return a job's facts about its cost."""
    assert made.desired is not None, made.diagnostics
    (resource,) = (r for r in made.desired.resources if str(r.address) == f"job/{name}")
    names = ("base_model", "trained_tokens", "training_usd", "training_usd_low", "epochs_assumed")
    return {name: resource.facts[name] for name in names if name in resource.facts}


def test_a_job_has_tokens_times_epochs(tmp_path: Path) -> None:
    """Tokens of the file times epochs times price, and three quarters of it as the low end."""
    tokens = 205 * ROWS * 2
    assert facts(built(tmp_path, job())) == {
        "base_model": BASE,
        "trained_tokens": tokens,
        "training_usd": pytest.approx(tokens * 5.0 / 1e6),
        "training_usd_low": pytest.approx(tokens * 5.0 / 1e6 * 0.75),
    }


@pytest.mark.parametrize(
    ("kind", "region", "price"),
    [("Standard", "swedencentral", 6.05), ("Standard", "North Central US", 5.5), ("developerTier", "eastus2", 2.5)],
)
def test_the_price_is_that_of_type_and_region(tmp_path: Path, kind: str, region: str, price: float) -> None:
    """The account's region decides what regional training costs."""
    told = facts(built(tmp_path, job(kind=kind), region=f'"{region}"'))
    assert told["training_usd"] == pytest.approx(205 * ROWS * 2 * price / 1e6)


def test_auto_epochs_are_assumed_and_marked(tmp_path: Path) -> None:
    """Left to the service, the epochs are assumed by the rows."""
    told = facts(built(tmp_path, job(settings="{}")))
    assert told["epochs_assumed"] is True
    assert told["trained_tokens"] == 205 * ROWS * 3


def test_dpo_counts_the_input_once_or_twice(tmp_path: Path) -> None:
    """What a dpo job is billed for is not documented, so its estimate is a range between the two."""
    told = facts(built(tmp_path, job(method="dpo"), row=PAIR))
    assert told["trained_tokens"] == (206 + 104) * ROWS * 2
    assert told["training_usd"] == pytest.approx((206 + 104) * ROWS * 2 * 5.0 / 1e6)
    assert told["training_usd_low"] == pytest.approx(206 * ROWS * 2 * 5.0 / 1e6)


def test_a_chain_is_priced_by_its_base(tmp_path: Path) -> None:
    """A job that continues another has its base model and that model's price."""
    told = facts(built(tmp_path, job(), job("b", "{job: a}", settings="{n_epochs: 1}")), "b")
    assert told["base_model"] == BASE
    assert told["training_usd"] == pytest.approx(205 * ROWS * 5.0 / 1e6)


def test_an_unknown_price_is_absent(tmp_path: Path) -> None:
    """Without a meter there is no price and never 0; the tokens are told all the same."""
    told = facts(built(tmp_path, job(model="gpt-9", lifecycle="{allow: [model-matrix]}")))
    assert told == {"base_model": "gpt-9", "trained_tokens": 205 * ROWS * 2}


def test_a_pinned_data_set_has_no_estimate(tmp_path: Path) -> None:
    """A file that is not read has unknown tokens; auto epochs are marked, though nothing is told of them."""
    pinned = f"{{sha256: {'ab' * 32}}}"
    assert facts(built(tmp_path, job(settings="{}"), data=pinned)) == {"base_model": BASE, "epochs_assumed": True}
    assert facts(built(tmp_path, job(), data=pinned)) == {"base_model": BASE}


@pytest.mark.parametrize("usd", ["0", "120", "12.5"])
def test_an_expected_price_overrides(tmp_path: Path, usd: str) -> None:
    """`expectedUsd` stands in for the estimate, of a model without a price and of a file that is not read too."""
    pinned, lifecycle = f"{{sha256: {'ab' * 32}}}", f"{{expectedUsd: {usd}, allow: [model-matrix]}}"
    told = facts(built(tmp_path, job(model="gpt-9", lifecycle=lifecycle), data=pinned))
    assert told == {"base_model": "gpt-9", "training_usd": float(usd), "training_usd_low": float(usd)}


@pytest.mark.parametrize(("most", "codes"), [(205 * ROWS * 2, []), (205 * ROWS * 2 - 1, ["too-many-tokens"])])
def test_too_many_tokens(tmp_path: Path, most: int, codes: list[str]) -> None:
    """Tokens times epochs above what one job may train are an error at the training file."""
    jobs = replace(RULES.limits.jobs, trained_tokens_max=most)
    rules = replace(RULES, limits=replace(RULES.limits, jobs=jobs))
    diagnostics = [each for each in built(tmp_path, job(), rules=rules).diagnostics if each.severity == "error"]
    assert [each.code for each in diagnostics] == codes
    assert all(each.excerpt.strip() == "training_file: {dataset: rows}" for each in diagnostics)


def test_assumed_epochs_are_no_error(tmp_path: Path) -> None:
    """Epochs that the service will choose are not held against the user."""
    jobs = replace(RULES.limits.jobs, trained_tokens_max=205 * ROWS)
    rules = replace(RULES, limits=replace(RULES.limits, jobs=jobs))
    assert facts(built(tmp_path, job(settings="{}"), rules=rules))["trained_tokens"] == 205 * ROWS * 3

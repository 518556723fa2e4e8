"""From loaded specs to resources: digests along references, datasets per account, equal trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ftops.desired import Built, build
from ftops.diagnostics import Severity
from ftops.rules import load_rules
from ftops.spec.loader import load

ROW = '{"messages": [{"role": "user", "content": "%d?"}, {"role": "assistant", "content": "Yes."}]}\n'
PROJECT = """
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: p-7k2f}
spec:
  defaultAccount: east
  accounts: {east: {emulator: a.db}, west: {emulator: b.db}, idle: {emulator: c.db}}
"""
DATASET = """
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: %s}
spec: {file: %s.jsonl}
"""
JOB = """
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: %s, account: %s}
spec:
  model: %s
  training_file: {dataset: %s}
  trainingType: GlobalStandard
"""
BASE = "gpt-4.1-mini-2025-04-14"
ONE = JOB % ("one", "east", BASE, "rows")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project root with two data files of other names and equal rows, and one of other rows."""
    for name, rows in (("rows", range(12)), ("same", range(12)), ("other", range(12, 24))):
        (tmp_path / f"{name}.jsonl").write_text("".join(ROW % number for number in rows), encoding="utf-8")
    return tmp_path


def built(root: Path, *documents: str) -> Built:
    """Return what documents declare; advice is left out of what was found."""
    (root / "all.yaml").write_text(PROJECT + "".join(documents), encoding="utf-8")
    rules = load_rules()
    made = build(load(["all.yaml"], root, lambda: b"", rules), root, rules)
    return replace(made, diagnostics=tuple(d for d in made.diagnostics if d.severity is not Severity.INFO))


def test_a_data_set_is_made_in_every_account_that_needs_it(root: Path) -> None:
    """One dataset used in two accounts is two resources of one digest; accounts without documents are not read."""
    desired = built(root, DATASET % ("rows", "rows"), ONE, JOB % ("two", "west", BASE, "rows")).desired
    assert desired is not None
    sets = [r for r in desired.resources if r.address.kind == "dataset"]
    assert {r.account for r in sets} == {"east", "west"}
    assert len({r.digest for r in sets}) == 1
    assert set(desired.accounts) == {"east", "west"}


def test_equal_jobs_in_two_accounts_are_two_trainings(root: Path) -> None:
    """Identity is account and digest together, so the same document in two accounts is no duplicate."""
    made = built(root, DATASET % ("rows", "rows"), ONE, JOB % ("two", "west", BASE, "rows"))
    assert not made.diagnostics


def test_equal_jobs_in_one_account_are_an_error(root: Path) -> None:
    """Two documents with one digest in one account are told with both places and the way out."""
    same = JOB % ("two", "east", BASE, "same")
    made = built(root, DATASET % ("rows", "rows"), DATASET % ("same", "same"), ONE, same)
    (problem,) = made.diagnostics
    assert problem.code == "same-training"
    assert problem.span.line > 20
    assert "job/one at all.yaml:" in problem.detail
    assert "rerun" in problem.detail


def test_rerun_makes_an_equal_job_another_training(root: Path) -> None:
    """`rerun` is the way to train the same thing again."""
    again = JOB % ("two", "east", BASE, "rows") + "lifecycle: {rerun: again}\n"
    assert not built(root, DATASET % ("rows", "rows"), ONE, again).diagnostics


def test_a_parents_digest_is_folded_into_its_childs(root: Path) -> None:
    """A child's digest changes with its parent's data, and not with its parent's name."""
    child = JOB % ("child", "east", "{job: one}", "rows")

    def digest(data: str, parent: str = "one") -> str:
        documents = ONE.replace("dataset: rows", f"dataset: {data}").replace("name: one", f"name: {parent}")
        mine = child.replace("job: one", f"job: {parent}")
        desired = built(root, DATASET % ("rows", "rows"), DATASET % ("other", "other"), documents, mine).desired
        assert desired is not None
        return next(r.digest for r in desired.resources if r.address.name == "child")

    assert digest("rows") == digest("rows", "renamed")
    assert digest("rows") != digest("other")


def test_a_pinned_data_set_is_not_read(root: Path) -> None:
    """With `sha256` the content is what the spec says; the file's own rows are neither checked nor counted."""
    (root / "rows.jsonl").write_text("not json\n", encoding="utf-8")
    pinned = DATASET % ("rows", "rows") + f"lifecycle: {{sha256: {'ab' * 32}}}\n"
    made = built(root, pinned, ONE)
    assert not made.diagnostics
    assert made.desired is not None
    data = made.desired.resources[0]
    assert (data.digest, data.facts.get("rows")) == ("ab" * 32, None)


def test_a_data_set_that_nothing_refers_to_is_checked(root: Path) -> None:
    """Its problems are told like any other's; it becomes a resource that nobody asks for."""
    (root / "rows.jsonl").write_text("not json\n" * 12, encoding="utf-8")
    assert any(d.code == "bad-json" for d in built(root, DATASET % ("rows", "rows")).diagnostics)


def test_problems_of_specs_and_data_are_told_together(root: Path) -> None:
    """A broken document does not keep the data of another from being checked."""
    (root / "rows.jsonl").write_text("not json\n", encoding="utf-8")
    codes = {
        d.code for d in built(root, DATASET % ("rows", "rows"), ONE, "---\napiVersion: ftops/v1alpha1\n").diagnostics
    }
    assert {"bad-json", "too-few-rows"} < codes


def test_nothing_is_desired_while_there_is_an_error(root: Path) -> None:
    """A state with an error in it must never be acted on."""
    assert built(root, DATASET % ("rows", "missing"), ONE).desired is None


PAIR = (
    '{"input": {"messages": [{"role": "user", "content": "%d?"}]}, '
    '"preferred_output": [{"role": "assistant", "content": "Yes."}], '
    '"non_preferred_output": [{"role": "assistant", "content": "No."}]}\n'
)
DPO = "  method: dpo\n"


def pairs(root: Path, name: str = "rows") -> None:
    """Write preference rows in place of chat rows."""
    (root / f"{name}.jsonl").write_text("".join(PAIR % number for number in range(12)), encoding="utf-8")


def test_the_format_of_rows_follows_from_their_job(root: Path) -> None:
    """The same rows are right for a dpo job and wrong for a supervised one."""
    pairs(root)
    data = DATASET % ("rows", "rows")
    assert not built(root, data, ONE + DPO).diagnostics
    assert {d.code for d in built(root, data, ONE).diagnostics} == {"wrong-format"}


def test_the_format_of_rows_can_be_declared(root: Path) -> None:
    """`lifecycle.format` says what the rows are, and a job that needs others is told so at its reference."""
    pairs(root)
    data = DATASET % ("rows", "rows") + "lifecycle: {format: dpo}\n"
    assert not built(root, data).diagnostics
    (problem,) = built(root, data, ONE).diagnostics
    assert problem.code == "format-conflict"
    assert "dataset/rows says `format: dpo`" in problem.detail


def test_rows_that_no_job_uses_are_known_by_the_first(root: Path) -> None:
    """A dataset without a job and without a format is checked as what its first row is."""
    pairs(root)
    assert not built(root, DATASET % ("rows", "rows"), DATASET % ("same", "same")).diagnostics


def test_one_data_set_for_two_methods_is_an_error(root: Path) -> None:
    """A file cannot hold the rows of two methods; both jobs and the dataset are named."""
    second = JOB % ("two", "east", BASE, "rows") + DPO
    (problem,) = built(root, DATASET % ("rows", "rows"), ONE, second).diagnostics
    assert problem.code == "format-conflict"
    assert "needs dpo rows, but job/one needs chat rows of dataset/rows" in problem.detail


def test_one_file_of_two_data_sets_is_checked_for_each(root: Path) -> None:
    """Two datasets may name one file for two methods; the one that does not fit is an error."""
    pairs(root)
    second = JOB % ("two", "east", BASE, "again") + DPO
    diagnostics = built(root, DATASET % ("rows", "rows"), DATASET % ("again", "rows"), ONE, second).diagnostics
    assert {d.code for d in diagnostics} == {"wrong-format"}


def test_a_data_set_knows_its_tokens(root: Path) -> None:
    """Tokens stand beside rows and size, and are unknown for a file that is not read."""
    desired = built(root, DATASET % ("rows", "rows"), ONE).desired
    assert desired is not None
    told = desired.resources[0].facts
    assert (told["rows"], told["tokens"], told["input_tokens"]) == (12, 12 * 13, 0)
    pinned = DATASET % ("rows", "rows") + f"lifecycle: {{sha256: {'ab' * 32}}}\n"
    desired = built(root, pinned, ONE).desired
    assert desired is not None
    assert desired.resources[0].facts.get("tokens") is None


IMPORTED = """
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: rows}
spec: {content_url: %s}
lifecycle: {sha256: %s}
"""


@pytest.mark.parametrize(
    ("source", "facts"),
    [
        ("{env: FTOPS_ROWS_URL}", {"content_url_env": "FTOPS_ROWS_URL"}),
        ("'https://d.example.com/rows.jsonl'", {"content_url": "https://d.example.com/rows.jsonl"}),
    ],
)
def test_what_is_imported_has_the_digest_that_is_written(root: Path, source: str, facts: dict[str, str]) -> None:
    """No file is looked for, rows and size are not known, and jobs are identified as if it had been uploaded."""
    uploaded = built(root, DATASET % ("rows", "rows"), ONE).desired
    assert uploaded is not None
    digest = uploaded.resources[0].digest
    made = built(root, IMPORTED % (source, digest), ONE)
    assert not made.diagnostics
    assert made.desired is not None
    rows, job = made.desired.resources
    assert rows.facts == {"digest": digest, **facts}
    assert (rows.digest, job.digest) == (digest, uploaded.resources[1].digest)
    assert "trained_tokens" not in job.facts


def test_what_is_imported_serves_one_method_like_any_other(root: Path) -> None:
    """A job that needs other rows than the dataset says is told, although nobody has looked at them."""
    imported = IMPORTED % ("{env: FTOPS_ROWS_URL}", "ab" * 32)
    dpo = imported.replace("sha256", "format: dpo, sha256")
    assert [d.code for d in built(root, dpo, ONE).diagnostics] == ["format-conflict"]

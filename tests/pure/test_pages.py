"""`ftops explain`: every word has its page, every example gives its code, and the documentation says the same."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftops.commands.explain import NO_DIAGNOSTICS, severities
from ftops.commands.options import ALLOW_WORDS
from ftops.data import CATALOGUE
from ftops.desired import build
from ftops.pages import Page, load_pages
from ftops.reasons import Why
from ftops.render.pages import index_text, page_text, pages_markdown
from ftops.rules import load_rules
from ftops.spec.codes import SUMMARIES
from ftops.spec.loader import load

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "diagnostics.md"
UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
GROUPS = {group.name: group for group in load_pages()}
DIAGNOSTICS = {
    word: (group.name, page)
    for group in GROUPS.values()
    if group.name not in NO_DIAGNOSTICS
    for word, page in group.pages.items()
}
EXAMPLES = {word: page for word, (_, page) in DIAGNOSTICS.items() if page.example}

ROW = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\n'
PROJECT = """
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: support-7k2f}
spec:
  accounts:
    local: {emulator: ftops-emulator.db, region: eastus2}
"""
GIVEN = """
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: support}
spec: {file: data/train.jsonl}
---
apiVersion: ftops/v1alpha1
kind: FineTuningJob
metadata: {name: support-v1}
spec:
  model: gpt-4.1-mini-2025-04-14
  training_file: {dataset: support}
  trainingType: GlobalStandard
"""


def codes() -> Iterator[str]:
    """Yield every diagnostic code that the source can report."""
    yield from (*SUMMARIES, *CATALOGUE)
    for path in (ROOT / "src" / "ftops").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Finding", "Diagnostic"}:
                second = node.args[1] if len(node.args) > 1 else None
                if isinstance(second, ast.Constant) and isinstance(second.value, str):
                    yield second.value


def test_every_code_has_a_page_and_no_other() -> None:
    """A code without a page in src/ftops/pages is one that nobody can look up."""
    assert set(DIAGNOSTICS) == set(codes())


def test_every_reason_has_a_page_and_no_other() -> None:
    """The reasons of a plan are those of the model."""
    assert set(GROUPS["reasons"].pages) == {why.value for why in Why}


def test_every_word_of_allow_has_a_page_and_no_other() -> None:
    """The words of --allow are those that a guard understands."""
    assert set(GROUPS["allow"].pages) == set(ALLOW_WORDS)


def test_a_code_stands_in_one_group() -> None:
    """One code has one page, whichever part of ftops reports it."""
    assert len(DIAGNOSTICS) == sum(len(g.pages) for g in GROUPS.values() if g.name not in NO_DIAGNOSTICS)


@pytest.mark.parametrize("word", sorted({word for group in GROUPS.values() for word in group.pages}))
def test_every_page_says_what_it_has_to(word: str) -> None:
    """A page has its line, one example or situation, and for a problem the way out; a line fits a table."""
    for group in GROUPS.values():
        page = group.pages.get(word)
        if page is None:
            continue
        assert page.means
        assert not page.means.endswith(".")
        assert bool(page.example) != bool(page.when)
        assert page.mend or group.name == "reasons"
        assert not any("\n" in text for text in (page.means, page.mend, page.override))


def files_of(word: str, group: str, page: Page) -> dict[str, str]:
    """Return the files of a project in which an example stands."""
    if group.startswith("data-"):
        rows = page.example.strip("\n") + "\n"
        data = rows if page.alone else f"{ROW * 6}{rows}{ROW * 6}"
        return {"specs/project.yaml": PROJECT, "specs/given.yaml": GIVEN, "data/train.jsonl": data}
    data = ROW * 12
    given = {} if page.alone else {"specs/project.yaml": PROJECT, "specs/given.yaml": GIVEN}
    return {**given, f"specs/z-{word}.yaml": page.example, "data/train.jsonl": data}


@pytest.mark.parametrize("word", EXAMPLES)
def test_every_example_gives_its_code_and_nothing_else(word: str, tmp_path: Path) -> None:
    """What a page shows as the example of a code is reported with that code, in a project that is right otherwise."""
    group, page = DIAGNOSTICS[word]
    for name, text in files_of(word, group, page).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rules = load_rules()
    built = build(load([], tmp_path, lambda: b"", rules), tmp_path, rules)
    found = {diagnostic.code: str(diagnostic.severity) for diagnostic in built.diagnostics}
    assert found[word] == severities()[word]
    assert set(found) <= {word, *MORE.get(word, ())}, built.diagnostics


MORE = {
    "git-lfs-pointer": ("bad-json", "too-few-rows"),
}
"""What an example cannot but give as well."""


def test_the_documentation_is_written_from_the_pages() -> None:
    """docs/diagnostics.md is its introduction and the tables; `make golden` writes them."""
    shown = DOCUMENT.read_text(encoding="utf-8")
    head = shown[: shown.index("\n## ")]
    written = head + "\n".join(pages_markdown(list(GROUPS.values()), severities())) + "\n"
    if UPDATE:
        DOCUMENT.write_text(written, encoding="utf-8")
        shown = written
    assert shown == written


def test_a_page_tells_everything_it_has() -> None:
    """The text of a page has the word, its weight, the example, the way out and the override."""
    group, page = GROUPS["documents"], GROUPS["documents"].pages["unknown-model"]
    text = page_text("unknown-model", group, page, "error", colour=False)
    assert text.startswith("unknown-model  (error, Documents)\n")
    for part in ("gpt-4.2-mini-2026-01-01", "What to do:", "To go on all the same:", "model-matrix"):
        assert part in text
    assert "\x1b" in page_text("unknown-model", group, page, "error", colour=True)


def test_the_list_names_every_word_once_a_group() -> None:
    """Without a word there is a line for each."""
    text = index_text(list(GROUPS.values()), colour=False)
    for group in GROUPS.values():
        assert f"{group.title}\n" in text
        for word in group.pages:
            assert f"  {word} " in text

"""`ftops explain`: every word has its page, every example gives its code, and the documentation says the same.

The examples of rules of datasets stand in the table of docs/datasets.md too: test_datasets_doc.py tries them there.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem

from ftops.catalogue import CATALOGUE, OF_BOTH, OF_JOB_DOCUMENTS, OF_JOBS, codes_of
from ftops.commands.explain import NO_DIAGNOSTICS, _words, explain, ids, notes_on, severities
from ftops.commands.options import ALLOW_WORDS
from ftops.desired import build
from ftops.errors import UsageError
from ftops.pages import Page, load_pages
from ftops.reasons import Why
from ftops.render.pages import index_text, page_text, pages_markdown
from ftops.rules import load_rules
from ftops.spec.codes import SUMMARIES
from ftops.spec.loader import load

from .data_examples import filling

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "diagnostics.md"
SOURCES = sorted((ROOT / "src" / "ftops").rglob("*.py"))
UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
GROUPS = {group.name: group for group in load_pages()}
DIAGNOSTICS = {
    word: (group.name, page)
    for group in GROUPS.values()
    if group.name not in NO_DIAGNOSTICS
    for word, page in group.pages.items()
}
OF_SPECS = {"files", "documents", "project"}
EXAMPLES = {word: page for word, (group, page) in DIAGNOSTICS.items() if page.example and group in OF_SPECS}

ROWS = "".join(f"{row}\n" for row in filling("supervised", 110))
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


CODE_AT = {"Finding": 1, "Diagnostic": 1, "_found": 1, "_of_file": 1, "level_of": 0, "add": 0, "count": 0}
"""The functions that are given a code as a literal, and at which place; rules of rows give it to a Finding first."""


def codes() -> Iterator[str]:
    """Yield every diagnostic code that the source can report."""
    yield from (*SUMMARIES, *CATALOGUE)
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _codes_of(node, constants)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the texts that a module gives names to, also several in one line."""
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        names, given = [target], [value]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            names, given = target.elts, value.elts
        for name, each in zip(names, given, strict=True):
            if isinstance(name, ast.Name) and isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield name.id, each.value


def _codes_of(call: ast.Call, constants: Mapping[str, str]) -> Iterator[str]:
    name = str(getattr(call.func, "id", None) or getattr(call.func, "attr", ""))
    for at in {0, 1} if name == "Finding" else {CODE_AT.get(name, -1)}:
        given = call.args[at] if 0 <= at < len(call.args) else None
        if isinstance(given, ast.Name) and given.id in constants and name == "Diagnostic":
            yield constants[given.id]
        elif isinstance(given, ast.Constant) and isinstance(given.value, str) and len(call.args) > 1:
            yield given.value


def test_every_rule_of_the_catalogue_is_checked_somewhere() -> None:
    """A rule that nothing reports would be documented and inert."""
    paths = [path for path in SOURCES if path.name != "catalogue.py" and path.parent.name != "pages"]
    literals = {
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert CATALOGUE.keys() <= literals


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
        assert bool(page.accepted) == (word in CATALOGUE)
        assert page.mend or group.name == "reasons"
        assert not any("\n" in text for text in (page.means, page.when, page.mend, page.override))


def test_rules_of_datasets_stand_in_the_groups_of_their_catalogue() -> None:
    """The pages follow the catalogue's order and parts, but for two codes that are told of spec files as well."""
    listed = [word for group in GROUPS.values() if group.name.startswith("data-") for word in group.pages]
    assert listed == [code for code in CATALOGUE if code not in {"unreadable-file", "file-too-large"}]
    assert list(GROUPS["data-jobs"].pages) == list(OF_JOBS)


def files_of(word: str, page: Page) -> dict[str, str]:
    """Return the files of a project in which an example stands."""
    given = {} if page.alone else {"specs/project.yaml": PROJECT, "specs/given.yaml": GIVEN}
    return {**given, f"specs/z-{word}.yaml": page.example, "data/train.jsonl": ROWS}


@pytest.mark.parametrize("word", EXAMPLES)
def test_every_example_gives_its_code_and_nothing_else(word: str, tmp_path: Path) -> None:
    """What a page shows as the example of a code is reported with that code, in a project that is right otherwise."""
    for name, text in files_of(word, EXAMPLES[word]).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rules = load_rules()
    built = build(load([], tmp_path, lambda: b"", rules), tmp_path, rules)
    found = {diagnostic.code: str(diagnostic.severity) for diagnostic in built.diagnostics}
    assert found[word] == severities()[word]
    assert set(found) <= {word, "leaves-region"}, built.diagnostics  # Advice on GlobalStandard, which most train as.


def test_the_documentation_is_written_from_the_pages() -> None:
    """docs/diagnostics.md is its introduction and the tables; `make golden` writes them."""
    shown = DOCUMENT.read_text(encoding="utf-8")
    head = shown[: shown.index("\n## ")]
    written = head + "\n".join(pages_markdown(list(GROUPS.values()), severities(), ids())) + "\n"
    if UPDATE:
        DOCUMENT.write_text(written, encoding="utf-8")
        shown = written
    assert shown == written


def test_a_page_tells_everything_it_has() -> None:
    """The text of a page has the word, its weight, the example, the way out and the override."""
    group = GROUPS["documents"]
    text = page_text("unknown-model", group, "error", colour=False)
    assert text.startswith("unknown-model  (error, Documents)\n")
    for part in ("gpt-4.2-mini-2026-01-01", "What to do:", "To go on all the same:", "model-matrix"):
        assert part in text
    assert "\x1b" in page_text("unknown-model", group, "error", colour=True)


def test_a_page_of_a_rule_tells_where_it_is_from_and_how_to_weigh_it() -> None:
    """Id, source, usual weight and the override come from the catalogue, not from seventy pages."""
    group = GROUPS["data-chat"]
    text = page_text("empty-content", group, "warning", notes_on("empty-content"), colour=False)
    assert text.startswith("empty-content  (warning, Datasets: chat rows)\n")
    for part in (
        "Accepted:\n\n    {",
        "The rule:\n  S107, observed: Microsoft's and OpenAI's own checkers. Usually a warning.\n",
        "`lifecycle: {rules: {empty-content: off}}` in the Dataset; error, warning, info or off.",
        "S107 in\n  place of the word means long-content too.",
    ):
        assert part in text


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_override_that_a_page_shows_is_one(code: str) -> None:
    """It names the document in which the rule can be weighed, and a weight that the rule does not have; or says no."""
    (title, rule), (_, words) = notes_on(code)
    check = CATALOGUE[code]
    assert title == "The rule" and rule.startswith(f"{check.id}, {check.source}. ")
    assert ("cannot be overridden" in words) is check.fixed
    if check.fixed:
        return
    shown = re.search(r"\{rules: \{([a-z0-9-]+): (\w+)\}\}", words)
    assert shown is not None and shown[1] == code and shown[2] != (check.severity or "off")
    assert ("Dataset" in words) is (code not in OF_JOB_DOCUMENTS)
    assert ("FineTuningJob" in words) is (code in OF_JOB_DOCUMENTS | OF_BOTH)
    assert all(other in words for other in codes_of(check.id))


def test_a_rule_that_is_off_says_so() -> None:
    """What nobody is told of by default is named off, and turned on by the same key."""
    assert severities()["no-bom"] == "off"
    assert notes_on("no-bom")[0][1].endswith("Off unless it is asked for.")
    assert "{no-bom: info}" in notes_on("no-bom")[1][1]
    assert notes_on("unknown-field") == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("F004", ["too-few-rows"]),
        ("v303", ["too-many-images", "many-images"]),
        ("error[bad-json]: Not valid JSON", ["bad-json"]),
        ("warning[K601]", ["row-over-context"]),
        ("retired", ["retired", "retired"]),
    ],
)
def test_explain_takes_words_and_ids(asked: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An id, in any case, is all rules that have it; a word is every page of it."""
    assert explain.main([asked], standalone_mode=False) == 0
    heads = re.findall(r"^([a-z-]+)  \(", capsys.readouterr().out, re.MULTILINE)
    assert heads == words


def test_explain_hints_at_near_ids() -> None:
    """A slip in an id is answered with the id that was meant."""
    with pytest.raises(UsageError, match='Did you mean "F004"'):
        explain.main(["F04"], standalone_mode=False)


def test_words_and_ids_are_completed() -> None:
    """A shell completes codes, reasons, words of --allow and ids, each with what it means."""
    offered = _words(click.Context(explain), explain.params[0], "")
    told = {item.value: item.help for item in offered if isinstance(item, CompletionItem)}
    assert told["F003"] == "bad-json, not-an-object" and told["blank-line"] == "an empty line inside the file"
    assert set(ids().values()) | DIAGNOSTICS.keys() <= told.keys()


def test_the_list_names_every_word_once_a_group() -> None:
    """Without a word there is a line for each."""
    text = index_text(list(GROUPS.values()), ids(), colour=False)
    assert re.search(r"^  blank-line +F006  an empty line", text, re.MULTILINE)
    for group in GROUPS.values():
        assert f"{group.title}\n" in text
        for word in group.pages:
            assert f"  {word} " in text

"""The JSON Schema and the loader say the same: what one refuses of names and types, the other refuses."""

from __future__ import annotations

import copy
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from ftops.commands.init import SCHEMA_FILE, _files
from ftops.kinds import KINDS
from ftops.kinds.envelope import API_VERSION, Document, Strict
from ftops.kinds.project import ProjectDocument
from ftops.rules import load_rules
from ftops.spec.document import parse
from ftops.spec.envelopes import check_envelope, is_foreign
from ftops.spec.json_schema import DRAFTS, schema, schema_text
from ftops.spec.keys import KEYS
from ftops.spec.shape import validate

ROOT = Path(__file__).resolve().parents[2]
RULES = load_rules()
CHECKERS: dict[str, type[Any]] = {"7": Draft7Validator, "2020-12": Draft202012Validator}
VALIDATORS: Mapping[str, Validator] = {draft: CHECKERS[draft](schema(draft, RULES)) for draft in DRAFTS}
DOCUMENTS: Mapping[str, type[Document]] = {
    "Project": ProjectDocument,
    **{title: kind.document for title, kind in KINDS.items()},
}

DATASET = {"apiVersion": API_VERSION, "kind": "Dataset", "metadata": {"name": "a"}, "spec": {"file": "a.jsonl"}}
JOB = {
    "apiVersion": API_VERSION,
    "kind": "FineTuningJob",
    "metadata": {"name": "a", "formerly": ["b"], "labels": {"team": 1}},
    "spec": {
        "model": {"job": "b", "at": "abcdefgh"},
        "training_file": {"dataset": "a"},
        "validation_file": None,
        "trainingType": "globalstandard",
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": "auto", "batch_size": 4}}},
        "seed": 7,
    },
    "lifecycle": {"onFailure": {"retry": 2}, "allow": ["model-matrix"]},
}
DEPLOYMENT = {
    "apiVersion": API_VERSION,
    "kind": "Deployment",
    "metadata": {"name": "Prod.1"},
    "spec": {
        "sku": {"name": "globalstandard", "capacity": 5},
        "model": {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "1"},
        "tags": {"a": "b"},
    },
}
PROJECT = {
    "apiVersion": API_VERSION,
    "kind": "Project",
    "metadata": {"name": "p"},
    "spec": {"accounts": {"local": {"emulator": "e.db"}}, "policy": {"suffixMax": 40}},
}
SOUND: list[dict[str, Any]] = [PROJECT, DATASET, JOB, DEPLOYMENT]


def documents(folder: Path) -> Iterator[Any]:
    """Yield the documents of all spec files below a folder, as the loader reads them."""
    for path in sorted(folder.rglob("*.yaml")):
        for tree in parse(path.read_bytes(), path.name).trees:
            yield as_json(tree.plain())


def as_json(value: object) -> Any:  # noqa: ANN401 — any value of JSON
    """Return a value with lists for tuples, as JSON has it."""
    return json.loads(json.dumps(value))


def accepted(document: Any, draft: str = "7") -> bool:  # noqa: ANN401 — any value of JSON
    """Tell whether the schema accepts a document."""
    return bool(VALIDATORS[draft].is_valid(document))


def loaded(document: object) -> bool:
    """Tell whether the loader takes a document's envelope and shape, or skips it as another tool's."""
    (tree,) = parse(json.dumps(document).encode(), "a.yaml").trees
    if is_foreign(tree):
        return True
    if check_envelope(tree) is not None:
        return False
    title = str(tree.scalar("kind"))
    return validate(tree, DOCUMENTS[title], title)[0] is not None


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_schema_is_valid_in_its_draft(draft: str) -> None:
    """Each emitted schema is one by the meta-schema of its own draft, and names it."""
    made = json.loads(schema_text(draft, RULES))
    CHECKERS[draft].check_schema(made)
    assert made["$schema"] == CHECKERS[draft].META_SCHEMA["$schema"]


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("folder", ["examples/specs", "tests/golden/seed"])
def test_every_document_of_the_examples_is_accepted(draft: str, folder: str) -> None:
    """What the repository itself declares is right in both drafts."""
    found = list(documents(ROOT / folder))
    assert found
    for document in found:
        assert not [error.message for error in VALIDATORS[draft].iter_errors(document)], document


@pytest.mark.parametrize("draft", DRAFTS)
def test_what_init_writes_is_accepted_and_names_its_schema(draft: str) -> None:
    """Every document that init writes is right, and leads an editor to the schema beside it."""
    texts = dict(_files())
    specs = {name: text for name, text in texts.items() if name.endswith(".yaml")}
    assert len(specs) == 2
    assert json.loads(texts[SCHEMA_FILE]) == schema("7", RULES)
    for name, text in specs.items():
        for part in text.split("---\n"):
            found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", part)
            assert found is not None, part
            assert posixpath.normpath(posixpath.join(posixpath.dirname(name), found[1])) == SCHEMA_FILE
        for tree in parse(text.replace("{{name}}", "p").encode(), name).trees:
            assert accepted(as_json(tree.plain()), draft)


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a document with a value put at a dotted path; `...` takes it out."""
    made = copy.deepcopy(document)
    *parents, last = path.split(".")
    here = made
    for part in parents:
        here = here.setdefault(part, {})
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return made


MISTAKES: Mapping[str, dict[str, Any]] = {
    "misspelt key": changed(JOB, "spec.trainng_file", {"dataset": "a"}),
    "key of another section": changed(JOB, "spec.onFailure", "hold"),
    "key of a later version": changed(JOB, "lifecycle.preventDestroy", True),  # noqa: FBT003
    "missing key": changed(JOB, "spec.trainingType", ...),
    "missing name": changed(DATASET, "metadata", {}),
    "missing kind": changed(DATASET, "kind", ...),
    "missing apiVersion": changed(DATASET, "apiVersion", ...),
    "unknown kind": changed(DATASET, "kind", "Datasets"),
    "another version of ours": changed(DATASET, "apiVersion", "ftops/v1"),
    "a number for a string": changed(DATASET, "spec.file", 7),
    "a string for a number": changed(DEPLOYMENT, "spec.sku.capacity", "5"),
    "a truth value for a number": changed(JOB, "spec.seed", True),  # noqa: FBT003
    "below the least": changed(DEPLOYMENT, "spec.sku.capacity", 0),
    "a string for a reference": changed(JOB, "spec.training_file", "a"),
    "a string for a list": changed(JOB, "metadata.formerly", "b"),
    "a word that is none": changed(JOB, "lifecycle.onParentChange", "train"),
    "a digest of another form": changed(JOB, "spec.model", {"job": "b", "at": "ABCDEFGH"}),
    "a name of another form": changed(DATASET, "metadata.name", "Support V3"),
    "a deployment's name of another form": changed(DEPLOYMENT, "metadata.name", "-"),
    "a list": changed(PROJECT, "spec.accounts", []),
}


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("name", MISTAKES)
def test_typical_mistakes_are_refused(draft: str, name: str) -> None:
    """An editor underlines what validate would refuse."""
    assert not accepted(MISTAKES[name], draft)


@pytest.mark.parametrize("draft", DRAFTS)
def test_documents_of_other_tools_pass(draft: str) -> None:
    """A Kubernetes document beside ours is not ours to check; an empty document is none."""
    assert accepted({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2}}, draft)
    assert accepted(None, draft)
    assert not accepted([], draft)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value in a document."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))


OTHER_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    3,
    2.5,
    "",
    "auto",
    "hold",
    "x",
    [],
    ["x"],
    [3],
    {},
    {"job": "b"},
    {"x": 1},
]


def another_value(data: st.DataObject) -> Any:  # noqa: ANN401 — any value of JSON
    """Return a value of one's own, since a later edit may be in it."""
    return copy.deepcopy(data.draw(st.sampled_from(OTHER_VALUES)))


@settings(max_examples=4 * settings().max_examples)
@given(st.data())
def test_schema_and_loader_agree_on_any_edit(data: st.DataObject) -> None:
    """A value put in another's place, a key renamed or taken out: both accept the document, or both refuse it."""
    document = copy.deepcopy(data.draw(st.sampled_from(SOUND)))
    for _ in range(data.draw(st.integers(1, 2))):
        *parents, last = data.draw(st.sampled_from([path for path in places(document) if path] or [("apiVersion",)]))
        here: Any = document
        for part in parents:
            here = here[part]
        edit = data.draw(st.sampled_from(["replace", "rename", "remove", "add"]))
        if edit == "replace" or isinstance(here, list):
            here[last] = another_value(data)
        elif edit == "add":
            here[data.draw(st.sampled_from(["x", "name", "seed", "format", "preventDestroy"]))] = another_value(data)
        else:
            value = here.pop(last)
            if edit == "rename":
                here[f"{last}s"] = value
    both = {draft: accepted(document, draft) for draft in DRAFTS}
    assert both["7"] == both["2020-12"]
    if not loaded(document):
        assert not both["7"], document
    elif not refused_by_name(document):
        assert both["7"], document


def refused_by_name(document: Any) -> bool:  # noqa: ANN401 — any value of JSON
    """Tell whether a name has not the form of its kind, which the loader says after the shape."""
    ours = document["apiVersion"] == API_VERSION
    return ours and not re.fullmatch(r"[a-z0-9-]{2,63}", document["metadata"]["name"])


def test_what_keeps_no_key_has_no_place() -> None:
    """The keys of later versions are in no definition, and every model refuses what it does not know."""
    made = schema("7", RULES)
    for model in models():
        definition = made["definitions"][model.__name__]
        assert definition["additionalProperties"] is False
        assert not set(definition["properties"]) & set(model.not_yet) if "properties" in definition else True


def models() -> Iterator[type[Strict]]:
    """Yield every model that is part of a document."""
    names = set(schema("7", RULES)["definitions"])
    stack: list[type[Strict]] = [Strict]
    while stack:
        model = stack.pop()
        stack.extend(model.__subclasses__())
        if model.__name__ in names:
            yield model


def test_every_key_is_described_and_nothing_else() -> None:
    """Each key has help for an editor, and no help is left without a key."""
    used = set()
    for model in models():
        for name in model.model_fields:
            own = f"{model.__name__}.{name}"
            key = own if own in KEYS else f"Document.{name}"
            assert key in KEYS, f"{own} needs a line in spec/keys.py"
            used.add(key)
    assert used == set(KEYS)


def test_an_edit_of_a_field_says_what_it_means() -> None:
    """The help of a field tells whether an edit trains anew, by the rules of its kind."""
    definitions = schema("7", RULES)["definitions"]
    assert "An edit makes a new one" in definitions["Hyperparameters"]["properties"]["n_epochs"]["description"]
    assert "An edit is made in place" in definitions["SkuSpec"]["properties"]["capacity"]["description"]
    assert "An edit changes nothing" in definitions["JobSpec"]["properties"]["suffix"]["description"]

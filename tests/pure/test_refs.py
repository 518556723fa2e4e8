"""References between documents: order, unknown targets, cycles, and ten thousand documents in a chain."""

from __future__ import annotations

import time

import pytest

from ftops.kinds import KINDS
from ftops.kinds.envelope import JobRef, as_type
from ftops.kinds.job_spec import JobDocument
from ftops.model import Address
from ftops.spec.document import parse
from ftops.spec.refs import edges, in_order, key_of, problems
from ftops.spec.shape import validate
from ftops.spec.source import Source

TITLES = {kind.word: title for title, kind in KINDS.items()}


def source(address: str, parent: str = "", account: str = "local") -> Source:
    """Return a document; a job is trained from its parent and on the dataset `data`, a deployment serves its job."""
    word, _, name = address.partition("/")
    head = f"apiVersion: ftops/v1alpha1\nkind: {TITLES[word]}\nmetadata: {{name: {name}}}\nspec:\n"
    model = f"{{job: {parent}}}" if parent else "gpt-4.1-mini-2025-04-14"
    body = {
        "dataset": "  file: x.jsonl\n",
        "job": f"  model: {model}\n  training_file: {{dataset: data}}\n  trainingType: Standard\n",
        "deployment": f"  sku: {{name: Standard, capacity: 1}}\n  model: {{job: {parent}}}\n",
    }[word]
    tree = parse((head + body).encode(), f"{name}.yaml").trees[0]
    document, findings = validate(tree, KINDS[TITLES[word]].document, TITLES[word])
    assert document is not None, findings
    return Source(Address(word, name), TITLES[word], document, account, tree)


DATA = source("dataset/data")


def names(sources: tuple[Source, ...]) -> list[str]:
    """Return the addresses in order."""
    return [str(each.address) for each in sources]


def told(*sources: Source) -> list[tuple[str, str, str]]:
    """Return file, code and first words of what is wrong with the references."""
    return [(d.span.file, d.code, d.detail.partition(":")[0]) for d in problems(sources)]


def test_edges() -> None:
    """Every reference is an edge with its path, whether or not its target exists."""
    job = source("job/a", "b")
    assert [(edge.source.address, edge.path, str(edge.target)) for edge in edges([job])] == [
        (job.address, ("spec", "model", "job"), "job/b"),
        (job.address, ("spec", "training_file", "dataset"), "dataset/data"),
    ]


def test_order() -> None:
    """Referenced before referring; else datasets, jobs, deployments, each in the order given."""
    given = (source("deployment/pp", "c"), source("job/b", "c"), source("job/c"), source("job/a"), DATA)
    assert names(in_order(given)) == ["dataset/data", "job/c", "job/b", "job/a", "deployment/pp"]
    assert in_order(()) == ()
    assert names(in_order((source("job/a", "nowhere"),))) == ["job/a"]


def test_a_document_on_a_cycle_comes_last() -> None:
    """The order holds every document, also when there is no right one."""
    given = (source("job/a", "b"), source("job/b", "a"), source("job/c"), DATA)
    assert names(in_order(given)) == ["dataset/data", "job/c", "job/a", "job/b"]


def test_unknown_reference() -> None:
    """A target that no document declares is told, unless a broken document may declare it."""
    job = source("job/a", "support-v2")
    assert [d.code for d in problems([job])] == ["unknown-reference", "unknown-reference"]
    assert problems([job], lambda _: True) == []
    found = problems([job, DATA, source("job/support-v1")])
    assert [d.detail for d in found] == [
        'No FineTuningJob document that was read is named "support-v2". Did you mean "support-v1"?'
    ]
    assert found[0].excerpt == "  model: {job: support-v2}"


def test_names_of_deployments_compare_without_case() -> None:
    """Only kinds whose names have no case are compared so."""
    assert key_of(Address("deployment", "Prod")) == key_of(Address("deployment", "prod"))
    assert key_of(Address("job", "Prod")) != key_of(Address("job", "prod"))
    assert key_of(Address("other", "Prod")) == Address("other", "Prod")


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({"a": "a"}, ["job/a -> job/a"]),
        ({"a": "b", "b": "a"}, ["job/a -> job/b -> job/a"]),
        ({"a": "c", "b": "a", "c": "b"}, ["job/a -> job/c -> job/b -> job/a"]),
        ({"x": "a", "a": "b", "b": "a", "y": "b"}, ["job/a -> job/b -> job/a"]),
        ({"a": "a", "b": "b"}, ["job/a -> job/a", "job/b -> job/b"]),
        ({"a": "", "b": "a", "c": "a"}, []),
    ],
)
def test_cycles(parents: dict[str, str], expected: list[str]) -> None:
    """Each cycle is told once, as a path, at the reference that closes it; what leads into it is not."""
    found = told(DATA, *(source(f"job/{name}", parent) for name, parent in parents.items()))
    assert [detail for _, _, detail in found] == expected
    assert [file for file, _, _ in found] == [f"{path.split(' -> ')[-2][4:]}.yaml" for path in expected]


def test_across_accounts() -> None:
    """A job or deployment in another account than its job is refused; datasets have no account."""
    jobs = (source("job/a"), source("job/b", "a", "west"), source("deployment/dd", "a", "west"))
    assert [code for _, code, _ in told(DATA, *jobs)] == ["across-accounts", "across-accounts"]
    assert told(DATA, source("job/a"), source("job/b", "a", "")) == []


def test_ten_thousand_documents_in_a_chain() -> None:
    """A chain as long as a project can be is ordered and searched for cycles without recursion, in seconds."""
    chain = [source("job/j0"), *(_child(number) for number in range(1, 10_000))]
    begin = time.process_time()
    assert [d.code for d in problems([DATA, *chain])] == []
    assert in_order([*reversed(chain), DATA]) == (DATA, *chain)
    assert time.process_time() - begin < 10


PATTERN = source("job/j1", "j0")


def _child(number: int) -> Source:
    """Return job number n, trained from the one before; made from one parsed document, to be quick."""
    document = as_type(JobDocument, PATTERN.document)
    spec = document.spec.model_copy(update={"model": JobRef(job=f"j{number - 1}")})
    child = document.model_copy(update={"spec": spec})
    return Source(Address("job", f"j{number}"), PATTERN.kind, child, "local", PATTERN.tree)

"""The contract is stated twice, as the emulator's routes and as the contract tests' table; here they are held together.

The table of docs/emulator.md is drawn from the second. That each row was exercised by the client it names is checked by
`tests/contract/coverage.py`, after the contract tests.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from ftops.emulator.context import Surface
from ftops.emulator.routes import ARM_ROUTES, DATA_ROUTES, SUBSCRIPTION_ROUTES, Route

ROOT = Path(__file__).resolve().parents[2]
DOC = ROOT / "docs" / "emulator.md"
BEGIN, END = "<!-- operations -->\n", "<!-- end of operations -->"
FRONTS = {
    Surface.V1: ("v1", "project v1"),
    Surface.GA: ("classic",),
    Surface.CLASSIC: ("classic",),
    Surface.PROJECT: ("project",),
    Surface.ARM: ("ARM",),
}
"""The table's surfaces for each of the emulator's, whose stable classic versions are classic here, too.

On data routes ARM means nothing.
"""


class Exercise(Protocol):
    """A row's part for one surface, as far as this file looks."""

    surface: str
    status: int
    call: str


class Operation(Protocol):
    """A row of the contract tests' table, as far as this file looks."""

    method: str
    path: str
    exercises: tuple[Exercise, ...]


def table(name: str) -> tuple[Operation, ...]:
    """Return a table of the contract tests, which have an environment of their own; the tables need none of it."""
    folder = str(ROOT / "tests" / "contract")
    sys.path.insert(0, folder)
    try:
        found: tuple[Operation, ...] = getattr(
            importlib.import_module(f"operations_{name}"), f"{name.upper()}_OPERATIONS"
        )
    finally:
        sys.path.remove(folder)
    return found


DATA, ARM = table("data"), table("arm")


def routes() -> Iterator[tuple[Route, str, str]]:
    """Yield every route with one of its surfaces, and what stands before its path in the table."""
    for route in DATA_ROUTES:
        fronts = {front for surface in route.on - {Surface.ARM} for front in FRONTS[surface]}
        yield from ((route, front, "") for front in sorted(fronts))
    group = importlib.import_module("operations_arm").GROUP
    yield from ((route, "ARM", group) for route in ARM_ROUTES)
    yield from ((route, "ARM", "") for route in SUBSCRIPTION_ROUTES)


def means(operation: Operation, route: Route, before: str) -> bool:
    """Tell whether a row of the table is about a route."""
    if operation.method != route.method or not operation.path.startswith(before):
        return False
    path = re.sub(r"\{[^}]*\}", "name", operation.path.removeprefix(before))
    return route.path.fullmatch(path) is not None


@pytest.mark.parametrize(
    ("route", "front", "before"),
    [pytest.param(*each, id=f"{each[0].method} {each[0].path.pattern} on {each[1]}") for each in routes()],
)
def test_every_route_has_a_contract_test(route: Route, front: str, before: str) -> None:
    """For each route and surface the table names the SDK call that exercises it."""
    found = [operation for operation in (*DATA, *ARM) if means(operation, route, before)]
    assert [each.call for operation in found for each in operation.exercises if each.surface == front]


@pytest.mark.parametrize("operation", [*DATA, *ARM], ids=lambda operation: f"{operation.method} {operation.path}")
def test_every_row_is_about_a_route(operation: Operation) -> None:
    """The table promises nothing that the emulator has not got, on no surface."""
    served = {front for route, front, before in routes() if means(operation, route, before)}
    assert {str(each.surface) for each in operation.exercises} - {"login"} <= served


def drawn() -> str:
    """Return the table of the documentation."""
    lines = ["| operation | surface | status | exercised by |", "|---|---|---|---|"]
    for operation in (*DATA, *ARM):
        path = re.sub(r"^/subscriptions/.*/accounts/\{account\}", "…", operation.path)
        lines += [
            f"| `{operation.method} {path}` | {each.surface} | {each.status} | `{each.call}` |"
            for each in operation.exercises
        ]
    return "\n".join(lines) + "\n"


def test_the_documentation_has_the_table() -> None:
    """docs/emulator.md says which SDK call exercises which operation on which surface."""
    text = DOC.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, "the marks of the table are missing"
    made = f"{before}{BEGIN}\n{drawn()}\n{END}{after}"
    if os.environ.get("FTOPS_UPDATE_GOLDEN"):
        DOC.write_text(made, encoding="utf-8")
    assert text == made or os.environ.get("FTOPS_UPDATE_GOLDEN")

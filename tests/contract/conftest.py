"""Fixtures of the contract tests: one server a process, an account that nobody used for each test, clients of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from arm import Arm
from service import Account, Service, many_accounts, served

FACT = re.compile(r"(azure-api|service-rules)\.md §[\d.]+[a-z]?\b.* \[(W|S|D|P|UNCONFIRMED)\]")
LOGS = "FTOPS_CONTRACT_LOGS"
"""The variable that names the folder where `coverage.py` looks for what was exercised."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that does not name the fact it checks."""
    nameless = [
        item.nodeid
        for item in items
        if not (facts := list(item.iter_markers("fact")))
        or not all(FACT.fullmatch(" ".join(str(arg) for arg in fact.args)) for fact in facts)
    ]
    if nameless:
        raise pytest.UsageError("@pytest.mark.fact('azure-api.md §4.3 [W]') is missing at " + ", ".join(nameless))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give a served emulator; what it answered is kept for `coverage.py`."""
    folder = tmp_path_factory.mktemp("service")
    with served(folder, many_accounts()) as running:
        yield running
    if logs := os.environ.get(LOGS):
        copyfile(running.log, Path(logs) / f"{os.environ.get('PYTEST_XDIST_WORKER', 'one')}.txt")


@pytest.fixture(scope="session")
def _unused(service: Service) -> Iterator[Account]:
    return iter(service.accounts())


@pytest.fixture
def pair(_unused: Iterator[Account]) -> tuple[Account, Account]:
    """Return two accounts of different regions that nobody used."""
    return next(_unused), next(_unused)


@pytest.fixture
def account(_unused: Iterator[Account]) -> Account:
    """Return an account that nobody used."""
    return next(_unused)


@pytest.fixture
def arm(service: Service, account: Account) -> Arm:
    """Return the account on ARM, through the management SDK."""
    return Arm(service, account)


@pytest.fixture
def trouble(service: Service) -> Iterator[Callable[[object], object]]:
    """Return what puts a description of trouble in force (docs/emulator.md); afterwards there is none."""
    yield lambda described: service.control("PUT", "faults", described)
    service.control("DELETE", "faults")

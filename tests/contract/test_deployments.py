"""Deployments, as the management SDK makes, polls, changes, lists and deletes them."""

from __future__ import annotations

import pytest
from clients import arm_client
from service import Account, Service


@pytest.mark.fact("azure-api.md §10 [W]")
def test_a_fresh_account_has_no_deployments(service: Service, account: Account) -> None:
    """A listing without anything is an empty list."""
    listed = arm_client(service, account).deployments.list(account.group, account.name)
    assert list(listed) == []

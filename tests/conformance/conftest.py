"""A world whose project declares every kind, before and after it has converged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give an empty account and a project of every kind."""
    made = World(tmp_path)
    made.add_all()
    yield made
    made.emulator.close()


@pytest.fixture
def done(world: World) -> World:
    """Give the same account after it has converged."""
    world.converge()
    return world

"""What the emulator's commands share: the accounts that the project keeps in emulators, and opening one.

A server is to be ready in a blink: nothing slow is imported before it is needed, and no data file is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.clock import SystemClock
from ftops.commands.output import COMMON, Output
from ftops.errors import FtopsError, SpecError

if TYPE_CHECKING:
    from ftops.emulator import Emulator

_NO_PROJECT = {"no-documents", "no-project"}


@dataclass(frozen=True, slots=True)
class Emulated:
    """An account of the project that is kept in an emulator's file."""

    path: Path
    region: str
    is_default: bool


def emulated_accounts(output: Output, *, may_lack: bool = False) -> Mapping[str, Emulated]:
    """Return the project's emulated accounts by name; only the Project document has to be sound.

    Args: may_lack: return nothing where there is no project at all.
    Raises: SpecError with what is wrong with the Project; FtopsError when none of its accounts is emulated.
    """
    from ftops.kinds.project import ProjectDocument, default_account  # noqa: PLC0415
    from ftops.rules import load_rules  # noqa: PLC0415
    from ftops.spec.loader import load  # noqa: PLC0415

    root = output.common.root
    loaded = load((), root, bytes, load_rules())
    if loaded.project is None:
        if may_lack and {diagnostic.code for diagnostic in loaded.diagnostics} <= _NO_PROJECT:
            return {}
        raise SpecError(loaded.diagnostics)
    project = loaded.project.document
    if not isinstance(project, ProjectDocument):
        raise FtopsError("the project's document is of another kind")
    default = default_account(project.spec)
    found = {
        name: Emulated(root / account.emulator, account.region, name == default)
        for name, account in project.spec.accounts.items()
        if account.emulator
    }
    if not found and not may_lack:
        raise FtopsError(
            "no account of the project is an embedded emulator (`emulator: FILE`); one that is served is moved and "
            "called where its file is, or over its address: docs/emulator.md"
        )
    return found


@contextmanager
def opened(path: Path, *, require_auth: bool = False) -> Iterator[Emulator]:
    """Yield the emulator of a file, made if it is not there, and close it.

    Raises: FtopsError when the file cannot be used, at the beginning or later.
    """
    import sqlite3  # noqa: PLC0415 — the help needs none

    from ftops.emulator import Emulator  # noqa: PLC0415

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        emulator = Emulator(path, SystemClock(), require_auth=require_auth)
    except Exception as error:
        raise FtopsError(f"{path.name} cannot be opened as an emulator's file: {error}") from error
    try:
        yield emulator
    except sqlite3.Error as error:
        raise FtopsError(f"the emulator's file cannot be used: {error}") from error
    finally:
        emulator.close()


def with_own_account(made: click.Command) -> click.Command:
    """Take the common `--account` away from a command that has one of its own."""
    own = {name for param in made.params if param not in COMMON for name in param.opts}
    made.params = [param for param in made.params if param not in COMMON or not own.intersection(param.opts)]
    return made

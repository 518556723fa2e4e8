"""What commands share: the loaded project, the emulators it names, and clients joined to them."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ftops.clock import SystemClock
from ftops.commands.output import Output
from ftops.desired import Built, build
from ftops.diagnostics import Severity, has_errors
from ftops.embedded import emulator_client
from ftops.emulator import Emulator
from ftops.errors import FtopsError, SpecError
from ftops.kinds.project import ProjectDocument
from ftops.live import observe
from ftops.model import Desired, LiveState
from ftops.rules import load_rules
from ftops.spec.loader import Loaded, load
from ftops.wire.client import Client

STATE_FOLDER = ".ftops"
"""Holds the journal and the lease; deleting it changes no plan outside the grace period."""
BAR_BYTES_MIN = 1_000_000
"""Smaller uploads show no bar."""


def load_built(output: Output, paths: Sequence[str]) -> tuple[Loaded, Built]:
    """Return the specs as loaded and what they declare, with every problem of both."""
    root = output.common.root
    rules = load_rules()
    loaded = load(paths, root, sys.stdin.buffer.read, rules)
    return loaded, build(loaded, root, rules, SystemClock().now().date())


def desired_of(output: Output, paths: Sequence[str]) -> tuple[ProjectDocument, Desired]:
    """Return what the specs declare, with warnings printed; raises SpecError with everything if there are errors."""
    loaded, built = load_built(output, paths)
    if has_errors(built.diagnostics) or built.desired is None or loaded.project is None:
        raise SpecError(built.diagnostics)
    output.diagnostics([d for d in built.diagnostics if d.severity is Severity.WARNING])
    project = loaded.project.document
    if not isinstance(project, ProjectDocument):
        raise FtopsError("the project's document is of another kind")
    return project, built.desired


@dataclass(frozen=True, slots=True)
class Session:
    """A project joined to its accounts."""

    project: ProjectDocument
    desired: Desired
    clients: dict[str, Client]
    emulators: tuple[Emulator, ...]
    folder: Path

    def observe(self) -> LiveState:
        """Return what the accounts hold, without the journal's doubts."""
        return observe(self.clients, self.desired, SystemClock(), {}, {})

    def pause(self, seconds: float) -> None:
        """Let the service's time pass: an embedded emulator is advanced instead of waited for."""
        for emulator in self.emulators:
            emulator.pause(seconds)


@contextmanager
def store_problems() -> Iterator[None]:
    """Tell a full disk or a damaged store of an emulator as what it is, and not as a bug."""
    try:
        yield
    except sqlite3.Error as error:
        raise FtopsError(f"the emulator's file cannot be used: {error}") from error


@contextmanager
def session(output: Output, paths: Sequence[str]) -> Iterator[Session]:
    """Open the project's accounts, as far as a document uses them."""
    project, desired = desired_of(output, paths)
    root = output.common.root
    with store_problems(), ExitStack() as stack:
        stores: dict[Path, Emulator] = {}
        clients = {}
        for name in desired.accounts:
            spec = project.spec.accounts[name]
            path = root / spec.emulator
            if path not in stores:
                stores[path] = open_emulator(path)
                stack.callback(stores[path].close)
            clients[name] = emulator_client(stores[path], name, spec.region, output.call, UploadBar(output))
        yield Session(project, desired, clients, tuple(stores.values()), root / STATE_FOLDER)


def open_emulator(path: Path) -> Emulator:
    """Return the emulator of a file, made if it is not there; raises FtopsError when the file cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Emulator(path, SystemClock())
    except Exception as error:
        raise FtopsError(f"{path.name} cannot be opened as an emulator's file: {error}") from error


class UploadBar:
    """Draws on a terminal how far an upload has come; nothing is drawn elsewhere, or for what passes in a blink."""

    def __init__(self, output: Output) -> None:
        """Start with nothing sent."""
        self._shown = sys.stderr.isatty() and not output.common.quiet
        self._percent = -1

    def __call__(self, sent_bytes: int, size_bytes: int) -> None:
        """Take note of one block."""
        if not self._shown or size_bytes < BAR_BYTES_MIN:
            return
        percent = min(100, sent_bytes * 100 // size_bytes)
        if percent != self._percent:
            self._percent = percent
            bar = "#" * (percent // 4)
            end = "\n" if percent == 100 else ""  # noqa: PLR2004
            sys.stderr.write(f"\r      [{bar:<25}] {percent:>3} % of {size_bytes / 1e6:,.1f} MB{end}")
            sys.stderr.flush()

"""What commands share: the loaded project, its accounts, and clients joined to them."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ftops.cache import Cache
from ftops.clock import SystemClock
from ftops.commands.declaration import Declaration, declare
from ftops.commands.output import Output
from ftops.errors import FtopsError, SpecError
from ftops.kinds.envelope import Finding
from ftops.kinds.project import AccountSpec, ProjectDocument
from ftops.live import observe
from ftops.model import Desired, LiveState
from ftops.rules import load_rules
from ftops.versions import Compare, Versions, uncompared
from ftops.wire.client import Client
from ftops.wire.network import Network, Place

if TYPE_CHECKING:
    from ftops.emulator import Emulator

STATE_FOLDER = ".ftops"
"""Holds the journal and the lease; deleting it changes no plan outside the grace period."""
STOP_LOOK_S = 0.5
"""While waiting in real time, whether a person asked to stop is looked at so often."""
BAR_BYTES_MIN = 1_000_000
"""Smaller uploads show no bar."""


def declared(output: Output, paths: Sequence[str]) -> Declaration:
    """Return what the specs declare, with warnings printed; raises SpecError with everything if there are errors."""
    found = declare(output.common.root, paths)
    output.diagnostics(found.warnings)
    return found


@dataclass(frozen=True, slots=True)
class Session:
    """A project joined to its accounts: all embedded emulators, or all on the network.

    `compare` tells what differs between contents of datasets, the same in every pass of a run.
    """

    project: ProjectDocument
    declared: Desired
    clients: dict[str, Client]
    emulators: tuple[Emulator, ...]
    folder: Path
    compare: Compare = uncompared

    @property
    def desired(self) -> Desired:
        """Return what the specs declare; whether the network is an emulator is known once it has answered."""
        accounts = {
            name: replace(account, emulated=account.emulated or bool(self.clients[name].emulated))
            for name, account in self.declared.accounts.items()
        }
        return replace(self.declared, accounts=accounts)

    def observe(self) -> LiveState:
        """Return what the accounts hold, without the journal's doubts."""
        return self.compare(self.declared, observe(self.clients, self.declared, SystemClock(), {}, {}))

    def pause(self, seconds: float, stopped: Callable[[], bool] = lambda: False) -> None:
        """Let the service's time pass: emulators are advanced, the real service is waited for.

        The wait ends early when `stopped` tells that a person asked for it.
        """
        for emulator in self.emulators:
            emulator.pause(seconds)
        if self.emulators:
            return
        served = {client.advance_url: client for client in self.clients.values() if client.emulated}
        for client in served.values():
            client.let_pass(seconds)
        if not served and self.clients:
            _wait(next(iter(self.clients.values())), seconds, stopped)


def _wait(client: Client, seconds: float, stopped: Callable[[], bool]) -> None:
    while seconds > 0 and not stopped():
        client.let_pass(min(seconds, STOP_LOOK_S))
        seconds -= STOP_LOOK_S


@contextmanager
def store_problems() -> Iterator[None]:
    """Tell a full disk or a damaged store of an emulator as what it is, and not as a bug."""
    try:
        yield
    except sqlite3.Error as error:
        raise FtopsError(f"the emulator's file cannot be used: {error}") from error


@contextmanager
def session(output: Output, paths: Sequence[str]) -> Iterator[Session]:
    """Open the project's accounts, as far as a document uses them.

    Raises: SpecError when they are embedded emulators and accounts on the network at once, or when a host is not one
    that credentials go to.
    """
    found = declared(output, paths)
    used = {name: found.project.spec.accounts[name] for name in found.desired.accounts}
    refuse_mixed(found, used)
    root = output.common.root
    with store_problems(), ExitStack() as stack:
        bar = UploadBar(output)
        emulators: tuple[Emulator, ...] = ()
        if any(spec.emulator is None for spec in used.values()):
            clients = _network_clients(output, found, used, stack)
        else:
            clients, emulators = _embedded_clients(output, root, used, stack)
        for client in clients.values():
            client.tell_progress = bar
        versions = Versions(Cache.under(root), load_rules().limits)
        yield Session(found.project, found.desired, clients, emulators, root / STATE_FOLDER, versions.compared)


def refuse_mixed(found: Declaration, used: Mapping[str, AccountSpec]) -> None:
    """Raise SpecError if some of the accounts are embedded emulators and others on the network."""
    embedded = [name for name, spec in used.items() if spec.emulator is not None]
    others = [name for name in used if name not in embedded]
    if embedded and others:
        detail = (
            f"The documents use the embedded emulator ({', '.join(embedded)}) and the network ({', '.join(others)}). "
            "One pass never touches both: keep them in two projects, or in two overlays of one, and name the one meant "
            "on the command line."
        )
        finding = Finding(("spec", "accounts"), "mixed-accounts", "Emulators beside real accounts", detail, on_key=True)
        raise SpecError([found.point(finding)])


def network_of(output: Output) -> Network:
    """Return what the network clients of a run share."""
    return Network(os.environ, SystemClock(), output.call, output.note)


def place_of(name: str, spec: AccountSpec) -> Place:
    """Return where an account on the network is."""
    key_env = "" if isinstance(spec.auth, str) else spec.auth.apiKeyEnv
    return Place(name, spec.endpoint or "", spec.resourceId or "", key_env, spec.surface)


def _network_clients(
    output: Output, found: Declaration, used: Mapping[str, AccountSpec], stack: ExitStack
) -> dict[str, Client]:
    network = network_of(output)
    stack.callback(network.close)
    places = {name: place_of(name, spec) for name, spec in used.items()}
    refused = [(name, what, why) for name, place in places.items() for what, why in network.refusals(place).items()]
    if refused:
        raise SpecError([found.point(_refused(*each)) for each in refused])
    clients = {}
    for name, place in places.items():
        clients[name] = stack.enter_context(network.client(place))
        clients[name].tell_call = output.call
    return clients


def _refused(name: str, what: str, why: str) -> Finding:
    detail = why if what == "endpoint" else f"{what}: {why}"
    path = ("spec", "accounts", name, "endpoint")
    return Finding(path, "host-not-allowed", "No credentials for this host", detail)


def _embedded_clients(
    output: Output, root: Path, used: Mapping[str, AccountSpec], stack: ExitStack
) -> tuple[dict[str, Client], tuple[Emulator, ...]]:
    from ftops.embedded import emulator_client  # noqa: PLC0415 — an account on the network needs no emulator

    stores: dict[Path, Emulator] = {}
    clients = {}
    for name, spec in used.items():
        path = root / (spec.emulator or "")
        if path not in stores:
            stores[path] = open_emulator(path)
            stack.callback(stores[path].close)
        clients[name] = stack.enter_context(emulator_client(stores[path], name, spec.region, output.call))
    return clients, tuple(stores.values())


def open_emulator(path: Path) -> Emulator:
    """Return the emulator of a file, made if it is not there; raises FtopsError when the file cannot be used."""
    try:
        from ftops.emulator import Emulator  # noqa: PLC0415

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

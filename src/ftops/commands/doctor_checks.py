"""What `ftops doctor` looks at: this machine, and each account of the project; nothing is written."""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from importlib.metadata import version
from importlib.resources import files

from ftops import __version__
from ftops.clock import SystemClock
from ftops.commands.checkup import Checkup
from ftops.commands.output import Output
from ftops.commands.session import network_of, open_emulator, place_of, store_problems
from ftops.diagnostics import Severity, did_you_mean
from ftops.errors import FtopsError, SpecError, UsageError, WireError
from ftops.kinds.project import AccountSpec, ProjectDocument
from ftops.render.doctor import Check, Level
from ftops.render.text import count
from ftops.rules import load_rules
from ftops.spec.loader import Loaded, load
from ftops.wire.flows import Limits
from ftops.wire.network import SKEW_MAX_S, Network, skew_in_words

RULES_DAYS_MAX = 180
"""Facts about the service that are older are worth a warning."""
PACKAGES = ("azure-identity", "httpx")


def examined(output: Output, account: str | None) -> list[Check]:
    """Return what was found, in the order in which it is told; `account` is the only one to look at, or None for all.

    Raises: SpecError with what is wrong with the Project; UsageError for an account that it does not name.
    """
    loaded = load((), output.common.root, sys.stdin.buffer.read, load_rules())
    accounts = _chosen(_project(loaded), account)
    checks = [*_machine(loaded)]
    with store_problems(), ExitStack() as stack:
        network = replace(network_of(output), warn=lambda _text: None)  # Its warnings are lines of the result.
        stack.callback(network.close)
        for name, spec in accounts.items():
            if spec.emulator is not None:
                checks += _embedded(output, name, spec)
            else:
                checks += _on_the_network(output, network, name, spec)
    return checks


def _project(loaded: Loaded) -> ProjectDocument:
    """Return the Project; only it has to be sound."""
    if loaded.project is None:
        raise SpecError(loaded.diagnostics)
    document = loaded.project.document
    if not isinstance(document, ProjectDocument):
        raise FtopsError("the project's document is of another kind")
    wrong = [d for d in loaded.diagnostics if d.span.file == loaded.project.file and d.severity is Severity.ERROR]
    if wrong:
        raise SpecError(wrong)
    return document


def _chosen(project: ProjectDocument, account: str | None) -> Mapping[str, AccountSpec]:
    accounts = project.spec.accounts
    if account is None:
        return accounts
    if account not in accounts:
        raise UsageError(f'"{account}" is not an account of the Project.{did_you_mean(account, list(accounts))}')
    return {account: accounts[account]}


def _machine(loaded: Loaded) -> Iterator[Check]:
    """Yield the checks that concern no account."""
    others = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield Check("", "versions", Level.OK, f"ftops {__version__}, Python {platform.python_version()}, {others}")
    errors = sum(d.severity is Severity.ERROR for d in loaded.diagnostics)
    if errors:
        yield Check("", "specs", Level.WARNING, count(errors, "error"), "`ftops validate` lists them.")
    today = SystemClock().now().date()
    for name, dates in _dates_of_rules():
        oldest, newest = min(dates), max(dates)
        days = (today - oldest).days
        found = f"as of {oldest}" + (f" to {newest}" if newest != oldest else "") + f", {count(days, 'day')} old"
        if days > RULES_DAYS_MAX:
            mend = "Limits, models and prices change: install a newer ftops."
            yield Check("", f"rules: {name}", Level.WARNING, found, mend)
        else:
            yield Check("", f"rules: {name}", Level.OK, found)


def _dates_of_rules() -> Iterator[tuple[str, list[date]]]:
    """Yield each file of facts with the dates that its tables bear."""
    for file in sorted(files("ftops.rules").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            dates = list(_dates(tomllib.loads(file.read_text(encoding="utf-8"))))
            if dates:
                yield file.name.removesuffix(".toml"), dates


def _dates(value: object) -> Iterator[date]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "as_of" and isinstance(inner, date):
                yield inner.date() if isinstance(inner, datetime) else inner
            else:
                yield from _dates(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dates(inner)


def _embedded(output: Output, name: str, spec: AccountSpec) -> list[Check]:
    """Return the checks of an embedded emulator; none is made for the purpose."""
    from ftops.embedded import emulator_client  # noqa: PLC0415 — most accounts are on the network

    path = output.common.root / (spec.emulator or "")
    if not path.exists():
        found = f"{spec.emulator} does not exist yet"
        return [Check(name, "emulator", Level.OK, found, "The first plan makes it.")]
    emulator = open_emulator(path)
    try:
        with emulator_client(emulator, name, spec.region, output.call) as client:
            return Checkup(name, spec, client, embedded=True).run()
    finally:
        emulator.close()


def _on_the_network(output: Output, network: Network, name: str, spec: AccountSpec) -> list[Check]:
    """Return the checks of an account on the network; without an allowed host there is nothing to ask."""
    place = place_of(name, spec)
    refusals = network.refusals(place)
    if refusals:
        return [Check(name, "host", Level.BROKEN, f"{what}: {why}") for what, why in refusals.items()]
    host = Check(name, "host", Level.OK, f"{spec.host} may be sent credentials")
    try:
        client = network.client(place)
    except WireError as error:
        return [host, Check(name, "endpoint", Level.BROKEN, str(error))]
    with client:
        client.limits = Limits(tries=2, knocks=1)
        client.tell_call = output.call
        client.tell_met = partial(network.measure, name)
        checks = [host, *Checkup(name, spec, client).run()]
    skew = network.skews.get(name)
    if client.emulated:
        checks.append(Check(name, "clock", Level.OK, "an emulator's own"))
    elif skew is not None:
        wrong = abs(skew.total_seconds()) > SKEW_MAX_S
        found = skew_in_words(name, skew) if wrong else f"{abs(skew.total_seconds()):.0f} s apart"
        checks.append(Check(name, "clock", Level.WARNING if wrong else Level.OK, found))
    return checks

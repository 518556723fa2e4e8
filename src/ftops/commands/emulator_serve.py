"""`ftops emulator serve`: the project's emulator on the network, for every client that speaks to Azure."""

from __future__ import annotations

import re
import shlex
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ftops.clock import SystemClock
from ftops.commands.emulator_accounts import Emulated, emulated_accounts, opened, with_own_account
from ftops.commands.output import Output, command
from ftops.errors import FtopsError, UsageError

if TYPE_CHECKING:
    from ftops.emulator import Emulator
    from ftops.emulator.serve import Address, Served
    from ftops.emulator.serve_certificates import Certificate

CERTIFICATES = ".ftops/emulator"
WORKLOAD_TOKEN = "workload-identity.jwt"  # noqa: S105  a file's name
EXIT_INTERRUPTED = 130
"""Ctrl-C, as with every command; being ended by the system is 0."""
HTTP_PORT = 8080
HTTPS_PORT = 8443
_LOOPBACK = ("127.", "::1", "localhost")
_ACCOUNT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9-]{0,63}):(?P<region>[A-Za-z0-9]+)")


class _NamedRegion(click.ParamType[tuple[str, str]]):
    """`NAME:REGION`."""

    name = "name:region"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        found = _ACCOUNT.fullmatch(str(value))
        if found is None:
            self.fail(f'"{value}" is not NAME:REGION, for example east:eastus2.', param, ctx)
        return found["name"], found["region"].lower()


@with_own_account
@command(short_help="Serve it over http and https, with sign-in.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option("--http", type=click.IntRange(0, 65535), default=HTTP_PORT, show_default=True, help="The http port.")
@click.option("--https", type=click.IntRange(0, 65535), default=HTTPS_PORT, show_default=True, help="The https port.")
@click.option("--account", "accounts", type=_NamedRegion(), multiple=True, help="Make this account; repeatable.")
@click.option("--store", metavar="FILE", help="Serve this file; with --account it needs no project.")
@click.option("--cert-dir", metavar="DIR", default=CERTIFICATES, show_default=True, help="Keep the certificates here.")
def serve(
    output: Output,
    host: str,
    http: int,
    https: int,
    accounts: Sequence[tuple[str, str]],
    store: str | None,
    cert_dir: str,
) -> int:
    """Serve the project's emulator on an http and an https port, with sign-in, until Ctrl-C.

    Port 0 takes a free one. What a client needs is printed when the server is ready; the keys and secrets in it are
    invented and open nothing but this emulator.
    """
    from ftops.emulator.serve import Address  # noqa: PLC0415

    path, wanted = _chosen(output, store, accounts)
    with _stopper() as stop, opened(path, require_auth=True) as emulator:
        for name, region in wanted.items():
            emulator.ensure_account(name, region)
        with _served(output, emulator, Address(host, http, https), output.common.root / cert_dir) as ready:
            if not host.startswith(_LOOPBACK):
                output.note(f"warning: whoever reaches {host} can use this emulator; its keys are no secret.")
            output.result(ready_text(ready, path.name))
            stop.wait()
    if stop.signal == signal.SIGINT:
        output.progress("The emulator has stopped; its file holds everything that it answered.")
        return EXIT_INTERRUPTED
    return 0


def _chosen(output: Output, store: str | None, made: Sequence[tuple[str, str]]) -> tuple[Path, Mapping[str, str]]:
    """Return the file to serve and the region of each account that must be in it."""
    root = output.common.root
    if store is not None and made:
        return root / store, dict(made)
    declared = emulated_accounts(output, may_lack=True)
    if store is None and not declared:
        raise UsageError(
            "no project here keeps an account in an emulator; name a file and an account, for example "
            "--store ftops-emulator.db --account east:eastus2"
        )
    if store is None:
        return _only_file(declared, root), {name: each.region for name, each in declared.items()} | dict(made)
    wanted = {name: each.region for name, each in declared.items() if each.path == root / store}
    if not wanted:
        raise UsageError(f"no project here keeps an account in {store}; make one, for example --account east:eastus2")
    return root / store, wanted


def _only_file(declared: Mapping[str, Emulated], root: Path) -> Path:
    paths = list(dict.fromkeys(each.path for each in declared.values()))
    if len(paths) > 1:
        names = " and ".join(str(path.relative_to(root)) for path in paths)
        raise UsageError(
            f"the project keeps its accounts in different files ({names}), and a server serves one: choose it with "
            "--store FILE"
        )
    return paths[0]


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that answers, and what tells about it."""

    emulator: Emulator
    served: Served
    certificate: Certificate


@contextmanager
def _served(output: Output, emulator: Emulator, address: Address, folder: Path) -> Iterator[Ready]:
    from ftops.emulator.serve import PortTaken, Served, Voice  # noqa: PLC0415
    from ftops.emulator.serve_certificates import certificate  # noqa: PLC0415

    try:
        made = certificate(folder, address.reached, SystemClock().now())
        _write_workload_token(folder / WORKLOAD_TOKEN, emulator.identity.assertion())
    except OSError as error:
        raise FtopsError(f"the certificates cannot be kept in {folder}: {error.strerror or error}") from error
    try:
        served = Served(emulator, address, made, Voice(output.call, output.note))
    except PortTaken as taken:
        raise FtopsError(f"{taken}; choose another with --http, --https or --host (port 0 takes a free one)") from taken
    try:
        yield Ready(emulator, served, made)
    finally:
        served.stop()


def _write_workload_token(path: Path, token: str) -> None:
    """Write what a workload identity signs in by; only its owner can read it, as with what Kubernetes writes."""
    whole = path.with_suffix(".new")
    whole.touch(mode=0o600)
    whole.write_text(token, encoding="ascii")
    whole.replace(path)


def ready_text(ready: Ready, store_name: str) -> str:
    """Return what a user pastes to let clients reach the server."""
    emulator, https, identity = ready.emulator, ready.served.https, ready.emulator.identity
    wide = max(len(name) for name in emulator.accounts())
    accounts = (
        f"  {name:<{wide}}   {region}   endpoint {https}/{name}   api-key {identity.keys(name)[0]}\n"
        f"  {'':<{wide}}   resourceId {emulator.resource_id(name)}\n"
        for name, region in emulator.accounts().items()
    )
    authority = shlex.quote(str(ready.certificate.authority))
    token = shlex.quote(str(ready.certificate.authority.with_name(WORKLOAD_TOKEN)))
    exports = (
        f"FTOPS_ALLOW_HOSTS={urlsplit(https).hostname}",
        f"FTOPS_ARM_ENDPOINT={https}",
        f"AZURE_AUTHORITY_HOST={https}",
        f"AZURE_TENANT_ID={identity.tenant_id} AZURE_CLIENT_ID={identity.client_id}",
        f"AZURE_CLIENT_SECRET={identity.client_secret}",
        f"SSL_CERT_FILE={authority} REQUESTS_CA_BUNDLE={authority}",
    )
    return (
        f"EMULATOR ready   {https}   {ready.served.http}   store {store_name}\n"
        + "".join(accounts)
        + "In the terminal of the client (keys and secret are invented and open nothing but this emulator):\n"
        + "".join(f"  export {each}\n" for each in exports)
        + "Python code signs in with these by DefaultAzureCredential(disable_instance_discovery=True).\n"
        + "Or, for a workload identity, instead of the secret:\n"
        + f"  export AZURE_FEDERATED_TOKEN_FILE={token}\n"
        + "Or, for a managed identity, instead of the tenant, client and secret:\n"
        + f"  export IDENTITY_ENDPOINT={ready.served.http}/msi/token IDENTITY_HEADER={identity.identity_header}\n"
        + "Stop with Ctrl-C.\n"
    )


class _Stop:
    """Waits for the system or a person to end the server, and knows which signal it was."""

    def __init__(self) -> None:
        self.signal = 0
        self._asked = threading.Event()

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self._asked.set()

    def wait(self) -> None:
        self._asked.wait()


@contextmanager
def _stopper() -> Iterator[_Stop]:
    stop = _Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

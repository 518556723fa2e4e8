"""The emulator as a stranger's client meets it: a server of its own process, accounts, keys, a certificate.

Nothing here imports ftops: the clients' environment does not have it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

FTOPS = os.environ.get("FTOPS") or str(Path(__file__).resolve().parents[2] / ".venv" / "bin" / "ftops")
ACCOUNTS = 400
"""As many as one process runs tests: each test has an account that nobody used, and its neighbour."""
REGIONS = ("eastus2", "swedencentral")
PROJECT = "p1"


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the server: what a client has to know of it."""

    name: str
    region: str
    root: str
    key: str
    resource_id: str

    @property
    def v1(self) -> str:
        """The base URL of the v1 surface."""
        return f"{self.root}/openai/v1/"

    @property
    def project(self) -> str:
        """The address of a project of the account."""
        return f"{self.root}/api/projects/{PROJECT}"

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        return self.resource_id.split("/")[2]

    @property
    def group(self) -> str:
        """The resource group's name."""
        return self.resource_id.split("/")[4]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One line of the server's log: a request, the status of its answer, and the client's own name."""

    method: str
    path: str
    status: int
    agent: str


@dataclass
class Service:
    """A running `ftops emulator serve`."""

    printed: str
    log: Path

    @property
    def https(self) -> str:
        """The https address."""
        return self._found(r"EMULATOR ready +(https://\S+)")

    @property
    def http(self) -> str:
        """The http address."""
        return self._found(r" (http://\S+)")

    @property
    def ca(self) -> str:
        """The file of the authority that signed its certificate."""
        return str(self.log.parent / ".ftops" / "emulator" / "ca.pem")

    @property
    def exports(self) -> Mapping[str, str]:
        """What it prints for the client's terminal."""
        lines = "".join(re.findall(r"export .*\n", self.printed))
        return {name: value.strip("'") for name, value in re.findall(r"(\w+)=('[^']*'|\S+)", lines)}

    def accounts(self) -> list[Account]:
        """Return its accounts."""
        return list(self._accounts)

    @cached_property
    def _accounts(self) -> tuple[Account, ...]:
        pattern = r"  (\S+) +(\S+)   endpoint (\S+)   api-key (\S+)\n +resourceId (\S+)"
        return tuple(Account(name, region, *rest) for name, region, *rest in re.findall(pattern, self.printed))

    def control(self, method: str, path: str, value: object = None) -> object:
        """Send a request to a control endpoint of the emulator, by the quicker of its ports, and return its JSON.

        Raises: RuntimeError when it is refused.
        """
        body = None if value is None else json.dumps(value).encode()
        headers = {"api-key": self._accounts[0].key, "Content-Type": "application/json"}
        with closing(HTTPConnection(self.http.removeprefix("http://"))) as connection:
            connection.request(method, f"/_emulator/{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(text.decode())
        return json.loads(text or b"null")

    def advance(self, seconds: float) -> None:
        """Move the service's clock."""
        self.control("POST", "advance", {"seconds": seconds})

    def exchanges(self) -> list[Exchange]:
        """Return what it answered so far, oldest first."""
        return exchanges_in(self.log)

    def _found(self, pattern: str) -> str:
        match = re.search(pattern, self.printed)
        assert match is not None, self.printed
        return match[1]


def exchanges_in(log: Path) -> list[Exchange]:
    """Return what a server's log tells, oldest first."""
    found = re.findall(r"^ *(\S+) (\S+) (\d{3}) (\S+)$", log.read_text(encoding="utf-8"), re.MULTILINE)
    return [Exchange(method, path, int(status), agent) for method, path, status, agent in found]


def many_accounts() -> list[str]:
    """Return the options for as many accounts as a run of tests may use."""
    made = [f"c{number:03}:{REGIONS[number % 2]}" for number in range(ACCOUNTS)]
    return ["--store", "world.db", *(word for each in made for word in ("--account", each))]


@contextmanager
def served(folder: Path, options: Sequence[str]) -> Iterator[Service]:
    """Give a server on free ports that is ready, and end it."""
    command = [FTOPS, "emulator", "serve", "-v", "--http", "0", "--https", "0", *options]
    log = folder / "log.txt"
    # What it imports comes from a store with its own certificate.
    environ = {**os.environ, "SSL_CERT_FILE": str(folder / ".ftops" / "emulator" / "ca.pem")}
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603 — as named
            command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            printed = ""
            for line in iter(process.stdout.readline, ""):
                printed += line
                if line.startswith("Stop with"):
                    break
            assert printed.endswith("Stop with Ctrl-C.\n"), log.read_text(encoding="utf-8")
            yield Service(printed, log)
        finally:
            process.kill()

"""The emulator as a stranger's client meets it: a server of its own process, accounts, keys, a certificate.

Nothing here imports ftops: the clients' environment does not have it.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FTOPS = os.environ.get("FTOPS") or str(Path(__file__).resolve().parents[2] / ".venv" / "bin" / "ftops")
ACCOUNTS = 640
"""More than there are tests: each has an account that nobody used, and some have its neighbour of another region."""
REGION, OTHER_REGION = "eastus2", "swedencentral"
OTHER_EVERY = 8
"""Every so many accounts one is of the other region."""
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
        pattern = r"  (\S+) +(\S+)   endpoint (\S+)   api-key (\S+)\n +resourceId (\S+)"
        return [Account(name, region, *rest) for name, region, *rest in re.findall(pattern, self.printed)]

    def control(self, method: str, path: str, value: object = None) -> object:
        """Send a request to a control endpoint of the emulator and return its JSON."""
        body = None if value is None else json.dumps(value).encode()
        headers = {"api-key": self.accounts()[0].key, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.https}/_emulator/{path}", body, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.ca)) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

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


@contextmanager
def served(folder: Path) -> Iterator[Service]:
    """Give a server on free ports that is ready, and end it."""
    regions = [OTHER_REGION if number % OTHER_EVERY == 0 else REGION for number in range(ACCOUNTS)]
    made = [f"c{number:03}:{region}" for number, region in enumerate(regions)]
    accounts = [word for each in made for word in ("--account", each)]
    command = [FTOPS, "emulator", "serve", "-v", "--http", "0", "--https", "0", "--store", "world.db", *accounts]
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

"""A project on a served emulator, the environments by which a client signs in to it, and what must never be told."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from forks import run_ftops
from harness import Project
from serving import Server

ADDRESSES = ("FTOPS_ALLOW_HOSTS", "FTOPS_ARM_ENDPOINT", "AZURE_AUTHORITY_HOST", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
CLIENT = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
WAYS: Mapping[str, tuple[str, ...]] = {
    "secret": (*CLIENT, "AZURE_CLIENT_SECRET"),
    "workload": (*CLIENT, "AZURE_FEDERATED_TOKEN_FILE"),
    "managed": ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
    "nothing": (),
}
WRONG = "wrong-secret-of-nobody"
"""What tests bring in place of a secret; it is one too."""
STORE = ("--store", "world.db", "--account", "east:eastus2", "--account", "west:westus3")
_FOREIGN = ("FTOPS_", "AZURE_", "IDENTITY_", "MSI_")


def exports(server: Server) -> dict[str, str]:
    """Return everything that the server prints for the client's terminal."""
    lines = "".join(re.findall(r"export .*\n", server.printed))
    return {name: value.strip("'") for name, value in re.findall(r"(\w+)=('[^']*'|\S+)", lines)}


def signed_in(server: Server, way: str = "secret") -> dict[str, str]:
    """Return the environment that signs in one way and no other."""
    told = exports(server)
    return {name: told[name] for name in (*ADDRESSES, *WAYS[way])}


def keys(server: Server) -> list[str]:
    """Return the printed keys, one for each account."""
    return re.findall(r"api-key (\S+)", server.printed)


def on_the_network(root: Path, server: Server, *, auth: str = "", arm: bool = True) -> Project:
    """Return the quickstart, moved from its embedded emulator to the first account on the network."""
    project = Project.copy_of("quickstart", root)
    (file,) = [path for path in (project.root / "specs").rglob("*.yaml") if "kind: Project" in path.read_text("utf-8")]
    endpoint, resource_id = server.found(r"endpoint (\S+)"), server.found(r"resourceId (\S+)")
    members = [f"endpoint: {endpoint}", "region: eastus2"]
    members += [f"resourceId: {resource_id}"] if arm else []
    members += [f"auth: {auth}"] if auth else []
    text = file.read_text(encoding="utf-8")
    moved = re.sub(r"local: \{emulator: [^}]*\}", f"local: {{{', '.join(members)}}}", text)
    assert moved != text
    file.write_text(moved, encoding="utf-8")
    return project


def run(project: Project, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with an environment that has nothing of this machine's accounts."""
    around = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return run_ftops(arguments, project.root, {**around, "NO_COLOR": "1", **environment})


def secrets_of(server: Server) -> list[str]:
    """Return what is told nowhere: keys, the client's secret, the identity's header, and how every token begins."""
    told = exports(server)
    return [*keys(server), told["AZURE_CLIENT_SECRET"], told["IDENTITY_HEADER"], "eyJ"]


def secrets_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Return the secrets that stand in a text."""
    return [secret for secret in secrets if secret and secret in text]


def reasons_in(text: str) -> set[str]:
    """Return why things are held and what to do about it, each on one line and without the request's id."""
    found = re.findall(r"^      held: (.*(?:\n {8}.*)*)(?:\n      do: (.*(?:\n {8}.*)*))?", text, re.MULTILINE)
    told = (re.sub(r" \(request [0-9a-f-]{36}\)", "", " ".join(f"{reason} {do}".split())) for reason, do in found)
    return set(told)


@dataclass(frozen=True, slots=True)
class World:
    """A project on a served emulator that is empty and does what it should."""

    server: Server
    root: Path

    def project(self, *, auth: str = "", arm: bool = True) -> Project:
        """Return the project, with another way to enter its account."""
        return on_the_network(self.root / "project", self.server, auth=auth, arm=arm)

    def make(self, **trouble: object) -> None:
        """Put limits and faults in force instead of what was."""
        status, told = self.server.call("PUT", "/_emulator/faults", json.dumps(trouble).encode())
        assert status == 200, told

    def met(self) -> list[tuple[int, int]]:
        """Return how many requests each rule has met, and on how many it acted."""
        rules = self.server.call("GET", "/_emulator/faults")[1]["met"]
        assert isinstance(rules, list)
        return [(rule["met"], rule["acted"]) for rule in rules]

    def count(self, path: str) -> int:
        """Return how many objects a listing of the data plane shows."""
        listed = self.server.call("GET", f"/east/openai/v1/{path}")[1]["data"]
        assert isinstance(listed, list)
        return len(listed)

    def run(
        self, project: Project, environment: Mapping[str, str], *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; whatever becomes of it, it tells no secret and no traceback."""
        done = run(project, environment, *arguments)
        told = done.stdout + done.stderr
        assert not secrets_in(told, [*secrets_of(self.server), WRONG])
        assert "Traceback" not in told
        return done

    def errors(self, project: Project, environment: Mapping[str, str]) -> tuple[str, set[str]]:
        """Return what a plan that must fail says on standard error beside its calls, and why it holds things."""
        done = self.run(project, environment, "plan", "-v")
        assert done.returncode == 1, done.stdout + done.stderr
        told = [line for line in done.stderr.splitlines() if not line.startswith("    ")]
        return "\n".join(told), reasons_in(done.stdout)


def emptied(server: Server, root: Path) -> World:
    """Return a world without anything in it and without trouble."""
    assert server.call("POST", "/_emulator/reset")[0] == 200
    world = World(server, root)
    world.make()
    return world

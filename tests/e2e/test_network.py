"""A whole life over https: a service principal signs in by azure-identity to a served emulator, from an example."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from harness import Project
from serving import Server, kept_port, served
from signing import on_the_network, run, secrets_in, secrets_of, signed_in

STORE = ("--store", "world.db", "--account", "east:eastus2")


@pytest.fixture
def ports() -> tuple[str, ...]:
    """Return two ports that a server finds again after its death."""
    return ("--http", kept_port(), "--https", kept_port())


@pytest.fixture
def server(tmp_path: Path, ports: tuple[str, ...]) -> Iterator[Server]:
    """Give an emulator on the network, with its own certificates."""
    (tmp_path / "service").mkdir()
    with served(tmp_path / "service", *STORE, *ports) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Project:
    """Return the quickstart, moved from its embedded emulator to the account on the network."""
    return on_the_network(tmp_path / "project", server)


def test_a_life_over_https(project: Project, server: Server) -> None:
    """From an example to converged with a token of a service principal; no secret is printed, however much is told."""
    environment = signed_in(server)
    done = run(project, environment, "apply", "--yes", "--wait", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("Converged.")
    assert "(EMULATOR 127.0.0.1:" in done.stdout.splitlines()[0]
    assert "signed in by EnvironmentCredential" in done.stderr
    assert not secrets_in(done.stdout + done.stderr, secrets_of(server))
    assert (run(project, environment, "plan").stdout.splitlines()[-1]) == "No changes. 4 unchanged."
    status = run(project, environment, "status", "--format", "json")
    states = {row["address"]: row["state"] for row in json.loads(status.stdout)["rows"]}
    assert states["deployment/parcels-prod"] == "Succeeded"
    doctor = run(project, environment, "doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert " 0 broken." in doctor.stdout


def test_tokens_that_expire_in_the_middle_are_replaced(project: Project, server: Server) -> None:
    """Tokens expire at the first read and at each create; newer ones are fetched and it goes on, in both planes."""
    paths = ("", "/files$", "/fine_tuning/jobs$", "/deployments/[^/]+$")
    rules = [{"effect": "expired-token", "method": "(POST|PUT)" if path else "GET", "path": path} for path in paths]
    assert server.call("PUT", "/_emulator/faults", json.dumps({"faults": rules}).encode())[0] == 200
    done = run(project, signed_in(server), "apply", "--yes", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    met = server.call("GET", "/_emulator/faults")[1]["met"]
    assert isinstance(met, list)
    assert [rule["acted"] > 0 for rule in met] == [True] * len(rules)


def test_a_killed_server_loses_nothing(
    project: Project, server: Server, ports: tuple[str, ...], tmp_path: Path
) -> None:
    """The service dies in the middle and comes back with its file: the next run goes on, with one of each."""
    environment = signed_in(server)
    assert run(project, environment, "apply", "--yes").returncode == 3
    server.process.kill()
    server.process.wait(60)
    lost = run(project, environment, "plan")
    assert lost.returncode == 1
    assert "Traceback" not in lost.stderr
    with served(tmp_path / "service", *STORE, *ports):
        assert run(project, environment, "apply", "--yes", "--wait").returncode == 0
        rows = json.loads(run(project, environment, "status", "--format", "json").stdout)["rows"]
    assert sorted(row["address"].partition("/")[0] for row in rows) == ["dataset", "dataset", "deployment", "job"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AZURE_CLIENT_SECRET": "wrong-secret-of-nobody"}, "AADSTS7000215"),
        ({"FTOPS_ALLOW_HOSTS": ""}, "FTOPS_ALLOW_HOSTS"),
        ({"SSL_CERT_FILE": "", "REQUESTS_CA_BUNDLE": ""}, "SSL_CERT_FILE"),
    ],
    ids=["wrong secret", "host not allowed", "unknown certificate"],
)
def test_what_is_wrong_is_told_in_a_sentence(
    project: Project, server: Server, change: Mapping[str, str], words: str
) -> None:
    """A wrong secret, a host that gets no credentials, a certificate that nobody knows: each with its way out."""
    done = run(project, {**signed_in(server), **change}, "plan")
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert words in told
    assert "Traceback" not in told
    assert "wrong-secret-of-nobody" not in told

"""The emulator on real sockets: two ports in front of one state, clients that misbehave, and azure-identity."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential

from ftops.clock import SystemClock
from ftops.emulator import Effect, Emulator, Fault
from ftops.emulator.serve import Address, PortTaken, Served, Voice
from ftops.emulator.serve_certificates import Certificate, certificate

from .conftest import ACCOUNT, rows

FILES = f"/{ACCOUNT}/openai/v1/files"
ACCOUNT_PATH = f"{Emulator.resource_id(ACCOUNT)}?api-version=2025-06-01"
ARM_SCOPE = "https://management.azure.com/.default"
FORM_HEAD = (
    b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: text/plain\r\n\r\n'
)
FORM_TAIL = b"\r\n--B--\r\n"
WAIT_S = 30.0


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """Return the body's JSON object."""
        value: dict[str, object] = json.loads(self.body)
        return value


@dataclass
class World:
    """A served emulator in a folder, and raw callers of it."""

    emulator: Emulator
    served: Served
    certificate: Certificate
    folder: Path
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def connect(self, url: str | None = None) -> http.client.HTTPConnection:
        """Return a connection to one of the ports; https trusts only the emulator's own authority."""
        parts = urlsplit(url or self.served.http)
        assert parts.hostname is not None
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=WAIT_S)
        trust = ssl.create_default_context(cafile=str(self.certificate.authority))
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=WAIT_S, context=trust)

    def call(self, method: str, path: str, body: bytes = b"", url: str | None = None, **headers: str) -> Answer:
        """Send one request with the account's key and return its answer."""
        connection = self.connect(url)
        sent = {
            "api-key": self.emulator.identity.keys(ACCOUNT)[0],
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        connection.request(method, path, body or None, sent)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def upload(self, content: bytes, url: str | None = None) -> Answer:
        """Upload a file."""
        kind = "multipart/form-data; boundary=B"
        return self.call("POST", FILES, FORM_HEAD + content + FORM_TAIL, url, content_type=kind)

    def begin_upload(self, content: bytes, size_bytes: int) -> socket.socket:
        """Send the beginning of an upload that claims a size, and return its connection."""
        parts = urlsplit(self.served.http)
        connection = socket.create_connection((parts.hostname, parts.port), timeout=WAIT_S)
        head = (
            f"POST {FILES} HTTP/1.1\r\nHost: x\r\napi-key: {self.emulator.identity.keys(ACCOUNT)[0]}\r\n"
            f"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: {size_bytes}\r\n\r\n"
        )
        connection.sendall(head.encode() + FORM_HEAD + content)
        return connection


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for this machine's own names."""
    return certificate(tmp_path_factory.mktemp("certificates"), "127.0.0.1", SystemClock().now())


@pytest.fixture
def world(made: Certificate, tmp_path: Path) -> Iterator[World]:
    """Give a served emulator with one account."""
    emulator = Emulator(tmp_path / "world.db", SystemClock(), require_auth=True)
    emulator.ensure_account(ACCOUNT, "eastus2")
    requests: list[str] = []
    failures: list[str] = []
    served = Served(emulator, Address("127.0.0.1", 0, 0), made, Voice(requests.append, failures.append))
    yield World(emulator, served, made, tmp_path, requests, failures)
    served.stop()


def test_both_ports_show_one_state(world: World) -> None:
    """What is uploaded by https is read by http, and every answer has one date and one server."""
    key = str(world.upload(rows(10), world.served.https).json["id"])
    answer = world.call("GET", f"{FILES}/{key}/content")
    assert answer.body == rows(10)
    for url in (world.served.http, world.served.https):
        headers = world.call("GET", FILES, url=url).headers
        assert headers.get_all("Server") == ["ftops-emulator"]
        assert len(headers.get_all("Date") or ()) == 1


def test_locations_lead_back(world: World) -> None:
    """A Location has the scheme, the port and the account's prefix of the request it answers."""
    for url in (world.served.http, world.served.https):
        answer = world.upload(rows(10), url)
        assert answer.headers["Location"] == f"{url}/{ACCOUNT}/openai/files/{answer.json['id']}"


def test_the_certificate_is_for_localhost_too(world: World) -> None:
    """A client may name this machine as it likes."""
    port = urlsplit(world.served.https).port
    assert world.call("GET", FILES, url=f"https://localhost:{port}").status == 200


def test_many_at_once(world: World) -> None:
    """Requests of several threads on both ports all happen, and are told one by one."""
    urls = [world.served.http, world.served.https] * 20
    with ThreadPoolExecutor(8) as pool:
        assert [answer.status for answer in pool.map(lambda url: world.upload(rows(10), url), urls)] == [201] * 40
    assert len(world.emulator.snapshot(ACCOUNT)["files"]) == 40
    assert world.requests.count(f"POST {FILES} 201 -") == 40


def test_silent_client_holds_nobody_up(world: World) -> None:
    """Clients that connect to either port and say nothing do not keep others from being answered."""
    idle = []
    for url in (world.served.https, world.served.http):
        parts = urlsplit(url)
        idle += [socket.create_connection((parts.hostname, parts.port)) for _ in range(3)]
    assert world.call("GET", FILES, url=world.served.https).status == 200
    assert world.call("GET", FILES).status == 200
    for connection in idle:
        connection.close()


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\xff" * 100])
def test_noise_on_the_secure_port_is_survived(world: World, sent: bytes) -> None:
    """Plain http, broken handshakes and noise end their own connection only."""
    parts = urlsplit(world.served.https)
    with socket.create_connection((parts.hostname, parts.port), timeout=WAIT_S) as connection:
        connection.sendall(sent)
        try:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except OSError as error:  # The server may have ended it already.
            assert error.errno in {errno.ENOTCONN, errno.ECONNRESET}, error  # noqa: PT017 — either end will do
    assert world.call("GET", FILES, url=world.served.https).status == 200
    assert world.failures == []


def test_what_is_no_http_is_refused(world: World) -> None:
    """A line that is no request is answered with the service's envelope."""
    parts = urlsplit(world.served.http)
    with socket.create_connection((parts.hostname, parts.port), timeout=WAIT_S) as connection:
        connection.sendall(b"GET / HTTP/9.9\r\n\r\n")
        said = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"Server: ftops-emulator" in head
    assert json.loads(body)["error"]["code"] == "505"


def test_slow_upload_holds_nobody_up(world: World) -> None:
    """While one upload is being received others are answered; when its rest has come, it is there."""
    content, rest = rows(20_000), rows(10) + FORM_TAIL
    connection = world.begin_upload(content, len(FORM_HEAD) + len(content) + len(rest))
    assert world.call("GET", FILES).json["data"] == []
    assert world.upload(rows(10)).status == 201
    connection.sendall(rest)
    said = b"".join(iter(lambda: connection.recv(4096), b""))
    connection.close()
    assert said.startswith(b"HTTP/1.1 201 ")
    assert sorted(f["bytes"] for f in world.emulator.snapshot(ACCOUNT)["files"]) == [
        len(rows(10)),
        len(content) + len(rows(10)),
    ]


def test_broken_upload_leaves_nothing(world: World) -> None:
    """A client that goes away in the middle of a large upload leaves no object and no file behind."""
    before = {path.name for path in world.folder.iterdir()}
    connection = world.begin_upload(rows(40_000), 100_000_000)
    connection.close()
    assert world.upload(rows(10)).status == 201
    assert len(world.emulator.snapshot(ACCOUNT)["files"]) == 1
    world.served.stop()
    assert {path.name for path in world.folder.iterdir()} <= before
    assert world.failures == []


def test_refused_upload_gets_its_answer(world: World) -> None:
    """A large upload with a wrong key is answered with 401, not with a broken connection."""
    kind = "multipart/form-data; boundary=B"
    body = FORM_HEAD + rows(100_000) + FORM_TAIL
    for url in (world.served.http, world.served.https):
        answer = world.call("POST", FILES, body, url, content_type=kind, api_key="wrong")
        assert answer.status == 401


@pytest.mark.parametrize(("effect", "kept"), [(Effect.DROP_BEFORE, 0), (Effect.DROP_AFTER, 1)])
def test_dropped_connections(world: World, effect: Effect, kept: int) -> None:
    """A fault that drops a connection does so on the network, before or after the deed."""
    world.emulator.faults.add(Fault(effect, "POST", "/files$"))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        world.upload(rows(10))
    assert len(world.emulator.snapshot(ACCOUNT)["files"]) == kept
    assert world.upload(rows(10)).status == 201


def bearer(world: World, audience: str) -> dict[str, str]:
    """Return the header of a token for an audience."""
    return {"Authorization": f"Bearer {world.emulator.identity.issue(audience, world.served.https)[0]}"}


def asked(world: World, path: str, headers: dict[str, str]) -> tuple[int, object]:
    """Return the status and the error's code of a read with these headers and no key."""
    connection = world.connect()
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    value = json.loads(response.read())
    connection.close()
    return response.status, value.get("error", {}).get("code")


def test_trouble_is_controlled_over_the_address(world: World) -> None:
    """Trouble is put, shown and removed by JSON with a credential, and never without one."""
    path = "/_emulator/faults"
    put = world.call("PUT", path, b'{"faults": [{"effect": "unavailable"}], "limits": {"files": 7}}')
    assert (put.status, put.json["met"]) == (200, [{"met": 0, "acted": 0}])
    assert [world.call("GET", FILES).status for _ in range(2)] == [503, 200]
    assert world.call("GET", path, url=world.served.https).json["met"] == [{"met": 2, "acted": 1}]
    for method in ("GET", "PUT", "DELETE"):
        assert world.call(method, path, b"{}", api_key="wrong").status == 401
    assert world.call("POST", "/_emulator/reset", api_key="wrong").status == 401
    wrong = world.call("PUT", path, b'{"limits": {"file": 7}, "seed": "x"}')
    assert (wrong.status, "limits.file" in wrong.body.decode(), "seed" in wrong.body.decode()) == (400, True, True)
    assert world.call("PUT", path, b"limits").status == 400
    assert world.emulator.limits.files == 7
    assert world.call("DELETE", path).json["description"] == {}
    assert world.upload(rows(10)).status == 201
    assert world.call("POST", "/_emulator/reset").status == 200
    assert world.call("GET", FILES).json["data"] == []


def test_slow_answers_and_uploads_take_the_systems_time(world: World) -> None:
    """A served emulator is slow for real: the head comes at once and the body late, others are answered meanwhile."""
    rules = [{"effect": "slow-upload", "seconds": 0.3}, {"effect": "slow-answer", "method": "GET", "seconds": 2}]
    before = world.emulator.now()
    world.call("PUT", "/_emulator/faults", json.dumps({"faults": rules}).encode())
    began = time.monotonic()
    assert world.upload(rows(10)).status == 201
    assert 0.3 <= time.monotonic() - began < WAIT_S
    connection = world.connect()
    began = time.monotonic()
    connection.request("GET", FILES, headers={"api-key": world.emulator.identity.keys(ACCOUNT)[0]})
    response = connection.getresponse()
    assert response.status == 200
    assert world.call("GET", FILES).status == 200
    assert time.monotonic() - began < 2
    assert len(json.loads(response.read())["data"]) == 1
    assert time.monotonic() - began >= 2
    connection.close()
    assert world.emulator.now() == before


def test_an_expired_token_is_refused_until_another_comes(world: World) -> None:
    """Both planes refuse the token of the first request in their own words, and take a newer one, or a key."""
    world.call("PUT", "/_emulator/faults", b'{"faults": [{"effect": "expired-token", "count": 2}]}')
    first = bearer(world, "https://cognitiveservices.azure.com"), bearer(world, "https://management.azure.com")
    assert [asked(world, FILES, first[0]) for _ in range(2)] == [(401, "401")] * 2
    assert asked(world, ACCOUNT_PATH, first[1]) == (401, "ExpiredAuthenticationToken")
    assert world.call("GET", FILES).status == 200
    assert asked(world, FILES, bearer(world, "https://ai.azure.com")) == (200, None)


def test_failure_of_the_emulator_is_told(world: World) -> None:
    """When the store fails, the caller gets a 500 of the service's kind, and the server says why."""
    world.emulator.close()
    connection = world.connect()
    connection.request("GET", FILES)
    response = connection.getresponse()
    assert (response.status, response.headers["Server"]) == (500, "ftops-emulator")
    assert "error" in json.loads(response.read())
    connection.close()
    assert world.failures
    assert FILES in world.failures[0]


def test_taken_port_is_told(world: World) -> None:
    """A port in use is an error that names it, on either scheme, and leaves nothing listening."""
    port = urlsplit(world.served.http).port or 0
    silent = Voice(world.requests.append, world.failures.append)
    for address in (Address("127.0.0.1", port, 0), Address("127.0.0.1", 0, port)):
        with pytest.raises(PortTaken, match=f"port {port} of 127.0.0.1 cannot be used: address already in use"):
            Served(world.emulator, address, world.certificate, silent)


def test_client_secret_of_azure_identity(world: World) -> None:
    """azure-identity signs in by https with the secret, and its tokens open the doors of their audiences."""
    identity = world.emulator.identity
    with ClientSecretCredential(
        identity.tenant_id,
        identity.client_id,
        identity.client_secret,
        authority=world.served.https,
        disable_instance_discovery=True,
        connection_verify=str(world.certificate.authority),
    ) as credential:
        token = credential.get_token(ARM_SCOPE).token
        data = credential.get_token("https://cognitiveservices.azure.com/.default").token
    for path, good, bad in ((ACCOUNT_PATH, token, data), (FILES, data, token)):
        for bearer, status in ((good, 200), (bad, 401)):
            connection = world.connect(world.served.https)
            connection.request("GET", path, headers={"Authorization": f"Bearer {bearer}"})
            assert connection.getresponse().status == status
            connection.close()


def test_wrong_secret_of_azure_identity(world: World) -> None:
    """A wrong secret is the error that azure-identity knows."""
    identity = world.emulator.identity
    with (
        ClientSecretCredential(
            identity.tenant_id,
            identity.client_id,
            "wrong",
            authority=world.served.https,
            disable_instance_discovery=True,
            connection_verify=str(world.certificate.authority),
        ) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(ARM_SCOPE)


def test_workload_identity_of_azure_identity(world: World, tmp_path: Path) -> None:
    """A workload identity signs in with the token file that its cluster gave it."""
    file = tmp_path / "token"
    file.write_text(world.emulator.identity.assertion(), encoding="utf-8")
    with WorkloadIdentityCredential(
        tenant_id=world.emulator.identity.tenant_id,
        client_id=world.emulator.identity.client_id,
        token_file_path=str(file),
        authority=world.served.https,
        disable_instance_discovery=True,
        connection_verify=str(world.certificate.authority),
    ) as credential:
        assert world.emulator.identity.read(credential.get_token(ARM_SCOPE).token) is not None


def test_managed_identity_of_azure_identity(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A managed identity of App Service asks the http port."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{world.served.http}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", world.emulator.identity.identity_header)
    with ManagedIdentityCredential() as credential:
        token = world.emulator.identity.read(credential.get_token(ARM_SCOPE).token)
    assert token is not None
    assert token.audience == "https://management.azure.com"

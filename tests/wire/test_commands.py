"""Commands against an account behind a socket: what a person sees, and what is told when rights are missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from ftops.call import Call, Plane
from ftops.cli import run
from ftops.commands.checkup import Checkup
from ftops.commands.session import Session
from ftops.kinds.project import AccountSpec, ProjectDocument
from ftops.model import Desired
from ftops.testing import NOON, FakeClock
from ftops.wire.network import Network, Place

from .served import KEY, Answer, Fake, Served, client, served, told

RESOURCE_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator/providers/"
    "Microsoft.CognitiveServices/accounts/east"
)
FILES = Call(Plane.DATA, "GET", "/files", {"purpose": "fine-tune"})
NOTHING = Desired("p", frozenset(), {}, ())
PROJECT_OF_NOTHING = ProjectDocument.model_validate(
    {
        "apiVersion": "ftops/v1alpha1",
        "kind": "Project",
        "metadata": {"name": "nothing-7k2f"},
        "spec": {"accounts": {"east": {"endpoint": "https://x.openai.azure.com"}}},
    }
)
Ftops = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[tuple[Served, str]]:
    """Yield an emulator behind a socket, and its root."""
    with served() as both:
        yield both


@pytest.fixture
def ftops(
    server: tuple[Served, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ftops:
    """Return a caller of commands in a new project whose account `east` is behind the socket, entered by a key."""
    _, root = server
    monkeypatch.setenv("FTOPS_ALLOW_HOSTS", "127.0.0.1")
    monkeypatch.setenv("FTOPS_ARM_ENDPOINT", root)
    monkeypatch.setenv("FTOPS_KEY", KEY)
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(["init", str(tmp_path)]) == 0
    account(tmp_path, f'east: {{endpoint: "{root}/east", auth: {{apiKeyEnv: FTOPS_KEY}}}}')
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(tmp_path), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def account(root: Path, text: str) -> None:
    """Write the accounts of the project anew."""
    path = root / "specs" / "project.yaml"
    before = path.read_text(encoding="utf-8").partition("  accounts:")[0]
    path.write_text(f"{before}  accounts:\n    {text}\n", encoding="utf-8")


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Have sign-ins succeed by a fake credential."""
    fake = Fake(at=NOON + timedelta(days=9000))
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", lambda **_: fake)
    return fake


def test_a_plan_over_a_socket(ftops: Ftops, server: tuple[Served, str], tmp_path: Path, signed_in: Fake) -> None:
    """A plan reads its listings and the past of its deployment with a token for each plane, and says EMULATOR."""
    app, root = server
    account(tmp_path, f'east: {{endpoint: "{root}/east", resourceId: {RESOURCE_ID}}}')
    code, out, err = ftops("plan", "-v")
    address = root.partition("://")[2]
    assert code == 0
    assert out.partition("  ")[0].endswith(f" on east (EMULATOR {address}/east)")
    assert "read in 14 calls" in out and "4 to create" in out
    assert "signed in by Fake for https://management.azure.com" in err
    assert sorted(signed_in.given) == [
        "https://cognitiveservices.azure.com/.default",
        "https://management.azure.com/.default",
    ]
    assert not [headers for _, _, headers in app.seen if "api-key" in headers]


def test_apply_over_a_socket_converges(
    ftops: Ftops, server: tuple[Served, str], tmp_path: Path, signed_in: Fake
) -> None:
    """Upload, training and deployment go through to the end; hours of the emulator pass without waiting."""
    app, root = server
    account(tmp_path, f'east: {{endpoint: "{root}/east", resourceId: {RESOURCE_ID}}}')
    code, out, err = ftops("apply", "--yes", "--wait")
    assert code == 0, out + err
    assert out.endswith("Converged.\n")
    assert sum(app.advanced_s) > 60
    assert ftops("plan", "--detailed-exitcode")[0] == 0
    assert len(signed_in.given) == 4, "one token a plane and command"


def test_without_a_resource_id_files_and_jobs_go_on(ftops: Ftops, server: tuple[Served, str]) -> None:
    """An account by key alone trains; its deployments are held, with the reason."""
    code, out, _ = ftops("apply", "--yes")
    assert code == 1
    assert "held: cannot be read: no resourceId" in out
    held = server[0].emulator.snapshot("east")
    assert (len(held["files"]), len(held["jobs"]), held["deployments"]) == (2, 1, [])


def test_a_refused_arm_closes_what_depends_on_it(
    ftops: Ftops, server: tuple[Served, str], tmp_path: Path, signed_in: Fake
) -> None:
    """Without the right to read deployments they are held, with the right and its roles; the rest is planned."""
    app, root = server
    account(tmp_path, f'east: {{endpoint: "{root}/east", resourceId: {RESOURCE_ID}}}')
    refusal: Answer = told("403 Forbidden", {"error": {"code": "AuthorizationFailed", "message": "No."}})
    app.before = lambda path, _h: refusal if path.startswith("/subscriptions") else None
    code, out, _ = ftops("plan")
    assert code == 1
    assert "held: cannot be read: 403 AuthorizationFailed: No.\n" in out
    assert "do: It needs Microsoft.CognitiveServices/accounts/deployments/read" in out
    assert "Plan: 3 to create" in out
    assert signed_in.given


@pytest.mark.parametrize(
    ("environ", "text", "code"),
    [
        ({"FTOPS_ALLOW_HOSTS": ""}, "error[host-not-allowed]: No credentials for this host", 1),
        ({"FTOPS_ALLOW_HOSTS": "*"}, "which is no host", 64),
        ({"FTOPS_KEY": ""}, "the environment variable FTOPS_KEY is empty; it should hold the account's key alone", 1),
    ],
)
def test_what_stops_before_any_request(
    ftops: Ftops, server: tuple[Served, str], environ: dict[str, str], text: str, code: int
) -> None:
    """A host that is not allowed, a list that is none, and a key that is not there are told, and nothing is sent."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        got, out, err = ftops("plan")
    assert got == code
    assert text in out + err
    assert "Traceback" not in err
    assert server[0].seen == []


def test_emulator_files_and_the_network_do_not_mix(ftops: Ftops, server: tuple[Served, str], tmp_path: Path) -> None:
    """Documents that use both are refused with the way out, before anything is read or made."""
    account(
        tmp_path, f'east: {{endpoint: "{server[1]}/east"}}\n    local: {{emulator: local.db}}\n  defaultAccount: local'
    )
    path = tmp_path / "specs" / "assistant.yaml"
    text = path.read_text(encoding="utf-8")
    assert "name: assistant-prod" in text
    further = "\n---\napiVersion: ftops/v1alpha1\nkind: Deployment\nmetadata: {name: other, account: east}\nspec:\n"
    further += '  sku: {name: GlobalStandard, capacity: 1}\n  model: {format: OpenAI, name: gpt-4o, version: "1"}\n'
    path.write_text(text + further, encoding="utf-8")
    code, _, err = ftops("plan")
    assert code == 1
    assert "error[mixed-accounts]: Emulators beside real accounts" in err
    assert (server[0].seen, (tmp_path / "local.db").exists()) == ([], False)


# --- pauses of a session


def test_a_session_moves_a_served_emulator(server: tuple[Served, str], tmp_path: Path) -> None:
    """A pause of the pass moves the clock of each served emulator once, however many accounts it has."""
    app, root = server
    with client(root) as one, client(root) as other:
        for each in (one, other):
            each.call(FILES)
        Session(PROJECT_OF_NOTHING, NOTHING, {"east": one, "west": other}, (), tmp_path).pause(90)
    assert app.advanced_s == [90]


def test_a_session_waits_for_the_real_service_until_a_person_stops_it(tmp_path: Path) -> None:
    """The wait is real, once for all accounts, and ends early when a person asked for it."""
    waited: list[float] = []
    with served(server_header="") as (_app, root), client(root) as one, client(root) as other:
        for each in (one, other):
            each.pause = waited.append
            each.call(FILES)
        session = Session(PROJECT_OF_NOTHING, NOTHING, {"east": one, "west": other}, (), tmp_path)
        session.pause(1.2)
        assert sum(waited) == pytest.approx(1.2)
        waited.clear()
        session.pause(60, stopped=lambda: len(waited) == 3)
        assert len(waited) == 3


# --- doctor


def doctor(ftops: Ftops, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Return doctor's exit code, and its checks of `east` by name."""
    code, out, err = ftops("doctor", "--format", "json", *arguments)
    assert "Traceback" not in err
    return code, {c["check"]: c for c in json.loads(out)["checks"] if c["account"] == "east"}


def test_doctor_of_a_key_only_account(ftops: Ftops, server: tuple[Served, str]) -> None:
    """Doors of the data plane are open, what needs ARM is to look at; nothing is written."""
    code, checks = doctor(ftops)
    assert code == 0
    assert {name: check["level"] for name, check in checks.items()} == {
        "host": "ok",
        "endpoint": "ok",
        "credential": "ok",
        "list files": "ok",
        "list jobs": "ok",
        "resource id": "warning",
        "clock": "ok",
    }
    assert checks["credential"]["found"] == "the key in FTOPS_KEY"
    assert {method for method, _, _ in server[0].seen} == {"GET"}


ARM_ANSWERS: dict[str, object] = {
    "metrics": {"value": []},
    "values": {"value": []},
    "usages": {
        "value": [
            {"name": {"value": "OpenAI.GlobalStandard.gpt4.1-mini-finetune"}, "currentValue": 200, "limit": 250},
            {"name": {"value": "OpenAI.Standard.gpt-4o-finetune"}, "currentValue": 0, "limit": 0},
            {"name": {"value": "OpenAI.GlobalStandard.gpt-4o"}, "currentValue": 5, "limit": 5},
            {"name": {"value": "OpenAI.FineTuned.Deployments"}, "currentValue": 10, "limit": 10},
        ]
    },
    "permissions": {
        "value": [
            {"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []},
            {"actions": [], "notActions": [], "dataActions": ["Microsoft.CognitiveServices/*"], "notDataActions": []},
        ]
    },
}


def arm(path: str, _headers: dict[str, str]) -> Answer | None:
    """Answer what the emulator here does not know."""
    body = ARM_ANSWERS.get(path.rpartition("/")[2]) if path.startswith("/subscriptions") else None
    return None if body is None else told("200 OK", body, Server="ftops-emulator")


def test_doctor_tells_rights_and_quotas(
    ftops: Ftops, server: tuple[Served, str], tmp_path: Path, signed_in: Fake
) -> None:
    """Rights are read from the permissions, quotas from the usages, and each line says how to mend it."""
    app, root = server
    app.before = arm
    account(tmp_path, f'east: {{endpoint: "{root}/east", resourceId: {RESOURCE_ID}, region: West US}}')
    code, checks = doctor(ftops, "--account", "east")
    assert code == 0
    assert {name for name, check in checks.items() if check["level"] == "warning"} == {"region", "quotas", "may deploy"}
    assert checks["credential"]["found"] == "signed in by Fake for https://cognitiveservices.azure.com"
    assert "Foundry Owner" in checks["may deploy"]["mend"]
    assert checks["region"]["mend"].startswith("Write `region: eastus2`")
    assert checks["quotas"]["found"] == (
        "GlobalStandard.gpt4.1-mini-finetune 50 of 250 left; FineTuned.Deployments 0 of 10 left"
    )
    assert {"metrics", "activity log", "may train", "list deployments"} <= checks.keys()
    assert {method for method, _, _ in app.seen} == {"GET"}
    assert signed_in.given


def test_doctor_finds_keys_that_are_switched_off(
    ftops: Ftops, server: tuple[Served, str], tmp_path: Path, signed_in: Fake
) -> None:
    """An account that takes no keys, and is of a kind without fine-tuning, is broken for a project that uses one."""
    app, root = server
    body = {"kind": "TextAnalytics", "location": "East US 2", "properties": {"disableLocalAuth": True}}
    closed = told("401 Unauthorized", {"error": {"code": "401", "message": "No keys."}})
    app.before = lambda path, _h: told("200 OK", body) if path == RESOURCE_ID else closed if "openai" in path else None
    account(tmp_path, f'east: {{endpoint: "{root}/east", resourceId: {RESOURCE_ID}, auth: {{apiKeyEnv: FTOPS_KEY}}}}')
    code, checks = doctor(ftops)
    assert code == 1
    assert {n for n, c in checks.items() if c["level"] == "broken"} == {"list files", "list jobs", "keys", "kind"}
    assert "region" not in checks
    assert signed_in.given == ["https://management.azure.com/.default"]


@pytest.mark.parametrize(("subdomain", "same"), [("Right", True), ("other", False), (None, False)])
def test_doctor_finds_an_endpoint_of_another_account(subdomain: str | None, *, same: bool) -> None:
    """When the resource id is another account's than the endpoint, both are named."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = {"kind": "OpenAI", "location": "eastus2", "properties": {"customSubDomainName": subdomain}}
        listing: dict[str, object] = {"data": [], "value": []}
        return httpx.Response(200, json=body if request.url.path == RESOURCE_ID else listing)

    spec = AccountSpec(endpoint="https://right.openai.azure.com", resourceId=RESOURCE_ID)
    heard: list[str] = []
    made = Network({}, FakeClock(), heard.append, heard.append, Fake).client(
        Place("east", "https://right.openai.azure.com", RESOURCE_ID)
    )
    with made:
        made.http.close()
        made.http = httpx.Client(transport=httpx.MockTransport(answer))
        checks = {check.name: check for check in Checkup("east", spec, made).run()}
    assert ("endpoint and resourceId" in checks) is not same
    if not same:
        found = checks["endpoint and resourceId"].found
        assert found.startswith('the endpoint is "right", the account of the resourceId ')
        assert str(subdomain or "one without a name") in found


def test_doctor_without_a_listener_or_an_allowed_host(ftops: Ftops, tmp_path: Path) -> None:
    """A door that does not open is one broken line, with what to do, and the exit code 1."""
    account(tmp_path, 'east: {endpoint: "http://127.0.0.1:1/east", auth: {apiKeyEnv: FTOPS_KEY}}')
    code, checks = doctor(ftops)
    assert (code, checks["endpoint"]["level"]) == (1, "broken")
    assert "takes no connection" in checks["endpoint"]["found"]
    account(tmp_path, "east: {endpoint: 'https://proxy.example'}")
    code, checks = doctor(ftops)
    assert (code, list(checks)) == (1, ["host"])
    assert "FTOPS_ALLOW_HOSTS=proxy.example" in checks["host"]["found"]


def test_doctor_of_an_embedded_emulator(ftops: Ftops, tmp_path: Path) -> None:
    """An emulator's file is not made by looking; once it is there, its doors are looked at."""
    account(tmp_path, "east: {emulator: local.db}")
    assert doctor(ftops)[1]["emulator"]["found"] == "local.db does not exist yet"
    assert not (tmp_path / "local.db").exists()
    assert ftops("plan")[0] == 0
    code, checks = doctor(ftops)
    assert code == 0
    assert {
        checks[name]["level"] for name in ("endpoint", "list files", "list jobs", "account", "list deployments")
    } == {"ok"}
    assert not {"host", "credential", "clock"} & checks.keys()


def test_doctor_in_words(ftops: Ftops) -> None:
    """The text has the machine first, a symbol a line, how to mend below, and a count."""
    code, out, _ = ftops("doctor")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "this machine"
    assert any(line.startswith("  ok versions") and "azure-identity" in line for line in lines)
    assert any(line.startswith(("  ok rules: limits", "  !  rules: limits")) for line in lines)
    assert any(line.startswith("  !  resource id") for line in lines)
    assert lines[-1].endswith(" to look at, 0 broken.")


def test_doctor_knows_the_accounts(ftops: Ftops) -> None:
    """An account that the Project does not have is a mistake in the command."""
    code, _, err = ftops("doctor", "--account", "eats")
    assert code == 64
    assert 'Did you mean "east"?' in err

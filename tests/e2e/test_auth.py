"""Every way of signing in, and what is told when it fails: the installed command against a served emulator."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from serving import Server, served
from signing import STORE, WAYS, WRONG, World, emptied, signed_in

ACCOUNTS = Path(__file__).resolve().parents[2] / "docs" / "accounts.md"
NOBODY = "00000000-0000-0000-0000-000000000001"
ENDED = 1_600_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give one served emulator with two accounts to all tests; each empties it."""
    with served(tmp_path_factory.mktemp("service"), *STORE) as running:
        yield running


@pytest.fixture
def world(server: Server, tmp_path: Path) -> World:
    """Give a world without anything in it and without trouble."""
    return emptied(server, tmp_path)


# --- ways that work


@pytest.mark.parametrize(
    ("way", "credential"),
    [("workload", "WorkloadIdentityCredential"), ("managed", "ManagedIdentityCredential")],
)
def test_whole_life_by_each_way(world: World, way: str, credential: str) -> None:
    """A workload's token file and a managed identity do whatever a secret does: plan, apply, status and doctor."""
    project, environment = world.project(), signed_in(world.server, way)
    assert world.run(project, environment, "plan").returncode == 0
    done = world.run(project, environment, "apply", "--yes", "--wait", "-v")
    assert (done.returncode, done.stdout.rstrip().endswith("Converged.")) == (0, True), done.stdout + done.stderr
    assert f"signed in by {credential} for https://cognitiveservices.azure.com\n" in done.stderr
    assert f"signed in by {credential} for https://management.azure.com\n" in done.stderr
    assert world.run(project, environment, "status").returncode == 0
    doctor = world.run(project, environment, "doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert f"ok credential         signed in by {credential} for https://cognitiveservices.azure.com\n" in doctor.stdout
    assert re.search(r"ok may deploy +Microsoft\.CognitiveServices/accounts/deployments/write\n", doctor.stdout)


@pytest.mark.parametrize(
    ("section", "way"),
    [("Service principal", "secret"), ("Workload identity", "workload"), ("Managed identity", "managed")],
)
def test_documented_exports(section: str, way: str) -> None:
    """docs/accounts.md names for each way the variables by which these tests sign in, and no others."""
    text = ACCOUNTS.read_text(encoding="utf-8").partition(f"### {section}\n")[2].partition("\n### ")[0]
    assert re.findall(r"^export (\w+)=", text, re.MULTILINE) == list(WAYS[way])


# --- ways that do not


def jwt(**claims: object) -> str:
    """Return a token that somebody else signed."""
    content = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{content}.c2lnbmVk"


CHECK_CLIENT = "Check AZURE_CLIENT_ID, and whether AZURE_TENANT_ID is the tenant of that application."
CHECK_TENANT = "Check AZURE_TENANT_ID, and AZURE_AUTHORITY_HOST if the tenant is in another cloud."
CHECK_IDENTITY = (
    "Check IDENTITY_ENDPOINT and IDENTITY_HEADER, which the platform sets itself, or take them out of the environment."
)
NO_CREDENTIAL = (
    "Sign in with `az login`; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "or run where there is a workload identity or a managed identity; or, for files and jobs alone, give the account "
    "`auth: {apiKeyEnv: AZURE_OPENAI_API_KEY}`. -v tells what was tried."
)
UNKNOWN_CLIENT = f"AADSTS700016: Application with identifier '{NOBODY}' was not found in the directory of the emulator"
REFUSED = [
    (
        "secret",
        {"AZURE_CLIENT_SECRET": WRONG},
        "signing in by EnvironmentCredential failed: AADSTS7000215: Invalid client secret provided",
        (
            "Set AZURE_CLIENT_SECRET to the value of a secret of the application, not to its id; one that has ended is "
            "no use."
        ),
    ),
    (
        "secret",
        {"AZURE_AUTHORITY_HOST": "https://127.0.0.1:9"},
        "signing in by EnvironmentCredential failed: 127.0.0.1:9 takes no connection (connection refused)",
        "Check AZURE_AUTHORITY_HOST, if it is set, and whether this machine reaches that host (HTTPS_PROXY).",
    ),
    (
        "workload",
        {"AZURE_CLIENT_ID": NOBODY},
        f"signing in by WorkloadIdentityCredential failed: {UNKNOWN_CLIENT}",
        CHECK_CLIENT,
    ),
    (
        "workload",
        {"AZURE_TENANT_ID": NOBODY},
        f"signing in by WorkloadIdentityCredential failed: AADSTS90002: Tenant '{NOBODY}' not found",
        CHECK_TENANT,
    ),
    (
        "managed",
        {"IDENTITY_HEADER": WRONG},
        "signing in by ManagedIdentityCredential failed: 401, The header X-IDENTITY-HEADER is missing or wrong",
        CHECK_IDENTITY,
    ),
    (
        "managed",
        {"IDENTITY_ENDPOINT": "http://127.0.0.1:9/msi/token"},
        "signing in by ManagedIdentityCredential failed: 127.0.0.1:9 takes no connection (connection refused)",
        CHECK_IDENTITY,
    ),
    ("nothing", {}, "there is no credential for Azure", NO_CREDENTIAL),
]


@pytest.mark.parametrize(("way", "change", "reason", "way_out"), REFUSED)
def test_refused_sign_in(world: World, way: str, change: Mapping[str, str], reason: str, way_out: str) -> None:
    """What was refused, by whom, is said of everything that is held; what to do about it once."""
    told, held = world.errors(world.project(), {**signed_in(world.server, way), **change})
    assert told == f"error: {reason}. {way_out}"
    assert held == {f"cannot be read: {reason}"}


NO_TOKEN = "Mend the path, or what should write the file; or take AZURE_FEDERATED_TOKEN_FILE out of the environment."
TOKEN_FILES = [
    (None, "AZURE_FEDERATED_TOKEN_FILE names {file}, which cannot be read (no such file or directory)", NO_TOKEN),
    ("\n", "AZURE_FEDERATED_TOKEN_FILE names {file}, which is empty", NO_TOKEN),
    (
        "no token at all",
        "AADSTS50027: JWT token is invalid or malformed",
        "AZURE_FEDERATED_TOKEN_FILE must name the file with the token that the cluster or the pipeline writes.",
    ),
    (
        jwt(aud="api://AzureADTokenExchange", exp=ENDED),
        "AADSTS700024: Client assertion is not within its valid time range",
        (
            "The token in AZURE_FEDERATED_TOKEN_FILE has ended: whoever writes it has to renew it. Check this "
            "machine's clock, too."
        ),
    ),
    (
        jwt(aud="https://kubernetes.default.svc", exp=ENDED * 2),
        (
            "AADSTS700212: No matching federated identity record found for presented assertion audience "
            "'https://kubernetes.default.svc'"
        ),
        (
            "Give the application a federated credential with the issuer, the subject and the audience "
            "(api://AzureADTokenExchange) of the token in AZURE_FEDERATED_TOKEN_FILE."
        ),
    ),
]


@pytest.mark.parametrize(("content", "reason", "way_out"), TOKEN_FILES)
def test_refused_token_file(world: World, content: str | None, reason: str, way_out: str) -> None:
    """A workload's file that is missing, empty or no token, or holds one that has ended or is for somebody else."""
    file = world.root / "token"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    environment = signed_in(world.server, "workload") | {"AZURE_FEDERATED_TOKEN_FILE": str(file)}
    told, held = world.errors(world.project(), environment)
    reason = f"signing in by WorkloadIdentityCredential failed: {reason.format(file=file)}"
    assert told == f"error: {reason}. {way_out}"
    assert held == {f"cannot be read: {reason}"}


def test_token_file_that_is_a_folder(world: World) -> None:
    """What is there and cannot be read is told by the system's word for it."""
    environment = signed_in(world.server, "workload") | {"AZURE_FEDERATED_TOKEN_FILE": str(world.root)}
    told, _ = world.errors(world.project(), environment)
    why = f"AZURE_FEDERATED_TOKEN_FILE names {world.root}, which cannot be read (is a directory)"
    assert told == f"error: signing in by WorkloadIdentityCredential failed: {why}. {NO_TOKEN}"


# --- tokens that end


def test_tokens_of_seconds(world: World) -> None:
    """Tokens that end while a create is answered are replaced on both planes, and everything is made once."""
    slow = {"effect": "slow-answer", "method": "POST", "path": "/fine_tuning/jobs$", "seconds": 3}
    world.make(limits={"token_s": 4}, faults=[slow])
    done = world.run(world.project(), signed_in(world.server), "apply", "--yes", "--wait", "-v")
    assert (done.returncode, done.stdout.rstrip().endswith("Converged.")) == (0, True), done.stdout + done.stderr
    for audience in ("cognitiveservices.azure.com", "management.azure.com"):
        assert done.stderr.count(f"signed in by EnvironmentCredential for https://{audience}\n") == 1
        assert done.stderr.count(f"another token by EnvironmentCredential for https://{audience}\n") >= 1
    assert (world.count("files"), world.count("fine_tuning/jobs")) == (3, 1)


CREATE = {"effect": "expired-token", "method": "POST", "path": "/fine_tuning/jobs$"}


def test_create_whose_token_expired(world: World) -> None:
    """A create that is refused with 401 has done nothing: it is sent once more with another token."""
    world.make(faults=[CREATE])
    done = world.run(world.project(), signed_in(world.server), "apply", "--yes", "-v")
    assert done.returncode == 3, done.stdout + done.stderr
    calls = re.findall(r"    (?:POST data:/fine_tuning/jobs \d+|another token .*)", done.stderr)
    assert calls == [
        "    POST data:/fine_tuning/jobs 401",
        "    another token by EnvironmentCredential for https://cognitiveservices.azure.com",
        "    POST data:/fine_tuning/jobs 201",
    ]
    assert world.met() == [(2, 1)]
    assert world.count("fine_tuning/jobs") == 1


SECRET_ENDED = (
    "signing in by EnvironmentCredential failed: AADSTS7000222: The provided client secret keys for the application "
    "are expired"
)
WITH_SECRET = (
    "Set AZURE_CLIENT_SECRET to the value of a secret of the application, not to its id; one that has ended is no use."
)


def secret_ends(nth: int) -> dict[str, object]:
    """Return a rule by which the client's secret has ended when it is brought for the n-th time."""
    message = "AADSTS7000222: The provided client secret keys for the application are expired. Create new keys."
    told = {"status": 401, "code": "invalid_client", "message": message}
    return {"effect": "status-before", "path": "/oauth2/v2.0/token$", "nth": nth, "count": 99, **told}


def test_create_without_another_token(world: World) -> None:
    """Where the sign-in refuses as well, the create is not sent again and nothing was made; the reason is told once."""
    world.make(faults=[CREATE, secret_ends(nth=3)])
    done = world.run(world.project(), signed_in(world.server), "apply", "--yes")
    assert done.returncode == 1
    assert re.findall("error: .*", done.stderr) == [f"error: {SECRET_ENDED}. {WITH_SECRET}"]
    assert SECRET_ENDED in "".join(re.findall("held: .*", done.stdout))
    assert "held: job/parcels-v1 is held\n" in done.stdout
    assert world.met()[0] == (1, 1)
    assert world.count("fine_tuning/jobs") == 0
    world.make()
    assert world.run(world.project(), signed_in(world.server), "apply", "--yes", "--wait").returncode == 0
    assert world.count("fine_tuning/jobs") == 1


def test_account_without_another_token(world: World) -> None:
    """A refresh that fails while the account is read closes all of its gates, with one message and exit code 1."""
    world.make(faults=[{"effect": "expired-token", "path": "/openai/"}, secret_ends(nth=2)])
    told, held = world.errors(world.project(arm=False), signed_in(world.server))
    assert told == f"error: {SECRET_ENDED}. {WITH_SECRET}"
    no_id = "no resourceId: the Project has to name the account's ARM id"
    assert held == {f"cannot be read: {SECRET_ENDED}", f"cannot be read: {no_id}"}

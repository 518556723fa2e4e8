"""What a credential may not do, and keys: the installed command against a served emulator, every refusal in full."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from serving import Server, served
from signing import STORE, World, emptied, exports, keys, reasons_in, run, signed_in

KEY_AUTH = "{apiKeyEnv: FTOPS_KEY}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give one served emulator with two accounts to all tests; each empties it."""
    with served(tmp_path_factory.mktemp("service"), *STORE) as running:
        yield running


@pytest.fixture
def world(server: Server, tmp_path: Path) -> World:
    """Give a world without anything in it and without trouble."""
    return emptied(server, tmp_path)


# --- credentials that may not do everything

MANAGE = (
    "Foundry Owner (formerly Azure AI Owner), or Cognitive Services Contributor or Cognitive Services OpenAI "
    "Contributor on an Azure OpenAI resource"
)
TRAIN = "Foundry User (formerly Azure AI User), or Cognitive Services OpenAI Contributor on an Azure OpenAI resource"
SOON = "A new role takes some minutes to come into force"
NO_DATA = (
    f"It needs the role {TRAIN}; Owner and Contributor have no rights to data. {SOON}; an account that is closed "
    "to public networks answers so too."
)
PRUNE = "\n  policy:\n    prune: {deployments: orphans}\n"


def forbidden_on_arm(server: Server, action: str, path: str) -> str:
    """Return what a plan says of a refusal of ARM, the service's words first."""
    resource_id = server.found(r"resourceId (\S+)")
    client = exports(server)["AZURE_CLIENT_ID"]
    return (
        f"403 AuthorizationFailed: The client '{client}' with object id 'OBJECT' does not have authorization to "
        f"perform action '{action}' over scope '{resource_id}{path}' or the scope is invalid. If access was recently "
        "granted, please refresh your credentials."
    )


def without_object(text: str) -> str:
    """Return a text without the id of the application's principal, which nothing prints."""
    return re.sub(r"(object id '|principal `)[0-9a-f-]{36}", r"\1OBJECT", text)


def test_data_plane_alone(world: World) -> None:
    """Files and jobs are planned and made; deployments cannot be read, with the roles that would help; exit 1."""
    world.make(limits={"roles": "data-plane"})
    project, environment = world.project(), signed_in(world.server)
    done = world.run(project, environment, "apply", "--yes")
    assert done.returncode == 1
    assert re.findall(r"^  ([+x]) (\S+)", done.stdout.partition("Plan id")[0], re.MULTILINE) == [
        *(("+", "dataset/parcels-train"), ("+", "dataset/parcels-valid")),
        *(("+", "job/parcels-v1"), ("x", "deployment/parcels-prod")),
    ]
    action = "Microsoft.CognitiveServices/accounts/deployments/read"
    refusal = forbidden_on_arm(world.server, action, "/deployments")
    way_out = f"It needs {action}, which is in Reader, {MANAGE}. {SOON}."
    assert {without_object(each) for each in reasons_in(done.stdout)} == {f"cannot be read: {refusal} {way_out}"}
    assert (world.count("files"), world.count("fine_tuning/jobs")) == (2, 1)
    status = world.run(project, environment, "status")
    assert status.returncode == 1
    assert re.search(
        rf"deployment/parcels-prod +held +{re.escape(f'cannot be read: {refusal}')}", without_object(status.stdout)
    )


def test_doctor_of_the_data_plane_alone(world: World) -> None:
    """The doctor opens what opens, and names for each closed door of ARM the right and its roles."""
    world.make(limits={"roles": "data-plane"})
    done = world.run(world.project(), signed_in(world.server), "doctor", "--format", "json")
    assert done.returncode == 1
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"] if check["account"]}
    levels = {name: check["level"] for name, check in checks.items()}
    assert {name for name, level in levels.items() if level == "broken"} == {"account", "list deployments"}
    assert {name for name, level in levels.items() if level == "warning"} == {
        *("metrics", "activity log", "quotas", "may deploy")
    }
    assert levels["may train"] == levels["list jobs"] == "ok"
    assert checks["list deployments"]["mend"] == (
        f"It needs Microsoft.CognitiveServices/accounts/deployments/read, which is in Reader, {MANAGE}. {SOON}."
    )
    assert checks["may deploy"]["mend"] == f"It is in {MANAGE}."


def test_nothing_is_pruned_that_cannot_be_read(world: World) -> None:
    """A deployment that no document declares is deleted by policy, and not thought of where ARM cannot be read."""
    project, environment = world.project(), signed_in(world.server)
    assert world.run(project, environment, "apply", "--yes", "--wait").returncode == 0
    file = project.root / "specs" / "project.yaml"
    file.write_text(file.read_text(encoding="utf-8").rstrip() + PRUNE, encoding="utf-8")
    specs = project.root / "specs" / "parcels.yaml"
    kept = specs.read_text(encoding="utf-8").rpartition("\n---\n")[0]
    specs.write_text(kept, encoding="utf-8")
    symbols = r"^  (\S+) deployment/"
    assert re.findall(symbols, world.run(project, environment, "plan").stdout, re.MULTILINE) != []
    world.make(limits={"roles": "data-plane"})
    blind = world.run(project, environment, "plan")
    assert re.findall(symbols, blind.stdout, re.MULTILINE) == []
    assert " 0 to delete" in blind.stdout or "No changes." in blind.stdout or "Nothing to do now." in blind.stdout


def test_control_plane_alone(world: World) -> None:
    """Owner and Contributor have no data: files and jobs are held, with the role that has them."""
    world.make(limits={"roles": "control-plane"})
    told, held = world.errors(world.project(), signed_in(world.server))
    assert told == ""
    principal = "403 PermissionDenied: The principal `OBJECT` lacks the required data action"
    service = "Microsoft.CognitiveServices/accounts/OpenAI"
    refused = [(f"{service}/files/read", "files"), (f"{service}/fine-tunes/read", "fine_tuning/jobs")]
    assert {without_object(each) for each in held} == {
        "job/parcels-v1 is held",
        *(
            f"cannot be read: {principal} `{action}` to perform `GET /openai/v1/{path}` operation. {NO_DATA}"
            for action, path in refused
        ),
    }


def test_reader(world: World) -> None:
    """Whoever may read everything can plan; the first write is refused with its role, and nothing behind it tried."""
    world.make(limits={"roles": "reader"})
    project, environment = world.project(), signed_in(world.server)
    assert world.run(project, environment, "plan").returncode == 0
    done = world.run(project, environment, "apply", "--yes")
    assert done.returncode == 1
    action = "Microsoft.CognitiveServices/accounts/OpenAI/files/write"
    lacks = f"The principal `OBJECT` lacks the required data action `{action}`"
    words = f"{lacks} to perform `POST /openai/v1/files` operation."
    assert {without_object(each) for each in reasons_in(done.stdout)} == {
        f"the service answered 403 PermissionDenied: {words}; it needs a change first {NO_DATA}",
        "dataset/parcels-train, dataset/parcels-valid is held",
        "job/parcels-v1 is held",
    }
    assert world.count("files") == 0


# --- keys

LISTED = "it should hold the account's key alone, as `az cognitiveservices account keys list` prints it"
NO_ID = "cannot be read: no resourceId: the Project has to name the account's ARM id"
NOT_ACCEPTED = (
    "cannot be read: 401: Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your resource. The credential "
    "was not accepted there: a key of another account or one that was replaced, a sign-in to another tenant, or an "
    "endpoint in another cloud than the sign-in. `ftops doctor` tells which credential was used."
)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, f"cannot be read: the environment variable FTOPS_KEY is not set; {LISTED}"),
        ("", f"cannot be read: the environment variable FTOPS_KEY is empty; {LISTED}"),
        (
            "{first}\n{second}",
            (
                "cannot be read: the environment variable FTOPS_KEY holds something that cannot be a key: there is a "
                f"blank, a line break or an unusual character in it; {LISTED}"
            ),
        ),
        ("{second}", NOT_ACCEPTED),
    ],
)
def test_keys_that_open_nothing(world: World, value: str | None, reason: str) -> None:
    """A variable that is unset, empty or holds two lines is told before anything is sent."""
    environment = signed_in(world.server, "nothing")
    first, second = keys(world.server)
    if value is not None:
        environment["FTOPS_KEY"] = value.format(first=first, second=second)
    told, held = world.errors(world.project(auth=KEY_AUTH, arm=False), environment)
    assert (told, held) == ("", {reason, NO_ID})


def test_key_with_a_line_end(world: World) -> None:
    """A key as a file gives it, with its line's end, opens its account: files and jobs, and no more."""
    environment = signed_in(world.server, "nothing") | {"FTOPS_KEY": f"{keys(world.server)[0]}\n"}
    project = world.project(auth=KEY_AUTH, arm=False)
    done = world.run(project, environment, "apply", "--yes", "--wait", "-v")
    assert done.returncode == 1
    assert reasons_in(done.stdout) == {NO_ID}
    assert world.count("fine_tuning/jobs") == 1
    doctor = world.run(project, environment, "doctor")
    assert "ok credential         the key in FTOPS_KEY\n" in doctor.stdout


def test_keys_that_are_switched_off(world: World) -> None:
    """An account without local authentication says so itself, and the doctor from the account's resource as well."""
    world.make(limits={"disable_local_auth": True})
    environment = signed_in(world.server) | {"FTOPS_KEY": keys(world.server)[0]}
    told, held = world.errors(world.project(auth=KEY_AUTH), environment)
    words = "403 AuthenticationTypeDisabled: Key based authentication is disabled for this resource."
    take = "take `auth: {apiKeyEnv: …}` out of the Project, and sign in."
    way_out = f"The account has switched keys off (disableLocalAuth): {take}"
    assert (told, held) == ("", {f"cannot be read: {words} {way_out}", "job/parcels-v1 is held"})
    doctor = world.run(world.project(auth=KEY_AUTH), environment, "doctor")
    assert doctor.returncode == 1
    assert "keys               the account has switched keys off (disableLocalAuth)\n" in doctor.stdout


def arm_token(server: Server) -> str:
    """Return a token for ARM, as curl would get it."""
    told = exports(server)
    form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
    form |= {"client_id": told["AZURE_CLIENT_ID"], "client_secret": told["AZURE_CLIENT_SECRET"]}
    path = f"/{told['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    kind = "application/x-www-form-urlencoded"
    return str(server.call("POST", path, urlencode(form).encode(), kind)[1]["access_token"])


def test_key_that_was_replaced(tmp_path: Path) -> None:
    """A key that somebody regenerates opens nothing any more; the account's other one and its new one do."""
    with served(tmp_path, *STORE) as own:
        world = World(own, tmp_path)
        project, environment = world.project(auth=KEY_AUTH, arm=False), signed_in(own, "nothing")
        old = keys(own)[0]
        assert run(project, environment | {"FTOPS_KEY": old}, "plan").stdout.count("held: ") == 1
        connection = http.client.HTTPConnection("127.0.0.1", int(own.found(r"http://127\.0\.0\.1:(\d+)")), timeout=60)
        path = own.found(r"resourceId (\S+)") + "/regenerateKey?api-version=2025-06-01"
        connection.request("POST", path, b'{"keyName": "Key1"}', {"Authorization": f"Bearer {arm_token(own)}"})
        new = json.loads(connection.getresponse().read())["key1"]
        connection.close()
        told, held = world.errors(project, environment | {"FTOPS_KEY": old})
        assert (told, held) == ("", {NOT_ACCEPTED, NO_ID})
        assert run(project, environment | {"FTOPS_KEY": new}, "plan").stdout.count("held: ") == 1


# --- tokens for somebody else


def test_token_for_another_cloud(world: World) -> None:
    """A token that is made out to another cloud is refused; the doctor tells for whom it was."""
    environment = signed_in(world.server) | {"FTOPS_ARM_ENDPOINT": "https://management.usgovcloudapi.net"}
    project = world.project(arm=False)
    told, held = world.errors(project, environment)
    words = (
        "Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), "
        "or have expired."
    )
    way_out = NOT_ACCEPTED.partition("resource. ")[2]
    assert (told, held) == ("", {f"cannot be read: 401: {words} {way_out}", NO_ID})
    doctor = world.run(project, environment, "doctor")
    assert doctor.returncode == 1
    assert "signed in by EnvironmentCredential for https://cognitiveservices.azure.us\n" in doctor.stdout

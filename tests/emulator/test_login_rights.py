"""What opens doors besides a right secret: roles, assertions, lifetimes, and keys that are switched off or replaced."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from werkzeug.test import Client, TestResponse

from ftops.emulator import Emulator, Roles, read_trouble

from .conftest import ACCOUNT, START, rows
from .guarded import ACCOUNT_PATH, ARM, ASSERTION_TYPE, COGNITIVE, FILES, FOUNDRY, HOST, PROJECT_FILES, Guarded

VERSION = "api-version=2025-06-01"
RESOURCE_ID = Emulator.resource_id(ACCOUNT)
SUBSCRIPTION = RESOURCE_ID.partition("/resourceGroups/")[0]
PERMISSIONS = f"{RESOURCE_ID}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
JOBS = f"/{ACCOUNT}/openai/v1/fine_tuning/jobs"
EXCHANGE = "api://AzureADTokenExchange"
NOW_S = int(START.timestamp())
OUT_OF_TIME = (
    "AADSTS700024: Client assertion is not within its valid time range. Current time: 2026-11-02T09:00:00Z, expiry "
    "time of assertion"
)
UNKNOWN_AUDIENCE = "AADSTS700212: No matching federated identity record found for presented assertion audience"


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    """Give an emulator that wants credentials."""
    each = Guarded()
    yield each
    each.emulator.close()


def code(answer: TestResponse) -> str:
    """Return the code of a refusal, nothing of what was let in."""
    return str((answer.json or {}).get("error", {}).get("code", ""))


READS = (
    (f"{RESOURCE_ID}/deployments?{VERSION}", "Microsoft.CognitiveServices/accounts/deployments/read"),
    (ACCOUNT_PATH, "Microsoft.CognitiveServices/accounts/read"),
    (
        f"{RESOURCE_ID}/providers/Microsoft.Insights/metrics?api-version=2024-02-01&metricnames=AzureOpenAIRequests",
        "Microsoft.Insights/metrics/read",
    ),
    (
        f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/locations/eastus2/usages?{VERSION}",
        "Microsoft.CognitiveServices/locations/usages/read",
    ),
    (
        f"{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01",
        "Microsoft.Insights/eventtypes/values/read",
    ),
    (f"{SUBSCRIPTION}?api-version=2022-12-01", "Microsoft.Resources/subscriptions/read"),
)


@pytest.mark.parametrize("roles", list(Roles))
@pytest.mark.parametrize(("path", "action"), READS)
def test_arm_is_read_by_whoever_has_actions(guarded: Guarded, roles: Roles, path: str, action: str) -> None:
    """Without actions on ARM every read of it is refused in ARM's words, with the action that is missing."""
    guarded.emulator.limits = replace(guarded.emulator.limits, roles=roles)
    answer = guarded.call(path, bearer=guarded.token(ARM))
    if roles in {Roles.DATA_PLANE, Roles.NONE}:
        assert (answer.status_code, code(answer)) == (403, "AuthorizationFailed")
        message = (answer.json or {})["error"]["message"]
        assert f"does not have authorization to perform action '{action}' over scope '/subscriptions/" in message
        assert guarded.identity.client_id in message
    else:
        assert code(answer) != "AuthorizationFailed"
        assert answer.status_code in {200, 400}


WRITES = (
    ("DELETE", f"{RESOURCE_ID}/deployments/d?{VERSION}", "deployments/delete"),
    ("PUT", f"{RESOURCE_ID}/deployments/d?{VERSION}", "deployments/write"),
    ("POST", f"{RESOURCE_ID}/listKeys?{VERSION}", "listKeys/action"),
)


@pytest.mark.parametrize(("roles", "refused"), [("all", False), ("control-plane", False), ("reader", True)])
def test_arm_is_written_by_contributors(guarded: Guarded, roles: str, *, refused: bool) -> None:
    """A reader may read everything and write nothing, nor be told keys."""
    guarded.emulator.limits = replace(guarded.emulator.limits, roles=Roles(roles))
    for method, path, action in WRITES:
        answer = guarded.call(path, method, bearer=guarded.token(ARM), json={"properties": {}})
        assert (answer.status_code == 403) is refused
        assert (f"Microsoft.CognitiveServices/accounts/{action}'" in answer.text) is refused


@pytest.mark.parametrize(
    ("roles", "reads", "writes"),
    [
        ("all", True, True),
        ("data-plane", True, True),
        ("control-plane", False, False),
        ("reader", True, False),
        ("none", False, False),
    ],
)
def test_data_plane_wants_data_actions(guarded: Guarded, roles: str, *, reads: bool, writes: bool) -> None:
    """Contributors of the control plane have no data; keys open it whatever the application may do."""
    guarded.emulator.limits = replace(guarded.emulator.limits, roles=Roles(roles))
    doors = ((f"/{ACCOUNT}{FILES}", COGNITIVE), (f"/{ACCOUNT}{PROJECT_FILES}", FOUNDRY))
    for path, audience in doors:
        seen = guarded.call(path, bearer=guarded.token(audience))
        assert (seen.status_code, code(seen)) == ((200, "") if reads else (403, "PermissionDenied"))
        form = {"purpose": "fine-tune", "file": (io.BytesIO(rows(10)), "a.jsonl", "text/plain")}
        sent = guarded.call(path, "POST", bearer=guarded.token(audience), data=form)
        assert (sent.status_code, code(sent)) == ((201, "") if writes else (403, "PermissionDenied"))
        assert writes or "OpenAI/files/write" in sent.text
        assert guarded.call(path, headers={"api-key": guarded.identity.keys(ACCOUNT)[0]}).status_code == 200
    assert len(guarded.emulator.snapshot(ACCOUNT)["files"]) == (2 if writes else 0)


@pytest.mark.parametrize(
    ("roles", "actions", "data_actions", "subscriptions"),
    [
        ("all", ["*"], ["Microsoft.CognitiveServices/*"], 1),
        ("data-plane", [], ["Microsoft.CognitiveServices/*"], 0),
        ("control-plane", ["*"], [], 1),
        ("reader", ["*/read"], ["Microsoft.CognitiveServices/*/read"], 1),
        ("none", [], [], 0),
    ],
)
def test_permissions_tell_the_same(
    guarded: Guarded, roles: str, actions: list[str], data_actions: list[str], subscriptions: int
) -> None:
    """What ARM lists as the caller's permissions is what its requests are judged by; others see no subscription."""
    guarded.emulator.limits = replace(guarded.emulator.limits, roles=Roles(roles))
    bearer = guarded.token(ARM)
    (only,) = (guarded.call(PERMISSIONS, bearer=bearer).json or {})["value"]
    assert (only["actions"], only["dataActions"]) == (actions, data_actions)
    seen = guarded.call("/subscriptions?api-version=2022-12-01", bearer=bearer).json or {}
    assert len(seen["value"]) == subscriptions


def test_embedded_emulator_has_every_right() -> None:
    """Where nobody signs in, roles refuse nothing."""
    emulator = Emulator(None, Guarded().clock)
    emulator.ensure_account(ACCOUNT, "eastus2")
    emulator.limits = replace(emulator.limits, roles=Roles.NONE, disable_local_auth=True)
    for path in (FILES, ACCOUNT_PATH):
        assert Client(emulator.app).get(path, base_url=HOST).status_code == 200
    emulator.close()


@pytest.mark.parametrize("version", ["", "/v2.0"])
def test_lifetime_of_tokens_is_a_limit(guarded: Guarded, version: str) -> None:
    """Every endpoint gives tokens that last as long as the limit says, and says so itself."""
    trouble, problems = read_trouble({"limits": {"token_s": 5}})
    assert not problems
    guarded.emulator.put_trouble(trouble)
    answer = guarded.sign_in(version, resource=ARM).json or {}
    header = {"X-IDENTITY-HEADER": guarded.identity.identity_header}
    managed = guarded.call(f"/msi/token?resource={ARM}&api-version=2019-08-01", headers=header).json or {}
    assert int(answer["expires_in"]) == 5
    assert int(managed["expires_on"]) == NOW_S + 5
    for later_s, status in ((4, 200), (1, 401)):
        guarded.clock.pause(later_s)
        for token in (answer["access_token"], managed["access_token"]):
            assert guarded.call(ACCOUNT_PATH, bearer=token).status_code == status


def jwt(**claims: object) -> str:
    """Return a token that somebody else signed."""
    content = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{content}.c2lnbmVk"


@pytest.mark.parametrize(
    ("assertion", "told"),
    [
        ("nonsense", "AADSTS50027: JWT token is invalid or malformed."),
        ("a.b.c", "AADSTS50027: JWT token is invalid or malformed."),
        (jwt(), "AADSTS50027: JWT token is invalid or malformed."),
        (
            jwt(aud=EXCHANGE, exp=NOW_S),
            f"{OUT_OF_TIME} 2026-11-02T09:00:00Z.",
        ),
        (
            jwt(aud=EXCHANGE, exp="soon"),
            f"{OUT_OF_TIME} none.",
        ),
        (
            jwt(aud="https://kubernetes.default.svc", exp=NOW_S + 60),
            f"{UNKNOWN_AUDIENCE} 'https://kubernetes.default.svc'. The audience should be '{EXCHANGE}'.",
        ),
    ],
)
def test_assertions_that_prove_nothing(guarded: Guarded, assertion: str, told: str) -> None:
    """What is no token, has ended, or is made out to somebody else gets no token for it, with Entra's code."""
    answer = guarded.sign_in(client_secret="", client_assertion=assertion, client_assertion_type=ASSERTION_TYPE)
    assert (answer.status_code, (answer.json or {})["error"]) == (401, "invalid_client")
    assert (answer.json or {})["error_description"] == told


@pytest.mark.parametrize("audience", [EXCHANGE, [EXCHANGE], f"{HOST}/tenant/oauth2/v2.0/token"])
def test_whoever_signed_an_assertion(guarded: Guarded, audience: object) -> None:
    """A workload's token and a certificate's are taken until they end."""
    form = {"client_assertion": jwt(aud=audience, exp=NOW_S + 60), "client_assertion_type": ASSERTION_TYPE}
    assert guarded.sign_in(client_secret="", **form).status_code == 200
    guarded.clock.pause(60)
    assert guarded.sign_in(client_secret="", **form).status_code == 401


def test_the_emulators_own_assertion_lasts(guarded: Guarded) -> None:
    """The token that a server writes for workload identities is good for a year."""
    form = {"client_assertion": guarded.identity.assertion(), "client_assertion_type": ASSERTION_TYPE}
    guarded.clock.pause(timedelta(days=365).total_seconds())
    assert guarded.sign_in(client_secret="", **form).status_code == 200
    guarded.clock.pause(timedelta(days=2).total_seconds())
    assert guarded.sign_in(client_secret="", **form).status_code == 401


def test_keys_that_are_switched_off(guarded: Guarded) -> None:
    """An account without local authentication takes no key in either header and tells none; tokens go on."""
    guarded.emulator.limits = replace(guarded.emulator.limits, disable_local_auth=True)
    key, path = guarded.identity.keys(ACCOUNT)[0], f"/{ACCOUNT}{FILES}"
    for answer in (guarded.call(path, headers={"api-key": key}), guarded.call(path, bearer=key)):
        assert (answer.status_code, code(answer)) == (403, "AuthenticationTypeDisabled")
    assert guarded.call(path).status_code == 401
    assert guarded.call(path, bearer=guarded.token(COGNITIVE)).status_code == 200
    listed = guarded.call(f"{RESOURCE_ID}/listKeys?{VERSION}", "POST", bearer=guarded.token(ARM))
    assert (listed.status_code, key in listed.text) == (400, False)
    shown = guarded.call(ACCOUNT_PATH, bearer=guarded.token(ARM)).json or {}
    assert shown["properties"]["disableLocalAuth"] is True


def test_keys_are_replaced_one_at_a_time(guarded: Guarded) -> None:
    """A regenerated key opens the account, the one before it nothing, and the other key stays; other accounts too."""
    first, second = guarded.identity.keys(ACCOUNT)
    others = guarded.identity.keys("other")
    path = f"{RESOURCE_ID}/regenerateKey?{VERSION}"
    told = guarded.call(path, "POST", bearer=guarded.token(ARM), json={"keyName": "Key1"}).json or {}
    assert told["key1"] != first
    assert told["key2"] == second
    status = {key: guarded.call(f"/{ACCOUNT}{FILES}", headers={"api-key": key}).status_code for key in (first, second)}
    assert status == {first: 401, second: 200}
    assert guarded.call(f"/{ACCOUNT}{FILES}", headers={"api-key": told["key1"]}).status_code == 200
    assert guarded.identity.keys("other") == others
    assert guarded.call(path, "POST", bearer=guarded.token(ARM), json={"keyName": "Key3"}).status_code == 400

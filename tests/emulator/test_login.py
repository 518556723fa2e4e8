"""Who may call a served emulator: keys, tokens, audiences, expiry, and the endpoints that give tokens out."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from werkzeug.test import Client

from ftops.emulator import Emulator

from .conftest import ACCOUNT, START, rows
from .guarded import (
    ACCOUNT_PATH,
    ARM,
    ARM_CLASSIC,
    ASSERTION_TYPE,
    COGNITIVE,
    FILES,
    FOUNDRY,
    HOST,
    PROJECT_FILES,
    Clock,
    Guarded,
)


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    """Give an emulator that wants credentials."""
    each = Guarded()
    yield each
    each.emulator.close()


@pytest.mark.parametrize(
    ("path", "opening"),
    [
        (f"/{ACCOUNT}{FILES}", {COGNITIVE, FOUNDRY}),
        (f"/{ACCOUNT}{PROJECT_FILES}", {FOUNDRY}),
        (ACCOUNT_PATH, {ARM, ARM_CLASSIC}),
        ("/subscriptions?api-version=2022-12-01", {ARM, ARM_CLASSIC}),
        ("/tenants?api-version=2022-12-01", {ARM, ARM_CLASSIC}),
    ],
)
def test_each_door_has_its_audiences(guarded: Guarded, path: str, opening: set[str]) -> None:
    """A token opens the doors of its audience, with or without a final slash, and no other."""
    for audience in (COGNITIVE, FOUNDRY, ARM, ARM_CLASSIC, "https://storage.azure.com"):
        for spelling in (audience, f"{audience}/"):
            status = guarded.call(path, bearer=guarded.token(spelling)).status_code
            assert status == (200 if audience in opening else 401), spelling


def test_keys_open_their_own_account(guarded: Guarded) -> None:
    """Both keys of an account open its data plane, as api-key or as bearer, and neither another account nor ARM."""
    for key in guarded.identity.keys(ACCOUNT):
        assert guarded.call(f"/{ACCOUNT}{FILES}", headers={"api-key": key}).status_code == 200
        assert guarded.call(f"/{ACCOUNT}{FILES}", bearer=key).status_code == 200
        assert guarded.call(f"/other{FILES}", headers={"api-key": key}).status_code == 401
        assert guarded.call(ACCOUNT_PATH, bearer=key).status_code == 401
        assert guarded.call(ACCOUNT_PATH, headers={"api-key": key}).status_code == 401


def test_listed_keys_are_those_that_open(guarded: Guarded) -> None:
    """ARM's listKeys tells the keys."""
    path = f"{Emulator.resource_id(ACCOUNT)}/listKeys?api-version=2025-06-01"
    listed = guarded.call(path, "POST", bearer=guarded.token(ARM)).json or {}
    assert (listed["key1"], listed["key2"]) == guarded.identity.keys(ACCOUNT)
    assert guarded.call(path, "POST").status_code == 401


def test_refusals_are_of_the_documented_kind(guarded: Guarded) -> None:
    """A refusal is an error envelope on both planes, and ARM's says which kind and challenges."""
    data = guarded.call(f"/{ACCOUNT}{FILES}")
    assert (data.status_code, (data.json or {})["error"]["code"]) == (401, "401")
    assert "api-supported-versions" in data.headers
    codes = {
        "": "AuthenticationFailed",
        "a.b.c": "InvalidAuthenticationToken",
        guarded.token(COGNITIVE): "InvalidAuthenticationTokenAudience",
    }
    for bearer, code in codes.items():
        answer = guarded.call(ACCOUNT_PATH, bearer=bearer)
        assert (answer.status_code, (answer.json or {})["error"]["code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_refused_requests_change_nothing(guarded: Guarded) -> None:
    """Without a credential nothing is created, deleted or moved."""
    form = {"purpose": "fine-tune", "file": (io.BytesIO(rows(10)), "a.jsonl", "text/plain")}
    assert guarded.call(f"/{ACCOUNT}{FILES}", "POST", data=form).status_code == 401
    assert guarded.call("/_emulator/advance", "POST", json={"seconds": 5}).status_code == 401
    assert guarded.emulator.snapshot(ACCOUNT)["files"] == []
    assert guarded.emulator.now() == START


def test_token_ends_with_the_systems_hour(guarded: Guarded) -> None:
    """A token is good for 3600 seconds of the system's time, however far the virtual clock goes."""
    token = guarded.token(ARM)
    guarded.emulator.advance(timedelta(days=30))
    assert guarded.call(ACCOUNT_PATH, bearer=token).status_code == 200
    guarded.clock.pause(3599)
    assert guarded.call(ACCOUNT_PATH, bearer=token).status_code == 200
    guarded.clock.pause(1)
    answer = guarded.call(ACCOUNT_PATH, bearer=token)
    assert (answer.json or {})["error"]["code"] == "ExpiredAuthenticationToken"
    assert guarded.call(f"/{ACCOUNT}{FILES}", bearer=token).status_code == 401
    assert guarded.call("/_emulator/advance", "POST", bearer=token, json={"seconds": 1}).status_code == 401


@pytest.mark.parametrize("part", [0, 1, 2])
def test_forged_token_is_refused(guarded: Guarded, part: int) -> None:
    """A token with any part changed, or signed by another store, opens nothing."""
    parts = guarded.token(ARM).split(".")
    claims = base64.urlsafe_b64encode(json.dumps({"aud": ARM, "exp": 9e9}).encode()).decode().rstrip("=")
    parts[part] = claims if parts[part] != claims else "x"
    assert guarded.call(ACCOUNT_PATH, bearer=".".join(parts)).status_code == 401
    other = Guarded()
    assert guarded.call(ACCOUNT_PATH, bearer=other.token(ARM)).status_code == 401
    other.emulator.close()


@pytest.mark.parametrize("bearer", ["", ".", "..", "a.b", "ä.ö.ü", "eyJhbGciOiJub25lIn0.e30."])
def test_nonsense_is_refused(guarded: Guarded, bearer: str) -> None:
    """Whatever stands in the header, the answer is a refusal."""
    headers = {"Authorization": f"Bearer {bearer}"}
    for path in (ACCOUNT_PATH, f"/{ACCOUNT}{FILES}", f"/{ACCOUNT}{PROJECT_FILES}"):
        assert guarded.call(path, headers=headers).status_code == 401


def test_token_says_who_it_is_for(guarded: Guarded) -> None:
    """The claims are those that clients look at."""
    answer = guarded.sign_in().json or {}
    claims = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[1] + "=="))
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert (claims["aud"], claims["exp"] - claims["iat"]) == (ARM, 3600)
    assert (claims["appid"], claims["tid"]) == (guarded.identity.client_id, guarded.identity.tenant_id)
    assert claims["oid"] == claims["sub"]
    assert guarded.call(ACCOUNT_PATH, bearer=answer["access_token"]).status_code == 200


def test_older_token_endpoint_takes_a_resource(guarded: Guarded) -> None:
    """The first version of the endpoint wants a resource and tells its times as text."""
    answer = guarded.sign_in("", resource=f"{ARM_CLASSIC}/").json or {}
    assert (answer["expires_in"], answer["resource"]) == ("3600", f"{ARM_CLASSIC}/")
    assert int(answer["expires_on"]) == START.timestamp() + 3600
    assert guarded.call(ACCOUNT_PATH, bearer=answer["access_token"]).status_code == 200
    assert (guarded.sign_in("").json or {})["error"] == "invalid_request"
    assert guarded.sign_in("", resource=ARM, client_id="nobody").status_code == 400


def test_assertion_replaces_the_secret(guarded: Guarded) -> None:
    """A workload identity brings an assertion; its type must be right and it must not be empty."""
    given = {"client_secret": "", "client_assertion": guarded.identity.assertion()}
    assert guarded.sign_in(**given, client_assertion_type=ASSERTION_TYPE).status_code == 200
    assert guarded.sign_in(**given, client_assertion_type="x").status_code == 401
    empty = guarded.sign_in(**given | {"client_assertion": ""}, client_assertion_type=ASSERTION_TYPE)
    assert empty.status_code == 401


@pytest.mark.parametrize(
    ("form", "status", "error", "code"),
    [
        ({"client_secret": "no"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": "nobody"}, 400, "unauthorized_client", 700016),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "openid"}, 400, "invalid_scope", 1002012),
        ({"scope": ""}, 400, "invalid_scope", 1002012),
        ({"tenant": "elsewhere"}, 400, "invalid_request", 90002),
    ],
)
def test_refused_sign_ins(guarded: Guarded, form: dict[str, str], status: int, error: str, code: int) -> None:
    """A refused sign-in tells the kind and the code that clients know."""
    answer = guarded.sign_in(**form)
    told = answer.json or {}
    assert (answer.status_code, told["error"], told["error_codes"]) == (status, error, [code])
    assert told["error_description"].startswith(f"AADSTS{code}: ")


@pytest.mark.parametrize("version", ["", "/v2.0"])
def test_configuration_leads_to_the_token_endpoint(guarded: Guarded, version: str) -> None:
    """The description of the tenant names endpoints at the address it was asked for."""
    tenant = guarded.identity.tenant_id
    told = guarded.call(f"/{tenant}{version}/.well-known/openid-configuration").json or {}
    assert told["token_endpoint"] == f"{HOST}/{tenant}/oauth2{version}/token"
    assert told["issuer"].startswith(f"{HOST}/{tenant}")
    assert guarded.call(f"/elsewhere{version}/.well-known/openid-configuration").status_code == 400
    assert guarded.call(f"/organizations{version}/.well-known/openid-configuration").status_code == 200


def test_discovery_and_cloud_are_described_openly(guarded: Guarded) -> None:
    """What leads to signing in needs no credential, and the cloud's description is one object."""
    instance = guarded.call("/common/discovery/instance").json or {}
    assert instance["metadata"][0]["aliases"] == ["127.0.0.1:8443"]
    cloud = guarded.call("/metadata/endpoints?api-version=2022-09-01").json or {}
    assert cloud["authentication"]["audiences"][0] == f"{ARM_CLASSIC}/"
    assert cloud["resourceManager"] == f"{HOST}/"


def test_subscriptions_and_tenants(guarded: Guarded) -> None:
    """There is one of each, by the ids that resource ids and tokens have."""
    bearer = guarded.token(ARM)
    listed = guarded.call("/subscriptions?api-version=2022-12-01", bearer=bearer).json or {}
    only = listed["value"][0]
    assert Emulator.resource_id(ACCOUNT).startswith(f"{only['id']}/")
    assert guarded.call(f"{only['id']}?api-version=2022-12-01", bearer=bearer).json == only
    tenants = guarded.call("/tenants?api-version=2022-12-01", bearer=bearer).json or {}
    assert [each["tenantId"] for each in tenants["value"]] == [only["tenantId"]] == [guarded.identity.tenant_id]


def test_managed_identity(guarded: Guarded) -> None:
    """App Service's endpoint wants its header, a resource and a version."""
    good = {"X-IDENTITY-HEADER": guarded.identity.identity_header}
    path = f"/msi/token?resource={ARM}&api-version=2019-08-01"
    answer = guarded.call(path, headers=good).json or {}
    assert guarded.call(ACCOUNT_PATH, bearer=answer["access_token"]).status_code == 200
    assert int(answer["expires_on"]) == START.timestamp() + 3600
    assert guarded.call(path).status_code == 401
    assert guarded.call("/msi/token?api-version=2019-08-01", headers=good).status_code == 400


@pytest.mark.parametrize("credential", ["key", "token"])
def test_clock_is_moved_by_whoever_has_a_credential(guarded: Guarded, credential: str) -> None:
    """The control endpoint moves the virtual clock and tells where it stands."""
    key, token = guarded.identity.keys("other")[1], guarded.token(COGNITIVE)
    headers = {"api-key": key} if credential == "key" else {"Authorization": f"Bearer {token}"}
    answer = guarded.call("/_emulator/advance", "POST", headers=headers, json={"seconds": 90.5})
    moved = START + timedelta(seconds=90.5)
    assert answer.json == {"now": moved.isoformat()}
    assert guarded.emulator.now() == moved
    assert answer.headers["Date"] == "Mon, 02 Nov 2026 09:01:30 GMT"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"seconds": -1}', b'{"seconds": "5"}', b'{"seconds": true}', b'{"seconds": NaN}']
)
def test_clock_is_not_moved_by_nonsense(guarded: Guarded, body: bytes) -> None:
    """Only a number from 0 to 366 days moves the clock."""
    headers = {"api-key": guarded.identity.keys(ACCOUNT)[0]}
    most = json.dumps({"seconds": 366 * 86_400 + 1}).encode()
    for each in (body, most):
        assert guarded.call("/_emulator/advance", "POST", headers=headers, data=each).status_code == 400
    assert guarded.emulator.now() == START


def test_embedded_emulator_asks_nobody() -> None:
    """In the process of its user nothing has to be proved, and every answer names its server."""
    emulator = Emulator(None, Clock())
    emulator.ensure_account(ACCOUNT, "eastus2")
    for path in (FILES, ACCOUNT_PATH, "/nothing"):
        answer = Client(emulator.app).get(path, base_url=HOST)
        assert answer.headers["Server"] == "ftops-emulator"
        assert answer.status_code != 401
    moved = Client(emulator.app).post("/_emulator/advance", base_url=HOST, json={"seconds": 1})
    assert moved.status_code == 200
    emulator.close()


@pytest.mark.parametrize(
    ("base", "path", "account"),
    [
        ("https://contoso.openai.emulator", FILES, "contoso"),
        ("https://OTHER.localhost:8443", FILES, "other"),
        (HOST, f"/contoso{FILES}", "contoso"),
        (HOST, f"/Other{PROJECT_FILES}", "other"),
        ("https://[::1]:8443", f"/other{FILES}", "other"),
        ("https://other.localhost", f"/contoso{FILES}", None),
        (HOST, FILES, None),
        (HOST, f"/nobody{FILES}", None),
        ("https://nobody.openai.emulator", FILES, None),
    ],
)
def test_how_a_request_names_its_account(base: str, path: str, account: str | None) -> None:
    """The host's first label names the account, else the path's first segment; nothing is guessed among several."""
    emulator = Emulator(None, Clock())
    for name in ("contoso", "other"):
        emulator.ensure_account(name, name)
    answer = Client(emulator.app).get(path, base_url=base)
    assert answer.status_code == (404 if account is None else 200)
    if account:
        assert answer.headers["x-ms-region"] == account
    emulator.close()


def test_only_account_needs_no_name(guarded: Guarded) -> None:
    """With one account every host that is not of the emulated domain means it; prefixes come back in locations."""
    emulator = Emulator(None, Clock())
    emulator.ensure_account(ACCOUNT, "eastus2")
    assert Client(emulator.app).get(FILES, base_url="http://127.0.0.1:8080").status_code == 200
    assert Client(emulator.app).get(FILES, base_url="https://nobody.openai.emulator").status_code == 404
    shown = Client(emulator.app).get(ACCOUNT_PATH, base_url="http://127.0.0.1:8080").json or {}
    assert shown["properties"]["endpoint"] == f"http://127.0.0.1:8080/{ACCOUNT}/"
    emulator.close()
    answer = guarded.call(f"/{ACCOUNT}{FILES}", headers={"api-key": guarded.identity.keys(ACCOUNT)[0]})
    assert answer.status_code == 200

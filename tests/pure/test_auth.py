"""Tokens and keys: kept by scope, replaced in time, told by who gave them, and never told themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from ftops.call import Plane
from ftops.errors import NotSignedIn, WireError
from ftops.testing import NOON, FakeClock
from ftops.wire.auth import FAILED_S, LAST_S, REFRESH_S, Door, Tokens, default_credential
from ftops.wire.hosts import CLOUDS, AllowedHosts

DATA = "https://cognitiveservices.azure.com/.default"
LIVES_S = 3600
SECRET = "hunter2hunter2hunter2"


@dataclass(frozen=True)
class Given:
    """A token as azure-identity returns it."""

    token: str
    expires_on: int


@dataclass
class Fake:
    """A credential as azure-identity's: what it gives ends an hour after the clock's moment."""

    clock: FakeClock
    asked: list[str] = field(default_factory=list)
    closed: int = 0
    act: Callable[[], None] = lambda: None
    lives_s: int = LIVES_S

    def get_token(self, *scopes: str) -> Given:
        """Return a numbered token."""
        self.asked += scopes
        self.act()
        return Given(f"token-{len(self.asked)}", int(self.clock.now().timestamp()) + self.lives_s)

    def close(self) -> None:
        """Count."""
        self.closed += 1


def tokens_of(fake: Fake, heard: list[str] | None = None) -> Tokens:
    """Return tokens that a fake credential gives."""
    tell = (heard if heard is not None else []).append
    return Tokens(lambda: fake, fake.clock, tell, tell)


@pytest.mark.parametrize(
    ("later_s", "asked"),
    [(0, 1), (LIVES_S - REFRESH_S, 1), (LIVES_S - REFRESH_S + 1, 2), (LIVES_S, 2), (LIVES_S * 9, 2)],
)
def test_a_token_is_replaced_some_minutes_before_it_ends(later_s: int, asked: int) -> None:
    """Until four minutes before its end a token is used again; from then on there is a new one."""
    fake = Fake(FakeClock())
    tokens = tokens_of(fake)
    tokens.token(DATA)
    fake.clock.pause(later_s)
    assert tokens.token(DATA) == f"token-{asked}"
    assert len(fake.asked) == asked


@pytest.mark.parametrize(("lives_s", "used_s"), [(2 * REFRESH_S, REFRESH_S), (REFRESH_S, REFRESH_S / 2), (4, 2)])
def test_a_short_token_is_used_for_half_of_its_time(lives_s: int, used_s: float) -> None:
    """A token whose whole life is shorter than the margin is not asked for anew at every call."""
    fake = Fake(FakeClock(), lives_s=lives_s)
    tokens = tokens_of(fake)
    tokens.token(DATA)
    fake.clock.pause(used_s)
    assert tokens.token(DATA) == "token-1"
    fake.clock.pause(0.5)
    assert tokens.token(DATA) == "token-2"


def test_who_was_tried_is_told_once_for_all_scopes() -> None:
    """With -v another scope adds a line of its own, and a renewal says that it is one."""
    fake, heard = Fake(FakeClock()), list[str]()
    fake.act = lambda: DECORATED.debug("%s failed: %s", "EnvironmentCredential.get_token", "Not set.")
    tokens = tokens_of(fake, heard)
    for scope in ("a/.default", "b/.default", "a/.default"):
        tokens.token(scope)
    assert tokens.renewed("a/.default", tokens.token("a/.default"))
    assert heard == [
        "tried EnvironmentCredential: Not set",
        "signed in by Fake for a",
        "signed in by Fake for b",
        "another token by Fake for a",
    ]


def test_a_token_is_used_to_its_end_while_there_is_no_other() -> None:
    """A sign-in host that is away for a minute ends no run while the token is good."""
    fake = Fake(FakeClock())
    tokens = tokens_of(fake)
    first = tokens.token(DATA)

    def away() -> None:
        raise OSError("the sign-in host is away")

    fake.act = away
    fake.clock.pause(LIVES_S - LAST_S)
    assert tokens.token(DATA) == first
    fake.clock.pause(1)
    with pytest.raises(NotSignedIn):
        tokens.token(DATA)


def test_scopes_have_tokens_of_their_own() -> None:
    """A token is never used for another scope."""
    fake = Fake(FakeClock())
    tokens = tokens_of(fake)
    assert [tokens.token(scope) for scope in ("a", "b", "a", "b")] == ["token-1", "token-2", "token-1", "token-2"]


def test_a_refused_token_is_not_replaced_for_ever() -> None:
    """A refused token is replaced once; what replaces it only after it has been accepted."""
    fake = Fake(FakeClock())
    tokens = tokens_of(fake)
    assert tokens.renewed(DATA, tokens.token(DATA))
    assert tokens.token(DATA) == "token-2"
    assert not tokens.renewed(DATA, "token-2")
    tokens.accepted(DATA)
    assert tokens.renewed(DATA, "token-2")
    assert (len(fake.asked), fake.closed) == (3, 2)


def test_who_comes_late_with_a_refused_token_takes_the_new_one() -> None:
    """Threads that were refused together cause one new token."""
    fake = Fake(FakeClock())
    tokens = tokens_of(fake)
    old = tokens.token(DATA)
    assert all(tokens.renewed(DATA, old) for _ in range(16))
    assert len(fake.asked) == 2


def test_a_failure_to_sign_in_stands_for_half_a_minute() -> None:
    """While sixteen threads need a token that nobody gives, every way is tried once."""
    fake = Fake(FakeClock())

    def refuse() -> None:
        raise ValueError("no")

    fake.act = refuse
    tokens = tokens_of(fake)
    for pause_s, asked in ((0, 1), (FAILED_S - 1, 1), (1, 2)):
        fake.clock.pause(pause_s)
        with pytest.raises(NotSignedIn, match="signing in failed: no") as caught:
            tokens.token(DATA)
        assert "`az login`" in caught.value.way_out
        assert len(fake.asked) == asked


LOG = logging.getLogger("azure.identity._credentials.chained")
DECORATED = logging.getLogger("azure.identity._internal.decorators")


def test_who_gave_the_token_is_told_and_who_was_tried(caplog: pytest.LogCaptureFixture) -> None:
    """From what azure-identity logs, -v gets a line for each try and for the one that gave the token, no more."""
    fake, heard = Fake(FakeClock()), list[str]()

    def act() -> None:
        DECORATED.debug(
            "%s failed: %s",
            "EnvironmentCredential.get_token",
            f"Not set. More.\nclient_secret={SECRET}",
            exc_info=False,
        )
        DECORATED.debug(f"[Authenticated account] User Principal Name: {SECRET}")
        LOG.info("%s acquired a token from %s", "DefaultAzureCredential", "AzureCliCredential")

    fake.act = act
    tokens = tokens_of(fake, heard)
    tokens.token(DATA)
    assert heard == [
        "tried EnvironmentCredential: Not set",
        "signed in by AzureCliCredential for https://cognitiveservices.azure.com",
    ]
    assert tokens.signed_in_by == "AzureCliCredential"
    assert not caplog.records


def test_a_credential_that_was_refused_is_told_by_its_reason() -> None:
    """A credential that is configured and refused is the problem, not the ways that were left out after it."""
    fake, heard = Fake(FakeClock()), list[str]()

    def act() -> None:
        reason = f"AADSTS7000215: Invalid client secret provided. client_secret={SECRET}"
        DECORATED.debug("%s failed: %s", "EnvironmentCredential.get_token", reason)
        LOG.debug('%s.get_token failed: %s raised unexpected error "%s"', "Default", "EnvironmentCredential", reason)
        raise ValueError("DefaultAzureCredential failed to retrieve a token.\n\tEnvironmentCredential: long\n\tmore")

    fake.act = act
    words = "signing in by EnvironmentCredential failed: AADSTS7000215: Invalid client secret provided"
    with pytest.raises(NotSignedIn, match=words) as caught:
        tokens_of(fake, heard).token(DATA)
    assert SECRET not in str(caught.value) + "".join(heard)
    assert "\n" not in str(caught.value)


def test_azure_identity_without_a_credential(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The real chain, with nothing to sign in by, gives one sentence with every way, and prints nothing itself."""
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    heard: list[str] = []
    tokens = Tokens(lambda: default_credential(AllowedHosts()), FakeClock(), heard.append, heard.append)
    for scope in (DATA, "other"):
        with pytest.raises(NotSignedIn, match=r"^there is no credential for Azure$"):
            tokens.token(scope)
    tried, warned = heard
    assert tried.startswith("tried EnvironmentCredential: ")
    assert "`az login`" in warned and "apiKeyEnv" in warned
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AZURE_AUTHORITY_HOST": "https://login.evil.example"}, "FTOPS_ALLOW_HOSTS=login.evil.example"),
        ({"AZURE_AUTHORITY_HOST": "login.microsoftonline.com.evil.example"}, "FTOPS_ALLOW_HOSTS"),
    ],
)
def test_secrets_go_to_known_authorities_only(environ: Mapping[str, str], words: str) -> None:
    """An authority that is none of Azure's and not allowed gets no client secret."""
    with pytest.raises(NotSignedIn, match="AZURE_AUTHORITY_HOST") as caught:
        default_credential(AllowedHosts(), environ)
    assert words in caught.value.way_out


def test_an_authority_of_ones_own_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An allowed authority is used without asking Microsoft about it, with the certificates that httpx trusts."""
    given: dict[str, object] = {}

    class Chain:
        def __init__(self, **settings: object) -> None:
            given.update(settings)

    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Chain)
    environ = {"AZURE_AUTHORITY_HOST": "https://127.0.0.1:8443", "SSL_CERT_FILE": "ca.pem"}
    default_credential(AllowedHosts.parse("127.0.0.1"), environ)
    assert given == {
        "exclude_interactive_browser_credential": True,
        "retry_connect": 1,
        "disable_instance_discovery": True,
        "connection_verify": "ca.pem",
    }
    given.clear()
    default_credential(AllowedHosts(), {"AZURE_AUTHORITY_HOST": "login.microsoftonline.us"})
    assert given == {"exclude_interactive_browser_credential": True, "retry_connect": 1}


def test_settings_that_azure_identity_refuses_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of AZURE_TOKEN_CREDENTIALS that does not exist is a sentence, not a traceback."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nobody")
    with pytest.raises(NotSignedIn, match="azure-identity refuses the environment's settings"):
        default_credential(AllowedHosts())


def door(**settings: object) -> Door:
    """Return a door with a fake credential, to hosts of every cloud and loopback."""
    tokens = tokens_of(Fake(FakeClock(NOON + timedelta(0))))
    allowed = AllowedHosts.parse("127.0.0.1")
    return Door(allowed, tokens, {"FTOPS_KEY": SECRET}, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plane", "url", "cloud", "scope"),
    [
        (Plane.DATA, "https://x.openai.azure.com/openai/v1/files", "public", DATA),
        (Plane.DATA, "https://x.services.ai.azure.com/openai/v1/files", "public", DATA),
        (
            Plane.DATA,
            "https://x.services.ai.azure.com/api/projects/p/openai/v1/files",
            "public",
            "https://ai.azure.com/.default",
        ),
        (Plane.ARM, "https://management.azure.com/subscriptions/1", "public", "https://management.azure.com/.default"),
        (Plane.SUBSCRIPTION, "https://management.azure.com/s", "public", "https://management.azure.com/.default"),
        (Plane.ARM, "https://127.0.0.1:8443/subscriptions/1", "public", "https://management.azure.com/.default"),
        (Plane.DATA, "https://127.0.0.1:8443/east/openai/v1/files", "public", DATA),
        (Plane.DATA, "https://x.openai.azure.us/f", "public", "https://cognitiveservices.azure.us/.default"),
        (
            Plane.ARM,
            "https://management.usgovcloudapi.net/s",
            "public",
            "https://management.usgovcloudapi.net/.default",
        ),
        (Plane.ARM, "https://127.0.0.1/s", "China", "https://management.chinacloudapi.cn/.default"),
    ],
)
def test_each_plane_has_its_scope(plane: Plane, url: str, cloud: str, scope: str) -> None:
    """A token is made out to the plane it is for, in the cloud of the host, or of the account for an allowed host."""
    made = door(cloud=next(each for each in CLOUDS if each.name == cloud))
    assert made.scope(plane, url) == scope
    assert made.headers(plane, url) == {"Authorization": "Bearer token-1"}


def test_a_key_is_for_the_data_plane() -> None:
    """With a key, ARM still gets a token, and a refused key is not tried again."""
    made = door(key_env="FTOPS_KEY")
    url = "https://x.openai.azure.com/openai/v1/files"
    assert made.headers(Plane.DATA, url) == {"api-key": SECRET}
    assert not made.renewed(Plane.DATA, url, {"api-key": SECRET})
    made.accepted(Plane.DATA, url)
    arm = "https://management.azure.com/subscriptions/1"
    assert made.headers(Plane.ARM, arm) == {"Authorization": "Bearer token-1"}
    assert made.renewed(Plane.ARM, arm, made.headers(Plane.ARM, arm))


@pytest.mark.parametrize("url", ["https://evil.example/x", "http://x.openai.azure.com/openai/v1/files"])
def test_no_credential_leaves_for_another_host(url: str) -> None:
    """The last check is where the header is made: neither a key nor a token goes anywhere else."""
    for made in (door(), door(key_env="FTOPS_KEY")):
        with pytest.raises(WireError):
            made.headers(Plane.DATA, url)

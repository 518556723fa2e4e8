"""Credentials: an account's key from a named variable, tokens from azure-identity, which only this module imports.

Tokens are kept in memory, by scope, and nowhere else. What azure-identity tells of its tries is summarised for -v.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol
from urllib.parse import urlsplit

from ftops.call import Plane
from ftops.clock import Clock
from ftops.errors import NotSignedIn, WireError
from ftops.wire.dialects import PROJECT_MARK
from ftops.wire.hosts import AUTHORITY_HOSTS, PUBLIC, AllowedHosts, Cloud, cloud_of
from ftops.wire.sign_in import Heard, listening, not_signed_in, one_line

REFRESH_S = 240
"""Before a token ends it is replaced: less than the five minutes for which azure-identity itself would keep it."""
LAST_S = 10
"""A token that ends so soon may have ended by the time it arrives."""
FAILED_S = 30
"""For so long a failure to sign in stands for all threads: trying every way takes seconds."""

KEY = "it should hold the account's key alone, as `az cognitiveservices account keys list` prints it"
SIGN_IN_KNOCKS = 1
"""How often azure-identity knocks again where a sign-in host takes no connection."""


class Token(Protocol):
    """What azure-identity returns: the token and when it ends, in seconds since 1970."""

    @property
    def token(self) -> str:
        """Return the token."""
        ...

    @property
    def expires_on(self) -> int:
        """Return when it ends."""
        ...


class Credential(Protocol):
    """What gives tokens; azure-identity's interface."""

    def get_token(self, *scopes: str) -> Token:
        """Return a token for the scopes."""
        ...


@dataclass(slots=True)
class _Kept:
    """A token in use. `accepted` and `renewed` decide whether a refusal is worth another token.

    `margin_s` before its end it is replaced; one that is short-lived is used for half of its time at least.
    """

    value: str
    expires_at_s: float
    margin_s: float
    renewed: bool = False
    accepted: bool = False


@dataclass(slots=True)
class Tokens:
    """Tokens by scope, each asked for once however many threads need it.

    `make` returns a credential; it is called at the first token, and again when a token was refused, because
    credentials keep tokens of their own. `warn` hears once how to mend a failure, for which `environ` is looked at.
    `signed_in_by` is the name of the credential that gave the last token.
    """

    make: Callable[[], Credential]
    clock: Clock
    tell: Callable[[str], None]
    warn: Callable[[str], None]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    signed_in_by: str = ""
    _credential: Credential | None = None
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _failed: dict[str, tuple[float, NotSignedIn]] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def token(self, scope: str) -> str:
        """Return a token that is good for some minutes yet.

        Raises: NotSignedIn when there is no credential, or it was not accepted.
        """
        kept = self._kept.get(scope)
        if kept is None or self._ends(kept):
            with self._lock:
                kept = self._kept.get(scope)
                if kept is None or self._ends(kept):
                    kept = self._newer(scope, kept)
        return kept.value

    def _newer(self, scope: str, kept: _Kept | None) -> _Kept:
        """Return a new token, or while none can be had the one that is good for a moment yet."""
        try:
            return self._ask(scope)
        except NotSignedIn:
            if kept is None or kept.expires_at_s - self.clock.now().timestamp() < LAST_S:
                raise
            return kept

    def renewed(self, scope: str, refused: str) -> bool:
        """Return whether there is another token than the one that was refused; asks for one at most once in a row."""
        with self._lock:
            kept = self._kept.get(scope)
            if kept is None or kept.value != refused:
                return kept is not None
            if kept.renewed and not kept.accepted:
                return False
            self._close()
            self._kept[scope] = fresh = self._ask(scope)
            fresh.renewed = True
            return fresh.value != refused

    def accepted(self, scope: str) -> None:
        """Take note that a token opened its door."""
        kept = self._kept.get(scope)
        if kept is not None:
            kept.accepted = True

    def close(self) -> None:
        """Close the credential's connections and forget its tokens."""
        with self._lock:
            self._close()
            self._kept.clear()

    def _ends(self, kept: _Kept) -> bool:
        return kept.expires_at_s - self.clock.now().timestamp() < kept.margin_s

    def _ask(self, scope: str) -> _Kept:
        now = self.clock.now().timestamp()
        at, problem = self._failed.get(scope, (float("-inf"), None))
        if problem is not None and now - at < FAILED_S:
            raise problem
        problem = None
        with listening() as heard:
            try:
                self._credential = self._credential or self.make()
                given = self._credential.get_token(scope)
            except NotSignedIn as error:
                problem = error
            except Exception as error:  # noqa: BLE001 — whatever a credential raises, it gave no token
                self._tell_tries(heard)
                problem = not_signed_in(error, heard, self.environ)
        if problem is not None:
            if problem.way_out and not self._failed:
                self.warn(f"{problem}. {problem.way_out}")
            self._failed[scope] = now, problem
            raise problem  # Not from its cause, which may hold what must not be shown.
        self.signed_in_by = heard.by or type(self._credential).__name__
        self._tell_tries(heard)
        what = "another token" if scope in self._kept else "signed in"
        self.tell(f"{what} by {self.signed_in_by} for {scope.removesuffix('/.default')}")
        margin_s = min(REFRESH_S, (given.expires_on - now) / 2)
        self._kept[scope] = _Kept(given.token, float(given.expires_on), margin_s)
        return self._kept[scope]

    def _tell_tries(self, heard: Heard) -> None:
        if heard.tries == self._told:
            return  # The same for another scope.
        self._told = dict(heard.tries)
        for name, reason in heard.tries.items():
            self.tell(f"tried {name}: {reason}")

    def _close(self) -> None:
        close = getattr(self._credential, "close", None)
        self._credential = None
        if callable(close):
            close()


@dataclass(slots=True)
class Door:
    """How one account is entered: which header goes with a call, and what to do when it is not accepted.

    `key_env` names the variable with the account's key; ARM takes tokens only, whatever the account's auth is.
    """

    allowed: AllowedHosts
    tokens: Tokens
    environ: Mapping[str, str]
    cloud: Cloud = PUBLIC
    key_env: str = ""

    def headers(self, plane: Plane, url: str) -> dict[str, str]:
        """Return the headers that a call carries.

        Raises: WireError for a host that gets no credential; NotSignedIn when there is none to send.
        """
        refusal = self.allowed.refusal(url)
        if refusal:
            raise WireError(refusal)
        if plane is Plane.DATA and self.key_env:
            return {"api-key": self._key()}
        return {"Authorization": f"Bearer {self.tokens.token(self.scope(plane, url))}"}

    def renewed(self, plane: Plane, url: str, sent: Mapping[str, str]) -> bool:
        """Return whether a call that answered 401 is worth sending again with a newer token."""
        token = sent.get("Authorization", "").removeprefix("Bearer ")
        return bool(token) and self.tokens.renewed(self.scope(plane, url), token)

    def accepted(self, plane: Plane, url: str) -> None:
        """Take note that a call was let in."""
        if not (plane is Plane.DATA and self.key_env):
            self.tokens.accepted(self.scope(plane, url))

    def credential(self, plane: Plane, url: str) -> str:
        """Return which credential opens a door, in words."""
        if plane is Plane.DATA and self.key_env:
            return f"the key in {self.key_env}"
        return f"signed in by {self.tokens.signed_in_by} for {self.scope(plane, url).removesuffix('/.default')}"

    def scope(self, plane: Plane, url: str) -> str:
        """Return what a token for a URL has to be made out to (azure-api.md §2.2 and §2.3)."""
        cloud = cloud_of(url) or self.cloud
        if plane is not Plane.DATA:
            return cloud.arm_scope
        return cloud.project_scope if PROJECT_MARK in url else cloud.data_scope

    def _key(self) -> str:
        key = self.environ.get(self.key_env, "").strip()
        if not key:
            state = "is empty" if self.key_env in self.environ else "is not set"
            raise NotSignedIn(f"the environment variable {self.key_env} {state}; {KEY}")
        if not key.isascii() or not key.isprintable() or " " in key:
            why = "cannot be a key: there is a blank, a line break or an unusual character in it"
            raise NotSignedIn(f"the environment variable {self.key_env} holds something that {why}; {KEY}")
        return key


def default_credential(allowed: AllowedHosts, environ: Mapping[str, str] = os.environ) -> Credential:
    """Return azure-identity's chain: environment, workload identity, managed identity, the command line tools.

    It never opens a browser. An authority that is none of Azure's own is not looked up at Microsoft's, and must be
    allowed, since a service principal's secret goes there. Raises: NotSignedIn when the environment contradicts itself.
    """
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415

    settings: dict[str, object] = {"retry_connect": SIGN_IN_KNOCKS}
    authority = environ.get("AZURE_AUTHORITY_HOST", "").strip()
    url = authority if "://" in authority else f"https://{authority}"
    if authority and (urlsplit(url).hostname or "").lower() not in AUTHORITY_HOSTS:
        if not allowed.holds(url):
            raise NotSignedIn("AZURE_AUTHORITY_HOST is none of Azure's own hosts", allowed.refusal(url))
        settings["disable_instance_discovery"] = True
    authorities = environ.get("SSL_CERT_FILE") or environ.get("SSL_CERT_DIR")
    if authorities and not environ.get("REQUESTS_CA_BUNDLE"):
        settings["connection_verify"] = authorities  # azure-identity reads another variable than httpx.
    try:
        return DefaultAzureCredential(exclude_interactive_browser_credential=True, **settings)
    except ValueError as error:
        raise NotSignedIn(f"azure-identity refuses the environment's settings: {one_line(str(error))}") from None

"""Credentials: an account's key from a named variable, tokens from azure-identity, which only this module imports.

Tokens are kept in memory, by scope, and nowhere else. What azure-identity tells of its tries is summarised for -v.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol
from urllib.parse import urlsplit

from ftops.call import Plane
from ftops.clock import Clock
from ftops.errors import NotSignedIn, WireError
from ftops.redaction import redact
from ftops.wire.dialects import PROJECT_MARK
from ftops.wire.hosts import AUTHORITY_HOSTS, PUBLIC, AllowedHosts, Cloud, cloud_of

REFRESH_S = 240
"""Before a token ends it is replaced: less than the five minutes for which azure-identity itself would keep it."""
LAST_S = 10
"""A token that ends so soon may have ended by the time it arrives."""
FAILED_S = 30
"""For so long a failure to sign in stands for all threads: trying every way takes seconds."""
REASON_CHARACTERS_MAX = 160

WAYS = (
    "Sign in with `az login`; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "or run where there is a workload identity or a managed identity; or, for files and jobs alone, give the account "
    "`auth: {apiKeyEnv: AZURE_OPENAI_API_KEY}`."
)
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""How OpenSSL names a certificate that nobody vouches for; azure-identity passes on its text alone."""
CERTIFICATE = "Name the file with the certificate of the authority that signs for the sign-in host in SSL_CERT_FILE."
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
    """A token in use. `accepted` and `renewed` decide whether a refusal is worth another token."""

    value: str
    expires_at_s: float
    renewed: bool = False
    accepted: bool = False


@dataclass(slots=True)
class Tokens:
    """Tokens by scope, each asked for once however many threads need it.

    `make` returns a credential; it is called at the first token, and again when a token was refused, because
    credentials keep tokens of their own. `warn` hears once how to mend a failure. `signed_in_by` is the name of the
    credential that gave the last token.
    """

    make: Callable[[], Credential]
    clock: Clock
    tell: Callable[[str], None]
    warn: Callable[[str], None]
    signed_in_by: str = ""
    _credential: Credential | None = None
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _failed: dict[str, tuple[float, NotSignedIn]] = field(default_factory=dict)
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
        return kept.expires_at_s - self.clock.now().timestamp() < REFRESH_S

    def _ask(self, scope: str) -> _Kept:
        now = self.clock.now().timestamp()
        at, problem = self._failed.get(scope, (float("-inf"), None))
        if problem is not None and now - at < FAILED_S:
            raise problem
        problem = None
        with _listening() as heard:
            try:
                self._credential = self._credential or self.make()
                given = self._credential.get_token(scope)
            except NotSignedIn as error:
                problem = error
            except Exception as error:  # noqa: BLE001 — whatever a credential raises, it gave no token
                self._tell_tries(heard)
                problem = _not_signed_in(error, heard)
        if problem is not None:
            if problem.way_out and not self._failed:
                self.warn(f"{problem}. {problem.way_out}")
            self._failed[scope] = now, problem
            raise problem  # Not from its cause, which may hold what must not be shown.
        self.signed_in_by = heard.by or type(self._credential).__name__
        self._tell_tries(heard)
        self.tell(f"signed in by {self.signed_in_by} for {scope.removesuffix('/.default')}")
        self._kept[scope] = _Kept(given.token, float(given.expires_on))
        return self._kept[scope]

    def _tell_tries(self, heard: _Heard) -> None:
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

    def scope(self, plane: Plane, url: str) -> str:
        """Return what a token for a URL has to be made out to (azure-api.md §2.2 and §2.3)."""
        cloud = cloud_of(url) or self.cloud
        if plane is not Plane.DATA:
            return cloud.arm_scope
        return cloud.project_scope if PROJECT_MARK in url else cloud.data_scope

    def _key(self) -> str:
        key = self.environ.get(self.key_env, "").strip()
        if not key:
            raise NotSignedIn(f"the environment variable {self.key_env} should hold the account's key, and is not set")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise NotSignedIn(f"the environment variable {self.key_env} holds something that cannot be a key")
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
        raise NotSignedIn(f"azure-identity refuses the environment's settings: {_one_line(str(error))}") from None


@dataclass(eq=False)
class _Heard(logging.Handler):
    """What azure-identity says while it looks for a token."""

    by: str = ""
    refused: str = ""
    tries: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        logging.Handler.__init__(self, logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep who gave a token, who was tried, and who was asked and refused; everything else is dropped.

        Source: azure-identity 1.27, `_credentials/chained.py` and `_internal/decorators.py`.
        """
        words = record.args if isinstance(record.args, tuple) else ()
        if record.msg == "%s acquired a token from %s":
            self.by = str(words[1])
        elif record.msg == "%s failed: %s":
            name = str(words[0]).partition(".")[0]
            if not name.startswith("Default"):
                self.tries[name] = _one_line(str(words[1]))
        elif "raised unexpected error" in str(record.msg):
            self.refused = str(words[1])


@contextmanager
def _listening() -> Iterator[_Heard]:
    """Yield what azure-identity says; nothing of it is printed by the logging module meanwhile."""
    heard, logger = _Heard(), logging.getLogger("azure.identity")
    before = logger.level, logger.propagate
    logger.addHandler(heard)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.level, logger.propagate = before


def _not_signed_in(error: Exception, heard: _Heard) -> NotSignedIn:
    if heard.refused:
        reason = heard.tries.get(heard.refused) or _one_line(str(error))
        way_out = CERTIFICATE if UNTRUSTED in reason else "Mend what it says, or take it out of the environment."
        return NotSignedIn(f"signing in by {heard.refused} failed: {reason}", way_out)
    if heard.tries or type(error).__name__ == "CredentialUnavailableError":
        return NotSignedIn("there is no credential for Azure", f"{WAYS} -v tells what was tried.")
    return NotSignedIn(f"signing in failed: {_one_line(str(error))}", WAYS)


def _one_line(text: str) -> str:
    """Return the first sentence of a text on one line, without secrets."""
    line = redact(" ".join(text.split())).removeprefix("Authentication failed: ")
    first = line.partition(". ")[0].rstrip(".")
    return first if len(first) <= REASON_CHARACTERS_MAX else f"{first[:REASON_CHARACTERS_MAX]}…"

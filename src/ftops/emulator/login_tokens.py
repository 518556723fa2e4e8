"""Who may call a served emulator: one invented tenant with one application, keys per account, and signed tokens.

All of it is invented and printed freely: it opens nothing but this emulator. Everything comes from the store, so it
stays the same at every start; only the key that signs tokens, and what makes each its own, are random.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ftops.emulator.messages import JsonObject
from ftops.emulator.store import Kind, Store

TOKEN_S = 3600
"""How long a token is usually good for, in seconds of the system's time: credentials live in the caller's world."""
ASSERTION_S = 366 * 86_400
EXCHANGE = "api://AzureADTokenExchange"
"""Whom a workload identity's own token is made out to."""
_PARTS = 3
_HEADER = {"alg": "HS256", "kid": "ftops-emulator", "typ": "JWT"}


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature is ours."""

    audience: str
    expires_at: float


class Identity:
    """The invented tenant of a store, and what it gives out.

    `system_now` tells the system's time, by which tokens expire.
    """

    def __init__(self, store: Store, system_now: Callable[[], datetime]) -> None:
        """Take everything from the store; its signing key is made once."""
        self._store = store
        self._now = system_now
        self._signing_key = bytes.fromhex(store.kept("signing-key", os.urandom(32).hex()))

    @property
    def tenant_id(self) -> str:
        """The only tenant."""
        return self._uuid("tenant")

    @property
    def client_id(self) -> str:
        """The only application of the tenant."""
        return self._uuid("client")

    @property
    def client_secret(self) -> str:
        """The application's secret, which is none: it is printed wherever it helps."""
        return f"emulator-{self._store.derived('client-secret')[:32]}"

    @property
    def identity_header(self) -> str:
        """What a managed identity sends in X-IDENTITY-HEADER."""
        return self._store.derived("identity-header")[:32]

    @property
    def object_id(self) -> str:
        """The application's principal, by which refusals name it."""
        return self._uuid("object")

    def keys(self, account: str) -> tuple[str, str]:
        """Return an account's two API keys."""
        return self._key(account, 1), self._key(account, 2)

    def regenerate_key(self, account: str, number: int) -> None:
        """Replace one of an account's keys, within the caller's transaction; the one before opens nothing any more."""
        document = self._store.get(Kind.ACCOUNT, account.lower(), account.lower())
        if document is not None:
            self._store.put(document.changed(sim={f"key{number}": int(document.sim.get(f"key{number}", 0)) + 1}))

    def _key(self, account: str, number: int) -> str:
        name = account.lower()
        document = self._store.get(Kind.ACCOUNT, name, name)
        generation = int(document.sim.get(f"key{number}", 0)) if document else 0
        ending = f":{generation}" if generation else ""
        return self._store.derived(f"key{number}:{name}{ending}")[:32]

    def is_key(self, account: str, key: str) -> bool:
        """Tell whether this is one of the account's keys."""
        return any(same(key, each) for each in self.keys(account))

    def is_any_key(self, key: str) -> bool:
        """Tell whether this is a key of any account of the store."""
        return any(self.is_key(account.id, key) for account in self._store.every(Kind.ACCOUNT))

    def issue(self, audience: str, issuer: str, token_s: int = TOKEN_S) -> tuple[str, int]:
        """Return a token for an audience and when it expires, in Unix seconds."""
        now_s = self.now_s
        expires_at = now_s + token_s
        object_id = self.object_id
        claims: JsonObject = {
            "aud": audience,
            "iss": issuer,
            "iat": now_s,
            "nbf": now_s,
            "exp": expires_at,
            "appid": self.client_id,
            "idtyp": "app",
            "oid": object_id,
            "sub": object_id,
            "tid": self.tenant_id,
            # Else two tokens of one second would be the same, and a caller whose token expired could not get another.
            "uti": _base64(os.urandom(16)),
            "ver": "1.0",
        }
        return self._signed(claims), expires_at

    def assertion(self) -> str:
        """Return what a workload identity brings in place of a secret, as Kubernetes writes it into a file."""
        subject = "system:serviceaccount:emulator:ftops"
        times: JsonObject = {"iat": self.now_s, "nbf": self.now_s, "exp": self.now_s + ASSERTION_S}
        return self._signed({"aud": [EXCHANGE], "iss": "https://kubernetes.emulator/", "sub": subject, **times})

    @property
    def now_s(self) -> int:
        """The system's time in Unix seconds."""
        return int(self._now().timestamp())

    def _signed(self, claims: JsonObject) -> str:
        content = f"{_encoded(_HEADER)}.{_encoded(claims)}"
        return f"{content}.{_base64(self._signature(content))}"

    def read(self, token: str) -> Token | None:
        """Return what a token says; None unless this store signed it."""
        content, _, signature = token.rpartition(".")
        if not same(signature, _base64(self._signature(content))):
            return None
        claims = claims_in(token)  # What is read is never trusted to be sound, even if we signed it.
        return Token(str(claims["aud"]), float(claims["exp"])) if claims else None

    def is_expired(self, token: Token) -> bool:
        """Tell whether a token's time is over."""
        return token.expires_at <= self._now().timestamp()

    def _uuid(self, purpose: str) -> str:
        return str(UUID(self._store.derived(purpose)[:32]))

    def _signature(self, content: str) -> bytes:
        return hmac.new(self._signing_key, content.encode(), hashlib.sha256).digest()


def same(given: str, wanted: str) -> bool:
    """Compare two credentials in constant time."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def claims_in(token: str) -> JsonObject:
    """Return what a token says, whoever signed it; nothing if it is no token."""
    parts = token.split(".")
    try:
        claims = json.loads(_bytes(parts[1])) if len(parts) == _PARTS else None
    except (ValueError, binascii.Error, RecursionError):
        claims = None
    return claims if isinstance(claims, dict) else {}


def _encoded(value: JsonObject) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

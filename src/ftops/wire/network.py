"""Clients over the network: one TLS context and pool of connections, pauses that can be ended, the clock's skew."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from threading import Event, Lock

import httpx

from ftops import __version__
from ftops.clock import Clock
from ftops.errors import Interrupted, UsageError, WireError
from ftops.wire.auth import Credential, Door, Tokens, default_credential
from ftops.wire.client import READS_AT_ONCE, Client
from ftops.wire.dialects import PROJECT_MARK, Endpoints, Surface
from ftops.wire.flows import Budget
from ftops.wire.hosts import ALLOW_HOSTS, ARM_ENDPOINT, PUBLIC, AllowedHosts, arm_endpoint, cloud_of

TIMEOUTS = httpx.Timeout(connect=10, read=60, write=60, pool=60)
SKEW_MAX_S = 300
ADVANCE_PATH = "/_emulator/advance"


@cache
def tls_context() -> ssl.SSLContext:
    """Return the one TLS context; it trusts what SSL_CERT_FILE or SSL_CERT_DIR name, else the usual authorities.

    Raises: WireError when the file they name cannot be used.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or "the list of authorities"
        raise WireError(
            f"{named} cannot be read as a list of authorities ({error.strerror or type(error).__name__}); check "
            "SSL_CERT_FILE and SSL_CERT_DIR"
        ) from None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account is and how it is entered, as the Project says: an empty `key_env` means signing in."""

    name: str
    endpoint: str
    resource_id: str = ""
    key_env: str = ""
    surface: str | None = None


@dataclass(slots=True)
class Sleeper:
    """Waits in real time, in any thread, until the time is over or the run ends."""

    _ended: Event = field(default_factory=Event)

    def __call__(self, seconds: float) -> None:
        """Wait; raises Interrupted when the run ends meanwhile."""
        if self._ended.wait(seconds):
            raise Interrupted("the run ended while it waited")

    def close(self) -> None:
        """Wake every thread that waits."""
        self._ended.set()


@dataclass(slots=True)
class OneWorld:
    """Sees to it that one pass reads emulators or real accounts, never both: their times are not one time.

    An account may turn out to be an emulator later than at its first answer, which a gateway may have given.
    """

    _emulated: dict[str, bool] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def meet(self, name: str, *, emulated: bool) -> None:
        """Take note of who answers for an account; raises UsageError when another is of the other sort."""
        with self._lock:
            self._emulated[name] = emulated
            if len(set(self._emulated.values())) > 1:
                raise UsageError(
                    "some accounts of this project are served by an emulator and some are real, and one pass never "
                    "touches both; keep them in two projects, or in two overlays of one"
                )


@dataclass(slots=True)
class Network:
    """What all network clients of a run share; made once, closed at its end.

    `warn` hears of a clock that is wrong, `tell` of sign-ins (-v). `make` replaces azure-identity in tests.
    """

    environ: Mapping[str, str]
    clock: Clock
    tell: Callable[[str], None]
    warn: Callable[[str], None]
    make: Callable[[], Credential] | None = None
    budget: Budget = field(default_factory=Budget)
    sleeper: Sleeper = field(default_factory=Sleeper)
    world: OneWorld = field(default_factory=OneWorld)
    skews: dict[str, timedelta] = field(default_factory=dict)
    """How far each account's clock was ahead of this machine's when it first answered; emulators' are not judged."""
    allowed: AllowedHosts = field(init=False)
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        """Read the environment; raises UsageError when it does not name hosts."""
        self.allowed = AllowedHosts.parse(self.environ.get(ALLOW_HOSTS, ""))
        self.tokens = Tokens(self.make or self._default, self.clock, self.tell, self._warn_of_sign_in, self.environ)

    def _warn_of_sign_in(self, text: str) -> None:
        self.warn(f"error: {text}")

    def _default(self) -> Credential:
        return default_credential(self.allowed, self.environ)

    def arm(self, place: Place) -> str:
        """Return ARM's root for an account."""
        return arm_endpoint(self.environ.get(ARM_ENDPOINT, ""), place.endpoint)

    def refusals(self, place: Place) -> Mapping[str, str]:
        """Return which of an account's hosts get no credential, and why: by `endpoint` and by the variable's name."""
        found = {"endpoint": self.allowed.refusal(place.endpoint)}
        if place.resource_id:
            found[ARM_ENDPOINT] = self.allowed.refusal(self.arm(place))
        return {what: why for what, why in found.items() if why}

    def client(self, place: Place) -> Client:
        """Return a client of an account; raises WireError for a host that gets no credential."""
        for why in self.refusals(place).values():
            raise WireError(why)
        arm = self.arm(place)
        endpoints = Endpoints(place.endpoint.rstrip("/"), arm, place.resource_id, _surface(place))
        tls = endpoints.data.startswith("https:") or (place.resource_id and arm.startswith("https:"))
        client = Client(_connections(tls_context() if tls else None), endpoints, self.sleeper, budget=self.budget)
        cloud = cloud_of(place.endpoint) or cloud_of(arm) or PUBLIC
        client.entry = Door(self.allowed, self.tokens, self.environ, cloud, place.key_env)
        client.advance_url = _advance_url(endpoints)
        client.tell_met = partial(self._met, place.name)
        return client

    def _met(self, name: str, client: Client) -> None:
        """Judge who answers for an account: the sort of its world, and the clock."""
        self.world.meet(name, emulated=bool(client.emulated))
        self.measure(name, client)
        skew = self.skews.get(name)
        if skew is not None and abs(skew.total_seconds()) > SKEW_MAX_S:
            self.warn(f"warning: {skew_in_words(name, skew)}")

    def measure(self, name: str, client: Client) -> None:
        """Keep how far an account's clock is ahead, unless nothing follows from it."""
        self.skews.pop(name, None)
        if client.now is not None and not client.emulated:
            self.skews[name] = client.now - self.clock.now()

    def close(self) -> None:
        """End the waits and forget the tokens."""
        self.sleeper.close()
        self.tokens.close()


def _connections(tls: ssl.SSLContext | None) -> httpx.Client:
    """Return a pool of connections; raises WireError when the environment names a proxy that cannot be one."""
    try:
        return httpx.Client(
            verify=tls or False,
            timeout=TIMEOUTS,
            limits=httpx.Limits(max_connections=READS_AT_ONCE * 2, max_keepalive_connections=READS_AT_ONCE),
            headers={"User-Agent": f"ftops/{__version__}"},
            follow_redirects=False,
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        raise WireError(  # Its text may hold the proxy's password.
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names no proxy that can be used; write http://HOST:PORT, not SOCKS"
        ) from None


def skew_in_words(name: str, skew: timedelta) -> str:
    """Return what a wrong clock means and how to mend it."""
    minutes = abs(skew.total_seconds()) / 60
    side = "behind" if skew > timedelta(0) else "ahead of"
    return (
        f"this machine's clock is {minutes:.0f} minutes {side} that of {name}; ages and dates are the service's, "
        "but tokens and leases go by this clock. Set it (for example with `timedatectl set-ntp true`)."
    )


def _surface(place: Place) -> Surface:
    """Return the preferred surface: a project's endpoint asks for the project's own."""
    return Surface(place.surface or (Surface.PROJECT if PROJECT_MARK in place.endpoint else Surface.V1))


def _advance_url(endpoints: Endpoints) -> str:
    """Return where a served emulator's clock is moved: at its ARM, or at the data plane's host where ARM is Azure's."""
    if cloud_of(endpoints.arm) is None:
        return f"{endpoints.arm}{ADVANCE_PATH}"
    scheme, _, rest = endpoints.data.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{ADVANCE_PATH}"

"""Which account a request means: by the host's first label, by the path's first segment, or because there is one."""

from __future__ import annotations

import re
from dataclasses import replace

from ftops.emulator.messages import Request
from ftops.emulator.store import Kind, Store

EMULATED_DOMAIN = ".emulator"
"""Under it every host is a name of ours; an unknown one is not taken for the only account."""
_NUMERIC_HOST = re.compile(r"[\d.]+|\[.*\]")
_PREFIXED = re.compile(r"/(?P<account>[^/]+)(?P<rest>/(?:openai|api/projects)/.*)")


def addressed(store: Store, request: Request) -> Request:
    """Return the request with its account's name, empty if it means none, and without a prefix of the path.

    A served emulator has one address for all accounts, so a first path segment can name one: `/east/openai/v1/files`.
    """
    host = _host(request)
    label = "" if _NUMERIC_HOST.fullmatch(host) else host.split(".")[0]
    if _is_account(store, label):
        return replace(request, account=label)
    found = _PREFIXED.fullmatch(request.path)
    if found and _is_account(store, found["account"].lower()):
        prefix = f"/{found['account']}"
        return replace(request, account=found["account"].lower(), prefix=prefix, path=found["rest"])
    if host.endswith(EMULATED_DOMAIN):
        return request
    only = store.every(Kind.ACCOUNT)
    return replace(request, account=only[0].id) if len(only) == 1 else request


def endpoint_as_reached(request: Request, name: str) -> str | None:
    """Return an account's data-plane root at the address of this ARM request; None on the embedded one's own hosts."""
    if _host(request).endswith(EMULATED_DOMAIN):
        return None
    return f"{request.origin}/{name}"


def _host(request: Request) -> str:
    without_port = re.sub(r":\d*$", "", request.host)
    return without_port.lower()


def _is_account(store: Store, name: str) -> bool:
    return bool(name) and store.get(Kind.ACCOUNT, name, name) is not None

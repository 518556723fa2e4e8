"""The hosts that credentials may be sent to: Azure's own, and those that the environment allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ftops.errors import UsageError

ALLOW_HOSTS = "FTOPS_ALLOW_HOSTS"
ARM_ENDPOINT = "FTOPS_ARM_ENDPOINT"
_PLAIN = re.compile(r"[a-z0-9.-]+|[0-9a-f:]+")


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's clouds: the ends of its data plane's hosts, ARM's host, and the scopes of its tokens."""

    name: str
    suffixes: tuple[str, ...]
    arm: str
    data_scope: str
    project_scope: str

    @property
    def arm_scope(self) -> str:
        """Return the scope of ARM's tokens."""
        return f"https://{self.arm}/.default"


# As of 2026-11-23. Public: azure-api.md §2 (MicrosoftDocs/azure-ai-docs and azure-rest-api-specs). The others: Azure's
# lists of endpoints by cloud in Azure/azure-cli, azure/cli/core/cloud.py, and the scope of ARM as in
# MicrosoftDocs/python-sdk-docs-examples, sovereign_domain/sovereign_cloud.py.
PUBLIC = Cloud(
    "public",
    (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"),
    "management.azure.com",
    "https://cognitiveservices.azure.com/.default",
    "https://ai.azure.com/.default",
)
CLOUDS = (
    PUBLIC,
    Cloud(
        "US Government",
        (".openai.azure.us", ".services.ai.azure.us", ".cognitiveservices.azure.us"),
        "management.usgovcloudapi.net",
        "https://cognitiveservices.azure.us/.default",
        "https://ai.azure.us/.default",
    ),
    Cloud(
        "China",
        (".openai.azure.cn", ".services.ai.azure.cn", ".cognitiveservices.azure.cn"),
        "management.chinacloudapi.cn",
        "https://cognitiveservices.azure.cn/.default",
        "https://ai.azure.cn/.default",
    ),
)
AUTHORITY_HOSTS = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn"})
"""Where the clouds above sign in; another authority is one that Microsoft's instance discovery does not know."""


def cloud_of(url: str) -> Cloud | None:
    """Return the cloud that a URL's host belongs to, by its end or as its ARM; None for any other host."""
    host = _host(url)
    for cloud in CLOUDS:
        if host == cloud.arm or any(host.endswith(suffix) and host != suffix[1:] for suffix in cloud.suffixes):
            return cloud
    return None


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """What FTOPS_ALLOW_HOSTS holds: hosts, hosts with ports, and ends of hosts that begin with a dot."""

    entries: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> AllowedHosts:
        """Return the entries of a comma-separated text.

        Raises: UsageError for an entry that is no host, such as a URL, `*`, or a dot that would allow everything.
        """
        entries = [entry.strip().lower() for entry in text.split(",") if entry.strip()]
        for entry in entries:
            if not entry.strip(".") or "/" in entry or "*" in entry or "@" in entry:
                raise UsageError(
                    f'{ALLOW_HOSTS} names "{entry}", which is no host: write hosts such as 127.0.0.1 or '
                    "proxy.example.net, and .example.net for all hosts that end so, separated by commas"
                )
        return cls(frozenset(entries))

    def holds(self, url: str) -> bool:
        """Tell whether the host of a URL is among the entries."""
        host = _host(url)
        if not host:
            return False
        parts = urlsplit(url)
        names = {host, host.strip("[]"), f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"}
        ends = (entry for entry in self.entries if entry.startswith("."))
        return not self.entries.isdisjoint(names) or any(host.endswith(end) for end in ends)

    def refusal(self, url: str) -> str:
        """Return why no credential is sent to a URL, with the way out; empty when it may be.

        http is for allowed hosts only: to Azure's own, a credential never travels unencrypted.
        """
        host = _host(url)
        if not host:
            return "This is not an address that credentials can be sent to: https, a host, and nothing before it."
        if self.holds(url):
            return ""
        if cloud_of(url) is None:
            return (
                f'"{host}" is none of Azure\'s own hosts, and credentials go to no other. If it is meant, allow it in '
                f"the environment: {ALLOW_HOSTS}={host}."
            )
        if urlsplit(url).scheme != "https":
            return f"http would send credentials unencrypted. Write https://{host}."
        return ""


def _host(url: str) -> str:
    """Return the host of a URL; empty where two readers of URLs might take it for two hosts."""
    try:
        parts = urlsplit(url)
        host, _port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if "@" in parts.netloc or not _PLAIN.fullmatch(host):
        return ""
    return f"[{host}]" if ":" in host else host


def arm_endpoint(given: str, data_endpoint: str) -> str:
    """Return ARM's root: what FTOPS_ARM_ENDPOINT gives, else that of the data plane's cloud."""
    return given.rstrip("/") or f"https://{(cloud_of(data_endpoint) or PUBLIC).arm}"

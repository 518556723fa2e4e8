"""Where credentials may go: Azure's own hosts, what the environment allows, and nowhere that only looks like them."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.errors import UsageError
from ftops.wire.hosts import CLOUDS, PUBLIC, AllowedHosts, arm_endpoint, cloud_of


@pytest.mark.parametrize(
    ("url", "cloud"),
    [
        ("https://aoai.openai.azure.com", "public"),
        ("https://AOAI.OpenAI.Azure.com/x", "public"),
        ("https://aoai.openai.azure.com:443", "public"),
        ("https://aoai.openai.azure.com.", "public"),
        ("https://aoai.services.ai.azure.com/api/projects/ml", "public"),
        ("https://aoai.cognitiveservices.azure.com", "public"),
        ("https://management.azure.com/subscriptions", "public"),
        ("https://aoai.openai.azure.us", "US Government"),
        ("https://management.usgovcloudapi.net", "US Government"),
        ("https://aoai.openai.azure.cn", "China"),
        ("https://management.chinacloudapi.cn", "China"),
        ("https://openai.azure.com", None),
        ("https://.openai.azure.com.evil.example", None),
        ("https://aoai-openai.azure.com", None),
        ("https://evilopenai.azure.com", None),
        ("https://x.management.azure.com", None),
        ("https://management.azure.com.evil.example", None),
        ("https://aoai.openai.azure.com@evil.example", None),
        ("https://evil.example/aoai.openai.azure.com", None),
        ("https://evil.example#.openai.azure.com", None),
        ("https://evil.example?.openai.azure.com", None),
        ("https://127.0.0.1", None),
        ("https://", None),
        ("", None),
    ],
)
def test_whose_host_it_is(url: str, cloud: str | None) -> None:
    """A host belongs to a cloud by its whole end, with a name before it; a likeness is nobody's."""
    found = cloud_of(url)
    assert (found.name if found else None) == cloud


def test_clouds_share_no_host() -> None:
    """No end of a host is in two clouds, so a token of one never goes to another."""
    ends = [end for cloud in CLOUDS for end in (*cloud.suffixes, cloud.arm)]
    assert len(ends) == len(set(ends))
    assert all(end.startswith(".") for cloud in CLOUDS for end in cloud.suffixes)


@pytest.mark.parametrize(
    ("allowed", "url", "holds"),
    [
        ("", "https://proxy.example", False),
        ("proxy.example", "https://proxy.example/x", True),
        ("PROXY.example", "https://proxy.EXAMPLE", True),
        (" a.example , proxy.example ,", "https://proxy.example", True),
        ("proxy.example", "https://x.proxy.example", False),
        (".example", "https://x.proxy.example", True),
        (".proxy.example", "https://proxy.example", False),
        (".proxy.example", "https://evilproxy.example", False),
        ("127.0.0.1", "http://127.0.0.1:8443/east", True),
        ("127.0.0.1:8443", "https://127.0.0.1:8443/east", True),
        ("127.0.0.1:8443", "https://127.0.0.1:9000", False),
        ("proxy.example:443", "https://proxy.example", True),
        ("[::1]", "https://[::1]:8443", True),
        ("::1", "https://[::1]:8443", True),
        ("proxy.example", "https://proxy.example@evil.example", False),
        ("proxy.example", "", False),
    ],
)
def test_what_the_environment_allows(allowed: str, url: str, *, holds: bool) -> None:
    """An entry is a host, a host with its port, or an end of hosts that begins with a dot."""
    assert AllowedHosts.parse(allowed).holds(url) is holds


@pytest.mark.parametrize("entry", ["*", "*.example", "https://proxy.example", ".", "..", "me@proxy.example", "a/b"])
def test_what_is_no_host_is_refused(entry: str) -> None:
    """A pattern, a URL or a bare dot, which would allow everything, stops the command."""
    with pytest.raises(UsageError, match="which is no host"):
        AllowedHosts.parse(f"proxy.example,{entry}")


@pytest.mark.parametrize(
    ("allowed", "url", "words"),
    [
        ("", "https://aoai.openai.azure.com", ""),
        ("", "http://aoai.openai.azure.com", "unencrypted"),
        ("", "https://aoai.openai.azure.com:port", "not an address"),
        ("", "https://user@aoai.openai.azure.com", "not an address"),
        ("", "https://evil.example\\.openai.azure.com", "not an address"),
        ("", "https://[aoai.openai.azure.com", "not an address"),
        ("", "https://proxy.example", "FTOPS_ALLOW_HOSTS=proxy.example"),
        ("proxy.example", "https://proxy.example", ""),
        ("proxy.example", "http://proxy.example", ""),
        ("127.0.0.1", "http://aoai.openai.azure.com", "unencrypted"),
    ],
)
def test_refusals_name_the_way_out(allowed: str, url: str, words: str) -> None:
    """Azure's hosts are reached by https only, others only when they are allowed, then by http too."""
    refusal = AllowedHosts.parse(allowed).refusal(url)
    assert bool(refusal) == bool(words)
    assert words in refusal


PIECES = [
    "aoai",
    ".openai.azure.com",
    "evil.example",
    "@",
    "/",
    "\\",
    "#",
    "?",
    ":443",
    ":x",
    "%2f",
    "%40",
    ".",
    "[",
    "]",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
def test_whom_we_judge_is_whom_httpx_asks(pieces: list[str]) -> None:
    """However a URL is put together, one that may be sent credentials is Azure's for httpx too."""
    url = f"https://{''.join(pieces)}"
    try:
        if AllowedHosts().refusal(url):
            return
        host = httpx.URL(url).host
    except (ValueError, httpx.InvalidURL):
        return
    assert host.rstrip(".").endswith(".openai.azure.com")


@pytest.mark.parametrize(
    ("given_", "data", "arm"),
    [
        ("", "https://aoai.openai.azure.com", "https://management.azure.com"),
        ("", "https://aoai.openai.azure.us", "https://management.usgovcloudapi.net"),
        ("", "https://proxy.example", f"https://{PUBLIC.arm}"),
        ("https://127.0.0.1:8443/", "https://127.0.0.1:8443/east", "https://127.0.0.1:8443"),
    ],
)
def test_where_arm_is(given_: str, data: str, arm: str) -> None:
    """ARM is where the environment says, else in the cloud of the endpoint."""
    assert arm_endpoint(given_, data) == arm

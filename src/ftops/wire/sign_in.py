"""Why signing in failed, as a sentence with a way out: what azure-identity tells of its tries, and what it leaves out.

It passes on texts alone, so Microsoft Entra's own codes (AADSTS…) are read out of them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ftops.errors import NotSignedIn
from ftops.redaction import redact

REASON_CHARACTERS_MAX = 200

WAYS = (
    "Sign in with `az login`; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal; "
    "or run where there is a workload identity or a managed identity; or, for files and jobs alone, give the account "
    "`auth: {apiKeyEnv: AZURE_OPENAI_API_KEY}`."
)
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""How OpenSSL names a certificate that nobody vouches for; azure-identity passes on its text alone."""
CERTIFICATE = "Name the file with the certificate of the authority that signs for the sign-in host in SSL_CERT_FILE."
NO_CONNECTION = "takes no connection"
_UNREACHED = "Check AZURE_AUTHORITY_HOST, if it is set, and whether this machine reaches that host (HTTPS_PROXY)."
WORKLOAD, MANAGED = "WorkloadIdentityCredential", "ManagedIdentityCredential"
TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105  a variable's name
_TENANT = "Check AZURE_TENANT_ID, and AZURE_AUTHORITY_HOST if the tenant is in another cloud."
_CLIENT = "Check AZURE_CLIENT_ID, and whether AZURE_TENANT_ID is the tenant of that application."
_SECRET = (
    "Set AZURE_CLIENT_SECRET to the value of a secret of the application, not to its id; one that has ended is no use."  # noqa: S105
)
_FEDERATED = (
    "Give the application a federated credential with the issuer, the subject and the audience "
    f"(api://AzureADTokenExchange) of the token in {TOKEN_FILE}."
)
_CODES: Mapping[int, str] = {
    90002: _TENANT,
    900023: _TENANT,
    700016: _CLIENT,
    7000215: _SECRET,
    7000222: _SECRET,
    50027: f"{TOKEN_FILE} must name the file with the token that the cluster or the pipeline writes.",
    700024: f"The token in {TOKEN_FILE} has ended: whoever writes it has to renew it. Check this machine's clock, too.",
    70021: _FEDERATED,
    700211: _FEDERATED,
    700212: _FEDERATED,
    700213: _FEDERATED,
}
"""What to do by Microsoft Entra's codes, of which its documentation has the list."""
_OUT = "or take them out of the environment."
_NO_TOKEN = f"Mend the path, or what should write the file; or take {TOKEN_FILE} out of the environment."
_BY_CREDENTIAL: Mapping[str, str] = {
    "EnvironmentCredential": f"Check AZURE_TENANT_ID, AZURE_CLIENT_ID and what proves the client, {_OUT}",
    WORKLOAD: f"Check AZURE_TENANT_ID, AZURE_CLIENT_ID and {TOKEN_FILE}, {_OUT}",
    MANAGED: f"Check IDENTITY_ENDPOINT and IDENTITY_HEADER, which the platform sets itself, {_OUT}",
}
_INSIDE = frozenset(
    {"AppServiceCredential", "AzureArcCredential", "AzureMLCredential", "CloudShellCredential", "ImdsCredential"}
)
"""Which managed identity was asked, each told once more under the name that the others are told by."""
_CODE = re.compile(r"AADSTS(\d+)")
_ENTRA = re.compile(r"Microsoft Entra ID error '\(\w+\) (.*)'( Content: .*)?")
"""How azure-identity wraps what Microsoft Entra answers, where it asks without MSAL."""
_MANAGED_REFUSAL = re.compile(r".*\(?Token request error: \(\w+\) (.*?)\)?")
"""How it wraps what the endpoint of a managed identity answers, behind words about variables that are all set."""
_REFUSED_CONNECTION = re.compile(
    r".*HTTPS?Connection\(host='(?P<host>[^']*)', port=(?P<port>\d+)\): Failed to establish a new connection: "
    r"(\[Errno -?\d+\] )?(?P<why>.*)"
)


@dataclass(eq=False)
class Heard(logging.Handler):
    """What azure-identity says while it looks for a token: who gave one, who was tried, who was asked and refused."""

    by: str = ""
    refused: str = ""
    tries: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin to hear everything."""
        logging.Handler.__init__(self, logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is worth telling; everything else is dropped.

        Source: azure-identity 1.27, `_credentials/chained.py`, `_internal/decorators.py` and `get_token_mixin.py`.
        """
        words = record.args if isinstance(record.args, tuple) else ()
        if record.msg == "%s acquired a token from %s":
            self.by = str(words[1])
        elif record.msg in {"%s failed: %s", "%s.%s failed: %s"}:
            name = str(words[0]).partition(".")[0]
            if not name.startswith("Default") and name not in _INSIDE:
                self.tries[name] = one_line(str(words[-1]))
        elif "raised unexpected error" in str(record.msg):
            self.refused = str(words[1])


@contextmanager
def listening() -> Iterator[Heard]:
    """Yield what azure-identity says; nothing of it is printed by the logging module meanwhile."""
    heard, logger = Heard(), logging.getLogger("azure.identity")
    before = logger.level, logger.propagate
    logger.addHandler(heard)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.level, logger.propagate = before


def not_signed_in(error: Exception, heard: Heard, environ: Mapping[str, str]) -> NotSignedIn:
    """Return what a failure to sign in means: of a credential that is configured and refused, else of all together."""
    refused = heard.refused
    if not refused and environ.get("IDENTITY_ENDPOINT") and MANAGED in heard.tries:
        refused = MANAGED  # It is told as not configured although the endpoint is there and said no.
    if refused:
        reason = heard.tries.get(refused) or one_line(str(error))
        if refused == WORKLOAD and (problem := _about_token_file(environ.get(TOKEN_FILE, ""))):
            return NotSignedIn(f"signing in by {refused} failed: {problem}", _NO_TOKEN)
        return NotSignedIn(f"signing in by {refused} failed: {reason}", _way_out(refused, reason))
    if heard.tries or type(error).__name__ == "CredentialUnavailableError":
        return NotSignedIn("there is no credential for Azure", f"{WAYS} -v tells what was tried.")
    return NotSignedIn(f"signing in failed: {one_line(str(error))}", WAYS)


def _way_out(credential: str, reason: str) -> str:
    if UNTRUSTED in reason:
        return CERTIFICATE
    if NO_CONNECTION in reason and credential != MANAGED:
        return _UNREACHED
    code = _CODE.search(reason)
    by_code = _CODES.get(int(code[1])) if code else None
    return by_code or _BY_CREDENTIAL.get(credential, "Mend what it says, or take it out of the environment.")


def _about_token_file(name: str) -> str:
    """Return why a workload identity's token cannot be in its file; empty when something is there."""
    try:
        there = bool(Path(name).read_bytes().strip())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return f"{TOKEN_FILE} names {name}, which cannot be read ({why.lower()})"
    return "" if there else f"{TOKEN_FILE} names {name}, which is empty"


def one_line(text: str) -> str:
    """Return the first sentence of a text on one line, without secrets."""
    line = redact(" ".join(text.split())).removeprefix("Authentication failed: ")
    for wrapping in (_ENTRA, _MANAGED_REFUSAL):
        if (found := wrapping.fullmatch(line)) is not None:
            line = found[1]
    if (found := _REFUSED_CONNECTION.fullmatch(line)) is not None:
        line = f"{found['host']}:{found['port']} {NO_CONNECTION} ({found['why'].lower()})"
    first = line.partition(". ")[0].rstrip(".")
    return first if len(first) <= REASON_CHARACTERS_MAX else f"{first[:REASON_CHARACTERS_MAX]}…"

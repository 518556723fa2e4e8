"""The Project document: the owner written on live objects, the accounts, and the policy. It is not a resource kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from ftops.kinds.envelope import Document, Finding, IdleSpec, Path, Strict, idle_findings, wrong_variable
from ftops.model import Account
from ftops.rules import Rules

MAX_DELETES_DEFAULT = 3
SUFFIX_MAX_DEFAULT = 40
KEPT_KINDS = frozenset({"deployment", "job", "dataset"})
SUFFIX_MAX_LEAST = 17
"""One character of the user's part before the marker's sixteen."""

ENDPOINT = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?P<port>:[0-9]{1,5})?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)
"""The whole of an endpoint; so strict that no two readers of URLs can take it for two hosts."""
RESOURCE_ID = re.compile(
    r"/subscriptions/[0-9a-z-]+/resourceGroups/[-\w.()]+/providers/Microsoft\.CognitiveServices/accounts/[\w.-]+",
    re.IGNORECASE | re.ASCII,
)
PROJECT_PATH = "/api/projects/"
SURFACE_PATHS = ("/openai/v1", "/openai")
"""What the documentation of other clients appends to an endpoint; ftops does so by itself."""


class ApiKeyAuth(Strict):
    """`{apiKeyEnv: NAME}`: the environment variable that holds the account's key; the key itself is never written."""

    apiKeyEnv: str


ENTRA = "entra"
Auth: TypeAlias = Annotated[
    Annotated[str, Field(json_schema_extra={"enum": [ENTRA]}), Tag("literal")] | Annotated[ApiKeyAuth, Tag("key")],
    Discriminator(lambda value: "literal" if isinstance(value, str) else "key"),
]
"""Any string passes the shape, so that a key written here by mistake is answered without being repeated."""


class AccountSpec(Strict):
    """One account: an embedded emulator's file, or an endpoint on the network; `account_findings` says what fits."""

    emulator: str | None = None
    endpoint: str | None = None
    resourceId: str | None = None
    region: str = "eastus2"
    auth: Auth = ENTRA
    surface: Literal["v1", "classic", "project"] | None = None

    @property
    def id(self) -> str:
        """Return what tells a network account from every other: its ARM id, or its endpoint where it has none."""
        if self.resourceId is not None:
            return self.resourceId.lower()
        return f"endpoint:{(self.endpoint or '').partition('://')[2].rstrip('/').lower()}"

    @property
    def title(self) -> str:
        """Return what people call the account: the first label of a host that has a name, else the whole address."""
        found = ENDPOINT.fullmatch(self.endpoint or "")
        path = found["path"].partition(PROJECT_PATH)[0] if found else ""
        if path or not any(char.isalpha() for char in self.host.partition(".")[0]):
            return (self.endpoint or "").partition("://")[2].rstrip("/")
        return self.host.partition(".")[0]

    @property
    def host(self) -> str:
        """Return the endpoint's host, as it is written."""
        found = ENDPOINT.fullmatch(self.endpoint or "")
        return found["host"] if found else ""


class PruneSpec(Strict):
    """What of ours is deleted once no document declares it; `keep` lists addresses that never are."""

    deployments: Literal["none", "orphans"] = "none"
    keep: tuple[str, ...] = Field(default=(), strict=False)

    not_yet: ClassVar[Mapping[str, str]] = {
        "jobs": "deleting the records of jobs that no document declares",
        "files": "deleting files that no document declares",
        "keepSuperseded": "keeping some superseded versions",
    }


class BudgetSpec(Strict):
    """How much money may be spent, in USD at list price: by trainings begun within 30 days, by hosting in a month."""

    trainingUsdPer30Days: Annotated[float, Field(ge=0)] | None = None
    hostingUsdPerMonth: Annotated[float, Field(ge=0)] | None = None


class PolicySpec(Strict):
    """What may happen in this project."""

    suffixMax: int = SUFFIX_MAX_DEFAULT
    prune: PruneSpec = Field(default_factory=PruneSpec)
    maxDeletes: Annotated[int, Field(ge=0)] = MAX_DELETES_DEFAULT
    budget: BudgetSpec = Field(default_factory=BudgetSpec)
    idle: IdleSpec = Field(default_factory=IdleSpec)


class ProjectSpec(Strict):
    """The accounts by name, which one is meant when a document names none, and the policy."""

    accounts: Mapping[str, AccountSpec]
    defaultAccount: str | None = None
    policy: PolicySpec = Field(default_factory=PolicySpec)


class ProjectDocument(Document):
    """`kind: Project`; a project has exactly one."""

    kind: Literal["Project"]
    spec: ProjectSpec


def default_account(spec: ProjectSpec) -> str:
    """Return the account of documents that name none: the one declared, else the only one."""
    return spec.defaultAccount or next(iter(spec.accounts), "")


def check(document: ProjectDocument, rules: Rules) -> Iterable[Finding]:
    """Yield what is wrong with the values of a Project."""
    spec = document.spec
    if document.metadata.account is not None:
        detail = "A Project names accounts under `spec.accounts` and stands in none. Take `account` out."
        yield Finding(("metadata", "account"), "unknown-field", "Unknown field", detail, on_key=True)
    if not spec.accounts:
        detail = "A project needs at least one account, for example `local: {emulator: ftops-emulator.db}`."
        yield Finding(("spec", "accounts"), "missing-field", "Missing field", detail)
    elif spec.defaultAccount is None and len(spec.accounts) > 1:
        detail = f"There are {len(spec.accounts)} accounts; say which one is meant by `defaultAccount`."
        yield Finding(("spec",), "missing-field", "Missing field", detail)
    yield from account_findings(spec.accounts)
    for number, address in enumerate(spec.policy.prune.keep):
        if address.partition("/")[0] not in KEPT_KINDS or not address.partition("/")[2]:
            detail = f'"{address}" is not an address; write one such as deployment/support-prod.'
            yield Finding(("spec", "policy", "prune", "keep", number), "bad-value", "Value not allowed", detail)
    yield from idle_findings(("spec", "policy", "idle"), spec.policy.idle, rules.limits.idle.metrics_chunk_days)
    most = rules.limits.names.suffix_max
    if not SUFFIX_MAX_LEAST <= spec.policy.suffixMax <= most:
        detail = f"suffixMax must be {SUFFIX_MAX_LEAST} to {most}: sixteen characters of it are the marker ftops needs."
        yield Finding(("spec", "policy", "suffixMax"), "out-of-range", "Value out of range", detail)


def accounts_of(spec: ProjectSpec) -> dict[str, Account]:
    """Return the project's accounts by name."""
    return {
        name: Account(name, f"emulator:{name}", account.emulator, account.region, emulated=True)
        if account.emulator is not None
        else Account(name, account.id, account.title, account.region)
        for name, account in spec.accounts.items()
    }


def account_findings(accounts: Mapping[str, AccountSpec]) -> Iterator[Finding]:
    """Yield what is wrong with the values of accounts; whether a host may be asked depends on the environment."""
    first: dict[str, str] = {}
    for name, account in accounts.items():
        here: Path = ("spec", "accounts", name)
        if (account.emulator is None) == (account.endpoint is None):
            yield _not_one_of_two(here, account)
        elif account.emulator is not None:
            yield from _emulator_findings(here, account, account.emulator)
        elif account.endpoint is not None:
            yield from _endpoint_findings(here, account, account.endpoint)
            other = first.setdefault(account.id, name)
            if other != name:
                detail = f'"{name}" is the same account as "{other}". Keep one of the two: under two names it would be '
                yield Finding(here, "same-account", "Account named twice", f"{detail}filled twice.", on_key=True)


def _not_one_of_two(here: Path, account: AccountSpec) -> Finding:
    if account.emulator is None:
        detail = "An account needs `endpoint: https://NAME.openai.azure.com`, or `emulator: FILE` for an embedded one."
        return Finding(here, "missing-field", "Missing field", detail, on_key=True)
    detail = "An account has an endpoint on the network or an embedded emulator, not both. Make it two accounts."
    return Finding((*here, "emulator"), "bad-value", "Value not allowed", detail, on_key=True)


def _emulator_findings(here: Path, account: AccountSpec, file: str) -> Iterator[Finding]:
    path = PurePath(file)
    if path.is_absolute() or ".." in path.parts or not path.name:
        detail = f'"{file}" must be the name of a file under the project root, such as ftops-emulator.db.'
        yield Finding((*here, "emulator"), "outside-root", "Outside the project root", detail)
    for key in ("resourceId", "auth", "surface"):
        if key in account.model_fields_set:
            detail = f'An embedded emulator has no "{key}"; take it out, or name an `endpoint` instead of the emulator.'
            yield Finding((*here, key), "bad-value", "Value not allowed", detail, on_key=True)


def _endpoint_findings(here: Path, account: AccountSpec, endpoint: str) -> Iterator[Finding]:
    wrong = _wrong_endpoint(endpoint, account.surface)
    if wrong:
        yield Finding((*here, "endpoint"), "bad-endpoint", "Not an endpoint", wrong)
    if account.resourceId is not None and not RESOURCE_ID.fullmatch(account.resourceId):
        detail = (
            "This is not the ARM id of an account. It has the form /subscriptions/…/resourceGroups/…/providers/"
            "Microsoft.CognitiveServices/accounts/NAME: `az cognitiveservices account show` prints it as `id`."
        )
        yield Finding((*here, "resourceId"), "bad-resource-id", "Not an account's resource id", detail)
    if isinstance(account.auth, str) and account.auth != ENTRA:
        detail = "Write entra, or {apiKeyEnv: AZURE_OPENAI_API_KEY} with the name of the variable that holds the key."
        yield Finding((*here, "auth"), "bad-value", "Value not allowed", detail)
    if isinstance(account.auth, ApiKeyAuth):
        path = (*here, "auth", "apiKeyEnv")
        yield from wrong_variable(path, account.auth.apiKeyEnv, "key", "AZURE_OPENAI_API_KEY")


def _wrong_endpoint(endpoint: str, surface: str | None) -> str:
    """Return what keeps a text from being an endpoint, with the way out; it may hold a secret and is not repeated."""
    found = ENDPOINT.fullmatch(endpoint)
    path = found["path"] if found else ""
    tail = next((each for each in SURFACE_PATHS if path.endswith(each)), "")
    project = path.rpartition(PROJECT_PATH)[2] if PROJECT_PATH in path else ""
    bad_project = PROJECT_PATH in f"{path}/" and (not project or "/" in project)
    table = (
        ("@" in endpoint, "An endpoint holds no user name or password; sign in by `auth`."),
        (
            "?" in endpoint or "#" in endpoint,
            "An endpoint ends before the question mark: no query, no key, no signature, no api-version.",
        ),
        (
            found is None,
            "Write the account's address, such as https://NAME.openai.azure.com, as `az cognitiveservices` prints it.",
        ),
        (
            bool(tail),
            f"Leave out {tail} at the end: ftops adds what each operation needs; `surface` says which is preferred.",
        ),
        (bad_project, f"After {PROJECT_PATH} comes the project's name and nothing else."),
        (
            surface == "project" and not project,
            (
                "The project surface needs the project's endpoint, such as "
                f"https://NAME.services.ai.azure.com{PROJECT_PATH}PROJECT."
            ),
        ),
    )
    return next((words for wrong, words in table if wrong), "")

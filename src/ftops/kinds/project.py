"""The Project document: the owner written on live objects, the accounts, and the policy. It is not a resource kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftops.kinds.envelope import Document, Finding, IdleSpec, Strict
from ftops.rules import Rules

MAX_DELETES_DEFAULT = 3
SUFFIX_MAX_DEFAULT = 40
KEPT_KINDS = frozenset({"deployment", "job", "dataset"})
SUFFIX_MAX_LEAST = 17
"""One character of the user's part before the marker's sixteen."""


class AccountSpec(Strict):
    """One account. Only the embedded emulator can be named so far."""

    emulator: str
    region: str = "eastus2"

    not_yet: ClassVar[Mapping[str, str]] = {
        "endpoint": "an account on the network",
        "resourceId": "an account on the network",
        "auth": "signing in to an account",
        "surface": "choosing an API surface",
    }


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
    if not spec.accounts:
        detail = "A project needs at least one account, for example `local: {emulator: ftops-emulator.db}`."
        yield Finding(("spec", "accounts"), "missing-field", "Missing field", detail)
    elif spec.defaultAccount is None and len(spec.accounts) > 1:
        detail = f"There are {len(spec.accounts)} accounts; say which one is meant by `defaultAccount`."
        yield Finding(("spec",), "missing-field", "Missing field", detail)
    for name, account in spec.accounts.items():
        path = PurePath(account.emulator)
        if path.is_absolute() or ".." in path.parts or not path.name:
            detail = (
                f'"{account.emulator}" must be the name of a file under the project root, such as ftops-emulator.db.'
            )
            yield Finding(("spec", "accounts", name, "emulator"), "outside-root", "Outside the project root", detail)
    for number, address in enumerate(spec.policy.prune.keep):
        if address.partition("/")[0] not in KEPT_KINDS or not address.partition("/")[2]:
            detail = f'"{address}" is not an address; write one such as deployment/support-prod.'
            yield Finding(("spec", "policy", "prune", "keep", number), "bad-value", "Value not allowed", detail)
    most = rules.limits.names.suffix_max
    if not SUFFIX_MAX_LEAST <= spec.policy.suffixMax <= most:
        detail = f"suffixMax must be {SUFFIX_MAX_LEAST} to {most}: sixteen characters of it are the marker ftops needs."
        yield Finding(("spec", "policy", "suffixMax"), "out-of-range", "Value out of range", detail)

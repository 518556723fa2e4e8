"""What every document and body has in common: the resource envelope, references as written, findings.

The pydantic models here and in the kinds check shape only: names, types, required fields. Whether a value is one the
service takes is said by each kind's `check`, from the rules data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from ftops.catalogue import problem_with
from ftops.diagnostics import Severity
from ftops.upkeep import IdleWish, OnGone, OnIdle
from ftops.variables import NAMED_BY_SPECS

API_VERSION = "ftops/v1alpha1"
NAME = re.compile(r"[a-z0-9-]{1,63}")
VARIABLE = re.compile(rf"(?:{'|'.join(NAMED_BY_SPECS)})[A-Z0-9_]+")
"""The whole name of an environment variable that a spec may name."""

M = TypeVar("M", bound=BaseModel)

Path: TypeAlias = tuple[str | int, ...]


class Strict(BaseModel):
    """The base of all spec models: unknown keys are errors, no type is guessed from another, nothing is mutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    not_yet: ClassVar[Mapping[str, str]] = {}
    """Keys of `interface.md` that a later version builds, with what they will do; used until then, they are errors."""


class Metadata(Strict):
    """Name and grouping. `labels`, `annotations` and `namespace` are other tools' and are ignored."""

    name: str
    formerly: tuple[str, ...] = Field(default=(), strict=False)
    account: str | None = None
    labels: Mapping[str, object] | None = None
    annotations: Mapping[str, object] | None = None
    namespace: str | None = None


class Document(Strict):
    """The Kubernetes resource envelope."""

    apiVersion: Literal["ftops/v1alpha1"]
    kind: str
    metadata: Metadata


class JobRef(Strict):
    """`{job: NAME}`; `at` pins a version of the parent by its 8-character digest."""

    job: str
    at: Annotated[str, Field(pattern=r"^[a-z2-7]{8}$")] | None = None

    not_yet: ClassVar[Mapping[str, str]] = {"checkpoint": "choosing a checkpoint of a job"}


class IdleSpec(Strict):
    """What to do when nobody calls a deployment, and when one is gone; what is left out is decided further out."""

    afterDays: Annotated[int, Field(ge=1)] | None = None
    onIdle: Literal["alert", "retire"] | None = None
    onGone: Literal["hold", "recreate"] | None = None

    def within(self, outer: IdleWish) -> IdleWish:
        """Return the wish with what is said here laid over what is said further out."""
        return IdleWish(
            after_days=self.afterDays or outer.after_days,
            on_idle=OnIdle(self.onIdle or outer.on_idle),
            on_gone=OnGone(self.onGone or outer.on_gone),
        )


def idle_findings(path: Path, idle: IdleSpec, days_seen: int) -> Iterable[Finding]:
    """Yield a finding for a patience beyond what is seen of calls: what is older would be taken for no call at all."""
    if idle.afterDays is not None and idle.afterDays > days_seen:
        detail = f"afterDays must be 1 to {days_seen}: ftops looks for calls so many days back, and sees none before."
        yield Finding((*path, "afterDays"), "out-of-range", "Value out of range", detail)


RuleLevels: TypeAlias = Mapping[str, Literal["error", "warning", "info", "off"]]
"""What `lifecycle.rules` says of rules of datasets, by their words or ids."""


def rule_findings(rules: RuleLevels, kind: str) -> Iterable[Finding]:
    """Yield the words of `lifecycle.rules` that are no rules, or that a document of this kind cannot override."""
    for word in rules:
        problem = problem_with(word, kind)
        if problem:
            yield Finding(("lifecycle", "rules", word), "unknown-rule", "Not a rule to override", problem, on_key=True)


class DatasetRef(Strict):
    """`{dataset: NAME}`."""

    dataset: str


class EnvRef(Strict):
    """`{env: NAME}`: the environment variable that holds a value which is never written in a spec."""

    env: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with a value of a document; `path` leads to it and may end at a missing key's parent.

    `code` and `summary` are fixed; `detail` says what, why and what to do. `on_key` points at the key, not the value.
    """

    path: Path
    code: str
    summary: str
    detail: str
    severity: Severity = Severity.ERROR
    on_key: bool = False


def not_built(path: Path, what: str) -> Finding:
    """Return the finding for a key or value that a later version builds; it is never accepted and inert."""
    detail = f"{what[0].upper()}{what[1:]} is not built yet; take it out until it is."
    return Finding(path, "not-yet", "Not built yet", detail, on_key=True)


def wrong_variable(path: Path, name: str, what: str, example: str) -> Iterable[Finding]:
    """Yield a finding unless a spec may have the variable of this name read; `what` is what it holds."""
    if not VARIABLE.fullmatch(name):
        detail = (
            f"{path[-1]} is the name of an environment variable that holds the {what}, never the {what}. The name "
            f"begins with AZURE_OPENAI_ or FTOPS_ and goes on in capitals, digits and underscores: {example}."
        )
        yield Finding(path, "bad-variable", "Not the name of a variable", detail)


def artifact_name(document: Document) -> Iterable[Finding]:
    """Yield a finding unless the names of a dataset or job are ones that a marker can carry."""
    names: dict[Path, str] = {("metadata", "name"): document.metadata.name}
    names |= {("metadata", "formerly", i): name for i, name in enumerate(document.metadata.formerly)}
    for path, name in names.items():
        if not NAME.fullmatch(name):
            detail = f'"{name}" is not a name: use 1 to 63 lower-case letters, digits and dashes.'
            yield Finding(path, "bad-name", "Bad name", detail)


def as_type(model: type[M], document: BaseModel) -> M:
    """Return the document as the model of its kind; the loader has made it one."""
    if not isinstance(document, model):
        raise TypeError(f"{type(document).__name__} is not a {model.__name__}")
    return document

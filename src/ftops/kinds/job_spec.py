"""What a user writes in a FineTuningJob document, and what is wrong with its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag

from ftops.diagnostics import did_you_mean
from ftops.kinds.envelope import (
    DatasetRef,
    Document,
    Finding,
    JobRef,
    Path,
    RuleLevels,
    Strict,
    artifact_name,
    not_built,
    rule_findings,
)
from ftops.kinds.grader import FieldPath, fields_read, grader_findings
from ftops.rules import TUNED_MARK, Rules

METHODS = ("supervised", "dpo", "reinforcement")
"""The methods that are built; each has its rows in `FORMAT_OF`, and its ranges in the rules."""
FORMAT_OF: Mapping[str, str] = {"supervised": "chat", "dpo": "dpo", "reinforcement": "rft"}
"""The format of the rows that a method trains on."""
REINFORCEMENT = "reinforcement"
HYPERPARAMETERS = (
    "n_epochs",
    "batch_size",
    "learning_rate_multiplier",
    "prompt_loss_weight",
    "beta",
    "l2_multiplier",
    "compute_multiplier",
    "eval_interval",
    "eval_samples",
    "reasoning_effort",
)


def _auto(value: object) -> object:
    """Read the three spellings of "let the service choose" as absence, and a whole 3.0 as 3."""
    if value == "auto" or (value == -1 and not isinstance(value, bool)):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


Auto = BeforeValidator(_auto)


class Hyperparameters(Strict):
    """Settings of a job; auto, -1, null and absence are the same. Which of them a method has is in the rules."""

    n_epochs: Annotated[int | None, Auto] = None
    batch_size: Annotated[int | None, Auto] = None
    learning_rate_multiplier: Annotated[float | None, Auto] = None
    prompt_loss_weight: Annotated[float | None, Auto] = None
    beta: Annotated[float | None, Auto] = None
    l2_multiplier: Annotated[float | None, Auto] = None
    compute_multiplier: Annotated[float | None, Auto] = None
    eval_interval: Annotated[int | None, Auto] = None
    eval_samples: Annotated[int | None, Auto] = None
    reasoning_effort: Annotated[Literal["default", "low", "medium", "high"] | None, Auto] = None


class MethodSettings(Strict):
    """The member of the wire object that is named as the method's type."""

    hyperparameters: Hyperparameters = Field(default_factory=Hyperparameters)


class ReinforcementSettings(MethodSettings):
    """The same of reinforcement training, with the grader of the model's answers and the form they are to have."""

    grader: Mapping[str, object]
    response_format: Mapping[str, object] | None = None

    not_yet: ClassVar[Mapping[str, str]] = {"tools": "agentic training", "max_episode_steps": "agentic training"}


class MethodObject(Strict):
    """The wire object, such as `{type: dpo, dpo: {hyperparameters: …}}`."""

    type: str
    supervised: MethodSettings | None = None
    dpo: MethodSettings | None = None
    reinforcement: ReinforcementSettings | None = None


def _literal_or(tag: str) -> Discriminator:
    """Choose between a plain string and a mapping, so that an error speaks of the one that was written."""
    return Discriminator(lambda value: "literal" if isinstance(value, str) else tag)


ModelSpec: TypeAlias = Annotated[Annotated[str, Tag("literal")] | Annotated[JobRef, Tag("job")], _literal_or("job")]
MethodSpec: TypeAlias = Annotated[
    Annotated[str, Tag("literal")] | Annotated[MethodObject, Tag("object")], _literal_or("object")
]


class JobSpec(Strict):
    """What is trained, by the service's own field names."""

    model: ModelSpec
    training_file: DatasetRef
    trainingType: str
    validation_file: DatasetRef | None = None
    method: MethodSpec = "supervised"
    hyperparameters: Hyperparameters | None = None
    seed: int | None = None
    suffix: str | None = None

    not_yet: ClassVar[Mapping[str, str]] = {
        "integrations": "integrations",
        "metadata": "metadata of your own on a job",
        "extra_body": "passing further service fields through",
    }


class Retry(Strict):
    """`{retry: n}`: so many further attempts after failures with a transient cause."""

    retry: Annotated[int, Field(ge=1)]


OnFailure: TypeAlias = Annotated[
    Annotated[Literal["hold"], Tag("literal")] | Annotated[Retry, Tag("retry")], _literal_or("retry")
]


class JobLifecycle(Strict):
    """What only ftops understands about a job."""

    onFailure: OnFailure = "hold"
    onParentChange: Literal["hold", "retrain"] = "hold"
    rerun: str | None = None
    expectedUsd: Annotated[float | None, Field(ge=0)] = None
    allow: tuple[Literal["model-matrix"], ...] = Field(default=(), strict=False)
    rules: RuleLevels = Field(default_factory=dict)

    not_yet: ClassVar[Mapping[str, str]] = {
        "state": "pausing, resuming and cancelling a job",
        "resumeOverCap": "resuming past a spending cap",
        "preventDestroy": "protecting a job from deletion",
        "adopt": "adopting a job",
        "copyTo": "copying to another account",
    }


class JobDocument(Document):
    """`kind: FineTuningJob`."""

    kind: Literal["FineTuningJob"]
    spec: JobSpec
    lifecycle: JobLifecycle = Field(default_factory=JobLifecycle)


def hyperparameters(spec: JobSpec) -> tuple[Path, Hyperparameters]:
    """Return the hyperparameters with their path: those in the method object, else those beside a string method."""
    if isinstance(spec.method, MethodObject):
        own = _members(spec.method).get(spec.method.type)
        if own is not None:
            return ("spec", "method", spec.method.type, "hyperparameters"), own.hyperparameters
    return ("spec", "hyperparameters"), spec.hyperparameters or Hyperparameters()


def _members(method: MethodObject) -> dict[str, MethodSettings]:
    """Return the settings in a method object by the method they are named for."""
    members = {"supervised": method.supervised, "dpo": method.dpo, "reinforcement": method.reinforcement}
    return {name: settings for name, settings in members.items() if settings is not None}


def method_type(spec: JobSpec) -> str:
    """Return the method's type, whichever way it is written."""
    return spec.method if isinstance(spec.method, str) else spec.method.type


def reinforcement(spec: JobSpec) -> ReinforcementSettings | None:
    """Return the settings of reinforcement training, if that is the method."""
    method = spec.method
    return method.reinforcement if isinstance(method, MethodObject) and method.type == REINFORCEMENT else None


def grader_fields(spec: JobSpec) -> frozenset[FieldPath]:
    """Return the ways to the fields of a row that the job's grader reads."""
    settings = reinforcement(spec)
    return fields_read(settings.grader) if settings else frozenset()


def check(document: JobDocument, rules: Rules) -> Iterable[Finding]:
    """Yield what is wrong with the values of a job."""
    yield from artifact_name(document)
    yield from rule_findings(document.lifecycle.rules, document.kind)
    yield from _method_findings(document.spec)
    yield from _model_findings(document, rules)
    yield from _range_findings(document.spec, rules)
    yield from _suffix_findings(document.spec, rules)


def _method_findings(spec: JobSpec) -> Iterable[Finding]:
    method = method_type(spec)
    path: Path = ("spec", "method") if isinstance(spec.method, str) else ("spec", "method", "type")
    if method not in METHODS:
        detail = f'"{method}" is no method of the service; write one of {", ".join(METHODS)}.'
        yield Finding(path, "bad-value", "Value not allowed", detail + did_you_mean(method, METHODS))
    settings = reinforcement(spec)
    if settings is not None:
        yield from grader_findings(("spec", "method", REINFORCEMENT, "grader"), settings.grader)
    elif method == REINFORCEMENT:
        detail = "It needs a grader: write {type: reinforcement, reinforcement: {grader: {type: string_check, ...}}}."
        yield Finding(path, "missing-field", "Missing field", detail)
    if not isinstance(spec.method, MethodObject):
        return
    if spec.hyperparameters is not None:
        detail = f"Beside a method object the service refuses these; put them under method.{method}.hyperparameters."
        yield Finding(("spec", "hyperparameters"), "unknown-field", "Unknown field", detail, on_key=True)
    for name in _members(spec.method):
        if name != method:
            detail = f'The type is "{method}", so the service reads only "{method}" here. Correct one of the two.'
            yield Finding(("spec", "method", name), "unknown-field", "Unknown field", detail, on_key=True)


def _model_findings(document: JobDocument, rules: Rules) -> Iterable[Finding]:
    spec = document.spec
    if rules.training_type(spec.trainingType) is None:
        known = ", ".join(rules.training_types)
        detail = f'"{spec.trainingType}" is no training type; write one of {known}.'
        detail += did_you_mean(spec.trainingType, rules.training_types)
        yield Finding(("spec", "trainingType"), "bad-value", "Value not allowed", detail)
    if not isinstance(spec.model, str):
        return
    if TUNED_MARK in spec.model:
        what = "continuing from a fine-tuned model by its name (write `{job: NAME}` for a job of this project)"
        yield not_built(("spec", "model"), what)
    elif rules.model(spec.model) is None and "model-matrix" not in document.lifecycle.allow:
        yield _unknown_model(spec.model, rules)


def _unknown_model(text: str, rules: Rules) -> Finding:
    path = ("spec", "model")
    meant = rules.model_for_alias(text)
    if meant is not None:
        detail = (
            f'"{text}" does not say which version is meant, and the service would choose. Pin it: write "{meant.id}".'
        )
        return Finding(path, "unpinned-model", "Model is not pinned", detail)
    detail = (
        f'"{text}" is not in the model matrix of {rules.models[0].origin.as_of}.{did_you_mean(text, rules.model_ids)}'
    )
    detail += " If the service has it all the same, write `lifecycle: {allow: [model-matrix]}`."
    return Finding(path, "unknown-model", "Unknown model", detail)


def _range_findings(spec: JobSpec, rules: Rules) -> Iterable[Finding]:
    (path, settings), method = hyperparameters(spec), method_type(spec)
    ranges = rules.limits.hyperparameters(method)
    for name in HYPERPARAMETERS:
        value = getattr(settings, name)
        if value is None or not ranges:
            continue
        if isinstance(value, str) and method == REINFORCEMENT:
            continue  # Its words stand in the model.
        if name not in ranges:
            detail = f'"{name}" is no setting of a {method} job. Settings there: {", ".join(ranges)}.'
            yield Finding((*path, name), "unknown-field", "Unknown field", detail, on_key=True)
        elif not ranges[name].holds(value):
            detail = f"{name} must be {ranges[name]}, or auto; it is {value:g}."
            yield Finding((*path, name), "out-of-range", "Value out of range", detail)
    names = rules.limits.names
    if spec.seed is not None and not names.seed_min <= spec.seed <= names.seed_max:
        detail = f"seed must be {names.seed_min} to {names.seed_max}; it is {spec.seed}."
        yield Finding(("spec", "seed"), "out-of-range", "Value out of range", detail)


def _suffix_findings(spec: JobSpec, rules: Rules) -> Iterable[Finding]:
    names = rules.limits.names
    if spec.suffix is not None and not names.suffix_pattern.fullmatch(spec.suffix):
        detail = (
            f'"{spec.suffix}" cannot be a suffix: use 1 to {names.suffix_max} letters, digits, dashes and underscores.'
        )
        yield Finding(("spec", "suffix"), "bad-suffix", "Bad suffix", detail)

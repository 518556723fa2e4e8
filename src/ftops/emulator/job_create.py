"""The request that creates a job: what the service accepts, and how it echoes it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftops.emulator.context import Context, Metadata, Surface
from ftops.emulator.faults import Effect
from ftops.emulator.messages import JsonObject, ServiceError, invalid, whole
from ftops.emulator.models import BaseModel, base_of, is_tuned, tuned_exists
from ftops.emulator.store import Kind

SEED_MAX = 2_147_483_647
# The service's misleading answer to a body, or a trainingType, that it cannot read.
FIELD_REQUIRED = "The fineTuningJob field is required."
# In any casing. `Developer`, which the documentation has too, was refused in every report (service-rules.md §6).
TRAINING_TYPES: Mapping[str, str] = {
    "standard": "standard",
    "globalstandard": "globalStandard",
    "developertier": "developerTier",
}
METHODS = frozenset({"supervised", "dpo", "reinforcement"})
# What the service adds to the echo of each method, beside the three that every method has.
_DEFAULTS: Mapping[str, JsonObject] = {
    "supervised": {},
    "dpo": {"beta": 0.1, "l2_multiplier": 0},
    "reinforcement": {"compute_multiplier": 1},
}
_SUFFIX = re.compile(r"[A-Za-z0-9_-]+")
_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512
_EFFORTS = frozenset({"default", "low", "medium", "high"})


@dataclass(frozen=True, slots=True)
class _Range:
    integer: bool
    low: float
    high: float | None = None
    open_low: bool = False

    def holds(self, value: Any) -> bool:  # noqa: ANN401  any JSON value is checked here
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        if self.integer and value % 1:
            return False
        return (value > self.low if self.open_low else value >= self.low) and (self.high is None or value <= self.high)


_RANGES: Mapping[str, _Range] = {
    # The service's upper bound is not known; this is api.openai.com's, and it keeps a simulated job finite.
    "n_epochs": _Range(integer=True, low=1, high=50),
    "batch_size": _Range(integer=True, low=1, high=256),
    "learning_rate_multiplier": _Range(integer=False, low=0, high=5, open_low=True),
    "prompt_loss_weight": _Range(integer=False, low=0),
    "beta": _Range(integer=False, low=0, open_low=True),
    "l2_multiplier": _Range(integer=False, low=0),
    "compute_multiplier": _Range(integer=False, low=0, open_low=True),
    "eval_interval": _Range(integer=True, low=1),
    "eval_samples": _Range(integer=True, low=1),
}


@dataclass(frozen=True, slots=True)
class JobInput:
    """An accepted create request; `given` holds the hyperparameters that were not left to the service."""

    base: BaseModel
    method: str
    given: JsonObject
    training_type: str
    api: JsonObject


def accept(ctx: Context) -> JobInput:
    """Return the request's echo and meaning.

    Raises: ServiceError (400) for whatever the service would not train.
    """
    body = _body(ctx)
    _bind_metadata(ctx, body)
    # The stable classic versions have no such field, and what is no field is ignored (service-rules.md §6).
    training_type = "standard" if ctx.surface is Surface.GA else _training_type(body)
    method = _method(body)
    base = _base(ctx, body, method, training_type)
    given = _given(body, method)
    _check_files(ctx, body, method)
    shown = {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": base.learning_rate}
    hyperparameters = whole({**shown, **_DEFAULTS[method], **given})
    api: JsonObject = {
        "model": body["model"] if is_tuned(body["model"]) else base.id,
        "training_file": body["training_file"],
        "validation_file": body.get("validation_file"),
        "seed": _seed(ctx, body),
        "suffix": _suffix(ctx, body),
        "trainingType": training_type,
        "hyperparameters": hyperparameters if method == "supervised" else None,
        "method": _method_echo(body, method, hyperparameters),
        "integrations": body.get("integrations"),
        "metadata": _metadata(body) if _mode(ctx) is Metadata.ECHO else None,
    }
    return JobInput(base, method, given, training_type, api)


def _body(ctx: Context) -> JsonObject:
    try:
        return ctx.request.json()
    except ServiceError:
        raise invalid(FIELD_REQUIRED) from None


def _mode(ctx: Context) -> Metadata:
    asked = ctx.quirks.metadata
    if asked is not Metadata.BY_SURFACE:
        return asked
    return Metadata.ECHO if ctx.surface is Surface.V1 else Metadata.DROP


def _bind_metadata(ctx: Context, body: JsonObject) -> None:
    """Refuse a body whose `metadata` this account's binder does not know: it names the whole job then, no member."""
    if _mode(ctx) is Metadata.REJECT and body.get("metadata") is not None:
        raise invalid(FIELD_REQUIRED)


def _training_type(body: JsonObject) -> str:
    sent = body.get("trainingType")
    if sent is None:
        return "standard"
    known = TRAINING_TYPES.get(sent.lower()) if isinstance(sent, str) else None
    if known is None:
        raise invalid(FIELD_REQUIRED)
    return known


def _method(body: JsonObject) -> str:
    sent = body.get("method")
    if sent is None:
        return "supervised"
    kind = str(sent.get("type")) if isinstance(sent, dict) else ""
    if kind not in METHODS:
        raise invalid("The method type must be one of supervised, dpo, reinforcement.")
    if not isinstance(sent.get(kind, {}), dict):
        raise invalid(f"The method field {kind} must be an object.")
    if kind == "reinforcement" and not isinstance(sent.get(kind, {}).get("grader"), dict):
        raise invalid("The grader field is required for reinforcement fine-tuning.")
    return kind


def _base(ctx: Context, body: JsonObject, method: str, training_type: str) -> BaseModel:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("The model field is required.")
    base = base_of(model)
    if base is not None and base.methods == {"reinforcement"} != {method}:
        raise invalid(f"Fine-tuning with {base.id} requires the reinforcement method.")
    if base is None or method not in base.methods or (is_tuned(model) and not tuned_exists(ctx.store, ctx.name, model)):
        raise invalid("The specified base model does not support fine-tuning.")
    if base.only_global and training_type != "globalStandard":
        spelled = training_type[0].upper() + training_type[1:]
        raise invalid(f"The specified base model does not support fine-tuning with {spelled} TrainingType")
    return base


def _given(body: JsonObject, method: str) -> JsonObject:
    inner = (body.get("method") or {}).get(method) or {}
    if method == "dpo" and body.get("hyperparameters"):
        raise invalid("The hyperparameters of dpo belong in method.dpo.")
    sent = inner.get("hyperparameters") or body.get("hyperparameters") or {}
    if not isinstance(sent, dict):
        raise invalid("The hyperparameters field must be an object.")
    given = {name: value for name, value in sent.items() if value is not None and value != "auto"}
    for name, value in given.items():
        if name in _RANGES and not _RANGES[name].holds(value):
            raise invalid(f"The hyperparameter {name} is out of range.")
    if str(given.get("reasoning_effort", "default")) not in _EFFORTS:
        raise invalid("The hyperparameter reasoning_effort is out of range.")
    known = {*_RANGES, "reasoning_effort"}
    return {name: whole(value) for name, value in given.items() if name in known}


def _check_files(ctx: Context, body: JsonObject, method: str) -> None:
    if method == "reinforcement" and not body.get("validation_file"):
        raise invalid("The validation_file field is required for reinforcement fine-tuning.")
    for name in ("training_file", "validation_file"):
        key = body.get(name)
        if key is None and name == "validation_file":
            continue
        document = ctx.store.get(Kind.FILE, ctx.name, key) if isinstance(key, str) else None
        if document is None:
            raise invalid(f"The specified {name} cannot be found.")
        if document.api["purpose"] != "fine-tune":
            raise invalid(f"The purpose of the specified {name} is not fine-tune.")
        if document.api["status"] != "processed":
            # The rest of it is as several people saw it (service-rules.md §1.1).
            raise invalid(f"{name}: the file reference must point to a completed file import.")


def _seed(ctx: Context, body: JsonObject) -> int:
    seed = body.get("seed")
    if seed is None:
        return int(ctx.store.next_hex()[:8], 16) & SEED_MAX
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= SEED_MAX:
        raise invalid(f"The seed must be between 0 and {SEED_MAX}.")
    return seed


def _suffix(ctx: Context, body: JsonObject) -> str | None:
    suffix = body.get("suffix")
    if suffix is None:
        return None
    most = ctx.quirks.suffix_max
    if not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix) or len(suffix) > most:
        raise invalid(f"The suffix must have 1 to {most} characters of A-Z, a-z, 0-9, - and _.")
    if ctx.fault(Effect.DROP_SUFFIX):
        return None
    cut = ctx.fault(Effect.CUT_SUFFIX)
    return (suffix[: cut.keep] or None) if cut else suffix


def _method_echo(body: JsonObject, method: str, hyperparameters: JsonObject) -> JsonObject | None:
    sent = body.get("method")
    if sent is None:
        return None
    inner = {name: value for name, value in sent.get(method, {}).items() if value is not None}
    grader = inner.get("grader")
    if isinstance(grader, dict) and grader.get("type") == "score_model":
        inner["grader"] = {**grader, "pass_threshold": grader.get("pass_threshold", 0)}
    echo: JsonObject = whole({"type": method, method: {**inner, "hyperparameters": hyperparameters}})
    return echo


def _metadata(body: JsonObject) -> JsonObject | None:
    metadata = body.get("metadata")
    if metadata is None:
        return None
    fits = (
        isinstance(metadata, dict)
        and len(metadata) <= _METADATA_PAIRS
        and all(len(key) <= _METADATA_KEY for key in metadata)
        and all(isinstance(value, str) and len(value) <= _METADATA_VALUE for value in metadata.values())
    )
    if not fits:
        raise invalid("The metadata has at most 16 pairs of text, keys up to 64 and values up to 512 characters.")
    return dict(metadata)

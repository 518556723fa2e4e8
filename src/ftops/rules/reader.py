"""The typed reader of `models.toml` and `limits.toml`.

Every table and row keeps its `origin`, so that an explanation can say since when and from where a number is known. The
tables are checked as they are read: a missing, unknown or mistyped key is a bug of the package and raises.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """Since when and from where a fact is known."""

    as_of: date
    source: str


@dataclass(frozen=True, slots=True)
class Model:
    """A base model: how it can be trained and what its deployments need.

    `id` is the exact spelling, dated where the model has dates. `format` is the publisher that a deployment names,
    empty when unknown; `skus` are the serverless deployment types, empty when it has none. `access` is `general`,
    `preview` or `invitation`.
    """

    id: str
    aliases: tuple[str, ...]
    format: str
    methods: tuple[str, ...]
    training_types: tuple[str, ...]
    skus: tuple[str, ...]
    access: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class RowLimits:
    """Limits of one data set row, and how many rows a job needs."""

    rows_min: int
    messages_max: int
    message_characters_max: int
    tools_max: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits of a file (`size_bytes_below` is the first size refused) and of all files in an account."""

    size_bytes_below: int
    size_bytes_warn: int
    count_max: int
    total_bytes_max: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Our own limits while reading a data set."""

    line_bytes_max: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Training jobs that an account runs or queues at once."""

    running_max: int
    running_developer_max: int
    queued_max: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class NameRules:
    """What a suffix, a seed and a deployment's name may be; match the patterns in full."""

    suffix_pattern: re.Pattern[str]
    suffix_max: int
    seed_min: int
    seed_max: int
    deployment_pattern: re.Pattern[str]
    origin: Origin


@dataclass(frozen=True, slots=True)
class DeploymentRules:
    """The deployment types (SKU names) that exist for fine-tuned models."""

    skus: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class IdleRules:
    """When the service deletes a deployment by itself, and how far back one can look to find out what became of it."""

    delete_after_days: int
    developer_hours: int
    metrics_days: int
    metrics_chunk_days: int
    activity_log_days: int
    metrics_lag_s: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Waits:
    """Polling of the service's short waits."""

    file_scan_poll_s: int
    arm_poll_s: int
    long_operation_max_s: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Transient:
    """The failures of a training job that a second attempt may get past: codes, and beginnings of messages."""

    codes: tuple[str, ...]
    messages: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Range:
    """The values a hyperparameter may take: `min` and `max` included, `above` excluded."""

    type: str
    max: float
    min: float | None
    above: float | None

    def holds(self, value: float) -> bool:
        """Tell whether a value is of the type and inside the range; a truth value never is."""
        if isinstance(value, bool) or (self.type == "integer" and value % 1 != 0):
            return False
        high_enough = value >= self.min if self.min is not None else self.above is None or value > self.above
        return high_enough and value <= self.max

    def __str__(self) -> str:
        """Return the range in words, such as `a whole number from 1 to 50`."""
        kind = "a whole number" if self.type == "integer" else "a number"
        low = f"from {self.min:g}" if self.min is not None else f"above {self.above:g}"
        return f"{kind} {low} {'to' if self.min is not None else 'and at most'} {self.max:g}"


@dataclass(frozen=True, slots=True)
class SupervisedRanges:
    """The ranges of the hyperparameters of supervised training."""

    n_epochs: Range
    batch_size: Range
    learning_rate_multiplier: Range
    prompt_loss_weight: Range
    origin: Origin

    @property
    def by_name(self) -> Mapping[str, Range]:
        """Return every range under its hyperparameter's name, in the order of the docs."""
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Range)}


@dataclass(frozen=True, slots=True)
class Limits:
    """Every number about the service, by subject."""

    rows: RowLimits
    files: FileLimits
    reading: ReadingLimits
    jobs: JobLimits
    names: NameRules
    deployments: DeploymentRules
    idle: IdleRules
    waits: Waits
    supervised: SupervisedRanges


@dataclass(frozen=True, slots=True)
class Rules:
    """All the facts, with the few questions that are asked of them."""

    models: tuple[Model, ...]
    training_types: Mapping[str, tuple[str, ...]]
    training_types_origin: Origin
    transient: Transient
    limits: Limits

    @property
    def model_ids(self) -> tuple[str, ...]:
        """Return the exact ids of all models, in the order of the matrix."""
        return tuple(model.id for model in self.models)

    @property
    def transient_codes(self) -> frozenset[str]:
        """Return the failure codes of jobs that may be tried again."""
        return frozenset(self.transient.codes)

    def model(self, text: str) -> Model | None:
        """Return the model with exactly this id, or None."""
        return next((model for model in self.models if model.id == text), None)

    def model_for_alias(self, text: str) -> Model | None:
        """Return the model that an undated or otherwise spelled name means, compared without case, or None."""
        folded = text.casefold()
        return next((m for m in self.models if folded in {name.casefold() for name in (m.id, *m.aliases)}), None)

    def training_type(self, text: str) -> str | None:
        """Return the spelling to send for a training type in any accepted spelling and case, or None."""
        folded = text.casefold()
        known = self.training_types.items()
        return next((name for name, spellings in known if folded in {s.casefold() for s in spellings}), None)

    def is_transient(self, code: str, message: str) -> bool:
        """Tell whether a failed job may be tried again: by its code, or by how its message begins."""
        return code in self.transient.codes or message.casefold().startswith(
            tuple(begin.casefold() for begin in self.transient.messages)
        )


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value


def _number(value: object) -> float:
    return value if isinstance(value, float) else _integer(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def _date(value: object) -> date:
    if not isinstance(value, date):
        raise TypeError(f"not a date: {value!r}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"not a list: {value!r}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in _list(value))


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"not a table: {value!r}")
    return value


_CONVERT: Mapping[str, Callable[[object], object]] = {
    "int": _integer,
    "float": _number,
    "float | None": lambda value: None if value is None else _number(value),
    "str": _text,
    "date": _date,
    "tuple[str, ...]": _texts,
    "re.Pattern[str]": lambda value: re.compile(_text(value)),
    "Range": lambda value: _built(Range, {"min": None, "above": None, **_table(value)}),
    "Origin": lambda value: _built(Origin, _table(value)),
}
"""What to do with a TOML value, by the annotation of the field it is for."""


def _built(make: Callable[..., T], table: Mapping[str, object]) -> T:
    """Return the dataclass `make` filled from a table that has exactly its keys."""
    wanted = {f.name: str(f.type) for f in fields(make)}  # type: ignore[arg-type]  # every caller passes a dataclass
    if wanted.keys() != table.keys():
        raise ValueError(f"{make}: missing or unknown keys {sorted(wanted.keys() ^ table.keys())}")
    return make(**{name: _CONVERT[kind](table[name]) for name, kind in wanted.items()})


def _dated(table: Mapping[str, object], default: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return the table with its `as_of` and `source` (or the default's) folded into `origin`."""
    origin = {key: {**(default or {}), **table}[key] for key in ("as_of", "source")}
    return {**{key: value for key, value in table.items() if key not in origin}, "origin": origin}


def _packaged(name: str) -> dict[str, object]:
    return tomllib.loads(files("ftops.rules").joinpath(name).read_text(encoding="utf-8"))


def _limits(tables: Mapping[str, object]) -> Limits:
    def table(name: str) -> dict[str, object]:
        return _dated(_table(tables[name]))

    return Limits(
        rows=_built(RowLimits, table("rows")),
        files=_built(FileLimits, table("files")),
        reading=_built(ReadingLimits, table("reading")),
        jobs=_built(JobLimits, table("jobs")),
        names=_built(NameRules, table("names")),
        deployments=_built(DeploymentRules, table("deployments")),
        idle=_built(IdleRules, table("idle")),
        waits=_built(Waits, table("waits")),
        supervised=_built(SupervisedRanges, _dated(_table(_table(tables["hyperparameters"])["supervised"]))),
    )


def _models(tables: Mapping[str, object]) -> tuple[Model, ...]:
    default = _table(tables["origin"])
    rows = (_dated({"access": "general", **_table(row)}, default) for row in _list(tables["model"]))
    return tuple(_built(Model, row) for row in rows)


@cache
def load_rules() -> Rules:
    """Return the packaged rules, read once."""
    models, limits = _packaged("models.toml"), _packaged("limits.toml")
    spellings = _dated(_table(models["training_types"]))
    origin = _built(Origin, _table(spellings.pop("origin")))
    return Rules(
        models=_models(models),
        training_types={name: _texts(value) for name, value in spellings.items()},
        training_types_origin=origin,
        transient=_built(Transient, _dated(_table(limits["transient"]))),
        limits=_limits(limits),
    )

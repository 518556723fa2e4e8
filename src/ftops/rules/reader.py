"""The typed reader of `models.toml` and `limits.toml`, and the questions that are asked of all rules together.

Every table and row keeps its `origin`, so that an explanation can say since when and from where a number is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from ftops.rules.data_rules import Guidance, ImageRules, PromptRules
from ftops.rules.prices import InferencePrice, Prices, load_prices
from ftops.rules.regions import Offer, Regions, load_regions
from ftops.rules.retirement import Retirement, Retirements, load_retirements
from ftops.rules.tables import Bom, Origin, Range, as_list, as_table, as_texts, built, dated, packaged

TUNED_MARK = ".ft-"
"""What the name of every fine-tuned model and checkpoint has after its base (service rules, identifiers)."""


@dataclass(frozen=True, slots=True)
class Model:
    """A base model: how it can be trained and what its deployments need.

    `id` is the exact spelling, dated where the model has dates. `format` is the publisher that a deployment names,
    empty when unknown; `skus` are the deployment types, empty when it has none that ftops can make. `access` is
    `general`, `preview` or `invitation`. `doubtful` are the methods that not all sources list; `continues` says whether
    a model trained from it can be trained further.
    """

    id: str
    aliases: tuple[str, ...]
    format: str
    methods: tuple[str, ...]
    training_types: tuple[str, ...]
    skus: tuple[str, ...]
    access: str
    doubtful: tuple[str, ...]
    continues: bool
    encoding: str
    context_tokens: int
    sees_images: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class RowLimits:
    """Limits of one dataset row, and how many rows a job needs."""

    rows_min: int
    messages_max: int
    message_characters_max: int
    tools_max: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits of a file and of all files in an account, and how a file is sent.

    From `upload_in_parts_from_bytes` on it is sent in parts of `part_bytes`, and `size_bytes_below` is the first size
    that an account may not train on. `bom` says whether a byte-order mark is kept as it is, added or stripped.
    """

    size_bytes_below: int
    upload_in_parts_from_bytes: int
    part_bytes: int
    parts_total_bytes_max: int
    bom: Bom
    count_max: int
    total_bytes_max: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Our own limits while reading a dataset."""

    line_bytes_max: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Training jobs that an account runs or queues at once, and how much one may train."""

    running_max: int
    running_developer_max: int
    queued_max: int
    count_max: int
    trained_tokens_max: int
    reinforcement_usd_max: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class TokenEstimate:
    """How many tokens a row is taken to have, and how far below the estimate a bill was seen to be."""

    characters_per_token: int
    tokens_per_message: int
    tokens_per_row: int
    tokens_per_name: int
    billed_share_min: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class EpochGuess:
    """How many epochs the service is taken to choose when they are left to it."""

    usual: int
    most: int
    trained_rows_min: int
    trained_rows_max: int
    dpo: int
    origin: Origin

    def epochs(self, rows: int, method: str) -> int:
        """Return the epochs that are assumed for so many rows."""
        if method == "dpo":
            return self.dpo
        if rows * self.usual < self.trained_rows_min:
            return max(1, min(self.most, self.trained_rows_min // max(rows, 1)))
        if rows * self.usual > self.trained_rows_max:
            return max(1, self.trained_rows_max // rows)
        return self.usual


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
class Ranges:
    """The ranges of the hyperparameters that every method has."""

    n_epochs: Range
    batch_size: Range
    learning_rate_multiplier: Range

    @property
    def by_name(self) -> Mapping[str, Range]:
        """Return every range under its hyperparameter's name, in the order of the docs."""
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Range)}


@dataclass(frozen=True, slots=True)
class SupervisedRanges(Ranges):
    """The ranges of the hyperparameters of supervised training."""

    prompt_loss_weight: Range
    origin: Origin


@dataclass(frozen=True, slots=True)
class DpoRanges(Ranges):
    """The ranges of the hyperparameters of direct preference optimization."""

    beta: Range
    l2_multiplier: Range
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReinforcementRanges(Ranges):
    """The ranges of the hyperparameters of reinforcement training; `reasoning_effort` is a word."""

    compute_multiplier: Range
    eval_interval: Range
    eval_samples: Range
    origin: Origin


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
    tokens: TokenEstimate
    epochs: EpochGuess
    supervised: SupervisedRanges
    dpo: DpoRanges
    reinforcement: ReinforcementRanges
    images: ImageRules
    prompts: PromptRules
    guidance: Guidance

    def hyperparameters(self, method: str) -> Mapping[str, Range]:
        """Return the ranges of a method's hyperparameters by name; empty for a method that is not built."""
        by_method: Mapping[str, Ranges] = {
            "supervised": self.supervised,
            "dpo": self.dpo,
            "reinforcement": self.reinforcement,
        }
        return by_method[method].by_name if method in by_method else {}


@dataclass(frozen=True, slots=True)
class Rules:
    """All the facts, with the few questions that are asked of them."""

    models: tuple[Model, ...]
    training_types: Mapping[str, tuple[str, ...]]
    training_types_origin: Origin
    limits: Limits
    regions: Regions
    prices: Prices
    retirements: Retirements

    @property
    def model_ids(self) -> tuple[str, ...]:
        """Return the exact ids of all models, in the order of the matrix."""
        return tuple(model.id for model in self.models)

    @property
    def usual_encoding(self) -> str:
        """Return the encoding that most models have: for data of which no model is known."""
        encodings = [model.encoding for model in self.models if model.encoding]
        return max(encodings, key=encodings.count)

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

    def sku(self, text: str) -> str | None:
        """Return the spelling to send for a deployment type in any case, or None."""
        folded = text.casefold()
        return next((sku for sku in self.limits.deployments.skus if sku.casefold() == folded), None)

    def base_of(self, model_name: str) -> str:
        """Return the base of a fine-tuned model or checkpoint by its name, as the matrix spells it, else the name."""
        base, mark, _ = model_name.partition(TUNED_MARK)
        if not mark:
            return model_name
        known = self.model_for_alias(base)
        return known.id if known else base

    def training_usd_per_million(self, model_id: str, training_type: str, region: str) -> float | None:
        """Return USD per 1,000,000 trained tokens; None when unknown, and for a model that is paid by the hour."""
        return self.prices.training_usd_per_million(model_id, self._training_type(training_type), region)

    def training_usd_per_hour(self, model_id: str, training_type: str, region: str) -> float | None:
        """Return USD per hour of training; None when unknown, and for a model that is paid by tokens."""
        return self.prices.training_usd_per_hour(model_id, self._training_type(training_type), region)

    def hosting_usd_per_hour(self, model_id: str, sku: str, region: str) -> float | None:
        """Return USD per hour for a deployment of what was trained from a base; 0.0 is free, None is unknown."""
        return self.prices.hosting_usd_per_hour(model_id, self.sku(sku) or sku, region)

    def inference_usd_per_million(self, model_id: str, sku: str, region: str) -> InferencePrice | None:
        """Return what calls cost of what was trained from a base; None when unknown."""
        return self.prices.inference_usd_per_million(model_id, self.sku(sku) or sku, region)

    def retirement(self, model_id: str) -> Retirement | None:
        """Return when a base model retires, or None when nothing is published."""
        return self.retirements.by_model.get(model_id)

    def training_offer(self, model_id: str, training_type: str, region: str) -> Offer:
        """Return whether a model can be trained so in a region."""
        return self.regions.training_offer(model_id, self._training_type(training_type), region)

    def deployment_offer(self, model_id: str, sku: str, region: str) -> Offer:
        """Return whether what was trained from a base can be deployed so in a region."""
        return self.regions.deployment_offer(model_id, self.sku(sku) or sku, region)

    def _training_type(self, text: str) -> str:
        return self.training_type(text) or text


def _limits(tables: Mapping[str, object]) -> Limits:
    def table(name: str) -> dict[str, object]:
        return dated(as_table(tables[name]))

    methods = as_table(tables["hyperparameters"])
    return Limits(
        rows=built(RowLimits, table("rows")),
        files=built(FileLimits, table("files")),
        reading=built(ReadingLimits, table("reading")),
        jobs=built(JobLimits, table("jobs")),
        names=built(NameRules, table("names")),
        deployments=built(DeploymentRules, table("deployments")),
        idle=built(IdleRules, table("idle")),
        waits=built(Waits, table("waits")),
        tokens=built(TokenEstimate, table("tokens")),
        epochs=built(EpochGuess, table("epochs")),
        supervised=built(SupervisedRanges, dated(as_table(methods["supervised"]))),
        dpo=built(DpoRanges, dated(as_table(methods["dpo"]))),
        reinforcement=built(ReinforcementRanges, dated(as_table(methods["reinforcement"]))),
        images=built(ImageRules, table("images")),
        prompts=built(PromptRules, table("prompts")),
        guidance=built(Guidance, table("guidance")),
    )


def _models(tables: Mapping[str, object]) -> tuple[Model, ...]:
    default = as_table(tables["origin"])
    usual: dict[str, object] = {"access": "general", "doubtful": [], "continues": True}
    usual |= {"encoding": "", "context_tokens": 0, "sees_images": False}
    rows = (dated({**usual, **as_table(row)}, default) for row in as_list(tables["model"]))
    return tuple(built(Model, row) for row in rows)


@cache
def load_rules() -> Rules:
    """Return the packaged rules, read once."""
    models, limits = packaged("models.toml"), packaged("limits.toml")
    spellings = dated(as_table(models["training_types"]))
    origin = built(Origin, as_table(spellings.pop("origin")))
    regions = load_regions()
    return Rules(
        models=_models(models),
        training_types={name: as_texts(value) for name, value in spellings.items()},
        training_types_origin=origin,
        limits=_limits(limits),
        regions=regions,
        prices=load_prices(regions.united_states),
        retirements=load_retirements(),
    )

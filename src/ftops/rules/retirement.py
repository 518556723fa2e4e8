"""When base models retire: the typed reader of `retirement.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ftops.rules.tables import Origin, as_table, built, dated, packaged


@dataclass(frozen=True, slots=True)
class Retirement:
    """The last days of a base model: from these on it is not trained, and what was trained from it not served."""

    training: date | None
    deployment: date | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Notice:
    """So many days before a date it is told."""

    training_days: int
    deployment_days: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Retirements:
    """What is known of retirements, by the model's exact id."""

    by_model: Mapping[str, Retirement]
    notice: Notice


def load_retirements() -> Retirements:
    """Return the packaged dates."""
    tables = packaged("retirement.toml")
    default = as_table(tables["origin"])
    unknown: dict[str, object] = {"training": None, "deployment": None}
    rows = as_table(tables["model"]).items()
    return Retirements(
        by_model={model: built(Retirement, dated({**unknown, **as_table(row)}, default)) for model, row in rows},
        notice=built(Notice, dated(as_table(tables["notice"]))),
    )

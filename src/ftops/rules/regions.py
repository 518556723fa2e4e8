"""Where models can be trained and deployed: the typed reader of `regions.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ftops.rules.tables import Origin, as_list, as_table, as_text, as_texts, built, dated, packaged

_OFFERS = {"training": ("standard_training", "global_training"), "deployment": ("deployment",)}
"""The tables of the file, by what they are about."""


class Offer(Enum):
    """Whether a combination is offered: `DOUBTFUL` when the sources disagree, `UNKNOWN` when none says anything."""

    YES = "yes"
    DOUBTFUL = "doubtful"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OfferRow:
    """One row: in these regions these training or deployment types (`what`) are offered for these models.

    `only` lists the models, unless it is empty: then all are meant but those in `without`.
    """

    what: tuple[str, ...]
    only: tuple[str, ...]
    without: tuple[str, ...]
    regions: tuple[str, ...]
    sure: bool
    origin: Origin

    def is_about(self, model_id: str, what: str) -> bool:
        """Tell whether the row says anything of a model and a type."""
        named = model_id in self.only if self.only else model_id not in self.without
        return what in self.what and named


@dataclass(frozen=True, slots=True)
class Residency:
    """Which training types keep weights in the account's region, and which deployment types leave it again."""

    resident_training_types: tuple[str, ...]
    leaving_skus: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Regions:
    """All that is known of regions; they are asked for in any spelling (`East US 2` is `eastus2`)."""

    training: tuple[OfferRow, ...]
    deployment: tuple[OfferRow, ...]
    united_states: tuple[str, ...]
    residency: Residency
    without_vision: tuple[str, ...]

    def training_offer(self, model_id: str, training_type: str, region: str) -> Offer:
        """Return whether a model can be trained so in a region."""
        return _offer(self.training, model_id, training_type, region)

    def deployment_offer(self, model_id: str, sku: str, region: str) -> Offer:
        """Return whether a model can be deployed so in a region."""
        return _offer(self.deployment, model_id, sku, region)

    def training_regions(self, model_id: str, training_type: str) -> tuple[str, ...]:
        """Return the regions in which a model can surely be trained so, sorted; empty when nothing is known."""
        return _regions(self.training, model_id, training_type)

    def deployment_regions(self, model_id: str, sku: str) -> tuple[str, ...]:
        """Return the regions in which a model can surely be deployed so, sorted; empty when nothing is known."""
        return _regions(self.deployment, model_id, sku)


def normal_region(text: str) -> str:
    """Return a region as Azure's APIs write it: `East US 2` as `eastus2`."""
    return "".join(text.split()).lower()


def _offer(rows: tuple[OfferRow, ...], model_id: str, what: str, region: str) -> Offer:
    about = [row for row in rows if row.is_about(model_id, what)]
    there = [row for row in about if normal_region(region) in row.regions]
    if not about or not region:
        return Offer.UNKNOWN
    if not there:
        return Offer.NO
    return Offer.YES if any(row.sure for row in there) else Offer.DOUBTFUL


def _regions(rows: tuple[OfferRow, ...], model_id: str, what: str) -> tuple[str, ...]:
    return tuple(sorted({r for row in rows if row.sure and row.is_about(model_id, what) for r in row.regions}))


def load_regions() -> Regions:
    """Return the packaged tables of regions."""
    tables = packaged("regions.toml")
    rows = {subject: tuple(row for name in names for row in _rows(tables[name])) for subject, names in _OFFERS.items()}
    return Regions(
        training=rows["training"],
        deployment=rows["deployment"],
        united_states=as_texts(dated(as_table(tables["names"]))["united_states"]),
        residency=built(Residency, dated(as_table(tables["residency"]))),
        without_vision=as_texts(dated(as_table(tables["without_vision"]))["regions"]),
    )


def _rows(table: object) -> tuple[OfferRow, ...]:
    """Return the rows of one table; what a row leaves out is empty, and it is sure unless it says otherwise."""
    shared = as_table(table)
    default: Mapping[str, object] = {"as_of": shared["as_of"], "source": as_text(shared["source"])}
    usual: dict[str, object] = {"only": [], "without": [], "sure": True}
    return tuple(built(OfferRow, dated({**usual, **as_table(row)}, default)) for row in as_list(shared["row"]))

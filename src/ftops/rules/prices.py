"""What training, hosting and inference cost: the typed reader of `prices.toml`. Unknown is None, and never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ftops.rules.regions import normal_region
from ftops.rules.tables import Origin, as_table, as_text, as_texts, built, dated, packaged

REGIONAL = "regional"
"""The zone of the types that are priced by the account's region."""
UNITED_STATES = "united_states"
"""Where the regional price of every region of the United States stands."""
INFERENCE = ("inference_input", "inference_cached", "inference_output")
_PAID = ("training", "training_hours", "hosting")
_ZONED = ("training", "hosting", "inference")


@dataclass(frozen=True, slots=True)
class PriceRow:
    """The prices of one model, by zone or region."""

    prices: Mapping[str, float]
    origin: Origin


@dataclass(frozen=True, slots=True)
class InferencePrice:
    """USD per 1,000,000 tokens; `cached` is None for a model without a rate for cached input."""

    input_usd: float
    cached_usd: float | None
    output_usd: float


@dataclass(frozen=True, slots=True)
class Prices:
    """Every price, in tables by what is paid for and then by model, and which zone a type takes its price from."""

    tables: Mapping[str, Mapping[str, PriceRow]]
    zones: Mapping[str, Mapping[str, str]]
    free_hosting: tuple[str, ...]
    united_states: tuple[str, ...]
    currency: str
    origin: Origin
    zones_origin: Origin

    @property
    def as_of(self) -> date:
        """Return when the prices were read."""
        return self.origin.as_of

    def training_usd_per_million(self, model_id: str, training_type: str, region: str) -> float | None:
        """Return USD per 1,000,000 trained tokens; None when unknown, and for a model that is paid by the hour."""
        return self._price("training", model_id, self.zones["training"].get(training_type), region)

    def training_usd_per_hour(self, model_id: str, training_type: str, region: str) -> float | None:
        """Return USD per hour of training; None when unknown, and for a model that is paid by tokens."""
        return self._price("training_hours", model_id, self.zones["training"].get(training_type), region)

    def hosting_usd_per_hour(self, model_id: str, sku: str, region: str) -> float | None:
        """Return USD per hour that a deployment of a fine-tuned model stands; None when unknown."""
        if sku in self.free_hosting:
            return 0.0
        return self._price("hosting", model_id, self.zones["hosting"].get(sku), region)

    def inference_usd_per_million(self, model_id: str, sku: str, region: str) -> InferencePrice | None:
        """Return what calls of a fine-tuned model cost; None when unknown."""
        zone = self.zones["inference"].get(sku)
        sent, cached, told = (self._price(table, model_id, zone, region) for table in INFERENCE)
        return None if sent is None or told is None else InferencePrice(sent, cached, told)

    def _price(self, table: str, model_id: str, zone: str | None, region: str) -> float | None:
        row = self.tables[table].get(model_id)
        if row is None or zone is None:
            return None
        places = (zone,) if zone != REGIONAL else self._places(normal_region(region))
        return next((row.prices[place] for place in places if place in row.prices), None)

    def _places(self, region: str) -> tuple[str, ...]:
        """Return where a regional price may stand, the most particular first."""
        within = (UNITED_STATES,) if region in self.united_states else ()
        return (region, *within, REGIONAL) if region else ()


def load_prices(united_states: tuple[str, ...]) -> Prices:
    """Return the packaged prices; `united_states` are the regions that share a regional price."""
    tables = packaged("prices.toml")
    default = as_table(tables["origin"])
    currency = as_text(default.pop("currency"))
    zones = dated(as_table(tables["zones"]))

    rows = {name: {m: _row(as_table(row), default) for m, row in as_table(tables[name]).items()} for name in _PAID}
    rows |= {n: {m: _row({"prices": row}, default) for m, row in as_table(tables[n]).items()} for n in INFERENCE}
    by_type = {name: {k: as_text(v) for k, v in as_table(zones[name]).items()} for name in _ZONED}
    return Prices(
        tables=rows,
        zones=by_type,
        free_hosting=as_texts(zones["free_hosting"]),
        united_states=united_states,
        currency=currency,
        origin=built(Origin, default),
        zones_origin=built(Origin, as_table(zones["origin"])),
    )


def _row(table: Mapping[str, object], default: Mapping[str, object]) -> PriceRow:
    return built(PriceRow, dated(table, default))

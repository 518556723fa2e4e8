"""Prices, regions and retirements: complete tables, dated, and every question answered by a number or by unknown."""

from __future__ import annotations

import re
from datetime import date

import pytest

from ftops.rules import Offer, Origin, load_rules, normal_region

RULES = load_rules()
MINI, FULL, FOUR_O, O4 = "gpt-4.1-mini-2025-04-14", "gpt-4.1-2025-04-14", "gpt-4o-2024-08-06", "o4-mini-2025-04-16"
TYPES = tuple(RULES.training_types)
REGION = re.compile(r"[a-z]+[0-9]?")


@pytest.mark.parametrize(
    ("model", "kind", "region", "usd"),
    [
        (MINI, "GlobalStandard", "eastus2", 5.0),
        (MINI, "globalstandard", "anywhere", 5.0),
        (MINI, "developerTier", "eastus2", 2.5),
        (MINI, "Developer", "eastus2", 2.5),
        (MINI, "Standard", "northcentralus", 5.5),
        (MINI, "Standard", "North Central US", 5.5),
        (MINI, "Standard", "swedencentral", 6.05),
        (MINI, "Standard", "northeurope", 6.6),
        (MINI, "Standard", "japaneast", None),
        (MINI, "Standard", "", None),
        (FOUR_O, "Standard", "southeastasia", 33.0),
        ("Ministral-3B", "Standard", "eastus2", None),
        ("Qwen3-32B", "GlobalStandard", "eastus2", 3.2),
        ("gpt-oss-120b", "GlobalStandard", "eastus2", None),
        ("gpt-4.1-mini", "GlobalStandard", "eastus2", None),
        (O4, "GlobalStandard", "eastus2", None),
        (MINI, "DataZoneStandard", "eastus2", None),
    ],
)
def test_training_by_tokens(model: str, kind: str, region: str, usd: float | None) -> None:
    """The price of a million tokens is that of the training type and region; without a meter it is unknown."""
    assert RULES.training_usd_per_million(model, kind, region) == usd


@pytest.mark.parametrize(
    ("kind", "region", "usd"),
    [
        ("GlobalStandard", "eastus2", 100.0),
        ("developerTier", "eastus2", 50.0),
        ("Standard", "eastus2", 110.0),
        ("Standard", "swedencentral", 121.0),
        ("Standard", "japaneast", None),
    ],
)
def test_training_by_hours(kind: str, region: str, usd: float | None) -> None:
    """Reinforcement is paid by the hour, and what is paid by tokens has no hourly price."""
    assert RULES.training_usd_per_hour(O4, kind, region) == usd
    assert RULES.training_usd_per_hour(MINI, kind, region) is None


@pytest.mark.parametrize(
    ("model", "sku", "region", "usd"),
    [
        (MINI, "GlobalStandard", "eastus2", 1.7),
        (MINI, "globalstandard", "eastus2", 1.7),
        (MINI, "DataZoneStandard", "eastus2", 1.7),
        (MINI, "Standard", "swedencentral", 1.7),
        (MINI, "Standard", "Southeast Asia", 2.04),
        (MINI, "ProvisionedManaged", "swedencentral", None),
        (MINI, "GlobalProvisionedManaged", "swedencentral", None),
        (MINI, "DeveloperTier", "eastus2", 0.0),
        ("gpt-9", "developertier", "eastus2", 0.0),
        ("gpt-9", "GlobalStandard", "eastus2", None),
        ("Ministral-3B", "GlobalStandard", "eastus2", 0.65),
        ("gpt-oss-120b", "GlobalStandard", "eastus2", None),
    ],
)
def test_hosting(model: str, sku: str, region: str, usd: float | None) -> None:
    """Hosting is per hour and deployment; only DeveloperTier is free, and provisioned throughput is no such price."""
    assert RULES.hosting_usd_per_hour(model, sku, region) == usd


def test_inference() -> None:
    """Calls cost input, cached input and output; DeveloperTier takes the global rate."""
    worldwide = RULES.inference_usd_per_million(FULL, "GlobalStandard", "eastus2")
    assert worldwide is not None
    assert (worldwide.input_usd, worldwide.cached_usd, worldwide.output_usd) == (2.0, 0.5, 8.0)
    assert RULES.inference_usd_per_million(FULL, "DeveloperTier", "eastus2") == worldwide
    sweden = RULES.inference_usd_per_million(FULL, "Standard", "swedencentral")
    assert sweden is not None and sweden.output_usd == 9.68
    uncached = RULES.inference_usd_per_million("Ministral-3B", "GlobalStandard", "eastus2")
    assert uncached is not None and uncached.cached_usd is None
    assert RULES.inference_usd_per_million(MINI, "Standard", "swedencentral") is None
    assert RULES.inference_usd_per_million(MINI, "ProvisionedManaged", "swedencentral") is None


def test_prices_are_of_known_models_and_places() -> None:
    """Every price is positive, of a model of the matrix, in a zone that some type takes or in a region."""
    zones = {zone for by_type in RULES.prices.zones.values() for zone in by_type.values()}
    for table in RULES.prices.tables.values():
        for model, row in table.items():
            assert RULES.model(model) is not None, model
            assert row.prices and all(usd > 0 for usd in row.prices.values())
            assert all(
                place in {*zones, "data_zone", "united_states"} or REGION.fullmatch(place) for place in row.prices
            )


def test_cheaper_types_are_cheaper() -> None:
    """A developer price is half the global one, and a regional one above it: a slip in the table would show."""
    for row in (*RULES.prices.tables["training"].values(), *RULES.prices.tables["training_hours"].values()):
        prices = row.prices
        if "developer" in prices:
            assert prices["developer"] * 2 == prices["global"]
        assert all(usd >= prices["global"] for place, usd in prices.items() if place != "developer")


def test_every_new_table_is_dated() -> None:
    """Prices, zones, regions, residency and retirements say from where and since when they are known."""
    rows = [row.origin for table in RULES.prices.tables.values() for row in table.values()]
    rows += [row.origin for row in (*RULES.regions.training, *RULES.regions.deployment)]
    rows += [retirement.origin for retirement in RULES.retirements.by_model.values()]
    rows += [RULES.prices.origin, RULES.prices.zones_origin, RULES.regions.residency.origin]
    rows.append(RULES.retirements.notice.origin)
    assert all(isinstance(origin, Origin) and origin.source and origin.as_of.year == 2026 for origin in rows)
    assert RULES.prices.as_of == date(2026, 8, 11)
    assert RULES.prices.currency == "USD"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        (f"{MINI}.ft-{'0' * 32}", MINI),
        (f"{MINI}.ft-{'0' * 32}-mine", MINI),
        (f"{MINI}.ft-{'0' * 32}-mine-abcdefghijklmno:ckpt-step-90", MINI),
        ("Ministral-3B.ft-0123-x", "Ministral-3B"),
        ("Qwen-32B.ft-0123", "Qwen3-32B"),
        ("gpt-9.ft-0123", "gpt-9"),
        (MINI, MINI),
        ("gpt-4.1-mini", "gpt-4.1-mini"),
        ("", ""),
    ],
)
def test_base_of(name: str, base: str) -> None:
    """A fine-tuned model's base is in its name, as the matrix spells it; any other name is left as it is."""
    assert RULES.base_of(name) == base


def test_retirements() -> None:
    """Both dates of a model, or none where nothing is published."""
    retirement = RULES.retirement(MINI)
    assert retirement is not None
    assert (retirement.training, retirement.deployment) == (date(2027, 4, 14), date(2027, 10, 14))
    assert RULES.retirement("Ministral-3B") is None
    for model, row in RULES.retirements.by_model.items():
        assert RULES.model(model) is not None
        assert row.training is None or row.deployment is None or row.training < row.deployment


def test_rows_of_regions_are_written_alike() -> None:
    """Regions have Azure's spelling, and models and types are those that exist."""
    skus = RULES.limits.deployments.skus
    for rows, types in ((RULES.regions.training, TYPES), (RULES.regions.deployment, skus)):
        for row in rows:
            assert all(REGION.fullmatch(region) for region in row.regions) and len(set(row.regions)) == len(row.regions)
            assert all(RULES.model(model) is not None for model in (*row.only, *row.without))
            assert set(row.what) <= set(types)
            assert not (row.only and row.without)


@pytest.mark.parametrize("model", RULES.models, ids=lambda model: model.id)
def test_every_training_type_of_a_model_is_offered_somewhere(model: object) -> None:
    """A training type that the matrix gives a model has a region, or the two tables contradict each other."""
    (found,) = (each for each in RULES.models if each is model)
    assert all(RULES.regions.training_regions(found.id, kind) for kind in found.training_types)


def test_offers() -> None:
    """Offered, doubtful, not offered, and nothing known are four different answers."""
    assert RULES.training_offer(MINI, "globalstandard", "East US 2") is Offer.YES
    assert RULES.training_offer(O4, "GlobalStandard", "uksouth") is Offer.DOUBTFUL
    assert RULES.training_offer(MINI, "Standard", "eastus2") is Offer.NO
    assert RULES.training_offer(MINI, "Standard", "") is Offer.UNKNOWN
    assert RULES.deployment_offer(MINI, "globalstandard", "eastus2") is Offer.UNKNOWN
    assert RULES.regions.deployment_regions(FULL, "ProvisionedManaged") == ("swedencentral",)


@pytest.mark.parametrize("text", ["eastus2", "East US 2", " EastUS2 ", "EASTUS2"])
def test_normal_region(text: str) -> None:
    """A region is the same in every spelling."""
    assert normal_region(text) == "eastus2"

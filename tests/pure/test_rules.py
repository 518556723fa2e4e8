"""The packaged rules: every row complete, names unambiguous, and the questions asked of them."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date

import pytest

from ftops.rules import Bom, Model, Origin, Range, load_rules, tables
from ftops.rules.troubles import load_troubles

RULES = load_rules()
METHODS = {"supervised", "dpo", "reinforcement"}
TRAINING_TYPES = {"Standard", "GlobalStandard", "developerTier"}


def test_rules_are_read_once() -> None:
    """The second reading returns the same object."""
    assert load_rules() is RULES


@pytest.mark.parametrize("model", RULES.models, ids=lambda model: model.id)
def test_model_row_is_complete(model: Model) -> None:
    """Every model says how it is trained, what a deployment of it needs, and from where that is known."""
    assert model.methods and set(model.methods) <= METHODS
    assert model.training_types and set(model.training_types) <= TRAINING_TYPES
    assert set(model.skus) <= set(RULES.limits.deployments.skus)
    assert model.format or not model.skus
    assert model.access in {"general", "preview", "invitation"}
    assert model.origin.as_of >= date(2026, 10, 6) and model.origin.source


@pytest.mark.parametrize("model", RULES.models, ids=lambda model: model.id)
def test_dated_models_have_their_undated_alias(model: Model) -> None:
    """A dated id has the name without date as an alias, which is no id itself."""
    if re.search(r"-\d{4}-\d{2}-\d{2}$", model.id):
        assert model.id[:-11] in model.aliases
        assert RULES.model(model.id[:-11]) is None and RULES.model_for_alias(model.id[:-11]) is model


def test_names_are_unambiguous() -> None:
    """No id or alias means two models, compared without case."""
    names = [name.casefold() for model in RULES.models for name in (model.id, *model.aliases)]
    assert len(names) == len(set(names))


def test_model_is_exact_and_alias_is_not() -> None:
    """An id is found only as it is spelled; as an alias it is found in any case."""
    assert RULES.model("gpt-4o-mini-2024-07-18") is not None
    assert RULES.model("GPT-4o-mini-2024-07-18") is None and RULES.model("gpt-4o-mini") is None
    found = RULES.model_for_alias("GPT-4O-Mini")
    assert found is not None and found.id == "gpt-4o-mini-2024-07-18" in RULES.model_ids
    assert RULES.model_for_alias("gpt-3") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Standard", "Standard"),
        ("globalstandard", "GlobalStandard"),
        ("GlobalStandard", "GlobalStandard"),
        ("Developer", "developerTier"),
        ("DeveloperTier", "developerTier"),
        ("developertier", "developerTier"),
        ("DataZoneStandard", None),
        ("", None),
    ],
)
def test_training_type(text: str, expected: str | None) -> None:
    """Every accepted spelling gives the one to send; others give none."""
    assert RULES.training_type(text) == expected


def test_training_types_are_those_of_the_models() -> None:
    """The training types known are exactly those that some model has."""
    assert set(RULES.training_types) == {t for model in RULES.models for t in model.training_types} == TRAINING_TYPES


def test_every_table_is_dated() -> None:
    """Every table of limits, the troubles and the training types say from where and since when."""
    tables = [getattr(RULES.limits, f.name) for f in fields(RULES.limits)]
    origins = (
        [table.origin for table in tables]
        + [row.origin for row in load_troubles().rows]
        + [RULES.training_types_origin]
    )
    assert all(isinstance(o, Origin) and o.source and o.as_of.year >= 2026 for o in origins)


def test_limits_have_the_documented_values() -> None:
    """The numbers that other checks build on are those of the service."""
    limits = RULES.limits
    assert (limits.rows.rows_min, limits.rows.messages_max, limits.rows.tools_max) == (10, 2048, 128)
    assert (limits.files.size_bytes_below, limits.files.count_max) == (512_000_000, 100)
    assert (limits.files.upload_in_parts_from_bytes, limits.files.part_bytes) == (100_000_000, 64 << 20)
    assert (limits.files.parts_total_bytes_max, limits.files.bom) == (8_000_000_000, Bom.KEEP)
    images = limits.images
    assert (images.rows_max, images.per_row_max, images.per_call_max, images.size_bytes_max) == (
        50000,
        64,
        50,
        10 << 20,
    )
    assert (images.formats, images.details) == (("jpeg", "png", "webp"), ("auto", "low", "high"))
    guidance = limits.guidance
    assert (guidance.rows_to_start, guidance.rows_to_learn, guidance.validation_rows_min) == (50, 100, 10)
    assert (limits.jobs.running_max, limits.jobs.running_developer_max, limits.jobs.queued_max) == (3, 5, 20)
    assert limits.jobs.trained_tokens_max == 2_000_000_000
    assert (limits.names.seed_min, limits.names.seed_max) == (0, 2**31 - 1)
    assert (limits.waits.file_scan_poll_s, limits.waits.arm_poll_s, limits.waits.long_operation_max_s) == (5, 15, 3600)


@pytest.mark.parametrize(
    ("name", "fits"), [("ab", True), ("a.b_c-d", True), ("a", False), ("-ab", False), ("a" * 65, False)]
)
def test_deployment_names(name: str, fits: bool) -> None:
    """A deployment's name has 2 to 64 characters and begins with a letter or digit."""
    assert bool(RULES.limits.names.deployment_pattern.fullmatch(name)) is fits


@pytest.mark.parametrize(("suffix", "fits"), [("support-v3_b", True), ("a.b", False), ("", False), ("a b", False)])
def test_suffixes(suffix: str, fits: bool) -> None:
    """A suffix has letters, digits, dashes and underscores, and never a dot."""
    assert bool(RULES.limits.names.suffix_pattern.fullmatch(suffix)) is fits


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("n_epochs", 1, True),
        ("n_epochs", 3.0, True),
        ("n_epochs", 0, False),
        ("n_epochs", 51, False),
        ("n_epochs", 1.5, False),
        ("n_epochs", True, False),
        ("n_epochs", float("nan"), False),
        ("batch_size", 256, True),
        ("batch_size", 257, False),
        ("learning_rate_multiplier", 0.05, True),
        ("learning_rate_multiplier", 0, False),
        ("learning_rate_multiplier", float("inf"), False),
        ("prompt_loss_weight", 0, True),
        ("prompt_loss_weight", 1.1, False),
    ],
)
def test_hyperparameter_ranges(name: str, value: float, holds: bool) -> None:
    """A hyperparameter is held to its type and its bounds."""
    assert RULES.limits.supervised.by_name[name].holds(value) is holds


def test_ranges_in_words() -> None:
    """A range says in words what it accepts."""
    words = {name: str(accepted) for name, accepted in RULES.limits.supervised.by_name.items()}
    assert words == {
        "n_epochs": "a whole number from 1 to 50",
        "batch_size": "a whole number from 1 to 256",
        "learning_rate_multiplier": "a number above 0 and at most 10",
        "prompt_loss_weight": "a number from 0 to 1",
    }


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("beta", 0.1, True),
        ("beta", 5, True),
        ("beta", 0, False),
        ("beta", float("nan"), False),
        ("l2_multiplier", 0, True),
        ("l2_multiplier", -0.1, False),
        ("n_epochs", 51, False),
    ],
)
def test_dpo_ranges(name: str, value: float, holds: bool) -> None:
    """Settings of dpo are held to bounds that are confirmed; where no upper one is, none is asked."""
    assert RULES.limits.hyperparameters("dpo")[name].holds(value) is holds


def test_each_method_has_its_own_settings() -> None:
    """Weight of the prompt is of supervised training, beta of dpo, what is evaluated of reinforcement."""
    supervised, dpo = (set(RULES.limits.hyperparameters(method)) for method in ("supervised", "dpo"))
    assert supervised - dpo == {"prompt_loss_weight"}
    assert dpo - supervised == {"beta", "l2_multiplier"}
    reinforcement = set(RULES.limits.hyperparameters("reinforcement"))
    assert supervised - reinforcement == {"prompt_loss_weight"}
    assert reinforcement - supervised == {"compute_multiplier", "eval_interval", "eval_samples"}
    assert RULES.limits.hyperparameters("interactive") == {}
    words = [str(RULES.limits.dpo.by_name[name]) for name in ("beta", "l2_multiplier")]
    assert words == ["a number above 0", "a number of at least 0"]


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("compute_multiplier", 1.5, True),
        ("compute_multiplier", 0, False),
        ("eval_interval", 1, True),
        ("eval_interval", 0, False),
        ("eval_samples", 2.5, False),
        ("n_epochs", 51, False),
    ],
)
def test_reinforcement_ranges(name: str, value: float, holds: bool) -> None:
    """Settings of reinforcement training are held to bounds that are confirmed."""
    assert RULES.limits.hyperparameters("reinforcement")[name].holds(value) is holds


@pytest.mark.parametrize(
    ("rows", "epochs"), [(0, 25), (3, 25), (10, 10), (11, 9), (33, 3), (40, 3), (8_333, 3), (8_334, 2), (30_000, 1)]
)
def test_epochs_left_to_the_service(rows: int, epochs: int) -> None:
    """The assumption agrees with the jobs that were seen: 10 rows, 11 and 40; dpo always takes three."""
    assert RULES.limits.epochs.epochs(rows, "supervised") == epochs
    assert RULES.limits.epochs.epochs(rows, "dpo") == 3


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(1, 1, 85 + 170), (512, 512, 85 + 170), (1024, 1024, 85 + 4 * 170), (2048, 4096, 85 + 6 * 170), (0, 0, 85 + 170)],
)
def test_tokens_of_a_picture(width: int, height: int, tokens: int) -> None:
    """A picture in high detail is scaled into a square, then by its short side, and counts by its tiles."""
    assert RULES.limits.images.tokens(width, height) == tokens


def test_a_range_without_lower_bound() -> None:
    """A range may have no lower bound."""
    assert replace(RULES.limits.supervised.n_epochs, min=None).holds(-5)


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({"as_of": "yesterday", "source": "x"}, TypeError),
        ({"as_of": date(2026, 1, 1), "source": 7}, TypeError),
        ({"as_of": date(2026, 1, 1)}, ValueError),
        ({"as_of": date(2026, 1, 1), "source": "x", "more": 1}, ValueError),
    ],
)
def test_wrong_tables_raise(table: dict[str, object], error: type[Exception]) -> None:
    """A missing, unknown or mistyped key of a rules table is refused when it is read."""
    with pytest.raises(error):
        tables.built(Origin, table)


@pytest.mark.parametrize(("kind", "bad"), [("bool", 1), ("Mapping[str, float]", {"a": "1"}), ("date | None", "x")])
def test_other_values_are_strict(kind: str, bad: object) -> None:
    """Truth values, tables of prices and dates are what they are, or refused."""
    with pytest.raises(TypeError):
        tables._CONVERT[kind](bad)


@pytest.mark.parametrize("bad", [True, "1", None, 1.5])
def test_whole_numbers_are_strict(bad: object) -> None:
    """A table's whole number is neither a truth value nor a text nor a fraction."""
    with pytest.raises(TypeError):
        tables._CONVERT["int"](bad)


@pytest.mark.parametrize("kind", ["tuple[str, ...]", "Range", "Origin"])
def test_containers_are_strict(kind: str) -> None:
    """A list or table that is something else is refused."""
    with pytest.raises(TypeError):
        tables._CONVERT[kind](7)


def test_ranges_are_read_with_one_bound() -> None:
    """A range in a table names the bounds it has."""
    assert tables._CONVERT["Range"]({"type": "number", "above": 0, "max": 10}) == Range("number", 10, None, 0)

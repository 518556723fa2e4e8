"""Advice on the settings of a job: never an error, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator

from ftops.kinds.envelope import JobRef, Path
from ftops.kinds.job_spec import HYPERPARAMETERS, JobDocument, hyperparameters
from ftops.rules import Rules


def advice(job: JobDocument, rules: Rules) -> Iterator[tuple[Path, str, str]]:
    """Yield what the documentation would do otherwise: the way to the value, the code and the sentences."""
    path, settings = hyperparameters(job.spec)
    given = [name for name in HYPERPARAMETERS if getattr(settings, name) is not None]
    if given and not isinstance(job.spec.model, JobRef):
        detail = (
            f"{', '.join(given)} {'is' if len(given) == 1 else 'are'} set on a first training. Leave the choice to the "
            "service first (auto), look at its metrics, and change one at a time."
        )
        yield (*path, given[0]), "early-hyperparameters", detail
    guidance, multiplier = rules.limits.guidance, settings.learning_rate_multiplier
    if multiplier is not None and not guidance.multiplier_min <= multiplier <= guidance.multiplier_max:
        detail = (
            f"The documentation suggests to try {guidance.multiplier_min:g} to {guidance.multiplier_max:g}; it is "
            f"{multiplier:g}. Others advise up to 2: compare the validation loss of both."
        )
        yield (*path, "learning_rate_multiplier"), "unusual-multiplier", detail
    kind = rules.training_type(job.spec.trainingType)
    resident = rules.regions.residency.resident_training_types
    if kind is not None and kind not in resident:
        detail = (
            f"As {kind}, the data and the weights are copied to where there is room, outside of the account's region; "
            f"{' or '.join(resident)} keeps them in it."
        )
        yield ("spec", "trainingType"), "leaves-region", detail

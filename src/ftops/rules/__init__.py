"""Dated facts about the service as data, and their typed reader; numbers about the service stand nowhere else."""

from ftops.rules.data_rules import Guidance, ImageRules, PromptRules
from ftops.rules.prices import InferencePrice
from ftops.rules.reader import (
    TUNED_MARK,
    DeploymentRules,
    DpoRanges,
    EpochGuess,
    FileLimits,
    JobLimits,
    Limits,
    Model,
    NameRules,
    ReadingLimits,
    RowLimits,
    Rules,
    SupervisedRanges,
    TokenEstimate,
    Waits,
    load_rules,
)
from ftops.rules.regions import Offer, normal_region
from ftops.rules.retirement import Retirement
from ftops.rules.tables import Bom, Origin, Range

__all__ = [
    "TUNED_MARK",
    "Bom",
    "DeploymentRules",
    "DpoRanges",
    "EpochGuess",
    "FileLimits",
    "Guidance",
    "ImageRules",
    "InferencePrice",
    "JobLimits",
    "Limits",
    "Model",
    "NameRules",
    "Offer",
    "Origin",
    "PromptRules",
    "Range",
    "ReadingLimits",
    "Retirement",
    "RowLimits",
    "Rules",
    "SupervisedRanges",
    "TokenEstimate",
    "Waits",
    "load_rules",
    "normal_region",
]

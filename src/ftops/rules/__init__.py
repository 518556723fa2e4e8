"""Dated facts about the service as data, and their typed reader; numbers about the service stand nowhere else."""

from ftops.rules.reader import (
    DeploymentRules,
    FileLimits,
    JobLimits,
    Limits,
    Model,
    NameRules,
    Origin,
    Range,
    ReadingLimits,
    RowLimits,
    Rules,
    SupervisedRanges,
    Transient,
    Waits,
    load_rules,
)

__all__ = [
    "DeploymentRules",
    "FileLimits",
    "JobLimits",
    "Limits",
    "Model",
    "NameRules",
    "Origin",
    "Range",
    "ReadingLimits",
    "RowLimits",
    "Rules",
    "SupervisedRanges",
    "Transient",
    "Waits",
    "load_rules",
]

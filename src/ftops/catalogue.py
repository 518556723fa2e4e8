"""Every rule of datasets: how much it weighs, its fixed summary, its ids in the service rules, and where it is from.

The rules of a file and its rows are checked in `data/`, those between a job and its data in `job_data.py`, advice on
the settings of a job in `kinds/job_advice.py`. Any of them may be overridden by `lifecycle.rules` of the document it is
told of, but for those that say that there is nothing to check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ftops.diagnostics import Severity, did_you_mean


class Check(NamedTuple):
    """One rule; without a `severity` it is off unless it is asked for. `ids` are those of the service rules.

    The letters of an id: F the file, S supervised chat, T tools, V vision, P preferences, R reinforcement, K counts,
    A advice. `source` tells on what the rule rests: documented, observed, or inferred.
    """

    severity: Severity | None
    summary: str
    id: str
    source: str
    fixed: bool = False
    shown_max: int = 0


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

QUOTAS = "documented: quotas and limits"
METHOD = "documented: the method's page"
CHECKER = "observed: Microsoft's and OpenAI's own checkers"
TOOLS = "documented: fine-tuning with functions"
VISION = "documented: vision fine-tuning"
PREFERENCES = "documented: direct preference optimization"
REINFORCEMENT = "documented: reinforcement fine-tuning"
GUIDANCE = "documented: guidance on sizes and settings"
FORM = "JSON Lines and UTF-8"
INFERRED = "inferred"

OF_FILES: Mapping[str, Check] = {
    "unreadable-file": Check(_E, "The data file cannot be read", "F000", FORM, fixed=True),
    "git-lfs-pointer": Check(_E, "The file is a Git LFS pointer", "F000", FORM, fixed=True),
    "not-utf8": Check(_E, "Not UTF-8", "F001", METHOD),
    "no-bom": Check(None, "No byte-order mark", "F002", "documented until 2026-03; sample datasets have none"),
    "bad-json": Check(_E, "Not valid JSON", "F003", METHOD),
    "not-an-object": Check(_E, "A row is not a JSON object", "F003", METHOD),
    "too-few-rows": Check(_E, "Too few rows to train on", "F004", METHOD),
    "large-upload": Check(_W, "A large upload", "F005", QUOTAS),
    "file-too-large": Check(_E, "The file is too large", "F005", QUOTAS),
    "line-too-long": Check(_E, "A line is too long to check", "F005", "ftops: bounds the memory of a check"),
    "blank-line": Check(_W, "Blank line", "F006", FORM),
    "duplicate-row": Check(_W, "A row stands in the file twice", "F007", INFERRED),
    "shared-row": Check(_W, "A row is trained on and validated with", "F008", "documented: keep validation data apart"),
    "wrong-format": Check(_E, "A row of another training method", "F009", METHOD, shown_max=1),
    "repeated-key": Check(_E, "A key is written twice in one object", "F010", "JSON: what it means is not defined"),
}
"""What concerns a file as a whole, or a line whatever is in it."""

OF_CHAT_ROWS: Mapping[str, Check] = {
    "unknown-row-key": Check(_W, "Unknown key in a row", "S100", CHECKER),
    "messages-missing": Check(_E, "A row without messages", "S101", METHOD),
    "message-shape": Check(_E, "A message is not an object", "S101", CHECKER),
    "too-many-messages": Check(_W, "Too many messages in a row", "S101", QUOTAS),
    "unknown-role": Check(_E, "Unknown role", "S102", CHECKER),
    "no-user": Check(_E, "No user message in a row", "S103", CHECKER),
    "no-assistant": Check(_E, "No assistant message in a row", "S104", CHECKER),
    "last-not-assistant": Check(_W, "The last message is not the assistant's", "S105", CHECKER),
    "content-missing": Check(_E, "A message without content", "S106", CHECKER),
    "content-type": Check(_E, "Content is neither text nor parts", "S106", CHECKER),
    "empty-content": Check(_W, "Empty content", "S107", CHECKER),
    "long-content": Check(_W, "Content longer than a request allows", "S107", QUOTAS),
    "bad-weight": Check(_E, "A weight is neither 0 nor 1", "S108", METHOD),
    "weight-not-assistant": Check(_E, "A weight on a message that is not trained on", "S109", METHOD),
    "all-weights-zero": Check(_W, "A row that trains nothing", "S110", INFERRED),
    "unknown-message-key": Check(_W, "Unknown key in a message", "S111", CHECKER),
    "several-system-prompts": Check(_I, "Several system prompts", "S112", METHOD),
    "repeated-role": Check(_W, "Two messages of one role in a row", "S113", CHECKER),
}

OF_TOOLS: Mapping[str, Check] = {
    "tool-call-shape": Check(_E, "A tool call is malformed", "T201", TOOLS),
    "arguments-not-json": Check(_E, "Arguments are not a string of JSON", "T201", TOOLS),
    "undefined-tool": Check(_E, "A tool is called that is not defined", "T202", INFERRED),
    "dangling-tool-call": Check(_W, "A tool reply without its call", "T203", TOOLS),
    "legacy-functions": Check(_W, "The deprecated form of tools", "T204", TOOLS),
    "too-many-tools": Check(_E, "Too many tools in a row", "T205", QUOTAS),
    "duplicate-tool": Check(_E, "A tool is defined twice", "T206", INFERRED),
    "tools-shape": Check(_E, "A tool definition is malformed", "T207", TOOLS),
}

OF_IMAGES: Mapping[str, Check] = {
    "image-model": Check(_E, "Images for a model that sees none", "V301", VISION),
    "image-role": Check(_E, "An image in a message that is learned", "V302", VISION),
    "too-many-images": Check(_E, "Too many images in a row", "V303", VISION),
    "many-images": Check(_W, "More images than a call may have", "V303", QUOTAS),
    "image-too-large": Check(_E, "An image is too large", "V304", VISION),
    "image-format": Check(_E, "Not an image that is trained on", "V305", VISION),
    "image-shape": Check(_E, "An image part is malformed", "V305", VISION),
    "too-many-image-rows": Check(_E, "Too many rows with images", "V306", VISION),
    "image-by-url": Check(_W, "Images are fetched from the web", "V307", VISION, shown_max=1),
    "image-region": Check(_E, "Images in a region without vision", "V308", VISION),
}

OF_PREFERENCE_ROWS: Mapping[str, Check] = {
    "input-missing": Check(_E, "A preference row without input", "P401", PREFERENCES),
    "output-missing": Check(_E, "A preference row without both answers", "P401", PREFERENCES),
    "output-role": Check(_E, "A role that an answer may not have", "P402", PREFERENCES),
    "same-outputs": Check(_W, "Both answers are the same", "P403", INFERRED),
    "last-not-user": Check(_W, "The input does not end with the user", "P404", INFERRED),
    "image-in-preference": Check(_E, "An image in a preference row", "P405", "not documented, so not to be relied on"),
}

OF_REINFORCEMENT_ROWS: Mapping[str, Check] = {
    "prompt-last-role": Check(_E, "The prompt does not end with the user", "R501", REINFORCEMENT),
    "developer-last": Check(_W, "The prompt ends with the developer", "R501", "sources disagree"),
    "validation-missing": Check(_E, "No validation data", "R502", REINFORCEMENT),
    "grader-field-missing": Check(_E, "A field that the grader reads is missing", "R503", REINFORCEMENT),
    "constant-field": Check(_W, "A field is the same in every row", "R504", INFERRED),
    "asks-for-reasoning": Check(_W, "The prompt asks to show the reasoning", "R505", CHECKER),
    "uneven-fields": Check(_W, "A field is not of one kind in all rows", "R506", INFERRED),
    "image-in-prompt": Check(_E, "An image in a reinforcement row", "R507", "observed: no vision for o4-mini"),
}

OF_JOBS: Mapping[str, Check] = {
    "row-over-context": Check(_W, "Rows longer than the model trains on", "K601", "documented: training models"),
    "too-many-tokens": Check(_E, "Too many tokens in one job", "K602", QUOTAS),
    "tokens-estimated": Check(None, "Tokens are estimated", "K603", "ftops: no exact encoder for the model here"),
    "repeats-parent-rows": Check(_I, "Rows that the parent was trained on", "K604", INFERRED),
    "few-validation-rows": Check(_W, "Few validation rows", "K605", "observed: official demos have ten or more"),
    "few-rows": Check(_I, "Few rows for a good model", "A701", GUIDANCE),
    "early-hyperparameters": Check(_I, "Hyperparameters on a first training", "A702", GUIDANCE),
    "unusual-multiplier": Check(_I, "A learning rate outside the usual", "A703", GUIDANCE),
    "leaves-region": Check(_I, "Data and weights leave the region", "A704", "documented: training types"),
}

CATALOGUE: Mapping[str, Check] = {
    **OF_FILES,
    **OF_CHAT_ROWS,
    **OF_TOOLS,
    **OF_IMAGES,
    **OF_PREFERENCE_ROWS,
    **OF_REINFORCEMENT_ROWS,
    **OF_JOBS,
}
"""The codes in the order they are documented."""

DATASET, JOB = "Dataset", "FineTuningJob"
"""The kinds of the documents in which rules are overridden."""
OF_JOB_DOCUMENTS = frozenset(
    (
        *("image-model", "image-region", "validation-missing"),
        *("row-over-context", "too-many-tokens", "repeats-parent-rows", "few-validation-rows"),
        *("early-hyperparameters", "unusual-multiplier", "leaves-region"),
    )
)
"""Rules that a FineTuningJob's document overrides; all others are the Dataset's to override."""
OF_BOTH = frozenset(("shared-row",))
"""Rules that either of them overrides, the job's document winning."""

OFF = "off"
LEVELS: Mapping[str, Severity | None] = {"error": _E, "warning": _W, "info": _I, OFF: None}
"""What `lifecycle.rules` may say of a rule."""

Levels = Mapping[str, Severity | None]
"""Overridden severities by code; None is off."""


def codes_of(word: str) -> tuple[str, ...]:
    """Return the codes that a word or an id stands for, in any case: one word, or all rules of an id."""
    folded = word.casefold()
    if folded in CATALOGUE:
        return (folded,)
    return tuple(code for code, check in CATALOGUE.items() if check.id.casefold() == folded)


def level_of(code: str, levels: Levels) -> Severity | None:
    """Return how much a finding of a rule weighs under overridden severities; None is nothing at all."""
    return levels[code] if code in levels else CATALOGUE[code].severity


def levels_of(rules: Mapping[str, str]) -> Levels:
    """Return the severities that `lifecycle.rules` gives, a word's own winning over its id's."""
    by_id = sorted(rules.items(), key=lambda item: item[0].casefold() in CATALOGUE)
    return {code: LEVELS[level] for word, level in by_id for code in codes_of(word)}


def overridden_in(kind: str) -> frozenset[str]:
    """Return the rules that documents of a kind may override; for any other kind none."""
    if kind == JOB:
        return OF_JOB_DOCUMENTS | OF_BOTH
    return frozenset(CATALOGUE.keys() - OF_JOB_DOCUMENTS) if kind == DATASET else frozenset()


def problem_with(word: str, kind: str) -> str:
    """Return why a rule cannot be overridden in a document of a kind, or nothing if it can."""
    codes, within = codes_of(word), overridden_in(kind)
    if not codes:
        ids = [CATALOGUE[code].id for code in sorted(within)]
        return f'"{word}" is no rule of datasets.{did_you_mean(word, [*within, *ids])} `ftops explain` lists them.'
    if not within.intersection(codes):
        return f'"{word}" is weighed in the {DATASET if kind == JOB else JOB}; here it would do nothing. Move it there.'
    fixed = [code for code in codes if CATALOGUE[code].fixed]
    if fixed:
        return f'"{fixed[0]}" cannot be overridden: there is no data to train on.'
    return ""

"""What a training is expected to cost, as facts of its resource: values for the planner, which knows no prices.

Tokens times epochs times the price of a token (service rules, costs): validation is free, and so is what fails before
training. All of it is an estimate from characters, and the epochs too when they are left to the service. A bill was
seen as low as three quarters of the estimate; whether the input of a preference row counts once or twice is not
documented, so a dpo job costs between the two.
"""

from __future__ import annotations

from collections.abc import Mapping

from ftops.kinds.base import Context
from ftops.kinds.job_spec import JobDocument, hyperparameters, method_type
from ftops.model import Address, Scalar

TOKENS_PRICED = 1_000_000
"""Tokens that a price is for."""


def cost_facts(job: JobDocument, base_model: str, context: Context) -> dict[str, Scalar]:
    """Return what is known of a job's cost; what is not known is absent, never 0.

    Returns: `trained_tokens` (the high estimate), `epochs` and `epochs_assumed` (set when they are the service's
    choice), `training_usd` and `training_usd_low`, and `token_usd`, what a token of the file costs over all epochs;
    `lifecycle.expectedUsd` stands in for the prices, and says nothing of tokens.
    """
    data = context.referenced.get(Address("dataset", job.spec.training_file.dataset), {})
    low, high = _tokens_of_epoch(data, method_type(job.spec), context.rules.limits.tokens.billed_share_min)
    epochs, assumed = _epochs(job, data, context)
    facts: dict[str, Scalar] = {"epochs_assumed": True} if assumed else {}
    if epochs is not None:
        facts["epochs"] = epochs
    if epochs is not None and high is not None:
        facts["trained_tokens"] = high * epochs
    expected = job.lifecycle.expectedUsd
    if expected is not None:
        return facts | {"training_usd": float(expected), "training_usd_low": float(expected)}
    region = context.region
    price = context.rules.training_usd_per_million(base_model, job.spec.trainingType, region)
    if price is None or epochs is None or high is None or low is None:
        return facts
    usd = price * epochs / TOKENS_PRICED
    return facts | {"training_usd": high * usd, "training_usd_low": low * usd, "token_usd": usd}


def _tokens_of_epoch(data: Mapping[str, Scalar], method: str, share_min: float) -> tuple[float | None, int | None]:
    """Return the least and the most tokens that one epoch may be billed for; None for a file that was not read."""
    tokens = data.get("tokens")
    if not isinstance(tokens, int):
        return None, None
    if method == "dpo":
        return tokens, tokens + int(data.get("input_tokens") or 0)
    return tokens * share_min, tokens


def _epochs(job: JobDocument, data: Mapping[str, Scalar], context: Context) -> tuple[int | None, bool]:
    """Return the epochs, and whether they are an assumption; None when not even the rows are known."""
    _, settings = hyperparameters(job.spec)
    if settings.n_epochs is not None:
        return settings.n_epochs, False
    rows = data.get("rows")
    if not isinstance(rows, int):
        return None, True
    return context.rules.limits.epochs.epochs(rows, method_type(job.spec)), True

"""Faults: rules that make chosen requests go wrong, and whether a rule acts on its n-th request.

What the request is answered with is in `fault_answers.py`, what is kept in the store in `in_force.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

EVERY = sys.maxsize
DEATH_CODE = 9


class Effect(StrEnum):
    """What a fault does; those up to `slow-upload` act on the request, the others are bad habits of the service."""

    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    DIE_BEFORE = "die-before"
    DIE_AFTER = "die-after"
    STATUS_BEFORE = "status-before"
    STATUS_AFTER = "status-after"
    FORBIDDEN = "forbidden"
    EXPIRED_TOKEN = "expired-token"  # noqa: S105  an effect's name
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    OVERLOADED = "overloaded"
    SLOW_ANSWER = "slow-answer"
    SLOW_UPLOAD = "slow-upload"
    STALE_LISTING = "stale-listing"
    DROP_SUFFIX = "drop-suffix"
    CUT_SUFFIX = "cut-suffix"
    DROP_TAGS = "drop-tags"
    WRONG_TRAINING_TYPE = "wrong-training-type"
    FAIL_JOB = "fail-job"
    PREEMPT = "preempt"
    SPEND_PAUSE = "spend-pause"
    FAIL_DEPLOYMENT = "fail-deployment"
    LOWER_CAPACITY = "lower-capacity"
    BUSY = "busy"


class Stage(StrEnum):
    """When a job fails; at the safety gate its training is done."""

    DATA_CHECK = "data-check"
    TRAINING = "training"
    SAFETY = "safety"


class Spelling(StrEnum):
    """How a throttled caller is told when to come back (azure-api.md §3.4)."""

    SECONDS = "retry-after"
    DATE = "retry-after-date"
    MS = "retry-after-ms"
    X_MS = "x-ms-retry-after-ms"
    NONE = "none"


CODE = "internalFailure"
MESSAGE = "The server had an error while processing your request."
# What the service says where a fault leaves code and message as they are; the codes of the two checks are not known.
_TOLD: Mapping[str, tuple[str, str]] = {
    Stage.DATA_CHECK: (
        "invalidPayload",
        (
            "Training data failed RAI checks for harm types: [hate_fairness, self_harm, violence]. Please fix the "
            "data and try again."
        ),
    ),
    Stage.SAFETY: (
        "invalidModel",
        (
            "Model cannot be deployed: evaluation identified scores above the acceptable threshold for Violence, Self "
            "Harm."
        ),
    ),
    Effect.FAIL_DEPLOYMENT: (
        "DeploymentFailed",
        (
            "The deployment could not be completed: there is no capacity for the model in the region. Please try again "
            "later."
        ),
    ),
}
_CREATE_JOB = ("POST", r"/fine_tuning/jobs$")
_PUT_DEPLOYMENT = ("PUT", r"/deployments/[^/]+$")
# A missing right refuses until it is granted.
_STANDING = frozenset({Effect.FORBIDDEN})
# A habit looks only at the requests it can change, so that `nth` counts those and no others.
_HABITS: Mapping[Effect, tuple[str, str]] = {
    Effect.STALE_LISTING: ("GET", r"/(files|jobs|models|deployments)$"),
    Effect.DROP_SUFFIX: _CREATE_JOB,
    Effect.CUT_SUFFIX: _CREATE_JOB,
    Effect.WRONG_TRAINING_TYPE: _CREATE_JOB,
    Effect.FAIL_JOB: _CREATE_JOB,
    Effect.PREEMPT: _CREATE_JOB,
    Effect.SPEND_PAUSE: _CREATE_JOB,
    Effect.FAIL_DEPLOYMENT: _PUT_DEPLOYMENT,
    Effect.LOWER_CAPACITY: _PUT_DEPLOYMENT,
    Effect.BUSY: ("(PUT|PATCH|DELETE)", r"/deployments/[^/]+$"),
    Effect.DROP_TAGS: ("(PUT|PATCH)", r"/deployments/[^/]+$"),
}
# So do these, which else act once like any fault of the request.
_LOOKS_AT: Mapping[Effect, tuple[str, str]] = {
    **_HABITS,
    Effect.OVERLOADED: ("(GET|POST)", r"(?i)(/providers/Microsoft\.Insights/metrics|/metrics:getBatch)$"),
    Effect.SLOW_UPLOAD: ("POST", r"/(files|parts)$"),
}


def _die() -> None:
    os._exit(DEATH_CODE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as rules look at it.

    Args: number: in this process, from 1 on. token: the digest of its bearer token, empty without one; an API key,
    which never expires, is none.
    """

    method: str
    path: str
    number: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class Met:
    """How many fitting requests a rule has met and on how many it acted; `tokens` are those that expired by it."""

    met: int = 0
    acted: int = 0
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: which requests, and what happens to them.

    `method` and `path` are regular expressions (the method matches whole, the path is searched); empty fits all.
    Of the fitting requests it takes `count` from the `nth` on; without `count` a fault of the request takes one, and a
    habit, a missing right or what has a `chance` takes all. `request` names a request by its number in this process
    instead, from 1 on. Of what it takes, it acts on a share of `chance`.
    Args: window_s: virtual seconds for stale-listing, and for busy after the end of a write. keep: characters for
    cut-suffix. training_type: the echo form, for example `globalStandard`. code, message: also the error of fail-job
    and fail-deployment, which have words of their own. stage: of fail-job. share: of what is left of its training,
    after which a job is preempted, `times` in all, each for `rest_s` virtual seconds. cap_usd: of spend-pause.
    capacity: of lower-capacity. seconds: until a throttled caller may come back, and how slow an answer or upload is.
    spelling: of that of throttled. die: for die-before and die-after.
    """

    effect: Effect
    method: str = ""
    path: str = ""
    nth: int = 1
    count: int | None = None
    request: int | None = None
    chance: float = 1.0
    status: int = 500
    code: str = CODE
    message: str = MESSAGE
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 2.0
    spelling: Spelling = Spelling.SECONDS
    window_s: float = 60.0
    keep: int = 0
    training_type: str = "standard"
    stage: Stage = Stage.TRAINING
    share: float = 0.5
    times: int = 1
    rest_s: float = 1_800.0
    cap_usd: float = 5.0
    capacity: int = 1
    die: Callable[[], None] = _die

    @property
    def failure(self) -> tuple[str, str]:
        """The code and message with which what it lets fail ends."""
        kind = self.stage if self.effect is Effect.FAIL_JOB else self.effect
        given = (self.code, self.message)
        return _TOLD.get(kind, given) if given == (CODE, MESSAGE) else given

    def fits(self, asked: Asked) -> bool:
        """Tell whether the rule is about this request, before occurrences are counted."""
        own_method, own_path = _LOOKS_AT.get(self.effect, ("", ""))
        return (
            self.request in (None, asked.number)
            and (self.effect is not Effect.EXPIRED_TOKEN or bool(asked.token))
            and re.fullmatch(self.method or own_method or ".*", asked.method) is not None
            and re.search(self.path or own_path, asked.path) is not None
        )

    def takes(self, occurrence: int) -> bool:
        """Tell whether the rule is to act on its n-th fitting request, counted from 1, as far as chance lets it."""
        standing = self.effect in _HABITS or self.effect in _STANDING or self.chance < 1
        count = (EVERY if standing else 1) if self.count is None else self.count
        return self.nth <= occurrence < self.nth + count

    def meet(self, before: Met, asked: Asked, lot: str) -> Met:
        """Return what the rule has met after one more fitting request; it acts where `acted` has grown.

        Args: lot: what chance is drawn from beside the occurrence, so that every process draws alike.
        """
        met = replace(before, met=before.met + 1)
        drawn = self.chance >= 1 or _draw(f"{lot}:{met.met}") < self.chance
        if self.effect is Effect.EXPIRED_TOKEN:
            return self._meet_token(met, asked.token, drawn=drawn)
        return replace(met, acted=met.acted + 1) if drawn and self.takes(met.met) else met

    def _meet_token(self, met: Met, token: str, *, drawn: bool) -> Met:
        """Let a token expire from the n-th fitting request on, or as many tokens as `count` says; each stays so."""
        if token in met.tokens:
            return replace(met, acted=met.acted + 1)
        if drawn and met.met >= self.nth and len(met.tokens) < (self.count or 1):
            return replace(met, acted=met.acted + 1, tokens=(*met.tokens, token))
        return met


def _draw(text: str) -> float:
    """Return a number from 0 up to 1 that depends on the text only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) / 2**56


class FaultTable:
    """The rules that Python code has put in force in this process, with how often each was met."""

    def __init__(self) -> None:
        """Begin without faults."""
        self._rules: list[Fault] = []
        self._met: list[Met] = []

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force and return it; its occurrences count from now on."""
        self._rules.append(fault)
        self._met.append(Met())
        return fault

    def clear(self) -> None:
        """Remove every rule."""
        self._rules.clear()
        self._met.clear()

    def fire(self, asked: Asked) -> tuple[Fault, ...]:
        """Count this request with every rule that fits it and return those that act on it, in order of adding."""
        fired = []
        for place, rule in enumerate(self._rules):
            if rule.fits(asked):
                before = self._met[place]
                self._met[place] = rule.meet(before, asked, f"0:{place}")
                if self._met[place].acted > before.acted:
                    fired.append(rule)
        return tuple(fired)

"""Faults: rules that make chosen requests go wrong, kept in the process and counted per rule."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ftops.emulator.messages import Response, ServiceError

EVERY = sys.maxsize
DEATH_CODE = 9


class Effect(StrEnum):
    """What a fault does; the first seven act on the request, the others are bad habits of the service."""

    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    DIE_BEFORE = "die-before"
    DIE_AFTER = "die-after"
    STATUS_BEFORE = "status-before"
    STATUS_AFTER = "status-after"
    FORBIDDEN = "forbidden"
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


def _die() -> None:
    os._exit(DEATH_CODE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: which requests, and what happens to them.

    `method` and `path` are regular expressions (the method matches whole, the path is searched); empty fits all.
    Of the fitting requests it takes `count` from the `nth` on; without `count` a fault of the request takes one, and a
    habit or a missing right takes all. `request` names a request by its number in this process instead, from 1 on.
    Args: window_s: virtual seconds for stale-listing, and for busy after the end of a write. keep: characters for
    cut-suffix. training_type: the echo form, for example `globalStandard`. code, message: also the error of fail-job
    and fail-deployment, which have words of their own. stage: of fail-job. share: of what is left of its training,
    after which a job is preempted, `times` in all, each for `rest_s` virtual seconds. cap_usd: of spend-pause.
    capacity: of lower-capacity. die: for die-before and die-after.
    """

    effect: Effect
    method: str = ""
    path: str = ""
    nth: int = 1
    count: int | None = None
    request: int | None = None
    status: int = 500
    code: str = CODE
    message: str = MESSAGE
    headers: Mapping[str, str] = field(default_factory=dict)
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

    def fits(self, method: str, path: str, number: int) -> bool:
        """Tell whether the rule is about this request, before occurrences are counted."""
        own_method, own_path = _HABITS.get(self.effect, ("", ""))
        return (
            self.request in (None, number)
            and re.fullmatch(self.method or own_method or ".*", method) is not None
            and re.search(self.path or own_path, path) is not None
        )

    def takes(self, occurrence: int) -> bool:
        """Tell whether the rule acts on its n-th fitting request, counted from 1."""
        usual = EVERY if self.effect in _HABITS or self.effect in _STANDING else 1
        count = usual if self.count is None else self.count
        return self.nth <= occurrence < self.nth + count


class FaultTable:
    """The rules in force, with how often each was met."""

    def __init__(self) -> None:
        """Begin without faults."""
        self._rules: list[Fault] = []
        self._met: list[int] = []

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force and return it; its occurrences count from now on."""
        self._rules.append(fault)
        self._met.append(0)
        return fault

    def clear(self) -> None:
        """Remove every rule."""
        self._rules.clear()
        self._met.clear()

    def fire(self, method: str, path: str, number: int) -> tuple[Fault, ...]:
        """Count this request with every rule that fits it and return those that act on it, in order of adding."""
        fired = []
        for index, rule in enumerate(self._rules):
            if rule.fits(method, path, number):
                self._met[index] += 1
                if rule.takes(self._met[index]):
                    fired.append(rule)
        return tuple(fired)


def before(fired: tuple[Fault, ...], path: str) -> Response | None:
    """Act on a request that nothing has happened to yet; a response here ends it.

    Raises: ConnectionResetError when the request is lost.
    """
    if any(fault.effect is Effect.FORBIDDEN for fault in fired):
        return _forbidden(path).response()
    return _act(fired, drop=Effect.DROP_BEFORE, die=Effect.DIE_BEFORE, status=Effect.STATUS_BEFORE)


def after(fired: tuple[Fault, ...]) -> Response | None:
    """Act on a request that was committed; a response here replaces the true one.

    Raises: ConnectionResetError when the response is lost.
    """
    return _act(fired, drop=Effect.DROP_AFTER, die=Effect.DIE_AFTER, status=Effect.STATUS_AFTER)


def _act(fired: tuple[Fault, ...], *, drop: Effect, die: Effect, status: Effect) -> Response | None:
    for fault in fired:
        if fault.effect is die:
            fault.die()
        if fault.effect is drop:
            text = "the emulator dropped the connection"
            raise ConnectionResetError(text)
        if fault.effect is status:
            return ServiceError(fault.status, fault.code, fault.message, fault.headers).response()
    return None


def _forbidden(path: str) -> ServiceError:
    if not path.lower().startswith("/subscriptions/"):
        text = f"The principal lacks the required data action to perform the operation on '{path}'."
        return ServiceError(403, "PermissionDenied", text)
    text = (
        f"The client does not have authorization to perform this action over scope '{path}' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials."
    )
    return ServiceError(403, "AuthorizationFailed", text)

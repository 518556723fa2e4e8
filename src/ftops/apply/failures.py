"""What a call that failed means for the pass that made it: whether it was done all the same, and is tried again."""

from __future__ import annotations

from http import HTTPStatus

from ftops.errors import ConnectionLost, ServiceProblem, Unreachable, WireError
from ftops.kinds import Kind
from ftops.kinds.base import Shape
from ftops.wire.problems import words_in

BUSY_CODE = "RequestConflict"
"""ARM's code for a second write in flight: refused before anything was done (azure-api.md §10.5)."""
ENDED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
"""Answers after which a cancel or delete looks whether there is anything left to do (azure-api.md §3.3)."""
PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals of the moment, beside the service's own faults."""


def may_have_been_done(error: WireError, kind: Kind) -> bool:
    """Tell whether a failure leaves open what was done: a lost answer, a server's fault, a conflict with itself."""
    if not isinstance(error, ServiceProblem):
        return isinstance(error, ConnectionLost) and not isinstance(error, Unreachable)
    if error.status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT}:
        return kind.traits.shape is Shape.ARTIFACT
    return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def is_busy(error: Exception) -> bool:
    """Tell whether a write was refused because the account is writing something else."""
    return isinstance(error, ServiceProblem) and error.code == BUSY_CODE


def passes(error: Exception | None) -> bool:
    """Tell whether a failure may pass by itself: a connection, a throttle, a fault of the service.

    What is known of the service's words decides before its status does.
    """
    if not isinstance(error, ServiceProblem):
        return isinstance(error, ConnectionLost)
    if error.trouble is not None:
        return error.trouble.passes
    return error.status in PASSING or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def refusal_of(error: Exception | None) -> tuple[int, str, str] | None:
    """Return what a refusal says, without its request's id; None for what is no refusal of what was sent.

    By it is known whether a refusal that may pass by itself comes again and again.
    """
    if not isinstance(error, ServiceProblem) or is_busy(error):
        return None
    of_what_was_sent = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return (error.status, error.code, error.message) if of_what_was_sent and error.status not in PASSING else None


def with_what_next(problem: str, error: Exception | None, *, again: bool) -> str:
    """Return a refusal with what happens next behind it; as it is where the refusal is our own."""
    if again:
        told = "the next pass tries again"
    elif isinstance(error, ServiceProblem):
        told = "it needs a change first"
    else:
        return problem
    return f"{problem} {told[0].upper()}{told[1:]}" if problem.endswith(".") else f"{problem}; {told}"


def problem_text(problem: WireError) -> str:
    """Return what went wrong, of a refusal the service's own words alone."""
    return f"the service answered {problem.words}" if isinstance(problem, ServiceProblem) else words_in(problem)


def told_of(error: Exception) -> str:
    """Return a refusal with what is known of it in one line, for where there is no other."""
    trouble = error.trouble if isinstance(error, ServiceProblem) else None
    return f"the service answered {words_in(error)}" + (f" {trouble}" if trouble else "")

"""The emulator's own controls beside the service: its clock, the trouble it makes, and forgetting everything."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from ftops.emulator.context import Limits, Quirks
from ftops.emulator.in_force import InForce
from ftops.emulator.login_doors import CONTROL_PREFIX
from ftops.emulator.messages import JsonObject, Request, Response, invalid, reply
from ftops.emulator.store import Store
from ftops.emulator.trouble import read_trouble

ADVANCE_S_MAX = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Controls:
    """What the controls work on; `bases` returns the limits and quirks of this process, `reset` forgets everything."""

    store: Store
    in_force: InForce
    bases: Callable[[], tuple[Limits, Quirks]]
    reset: Callable[[], None]


def is_control(path: str) -> bool:
    """Tell whether a path is one of the controls', on which no fault acts."""
    return path.startswith(CONTROL_PREFIX)


def answer(controls: Controls, request: Request) -> Response | None:
    """Return the answer to a request for a control; None when it is for something else.

    Raises: ServiceError (400) when it cannot be done as it was asked for.
    """
    handler = _ROUTES.get((request.method, request.path))
    return None if handler is None else handler(controls, request)


def described(in_force: InForce, limits: Limits, quirks: Quirks) -> JsonObject:
    """Return what is in force: the description as it was given, what each rule has met, all limits and quirks."""
    return {
        "description": in_force.trouble.given,
        "met": [{"met": met.met, "acted": met.acted} for met in in_force.met()],
        "limits": asdict(in_force.limits(limits)),
        "quirks": asdict(in_force.quirks(quirks)),
    }


def _advance(controls: Controls, request: Request) -> Response:
    try:
        seconds = json.loads(request.body).get("seconds")
    except (ValueError, AttributeError):
        seconds = None
    sound = isinstance(seconds, int | float) and not isinstance(seconds, bool) and math.isfinite(seconds)
    if not sound or not 0 <= seconds <= ADVANCE_S_MAX:
        raise invalid(f'The body must be {{"seconds": n}} with n from 0 to {ADVANCE_S_MAX}, which is 366 days.')
    moment = controls.store.now() + timedelta(seconds=seconds)
    controls.store.set_now(moment)
    return reply({"now": moment.isoformat()})


def _show(controls: Controls, _request: Request) -> Response:
    return reply(described(controls.in_force, *controls.bases()))


def _replace(controls: Controls, request: Request) -> Response:
    trouble, problems = read_trouble(request.json())
    if problems:
        details = [
            {"code": problem.code, "target": ".".join(map(str, problem.place)), "message": problem.text}
            for problem in problems
        ]
        text = "Nothing was changed. " + " ".join(str(problem) for problem in problems)
        return reply({"error": {"code": "invalidPayload", "message": text, "details": details}}, 400)
    controls.in_force.put(trouble)
    return _show(controls, request)


def _clear(controls: Controls, request: Request) -> Response:
    controls.in_force.clear()
    return _show(controls, request)


def _reset(controls: Controls, _request: Request) -> Response:
    controls.reset()
    return reply({"now": controls.store.now().isoformat()})


_ROUTES: Mapping[tuple[str, str], Callable[[Controls, Request], Response]] = {
    ("POST", f"{CONTROL_PREFIX}advance"): _advance,
    ("GET", f"{CONTROL_PREFIX}faults"): _show,
    ("PUT", f"{CONTROL_PREFIX}faults"): _replace,
    ("DELETE", f"{CONTROL_PREFIX}faults"): _clear,
    ("POST", f"{CONTROL_PREFIX}reset"): _reset,
}

"""Why an action is planned, as words that programs may rely on; `ftops explain` tells of each."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """Why an action is planned; the words for it are in `Action.reason`."""

    SETTLED = "settled"
    NEW = "new"
    CHANGED = "changed"
    INHERITED = "inherited"
    DRIFTED = "drifted"
    RETRIED = "retried"
    IN_PROGRESS = "in-progress"
    IN_DOUBT = "in-doubt"
    CONSUMED = "consumed"
    UNUSED = "unused"
    NOT_NEEDED_YET = "not-needed-yet"
    SUPERSEDED = "superseded"
    ORPHAN = "orphan"
    PREVIOUS = "previous"
    FOREIGN = "foreign"
    TWIN = "twin"
    WRONG_ECHO = "wrong-echo"
    ATTEMPT_FAILED = "attempt-failed"
    PARENT_CHANGED = "parent-changed"
    SAME_ROWS = "same-rows"
    EARLIER_TRAINS = "earlier-trains"
    PIN_MISSING = "pin-missing"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    REPLACE = "replace"
    IDLE = "idle"
    GONE = "gone"
    RETIRED = "retired"
    TRAFFIC = "traffic"
    MAX_DELETES = "max-deletes"
    NO_ROOM = "no-room"
    BUDGET = "budget"
    UNKNOWN_COST = "unknown-cost"
    NOT_APPROVED = "not-approved"

"""Who has probably paused a job, and what to do about it: the service says only that it is paused.

A person, the spending cap of reinforcement and the preemption of the developer tier look alike (azure-api.md §6.7). Of
these, only preemption ends by itself; anything else is for a person to end, because resuming bills.
"""

from __future__ import annotations

from ftops.rules import load_rules
from ftops.upkeep import usd

PAUSED = "paused"
PREEMPTIBLE = "developerTier"
CAPPED = "reinforcement"


def stalled(job_id: str, state: str, training_type: str, method: str) -> str:
    """Return why a job does not go on by itself and what makes it go on; nothing for one that does."""
    if state != PAUSED or training_type == PREEMPTIBLE:
        return ""
    ways = f"resume it in the portal or with POST /fine_tuning/jobs/{job_id}/resume, or cancel it"
    if method != CAPPED:
        return f"somebody paused it, so it is left alone; {ways}"
    return f"{_cap()}; {ways}"


def preempted(state: str, training_type: str, method: str) -> str:
    """Return what is to be expected of a paused job of the developer tier; nothing for any other."""
    if state != PAUSED or training_type != PREEMPTIBLE:
        return ""
    told = "the service pauses the developer tier when it needs the room and resumes it by itself"
    return f"{told}; or {_cap()}" if method == CAPPED else told


def _cap() -> str:
    cap = usd(load_rules().limits.jobs.reinforcement_usd_max)
    return (
        f"either it has cost {cap}, where the service pauses reinforcement, or somebody paused it; what it has cost is "
        "not told before its end. Once resumed it has no cap any more, so ftops does not resume it"
    )

"""Reading the service's bodies: the tolerant base model, moments, and ages in words."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """The base of models of the service's bodies: what ftops does not know is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


def moment(unix_s: int) -> datetime | None:
    """Return a moment given in whole seconds since 1970 as an aware UTC datetime; None for what is no moment."""
    try:
        return datetime.fromtimestamp(unix_s, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, in its two largest units: `1 h 12 m`."""
    minutes = max(0, int((now - since).total_seconds() // 60)) if since else 0
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} m" if hours else f"{minutes} m"

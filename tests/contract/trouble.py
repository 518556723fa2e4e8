"""What the emulator is told beside the service's own interface: trouble for a while, and what time it is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from service import Service


@contextmanager
def trouble(service: Service, *faults: Mapping[str, object], **limits: object) -> Iterator[None]:
    """Put rules and limits in force for a while; they are the whole server's, so a rule names its account."""
    service.control("PUT", "faults", {"faults": list(faults), "limits": limits})
    try:
        yield
    finally:
        service.control("DELETE", "faults")


def now(service: Service) -> datetime:
    """Return the service's time."""
    told = service.control("POST", "advance", {"seconds": 0})
    assert isinstance(told, dict)
    return datetime.fromisoformat(told["now"])

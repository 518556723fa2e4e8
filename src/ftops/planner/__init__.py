"""Deciding: `plan(desired, live, policy) -> Plan`, a pure function; it reads no file, clock, network or environment."""

from ftops.planner.plan import plan

__all__ = ["plan"]

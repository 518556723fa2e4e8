"""An emulated Azure OpenAI service with fine-tuning, for tests and first steps; it shares no code with the client."""

from ftops.emulator.context import (
    Cancelled,
    HealthyError,
    Limits,
    Metadata,
    MethodEcho,
    Queued,
    Quirks,
    SuffixMember,
    TrainingTypeEcho,
    UnknownAfter,
)
from ftops.emulator.core import Emulator
from ftops.emulator.faults import EVERY, Effect, Fault, FaultTable, Stage
from ftops.emulator.messages import Part, Request, Response

__all__ = [
    "EVERY",
    "Cancelled",
    "Effect",
    "Emulator",
    "Fault",
    "FaultTable",
    "HealthyError",
    "Limits",
    "Metadata",
    "MethodEcho",
    "Part",
    "Queued",
    "Quirks",
    "Request",
    "Response",
    "Stage",
    "SuffixMember",
    "TrainingTypeEcho",
    "UnknownAfter",
]

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
from ftops.emulator.faults import EVERY, Effect, Fault, FaultTable, Met, Spelling, Stage
from ftops.emulator.login_roles import Roles
from ftops.emulator.messages import Part, Request, Response
from ftops.emulator.trouble import Problem, Trouble, names_of, read_trouble

__all__ = [
    "EVERY",
    "Cancelled",
    "Effect",
    "Emulator",
    "Fault",
    "FaultTable",
    "HealthyError",
    "Limits",
    "Met",
    "Metadata",
    "MethodEcho",
    "Part",
    "Problem",
    "Queued",
    "Quirks",
    "Request",
    "Response",
    "Roles",
    "Spelling",
    "Stage",
    "SuffixMember",
    "TrainingTypeEcho",
    "Trouble",
    "UnknownAfter",
    "names_of",
    "read_trouble",
]

"""An emulated Azure OpenAI service with fine-tuning, for tests and first steps; it shares no code with the client."""

from ftops.emulator.context import Limits, Quirks
from ftops.emulator.core import Emulator
from ftops.emulator.faults import EVERY, Effect, Fault, FaultTable, Met, Spelling, Stage
from ftops.emulator.messages import Part, Request, Response
from ftops.emulator.trouble import Problem, Trouble, names_of, read_trouble

__all__ = [
    "EVERY",
    "Effect",
    "Emulator",
    "Fault",
    "FaultTable",
    "Limits",
    "Met",
    "Part",
    "Problem",
    "Quirks",
    "Request",
    "Response",
    "Spelling",
    "Stage",
    "Trouble",
    "names_of",
    "read_trouble",
]

"""An emulated Azure OpenAI service with fine-tuning, for tests and first steps; it shares no code with the client."""

from ftops.emulator.context import Limits
from ftops.emulator.core import Emulator
from ftops.emulator.faults import EVERY, Effect, Fault, FaultTable, Stage
from ftops.emulator.messages import Part, Request, Response

__all__ = ["EVERY", "Effect", "Emulator", "Fault", "FaultTable", "Limits", "Part", "Request", "Response", "Stage"]

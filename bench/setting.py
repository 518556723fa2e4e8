"""What all measurements share: where things are, and how the command is called."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Process
from bench.peers import Peers


@dataclass(frozen=True, slots=True)
class Setting:
    """A scratch folder, the peers, and the number of rounds."""

    scratch: Path
    peers: Peers
    rounds: int

    def ftops(
        self,
        folder: Path,
        *arguments: str,
        says: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Return a run of the installed command as it comes, without the exact counting of tokens."""
        command = str(Path(sys.executable).with_name("ftops"))
        return Process([command, *arguments], folder, says, {"FTOPS_TOKENS": "estimate", **(environment or {})})

    @property
    def floor(self) -> Process:
        """Return the start of an interpreter that does nothing."""
        return Process([sys.executable, "-c", "pass"], self.scratch)

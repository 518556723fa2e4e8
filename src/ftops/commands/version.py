"""`ftops version`."""

from __future__ import annotations

from ftops import __version__
from ftops.commands.output import Output, command


@command()
def version(output: Output) -> int:
    """Print the version."""
    output.result(f"ftops {__version__}\n")
    return 0

"""Fails unless every row of the table was exercised by the client it names: `python coverage.py FOLDER-OF-LOGS`."""

from __future__ import annotations

import sys
from pathlib import Path

from operations import Exercise, Operation
from operations_arm import ARM_OPERATIONS
from operations_data import DATA_OPERATIONS
from service import Exchange, exchanges_in

OPERATIONS = (*DATA_OPERATIONS, *ARM_OPERATIONS)


def missing(exchanges: list[Exchange]) -> list[str]:
    """Return the rows of the table that no exchange shows."""
    return [
        f"{operation.method} {operation.path} on {exercise.surface}: no {exercise.status} for {exercise.call}"
        for operation in OPERATIONS
        for exercise in operation.exercises
        if not any(_shows(exchange, operation, exercise) for exchange in exchanges)
    ]


def _shows(exchange: Exchange, operation: Operation, exercise: Exercise) -> bool:
    return (
        exchange.method == operation.method
        and exchange.status == exercise.status
        and exchange.agent.startswith(exercise.agent)
        and operation.pattern(exercise.surface).fullmatch(exchange.path) is not None
    )


def main(folder: Path) -> int:
    """Print what is missing and return the exit code."""
    exchanges = [each for log in sorted(folder.glob("*.txt")) for each in exchanges_in(log)]
    found = missing(exchanges)
    rows = sum(len(operation.exercises) for operation in OPERATIONS)
    print(*found, f"{rows - len(found)} of {rows} operations × surfaces exercised", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

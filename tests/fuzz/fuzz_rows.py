"""Fuzzes the dataset checks with Atheris: any bytes, and mutations of the rows that the tests have.

Run it by `make fuzz`, which installs Atheris beside ftops and stops after a bounded number of runs, or by hand:

    python tests/fuzz/fuzz_rows.py -runs=200000 [a folder to keep new inputs in]

Any option of libFuzzer is taken (`-max_total_time=300`, `-seed=1`, a file that failed before). What has to be true of
every input stands in `tests/pure/data_oracle.py`; what is found here becomes a case of `tests/pure/test_data_fuzz.py`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

with atheris.instrument_imports(include=["ftops"]):
    from ftops.data import FORMATS, Reading
    from pure.data_oracle import examine

CASES = TESTS / "cases" / "data"
READINGS = [
    Reading(name, fields=(("answer",), ("a", "b")), strict=strict, identities=True)
    for name in FORMATS
    for strict in (False, True)
]
DICTIONARY = TESTS / "fuzz" / "rows.dict"
SEED_BYTES_MAX = 3_000
FOLDER = Path(tempfile.mkdtemp(prefix="ftops-fuzz-"))


def one_input(data: bytes) -> None:
    """Examine one input; its first byte chooses how it is read."""
    if data:
        examine(data[1:], FOLDER / "rows.jsonl", READINGS[data[0] % len(READINGS)])


def seeds() -> Path:
    """Return a folder of the case files as inputs of their formats."""
    folder = FOLDER / "seeds"
    folder.mkdir()
    for path in CASES.glob("*.jsonl"):
        content = path.read_bytes()
        if len(content) <= SEED_BYTES_MAX:
            row_format = next((name for name in ("dpo", "rft") if name in path.stem), "chat")
            (folder / path.stem).write_bytes(bytes([FORMATS.index(row_format) * 2]) + content)
    return folder


def main() -> None:
    """Fuzz until libFuzzer's options say stop."""
    again = any(Path(given).is_file() for given in sys.argv[1:])
    atheris.Setup([*sys.argv, *([] if again else [str(seeds())]), f"-dict={DICTIONARY}", "-timeout=30"], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

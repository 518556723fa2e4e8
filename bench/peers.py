"""The peers, installed with fixed versions into an environment of their own, `.venv-bench`."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.measure import BenchError

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "constraints.txt"
PACKAGES = ("octodns", "pysimdjson", "together")


@dataclass
class Peers:
    """The environment of the peers."""

    folder: Path

    @property
    def python(self) -> str:
        """Return its interpreter."""
        return str(self.folder / "bin" / "python")

    def install(self) -> None:
        """Make the environment and install each peer by itself: one that cannot be had must not take others along."""
        stamp = self.folder / "installed.txt"
        wanted = CONSTRAINTS.read_text(encoding="utf-8")
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        venv.create(self.folder, with_pip=True, clear=True)
        for package in PACKAGES:
            command = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += ["-c", str(CONSTRAINTS), package]
            if subprocess.run(command, check=False, capture_output=True).returncode:  # noqa: S603 - pip, fixed versions
                sys.stderr.write(f"{package} could not be installed; its rows say so\n")
        stamp.write_text(wanted, encoding="utf-8")

    @cached_property
    def versions(self) -> dict[str, str]:
        """Return the versions of the peers that are there."""
        code = "from importlib.metadata import distributions as d; [print(x.name.lower(), x.version) for x in d()]"
        told = subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
        pairs = dict(line.split(" ", 1) for line in told.stdout.splitlines())
        return {name: pairs[name] for name in PACKAGES if name in pairs}

    def need(self, package: str) -> None:
        """Raise BenchError unless a peer is there."""
        if package not in self.versions:
            raise BenchError(f"{package} could not be installed here")

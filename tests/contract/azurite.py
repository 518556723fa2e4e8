"""Azurite's blob service in memory, with the emulator's own certificate where it speaks https."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from service import Service

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-contract"
ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(hashlib.sha512(b"a key of these tests").digest()).decode()


def command() -> list[str]:
    """Return how Azurite is started; skips with the reason where it could not be installed."""
    script = ENVIRONMENT / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    if not script.exists():
        pytest.skip("no azurite-blob: `make contract` installs it where the npm registry is reached")
    return [str(ENVIRONMENT / "bin" / "node"), str(script)]


@contextmanager
def blob_service(service: Service, folder: Path, scheme: str) -> Iterator[str]:
    """Give the address of a running blob service's only account."""
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    options += ["--blobHost", "127.0.0.1", "--blobPort", "0"]
    if scheme == "https":
        own = Path(service.ca).parent
        options += ["--cert", str(own / "server.pem"), "--key", str(own / "server-key.pem")]
    environ = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with (
        (folder / "errors.txt").open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603 — as named
            [*command(), *options], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            found = (re.search(r"listens on (https?://\S+)", line) for line in iter(process.stdout.readline, ""))
            listening = next((match for match in found if match), None)
            assert listening is not None, (folder / "errors.txt").read_text(encoding="utf-8")
            yield f"{listening[1]}/{ACCOUNT}"
        finally:
            process.kill()

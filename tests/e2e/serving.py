"""A running `ftops emulator serve`, as end-to-end tests use it."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FTOPS = str(Path(sys.executable).with_name("ftops"))
FILES = "/openai/v1/files"
HEAD = (
    b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: text/plain\r\n\r\n'
)
TAIL = b"\r\n--B--\r\n"


@dataclass
class Server:
    """A running `ftops emulator serve`, and what it printed."""

    process: subprocess.Popen[str]
    printed: str

    def found(self, pattern: str) -> str:
        """Return what the ready text says."""
        match = re.search(pattern, self.printed)
        assert match is not None, self.printed
        return match[1]

    def call(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, dict[str, object]]:
        """Send a request to the http port with the printed key."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.found(r"http://127\.0\.0\.1:(\d+)")), timeout=60)
        headers = {"api-key": self.found(r"api-key (\S+)")} | ({"Content-Type": kind} if kind else {})
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        value: dict[str, object] = json.loads(response.read())
        connection.close()
        return response.status, value

    def upload(self, content: bytes) -> int:
        """Upload a file and return the status."""
        return self.call("POST", FILES, HEAD + content + TAIL, "multipart/form-data; boundary=B")[0]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def kept_port() -> str:
    """Return a free port that the system gives to nobody who asks for any: it stays free when its server dies."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            return str(port)


@contextmanager
def served(root: Path, *arguments: str, runner: tuple[str, ...] = (FTOPS,)) -> Iterator[Server]:
    """Give a server on free ports that is ready, and end it."""
    command = [*runner, "emulator", "serve", "--http", "0", "--https", "0", *arguments]
    with (
        (root / "stderr.txt").open("w") as errors,
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=errors, text=True) as process,  # noqa: S603
    ):
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            printed = ""
            for line in lines:
                printed += line
                if line.startswith("Stop with"):
                    break
            assert printed.endswith("Stop with Ctrl-C.\n"), (root / "stderr.txt").read_text()
            yield Server(process, printed)
        finally:
            if process.poll() is None:
                process.kill()

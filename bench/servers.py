"""Two loopback servers: `python servers.py slow` answers every read after 80 ms, `... sink` swallows what is sent.

Each prints its port, and ends when its standard input is closed.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LATENCY_S = 0.08
BLOCK_BYTES = 1 << 20
ANSWER = b'{"data": [], "has_more": false}'
CREATED = b'{"id": "file-1", "object": "file"}'


class _Quiet(BaseHTTPRequestHandler):
    """Keeps connections open, answers in one packet and logs nothing."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        """Log nothing."""

    def answer(self, status: int, body: bytes) -> None:
        """Send a JSON body."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Slow(_Quiet):
    """A service that is 80 ms away."""

    def do_GET(self) -> None:
        """Answer an empty listing, late."""
        time.sleep(LATENCY_S)
        self.answer(200, ANSWER)


class Sink(_Quiet):
    """A service that takes files of any size and keeps nothing."""

    def do_POST(self) -> None:
        """Swallow the body."""
        rest = int(self.headers["Content-Length"])
        while rest > 0:
            rest -= len(self.rfile.read(min(rest, BLOCK_BYTES)))
        self.answer(201, CREATED)


HANDLERS: Mapping[str, type[BaseHTTPRequestHandler]] = {"slow": Slow, "sink": Sink}


class _Server(ThreadingHTTPServer):
    """A server whose queue is long enough for all threads of a client at once."""

    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    """Serve until the one who started this goes away."""
    server = _Server(("127.0.0.1", 0), HANDLERS[sys.argv[1]])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()

"""What the network rows run in a process of its own: `python client.py parallel|sequential|upload PORT ...`.

`parallel` and `sequential` print the seconds of their reads, `upload FILE DIGEST` the client's peak memory in bytes.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import httpx

from ftops.call import Call, Plane, Upload
from ftops.wire.client import Client, in_parallel
from ftops.wire.dialects import Endpoints

READS = 300
READS_ONE_BY_ONE = 30
"""Enough for the loop: it takes the same time for each."""
READ = Call(Plane.DATA, "GET", "/files")


def _client(port: str) -> Client:
    root = f"http://127.0.0.1:{port}"
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    return Client(httpx.Client(limits=limits, timeout=60), Endpoints(root, root, "/account"), time.sleep)


def parallel(port: str, *_: str) -> float:
    """Return the seconds that all reads take, a few at a time."""
    client = _client(port)
    begin = time.perf_counter()
    in_parallel([partial(client.call, READ) for _ in range(READS)])
    return time.perf_counter() - begin


def sequential(port: str, *_: str) -> float:
    """Return the seconds that all reads would take one after the other."""
    client = _client(port)
    begin = time.perf_counter()
    for _each in range(READS_ONE_BY_ONE):
        client.call(READ)
    return (time.perf_counter() - begin) * READS / READS_ONE_BY_ONE


def upload(port: str, file: str, digest: str) -> float:
    """Upload a file and return the most memory that this process had, in bytes."""
    path = Path(file)
    body = Upload(path, path.name, "fine-tune", digest)
    _client(port).call(Call(Plane.DATA, "POST", "/files", body=body))
    return _peak_bytes()


def _peak_bytes() -> int:
    """Return the most memory that this program had.

    Linux counts in `ru_maxrss` also what the process was before it became this program, so its own record is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


WAYS: Mapping[str, Callable[..., float]] = {"parallel": parallel, "sequential": sequential, "upload": upload}

if __name__ == "__main__":
    sys.stdout.write(f"{WAYS[sys.argv[1]](*sys.argv[2:])}\n")

"""Runs the command in forks of one interpreter that has imported it: what a run costs beyond that is what is tested.

Of half a second that a small command takes, four fifths are imports, and the tests run many hundreds of them. A fork
begins where the installed command begins (`ftops.__main__.main`), in a process of its own, with its own arguments,
folder, environment and files, and ends by its own exit. The start itself is tested with the installed command, in
tests/startup and wherever a test starts one by hand; FTOPS_TESTS_INSTALLED=1 uses it everywhere.

The tests import this file; the interpreter that forks runs it. It is asked by lines of JSON and answers exit codes.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

INSTALLED = str(Path(sys.executable).with_name("ftops"))
EVERYWHERE = "FTOPS_TESTS_INSTALLED"
OUTSIDE = ("azure.identity", "cryptography.x509", "httpx", "pydantic", "werkzeug.serving", "yaml")
"""What the command imports when it needs it."""


def run_ftops(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder with an environment and return what became of it."""
    if os.environ.get(EVERYWHERE):
        return subprocess.run(  # noqa: S603 — our own command
            [INSTALLED, *arguments],
            cwd=folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    with tempfile.TemporaryDirectory() as place:
        files = [Path(place, name) for name in ("in", "out", "err")]
        files[0].write_text(stdin, encoding="utf-8")
        asked = [list(arguments), str(folder), dict(environment), [str(file) for file in files]]
        forker = _forker()
        assert forker.stdin is not None
        assert forker.stdout is not None
        forker.stdin.write(json.dumps(asked) + "\n")
        forker.stdin.flush()
        code = int(forker.stdout.readline())
        out, err = (file.read_bytes().decode("utf-8") for file in files[1:])
    return subprocess.CompletedProcess(list(arguments), code, out, err)


@cache
def _forker() -> subprocess.Popen[str]:
    """Return this process's own interpreter that forks; it ends when nobody can ask it any more."""
    command = [sys.executable, __file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603


def _import_all() -> None:
    """Import what any command may."""
    import ftops  # noqa: PLC0415

    for found in pkgutil.walk_packages(ftops.__path__, "ftops."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in OUTSIDE:
        importlib.import_module(name)


def _forks() -> bool:
    """Fork for each line that is asked, and answer how the fork ended; return in a fork, and False at the end."""
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for line in asked:
        pid = os.fork()
        if pid == 0:
            os.close(asked.fileno())
            os.close(answers.fileno())
            _become(*json.loads(line))
            return True
        _, status = os.waitpid(pid, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()
    return False


def _become(arguments: list[str], folder: str, environment: dict[str, str], files: list[str]) -> None:
    """Turn a fork into a run of the command."""
    for number, (name, flags) in enumerate(zip(files, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2), strict=True)):
        os.dup2(os.open(name, flags, 0o600), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["ftops", *arguments]


if __name__ == "__main__":
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # As main does, before pydantic is imported.
    del sys.path[0]
    _import_all()
    gc.collect()
    gc.freeze()
    if _forks():
        from ftops.__main__ import main

        main()

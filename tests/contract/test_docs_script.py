"""The command and the scripts of docs/emulator.md, run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from service import Service, served

PAGE = Path(__file__).resolve().parents[2] / "docs" / "emulator.md"
LINES_MAX = (10, 12)
"""Of the script that trains, and of the one that deploys; what is not blank and no import counts as a line."""
OTHER_WAYS = ("AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
"""Printed too, for who signs in otherwise."""


def blocks() -> tuple[str, tuple[str, ...]]:
    """Return the section's one shell block, and its python blocks."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("## Your own code against it\n")
    found = re.findall(r"```(\w+)\n(.*?)```", rest.partition("\n## ")[0], re.DOTALL)
    assert [language for language, _ in found] == ["shell", "python", "python"]
    return found[0][1], tuple(block for _, block in found[1:])


def ran(script: str, running: Service, folder: Path) -> str:
    """Return what a script prints in a terminal with the printed exports, with the key and the ports filled in."""
    (account,) = running.accounts()
    real = {"http://127.0.0.1:8080": running.http, "https://127.0.0.1:8443": running.https, "KEY": account.key}
    for shown, value in real.items():
        script = script.replace(shown, value)
    printed = {name: value for name, value in running.exports.items() if name not in OTHER_WAYS}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", script],
        cwd=folder,
        env={**os.environ, **printed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.fact("azure-api.md §9 [W]")
def test_the_scripts_of_the_page_train_deploy_and_call_a_model(tmp_path: Path) -> None:
    """One command and somebody's own code: a model whose name is as the service makes it, which then answers."""
    shell, scripts = blocks()
    command = shlex.split(shell)
    assert command[:3] == ["ftops", "emulator", "serve"]
    for script, most in zip(scripts, LINES_MAX, strict=True):
        assert "KEY" in script
        assert len([line for line in script.splitlines() if line and not line.startswith("from ")]) <= most
    with served(tmp_path, command[3:]) as running:
        model, talk = (ran(script, running, tmp_path) for script in scripts)
    assert re.fullmatch(r"gpt-4\.1-mini-2025-04-14\.ft-[0-9a-f]{32}-demo\n", model)
    assert re.fullmatch(rf"Succeeded\nSimulated answer [0-9a-f]{{8}} of {re.escape(model.strip())}: .+", talk)

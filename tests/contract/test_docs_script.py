"""The command and the script of docs/emulator.md, run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from service import served

PAGE = Path(__file__).resolve().parents[2] / "docs" / "emulator.md"
SCRIPT_LINES_MAX = 10


def blocks() -> dict[str, str]:
    """Return the section's one shell block and its one python block, by their language."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("## Your own code against it\n")
    found = re.findall(r"```(\w+)\n(.*?)```", rest.partition("\n## ")[0], re.DOTALL)
    assert [language for language, _ in found] == ["shell", "python"]
    return dict(found)


@pytest.mark.fact("azure-api.md §9 [W]")
def test_the_script_of_the_page_trains_a_model(tmp_path: Path) -> None:
    """Ten lines of somebody's own code, one command, and a model whose name is as the service makes it.

    What is not blank and no import counts as a line.
    """
    command = shlex.split(blocks()["shell"])
    assert command[:3] == ["ftops", "emulator", "serve"]
    script = blocks()["python"]
    lines = [line for line in script.splitlines() if line and not line.startswith("from ")]
    assert len(lines) <= SCRIPT_LINES_MAX
    with served(tmp_path, command[3:]) as running:
        (account,) = running.accounts()
        for shown, real in {"http://127.0.0.1:8080": running.http, "KEY": account.key}.items():
            assert shown in script
            script = script.replace(shown, real)
        ran = subprocess.run(  # noqa: S603
            [sys.executable, "-W", "error", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(r"gpt-4\.1-mini-2025-04-14\.ft-[0-9a-f]{32}-demo\n", ran.stdout)

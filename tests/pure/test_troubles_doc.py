"""docs/troubles.md is written from the table of misleading words, and says the same."""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner

from ftops.cli import ROOT
from ftops.commands.output import Told
from ftops.render.troubles import trouble_text, troubles_markdown
from ftops.rules.troubles import load_troubles

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "troubles.md"
UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
BEGIN = "<!-- from here on written by `make golden` -->\n"


def test_the_page_is_in_step_with_the_table() -> None:
    """Every row stands in the page under its place; `make golden` writes it anew."""
    text = DOCUMENT.read_text(encoding="utf-8")
    intro, begin, written = text.partition(BEGIN)
    assert begin
    wanted = "".join(f"{line}\n" for line in troubles_markdown(load_troubles()))
    if UPDATE:
        DOCUMENT.write_text(f"{intro}{begin}{wanted}", encoding="utf-8")
        written = wanted
    assert written == wanted


def test_every_row_is_in_the_page() -> None:
    """No place is left out, and each row has what it is known by."""
    lines = list(troubles_markdown(load_troubles()))
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) == len(load_troubles().rows)
    assert all(
        any(line.startswith(f"| `{row.word}` |") and row.cause in line for line in rows) for row in load_troubles().rows
    )


def test_a_row_is_a_page_of_explain() -> None:
    """By the service's code in any case, or by our word, a row is told with its source."""
    runner = CliRunner()
    by_code, by_word = (
        runner.invoke(ROOT, ["explain", name], obj=Told()) for name in ("RequestConflict", "write-in-flight")
    )
    assert by_code.output == by_word.output
    assert by_code.output.startswith("write-in-flight  (the service, any call of Azure Resource Manager)\n")
    words = " ".join(by_code.output.split())
    assert "It says: 409 `RequestConflict`: Another operation is being performed" in words
    assert "It may pass by itself: The same is tried again." in words
    assert "What to do: Nothing has to be edited" in words
    assert "(24) [W], as of 2026-11-22." in words
    assert runner.invoke(ROOT, ["explain", "InsufficientQuota"], obj=Told()).output.count("What to do:") == 2


def test_a_row_that_does_not_pass_says_nothing_of_passing() -> None:
    """Only what may pass is said to."""
    row = next(each for each in load_troubles().rows if each.word == "data-harmful")
    assert "by itself" not in trouble_text(row, load_troubles(), colour=False)

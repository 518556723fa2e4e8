"""How long the light commands take, as multiples of a bare interpreter."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import BenchError, in_turns
from bench.projects import settle, write
from bench.rows import Row, at_most
from bench.setting import Setting

BARE = "x bare Python"


def rows(setting: Setting) -> Iterator[Row]:
    """Yield version, help and validate."""
    project = setting.scratch / "one"
    write(project, 1)
    settle(project)
    taken = in_turns(
        {
            "floor": setting.floor,
            "version": setting.ftops(project, "version", says="ftops "),
            "help": setting.ftops(project, "--help", says="Usage: "),
            "cold": setting.ftops(project, "validate", says="Valid: ", environment={"FTOPS_NO_CACHE": "1"}),
            "unchanged": setting.ftops(project, "validate", says="Valid: "),
        },
        setting.rounds,
    )
    if not list((project / ".ftops" / "cache").glob("*.json")):
        raise BenchError("the verdict was not kept, so the unchanged validate was none")
    floor = taken["floor"]
    yield at_most("`ftops version`", taken["version"] / floor, 5, BARE)
    yield at_most("`ftops --help`", taken["help"] / floor, 6, BARE)
    yield at_most("`ftops validate`, one small project, cold", taken["cold"] / floor, 20, BARE)
    yield at_most("`ftops validate`, the same, unchanged", taken["unchanged"] / floor, 6, BARE)

"""Plans in which nothing changes: time over start-up, against octoDNS, and calls to the service."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.measure import BenchError, Process, in_turns
from bench.projects import JOBS_AN_ACCOUNT, of_about, settle, write
from bench.rows import Row, Verdict, at_least, at_most
from bench.setting import Setting

BARE_MS = 11.7
"""What bare Python took where the targets of 0.25 s and 2 s were set: they are multiples of that."""
TARGETS_S = {1_000: 0.25, 10_000: 2.0}
PAGE = 100
OTHER_CALLS = 8
"""In an account: its files, models and deployments on a page each, itself, and four metrics of all deployments."""
OCTODNS = """
providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: ./source, escaped_semicolons: false}
  target: {class: octodns.provider.yaml.YamlProvider, directory: ./target, escaped_semicolons: false}
zones:
  bench.example.: {sources: [config], targets: [target]}
"""


def rows(setting: Setting, resources: int) -> Iterator[Row]:
    """Yield a plan of so many resources over the plan of one job, and the same number of records in octoDNS.

    The specs are as they were in the run before; how long it takes when they are read anew is compared too.
    """
    project, small = setting.scratch / f"plan-{resources}", setting.scratch / "plan-small"
    _settled(project, of_about(resources))
    _settled(small, 1)
    contenders = {
        "floor": setting.floor,
        "start": setting.ftops(small, "plan", says="No changes."),
        "plan": setting.ftops(project, "plan", says="No changes."),
        "anew": setting.ftops(project, "plan", says="No changes.", environment={"FTOPS_NO_CACHE": "1"}),
    }
    peer = "octodns" in setting.peers.versions
    if peer:
        contenders["octodns"] = _octodns(setting, resources)
    taken = in_turns(contenders, setting.rounds)
    if not list((project / ".ftops" / "cache").glob("*.large")):
        raise BenchError("what the specs declare was not kept, so no plan was one of unchanged specs")
    limit = round(TARGETS_S[resources] * 1000 / BARE_MS)
    over = (taken["plan"] - taken["start"]) / taken["floor"]
    what = f"no-op plan, {resources:,} resources"
    yield at_most(f"{what}, over start-up", over, limit, "x bare Python")
    if peer:
        yield at_least(f"{what}: octoDNS takes", taken["octodns"] / taken["plan"], 1, "x as long")
        yield at_least(f"{what}, nothing kept: octoDNS takes", taken["octodns"] / taken["anew"], 1, "x as long")
    else:
        yield Row(f"{what} against octoDNS", "could not be installed", "", Verdict.NOT_MEASURED)


def calls(setting: Setting) -> Iterator[Row]:
    """Yield how many calls a plan makes for 1, 100 and 1,000 jobs: as many as there are pages."""
    made, wanted = [], []
    for jobs in (1, 100, 1_000):
        project = setting.scratch / f"calls-{jobs}"
        _settled(project, jobs)
        command = setting.ftops(project, "plan").command
        done = subprocess.run(list(command), cwd=project, capture_output=True, text=True, check=False)  # noqa: S603
        found = re.search(r"read in (\d+) calls", done.stdout)
        if found is None or "No changes." not in done.stdout:
            raise BenchError(f"plan of {jobs} jobs: {done.stdout[:200]}{done.stderr[:200]}")
        made.append(found[1])
        wanted.append(str(_pages(jobs)))
    verdict = Verdict.MET if made == wanted else Verdict.MISSED
    yield Row("calls of a no-op plan of 1, 100, 1,000 jobs", ", ".join(made), f"{', '.join(wanted)} (pages)", verdict)


def _pages(jobs: int) -> int:
    """Return the pages that hold a project's objects, over all its accounts."""
    full, rest = divmod(jobs, JOBS_AN_ACCOUNT)
    return sum(OTHER_CALLS + -(-each // PAGE) for each in [*[JOBS_AN_ACCOUNT] * full, *([rest] if rest else [])])


def _settled(project: Path, jobs: int) -> None:
    if not project.exists():
        write(project, jobs)
        settle(project)


def _octodns(setting: Setting, records: int) -> Process:
    """Return octoDNS comparing a zone of so many records with itself."""
    folder = setting.scratch / f"octodns-{records}"
    zone = "---\n" + "".join(
        f"host-{n:05}:\n  ttl: {300 + n % 9}\n  type: A\n  values: [10.0.{n // 250}.{n % 250}]\n"
        for n in range(records)
    )
    for name in ("source", "target"):
        (folder / name).mkdir(parents=True)
        (folder / name / "bench.example.yaml").write_text(zone, encoding="utf-8")
    (folder / "config.yaml").write_text(OCTODNS, encoding="utf-8")
    command = [str(Path(setting.peers.python).with_name("octodns-sync")), "--config-file", "config.yaml"]
    return Process(command, folder, says="No changes")

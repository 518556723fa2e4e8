"""Every row of the table of misleading words, met by the installed command: the service's words, then ours, golden.

A new row needs no code here: where its place has a way, the row's own words are put in force, as by `ftops emulator
faults`, as the answer to a call or as the error of a job. What the emulator says by itself is in `BY_ITSELF`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from harness import EXAMPLES, Project, advance, apply, desired_of

from ftops.apply.loop import SAME_REFUSALS_MAX
from ftops.emulator import read_trouble
from ftops.rules.troubles import Symptom, load_troubles

UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
GOLDEN = Path(__file__).parent / "golden" / "troubles"
TABLE = load_troubles()
NEW, TRAINED, SERVED = "new", "trained", "served"
APPLY, PLAN = ("apply", "--yes"), ("plan",)
CALL = ("emulator", "call", "parcels-prod")
CREATE_JOB, PUT = ("POST", "/fine_tuning/jobs$"), ("PUT", "/deployments/")
OFTEN = 99
LARGE_BYTES = 100_000_000
SPECS, TRAIN = "specs/parcels.yaml", "data/parcels-train.jsonl"
SUFFIX, CAPACITY, MODEL = "  suffix: parcels\n", "capacity: 50", "model: gpt-4.1-mini-2025-04-14"
ALLOWED = f"{SUFFIX}lifecycle: {{allow: [model-matrix]}}\n"
NOBODYS = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef"
CLOSED = "http://127.0.0.1:9/rows.jsonl"
COLUMNS_MAX = 100
HEAD = re.compile(r"  \S |\S")
"""What begins the lines about something: a row of a plan, a line of an apply's progress, an error."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a row is met: in a project of a stage, edited, with trouble in force, by the last of some commands.

    With `request` the answer to it are the row's own words. `code` is the exit code of the last command.
    """

    stage: str = NEW
    commands: tuple[tuple[str, ...], ...] = (APPLY,)
    code: int = 1
    request: tuple[str, str] | None = None
    trouble: Mapping[str, object] = field(default_factory=dict)
    edits: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[Project], None] = lambda _project: None
    environ: Mapping[str, str] = field(default_factory=dict)


def pinned(project: Project, content: bytes) -> None:
    """Give the job other rows, which are pinned: so nobody looks at them before they are sent."""
    (project.root / TRAIN).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    project.edit(SPECS, f"  file: {TRAIN}\n", f"  file: {TRAIN}\nlifecycle: {{format: chat, sha256: {digest}}}\n")


def large(project: Project) -> None:
    """Give the job a file that is sent in parts."""
    pinned(project, b"{}\n")
    with (project.root / TRAIN).open("wb") as file:
        file.truncate(LARGE_BYTES)


def malformed(project: Project) -> None:
    """Give the job a file of which one line is no JSON."""
    rows = (project.root / TRAIN).read_bytes().splitlines(keepends=True)
    pinned(project, b"".join([*rows[:3], b"{\n", *rows[3:]]))


def undeclared(project: Project) -> None:
    """Let the deployment be in no document, and such ones be deleted."""
    path = project.root / SPECS
    path.write_text(path.read_text(encoding="utf-8").rpartition("---\n")[0], encoding="utf-8")
    with (project.root / "specs" / "project.yaml").open("a", encoding="utf-8") as file:
        file.write("  policy: {prune: {deployments: orphans}}\n")


def imported(project: Project) -> None:
    """Let the service import the rows from where nobody answers."""
    of_url = f'  content_url: {{env: FTOPS_ROWS_URL}}\nlifecycle: {{sha256: "{"0" * 64}"}}\n'
    project.edit(SPECS, f"  file: {TRAIN}\n", of_url)


def ended(state: str) -> Callable[[Project], None]:
    """Return what lets the deployment have ended in a state."""
    return lambda project: project.emulator(lambda e: e.edit_deployment("parcels-prod", provisioningState=state))


WAYS: Mapping[str, Way] = {
    "parts": Way(prepare=large, request=("POST", "/uploads$")),
    "upload": Way(request=("POST", "/files$")),
    "create-job": Way(request=CREATE_JOB),
    "steer-job": Way(request=("POST", "/cancel$"), trouble={"faults": [{"effect": "cut-suffix", "keep": 18}]}),
    "deploy": Way(TRAINED, request=PUT),
    "undeploy": Way(SERVED, prepare=undeclared, request=("DELETE", "/deployments/")),
    "metrics": Way(SERVED, (PLAN,), 0, request=("GET", "/Microsoft.Insights/metrics$")),
    "call": Way(SERVED, (CALL,), request=("POST", "/chat/completions$")),
    "arm-list": Way(SERVED, (PLAN,), request=("GET", "/deployments$")),
    "arm": Way(TRAINED, request=PUT),
    "data": Way(SERVED, (PLAN,), request=("GET", "/files$")),
    "job": Way(commands=(PLAN,), code=0),
    "deployment": Way(SERVED, (PLAN,), 0),
}
"""By place: what lets any row of it be met. A file's error only the emulator makes, by itself."""


def failing(effect: str, **members: object) -> Mapping[str, object]:
    """Return the description of one habit of the service, in its own words."""
    return {"faults": [{"effect": effect, **members}]}


BY_ITSELF: Mapping[str, Way] = {
    "import-failed": Way(prepare=imported, code=4, environ={"FTOPS_ROWS_URL": CLOSED}),
    "row-not-read": Way(prepare=malformed, code=4),
    "tier-not-for-model": Way(
        edits=(
            (MODEL, "model: gpt-oss-20b"),
            ("trainingType: GlobalStandard", "trainingType: Standard"),
            (SUFFIX, ALLOWED),
        )
    ),
    "model-not-trainable": Way(edits=((MODEL, "model: gpt-35-turbo-0125"), (SUFFIX, ALLOWED))),
    "suffix-too-long": Way(trouble={"quirks": {"suffix_max": 18}}),
    "jobs-full": Way(trouble={"limits": {"queued_jobs": 0}}),
    "job-queued-long": Way(commands=(PLAN,), code=0, trouble={"limits": {"running_global": 0}}),
    "data-harmful": replace(WAYS["job"], trouble=failing("fail-job", stage="data-check")),
    "model-blocked": replace(WAYS["job"], trouble=failing("fail-job", stage="safety")),
    "tuned-deployments-full": Way(TRAINED, trouble={"limits": {"fine_tuned_deployments": 0}}),
    "quota-used-up": Way(TRAINED, edits=((CAPACITY, "capacity: 600"),)),
    "model-not-deployable": Way(
        edits=(("model: {job: parcels-v1}", f'model: {{format: OpenAI, name: {NOBODYS}, version: "1"}}'),)
    ),
    "write-in-flight": Way(TRAINED, (("apply", "--yes", "--settle", "20s"),), 3, request=PUT),
    "region-without-room": Way(TRAINED, code=4, trouble=failing("fail-deployment")),
    "metrics-throttled": Way(SERVED, (PLAN,), 0, trouble=failing("overloaded", count=OFTEN)),
    "deployment-not-there-yet": Way(TRAINED, (APPLY, CALL), trouble={"limits": {"serving_delay_s": 600}}),
}
"""By row: what the emulator says itself, in a situation that it is true of."""


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return the project at each stage: nothing done yet, the job trained, everything served."""
    root = tmp_path_factory.mktemp("stages")
    found = {NEW: shutil.copytree(EXAMPLES / "quickstart", root / NEW)}
    for stage, before in ((TRAINED, NEW), (SERVED, TRAINED)):
        found[stage] = shutil.copytree(found[before], root / stage)
        apply(found[stage], desired_of(found[stage]))
        advance(found[stage], 3)
    return found


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.word)
def test_a_row_is_met_and_told(row: Symptom, stages: Mapping[str, Path], tmp_path: Path) -> None:
    """The service's code and words come first, then the cause and the remedy, as a person has read and committed."""
    way = BY_ITSELF.get(row.word) or WAYS[row.where]
    project = Project(shutil.copytree(stages[way.stage], tmp_path / "project"))
    shown = met(row, way, project)
    joined = " ".join(shown.split())
    if way.request is not None:
        assert row.said.removesuffix(".") in joined
    assert joined.index(row.cause) > joined.index(row.codes[0] if row.codes and not_a_state(row) else "")
    assert row.remedy in joined
    golden = GOLDEN / f"{row.word}.txt"
    if UPDATE:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


def test_no_golden_is_left_without_a_row() -> None:
    """A row that goes takes its golden with it, and its way."""
    words = {row.word for row in TABLE.rows}
    assert {path.stem for path in GOLDEN.iterdir()} == words
    assert set(BY_ITSELF) <= words
    assert set(WAYS) <= set(TABLE.where)


def test_other_programs_are_told_the_same(stages: Mapping[str, Path], tmp_path: Path) -> None:
    """In JSON the cause and the remedy are members of their own, with a word that stays the same."""
    project = Project(shutil.copytree(stages[NEW], tmp_path / "project"))
    row = next(each for each in TABLE.rows if each.word == "job-broke-down")
    met(row, WAYS["job"], project)
    told = {"word": row.word, "cause": row.cause, "sent": None, "remedy": row.remedy, "passes": True}
    actions = json.loads(project.ftops("plan", "--format", "json"))["actions"]
    assert [each["trouble"] for each in actions if each["trouble"]] == [told]
    rows = json.loads(project.ftops("status", "--format", "json"))["rows"]
    assert [each["trouble"] for each in rows if each["trouble"]] == [told]
    markdown = " ".join(project.ftops("plan", "--format", "markdown").split())
    assert f"likely: {row.cause} do: {row.remedy}" in markdown
    assert f"      likely: {row.cause[:20]}" in project.ftops("status")
    assert row.cause in project.ftops("status", "--format", "markdown")


def met(row: Symptom, way: Way, project: Project) -> str:
    """Bring a row about and return what was printed of it."""
    way.prepare(project)
    if row.where == "deployment" and not way.trouble:
        ended(row.codes[0])(project)
    for old, new in way.edits:
        project.edit(SPECS, old, new)
    trouble = trouble_for(row, way)
    if trouble:
        project.emulator(lambda e: e.put_trouble(read_trouble(trouble)[0]))
    if row.where == "job":
        apply(project.root, desired_of(project.root))
        advance(project.root, 7)
    for command in way.commands:
        done = project.run(*command, **way.environ)
        assert "Traceback" not in done.stderr
    assert done.returncode == way.code, f"{way.commands}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return part_about(row, f"{done.stderr}\n{done.stdout}")


def trouble_for(row: Symptom, way: Way) -> Mapping[str, object]:
    """Return the description of trouble by which the words of a row are said."""
    told = {"code": row.codes[0] if row.codes else str(*row.status[:1]), "message": row.said}
    if way.request is not None:
        method, path = way.request
        answer = {"effect": "status-before", "method": method, "path": path, "count": OFTEN, "status": row.status[0]}
        return {"faults": [answer | told, *of_habits(way)]}
    return failing("fail-job", **told) if row.where == "job" and not way.trouble else way.trouble


def of_habits(way: Way) -> list[object]:
    """Return the faults that a way has besides the row's."""
    faults = way.trouble.get("faults", [])
    return faults if isinstance(faults, list) else []


def not_a_state(row: Symptom) -> bool:
    """Tell whether the code of a row is one of an error; a state is not printed again where the line shows it."""
    return bool(row.status)


def part_about(row: Symptom, printed: str) -> str:
    """Return the last line that tells the row's cause, with what stands above and below it of the same subject.

    Ids are left out: they follow from how many requests came before.
    """
    lines = printed.splitlines()
    (*_, last) = (n for n, line in enumerate(lines) if f"likely: {row.cause[:30]}" in line.replace("Likely", "likely"))
    first = last
    while not HEAD.match(lines[first]):
        first -= 1
    end = last + 1
    while end < len(lines) and lines[end] and not HEAD.match(lines[end]):
        end += 1
    assert all(len(line) <= COLUMNS_MAX for line in lines[first + 1 : end] if "Likely: " not in line)
    shown = "".join(f"{line}\n" for line in lines[first:end])
    return re.sub(r"(?<=request )[0-9a-f-]{36}|(?<=-)[0-9a-f]{32}", "…", shown)


def test_what_may_pass_and_never_does_ends_the_waiting(stages: Mapping[str, Path], tmp_path: Path) -> None:
    """A refusal that may pass by itself is tried again a few times under --wait, and is then for a person to see."""
    project = Project(shutil.copytree(stages[NEW], tmp_path / "project"))
    row = next(each for each in TABLE.rows if each.word == "file-not-processed")
    rule = {"effect": "status-before", "method": "POST", "path": "/fine_tuning/jobs$", "count": OFTEN}
    rule |= {"status": 400, "code": "invalidPayload", "message": row.said}
    project.ftops("emulator", "faults", "-", stdin=json.dumps({"faults": [rule]}))
    done = project.run("apply", "--yes", "--wait")
    assert done.returncode == 1
    assert "It needs a change first" in done.stdout + done.stderr
    (met,) = re.findall(r"^ +(\d+) +\d+  status-before", project.ftops("emulator", "faults"), re.MULTILINE)
    assert int(met) == SAME_REFUSALS_MAX

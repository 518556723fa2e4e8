"""Every effect that a faults file can have, met by the command: how the runs end, what is told, and nothing twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness import Project

from ftops.emulator import Effect, Spelling, Stage

CONVERGED, ERROR, WAITING, HELD = 0, 1, 3, 4
RUNS_MAX = 6
REST_MINUTES = 10
JOB, PROD = "job/parcels-v1", "deployment/parcels-prod"
WRITES = "(POST|PUT)"


@dataclass(frozen=True, slots=True)
class Met:
    """A rule, and how it is met: the code that the runs end with, what the last of them tells, and what there is then.

    `ended` is the process's own end where the rule ends the process.
    """

    rule: Mapping[str, object] = field(default_factory=dict)
    code: int = CONVERGED
    told: str = ""
    jobs: int = 1
    deployments: int = 1
    edit: tuple[str, str] | None = None


TYPE = "trainingType: GlobalStandard"
TABLE: Mapping[tuple[Effect, str], Met] = {
    (Effect.DROP_BEFORE, ""): Met({"method": WRITES, "count": 2}),
    (Effect.DROP_AFTER, ""): Met({"method": WRITES, "count": 2}),
    (Effect.DIE_BEFORE, ""): Met({"method": "POST", "path": "/fine_tuning/jobs$"}),
    (Effect.DIE_AFTER, ""): Met({"method": "POST", "path": "/fine_tuning/jobs$"}),
    (Effect.STATUS_BEFORE, "500"): Met({"method": WRITES, "count": 2}),
    (Effect.STATUS_BEFORE, "503"): Met({"method": WRITES, "count": 2, "status": 503}),
    (Effect.STATUS_AFTER, "500"): Met({"method": WRITES, "count": 2}),
    (Effect.STATUS_AFTER, "503"): Met({"method": WRITES, "count": 2, "status": 503}),
    (Effect.FORBIDDEN, "deployments"): Met(
        {"method": "PUT", "path": "/deployments/"}, ERROR, "deployments/write", deployments=0
    ),
    (Effect.FORBIDDEN, "jobs"): Met({"method": "POST", "path": "/jobs$"}, ERROR, "Foundry User", 0, 0),
    (Effect.FORBIDDEN, "metrics"): Met({"path": "/Microsoft.Insights/"}),
    (Effect.EXPIRED_TOKEN, ""): Met(),
    **{(Effect.THROTTLED, spelling): Met({"spelling": spelling.value, "count": 3}) for spelling in Spelling},
    (Effect.UNAVAILABLE, ""): Met({"count": 3}),
    (Effect.OVERLOADED, ""): Met({"count": 2}),
    (Effect.SLOW_ANSWER, ""): Met({"seconds": 30, "count": 3}),
    (Effect.SLOW_UPLOAD, ""): Met({"seconds": 30}),
    (Effect.STALE_LISTING, ""): Met({"window_s": 45}),
    (Effect.DROP_SUFFIX, ""): Met({}, HELD, "was cancelled", deployments=0),
    (Effect.CUT_SUFFIX, ""): Met({"keep": 18}, HELD, "was cancelled", deployments=0),
    (Effect.DROP_TAGS, ""): Met(),
    (Effect.WRONG_TRAINING_TYPE, ""): Met({}, HELD, "the service took it differently", deployments=0),
    (Effect.FAIL_JOB, Stage.DATA_CHECK): Met({"stage": "data-check"}, HELD, "harm types", deployments=0),
    (Effect.FAIL_JOB, Stage.TRAINING): Met({"stage": "training"}, HELD, "onFailure", deployments=0),
    (Effect.FAIL_JOB, Stage.SAFETY): Met({"stage": "safety"}, HELD, "cannot be deployed", deployments=0),
    (Effect.PREEMPT, ""): Met(edit=(TYPE, "trainingType: developerTier")),
    (Effect.SPEND_PAUSE, ""): Met(),  # Only jobs of reinforcement have a cap: test_troubles.py.
    (Effect.FAIL_DEPLOYMENT, ""): Met({"count": 1}, HELD, f"--allow create:{PROD}"),
    (Effect.LOWER_CAPACITY, ""): Met({"capacity": 5}, ERROR, "write in the spec what it has"),
    (Effect.BUSY, ""): Met({"window_s": 20}),
}


def test_the_table_has_every_effect() -> None:
    """An effect, a spelling or a stage without a row is not known to be met."""
    assert {effect for effect, _ in TABLE} == set(Effect)
    assert {what for effect, what in TABLE if effect is Effect.THROTTLED} == set(Spelling)
    assert {what for effect, what in TABLE if effect is Effect.FAIL_JOB} == set(Stage)


@pytest.mark.parametrize(
    ("effect", "met"), [pytest.param(key[0], met, id=" ".join(filter(None, key))) for key, met in TABLE.items()]
)
def test_an_effect_is_met(tmp_path: Path, effect: Effect, met: Met) -> None:
    """The command ends as the table says and says why; what could be done was done, each thing once."""
    project = Project.copy_of("quickstart", tmp_path / "project")
    if met.edit:
        project.edit("specs/parcels.yaml", *met.edit)
    described = {"faults": [{"effect": effect.value, **met.rule}]}
    project.ftops("emulator", "faults", "-", stdin=json.dumps(described))
    code, told = ended(project, met.code)
    assert code == met.code, told
    assert met.told in " ".join(told.split())
    held = project.snapshot()
    assert (len(held["jobs"]), len(held["deployments"])) == (met.jobs, met.deployments)
    assert len([each for each in held["files"] if each["purpose"] == "fine-tune"]) == 2


def ended(project: Project, wished: int) -> tuple[int, str]:
    """Return the exit code of the run that ends as is wished, else of the last, and what it told."""
    for _ in range(RUNS_MAX):
        done = project.run("apply", "--yes", "--wait")
        told = done.stdout + done.stderr
        assert "Traceback" not in told
        if done.returncode == wished:
            break
        project.ftops("emulator", "advance", f"{REST_MINUTES}m")
    return done.returncode, told

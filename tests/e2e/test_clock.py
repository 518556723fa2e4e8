"""The clock through the installed command: idle, retired, gone, pruned; nothing is billed again by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from harness import Project, advance

DEPLOYMENT = "deployment/parcels-prod"
DAY_H = 24


@pytest.fixture(scope="module")
def served_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the quickstart with its model deployed; tests work on copies."""
    project = Project.copy_of("quickstart", tmp_path_factory.mktemp("served") / "project")
    project.ftops("apply", "--yes", code=3)
    project.ftops("emulator", "advance", "3h")
    project.ftops("apply", "--yes")
    return project.root


@pytest.fixture
def served(served_once: Path, tmp_path: Path) -> Project:
    """Return the quickstart with its model deployed, of one's own."""
    return Project(shutil.copytree(served_once, tmp_path / "project"))


def deployments(project: Project) -> list[object]:
    """Return the names of what is deployed."""
    return [deployment["name"] for deployment in project.snapshot()["deployments"]]


def writes(project: Project) -> int:
    """Return how many requests the emulator took that were no reads, ever."""
    journal = project.root / ".ftops" / "journal.jsonl"
    return sum(json.loads(line)["step"] == "intent" for line in journal.read_text(encoding="utf-8").splitlines())


def with_policy(project: Project, policy: str) -> None:
    """Give the project a policy."""
    (file,) = [path for path in (project.root / "specs").rglob("*.yaml") if "kind: Project" in path.read_text("utf-8")]
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("spec:\n", f"spec:\n  policy: {policy}\n", 1), encoding="utf-8")


def test_an_idle_deployment_is_told_before_it_goes(served: Project) -> None:
    """A call is counted, ten quiet days are told with the date and the money, and the date is kept."""
    served.ftops("emulator", "call", "parcels-prod")
    served.ftops("emulator", "advance", "11d")
    plan = served.ftops("plan", "--detailed-exitcode")
    assert f"! {DEPLOYMENT}  idle 10 days; the service deletes it after" in plan
    assert "USD 449 so far" in plan
    assert "last called" in served.ftops("status", DEPLOYMENT)
    served.ftops("emulator", "advance", "5d")
    assert deployments(served) == []


def test_a_call_keeps_it(served: Project) -> None:
    """Somebody who calls it once a week never loses it."""
    for _ in range(4):
        advance(served.root, 7 * DAY_H)
        served.ftops("emulator", "call", "parcels-prod")
    assert deployments(served) == ["parcels-prod"]
    assert "No changes" in served.ftops("plan")


def test_what_is_gone_is_not_billed_again_by_any_number_of_runs(served: Project) -> None:
    """Under `onGone: hold` every run says what happened, exits 4 and writes nothing; a word makes it again once."""
    advance(served.root, 16 * DAY_H)
    before = writes(served)
    for _ in range(3):
        told = served.ftops("apply", "--yes", code=4)
        assert "deleted by the service's idle rule 15 days after it was made" in told
        assert f"--allow create:{DEPLOYMENT}" in told
        advance(served.root, 20 * DAY_H)
    assert (writes(served), deployments(served)) == (before, [])
    (served.root / ".ftops" / "journal.jsonl").unlink()
    served.ftops("apply", "--yes", code=4)
    served.ftops("apply", "--yes", "--allow", f"create:{DEPLOYMENT}")
    assert deployments(served) == ["parcels-prod"]


def test_a_retired_deployment_stays_away(served: Project) -> None:
    """It is retired on the day, not before, and hourly runs leave it away, with the journal or without."""
    with_policy(served, "{idle: {onIdle: retire}}")
    served.ftops("emulator", "advance", "9d23h")
    served.ftops("apply", "--yes")
    assert deployments(served) == ["parcels-prod"]
    served.ftops("emulator", "advance", "2h")
    assert "- deployment/parcels-prod  retire: idle 10 days" in served.ftops("plan")
    served.ftops("apply", "--yes")
    assert deployments(served) == []
    before = writes(served)
    for hour in range(4):
        told = served.ftops("apply", "--yes")
        assert "1 retired" in told
        if hour == 2:
            assert writes(served) == before
            (served.root / ".ftops" / "journal.jsonl").unlink()
        advance(served.root, 1)
    assert deployments(served) == []
    assert "stays away (onIdle: retire)" in served.ftops("status", DEPLOYMENT)


def test_a_deployment_that_somebody_deleted_is_told(served: Project) -> None:
    """The log names who it was."""
    served.emulator(lambda emulator: emulator.delete_deployment("parcels-prod", by="ann@example.com"))
    advance(served.root, 1)
    assert "deleted by ann@example.com on" in served.ftops("apply", "--yes", code=4)


def test_an_orphan_goes_only_by_policy_and_not_under_traffic(served: Project) -> None:
    """Taking the document out deletes nothing by itself; with the policy it waits until nobody calls."""
    (file,) = (served.root / "specs").rglob("parcels.yaml")
    documents = file.read_text(encoding="utf-8").split("\n---\n")
    file.write_text("\n---\n".join(d for d in documents if "kind: Deployment" not in d), encoding="utf-8")
    assert "! deployment/parcels-prod" in served.ftops("apply", "--yes")
    with_policy(served, "{prune: {deployments: orphans}}")
    served.ftops("emulator", "call", "parcels-prod")
    advance(served.root, 1)
    told = served.ftops("apply", "--yes", code=4)
    assert "held: it is in use: last called before" in told
    assert "--allow traffic:deployment/parcels-prod" in told
    served.ftops("apply", "--yes", "--max-deletes", "0", "--allow", "traffic:deployment/parcels-prod", code=4)
    assert deployments(served) == ["parcels-prod"]
    served.ftops("apply", "--yes", "--allow", "traffic:deployment/parcels-prod")
    assert deployments(served) == []
    assert "No changes" in served.ftops("plan")


def test_a_budget_holds_and_tells(tmp_path: Path) -> None:
    """What would be hosted above the budget is not made; exit 4."""
    project = Project.copy_of("quickstart", tmp_path / "project")
    with_policy(project, "{budget: {hostingUsdPerMonth: 1000}}")
    told = project.ftops("apply", "--yes", code=4)
    assert "hosting a month would come to USD 1,241 of USD 1,000" in told
    assert project.snapshot()["jobs"] == []


def test_a_part_of_a_plan(tmp_path: Path) -> None:
    """A target brings what it is made from; an unknown address is answered with the nearest one."""
    project = Project.copy_of("quickstart", tmp_path / "project")
    assert "1 to create" in project.ftops("plan", "--target", "dataset/parcels-train")
    done = project.run("plan", "--target", "dataset/parcels-tran")
    assert (done.returncode, 'Did you mean "dataset/parcels-train"?' in done.stderr) == (64, True)
    done = project.run("plan", "--allow", "retrain:job/parcels-v2")
    assert (done.returncode, 'Did you mean "job/parcels-v1"?' in done.stderr) == (64, True)


def test_as_of_shows_what_is_to_come(served: Project) -> None:
    """Planning as if it were another day tells what would be idle by then."""
    plan = served.ftops("plan", "--as-of", "2099-01-01")
    assert "idle" in plan
    assert "No changes" in served.ftops("plan")
    assert served.run("plan", "--as-of", "soon").returncode == 64

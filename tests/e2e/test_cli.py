"""The installed command, as a user types it: the right ways, the wrong ways, and what is printed."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from forks import EVERYWHERE
from harness import EXAMPLES, Project

from ftops.cli import COMMANDS, NOT_YET

UPDATE = bool(os.environ.get("FTOPS_UPDATE_GOLDEN"))
PLANS = ("quickstart", "chain", "dpo")


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the installed command anew for each run, where other tests fork one that has started."""
    monkeypatch.setenv(EVERYWHERE, "1")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a scratch copy of the quickstart."""
    return Project.copy_of("quickstart", tmp_path / "project")


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("example", sorted(PLANS))
def test_every_example_gives_the_plan_beside_it(example: str, tmp_path: Path) -> None:
    """Each example is valid and gives exactly the plan that stands in its plan.txt."""
    project = Project.copy_of(example, tmp_path / "project")
    assert project.ftops("validate").startswith("Valid: ")
    out, golden = project.ftops("plan"), EXAMPLES / example / "plan.txt"
    if UPDATE:
        golden.write_text(out, encoding="utf-8")
    assert out == golden.read_text(encoding="utf-8")


def test_every_example_has_its_end_to_end_test() -> None:
    """A new example must come with its plan and its test."""
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == set(PLANS)


@pytest.mark.usefixtures("_installed")
def test_quickstart_from_nothing_to_no_changes(project: Project) -> None:
    """The session of the README: plan, apply, three hours, apply, nothing to do."""
    assert "Plan: 4 to create" in project.ftops("plan")
    assert "Waiting for the service" in project.ftops("apply", "--yes", code=3)
    assert "job/parcels-v1" in project.ftops("status")
    project.ftops("emulator", "advance", "3h")
    assert project.ftops("apply", "--yes").endswith("Converged.\n")
    assert "No changes. 4 unchanged." in project.ftops("plan")


def test_wait_goes_on_until_everything_has_converged(project: Project) -> None:
    """With --wait one apply is enough; on the embedded emulator the hours pass in a moment."""
    assert project.ftops("apply", "--yes", "--wait").endswith("Converged.\n")


def test_detailed_exitcode_tells_changes_and_waiting(project: Project) -> None:
    """2 for changes, 3 while the service works, 0 when there is nothing to do."""
    project.ftops("plan", "--detailed-exitcode", code=2)
    project.ftops("apply", "--yes", "--wait")
    project.ftops("plan", "--detailed-exitcode", code=0)


def test_plan_id_is_the_same_in_another_account_of_the_same_name(tmp_path: Path) -> None:
    """No server id and no time is in a write key, so equal specs on equal accounts give equal plan ids."""
    ids = {Project.copy_of("chain", tmp_path / name).plan()["id"] for name in ("one", "two")}
    assert len(ids) == 1


def test_specs_from_standard_input(project: Project) -> None:
    """What another tool has built (kustomize, say) is planned from standard input."""
    text = "\n---\n".join(path.read_text(encoding="utf-8") for path in sorted((project.root / "specs").iterdir()))
    assert "Plan: 4 to create" in project.ftops("plan", "-", stdin=text)


def test_init_makes_a_project_that_plans_at_once(tmp_path: Path) -> None:
    """After init, plan and apply work without an edit; a second init writes nothing."""
    outside = Project(tmp_path)
    assert "  cd 'my models'\n  ftops plan\n" in outside.ftops("init", "my models")
    project = Project(tmp_path / "my models")
    assert "Plan: 4 to create" in project.ftops("plan")
    assert project.ftops("apply", "--yes", "--wait").endswith("Converged.\n")
    before = {path: path.read_bytes() for path in project.root.rglob("*.yaml")}
    refused = project.run("init")
    assert refused.returncode == 1
    assert "exist already, so nothing was written" in refused.stderr
    assert {path: path.read_bytes() for path in project.root.rglob("*.yaml")} == before


def test_the_readmes_session_is_what_one_sees(tmp_path: Path) -> None:
    """The plan in the README is the one that a new project gives, but for its random name and its id."""
    Project(tmp_path).ftops("init", "parcels")
    out = Project(tmp_path / "parcels").ftops("plan")
    readme = (EXAMPLES.parents[1] / "README.md").read_text(encoding="utf-8")
    shown = readme[readme.index("parcels-q4wz on local") :].partition("\n$ ftops apply")[0]
    unnamed = [re.sub(r"parcels-[a-z2-7]{4} |Plan id .*", "", text).strip() for text in (out, shown)]
    assert unnamed[0] == unnamed[1]


def test_a_directory_with_twelve_mistakes_lists_twelve(tmp_path: Path) -> None:
    """Every mistake of every file is told in one run, by any command that reads specs."""
    shutil.copytree(EXAMPLES.parents[1] / "tests" / "cases" / "specs" / "twelve", tmp_path / "twelve")
    for name in ("validate", "plan", "apply"):
        done = Project(tmp_path / "twelve").run(name)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(re.findall(r"^[^ ].*: error\[", done.stderr, re.MULTILINE)) == 12
        assert done.stderr.endswith("12 errors.\n")


WRONG = {
    "unknown command": (["plann"], 64, 'There is no command "plann". Did you mean "plan"?'),
    "command of a later version": (["metrics"], 64, "not-yet"),
    "option of a later version": (["plan", "--out", "x"], 64, "not-yet: --out is not built yet"),
    "flag of a later version": (["plan", "--destroy"], 64, "not-yet: --destroy is not built yet"),
    "common option of a later version": (["plan", "--account", "west"], 64, "not-yet: --account"),
    "unknown option": (["plan", "--oops"], 64, "No such option"),
    "no terminal": (["apply"], 64, "there is no terminal"),
    "bad duration": (["apply", "--settle", "soon"], 64, '"soon" is no length of time'),
    "bad allow": (["apply", "--allow", "retrain"], 64, "is not WHAT:ADDRESS"),
    "allow of a later version": (["apply", "--allow", "destroy:job/x"], 64, "not-yet"),
    "no such directory": (["-C", "nowhere", "plan"], 64, '"nowhere" is not a directory'),
    "no such path": (["plan", "nowhere.yaml"], 1, "nowhere.yaml"),
    "no such address": (["status", "job/parcel-v1"], 64, 'Did you mean "job/parcels-v1"?'),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ways_are_refused_with_the_way_out(project: Project, name: str) -> None:
    """Nothing that is not understood is accepted, and nothing is written by it."""
    arguments, code, words = WRONG[name]
    done = project.run(*arguments)
    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr
    assert not done.stdout or name == "no terminal"
    assert not (project.root / ".ftops" / "journal.jsonl").exists()


@pytest.mark.parametrize("arguments", [[], ["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_is_good_enough_to_need_no_manual(project: Project, arguments: list[str]) -> None:
    """Every command explains itself and its options."""
    done = project.run(*arguments)
    text = done.stdout + done.stderr
    assert "Usage: ftops" in text
    assert not any(f"  {name}  " in text for name in NOT_YET)


@pytest.mark.usefixtures("_installed")
def test_options_before_and_after_the_command_and_from_the_environment(project: Project) -> None:
    """-C works in both places, and as FTOPS_CHDIR."""
    outside = Project(project.root.parent)
    first = outside.ftops("-C", "project", "plan")
    assert first == outside.ftops("plan", "-C", "project")
    command = [str(Path(sys.executable).with_name("ftops")), "plan"]
    environment = {**os.environ, "FTOPS_CHDIR": str(project.root), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == first


def test_results_on_stdout_progress_on_stderr(project: Project) -> None:
    """-q leaves results and problems; -v tells every call, none of them with a query."""
    quiet = project.run("apply", "--yes", "-q")
    assert not quiet.stderr
    told = project.run("plan", "-v")
    calls = [line for line in told.stderr.splitlines() if line.startswith("    GET ")]
    assert len(calls) == 14
    assert not any("?" in line for line in calls)


def test_json_plan_holds_every_action_with_its_key(project: Project) -> None:
    """The JSON view tells the same actions as the text, with the keys that an approval covers."""
    plan = project.plan()
    actions = plan["actions"]
    assert isinstance(actions, list)
    assert [a["address"] for a in actions][-1] == "deployment/parcels-prod"
    assert all(a["key"].startswith("create emulator:local/") for a in actions)
    assert plan["outcome"] == "changes"


def test_a_person_is_asked_and_only_yes_is_taken_for_it(project: Project) -> None:
    """On a terminal the plan is shown and approval is typed; anything but yes does nothing."""
    for answer, code, words in ((b"y\n", 4, "Nothing was done."), (b"yes\n", 3, "Waiting for the service")):
        main, side = pty.openpty()
        command = [str(Path(sys.executable).with_name("ftops")), "apply"]
        with subprocess.Popen(command, cwd=project.root, stdin=side, stdout=side, stderr=side) as process:  # noqa: S603
            os.close(side)
            os.write(main, answer)
            told = _read_all(main)
            os.close(main)
        assert process.returncode == code, told
        assert words in told


def _read_all(terminal: int) -> str:
    data = b""
    while True:
        try:
            block = os.read(terminal, 65536)
        except OSError:
            break
        if not block:
            break
        data += block
    return data.decode()


def test_another_run_holding_the_lease_is_named(project: Project) -> None:
    """While one process holds the lease, another waits as long as it was told and then names the holder."""
    holder = (
        "import sys; from pathlib import Path; from ftops.apply.lease import local_lease\n"
        "with local_lease(Path('.ftops'), 0): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder]
    with subprocess.Popen(  # noqa: S603
        command, cwd=project.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        done = project.run("apply", "--yes", "--lock-timeout", "0s")
        assert done.returncode == 1
        assert f"process {process.pid} on " in done.stderr
        process.stdin.close()
    project.ftops("apply", "--yes", code=3)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_at_any_moment_leaves_a_run_that_goes_on(project: Project, number: signal.Signals) -> None:
    """The installed command, ended by a signal as soon as it has told of its first call, converges when run again."""
    command = [str(Path(sys.executable).with_name("ftops")), "apply", "--yes", "-v"]
    with subprocess.Popen(  # noqa: S603
        command, cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "POST data:/files" in line:
                process.send_signal(number)
                break
        process.stderr.read()
    assert process.returncode == (-signal.SIGKILL if number is signal.SIGKILL else 130)
    assert project.ftops("apply", "--yes", "--wait").endswith("Converged.\n")
    assert len(project.snapshot()["jobs"]) == 1
    assert len([f for f in project.snapshot()["files"] if f["purpose"] == "fine-tune"]) == 2


def test_a_closed_pipe_is_no_traceback(project: Project) -> None:
    """A reader that goes away ends the command quietly."""
    line = f"{Path(sys.executable).with_name('ftops')} plan --format json | head -c 10"
    done = subprocess.run(["/bin/sh", "-c", line], cwd=project.root, capture_output=True, text=True, check=False)  # noqa: S603
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_told_as_what_it_is(project: Project) -> None:
    """What the system refuses is an error of the system's, not a bug."""
    line = f"{Path(sys.executable).with_name('ftops')} plan > /dev/full"
    done = subprocess.run(["/bin/sh", "-c", line], cwd=project.root, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr == "error: the system says: No space left on device\n"


def test_a_broken_emulator_file_is_told(project: Project) -> None:
    """A file that is no emulator's store is an error with its name."""
    (project.root / "ftops-emulator.db").write_text("not a database " * 100, encoding="utf-8")
    done = project.run("plan")
    assert done.returncode == 1
    assert "ftops-emulator.db cannot be opened" in done.stderr


def test_validate_as_json_lists_everything(project: Project) -> None:
    """The machine's view of a broken project names file, line, column and code of each problem."""
    project.edit("specs/parcels.yaml", "n_epochs: 3", "n_epoch: 3")
    done = project.run("validate", "--format", "json")
    assert done.returncode == 1
    (problem,) = json.loads(done.stdout)["diagnostics"]
    assert (problem["code"], problem["file"], problem["line"]) == ("unknown-field", "specs/parcels.yaml", 24)


def test_reset_empties_the_emulator(project: Project) -> None:
    """After a reset everything is to be made again."""
    project.ftops("apply", "--yes", "--wait")
    project.ftops("emulator", "reset")
    assert "Plan: 4 to create" in project.ftops("plan")


def test_two_accounts_of_equal_ids_are_never_mixed_up(tmp_path: Path) -> None:
    """Objects of two accounts may have equal ids; what is made in one is confirmed, and taken back, only there."""
    project = Project.copy_of("quickstart", tmp_path / "project")
    project.edit(
        "specs/project.yaml",
        "    local: {emulator: ftops-emulator.db, region: eastus2}",
        "    east: {emulator: a.db}\n    west: {emulator: b.db}\n  defaultAccount: east",
    )
    job = (
        "---\napiVersion: ftops/v1alpha1\nkind: FineTuningJob\nmetadata: {name: west-v1, account: west}\nspec:\n"
        "  model: gpt-4.1-mini-2025-04-14\n  training_file: {dataset: parcels-valid}\n  trainingType: GlobalStandard\n"
    )
    (project.root / "specs" / "west.yaml").write_text(job, encoding="utf-8")
    assert project.ftops("apply", "--yes", "--wait").endswith("Converged.\n")
    assert "refused" not in project.run("apply", "--yes").stderr

"""What end-to-end tests share: a scratch project, the installed command, and lives that can be ended at any call."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forks import run_ftops

from ftops.apply.journal import Journal
from ftops.apply.loop import Run, run_until
from ftops.cache import FOLDER, Cache
from ftops.desired import build
from ftops.digest import marker_in
from ftops.emulator import Effect, Emulator, Fault, Quirks
from ftops.live import observe
from ftops.model import Action, Desired, Outcome, Plan, Policy
from ftops.planner import plan as make_plan
from ftops.rules import FileLimits, load_rules
from ftops.spec.loader import load
from ftops.testing import FakeClock, emulator_client
from ftops.versions import Compare, Versions, uncompared
from ftops.wire.client import Client

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "specs"
PLAIN = Quirks()
ACCOUNT = "local"
REGION = "eastus2"
DIED = 9
"""The exit code of a process that the emulator ended."""


@dataclass(frozen=True, slots=True)
class Project:
    """A scratch copy of a project, worked on by the installed command."""

    root: Path

    @classmethod
    def copy_of(cls, example: str, root: Path) -> Project:
        """Return a scratch copy of an example."""
        shutil.copytree(EXAMPLES / example, root, dirs_exist_ok=True)
        return cls(root)

    def ftops(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Run the command in the project and return its standard output; its exit code must be `code`."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the command in the project, with more variables, and return what became of it."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FTOPS_")}
        environment |= {"NO_COLOR": "1", "FTOPS_TOKENS": "estimate"} | environ
        return run_ftops(arguments, self.root, environment, stdin)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must occur in a file."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def snapshot(self) -> dict[str, list[dict[str, object]]]:
        """Return what the project's emulator holds."""
        emulator = Emulator(self.root / "ftops-emulator.db", FakeClock())
        try:
            return emulator.snapshot(ACCOUNT)
        finally:
            emulator.close()

    def emulator(self, act: Callable[[Emulator], None]) -> None:
        """Do something to the project's emulator, as a person or the service might."""
        emulator = Emulator(self.root / "ftops-emulator.db", FakeClock())
        try:
            act(emulator)
        finally:
            emulator.close()

    def plan(self, *arguments: str) -> dict[str, object]:
        """Return the plan as other programs read it."""
        plan: dict[str, object] = json.loads(self.ftops("plan", "--format", "json", *arguments))
        return plan


class Silent:
    """Hears nothing."""

    def acting(self, action: Action) -> None:
        """Hear nothing."""

    def acted(self, action: Action, result: str) -> None:
        """Hear nothing."""

    def waiting(self, actions: tuple[Action, ...], seconds: float) -> None:
        """Hear nothing."""


def desired_of(root: Path) -> Desired:
    """Return what the specs of a project declare; they must be sound."""
    rules = load_rules()
    built = build(load([], root, lambda: b"", rules), root, rules)
    assert built.desired is not None, built.diagnostics
    return built.desired


@dataclass
class Told:
    """What an apply in this process is told besides its specs: how files are sent and compared, variables, progress.

    `quirks` are the service's.
    """

    files: FileLimits | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    progress: Callable[[Emulator, int], None] = lambda _emulator, _sent_bytes: None
    compare: Compare = uncompared
    quirks: Quirks = PLAIN
    log: list[str] = field(default_factory=list)
    """The requests that the emulator answered."""

    def client(self, emulator: Emulator) -> Client:
        """Return a client that is told so."""
        client = emulator_client(emulator, ACCOUNT, REGION)
        client.files, client.environ = self.files, self.environ
        client.tell_progress = lambda sent_bytes, _size_bytes: self.progress(emulator, sent_bytes)
        return client


def run_over(
    emulator: Emulator,
    desired: Desired,
    journal: Journal,
    allow: frozenset[str] = frozenset(),
    told: Told | None = None,
) -> Run:
    """Return what `ftops apply` works with, over an emulator in this process."""
    return Run(
        desired=desired,
        clients={ACCOUNT: (told or Told()).client(emulator)},
        clock=FakeClock(),
        journal=journal,
        policy=Policy(allow=allow),
        listener=Silent(),
        pause=emulator.pause,
        stopped=lambda: False,
        compare=(told or Told()).compare,
    )


def compare_in(root: Path) -> Compare:
    """Return what compares versions of a project's datasets, as the commands do."""
    return Versions(Cache(root / FOLDER, FakeClock()), load_rules().limits).compared


def apply_with(run: Run, settle_s: float = 600, wait_s: float = 0) -> Plan:
    """Do what `ftops apply --yes` does, and return the plan left."""
    live = run.observe()
    run.policy = replace(run.policy, approved=run.plan(live).keys)
    return run_until(run, live, settle_s, wait_s)


def apply(
    root: Path,
    desired: Desired,
    *faults: Fault,
    settle_s: float = 600,
    allow: frozenset[str] = frozenset(),
    told: Told | None = None,
) -> tuple[Plan, int]:
    """Apply in this process with faults in force, and return the plan left and the number of requests."""
    emulator = Emulator(root / "ftops-emulator.db", FakeClock(datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)))
    try:
        emulator.quirks = (told or Told()).quirks
        (root / ".ftops").mkdir(exist_ok=True)
        run = run_over(emulator, desired, Journal.open(root / ".ftops" / "journal.jsonl"), allow, told)
        for fault in faults:
            emulator.faults.add(fault)
        return apply_with(run, settle_s), emulator.requests
    finally:
        if told is not None:
            told.log += emulator.log
        emulator.close()


def advance(root: Path, hours: int) -> None:
    """Move the emulator's clock."""
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    emulator.advance(timedelta(hours=hours))
    emulator.close()


def live_until_converged(root: Path, desired: Desired, lives_max: int = 12, quirks: Quirks = PLAIN) -> Plan:
    """Apply and advance by turns until everything has converged."""
    for _ in range(lives_max):
        plan, _ = apply(root, desired, told=Told(quirks=quirks))
        if plan.outcome is not Outcome.WAITING:
            return plan
        advance(root, 3)
    raise AssertionError("did not converge")


def die_at(root: Path, desired: Desired, effect: Effect, request: int, told: Told | None = None) -> int:
    """Apply in a child process that ends at its n-th request, before or after the commit; return its exit code."""
    return dying(root, desired, Fault(effect, request=request), told)


def dying(root: Path, desired: Desired, fault: Fault, told: Told | None = None) -> int:
    """Apply in a child process that a fault ends, and return its exit code."""
    return in_child(lambda: apply(root, desired, fault, told=told))


def in_child(act: Callable[[], object]) -> int:
    """Do something in a child process that may end in the middle of it, and return its exit code.

    The child is a fork that dies by `os._exit`: nothing is flushed, released or cleaned up, as under SIGKILL.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pytest's own threads do not follow, and need not.
        child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001 — the child must never return into the test runner
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def essence(root: Path) -> dict[str, object]:
    """Return what an emulator holds without its own ids and times: what two accounts must agree in."""
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    held = emulator.snapshot(ACCOUNT)
    emulator.close()
    files = sorted(str(f["filename"]) for f in held["files"] if f["purpose"] == "fine-tune")
    jobs = sorted((str(j["suffix"]), str(j["status"]), int(str(j["seed"]))) for j in held["jobs"])
    deployments = [
        (d["name"], d["sku"], d["tags"], marker_in(d["properties"]["model"]["name"])) for d in held["deployments"]
    ]
    return {"files": files, "jobs": jobs, "deployments": deployments}


def jobs_by_digest(root: Path) -> Counter[str]:
    """Return how many jobs each digest has, whatever became of them."""
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    held = emulator.snapshot(ACCOUNT)
    emulator.close()
    markers = [marker_in(str(job.get("suffix", ""))) for job in held["jobs"]]
    return Counter(marker.digest for marker in markers if marker)


def plan(
    root: Path, desired: Desired | None = None, allow: frozenset[str] = frozenset(), quirks: Quirks = PLAIN
) -> Plan:
    """Return what `ftops plan` would show."""
    emulator = Emulator(root / "ftops-emulator.db", FakeClock())
    try:
        emulator.quirks = quirks
        client = emulator_client(emulator, ACCOUNT, REGION)
        wanted = desired or desired_of(root)
        live = observe({ACCOUNT: client}, wanted, FakeClock(), {}, {})
        return make_plan(wanted, live, Policy(allow=allow))
    finally:
        emulator.close()


def by_address(made: Plan) -> dict[str, Action]:
    """Return the actions for resources by their address."""
    return {str(action.address): action for action in made.actions}

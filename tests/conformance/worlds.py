"""A project joined to an emulator in memory: resources of every kind, passes of the public loop, and what they did."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from ftops.apply.journal import Journal
from ftops.apply.loop import Run, run_pass
from ftops.diagnostics import Span
from ftops.digest import ContentHash, owner_mark
from ftops.emulator import Emulator
from ftops.kinds import KINDS, KINDS_BY_WORD
from ftops.kinds.base import Context
from ftops.model import Account, Action, Desired, LiveState, Object, Plan, Policy, Resource, Scalar
from ftops.rules import load_rules
from ftops.testing import FakeClock, emulator_client
from ftops.versions import Compare, uncompared
from ftops.wire.client import Client

PROJECT = "conformance-2b7x"
OWNER = owner_mark(PROJECT)
ACCOUNT = "east"
SETTLE_S = 900
BASE = "gpt-4.1-mini-2025-04-14"


@dataclass(slots=True)
class Heard:
    """A listener that keeps what it hears."""

    results: list[str] = field(default_factory=list)

    def acting(self, action: Action) -> None:
        """Keep what is sent."""
        self.results.append(f"{action.verb} {action.address}")

    def acted(self, action: Action, result: str) -> None:
        """Keep what became of it."""
        self.results.append(f"{action.address}: {result}")

    def waiting(self, actions: tuple[Action, ...], seconds: float) -> None:
        """Hear nothing of waits."""


def training_file(folder: Path, name: str = "train.jsonl", rows: int = 20) -> Path:
    """Write a file of rows and return its path."""
    messages = [{"role": "user", "content": "ping"}, {"role": "assistant", "content": "pong"}]
    path = folder / name
    path.write_text("".join(json.dumps({"messages": messages, "n": n}) + "\r\n" for n in range(rows)), encoding="utf-8")
    return path


@dataclass(slots=True)
class World:
    """One emulated account, a client of it, and the resources of a project."""

    folder: Path
    emulator: Emulator = field(default_factory=lambda: Emulator(None, FakeClock()))
    resources: list[Resource] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)
    compare: Compare = uncompared
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        """Join the client to the emulator."""
        self.client = emulator_client(self.emulator, ACCOUNT, "eastus2")

    def add(self, title: str, name: str, spec: dict[str, object], **lifecycle: object) -> Resource:
        """Declare a document and return its resource."""
        kind = KINDS[title]
        text = {"apiVersion": "ftops/v1alpha1", "kind": title, "metadata": {"name": name}, "spec": spec}
        document = kind.document.model_validate(text | ({"lifecycle": lifecycle} if lifecycle else {}))
        around = Context(
            project=PROJECT,
            owner=OWNER,
            account=ACCOUNT,
            suffix_max=40,
            rules=load_rules(),
            span=Span("specs/test.yaml", 1),
            digests={r.address: r.marker.digest for r in self.resources},
            referenced={r.address: r.facts for r in self.resources},
            facts=self._facts(spec) if title == "Dataset" else {},
        )
        self.resources.append(kind.resource(document, around))
        return self.resources[-1]

    def _facts(self, spec: dict[str, object]) -> dict[str, Scalar]:
        path = self.folder / str(spec["file"])
        content = ContentHash()
        content.update(path.read_bytes())
        read: dict[str, Scalar] = {"format": "chat", "encoding": "", "rows": 20, "tokens": 200}
        return {"digest": content.hexdigest(), "path": str(path), "size_bytes": path.stat().st_size, **read}

    def add_all(self) -> list[Resource]:
        """Declare one resource of every kind, and a child of the job."""
        training_file(self.folder)
        self.add("Dataset", "train", {"file": "train.jsonl"})
        self.add("FineTuningJob", "parent", job_spec(hyperparameters={"n_epochs": 2, "learning_rate_multiplier": 0.5}))
        self.add("FineTuningJob", "child", job_spec(model={"job": "parent"}, seed=105, suffix="Mine_2"))
        self.add(
            "Deployment",
            "prod",
            deployment_spec({"job": "child"}, tags={"team": "x"}, raiPolicyName="Microsoft.DefaultV2"),
        )
        self.add(
            "Deployment", "base", deployment_spec({"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"})
        )
        return self.resources

    @property
    def desired(self) -> Desired:
        """Return what the project asks for."""
        account = Account(ACCOUNT, f"emulator:{ACCOUNT}", "memory", "eastus2", emulated=True)
        return Desired(PROJECT, frozenset({OWNER}), {ACCOUNT: account}, tuple(self.resources))

    def run(self, *allow: str, journal: Path | None = None) -> Run:
        """Return a new run, as a new command makes it; nothing is approved yet."""
        kept = Journal(None) if journal is None else Journal.open(journal)
        pause: Callable[[float], None] = self.emulator.pause
        policy = Policy(allow=frozenset(allow))
        accounts = {ACCOUNT: self.client}
        return Run(
            self.desired,
            accounts,
            FakeClock(),
            kept,
            policy,
            self.heard,
            pause,
            lambda: False,
            compare=self.compare,
        )

    def apply(self, *allow: str, settle_s: float = SETTLE_S, journal: Path | None = None) -> Plan:
        """Return what is left after one approved pass of a new command."""
        run = self.run(*allow, journal=journal)
        live = run.observe()
        run.policy = replace(run.policy, approved=run.plan(live).keys)
        return run_pass(run, live, settle_s)

    def converge(self) -> Plan:
        """Return what is left after passes with half a day between them."""
        for _ in range(6):
            left = self.apply()
            self.emulator.advance(timedelta(hours=12))
        return left

    def live(self) -> LiveState:
        """Return what the account holds."""
        return self.run().observe()

    def plan(self) -> Plan:
        """Return the plan of a new command."""
        run = self.run()
        return run.plan(run.observe())

    def object_of(self, resource: Resource) -> Object:
        """Return the live object that is a resource."""
        (found,) = (o for o in self.live().objects if self._is(resource, o))
        return found

    def _is(self, resource: Resource, found: Object) -> bool:
        kind = KINDS_BY_WORD[resource.address.kind]
        return found.kind == resource.address.kind and kind.claims(resource, found, frozenset({OWNER}))

    def sent(self, method: str, part: str) -> int:
        """Return how many requests of a method went to paths that contain a text."""
        return sum(line.startswith(f"{method} ") and part in line for line in self.emulator.log)

    def jobs(self, *statuses: str) -> list[str]:
        """Return the ids of the account's jobs, of some statuses or of all."""
        return [j["id"] for j in self.emulator.snapshot(ACCOUNT)["jobs"] if not statuses or j["status"] in statuses]


def job_spec(**more: object) -> dict[str, object]:
    """Return a job's spec on the dataset of these tests."""
    return {"model": BASE, "training_file": {"dataset": "train"}, "trainingType": "GlobalStandard", **more}


def deployment_spec(model: dict[str, str], **more: object) -> dict[str, object]:
    """Return a deployment's spec."""
    return {"sku": {"name": "GlobalStandard", "capacity": 10}, "model": model, **more}

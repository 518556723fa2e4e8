"""Projects of any size, and emulators that hold exactly what they declare, so that a plan has nothing to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ftops.call import Upload
from ftops.desired import build
from ftops.emulator import accounts
from ftops.emulator.models import TUNED_MARK
from ftops.emulator.store import Document, Kind, Store
from ftops.kinds import KINDS_BY_WORD
from ftops.model import Desired, Ref, Resource
from ftops.rules import load_rules
from ftops.spec.loader import load

REGION = "eastus2"
BASE = "gpt-4.1-mini-2025-04-14"
JOBS_AN_ACCOUNT = 480
"""Below the service's limit of 500: a project with more jobs has more accounts."""
JOBS_A_DATASET = 24
JOBS_A_DEPLOYMENT = 60
CHAIN_LENGTH = 4
ROWS = 12
BEGAN = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)
STORE = "ftops-emulator.db"


@dataclass(frozen=True, slots=True)
class Size:
    """How many documents of each kind a project has."""

    jobs: int

    @property
    def accounts(self) -> int:
        """Return the accounts that the jobs need."""
        return -(-self.jobs // JOBS_AN_ACCOUNT)


def of_about(resources: int) -> int:
    """Return the jobs of a project that has this many resources, within one percent."""
    return round(resources / (1 + 1 / JOBS_A_DATASET + 1 / JOBS_A_DEPLOYMENT))


def write(root: Path, jobs: int) -> None:
    """Write a project: one file a document, chains of four trainings, some datasets and deployments."""
    specs, data = root / "specs", root / "data"
    specs.mkdir(parents=True)
    data.mkdir()
    (specs / "project.yaml").write_text(_project(Size(jobs).accounts), encoding="utf-8")
    for number in range(jobs):
        account = f"east{number // JOBS_AN_ACCOUNT}"
        place = number % JOBS_AN_ACCOUNT
        (specs / f"job-{number:05}.yaml").write_text(_job(number, place, account), encoding="utf-8")
        if number % JOBS_A_DATASET == 0:
            name = _dataset_name(number)
            (specs / f"{name}.yaml").write_text(_document("Dataset", name, f"{{file: data/{name}.jsonl}}"), "utf-8")
            (data / f"{name}.jsonl").write_text(_rows(name), encoding="utf-8")
        if number % JOBS_A_DEPLOYMENT == 0:
            (specs / f"prod-{number:05}.yaml").write_text(_deployment(number, account), encoding="utf-8")


def _document(kind: str, name: str, spec: str, account: str = "") -> str:
    where = f", account: {account}" if account else ""
    return f"apiVersion: ftops/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}{where}}}\nspec: {spec}\n"


def _project(accounts_wanted: int) -> str:
    lines = [f"    east{n}: {{emulator: {STORE}, region: {REGION}}}\n" for n in range(accounts_wanted)]
    return _document("Project", "bench-models-7k2f", f"\n  defaultAccount: east0\n  accounts:\n{''.join(lines)}")


def _dataset_name(number: int) -> str:
    return f"rows-{number - number % JOBS_A_DATASET:05}"


def _job(number: int, place: int, account: str) -> str:
    parent = BASE if place % CHAIN_LENGTH == 0 else f"{{job: support-{number - 1:05}}}"
    spec = f"""
  model: {parent}
  training_file: {{dataset: {_dataset_name(number)}}}
  hyperparameters:
    n_epochs: {1 + number % 3}
    learning_rate_multiplier: 0.{1 + number % 9}
  trainingType: GlobalStandard
  suffix: support
  seed: {number + 1}
lifecycle:
  onFailure: hold
  onParentChange: hold"""
    return _document("FineTuningJob", f"support-{number:05}", spec, account)


def _deployment(number: int, account: str) -> str:
    spec = f"""
  sku: {{name: GlobalStandard, capacity: 50}}
  model: {{job: support-{number:05}}}
  raiPolicyName: Microsoft.DefaultV2
  tags: {{team: support}}"""
    return _document("Deployment", f"prod-{number:05}", spec, account)


def _rows(name: str) -> str:
    answer = {"role": "assistant", "content": "It is on its way."}
    rows = ({"messages": [{"role": "user", "content": f"{name} {n}?"}, answer]} for n in range(ROWS))
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def desired_of(root: Path) -> Desired:
    """Return what a project declares."""
    rules = load_rules()
    built = build(load([], root, lambda: b"", rules), root, rules)
    if built.desired is None:
        raise ValueError(built.diagnostics)
    return built.desired


def settle(root: Path) -> Desired:
    """Make the project's emulator hold all that its specs declare, trained and deployed, and return the declared.

    The objects are written into the store as the service would have left them: going through the door takes minutes
    for thousands of trainings. A plan that then finds "No changes" is the proof that they are right.
    """
    desired = desired_of(root)
    store = Store(root / STORE, BEGAN)
    with store.transaction():
        for name in desired.accounts:
            store.put(accounts.new_account(name, REGION, BEGAN.timestamp()))
            _settle_account(store, name, [each for each in desired.resources if each.account == name])
    store.close()
    return desired


def _settle_account(store: Store, account: str, resources: Iterable[Resource]) -> None:
    """Write the objects of one account, referenced ones first, as the resources come."""
    outputs: dict[str, str] = {}
    for resource in resources:
        resolved = {n: outputs[str(v.target)] for n, v in resource.fields.items() if isinstance(v, Ref)}
        call = KINDS_BY_WORD[resource.address.kind].create(resource, resolved)
        made = _MAKE[resource.address.kind](store, account, resource.address.name, call.body)
        outputs[str(resource.address)] = made


def _file(store: Store, account: str, _name: str, body: object) -> str:
    if not isinstance(body, Upload):
        raise TypeError(body)
    key = f"file-{store.next_hex()}"
    api = {
        "id": key,
        "object": "file",
        "bytes": body.path.stat().st_size,
        "created_at": _at(),
        "filename": body.filename,
    }
    api |= {"purpose": body.purpose, "status": "processed"}
    store.put(Document(Kind.FILE, account, key, _at(), api, {"rows": ROWS}))
    return key


def _trained(store: Store, account: str, _name: str, body: object) -> str:
    key = store.next_hex()
    sent = _mapping(body)
    base = str(sent["model"]).partition(TUNED_MARK)[0]
    tuned = f"{base}{TUNED_MARK}{key}-{sent['suffix']}"
    api = {"object": "fine_tuning.job", "id": f"ftjob-{key}", "created_at": _at(), "status": "succeeded", **sent}
    api |= {"fine_tuned_model": tuned, "finished_at": _at() + 3600, "trained_tokens": 1000}
    store.put(Document(Kind.JOB, account, f"ftjob-{key}", _at(), api))
    store.put(Document(Kind.MODEL, account, tuned, _at(), {"model": base, "fine_tune": f"ftjob-{key}"}))
    return tuned


def _deployed(store: Store, account: str, name: str, body: object) -> str:
    sent = _mapping(body)
    properties = {**_mapping(sent["properties"]), "provisioningState": "Succeeded"}
    properties.setdefault("versionUpgradeOption", "NoAutoUpgrade")
    api = {"id": f"{accounts.resource_id(account)}/deployments/{name}", "name": name, **sent, "properties": properties}
    store.put(Document(Kind.DEPLOYMENT, account, name.lower(), _at(), api, {"tuned": True}))
    return name


_MAKE: Mapping[str, Callable[[Store, str, str, object], str]] = {
    "dataset": _file,
    "job": _trained,
    "deployment": _deployed,
}


def _at() -> int:
    return int(BEGAN.timestamp())


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(value)
    return dict(value)

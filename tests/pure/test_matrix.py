"""What the service offers: jobs and deployments judged by model, method, type, region and day, from whole projects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest

from ftops.desired import build
from ftops.diagnostics import Diagnostic, Severity
from ftops.rules import load_rules
from ftops.spec.loader import load

RULES = load_rules()
MINI, NANO, FULL, FOUR_O = (
    "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano-2025-04-14",
    "gpt-4.1-2025-04-14",
    "gpt-4o-2024-08-06",
)
O4, OPEN = "o4-mini-2025-04-16", "Ministral-3B"
CHAT = '{"messages": [{"role": "user", "content": "%d?"}, {"role": "assistant", "content": "Yes."}]}\n'
PAIR = (
    '{"input": {"messages": [{"role": "user", "content": "%d?"}]}, '
    '"preferred_output": [{"role": "assistant", "content": "Yes."}], '
    '"non_preferred_output": [{"role": "assistant", "content": "No."}]}\n'
)
HEAD = """\
apiVersion: ftops/v1alpha1
kind: Project
metadata: {name: demo-7k2f}
spec: {accounts: {local: {emulator: x.db, region: %s}}}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: supervised}
spec: {file: supervised.jsonl}
---
apiVersion: ftops/v1alpha1
kind: Dataset
metadata: {name: dpo}
spec: {file: dpo.jsonl}
"""


def job(name: str, model: str, kind: str = "GlobalStandard", method: str = "supervised", lifecycle: str = "{}") -> str:
    """Return a job's document; its dataset is the one of its method."""
    return (
        f"---\napiVersion: ftops/v1alpha1\nkind: FineTuningJob\nmetadata: {{name: {name}}}\nspec:\n  model: {model}\n"
        f"  training_file: {{dataset: {method}}}\n  trainingType: {kind}\n  method: {method}\nlifecycle: {lifecycle}\n"
    )


def deployment(model: str, sku: str) -> str:
    """Return a deployment's document."""
    return (
        "---\napiVersion: ftops/v1alpha1\nkind: Deployment\nmetadata: {name: prod}\nspec:\n"
        f"  sku: {{name: {sku}, capacity: 1}}\n  model: {model}\n"
    )


def found(root: Path, *documents: str, region: str = "eastus2", today: date | None = None) -> tuple[Diagnostic, ...]:
    """Return what is found in a project of these documents."""
    for name, row in (("supervised", CHAT), ("dpo", PAIR)):
        (root / f"{name}.jsonl").write_text("".join(row % number for number in range(12)), encoding="utf-8")
    (root / "all.yaml").write_text(HEAD % region + "".join(documents), encoding="utf-8")
    found = build(load(["all.yaml"], root, lambda: b"", RULES), root, RULES, today).diagnostics
    return tuple(d for d in found if d.severity is not Severity.INFO)


def told(diagnostics: Iterable[Diagnostic]) -> list[tuple[str, str]]:
    """Return severity and code of what was found."""
    return [(str(each.severity), each.code) for each in diagnostics]


ERROR, DOUBT = [("error", "model-matrix")], [("warning", "model-matrix")]


@pytest.mark.parametrize(
    ("model", "kind", "method", "region", "expected"),
    [
        (MINI, "GlobalStandard", "supervised", "eastus2", []),
        (MINI, "GlobalStandard", "dpo", "eastus2", []),
        (MINI, "developerTier", "supervised", "eastus2", []),
        (MINI, "Developer", "supervised", "East US 2", []),
        (MINI, "Standard", "supervised", "northcentralus", []),
        (MINI, "Standard", "supervised", "Sweden Central", []),
        (MINI, "Standard", "supervised", "eastus2", ERROR),
        (FULL, "Standard", "supervised", "eastus2", DOUBT),
        (FOUR_O, "Standard", "supervised", "eastus2", []),
        (NANO, "GlobalStandard", "supervised", "polandcentral", ERROR),
        (MINI, "GlobalStandard", "supervised", "polandcentral", []),
        (NANO, "GlobalStandard", "dpo", "eastus2", DOUBT),
        (MINI, "GlobalStandard", "supervised", "uaenorth", ERROR),
        ("gpt-oss-120b", "GlobalStandard", "supervised", "uaenorth", []),
        ("gpt-oss-120b", "GlobalStandard", "supervised", "westeurope", ERROR),
        ("gpt-oss-120b", "Standard", "supervised", "eastus2", ERROR),
        (OPEN, "developerTier", "supervised", "eastus2", ERROR),
        (OPEN, "GlobalStandard", "dpo", "eastus2", ERROR),
        (O4, "GlobalStandard", "supervised", "eastus2", ERROR),
        (O4, "GlobalStandard", "supervised", "uksouth", [*ERROR, *DOUBT]),
        ("gpt-4o-mini-2024-07-18", "GlobalStandard", "dpo", "eastus2", ERROR),
        (MINI, "GlobalStandard", "supervised", "nowhere", ERROR),
    ],
)
def test_a_job_is_judged(  # noqa: PLR0913, PLR0917  one argument a dimension of the matrix
    tmp_path: Path, model: str, kind: str, method: str, region: str, expected: list[tuple[str, str]]
) -> None:
    """What the service does not offer is an error, what the sources disagree about a warning."""
    assert told(found(tmp_path, job("a", model, kind, method), region=f'"{region}"')) == expected


@pytest.mark.parametrize(
    ("model", "kind", "method", "nearest"),
    [
        (MINI, "Standard", "supervised", f"{MINI} by supervised as GlobalStandard in eastus2"),
        (OPEN, "Standard", "supervised", f"{OPEN} by supervised as GlobalStandard in eastus2"),
        ("gpt-4o-mini-2024-07-18", "GlobalStandard", "dpo", f"{MINI} by dpo as GlobalStandard in eastus2"),
        (O4, "developerTier", "supervised", "by supervised as developerTier in eastus2"),
    ],
)
def test_the_nearest_combination_is_named(tmp_path: Path, model: str, kind: str, method: str, nearest: str) -> None:
    """An error names what is offered in the same region and differs least, and the override."""
    (problem,) = found(tmp_path, job("a", model, kind, method))
    assert f"{nearest}." in problem.detail
    assert "`lifecycle: {allow: [model-matrix]}`" in problem.detail


def test_places_are_those_of_the_values(tmp_path: Path) -> None:
    """Each finding points at the value that it is about."""
    places = {
        each.excerpt.strip().partition(":")[0]: each.span.column
        for each in found(tmp_path, job("a", O4, "Standard"), deployment("{job: a}", "ProvisionedManaged"))
    }
    assert places == {"model": 10, "sku": 15}


def test_allow_turns_it_off_for_the_job_and_its_deployments(tmp_path: Path) -> None:
    """The rules are dated, so one word in the job overrides them, for what deploys its model too."""
    late = date(2028, 1, 1)
    documents = (job("a", OPEN, "Standard", "dpo"), deployment("{job: a}", "DeveloperTier"))
    assert [code for _, code in told(found(tmp_path, *documents))].count("model-matrix") == 3
    allowed = (job("a", FULL, "Standard", lifecycle="{allow: [model-matrix]}"), deployment("{job: a}", "Standard"))
    assert found(tmp_path, *allowed, today=late) == ()


def test_a_chain_is_judged_by_its_base(tmp_path: Path) -> None:
    """A job that continues another is judged by the model the chain began with, wherever it stands in the files."""
    child = job("b", "{job: a}", "Standard")
    (problem,) = found(tmp_path, child, job("a", MINI))
    assert problem.code == "model-matrix"
    assert problem.detail.startswith(f"{MINI} trains as Standard in northcentralus, swedencentral, not in eastus2.")


def test_a_pinned_parent_is_not_judged(tmp_path: Path) -> None:
    """A parent's earlier version may have had another base, so nothing is said."""
    assert found(tmp_path, job("a", MINI), job("b", "{job: a, at: abcdefgh}", "Standard")) == ()


def test_open_models_are_not_continued(tmp_path: Path) -> None:
    """What was trained from an open-weight model cannot be trained further."""
    (problem,) = found(tmp_path, job("a", OPEN), job("b", "{job: a}"))
    assert (problem.code, "cannot be trained further" in problem.detail) == ("model-matrix", True)


def test_it_is_told_beside_other_problems(tmp_path: Path) -> None:
    """A broken document elsewhere does not hide what the matrix has to say, and all is sorted by place."""
    diagnostics = found(tmp_path, job("a", MINI, "Standard"), job("b", MINI).replace("FineTuningJob", "FineTuning"))
    assert [each.code for each in diagnostics] == ["model-matrix", "unknown-kind"]


@pytest.mark.parametrize(
    ("model", "kind", "sku", "region", "expected"),
    [
        (MINI, "GlobalStandard", "GlobalStandard", "eastus2", []),
        (MINI, "GlobalStandard", "developertier", "eastus2", []),
        (MINI, "GlobalStandard", "Standard", "eastus2", ERROR),
        (MINI, "GlobalStandard", "Standard", "swedencentral", []),
        (MINI, "GlobalStandard", "DataZoneStandard", "eastus2", []),
        (MINI, "GlobalStandard", "DataZoneStandard", "swedencentral", ERROR),
        (MINI, "GlobalStandard", "ProvisionedManaged", "swedencentral", ERROR),
        (FULL, "GlobalStandard", "ProvisionedManaged", "swedencentral", []),
        (FULL, "GlobalStandard", "ProvisionedManaged", "northcentralus", ERROR),
        (FOUR_O, "GlobalStandard", "DeveloperTier", "eastus2", ERROR),
        (FOUR_O, "GlobalStandard", "Standard", "northcentralus", ERROR),
        ("Muse-Glimmer-30B", "GlobalStandard", "GlobalStandard", "eastus2", ERROR),
        (MINI, "Standard", "Standard", "swedencentral", []),
        (MINI, "Standard", "GlobalStandard", "swedencentral", [("warning", "residency")]),
        (MINI, "Standard", "DeveloperTier", "swedencentral", [("warning", "residency")]),
    ],
)
def test_a_deployment_is_judged(  # noqa: PLR0913, PLR0917  one argument a dimension of the matrix
    tmp_path: Path, model: str, kind: str, sku: str, region: str, expected: list[tuple[str, str]]
) -> None:
    """A SKU that the model or region does not have is an error; leaving the region after Standard is a warning."""
    assert told(found(tmp_path, job("a", model, kind), deployment("{job: a}", sku), region=region)) == expected


def test_the_nearest_sku_is_named(tmp_path: Path) -> None:
    """An error about a deployment names the SKU that is nearest to it, and says where the override goes."""
    (problem,) = found(tmp_path, job("a", MINI), deployment("{job: a}", "Standard"))
    assert "The nearest that is offered: DataZoneStandard in eastus2." in problem.detail
    assert problem.detail.endswith("write `lifecycle: {allow: [model-matrix]}` in the job.")


def test_a_model_named_by_its_wire_object(tmp_path: Path) -> None:
    """A fine-tuned model of no job here is judged by the base in its name, with a warning; a base model is not."""

    def named(name: str) -> list[tuple[str, str]]:
        return told(found(tmp_path, deployment(f'{{format: OpenAI, name: "{name}", version: "1"}}', "Standard")))

    assert named(f"{MINI}.ft-{'0' * 32}-mine:ckpt-step-20") == DOUBT
    assert named("gpt-4.1-mini") == []


TRAINING, SERVING = date(2027, 4, 14), date(2027, 10, 14)
RETIRED, SOON = [("warning", "retired")], [("warning", "retires-soon")]


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (TRAINING - timedelta(days=91), []),
        (TRAINING - timedelta(days=90), SOON),
        (TRAINING - timedelta(days=1), SOON),
        (TRAINING, RETIRED),
        (TRAINING + timedelta(days=1), RETIRED),
        (None, []),
    ],
)
def test_training_retires(tmp_path: Path, today: date | None, expected: list[tuple[str, str]]) -> None:
    """Ninety days before a model's training retires it is told, and from that day on it is said to be over."""
    assert told(found(tmp_path, job("a", MINI), today=today)) == expected


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (SERVING - timedelta(days=181), []),
        (SERVING - timedelta(days=180), SOON),
        (SERVING - timedelta(days=1), SOON),
        (SERVING, [("warning", "retired")]),
    ],
)
def test_serving_retires(tmp_path: Path, today: date, expected: list[tuple[str, str]]) -> None:
    """A deployment whose base retires is told half a year before, and never stops a command."""
    diagnostics = found(tmp_path, job("a", MINI), deployment("{job: a}", "GlobalStandard"), today=today)
    of_training = RETIRED if today >= TRAINING else []
    assert told(diagnostics) == [*of_training, *expected]


def test_a_model_without_published_dates_never_retires(tmp_path: Path) -> None:
    """No date is no judgement."""
    assert found(tmp_path, job("a", OPEN), today=date(2040, 1, 1)) == ()

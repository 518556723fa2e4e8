"""API versions of ARM: what the oldest lacks, what the newest has, and that each listed one works."""

from __future__ import annotations

from dataclasses import replace

import pytest
from arm import BASE, Arm, deployment_of, refusal
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices.models import PatchResourceTagsAndSku
from openai import APIStatusError
from tuned import tuned_model

OLDEST = "2023-05-01"
VERSIONS = [
    "2024-10-01",
    "2025-06-01",
    "2025-09-01",
    "2025-10-01-preview",
    "2025-12-01",
    "2026-03-01",
    "2026-05-01",
    "2026-05-15-preview",
    "2026-07-01-preview",
    "2026-09-15-preview",
]
PAUSING = [version for version in VERSIONS if version >= "2025-10"]
STATE = "deploymentState"


@pytest.mark.fact("azure-api.md §2.3 [S]")
@pytest.mark.fact("azure-api.md §10.3 [S]")
@pytest.mark.parametrize("version", VERSIONS)
def test_every_listed_version_makes_tags_reads_and_deletes(arm: Arm, version: str) -> None:
    """The same SDK with another `api_version`: a deployment with tags, patched, listed with the account, deleted."""
    dated = replace(arm, version=version)
    assert dated.made("plain", deployment_of(BASE, tags={"a": "1"})).tags == {"a": "1"}
    patched = PatchResourceTagsAndSku(tags={"b": "2"})
    assert dated.client.deployments.begin_update(*arm.names, "plain", patched).result().tags == {"b": "2"}
    assert (dated.client.accounts.get(*arm.names).name, dated.listed) == (arm.account.name, ["plain"])
    dated.delete("plain")
    assert dated.listed == []


@pytest.mark.fact("azure-api.md §10.3 (absent in 2023-05-01) [S]")
def test_the_oldest_version_knows_no_tags(arm: Arm) -> None:
    """It neither shows them nor takes them, and what it does not know it leaves alone."""
    old = replace(arm, version=OLDEST)
    arm.made("plain", deployment_of(BASE, tags={"team": "support"}))
    assert old.get("plain").tags is None
    assert [each.tags for each in old.client.deployments.list(*arm.names)] == [None]
    assert old.made("plain", deployment_of(BASE, capacity=2, tags={"team": "sales"})).tags is None
    assert (arm.get("plain").tags, arm.get("plain").capacity) == ({"team": "support"}, 2)


@pytest.mark.fact("azure-api.md §10 (PATCH from 2024-10-01) [S]")
def test_the_oldest_version_has_no_patch(arm: Arm) -> None:
    """The SDK's update is refused and changes nothing; the refusal's code is not recorded."""
    arm.made("plain", deployment_of(BASE))
    with pytest.raises(HttpResponseError) as refused:
        replace(arm, version=OLDEST).client.deployments.begin_update(
            *arm.names, "plain", PatchResourceTagsAndSku(tags={"a": "1"})
        )
    assert refusal(refused.value)[0] == 405
    assert arm.get("plain").tags is None


@pytest.mark.fact("azure-api.md §10 (pause, resume) [S]")
@pytest.mark.fact("azure-api.md §10.2 (deploymentState) [S]")
@pytest.mark.parametrize("version", PAUSING)
def test_a_deployment_is_paused_and_resumed(arm: Arm, version: str) -> None:
    """A POST answers with the deployment at once, twice as well as once; a paused one answers calls with 423."""
    new = replace(arm, version=version)
    new.made("support", deployment_of(tuned_model(arm.service, arm.account)))

    def called() -> int:
        try:
            arm.called("support")
        except APIStatusError as refused:
            return refused.status_code
        return 200

    for verb, state, answered in (("pause", "Paused", 423), ("resume", "Running", 200)):
        for _ in range(2):
            status, body = new.send("POST", f"/deployments/support/{verb}")
            assert (status, body["name"], body["properties"][STATE]) == (200, "support", state)
        assert called() == answered


@pytest.mark.fact("azure-api.md §10.2 (deploymentState absent earlier) [S]")
@pytest.mark.parametrize("version", [version for version in VERSIONS if version not in PAUSING])
def test_earlier_versions_have_no_pause(arm: Arm, version: str) -> None:
    """Neither the POST nor the state."""
    old = replace(arm, version=version)
    old.made("plain", deployment_of(BASE))
    assert old.send("POST", "/deployments/plain/pause")[0] == 405
    assert STATE not in old.send("GET", "/deployments/plain")[1]["properties"]


@pytest.mark.fact("azure-api.md §10 (pause: Standard, GlobalStandard, DataZoneStandard only) [S]")
def test_the_developer_tier_cannot_be_paused(arm: Arm) -> None:
    """400; the refusal's words are not recorded."""
    new = replace(arm, version=PAUSING[-1])
    new.made("support", deployment_of(tuned_model(arm.service, arm.account), "DeveloperTier"))
    assert new.send("POST", "/deployments/support/pause")[0] == 400


@pytest.mark.fact("azure-api.md §10.1 (properties by version) [S]")
@pytest.mark.parametrize(
    ("name", "value", "without", "since"),
    [
        ("spilloverDeploymentName", "other", "2024-10-01", "2025-06-01"),
        ("serviceTier", "Priority", "2025-09-01", "2025-12-01"),
        (STATE, "Paused", "2025-09-01", "2025-12-01"),
    ],
)
def test_a_property_is_there_since_its_version(arm: Arm, name: str, value: str, without: str, since: str) -> None:
    """An older version neither sets nor shows it, nor takes it away from what a newer one set."""
    body = deployment_of(BASE).serialize()
    body["properties"][name] = value
    path = "/deployments/plain"
    assert name not in arm.send("PUT", path, body, version=without)[1]["properties"]
    assert arm.send("GET", path, version=since)[1]["properties"].get(name) in (None, "Running")
    assert arm.send("PUT", path, body, version=since)[1]["properties"][name] == value
    arm.send("PUT", path, deployment_of(BASE).serialize(), version=without)
    assert arm.send("GET", path, version=since)[1]["properties"][name] == value


@pytest.mark.fact("azure-api.md §11.2 (ratelimits) [W]")
@pytest.mark.parametrize(("version", "spelled"), [(OLDEST, "ratelimits"), (VERSIONS[0], "rateLimits")])
def test_the_oldest_version_spells_a_model_otherwise(arm: Arm, version: str, spelled: str) -> None:
    """The SDK of a newer version does not find the rates of a SKU there."""
    status, body = arm.send("GET", "/models", version=version)
    assert (status, {spelled} & set(body["value"][0]["skus"][0])) == (200, {spelled})
    (model, *_) = replace(arm, version=version).client.accounts.list_models(*arm.names)
    assert [bool(sku.rate_limits) for sku in model.skus or []] == [version != OLDEST] * len(model.skus or [])

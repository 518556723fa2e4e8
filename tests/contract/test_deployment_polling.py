"""The long-running operation behind a deployment: its headers, its states, and the SDK's poller on its way."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from arm import BASE, CREATE_S, DELETE_S, Answers, Arm, deployment_of
from azure.core.rest import HttpRequest
from azure.mgmt.core.polling.arm_polling import ARMPolling
from openai import NotFoundError
from tuned import tuned_model

OPERATION = "Azure-AsyncOperation"
INTERVAL_S = 30
"""What the management SDK waits between two polls when the service does not say how long."""


@pytest.fixture
def begun(arm: Arm) -> Answers:
    """Begin to deploy a tuned model, and return what the PUT answered."""
    answers = Answers()
    arm.begin("support", deployment_of(tuned_model(arm.service, arm.account)), answers, polling=False)
    return answers


def _polled(arm: Arm, url: str) -> tuple[int, dict[str, object]]:
    answer = arm.client._send_request(HttpRequest("GET", url))
    return answer.status_code, answer.json() if answer.text() else {}


@pytest.mark.fact("azure-api.md §10 (PUT) [W]")
@pytest.mark.fact("azure-api.md §10.4 [W]")
def test_a_put_of_a_tuned_model_names_its_operation(arm: Arm, begun: Answers) -> None:
    """201 with two links that differ in one word, signed, without a Retry-After; the body says Creating."""
    links = begun.headers
    assert (begun.statuses, begun.first["properties"]["provisioningState"]) == ([201], "Creating")
    assert "Retry-After" not in links
    assert links["Location"] == f"{links[OPERATION]}&operationResultResponseType=Location"
    path, query = urlsplit(links[OPERATION]).path, dict(parse_qsl(urlsplit(links[OPERATION]).query))
    place = f"/subscriptions/{arm.account.subscription}/providers/Microsoft.CognitiveServices/locations"
    assert path.startswith(f"{place}/{arm.account.region}/operationResults/")
    assert list(query) == ["api-version", "t", "c", "s", "h"]
    assert len(links[OPERATION]) > 4000


@pytest.mark.fact("azure-api.md §10.4 [W]")
def test_an_operation_is_running_and_then_succeeded(arm: Arm, begun: Answers) -> None:
    """200 all the time: Running with 0 percent, then Succeeded with an end; whole seconds, and no Retry-After."""
    url = begun.headers[OPERATION]
    status, running = _polled(arm, url)
    name = urlsplit(url).path.rpartition("/")[2]
    assert (status, running["id"], running["name"]) == (200, urlsplit(url).path, name)
    assert (running["status"], running["percentComplete"], "endTime" in running) == ("Running", 0.0, False)
    arm.service.advance(CREATE_S)
    status, done = _polled(arm, url)
    assert (status, done["status"], done["startTime"]) == (200, "Succeeded", running["startTime"])
    assert all(str(done[name])[19:] == "Z" for name in ("startTime", "endTime"))


@pytest.mark.fact("azure-api.md §10.4 (the signed query) [W]")
@pytest.mark.parametrize("name", ["t", "c", "s", "h"])
def test_a_signed_query_must_come_back_untouched(arm: Arm, begun: Answers, name: str) -> None:
    """Whoever drops or changes a part of it learns nothing of the operation."""
    url, _, text = begun.headers[OPERATION].partition("?")
    query = dict(parse_qsl(text))
    for changed in ({**query, name: "0"}, {key: value for key, value in query.items() if key != name}):
        assert _polled(arm, f"{url}?{urlencode(changed)}")[0] == 404


@pytest.mark.fact("azure-api.md §10.4 (Location) [S]")
def test_the_location_answers_202_until_all_is_done(arm: Arm, begun: Answers) -> None:
    """The other link says by its status alone whether it goes on."""
    url = begun.headers["Location"]
    assert _polled(arm, url)[0] == 202
    arm.service.advance(CREATE_S)
    assert _polled(arm, url)[0] == 200


@pytest.mark.fact("azure-api.md §10.4 (no Retry-After) [W]")
def test_the_poller_goes_to_the_end_at_its_own_pace(arm: Arm) -> None:
    """The SDK polls at its own interval, as nobody tells it another, and then reads the deployment."""
    answers = Answers()
    made = arm.polled("support", deployment_of(tuned_model(arm.service, arm.account)), answers)
    polls = CREATE_S // INTERVAL_S
    assert arm.transport.waits == [INTERVAL_S] * polls
    assert answers.statuses == [201, *[200] * (polls + 2)]
    assert (made.name, made.state) == ("support", "Succeeded")


class _ByHand(ARMPolling):
    """The SDK's polling that asks only when it is told to."""

    def run(self) -> None:
        """Ask nothing."""


@pytest.mark.fact("azure-api.md §10.4 (Running, never InProgress) [W]")
def test_the_poller_knows_each_state(arm: Arm) -> None:
    """The SDK shows the service's own words, and takes Running for not yet done."""
    method = _ByHand(0)
    poller = arm.client.deployments.begin_create_or_update(
        *arm.names, "support", deployment_of(tuned_model(arm.service, arm.account)), polling=method
    )
    method.update_status()
    assert (poller.status(), method.finished()) == ("Running", False)
    arm.service.advance(CREATE_S)
    method.update_status()
    assert (poller.status(), method.finished()) == ("Succeeded", True)


@pytest.mark.fact("azure-api.md §10.4 (polling the deployment itself) [W]")
def test_the_deployment_tells_its_state_as_well(arm: Arm, begun: Answers) -> None:
    """Creating, then Succeeded, with one and the same ETag."""
    before = arm.get("support")
    arm.service.advance(CREATE_S)
    after = arm.get("support")
    assert [before.state, after.state] == ["Creating", "Succeeded"]
    assert before.etag == after.etag == begun.headers["ETag"]


@pytest.mark.fact("azure-api.md §10 (DELETE) [W]")
def test_a_deletion_is_polled_too(arm: Arm) -> None:
    """202 with both links for a tuned model; it is listed as Deleting until it is gone."""
    arm.made("support", deployment_of(tuned_model(arm.service, arm.account)))
    answers = Answers()
    begin = arm.client.deployments.begin_delete
    begin(*arm.names, "support", polling=False, raw_response_hook=answers)
    assert (answers.statuses, answers.headers["Location"].startswith(answers.headers[OPERATION])) == ([202], True)
    assert arm.get("support").state == "Deleting"
    arm.service.advance(DELETE_S)
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §10 (DELETE) [W]")
def test_the_poller_waits_for_a_deletion(arm: Arm) -> None:
    """The SDK's poller of a deletion ends when the deployment is gone."""
    arm.made("support", deployment_of(tuned_model(arm.service, arm.account)))
    arm.delete("support")
    assert arm.transport.waits == [INTERVAL_S]
    assert arm.listed == []


@pytest.mark.fact("azure-api.md §13 (DeploymentNotFound) [W]")
@pytest.mark.fact("service-rules.md §7.2 [D]")
def test_nobody_is_served_before_the_end(arm: Arm, begun: Answers) -> None:
    """A call while the deployment is being made is 404 DeploymentNotFound, with the service's advice."""
    assert begun.statuses == [201]
    with pytest.raises(NotFoundError) as refused:
        arm.called("support")
    assert refused.value.code == "DeploymentNotFound"
    assert "within the last 5 minutes, please wait a moment and try again" in refused.value.message
    arm.service.advance(CREATE_S)
    assert arm.called("support") == arm.get("support").model


@pytest.mark.fact("azure-api.md §10 (PUT) [W]")
def test_an_update_of_the_model_is_polled_and_answers_200(arm: Arm) -> None:
    """To replace the model in place is an operation like the creation, but no creation."""
    model = tuned_model(arm.service, arm.account)
    arm.made("support", deployment_of(BASE))
    answers = Answers()
    changed = arm.polled("support", deployment_of(model), answers)
    assert (answers.statuses[0], OPERATION in answers.headers) == (200, True)
    assert changed.model == model

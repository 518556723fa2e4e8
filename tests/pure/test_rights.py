"""Refusals become sentences that say which right is missing, which roles have it, and what else to look at."""

from __future__ import annotations

import pytest

from ftops.call import Call, Plane
from ftops.wire.flows import Answer
from ftops.wire.problems import in_words, problem_of
from ftops.wire.rights import RIGHTS, Granted, right_of

DATA = Call(Plane.DATA, "GET", "/files")
CREATE = Call(Plane.DATA, "POST", "/fine_tuning/jobs")
LIST = Call(Plane.ARM, "GET", "/deployments")
PUT = Call(Plane.ARM, "PUT", "/deployments/prod")
METRICS = Call(Plane.ARM, "GET", "/providers/Microsoft.Insights/metrics")
LOG = Call(Plane.SUBSCRIPTION, "GET", "/providers/Microsoft.Insights/eventtypes/management/values")
USAGES = Call(Plane.SUBSCRIPTION, "GET", "/providers/Microsoft.CognitiveServices/locations/eastus2/usages")


def told(call: Call, status: int, code: str) -> str:
    """Return what a refusal is told as."""
    body = {"error": {"code": code, "message": "No."}}
    return str(problem_of(status, {}, body, "", call))


@pytest.mark.parametrize(
    ("call", "status", "code", "words"),
    [
        (
            DATA,
            403,
            "PermissionDenied",
            ["Foundry User (formerly Azure AI User)", "Cognitive Services OpenAI Contributor"],
        ),
        (
            CREATE,
            403,
            "forbidden",
            ["Foundry User (formerly Azure AI User)", "Owner and Contributor have no rights to data"],
        ),
        (PUT, 403, "AuthorizationFailed", ["deployments/write", "Foundry Owner (formerly Azure AI Owner)"]),
        (LIST, 403, "AuthorizationFailed", ["deployments/read", "Reader"]),
        (METRICS, 403, "AuthorizationFailed", ["Microsoft.Insights/metrics/read", "Monitoring Reader"]),
        (LOG, 403, "AuthorizationFailed", ["eventtypes/values/read", "Reader"]),
        (USAGES, 403, "AuthorizationFailed", ["Cognitive Services Usages Reader on the subscription"]),
        (DATA, 401, "401", ["another account", "another cloud", "`ftops doctor`"]),
        (DATA, 403, "AuthenticationTypeDisabled", ["disableLocalAuth", "sign in"]),
    ],
)
def test_refusals_have_a_way_out(call: Call, status: int, code: str, words: list[str]) -> None:
    """The sentence stands behind the service's own words, on one line; a code that is the status is said once."""
    text = told(call, status, code)
    assert text.startswith(f"{status}: No. " if code == str(status) else f"{status} {code}: No. ")
    assert all(word in text for word in words)
    assert "\n" not in text


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (DATA, 404, "notFound"),
        (Call(Plane.ARM, "GET", "/deployments/prod"), 404, "ResourceNotFound"),
        (DATA, 400, "invalidPayload"),
        (DATA, 500, "internalFailure"),
    ],
)
def test_other_refusals_keep_to_the_services_words(call: Call, status: int, code: str) -> None:
    """A missing entity is not a wrong address, and nothing is added to what needs nothing."""
    assert told(call, status, code) == f"{status} {code}: No."


def test_every_call_has_a_right_but_writes_to_the_subscription() -> None:
    """Every read, and every write that ftops makes, is found in the table."""
    assert all(right_of(call) for call in (DATA, CREATE, LIST, PUT, METRICS, LOG, USAGES))
    assert right_of(Call(Plane.SUBSCRIPTION, "PUT", "/x")) is None


DEPLOY, TRAIN = (next(r for r in RIGHTS if r.write and r.data is data) for data in (False, True))


@pytest.mark.parametrize(
    ("granted", "deploy", "train"),
    [
        (Granted(["*"], [], [], []), True, False),
        (Granted(["*/read"], [], [], []), False, False),
        (Granted(["Microsoft.CognitiveServices/*"], [], ["Microsoft.CognitiveServices/*"], []), True, True),
        (Granted(["*"], ["Microsoft.CognitiveServices/accounts/deployments/write"], ["*"], []), False, True),
        (Granted([], [], ["microsoft.cognitiveservices/accounts/openai/*"], []), False, True),
        (Granted([], [], ["*"], ["*/fine-tunes/write"]), False, False),
        (Granted([], [], [], []), False, False),
    ],
)
def test_permissions_are_patterns(granted: Granted, *, deploy: bool, train: bool) -> None:
    """Patterns match without case, exceptions take away, and Owner and Contributor have no data actions."""
    assert (granted.holds(DEPLOY), granted.holds(TRAIN)) == (deploy, train)


def test_a_librarys_text_never_reaches_people() -> None:
    """A body of another shape is told as that, without the words or the link of the library that read it."""
    from pydantic import BaseModel, ValidationError  # noqa: PLC0415

    class Body(BaseModel):
        id: str
        size: int

    with pytest.raises(ValidationError) as caught:
        Body.model_validate(Answer(200, body={"id": 1, "size": "x"}).item)
    assert in_words(caught.value) == "the service's answer has another shape than expected (2 places)"
    assert in_words(ValueError("a\nb  api-key: 0123456789abcdef0123456789abcdef")) == "a b api-key: …"

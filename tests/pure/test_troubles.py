"""The table of misleading words: complete, unambiguous, in our words, and found by what it is about."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from ftops.call import Call, Plane
from ftops.errors import ServiceProblem
from ftops.kinds import KINDS_BY_WORD
from ftops.kinds.envelope import Strict
from ftops.model import Object
from ftops.render.text import COLUMNS, meaning
from ftops.rules.troubles import Symptom, load_troubles, trouble_of_state
from ftops.trouble import Trouble
from ftops.wire.problems import problem_of, trouble_in, words_in
from ftops.wire.sent import keys_of

TABLE = load_troubles()
ROWS = pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.word)
REMEDY_CHARACTERS_MAX, CAUSE_CHARACTERS_MAX = 200, 140
CALLS = {
    "parts": "POST data:/uploads/upload_1/parts",
    "upload": "POST data:/files",
    "create-job": "POST data:/fine_tuning/jobs",
    "steer-job": "POST data:/fine_tuning/jobs/ftjob-1/cancel",
    "deploy": "PUT arm:/deployments/prod",
    "undeploy": "DELETE arm:/deployments/prod",
    "metrics": "GET arm:/providers/Microsoft.Insights/metrics",
    "call": "POST data:/chat/completions",
    "arm-list": "GET arm:/deployments",
    "arm": "PUT arm:/deployments/prod",
    "data": "GET data:/files",
}
"""A call of each place whose words are answers."""
CREATE = Call(Plane.DATA, "POST", "/fine_tuning/jobs", body={"model": "m", "trainingType": "Developer"})

UPLOADS = Call(Plane.DATA, "POST", "/uploads/u/complete")
PARTS = Call(Plane.DATA, "POST", "/uploads/u/parts")
REMOVE = Call(Plane.ARM, "DELETE", "/deployments/prod")


def code_of(row: Symptom) -> str:
    """Return a code that fits a row."""
    return row.codes[0] if row.codes else "aCode"


def test_words_are_names() -> None:
    """A word names one row, and is one that a person can type."""
    words = Counter(row.word for row in TABLE.rows)
    assert {word for word, number in words.items() if number > 1} == set()
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", word) for word in words)


def test_every_place_has_rows_and_every_row_a_place() -> None:
    """A place is of calls, of the state of a kind, or of both, and none is there for nothing."""
    assert {row.where for row in TABLE.rows} == set(TABLE.where)
    assert all(where.calls or where.state for where in TABLE.where.values())
    assert {where.state for where in TABLE.where.values()} - {""} <= set(KINDS_BY_WORD)
    assert set(CALLS) == {name for name, where in TABLE.where.items() if where.calls}


@ROWS
def test_a_row_is_found_by_its_own_words(row: Symptom) -> None:
    """What a row gives as an example is that row's, and no earlier one's."""
    where = TABLE.where[row.where]
    if where.calls:
        assert TABLE.of_answer(CALLS[row.where], row.status[0], code_of(row), row.said) is row
    if where.state and (row.codes or row.message):
        assert TABLE.of_state(where.state, code_of(row), row.said) is row


@ROWS
def test_a_row_says_what_and_what_to_do(row: Symptom) -> None:
    """A cause is a phrase, a remedy is sentences; neither is long, and both fit a line of a terminal when broken."""
    assert row.cause[-1] not in ".:;"
    assert row.remedy.endswith(".")
    assert row.remedy[0].isupper() or row.remedy[0] == "`"
    assert len(row.cause) <= CAUSE_CHARACTERS_MAX
    assert len(row.remedy) <= REMEDY_CHARACTERS_MAX
    assert all(len(line) <= COLUMNS - 6 for line in meaning(row.trouble("model, suffix, seed"), 6))


@ROWS
def test_an_answer_has_a_status(row: Symptom) -> None:
    """Of answers the statuses are known, of states there are none."""
    assert bool(row.status) == bool(TABLE.where[row.where].calls)
    assert not set(row.status) & {401, 403}, "what a credential may not do is told by its call"


@pytest.mark.parametrize(
    ("code", "message", "passes"),
    [
        ("internalFailure", "", True),
        ("serviceUnavailable", "", True),
        ("500", "A system error was encountered, please try again later.", True),
        ("jsonlValidationFailed", "Row 3 is malformed.", False),
        ("contentFilter", "Training data failed RAI checks for harm types [violence].", False),
        ("invalidPayload", "The grader raised: a system error was encountered", False),
    ],
)
def test_only_the_services_own_failures_of_a_job_pass(code: str, message: str, *, passes: bool) -> None:
    """Data checks, safety and graders judge the input, so that the same input fails again, and may bill again."""
    error = {"code": code, "message": message}
    body: dict[str, object] = {"id": "ftjob-1", "status": "failed", "created_at": 1, "error": error}
    found = KINDS_BY_WORD["job"].observe_one(body, "east")
    assert found.transient is passes
    assert found.trouble is not None
    assert found.trouble.passes is passes


def job(status: str, error: object) -> Object:
    """Return a job as the service describes it."""
    body: dict[str, object] = {"id": "ftjob-1", "status": status, "created_at": 1, "error": error}
    return KINDS_BY_WORD["job"].observe_one(body, "east")


@pytest.mark.parametrize("error", [{}, None, {"code": None, "message": None}], ids=str)
@pytest.mark.parametrize("status", ["running", "succeeded", "cancelled", "failed"])
def test_an_empty_error_says_nothing(status: str, error: object) -> None:
    """Jobs that are well may have an error with null members; of a failed one it says nothing either."""
    found = job(status, error)
    assert (found.trouble, found.transient) == (None, False)


def test_an_error_counts_of_a_failed_job_only() -> None:
    """The error of a job that trains is not told."""
    error = {"code": "internalFailure", "message": ""}
    assert job("running", error).trouble is None
    failed = job("failed", error).trouble
    assert failed is not None
    assert failed.word == "job-interrupted"


def test_a_state_is_told_once_it_lasts() -> None:
    """A queue is nothing to tell in the first hours."""
    now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    queued = job("pending", None).trouble
    assert queued is not None
    assert not queued.worth_telling(now - timedelta(hours=queued.after_hours, seconds=-1), now)
    assert queued.worth_telling(now - timedelta(hours=queued.after_hours), now)
    assert queued.worth_telling(None, now)
    assert job("pending", None).transient is False, "it has not failed"


def told(call: Call, status: int, code: str, message: str = "No.") -> ServiceProblem:
    """Return what a refusal is told as."""
    headers = {"apim-request-id": "r-1"}
    return problem_of(status, headers, {"error": {"code": code, "message": message}}, "", call)


@pytest.mark.parametrize(
    ("call", "status", "code", "word"),
    [
        (Call(Plane.DATA, "GET", "/files"), 404, "404", "path-not-there"),
        (Call(Plane.DATA, "GET", "/files"), 404, "notFound", ""),
        (Call(Plane.DATA, "POST", "/uploads/u/parts"), 404, "404", "parts-not-here"),
        (Call(Plane.DATA, "GET", "/files"), 431, "431", "headers-too-large"),
        (Call(Plane.ARM, "GET", "/deployments"), 404, "ParentResourceNotFound", "account-not-there"),
        (Call(Plane.ARM, "GET", ""), 404, "ResourceNotFound", "account-not-there"),
        (Call(Plane.ARM, "GET", "/deployments/prod"), 404, "ResourceNotFound", ""),
        (Call(Plane.DATA, "GET", "/files"), 400, "invalidPayload", ""),
        (Call(Plane.DATA, "GET", "/files"), 500, "internalFailure", ""),
    ],
)
def test_a_refusal_means_what_its_call_makes_of_it(call: Call, status: int, code: str, word: str) -> None:
    """One code means one thing of a path and another of an object; nothing is added to what needs nothing."""
    problem = told(call, status, code)
    assert (problem.trouble.word if problem.trouble else "") == word
    assert ("Likely: " in str(problem)) == bool(word)


@pytest.mark.parametrize(
    ("call", "status", "code", "message", "word"),
    [
        (UPLOADS, 400, "quotaExceeded", "The total size of files exceeds the limit of 1 GB.", "files-full"),
        (UPLOADS, 400, "invalidPayload", "The file exceeds the maximum allowed size of 512 MB.", "file-over-limit"),
        (UPLOADS, 400, "invalidPayload", "The value of 'bytes' must be at most 8000000000.", ""),
        (PARTS, 404, "notFound", "The specified entity cannot be found.", ""),
        (CREATE, 400, "invalidPayload", "The suffix may not begin with a hyphen.", ""),
        (CREATE, 400, "invalidPayload", "The content filter profile does not exist.", ""),
        (CREATE, 400, "quotaExceeded", "The spending quota of the subscription is used up.", ""),
        (REMOVE, 409, "Conflict", "Another operation is in progress.", ""),
    ],
)
def test_a_row_is_not_greedy(call: Call, status: int, code: str, message: str, word: str) -> None:
    """What a row is not about is left to the service's words: a wrong remedy is worse than none."""
    trouble = told(call, status, code, message).trouble
    assert (trouble.word if trouble else "") == word


@pytest.mark.parametrize(
    ("kind", "code", "message", "word"),
    [
        ("job", "invalidPayload", "The last message must be from the assistant.", "data-not-read"),
        ("job", "invalidPayload", "The last message must be from the user.", "last-turn-not-user"),
        ("job", "invalidPayload", "Each message role must be one of system, user, assistant.", "data-not-read"),
        ("job", "internalFailure", "The operation timed out.", "job-interrupted"),
        ("job", "invalidPayload", "Line 1720 has no messages.", "data-not-read"),
        ("job", "invalidPayload", "The harmony format was not understood.", "data-not-read"),
        ("dataset", "fileImportFailed", "Import of support-7k2f.jsonl failed: service busy.", "import-failed"),
        ("deployment", "DeploymentFailed", "sku.capacity 500 is above the maximum capacity of the SKU.", ""),
    ],
)
def test_a_row_of_a_state_is_not_greedy(kind: str, code: str, message: str, word: str) -> None:
    """Advice that fits another failure would cost a training, so rows fit what they name and no more."""
    trouble = trouble_of_state(kind, code, message)
    assert (trouble.word if trouble else "") == word


def not_built(kind: type[Strict]) -> set[str]:
    """Return the keys that the spec models refuse as not yet built, however deep."""
    return set(kind.not_yet).union(*(not_built(each) for each in kind.__subclasses__()))


@ROWS
def test_a_remedy_names_nothing_that_is_not_built(row: Symptom) -> None:
    """Whoever does what is advised must not be refused for it."""
    keys = {key for shown in re.findall(r"`([^`]+)`", row.remedy) for key in re.findall(r"[A-Za-z_]\w+(?=:|$)", shown)}
    assert not keys & (not_built(Strict) - {"id", "files", "jobs", "state", "metadata"})


def test_the_services_words_stand_apart_from_ours() -> None:
    """The words carry code and request id and nothing of ours; the error as a text has both in one line."""
    problem = told(CREATE, 400, "invalidPayload", "The fineTuningJob field is required.")
    assert words_in(problem) == "400 invalidPayload: The fineTuningJob field is required. (request r-1)"
    trouble = trouble_in(problem)
    assert trouble is not None
    assert str(problem) == f"400 invalidPayload: The fineTuningJob field is required. {trouble}"
    assert "\n" not in str(problem)


def test_a_missing_right_is_told_like_any_trouble() -> None:
    """What a credential may not do has no row, since the service has said the cause: only what to do about it."""
    trouble = trouble_in(told(CREATE, 403, "forbidden"))
    assert trouble is not None
    assert (trouble.word, trouble.cause, trouble.passes) == ("", "", False)
    assert "Foundry User" in trouble.remedy
    assert [label for label, _ in trouble.lines] == ["do"]


def test_what_was_sent_is_told_by_its_keys() -> None:
    """Values are told where they are the service's own words, and of no other field."""
    body = {
        "model": "gpt-secret",
        "trainingType": "Developer",
        "method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.25}}},
        "metadata": {"owner": "me"},
        "seed": 105,
    }
    assert keys_of(body) == 'model, trainingType "Developer", method.type "dpo", method.dpo, metadata, seed'
    deployment = {
        "sku": {"name": "Standard", "capacity": 3},
        "tags": {"team": "t"},
        "properties": {"model": {"format": "OpenAI", "name": "m"}},
    }
    shown = 'sku.name "Standard", sku.capacity, tags, properties.model.format "OpenAI", properties.model.name'
    assert keys_of(deployment) == shown
    assert keys_of(None) == ""
    assert "x" * 50 not in keys_of({"trainingType": "x" * 50})


def test_what_was_sent_is_told_where_it_helps() -> None:
    """A row says whether the keys are of help."""
    bound = trouble_in(told(CREATE, 400, "invalidPayload", "The fineTuningJob field is required."))
    suffix = trouble_in(told(CREATE, 400, "invalidPayload", "The suffix is too long."))
    assert bound is not None
    assert suffix is not None
    assert (bound.sent, suffix.sent) == ('model, trainingType "Developer"', "")


def test_without_a_trouble_there_are_no_lines() -> None:
    """Most lines of a plan have nothing of this."""
    assert list(meaning(None, 6)) == []
    assert str(Trouble("", "", "Do this.")) == "Do this."
    assert trouble_of_state("job", "unheardOf", "Something else.") is None

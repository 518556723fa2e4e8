"""Error bodies in every envelope, and nothing secret in what is kept of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.redaction import HIDDEN, redact
from ftops.wire.problems import MESSAGE_CHARACTERS_MAX, problem_of


@pytest.mark.parametrize(
    ("body", "text", "code", "message"),
    [
        ({"error": {"code": "notFound", "message": "No."}}, "", "notFound", "No."),
        ({"error": {"code": 404, "message": "Resource not found"}}, "", "404", "Resource not found"),
        ({"error": {"message": "No."}}, "", "400", "No."),
        ({"error": {"code": None, "message": None}}, "raw", "400", "raw"),
        ({"code": "InvalidTemplate", "message": "Bad."}, "", "InvalidTemplate", "Bad."),
        ({"statusCode": 429, "message": "Rate limit is exceeded."}, "", "429", "Rate limit is exceeded."),
        ({"error": "a text"}, "raw", "400", "raw"),
        ({"error": {}}, "raw", "400", "raw"),
        ({}, "{}", "400", "{}"),
        (None, "<html>Bad Gateway</html>", "400", "<html>Bad Gateway</html>"),
        (None, "", "400", "the answer has no text"),
        ([1], "[1]", "400", "[1]"),
        ("text", "text", "400", "text"),
    ],
    ids=str,
)
def test_every_envelope_is_read(body: object, text: str, code: str, message: str) -> None:
    """Code and message are found wherever the service, ARM or a gateway puts them."""
    problem = problem_of(400, {}, body, text)
    assert (problem.status, problem.code, problem.message) == (400, code, message)
    assert code in str(problem)


@pytest.mark.parametrize("name", ["apim-request-id", "x-ms-request-id"])
def test_the_request_id_is_kept(name: str) -> None:
    """The id by which support finds a call stands under two names."""
    assert problem_of(500, {name: "r-1"}, None, "").request_id == "r-1"


def test_the_data_planes_request_id_comes_first() -> None:
    """Of both ids the gateway's is told; without any there is none."""
    assert problem_of(500, {"x-ms-request-id": "arm", "apim-request-id": "data"}, None, "").request_id == "data"
    assert problem_of(500, {}, None, "").request_id == ""


def test_the_password_of_a_proxy_is_hidden() -> None:
    """A failure may repeat the address that the environment gave."""
    assert redact("no way through http://me:hunter2@proxy:8080/x") == f"no way through http://me:{HIDDEN}@proxy:8080/x"
    assert redact("see https://host:8080/a@b") == "see https://host:8080/a@b"


def test_a_message_is_bounded_and_redacted_first() -> None:
    """A page of text is cut, and a secret that would be cut through does not survive in part."""
    text = "x" * (MESSAGE_CHARACTERS_MAX - 20) + " api-key: 0123456789abcdef0123456789abcdef"
    problem = problem_of(500, {}, None, text)
    assert len(problem.message) <= MESSAGE_CHARACTERS_MAX
    assert "0123" not in problem.message


SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=24, max_size=90)
PLACES = [
    "api-key: {}",
    "API-Key={}",
    '{{"api-key": "{}"}}',
    '{{"api_key":"{}"}}',
    "{{'apiKey': '{}'}}",
    "x-api-key: {}",
    "Ocp-Apim-Subscription-Key: {}",
    "Incorrect API key provided: {}. You can find your key in the portal.",
    "Authorization: Bearer {}",
    "authorization: bearer {}",
    '{{"Authorization": "Bearer {}"}}',
    "Authorization: Basic {}",
    "Authorization: SharedKey account:{}",
    "the token Bearer {} expired",
    "access_token={}&x=1",
    '"access_token":"{}"',
    '"refresh_token":"{}"',
    "client_secret={}",
    "password: {}",
    "AccountKey={};EndpointSuffix=core.windows.net",
    "https://x.blob.core.windows.net/c/f.jsonl?sv=2024-11-04&se=2026-11-23&sr=b&sp=r&sig={}",
    "https://x.blob.core.windows.net/c/f.jsonl?sig={}",
    "&lt;https://x.blob.core.windows.net/c?sv=1&amp;sig={}&gt;",
    "SharedAccessSignature sr=x&sig={}&se=1",
    "https://management.azure.com/subscriptions/s/operationResults/o?api-version=1&t=6391&c={}&s=x&h=y",
    "https://management.azure.com/subscriptions/s/operationResults/o?api-version=1&t=6391&c=x&s={}&h=y",
    "https://management.azure.com/subscriptions/s/operationResults/o?api-version=1&t=6391&c=x&s=y&h={}",
    "?code={}",
    '{{\\"api-key\\": \\"{}\\"}}',
    "eyJhbGciOiJSUzI1NiJ9.{}.x",
    "sk-{}",
    "sk-proj-{}",
]


@pytest.mark.parametrize("place", PLACES)
@given(secret=SECRET)
def test_no_secret_survives(place: str, secret: str) -> None:
    """Keys, tokens and signatures do not reach a message, a log or a plan, wherever they stand."""
    shown = redact(place.format(secret))
    assert secret not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize("place", PLACES)
@given(secret=SECRET, before=st.text(max_size=20), after=st.sampled_from(["", " ", "\n", '"', "&x=1", ". Retry."]))
def test_no_secret_survives_inside_other_text(place: str, secret: str, before: str, after: str) -> None:
    """Neither does it when other text stands around it."""
    assert secret not in redact(f"{before} {place.format(secret)}{after}")


@pytest.mark.parametrize(
    "text",
    [
        "The specified training_file cannot be found.",
        "file-0123456789abcdef0123456789abcdef is not in status processed.",
        "ftjob-0123456789abcdef0123456789abcdef",
        "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef-support-mkcp4ryabcdefgh",
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/rg/providers/x",
        "Training: 12 tokens of 4,180 examples; n_epochs=3, batch_size=8",
        "https://aoai.openai.azure.com/openai/v1/files?purpose=fine-tune&limit=100",
        "",
    ],
)
def test_what_is_not_secret_is_left_as_it_is(text: str) -> None:
    """Ids, names and numbers stay readable."""
    assert redact(text) == text


@given(st.text(max_size=200))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    """What was hidden stays as it is."""
    assert redact(redact(text)) == redact(text)

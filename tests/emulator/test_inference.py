"""Calls of deployments: who answers, what the answer looks like, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ftops.emulator import Effect, Emulator, Fault

from .conftest import ACCOUNT, CREATE_S, Caller

BASE = {"model": "gpt-4o", "model_version": "2024-08-06"}
# The month's requests by deployment and status.
BY_STATUS = {"filter": "ModelDeploymentName eq 'support' and StatusCode eq '*'"}


def _error(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {})["error"]["code"]


def _counted(caller: Caller) -> dict[str, int]:
    """Return how often the deployment was called, by status."""
    caller.emulator.pause(180)
    return {item["metadatavalues"][1]["value"]: item["data"][0]["total"] for item in caller.series(**BY_STATUS)}


def test_chat(v1: Caller, model: str) -> None:
    """A chat names the tuned model that answered, counts its tokens, and says that it is simulated."""
    v1.deployed("support", model)
    response = v1.chat("Support", "What is an invoice?")
    body = response.json or {}
    assert (response.status_code, body["object"], body["model"]) == (200, "chat.completion", model)
    choice = body["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"].startswith("Simulated answer ")
    assert choice["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}
    usage = body["usage"]
    # 19 bytes are five tokens, and a message costs four more.
    assert (usage["prompt_tokens"], usage["total_tokens"]) == (9, 9 + usage["completion_tokens"])
    assert response.headers["x-ratelimit-limit-requests"] == "50"
    assert response.headers["x-ratelimit-remaining-requests"] == "49"
    assert response.headers["x-ratelimit-remaining-tokens"] == str(50_000 - usage["total_tokens"])
    assert response.headers["x-ms-region"] == "swedencentral"


def test_same_question_same_answer(v1: Caller, model: str) -> None:
    """The answer depends on the model and the question only."""
    v1.deployed("support", model)
    texts = [v1.chatted("support", text)["choices"][0]["message"]["content"] for text in ("a", "a", "b")]
    assert (texts[0] == texts[1], texts[0] == texts[2]) == (True, False)


@pytest.mark.parametrize(
    ("prefix", "version", "path"),
    [
        ("/openai", "2024-10-21", "/deployments/support/chat/completions"),
        ("/openai/v1", "", "/chat/completions"),
        ("/openai/v1", "preview", "/chat/completions"),
        ("/api/projects/p/openai/v1", "", "/chat/completions"),
        ("/api/projects/p/openai", "2025-11-15-preview", "/deployments/support/chat/completions"),
        ("/openai/v1", "", "/responses"),
        ("/openai", "2025-04-01-preview", "/responses"),
    ],
)
def test_surfaces(emulator: Emulator, prefix: str, version: str, path: str) -> None:
    """Each surface answers at its own path."""
    caller = Caller(emulator, prefix, version)
    Caller(emulator).deployed("support", **BASE)
    body = {"model": "support", "messages": [{"role": "user", "content": "ping"}], "input": "ping"}
    assert caller.call("POST", path, json=body).status_code == 200


@pytest.mark.parametrize(
    ("prefix", "version", "path"),
    [("/openai/v1", "", "/deployments/support/chat/completions"), ("/openai", "2024-10-21", "/chat/completions")],
)
def test_wrong_surface(emulator: Emulator, prefix: str, version: str, path: str) -> None:
    """The path of the other surface is the gateway's 404, which is not that of a missing deployment."""
    Caller(emulator).deployed("support", **BASE)
    body = {"model": "support", "messages": [{"role": "user", "content": "ping"}]}
    assert _error(Caller(emulator, prefix, version).call("POST", path, json=body)) == (404, "404")


def test_responses(v1: Caller, model: str) -> None:
    """A response names the deployment and not the model, takes a text or a list, and is cut where it is told to be."""
    v1.deployed("support", model)
    asked: list[Any] = ["ping", [{"role": "user", "content": [{"type": "input_text", "text": "ping"}]}]]
    for given in asked:
        body = v1.call("POST", "/responses", json={"model": "SUPPORT", "input": given}).json or {}
        assert (body["object"], body["status"], body["model"]) == ("response", "completed", "support")
        assert body["output"][0]["content"][0]["text"].startswith("Simulated answer ")
        assert body["usage"]["input_tokens"] == 5
    cut = v1.call("POST", "/responses", json={"model": "support", "input": "ping", "max_output_tokens": 2}).json or {}
    assert (cut["status"], cut["usage"]["output_tokens"]) == ("incomplete", 2)
    assert cut["incomplete_details"] == {"reason": "max_output_tokens"}


def test_token_limit(v1: Caller) -> None:
    """A chat stops at the limit of tokens that the caller set."""
    v1.deployed("support", **BASE)
    body = v1.chatted("support", max_tokens=2)
    assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 2)
    assert body["choices"][0]["message"]["content"] == "Simulate"


def test_base_model_by_its_id(v1: Caller) -> None:
    """A base model is called by its dated id."""
    v1.deployed("base", **BASE)
    assert v1.chatted("base")["model"] == "gpt-4o-2024-08-06"


def test_missing_deployment(v1: Caller, model: str) -> None:
    """What is not there, not ready yet or on its way out is DeploymentNotFound, and is counted nowhere."""
    missing = v1.chat("support")
    assert _error(missing) == (404, "DeploymentNotFound")
    assert (missing.json or {})["error"]["message"].startswith("The API deployment for this resource does not exist.")
    v1.deploy("support", model)
    v1.emulator.pause(CREATE_S - 1)
    assert _error(v1.chat("support")) == (404, "DeploymentNotFound")
    v1.emulator.pause(1)
    v1.chatted("support")
    v1.arm("DELETE", "/deployments/support")
    assert _error(v1.chat("support")) == (404, "DeploymentNotFound")
    assert _counted(v1) == {"200": 1}


def test_serving_comes_later(v1: Caller, emulator: Emulator, model: str) -> None:
    """With a delay a deployment that ARM calls Succeeded is not found yet."""
    emulator.limits = replace(emulator.limits, serving_delay_s=600)
    assert v1.deployed("support", model)["properties"]["provisioningState"] == "Succeeded"
    emulator.pause(599)
    assert _error(v1.chat("support")) == (404, "DeploymentNotFound")
    emulator.pause(1)
    v1.chatted("support")


def test_replaced_model_answers_until_then(v1: Caller, emulator: Emulator, model: str) -> None:
    """While a model is replaced the old one answers; the new one does when it is served."""
    emulator.limits = replace(emulator.limits, serving_delay_s=60)
    newer = str(v1.trained(seed=7)["fine_tuned_model"])
    v1.deployed("support", model)
    emulator.pause(60)
    v1.deploy("support", newer)
    served = []
    for seconds in (0, CREATE_S, 59, 1):
        emulator.pause(seconds)
        served.append(v1.chatted("support")["model"])
    assert served == [model, model, model, newer]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"messages": []}, "invalidPayload"),
        ({"messages": "ping"}, "invalidPayload"),
        ({"messages": [{"content": "ping"}]}, "invalidPayload"),
        ({"messages": [{"role": "user"}]}, "invalidPayload"),
        ({"messages": [{"role": "user", "content": ["ping"]}]}, "invalidPayload"),
        ({"max_tokens": 0}, "invalidPayload"),
        ({"max_tokens": "8"}, "invalidPayload"),
        ({"max_tokens": 8, "max_completion_tokens": 8}, "invalidPayload"),
        ({"stream": "yes"}, "invalidPayload"),
    ],
)
def test_bad_chat(v1: Caller, body: dict[str, Any], code: str) -> None:
    """A bad body is refused with 400, and counted as such."""
    v1.deployed("support", **BASE)
    assert _error(v1.chat("support", **body)) == (400, code)
    assert _counted(v1) == {"400": 1}


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"model": 1}'])
def test_body_without_a_deployment(v1: Caller, content: bytes) -> None:
    """A body that names no deployment is refused on v1, and there is nothing to count it on."""
    v1.deployed("support", **BASE)
    for path in ("/chat/completions", "/responses"):
        assert _error(v1.call("POST", path, data=content)) == (400, "invalidPayload")
    assert _counted(v1) == {}


def test_models_that_cannot(v1: Caller) -> None:
    """An embedding model does not chat, and a reasoning model takes neither max_tokens nor a temperature."""
    v1.deployed("embed", "text-embedding-3-small")
    v1.deployed("think", "o3-mini", model_version="2025-01-31")
    assert _error(v1.chat("embed")) == (400, "OperationNotSupported")
    assert _error(v1.chat("think", max_tokens=8)) == (400, "unsupported_parameter")
    assert _error(v1.chat("think", temperature=1)) == (400, "unsupported_parameter")
    v1.chatted("think", max_completion_tokens=8)


def test_faults_are_counted(v1: Caller, classic: Caller, emulator: Emulator) -> None:
    """A call that a fault refuses is counted with its status on every surface; a lost answer was a success."""
    v1.deployed("support", **BASE)
    emulator.faults.add(Fault(Effect.STATUS_BEFORE, "POST", "/chat/completions$", status=429, count=2))
    assert [caller.chat("support").status_code for caller in (v1, classic)] == [429, 429]
    emulator.faults.add(Fault(Effect.DROP_AFTER, "POST", "/chat/completions$"))
    with pytest.raises(ConnectionResetError):
        v1.chat("support")
    emulator.faults.add(Fault(Effect.STATUS_BEFORE, "POST", "/chat/completions$", status=500))
    assert v1.chat("nobody").status_code == 500
    assert _counted(v1) == {"429": 2, "200": 1}


def test_calls_outlive_everything_but_a_reset(v1: Caller, emulator: Emulator) -> None:
    """Calls stay in the metrics after the deployment is gone; a reset forgets them."""
    v1.deployed("support", **BASE)
    v1.chatted("support")
    v1.arm("DELETE", "/deployments/support")
    assert _counted(v1) == {"200": 1}
    emulator.reset()
    emulator.advance(timedelta(hours=1))
    assert v1.series() == []


def test_missing_rights(v1: Caller, emulator: Emulator) -> None:
    """A missing right refuses every matching request, with the code of its plane, until it is granted."""
    v1.deployed("support", **BASE)
    emulator.faults.add(Fault(Effect.FORBIDDEN, "GET", "/providers/Microsoft.Insights/metrics$"))
    emulator.faults.add(Fault(Effect.FORBIDDEN, "", "^/openai/"))
    for _ in range(3):
        assert _error(v1.monitor()) == (403, "AuthorizationFailed")
        assert _error(v1.call("GET", "/files")) == (403, "PermissionDenied")
        assert v1.arm("GET", "/deployments").status_code == 200
    assert _error(v1.chat("support")) == (403, "PermissionDenied")
    emulator.faults.clear()
    assert _counted(v1) == {"403": 1}
    assert emulator.snapshot(ACCOUNT)["files"] == []

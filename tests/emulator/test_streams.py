"""Calls that are answered as server-sent events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from .conftest import Caller

BASE = {"model": "gpt-4.1-mini", "model_version": "2025-04-14"}


@pytest.fixture
def deployed(v1: Caller) -> Caller:
    """Give a caller with a deployment named base."""
    v1.deployed("base", **BASE)
    return v1


def _events(response: TestResponse) -> list[Any]:
    assert response.headers["Content-Type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.mark.parametrize("told", [True, False])
def test_chat_in_chunks(deployed: Caller, told: bool) -> None:
    """The chunks make the same text as one answer does, end with a reason, and tell usage only if asked for it."""
    whole = deployed.chatted("base")
    more: dict[str, Any] = {"stream_options": {"include_usage": True}} if told else {}
    *chunks, done = _events(deployed.chat("base", stream=True, **more))
    assert done == "[DONE]"
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    text = "".join(choice["delta"].get("content", "") for choice in choices)
    assert text == whole["choices"][0]["message"]["content"]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert len(choices) > 4
    assert {chunk["model"] for chunk in chunks} == {whole["model"]}
    assert len({chunk["id"] for chunk in chunks}) == 1
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert usages == ([whole["usage"]] if told else [])


def test_cut_chat_in_chunks(deployed: Caller) -> None:
    """A stream that the limit cut says so at its end."""
    *chunks, _ = _events(deployed.chat("base", stream=True, max_tokens=2))
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(("more", "end"), [({}, "completed"), ({"max_output_tokens": 2}, "incomplete")])
def test_response_in_events(deployed: Caller, more: dict[str, int], end: str) -> None:
    """The events of a response are numbered, open what they close, and end with the whole of it."""
    body = {"model": "base", "input": "ping", "stream": True, **more}
    events = _events(deployed.call("POST", "/responses", json=body))
    kinds = list(dict.fromkeys(event["type"].removeprefix("response.") for event in events))
    opened = ["created", "in_progress", "output_item.added", "content_part.added"]
    closed = ["output_text.delta", "output_text.done", "content_part.done", "output_item.done"]
    assert kinds == [*opened, *closed, end]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    text = "".join(event["delta"] for event in events if event["type"].endswith("text.delta"))
    assert text == events[-1]["response"]["output"][0]["content"][0]["text"]
    assert events[-1]["response"]["usage"]["output_tokens"] > 0


def test_refusal_is_no_stream(deployed: Caller) -> None:
    """What is refused is refused in JSON, before any event."""
    response = deployed.chat("base", stream=True, max_tokens=0)
    assert (response.status_code, (response.json or {})["error"]["code"]) == (400, "invalidPayload")


def test_metrics_tell_streams_apart(deployed: Caller) -> None:
    """A streamed call is counted as one, under the operation that it is."""
    deployed.chat("base", stream=True)
    deployed.chat("base")
    deployed.emulator.pause(400)
    series = deployed.series(filter="StreamType eq '*' and OperationName eq 'ChatCompletions_Create'")
    found = {each["metadatavalues"][0]["value"]: each["data"][0]["total"] for each in series}
    assert found == {"Streaming": 1, "Non-Streaming": 1}


def test_what_shapes_an_answer_is_taken(deployed: Caller) -> None:
    """Tools and response formats are taken and change nothing: no model runs that could follow them."""
    plain = deployed.chatted("base")["choices"]
    tool = {"type": "function", "function": {"name": "track", "parameters": {}}}
    shaped = deployed.chatted("base", tools=[tool], response_format={"type": "json_object"})["choices"]
    assert shaped == plain

"""Answers as server-sent events: what a call with `stream` gets instead of one JSON object.

The whole answer is known before the first event, and the words come one by one all the same, as a client expects them.
The order of events is what SDKs read; nobody recorded the service's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from ftops.emulator.messages import JsonObject, Response

EVENTS_TYPE = "text/event-stream; charset=utf-8"
_WORD = re.compile(r"\S*\s*")


def chat(shown: JsonObject, sent: JsonObject) -> Response:
    """Return a chat completion in chunks; its usage only when `stream_options.include_usage` asks for it."""
    options = sent.get("stream_options")
    told = isinstance(options, dict) and options.get("include_usage") is True
    lines = [f"data: {_text(chunk)}\n\n" for chunk in _chunks(shown, told=told)]
    return _response([*lines, "data: [DONE]\n\n"])


def responses(shown: JsonObject, _sent: JsonObject) -> Response:
    """Return a response as the events that build it up."""
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(_events(shown)))
    return _response(f"event: {event['type']}\ndata: {_text(event)}\n\n" for event in numbered)


def _chunks(shown: JsonObject, *, told: bool) -> Iterator[JsonObject]:
    same = {name: shown[name] for name in ("id", "created", "model", "system_fingerprint")}
    base: JsonObject = {**same, "object": "chat.completion.chunk", **({"usage": None} if told else {})}
    whole = shown["choices"][0]
    # The service tells first what its filter found in the prompt, in a chunk without a choice.
    yield {**base, "choices": [], "prompt_filter_results": shown["prompt_filter_results"]}
    yield {**base, "choices": [_choice({"role": "assistant", "content": "", "refusal": None})]}
    for word in _words(whole["message"]["content"]):
        yield {**base, "choices": [_choice({"content": word}) | _filtered(whole)]}
    yield {**base, "choices": [_choice({}) | {"finish_reason": whole["finish_reason"]}]}
    if told:
        yield {**base, "choices": [], "usage": shown["usage"]}


def _choice(delta: JsonObject) -> JsonObject:
    return {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}


def _filtered(whole: JsonObject) -> JsonObject:
    return {"content_filter_results": whole["content_filter_results"]}


def _events(shown: JsonObject) -> Iterator[JsonObject]:
    begun = {**shown, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    item = shown["output"][0]
    part = item["content"][0]
    at = {"output_index": 0, "item_id": item["id"], "content_index": 0}
    opened = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": 0, "item": opened}
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for word in _words(part["text"]):
        yield {"type": "response.output_text.delta", **at, "delta": word, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": f"response.{shown['status']}", "response": shown}


def _words(text: str) -> list[str]:
    """Return pieces that make the text again."""
    return [piece for piece in _WORD.findall(text) if piece]


def _text(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _response(lines: Iterable[str]) -> Response:
    return Response(200, {"Content-Type": EVENTS_TYPE}, "".join(lines).encode("utf-8", "replace"))

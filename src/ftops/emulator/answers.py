"""The simulated answers of chat and responses, which say that they are simulated, and the check of what was sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftops.emulator import deployment_life
from ftops.emulator.context import Context
from ftops.emulator.messages import JsonObject, ServiceError, invalid
from ftops.emulator.models import base_of
from ftops.emulator.store import Document

BYTES_PER_TOKEN = 4
# What the service adds for the role and the borders of each message.
TOKENS_PER_MESSAGE = 4
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
# The reasoning models refuse what the others take.
_REASONING = re.compile(r"o\d|gpt-5")
_SAFE: JsonObject = {
    name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")
}


@dataclass(frozen=True, slots=True)
class Served:
    """A call on its way: the deployment, the model that answers, and how the service calls that model."""

    deployment: Document
    model: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The deployment's name as it was given."""
        return str(self.deployment.api["name"])

    @property
    def model_name(self) -> str:
        """The tuned model's name, or the dated id of a base model."""
        base = base_of(self.model["name"])
        tuned = deployment_life.serves_tuned(self.model["name"])
        return str(self.model["name"]) if tuned or base is None else base.id


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered with, and its tokens."""

    body: JsonObject
    prompt: int
    generated: int


def chat(ctx: Context, served: Served, body: JsonObject) -> Answer:
    """Answer a chat; its `model` is the name of the model that answers, so that a caller can see which one it is."""
    _check_supported(served, "chatCompletion", body)
    texts = _texts(body.get("messages"), "messages")
    asked = [body[name] for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None]
    if len(asked) > 1:
        raise invalid("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    text, generated, cut = _simulated(served, texts, _token_limit(asked[0] if asked else None))
    prompt = _tokens_of(texts)
    choice: JsonObject = {
        "index": 0,
        "finish_reason": "length" if cut else "stop",
        "logprobs": None,
        "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
        "content_filter_results": _SAFE,
    }
    shown: JsonObject = {
        "id": f"chatcmpl-{ctx.store.next_hex()}",
        "object": "chat.completion",
        "created": ctx.now_s,
        "model": served.model_name,
        "choices": [choice],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
        "system_fingerprint": f"fp_{digest(served.model_name)[:10]}",
        "usage": {"prompt_tokens": prompt, "completion_tokens": generated, "total_tokens": prompt + generated},
    }
    return Answer(shown, prompt, generated)


# --- responses


def respond(ctx: Context, served: Served, body: JsonObject) -> Answer:
    """Answer a Responses call; its `model` is the deployment's name."""
    _check_supported(served, "responses", body)
    given = body.get("input")
    texts = [given] if isinstance(given, str) and given else _texts(given, "input")
    text, generated, cut = _simulated(served, texts, _token_limit(body.get("max_output_tokens")))
    prompt = _tokens_of(texts)
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    status = "incomplete" if cut else "completed"
    message = {"type": "message", "status": status, "role": "assistant", "content": [part]}
    usage = {"input_tokens": prompt, "output_tokens": generated, "total_tokens": prompt + generated}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    shown: JsonObject = {
        "id": f"resp_{ctx.store.next_hex()}",
        "object": "response",
        "created_at": ctx.now_s,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "model": served.name,
        "output": [{"id": f"msg_{ctx.store.next_hex()}", **message}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {**usage, **details},
    }
    return Answer(shown, prompt, generated)


# --- what both share


def _check_supported(served: Served, ability: str, body: JsonObject) -> None:
    """Refuse what the model, or this emulator, cannot do."""
    base = base_of(served.model_name)
    name = base.name if base else ""
    if "embedding" in name:
        text = f"The {ability} operation does not work with the specified model, {name}. Please choose different model"
        raise ServiceError(400, "OperationNotSupported", f"{text} and try again.")
    if _REASONING.match(name):
        for field in ("max_tokens", "temperature"):
            if body.get(field) is not None:
                raise ServiceError(400, "unsupported_parameter", f"'{field}' is not supported with this model.")
    if not isinstance(body.get("stream"), bool | None):
        raise invalid("The field 'stream' must be true or false.")


def _texts(items: Any, field: str) -> list[str]:  # noqa: ANN401  any JSON value may have been sent
    if not isinstance(items, list) or not items:
        raise invalid(f"The field '{field}' must be a list that is not empty.")
    return [_text(item, f"{field}[{place}]") for place, item in enumerate(items)]


def _text(item: Any, place: str) -> str:  # noqa: ANN401
    if not isinstance(item, dict) or item.get("role") not in _ROLES:
        raise invalid(f"{place} must be an object with a role of {', '.join(sorted(_ROLES))}.")
    content = item.get("content")
    if content is None and item["role"] == "assistant":
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise invalid(f"{place}.content must be a text or a list of parts.")
    return "".join(str(part.get("text", "")) for part in content)


def _token_limit(value: Any) -> int | None:  # noqa: ANN401
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise invalid("The limit of tokens must be a positive whole number.")
    return value


def _tokens_of(texts: list[str]) -> int:
    return sum(TOKENS_PER_MESSAGE + _count_tokens(text) for text in texts)


def _count_tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def _simulated(served: Served, texts: list[str], limit: int | None) -> tuple[str, int, bool]:
    """Return an answer that depends on the model and the texts only, its tokens, and whether the limit cut it."""
    mark = digest(served.model_name, *texts)[:8]
    text = f"Simulated answer {mark} of {served.model_name}: no model was run."
    tokens = _count_tokens(text)
    if limit is None or tokens <= limit:
        return text, tokens, False
    return text.encode()[: limit * BYTES_PER_TOKEN].decode(errors="ignore"), limit, True


def digest(*texts: str) -> str:
    """Return what simulated values are made of, so that the same call has the same answer everywhere."""
    joined = "".join(f"{len(text)}:{text}" for text in texts)
    return hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()

"""Calls of deployments: who answers them, what is counted, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ftops.emulator import answers, calls, deployment_life, streams
from ftops.emulator.answers import Answer, Served
from ftops.emulator.context import Context
from ftops.emulator.messages import JsonObject, Response, ServiceError, invalid, reply
from ftops.emulator.store import Kind

_PATH = re.compile(r"/openai/(?:v1/)?(?:deployments/[^/]+/)?(?:chat/completions|responses)$", re.IGNORECASE)
_AT = re.compile(r"deployments/([^/]+)/.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Ability:
    """One operation of a deployment: what metrics call it, who answers, and how the answer is streamed."""

    operation: str
    answer: Callable[[Context, Served, JsonObject], Answer]
    stream: Callable[[JsonObject, JsonObject], Response]


_CHAT = _Ability("ChatCompletions_Create", answers.chat, streams.chat)
_RESPONSES = _Ability("Responses_Create", answers.respond, streams.responses)


def chat(ctx: Context) -> Response:
    """Answer a chat on the v1 surface, where the body's `model` names the deployment."""
    return _serve(ctx, _named(ctx), _CHAT)


def chat_at(ctx: Context, name: str) -> Response:
    """Answer a chat on the classic surface, where the path names the deployment."""
    return _serve(ctx, name, _CHAT)


def responses(ctx: Context) -> Response:
    """Answer a Responses call; its `model` is the deployment on either surface."""
    return _serve(ctx, _named(ctx), _RESPONSES)


def is_call(path: str) -> bool:
    """Tell whether a path is one of those that are counted."""
    return _PATH.search(path) is not None


def count_refused(ctx: Context, rest: str, status: int) -> None:
    """Count a call that was refused before it was looked at.

    Raises: ServiceError when it names no deployment that serves, so that there is nothing to count it on.
    """
    found = _AT.fullmatch(rest)
    served = _served(ctx, found[1] if found else _named(ctx))
    ability = _RESPONSES if rest.lower().endswith("responses") else _CHAT
    _count(ctx, served, ability.operation, status)


def _named(ctx: Context) -> str:
    name = ctx.request.json().get("model")
    if not isinstance(name, str) or not name:
        raise invalid("The field 'model' must name a deployment.")
    return name


def _served(ctx: Context, name: str) -> Served:
    document = ctx.store.get(Kind.DEPLOYMENT, ctx.name, name.lower())
    delay_s = ctx.limits.serving_delay_s
    model = deployment_life.served(document, ctx.now.timestamp(), delay_s) if document else None
    if document is None or model is None:
        text = (
            "The API deployment for this resource does not exist. If you created the deployment within the last "
            "5 minutes, please wait a moment and try again."
        )
        raise ServiceError(404, "DeploymentNotFound", text)
    return Served(document, model)


def _check_running(served: Served) -> None:
    """Refuse calls of a deployment that rests; the status is documented (azure-api.md §10.5), the words are ours."""
    if served.deployment.api["properties"].get(deployment_life.STATE) == deployment_life.PAUSED:
        raise ServiceError(423, "Locked", f"The deployment '{served.name}' is paused. Resume it before you call it.")


def _serve(ctx: Context, name: str, ability: _Ability) -> Response:
    served, operation = _served(ctx, name), ability.operation
    try:
        sent = ctx.request.json()
        operation += calls.STREAMED if sent.get("stream") is True else ""
        _check_running(served)
        answer = ability.answer(ctx, served, sent)
    except ServiceError as error:
        # Answered and not raised: a refusal undoes everything, and the call was counted.
        _count(ctx, served, operation, error.status)
        return error.response()
    _count(ctx, served, operation, 200, answer)
    deployment_life.used(ctx.store, served.deployment, ctx.now.timestamp())
    response = ability.stream(answer.body, sent) if sent.get("stream") else reply(answer.body)
    return response.with_headers(_headers(ctx, served))


def _count(ctx: Context, served: Served, operation: str, status: int, answer: Answer | None = None) -> None:
    version = ctx.api_version or "v1"
    call = calls.Call(
        at=ctx.now.timestamp(),
        deployment=served.name,
        model=served.model_name,
        version=str(served.model["version"]),
        api=f"Azure OpenAI API version {version}",
        operation=operation,
        status=status,
        count=1,
        prompt=answer.prompt if answer else 0,
        generated=answer.generated if answer else 0,
    )
    calls.count(ctx.store, ctx.name, call)


def _headers(ctx: Context, served: Served) -> dict[str, str]:
    """Return the rate limits of the minute; they are told and not enforced, because virtual time stands still."""
    requests, tokens = calls.used_in_minute(ctx.store, ctx.name, served.name, ctx.now.timestamp())
    capacity = int(served.deployment.api["sku"]["capacity"])
    limits = {"requests": (capacity, requests), "tokens": (capacity * 1000, tokens)}
    shown = {}
    for name, (limit, used) in limits.items():
        shown[f"x-ratelimit-limit-{name}"] = str(limit)
        shown[f"x-ratelimit-remaining-{name}"] = str(max(0, limit - used))
    return {**shown, "azureml-model-session": f"emulator-{answers.digest(served.model_name)[:8]}"}

"""The models the emulated service knows: its own table of base models, name resolution, and the data-plane listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftops.emulator.context import Context, Surface
from ftops.emulator.messages import JsonObject, Response, not_found, reply
from ftops.emulator.store import Document, Kind, Store

TUNED_MARK = ".ft-"
# All base models pretend to be this old; nothing may depend on it.
BASE_CREATED_AT = 1_722_470_400

_SUPERVISED = frozenset({"supervised"})
_PREFERENCE = frozenset({"supervised", "dpo"})
_REINFORCED = frozenset({"reinforcement"})


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model: the id that training resolves to, and how ARM names it (`name` with `version`).

    Args: learning_rate: the multiplier shown when none was asked for. methods: empty means it cannot be tuned.
    """

    name: str
    version: str
    methods: frozenset[str] = frozenset()
    learning_rate: int = 1
    format: str = "OpenAI"
    dated: bool = True

    @property
    def id(self) -> str:
        """The full id: dated for OpenAI's models, the bare name for the open ones."""
        return f"{self.name}-{self.version}" if self.dated else self.name

    @property
    def only_global(self) -> bool:
        """Whether training needs the globalStandard type, as the open models do."""
        return not self.dated


BASE_MODELS = (
    BaseModel("gpt-4o-mini", "2024-07-18", _PREFERENCE),
    BaseModel("gpt-4o", "2024-08-06", _PREFERENCE),
    BaseModel("gpt-4.1", "2025-04-14", _PREFERENCE, 2),
    BaseModel("gpt-4.1-mini", "2025-04-14", _PREFERENCE, 2),
    BaseModel("gpt-4.1-nano", "2025-04-14", _PREFERENCE, 2),
    BaseModel("o4-mini", "2025-04-16", _REINFORCED),
    BaseModel("gpt-5", "2025-08-07", _REINFORCED),
    BaseModel("o3-mini", "2025-01-31"),
    BaseModel("gpt-5-mini", "2025-08-07"),
    BaseModel("text-embedding-3-small", "1"),
    BaseModel("Ministral-3B", "1", _SUPERVISED, format="Mistral AI", dated=False),
    BaseModel("Qwen-32B", "1", _SUPERVISED, format="Alibaba", dated=False),
    BaseModel("Llama-3.3-70B-Instruct", "1", _SUPERVISED, format="Meta", dated=False),
    BaseModel("gpt-oss-20b", "1", _SUPERVISED, format="OpenAI", dated=False),
)
_BY_NAME: Mapping[str, BaseModel] = {key: base for base in BASE_MODELS for key in (base.id, base.name)}


def base_of(name: str) -> BaseModel | None:
    """Return the base model that a base or tuned model's name stands on, or None for an unknown one."""
    return _BY_NAME.get(name.split(TUNED_MARK, 1)[0])


def is_tuned(name: str) -> bool:
    """Tell whether a name is that of a fine-tuned model or of a checkpoint."""
    return TUNED_MARK in name


def tuned_exists(store: Store, account: str, name: str) -> bool:
    """Tell whether the account holds this tuned model or checkpoint, also as a copy of another account's.

    A checkpoint's id is as good as its name.
    """
    if any(store.get(kind, account, name) for kind in (Kind.MODEL, Kind.CHECKPOINT, Kind.COPIED)):
        return True
    return any(c.api["fine_tuned_model_checkpoint"] == name for c in store.all(Kind.CHECKPOINT, account))


def list_models(ctx: Context) -> Response:
    """List base models and the account's tuned models, all on one page."""
    tuned = [_shown_tuned(ctx, document) for document in ctx.listed(Kind.MODEL)]
    return reply({"object": "list", "data": [*(_shown_base(ctx, base) for base in BASE_MODELS), *tuned]})


def get(ctx: Context, key: str) -> Response:
    """Return one model; a checkpoint's name, which no listing shows, leads to it as well."""
    document = ctx.store.get(Kind.MODEL, ctx.name, key) or _checkpoint(ctx, key)
    if document is not None:
        return reply(_shown_tuned(ctx, document))
    for base in BASE_MODELS:
        if base.id == key:
            return reply(_shown_base(ctx, base))
    raise not_found()


def _checkpoint(ctx: Context, name: str) -> Document | None:
    for checkpoint in ctx.store.all(Kind.CHECKPOINT, ctx.name):
        if checkpoint.api["fine_tuned_model_checkpoint"] == name:
            base, job = name.partition(TUNED_MARK)[0], checkpoint.api["fine_tuning_job_id"]
            api: JsonObject = {"model": base, "fine_tune": job}
            return Document(Kind.MODEL, ctx.name, name, checkpoint.created_at, api)
    return None


def _shown_base(ctx: Context, base: BaseModel) -> JsonObject:
    if ctx.surface is Surface.V1:
        return {"id": base.id, "object": "model", "created": BASE_CREATED_AT, "owned_by": "system"}
    # The service says false for the open models although they can be tuned.
    return _classic(base.id, BASE_CREATED_AT, fine_tune=bool(base.methods) and base.dated)


def _shown_tuned(ctx: Context, document: Document) -> JsonObject:
    created_at = int(document.created_at)
    if ctx.surface is Surface.V1:
        return {"id": document.id, "object": "model", "created": created_at, "owned_by": "user"}
    return _classic(document.id, created_at, fine_tune=False) | document.api


def _classic(key: str, created_at: int, *, fine_tune: bool) -> JsonObject:
    embeds = "embedding" in key
    abilities = {"inference": True, "completion": False, "chat_completion": not embeds, "embeddings": embeds}
    return {
        "id": key,
        "object": "model",
        "created_at": created_at,
        "status": "succeeded",
        "capabilities": {"fine_tune": fine_tune, **abilities},
        "lifecycle_status": "generally-available",
        "deprecation": {"inference": created_at + 3 * 365 * 86_400},
    }

"""What a handler is given: the request, the account, the moment and the faults that act on it; and listing pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ftops.clock import Clock
from ftops.emulator.faults import Effect, Fault
from ftops.emulator.login_roles import Roles
from ftops.emulator.login_tokens import TOKEN_S, Identity
from ftops.emulator.messages import JsonObject, Request, ServiceError, invalid, not_found
from ftops.emulator.store import Document, Kind, Store

LIST_LIMIT_MAX = 10_000


class Surface(StrEnum):
    """Which front of the service was called; a project's front without a dated version is v1.

    GA and CLASSIC are the classic paths with a stable and with a preview version: the former lack some operations.
    """

    GA = "ga"
    CLASSIC = "classic"
    PROJECT = "project"
    V1 = "v1"
    ARM = "arm"


@dataclass(frozen=True, slots=True)
class Limits:
    """The service's limits and delays, adjustable for tests.

    Args: running_standard, running_global, running_developer: jobs that train at once, counted apart by training type.
    file_bytes: of a file that comes in one piece or is imported. upload_bytes, part_bytes: of one that comes in
    parts, and of each part. total_bytes: of the files for fine-tuning and their results together. finetune_quota,
    base_quota: thousands of tokens per minute for each SKU and model in a region. serving_delay_s: how long after
    Succeeded a deployment is not found by calls. metrics_lag_s, log_lag_s: how long it takes until a call or a write
    is shown. log_page: events on one page of the Activity Log. deployment_page: deployments on one page of their list.
    token_s: for how long a token that is given out is good, in seconds of the system's time. roles: what the tenant's
    application may do. disable_local_auth: accounts take no keys.
    """

    files: int = 100
    file_bytes: int = 512_000_000
    upload_bytes: int = 8_000_000_000
    part_bytes: int = 64 * 1024 * 1024
    total_bytes: int = 1_000_000_000
    running_standard: int = 3
    running_global: int = 3
    running_developer: int = 5
    queued_jobs: int = 20
    jobs: int = 500
    fine_tuned_deployments: int = 10
    finetune_quota: int = 500
    base_quota: int = 5_000
    serving_delay_s: float = 0.0
    metrics_lag_s: float = 180.0
    log_lag_s: float = 300.0
    log_page: int = 100
    deployment_page: int = 100
    account_page: int = 200
    log_service_deletions: bool = False
    token_s: int = TOKEN_S
    roles: Roles = Roles.ALL
    disable_local_auth: bool = False


class Metadata(StrEnum):
    """What becomes of the `metadata` of a job that is created; `BY_SURFACE` echoes it on v1 and drops it elsewhere."""

    BY_SURFACE = "by-surface"
    ECHO = "echo"
    DROP = "drop"
    REJECT = "reject"


class MethodEcho(StrEnum):
    """What a job tells of its method: everything with the service's defaults, or its type alone."""

    FULL = "full"
    TYPE = "type"


class TrainingTypeEcho(StrEnum):
    """Where a job tells its trainingType: everywhere, in the answer to its create call alone, or nowhere."""

    ALWAYS = "always"
    CREATED = "created"
    NEVER = "never"


class SuffixMember(StrEnum):
    """Under which name a job tells its suffix."""

    SUFFIX = "suffix"
    USER_PROVIDED = "user_provided_suffix"


class Queued(StrEnum):
    """How v1 calls a job that has not begun."""

    PENDING = "pending"
    QUEUED = "queued"
    VALIDATING_FILES = "validating_files"


class Cancelled(StrEnum):
    """How a job's being cancelled is spelled."""

    CANCELLED = "cancelled"
    CANCELED = "canceled"


class HealthyError(StrEnum):
    """What a job that did not fail tells as its `error`: nothing, an empty object, or one of nulls."""

    ABSENT = "absent"
    EMPTY = "empty"
    NULLS = "nulls"


class UnknownAfter(StrEnum):
    """What a page is that begins after something that is not in the listing: refused with 404, or empty."""

    REFUSED = "refused"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Quirks:
    """How the service behaves where nobody has confirmed it, or sources differ; adjustable for tests.

    The defaults are what was recorded, or what azure-api.md §16 says. What the members do stands in docs/emulator.md.

    Args: metadata: of a new job (azure-api.md §17a). tags_hidden: deployments keep their tags and show them nowhere
    (§10.3). put_keeps_tags: a PUT without tags leaves them as they are (§10.1). v1_created_status: of what v1 makes,
    201 as recorded on the other surfaces or 200 as its specification has it (§6.1). suffix_max: characters; longer
    ones are refused with 400 (§15, trap 1). suffix_member, method_echo, training_type_echo, queued, cancelled,
    healthy_error: of jobs (§6.4, §6.6, §6.7). nulls, unknown_members: of every job, file and deployment (§3.2).
    has_more: whether v1 says if more follow (§3.5). unknown_after: §3.5. wrong_state_status: of a cancel, pause, resume
    or delete that comes too late (§3.3). quota_status: of one file or job too many (§3.3). nested_names: a model that
    was tuned further is named after its parent (§9). capacity_as_text: of deployments (§10.1). base_delete_status,
    tuned_delete_status: 200 is at once, 202 takes its time (§10).
    """

    metadata: Metadata = Metadata.BY_SURFACE
    tags_hidden: bool = False
    put_keeps_tags: bool = False
    v1_created_status: int = 201
    suffix_max: int = 64
    suffix_member: SuffixMember = SuffixMember.SUFFIX
    method_echo: MethodEcho = MethodEcho.FULL
    training_type_echo: TrainingTypeEcho = TrainingTypeEcho.ALWAYS
    queued: Queued = Queued.PENDING
    cancelled: Cancelled = Cancelled.CANCELLED
    healthy_error: HealthyError = HealthyError.ABSENT
    nulls: bool = False
    unknown_members: bool = False
    has_more: bool = True
    unknown_after: UnknownAfter = UnknownAfter.REFUSED
    wrong_state_status: int = 409
    quota_status: int = 400
    nested_names: bool = False
    capacity_as_text: bool = False
    base_delete_status: int = 200
    tuned_delete_status: int = 202


@dataclass(frozen=True, slots=True)
class Ahead:
    """A request before the store is locked, for the operations that receive or read much; faults do not act yet.

    The clock is the system's, for what is not part of the emulated world.
    """

    store: Store
    request: Request
    account: Document
    limits: Limits
    clock: Clock


@dataclass(frozen=True, slots=True)
class Context:
    """One request on its way through a handler."""

    store: Store
    request: Request
    surface: Surface
    account: Document
    api_version: str
    now: datetime
    faults: tuple[Fault, ...]
    limits: Limits
    quirks: Quirks
    identity: Identity

    @property
    def name(self) -> str:
        """The account's name, the key of its documents."""
        return self.account.id

    @property
    def now_s(self) -> int:
        """The virtual moment in whole Unix seconds, as data-plane objects carry it."""
        return int(self.now.timestamp())

    def fault(self, effect: Effect) -> Fault | None:
        """Return the first fault with this effect on the request, or None."""
        return next((fault for fault in self.faults if fault.effect is effect), None)

    def get(self, kind: Kind, key: str) -> Document:
        """Return a document of the account.

        Raises: ServiceError (404 notFound) when there is none.
        """
        document = self.store.get(kind, self.name, key)
        if document is None:
            raise not_found()
        return document

    def listed(self, kind: Kind) -> list[Document]:
        """Return the account's documents of a kind that a listing shows now, newest first."""
        until = self._shown_until
        return [document for document in reversed(self.store.all(kind, self.name)) if document.created_at <= until]

    def page(self, kind: Kind, limit_default: int) -> tuple[list[Document], bool]:
        """Return the part of such a listing that the request asks for, and whether more follow.

        Raises: as the function `page`, which is for listings that have been made whole.
        """
        limit = _limit(self.request.query.get("limit"), limit_default)
        after = self.request.query.get("after", "")
        found = self.store.newest(kind, self.name, limit + 1, after, self._shown_until)
        if found is None:
            self.refuse_unknown_after()
            return [], False
        return found[:limit], len(found) > limit

    def full(self, message: str) -> ServiceError:
        """Return the refusal of one file or job too many."""
        return ServiceError(self.quirks.quota_status, "quotaExceeded", message)

    def refuse_unknown_after(self) -> None:
        """Refuse a page that begins after something that is not there, unless the service answers an empty one.

        Raises: ServiceError (404).
        """
        if self.quirks.unknown_after is UnknownAfter.REFUSED:
            raise not_found()

    @property
    def _shown_until(self) -> float:
        """The moment after whose making a document is not listed yet."""
        stale = self.fault(Effect.STALE_LISTING)
        return math.inf if stale is None else self.now.timestamp() - stale.window_s

    def location(self, path: str) -> str:
        """Return a `Location` on the classic surface's root, with the caller's API version."""
        query = f"?api-version={self.api_version}" if self.api_version else ""
        return f"{self.request.origin}{self.request.prefix}/openai/{path}{query}"


def page(ctx: Context, items: Sequence[JsonObject], limit_default: int) -> tuple[list[JsonObject], bool]:
    """Return the items after `after`, at most `limit`, and whether more follow.

    Raises: ServiceError for a bad limit, and 404 when `after` names nothing in the listing.
    """
    query = ctx.request.query
    limit = _limit(query.get("limit"), limit_default)
    first = 0
    if after := query.get("after"):
        first = next((place + 1 for place, item in enumerate(items) if item["id"] == after), len(items) + 1)
        if first > len(items):
            ctx.refuse_unknown_after()
    return list(items[first : first + limit]), first + limit < len(items)


def _limit(text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LIST_LIMIT_MAX:
        raise invalid(f"The limit must be between 1 and {LIST_LIMIT_MAX}.")
    return int(text)

"""The nouns of ftops as frozen values: addresses, references, resources, objects, changes, actions and plans."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TypeAlias

from ftops.diagnostics import Span
from ftops.difference import Difference
from ftops.digest import Marker
from ftops.reasons import Why
from ftops.trouble import Trouble
from ftops.upkeep import AFTER_DAYS_DEFAULT, FREE, UNPRICED, Cost, Lifecycle, Past, Room, Use, total

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """What a person calls a resource or object: `job/support-v3`."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Return `kind/name`."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference in a spec, with the digest it stands for as markers write it.

    `selector` says which of the target's outputs is meant; `pinned` is set when the spec names the digest (`at:`),
    so that the reference is to that version and not to what the target's document says now.
    """

    target: Address
    digest: str
    selector: str = "last"
    pinned: bool = False

    def __str__(self) -> str:
        """Return the target's address, with the pin if there is one."""
        return f"{self.target} at {self.digest}" if self.pinned else str(self.target)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a live object's field names: another object by its id, with that object's marker as far as it is known."""

    kind: str
    id: str
    marker: Marker | None = None
    selector: str = "last"

    def __str__(self) -> str:
        """Return the address and digest of a marked object, else its id."""
        if self.marker is None:
            return self.id
        return f"{self.kind}/{self.marker.name}~{self.marker.digest}"


Value: TypeAlias = Scalar | Ref
Observed: TypeAlias = Scalar | Pointer


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared dataset, job or deployment in one account.

    `fields` holds what is sent and compared, by the service's dotted names. `derived` names those fields that follow
    from the digest and so never explain a change. `names` are the marker's name part and those of former names.
    """

    address: Address
    account: str
    digest: str
    marker: Marker
    names: frozenset[str]
    fields: Mapping[str, Value]
    span: Span
    derived: frozenset[str] = frozenset()
    lifecycle: Lifecycle = Lifecycle()  # noqa: RUF009  a frozen value
    facts: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Return the references among the fields, in the fields' order."""
        return tuple(value for value in self.fields.values() if isinstance(value, Ref))

    @property
    def key(self) -> tuple[Address, str]:
        """Return what identifies the resource among those desired: its address in its account."""
        return self.address, self.account


class Phase(StrEnum):
    """Where an object is in its life, whatever word the service uses for it."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    ENDING = "ending"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def alive(self) -> bool:
        """Tell whether the object is, or may become, ready."""
        return self in {Phase.QUEUED, Phase.RUNNING, Phase.READY}


@dataclass(frozen=True, slots=True)
class Object:
    """One thing that exists in the service.

    `state` is the service's own word behind `phase`. `outputs` are what references resolve to, by selector. `problem`
    is what the service says of a failed one, `trouble` what is known of that, or of its state; `transient` says whether
    another attempt may get past it. `updatable` holds the writable part of the body as read, which an update sends back
    overlaid by the spec. `label` is the part of an artifact's name that a person chose. `stalled` says why it goes on
    only when a person makes it. `unread` names the fields (by prefix) that this account does not show. `use` is None
    for what the service never deletes by itself; `cost` is what it cost to make and costs to keep.
    """

    kind: str
    account: str
    id: str
    phase: Phase
    state: str
    marker: Marker | None = None
    fields: Mapping[str, Observed] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    finished_at: datetime | None = None
    problem: str = ""
    transient: bool = False
    trouble: Trouble | None = None
    stalled: str = ""
    label: str = ""
    updatable: Mapping[str, object] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    use: Use | None = None
    cost: Cost = UNPRICED

    @property
    def address(self) -> Address:
        """Return how an object in no spec is called: `job/<suffix>~<digest>` for a marked artifact, else by its id."""
        if self.marker is None or not self.label:
            return Address(self.kind, self.id)
        return Address(self.kind, f"{self.label}~{self.marker.digest}")


class Verb(StrEnum):
    """What one action does."""

    KEEP = "keep"
    WAIT = "wait"
    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    COPY = "copy"
    DELETE = "delete"

    @property
    def writes(self) -> bool:
        """Tell whether the verb changes something in the service."""
        return self not in {Verb.KEEP, Verb.WAIT}


class Gate(StrEnum):
    """Whether an action may run now, and if not, what keeps it."""

    OPEN = "open"
    UPSTREAM = "upstream"
    GUARD = "guard"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs: `old` as observed, `new` as desired; `inherited` names the parent it comes from.

    `data` is what differs between the contents of the two, where both are references to data and that is known;
    `uncompared` says that it is not, because what was there is not at hand while what takes its place is.
    """

    field: str
    old: Observed
    new: Value
    inherited: Address | None = None
    data: Difference | None = None
    uncompared: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One step for one address; without a `resource` it is about a further object, not the one that is declared.

    `summary` says what is done or how it stands, `reason` why; neither repeats the address. `resolved` holds the value
    of each field that is a reference and is known. `after` are the addresses that must be ready first. `override` is
    the option that opens a closed guard, if one does. `cost` is what a write adds, negative for what a delete saves.
    `undo` marks the taking back of our own create, which needs no approval. `settles` marks a wait that is short by
    the service's rules, `stuck` one for something that is held. `trouble` is what is known of the service's words.
    """

    address: Address
    account: str
    verb: Verb
    gate: Gate
    why: Why
    summary: str = ""
    reason: str = ""
    changes: tuple[Change, ...] = ()
    digest: str = ""
    attempt: int = 1
    resource: Resource | None = None
    object: Object | None = None
    resolved: Mapping[str, str] = field(default_factory=dict)
    after: tuple[Address, ...] = ()
    override: str = ""
    undo: bool = False
    settles: bool = False
    stuck: bool = False
    cost: Cost = FREE
    trouble: Trouble | None = None

    @property
    def writes(self) -> bool:
        """Tell whether the action would write once its gate is open."""
        return self.verb.writes

    @property
    def held(self) -> bool:
        """Tell whether a guard or a failure, its own or one it waits for, and not time keeps the action."""
        return self.stuck or self.gate in {Gate.GUARD, Gate.FAILED}

    @property
    def moves(self) -> bool:
        """Tell whether time alone brings the action on: it waits for the service, or for what does."""
        return not self.held and (self.verb is Verb.WAIT or self.gate is Gate.UPSTREAM)


def write_key(action: Action, account_id: str) -> str:
    """Return what an approval names: `verb account-id/address@digest`, for a create with its attempt (`#n`).

    No id of the service is in it, so that one approval covers every pass that follows.
    """
    number = f"#{action.attempt}" if action.verb is Verb.CREATE else ""
    return f"{action.verb} {account_id}/{action.address}@{action.digest}{number}"


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the project; `id` is its lower-cased ARM id, or `emulator:NAME`."""

    name: str
    id: str
    title: str
    region: str = ""
    emulated: bool = False


@dataclass(frozen=True, slots=True)
class Desired:
    """What the specs ask for: resources in the order in which they can be made, referenced before referring.

    `owners` are the owner marks that count as ours: the project's and its former names'. `whole` says that the
    project was read completely; only then is there such a thing as an orphan.
    """

    project: str
    owners: frozenset[str]
    accounts: Mapping[str, Account]
    resources: tuple[Resource, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class LiveState:
    """What was observed, what could not be read and why, and the creates of which nobody knows the outcome.

    `unreadable` maps (account, kind) to the problem. `doubts` maps write keys to the moment of their intent, `refused`
    maps a resource to why this run writes no more of it, `troubles` has what is known of either by the same keys. `now`
    is the service's clock, `now_of` those of the accounts, which only emulators set apart. `pasts` tells of declared
    names that are absent where that may have a cause, `removed` when we deleted something, by key. `unseen` maps an
    account to what it does not show besides objects, `rooms` tells by account and kind how much it can hold, and
    `differences`, by two digests, how a dataset's content differs: None where the former is not at hand.
    """

    now: datetime
    objects: tuple[Object, ...] = ()
    unreadable: Mapping[tuple[str, str], str] = field(default_factory=dict)
    doubts: Mapping[str, datetime] = field(default_factory=dict)
    refused: Mapping[tuple[Address, str], str] = field(default_factory=dict)
    troubles: Mapping[tuple[Address | str, str], Trouble] = field(default_factory=dict)
    calls: int = 0
    now_of: Mapping[str, datetime] = field(default_factory=dict)
    pasts: Mapping[tuple[Address, str], Past] = field(default_factory=dict)
    removed: Mapping[str, datetime] = field(default_factory=dict)
    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rooms: Mapping[tuple[str, str], tuple[Room, ...]] = field(default_factory=dict)
    differences: Mapping[tuple[str, str], Difference | None] = field(default_factory=dict)

    def now_in(self, account: str) -> datetime:
        """Return an account's own moment."""
        return self.now_of.get(account, self.now)


@dataclass(frozen=True, slots=True)
class Policy:
    """What may happen: the command's flags and the rules, as values.

    `allow` holds `what:address` words. `approved` is None while nothing has to be approved, else the keys that may be
    written. `grace_s` is how long a create without an outcome stays in doubt, in seconds of the service's time. With
    `targets` or `excludes` nothing is an orphan. `prune` holds the kinds whose orphans are deleted unless they were
    called within `quiet`, `keep` the addresses that never are. Money is in USD: of trainings begun within 30 days, of
    hosting a month, and of the trainings of one apply.
    """

    allow: frozenset[str] = frozenset()
    approved: frozenset[str] | None = None
    grace_s: int = 120
    targets: frozenset[Address] = frozenset()
    excludes: frozenset[Address] = frozenset()
    prune: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    deletes_max: int = 3
    quiet: timedelta = timedelta(days=AFTER_DAYS_DEFAULT)
    training_usd_max: float | None = None
    hosting_usd_max: float | None = None
    apply_usd_max: float | None = None


class Outcome(IntEnum):
    """How a pass or a plan ends; the values are the exit codes of `interface.md` §2."""

    CONVERGED = 0
    ERROR = 1
    CHANGES = 2
    WAITING = 3
    HELD = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions in the order in which they can run; `unseen` tells by account what is not known of it."""

    project: str
    accounts: Mapping[str, Account]
    actions: tuple[Action, ...]
    calls: int = 0
    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def key(self, action: Action) -> str:
        """Return the action's write key."""
        return write_key(action, self.accounts[action.account].id)

    @property
    def writes(self) -> tuple[Action, ...]:
        """Return the actions that an approval of this plan covers: open, or open once what they wait for is done."""
        return tuple(a for a in self.actions if a.writes and not a.held and not a.undo)

    @property
    def keys(self) -> frozenset[str]:
        """Return the write keys of the plan."""
        return frozenset(self.key(action) for action in self.writes)

    @property
    def id(self) -> str:
        """Return 8 hex digits that stand for the plan's write keys, whatever order they came in."""
        return hashlib.sha256("\n".join(sorted(self.keys)).encode()).hexdigest()[:8]

    @property
    def cost(self) -> Cost:
        """Return what the plan's writes cost together."""
        return total(action.cost for action in self.writes)

    @property
    def frontier(self) -> tuple[Action, ...]:
        """Return the actions that write and whose gate is open."""
        return tuple(a for a in self.actions if a.writes and a.gate is Gate.OPEN)

    @property
    def outcome(self) -> Outcome:
        """Return how things stand if nothing more is written: an error, held, waiting or converged."""
        if any(a.why in {Why.UNREADABLE, Why.REFUSED} for a in self.actions):
            return Outcome.ERROR
        if any(a.held for a in self.actions):
            return Outcome.HELD
        if any(a.verb is Verb.WAIT or a.writes for a in self.actions):
            return Outcome.WAITING
        return Outcome.CONVERGED

"""What a resource kind is: the protocol that the planner, the loop and the loader work through, and its value types.

A kind is pure. It says what a document means, which calls list, read and write its objects, and what a body of the
service tells; it never sends anything. Adding a kind is a module beside this one and a row in `kinds/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from ftops.call import Call
from ftops.diagnostics import Span
from ftops.errors import WireError
from ftops.kinds.envelope import Document, Finding, Path
from ftops.model import Address, Change, Object, Resource, Scalar
from ftops.rules import Rules
from ftops.upkeep import Cost, IdleWish, Past, Room

Item: TypeAlias = Mapping[str, object]
"""One JSON object as the service sent it."""


class Effect(StrEnum):
    """What it takes to change a field of something that exists."""

    IN_PLACE = "in place"
    NEW_ARTIFACT = "new artifact"
    REPLACE = "delete, then create"
    FIXED = "fixed at creation"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field behaves, and why. A name that ends in a dot covers all fields that begin with it."""

    effect: Effect
    why: str
    caseless: bool = False


def rule_for(rules: Mapping[str, FieldRule], name: str) -> FieldRule:
    """Return the rule of a field: its own, else that of its prefix up to the first dot."""
    return rules[name] if name in rules else rules[f"{name.partition('.')[0]}."]


class Shape(StrEnum):
    """Artifacts are addressed by content and never updated; bindings by name, and updated in place."""

    ARTIFACT = "artifact"
    BINDING = "binding"


@dataclass(frozen=True, slots=True)
class Traits:
    """What the planner has to know about a kind besides its objects.

    `on_demand`: made only when a referrer needs it. `costly`: one version of a name at a time, and a change inherited
    from a parent is the user's decision. `short_wait`: becomes ready within seconds or minutes by the service's rules,
    so a pass waits for it. `serial_writes`: the account takes one write at a time. `disposable`: a failed attempt is
    worth nothing and goes once another attempt is ready. `cancellable`: a queued or running
    one can be cancelled, and while queued that costs nothing. `called`: others call it, so deleting one that is called
    hurts them. `caseless_names`: names compare without case.
    """

    shape: Shape
    on_demand: bool = False
    costly: bool = False
    short_wait: bool = False
    serial_writes: bool = False
    disposable: bool = False
    cancellable: bool = False
    called: bool = False
    caseless_names: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What a document cannot say by itself and its resource needs.

    `digests` are those of the resources it references, as markers write them; `referenced` are these resources'
    facts. `facts` is what was measured of the resource itself (a dataset's rows and size). `idle` is the project's
    wish, `region` the account's.
    """

    project: str
    owner: str
    account: str
    suffix_max: int
    rules: Rules
    span: Span
    digests: Mapping[Address, str] = field(default_factory=dict)
    referenced: Mapping[Address, Mapping[str, Scalar]] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    idle: IdleWish = IdleWish()  # noqa: RUF009  a frozen value
    region: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing of a kind; without a `needed` one nothing of the kind may be written."""

    call: Call
    needed: bool = True


Inquiries: TypeAlias = Mapping[str, Call]
"""Listings by a name of the kind's own; empty when nothing has to be asked."""

Answers: TypeAlias = Mapping[str, Sequence[Item] | WireError]
"""What came of each inquiry."""


@dataclass(frozen=True, slots=True)
class Informed:
    """What inquiries told: the objects with their use, pasts by absent name, and sentences about what is not shown."""

    objects: tuple[Object, ...]
    pasts: Mapping[str, Past] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()


class Uninquiring:
    """Of a kind that the service's clock does not touch: nothing is asked of its use or its past."""

    def inquiries(self, found: Sequence[Object], absent: Sequence[str], now: datetime, rules: Rules) -> Inquiries:
        """Return nothing."""
        return {}

    def informed(self, found: Sequence[Object], answers: Answers, now: datetime, rules: Rules) -> Informed:
        """Return the objects as they are."""
        return Informed(tuple(found))


class Untrained:
    """Of a kind into which no rows of data are trained, so that what they say makes no difference to it."""

    def mark_with(self, resource: Resource, contents: Mapping[str, str]) -> str:
        """Return the digest as it is."""
        return resource.marker.digest

    def usd_of_tokens(self, resource: Resource, field: str, tokens: int) -> float | None:
        """Return that nobody knows."""
        return None


class Kind(Protocol):
    """Everything there is to know about one resource kind."""

    word: str
    title: str
    document: type[Document]
    traits: Traits
    rules: Mapping[str, FieldRule]

    def check(self, document: Document, rules: Rules) -> Iterable[Finding]:
        """Yield what is wrong with the values of a document."""
        ...

    def files(self, document: Document) -> Iterable[tuple[Path, str]]:
        """Yield the files that a document names, each with the path of its value."""
        ...

    def references(self, document: Document) -> Iterable[tuple[Path, Address]]:
        """Yield the documents that a document refers to, each with the path of its value."""
        ...

    def resource(self, document: Document, context: Context) -> Resource:
        """Return what a document declares in one account, with its digest."""
        ...

    def listings(self) -> Mapping[str, Listing]:
        """Return the listings by name; equal calls of several kinds are made once."""
        ...

    def observe(self, listings: Mapping[str, Sequence[Item]], account: str) -> tuple[Object, ...]:
        """Return the objects that an account's listings show; a listing that could not be read is absent."""
        ...

    def observe_one(self, item: Item, account: str) -> Object:
        """Return the object that one body of the service describes."""
        ...

    def inquiries(self, found: Sequence[Object], absent: Sequence[str], now: datetime, rules: Rules) -> Inquiries:
        """Return the listings that tell of the use of an account's objects and of the past of absent names.

        They are read once `now` is known; what they tell comes back through `informed`.
        """
        ...

    def informed(self, found: Sequence[Object], answers: Answers, now: datetime, rules: Rules) -> Informed:
        """Return the objects with their use, the pasts of the absent names, and what could not be seen."""
        ...

    def reads(self, found: Object, now: datetime) -> Call | None:
        """Return the call that tells more of an object whose progress is of interest, or None."""
        ...

    def observe_more(self, found: Object, body: Item, rules: Rules) -> Object:
        """Return the object with what that call told."""
        ...

    def claims(self, resource: Resource, found: Object, owners: frozenset[str]) -> bool:
        """Tell whether an object is (or was meant to be) this resource, ours, with this digest."""
        ...

    def contradictions(self, resource: Resource, found: Object, sent: Mapping[str, str] | None) -> tuple[Change, ...]:
        """Return the witnesses of an object that contradict the resource it claims to be.

        With `sent` (what the references were resolved to in the create call just answered) absence counts where the
        service always echoes; without it, absence is no contradiction.
        """
        ...

    def read(self, found: Object) -> Call:
        """Return the call that reads one object again."""
        ...

    def create(self, resource: Resource, resolved: Mapping[str, str]) -> Call:
        """Return the one call that creates; `resolved` holds the value of each field that is a reference."""
        ...

    def update(self, resource: Resource, found: Object, resolved: Mapping[str, str]) -> Call:
        """Return the one call that updates: the writable fields as observed, overlaid by the spec."""
        ...

    def cancel(self, found: Object) -> Call:
        """Return the call that cancels; only of a kind that is `cancellable`."""
        ...

    def delete(self, found: Object) -> Call:
        """Return the call that deletes."""
        ...

    def rooms(self, listings: Mapping[str, Sequence[Item]], told: Mapping[str, int], rules: Rules) -> tuple[Room, ...]:
        """Return how much an account holds of how much it can, by the limits it tells or else the rules'."""
        ...

    def cost(self, resource: Resource) -> Cost:
        """Return what making a resource costs, and keeping it."""
        ...

    def price(self, found: Object, region: str, rules: Rules) -> Cost:
        """Return what an object cost to make and costs to keep."""
        ...

    def mark_with(self, resource: Resource, contents: Mapping[str, str]) -> str:
        """Return the digest, as markers write it, that a resource would have if fields referred to other contents.

        Args: `contents` has the digest of the content (64 hex digits) for each field that refers to data.
        """
        ...

    def usd_of_tokens(self, resource: Resource, field: str, tokens: int) -> float | None:
        """Return what so many tokens more in the data of a field cost; None where nobody knows or pays."""
        ...

    def describe(self, resource: Resource) -> str:
        """Return what creating the resource does, in a few words."""
        ...

    def progress(self, found: Object, now: datetime) -> str:
        """Return how an object stands, in a few words."""
        ...

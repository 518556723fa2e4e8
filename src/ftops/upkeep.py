"""What it takes and costs to keep something: how it may be treated, the clock for what nobody calls, money, room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

HOURS_A_MONTH = 730
CENTS_BELOW_USD = 100
CENT_USD = 0.01
THOUSAND, MILLION = 1_000, 1_000_000
AFTER_DAYS_DEFAULT = 10
"""Days without a call after which a deployment is worth a word; the service's own rule takes longer."""


class OnIdle(StrEnum):
    """What to do with something that nobody calls."""

    ALERT = "alert"
    RETIRE = "retire"


class OnGone(StrEnum):
    """What to do when something that existed is gone."""

    HOLD = "hold"
    RECREATE = "recreate"


@dataclass(frozen=True, slots=True)
class IdlePolicy:
    """How a resource lives with the service's clock, which deletes what nobody calls.

    `after` is our own patience, `limit` the service's; if `fixed`, it deletes whatever happens, so calls do not help.
    Evidence of former lives from before `since` is ignored.
    """

    after: timedelta
    limit: timedelta
    fixed: bool = False
    on_idle: OnIdle = OnIdle.ALERT
    on_gone: OnGone = OnGone.HOLD
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How ftops may treat a resource, as values that any kind can fill.

    `retries` counts further attempts after a failed one; unless `retry_any_cause`, only transient causes count.
    `idle` is None for what the service never deletes by itself. `protected` forbids to delete it.
    """

    retries: int = 0
    retry_any_cause: bool = False
    retrain_on_parent_change: bool = False
    idle: IdlePolicy | None = None
    protected: bool = False


@dataclass(frozen=True, slots=True)
class IdleWish:
    """What a project or a document asks for when nobody calls something."""

    after_days: int = AFTER_DAYS_DEFAULT
    on_idle: OnIdle = OnIdle.ALERT
    on_gone: OnGone = OnGone.HOLD


@dataclass(frozen=True, slots=True)
class Use:
    """When something that must be called to stay was called, and when the service deletes it.

    `called_at` ends the hour or minute of the last request of any kind, `served_at` that of the last one that counts
    for the service; None means none as far back as can be seen. Calls after `known_until` may not be counted yet. The
    service deletes it strictly after `deleted_after`, whatever happens if `fixed`. `unknown` says why nobody can tell;
    `counted_in` names the metric that told the last call that counts.
    """

    called_at: datetime | None = None
    served_at: datetime | None = None
    known_until: datetime | None = None
    deleted_after: datetime | None = None
    fixed: bool = False
    unknown: str = ""
    counted_in: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a name under which nothing exists now; None where no evidence shows it.

    `made_at` begins its last life, `called_at` ends the time of its last call, `removed_at` is its deletion by
    `removed_by`, as far as the account's log tells. `unread` says what could not be asked, and why.
    """

    made_at: datetime | None = None
    called_at: datetime | None = None
    removed_at: datetime | None = None
    removed_by: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something costs in USD: once, when it is made, and by the hour as long as it is there.

    None is unknown, which is never the same as nothing. `once_low` begins the range of an estimate,
    `basis` says in words what it stands on.
    """

    once: float | None = 0.0
    hourly: float | None = 0.0
    once_low: float | None = None
    basis: str = ""

    @property
    def known(self) -> bool:
        """Tell whether neither part is unknown."""
        return self.once is not None and self.hourly is not None


@dataclass(frozen=True, slots=True)
class Room:
    """How much of something an account holds, and how much it can.

    `by` names the fact of a resource, and the field of an object, that tells how many bytes of it each takes; without
    it each takes one. `besides` says what is held that the kind has no objects for, `way_out` how a person makes room.
    A room with a `doubt` holds nothing back: the sources disagree about it, and the words say in what.
    """

    used: int
    limit: int
    what: str
    by: str = ""
    besides: str = ""
    way_out: str = ""
    doubt: str = ""

    def share(self, told: Mapping[str, object]) -> int:
        """Return how much of the room something takes by its facts or fields; what is not known counts as nothing."""
        size = told.get(self.by) if self.by else 1
        return size if isinstance(size, int) else 0

    def amount(self, number: int) -> str:
        """Return an amount in this room's unit, in words."""
        return sized(number) if self.by else f"{number:,}"


FREE = Cost()
UNPRICED = Cost(None, None)


def total(costs: Iterable[Cost]) -> Cost:
    """Return what several things cost together; a part is unknown if that of one of them is."""
    each = list(costs)
    return Cost(
        once=_sum(cost.once for cost in each),
        hourly=_sum(cost.hourly for cost in each),
        once_low=_sum(cost.once if cost.once_low is None else cost.once_low for cost in each),
    )


def _sum(parts: Iterable[float | None]) -> float | None:
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)


def to_the_minute(at: datetime) -> str:
    """Return a moment as people read it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def last_use(use: Use) -> str:
    """Return when something was last called, in words."""
    if use.unknown:
        return f"calls unknown ({use.unknown})"
    return f"last called before {to_the_minute(use.called_at)}" if use.called_at else "no call seen"


def spent_so_far(cost: Cost, since: datetime | None, now: datetime) -> str:
    """Return what keeping something has cost since it was made, or nothing where that is not known."""
    if since is None or not cost.hourly:
        return ""
    return f"{usd((now - since) / timedelta(hours=1) * cost.hourly)} so far"


def usd(amount: float) -> str:
    """Return an amount of money, to the cent where cents matter; what is less than a cent is said to be."""
    if 0 < amount < CENT_USD:
        return f"less than USD {CENT_USD}"
    return f"USD {_plain(amount)}"


def usd_range(low: float | None, high: float) -> str:
    """Return an amount of which only a range is known, as one number where both ends look alike."""
    if low is None or _plain(low) == _plain(high) or high < CENT_USD:
        return usd(high)
    return f"USD {_plain(low)} to {_plain(high)}"


def _plain(amount: float) -> str:
    whole = abs(amount) >= CENTS_BELOW_USD or round(amount, 2) == round(amount)
    return f"{amount:,.0f}" if whole else f"{amount:,.2f}"


def many(number: int) -> str:
    """Return a large number as people read it: `1.02 M`, `158 k`, `790`."""
    if number >= MILLION:
        return f"{number / MILLION:,.2f} M"
    return f"{number / THOUSAND:,.0f} k" if number >= 10 * THOUSAND else f"{number:,}"


def sized(size_bytes: int) -> str:
    """Return a size as people read it: `3.1 MB`, `1,000 MB`, `12.5 kB`, `1 byte`; a megabyte is a million bytes."""
    if size_bytes < THOUSAND:
        return f"{size_bytes} byte{'' if size_bytes == 1 else 's'}"
    unit, name = (MILLION, "MB") if size_bytes >= MILLION else (THOUSAND, "kB")
    return f"{size_bytes / unit:,.{0 if size_bytes % unit == 0 else 1}f} {name}"

"""The plan as rows of words: which symbol, what is done, why, and where it is written; the same for all formats."""

from __future__ import annotations

from dataclasses import dataclass

from ftops.model import Account, Action, Address, Change, Gate, Observed, Plan, Pointer, Ref, Scalar, Verb
from ftops.reasons import Why
from ftops.render.text import count, meaning, wrapped
from ftops.upkeep import HOURS_A_MONTH, Cost, usd, usd_range

QUIET = frozenset({Why.SETTLED, Why.CONSUMED, Why.UNUSED, Why.SUPERSEDED, Why.PREVIOUS, Why.RETIRED})
"""Kept without anything to say: listed only on request."""
TOLD_BY_REASON = frozenset({Why.PARENT_CHANGED, Why.SAME_ROWS})
"""Held for what changed: the reason has said it."""

_SYMBOLS = {
    Verb.KEEP: " ",
    Verb.WAIT: ".",
    Verb.CREATE: "+",
    Verb.UPDATE: "~",
    Verb.ADOPT: "=",
    Verb.PAUSE: ">",
    Verb.RESUME: ">",
    Verb.CANCEL: ">",
    Verb.COPY: ">",
    Verb.DELETE: "-",
}
UNCOMPARED = "the former rows are not at hand"
COMPARE_NEXT_TIME = (
    "so whether only their order or how they are written changed, which would hold it (same-rows), is not known here",
    "to have them compared, keep .ftops/cache/ from run to run, or the former file in the project",
)
"""What a training means of which an edit of the data is the only cause, and how it would be known better."""
HELD_SYMBOL = "x"
ATTENTION_SYMBOL = "!"
DETAIL_COLUMNS = 6
"""What a terminal indents details by; only what the service says is so long that it has to be broken."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a plan with its further lines; `source` is where the resource is declared."""

    symbol: str
    address: str
    text: str
    source: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one account."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A whole plan: sections, and the lines that sum it up."""

    sections: tuple[Section, ...]
    calls: str
    summary: tuple[str, ...]


def view(plan: Plan, *, show_unchanged: bool = False, show_id: bool = True, scope: str = "") -> View:
    """Return the rows of a plan in its order, by account; unchanged ones only on request.

    The id is left out (`show_id`) where the plan tells what is left after an apply and is not to be approved. `scope`
    says in words what a plan that is not the whole of it, or not of now, is about.
    """
    new = {action.address for action in plan.actions if action.verb is Verb.CREATE and not action.held}
    shown = [action for action in plan.actions if show_unchanged or not _quiet(action)]
    sections = []
    for account in plan.accounts.values():
        rows = tuple(_row(action, new) for action in shown if action.account == account.name)
        rows += tuple(
            Row(ATTENTION_SYMBOL, f"account/{account.name}", text) for text in plan.unseen.get(account.name, ())
        )
        sections.append(Section(f"{plan.project} on {account_title(account)}", rows))
    calls = f"read in {count(plan.calls, 'call')}" + (f", {scope}" if scope else "")
    return View(tuple(sections), calls, _summary(plan, show_id=show_id))


def account_title(account: Account) -> str:
    """Return an account's name and what it stands for; an emulator says so in capitals."""
    return f"{account.name} ({'EMULATOR ' if account.emulated else ''}{account.title})"


def _quiet(action: Action) -> bool:
    return action.verb is Verb.KEEP and not action.held and action.why in QUIET


def _row(action: Action, new: set[Address]) -> Row:
    span = action.resource.span if action.resource else None
    return Row(
        symbol=symbol(action),
        address=str(action.address),
        text=_text(action),
        source=f"{span.file}:{span.line}" if span else "",
        details=tuple(_details(action, new)),
    )


def symbol(action: Action) -> str:
    """Return the one character that says what happens, or that something is held or needs attention."""
    if action.held:
        return HELD_SYMBOL
    if action.verb is Verb.KEEP and action.why not in QUIET:
        return ATTENTION_SYMBOL
    return _SYMBOLS[action.verb]


def _text(action: Action) -> str:
    if action.verb is Verb.KEEP:
        return action.reason or _WORDS.get(action.why, "")
    if action.held:
        return action.summary or action.verb.value
    if action.verb is Verb.UPDATE:
        return _waits(action) or "update in place"
    return f"{action.verb.value} {action.summary}" if symbol(action) == ">" else action.summary


def _waits(action: Action) -> str:
    """Return what a write waits for, or nothing."""
    if action.gate is not Gate.UPSTREAM:
        return ""
    after = f"after {', '.join(map(str, action.after))} (known then)" if action.after else "waits"
    return after + (f": {action.reason}" if action.reason else "")


_WORDS = {Why.SETTLED: "unchanged"}


def _details(action: Action, new: set[Address]) -> list[str]:
    means = meaning(action.trouble, DETAIL_COLUMNS)
    if action.verb is Verb.KEEP:
        return [*means]
    changes = [] if action.why in TOLD_BY_REASON else [_phrase(change, new) for change in action.changes]
    if action.held:
        option = f"apply {action.override}" if action.override.startswith("--") else f"--allow {action.override}"
        override = [f"to do it all the same: {option}"] if action.override else []
        reasons = action.reason.split("; ") if action.why is Why.NO_ROOM else [action.reason]  # Numbers, then advice.
        held = f"held: {reasons[0]}"
        first = wrapped(held, DETAIL_COLUMNS) if means else [held]
        return [*first, *means, *reasons[1:], *changes, *_uncompared(action), *override]
    if action.verb is Verb.UPDATE:
        drift = ["drift: changed outside ftops since it was last applied"] if action.why is Why.DRIFTED else []
        again = [f"because {action.reason}"] if action.why is Why.RETRIED else []
        return [*changes, *drift, *again]
    because = [*changes, action.reason] if action.gate is Gate.OPEN else changes
    causes = "; ".join(cause for cause in because if cause)
    inherited = " (inherited)" if action.why is Why.INHERITED else ""
    told = [f"because {causes}{inherited}" if causes else "", *_uncompared(action), _price(action.cost), _waits(action)]
    return [*(line for line in told if line), *means]


def _uncompared(action: Action) -> tuple[str, ...]:
    """Return what it means that former rows are not at hand, where knowing them might hold the training."""
    by_data_alone = all(
        change.uncompared or (change.data is not None and change.data.same) for change in action.changes
    )
    return COMPARE_NEXT_TIME if by_data_alone and any(change.uncompared for change in action.changes) else ()


def _price(cost: Cost) -> str:
    """Return what a write costs, or nothing for what is free; what is not known is said, since it is not free."""
    if not cost.known:
        return "its price is not known"
    parts = []
    if cost.once:
        amount = usd_range(cost.once_low, cost.once)
        about = amount if amount.startswith("less") else f"about {amount}"
        parts.append(about + (f", {cost.basis}" if cost.basis else ""))
    if cost.hourly:
        monthly = usd(abs(cost.hourly) * HOURS_A_MONTH)
        parts.append(
            f"hosting {usd(cost.hourly)} an hour, {monthly} a month" if cost.hourly > 0 else f"saves {monthly} a month"
        )
    return "; ".join(parts)


def _phrase(change: Change, new: set[Address]) -> str:
    """Return one change in words: `n_epochs 2 -> 3`, `job/support-v1 changed`, `dataset/w40 is new: 150 rows added`."""
    if change.inherited is not None:
        return f"{change.inherited} changed"
    if isinstance(change.new, Ref) and change.new.target in new:
        phrase = f"{change.new.target} is new"
    else:
        phrase = f"{field_label(change.field)} {shown(change.old)} -> {shown(change.new)}"
    if change.uncompared:
        return f"{phrase}: {UNCOMPARED}"
    return phrase if change.data is None else f"{phrase}: {change.data.words}"


def field_label(field: str) -> str:
    """Return a field's short name: `capacity` for `sku.capacity`, `model` for `model.name`; tags keep their prefix."""
    head, _, tail = field.rpartition(".")
    if field.startswith("tags."):
        return f"tag {field.removeprefix('tags.')}"
    return head if tail == "name" and head else tail


def shown(value: Observed | Scalar | Ref) -> str:
    """Return a value as a plan shows it."""
    if value is None:
        return "(unset)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Pointer) and value.marker is not None:
        return f"{value.kind}~{value.marker.digest}"
    return str(value)


def _summary(plan: Plan, *, show_id: bool) -> tuple[str, ...]:
    writes = plan.writes
    held = sum(a.held for a in plan.actions)
    waiting = sum(a.verb is Verb.WAIT and not a.held for a in plan.actions)
    kept = [a for a in plan.actions if a.verb is Verb.KEEP and not a.held]
    old = sum(a.why is Why.SUPERSEDED for a in kept)
    orphans = sum(a.why is Why.ORPHAN for a in kept)
    rest = [count(waiting, "waiting").removesuffix("s")] if waiting else []
    rest += [f"{held} held"] if held else []
    rest += [f"{old} superseded"] if old else []
    retired = sum(a.why is Why.RETIRED for a in kept)
    rest += [f"{retired} retired"] if retired else []
    rest += [count(orphans, "orphan")] if orphans else []
    later = sum(a.why is Why.NOT_NEEDED_YET for a in kept)
    rest += [f"{later} not needed yet"] if later else []
    rest += [f"{len(kept) - old - orphans - retired - later} unchanged"]
    if not writes:
        done = "Nothing to do now" if held or waiting else "No changes"  # "No changes" is said of what is as declared.
        undone = any(a.undo for a in plan.actions)
        return (f"{'Tidying up' if undone else done}. {', '.join(rest).capitalize()}.",)
    creates, updates = (sum(a.verb is verb for a in writes) for verb in (Verb.CREATE, Verb.UPDATE))
    others = sum(a.verb not in {Verb.CREATE, Verb.UPDATE, Verb.DELETE} for a in writes)
    deletes = sum(a.verb is Verb.DELETE for a in writes)
    first = f"{creates} to create, {updates} to update, {deletes} to delete"
    first += f", {count(others, 'job control step')}" if others else ""
    return (f"Plan: {first}, {', '.join(rest)}. {_money(plan.cost)}", *((f"Plan id {plan.id}",) if show_id else ()))


def _money(cost: Cost) -> str:
    """Return what a plan costs: its trainings once, and by how much hosting changes."""
    training = "at an unknown price" if cost.once is None else usd(cost.once)
    monthly = None if cost.hourly is None else cost.hourly * HOURS_A_MONTH
    hosting = "at an unknown price" if monthly is None else f"{'-' if monthly < 0 else '+'}{usd(abs(monthly))}/month"
    return f"Training {training}, hosting {hosting}."

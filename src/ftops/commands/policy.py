"""What may happen in one run: the project's policy and the command's flags, as the planner takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ftops.diagnostics import did_you_mean
from ftops.errors import UsageError
from ftops.kinds.project import PolicySpec
from ftops.model import Address, Desired, Plan, Policy
from ftops.upkeep import IdleWish, to_the_minute


@dataclass(frozen=True, slots=True)
class Flags:
    """What a command's flags say of the policy."""

    allow: Sequence[str] = ()
    targets: Sequence[str] = ()
    excludes: Sequence[str] = ()
    deletes_max: int | None = None
    usd_max: float | None = None


def scope(flags: Flags, as_of: datetime | None = None) -> str:
    """Return in words which part of a plan is asked for, and of which moment; nothing for all of now."""
    parts = []
    if flags.targets:
        parts.append(f"only {', '.join(flags.targets)}, with what is needed for that")
    if flags.excludes:
        parts.append(f"without {', '.join(flags.excludes)}, nor what is made from that")
    if as_of is not None:
        parts.append(f"as of {to_the_minute(as_of)} if nothing is called until then")
    return "; ".join(parts)


def policy(spec: PolicySpec, desired: Desired, flags: Flags = Flags()) -> Policy:
    """Return the policy of a run.

    Raises: UsageError for a target or exclusion that no document declares.
    """
    return Policy(
        allow=frozenset(flags.allow),
        targets=_declared(flags.targets, desired),
        excludes=_declared(flags.excludes, desired),
        prune=frozenset({"deployment"} if spec.prune.deployments == "orphans" else ()),
        keep=frozenset(spec.prune.keep),
        deletes_max=spec.maxDeletes if flags.deletes_max is None else flags.deletes_max,
        quiet=timedelta(days=spec.idle.within(IdleWish()).after_days),
        training_usd_max=spec.budget.trainingUsdPer30Days,
        hosting_usd_max=spec.budget.hostingUsdPerMonth,
        apply_usd_max=flags.usd_max,
    )


def _declared(addresses: Iterable[str], desired: Desired) -> frozenset[Address]:
    known = {str(resource.address): resource.address for resource in desired.resources}
    for address in addresses:
        if address not in known:
            hint = did_you_mean(address, known) or " `ftops status` lists the addresses."
            raise UsageError(f'No document declares "{address}".{hint}')
    return frozenset(known[address] for address in addresses)


def check_allowed(allow: Iterable[str], made: Plan) -> None:
    """Raise UsageError for an `--allow` of an address that the plan does not know: it would be accepted and inert."""
    known = {str(action.address) for action in made.actions}
    for word in allow:
        address = word.partition(":")[2]
        if address not in known:
            raise UsageError(f'--allow {word}: there is no "{address}" here.{did_you_mean(address, known)}')

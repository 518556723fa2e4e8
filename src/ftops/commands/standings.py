"""Looks and prints for `ftops status`; imported only when there is something to look at."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from ftops.apply.journal import Journal
from ftops.commands.output import Output
from ftops.commands.policy import policy
from ftops.commands.session import session
from ftops.diagnostics import did_you_mean
from ftops.errors import UsageError
from ftops.kinds import KINDS_BY_WORD
from ftops.model import Action, LiveState, Outcome
from ftops.planner import plan as make_plan
from ftops.render.status import Standing, status_json, status_markdown, status_text


def printed(output: Output, addresses: Sequence[str], format_: str) -> int:
    """Print how some addresses stand, or everything, and return the exit code."""
    with session(output, ()) as opened:
        rules = policy(opened.project.spec.policy, opened.desired)
        live = Journal.open(opened.folder / "journal.jsonl").remembered(opened.observe(), rules.grace_s)
        made = make_plan(opened.desired, live, rules)
    rows = [_standing(action, live) for action in made.actions if not action.undo]
    _refuse_unknown(addresses, rows)
    rows = [row for row in rows if not addresses or row.address in addresses]
    code = Outcome.ERROR if live.unreadable else Outcome.CONVERGED
    if format_ == "json":
        output.result(status_json(made.project, live.now, rows))
        return code
    if format_ == "markdown":
        output.result(status_markdown(made.project, made.accounts.values(), live.now, rows))
        return code
    colour = output.colour_on(sys.stdout)
    output.result(status_text(made.project, made.accounts.values(), live.now, rows, colour=colour))
    return code


def _standing(action: Action, live: LiveState) -> Standing:
    found = action.object
    origins = tuple(str(ref.target) for ref in action.resource.refs) if action.resource else ()
    if found is None:
        words = action.reason or action.summary
        return Standing(str(action.address), action.account, "held" if action.held else "absent", words, origins)
    words = KINDS_BY_WORD[found.kind].progress(found, live.now).removeprefix(f"{found.state}, ")
    if action.resource is None:
        words = f"{words}, {action.reason}"
    return Standing(
        str(action.address), action.account, found.state, words, origins, found.id, created_at=found.created_at
    )


def _refuse_unknown(addresses: Iterable[str], rows: Iterable[Standing]) -> None:
    known = [row.address for row in rows]
    for address in addresses:
        if address not in known:
            raise UsageError(f'There is no "{address}" here.{did_you_mean(address, known)}')

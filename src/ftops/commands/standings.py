"""Looks and prints for `ftops status`; imported only when there is something to look at."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from ftops.apply.journal import Journal
from ftops.commands.output import Output
from ftops.commands.policy import policy
from ftops.commands.refused_rows import refused_rows
from ftops.commands.session import session
from ftops.diagnostics import did_you_mean
from ftops.errors import UsageError
from ftops.kinds import KINDS_BY_WORD
from ftops.model import Action, Desired, LiveState, Outcome, Phase, Ref
from ftops.planner import plan as make_plan
from ftops.reasons import Why
from ftops.render.status import Standing, SystemPrompt, status_json, status_markdown, status_text


def printed(output: Output, addresses: Sequence[str], format_: str) -> int:
    """Print how some addresses stand, or everything, and return the exit code."""
    with session(output, ()) as opened:
        rules = policy(opened.project.spec.policy, opened.desired)
        live = Journal.open(opened.folder / "journal.jsonl").remembered(opened.observe(), rules.grace_s)
        made = make_plan(opened.desired, live, rules)
        desired = opened.desired
    rows = [_standing(action, live, desired) for action in made.actions if not action.undo]
    _refuse_unknown(addresses, rows)
    rows = [row for row in rows if not addresses or row.address in addresses]
    output.diagnostics(refused_rows(made.actions, output.common.root))
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


def _standing(action: Action, live: LiveState, desired: Desired) -> Standing:
    found = action.object
    origins = tuple(str(ref.target) for ref in action.resource.refs) if action.resource else ()
    if found is None:
        words = action.reason or action.summary
        state = "held" if action.held else "absent"
        return Standing(str(action.address), action.account, state, words, origins, trouble=action.trouble)
    words = KINDS_BY_WORD[found.kind].progress(found, live.now).removeprefix(f"{found.state}, ")
    if action.resource is None or action.why is Why.PAUSED:
        words = f"{words}, {action.reason}"
    return Standing(
        str(action.address),
        action.account,
        found.state,
        words,
        origins,
        found.id,
        created_at=found.created_at,
        prompt=_prompt(action, desired) if found.phase is Phase.READY else None,
        trouble=action.trouble,
    )


def _prompt(action: Action, desired: Desired) -> SystemPrompt | None:
    """Return the system prompt that what others call was trained with, by the data of the job that it serves."""
    if action.resource is None or not KINDS_BY_WORD[action.address.kind].traits.called:
        return None
    by_address = {each.address: each for each in desired.resources if each.account == action.account}
    served = [by_address[ref.target] for ref in action.resource.refs if ref.target in by_address and not ref.pinned]
    files = [value for job in served if isinstance(value := job.fields.get("training_file"), Ref)]
    facts = next((by_address[ref.target].facts for ref in files if ref.target in by_address), {})
    told = tuple(facts.get(name) for name in ("shown", "prompt_line", "prompt_characters", "prompt_sha256"))
    if None in told:
        return None
    shown, line, characters, sha256 = map(str, told)
    return SystemPrompt(shown, int(line), int(characters), sha256, int(facts["system_prompts"] or 0))


def _refuse_unknown(addresses: Iterable[str], rows: Iterable[Standing]) -> None:
    known = [row.address for row in rows]
    for address in addresses:
        if address not in known:
            raise UsageError(f'There is no "{address}" here.{did_you_mean(address, known)}')

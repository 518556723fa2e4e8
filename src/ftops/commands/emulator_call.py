"""`ftops emulator call`: use a deployment of the embedded emulator, as an application would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from ftops.commands.emulator_accounts import Emulated, emulated_accounts, opened, with_own_account
from ftops.commands.output import Output, command
from ftops.diagnostics import did_you_mean
from ftops.errors import FtopsError, UsageError

if TYPE_CHECKING:
    from ftops.emulator import Emulator, Response

COUNT_MAX = 100_000
INDENT_COLUMNS = 2
_BAD_REQUEST = 400
_OK = 200


@with_own_account
@command(short_help="Call DEPLOYMENT in it and print the answer.")
@click.argument("deployment")
@click.option("--message", metavar="TEXT", default="ping", show_default=True, help="What the user says.")
@click.option("--count", type=click.IntRange(1, COUNT_MAX), default=1, help="How many times to call.")
@click.option("--account", "account_name", metavar="NAME", help="Use this account of the project.")
@click.option("--responses", is_flag=True, help="Use the responses API instead of chat completions.")
@click.option("--fail", is_flag=True, help="Send a body that is refused with 400, to have failed calls.")
def call(
    output: Output, deployment: str, message: str, count: int, account_name: str | None, *, responses: bool, fail: bool
) -> int:
    """Call DEPLOYMENT on the embedded emulator and print its answer.

    Its metrics count the calls, so a deployment that is called is not idle.
    """
    name, account = _chosen(emulated_accounts(output), account_name)
    with opened(account.path) as emulator:
        emulator.ensure_account(name, account.region)
        known = {str(each["name"]).lower(): str(each["name"]) for each in emulator.snapshot(name)["deployments"]}
        if deployment.lower() not in known:
            raise UsageError(_unknown(deployment, name, list(known.values())))
        body: dict[str, object] = {"model": known[deployment.lower()]}
        if not fail:
            body |= {"input": message} if responses else {"messages": [{"role": "user", "content": message}]}
        path = "responses" if responses else "chat/completions"
        for done in range(count):
            answer = _sent(emulator, name, path, body)
            if answer.status != (_BAD_REQUEST if fail else _OK):
                problem = f"call {done + 1} of {count} was answered with {_problem(answer)}"
                raise FtopsError("\n".join([problem, *_meaning(answer, path)]))
        said = _problem(answer) if fail else _said(answer)
    output.result(f"{said}\n")
    times = f"{count} call{'s' if count > 1 else ''}"
    output.progress(f"{times} of {deployment} on {name}{', refused as asked' if fail else ''}")
    return 0


def _chosen(accounts: Mapping[str, Emulated], wanted: str | None) -> tuple[str, Emulated]:
    """Return the account that is asked for by name, else the project's default one."""
    name = wanted or next((name for name, account in accounts.items() if account.is_default), None)
    if name is None:
        raise UsageError(
            f"the project's default account has no emulator; name one with --account: {', '.join(accounts)}"
        )
    if name not in accounts:
        raise UsageError(f'there is no emulated account "{name}" in the project.{did_you_mean(name, accounts)}')
    return name, accounts[name]


def _unknown(deployment: str, account: str, known: list[str]) -> str:
    if not known:
        return f'there is no deployment "{deployment}" on {account}, and no other either; deploy one with ftops apply'
    near = did_you_mean(deployment, known) or f" There is {', '.join(known)}."
    return f'there is no deployment "{deployment}" on {account}.{near}'


def _sent(emulator: Emulator, account: str, path: str, body: Mapping[str, object]) -> Response:
    from ftops.emulator import Request  # noqa: PLC0415

    host = emulator.endpoint(account).removeprefix("https://")
    headers = {"content-type": "application/json"}
    return emulator.handle(Request("POST", host, f"/openai/v1/{path}", {}, headers, json.dumps(body).encode()))


def _value(answer: Response) -> Mapping[str, object]:
    value = json.loads(answer.body if isinstance(answer.body, bytes) else b"".join(answer.body))
    return value if isinstance(value, dict) else {}


def _problem(answer: Response) -> str:
    code, message = _error(answer)
    named = "" if code == str(answer.status) else f" {code}"
    return f"{answer.status}{named}: {message}"


def _error(answer: Response) -> tuple[str, str]:
    """Return the code and the message of a refusal."""
    error = _value(answer).get("error")
    told = error if isinstance(error, dict) else {}
    return str(told.get("code", "")), str(told.get("message", ""))


def _meaning(answer: Response, path: str) -> list[str]:
    """Return what is known of a refusal, as lines below it."""
    from ftops.render.text import meaning  # noqa: PLC0415
    from ftops.rules.troubles import load_troubles  # noqa: PLC0415 - most calls are answered

    found = load_troubles().of_answer(f"POST data:/{path}", answer.status, *_error(answer))
    return [f"{' ' * INDENT_COLUMNS}{line}" for line in meaning(found.trouble() if found else None, INDENT_COLUMNS)]


def _said(answer: Response) -> str:
    """Return the text of a chat completion or of a response (azure-api.md §13 of the service's facts)."""
    value = _value(answer)
    return "\n".join(text for text in (*_texts(value.get("choices")), *_texts(value.get("output"))) if text)


def _texts(value: object) -> list[str]:
    """Return every text that an answer's choices or outputs hold, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, dict):
        return [text for key in ("message", "content", "text") for text in _texts(value.get(key))]
    return []

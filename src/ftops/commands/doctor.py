"""`ftops doctor`: whether this machine and the project's accounts are fit, and how to mend what is not."""

from __future__ import annotations

import sys

import click

from ftops.commands.output import Output, command


@command()
@click.option("--account", metavar="NAME", help="Look at this account only.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def doctor(output: Output, account: str | None, format_: str) -> int:
    """Check this machine and the project's accounts: endpoint, credential, rights, versions, clock, quotas, rules.

    It only reads. Exit code 1 when something is broken.
    """
    from ftops.commands.doctor_checks import examined  # noqa: PLC0415 — its help imports nothing heavy
    from ftops.render.doctor import Level, doctor_json, doctor_text  # noqa: PLC0415

    checks = examined(output, account)
    if format_ == "json":
        output.result(doctor_json(checks))
    else:
        output.result(doctor_text(checks, colour=output.colour_on(sys.stdout)))
    return int(any(check.level is Level.BROKEN for check in checks))

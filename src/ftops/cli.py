"""The command line: arguments to one function per command, and what it returns or raises to an exit code.

Commands are imported when called, so that `ftops version` costs nothing but click.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from ftops.commands.output import COMMON, Output, Told
from ftops.errors import FtopsError, Interrupted, SpecError, UsageError

EXIT_ERROR = 1
EXIT_USAGE = 64
EXIT_INTERRUPTED = 130


class Entry(NamedTuple):
    """A command that is built: its module, the name in it, and its line in the help."""

    module: str
    name: str
    help: str


COMMANDS = {
    "init": Entry("init", "init", "Make a project that plans at once on the embedded emulator."),
    "validate": Entry("validate", "validate", "Check specs and datasets, offline."),
    "plan": Entry("plan", "plan", "Show what apply would do, and why."),
    "apply": Entry("apply", "apply", "Do it: upload, train, deploy."),
    "status": Entry("status", "status", "Show how everything stands in the account."),
    "doctor": Entry("doctor", "doctor", "Check this machine and the accounts, and say how to mend them."),
    "emulator": Entry(
        "emulator", "emulator", "Serve, move or trouble the embedded emulator, or call what is deployed in it."
    ),
    "schema": Entry("schema", "schema", "Print the JSON Schema of the documents, for editors."),
    "explain": Entry("explain", "explain", "Tell what a diagnostic code or a reason in a plan means."),
    "completion": Entry("completion", "completion", "Print the script that completes ftops in a shell."),
    "version": Entry("version", "version", "Print the version."),
}
NOT_YET = ("metrics", "diff", "why", "graph", "report", "history", "adopt", "forget", "test")
"""Commands of the interface that a later version builds; asked for, they are refused by name."""


class Commands(click.Group):
    """Finds commands by the table, and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands that are built, in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None for click to say that there is no such command."""
        if cmd_name in NOT_YET and not ctx.resilient_parsing:
            ctx.fail(f"not-yet: `ftops {cmd_name}` is not built yet.")
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(f"ftops.commands.{entry.module}"), entry.name)
        return command if isinstance(command, click.Command) else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, by the table: a shell must not wait for all of them to be imported."""
        names = [CompletionItem(n, help=entry.help) for n, entry in COMMANDS.items() if n.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name; an unknown one is answered with the nearest known."""
        from ftops.diagnostics import did_you_mean  # noqa: PLC0415

        known = not args or args[0] in COMMANDS or args[0] in NOT_YET or args[0].startswith("-")
        if not known and not ctx.resilient_parsing:  # A completing shell is told nothing, rather than an error.
            ctx.fail(f'There is no command "{args[0]}".{did_you_mean(args[0], COMMANDS)}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands with their lines, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


ROOT = Commands(
    "ftops",
    params=COMMON,
    callback=lambda **_values: None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Reconcile specs of datasets, fine-tuning jobs and deployments with Azure OpenAI.\n\n"
    "Start with `ftops init`, then `ftops plan` and `ftops apply`.",
    epilog="\b\nExit codes: 0 converged, 1 error, 2 changes planned (plan --detailed-exitcode),\n"
    "3 waiting for the service, 4 held, 64 usage, 130 interrupted.",
)


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line; everything a user should know has been printed by then."""
    _take_any_text()
    told = Told()
    try:
        code = ROOT.main(list(arguments), prog_name="ftops", standalone_mode=False, obj=told)
    except click.ClickException as error:
        error.show(sys.stderr)
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("\nInterrupted.\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # The reader of our output has gone; there is nobody to tell.
        return EXIT_ERROR
    except (FtopsError, OSError) as error:
        return _told(error, Output(told.common))
    except Exception as error:  # noqa: BLE001 — a bug of ours is told, with its traceback only on request
        return _bug(error, verbose=told.common.verbose)
    return code if isinstance(code, int) else 0


def _take_any_text() -> None:
    """Print characters that the output's encoding lacks as escapes; a name in a plan must not end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _bug(error: Exception, *, verbose: bool) -> int:
    """Print what is needed to report a bug."""
    import traceback  # noqa: PLC0415

    from ftops.redaction import redact  # noqa: PLC0415

    told = "".join(traceback.format_exception(error)) if verbose else f"{type(error).__name__}: {error}\n"
    more = "" if verbose else " Run it again with -v for the details."
    sys.stderr.write(f"{redact(told)}error: this is a bug in ftops, please report it.{more}\n")
    return EXIT_ERROR


def _told(error: FtopsError | OSError, output: Output) -> int:
    """Print an error in the common form and return its exit code."""
    from ftops.redaction import redact  # noqa: PLC0415

    if isinstance(error, SpecError):
        output.diagnostics(error.diagnostics)
        return EXIT_ERROR
    text = f"{error.filename or 'the system says'}: {error.strerror}" if isinstance(error, OSError) else str(error)
    if isinstance(error, Interrupted):
        output.note(f"\n{redact(text)}")
        return EXIT_INTERRUPTED
    output.note(f"error: {redact(text)}")
    return EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR

"""`ftops completion`: the script that has a shell complete commands, options and addresses."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

from ftops.commands.output import Output, command
from ftops.diagnostics import did_you_mean
from ftops.errors import UsageError

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_FTOPS_COMPLETE"
"""How the script asks ftops; click derives the same name from the program's."""


HELP = """Print the script that completes ftops in SHELL: bash, zsh or fish.

\b
bash   put  eval "$(ftops completion bash)"  into ~/.bashrc
zsh    put  eval "$(ftops completion zsh)"  into ~/.zshrc, after compinit
fish   ftops completion fish > ~/.config/fish/completions/ftops.fish

Then open a new shell. Commands and options complete; for `status` the addresses of the specs do, too."""


def _shells(begin: str) -> list[str | CompletionItem]:
    return [shell for shell in SHELLS if shell.startswith(begin)]


@command(help=HELP)
@click.argument("shell", metavar="SHELL", shell_complete=lambda _context, _parameter, begin: _shells(begin))
def completion(output: Output, shell: str) -> int:
    """Print the script of one shell."""
    completer = get_completion_class(shell) if shell in SHELLS else None
    if completer is None:
        supported = f"{', '.join(SHELLS[:-1])} and {SHELLS[-1]}"
        raise UsageError(
            f'There is no completion for "{shell}"; the shells are {supported}.{did_you_mean(shell, SHELLS)}'
        )
    root = click.get_current_context().find_root()
    output.result(completer(root.command, {}, "ftops", VARIABLE).source())
    return 0

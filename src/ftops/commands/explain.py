"""`ftops explain`: what a diagnostic code, a reason in a plan or a word of `--allow` means."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem

from ftops.commands.output import Output, command
from ftops.diagnostics import Severity, did_you_mean
from ftops.errors import UsageError
from ftops.pages import Page, load_pages
from ftops.render.pages import index_text, page_text

_as_printed = re.compile(r"\A\w+\[(?P<code>[^\]]*)\]")
"""A code in its brackets, as it stands in the output: `error[bad-name]: Bad name`."""
NO_DIAGNOSTICS = frozenset({"reasons", "allow"})
"""Groups of pages about plans; the words of all others are codes of diagnostics."""


def severities() -> Mapping[str, str]:
    """Return how much each code weighs: as its page or the catalogue of data checks says, else it is an error."""
    return {word: severity_of(word, page) for word, page in diagnostic_pages().items()}


def diagnostic_pages() -> Mapping[str, Page]:
    """Return the page of each code of a diagnostic."""
    groups = [group for group in load_pages() if group.name not in NO_DIAGNOSTICS]
    return {word: page for group in groups for word, page in group.pages.items()}


def severity_of(word: str, page: Page) -> str:
    """Return how much a code weighs where no document says otherwise."""
    from ftops.catalogue import CATALOGUE  # noqa: PLC0415 — its help imports nothing heavy

    return page.severity or str(CATALOGUE[word].severity if word in CATALOGUE else Severity.ERROR)


def _words(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    found = [(word, page.means) for group in load_pages() for word, page in group.pages.items()]
    return [CompletionItem(word, help=means) for word, means in found if word.startswith(incomplete)]


@command()
@click.argument("code", required=False, metavar="[CODE]", shell_complete=_words)
def explain(output: Output, code: str | None) -> int:
    """Tell what CODE means, with an example and the way out; without CODE, list all there are.

    CODE is what stands in brackets behind error or warning, a reason in `ftops plan --format json`, or a word of
    --allow, for example `ftops explain retrain`.
    """
    groups, colour = load_pages(), output.colour_on(sys.stdout)
    if code is None:
        output.result(index_text(groups, colour=colour))
        return 0
    weights = severities()
    word = _as_printed.sub(r"\g<code>", code.strip()).partition(":")[0].lower()
    found = [
        page_text(
            word, group, group.pages[word], weights[word] if group.name not in NO_DIAGNOSTICS else "", colour=colour
        )
        for group in groups
        if word in group.pages
    ]
    if not found:
        known = [each for group in groups for each in group.pages]
        raise UsageError(f'There is no "{code}" to explain.{did_you_mean(word, known)} `ftops explain` lists all.')
    output.result("\n".join(found))
    return 0

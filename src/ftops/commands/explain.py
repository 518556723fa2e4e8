"""`ftops explain`: what a diagnostic code, a reason in a plan or a word of `--allow` means."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem

from ftops.catalogue import CATALOGUE, DATASET, JOB, OFF, codes_of, overridden_in
from ftops.commands.output import Output, command
from ftops.diagnostics import Severity, did_you_mean
from ftops.errors import UsageError
from ftops.pages import Page, load_pages
from ftops.render.pages import index_text, page_text
from ftops.render.rules import severity_word

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
    """Return how much a code weighs where no document says otherwise; a rule that is not asked for is `off`."""
    if page.severity or word not in CATALOGUE:
        return page.severity or Severity.ERROR
    return CATALOGUE[word].severity or OFF


def ids() -> Mapping[str, str]:
    """Return the id of each rule of datasets."""
    return {code: check.id for code, check in CATALOGUE.items()}


def notes_on(word: str) -> list[tuple[str, str]]:
    """Return what the catalogue says of a rule of datasets, and how to weigh it otherwise, each with a title."""
    check = CATALOGUE.get(word)
    if check is None:
        return []
    told = ("The rule", f"{check.id}, {check.source}. {_USUALLY[severity_word(check)]}.")
    if check.fixed:
        return [told, ("To weigh it otherwise", "It cannot be overridden: there would be no data to train on.")]
    where = " or ".join(f"in the {kind}" for kind in (DATASET, JOB) if word in overridden_in(kind))
    snippet = f"`lifecycle: {{rules: {{{word}: {_OTHERWISE[severity_word(check)]}}}}}`"
    others = [code for code in codes_of(check.id) if code != word]
    beside = f" {check.id} in place of the word means {', '.join(others)} too." if others else ""
    return [told, ("To weigh it otherwise", f"{snippet} {where}; error, warning, info or off.{beside}")]


_USUALLY: Mapping[str, str] = {
    "error": "Usually an error",
    "warning": "Usually a warning",
    "info": "Usually an info",
    OFF: "Off unless it is asked for",
}
_OTHERWISE: Mapping[str, str] = {"error": "warning", "warning": OFF, "info": OFF, OFF: "info"}
"""What a rule might be made by somebody who does not want it as it is."""


def _words(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    found = [(word, page.means) for group in load_pages() for word, page in group.pages.items()]
    found += [(number, ", ".join(codes_of(number))) for number in dict.fromkeys(ids().values())]
    return [CompletionItem(word, help=means) for word, means in found if word.startswith(incomplete)]


def _of_the_service(word: str, *, colour: bool) -> list[str]:
    """Return the pages of what the service says by this code, or by our word for it."""
    from ftops.render.troubles import trouble_text  # noqa: PLC0415 - the help needs no rules
    from ftops.rules.troubles import load_troubles  # noqa: PLC0415

    troubles = load_troubles()
    rows = [row for row in troubles.rows if word in {row.word, *(code.lower() for code in row.codes)}]
    return [trouble_text(row, troubles, colour=colour) for row in rows]


@command()
@click.argument("code", required=False, metavar="[CODE]", shell_complete=_words)
def explain(output: Output, code: str | None) -> int:
    """Tell what CODE means, with an example and the way out; without CODE, list all there are.

    CODE is what stands in brackets behind error or warning, the id of a rule of datasets such as F004, a reason in
    `ftops plan --format json`, a word of --allow, for example `ftops explain retrain`, or a code of the service, for
    example `ftops explain RequestConflict`.
    """
    groups, colour = load_pages(), output.colour_on(sys.stdout)
    if code is None:
        output.result(index_text(groups, ids(), colour=colour))
        return 0
    weights = severities()
    word = _as_printed.sub(r"\g<code>", code.strip()).partition(":")[0].lower()
    found = [
        page_text(each, group, weights[each], notes_on(each), colour=colour)
        if group.name not in NO_DIAGNOSTICS
        else page_text(each, group, colour=colour)
        for each in codes_of(word) or (word,)
        for group in groups
        if each in group.pages
    ]
    found += _of_the_service(word, colour=colour)
    if not found:
        known = [*(each for group in groups for each in group.pages), *ids().values()]
        raise UsageError(f'There is no "{code}" to explain.{did_you_mean(word, known)} `ftops explain` lists all.')
    output.result("\n".join(found))
    return 0

"""What `ftops validate --stats` shows of datasets: rows, tokens, money, and how long rows are, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ftops.render.text import Ink, count, harmless, paint
from ftops.upkeep import many, usd, usd_range

BAR_COLUMNS = 40
LABEL_COLUMNS = 18
WIDTH_COLUMNS = 100
INDENT = "  "
TEXT_LINES_MAX = 12


@dataclass(frozen=True, slots=True)
class Trained:
    """What a job makes of a dataset: its epochs (None: unknown; `assumed` where the service chooses), and the cost.

    `hourly_usd` is the price of an hour of training, for models that are paid so.
    """

    job: str
    model: str
    epochs: int | None
    assumed: bool
    tokens: int | None
    usd_low: float | None
    usd: float | None
    hourly_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """How many rows are longer than a model trains on."""

    tokens: int
    rows_over: int


@dataclass(frozen=True, slots=True)
class Prompts:
    """The system prompts of a dataset: how many different ones, and the usual one; `text` only if it was asked for."""

    different: int
    rows_without: int
    usual_line: int
    usual_rows: int
    usual_characters: int
    usual_sha256: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class SetStats:
    """A dataset in numbers; of one that is pinned or imported only the digest is known (`rows` is None).

    `encoding` is how tokens were counted, empty for an estimate; `unmeasured_rows` have tools or images, which are
    estimated in any case. `percentiles` are the tokens that 50, 90 and 99 % of the rows have at most, `bars` the rows
    up to so many tokens, `longest` (tokens, line).
    """

    address: str
    file: str
    format: str
    digest: str
    size_bytes: int
    rows: int | None = None
    tokens: int = 0
    encoding: str = ""
    unmeasured_rows: int = 0
    image_rows: int = 0
    least: int = 0
    percentiles: tuple[int, ...] = ()
    most: int = 0
    bars: tuple[tuple[int, int], ...] = ()
    longest: tuple[tuple[int, int], ...] = ()
    contexts: tuple[Context, ...] = ()
    trained: tuple[Trained, ...] = ()
    prompts: Prompts | None = None


def sets_text(sets: Sequence[SetStats], *, colour: bool) -> str:
    """Return the datasets one under the other, ending in a line break; empty without any."""
    return "".join(f"{_set(each, colour=colour)}\n" for each in sets)


def sets_json(sets: Sequence[SetStats]) -> list[dict[str, object]]:
    """Return the datasets as plain values; what is not known is null."""
    return [asdict(each) for each in sets]


def _set(each: SetStats, *, colour: bool) -> str:
    head = f"{each.address}  {each.file}  {each.format}, {_size(each.size_bytes)}, sha256 {each.digest[:12]}"
    lines = [paint(harmless(head), Ink.BOLD, colour=colour), ""]
    if each.rows is None:
        lines.append(f"{INDENT}its content is what lifecycle.sha256 says; it is not read here")
        return "\n".join([*lines, ""])
    for label, words in _facts(each):
        lines += textwrap.wrap(
            harmless(words),
            WIDTH_COLUMNS,
            initial_indent=f"{INDENT}{label:<{LABEL_COLUMNS}}",
            subsequent_indent=" " * (len(INDENT) + LABEL_COLUMNS),
        )
    if each.prompts is not None and each.prompts.text:
        lines += [f"{INDENT * 2}| {harmless(line)}" for line in each.prompts.text.splitlines()[:TEXT_LINES_MAX]]
    return "\n".join([*lines, *_bars(each), ""])


def _facts(each: SetStats) -> list[tuple[str, str]]:
    half, most, nearly_all = each.percentiles
    shape = (
        f"least {each.least:,}, half up to {half:,}, 90 % up to {most:,}, 99 % up to {nearly_all:,}, most {each.most:,}"
    )
    facts = [("rows", f"{each.rows or 0:,}"), ("tokens", _tokens(each)), ("tokens of a row", shape)]
    facts.append(("longest rows", ", ".join(f"{tokens:,} in line {line:,}" for tokens, line in each.longest)))
    facts += [("over the context", _over(context)) for context in each.contexts]
    if each.image_rows:
        facts.append(("with images", count(each.image_rows, "row")))
    if each.rows:
        facts.append(("system prompts", _prompts(each.prompts, each.rows)))
    return [*facts, *(("trained by", _trained(trained)) for trained in each.trained)]


def _tokens(each: SetStats) -> str:
    if not each.encoding:
        return f"about {each.tokens:,}, estimated from the characters (`pip install 'ftops[tokens]'` counts exactly)"
    but = (
        f"; in {count(each.unmeasured_rows, 'row')} tools or images are estimated"
        if each.unmeasured_rows
        else ", exact"
    )
    return f"{each.tokens:,} by {each.encoding}{but}"


def _over(context: Context) -> str:
    over = count(context.rows_over, "row") if context.rows_over else "none"
    return f"{over} above {context.tokens:,} tokens"


def _prompts(prompts: Prompts | None, rows: int) -> str:
    if prompts is None:
        return f"none in {count(rows, 'row')}: call the model without one, too"
    different = "the same" if prompts.different == 1 else f"{prompts.different:,} different, the usual one"
    where = f"{different} in {count(prompts.usual_rows, 'row')}, {prompts.usual_characters:,} characters"
    without = f"; {count(prompts.rows_without, 'row')} without" if prompts.rows_without else ""
    return f"{where}, first in line {prompts.usual_line:,}{without}: call the model with it"


def _trained(trained: Trained) -> str:
    if trained.epochs is None:
        epochs = "epochs unknown"
    else:
        assumed = " (assumed: the service chooses)" if trained.assumed else ""
        epochs = f"{count(trained.epochs, 'epoch')}{assumed}"
    tokens = f"{many(trained.tokens)} tokens" if trained.tokens is not None else "tokens unknown"
    price = f"about {usd_range(trained.usd_low, trained.usd)}" if trained.usd is not None else "price unknown"
    if trained.usd is None and trained.hourly_usd is not None:
        price = f"{usd(trained.hourly_usd)} for an hour of training, and nobody knows how many"
    return f"{trained.job} ({trained.model}): {epochs}, {tokens}, {price}"


def _bars(each: SetStats) -> list[str]:
    widest = max((rows for _, rows in each.bars), default=0)
    if not widest:
        return []
    lines = ["", f"{INDENT}{'up to tokens':>12}  {'rows':>9}"]
    for tokens, rows in each.bars:
        bar = "#" * max(1, round(rows * BAR_COLUMNS / widest))
        lines.append(f"{INDENT}{tokens:>12,}  {rows:>9,}  {bar}")
    return lines


def _size(size_bytes: int) -> str:
    megabytes = size_bytes / 1e6
    return f"{megabytes:,.1f} MB" if megabytes >= 1 else f"{size_bytes / 1e3:,.1f} kB"

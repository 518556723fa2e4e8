"""What two versions of a dataset differ in, as a value with its words: rows and tokens, however they are written.

The planner is given it, and what is rendered shows it; counting is done in `data/difference.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ftops.digest import FILE_DIGEST_LENGTH
from ftops.upkeep import many, usd

FORM: Final = 1
"""Of the numbers that rows are compared by (`data/identity.py`); those of two forms say nothing of each other."""
ONLY_WRITTEN_OTHERWISE: Final = "only the order of the rows or how they are written differs"
LEAST_USD = 0.005
"""Half a cent: a change of the cost below it is not worth a word."""


def kept_as(content: str) -> str:
    """Return the name under which the numbers of a content's rows are kept, by its digest or the first half of it."""
    return f"rows {FORM} {content[:FILE_DIGEST_LENGTH]}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of the rows of one content (`before`, its digest of 64 hex digits) in another (`after`).

    Rows are counted as often as they stand there: a row that is added a second time is added. `changed` are those of
    the same prompt with another answer. `exact` says that the tokens are no estimate on either side, `alike` that both
    were counted in the same way. `usd` is what it changes of a training's cost, None where that is not known.
    """

    before: str
    after: str
    added: int
    removed: int
    changed: int
    kept: int
    tokens_before: int
    tokens_after: int
    exact: bool
    alike: bool = True
    usd: float | None = None

    @property
    def same(self) -> bool:
        """Tell whether both have the same rows, each as often."""
        return not (self.added or self.removed or self.changed)

    @property
    def tokens(self) -> int:
        """Return how many tokens there are more, negative if less."""
        return self.tokens_after - self.tokens_before

    @property
    def words(self) -> str:
        """Return `150 rows added, 20 removed, 12 changed; +31 k tokens, about +USD 0.47`."""
        if self.same:
            return ONLY_WRITTEN_OTHERWISE
        told = [(n, what) for n, what in zip(self._counts, ("added", "removed", "changed"), strict=True) if n]
        first, *rest = told
        rows = [f"{first[0]:,} row{'' if first[0] == 1 else 's'} {first[1]}", *(f"{n:,} {what}" for n, what in rest)]
        return f"{', '.join(rows)}; {self._tokens_in_words}"

    @property
    def _counts(self) -> tuple[int, int, int]:
        return self.added, self.removed, self.changed

    @property
    def _tokens_in_words(self) -> str:
        if not self.alike:
            return "their tokens were counted in different ways"
        about = "" if self.exact else "about "
        tokens = f"{about}{_sign(self.tokens)}{many(abs(self.tokens))} tokens" if self.tokens else "as many tokens"
        if self.usd is None or abs(self.usd) < LEAST_USD:
            return tokens
        # What is left of an estimate of tokens is one, too; a price times exact tokens is one by itself.
        return f"{tokens}, {'about ' if self.exact else ''}{_sign(self.usd)}{usd(abs(self.usd))}"


def _sign(number: float) -> str:
    return "-" if number < 0 else "+"

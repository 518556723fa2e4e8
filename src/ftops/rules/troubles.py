"""What the service's misleading words mean: the typed reader of `troubles.toml`, which is read at the first of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from ftops.rules.tables import Origin, as_list, as_table, built, dated, packaged
from ftops.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Where:
    """Where words come from: the answers to `calls` (such as `POST data:/files`), objects of the kind `state`, or both.

    `calls` is a pattern of the whole call; what is empty fits nothing.
    """

    title: str
    calls: str
    state: str


@dataclass(frozen=True, slots=True)
class Symptom:
    """One row: by what words is known, and what they mean.

    An answer fits by its `status`, its code being one of `codes`, and `message` found in its message; an object's state
    by its error's code, or where it tells none by the service's word for the state. What is empty fits all. `said` is
    an example of the words; `sent` says that what was sent is of help.
    """

    word: str
    where: str
    status: tuple[int, ...]
    codes: tuple[str, ...]
    message: str
    said: str
    cause: str
    remedy: str
    passes: bool
    sent: bool
    after_hours: int
    origin: Origin

    def fits(self, code: str, message: str) -> bool:
        """Tell whether a code and a message are those of the row."""
        return (not self.codes or code in self.codes) and re.search(self.message, message, re.IGNORECASE) is not None

    def trouble(self, sent: str = "") -> Trouble:
        """Return what the words mean."""
        told = sent if self.sent else ""
        return Trouble(self.word, self.cause, self.remedy, self.passes, told, self.after_hours)


@dataclass(frozen=True, slots=True)
class Troubles:
    """All rows in their order, and the places by name; the first row that fits is meant."""

    where: Mapping[str, Where]
    rows: tuple[Symptom, ...]

    def of_answer(self, call: str, status: int, code: str, message: str) -> Symptom | None:
        """Return the row that an answer to a call fits, or None."""
        here = {name for name, where in self.where.items() if re.fullmatch(where.calls, call)}
        return _first(self.rows, here, code, message, status)

    def of_state(self, kind: str, code: str, message: str) -> Symptom | None:
        """Return the row that the error of an object of a kind fits, or None; `code` is its state if it tells none."""
        here = {name for name, where in self.where.items() if where.state == kind}
        return _first(self.rows, here, code, message, None)


def _first(rows: Iterable[Symptom], here: set[str], code: str, message: str, status: int | None) -> Symptom | None:
    for row in rows:
        # Of an object no status is told, so a row that is known by its status alone is not about it.
        about = (not row.status or status in row.status) if status is not None else bool(row.codes or row.message)
        if row.where in here and about and row.fits(code, message):
            return row
    return None


@cache
def load_troubles() -> Troubles:
    """Return the packaged rows, read once."""
    tables = packaged("troubles.toml")
    default = as_table(tables["origin"])
    nowhere: dict[str, object] = {"calls": "", "state": ""}
    where = {name: built(Where, {**nowhere, **as_table(row)}) for name, row in as_table(tables["where"]).items()}
    return Troubles(where, tuple(_symptom(as_table(row), default) for row in as_list(tables["trouble"])))


def _symptom(row: Mapping[str, object], default: Mapping[str, object]) -> Symptom:
    usual: dict[str, object] = {"status": [], "codes": [], "message": "", "passes": False, "sent": False}
    usual |= {"after_hours": 0}
    return built(Symptom, dated({**usual, **row}, default))


def trouble_of_state(kind: str, code: str, message: str) -> Trouble | None:
    """Return what the error, or the state, of an object means, or None where it is not known."""
    found = load_troubles().of_state(kind, code, message)
    return found.trouble() if found else None

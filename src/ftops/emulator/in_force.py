"""The trouble that is in force for every process that opens the store: its description, and what its rules have met."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ftops.emulator.context import Limits, Quirks
from ftops.emulator.faults import Asked, Fault, Met
from ftops.emulator.store import Store
from ftops.emulator.trouble import CALM, Trouble, read_trouble


class InForce:
    """Trouble kept in the store; another process may change it at any time, so each request looks."""

    def __init__(self, store: Store) -> None:
        """Keep the store."""
        self._store = store
        self._text = ""
        self._trouble = CALM
        self._steady = False

    def put(self, trouble: Trouble) -> None:
        """Put this in force instead of what was, within the caller's transaction; its rules have met nothing yet."""
        self.clear()
        self._store.rows("INSERT INTO trouble VALUES (?)", json.dumps(trouble.given))

    def clear(self) -> None:
        """Put nothing in force, within the caller's transaction."""
        self._steady = False
        self._store.rows("DELETE FROM trouble")
        self._store.rows("DELETE FROM rules_met")

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Look once for all that is asked meanwhile; the caller holds the store's lock."""
        self._look()
        self._steady = True
        try:
            yield
        finally:
            self._steady = False

    @property
    def trouble(self) -> Trouble:
        """What is in force now; of what another version of the emulator wrote, that which this one knows."""
        with self._store.lock:
            if not self._steady:
                self._look()
            return self._trouble

    def _look(self) -> None:
        """Read what is in force, if it is another text than before."""
        found = self._store.rows("SELECT text FROM trouble")
        text = str(found[0][0]) if found else ""
        if text != self._text:
            self._trouble, _ = read_trouble(json.loads(text) if text else None)
            self._text = text

    def limits(self, base: Limits) -> Limits:
        """Return the limits in force: what the description gives over those of this process."""
        given = self.trouble.limits
        return replace(base, **given) if given else base

    def quirks(self, base: Quirks) -> Quirks:
        """Return the quirks in force, likewise."""
        given = self.trouble.quirks
        return replace(base, **given) if given else base

    def met(self) -> tuple[Met, ...]:
        """Return what each rule has met."""
        return tuple(self._met_by(place) for place in range(len(self.trouble.faults)))

    def fire(self, asked: Asked) -> tuple[Fault, ...]:
        """Count this request with every rule that fits it and return those that act on it, in their order.

        That is kept at once, whatever becomes of the request: a rule that ends the process does not do so again.
        """
        if not any(rule.fits(asked) for rule in self.trouble.faults):
            return ()
        with self._store.transaction():
            trouble = self.trouble  # Once more: another process may have changed it, and now none can.
            fitting = [(place, rule) for place, rule in enumerate(trouble.faults) if rule.fits(asked)]
            return tuple(rule for place, rule in fitting if self._meet(place, rule, asked, trouble.seed))

    def _meet(self, place: int, rule: Fault, asked: Asked, seed: int) -> bool:
        before = self._met_by(place)
        met = rule.meet(before, asked, f"{seed}:{place}")
        row = (place, met.met, met.acted, json.dumps(met.tokens))
        self._store.rows("INSERT OR REPLACE INTO rules_met VALUES (?, ?, ?, ?)", *row)
        return met.acted > before.acted

    def _met_by(self, place: int) -> Met:
        found = self._store.rows("SELECT met, acted, tokens FROM rules_met WHERE place = ?", place)
        return Met(found[0][0], found[0][1], tuple(json.loads(found[0][2]))) if found else Met()

"""The emulator's memory: one sqlite file with documents, file contents, the virtual clock and the counters.

A request is one transaction, so a process that is killed at any instant leaves the world before or after a request,
never between. Nothing here knows what a document means.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from ftops.emulator.messages import JsonObject, without_nulls

SEED = "ftops-emulator"
BUSY_TIMEOUT_S = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, account TEXT NOT NULL, id TEXT NOT NULL,
    created_at REAL NOT NULL, active INTEGER NOT NULL, api TEXT NOT NULL, sim TEXT NOT NULL,
    UNIQUE (kind, account, id));
CREATE INDEX IF NOT EXISTS active_documents ON documents (seq) WHERE active;
CREATE TABLE IF NOT EXISTS chunks (
    blob TEXT NOT NULL, position INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (blob, position));
CREATE INDEX IF NOT EXISTS expiring_documents ON documents (json_extract(sim, '$.expires_at'))
    WHERE json_extract(sim, '$.expires_at') IS NOT NULL AND NOT active;
CREATE TABLE IF NOT EXISTS calls (
    account TEXT NOT NULL, at REAL NOT NULL, deployment TEXT NOT NULL, shown TEXT NOT NULL, model TEXT NOT NULL,
    version TEXT NOT NULL, api TEXT NOT NULL, operation TEXT NOT NULL, status INTEGER NOT NULL,
    count INTEGER NOT NULL, prompt INTEGER NOT NULL, generated INTEGER NOT NULL,
    PRIMARY KEY (account, at, deployment, model, version, api, operation, status)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS called_deployments ON calls (account, deployment, at);
CREATE INDEX IF NOT EXISTS call_moments ON calls (at);
CREATE TABLE IF NOT EXISTS activity (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, resource TEXT NOT NULL, operation TEXT NOT NULL,
    status TEXT NOT NULL, caller TEXT NOT NULL, correlation TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS activity_moments ON activity (at);
CREATE TABLE IF NOT EXISTS trouble (text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rules_met (
    place INTEGER PRIMARY KEY, met INTEGER NOT NULL, acted INTEGER NOT NULL, tokens TEXT NOT NULL);
"""
# Tables of their own that other modules write; what stands in them is forgotten with the world.
_RECORDS = ("calls", "activity", "trouble", "rules_met")
# Pieces of files have row ids: within a tree of keys, large values cost twice the time.
_COLUMNS = "kind, account, id, created_at, active, api, sim, seq"
# Written as in the index, so that the index answers it.
_EXPIRING = (
    f"SELECT {_COLUMNS} FROM documents WHERE json_extract(sim, '$.expires_at') IS NOT NULL AND NOT active "  # noqa: S608
    "ORDER BY json_extract(sim, '$.expires_at') LIMIT 1"
)


class Kind(StrEnum):
    """What a document is."""

    ACCOUNT = "account"
    FILE = "file"
    UPLOAD = "upload"
    JOB = "job"
    MODEL = "model"
    CHECKPOINT = "checkpoint"
    COPY = "copy"
    COPIED = "copied"
    DEPLOYMENT = "deployment"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Document:
    """One stored thing: `api` is what the wire shows, `sim` what only the emulator knows.

    An `active` document changes by itself as the virtual clock moves on; `seq` is the order of creation.
    """

    kind: Kind
    account: str
    id: str
    created_at: float
    api: JsonObject
    sim: JsonObject = field(default_factory=dict)
    active: bool = False
    seq: int = 0

    def changed(self, *, active: bool | None = None, sim: JsonObject | None = None, **api: Any) -> Document:  # noqa: ANN401
        """Return a copy with these wire members laid over the old ones; a member set to None disappears."""
        return replace(
            self,
            api=without_nulls({**self.api, **api}),
            sim={**self.sim, **(sim or {})},
            active=self.active if active is None else active,
        )


class Store:
    """Documents and file contents in one sqlite file, or in memory when `path` is None; safe for several threads."""

    def __init__(self, path: Path | None, start: datetime) -> None:
        """Open or create the store; `start` begins virtual time when it is new."""
        self._lock = threading.RLock()
        self._path = path
        self._db = sqlite3.connect(
            str(path) if path else ":memory:", timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        # NORMAL keeps every commit through a death of the process; only a power cut may take the newest ones.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        with self.transaction():
            if self._meta("now") is None:
                self._begin_world(start)

    @property
    def lock(self) -> threading.RLock:
        """The lock that keeps the threads of this process apart."""
        return self._lock

    @property
    def folder(self) -> Path | None:
        """The folder of the store's file; None when the store is in memory."""
        return self._path.parent if self._path else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """Commit what happens inside, or undo it on an exception and when not `keep`."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT" if keep else "ROLLBACK")

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Undo what happens inside when it raises, while the transaction around it goes on."""
        self._db.execute("SAVEPOINT request")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO request")
            raise
        finally:
            self._db.execute("RELEASE request")

    def reset(self, start: datetime) -> None:
        """Forget everything except the accounts; virtual time begins again at `start`."""
        self._db.execute("DELETE FROM documents WHERE kind != ?", (Kind.ACCOUNT,))
        for table in ("chunks", *_RECORDS):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608  our words
        self._begin_world(start)

    def _begin_world(self, start: datetime) -> None:
        for key, value in (("now", start.isoformat()), ("seed", SEED), ("ids", "0"), ("requests", "0")):
            self._set_meta(key, value)

    # --- clock and counters

    def now(self) -> datetime:
        """Return the virtual moment."""
        return datetime.fromisoformat(self._meta("now") or "")

    def set_now(self, moment: datetime) -> None:
        """Move the virtual clock."""
        self._set_meta("now", moment.isoformat())

    def next_hex(self) -> str:
        """Return 32 hexadecimal digits that no object of this store has had.

        They come from the store's seed and a counter, so that the same calls give the same ids everywhere.
        """
        number = self._count("ids")
        return hashlib.sha256(f"{self._meta('seed')}:{number}".encode()).hexdigest()[:32]

    def derived(self, purpose: str) -> str:
        """Return 64 hexadecimal digits for a purpose, the same at every opening of this store."""
        return hashlib.sha256(f"{self._meta('seed')}:{purpose}".encode()).hexdigest()

    def kept(self, key: str, value: str) -> str:
        """Return what the store keeps under a key: this value, unless it has one already."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, value))
        return self._meta(key) or ""

    def count_request(self) -> int:
        """Count one request and return its number in the life of this store."""
        return self._count("requests")

    def request_id(self) -> str:
        """Return the id of the request in progress, which its headers and its records share."""
        return str(UUID(hashlib.sha256(f"request:{self._meta('requests')}".encode()).hexdigest()[:32]))

    def _count(self, key: str) -> int:
        number = int(self._meta(key) or "0") + 1
        self._set_meta(key, str(number))
        return number

    def _meta(self, key: str) -> str | None:
        with self._lock:
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def _set_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # --- documents

    def put(self, document: Document) -> Document:
        """Create or replace a document and return it; it keeps its place in the order of creation."""
        api, sim = json.dumps(document.api), json.dumps(document.sim)
        values = (document.kind, document.account, document.id, document.created_at, int(document.active), api, sim)
        self._db.execute(
            "INSERT INTO documents (kind, account, id, created_at, active, api, sim) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (kind, account, id) DO UPDATE SET active = excluded.active, api = excluded.api, "
            "sim = excluded.sim",
            values,
        )
        return document

    def get(self, kind: Kind, account: str, key: str) -> Document | None:
        """Return one document of an account, or None."""
        found = self._select("kind = ? AND account = ? AND id = ?", kind, account, key)
        return found[0] if found else None

    def find(self, kind: Kind, key: str) -> Document | None:
        """Return the first document with this id in any account, or None."""
        found = self._select("kind = ? AND id = ?", kind, key)
        return found[0] if found else None

    def every(self, kind: Kind) -> list[Document]:
        """Return the documents of one kind in all accounts, oldest first."""
        return self._select("kind = ?", kind)

    def all(self, kind: Kind, account: str) -> list[Document]:
        """Return an account's documents of one kind, oldest first."""
        return self._select("kind = ? AND account = ?", kind, account)

    def newest(
        self, kind: Kind, account: str, most: int, after: str = "", until: float = math.inf
    ) -> list[Document] | None:
        """Return up to so many of an account's documents of one kind that were made until a moment, newest first.

        Args: after: the id of the document that comes before the first one.
        Returns: None when `after` names none of them.
        """
        where, values = "kind = ? AND account = ? AND created_at <= ?", (kind, account, until)
        if after:
            place = self.rows(f"SELECT created_at, seq FROM documents WHERE {where} AND id = ?", *values, after)  # noqa: S608
            if not place:
                return None
            where, values = f"{where} AND (created_at, seq) < (?, ?)", (*values, *place[0])
        order = f"ORDER BY created_at DESC, seq DESC LIMIT {most}"
        return [_document(r) for r in self.rows(f"SELECT {_COLUMNS} FROM documents WHERE {where} {order}", *values)]  # noqa: S608

    def expiring(self) -> Document | None:
        """Return the resting document that expires first, or None; an index finds it, however many there are."""
        row = self.rows(_EXPIRING)
        return _document(row[0]) if row else None

    def active(self) -> list[Document]:
        """Return every document that changes by itself, oldest first."""
        return self._select("active")

    def delete(self, document: Document) -> None:
        """Remove a document; its contents too, if it has any."""
        where = (document.kind, document.account, document.id)
        self._db.execute("DELETE FROM documents WHERE kind = ? AND account = ? AND id = ?", where)
        self.drop_chunks(document.id)

    def _select(self, where: str, *values: str) -> list[Document]:
        statement = f"SELECT {_COLUMNS} FROM documents WHERE {where} ORDER BY created_at, seq"  # noqa: S608  our words
        return [_document(row) for row in self.rows(statement, *values)]

    def rows(self, statement: str, *values: float | str) -> list[tuple[Any, ...]]:
        """Run one statement, for the modules that keep a table of their own, and return its rows."""
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    # --- contents

    def add_chunk(self, blob: str, position: int, data: bytes) -> None:
        """Write one piece of a file's content."""
        self._db.execute("INSERT INTO chunks VALUES (?, ?, ?)", (blob, position, data))

    def move_chunks(self, blob: str, to: str, position: int) -> int:
        """Make a content the end of another one, from a position on, and return the position after it."""
        moved = self._db.execute(
            "UPDATE chunks SET blob = ?, position = position + ? WHERE blob = ?", (to, position, blob)
        )
        return position + moved.rowcount

    def drop_chunks(self, blob: str) -> None:
        """Forget a content."""
        self._db.execute("DELETE FROM chunks WHERE blob = ?", (blob,))

    def chunks(self, blob: str) -> Iterator[bytes]:
        """Yield a file's content piece by piece; the lock is held for each piece only."""
        position = 0
        while True:
            with self._lock:
                query = "SELECT data FROM chunks WHERE blob = ? AND position = ?"
                row = self._db.execute(query, (blob, position)).fetchone()
            if row is None:
                return
            yield row[0]
            position += 1


def _document(row: tuple[Any, ...]) -> Document:
    kind, account, key, created_at, active, api, sim, seq = row
    hidden = {} if sim == "{}" else json.loads(sim)
    return Document(Kind(kind), account, key, created_at, json.loads(api), hidden, bool(active), seq)

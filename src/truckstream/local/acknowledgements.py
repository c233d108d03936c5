"""Acknowledged alerts on one machine: a SQLite file of its own, so that people never hold up the pipeline's commits."""

import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import msgspec

from truckstream.local.database import open_database, storage_errors, transaction
from truckstream.ports_viewing import Acknowledgement

_SCHEMA_VERSION: Final = 1
# A row stays when it is taken back (at_ms NULL): others must hear of that, too.
_SCHEMA: Final = """
CREATE TABLE acknowledgements (
    alert_id TEXT PRIMARY KEY,
    at_ms INTEGER,
    who TEXT NOT NULL,
    note TEXT NOT NULL,
    change INTEGER NOT NULL UNIQUE
) WITHOUT ROWID;
"""
_PUT: Final = """
INSERT INTO acknowledgements VALUES (?, ?, ?, ?, (SELECT coalesce(max(change), 0) + 1 FROM acknowledgements))
ON CONFLICT (alert_id) DO UPDATE
SET at_ms = excluded.at_ms, who = excluded.who, note = excluded.note, change = excluded.change
"""


class LocalAcknowledgements:
    """`ports_viewing.AcknowledgementStore` in one SQLite file. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION)

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._db.close()

    def put(self, alert_id: str, acknowledgement: Acknowledgement) -> None:
        """Store it durably, replacing the one before."""
        with storage_errors(self._path), self._lock, transaction(self._db):
            self._db.execute(_PUT, (alert_id, acknowledgement.at_ms, acknowledgement.by, acknowledgement.note))

    def remove(self, alert_id: str) -> bool:
        """Take it back; return whether there was one."""
        with storage_errors(self._path), self._lock, transaction(self._db):
            there = self._db.execute(
                "SELECT 1 FROM acknowledgements WHERE alert_id = ? AND at_ms IS NOT NULL", (alert_id,)
            ).fetchone()
            if there:
                self._db.execute(_PUT, (alert_id, None, "", ""))
        return there is not None

    def get(self, alert_ids: Collection[str]) -> dict[str, Acknowledgement]:
        """Return those of the alerts that are acknowledged."""
        rows = self._rows(
            "SELECT alert_id, at_ms, who, note FROM acknowledgements"
            " WHERE at_ms IS NOT NULL AND alert_id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(list(alert_ids)).decode(),),
        )
        return {alert_id: Acknowledgement(*rest) for alert_id, *rest in rows}

    def changed_since(self, mark: str) -> tuple[dict[str, Acknowledgement | None], str]:
        """Return what changed since the mark, and the mark to go on from."""
        if not mark.isdecimal():
            return {}, str(self._rows("SELECT coalesce(max(change), 0) FROM acknowledgements", ())[0][0])
        rows = self._rows(
            "SELECT change, alert_id, at_ms, who, note FROM acknowledgements WHERE change > ? ORDER BY change",
            (int(mark),),
        )
        changes = {
            alert_id: None if at_ms is None else Acknowledgement(at_ms, who, note)
            for _, alert_id, at_ms, who, note in rows
        }
        return changes, str(rows[-1][0]) if rows else mark

    def _rows(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        with storage_errors(self._path), self._lock:
            return self._db.execute(sql, values).fetchall()

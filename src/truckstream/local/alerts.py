"""Presence, alert log and outbox on one machine: one SQLite file, so that one commit holds all three.

An alert is in the log for good. Those to be sent also wait in the outbox, in commit order; each receiver has
a cursor into it, so a receiver that is down delays no other. Late alerts are logged, never in the outbox.
Other processes may read while one writes.
"""

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from truckstream.core.errors import StorageDamaged
from truckstream.core.presence import Alert, TruckPresence, decode_presence, encode_presence
from truckstream.local.database import open_database, storage_errors, transaction
from truckstream.local.notifiers import FileNotifier, StdoutNotifier, WebhookNotifier
from truckstream.local.outbox import DeadLetter, Outbox, Waiting
from truckstream.ports import PresenceChange

__all__ = ["FileNotifier", "LocalAlerts", "Outbox", "StdoutNotifier", "WebhookNotifier"]

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE presence (
    truck_id TEXT PRIMARY KEY,
    sequence_number INTEGER NOT NULL,
    state BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE alerts (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_id TEXT NOT NULL UNIQUE,
    truck_id TEXT NOT NULL,
    geofence_id TEXT NOT NULL,
    geofence_name TEXT NOT NULL,
    alert_type TEXT NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    geofence_version INTEGER NOT NULL,
    late INTEGER NOT NULL,
    sent_ms INTEGER
);
CREATE INDEX alerts_by_time ON alerts (timestamp_ms, truck_id, alert_id);
CREATE INDEX alerts_by_truck ON alerts (truck_id, timestamp_ms, alert_id);
CREATE TABLE outbox (place INTEGER PRIMARY KEY, waiting_since_ms INTEGER);
CREATE TABLE receivers (
    receiver TEXT PRIMARY KEY,
    done_place INTEGER NOT NULL DEFAULT 0,
    failing_since_ms INTEGER
) WITHOUT ROWID;
CREATE TABLE attempts (
    receiver TEXT NOT NULL,
    place INTEGER NOT NULL,
    count INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    PRIMARY KEY (receiver, place)
) WITHOUT ROWID;
CREATE TABLE dead_letters (
    receiver TEXT NOT NULL,
    place INTEGER NOT NULL,
    dead_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    PRIMARY KEY (receiver, place)
) WITHOUT ROWID;
"""
_UPGRADES = {1: "ALTER TABLE receivers ADD COLUMN failing_since_ms INTEGER;"}
ALERT_COLUMNS = (
    "a.alert_id, a.truck_id, a.geofence_id, a.geofence_name, a.alert_type, a.timestamp_ms,"
    " a.latitude, a.longitude, a.geofence_version, a.late"
)
_PAGE = 1_000


class LocalAlerts:
    """`ports.PresenceStore` and `ports.AlertLog` in one SQLite file. Threads and processes may share it.

    `notify` False (a replay that must not disturb anyone) logs alerts without putting them in the outbox.
    """

    def __init__(self, path: Path, *, notify: bool = True) -> None:
        self.notify = notify
        self._path = path
        self._lock = threading.Lock()
        self._db = open_alerts(path)

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._db.close()

    # --- presence ---------------------------------------------------------------------------------------

    def load(self, truck_ids: Collection[str]) -> dict[str, TruckPresence]:
        """Return the state of those of the trucks that have one."""
        rows = self._rows(
            "SELECT truck_id, sequence_number, state FROM presence WHERE truck_id IN (SELECT value FROM json_each(?))",
            (_json_list(truck_ids),),
        )
        return {truck_id: self._presence(truck_id, sequence, state) for truck_id, sequence, state in rows}

    def _presence(self, truck_id: str, sequence: int, state: bytes) -> TruckPresence:
        try:
            return decode_presence(state, sequence)
        except msgspec.MsgspecError as error:
            raise StorageDamaged(
                f"{self._path}: presence of truck {truck_id}: {error}",
                hint="Delete that row: the truck's next position sets its presence anew, silently.",
            ) from error

    def commit(self, changes: Sequence[PresenceChange]) -> frozenset[str]:
        """Write the changes in one transaction; a storage failure raises and leaves every truck as it was."""
        stale: set[str] = set()
        states = []
        with storage_errors(self._path), self._lock, transaction(self._db):
            stored: dict[str, int] = dict(
                self._db.execute(
                    "SELECT truck_id, sequence_number FROM presence WHERE truck_id IN (SELECT value FROM json_each(?))",
                    (_json_list([change.presence.truck_id for change in changes]),),
                )
            )
            for change in changes:
                presence = change.presence
                if stored.get(presence.truck_id) != change.expected_sequence:
                    stale.add(presence.truck_id)
                    continue
                states.append((presence.truck_id, presence.sequence_number, encode_presence(presence)))
                for alert in change.alerts:
                    self._log(alert)
            self._db.executemany("INSERT OR REPLACE INTO presence VALUES (?, ?, ?)", states)
        return frozenset(stale)

    def _log(self, alert: Alert) -> None:
        logged = self._db.execute(
            "INSERT INTO alerts (alert_id, truck_id, geofence_id, geofence_name, alert_type, timestamp_ms,"
            " latitude, longitude, geofence_version, late) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            msgspec.structs.astuple(alert),
        )
        if logged.rowcount == 1 and self.notify and not alert.late:
            self._db.execute("INSERT INTO outbox (place) VALUES (?)", (logged.lastrowid,))

    # --- alert log --------------------------------------------------------------------------------------

    def list(
        self, *, truck_id: str | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[Alert]:
        """Yield alerts ordered by (timestamp_ms, truck_id, alert_id), `from_ms <= timestamp_ms < to_ms`."""
        only = "a.truck_id = ? AND " if truck_id is not None else ""
        after: tuple[int, str, str] = (-(2**63) if from_ms is None else from_ms, "", "")
        before_ms = 2**63 - 1 if to_ms is None else to_ms
        while True:
            truck = () if truck_id is None else (truck_id,)
            page = self._rows(
                f"SELECT {ALERT_COLUMNS} FROM alerts a"
                f" WHERE {only}(a.timestamp_ms, a.truck_id, a.alert_id) > (?, ?, ?) AND a.timestamp_ms < ?"
                f" ORDER BY a.timestamp_ms, a.truck_id, a.alert_id LIMIT {_PAGE}",
                (*truck, *after, before_ms),
            )
            for row in page:
                yield alert_of(row)
            if len(page) < _PAGE:
                return
            last = alert_of(page[-1])
            after = (last.timestamp_ms, last.truck_id, last.alert_id)

    def recent(self, limit: int) -> Sequence[Alert]:
        """Return the alerts raised last, newest first."""
        rows = self._rows(f"SELECT {ALERT_COLUMNS} FROM alerts a ORDER BY a.place DESC LIMIT ?", (limit,))
        return [alert_of(row) for row in rows]

    def count(self) -> int:
        """Return how many alerts were ever raised."""
        return int(self._rows("SELECT count(*) FROM alerts")[0][0])

    def pending_count(self) -> int:
        """Return how many alerts wait in the outbox."""
        return int(self._rows("SELECT count(*) FROM outbox")[0][0])

    def pending(self, limit: int) -> Sequence[Alert]:
        """Return unsent alerts in the order they were committed; late ones are never pending."""
        rows = self._rows(
            f"SELECT {ALERT_COLUMNS} FROM outbox o JOIN alerts a USING (place) ORDER BY o.place LIMIT ?",
            (limit,),
        )
        return [alert_of(row) for row in rows]

    def mark_sent(self, alert_ids: Collection[str], at_ms: int) -> None:
        """Take alerts out of the outbox after the receiver's answer."""
        wanted = _json_list(alert_ids)
        of_them = "place IN (SELECT place FROM alerts WHERE alert_id IN (SELECT value FROM json_each(?)))"
        with storage_errors(self._path), self._lock, transaction(self._db):
            self._db.execute(f"UPDATE alerts SET sent_ms = ? WHERE sent_ms IS NULL AND {of_them}", (at_ms, wanted))
            self._db.execute(f"DELETE FROM outbox WHERE {of_them}", (wanted,))

    # --- deliveries: what `Outbox` keeps ------------------------------------------------------------------

    def waiting_for(self, receiver: str, limit: int) -> Sequence[Waiting]:
        """Return the alerts this receiver has neither accepted nor lost to its dead letters, in order."""
        rows = self._rows(
            # NULL, too, where this receiver has not failed: an alert that waits for another is not old to this one.
            f"SELECT o.place, max(o.waiting_since_ms, r.failing_since_ms), {ALERT_COLUMNS}"
            " FROM outbox o JOIN alerts a USING (place) LEFT JOIN receivers r ON r.receiver = ?"
            " WHERE o.place > coalesce(r.done_place, 0) ORDER BY o.place LIMIT ?",
            (receiver, limit),
        )
        return [Waiting(place, since_ms, alert_of(rest)) for place, since_ms, *rest in rows]

    def note_accepted(self, receiver: str, place: int, at_ms: int, receivers: Collection[str]) -> None:
        """Note that `receiver` has everything up to `place`; what all `receivers` have leaves the outbox."""
        with storage_errors(self._path), self._lock, transaction(self._db):
            self._db.execute("DELETE FROM attempts WHERE receiver = ? AND place <= ?", (receiver, place))
            self._move_cursor(receiver, place)
            self._db.execute("UPDATE receivers SET failing_since_ms = NULL WHERE receiver = ?", (receiver,))
            self._settle(at_ms, receivers)

    def note_failed(self, receiver: str, place: int, error: str, at_ms: int) -> None:
        """Note a failed attempt. The age of everything that waits behind it counts from this receiver's first one."""
        with storage_errors(self._path), self._lock, transaction(self._db):
            self._db.execute(
                "INSERT INTO attempts VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE"
                " SET count = count + 1, last_error = excluded.last_error",
                (receiver, place, error),
            )
            self._db.execute(
                "INSERT INTO receivers (receiver, failing_since_ms) VALUES (?, ?) ON CONFLICT DO UPDATE"
                " SET failing_since_ms = coalesce(failing_since_ms, excluded.failing_since_ms)",
                (receiver, at_ms),
            )
            self._db.execute("UPDATE outbox SET waiting_since_ms = ? WHERE waiting_since_ms IS NULL", (at_ms,))

    def bury(self, receiver: str, upto_place: int, error: str, at_ms: int, receivers: Collection[str]) -> None:
        """Give up on everything up to `upto_place` for this receiver: dead letters, listed, not lost."""
        with storage_errors(self._path), self._lock, transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO dead_letters"
                " SELECT ?, o.place, ?, coalesce(t.count, 0), coalesce(t.last_error, ?) FROM outbox o"
                " LEFT JOIN attempts t ON t.receiver = ? AND t.place = o.place WHERE o.place <= ?"
                " AND o.place > coalesce((SELECT done_place FROM receivers WHERE receiver = ?), 0)",
                (receiver, at_ms, error, receiver, upto_place, receiver),
            )
            self._db.execute("DELETE FROM attempts WHERE receiver = ? AND place <= ?", (receiver, upto_place))
            self._move_cursor(receiver, upto_place)
            self._settle(at_ms, receivers)

    def attempts(self, receiver: str) -> dict[str, tuple[int, str]]:
        """Return failed attempts and the last error by alert id, for alerts that still wait."""
        rows = self._rows(
            "SELECT a.alert_id, t.count, t.last_error FROM attempts t JOIN alerts a USING (place) WHERE t.receiver = ?",
            (receiver,),
        )
        return {alert_id: (count, error) for alert_id, count, error in rows}

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Return alerts that a receiver never accepted within the maximum age, in commit order."""
        rows = self._rows(
            f"SELECT d.receiver, d.dead_ms, d.attempts, d.last_error, {ALERT_COLUMNS}"
            " FROM dead_letters d JOIN alerts a USING (place) ORDER BY d.place, d.receiver"
        )
        return [
            DeadLetter(receiver, alert_of(rest), dead_ms, attempts, error)
            for receiver, dead_ms, attempts, error, *rest in rows
        ]

    def dead_letter_count(self) -> int:
        """Return how many dead letters there are, one per receiver and alert."""
        return int(self._rows("SELECT count(*) FROM dead_letters")[0][0])

    def _move_cursor(self, receiver: str, place: int) -> None:
        self._db.execute(
            "INSERT INTO receivers (receiver, done_place) VALUES (?, ?) ON CONFLICT DO UPDATE"
            " SET done_place = max(done_place, excluded.done_place)",
            (receiver, place),
        )

    def _settle(self, at_ms: int, receivers: Collection[str]) -> None:
        done = self._db.execute(
            "SELECT min(coalesce(r.done_place, 0)) FROM json_each(?) j LEFT JOIN receivers r ON r.receiver = j.value",
            (_json_list(receivers),),
        ).fetchone()[0]
        self._db.execute(
            "UPDATE alerts SET sent_ms = ? WHERE sent_ms IS NULL AND place IN"
            " (SELECT place FROM outbox WHERE place <= ?)"
            " AND (SELECT count(*) FROM dead_letters d WHERE d.place = alerts.place) < ?",
            (at_ms, done, len(receivers)),
        )
        self._db.execute("DELETE FROM outbox WHERE place <= ?", (done,))

    def _rows(self, sql: str, values: Sequence[object] = ()) -> Sequence[tuple[Any, ...]]:
        with storage_errors(self._path), self._lock:
            return self._db.execute(sql, values).fetchall()


def open_alerts(path: Path) -> sqlite3.Connection:
    """Open the file of presence, alerts and outbox."""
    return open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION, upgrades=_UPGRADES)


def _json_list(texts: Collection[str]) -> str:
    return msgspec.json.encode(list(texts)).decode()


def alert_of(row: Sequence[Any]) -> Alert:
    """Return the alert in a row of `ALERT_COLUMNS`."""
    values = [*row[:-1], bool(row[-1])]  # SQLite has no booleans
    return Alert(*values)

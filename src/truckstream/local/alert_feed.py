"""The alert log as the web application reads it: pages with cursors, beside the process that writes it."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from truckstream.core.alerts import Alert
from truckstream.core.cursors import read_cursor, write_cursor
from truckstream.local.alerts import ALERT_COLUMNS, alert_of, open_alerts
from truckstream.local.database import storage_errors
from truckstream.ports_viewing import AlertFilter, AlertPage

_FIELDS: Final = {"truck_id": "a.truck_id", "geofence_id": "a.geofence_id", "alert_type": "a.alert_type"}


class LocalAlertFeed:
    """`ports_viewing.AlertFeed` over the file of `LocalAlerts`, with a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db = open_alerts(path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def committed(self, after: str, limit: int, wanted: AlertFilter) -> AlertPage:
        """Return alerts in commit order: `place` grows with every commit, one writer at a time."""
        place = read_cursor(after, int) if after else 0
        # The end is looked up first: what commits meanwhile lies behind it.
        end = int(self._rows("SELECT coalesce(max(place), 0) FROM alerts")[0][0])
        where, values = _conditions(wanted)
        rows = self._rows(
            f"SELECT a.place, {ALERT_COLUMNS} FROM alerts a WHERE a.place > ? AND a.place <= ?{where}"
            " ORDER BY a.place LIMIT ?",
            (place, end, *values, limit + 1),
        )
        more = len(rows) > limit
        rows = rows[:limit]
        reached = rows[-1][0] if more else max(end, place)
        return AlertPage([alert_of(row[1:]) for row in rows], write_cursor(reached), more)

    def by_time(self, after: str, limit: int, wanted: AlertFilter, *, newest_first: bool) -> AlertPage:
        """Return alerts by time, through the indexes by time."""
        where, values = _conditions(wanted)
        compare, direction = ("<", "DESC") if newest_first else (">", "ASC")
        if after:
            where += f" AND (a.timestamp_ms, a.truck_id, a.alert_id) {compare} (?, ?, ?)"
            values += read_cursor(after, tuple[int, str, str])
        rows = self._rows(
            f"SELECT {ALERT_COLUMNS} FROM alerts a WHERE 1{where} ORDER BY a.timestamp_ms {direction},"
            f" a.truck_id {direction}, a.alert_id {direction} LIMIT ?",
            (*values, limit + 1),
        )
        found = [alert_of(row) for row in rows[:limit]]
        cursor = after
        if found:
            cursor = write_cursor((found[-1].timestamp_ms, found[-1].truck_id, found[-1].alert_id))
        return AlertPage(found, cursor, len(rows) > limit)

    def latest(self, limit: int) -> AlertPage:
        """Return the alerts committed last, in commit order."""
        rows = self._rows(f"SELECT a.place, {ALERT_COLUMNS} FROM alerts a ORDER BY a.place DESC LIMIT ?", (limit,))
        end = rows[0][0] if rows else 0
        return AlertPage([alert_of(row[1:]) for row in reversed(rows)], write_cursor(end), False)

    def get(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        rows = self._rows(f"SELECT {ALERT_COLUMNS} FROM alerts a WHERE a.alert_id = ?", (alert_id,))
        return alert_of(rows[0]) if rows else None

    def _rows(self, sql: str, values: Sequence[object] = ()) -> Sequence[tuple[Any, ...]]:
        with storage_errors(self._path), self._lock:
            return self._db.execute(sql, values).fetchall()


def _conditions(wanted: AlertFilter) -> tuple[str, tuple[object, ...]]:
    sql, values = "", []
    for field, column in _FIELDS.items():
        value = getattr(wanted, field)
        if value is not None:
            sql += f" AND {column} = ?"
            values.append(value)
    if wanted.from_ms is not None:
        sql += " AND a.timestamp_ms >= ?"
        values.append(wanted.from_ms)
    if wanted.to_ms is not None:
        sql += " AND a.timestamp_ms < ?"
        values.append(wanted.to_ms)
    return sql, tuple(values)

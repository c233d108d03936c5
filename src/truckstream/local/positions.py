"""Latest positions on one machine: one row per truck in SQLite.

The track is a msgpack blob; time and place are plain columns as well, so that a human can look with any
SQLite tool. Other processes may read while one writes.
"""

import threading
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from truckstream.core.errors import StorageDamaged
from truckstream.core.outliers import Track
from truckstream.local.database import open_database, storage_errors, transaction

_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE positions (
    truck_id TEXT PRIMARY KEY,
    seen_ms INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    track BLOB NOT NULL,
    change INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX positions_by_change ON positions (change);
"""
_UPGRADES = {
    1: """
ALTER TABLE positions ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
CREATE INDEX positions_by_change ON positions (change);
"""
}
_PUT_NEWER = """
INSERT INTO positions (truck_id, seen_ms, timestamp_ms, latitude, longitude, track, change) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (truck_id) DO UPDATE SET
    seen_ms = excluded.seen_ms, timestamp_ms = excluded.timestamp_ms,
    latitude = excluded.latitude, longitude = excluded.longitude, track = excluded.track, change = excluded.change
WHERE excluded.seen_ms > positions.seen_ms
"""


class LocalPositions:
    """`ports.PositionStore` in one SQLite file. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder = msgspec.msgpack.Decoder(Track)
        self._db = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION, upgrades=_UPGRADES)

    def load(self, truck_ids: Collection[str]) -> dict[str, Track]:
        """Return what is stored for those of the trucks that are known."""
        wanted = msgspec.json.encode(list(truck_ids)).decode()
        with storage_errors(self._path), self._lock:
            rows = self._db.execute(
                "SELECT truck_id, track FROM positions WHERE truck_id IN (SELECT value FROM json_each(?))",
                (wanted,),
            ).fetchall()
        return {truck_id: self._decode(truck_id, blob) for truck_id, blob in rows}

    def put_newer(self, tracks: Sequence[Track]) -> frozenset[str]:
        """Store each newer track, all in one transaction: a failure raises and leaves every row as it was."""
        rows = []
        for track in tracks:
            last = track.last
            place = (last.timestamp_ms, last.latitude, last.longitude)
            rows.append((last.truck_id, track.seen_ms, *place, self._encode(track)))
        with storage_errors(self._path), self._lock, transaction(self._db):
            change = self._last_change() + 1  # one writer at a time: changes are numbered as they commit
            self._db.executemany(_PUT_NEWER, [(*row, change) for row in rows])
        return frozenset()

    def changed_since(self, mark: str) -> tuple[Sequence[Track], str]:
        """Return the tracks stored since the mark, and the mark to go on from; see `ports_viewing.PositionFeed`."""
        since = int(mark) if mark.isdecimal() else -1
        with storage_errors(self._path), self._lock:
            # Both statements see one state: a commit between them would be told twice, never left out.
            last = self._last_change()
            if since > last:
                since = -1  # of another file
            rows = self._db.execute(
                "SELECT truck_id, track FROM positions WHERE change > ? ORDER BY truck_id", (since,)
            ).fetchall()
        return [self._decode(truck_id, blob) for truck_id, blob in rows], str(last)

    def list(self, *, after: str = "", limit: int | None = None) -> Sequence[Track]:
        """Return tracks ordered by truck_id, from the first id greater than `after`."""
        with storage_errors(self._path), self._lock:
            rows = self._db.execute(
                "SELECT truck_id, track FROM positions WHERE truck_id > ? ORDER BY truck_id LIMIT ?",
                (after, -1 if limit is None else limit),
            ).fetchall()
        return [self._decode(truck_id, blob) for truck_id, blob in rows]

    def _last_change(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(change), 0) FROM positions").fetchone()[0])

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._db.close()

    def _decode(self, truck_id: str, blob: bytes) -> Track:
        try:
            return self._decoder.decode(blob)
        except msgspec.MsgspecError as error:
            raise StorageDamaged(
                f"{self._path}: row of truck {truck_id}: {error}",
                hint="Delete that row: the truck's next position writes it anew.",
            ) from error

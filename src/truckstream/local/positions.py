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

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE positions (
    truck_id TEXT PRIMARY KEY,
    seen_ms INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    track BLOB NOT NULL
) WITHOUT ROWID;
"""
_PUT_NEWER = """
INSERT INTO positions (truck_id, seen_ms, timestamp_ms, latitude, longitude, track) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (truck_id) DO UPDATE SET
    seen_ms = excluded.seen_ms, timestamp_ms = excluded.timestamp_ms,
    latitude = excluded.latitude, longitude = excluded.longitude, track = excluded.track
WHERE excluded.seen_ms > positions.seen_ms
"""


class LocalPositions:
    """`ports.PositionStore` in one SQLite file. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder = msgspec.msgpack.Decoder(Track)
        self._db = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION)

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
            self._db.executemany(_PUT_NEWER, rows)
        return frozenset()

    def list(self, *, after: str = "", limit: int | None = None) -> Sequence[Track]:
        """Return tracks ordered by truck_id, from the first id greater than `after`."""
        with storage_errors(self._path), self._lock:
            rows = self._db.execute(
                "SELECT truck_id, track FROM positions WHERE truck_id > ? ORDER BY truck_id LIMIT ?",
                (after, -1 if limit is None else limit),
            ).fetchall()
        return [self._decode(truck_id, blob) for truck_id, blob in rows]

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._db.close()

    def _decode(self, truck_id: str, blob: bytes) -> Track:
        try:
            return self._decoder.decode(blob)
        except msgspec.MsgspecError as error:
            raise StorageDamaged(f"{self._path}: row of truck {truck_id}: {error}") from error

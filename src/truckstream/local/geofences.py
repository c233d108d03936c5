"""Geofences on one machine: versioned definitions in SQLite.

A removed geofence leaves a tombstone, so that its versions go on when it comes back and old alerts stay
distinguishable. Other processes may read and change geofences while one runs: every change is one
transaction, and `catalogue` notices changes made elsewhere.
"""

import threading
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from truckstream.core.errors import StorageDamaged
from truckstream.core.geofences import Catalogue, Geofence, parse_geofence, same_definition
from truckstream.local.database import open_database, storage_errors, transaction

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE geofences (
    geofence_id TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE catalogue (revision INTEGER NOT NULL);
INSERT INTO catalogue VALUES (0);
"""
_PUT = """
INSERT INTO geofences (geofence_id, definition, version, revision) VALUES (?, ?, ?, ?)
ON CONFLICT (geofence_id) DO UPDATE SET
    definition = excluded.definition, version = excluded.version, revision = excluded.revision, removed = 0
"""


class LocalGeofences:
    """`ports.GeofenceStore` in one SQLite file. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._decoder = msgspec.json.Decoder(Geofence)
        self._db = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION)
        self._cached: Catalogue | None = None
        self._cached_data_version = -1

    def catalogue(self) -> Catalogue:
        """Return all geofences, ordered by id; the same object as long as nothing changed."""
        with storage_errors(self._path), self._lock:
            # Grows with every commit of another connection; our own changes drop the cache themselves.
            data_version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
            if self._cached is None or data_version != self._cached_data_version:
                read = self._read()
                if self._cached is None or read.revision != self._cached.revision:
                    self._cached = read
                self._cached_data_version = data_version
            return self._cached

    def put(self, geofences: Sequence[Geofence]) -> Catalogue:
        """Add or replace by geofence_id, in one revision; see `ports.GeofenceStore`.

        Raises InvalidGeofence, and changes nothing, when one of them breaks a rule.
        """
        for geofence in geofences:
            parse_geofence(msgspec.to_builtins(_plain(geofence)))
        with storage_errors(self._path), self._lock, transaction(self._db):
            revision = self._revision() + 1
            rows = []
            for geofence in {each.geofence_id: each for each in geofences}.values():
                version = self._next_version(geofence)
                if version is not None:
                    definition = msgspec.json.encode(_plain(geofence)).decode()
                    rows.append((geofence.geofence_id, definition, version, revision))
            if rows:
                self._db.executemany(_PUT, rows)
                self._db.execute("UPDATE catalogue SET revision = ?", (revision,))
                self._cached = None
        return self.catalogue()

    def remove(self, geofence_ids: Collection[str]) -> frozenset[str]:
        """Remove those that exist; return their ids."""
        with storage_errors(self._path), self._lock, transaction(self._db):
            revision = self._revision() + 1
            removed = frozenset(
                geofence_id
                for geofence_id in geofence_ids
                if self._db.execute(
                    "UPDATE geofences SET removed = 1, revision = ? WHERE geofence_id = ? AND NOT removed",
                    (revision, geofence_id),
                ).rowcount
            )
            if removed:
                self._db.execute("UPDATE catalogue SET revision = ?", (revision,))
                self._cached = None
        return removed

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._db.close()

    def _revision(self) -> int:
        return int(self._db.execute("SELECT revision FROM catalogue").fetchone()[0])

    def _next_version(self, geofence: Geofence) -> int | None:
        """Return the version a definition gets, None when the stored one is equal."""
        row = self._db.execute(
            "SELECT definition, version, removed FROM geofences WHERE geofence_id = ?",
            (geofence.geofence_id,),
        ).fetchone()
        if row is None:
            return 1
        definition, version, removed = row
        if not removed and same_definition(self._decode(geofence.geofence_id, definition), geofence):
            return None
        return int(version) + 1

    def _read(self) -> Catalogue:
        # One statement is one snapshot: revision and geofences belong together.
        rows = self._db.execute(
            "SELECT c.revision, g.geofence_id, g.definition, g.version, g.revision"
            " FROM catalogue c LEFT JOIN geofences g ON NOT g.removed ORDER BY g.geofence_id"
        ).fetchall()
        geofences = tuple(
            msgspec.structs.replace(self._decode(geofence_id, definition), version=version, revision=revision)
            for _, geofence_id, definition, version, revision in rows
            if geofence_id is not None
        )
        return Catalogue(rows[0][0], geofences)

    def _decode(self, geofence_id: str, definition: str) -> Geofence:
        try:
            return self._decoder.decode(definition)
        except msgspec.MsgspecError as error:
            raise StorageDamaged(f"{self._path}: geofence {geofence_id!r}: {error}") from error


def _plain(geofence: Geofence) -> Geofence:
    """Leave out what the store gives."""
    return msgspec.structs.replace(geofence, version=0, revision=0)

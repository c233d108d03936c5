"""How far each consumer has read each shard.

A file of its own, beside the stream's, committed without a disk flush: a checkpoint survives the end of the
process however it comes, and after a power loss may be a little old, which only means redelivery. It never
runs ahead of the stream, whose records are flushed before anyone can read them.
"""

import threading
from pathlib import Path
from typing import Final

from truckstream.local.database import open_database, storage_errors

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE consumers (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE checkpoints (
    consumer TEXT NOT NULL,
    shard_id TEXT NOT NULL,
    sequence_number INTEGER NOT NULL,
    PRIMARY KEY (consumer, shard_id)
) WITHOUT ROWID;
"""


class Checkpoints:
    """Sequence numbers up to which everything was delivered, by consumer and shard."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION)
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._lock = threading.Lock()

    def register(self, consumer: str) -> None:
        """Make the consumer known: what it has not read is kept from now on."""
        with storage_errors(self._path), self._lock:
            self._db.execute("INSERT INTO consumers VALUES (?) ON CONFLICT DO NOTHING", (consumer,))

    def forget(self, consumer: str) -> None:
        """Remove the consumer and its checkpoints; it holds nothing back any more."""
        with storage_errors(self._path), self._lock:
            self._db.execute("DELETE FROM consumers WHERE name = ?", (consumer,))
            self._db.execute("DELETE FROM checkpoints WHERE consumer = ?", (consumer,))

    def consumers(self) -> frozenset[str]:
        """Return the names of the registered consumers."""
        with storage_errors(self._path), self._lock:
            return frozenset(name for (name,) in self._db.execute("SELECT name FROM consumers"))

    def get(self, consumer: str, shard_id: str) -> int | None:
        """Return the checkpoint, None when there is none yet."""
        with storage_errors(self._path), self._lock:
            row = self._db.execute(
                "SELECT sequence_number FROM checkpoints WHERE consumer = ? AND shard_id = ?",
                (consumer, shard_id),
            ).fetchone()
        return None if row is None else int(row[0])

    def save(self, consumer: str, shard_id: str, sequence_number: int) -> None:
        """Keep the checkpoint; an older one than the stored is ignored."""
        with storage_errors(self._path), self._lock:
            self._db.execute(
                "INSERT INTO checkpoints VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET sequence_number = max(sequence_number, excluded.sequence_number)",
                (consumer, shard_id, sequence_number),
            )

    def lowest(self, shard_id: str) -> int | None:
        """Return up to where every registered consumer has read; None when no consumer is registered."""
        with storage_errors(self._path), self._lock:
            row = self._db.execute(
                "SELECT min(coalesce(sequence_number, 0)) FROM consumers"
                " LEFT JOIN checkpoints ON consumer = name AND shard_id = ?",
                (shard_id,),
            ).fetchone()
        return None if row[0] is None else int(row[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

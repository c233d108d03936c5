"""The rejected store on one machine: records set aside whole, with their reason, until re-driven.

SQLite, one row per (shard, sequence number, index). The payload is kept byte for byte, whatever its size.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from truckstream.core.reasons import count_kinds
from truckstream.local.database import open_database, storage_errors, transaction
from truckstream.ports import RejectedRecord

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE rejected (
    shard_id TEXT NOT NULL,
    sequence_number INTEGER NOT NULL,
    record_index INTEGER NOT NULL,
    reason TEXT NOT NULL,
    arrival_ms INTEGER NOT NULL,
    partition_key TEXT NOT NULL,
    redriven INTEGER NOT NULL DEFAULT 0,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX rejected_place ON rejected (shard_id, sequence_number, record_index);
CREATE INDEX rejected_waiting ON rejected (shard_id, sequence_number, record_index) WHERE redriven = 0;
"""
_PAGE_ROWS: Final = 1000  # places read at once by `list`; payloads are read one by one, each may be 10 MB

type _Place = tuple[str, int, int]


class LocalRejected:
    """`ports.RejectedStore` in one SQLite file. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION)
        self._lock = threading.Lock()
        self._reasons: Counter[str] = Counter()
        self._counted_to = 0

    def put(self, records: Sequence[RejectedRecord]) -> None:
        """Keep the records durably, all or none; entries that are there already are left as they are."""
        if not records:
            return
        rows = [
            (
                record.shard_id,
                record.sequence_number,
                record.index,
                _storable(record.reason),
                record.arrival_ms,
                _storable(record.partition_key),
                record.payload,
            )
            for record in records
        ]
        with storage_errors(self._path), self._lock, transaction(self._db):
            self._db.executemany(
                "INSERT INTO rejected"
                " (shard_id, sequence_number, record_index, reason, arrival_ms, partition_key, payload)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                rows,
            )

    def list(
        self, *, include_redriven: bool = False, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[RejectedRecord]:
        """Yield entries with `from_ms <= arrival_ms < to_ms`, also while others are added.

        They are ordered by (shard_id, sequence_number, index).
        """
        after: _Place = ("", -(2**63), -(2**63))
        arrived = (-(2**63) if from_ms is None else from_ms, 2**63 - 1 if to_ms is None else to_ms)
        while places := self._places(after, arrived, include_redriven=include_redriven):
            for place in places:
                record = self._read(place)
                if record is not None:
                    yield record
            after = places[-1]

    def count(self) -> int:
        """Return how many entries wait (not redriven)."""
        with storage_errors(self._path), self._lock:
            return self._waiting()

    def reasons(self, limit: int) -> Sequence[tuple[str, int]]:
        """Return the commonest kinds of reason among those that wait, and how many entries have each.

        New entries are counted as they come; all are counted again when some were redriven.
        """
        with storage_errors(self._path), self._lock:
            self._count_new()
            if self._reasons.total() != self._waiting():
                self._reasons.clear()
                self._counted_to = 0
                self._count_new()
            return self._reasons.most_common(limit)

    def mark_redriven(self, records: Sequence[RejectedRecord]) -> None:
        """Note that these were put on the stream again. They stay listed with `include_redriven`."""
        places = [(record.shard_id, record.sequence_number, record.index) for record in records]
        with storage_errors(self._path), self._lock, transaction(self._db):
            self._db.executemany(
                "UPDATE rejected SET redriven = 1 WHERE shard_id = ? AND sequence_number = ? AND record_index = ?",
                places,
            )

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._db.close()

    def _count_new(self) -> None:
        new = self._db.execute(
            "SELECT reason, count(*), max(rowid) FROM rejected WHERE rowid > ? AND redriven = 0 GROUP BY reason",
            (self._counted_to,),
        ).fetchall()
        self._reasons.update(count_kinds((str(reason), int(count)) for reason, count, _ in new))
        self._counted_to = max((last for _, _, last in new), default=self._counted_to)

    def _waiting(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM rejected WHERE redriven = 0").fetchone()[0])

    def _places(self, after: _Place, arrived: tuple[int, int], *, include_redriven: bool) -> Sequence[_Place]:
        waiting = "" if include_redriven else "redriven = 0 AND "
        with storage_errors(self._path), self._lock:
            return self._db.execute(
                "SELECT shard_id, sequence_number, record_index FROM rejected"
                f" WHERE {waiting}(shard_id, sequence_number, record_index) > (?, ?, ?)"
                " AND arrival_ms >= ? AND arrival_ms < ?"
                f" ORDER BY shard_id, sequence_number, record_index LIMIT {_PAGE_ROWS}",
                (*after, *arrived),
            ).fetchall()

    def _read(self, place: _Place) -> RejectedRecord | None:
        with storage_errors(self._path), self._lock:
            row: sqlite3.Row | None = self._db.execute(
                "SELECT shard_id, sequence_number, record_index, reason, payload, arrival_ms, partition_key"
                " FROM rejected WHERE shard_id = ? AND sequence_number = ? AND record_index = ?",
                place,
            ).fetchone()
        return RejectedRecord(*row) if row else None


def _storable(text: str) -> str:
    """SQLite takes no lone surrogates, which a broken device may well send."""
    return text.encode(errors="replace").decode()

"""The SQLite file of the stream: blocks of records, and per shard the last sequence number handed out.

One connection writes, one reads, so that readers never wait for a disk flush. Sequence numbers are handed out
inside the write transaction, which makes appending from several processes safe. The rows of `shards` outlive
the blocks, so no number is used twice after trimming.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from truckstream.core.errors import StorageDamaged
from truckstream.local.blocks import Columns, EncodedBlock, checksum, decode
from truckstream.local.database import open_database, storage_errors, transaction
from truckstream.local.shards import shard_name

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE shards (
    shard INTEGER PRIMARY KEY,
    last_sequence INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    last_arrival_ms INTEGER NOT NULL
);
CREATE TABLE blocks (
    first_sequence INTEGER PRIMARY KEY,
    shard INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    records_before INTEGER NOT NULL,
    first_arrival_ms INTEGER NOT NULL,
    last_arrival_ms INTEGER NOT NULL,
    raw_size INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX blocks_of_shard ON blocks (shard, last_sequence, last_arrival_ms);
"""
_LOG_PAGES: Final = 4000  # 16 MB of write-ahead log before SQLite moves it: fewer flushes of the main file
_BLOCKS_DELETED: Final = 500  # per transaction, so that appends do not wait long
_PAGES_GIVEN_BACK: Final = 4096  # per transaction


class ShardTip(NamedTuple):
    """The end of a shard: last sequence number, records and latest arrival time, ever."""

    last_sequence: int
    record_count: int
    last_arrival_ms: int


class BlockSpan(NamedTuple):
    """Where a block lies: its first and last sequence number."""

    first_sequence: int
    last_sequence: int


class Unread(NamedTuple):
    """What lies after a place in a shard: a number of records, and when the first block of them arrived."""

    record_count: int
    first_arrival_ms: int


class BlockStore:
    """Blocks by shard and sequence number. Threads and processes may share it."""

    def __init__(self, path: Path, shard_count: int) -> None:
        """Open the file; `shard_count` applies to a new one only, see the attribute of that name."""
        self._path = path
        self._writer = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION)
        self._writer_lock = threading.Lock()
        self._reader = open_database(path, _SCHEMA, user_version=_SCHEMA_VERSION)
        self._reader_lock = threading.Lock()
        with storage_errors(path):
            self._writer.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
            if not self._writer.execute(_COUNT_SHARDS).fetchone()[0]:
                self._create_shards(shard_count)
        self.shard_count = len(self.tips())

    def _create_shards(self, shard_count: int) -> None:
        with transaction(self._writer):  # looked at again inside: another process may have created them meanwhile
            if not self._writer.execute(_COUNT_SHARDS).fetchone()[0]:
                rows = [(shard,) for shard in range(shard_count)]
                self._writer.executemany("INSERT INTO shards VALUES (?, 0, 0, 0)", rows)

    def close(self) -> None:
        """Close the file."""
        with self._writer_lock, self._reader_lock:
            self._writer.close()
            self._reader.close()

    def append(self, blocks: Sequence[tuple[int, EncodedBlock]]) -> Sequence[int]:
        """Append (shard, block) pairs durably, all or none; return the first sequence number of each."""
        with storage_errors(self._path), self._writer_lock, transaction(self._writer):
            tips = [ShardTip(*row) for row in self._writer.execute(_TIPS)]
            next_sequence = max(tip.last_sequence for tip in tips) + 1
            first_sequences = []
            rows: list[tuple[int | bytes, ...]] = []
            for shard, block in blocks:
                _, records_before, last_arrival_ms = tips[shard]
                last_sequence = next_sequence + block.record_count - 1
                rows.append(
                    (
                        next_sequence,
                        shard,
                        last_sequence,
                        records_before,
                        block.first_arrival_ms,
                        block.last_arrival_ms,
                        block.raw_size,
                        checksum(block.data, shard, next_sequence, last_sequence),
                        block.data,
                    )
                )
                tips[shard] = ShardTip(
                    last_sequence,
                    records_before + block.record_count,
                    max(last_arrival_ms, block.last_arrival_ms),
                )
                first_sequences.append(next_sequence)
                next_sequence = last_sequence + 1
            self._writer.executemany("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._writer.executemany(
                "UPDATE shards SET last_sequence = ?, record_count = ?, last_arrival_ms = ? WHERE shard = ?",
                [(*tips[shard], shard) for shard in {shard for shard, _ in blocks}],
            )
        return first_sequences

    def tips(self) -> Sequence[ShardTip]:
        """Return the end of each shard, by ordinal."""
        with storage_errors(self._path), self._reader_lock:
            return [ShardTip(*row) for row in self._reader.execute(_TIPS)]

    def spans_after(self, shard: int, after: int, limit: int) -> Sequence[BlockSpan]:
        """Return the next blocks that hold records after this sequence number."""
        rows = self._read(
            "SELECT first_sequence, last_sequence FROM blocks"
            " WHERE shard = ? AND last_sequence > ? ORDER BY last_sequence LIMIT ?",
            (shard, after, limit),
        )
        return [BlockSpan(*row) for row in rows]

    def first_arriving(self, shard: int, timestamp_ms: int) -> BlockSpan | None:
        """Return the first block that holds a record that arrived then or later."""
        rows = self._read(
            "SELECT first_sequence, last_sequence FROM blocks"
            " WHERE shard = ? AND last_arrival_ms >= ? ORDER BY last_sequence LIMIT 1",
            (shard, timestamp_ms),
        )
        return BlockSpan(*rows[0]) if rows else None

    def unread(self, shard: int, after: int) -> Unread | None:
        """Return what lies after this sequence number, None when nothing does."""
        rows = self._read(
            "SELECT record_count - records_before - max(0, ? + 1 - first_sequence), first_arrival_ms"
            " FROM blocks JOIN shards USING (shard)"
            " WHERE shard = ? AND blocks.last_sequence > ? ORDER BY blocks.last_sequence LIMIT 1",
            (after, shard, after),
        )
        return Unread(*rows[0]) if rows else None

    def load(self, shard: int, span: BlockSpan) -> Columns | None:
        """Return the records of a block, None when it was deleted meanwhile.

        Raises:
            StorageDamaged: the block is not what was written.
        """
        rows = self._read(
            "SELECT raw_size, checksum, data FROM blocks WHERE first_sequence = ?", (span.first_sequence,)
        )
        if not rows:
            return None
        raw_size, expected, data = rows[0]
        where = f"{self._path}: {shard_name(shard)}, records {span.first_sequence} to {span.last_sequence}"
        if checksum(data, shard, *span) != expected:
            raise StorageDamaged(f"{where}: the checksum does not match")
        return decode(data, raw_size, span.last_sequence - span.first_sequence + 1, where)

    def delete_some(self, shard: int, *, through: int, arrived_before_ms: int) -> int:
        """Delete some blocks up to a sequence number that arrived wholly before; return how many records."""
        with storage_errors(self._path), self._writer_lock, transaction(self._writer):
            spans = self._writer.execute(
                "SELECT first_sequence, last_sequence FROM blocks INDEXED BY blocks_of_shard"
                " WHERE shard = ? AND last_sequence <= ? AND last_arrival_ms < ?"
                " ORDER BY last_sequence LIMIT ?",
                (shard, through, arrived_before_ms, _BLOCKS_DELETED),
            ).fetchall()
            self._writer.executemany("DELETE FROM blocks WHERE first_sequence = ?", [(first,) for first, _ in spans])
        return sum(last - first + 1 for first, last in spans)

    def give_space_back(self) -> None:
        """Shrink the file when a quarter of it is empty; below that, appends fill the empty pages again."""
        free = self._pragma("freelist_count")
        while free * 4 > self._pragma("page_count"):
            with storage_errors(self._path), self._writer_lock:
                self._writer.execute(f"PRAGMA incremental_vacuum({_PAGES_GIVEN_BACK})").fetchall()
                self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            before, free = free, self._pragma("freelist_count")
            if free >= before:
                return

    def _pragma(self, name: str) -> int:
        with storage_errors(self._path), self._writer_lock:
            return int(self._writer.execute(f"PRAGMA {name}").fetchone()[0])

    def _read(self, sql: str, values: tuple[int, ...]) -> list[Any]:
        with storage_errors(self._path), self._reader_lock:
            return self._reader.execute(sql, values).fetchall()


_COUNT_SHARDS: Final = "SELECT count(*) FROM shards"
_TIPS: Final = "SELECT last_sequence, record_count, last_arrival_ms FROM shards ORDER BY shard"

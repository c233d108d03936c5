"""The durable stream on one machine: what Kinesis Data Streams is on AWS, in one SQLite file.

Records go to shards by the MD5 of their partition key, get growing sequence numbers and stay until they are
older than the retention and read by every registered consumer. `put` answers after the commit is on the disk:
an acknowledged record survives kill -9 and power loss. Concurrent callers share commits; several processes
may append at the same time.

Arrival times come from the record or from the `clock` given, nothing else looks at a clock. Sequence
numbers are integers that grow over the whole stream, never used twice, also after trimming or a restart.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from truckstream.core.errors import InvalidSetting
from truckstream.local.appending import Append, ReadMeter, ShardLimits, ShardMeter, sort_to_shards
from truckstream.local.block_store import BlockSpan, BlockStore
from truckstream.local.blocks import BlockCache, CachedBlock, Columns, encode, split
from truckstream.local.checkpoints import Checkpoints
from truckstream.local.group_commit import GroupCommit
from truckstream.local.shards import ShardInfo, ShardMap, split_evenly
from truckstream.ports import NotPlaced, OutgoingRecord, Placed, StreamRecord

type StartingPosition = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", "AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"]

DEFAULT_SHARD_COUNT: Final = 4
DEFAULT_RETENTION_HOURS: Final = 24
_HOUR_MS: Final = 3_600_000
_SPANS_LOOKED_UP: Final = 64  # at once, while reading


def wall_clock_ms() -> int:
    """Return the present by this machine's clock, in ms since the epoch."""
    return time.time_ns() // 1_000_000


class Lag(NamedTuple):
    """How far a reader is behind the end of a shard.

    `records` is a count; `ms` runs from the arrival of the first unread commit to now, 0 when all is read.
    """

    records: int
    ms: int


class LocalStream:
    """`ports.RecordSink`, and the reading end: shards, positions, records, checkpoints, trimming."""

    def __init__(
        self,
        path: Path,
        *,
        shard_count: int = DEFAULT_SHARD_COUNT,
        retention_hours: float = DEFAULT_RETENTION_HOURS,
        clock: Callable[[], int] = wall_clock_ms,
        limits: ShardLimits | None = None,
        keep_for_readers: bool = True,
    ) -> None:
        """Open the stream, creating it when it is new.

        Args:
            path: the database file; checkpoints go to `<name>-checkpoints` beside it.
            shard_count: shards of a new stream; an existing one keeps the number it was made with.
            retention_hours: how long `trim` leaves a record.
            clock: milliseconds since the epoch; the arrival time of records that bring none.
            keep_for_readers: keep what was put lately in memory. False where nothing reads: it takes 100 MB.
            limits: refuse, retryably, what a real shard would refuse to take or to give. None: none is refused.
        """
        if not retention_hours > 0:
            raise InvalidSetting(f"retention_hours must be above 0, not {retention_hours}")
        split_evenly(shard_count)  # refuses a bad count before a file is made
        self._clock = clock
        self._retention_ms = round(retention_hours * _HOUR_MS)
        self._meter = ShardMeter(limits) if limits else None
        self._read_meter = ReadMeter(limits) if limits else None
        self._store = BlockStore(path, shard_count)
        self._map = ShardMap(self._store.shard_count)
        self._commits = GroupCommit(self._commit)
        self._keep_for_readers = keep_for_readers
        self._cache = BlockCache(self._store.shard_count)
        self._checkpoints = Checkpoints(path.with_name(f"{path.stem}-checkpoints{path.suffix}"))

    def close(self) -> None:
        """Close the files. Whatever was acknowledged is on the disk already."""
        self._store.close()
        self._checkpoints.close()

    # --- appending ---

    def put(self, records: Sequence[OutgoingRecord]) -> Sequence[Placed | NotPlaced]:
        """Append the records durably; answer one result per record, in order.

        Records that can never be placed (too large, no usable partition key) are refused one by one; the
        others are appended all or none.

        Raises:
            StorageFull, Unavailable, Denied, StorageDamaged: none was acknowledged; repeating is safe.
        """
        append = sort_to_shards(records, self._map, self._clock(), self._meter)
        if append.parts:
            self._commits.submit(append)
        return append.answers

    def _commit(self, group: Sequence[Append]) -> None:
        blocks = [
            (shard, columns)
            for shard in sorted({shard for append in group for shard in append.parts})
            for columns in split(_joined([append.parts[shard].columns for append in group if shard in append.parts]))
        ]
        first_sequences = self._store.append([(shard, encode(columns)) for shard, columns in blocks])
        next_sequences: dict[int, int] = {}
        for (shard, columns), first_sequence in zip(blocks, first_sequences, strict=True):
            next_sequences.setdefault(shard, first_sequence)
            if self._keep_for_readers:
                self._cache.add(shard, CachedBlock(self._map.shards[shard].shard_id, first_sequence, columns))
        for append in group:
            for shard in append.parts:
                shard_id = self._map.shards[shard].shard_id
                next_sequences[shard] = append.answer(shard, shard_id, next_sequences[shard])

    # --- reading ---

    def shards(self) -> Sequence[ShardInfo]:
        """Return the shards in order of their hash ranges."""
        return self._map.shards

    def position_of(
        self,
        shard_id: str,
        kind: StartingPosition,
        *,
        sequence_number: int | None = None,
        timestamp_ms: int | None = None,
    ) -> int:
        """Return the sequence number after which reading goes on, for a Kinesis shard iterator type.

        Args:
            shard_id: one of `shards()`.
            kind: the iterator type.
            sequence_number: for AT_ and AFTER_SEQUENCE_NUMBER; any this stream has handed out.
            timestamp_ms: for AT_TIMESTAMP: the first record that arrived then or later.

        Raises:
            InvalidSetting: unknown shard or kind, or the number or instant it needs is missing or wrong.
        """
        shard = self._map.ordinal_of(shard_id)
        match kind:
            case "TRIM_HORIZON":
                spans = self._store.spans_after(shard, 0, 1)
                return spans[0].first_sequence - 1 if spans else self.tip(shard_id)
            case "LATEST":
                return self.tip(shard_id)
            case "AT_TIMESTAMP" if timestamp_ms is not None:
                return self._before_arrival(shard, timestamp_ms)
            case "AFTER_SEQUENCE_NUMBER" if sequence_number is not None:
                return self._handed_out(sequence_number)
            case "AT_SEQUENCE_NUMBER" if sequence_number is not None:
                return self._handed_out(sequence_number) - 1
        raise InvalidSetting(f"starting position {kind!r} is unknown, or lacks its sequence number or timestamp")

    def read(self, shard_id: str, after: int, limit: int, max_bytes: int | None = None) -> Sequence[StreamRecord]:
        """Return the next records of the shard, ascending; empty at its end.

        The same record is the same object for all readers while it stays in memory.

        Args:
            shard_id: one of `shards()`.
            after: the sequence number after which to read; 0 for the oldest.
            limit: at most this many records.
            max_bytes: stop before the payloads exceed this, but return at least one record.

        Raises:
            StorageDamaged: a block is not what was written; names its sequence numbers.
            Throttled: the stream has limits, and the shard's reads are used up for now.
        """
        shard = self._map.ordinal_of(shard_id)
        if self._read_meter is None:
            return self._read(shard, after, limit, max_bytes)
        now_ms = self._clock()
        self._read_meter.admit(shard, now_ms)
        found = self._read(shard, after, limit, max_bytes)
        self._read_meter.charge(shard, sum(len(record.data) for record in found), now_ms)
        return found

    def _read(self, shard: int, after: int, limit: int, max_bytes: int | None) -> Sequence[StreamRecord]:
        found: list[StreamRecord] = []
        room = max_bytes or 0
        while len(found) < limit:
            spans = self._store.spans_after(shard, after, _SPANS_LOOKED_UP)
            for span in spans:
                block = self._block(shard, span)
                if block is None:
                    continue
                start = max(0, after + 1 - span.first_sequence)
                part = block.records()[start : start + limit - len(found)]
                if max_bytes is not None:
                    fitting, room = _fitting(part, block, room)
                    if len(fitting) < len(part):
                        return found + list(fitting or part[: 0 if found else 1])
                found += part
                if len(found) >= limit:
                    return found
            if len(spans) < _SPANS_LOOKED_UP:
                return found
            after = spans[-1].last_sequence
        return found

    def tip(self, shard_id: str) -> int:
        """Return the last sequence number handed out in the shard, 0 when it never had a record."""
        return self._store.tips()[self._map.ordinal_of(shard_id)].last_sequence

    def behind(self, shard_id: str, after: int, *, now_ms: int | None = None) -> Lag:
        """Return how far a reader that has read up to `after` is behind.

        Time runs to `now_ms`, or to the latest arrival of the stream when none is given. Cheap: no record is
        decoded, so the time is that of the whole commit.
        """
        unread = self._store.unread(self._map.ordinal_of(shard_id), after)
        if unread is None:
            return Lag(0, 0)
        now = self.last_arrival_ms() if now_ms is None else now_ms
        return Lag(unread.record_count, max(0, now - unread.first_arrival_ms))

    def last_arrival_ms(self) -> int:
        """Return the latest arrival time ever appended: the stream's own clock. 0 for a new stream."""
        return max(tip.last_arrival_ms for tip in self._store.tips())

    def record_count(self) -> int:
        """Return how many records were ever appended."""
        return sum(tip.record_count for tip in self._store.tips())

    def newest(self, shard_id: str, limit: int) -> Sequence[StreamRecord]:
        """Return the last records of the shard's last block, ascending, at most `limit`."""
        shard = self._map.ordinal_of(shard_id)
        spans = self._store.spans_after(shard, self.tip(shard_id) - 1, 1)
        block = self._block(shard, spans[0]) if spans else None
        return block.records()[-limit:] if block else []

    def _block(self, shard: int, span: BlockSpan) -> CachedBlock | None:
        block = self._cache.get(shard, span.first_sequence)
        if block is None:
            columns = self._store.load(shard, span)
            if columns is None:  # trimmed since its span was looked up
                return None
            shard_id = self._map.shards[shard].shard_id
            block = self._cache.add(shard, CachedBlock(shard_id, span.first_sequence, columns))
        return block

    def _before_arrival(self, shard: int, timestamp_ms: int) -> int:
        shard_id = self._map.shards[shard].shard_id
        span = self._store.first_arriving(shard, timestamp_ms)
        block = self._block(shard, span) if span else None
        for record in block.records() if block else ():
            if record.arrival_ms >= timestamp_ms:
                return record.sequence_number - 1
        return self.tip(shard_id)

    def _handed_out(self, sequence_number: int) -> int:
        last = max(tip.last_sequence for tip in self._store.tips())
        if not 0 < sequence_number <= last:
            raise InvalidSetting(f"sequence number {sequence_number} is not between 1 and {last}")
        return sequence_number

    # --- consumers ---

    def register_consumer(self, consumer: str) -> None:
        """Make a consumer known: `trim` keeps what it has not read."""
        self._checkpoints.register(consumer)

    def forget_consumer(self, consumer: str) -> None:
        """Remove a consumer and its checkpoints."""
        self._checkpoints.forget(consumer)

    def consumers(self) -> frozenset[str]:
        """Return the names of the registered consumers."""
        return self._checkpoints.consumers()

    def checkpoint(self, consumer: str, shard_id: str) -> int | None:
        """Return up to where the consumer has read the shard, None when it has not started.

        Never beyond the end of the shard, also when the stream's file was restored from an older copy.
        """
        saved = self._checkpoints.get(consumer, shard_id)
        return None if saved is None else min(saved, self.tip(shard_id))

    def save_checkpoint(self, consumer: str, shard_id: str, sequence_number: int) -> None:
        """Note up to where the consumer has read. It never moves back; it may lag after a power loss."""
        shard = self._map.ordinal_of(shard_id)
        self._checkpoints.save(consumer, shard_id, sequence_number)
        read_by_all = self._checkpoints.lowest(shard_id)
        if read_by_all is not None:
            self._cache.drop_through(shard, read_by_all)

    # --- retention ---

    def trim(self, now_ms: int, *, keep_unread: bool = True) -> int:
        """Delete blocks that arrived wholly before `now_ms` minus the retention; return how many records.

        The file shrinks when a quarter of it is empty.

        Args:
            now_ms: the present, by the clock that arrival times follow.
            keep_unread: keep what a registered consumer has not read. False drops it, as Kinesis does.
        """
        deleted = 0
        for shard, (info, tip) in enumerate(zip(self._map.shards, self._store.tips(), strict=True)):
            through = self._checkpoints.lowest(info.shard_id) if keep_unread else None
            if through is None:
                through = tip.last_sequence
            before_ms = now_ms - self._retention_ms
            while count := self._store.delete_some(shard, through=through, arrived_before_ms=before_ms):
                deleted += count
        self._store.give_space_back()
        return deleted


def _joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    whole = Columns([], [], [])
    for part in parts:
        whole.arrivals_ms += part.arrivals_ms
        whole.partition_keys += part.partition_keys
        whole.payloads += part.payloads
    return whole


def _fitting(records: Sequence[StreamRecord], block: CachedBlock, room: int) -> tuple[Sequence[StreamRecord], int]:
    """Return as many of the block's records as fit into `room` bytes, and the room left."""
    if block.payload_bytes <= room and len(records) == block.record_count:
        return records, room - block.payload_bytes
    for place, record in enumerate(records):
        if len(record.data) > room:
            return records[:place], room
        room -= len(record.data)
    return records, room

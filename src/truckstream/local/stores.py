"""The stores of one data directory, opened when first used: what reading commands and the pipeline share.

Light on purpose: `truckstream positions` must not wait for Parquet and NumPy to be imported.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from truckstream.core.errors import Unavailable
from truckstream.local.alerts import LocalAlerts
from truckstream.local.archive import DirectoryArchive
from truckstream.local.directory import DataDirectory
from truckstream.local.geofences import LocalGeofences
from truckstream.local.positions import LocalPositions
from truckstream.local.rejected import LocalRejected
from truckstream.ports import Batch, NotPlaced, OutgoingRecord, Placed, RejectedRecord

if TYPE_CHECKING:
    from truckstream.local.stream import LocalStream
    from truckstream.parquet import ParquetFormat


def wall_clock_ms() -> int:
    """Return the present: arrival time of records that bring none. Never event time."""
    return time.time_ns() // 1_000_000


class ArchiveSize(msgspec.Struct, frozen=True):
    """Position files of the archive."""

    files: int
    size_bytes: int


class LocalStores:
    """Ports over a data directory. Use as a context manager; closing closes what was opened."""

    def __init__(self, directory: DataDirectory, *, clock: Callable[[], int] = wall_clock_ms) -> None:
        self.directory = directory
        self._clock = clock
        self.settings = directory.settings()
        self._opened: list[LocalStream | LocalPositions | LocalGeofences | LocalAlerts | LocalRejected] = []

    @cached_property
    def format(self) -> "ParquetFormat":
        """The archive's format."""
        from truckstream.parquet import ParquetFormat

        return ParquetFormat()

    @cached_property
    def stream(self) -> "LocalStream":
        """The durable stream."""
        from truckstream.local.stream import LocalStream

        store = LocalStream(
            self.directory.stream,
            shard_count=self.settings.shard_count,
            retention_hours=self.settings.retention_hours,
            clock=self._clock,
        )
        self._opened.append(store)
        return store

    @cached_property
    def positions(self) -> LocalPositions:
        """Latest positions."""
        store = LocalPositions(self.directory.positions)
        self._opened.append(store)
        return store

    @cached_property
    def geofences(self) -> LocalGeofences:
        """Geofences."""
        store = LocalGeofences(self.directory.geofences)
        self._opened.append(store)
        return store

    @cached_property
    def alerts(self) -> LocalAlerts:
        """Presence, alert log and outbox."""
        store = LocalAlerts(self.directory.alerts)
        self._opened.append(store)
        return store

    @cached_property
    def rejected(self) -> LocalRejected:
        """Records set aside."""
        store = LocalRejected(self.directory.rejected)
        self._opened.append(store)
        return store

    @cached_property
    def archive(self) -> DirectoryArchive:
        """Parquet files."""
        return DirectoryArchive(self.directory.archive)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened."""
        for store in reversed(self._opened):
            store.close()
        self._opened.clear()

    def archive_size(self) -> ArchiveSize:
        """Return how many position files there are, and their bytes."""
        files = self.archive.list("positions/")
        return ArchiveSize(len(files), sum(file.size for file in files))

    def batches(self, consumer: str) -> Iterator[Batch]:
        """Yield what a consumer has read of the records still on the stream, shard by shard."""
        for shard in self.stream.shards():
            end = self.stream.checkpoint(consumer, shard.shard_id) or 0
            after = self.stream.position_of(shard.shard_id, "TRIM_HORIZON")
            while records := self.stream.read(shard.shard_id, after, 10_000):
                wanted = [record for record in records if record.sequence_number <= end]
                if not wanted:
                    break
                yield Batch(shard.shard_id, wanted)
                after = records[-1].sequence_number

    def redrive(self, records: Sequence[RejectedRecord]) -> tuple[int, int]:
        """Put rejected records on the stream again; return how many were placed and how many never can be.

        Rows that a source refused (shard id `source:...`) were no records: they stay. Raises Unavailable when the
        stream takes no more now; what was placed is noted.
        """
        placed = refused = 0
        for start in range(0, len(records), 500):
            part = [record for record in records[start : start + 500] if not record.shard_id.startswith("source:")]
            refused += len(records[start : start + 500]) - len(part)
            results = self.stream.put([OutgoingRecord(record.partition_key or "-", record.payload) for record in part])
            done = [record for record, result in zip(part, results, strict=True) if isinstance(result, Placed)]
            self.rejected.mark_redriven(done)
            placed += len(done)
            left = [result for result in results if isinstance(result, NotPlaced)]
            refused += sum(not result.retryable for result in left)
            if any(result.retryable for result in left):
                raise Unavailable(f"{placed:,} records placed, then the stream took no more: {left[0].reason}")
        return placed, refused

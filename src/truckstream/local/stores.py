"""The stores of one data directory, opened when first used: what reading commands and the pipeline share.

Light on purpose: `truckstream positions` must not wait for Parquet and NumPy to be imported.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from truckstream.consumers.archive_keys import POSITIONS, date_in
from truckstream.core.status import ArchiveSize, Status
from truckstream.local.alerts import LocalAlerts
from truckstream.local.archive import DirectoryArchive
from truckstream.local.directory import DataDirectory
from truckstream.local.geofences import LocalGeofences
from truckstream.local.positions import LocalPositions
from truckstream.local.rejected import LocalRejected
from truckstream.ports import Batch, RejectedRecord

if TYPE_CHECKING:
    from truckstream.consumers.redriving import Redriven
    from truckstream.local.analytics import Result
    from truckstream.local.stream import LocalStream
    from truckstream.parquet import ParquetFormat


def wall_clock_ms() -> int:
    """Return the present: arrival time of records that bring none. Never event time."""
    return time.time_ns() // 1_000_000


class LocalStores:
    """Ports over a data directory. Use as a context manager; closing closes what was opened."""

    def __init__(
        self,
        directory: DataDirectory,
        *,
        clock: Callable[[], int] = wall_clock_ms,
        keep_for_readers: bool = True,
        shard_limits: bool = False,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            directory: where the stores are.
            clock: milliseconds since the epoch.
            keep_for_readers: see `LocalStream`.
            shard_limits: let the stream refuse what a Kinesis shard would refuse.
        """
        self.directory = directory
        self._shard_limits = shard_limits
        self._keep_for_readers = keep_for_readers
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
        from truckstream.local.appending import ShardLimits
        from truckstream.local.stream import LocalStream

        store = LocalStream(
            self.directory.stream,
            shard_count=self.settings.shard_count,
            retention_hours=self.settings.retention_hours,
            clock=self._clock,
            limits=ShardLimits() if self._shard_limits else None,
            keep_for_readers=self._keep_for_readers,
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
        files = [file for file in self.archive.list(POSITIONS) if date_in(file.key)]
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

    def received(self) -> Iterator[Batch]:
        """Yield what the archive should hold of the records still on the stream."""
        return self.batches("archive")

    def arrived_ms(self) -> int:
        """Return the latest arrival time the stream noted, 0 when it never held a record."""
        return self.stream.last_arrival_ms()

    @property
    def outlier_limit_kmh(self) -> float:
        """The fastest believable speed, 0 for off."""
        return self.settings.outlier_speed_kmh

    def query(self, sql: str) -> "Result":
        """Run SQL over the archive; return column names and rows."""
        from truckstream.consumers import answers
        from truckstream.local import analytics

        return analytics.query(self.directory.archive, sql, hourly=lambda: answers.hourly_statistics(self))

    def redrive(self, records: Iterable[RejectedRecord]) -> "Redriven":
        """Put rejected records on the stream again."""
        from truckstream.consumers.redriving import redrive

        return redrive(self.rejected, self.stream, records)

    def status(self) -> Status:
        """Return lag, counts and freshness."""
        from truckstream.local.status import status_of

        return status_of(self)

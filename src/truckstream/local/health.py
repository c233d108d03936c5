"""The pipeline's figures on one machine, for the web application: cheap enough to be asked every few seconds."""

import threading
import time
from collections.abc import Callable
from typing import Final

from truckstream.core.status import ArchiveSize
from truckstream.core.wire import DecodedMany, decode
from truckstream.local.lock import holder_of
from truckstream.local.status import lags
from truckstream.local.stores import LocalStores
from truckstream.ports_viewing import PipelineHealth

_ARCHIVE_EVERY_S: Final = 15.0  # listing thousands of files is not for every second
_REASONS: Final = 20
_SAMPLED_RECORDS: Final = 20  # per shard, to learn how many positions a record holds


class LocalHealth:
    """`ports_viewing.HealthSource` over the stores of a data directory. Threads may share it."""

    def __init__(self, stores: LocalStores, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stores = stores
        self._clock = clock
        self._lock = threading.Lock()
        self._archive: tuple[float, ArchiveSize] | None = None
        self._sampled: tuple[int, float | None] = (-1, None)

    def health(self) -> PipelineHealth:
        """Return the figures now."""
        with self._lock:
            return self._health()

    def _health(self) -> PipelineHealth:
        stores, stream = self._stores, self._stores.stream
        behind = lags(stores)
        last_arrival_ms = stream.last_arrival_ms() or None
        archived_until_ms = None
        if last_arrival_ms is not None:
            archive = behind["archive"]
            archived_until_ms = last_arrival_ms - archive.age_ms if archive.records else last_arrival_ms
        records = stream.record_count()
        size = self._archive_size()
        return PipelineHealth(
            records=records,
            positions_per_record=self._positions_per_record(records),
            last_arrival_ms=last_arrival_ms,
            consumers={**behind},
            rejected=stores.rejected.count(),
            rejected_reasons=stores.rejected.reasons(_REASONS),
            archived_until_ms=archived_until_ms,
            archive_files=size.files,
            archive_bytes=size.size_bytes,
            alerts=stores.alerts.count(),
            outbox=stores.alerts.pending_count(),
            shards=len(stream.shards()),
            writer=holder_of(stores.directory.root),
        )

    def _archive_size(self) -> ArchiveSize:
        now = self._clock()
        if self._archive is None or now - self._archive[0] > _ARCHIVE_EVERY_S:
            self._archive = now, self._stores.archive_size()
        return self._archive[1]

    def _positions_per_record(self, records: int) -> float | None:
        """Look into the newest records: frames of many positions are single records of the stream."""
        if records == self._sampled[0]:
            return self._sampled[1]
        stream = self._stores.stream
        sampled = positions = 0
        for shard in stream.shards():
            for record in stream.newest(shard.shard_id, _SAMPLED_RECORDS):
                decoded = decode(record.data, record.arrival_ms)
                sampled += 1
                positions += len(decoded.positions) if isinstance(decoded, DecodedMany) else 1
        self._sampled = records, positions / sampled if sampled else None
        return self._sampled[1]

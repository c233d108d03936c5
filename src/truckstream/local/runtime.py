"""The whole system in one process: stream, three event source mappings, outbox and timers over a data directory.

Single-stepped: whoever owns the pipeline calls `put` and `poll`; nothing happens in between, so the same calls
give the same stores. Receivers that may be slow are served by `local.sending.Sender` from a thread of its own.
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from truckstream.consumers import compaction, statistics
from truckstream.consumers.archive import ArchiveConsumer
from truckstream.consumers.dashboard import DashboardConsumer
from truckstream.consumers.decoding import SharedDecoder
from truckstream.consumers.geofence import GeofenceConsumer
from truckstream.core.errors import TruckstreamError
from truckstream.local.event_source import EventSource, MappingSettings
from truckstream.local.outbox import Outbox
from truckstream.local.snapshot import Snapshot
from truckstream.local.status import Lag, lags
from truckstream.local.stores import LocalStores
from truckstream.ports import Consumer, Notifier, NotPlaced, OutgoingRecord, Placed


class Tuning(msgspec.Struct, frozen=True):
    """How the three mappings batch. `live`: soon; `replay`: large batches, no waiting for a clock."""

    live_batch: int = 1_000
    archive_batch: int = 10_000
    archive_window_ms: int = 30_000


LIVE = Tuning()
REPLAY = Tuning(live_batch=20_000, archive_batch=20_000, archive_window_ms=10**15)
# Maintenance of the archive: often enough that yesterday's reports are cheap, seldom enough not to be noticed.
STATISTICS_EVERY_MS = 60_000
COMPACT_EVERY_MS = 600_000
STATISTICS_SHARE = 0.05
"""Of the time at most: no consumer reads meanwhile. A large fleet gets its statistics less often."""


class Pipeline:
    """The running local backend.

    `notifiers` are served in step with `poll`; none leaves alerts in the outbox for a `Sender`. `notify` False
    records alerts without ever putting them there.
    """

    def __init__(
        self,
        stores: LocalStores,
        notifiers: Sequence[Notifier] = (),
        *,
        tuning: Tuning = LIVE,
        notify: bool = True,
        stopwatch_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.stores = stores
        limit_kmh = stores.settings.outlier_speed_kmh
        stores.alerts.notify = notify
        decode = SharedDecoder()
        self._snapshot = Snapshot(stores.stream)
        consumers: dict[str, Consumer] = {
            "dashboard": DashboardConsumer(
                stores.positions, stores.rejected, outlier_limit_kmh=limit_kmh, decode=decode
            ),
            "geofence": GeofenceConsumer(
                stores.alerts, stores.geofences, stores.rejected, outlier_limit_kmh=limit_kmh, decode=decode
            ),
            "archive": ArchiveConsumer(stores.archive, stores.format, stores.rejected, decode=decode),
        }
        live = MappingSettings(batch_size=tuning.live_batch)
        slow = MappingSettings(batch_size=tuning.archive_batch, window_ms=tuning.archive_window_ms)
        self.sources = {
            name: EventSource(self._snapshot, name, consumer, slow if name == "archive" else live, stores.rejected)
            for name, consumer in consumers.items()
        }
        self._outbox = Outbox(stores.alerts, notifiers) if notifiers else None
        self.records = 0
        self.troubles: dict[str, TruckstreamError] = {}  # of `maintain`, by the job that failed last time
        self._stopwatch_s = stopwatch_s
        self._statistics_due_ms = 0
        self._compaction_due_ms: int | None = None

    def put(self, records: Sequence[OutgoingRecord]) -> Sequence[Placed | NotPlaced]:
        """Append to the stream; see `RecordSink.put`. `records` counts what was placed."""
        results = self.stores.stream.put(records)
        self.records += sum(type(result) is Placed for result in results)
        return results

    def poll(self, now_ms: int, *, flush: bool = False) -> int:
        """Let every consumer take what is due; return how many records were delivered.

        Shard by shard: what the first consumer decoded is still in the processor's cache for the others.
        """
        self._snapshot.renew()
        delivered = 0
        for shard in self._snapshot.shards():
            for source in self.sources.values():
                delivered += source.poll(now_ms, flush=flush, shard_id=shard.shard_id).delivered
        if self._outbox is not None:
            self._outbox.pump(now_ms)
        return delivered

    @property
    def drained(self) -> bool:
        """Whether every consumer has read everything on the stream."""
        return all(source.drained for source in self.sources.values())

    def failure(self) -> TruckstreamError | None:
        """Return why a consumer does not get on at the moment, if one does not."""
        for name, source in self.sources.items():
            error = source.last_error
            if isinstance(error, TruckstreamError):
                return error
            if error is not None:
                return TruckstreamError(
                    f"the {name} consumer fails: {type(error).__name__}: {error}",
                    hint="A fault of truckstream: report it. Records it cannot take go to 'truckstream rejected'.",
                )
        return None

    def lags(self, now_ms: int | None = None) -> dict[str, Lag]:
        """Return each consumer's distance to the end of the stream."""
        return lags(self.stores, now_ms)

    def maintain(self, now_ms: int, *, force: bool = False) -> None:
        """Do what timers ask for: statistics every minute; compaction and trimming every ten.

        Statistics of a large fleet come as often as `STATISTICS_SHARE` lets.

        A job that fails stands in `troubles` until it succeeds at a later turn: the trucks move on meanwhile.
        With `force` statistics are made now, and their failure is raised.
        """
        if self._compaction_due_ms is None:
            self._compaction_due_ms = now_ms + COMPACT_EVERY_MS
        if force or now_ms >= self._statistics_due_ms:
            began_s = self._stopwatch_s()
            self._try("statistics", self._refresh)
            took_ms = (self._stopwatch_s() - began_s) * 1000
            self._statistics_due_ms = now_ms + max(STATISTICS_EVERY_MS, round(took_ms / STATISTICS_SHARE))
            if force and (error := self.troubles.get("statistics")) is not None:
                raise error
        if now_ms >= self._compaction_due_ms:
            self._compaction_due_ms = now_ms + COMPACT_EVERY_MS
            self._try("compaction", self._compact)
            self._try("trimming the stream", lambda: self.stores.stream.trim(now_ms))

    def _try(self, job: str, work: Callable[[], object]) -> None:
        try:
            work()
        except TruckstreamError as error:
            self.troubles[job] = error
        else:
            self.troubles.pop(job, None)

    def _refresh(self) -> None:
        stores = self.stores
        statistics.refresh(
            stores.archive,
            stores.format,
            clock_ms=stores.stream.last_arrival_ms(),
            limit_kmh=stores.settings.outlier_speed_kmh,
        )

    def _compact(self) -> None:
        compaction.compact(self.stores.archive, self.stores.format, clock_ms=self.stores.stream.last_arrival_ms())

"""Lag, counts and freshness of a data directory, for `truckstream status` and the status page."""

from truckstream.core import status
from truckstream.core.status import CONSUMERS, Status
from truckstream.local.lock import holder_of
from truckstream.local.stores import LocalStores


class Lag(status.Lag, frozen=True):
    """How far a consumer is behind the stream; here every record is counted."""

    records: int
    age_ms: int


def lags(stores: LocalStores, now_ms: int | None = None) -> dict[str, Lag]:
    """Return each consumer's distance to the end of the stream; ages by `now_ms` or the stream's own clock."""
    stream = stores.stream
    result = {}
    for consumer in CONSUMERS:
        records = age_ms = 0
        for shard in stream.shards():
            behind = stream.behind(shard.shard_id, stream.checkpoint(consumer, shard.shard_id) or 0, now_ms=now_ms)
            records += behind.records
            age_ms = max(age_ms, behind.ms)
        result[consumer] = Lag(records, age_ms)
    return result


def status_of(stores: LocalStores) -> Status:
    """Return the status now."""
    latest = stores.positions.list()
    size = stores.archive_size()
    return Status(
        writer=holder_of(stores.directory.root),
        shards=len(stores.stream.shards()),
        last_arrival_ms=stores.stream.last_arrival_ms() or None,
        consumers={**lags(stores)},
        trucks=len(latest),
        newest_position_ms=max((track.last.timestamp_ms for track in latest), default=None),
        alerts=stores.alerts.count(),
        alerts_pending=stores.alerts.pending_count(),
        rejected=stores.rejected.count(),
        archive_files=size.files,
        archive_bytes=size.size_bytes,
    )

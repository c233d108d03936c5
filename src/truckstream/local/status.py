"""Lag, counts and freshness of a data directory, for `truckstream status` and the status page."""

import msgspec

from truckstream.local.lock import holder_of
from truckstream.local.stores import LocalStores

CONSUMERS = ("dashboard", "geofence", "archive")


class Lag(msgspec.Struct, frozen=True):
    """How far a consumer is behind the stream: records, and age of the oldest unread one in ms."""

    records: int
    age_ms: int


class Status(msgspec.Struct, frozen=True):
    """One look at a data directory. Instants are ms since the epoch, None when there is none yet.

    `writer`: the command and process that runs on it, empty when none does.
    """

    writer: str
    shards: int
    last_arrival_ms: int | None
    consumers: dict[str, Lag]
    trucks: int
    newest_position_ms: int | None
    alerts: int
    alerts_pending: int
    rejected: int
    archive_files: int
    archive_bytes: int


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
        consumers=lags(stores),
        trucks=len(latest),
        newest_position_ms=max((track.last.timestamp_ms for track in latest), default=None),
        alerts=stores.alerts.count(),
        alerts_pending=stores.alerts.pending_count(),
        rejected=stores.rejected.count(),
        archive_files=size.files,
        archive_bytes=size.size_bytes,
    )

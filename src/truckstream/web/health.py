"""`/api/v1/health`, `/status`, `/metrics`, `/healthz`: what they say of the pipeline."""

import threading
from collections import deque
from typing import Final

import msgspec

from truckstream.core.instants import format_instant
from truckstream.core.reasons import count_kinds
from truckstream.core.status import Lag, Status
from truckstream.ports_viewing import PipelineHealth
from truckstream.web.fleet_state import FleetState
from truckstream.web.sources import WebSources

_EVERY_MS: Final = 2_000
_RATE_OVER_MS: Final = 30_000


class Reason(msgspec.Struct, frozen=True):
    """Why records were set aside, and how many."""

    reason: str
    count: int


class RejectedHealth(msgspec.Struct, frozen=True):
    """Records set aside that wait, and the commonest reasons."""

    count: int
    reasons: list[Reason]


class ArchiveHealth(msgspec.Struct, frozen=True):
    """What arrived before `newest` is in the archive."""

    newest: str | None
    files: int
    bytes: int


class Health(msgspec.Struct, frozen=True):
    """How the pipeline does. `writer`: who runs it, empty when nobody does."""

    now: str
    records_per_s: float | None
    positions_per_s: float | None
    consumers: dict[str, Lag]
    rejected: RejectedHealth
    archive: ArchiveHealth
    outbox: int
    alerts: int
    trucks: int
    last_arrival: str | None
    writer: str


class HealthReader:
    """Asks the pipeline at most every two seconds, for everybody; rates are over half a minute."""

    def __init__(self, sources: WebSources) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._read: PipelineHealth | None = None
        self._read_ms = 0
        self._samples: deque[tuple[int, int]] = deque()

    def pipeline(self, now_ms: int) -> PipelineHealth:
        """Return the pipeline's figures, at most two seconds old."""
        with self._lock:
            if self._read is None or not 0 <= now_ms - self._read_ms < _EVERY_MS:
                self._read = self._sources.health.health()
                self._read_ms = now_ms
                if self._read.records is not None:
                    self._samples.append((now_ms, self._read.records))
                while len(self._samples) > 2 and now_ms - self._samples[0][0] > _RATE_OVER_MS:
                    self._samples.popleft()
            return self._read

    def records_per_s(self) -> float | None:
        """Return records per second lately; None before two looks."""
        with self._lock:
            if len(self._samples) < 2:
                return None
            (begin_ms, before), (end_ms, after) = self._samples[0], self._samples[-1]
        return max(0.0, (after - before) * 1000 / (end_ms - begin_ms)) if end_ms > begin_ms else None

    def health(self, now_ms: int, trucks: int) -> Health:
        """Return what the API answers."""
        pipeline = self.pipeline(now_ms)
        rate, each = self.records_per_s(), pipeline.positions_per_record
        return Health(
            now=format_instant(now_ms),
            records_per_s=None if rate is None else round(rate, 1),
            positions_per_s=None if rate is None or each is None else round(rate * each, 1),
            consumers=pipeline.consumers,
            rejected=RejectedHealth(
                pipeline.rejected,
                [Reason(reason, count) for reason, count in count_kinds(pipeline.rejected_reasons).most_common()],
            ),
            archive=ArchiveHealth(_instant(pipeline.archived_until_ms), pipeline.archive_files, pipeline.archive_bytes),
            outbox=pipeline.outbox,
            alerts=pipeline.alerts,
            trucks=trucks,
            last_arrival=_instant(pipeline.last_arrival_ms),
            writer=pipeline.writer,
        )


def status_of(pipeline: PipelineHealth, state: FleetState) -> Status:
    """Return the status now."""
    seen = [line.track.last.timestamp_ms for line in list(state.lines.values()) if line.track is not None]
    return Status(
        writer=pipeline.writer,
        shards=pipeline.shards,
        last_arrival_ms=pipeline.last_arrival_ms,
        consumers=pipeline.consumers,
        trucks=len(seen),
        newest_position_ms=max(seen, default=None),
        alerts=pipeline.alerts,
        alerts_pending=pipeline.outbox,
        rejected=pipeline.rejected,
        archive_files=pipeline.archive_files,
        archive_bytes=pipeline.archive_bytes,
    )


def metrics_text(status: Status, state: FleetState, viewers: int, sent_bytes: int) -> str:
    """Return the status in Prometheus's text format. Metric names end in their unit."""
    lines = ["# TYPE truckstream_consumer_lag_records gauge"]
    lines += [
        f'truckstream_consumer_lag_records{{consumer="{name}"}} {lag.records}'
        for name, lag in status.consumers.items()
        if lag.records is not None
    ]
    lines.append("# TYPE truckstream_iterator_age_seconds gauge")
    lines += [
        f'truckstream_iterator_age_seconds{{consumer="{name}"}} {lag.age_ms / 1000}'
        for name, lag in status.consumers.items()
        if lag.age_ms is not None
    ]
    lines.append("# TYPE truckstream_fleet_trucks gauge")
    lines += [
        f'truckstream_fleet_trucks{{state="{name}"}} {count}'
        for name, count in state.count_of().items()
        if name != "fleet"
    ]
    for name, kind, value in (
        ("trucks", "gauge", status.trucks),
        ("alerts_total", "counter", status.alerts),
        ("outbox_alerts", "gauge", status.alerts_pending),
        ("rejected_records", "gauge", status.rejected),
        ("archive_files", "gauge", status.archive_files),
        ("archive_bytes", "gauge", status.archive_bytes),
        ("last_arrival_timestamp_seconds", "gauge", (status.last_arrival_ms or 0) / 1000),
        ("newest_position_timestamp_seconds", "gauge", (status.newest_position_ms or 0) / 1000),
        ("live_viewers", "gauge", viewers),
        ("live_sent_bytes_total", "counter", sent_bytes),
    ):
        lines += [f"# TYPE truckstream_{name} {kind}", f"truckstream_{name} {value}"]
    return "\n".join(lines) + "\n"


def _instant(ms: int | None) -> str | None:
    return None if ms is None else format_instant(ms)

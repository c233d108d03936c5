"""The Lambda entry points. Each translates its event, calls what does the work, and translates the answer.

The environment is read once per Lambda environment, at the first call; ports and consumers are kept. A failure of
a whole batch is raised, so that Lambda halves the batch; a failed record is named in the answer.
"""

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

from truckstream.aws.events import MINUTE_MS, answer_to, batch_of, scheduled_ms
from truckstream.aws.parts import Parts
from truckstream.aws.session import AwsSettings
from truckstream.aws.telemetry import Telemetry
from truckstream.config import Settings, read_settings
from truckstream.consumers.redriving import redrive
from truckstream.core.coalescing import CoalescingPolicy
from truckstream.core.errors import TruckstreamError, Unavailable
from truckstream.core.records import encode_position
from truckstream.core.wire import gzip_frame
from truckstream.ports import BatchResult, Consumer, NotPlaced, OutgoingRecord

type Event = Mapping[str, Any]

SPARE_MS = 5_000
"""Nothing new is begun when less of an invocation's time is left."""


def dashboard_consumer(event: Event, context: Any) -> dict[str, Any]:
    """Kinesis: keep the latest position of every truck."""
    own = _environment("dashboard_consumer")
    with own.telemetry.invocation(context):
        return answer_to(_consume(own, own.parts.dashboard, event))


def geofence_consumer(event: Event, context: Any) -> dict[str, Any]:
    """Kinesis: apply the geofences; alerts that were committed are sent at once, or by `send_outbox` later."""
    own = _environment("geofence_consumer")
    with own.telemetry.invocation(context):
        result = _consume(own, own.parts.geofence, event)
        alerts = own.parts.counts.alerts
        own.telemetry.note(Alerts=alerts)
        if alerts:
            try:
                _send(own, context)
            except TruckstreamError as error:  # they are safe in the outbox; the batch is done
                own.telemetry.note(SendingFailed=1)
                own.telemetry.logger.warning("alerts wait in the outbox", extra={"explanation": error.message})
        return answer_to(result)


def archive_consumer(event: Event, context: Any) -> dict[str, Any]:
    """Kinesis: write the batch's positions to the archive."""
    own = _environment("archive_consumer")
    with own.telemetry.invocation(context):
        return answer_to(_consume(own, own.parts.archiver, event))


def gps_producer(event: Event, context: Any) -> dict[str, int]:
    """Schedule, every minute: put what the simulated fleet sent in the minute before onto the stream.

    The same event puts the same records, so a retry makes duplicates at worst.
    """
    from truckstream.aws.tours import minute_of_fleet

    own = _environment("gps_producer")
    with own.telemetry.invocation(context):
        with own.telemetry.span("drive"):
            of_trucks = minute_of_fleet(own.parts.num_trucks, scheduled_ms(event) - MINUTE_MS)
        records = [
            OutgoingRecord(truck_id, gzip_frame([encode_position(position) for position in positions]))
            for truck_id, positions in of_trucks.items()
        ]
        with own.telemetry.span("put"):
            results = own.parts.stream.put(records)
        failures = [result for result in results if isinstance(result, NotPlaced)]
        placed = len(records) - len(failures)
        own.telemetry.note(Placed=placed, Positions=sum(map(len, of_trucks.values())))
        if failures:
            raise Unavailable(
                f"{len(failures)} of {len(records)} records were not placed: {failures[0].reason}",
                hint="Lambda tries this minute twice more; if that stays, see docs/operations.md#write-throttling.",
            )
        return {"records": placed}


def send_outbox(event: Event, context: Any) -> dict[str, int]:
    """Schedule, every minute: send alerts whose sending failed, and number those no reader has numbered."""
    own = _environment("send_outbox")
    with own.telemetry.invocation(context):
        try:
            sent = _send(own, context)
        finally:  # the age is what an alarm watches: above all when nothing can be sent
            own.telemetry.note(OutboxAge=own.parts.outbox.age_ms())
        own.parts.number_news()
        return {"sent": sent}


def hourly_stats(event: Event, context: Any) -> dict[str, int]:
    """Schedule, hourly: bring the hourly statistics up to date; hours with late positions are made anew.

    `{"force": true}` in the event computes every date anew. Hours are final by the event's time.
    """
    from truckstream.consumers.statistics import refresh

    own = _environment("hourly_stats")
    with own.telemetry.invocation(context):
        done = refresh(
            own.parts.archive,
            own.parts.format,
            clock_ms=scheduled_ms(event),
            limit_kmh=own.parts.outlier_limit_kmh,
            force=event.get("force") is True,
        )
        own.telemetry.note(DatesWritten=done.written)
        return {"dates": done.dates, "computed": done.computed, "written": done.written}


def compact_archive(event: Event, context: Any) -> dict[str, int]:
    """Schedule, hourly: merge the files of closed hours, unless another compaction is running."""
    from truckstream.consumers.compaction import compact

    own = _environment("compact_archive")
    with own.telemetry.invocation(context):
        with own.parts.compaction_lease() as lease:
            done = compact(
                own.parts.archive,
                own.parts.format,
                clock_ms=scheduled_ms(event),
                progress=lambda date, place, count: lease.renew(),
            )
        own.telemetry.note(FilesMerged=done.files_merged, HoursWritten=done.hours_written)
        return {"files_merged": done.files_merged, "hours_written": done.hours_written}


def redrive_rejected(event: Event, context: Any) -> dict[str, int]:
    """By hand: put rejected records on the stream again, also those of batches Lambda gave up on.

    `{"limit": 100}` in the event bounds how many.
    """
    own = _environment("redrive_rejected")
    with own.telemetry.invocation(context):
        until_ms = _until_ms(context)
        limit = event.get("limit")
        collected = own.parts.collect_given_up()
        for lost in collected.lost:
            own.telemetry.logger.warning("given up, and no longer on the stream", extra={"explanation": lost})
        done = redrive(
            own.parts.rejected,
            own.parts.stream,
            islice(own.parts.rejected.list(), None if limit is None else int(limit)),
            go_on=lambda: _now_ms() < until_ms,
        )
        own.telemetry.note(Redriven=done.placed)
        return {"placed": done.placed, "refused": done.refused}


class _Environment:
    """What is kept between invocations."""

    def __init__(self, parts: Parts, telemetry: Telemetry) -> None:
        self.parts = parts
        self.telemetry = telemetry


_kept: dict[str, _Environment] = {}


def connect(function: str, parts: Parts, settings: Settings | None = None) -> None:
    """Let a function use these parts from now on: for tests, and for runtimes of one's own."""
    settings = settings or Settings()
    _kept[function] = _Environment(parts, Telemetry(function, level=settings.log_level, spans=settings.trace_spans))


def disconnect() -> None:
    """Forget all parts; the next call reads the environment again."""
    _kept.clear()


def _environment(function: str) -> _Environment:
    if function not in _kept:
        settings = read_settings()
        connect(function, _parts(settings), settings)
    return _kept[function]


def _parts(settings: Settings) -> Parts:
    return Parts(
        AwsSettings.among(settings),
        outlier_limit_kmh=settings.outlier_speed_kmh,
        num_trucks=settings.num_trucks,
        coalescing=CoalescingPolicy(
            settings.position_move_m, settings.position_every_s, settings.position_at_most_every_s
        ),
    )


def _consume(own: _Environment, consumer: Consumer, event: Event) -> BatchResult:
    batch = batch_of(event)
    counts = own.parts.counts
    counts.reset()
    own.telemetry.note(Records=len(batch.records), IteratorAge=max(0, _now_ms() - batch.records[-1].arrival_ms))
    with own.telemetry.span("consume"):
        result = consumer(batch)
    own.telemetry.note(Positions=counts.positions, Rejected=counts.rejected)
    if result.failed_sequence is not None:
        own.telemetry.note(PartialFailures=1)
        own.telemetry.logger.warning("part of the batch failed", extra={"retryable": result.retryable})
        own.telemetry.logger.debug("part of the batch failed", extra={"explanation": result.reason})
    return result


def _send(own: _Environment, context: Any) -> int:
    with own.telemetry.span("send"):
        sent = own.parts.outbox.pump(_until_ms(context))
    own.telemetry.note(AlertsSent=sent, AlertsBuried=own.parts.outbox.buried)
    if own.parts.outbox.last_error:
        own.telemetry.note(SendingFailed=1)
        own.telemetry.logger.warning("alerts wait in the outbox", extra={"explanation": own.parts.outbox.last_error})
    return sent


def _until_ms(context: Any) -> int:
    """Return until when something new may be begun."""
    return _now_ms() + int(context.get_remaining_time_in_millis()) - SPARE_MS


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

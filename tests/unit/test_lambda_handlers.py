"""The entry points on in-memory ports: translation, partial answers, alerts after the commit, quiet logs."""

import binascii
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any, Self

import pytest

from truckstream.aws import handlers
from truckstream.aws.events import batch_of
from truckstream.aws.given_up import Collected
from truckstream.aws.parts import Parts
from truckstream.aws.session import VARIABLES, AwsSettings
from truckstream.aws.telemetry import METRICS, Telemetry
from truckstream.config import Settings, read_settings
from truckstream.core.errors import Denied, InvalidInput, InvalidSetting, MissingPart, Unavailable
from truckstream.core.geofences import parse_geofences
from truckstream.core.records import Position, encode_position
from truckstream.core.wire import decode
from truckstream.parquet.with_arro3 import Arro3Format
from truckstream.ports import OutgoingRecord, RejectedRecord, StreamRecord
from truckstream.testing import (
    FaultScript,
    MemoryArchive,
    MemoryGeofences,
    MemoryPositions,
    MemoryPresence,
    MemoryRejected,
    MemoryStream,
    MovableClock,
    RecordingNotifier,
)

T0 = 1_705_314_600_000  # 2024-01-15T10:30:00Z
FENCE = b"""[{"geofence_id":"depot","name":"Depot","type":"circle","center":{"latitude":47.0,"longitude":8.0},
"radius_meters":500,"alert_on":"both"}]"""


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class MemoryOutbox:
    """Sends as `aws.outbox.Outbox` does, from memory."""

    last_error = ""
    buried = 0

    def __init__(self, alerts: MemoryPresence, notifier: RecordingNotifier) -> None:
        self.alerts, self.notifier, self.fails = alerts, notifier, False

    def age_ms(self) -> int:
        return 90_000 if self.alerts.pending(1) else 0

    def pump(self, until_ms: int | None = None) -> int:
        assert until_ms is not None
        if self.fails:
            raise Denied("sns:Publish is not allowed")
        sent = self.notifier.send(self.alerts.pending(100))
        self.alerts.mark_sent(sent, T0)
        return len(sent)


class MemoryParts(Parts):
    def __init__(self) -> None:
        super().__init__(AwsSettings(), outlier_limit_kmh=200.0, num_trucks=3)
        self.faults = FaultScript()
        self.memory_presence = MemoryPresence(self.faults)
        self.memory_outbox = MemoryOutbox(self.memory_presence, RecordingNotifier())
        self.memory_stream = MemoryStream(clock=MovableClock(T0))
        self.__dict__ |= {
            "stream": self.memory_stream,
            "compaction_lease": FreeLease,
            "collect_given_up": Collected,
            "number_news": lambda: 0,
            "positions": MemoryPositions(self.faults),
            "geofences": MemoryGeofences(parse_geofences(FENCE).geofences),
            "presence": self.memory_presence,
            "outbox": self.memory_outbox,
            "archive": MemoryArchive(self.faults),
            "format": Arro3Format(),
            "rejected": MemoryRejected(self.faults),
        }


class FreeLease:
    """Nobody else compacts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def renew(self) -> None: ...


def connect(parts: MemoryParts) -> None:
    """Let every function use these parts and log to the standard output of this moment."""
    for function in (
        "gps_producer", "dashboard_consumer", "geofence_consumer", "archive_consumer",
        "hourly_stats", "compact_archive", "redrive_rejected", "send_outbox",
    ):  # fmt: skip
        logger = logging.getLogger(function)  # made once per process
        logger.handlers.clear()
        for mark in ("init", "powertools_handler"):
            logger.__dict__.pop(mark, None)
        handlers.connect(function, parts)


@pytest.fixture
def parts() -> Iterator[MemoryParts]:
    made = MemoryParts()
    connect(made)
    yield made
    handlers.disconnect()


def event_of(*data: bytes, first: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {
                "kinesis": {
                    "partitionKey": "T",
                    "sequenceNumber": str(first + place),
                    "data": binascii.b2a_base64(each, newline=False).decode(),
                    "approximateArrivalTimestamp": T0 / 1000,
                },
                "eventID": f"shardId-000000000001:{first + place}",
            }
            for place, each in enumerate(data)
        ]
    }


def at(seconds: int, latitude: float = 47.0, truck_id: str = "TRK-7") -> bytes:
    return encode_position(Position(truck_id, T0 + seconds * 1000, latitude, 8.0, 30.0))


SCHEDULE = {"time": "2024-01-15T10:31:00Z"}


def metrics_in(text: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    return {name: value for line in lines for name, value in line.items() if name in METRICS}


def test_positions_reach_the_store_and_bad_records_are_set_aside(
    parts: MemoryParts, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = handlers.dashboard_consumer(event_of(at(0), b"poison", at(5)), Context())
    assert answer == {"batchItemFailures": []}
    assert [track.last.timestamp_ms for track in parts.positions.list()] == [T0 + 5000]
    assert [record.payload for record in parts.rejected.list()] == [b"poison"]
    found = metrics_in(capsys.readouterr().out)
    assert {name: found[name] for name in ("Records", "Positions", "Rejected")} == {
        "Records": [3.0], "Positions": [2.0], "Rejected": [1.0],
    }  # fmt: skip
    assert found["IteratorAge"][0] > 0
    assert found["Duration"][0] > 0


def test_a_truck_that_cannot_be_written_is_named_by_its_record(parts: MemoryParts) -> None:
    parts.faults.refuse("positions.put_newer", "B")
    answer = handlers.dashboard_consumer(event_of(at(0, truck_id="A"), at(0, truck_id="B"), first=2**185), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": str(2**185 + 1)}]}


def test_a_failing_store_fails_the_whole_batch(parts: MemoryParts) -> None:
    parts.faults.fail("archive.put")
    with pytest.raises(Unavailable):
        handlers.archive_consumer(event_of(at(0)), Context())
    assert handlers.archive_consumer(event_of(at(0)), Context()) == {"batchItemFailures": []}
    assert len(parts.archive.list("positions/")) == 1


def test_alerts_are_sent_after_they_were_committed(parts: MemoryParts, capsys: pytest.CaptureFixture[str]) -> None:
    handlers.geofence_consumer(event_of(at(0), at(60, 47.02)), Context())
    received = parts.memory_outbox.notifier.received
    assert [(alert.alert_type, alert.truck_id) for alert in received] == [("exit", "TRK-7")]
    found = metrics_in(capsys.readouterr().out)
    assert (found["Alerts"], found["AlertsSent"]) == ([1.0], [1.0])
    handlers.geofence_consumer(event_of(at(0), at(60, 47.02)), Context())
    assert len(received) == 1
    assert not parts.memory_outbox.notifier.duplicates


def test_alerts_that_cannot_be_sent_wait_and_the_batch_is_done(
    parts: MemoryParts, capsys: pytest.CaptureFixture[str]
) -> None:
    parts.memory_outbox.fails = True
    assert handlers.geofence_consumer(event_of(at(0), at(60, 47.02)), Context()) == {"batchItemFailures": []}
    assert len(parts.memory_presence.pending(10)) == 1
    capsys.readouterr()
    with pytest.raises(Denied):
        handlers.send_outbox(SCHEDULE, Context())
    assert metrics_in(capsys.readouterr().out)["OutboxAge"] == [90_000.0]
    parts.memory_outbox.fails = False
    assert handlers.send_outbox(SCHEDULE, Context()) == {"sent": 1}
    assert handlers.send_outbox(SCHEDULE, Context()) == {"sent": 0}


def test_the_fleet_is_put_truck_by_truck_twelve_positions_each(parts: MemoryParts) -> None:
    assert handlers.gps_producer(SCHEDULE, Context()) == {"records": 3}
    assert handlers.gps_producer(SCHEDULE, Context()) == {"records": 3}
    records = [record for batch in parts.memory_stream.batches("shardId-000000000000", 100) for record in batch.records]
    assert [record.data for record in records[:3]] == [record.data for record in records[3:]]
    for record in records:
        decoded = decode(record.data, record.arrival_ms + 60_000)
        assert not isinstance(decoded, Position)
        assert len(decoded.positions) == 12
        assert {position.truck_id for position in decoded.positions} == {record.partition_key}
        assert all(T0 < position.timestamp_ms <= T0 + 60_000 for position in decoded.positions)


def test_a_throttled_stream_fails_the_producer(parts: MemoryParts) -> None:
    parts.__dict__["stream"] = MemoryStream(faults=(faults := FaultScript()))
    faults.refuse("stream.put", "TRK-002")
    with pytest.raises(Unavailable, match="1 of 3 records were not placed"):
        handlers.gps_producer(SCHEDULE, Context())


def test_statistics_and_compaction_follow_the_archive(parts: MemoryParts) -> None:
    handlers.archive_consumer(event_of(at(0), at(5)), Context())
    handlers.archive_consumer(event_of(at(10), first=9), Context())
    open_hour = {"time": "2024-01-15T10:59:00Z"}
    assert handlers.compact_archive(open_hour, Context()) == {"files_merged": 0, "hours_written": 0}
    assert handlers.hourly_stats(open_hour, Context()) == {"dates": 1, "computed": 1, "written": 1}
    closed = {"time": "2024-01-15T11:06:00Z"}
    assert handlers.compact_archive(closed, Context()) == {"files_merged": 2, "hours_written": 1}
    assert handlers.hourly_stats(closed, Context())["written"] == 1
    assert handlers.hourly_stats(closed, Context()) == {"dates": 1, "computed": 0, "written": 0}
    assert handlers.hourly_stats(closed | {"force": True}, Context())["computed"] == 1


def test_rejected_records_go_back_onto_the_stream_once(parts: MemoryParts) -> None:
    bad = [RejectedRecord("s", number, 0, "bad", b"%d" % number, T0, "T") for number in range(1200)]
    parts.rejected.put(bad)
    assert handlers.redrive_rejected({"limit": 700}, Context()) == {"placed": 700, "refused": 0}
    assert handlers.redrive_rejected({}, Context()) == {"placed": 500, "refused": 0}
    assert handlers.redrive_rejected({}, Context()) == {"placed": 0, "refused": 0}
    records = [
        record for batch in parts.memory_stream.batches("shardId-000000000000", 9999) for record in batch.records
    ]
    assert [record.data for record in records] == [b"%d" % number for number in range(1200)]


def test_logs_at_info_hold_no_payload_truck_or_place(parts: MemoryParts, capsys: pytest.CaptureFixture[str]) -> None:
    connect(parts)
    parts.faults.refuse("positions.put_newer", "TRK-7")
    handlers.dashboard_consumer(event_of(at(0), b"poison"), Context())
    handlers.geofence_consumer(event_of(at(0), at(60, 47.02)), Context())
    parts.faults.fail("archive.put", error=Unavailable("s3:PutObject on bucket x did not answer"))
    with pytest.raises(Unavailable):
        handlers.archive_consumer(event_of(at(0)), Context())
    text = capsys.readouterr().out
    lines = [json.loads(line) for line in text.splitlines()]
    assert not any(word in text for word in ("TRK-7", "47.0", "poison", "depot"))
    failed = next(line for line in lines if line.get("message") == "invocation failed")
    assert failed["error"] == "Unavailable"
    assert failed["explanation"] == "s3:PutObject on bucket x did not answer"
    assert failed["correlation_id"] == "request-1"


def test_an_unknown_event_is_refused_by_every_consumer(parts: MemoryParts) -> None:
    for handler in (handlers.dashboard_consumer, handlers.geofence_consumer, handlers.archive_consumer):
        with pytest.raises(InvalidInput):
            handler({"Records": [{"Sns": {}}]}, Context())


def test_every_name_of_a_part_comes_from_its_variable() -> None:
    topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts"
    given = {
        "stream_name": "the-stream",
        "positions_table": "the-positions",
        "geofences_table": "the-geofences",
        "bucket": "the-bucket",
        "topic_arn": topic_arn,
        "region": "eu-central-2",
        "athena_database": "the-database",
        "athena_workgroup": "the-workgroup",
        "on_failure_queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/failed",
    }
    assert given.keys() == VARIABLES.keys()
    settings = read_settings({VARIABLES[field]: value for field, value in given.items()})
    assert AwsSettings.among(settings) == AwsSettings(**given)
    assert AwsSettings.among(read_settings({})) == AwsSettings()


def test_missing_configuration_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("S3_BUCKET", "SNS_TOPIC_ARN", "GEOFENCES_TABLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    try:
        for handler, variable in (
            (handlers.archive_consumer, "S3_BUCKET"),
            (handlers.geofence_consumer, "GEOFENCES_TABLE"),
            (handlers.send_outbox, "GEOFENCES_TABLE"),
        ):
            handlers.disconnect()
            with pytest.raises(MissingPart, match=f"{variable} is not set"):
                handler(event_of(at(0)) | SCHEDULE, Context())
        monkeypatch.setenv("SNS_TOPIC_ARN", "my-topic")
        handlers.disconnect()
        with pytest.raises(InvalidSetting, match="SNS_TOPIC_ARN='my-topic' is not allowed"):
            handlers.send_outbox(SCHEDULE, Context())
    finally:
        handlers.disconnect()


def test_settings_of_the_deployed_system_are_read_and_checked() -> None:
    given = read_settings(
        {"NUM_TRUCKS": "7", "OUTLIER_SPEED_KMH": "0", "SNS_TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:a"}
    )
    assert (given.num_trucks, given.outlier_speed_kmh) == (7, 0.0)
    wrong = {
        "NUM_TRUCKS": "0",
        "OUTLIER_SPEED_KMH": "fast",
        "S3_BUCKET": "Not A Bucket",
        "SNS_TOPIC_ARN": "arn:aws:sqs:a:1:b",
        "POSITION_MOVE_M": "-1",
        "STREAM_NAME": "a b",
        "GEOFENCES_TABLE": "x",
        "TRACE_SPANS": "on",
    }
    for variable, value in wrong.items():
        with pytest.raises(InvalidSetting) as caught:
            read_settings({variable: value})
        assert variable in caught.value.message
        assert variable in caught.value.hint


def test_spans_of_an_invocation_are_recorded_by_opentelemetry(parts: MemoryParts) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    exporting = pytest.importorskip("opentelemetry.sdk.trace.export")
    in_memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter, provider = in_memory.InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(exporting.SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    handlers.connect("geofence_consumer", parts, Settings(trace_spans="opentelemetry"))
    handlers.geofence_consumer(event_of(at(0), at(60, 47.02)), Context())
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert spans.keys() == {"geofence_consumer", "consume", "send"}
    whole = spans["geofence_consumer"]
    assert whole.parent is None
    assert {spans[name].parent.span_id for name in ("consume", "send")} == {whole.context.span_id}
    assert all(not span.attributes for span in spans.values())  # nothing of the data
    assert whole.instrumentation_scope.name == "truckstream"


def test_spans_need_opentelemetry_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(MissingPart, match="OpenTelemetry is not in the function's package"):
        Telemetry("f", level="INFO", spans="opentelemetry")


def test_batches_equal_what_the_stream_held() -> None:
    stream = MemoryStream()
    stream.put([OutgoingRecord("T", at(0), T0), OutgoingRecord("T", at(5), T0)])
    (batch,) = stream.batches("shardId-000000000000", 10)
    (other,) = [batch_of(event_of(at(0), at(5)))]
    assert [record.data for record in batch.records] == [record.data for record in other.records]
    assert isinstance(other.records[0], StreamRecord)
    assert Settings().stream_name == "gps-coordinates-stream"

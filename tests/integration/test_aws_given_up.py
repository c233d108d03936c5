"""Batches that Lambda gave up on come back: from the bucket with their payload, from a queue by way of the stream."""

import base64
import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
from tests.support.aws_faults import AwsFaults
from tests.support.aws_parts import ACCOUNT, BUCKET, REGION, SETTINGS, STREAM, moto_session
from tests.support.kinesis import kinesis_session
from tests.support.lambda_poller import Context, LambdaMapping, event_of

from truckstream.aws import handlers
from truckstream.aws.given_up import GivenUp
from truckstream.aws.parts import Parts
from truckstream.aws.rejected import S3Rejected
from truckstream.aws.session import AwsSession
from truckstream.aws.stores import AwsStores
from truckstream.aws.stream import KinesisStream
from truckstream.cli.main import execute
from truckstream.consumers import history
from truckstream.consumers.redriving import redrive
from truckstream.core.errors import Unavailable
from truckstream.core.records import Position, encode_position
from truckstream.local.mapping import MappingSettings
from truckstream.parquet import ParquetFormat
from truckstream.ports import Batch, OutgoingRecord, RejectedRecord, StreamRecord

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:truckstream-archive-consumer"
KEY = "aws/lambda/6f2e9c1d-0000-4000-8000-000000000000/{shard}/2026/11/27/2026-11-27T05.00.00-{n}"


def message(records: Sequence[StreamRecord], *, stream: str = STREAM, payload: bool = True) -> bytes:
    """Return what Lambda writes for a batch it discards; only a bucket gets the payload."""
    batch = Batch(records[0].shard_id, records)
    whole: dict[str, Any] = {
        "requestContext": {
            "requestId": "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 4,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-27T05:00:00.021Z",
        "KinesisBatchInfo": {
            "shardId": batch.shard_id,
            "startSequenceNumber": str(records[0].sequence_number),
            "endSequenceNumber": str(records[-1].sequence_number),
            "approximateArrivalOfFirstRecord": "2026-11-27T04:59:04.835Z",
            "approximateArrivalOfLastRecord": "2026-11-27T04:59:05.580Z",
            "batchSize": len(records),
            "streamArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{stream}",
        },
    }
    if payload:
        whole["payload"] = json.dumps(event_of(batch))
    return json.dumps(whole).encode()


def positions(count: int) -> list[Position]:
    return [Position("TRK-1", 1_705_314_600_000 + n * 5000, 47.0 + n * 0.0005, 8.0, 40.0) for n in range(count)]


class Cloud:
    """The parts on moto in this process, with records on the stream."""

    def __init__(self, made: AwsSession) -> None:
        self.session = made
        self.s3 = made.client("s3")
        self.queue_url = made.client("sqs").create_queue(QueueName="given-up")["QueueUrl"]
        self.stream = KinesisStream(made, sleep=lambda seconds: None)
        self.rejected = S3Rejected(made)
        self.given_up = GivenUp(made, self.rejected, self.stream, queue_url=self.queue_url)

    def put(self, count: int) -> list[StreamRecord]:
        self.stream.put([OutgoingRecord(each.truck_id, encode_position(each)) for each in positions(count)])
        return self.on_stream()

    def on_stream(self) -> list[StreamRecord]:
        return [each for shard in self.stream.shards() for each in self.stream.read(shard.shard_id, 0, 1000)]

    def write(self, data: bytes, number: int = 1) -> str:
        key = KEY.format(shard="shardId-000000000000", n=number)
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        return key

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET, Prefix="aws/").get("Contents", [])]

    def queued(self) -> int:
        """Return how many messages there are, visible or not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        sqs = self.session.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=list(names))["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with moto_session(shard_count=1, bucket=True) as made:
        yield Cloud(made)


def payloads(records: Sequence[RejectedRecord | StreamRecord]) -> list[bytes]:
    return [each.payload if isinstance(each, RejectedRecord) else each.data for each in records]


def test_a_batch_in_the_bucket_is_brought_in_whole_and_once(cloud: Cloud) -> None:
    records = cloud.put(5)
    cloud.write(message(records[1:4]))
    foreign = cloud.write(b'{"requestContext": {}, "DDBStreamBatchInfo": {}}', 2)
    other = cloud.write(message(records[:1], stream="another-stream"), 3)
    done = cloud.given_up.collect()
    assert (done.records, done.lost) == (3, [])
    waiting = list(cloud.rejected.list())
    assert payloads(waiting) == payloads(records[1:4])
    assert {each.reason for each in waiting} == {
        "truckstream-archive-consumer gave up after 4 tries: RetryAttemptsExhausted"
    }
    assert {(each.index, each.partition_key) for each in waiting} == {(-1, "TRK-1")}
    assert [each.arrival_ms for each in waiting] == [each.arrival_ms for each in records[1:4]]
    assert cloud.keys() == [foreign, other]
    cloud.write(message(records[1:4]))  # a second consumer gave up on the same records
    assert cloud.given_up.collect().records == 3
    assert cloud.rejected.count() == 3


@pytest.mark.parametrize("form", ["payload as text", "payload as JSON", "payload cut short", "no payload"])
def test_whatever_the_message_holds_the_records_are_found(cloud: Cloud, form: str) -> None:
    records = cloud.put(4)
    whole = json.loads(message(records[:3], payload=form != "no payload"))
    if form == "payload as JSON":
        whole["payload"] = json.loads(whole["payload"])
    elif form == "payload cut short":
        whole["payload"] = whole["payload"][:-20]
    cloud.write(json.dumps(whole).encode())
    assert cloud.given_up.collect().records == 3
    assert payloads(list(cloud.rejected.list())) == payloads(records[:3])
    assert cloud.keys() == []


def test_a_batch_in_the_queue_is_fetched_from_the_stream(cloud: Cloud) -> None:
    records = cloud.put(12)
    sqs = cloud.session.client("sqs")
    for begin in range(0, 12, 4):
        body = message(records[begin : begin + 3], payload=False).decode()
        sqs.send_message(QueueUrl=cloud.queue_url, MessageBody=body)
    assert cloud.given_up.collect().records == 9
    wanted = [each for place, each in enumerate(records) if place % 4 != 3]
    assert payloads(list(cloud.rejected.list())) == payloads(wanted)
    assert cloud.queued() == 0


def test_a_message_whose_records_are_gone_stays_and_is_told(cloud: Cloud) -> None:
    records = cloud.put(3)
    gone = [msgspec.structs.replace(each, sequence_number=each.sequence_number + 1000) for each in records]
    body = message(gone, payload=False).decode()
    cloud.session.client("sqs").send_message(QueueUrl=cloud.queue_url, MessageBody=body)
    (lost,) = cloud.given_up.collect().lost
    assert lost.startswith("3 of 3 records (shardId-000000000000, 1001 to 1003)")
    assert (cloud.rejected.count(), cloud.queued()) == (0, 1)


def test_nothing_is_removed_before_it_is_kept(cloud: Cloud) -> None:
    records = cloud.put(3)
    key = cloud.write(message(records))
    faults = AwsFaults(cloud.s3)
    faults.fail("PutObject", "SlowDown", status=503, times=3)
    with pytest.raises(Unavailable):
        cloud.given_up.collect()
    assert cloud.keys() == [key]
    faults.clear()
    assert cloud.given_up.collect().records == 3
    assert (cloud.keys(), cloud.rejected.count()) == ([], 3)


def test_the_stream_gives_a_range_on_kinesis_local_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = KinesisStream(kinesis_session(1, monkeypatch))
    stream.put([OutgoingRecord("TRK-1", b"%d" % number) for number in range(30)])
    shard_id = stream.shards()[0].shard_id
    records = stream.read(shard_id, 0, 100)
    found = stream.between(shard_id, records[4].sequence_number, records[19].sequence_number)
    assert [each.data for each in found] == [b"%d" % number for number in range(4, 20)]


def test_what_lambda_gave_up_is_redriven_and_processed_in_the_end(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive's bucket refuses one batch until Lambda gives up; then it is well again, and someone redrives."""
    cloud.put(10)
    parts = Parts(SETTINGS, outlier_limit_kmh=200.0)
    parts.__dict__["session"] = cloud.session
    for function in ("archive_consumer", "redrive_rejected"):
        handlers.connect(function, parts)
    faults = AwsFaults(cloud.s3)
    faults.fail("PutObject", "AccessDenied", status=403, times=12)

    def write_down(given_up: Sequence[RejectedRecord]) -> None:
        records = [
            StreamRecord(r.shard_id, r.sequence_number, r.arrival_ms, r.partition_key, r.payload) for r in given_up
        ]
        faults.clear()
        cloud.write(message(records), records[0].sequence_number)
        faults.fail("PutObject", "AccessDenied", status=403, times=4)

    consume = partial(handlers.archive_consumer, context=Context())
    settings = MappingSettings(4, bisect_on_error=False, retry_attempts=3)
    LambdaMapping(cloud.stream, "archive", consume, settings, write_down).drain()
    faults.clear()
    assert len(cloud.keys()) == 3

    stores = AwsStores(SETTINGS, outlier_limit_kmh=200.0)
    stores.session = cloud.session
    monkeypatch.setattr("truckstream.cli.show.open_stores", lambda data, backend: stores)
    capsys.readouterr()
    assert execute(["rejected", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [json.loads(each["payload"])["truck_id"] for each in listed] == ["TRK-1"] * 10
    assert listed[0]["reason"].startswith("truckstream-archive-consumer gave up after 4 tries")

    assert handlers.redrive_rejected({}, Context()) == {"placed": 10, "refused": 0}
    LambdaMapping(cloud.stream, "archive-again", consume, settings, write_down).drain()
    archived = [row for part in history.iterate(stores.archive, ParquetFormat()) for row in part.to_positions()]
    assert archived == positions(10)
    assert (cloud.rejected.count(), cloud.keys()) == (0, [])
    handlers.disconnect()


def published(truck_id: str, payload: bytes, trace: str) -> str:
    """Return what IoT writes to its error action's queue (AWS IoT Developer Guide, "Error handling")."""
    return json.dumps(
        {
            "ruleName": "truckstream_positions",
            "topic": f"trucks/{truck_id}/positions",
            "cloudwatchTraceId": trace,
            "clientId": truck_id,
            "base64OriginalPayload": base64.b64encode(payload).decode(),
            "failures": [
                {"failedAction": "KinesisAction", "failedResource": STREAM, "errorMessage": "Rate exceeded for shard"}
            ],
        }
    )


def test_what_iot_could_not_put_on_the_stream_comes_back_under_its_truck_in_order(cloud: Cloud) -> None:
    sqs = cloud.session.client("sqs")
    sent = [encode_position(position) for position in positions(12)]
    for number, payload in enumerate(sent):
        body = published("TRK-1", payload, f"trace-{number}")
        sqs.send_message(QueueUrl=cloud.queue_url, MessageBody=body)
    sqs.send_message(QueueUrl=cloud.queue_url, MessageBody='{"topic": "somebody/else"}')
    done = cloud.given_up.collect()
    assert (done.records, done.lost) == (12, [])
    assert cloud.queued() == 1  # not ours: left alone
    waiting = list(cloud.rejected.list())
    assert sorted(payloads(waiting)) == sorted(sent)
    assert {each.reason for each in waiting} == {"IoT gave up: Rate exceeded for shard"}
    assert [each.arrival_ms for each in waiting] == sorted(each.arrival_ms for each in waiting)

    redriven = redrive(cloud.rejected, cloud.stream, cloud.rejected.list())
    assert (redriven.placed, redriven.refused) == (12, 0)
    assert sorted(payloads(cloud.on_stream())) == sorted(sent)
    assert {record.partition_key for record in cloud.on_stream()} == {"TRK-1"}
    assert cloud.rejected.count() == 0

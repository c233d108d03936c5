"""Batches that Lambda gave up on, brought into the rejected store: there they are listed and redriven as all others.

An event source mapping writes what it discards to its on-failure destination (Lambda Developer Guide, "Retain
discarded batch records for a Kinesis Data Streams event source"): to a bucket as `aws/lambda/<mapping>/<shard>/...`
with the whole event as `payload`, to a queue as shard and sequence numbers alone. The records of the latter are
fetched from the stream, which keeps them for its retention. A message is removed once all its records are kept.

The queue may also be the one of `terraform/modules/ingest`: what trucks published and IoT could not put on the stream
(AWS IoT Developer Guide, "Error handling (error action)").
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final, Protocol

import msgspec

from truckstream.aws.archive import delete_objects, get_object, list_objects
from truckstream.aws.errors import aws_errors
from truckstream.aws.events import batch_of
from truckstream.aws.session import AwsSession
from truckstream.core.errors import InvalidInput
from truckstream.ports import RejectedRecord, RejectedStore, StreamRecord

PREFIX: Final = "aws/lambda/"
_WHOLE_RECORD: Final = -1
_QUEUE_HIDES_S: Final = 60  # so long a message is ours alone
_AT_ONCE: Final = 10


class Retained(Protocol):
    """Where records are fetched from, as `aws.stream.KinesisStream` is."""

    name: str

    def between(self, shard_id: str, first: int, last: int) -> Sequence[StreamRecord]:
        """Return those records of the range that the stream still holds."""
        ...


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    function_arn: str = ""
    condition: str = ""
    approximate_invoke_count: int = 0


class _BatchInfo(msgspec.Struct, frozen=True, rename="camel"):
    shard_id: str
    start_sequence_number: str
    end_sequence_number: str
    batch_size: int
    stream_arn: str = ""


class _Message(msgspec.Struct, frozen=True):
    """What Lambda writes; `payload` is the event, as text."""

    batch: _BatchInfo = msgspec.field(name="KinesisBatchInfo")
    request: _Request = msgspec.field(name="requestContext", default=_Request())
    payload: str | dict[str, Any] | None = None

    @property
    def reason(self) -> str:
        """Why the batch was given up, for people."""
        function = self.request.function_arn.rpartition("function:")[2] or "Lambda"
        tries = f" after {self.request.approximate_invoke_count} tries" if self.request.approximate_invoke_count else ""
        return f"{function} gave up{tries}: {self.request.condition or 'no condition told'}"

    @property
    def place(self) -> str:
        """Which records they are, for people."""
        batch = self.batch
        return f"{batch.shard_id}, {batch.start_sequence_number} to {batch.end_sequence_number}"


class _Failure(msgspec.Struct, frozen=True, rename="camel"):
    error_message: str = ""


class _Published(msgspec.Struct, frozen=True, rename="camel"):
    """What IoT writes of a message whose action failed; trucks publish to TOPIC/TRUCK/positions."""

    topic: str
    payload: bytes = msgspec.field(name="base64OriginalPayload")
    failures: Sequence[_Failure] = ()

    @property
    def truck_id(self) -> str:
        """The truck, as the rule's own partition key has it."""
        return self.topic.split("/")[1] if "/" in self.topic else self.topic

    @property
    def reason(self) -> str:
        """Why it is not on the stream, for people."""
        return f"IoT gave up: {self.failures[0].error_message if self.failures else 'no reason told'}"


class Collected(msgspec.Struct):
    """How many records were brought in, and which batches could not be: they wait where they are."""

    records: int = 0
    lost: list[str] = []


class GivenUp:
    """The on-failure destinations of the three consumers.

    Args:
        session: names the bucket.
        rejected: where the records go.
        stream: where records are fetched whose message brings none.
        queue_url: a queue beside the bucket; empty: there is none.
    """

    def __init__(self, session: AwsSession, rejected: RejectedStore, stream: Retained, *, queue_url: str = "") -> None:
        self._session, self._rejected, self._stream, self._queue_url = session, rejected, stream, queue_url

    def collect(self) -> Collected:
        """Bring everything in. Safe to repeat, and to run beside another: the first entry of a record stays.

        Raises a retryable error when a store does not answer; what was brought in is kept.
        """
        done = Collected()
        bucket, s3 = self._session.require("bucket"), self._session.client("s3")
        for entry in list_objects(s3, bucket, PREFIX):
            try:
                data = get_object(s3, bucket, entry["Key"])
            except KeyError:
                continue  # another has just brought it in
            if self._keep(data, done):
                delete_objects(s3, bucket, [entry["Key"]])
        for receipt, body, sent_ms in self._queued():
            if self._keep(body, done) or self._keep_published(body, sent_ms, done):
                with aws_errors("sqs:DeleteMessage", f"queue {self._queue_url}"):
                    self._session.client("sqs").delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt)
        return done

    def _queued(self) -> Iterator[tuple[str, bytes, int]]:
        while self._queue_url:
            with aws_errors("sqs:ReceiveMessage", f"queue {self._queue_url}"):
                answer = self._session.client("sqs").receive_message(
                    QueueUrl=self._queue_url,
                    MaxNumberOfMessages=_AT_ONCE,
                    VisibilityTimeout=_QUEUE_HIDES_S,
                    AttributeNames=["SentTimestamp"],
                )
            messages = answer.get("Messages", [])
            if not messages:
                return
            for message in messages:
                yield message["ReceiptHandle"], message["Body"].encode(), int(message["Attributes"]["SentTimestamp"])

    def _keep(self, data: bytes, done: Collected) -> bool:
        """Put a message's records into the rejected store; return whether nothing of it is left."""
        try:
            message = msgspec.json.decode(data, type=_Message)
        except msgspec.MsgspecError:
            return False  # not a stream's batch: someone else's
        if message.batch.stream_arn.rpartition("/")[2] not in ("", self._stream.name):
            return False
        records = self._records(message)
        self._rejected.put([_entry(record, message.reason) for record in records])
        done.records += len(records)
        missing = message.batch.batch_size - len(records)
        if missing > 0:
            done.lost.append(f"{missing} of {message.batch.batch_size} records ({message.place}); {message.reason}")
        return missing <= 0

    def _keep_published(self, data: bytes, sent_ms: int, done: Collected) -> bool:
        """Put a message of a truck into the rejected store; its own place there, by the time it failed."""
        try:
            message = msgspec.json.decode(data, type=_Published)
        except msgspec.MsgspecError:
            return False
        place = sent_ms << 32 | int.from_bytes(sha256(data).digest()[:4])
        self._rejected.put(
            [
                RejectedRecord(
                    f"iot:{message.topic}",
                    place,
                    _WHOLE_RECORD,
                    message.reason,
                    message.payload,
                    sent_ms,
                    message.truck_id,
                )
            ]
        )
        done.records += 1
        return True

    def _records(self, message: _Message) -> Sequence[StreamRecord]:
        if message.payload is not None:
            try:
                event = message.payload
                return batch_of(msgspec.json.decode(event) if isinstance(event, str) else event).records
            except (InvalidInput, msgspec.DecodeError):
                pass  # cut short, say: the stream may have them
        batch = message.batch
        return self._stream.between(batch.shard_id, int(batch.start_sequence_number), int(batch.end_sequence_number))


def _entry(record: StreamRecord, reason: str) -> RejectedRecord:
    return RejectedRecord(
        record.shard_id,
        record.sequence_number,
        _WHOLE_RECORD,
        reason,
        record.data,
        record.arrival_ms,
        record.partition_key,
    )

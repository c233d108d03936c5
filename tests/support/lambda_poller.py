"""What Lambda's event source mappings do: read a Kinesis stream and invoke functions with events.

The rules are those of the local backend's emulator; the stream may be any fake of Kinesis.
"""

import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from truckstream.aws.stream import KinesisStream
from truckstream.local.event_source import EventSource, MappingSettings
from truckstream.local.mapping import OnFailure
from truckstream.local.shards import ShardInfo
from truckstream.local.stream import Lag, StartingPosition
from truckstream.ports import Batch, BatchResult, RejectedRecord, StreamRecord

type Invoke = Callable[[dict[str, Any]], Mapping[str, Any]]


class Context:
    """What a function learns of its invocation."""

    aws_request_id = "request-1"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:function"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def event_of(batch: Batch) -> dict[str, Any]:
    """Return the event Lambda makes of a batch."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record.partition_key,
                    "sequenceNumber": str(record.sequence_number),
                    "data": binascii.b2a_base64(record.data, newline=False).decode(),
                    "approximateArrivalTimestamp": record.arrival_ms / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventID": f"{batch.shard_id}:{record.sequence_number}",
            }
            for record in batch.records
        ]
    }


class Reader:
    """`StreamReader` of a Kinesis stream, with checkpoints in memory. Several mappings may share one: what was
    read once is kept, so read it when all is written."""

    def __init__(self, stream: KinesisStream) -> None:
        self._stream = stream
        self._checkpoints: dict[tuple[str, str], int] = {}
        self._kept: dict[tuple[str, int], Sequence[StreamRecord]] = {}

    def shards(self) -> Sequence[ShardInfo]:
        return [ShardInfo(shard.shard_id, 0, 0) for shard in self._stream.shards()]

    def position_of(
        self,
        shard_id: str,
        kind: StartingPosition,
        *,
        sequence_number: int | None = None,
        timestamp_ms: int | None = None,
    ) -> int:
        assert kind == "TRIM_HORIZON"
        return 0

    def read(self, shard_id: str, after: int, limit: int, max_bytes: int | None = None) -> Sequence[StreamRecord]:
        found: list[StreamRecord] = []
        size = 0
        for record in self._read(shard_id, after)[:limit]:
            size += len(record.data)
            if found and max_bytes is not None and size > max_bytes:
                break
            found.append(record)
        return found

    def behind(self, shard_id: str, after: int, *, now_ms: int | None = None) -> Lag:
        return Lag(len(self._read(shard_id, after)), 0)

    def _read(self, shard_id: str, after: int) -> Sequence[StreamRecord]:
        if (shard_id, after) not in self._kept:
            records = self._stream.read(shard_id, after, 10_000)
            if not records:
                return records  # the end may move
            self._kept[shard_id, after] = records
        return self._kept[shard_id, after]

    def register_consumer(self, consumer: str) -> None: ...

    def checkpoint(self, consumer: str, shard_id: str) -> int | None:
        return self._checkpoints.get((consumer, shard_id))

    def save_checkpoint(self, consumer: str, shard_id: str, sequence_number: int) -> None:
        self._checkpoints[consumer, shard_id] = sequence_number


class LambdaMapping:
    """One function on one stream. `poll` as an `EventSource`; `drain` until all is read."""

    def __init__(
        self,
        stream: KinesisStream | Reader,
        name: str,
        invoke: Invoke,
        settings: MappingSettings,
        on_failure: OnFailure | None = None,
    ) -> None:
        def consume(batch: Batch) -> BatchResult:
            failures = invoke(event_of(batch))["batchItemFailures"]
            return BatchResult(int(failures[0]["itemIdentifier"]) if failures else None)

        self.given_up: list[RejectedRecord] = []
        reader = stream if isinstance(stream, Reader) else Reader(stream)
        self.source = EventSource(reader, name, consume, settings, on_failure or self.given_up.extend)

    def drain(self, now_ms: int = 0, polls: int = 10_000) -> None:
        for _ in range(polls):
            self.source.poll(now_ms, flush=True)
            if self.source.drained:
                return
            now_ms += 60_000  # whatever the back-off
        raise AssertionError(f"still not drained: {self.source.last_error!r}")

"""Lambda's events become batches, results become Lambda's answers, and nothing else happens in between."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from truckstream.aws.events import answer_to, batch_of, scheduled_ms
from truckstream.core.errors import InvalidInput
from truckstream.ports import BatchResult


def kinesis_event(*data: bytes, first: int = 1, shard: str = "shardId-000000000002") -> dict[str, Any]:
    return {
        "Records": [
            {
                "kinesis": {
                    "partitionKey": "TRK-1",
                    "sequenceNumber": str(first + place),
                    "data": base64.b64encode(each).decode(),
                    "approximateArrivalTimestamp": 1545084650.987,
                },
                "eventID": f"{shard}:{first + place}",
            }
            for place, each in enumerate(data)
        ]
    }


def test_an_event_becomes_a_batch_of_its_shard() -> None:
    batch = batch_of(kinesis_event(b"{}", b"\xff", first=2**185))
    assert batch.shard_id == "shardId-000000000002"
    assert [record.sequence_number for record in batch.records] == [2**185, 2**185 + 1]
    assert [record.data for record in batch.records] == [b"{}", b"\xff"]
    assert batch.records[0].arrival_ms == 1545084650987
    assert batch.records[0].partition_key == "TRK-1"


def test_the_sample_event_of_aws_is_understood(test_data: Path) -> None:
    batch = batch_of(json.loads((test_data / "aws_events" / "kinesisStreamEvent.json").read_bytes()))
    assert batch.shard_id == "shardId-000000000006"
    assert [record.data for record in batch.records] == [b"Hello, this is a test.", b"This is only a test."]


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": [{"Sns": {}}]}, {"Records": [{"eventID": 1}]}])
def test_another_event_is_refused_with_a_hint(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="not an event of a Kinesis stream") as caught:
        batch_of(event)
    assert "event source mapping" in caught.value.hint


def test_a_failed_record_is_named_in_the_answer() -> None:
    assert answer_to(BatchResult()) == {"batchItemFailures": []}
    assert answer_to(BatchResult(2**185)) == {"batchItemFailures": [{"itemIdentifier": str(2**185)}]}


def test_a_schedule_is_rounded_down_to_its_minute() -> None:
    assert scheduled_ms({"time": "2024-01-15T10:30:42Z"}) == 1_705_314_600_000
    with pytest.raises(InvalidInput, match="not a scheduled event"):
        scheduled_ms({})

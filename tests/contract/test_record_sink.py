"""The promises of `ports.RecordSink`, held by every backend."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.aws_parts import moto_session
from tests.support.kinesis import kinesis_session

from truckstream.aws.stream import KinesisStream
from truckstream.local.stream import LocalStream
from truckstream.ports import NotPlaced, OutgoingRecord, Placed, RecordSink, StreamRecord
from truckstream.testing import MemoryStream

MIB = 1024 * 1024


class Stream(NamedTuple):
    """A sink with four shards, and a way to read all it holds."""

    sink: RecordSink
    read: Callable[[], Sequence[StreamRecord]]


@pytest.fixture(params=["memory", "local", "aws", "kinesis-local"])
def stream(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    match request.param:
        case "memory":
            memory = MemoryStream(4)
            yield Stream(
                memory,
                lambda: [
                    each for shard in memory.shard_ids for batch in memory.batches(shard, 9) for each in batch.records
                ],
            )
        case "local":
            local = LocalStream(tmp_path / "stream.db", shard_count=4)
            yield Stream(local, lambda: _all_of(local))
            local.close()
        case "aws":
            with moto_session(shard_count=4) as session:
                kinesis = KinesisStream(session, sleep=lambda _: None)
                yield Stream(kinesis, lambda: _all_of(kinesis))
        case "kinesis-local":
            server = KinesisStream(kinesis_session(4, monkeypatch), sleep=lambda _: None)
            yield Stream(server, lambda: _all_of(server))


def _all_of(stream: LocalStream | KinesisStream) -> Sequence[StreamRecord]:
    found: list[StreamRecord] = []
    for shard in stream.shards():
        after = 0
        while part := stream.read(shard.shard_id, after, 10_000):
            found += part
            after = part[-1].sequence_number
    return found


def outgoing(count: int, keys: int = 7) -> list[OutgoingRecord]:
    return [OutgoingRecord(f"TRK-{number % keys}", b"%d" % number) for number in range(count)]


def test_each_record_is_answered_and_found_where_it_says(stream: Stream) -> None:
    records = outgoing(30)
    answers = stream.sink.put(records)
    places = {(each.shard_id, each.sequence_number): (each.partition_key, each.data) for each in stream.read()}
    assert len(answers) == len(places) == 30
    for record, answer in zip(records, answers, strict=True):
        assert isinstance(answer, Placed)
        assert places[answer.shard_id, answer.sequence_number] == (record.partition_key, record.data)


def test_records_of_one_key_keep_their_order_over_many_puts(stream: Stream) -> None:
    records = outgoing(1_203)
    for start, end in ((0, 1), (1, 3), (3, 1_203)):
        stream.sink.put(records[start:end])
    for key in {record.partition_key for record in records}:
        found = [(each.shard_id, each.data) for each in stream.read() if each.partition_key == key]
        assert len({shard for shard, _ in found}) == 1
        assert [data for _, data in found] == [each.data for each in records if each.partition_key == key]


def test_sequence_numbers_grow_within_a_shard(stream: Stream) -> None:
    for _ in range(3):
        stream.sink.put(outgoing(20))
    numbers: dict[str, list[int]] = {}
    for record in stream.read():
        numbers.setdefault(record.shard_id, []).append(record.sequence_number)
    assert all(each == sorted(set(each)) for each in numbers.values())


def test_a_record_too_large_is_refused_for_good_alone(stream: Stream) -> None:
    answers = stream.sink.put(
        [OutgoingRecord("k", b"before"), OutgoingRecord("k", bytes(MIB + 1)), OutgoingRecord("k", b"after")]
    )
    assert [isinstance(answer, Placed) for answer in answers] == [True, False, True]
    refused = answers[1]
    assert isinstance(refused, NotPlaced)
    assert not refused.retryable
    assert refused.reason
    assert [each.data for each in stream.read()] == [b"before", b"after"]


@pytest.mark.parametrize("key", ["", "k" * 257, "\ud800"], ids=["empty", "long", "no Unicode"])
def test_a_key_no_stream_takes_is_refused_for_good_alone(stream: Stream, key: str) -> None:
    answers = stream.sink.put(
        [OutgoingRecord("k", b"before"), OutgoingRecord(key, b"x"), OutgoingRecord("k", b"after")]
    )
    assert [isinstance(answer, Placed) for answer in answers] == [True, False, True]
    assert isinstance(answers[1], NotPlaced)
    assert not answers[1].retryable
    assert [each.data for each in stream.read()] == [b"before", b"after"]


def test_many_bytes_go_in_as_many_requests_as_they_need(stream: Stream) -> None:
    records = [OutgoingRecord(f"key-{number}", bytes([number]) * 900_000) for number in range(6)]
    assert all(isinstance(answer, Placed) for answer in stream.sink.put(records))
    assert sorted(each.data[:1] for each in stream.read()) == sorted(record.data[:1] for record in records)


def test_putting_nothing_is_fine(stream: Stream) -> None:
    assert list(stream.sink.put([])) == []
    assert stream.read() == []

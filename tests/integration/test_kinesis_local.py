"""The Kinesis adapter against kinesis-local, a server with real sequence numbers and real resharding."""

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.aws_faults import PartialPuts, share_of_records
from tests.support.kinesis import kinesis_address, kinesis_session, wait_until_active

from truckstream.aws.backoff import Backoff
from truckstream.aws.session import AwsSession
from truckstream.aws.stream import KinesisStream
from truckstream.core.errors import InvalidSetting, TruckstreamError
from truckstream.ports import NotPlaced, OutgoingRecord, Placed, StreamRecord


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> AwsSession:
    return kinesis_session(2, monkeypatch)


@pytest.fixture
def stream(session: AwsSession) -> KinesisStream:
    return KinesisStream(session, backoff=Backoff(sleep=lambda _: None), sleep=lambda _: None)


def outgoing(count: int, keys: int = 9, start: int = 0) -> list[OutgoingRecord]:
    return [OutgoingRecord(f"TRK-{number % keys}", b"%d" % number) for number in range(start, start + count)]


def read_all(stream: KinesisStream, limit: int = 10_000) -> list[StreamRecord]:
    """Read shard by shard in the order `shards` gives: parents before their children."""
    found: list[StreamRecord] = []
    for shard in stream.shards():
        after = 0
        while part := stream.read(shard.shard_id, after, limit):
            found += part
            after = part[-1].sequence_number
    return found


def by_key(records: list[StreamRecord]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for record in records:
        found.setdefault(record.partition_key, []).append(record.data)
    return found


def in_order(records: list[OutgoingRecord]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for record in records:
        found.setdefault(record.partition_key, []).append(record.data)
    return found


def test_it_listens_on_this_machine_alone() -> None:
    port = urlsplit(kinesis_address()).port
    assert port
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", port))  # free, so nothing listens on every interface


def test_sequence_numbers_are_kinesis_own_and_whole(stream: KinesisStream) -> None:
    records = outgoing(40)
    answers = stream.put(records)
    places = {(each.shard_id, each.sequence_number): each.data for each in read_all(stream)}
    for record, answer in zip(records, answers, strict=True):
        assert isinstance(answer, Placed)
        assert answer.sequence_number > 10**50
        assert places[answer.shard_id, answer.sequence_number] == record.data


@pytest.mark.parametrize("limit", [1, 7, 10_000])
def test_reading_in_parts_skips_and_repeats_nothing(stream: KinesisStream, limit: int) -> None:
    for start in range(0, 60, 20):
        stream.put(outgoing(20, start=start))
    assert by_key(read_all(stream, limit)) == in_order(outgoing(60))


def test_order_per_key_holds_when_a_third_of_records_fail(session: AwsSession, stream: KinesisStream) -> None:
    PartialPuts(session.client("kinesis"), share_of_records(0.3, seed=2))
    records = outgoing(300, keys=20)
    assert all(isinstance(answer, Placed) for answer in stream.put(records))
    for key, payloads in by_key(read_all(stream)).items():
        last = {data: place for place, data in enumerate(payloads)}
        assert sorted(last, key=last.__getitem__) == in_order(records)[key]


def test_largest_record_is_taken_and_a_larger_one_refused(stream: KinesisStream) -> None:
    fits, larger = bytes(1024 * 1024 - 1), bytes(1024 * 1024)
    answers = stream.put([OutgoingRecord("k", fits), OutgoingRecord("k", larger), OutgoingRecord("k", b"")])
    assert [isinstance(answer, NotPlaced) for answer in answers] == [False, True, False]
    assert [len(record.data) for record in read_all(stream)] == [len(fits), 0]


def test_parents_are_read_before_children_after_resharding(session: AwsSession, stream: KinesisStream) -> None:
    client, name = session.client("kinesis"), session.settings.stream_name
    stream.put(outgoing(50))
    low, high = stream.shards()
    split_at = str((low.starting_hash + low.ending_hash) // 2)
    client.split_shard(StreamName=name, ShardToSplit=low.shard_id, NewStartingHashKey=split_at)
    wait_until_active(session)
    stream.put(outgoing(50, start=50))
    child = next(each for each in stream.shards() if each.parents and each.ending_hash == low.ending_hash)
    client.merge_shards(StreamName=name, ShardToMerge=child.shard_id, AdjacentShardToMerge=high.shard_id)
    wait_until_active(session)
    stream.put(outgoing(50, start=100))

    shards = stream.shards()
    places = {shard.shard_id: place for place, shard in enumerate(shards)}
    assert len(shards) == 5
    assert [shard.closed for shard in shards] == [bool(_children(shards, shard.shard_id)) for shard in shards]
    assert all(places[parent] < places[shard.shard_id] for shard in shards for parent in shard.parents)
    assert set(shards[-1].parents) == {child.shard_id, high.shard_id}
    assert by_key(read_all(stream)) == in_order(outgoing(150))


def _children(shards: Any, shard_id: str) -> list[str]:
    return [shard.shard_id for shard in shards if shard_id in shard.parents]


def test_a_closed_shard_read_to_its_end_stays_at_its_end(session: AwsSession, stream: KinesisStream) -> None:
    stream.put(outgoing(20))
    low = stream.shards()[0]
    split_at = str((low.starting_hash + low.ending_hash) // 2)
    session.client("kinesis").split_shard(
        StreamName=session.settings.stream_name, ShardToSplit=low.shard_id, NewStartingHashKey=split_at
    )
    wait_until_active(session)
    records = stream.read(low.shard_id, 0, 100)
    tip = records[-1].sequence_number
    assert stream.read(low.shard_id, tip, 100) == []
    assert stream.read(low.shard_id, tip, 100) == []
    assert stream.tip(low.shard_id) == tip
    assert stream.behind(low.shard_id, tip) == (0, 0)


def test_every_page_of_shards_is_listed(
    session: AwsSession, stream: KinesisStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.client("kinesis").update_shard_count(
        StreamName=session.settings.stream_name, TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    wait_until_active(session)
    whole = stream.shards()
    monkeypatch.setattr("truckstream.aws.stream.LISTED_SHARDS", 1)
    assert stream.shards() == whole
    assert sum(not shard.closed for shard in whole) == 4


def test_lag_and_tip_are_told_as_far_as_kinesis_can(stream: KinesisStream) -> None:
    stream.put(outgoing(30, keys=1))
    (shard,) = [each for each in stream.shards() if stream.tip(each.shard_id)]
    records = stream.read(shard.shard_id, 0, 100)
    last = records[-1]
    assert stream.tip(shard.shard_id) == last.sequence_number
    assert stream.last_arrival_ms() == last.arrival_ms
    assert stream.behind(shard.shard_id, 0).records is None
    before = records[-2].sequence_number
    assert stream.behind(shard.shard_id, before, now_ms=last.arrival_ms + 700) == (1, 700)
    assert stream.behind(shard.shard_id, last.sequence_number) == (0, 0)


def test_unknown_streams_and_shards_are_named(session: AwsSession, stream: KinesisStream) -> None:
    with pytest.raises(TruckstreamError, match="stream-"):
        stream.read("shardId-000000000999", 0, 1)
    stream.name = "nowhere"
    with pytest.raises(InvalidSetting, match="STREAM_NAME"):
        stream.put(outgoing(1))

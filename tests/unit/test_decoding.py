"""From a batch to positions with their place on the stream, and to rejected records."""

import gzip

from truckstream.consumers.decoding import SharedDecoder, TruckRows, decode_batch
from truckstream.core.records import Position, ReceivedPositions, encode_position
from truckstream.core.wire import gzip_frame
from truckstream.ports import Batch, RejectedRecord, StreamRecord

ARRIVAL_MS = 1_705_314_600_000
BAD = b'{"truck_id":"TRK-9","timestamp":"2024-01-15T10:30:00Z","latitude":91,"longitude":8}'


def position(number: int) -> Position:
    return Position(f"TRK-{number:03d}", ARRIVAL_MS, 47.0 + number / 1000, 8.0)


def line(number: int) -> bytes:
    return encode_position(position(number))


def batch(*datas: bytes) -> Batch:
    """Records of one shard, sequence numbers from 100, arriving a second apart."""
    return Batch(
        "shardId-000000000001",
        [
            StreamRecord("shardId-000000000001", 100 + n, ARRIVAL_MS + 1000 * n, f"key-{n}", data)
            for n, data in enumerate(datas)
        ],
    )


def test_positions_keep_their_place_on_the_stream() -> None:
    received, rejected = decode_batch(batch(line(0), gzip_frame([line(1), line(2)]), line(3)))
    assert received == ReceivedPositions(
        positions=[position(n) for n in range(4)],
        sequence_numbers=[100, 101, 101, 102],
        indexes=[0, 0, 1, 0],
        arrivals_ms=[ARRIVAL_MS, ARRIVAL_MS + 1000, ARRIVAL_MS + 1000, ARRIVAL_MS + 2000],
    )
    assert rejected == []


def test_a_bad_record_is_rejected_whole_and_neighbours_pass() -> None:
    damaged = gzip.compress(line(7))[:-2]
    received, rejected = decode_batch(batch(line(0), b"\n".join([line(1), BAD, line(3)]), damaged, line(4)))
    assert received.positions == [position(n) for n in (0, 1, 3, 4)]
    assert received.sequence_numbers == [100, 101, 101, 103]
    assert received.indexes == [0, 0, 2, 0]
    shard = "shardId-000000000001"
    assert rejected == [
        RejectedRecord(shard, 101, 1, "latitude: 91 is outside -90..90", BAD, ARRIVAL_MS + 1000, "key-1"),
        RejectedRecord(shard, 102, -1, "damaged gzip: it ends too early", damaged, ARRIVAL_MS + 2000, "key-2"),
    ]


def test_a_record_is_decoded_once_for_all_consumers() -> None:
    shared = batch(line(0), b"\n".join([line(1), BAD]))
    first = decode_batch(shared)
    memos = [record.decoded for record in shared.records]
    assert decode_batch(shared) == first
    assert all(record.decoded is memo for record, memo in zip(shared.records, memos, strict=True))


def test_no_consumer_can_change_what_another_receives() -> None:
    shared = batch(gzip_frame([line(1), line(2)]), line(3))
    received, _ = decode_batch(shared)
    received.positions.clear()
    received.indexes.clear()
    assert decode_batch(shared)[0].positions == [position(n) for n in (1, 2, 3)]


def test_the_future_is_judged_by_the_arrival_of_the_record() -> None:
    early = encode_position(Position("TRK-1", ARRIVAL_MS + 301_000, 47.0, 8.0))
    received, rejected = decode_batch(batch(early, early))
    assert received.sequence_numbers == [101]
    assert [entry.sequence_number for entry in rejected] == [100]


def test_shared_decoding_gives_the_same_batch_to_all() -> None:
    decode = SharedDecoder()
    shared = batch(line(0), b"\n".join([line(1), BAD]))
    first = decode(shared)
    assert decode(Batch(shared.shard_id, list(shared.records))) is first
    assert (first.received, first.rejected) == decode_batch(shared)
    assert first.of_trucks == {f"TRK-{n:03d}": TruckRows([position(n)], [n]) for n in (0, 1)}


def test_shared_decoding_tells_other_splits_apart() -> None:
    decode = SharedDecoder()
    whole = batch(line(0), line(1), line(2))
    decode(whole)
    for part in (whole.records[:2], whole.records[1:], [whole.records[0], whole.records[2]]):
        assert decode(Batch(whole.shard_id, part)).received == decode_batch(Batch(whole.shard_id, part))[0]

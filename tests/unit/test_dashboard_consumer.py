"""The dashboard consumer: the newest believable position of every truck, never backwards."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.consumers.dashboard import DashboardConsumer
from truckstream.core.outliers import Track, advance
from truckstream.core.records import Position, encode_position
from truckstream.local.event_source import EventSource, MappingSettings
from truckstream.local.stream import LocalStream
from truckstream.ports import Batch, BatchResult, OutgoingRecord, StreamRecord
from truckstream.testing import FaultScript, MemoryPositions, MemoryRejected, SimulatedCrash

T0 = 1_705_312_800_000
TRUCKS = ("TRK-1", "TRK-2")
LIMIT_KMH = 200.0


def at(truck_id: str, second: int, latitude: float = 47.0) -> Position:
    return Position(truck_id, T0 + second * 1000, latitude, 8.0)


def arrival_ms(n: int) -> int:
    return T0 + 10**9 + n * 10


def records(positions: Sequence[Position]) -> list[StreamRecord]:
    return [
        StreamRecord("shard", n, arrival_ms(n), position.truck_id, encode_position(position))
        for n, position in enumerate(positions, start=1)
    ]


class World:
    def __init__(self) -> None:
        self.faults = FaultScript()
        self.positions = MemoryPositions(self.faults)
        self.rejected = MemoryRejected(self.faults)
        self.consumer = DashboardConsumer(self.positions, self.rejected, outlier_limit_kmh=LIMIT_KMH)

    def deliver(self, stream: Sequence[StreamRecord], sizes: Sequence[int]) -> None:
        start = attempts = 0
        newest: dict[str, int] = {}
        while start < len(stream):
            batch = Batch("shard", stream[start : start + sizes[attempts % len(sizes)]])
            attempts += 1
            assert attempts < 300, "the same records come again and again"
            try:
                result = self.consumer(batch)
            except SimulatedCrash:
                continue
            for track in self.positions.list():
                assert track.seen_ms >= newest.get(track.truck_id, 0)
                newest[track.truck_id] = track.seen_ms
            if result.failed_sequence is None:
                start += len(batch.records)
            else:
                start = result.failed_sequence - 1


def expected(positions: Sequence[Position]) -> list[Track]:
    """What `advance` says, and when the first record that showed the newest position arrived."""
    first: dict[tuple[str, int], int] = {}
    for n, each in enumerate(positions, start=1):
        first.setdefault((each.truck_id, each.timestamp_ms), arrival_ms(n))
    tracks = [
        advance(None, [each for each in positions if each.truck_id == truck_id], LIMIT_KMH) for truck_id in TRUCKS
    ]
    return [
        msgspec.structs.replace(track, received_ms=first[track.truck_id, track.seen_ms])
        for track in tracks
        if track is not None
    ]


any_positions = st.lists(
    st.builds(at, st.sampled_from(TRUCKS), st.integers(0, 300), st.sampled_from([47.0, 47.001, 50.0])),
    min_size=1,
    max_size=40,
)
splits = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@settings(max_examples=50)
@given(positions=any_positions, sizes=splits, share=st.floats(0, 1))
def test_any_split_and_redelivery_leave_the_same_rows(
    positions: list[Position], sizes: list[int], share: float
) -> None:
    world = World()
    stream = records(positions)
    world.deliver(stream, sizes)
    assert list(world.positions.list()) == expected(positions)
    world.deliver(stream[int(share * len(stream)) :], sizes[::-1])
    assert list(world.positions.list()) == expected(positions)


@settings(max_examples=50)
@given(
    positions=any_positions,
    sizes=splits,
    places=st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=4),
    refused=st.lists(st.sampled_from(TRUCKS), max_size=3),
)
def test_crashes_and_refused_writes_leave_the_same_rows(
    positions: list[Position], sizes: list[int], places: list[tuple[int, bool]], refused: list[str]
) -> None:
    world = World()
    for place, after_effect in places:
        world.faults.crash(place, after_effect=after_effect)
    for truck_id in refused:
        world.faults.refuse("positions.put_newer", truck_id)
    world.deliver(records(positions), sizes)
    assert list(world.positions.list()) == expected(positions)


@settings(max_examples=40)
@given(positions=any_positions, order=st.randoms(use_true_random=False))
def test_newest_accepted_position_does_not_depend_on_order(positions: list[Position], order: object) -> None:
    """Without outliers: any delivery order ends at the newest position."""
    believable = [at(each.truck_id, (each.timestamp_ms - T0) // 1000) for each in positions]
    shuffled = list(believable)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    world = World()
    world.deliver(records(shuffled), [3])
    newest = {truck: max((p.timestamp_ms for p in believable if p.truck_id == truck), default=None) for truck in TRUCKS}
    found = {track.truck_id: track.last.timestamp_ms for track in world.positions.list()}
    assert found == {truck: ms for truck, ms in newest.items() if ms is not None}


def test_redelivered_batch_writes_nothing() -> None:
    world = World()
    stream = records([at("TRK-1", 0), at("TRK-1", 5)])
    world.deliver(stream, [10])
    world.deliver(stream, [10])
    assert world.faults.calls.count("positions.put_newer") == 1


def test_outlier_does_not_move_a_truck_but_is_remembered() -> None:
    world = World()
    world.deliver(records([at("TRK-1", 0), at("TRK-1", 5, 50.0)]), [10])
    (track,) = world.positions.list()
    assert track.last == at("TRK-1", 0)
    assert track.set_aside == (at("TRK-1", 5, 50.0),)


def test_unwritten_truck_answers_its_first_record() -> None:
    world = World()
    world.faults.refuse("positions.put_newer", "TRK-2")
    stream = records([at("TRK-1", 0), at("TRK-2", 0), at("TRK-2", 5), at("TRK-1", 5)])
    result = world.consumer(Batch("shard", stream))
    assert result.failed_sequence == 2
    assert "TRK-2" in result.reason
    assert world.positions.load(["TRK-1"])["TRK-1"].last == at("TRK-1", 5)


def test_bad_record_is_set_aside_and_the_rest_goes_on() -> None:
    world = World()
    stream = [StreamRecord("shard", 1, T0, "?", b"\xff"), *records([at("TRK-1", 0)])]
    assert world.consumer(Batch("shard", stream)) == BatchResult()
    assert world.rejected.count() == 1
    assert len(world.positions.list()) == 1
    assert world.consumer(Batch("shard", stream[:1])) == BatchResult()


def test_a_store_that_takes_no_truck_for_long_costs_no_record(tmp_path: Path) -> None:
    """More refusals than a mapping tries: the records are fine, so none of them may be given up."""
    world, stream = World(), LocalStream(tmp_path / "stream.db", shard_count=1)
    source = EventSource(stream, "dashboard", world.consumer, MappingSettings(), world.rejected)
    sent = [at("TRK-1", 0), at("TRK-2", 0), at("TRK-1", 5)]
    stream.put([OutgoingRecord(each.truck_id, encode_position(each), arrival_ms(0)) for each in sent])
    world.faults.refuse("positions.put_newer", "TRK-1", times=20)
    for minute in range(25):
        source.poll(minute * 60_000)
    stream.close()
    assert world.rejected.count() == 0
    assert [track.last for track in world.positions.list()] == [at("TRK-1", 5), at("TRK-2", 0)]

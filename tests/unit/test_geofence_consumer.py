"""The geofence consumer: same presence, same alerts, none twice, however the stream is delivered."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.consumers.geofence import GeofenceConsumer
from truckstream.core.errors import Unavailable
from truckstream.core.fence_set import FenceSet
from truckstream.core.geofences import Catalogue, Geofence, LatLon
from truckstream.core.presence import Alert, TruckPresence, alert_from, encode_presence, step, wants_alert
from truckstream.core.records import Position, encode_position
from truckstream.ports import Batch, BatchResult, OutgoingRecord, PresenceChange, StreamRecord
from truckstream.testing import (
    FaultScript,
    MemoryGeofences,
    MemoryPresence,
    MemoryRejected,
    MemoryStream,
    RecordingNotifier,
    SimulatedCrash,
)

T0 = 1_705_312_800_000
METRE = 1 / 76_056  # degrees of longitude at 47 degrees north
LIMIT_KMH = 200.0


def circle(geofence_id: str, east_m: float = 0.0, radius_m: float = 100.0, **rule: Any) -> Geofence:
    return Geofence(
        geofence_id=geofence_id,
        name=geofence_id,
        type="circle",
        center=LatLon(47.0, round(8 + east_m * METRE, 7)),
        radius_meters=radius_m,
        **rule,
    )


FENCES = [
    circle("plain"),
    circle("exits", 80.0, alert_on="exit", trucks=("TRK-*",)),
    circle("sure", confirm_fixes=2, exit_buffer_meters=40.0),
    circle("cross", 40.0, 20.0, detect_crossing=True),
    circle("dwell", 0.0, 120.0, alert_on="enter", dwell_minutes=0.5, speed_limit_kmh=30.0),
]


def at(truck_id: str, second: int, east_m: float, speed_kmh: float | None = None) -> Position:
    return Position(truck_id, T0 + second * 1000, 47.0, round(8 + east_m * METRE, 7), speed_kmh)


class World:
    """The stores, the receiver, and a consumer over them that can die and come back."""

    def __init__(self, geofences: Sequence[Geofence] = FENCES) -> None:
        self.faults = FaultScript()
        self.presence = MemoryPresence(self.faults)
        self.geofences = MemoryGeofences(geofences, self.faults)
        self.rejected = MemoryRejected(self.faults)
        self.receiver = RecordingNotifier(faults=self.faults)
        self.consumer = self.restarted()

    def restarted(self) -> GeofenceConsumer:
        return GeofenceConsumer(self.presence, self.geofences, self.rejected, outlier_limit_kmh=LIMIT_KMH)

    def pump(self) -> None:
        """What an outbox does: send, and only then mark as sent."""
        while pending := self.presence.pending(2):
            accepted = self.receiver.send(pending)
            self.presence.mark_sent(accepted, T0)

    def deliver(self, records: Sequence[StreamRecord], sizes: Sequence[int]) -> None:
        """Deliver in batches of these sizes (repeated), as an event source does: from the last checkpoint."""
        start = attempts = 0
        while start < len(records):
            size = sizes[attempts % len(sizes)]
            attempts += 1
            assert attempts < 300, "the same records come again and again"
            batch = Batch("shard", records[start : start + size])
            try:
                result = self.consumer(batch)
                self.pump()
            except SimulatedCrash:
                self.consumer = self.restarted()
                continue
            if result.failed_sequence is None:
                start += len(batch.records)
            else:
                start = next(n for n, each in enumerate(records) if each.sequence_number == result.failed_sequence)

    def state(self) -> dict[str, bytes]:
        """Presence without the sequence numbers, which duplicates change."""
        return {key: encode_presence(value) for key, value in self.presence.load(["TRK-1", "TRK-2", "X"]).items()}

    def told(self) -> list[Alert]:
        return list(self.presence.list())


def records(positions: Sequence[Position], first: int = 1) -> list[StreamRecord]:
    return [
        StreamRecord("shard", first + n, position.timestamp_ms + 500, position.truck_id, encode_position(position))
        for n, position in enumerate(positions)
    ]


def expected(positions: Sequence[Position]) -> tuple[dict[str, bytes], list[Alert]]:
    """The engine alone, over the positions in their order."""
    catalogue = MemoryGeofences(FENCES).catalogue()
    fences = FenceSet(catalogue)
    states: dict[str, TruckPresence] = {}
    alerts = {}
    for position in positions:
        state = states.setdefault(position.truck_id, TruckPresence(position.truck_id))
        for event in step(fences, state, position, LIMIT_KMH):
            geofence = fences.rules[event.geofence_id].geofence
            if wants_alert(geofence, event):
                alert = alert_from(event, geofence, position.timestamp_ms + 500)
                alerts[alert.alert_id] = alert
    ordered = sorted(alerts.values(), key=lambda a: (a.timestamp_ms, a.truck_id, a.alert_id))
    return {truck_id: encode_presence(state) for truck_id, state in states.items()}, ordered


tracks = st.lists(
    st.tuples(
        st.sampled_from(["TRK-1", "TRK-2", "X"]),
        st.integers(4, 25),
        st.integers(-150, 150) | st.just(90_000),
        st.sampled_from([None, 0.0, 31.0, 80.0]),
    ),
    min_size=1,
    max_size=30,
).map(
    lambda legs: [
        at(truck, sum(leg[1] for leg in legs[: n + 1]), east_m, speed)
        for n, (truck, _, east_m, speed) in enumerate(legs)
    ]
)
splits = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@settings(max_examples=40)
@given(positions=tracks, sizes=splits)
def test_live_alerts_equal_the_engine_in_any_split(positions: list[Position], sizes: list[int]) -> None:
    world = World()
    world.deliver(records(positions), sizes)
    assert (world.state(), world.told()) == expected(positions)
    assert {a.alert_id for a in world.receiver.received} == {a.alert_id for a in world.told()}


@settings(max_examples=40)
@given(positions=tracks, sizes=splits, data=st.data())
def test_duplicates_anywhere_later_change_nothing(
    positions: list[Position], sizes: list[int], data: st.DataObject
) -> None:
    doubled = list(positions)
    for position in data.draw(st.lists(st.sampled_from(positions), max_size=10)):
        doubled.insert(data.draw(st.integers(doubled.index(position) + 1, len(doubled))), position)
    world = World()
    world.deliver(records(doubled), sizes)
    assert (world.state(), world.told()) == expected(positions)
    assert world.receiver.duplicates == []


@settings(max_examples=40)
@given(positions=tracks, sizes=splits, again=splits, share=st.floats(0, 1))
def test_redelivery_from_any_point_changes_nothing(
    positions: list[Position], sizes: list[int], again: list[int], share: float
) -> None:
    world = World()
    stream = records(positions)
    world.deliver(stream, sizes)
    before = (world.presence.load(["TRK-1", "TRK-2", "X"]), world.told())
    world.deliver(stream[int(share * len(stream)) :], again)
    assert (world.presence.load(["TRK-1", "TRK-2", "X"]), world.told()) == before
    assert world.receiver.duplicates == []


@settings(max_examples=40)
@given(positions=tracks, sizes=splits, places=st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=4))
def test_crash_at_any_call_loses_no_alert_and_repeats_none(
    positions: list[Position], sizes: list[int], places: list[tuple[int, bool]]
) -> None:
    world = World()
    for place, after_effect in places:
        world.faults.crash(place, after_effect=after_effect)
    world.deliver(records(positions), sizes)
    world.faults.clear()
    assert (world.state(), world.told()) == expected(positions)
    ids = [alert.alert_id for alert in world.receiver.received]
    assert sorted(ids) == sorted(alert.alert_id for alert in world.told())
    # Only what was sent and not yet noted when the process died may come again.
    assert len(world.receiver.duplicates) <= 2 * len(places)


@settings(max_examples=40)
@given(positions=tracks, sizes=splits, refused=st.lists(st.sampled_from(["TRK-1", "TRK-2", "X"]), max_size=4))
def test_refused_writes_of_some_trucks_change_nothing(
    positions: list[Position], sizes: list[int], refused: list[str]
) -> None:
    world = World()
    for truck_id in refused:
        world.faults.refuse("presence.commit", truck_id)
    world.deliver(records(positions), sizes)
    assert (world.state(), world.told()) == expected(positions)
    assert world.receiver.duplicates == []


# --- named cases ----------------------------------------------------------------------------------------------


def test_failure_of_one_truck_answers_its_first_record() -> None:
    world = World()
    positions = [at("TRK-1", 0, -200), at("TRK-2", 1, -200), at("TRK-1", 5, 0), at("TRK-2", 6, 0)]
    world.faults.refuse("presence.commit", "TRK-2")
    result = world.consumer(Batch("shard", records(positions, first=11)))
    assert result.failed_sequence == 12
    assert "TRK-2" in result.reason
    assert result.retryable  # the record is fine: the local backend waits, and gives none up
    assert {alert.truck_id for alert in world.told()} == {"TRK-1"}


def test_failed_records_already_applied_are_not_counted_as_failed() -> None:
    world = World()
    stream = records([at("TRK-1", n, -200 + 50 * n) for n in range(4)])
    assert world.consumer(Batch("shard", stream[:2])) == BatchResult()
    world.faults.refuse("presence.commit", "TRK-1")
    assert world.consumer(Batch("shard", stream)).failed_sequence == 3


def test_zombie_consumer_cannot_overwrite_a_newer_state() -> None:
    world = World()
    stream = records([at("TRK-1", 0, -200), at("TRK-1", 5, 0), at("TRK-1", 10, 200)])
    world.consumer(Batch("shard", stream[:1]))

    class OvertakenPresence(MemoryPresence):
        """Between this consumer's read and write the other one applies the same records."""

        def load(self, truck_ids: Any) -> dict[str, TruckPresence]:
            states = world.presence.load(truck_ids)
            world.consumer(Batch("shard", stream[1:]))
            return states

        def commit(self, changes: Sequence[PresenceChange]) -> frozenset[str]:
            return world.presence.commit(changes)

    zombie = GeofenceConsumer(OvertakenPresence(), world.geofences, world.rejected, outlier_limit_kmh=0)
    assert zombie(Batch("shard", stream[1:2])).failed_sequence == 2
    assert (world.state(), world.told()) == expected([at("TRK-1", 0, -200), at("TRK-1", 5, 0), at("TRK-1", 10, 200)])


def test_bad_records_are_set_aside_and_their_neighbours_applied() -> None:
    world = World()
    stream = records([at("TRK-1", 0, -200), at("TRK-1", 5, 0)])
    stream.insert(1, StreamRecord("shard", 7, T0, "TRK-1", b"not json"))
    stream[2].sequence_number = 8
    assert world.consumer(Batch("shard", stream)) == BatchResult()
    assert [(each.sequence_number, each.payload) for each in world.rejected.list()] == [(7, b"not json")]
    assert len(world.told()) > 0
    assert world.consumer(Batch("shard", [stream[1]])) == BatchResult()
    assert world.rejected.count() == 1


def test_late_alert_is_recorded_but_not_sent() -> None:
    world = World([circle("plain")])
    stream = records([at("TRK-1", 0, -200), at("TRK-1", 5, 0), at("TRK-1", 10, 200)])
    stream[1].arrival_ms += 16 * 60_000
    world.deliver(stream, [10])
    assert [(alert.alert_type, alert.late) for alert in world.told()] == [("enter", True), ("exit", False)]
    assert [alert.alert_type for alert in world.receiver.received] == ["exit"]


def test_truck_that_moved_to_another_shard_goes_on() -> None:
    """Sequence numbers grow within a shard only: newer positions count although their numbers are lower."""
    world = World([circle("plain")])
    world.deliver(records([at("TRK-1", 0, -200)], first=5_000), [10])
    world.deliver(records([at("TRK-1", 5, 0), at("TRK-1", 0, 200)], first=3), [10])
    assert [alert.alert_type for alert in world.told()] == ["enter"]


def test_edited_geofence_is_used_from_the_next_batch() -> None:
    world = World([circle("A")])
    world.deliver(records([at("TRK-1", 0, 0)]), [1])
    world.geofences.put([circle("A", radius_m=10.0), circle("B", 200.0)])
    world.deliver(records([at("TRK-1", 5, 200)], first=2), [1])
    world.deliver(records([at("TRK-1", 10, 200)], first=3), [1])
    told = {(alert.alert_type, alert.geofence_id, alert.geofence_version) for alert in world.told()}
    assert told == {("exit", "A", 2), ("enter", "B", 1)}


def test_unavailable_store_fails_the_whole_batch() -> None:
    world = World()
    world.faults.fail("presence.load")
    stream = records([at("TRK-1", 0, 0)])
    with pytest.raises(Unavailable):
        world.consumer(Batch("shard", stream))
    assert world.consumer(Batch("shard", stream)) == BatchResult()


def test_many_positions_in_one_record_share_its_sequence_number() -> None:
    positions = [at("TRK-1", 0, -200), at("TRK-1", 5, 0), at("TRK-2", 5, 0), at("TRK-2", 9, 200)]
    stream = MemoryStream()
    stream.put([OutgoingRecord("frame", b"\n".join(map(encode_position, positions)), T0 + 500)])
    world = World()
    for batch in stream.batches(stream.shard_ids[0], 10):
        assert world.consumer(batch) == BatchResult()
    assert world.state() == expected(positions)[0]
    assert {state.sequence_number for state in world.presence.load(["TRK-1", "TRK-2"]).values()} == {1}


def test_empty_catalogue_still_keeps_track() -> None:
    world = World([])
    assert world.geofences.catalogue() == Catalogue()
    world.deliver(records([at("TRK-1", 0, 0)]), [1])
    world.geofences.put([circle("A")])
    world.deliver(records([at("TRK-1", 5, 200)], first=2), [1])
    assert [alert.alert_type for alert in world.told()] == ["exit"]

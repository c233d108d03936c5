"""The presence engine: what one truck does at fences, position by position."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.alerts import LATE_AFTER_MS, Event, EventType, alert_from, alert_to_json, wants_alert
from truckstream.core.fence_set import FenceSet
from truckstream.core.geofences import Catalogue, Geofence, LatLon
from truckstream.core.presence import TruckPresence, decode_presence, encode_presence, follow, step
from truckstream.core.records import Position

T0 = 1_705_312_800_000  # 2024-01-15T10:00:00Z
LATITUDE = 47.0
METRE = 1 / 76_056  # degrees of longitude at 47 degrees north


def circle(geofence_id: str = "A", *, east_m: float = 0.0, radius_m: float = 100.0, **rule: Any) -> Geofence:
    """A circle on the 47th parallel, `east_m` from longitude 8."""
    centre = LatLon(LATITUDE, 8 + east_m * METRE)
    fields: dict[str, Any] = {"version": 1, "revision": 1, **rule}
    return Geofence(
        geofence_id=geofence_id,
        name=f"Fence {geofence_id}",
        type="circle",
        center=centre,
        radius_meters=radius_m,
        **fields,
    )


def fences(*geofences: Geofence, revision: int = 1) -> FenceSet:
    return FenceSet(Catalogue(revision, geofences))


def at(second: float, east_m: float, speed_kmh: float | None = None, truck_id: str = "TRK-1") -> Position:
    return Position(truck_id, T0 + round(second * 1000), LATITUDE, 8 + east_m * METRE, speed_kmh)


def run(
    fence_set: FenceSet, positions: Sequence[Position], presence: TruckPresence | None = None, limit_kmh: float = 0
) -> list[Event]:
    if presence is None:
        presence = TruckPresence(positions[0].truck_id)
    return [event for position in positions for event in step(fence_set, presence, position, limit_kmh)]


def told(events: Sequence[Event]) -> list[tuple[str, str, float]]:
    """(event, geofence, seconds since the start) of each."""
    return [(event.event, event.geofence_id, (event.timestamp_ms - T0) / 1000) for event in events]


def drive(*east_m: float, every_s: float = 5.0) -> list[Position]:
    return [at(n * every_s, metres) for n, metres in enumerate(east_m)]


# --- plain fences -----------------------------------------------------------------------------------------


def test_first_position_sets_presence_silently() -> None:
    presence = TruckPresence("TRK-1")
    assert run(fences(circle()), drive(0), presence) == []
    assert presence.visits.keys() == {"A"}


def test_enter_and_exit_are_dated_at_the_first_position_that_shows_them() -> None:
    events = run(fences(circle()), drive(-300, -150, -50, 50, 150, 300))
    assert told(events) == [("enter", "A", 10.0), ("exit", "A", 20.0)]
    assert events[0].longitude == at(0, -50).longitude


def test_exits_come_before_enters_then_by_geofence_id() -> None:
    near = [circle(name, east_m=0) for name in ("D", "B")]
    far = [circle(name, east_m=500) for name in ("C", "A")]
    events = run(fences(*near, *far), drive(0, 500))
    assert told(events) == [("exit", "B", 5), ("exit", "D", 5), ("enter", "A", 5), ("enter", "C", 5)]


def test_late_and_equal_timestamps_change_nothing() -> None:
    presence = TruckPresence("TRK-1")
    fence_set = fences(circle())
    run(fence_set, [at(0, -300), at(10, -200)], presence)
    before = encode_presence(presence)
    assert run(fence_set, [at(5, 0), at(10, 0), at(0, 0)], presence) == []
    assert encode_presence(presence) == before


def test_inactive_geofence_is_as_if_absent() -> None:
    assert run(fences(circle(active=False)), drive(-300, 0, 300)) == []


@pytest.mark.parametrize(
    ("patterns", "concerned"),
    [
        (("TRK-1",), True),
        (("TRK-*",), True),
        (("*",), True),
        (("X", "*-1"), True),
        (("T*-*1",), True),
        (("TRK-",), False),
        (("TRK.1",), False),
        (("TRK-?",), False),
        (("[T]RK-1",), False),
        (("trk-1",), False),
        ((), False),
    ],
)
def test_trucks_patterns_know_only_the_asterisk(patterns: tuple[str, ...], concerned: bool) -> None:
    plain = fences(circle(trucks=patterns))
    special = fences(circle(trucks=patterns, confirm_fixes=2))
    way = drive(-300, 0, 0, 300, 300)
    assert bool(run(plain, way)) is concerned
    assert bool(run(special, way)) is concerned
    assert bool(run(plain, drive(0, 300))) is concerned


# --- confirmation and buffer --------------------------------------------------------------------------------


def test_confirmed_events_are_dated_at_the_first_of_the_fixes() -> None:
    events = run(fences(circle(confirm_fixes=3)), drive(-300, -50, 0, 50, 150, 200, 300, 400))
    assert told(events) == [("enter", "A", 5.0), ("exit", "A", 20.0)]
    assert [event.longitude for event in events] == [at(0, -50).longitude, at(0, 150).longitude]


def test_interrupted_confirmation_starts_anew() -> None:
    events = run(fences(circle(confirm_fixes=2)), drive(-300, 0, -300, 0, -300, 0, 0, 300, 0, 300, 300))
    assert told(events) == [("enter", "A", 25.0), ("exit", "A", 45.0)]


def test_first_position_needs_no_confirmation() -> None:
    events = run(fences(circle(confirm_fixes=3)), drive(0, 300, 300, 300))
    assert told(events) == [("exit", "A", 5.0)]


def test_late_positions_do_not_interrupt_a_confirmation() -> None:
    positions = [at(0, -300), at(10, 0), at(5, -300), at(20, 0)]
    assert told(run(fences(circle(confirm_fixes=2)), positions)) == [("enter", "A", 10.0)]


def test_exit_needs_the_buffer_enter_does_not() -> None:
    events = run(fences(circle(exit_buffer_meters=50)), drive(-300, -120, -90, 120, 140, 90, 149, 152, 120, 99))
    assert told(events) == [("enter", "A", 10.0), ("exit", "A", 35.0), ("enter", "A", 45.0)]


def test_parked_on_the_border_with_noise_enters_once() -> None:
    noise = [(-1) ** n * (n * 7 % 15) for n in range(200)]
    positions = drive(-300, *(100 + metres for metres in noise))
    jittery = run(fences(circle()), positions)
    steady = run(fences(circle(confirm_fixes=3, exit_buffer_meters=30)), [*positions, *drive(-300)])
    assert len(jittery) > 20
    assert len(steady) <= 1


# --- dwell and speeding -------------------------------------------------------------------------------------


def test_dwell_is_told_once_per_visit_when_the_time_has_passed() -> None:
    way = [at(0, -300), at(10, 0), at(609, 0), at(610, 0), at(900, 0), at(910, 300), at(920, 0), at(1521, 0)]
    events = run(fences(circle(dwell_minutes=10)), way)
    assert told(events) == [
        ("enter", "A", 10),
        ("dwell", "A", 610),
        ("exit", "A", 910),
        ("enter", "A", 920),
        ("dwell", "A", 1521),
    ]


def test_dwell_counts_from_the_first_position_when_already_inside() -> None:
    assert told(run(fences(circle(dwell_minutes=1)), [at(0, 0), at(59.999, 0), at(60, 0)])) == [("dwell", "A", 60)]


def test_dwell_is_not_told_at_the_position_that_leaves() -> None:
    assert told(run(fences(circle(dwell_minutes=1)), [at(0, 0), at(70, 300)])) == [("exit", "A", 70)]


def test_dwell_during_confirmation_is_dated_where_the_time_passed() -> None:
    fence_set = fences(circle(dwell_minutes=1, confirm_fixes=4))
    events = run(fence_set, [at(0, -300), at(30, 0), at(60, 0), at(90, 0), at(120, 0)])
    assert told(events) == [("enter", "A", 30), ("dwell", "A", 90)]


def test_dwell_waits_while_an_exit_is_unconfirmed() -> None:
    fence_set = fences(circle(dwell_minutes=1, confirm_fixes=2))
    assert told(run(fence_set, [at(0, 0), at(50, 300), at(60, 300)])) == [("exit", "A", 50)]
    assert told(run(fence_set, [at(0, 0), at(60, 300), at(70, 0)])) == [("dwell", "A", 60)]


def test_dwell_and_speeding_at_one_instant_as_enter_come_after_it() -> None:
    fence_set = fences(circle(dwell_minutes=1, speed_limit_kmh=30))
    events = run(fence_set, [at(0, 0, 50), at(60, 0, 50)])
    assert told(events) == [("dwell", "A", 60), ("speeding", "A", 60)]


def speeds(*pairs: tuple[float, float | None]) -> list[Position]:
    return [at(-5, -300), *(at(second, 0, speed) for second, speed in pairs)]


def test_peer_m18_speeding_is_told_once_after_15_s() -> None:
    fence_set = fences(circle(speed_limit_kmh=40))
    events = run(fence_set, speeds((0, 50), (10, 55), (20, 55), (30, 30)))
    assert told(events) == [("enter", "A", 0), ("speeding", "A", 20)]


def test_speeding_is_told_again_after_falling_to_the_limit() -> None:
    fence_set = fences(circle(speed_limit_kmh=40))
    events = run(fence_set, speeds((0, 50), (15, 50), (30, 50), (35, 40), (40, 41), (50, 41), (55, 41)))
    assert told(events)[1:] == [("speeding", "A", 15), ("speeding", "A", 55)]


def test_unknown_speed_neither_starts_nor_ends_speeding() -> None:
    fence_set = fences(circle(speed_limit_kmh=40))
    events = run(fence_set, speeds((0, None), (5, 50), (10, None), (20, None), (21, 50), (25, None), (40, 50)))
    assert told(events)[1:] == [("speeding", "A", 21)]


def test_leaving_ends_speeding() -> None:
    fence_set = fences(circle(speed_limit_kmh=40))
    way = [at(0, 0, 50), at(10, 300, 50), at(12, 0, 50), at(20, 0, 50), at(27, 0, 50)]
    assert told(run(fence_set, way)) == [("exit", "A", 10), ("enter", "A", 12), ("speeding", "A", 27)]


# --- crossings ----------------------------------------------------------------------------------------------


def test_crossing_between_two_positions_is_interpolated() -> None:
    """120 km/h through a circle of 60 m diameter: 166.667 m in 5 s, inside from 53.33 m to 113.33 m."""
    way = [at(0, -83.333), at(5, 83.333)]
    enter, leave = run(fences(circle(radius_m=30, detect_crossing=True)), way)
    assert (enter.event, leave.event) == ("enter", "exit")
    assert enter.timestamp_ms == pytest.approx(T0 + 1600, abs=5)
    assert leave.timestamp_ms == pytest.approx(T0 + 3400, abs=5)
    assert enter.longitude == pytest.approx(8 - 30 * METRE, abs=1e-6)
    assert leave.longitude == pytest.approx(8 + 30 * METRE, abs=1e-6)
    assert run(fences(circle(radius_m=30)), way) == []


@pytest.mark.parametrize(
    ("way", "crossings"),
    [
        ([at(0, -300), at(60, 300)], 1),
        ([at(0, -300), at(60.001, 300)], 0),
        ([at(0, -1499), at(60, 1499)], 1),
        ([at(0, -1502), at(60, 1502)], 0),
        ([at(0, 200), at(5, 300)], 0),
    ],
)
def test_crossing_needs_a_step_within_60_s_and_3_km(way: list[Position], crossings: int) -> None:
    assert len(run(fences(circle(detect_crossing=True)), way)) == 2 * crossings


def test_step_that_ends_inside_is_no_crossing() -> None:
    events = run(fences(circle(detect_crossing=True)), drive(-200, 0, 200))
    assert told(events) == [("enter", "A", 5), ("exit", "A", 10)]


def test_crossing_does_not_disturb_a_confirmation() -> None:
    fence_set = fences(circle(detect_crossing=True, confirm_fixes=2))
    events = run(fence_set, drive(-200, 200, 0, -200, 0, 0))
    assert [event for event, _, _ in told(events)] == ["enter", "exit", "enter"]
    assert told(events)[-1] == ("enter", "A", 20)


def test_crossing_and_plain_events_are_ordered_by_time() -> None:
    fence_set = fences(circle("Z", detect_crossing=True), circle("A", east_m=-200), circle("B", east_m=200))
    events = run(fence_set, drive(-200, 200))
    assert [(event.event, event.geofence_id) for event in events] == [
        ("enter", "Z"),
        ("exit", "Z"),
        ("exit", "A"),
        ("enter", "B"),
    ]


def test_crossing_of_no_duration_still_enters_before_it_exits() -> None:
    tip = Geofence(
        geofence_id="tip",
        name="Tip",
        type="polygon",
        polygon=(LatLon(LATITUDE, 8.0), LatLon(LATITUDE + 0.001, 7.999), LatLon(LATITUDE + 0.001, 8.001)),
        detect_crossing=True,
        revision=1,
    )
    for way in ([at(0, -50), at(5, 50)], [at(0, -50), at(0.002, 50)], [at(0, -0.1), at(5, 5000)]):
        events = run(fences(tip), way)
        assert [event.event for event in events] in (["enter", "exit"], [])
        for event in events:
            assert way[0].timestamp_ms <= event.timestamp_ms <= way[1].timestamp_ms
    assert len(run(fences(tip), [at(0, -50), at(5, 50)])) == 2


# --- editing ------------------------------------------------------------------------------------------------


def test_new_fence_is_seeded_silently_from_the_last_position() -> None:
    presence = TruckPresence("TRK-1")
    run(fences(circle("A")), drive(0), presence)
    grown = fences(circle("A"), circle("B", revision=2), circle("C", east_m=300, revision=2), revision=2)
    events = run(grown, [at(5, 300)], presence)
    assert told(events) == [("exit", "A", 5), ("exit", "B", 5), ("enter", "C", 5)]


def test_edited_fence_fires_nothing_by_itself() -> None:
    presence = TruckPresence("TRK-1")
    run(fences(circle(dwell_minutes=1)), [at(0, 0), at(50, 0)], presence)
    larger = fences(circle(radius_m=500, dwell_minutes=1, version=2, revision=2), revision=2)
    assert run(larger, [at(55, 0), at(65, 0), at(100, 0)], presence) == []
    assert told(run(larger, [at(110, 0)], presence)) == [("dwell", "A", 110)]
    shrunk = fences(circle(radius_m=1, version=3, revision=3), revision=3)
    assert run(shrunk, [at(115, 50)], presence)[0].event == "exit"


def test_edit_leaves_other_fences_alone() -> None:
    presence = TruckPresence("TRK-1")
    kept = [circle("kept", dwell_minutes=1), circle("waits", east_m=300, confirm_fixes=2)]
    run(fences(*kept), [at(0, 0)], presence)
    edited = fences(*kept, circle("other", revision=2), revision=2)
    assert told(run(edited, [at(60, 0), at(65, 300)], presence)) == [
        ("dwell", "kept", 60),
        ("exit", "kept", 65),
        ("exit", "other", 65),
    ]
    assert told(run(fences(*kept, revision=3), [at(70, 300)], presence)) == [("enter", "waits", 65)]


def test_removed_fence_fires_nothing_and_leaves_no_state() -> None:
    presence = TruckPresence("TRK-1")
    run(fences(circle("A"), circle("B", dwell_minutes=1), circle("C", east_m=99, confirm_fixes=5)), drive(0), presence)
    assert run(fences(revision=2), [at(10, 300)], presence) == []
    assert (presence.visits, presence.candidates, presence.inside) == ({}, {}, ())


def test_returning_to_an_older_catalogue_fires_nothing_false() -> None:
    presence = TruckPresence("TRK-1")
    old, new = fences(circle("A", dwell_minutes=1)), fences(circle("A", radius_m=10, revision=2), revision=2)
    run(new, drive(50), presence)
    assert run(old, [at(5, 50), at(10, 60)], presence) == []
    assert told(run(old, [at(65, 60)], presence)) == [("dwell", "A", 65)]


# --- outliers -----------------------------------------------------------------------------------------------


def test_outlier_fires_nothing_and_does_not_interrupt() -> None:
    fence_set = fences(circle(confirm_fixes=2))
    way = [at(0, -300), at(10, 0), at(15, 90_000), at(20, 0)]
    assert told(run(fence_set, way, limit_kmh=200)) == [("enter", "A", 10)]


def test_reanchoring_applies_the_chain_in_time_order() -> None:
    fence_set = fences(
        circle("home"), circle("there", east_m=90_000), circle("on", east_m=90_250, detect_crossing=True)
    )
    way = drive(0, 0, 50, *[0] * 12) + [at(80 + 5 * n, 90_000 + 20 * n) for n in range(20)]
    events = run(fence_set, way, limit_kmh=200)
    assert told(events) == [
        ("exit", "home", 80),
        ("enter", "there", 80),
        ("exit", "there", 110),
        ("enter", "on", 120),
        ("exit", "on", 170),
    ]


def test_jump_to_a_new_anchor_crosses_nothing() -> None:
    fence_set = fences(circle("between", east_m=1_000, detect_crossing=True))
    jump = [at(5 * n, 0) for n in range(20)] + [at(100 + 5 * n, 2_000 + 150 * n) for n in range(20)]
    assert run(fence_set, jump, limit_kmh=200) == []
    assert len(run(fence_set, jump, limit_kmh=0)) == 2


def test_false_first_fix_leaves_no_trace_in_presence() -> None:
    fence_set = fences(circle("false", east_m=90_000), circle("home"))
    way = [at(0, 90_000), *(at(5 * n, 0) for n in range(1, 30)), at(160, 300)]
    assert told(run(fence_set, way, limit_kmh=200)) == [("exit", "home", 160)]


# --- alerts -------------------------------------------------------------------------------------------------


def test_alert_ids_are_stable_and_distinct() -> None:
    events = run(fences(circle()), drive(-300, 0, 300))
    first = alert_from(events[0], circle(), T0)
    assert first.alert_id == "f7f0a0d29add227bfaaca967b8b12a9a"
    others = {alert_from(events[1], circle(), T0).alert_id, alert_from(events[0], circle(version=2), T0).alert_id}
    assert len({first.alert_id, *others}) == 3


def test_alert_is_late_only_beyond_15_minutes() -> None:
    (event,) = run(fences(circle()), drive(-300, 0))
    assert not alert_from(event, circle(), event.timestamp_ms + LATE_AFTER_MS).late
    assert alert_from(event, circle(), event.timestamp_ms + LATE_AFTER_MS + 1).late


def test_alert_json_has_the_wire_names() -> None:
    (event,) = run(fences(circle()), drive(-300, 0))
    wire = msgspec.json.decode(alert_to_json(alert_from(event, circle(), T0)))
    assert wire == {
        "alert_id": wire["alert_id"],
        "truck_id": "TRK-1",
        "geofence_id": "A",
        "geofence_name": "Fence A",
        "alert_type": "enter",
        "timestamp": "2024-01-15T10:00:05.000Z",
        "latitude": 47.0,
        "longitude": 8.0,
        "geofence_version": 1,
        "late": False,
    }


@pytest.mark.parametrize(
    ("alert_on", "wanted"), [("enter", {"enter"}), ("exit", {"exit"}), ("both", {"enter", "exit"})]
)
def test_alert_on_chooses_among_transitions_only(alert_on: str, wanted: set[str]) -> None:
    geofence = circle(alert_on=alert_on)
    kinds: tuple[EventType, ...] = ("enter", "exit", "dwell", "speeding")
    asked = {kind for kind in kinds if wants_alert(geofence, Event("T", "A", kind, T0, 47.0, 8.0))}
    assert asked == {*wanted, "dwell", "speeding"}


# --- state --------------------------------------------------------------------------------------------------

RULES = fences(
    circle("plain"),
    circle("mine", radius_m=150, trucks=("TRK-1",)),
    circle("theirs", radius_m=150, trucks=("TRK-2",), confirm_fixes=2),
    circle("sure", confirm_fixes=3, exit_buffer_meters=40),
    circle("cross", east_m=40, radius_m=20, detect_crossing=True, confirm_fixes=2),
    circle("dwell", radius_m=120, dwell_minutes=0.5, speed_limit_kmh=30, exit_buffer_meters=10),
)
ways = st.lists(
    st.tuples(st.integers(1, 20), st.integers(-200, 200) | st.just(90_000), st.sampled_from([None, 0.0, 31.0, 80.0])),
    min_size=1,
    max_size=40,
).map(lambda legs: [at(sum(leg[0] for leg in legs[: n + 1]), legs[n][1], legs[n][2]) for n in range(len(legs))])


@settings(max_examples=80)
@given(way=ways, data=st.data())
def test_storing_between_any_two_positions_changes_nothing(way: list[Position], data: st.DataObject) -> None:
    straight, stored = TruckPresence("TRK-1"), TruckPresence("TRK-1")
    wide = 2**180
    for position in way:
        expected = step(RULES, straight, position, 200.0)
        if data.draw(st.booleans()):
            stored = decode_presence(encode_presence(stored), wide)
            assert stored.sequence_number == wide
        assert step(RULES, stored, position, 200.0) == expected
    assert encode_presence(stored) == encode_presence(straight)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(straight), type=TruckPresence) == straight


@settings(max_examples=40)
@given(way=ways)
def test_enters_and_exits_alternate_and_match_the_visits(way: list[Position]) -> None:
    presence = TruckPresence("TRK-1")
    inside: set[str] = set()
    for number, position in enumerate(way):
        events = step(RULES, presence, position, 0.0)
        assert all(event.timestamp_ms <= position.timestamp_ms for event in events)
        if number == 0:
            assert events == []
            inside = set(presence.visits)
        for event in events:
            if event.event == "enter":
                assert event.geofence_id not in inside
                inside.add(event.geofence_id)
            elif event.event == "exit":
                inside.remove(event.geofence_id)
            else:
                assert event.geofence_id in inside
        assert inside == presence.visits.keys()
        assert "theirs" not in inside


@settings(max_examples=80)
@given(way=ways)
def test_plain_engine_equals_a_naive_one(way: list[Position]) -> None:
    names = ("plain", "small")
    shapes = {
        name: FenceSet(Catalogue(1, (circle(name, radius_m=radius),)))
        for name, radius in zip(names, (100, 50), strict=True)
    }
    both = fences(circle("plain"), circle("small", radius_m=50))
    naive = []
    for earlier, later in pairwise(way):
        was, now = ({n for n in names if shapes[n].here(p.latitude, p.longitude).plain} for p in (earlier, later))
        naive += [("exit", n, (later.timestamp_ms - T0) / 1000) for n in sorted(was - now)]
        naive += [("enter", n, (later.timestamp_ms - T0) / 1000) for n in sorted(now - was)]
    assert told(run(both, way)) == naive


PLAIN = fences(circle("plain"), circle("small", radius_m=50), circle("theirs", trucks=("other",)))


@pytest.mark.parametrize("rules", [RULES, PLAIN])
@settings(max_examples=60)
@given(way=ways, data=st.data())
def test_following_many_positions_is_stepping_through_them(
    rules: FenceSet, way: list[Position], data: st.DataObject
) -> None:
    way = data.draw(st.permutations(way)) if data.draw(st.booleans()) else way
    limit_kmh = data.draw(st.sampled_from([0.0, 20.0, 200.0]))
    stepped, followed = TruckPresence("TRK-1"), TruckPresence("TRK-1")
    while way:
        count = data.draw(st.integers(1, len(way)))
        part, way = way[:count], way[count:]
        expected = [(n, step(rules, stepped, position, limit_kmh)) for n, position in enumerate(part)]
        assert follow(rules, followed, part, limit_kmh) == [(n, events) for n, events in expected if events]
        assert followed == stepped
        rules = FenceSet(msgspec.structs.replace(rules.catalogue, revision=rules.revision + 1))

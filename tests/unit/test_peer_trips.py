"""Trips, stops, motion and overspeed of peers' own suites (M1 to M20) under our rules.

Peers decide by a motion flag (speed over 0.01 kn, or ignition) or by displacement within a sliding window; ours is
displacement alone, and a stop is dated where it began, not where it was noticed. Their scripts give minute, speed
and total distance: here a truck drives them due east from the equator. Where a script's speeds and distances
contradict each other, the distances count; each test says where that changes the answer.
"""

import pytest

from truckstream.core.fence_set import FenceSet
from truckstream.core.geofences import Catalogue, Geofence, LatLon
from truckstream.core.presence import TruckPresence, step
from truckstream.core.records import Position
from truckstream.core.trips import Segment, TripRules, find_segments

MINUTE_MS = 60_000
KNOT_KMH = 1.852
DEGREE_M = 111_319.49079  # of longitude at the equator
HALF_KILOMETRE = TripRules(500, 300, 900)


def line(*fixes: tuple[float, float], speed_kn: float | None = None) -> list[Position]:
    """Return positions from (minute, metres east)."""
    speed = None if speed_kn is None else speed_kn * KNOT_KMH
    return [Position("T", round(minute * MINUTE_MS), 0.0, east / DEGREE_M, speed) for minute, east in fixes]


def scripted(text: str) -> list[Position]:
    """Return positions from words `minute:speed_kn:total_m`."""
    rows = [[float(part) for part in word.split(":")] for word in text.split()]
    return [Position("T", round(m * MINUTE_MS), 0.0, east / DEGREE_M, kn * KNOT_KMH) for m, kn, east in rows]


def seen(positions: list[Position], rules: TripRules, per_ms: int = MINUTE_MS) -> list[tuple[str, float, float]]:
    return [(each.kind, each.begin_ms / per_ms, each.end_ms / per_ms) for each in find_segments(positions, rules)]


def the_trip(positions: list[Position], rules: TripRules) -> Segment:
    (trip,) = [each for each in find_segments(positions, rules) if each.kind == "trip"]
    return trip


def test_peer_m1_one_trip_between_two_stops() -> None:
    track = scripted("0:0:0 1:0:0 2:10:0 3:10:1000 4:10:2000 5:0:3000 15:0:3000 25:0:3000")
    rules = TripRules(500, 180, 900)
    assert seen(track, rules) == [("stop", 0, 2), ("trip", 2, 5), ("stop", 5, 25)]
    trip = the_trip(track, rules)
    assert trip.distance_m == pytest.approx(3_000, abs=0.01)
    assert trip.average_speed_kmh == pytest.approx(32.4 * KNOT_KMH, abs=0.01)
    assert trip.max_speed_kmh == pytest.approx(10 * KNOT_KMH)
    # Ignition off from minute 5 changes nothing: places decide.
    off = [Position(p.truck_id, p.timestamp_ms, p.latitude, p.longitude, engine_status="off") for p in track[5:]]
    assert seen([*track[:5], *off], rules) == seen(track, rules)


def test_peer_m2_a_halt_of_one_minute_does_not_cut_a_trip() -> None:
    track = scripted(
        "0:0:0 1:0:0 2:10:0 3:10:1000 4:10:2000 5:10:3000 6:10:4000 7:0:5000 8:10:6000 9:0:7000 19:0:7000 29:0:7000"
    )
    rules = TripRules(500, 180, 900)
    assert seen(track, rules) == [("stop", 0, 2), ("trip", 2, 9), ("stop", 9, 29)]
    trip = the_trip(track, rules)
    assert (trip.duration_s, round(trip.distance_m)) == (420, 7_000)
    assert trip.average_speed_kmh == pytest.approx(32.4 * KNOT_KMH, abs=0.01)


@pytest.mark.parametrize("speeds", [(0, 0, 1, 0, 1, 0), (0, 0, 0, 0, 1, 2)], ids=["m3", "m4"])
def test_peer_m3_and_m4_speed_without_displacement_is_one_stop(speeds: tuple[int, ...]) -> None:
    track = scripted(" ".join(f"{minute}:{speed}:0" for minute, speed in enumerate(speeds)))
    assert seen(track, TripRules(500, 200, 900)) == [("stop", 0, 5)]


def test_peer_m5_deviation_the_stop_begins_where_the_truck_already_is() -> None:
    # The peer dates it from minute 2, where the speed falls to 0; with no displacement before, ours has it from 0.
    track = scripted("0:2:0 1:1:0 2:0:0 12:0:0 22:0:0 32:0:0")
    assert seen(track, TripRules(500, 200, 900)) == [("stop", 0, 32)]


def test_peer_m6_steady_driving_is_no_stop() -> None:
    # The script gives speeds alone; the places are those that 5 kn and 3 kn reach.
    track = scripted("0:5:0 1:5:154 2:3:278 3:5:401 4:5:556 5:5:710")
    assert [kind for kind, *_ in seen(track, TripRules(500, 200, 900))] == ["trip"]


def test_peer_m7_silence_at_the_end_of_a_trip_belongs_to_the_stop() -> None:
    track = scripted("0:7:100 1:7:300 2:5:500 3:5:600 4:3:700 23:2:700 24:5:800 25:5:900")
    rules = TripRules(500, 200, 900)
    assert seen(track, rules) == [("trip", 0, 4), ("stop", 4, 25)]
    trip, stop = find_segments(track, rules)
    assert (trip.duration_s, round(trip.distance_m), stop.duration_s) == (240, 600, 1_260)
    assert trip.average_speed_kmh == pytest.approx(4.86 * KNOT_KMH, abs=0.01)
    assert trip.max_speed_kmh == pytest.approx(7 * KNOT_KMH)


def test_peer_m8_leaving_a_place_is_a_trip_from_the_last_position_there() -> None:
    assert seen(line((0, 0), (2, 0), (4, 0), (5, 600)), HALF_KILOMETRE) == [("stop", 0, 4), ("trip", 4, 5)]


def test_peer_m9_a_moving_truck_stops_after_the_duration_and_not_before() -> None:
    before = [(-3, -6_000), (-2, -4_000), (-1, -2_000)]
    assert seen(line(*before, (0, 0), (2, 100), (4, 100), (6, 100)), HALF_KILOMETRE)[-1] == ("stop", 0, 6)
    assert [kind for kind, *_ in seen(line(*before, (0, 0), (2, 100)), HALF_KILOMETRE)] == ["trip"]


def test_peer_m10_fast_enough_on_average_is_moving_whatever_the_silence() -> None:
    assert seen(line((-3, -600), (0, 0), (3, 600)), HALF_KILOMETRE) == [("trip", -3, 3)]
    assert seen(line((0, 0), (10, 1_200)), HALF_KILOMETRE) == [("trip", 0, 10)]


def test_peer_m11_deviation_a_long_silence_that_ends_elsewhere_is_a_gap() -> None:
    # The peer makes a trip of the silence. Two hours in which nobody saw the truck are no drive of 6.5 km/h.
    rules = TripRules(500, 300, 3_600)
    moving = [(-2, -4_000), (-1, -2_000), (0, 0)]
    assert seen(line(*moving, (120, 13_000)), rules) == [("trip", -2, 0), ("gap", 0, 120)]
    assert seen(line((-10, 0), (0, 0), (120, 13_000)), rules) == [("stop", -10, 0), ("gap", 0, 120)]
    assert seen(line(*moving, (120, 50)), rules) == [("trip", -2, 0), ("stop", 0, 120)]
    # The peer's own "slow" case: 700 m in 10 minutes are too slow for 500 m in 300 s all the way.
    assert seen(line((0, 0), (10, 700)), rules) == [("gap", 0, 10)]


def test_peer_m12_the_trip_is_dated_at_the_real_departure() -> None:
    track = line((0, 0), (1, 0), (2, 0), (3, 120), (4, 300), (5, 600))
    assert seen(track, HALF_KILOMETRE) == [("stop", 0, 2), ("trip", 2, 5)]


def test_peer_m13_deviation_a_short_excursion_does_not_end_a_stop() -> None:
    # The peer says moving at 2, stopped at 6, moving at 7: the same departure at the end, without a trip to nowhere.
    track = line((0, 0), (1, 0), (2, 0), (3, 100), (4, 220), (5, 0), (6, 60), (7, 320))
    assert seen(track, TripRules(200, 180, 3_600)) == [("stop", 0, 6), ("trip", 6, 7)]


def test_peer_m14_a_stop_begins_with_its_first_position() -> None:
    track = line((0, 0), (1, 100), (2, 700), (3, 700), (10, 700))
    assert seen(track, TripRules(500, 300, 900)) == [("trip", 0, 2), ("stop", 2, 10)]


def test_peer_m15_moving_on_in_time_is_no_stop() -> None:
    track = line((0, 0), (1, 100), (2, 700), (3, 700), (4, 1_000), (6, 2_000))
    assert [kind for kind, *_ in seen(track, TripRules(500, 300, 900))] == ["trip"]


def test_peer_m16_deviation_ignition_decides_nothing() -> None:
    # The peer dates the stop at minute 2, when the ignition goes off; the truck stands there from minute 0.
    still = [Position("T", minute * MINUTE_MS, 0.0, 0.0, engine_status="running") for minute in (0, 1)]
    off = [Position("T", minute * MINUTE_MS, 0.0, 0.0, engine_status="off") for minute in (2, 6)]
    assert seen([*still, *off], HALF_KILOMETRE) == [("stop", 0, 6)]


def test_peer_m17_silences_at_one_place_are_one_stop() -> None:
    moving = [(-2, -4_000), (-1, -2_000)]
    track = line(*moving, (0, 0), (10, 0), (20, 0))
    assert seen(track, TripRules(500, 300, 600)) == [("trip", -2, 0), ("stop", 0, 20)]


def test_peer_m18_overspeed_is_told_once_after_15_s_and_again_after_a_reset() -> None:
    # The rule of a geofence's `speed_limit_kmh`: at 20 s, the first position at which 15 s have passed.
    yard = Geofence(
        geofence_id="yard",
        name="Yard",
        type="circle",
        center=LatLon(0, 0),
        radius_meters=50_000,
        speed_limit_kmh=40,
        revision=1,
    )
    fences, presence = FenceSet(Catalogue(1, (yard,))), TruckPresence("T")
    told = []
    for second, speed in ((0, 50), (10, 55), (20, 55), (30, 55), (30.5, 30), (40, 50), (55, 50)):
        position = Position("T", round(second * 1000), 0.0, 0.0, float(speed))
        told += [(second, event.event) for event in step(fences, presence, position, 0)]
    assert told == [(20, "speeding"), (55, "speeding")]


def planar(*fixes: tuple[float, float, float]) -> list[Position]:
    """Return positions from (x, y, second), x and y in metres; 1 % larger, so that 1 m is not less than 1 m."""
    return [Position("T", round(second * 1000), y * 1.01 / 110_574.3, x * 1.01 / DEGREE_M) for x, y, second in fixes]


def test_peer_m19_one_stop_of_four_seconds() -> None:
    track = planar((0, 0, 0), (0, 10, 1), (0, 20, 2), (0, 21, 4), (0, 22, 6), (0, 30, 8), (0, 40, 10), (1, 50, 15))
    rules = TripRules(3.03, 2, 3_600)
    assert [each for each in seen(track, rules, 1_000) if each[0] == "stop"] == [("stop", 2, 6)]
    (stop,) = [each for each in find_segments(track, rules) if each.kind == "stop"]
    assert stop.latitude == pytest.approx(21 * 1.01 / 110_574.3, abs=1e-9)


def test_peer_m20_two_stops_and_none_at_the_limit_itself() -> None:
    track = planar((0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 1, 3), (0, 22, 4), (0, 30, 8), (0, 31, 10), (1, 32, 15))
    stops = [("stop", 0, 3), ("stop", 8, 15)]
    assert [each for each in seen(track, TripRules(3.03, 2, 3_600), 1_000) if each[0] == "stop"] == stops
    shorter = [*track[:4], *track[5:]]
    assert [each for each in seen(shorter, TripRules(3.03, 2, 3_600), 1_000) if each[0] == "stop"] == stops
    assert not [each for each in seen(track, TripRules(1, 1, 3_600), 1_000) if each[0] == "stop"]

"""Trips, stops and gaps: the rules, no batch shows in them, and distances add up to the hourly statistics."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckstream.core.columns import PositionColumns
from truckstream.core.records import Position
from truckstream.core.stats import hourly
from truckstream.core.trips import Segment, SegmentFinder, find_segments

T0 = 1_705_312_800_000
DEGREE_M = 111_319.49079


def drive(*legs: tuple[float, float, float], every_s: float = 5.0, noise_m: float = 0.0) -> list[Position]:
    """Return positions from legs of (seconds, metres east, metres north) at steady speed."""
    chance = random.Random(7)
    second, east, north = 0.0, 0.0, 0.0
    positions = [Position("T", T0, 0.0, 0.0)]
    for lasts_s, go_east, go_north in legs:
        for _ in range(round(lasts_s / every_s)):
            second += every_s
            east += go_east * every_s / lasts_s
            north += go_north * every_s / lasts_s
            x, y = (chance.gauss(each, noise_m) for each in (east, north))
            positions.append(Position("T", T0 + round(second * 1000), round(y / DEGREE_M, 7), round(x / DEGREE_M, 7)))
    return positions


def seconds(segments: list[Segment]) -> list[tuple[str, float, float]]:
    return [(each.kind, (each.begin_ms - T0) / 1000, (each.end_ms - T0) / 1000) for each in segments]


def test_stop_begins_and_ends_where_the_truck_stands() -> None:
    found = find_segments(drive((600, 6_000, 0), (600, 0, 0), (600, 6_000, 0)))
    assert [each.kind for each in found] == ["trip", "stop", "trip"]
    stop = found[1]
    # Within 40 m of the place: 4 s at 36 km/h, rounded to the positions inside.
    assert 595 <= (stop.begin_ms - T0) / 1000 <= 600
    assert 1_200 <= (stop.end_ms - T0) / 1000 <= 1_205
    assert (stop.before, stop.after) == ("trip", "trip")
    assert (found[0].before, found[-1].after) == ("nothing", "nothing")


def test_parked_truck_with_noisy_positions_is_one_stop_for_a_whole_day() -> None:
    found = find_segments(drive((86_400, 0, 0), every_s=30, noise_m=12))
    assert [each.kind for each in found] == ["stop"]
    assert abs(found[0].latitude) * DEGREE_M < 3
    assert abs(found[0].longitude) * DEGREE_M < 3


def test_traffic_light_and_a_manoeuvre_in_the_yard_change_nothing() -> None:
    lights = find_segments(drive((300, 3_000, 0), (120, 0, 0), (300, 3_000, 0)))
    assert [each.kind for each in lights] == ["trip"]
    yard = find_segments(drive((400, 0, 0), (60, 120, 0), (400, 0, 0), (60, -120, 0), (400, 0, 0)))
    assert [each.kind for each in yard] == ["stop"]
    assert yard[0].distance_m == pytest.approx(240, abs=1)


def test_gap_joins_two_stretches_and_keeps_its_distance_apart() -> None:
    first = drive((600, 6_000, 0))
    later = [
        Position("T", p.timestamp_ms + 8_000_000, p.latitude, p.longitude + 20_000 / DEGREE_M)
        for p in drive((600, 6_000, 0))
    ]
    found = find_segments([*first, *later])
    assert [(each.kind, each.before, each.after) for each in found] == [
        ("trip", "nothing", "gap"),
        ("gap", "trip", "trip"),
        ("trip", "gap", "nothing"),
    ]
    assert found[1].distance_m == pytest.approx(14_000, abs=1)


def test_silence_of_a_night_at_one_place_is_part_of_the_stop() -> None:
    arrive = drive((600, 6_000, 0), (60, 0, 0))
    morning = [
        Position("T", p.timestamp_ms + 50_000_000, p.latitude, p.longitude + 6_000 / DEGREE_M)
        for p in drive((30, 0, 0), (600, 6_000, 0))
    ]
    found = find_segments([*arrive, *morning])
    assert [each.kind for each in found] == ["trip", "stop", "trip"]
    assert found[1].duration_s > 49_000


def test_position_too_fast_to_be_true_makes_no_trip() -> None:
    track = drive((1_200, 0, 0))
    track[100] = Position("T", track[100].timestamp_ms, 5.0, 5.0)
    assert [each.kind for each in find_segments(track, limit_kmh=200)] == ["stop"]


def test_one_position_is_no_segment_and_two_at_one_place_are_a_stop() -> None:
    one, two, *_ = drive((10, 0, 0))
    assert find_segments([]) == find_segments([one]) == []
    assert seconds(find_segments([one, two])) == [("stop", 0, 5)]


steps = st.lists(
    st.tuples(
        st.sampled_from([1, 5, 60, 150, 200, 400, 3_500, 4_000]),  # seconds
        st.sampled_from([0, 0, 0, 5, 30, 90, 150, 199, 250, 1_000, 20_000]),  # metres
        st.sampled_from([1, -1]),
        st.sampled_from([None, 0.0, 50.0]),
    ),
    max_size=40,
)


def walk(moves: list[tuple[int, int, int, float | None]]) -> list[Position]:
    now_ms, east = T0, 0.0
    positions = [Position("T", T0, 45.0, 8.0)]
    for lasts_s, metres, way, speed in moves:
        now_ms += lasts_s * 1_000
        east += metres * way
        positions.append(Position("T", now_ms, 45.0, round(8.0 + east / 78_846, 7), speed))
    return positions


@given(steps, st.sampled_from([0.0, 200.0]))
def test_distances_of_segments_add_up_to_the_hours_and_leave_no_time_out(
    moves: list[tuple[int, int, int, float | None]], limit_kmh: float
) -> None:
    positions = walk(moves)
    found = find_segments(positions, limit_kmh=limit_kmh)
    table, carry = hourly(PositionColumns.from_positions(positions), {}, limit_kmh)
    assert sum(each.distance_m for each in found) == pytest.approx(1000 * table.total_distance_km.sum(), abs=0.01)
    for one, two in itertools.pairwise(found):
        assert (one.end_ms, one.after, one.kind) == (two.begin_ms, two.kind, two.before)
        assert (one.kind, two.kind) != ("trip", "trip")
        assert (one.kind, two.kind) != ("stop", "stop")
    if found:
        assert found[-1].end_ms == carry["T"].last.timestamp_ms
        assert limit_kmh or found[0].begin_ms == T0


@given(steps, st.integers(0, 40))
def test_asking_in_between_and_repeating_positions_change_nothing(
    moves: list[tuple[int, int, int, float | None]], cut: int
) -> None:
    positions = walk(moves)
    finder = SegmentFinder(limit_kmh=200)
    for place, position in enumerate(positions):
        finder.add(position)
        if place % 3 == 0:
            finder.segments()
    for position in positions[cut:]:
        finder.add(position)
    assert finder.segments() == find_segments(positions, limit_kmh=200)


@given(steps)
def test_finished_segments_never_change(moves: list[tuple[int, int, int, float | None]]) -> None:
    positions = walk(moves)
    finder = SegmentFinder()
    settled: list[Segment] = []
    for position in positions:
        finder.add(position)
        now = finder.segments()
        assert now[: len(settled)] == settled
        # All but the last stop and what follows it may still be joined by what comes.
        settled = now[: max(0, len(now) - 4)]

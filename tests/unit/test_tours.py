"""The deployed fleet: any minute from the time alone, minutes that join without a jump."""

from itertools import pairwise

import pytest

from truckstream.aws.tours import minute_of_fleet
from truckstream.core.errors import InvalidSetting
from truckstream.core.geodesy import distance_m
from truckstream.core.records import Position, encode_position, parse_position

HOUR_MS = 3_600_000
HOUR = 1_705_312_800_000  # 2024-01-15T10:00:00Z


def minutes(first: int, count: int, trucks: int = 8) -> dict[str, list[Position]]:
    tracks: dict[str, list[Position]] = {}
    for minute in range(first, first + count):
        for truck_id, positions in minute_of_fleet(trucks, HOUR + minute * 60_000).items():
            tracks.setdefault(truck_id, []).extend(positions)
    return tracks


@pytest.mark.parametrize("first", [0, 28, 58])
def test_twelve_positions_a_minute_five_seconds_apart_without_a_jump(first: int) -> None:
    for positions in minutes(first, 4).values():
        assert len(positions) == 48
        assert all(b.timestamp_ms - a.timestamp_ms == 5_000 for a, b in pairwise(positions))
        for a, b in pairwise(positions):
            metres = distance_m(a.latitude, a.longitude, b.latitude, b.longitude)
            assert metres / 5 * 3.6 < 150, (a, b)


def test_every_position_lies_in_its_minute_and_is_valid() -> None:
    for minute in (0, 29, 30, 59):
        begin_ms = HOUR + minute * 60_000
        for positions in minute_of_fleet(5, begin_ms).values():
            for position in positions:
                assert begin_ms < position.timestamp_ms <= begin_ms + 60_000
                assert parse_position(encode_position(position), position.timestamp_ms) == position


def test_the_same_minute_is_the_same_however_often_it_is_made() -> None:
    assert minute_of_fleet(5, HOUR + 41 * 60_000) == minute_of_fleet(5, HOUR + 41 * 60_000)


def test_every_hour_has_its_own_tour_from_the_same_home() -> None:
    one, other = minute_of_fleet(8, HOUR), minute_of_fleet(8, HOUR + HOUR_MS)
    for truck_id, positions in one.items():
        home, again = positions[0], other[truck_id][0]
        assert distance_m(home.latitude, home.longitude, again.latitude, again.longitude) < 5
    last = {truck_id: (own[-1].latitude, own[-1].longitude) for truck_id, own in minutes(20, 1).items()}
    assert last != {truck_id: (own[-1].latitude, own[-1].longitude) for truck_id, own in minutes(80, 1).items()}


def test_trucks_move_at_all() -> None:
    moved = [distance_m(p[0].latitude, p[0].longitude, p[-1].latitude, p[-1].longitude) for p in minutes(5, 2).values()]
    assert max(moved) > 500


def test_no_trucks_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="trucks=0"):
        minute_of_fleet(0, HOUR)

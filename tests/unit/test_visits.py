"""Geofence visits: arrive, leave, time on site; and that a period's answer does not depend on where reading began."""

from collections.abc import Sequence

import pytest

from truckstream.consumers.archive_keys import live_key
from truckstream.consumers.journeys import trips_and_stops, visits
from truckstream.consumers.passages import transitions
from truckstream.consumers.visits import Stay, VisitFinder
from truckstream.core.geofences import Catalogue, Geofence, LatLon
from truckstream.core.instants import DAY_MS, HOUR_MS, date_of
from truckstream.core.records import Position, ReceivedPositions
from truckstream.parquet import ParquetFormat
from truckstream.testing import MemoryArchive

FORMAT = ParquetFormat()
T0 = 1_705_276_800_000  # 2024-01-15T00:00:00Z
MINUTE_MS = 60_000
YARD = Geofence(geofence_id="yard", name="Yard", type="circle", center=LatLon(47.0, 8.0), radius_meters=500, revision=1)
CATALOGUE = Catalogue(1, (YARD,))


def at(minute: float, kilometres_east: float, truck: str = "A") -> Position:
    return Position(truck, T0 + round(minute * MINUTE_MS), 47.0, round(8.0 + kilometres_east / 76.0, 7))


def told(stays: Sequence[Stay]) -> list[tuple[str, float, float | None, float, bool]]:
    return [
        (
            stay.truck_id,
            (stay.arrive_ms - T0) / MINUTE_MS,
            None if stay.leave_ms is None else (stay.leave_ms - T0) / MINUTE_MS,
            stay.time_on_site_s / 60,
            stay.arrive_seen,
        )
        for stay in stays
    ]


def test_visit_is_from_the_enter_to_the_exit_and_an_open_one_has_no_leave() -> None:
    finder = VisitFinder(CATALOGUE)
    finder.add([at(0, 5), at(10, 0), at(20, 0), at(30, 5), at(40, 0), at(45, 0)])
    assert told(finder.stays()) == [("A", 10, 30, 20, True), ("A", 40, None, 5, True)]


def test_truck_inside_at_the_beginning_of_its_record_has_an_arrival_nobody_saw() -> None:
    finder = VisitFinder(CATALOGUE)
    finder.add([at(0, 0), at(3, 5, "B"), at(7, 0), at(9, 5)])
    assert told(finder.stays()) == [("A", 0, 9, 9, False)]


def test_positions_repeated_or_too_fast_to_be_true_change_no_visit() -> None:
    finder = VisitFinder(CATALOGUE, limit_kmh=200)
    track = [at(0, 0), at(1, 0), at(1.1, 300), at(2, 0), at(12, 5)]
    finder.add([*track, *track[1:]])
    assert told(finder.stays()) == [("A", 0, 12, 12, False)]


def archive_of(positions: Sequence[Position]) -> MemoryArchive:
    archive = MemoryArchive()
    for date in sorted({date_of(position.timestamp_ms) for position in positions}):
        part = [position for position in positions if date_of(position.timestamp_ms) == date]
        rows = ReceivedPositions(part, [1] * len(part), list(range(len(part))), [T0] * len(part))
        archive.put(live_key(date, "shard-0", 1, 1), FORMAT.write_received(rows))
    return archive


def week() -> list[Position]:
    """Two trucks: one on the road by day and home by night, one parked from the second day to the sixth."""
    positions = []
    for day in range(7):
        for minute in range(0, 1_440, 5):
            hour = minute / 60
            away = min(abs(hour - 7), abs(hour - 17)) * 20 if 7 < hour < 17 else 0.0
            positions.append(at(day * 1_440 + minute, away))
            parked = 1 <= day < 6
            positions.append(at(day * 1_440 + minute, 0.0 if parked else 3 + minute / 60 * 20, "B"))
    return positions


@pytest.mark.parametrize("from_day", [0.0, 1.0, 2.3, 3.0, 5.5, 6.9])
@pytest.mark.parametrize("lasts_h", [1, 30])
def test_answer_for_a_period_is_that_of_the_whole_archive(from_day: float, lasts_h: int) -> None:
    archive = archive_of(week())
    from_ms = T0 + round(from_day * DAY_MS)
    to_ms = from_ms + lasts_h * HOUR_MS
    everything = visits(archive, FORMAT, CATALOGUE, limit_kmh=200)
    expected = [each for each in everything if each.arrive_ms < to_ms and each.until_ms > from_ms]
    assert visits(archive, FORMAT, CATALOGUE, limit_kmh=200, from_ms=from_ms, to_ms=to_ms) == expected
    travelled = trips_and_stops(archive, FORMAT, limit_kmh=200)
    overlapping = [each for each in travelled if each.begin_ms < to_ms and each.end_ms > from_ms]
    found = trips_and_stops(archive, FORMAT, limit_kmh=200, from_ms=from_ms, to_ms=to_ms)
    plain = [(each.truck_id, each.kind, each.begin_ms, each.end_ms) for each in found]
    assert plain == [(each.truck_id, each.kind, each.begin_ms, each.end_ms) for each in overlapping]
    assert {each.kind for each in travelled} >= {"trip", "stop"}


def test_visits_are_the_transitions_of_the_archive_in_pairs() -> None:
    archive = archive_of(week())
    found = visits(archive, FORMAT, CATALOGUE, limit_kmh=200)
    enters = sorted((each.truck_id, each.arrive_ms) for each in found if each.arrive_seen)
    exits = sorted((each.truck_id, each.leave_ms) for each in found if each.leave_ms is not None)
    events = list(transitions(archive, FORMAT, CATALOGUE, limit_kmh=200))
    assert enters == sorted((each.truck_id, each.timestamp_ms) for each in events if each.event == "enter")
    assert exits == sorted((each.truck_id, each.timestamp_ms) for each in events if each.event == "exit")
    assert len(found) > 7

"""Hourly statistics: the rules of the archive's numbers, and that no split of a history shows in them."""

import csv
import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.columns import PositionColumns
from truckstream.core.distances import distances_m
from truckstream.core.geodesy import distance_m
from truckstream.core.hourly_table import HourlyRow, HourlyTable
from truckstream.core.instants import HOUR_MS, format_hour, parse_instant
from truckstream.core.outliers import Track
from truckstream.core.records import EngineStatus, Position
from truckstream.core.stats import HourlyPass, hourly

T0 = 1_705_312_800_000  # 2024-01-15T10:00:00Z
DEGREE_KM = 111.3195  # of longitude, at the equator


def at(
    second: float,
    *,
    east_km: float = 0.0,
    speed: float | None = None,
    engine: EngineStatus | None = None,
    truck: str = "A",
) -> Position:
    longitude = round(8 + east_km / DEGREE_KM, 7)
    return Position(truck, T0 + round(second * 1000), 0.0, longitude, speed, engine_status=engine)


def stats(*positions: Position, limit_kmh: float = 0.0) -> list[HourlyRow]:
    return list(hourly(PositionColumns.from_positions(positions).settled(), {}, limit_kmh)[0].rows())


def test_distance_goes_to_the_hour_of_the_later_position() -> None:
    before, after = stats(at(3590), at(3610, east_km=2))
    assert (before.total_distance_km, before.coordinates_count) == (0, 1)
    assert after.total_distance_km == pytest.approx(2, abs=1e-4)


def test_distance_has_no_gap_limit() -> None:
    first, last = stats(at(0), at(5 * 86_400, east_km=3))
    assert last.total_distance_km == pytest.approx(3, abs=1e-4)
    assert last.hour_ms - first.hour_ms == 5 * 24 * HOUR_MS


def test_speeds_are_over_known_ones_only() -> None:
    (hour,) = stats(at(0, speed=10), at(5), at(10, speed=30.5))
    assert (hour.average_speed_kmh, hour.max_speed_kmh, hour.coordinates_count) == (20.25, 30.5, 3)
    assert hour.speed_count == 2
    (hour,) = stats(at(0), at(5))
    assert (hour.average_speed_kmh, hour.max_speed_kmh, hour.idle_time_minutes) == (None, None, None)
    (hour,) = stats(at(0, speed=0))
    assert (hour.average_speed_kmh, hour.max_speed_kmh, hour.idle_time_minutes) == (0, 0, 0)


@pytest.mark.parametrize(
    ("one", "other", "minutes"),
    [
        (at(0, speed=2.999), at(60, speed=0), 1.0),
        (at(0, speed=3), at(60, speed=0), 0.0),
        (at(0, speed=0), at(300, speed=0), 5.0),
        (at(0, speed=0), at(300.001, speed=0), 0.0),
        (at(0, engine="idle"), at(60, speed=80, engine="idle"), 1.0),
        (at(0, speed=0, engine="off"), at(60, engine="idle"), 0.0),
        (at(0, speed=0, engine="running"), at(60, engine="idle"), 1.0),
        (at(0), at(60, engine="idle"), 0.0),
        (at(0, engine="running"), at(60, engine="off"), 0.0),
    ],
)
def test_pair_idles_when_both_ends_do(one: Position, other: Position, minutes: float) -> None:
    assert stats(one, other)[0].idle_time_minutes == pytest.approx(minutes)


def test_idle_is_empty_in_an_hour_without_speed_or_engine() -> None:
    known, unknown = stats(at(0, speed=0), at(3600))
    assert (known.idle_time_minutes, unknown.idle_time_minutes) == (0, None)


@pytest.mark.parametrize(
    ("one", "other", "minutes", "band"),
    [
        (at(0), at(60, east_km=0.0501), 1.0, 0),  # by displacement where no speed is known: 3.006 km/h
        (at(0), at(60, east_km=0.0499), 0.0, 0),
        (at(0), at(300, east_km=5), 5.0, 6),
        (at(0), at(300.001, east_km=5), 0.0, 0),  # a gap
        (at(0, speed=0), at(60, east_km=1, speed=35), 1.0, 3),  # the later one's own speed, where known
        (at(0, speed=2), at(60, east_km=1, speed=2), 0.0, 0),  # both idle
        (at(0, engine="idle"), at(60, east_km=1, engine="idle"), 0.0, 0),
        (at(0, speed=130), at(60, east_km=2.5, speed=150), 1.0, 12),
    ],
)
def test_driving_is_what_moves_and_does_not_idle(one: Position, other: Position, minutes: float, band: int) -> None:
    (hour,) = stats(one, other)
    assert hour.driving_time_minutes == pytest.approx(minutes)
    assert hour.band_ms[band] == minutes * 60_000
    assert sum(hour.band_ms) == minutes * 60_000


def test_gaps_within_the_hour_are_counted_and_those_between_hours_show_at_its_ends() -> None:
    before, after = stats(at(10), at(20), at(400), at(1_000), at(3_620), at(3_630))
    assert before.gap_count == 2
    assert before.gap_time_minutes == pytest.approx(980 / 60)
    assert (before.first_ms - T0, before.last_ms - T0) == (10_000, 1_000_000)
    assert (after.gap_count, after.gap_time_minutes, after.first_ms - T0) == (0, 0, 3_620_000)


@pytest.mark.parametrize("limit_kmh", [0, 200])
def test_driving_of_a_track_with_a_false_position_leaves_that_out(limit_kmh: float) -> None:
    track = [at(5 * i, east_km=0.05 * i, speed=36) for i in range(20)]
    track[10] = at(50, east_km=500, speed=150)
    (hour,) = stats(*track, limit_kmh=limit_kmh)
    assert hour.driving_time_minutes == pytest.approx(95 / 60)
    assert hour.band_ms[12] == (0 if limit_kmh else 5_000)


def test_position_too_fast_to_be_true_adds_no_distance() -> None:
    track = [at(5 * i, east_km=0.05 * i, speed=36) for i in range(20)]
    track[10] = at(50, east_km=500, speed=150)
    (hour,) = stats(*track, limit_kmh=200)
    assert hour.total_distance_km == pytest.approx(0.95, abs=1e-5)
    assert (hour.coordinates_count, hour.max_speed_kmh) == (20, 150)


def test_false_first_position_is_dropped_once_the_rest_agree() -> None:
    track = [at(0, east_km=-5000), *(at(5 * i, east_km=0.05 * i) for i in range(1, 201))]
    (hour,) = stats(*track, limit_kmh=200)
    assert hour.total_distance_km == pytest.approx(0.05 * 199, abs=1e-5)


def test_distances_agree_with_the_scalar_formula() -> None:
    spread = np.random.default_rng(7).uniform(-1, 1, (4, 2000))
    lat1, lon1 = spread[0] * 90, spread[1] * 180
    lat2 = np.clip(lat1 + spread[2] ** 5, -90, 90)
    lon2 = (lon1 + spread[3] ** 5 + 180) % 360 - 180
    one_by_one = [distance_m(*pair) for pair in zip(*(a.tolist() for a in (lat1, lon1, lat2, lon2)), strict=True)]
    assert np.allclose(distances_m(lat1, lon1, lat2, lon2), one_by_one, rtol=1e-10, atol=1e-7)
    assert distances_m(lat1, lon1, lat1, lon1).max() == 0


# --- splits -----------------------------------------------------------------------------------------------

# Runs of a truck, each 900 km from the one before: long enough ones are believed, short ones are not.
runs = st.lists(
    st.tuples(
        st.sampled_from("AAB"),
        st.integers(1, 9),
        st.sampled_from([5, 15, 15, 20, 400]),
        st.sampled_from([None, 0.0, 50.0]),
    ),
    max_size=6,
)
type Runs = list[tuple[str, int, int, float | None]]


def history(drawn: Runs) -> PositionColumns:
    seconds, positions = 0, []
    for number, (truck, length, pause, speed) in enumerate(drawn):
        for step in range(length):
            seconds += pause
            positions.append(at(seconds, east_km=900 * number + step / 20, speed=speed, truck=truck))
    return PositionColumns.from_positions(positions).settled()


def in_windows(
    columns: PositionColumns, borders: list[int], limit_kmh: float
) -> dict[tuple[str, int], list[HourlyRow]]:
    """Compute each window by itself: with the carry of the past, and what it asks for of the future."""
    carry: dict[str, Track] = {}
    cells: dict[tuple[str, int], list[HourlyRow]] = {}
    edges = [T0 - 1, *sorted(borders), T0 + 10**9]
    for from_ms, to_ms in itertools.pairwise(edges):
        window = HourlyPass(carry, limit_kmh, from_ms=from_ms, to_ms=to_ms)
        window.add(columns.between(from_ms, to_ms))
        after = columns.between(to_ms, edges[-1])
        for instant_ms in sorted(set(after.timestamp_ms.tolist())):
            if window.pending():
                window.look_ahead(after.between(instant_ms, instant_ms + 1))
        for row in window.table().rows():
            cells.setdefault((row.truck_id, row.hour_ms), []).append(row)
        carry = window.carry()
    return cells


@given(runs, st.lists(st.floats(0, 1, exclude_max=True), max_size=4), st.sampled_from([0.0, 200.0, 200.0]))
@settings(deadline=None, max_examples=150, database=None)
def test_any_split_of_the_history_gives_the_same_hours(drawn: Runs, cuts: list[float], limit_kmh: float) -> None:
    columns = history(drawn)
    instants = sorted(columns.timestamp_ms.tolist())
    borders = [instants[int(cut * len(instants))] for cut in cuts if instants]
    split = in_windows(columns, borders, limit_kmh)
    whole = list(hourly(columns, {}, limit_kmh)[0].rows())
    assert sorted(split) == [(row.truck_id, row.hour_ms) for row in whole]
    for row in whole:
        parts = split[row.truck_id, row.hour_ms]
        assert sum(part.total_distance_km for part in parts) == pytest.approx(row.total_distance_km, abs=1e-9)
        idle = [part.idle_time_minutes for part in parts if part.idle_time_minutes is not None]
        assert (sum(idle) if idle else None) == pytest.approx(row.idle_time_minutes)
        assert sum(part.coordinates_count for part in parts) == row.coordinates_count
        assert [sum(bands) for bands in zip(*(part.band_ms for part in parts), strict=True)] == row.band_ms
        assert sum(part.gap_count for part in parts) == row.gap_count
        assert sum(part.gap_time_minutes for part in parts) == pytest.approx(row.gap_time_minutes)
        assert min(part.first_ms for part in parts) == row.first_ms
        assert max(part.last_ms for part in parts) == row.last_ms


@given(runs, st.lists(st.integers(T0, T0 + 40_000_000), max_size=6), st.sampled_from([0.0, 200.0]))
@settings(deadline=None, max_examples=60, database=None)
def test_feeding_one_pass_in_pieces_changes_nothing(drawn: Runs, borders: list[int], limit_kmh: float) -> None:
    columns = history(drawn)
    table, carry = hourly(columns, {}, limit_kmh)
    pieces = HourlyPass({}, limit_kmh, from_ms=T0 - 1)
    edges = [T0 - 1, *sorted(borders), T0 + 10**9]
    for from_ms, to_ms in itertools.pairwise(edges):
        pieces.add(columns.between(from_ms, to_ms))
    assert pieces.carry() == carry
    for row, one in zip(pieces.table().rows(), table.rows(), strict=True):
        assert row.total_distance_km == pytest.approx(one.total_distance_km, abs=1e-9)
        assert (row.average_speed_kmh, row.idle_time_minutes) == (one.average_speed_kmh, one.idle_time_minutes)
        assert (row.band_ms, row.gap_count, row.first_ms) == (one.band_ms, one.gap_count, one.first_ms)


def test_tables_are_joined_sorted_and_selected() -> None:
    tables = [hourly(PositionColumns.from_positions([at(s, truck=t)]))[0] for s, t in ((3600, "B"), (0, "B"), (0, "A"))]
    table = HourlyTable.concat(tables)
    keys = [(row.truck_id, (row.hour_ms - T0) // HOUR_MS) for row in table.rows()]
    assert keys == [("A", 0), ("B", 0), ("B", 1)]
    assert len(table.select(trucks={"B"}, from_ms=T0, to_ms=T0 + HOUR_MS)) == 1
    assert len(HourlyTable.concat([])) == 0


# --- real tracks ------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize("name", ["austin", "chicago", "zurich_vans", "envirocar"])
def test_real_tracks_give_the_reference_answers(name: str, test_data: Path) -> None:
    table, _ = hourly(PositionColumns.from_positions(load(test_data / f"{name}.csv.gz")).settled())
    with open(test_data / "expected" / name / "hourly.csv", encoding="utf-8") as file:
        expected = {(row["truck_id"], row["hour"]): row for row in csv.DictReader(file)}
    assert len(expected) == len(table)
    for row in table.rows():
        told = expected[row.truck_id, format_hour(row.hour_ms)]
        assert row.coordinates_count == int(told["coordinates_count"])
        assert row.total_distance_km == pytest.approx(float(told["total_distance_km"]), rel=1e-6, abs=2e-6)
        for field in ("average_speed_kmh", "max_speed_kmh", "idle_time_minutes"):
            value = getattr(row, field)
            assert value == (pytest.approx(float(told[field]), abs=1e-3) if told[field] else None)
        assert row.driving_time_minutes * 60_000 == pytest.approx(sum(row.band_ms))
        assert row.hour_ms <= row.first_ms <= row.last_ms < row.hour_ms + HOUR_MS
        assert row.driving_time_minutes + (row.idle_time_minutes or 0) + row.gap_time_minutes <= 65.0


def load(path: Path) -> list[Position]:
    def number(text: str) -> float | None:
        return float(text) if text else None

    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [
            Position(
                row["truck_id"],
                parse_instant(row["timestamp"]),
                float(row["latitude"]),
                float(row["longitude"]),
                number(row["speed_kmh"]),
                number(row["heading"]),
            )
            for row in csv.DictReader(file)
        ]

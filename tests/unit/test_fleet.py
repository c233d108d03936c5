"""The simulated fleet: believable, repeatable, and broken only as asked."""

import cmath
import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.errors import InvalidRecord, InvalidSetting
from truckstream.core.fleet import Faults, Fleet, demo_geofences, truck_ids
from truckstream.core.geodesy import distance_m
from truckstream.core.geofences import parse_geofence, shape_of
from truckstream.core.gps_faults import BROKEN_KINDS, broken
from truckstream.core.records import Position, encode_position, parse_position
from truckstream.core.roads import nearest_place, swiss_network

START_MS = 1_705_312_800_000  # 2024-01-15T10:00:00Z
HOUR_S = 3_600


def sent_by(fleet: Fleet, seconds: float, start_ms: int = START_MS) -> list[Position | bytes]:
    return fleet.tick(start_ms + round(seconds * 1000))


def positions_of(records: Iterable[Position | bytes]) -> dict[str, list[Position]]:
    tracks: dict[str, list[Position]] = defaultdict(list)
    for record in records:
        assert isinstance(record, Position)
        tracks[record.truck_id].append(record)
    return tracks


@pytest.fixture(scope="module")
def day() -> dict[str, list[Position]]:
    """Tracks of 12 trucks over 12 hours, at 5 s."""
    return positions_of(sent_by(Fleet(12, seed=7, start_ms=START_MS), 12 * HOUR_S))


FAULTS = st.builds(
    Faults,
    jitter=st.sampled_from([0.0, 8.0]),
    gaps=st.sampled_from([0.0, 0.2]),
    duplicates=st.sampled_from([0.0, 0.3]),
    late=st.sampled_from([0.0, 0.3]),
    clock=st.sampled_from([0.0, 0.2]),
    bad=st.sampled_from([0.0, 0.2]),
)


@settings(max_examples=30, deadline=None)
@given(
    trucks=st.integers(1, 6),
    every_s=st.sampled_from([0.7, 1.0, 5.0, 7.0, 61.0]),
    seed=st.integers(0, 2**64),
    faults=FAULTS,
    pauses_ms=st.lists(st.integers(0, 60_000), min_size=1, max_size=6),
)
def test_any_split_into_ticks_gives_the_same_records(
    trucks: int, every_s: float, seed: int, faults: Faults, pauses_ms: list[int]
) -> None:
    split = Fleet(trucks, every_s, seed, faults, start_ms=START_MS)
    now_ms, in_parts = START_MS, []
    for pause_ms in pauses_ms:
        now_ms += pause_ms
        in_parts += split.tick(now_ms)
    at_once = Fleet(trucks, every_s, seed, faults, start_ms=START_MS).tick(now_ms)
    assert in_parts == at_once


@pytest.mark.parametrize("every_s", [0.3, 5.0, 30.0])
@pytest.mark.parametrize("trucks", [1, 50, 333])
def test_every_truck_is_seen_within_one_interval(trucks: int, every_s: float) -> None:
    seen = positions_of(sent_by(Fleet(trucks, every_s, start_ms=START_MS), every_s))
    assert sorted(seen) == truck_ids(trucks)
    assert all(len(track) == 1 for track in seen.values())


def test_first_tick_sets_the_start_when_none_is_given() -> None:
    fleet = Fleet(20)
    assert fleet.tick(START_MS) == []
    assert len(fleet.tick(START_MS + 5_000)) == 20


def test_clock_that_steps_back_sends_nothing_twice() -> None:
    fleet = Fleet(20, start_ms=START_MS)
    first = fleet.tick(START_MS + 10_000)
    assert fleet.tick(START_MS + 4_000) == []
    assert len(first) + len(fleet.tick(START_MS + 15_000)) == 60


def test_load_is_spread_over_the_interval() -> None:
    fleet = Fleet(1000, 5.0, start_ms=START_MS)
    counts = [len(fleet.tick(START_MS + ms)) for ms in range(500, 5_001, 500)]
    assert sum(counts) == 1000
    assert max(counts) <= 110
    assert min(counts) >= 90


def test_records_arrive_in_order_of_time_without_faults() -> None:
    records = sent_by(Fleet(50, start_ms=START_MS), 60)
    times = [record.timestamp_ms for record in records if isinstance(record, Position)]
    assert times == sorted(times)
    assert len(times) == 600


def test_another_seed_gives_another_fleet() -> None:
    first, second = (sent_by(Fleet(5, seed=seed, start_ms=START_MS), 60) for seed in (1, 2))
    assert first != second


def test_fleet_is_the_same_on_every_machine() -> None:
    """Pinned: a change here changes every recorded run with a seed."""
    record = sent_by(Fleet(3, seed=42, start_ms=START_MS), 600)[-1]
    assert isinstance(record, Position)
    assert record == PINNED


def test_ids_grow_a_digit_from_a_thousand_trucks() -> None:
    assert truck_ids(999)[0] == "TRK-001"
    assert (truck_ids(1000)[0], truck_ids(1000)[-1]) == ("TRK-0001", "TRK-1000")


def test_trucks_keep_to_believable_speeds(day: dict[str, list[Position]]) -> None:
    speeds = [p.speed_kmh for track in day.values() for p in track if p.speed_kmh is not None]
    assert max(speeds) < 130.0
    assert max(speeds) > 80.0
    assert min(speeds) == 0.0


def test_speed_agrees_with_the_way_travelled(day: dict[str, list[Position]]) -> None:
    for track in day.values():
        for before, after in pairwise(track):
            moved_m = distance_m(before.latitude, before.longitude, after.latitude, after.longitude)
            kmh = moved_m / (after.timestamp_ms - before.timestamp_ms) * 3600.0
            assert before.speed_kmh is not None
            assert after.speed_kmh is not None
            assert kmh <= max(before.speed_kmh, after.speed_kmh) + 1.5  # no teleports
            assert kmh >= 0.85 * min(before.speed_kmh, after.speed_kmh) - 1.5  # bends shorten the chord


def test_trucks_speed_up_and_brake_within_reason(day: dict[str, list[Position]]) -> None:
    for track in day.values():
        for before, after in pairwise(track):
            change_m_s = ((after.speed_kmh or 0.0) - (before.speed_kmh or 0.0)) / 3.6
            per_s = change_m_s / (after.timestamp_ms - before.timestamp_ms) * 1000.0
            assert -3.0 < per_s < 1.7


def test_trucks_stay_in_switzerland(day: dict[str, list[Position]]) -> None:
    for track in day.values():
        for p in track:
            assert 45.818 <= p.latitude <= 47.808
            assert 5.956 <= p.longitude <= 10.492
            assert p.altitude_m is not None
            assert 190.0 < p.altitude_m < 1_700.0


def test_heading_follows_the_motion(day: dict[str, list[Position]]) -> None:
    turned = total = 0
    for track in day.values():
        for before, after in pairwise(track):
            if (before.speed_kmh or 0) < 40 or (after.speed_kmh or 0) < 40:
                continue
            assert before.heading is not None
            north = after.latitude - before.latitude
            east = (after.longitude - before.longitude) * 0.683  # cos 46.9 degrees
            along = complex(north, east) / abs(complex(north, east))
            heading = complex(1, 0) * _unit(before.heading)
            total += 1
            turned += (along * heading.conjugate()).real < 0.7  # 45 degrees
    assert total > 10_000
    assert turned / total < 0.001


def _unit(degrees: float) -> complex:
    return cmath.rect(1.0, math.radians(degrees))


def test_fuel_falls_with_the_way_and_is_refilled(day: dict[str, list[Position]]) -> None:
    refills = 0
    for track in day.values():
        levels = [p.fuel_level_pct for p in track if p.fuel_level_pct is not None]
        assert len(levels) == len(track)
        assert all(0.0 <= level <= 100.0 for level in levels)
        for before, after in pairwise(levels):
            assert after <= before or after > 90.0
            refills += after > before
    assert refills > 0


def test_trucks_idle_and_switch_off_only_when_standing(day: dict[str, list[Position]]) -> None:
    states: dict[str | None, int] = defaultdict(int)
    for track in day.values():
        for p in track:
            states[p.engine_status] += 1
            assert p.engine_status == "running" or p.speed_kmh == 0.0
    assert all(states[state] > 1_000 for state in ("running", "idle", "off"))


def test_trucks_visit_many_towns(day: dict[str, list[Position]]) -> None:
    cities = swiss_network().cities
    for track in day.values():
        towns = {
            city.name
            for p in track[::12]
            for city in cities
            if abs(p.latitude - city.latitude) < 0.02 and abs(p.longitude - city.longitude) < 0.03
        }
        assert len(towns) >= 4


def test_roads_bend_and_every_city_can_be_reached() -> None:
    network = swiss_network()
    for link in network.links:
        start, end = network.cities[link.start], network.cities[link.end]
        straight_m = distance_m(start.latitude, start.longitude, end.latitude, end.longitude)
        assert 1.001 * straight_m < link.length_m < 2.0 * straight_m, (start.name, end.name)
    for a in range(len(network.cities)):
        for b in range(len(network.cities)):
            city, hops = a, 0
            while city != b:
                city, hops = network.links[network.towards[city][b]].end, hops + 1
                assert hops < len(network.cities)


def test_positions_survive_the_wire_unchanged() -> None:
    for record in sent_by(Fleet(10, 5.0, 3, Faults(jitter=8.0), start_ms=START_MS), 600):
        assert isinstance(record, Position)
        assert parse_position(encode_position(record), record.timestamp_ms) == record


def test_fleet_resumes_where_it_was_left() -> None:
    last = {p.truck_id: p for p in sent_by(Fleet(40, start_ms=START_MS), 1_800) if isinstance(p, Position)}
    later_ms = START_MS + 2_000_000
    again = sent_by(Fleet(40, seed=9, start_ms=later_ms, resume=last.values()), 5, later_ms)
    for p in again:
        assert isinstance(p, Position)
        before = last[p.truck_id]
        assert distance_m(before.latitude, before.longitude, p.latitude, p.longitude) < 60.0
        assert abs((p.heading or 0.0) - (before.heading or 0.0)) % 360.0 < 60.0 or p.speed_kmh == 0.0
        assert p.fuel_level_pct == before.fuel_level_pct


def test_truck_last_seen_abroad_starts_anew() -> None:
    assert nearest_place(swiss_network(), 52.52, 13.40, 0.0) is None
    far = Position("TRK-001", START_MS, 52.52, 13.40)
    assert sent_by(Fleet(1, start_ms=START_MS, resume=[far]), 5) == sent_by(Fleet(1, start_ms=START_MS), 5)


# --- demonstration ------------------------------------------------------------------------------------------


def test_demo_geofences_are_valid_without_warnings() -> None:
    ids = []
    for definition in demo_geofences():
        geofence, warnings = parse_geofence(definition)
        assert warnings == []
        ids.append(geofence.geofence_id)
    assert len(set(ids)) == len(ids) >= 12


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_demo_shows_enters_and_exits_in_half_a_minute(seed: int) -> None:
    shapes = [shape_of(parse_geofence(definition)[0]) for definition in demo_geofences()]
    tracks = positions_of(sent_by(Fleet(20, seed=seed, start_ms=START_MS), 30))
    enters = exits = 0
    for track in tracks.values():
        for shape in shapes:
            inside = [shape.contains(p.latitude, p.longitude) for p in track]
            enters += any(now and not before for before, now in pairwise(inside))
            exits += any(before and not now for before, now in pairwise(inside))
    assert enters >= 2
    assert exits >= 2


# --- faults -------------------------------------------------------------------------------------------------


def run_with(faults: Faults, trucks: int = 40, hours: float = 1.0) -> list[Position | bytes]:
    return sent_by(Fleet(trucks, 10.0, 5, faults, start_ms=START_MS), hours * HOUR_S)


@pytest.fixture(scope="module")
def clean() -> list[Position | bytes]:
    return run_with(Faults())


def test_faults_are_off_by_default(clean: list[Position | bytes]) -> None:
    assert len(clean) == 40 * 360
    assert len({(p.truck_id, p.timestamp_ms) for p in clean if isinstance(p, Position)}) == len(clean)
    assert not Faults().any


def test_gaps_lose_about_the_share_asked_for(clean: list[Position | bytes]) -> None:
    kept = run_with(Faults(gaps=0.2))
    assert 0.10 < 1 - len(kept) / len(clean) < 0.30
    assert set(kept) < set(clean)  # the rest drives on as before


def test_duplicates_are_equal_records_sent_again(clean: list[Position | bytes]) -> None:
    records = run_with(Faults(duplicates=0.05))
    assert set(records) == set(clean)
    assert 0.04 < len(records) / len(clean) - 1 < 0.06


def test_late_bursts_arrive_minutes_after_in_one_go(clean: list[Position | bytes]) -> None:
    fleet = Fleet(40, 10.0, 5, Faults(late=0.2), start_ms=START_MS)
    late = 0
    largest_burst = 0
    for second in range(10, 3_601, 10):
        now_ms = START_MS + second * 1000
        burst: dict[str, int] = defaultdict(int)
        for p in fleet.tick(now_ms):
            assert isinstance(p, Position)
            if p.timestamp_ms <= now_ms - 10_000:
                burst[p.truck_id] += 1
                late += 1
        largest_burst = max([largest_burst, *burst.values()])
    assert 0.10 < late / len(clean) < 0.30
    assert largest_burst >= 30


def test_wrong_clocks_are_hours_off_both_ways(clean: list[Position | bytes]) -> None:
    true_times = {p.timestamp_ms for p in clean if isinstance(p, Position)}
    records = [p for p in run_with(Faults(clock=0.1)) if isinstance(p, Position)]
    off_ms = [p.timestamp_ms - START_MS for p in records if p.timestamp_ms not in true_times]
    assert 0.04 < len(off_ms) / len(clean) < 0.16
    assert min(off_ms) < -HOUR_S * 1000 / 2
    assert max(off_ms) > 3 * HOUR_S * 1000


def test_jitter_has_the_deviation_asked_for_and_rare_outliers(clean: list[Position | bytes]) -> None:
    off_m = []
    for true, noisy in zip(clean, run_with(Faults(jitter=10.0)), strict=True):
        assert isinstance(true, Position)
        assert isinstance(noisy, Position)
        off_m.append(distance_m(true.latitude, true.longitude, noisy.latitude, noisy.longitude))
    near = [metres for metres in off_m if metres < 100.0]
    assert (sum(m * m for m in near) / len(near) / 2) ** 0.5 == pytest.approx(10.0, rel=0.03)
    outliers = [metres for metres in off_m if metres >= 2_000.0]
    assert len(near) + len(outliers) == len(off_m)
    assert 5 <= len(outliers) <= 50


def test_bad_records_are_refused_by_the_decoder(clean: list[Position | bytes]) -> None:
    records = run_with(Faults(bad=0.05))
    bad = [record for record in records if isinstance(record, bytes)]
    assert 0.04 < len(bad) / len(clean) < 0.06
    for record in bad:
        with pytest.raises(InvalidRecord):
            parse_position(record, START_MS + 2 * HOUR_S * 1000)


@pytest.mark.parametrize("kind", range(BROKEN_KINDS))
def test_every_kind_of_broken_record_is_refused(kind: int) -> None:
    position = Position("TRK-001", START_MS, 47.3769, 8.5417, 45.5)
    with pytest.raises(InvalidRecord):
        parse_position(broken(position, kind), START_MS)


@pytest.mark.parametrize("name", ["gaps", "duplicates", "late", "clock", "bad"])
def test_share_of_one_hits_every_position(name: str, clean: list[Position | bytes]) -> None:
    records = run_with(Faults(**{name: 1.0}))
    if name == "gaps":
        assert records == []
    elif name == "duplicates":
        assert len(records) > 1.98 * len(clean)
    elif name == "bad":
        assert all(isinstance(record, bytes) for record in records)
    elif name == "clock":
        assert not set(records) & set(clean)
    else:
        assert set(records) <= set(clean)


def test_fault_text_is_read() -> None:
    text = "jitter=8,gaps=0.01, duplicates=0.02,late=0.01,clock=0.005,bad=0.001"
    assert Faults.parse(text) == Faults(8.0, 0.01, 0.02, 0.01, 0.005, 0.001)
    assert Faults.parse("") == Faults()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gap=0.1", "known are jitter, gaps, duplicates, late, clock, bad"),
        ("gaps", "gaps: needs a value"),
        ("gaps=", "gaps: needs a value"),
        ("gaps=much", "'much' is not a number"),
        ("gaps=1.5", "a share from 0 to 1"),
        ("gaps=nan", "a share from 0 to 1"),
        ("jitter=-3", "metres from 0 to 1000"),
        ("gaps=0.1,gaps=0.2", "given twice"),
    ],
)
def test_wrong_fault_text_is_refused_with_the_known_names(text: str, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said) as refused:
        Faults.parse(text)
    assert "jitter=8" in refused.value.hint


@pytest.mark.parametrize(("trucks", "every_s"), [(0, 5.0), (-1, 5.0), (1, 0.0), (1, 1e9), (1, float("nan"))])
def test_impossible_fleet_is_refused(trucks: int, every_s: float) -> None:
    with pytest.raises(InvalidSetting):
        Fleet(trucks, every_s)


PINNED = Position("TRK-002", 1_705_313_398_091, 47.2987822, 8.6109963, 70.5, 137.7, 409.1, 3.8, 79.84, "running")

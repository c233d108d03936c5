"""The statistics job: current with the archive, incremental, and revisions only where a final hour changed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.consumers.archive_keys import hourly_key, live_key
from truckstream.consumers.compaction import compact
from truckstream.consumers.statistics import current, decode_carry, encode_carry, read_stats, refresh
from truckstream.core.columns import PositionColumns
from truckstream.core.hourly_table import HourlyRow
from truckstream.core.instants import DAY_MS, HOUR_MS, date_of
from truckstream.core.outliers import Track
from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.stats import hourly
from truckstream.parquet import ParquetFormat
from truckstream.testing import FaultScript, MemoryArchive

FORMAT = ParquetFormat()
T0 = 1_705_355_400_000  # 2024-01-15T21:50:00Z: some steps later it is tomorrow
H21 = T0 - T0 % HOUR_MS
LIMIT = 200.0
KM = 0.009  # degrees of latitude, about


def at(minute: float, *, north_km: float = 0.0, speed: float | None = None, truck: str = "A") -> Position:
    latitude = round(10 + north_km * KM, 7)
    return Position(truck, T0 + round(minute * 60_000), latitude, 8.0, speed)


def put(archive: MemoryArchive, sequence: int, *positions: Position) -> None:
    by_date: dict[str, list[Position]] = {}
    for position in positions:
        by_date.setdefault(date_of(position.timestamp_ms), []).append(position)
    for date, part in by_date.items():
        count = len(part)
        rows = ReceivedPositions(part, [sequence] * count, list(range(count)), [T0] * count)
        archive.put(live_key(date, "shard-0", sequence, sequence), FORMAT.write_received(rows))


def stored(archive: MemoryArchive) -> list[HourlyRow]:
    return list(read_stats(archive, FORMAT).rows())


def one_pass(*positions: Position) -> list[HourlyRow]:
    return list(hourly(PositionColumns.from_positions(positions).settled(), {}, LIMIT)[0].rows())


def without_state(rows: list[HourlyRow]) -> list[tuple[object, ...]]:
    return [
        (
            r.truck_id,
            r.hour_ms,
            round(r.total_distance_km, 9),
            r.average_speed_kmh,
            r.idle_time_minutes,
            r.coordinates_count,
        )
        for r in rows
    ]


def test_first_pair_of_a_day_counts_from_the_day_before() -> None:
    archive = MemoryArchive()
    rows = [at(0, speed=0), at(131, north_km=2, speed=0), at(132, north_km=2, speed=0)]
    put(archive, 1, *rows)
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    assert [file.key for file in archive.list("hourly/")] == [hourly_key("2024-01-15"), hourly_key("2024-01-16")]
    assert stored(archive) == one_pass(*rows)
    assert stored(archive)[1].total_distance_km == pytest.approx(2, abs=0.01)


def test_nothing_new_computes_and_writes_nothing() -> None:
    archive = MemoryArchive()
    put(archive, 1, at(0), at(131))
    assert refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT).written == 2
    done = refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    assert (done.dates, done.computed, done.written) == (2, 0, 0)
    done = refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT, force=True)
    assert (done.dates, done.computed, done.written) == (2, 2, 0)


def test_new_rows_recompute_only_what_depends_on_them() -> None:
    archive = MemoryArchive()
    put(archive, 1, at(0), at(131), at(131 + 24 * 60))
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    put(archive, 2, at(140 + 24 * 60))
    assert refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT).computed == 1
    put(archive, 3, at(-5))  # the carry of the first date stays the same
    assert refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT).computed == 1
    put(archive, 4, at(5))  # now it does not, but the second date passes on the same carry
    assert refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT).computed >= 2
    assert stored(archive) == one_pass(at(-5), at(0), at(5), at(131), at(131 + 24 * 60), at(140 + 24 * 60))


def test_another_outlier_limit_recomputes_everything() -> None:
    archive = MemoryArchive()
    put(archive, 1, at(0), at(1, north_km=100), at(2))
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    assert stored(archive)[-1].total_distance_km == 0
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=0)
    assert stored(archive)[-1].total_distance_km > 190


def test_an_hour_is_final_five_minutes_after_its_end() -> None:
    archive = MemoryArchive()
    put(archive, 1, at(0), at(20))
    end = H21 + HOUR_MS
    for clock_ms, final in ((end + 299_999, [False, False]), (end + 300_000, [True, False]), (None, [True, True])):
        refresh(archive, FORMAT, clock_ms=clock_ms, limit_kmh=LIMIT)
        assert [row.final for row in stored(archive)] == final
        assert [row.revision for row in stored(archive)] == [1, 1]


def test_late_rows_revise_a_final_hour_only() -> None:
    archive = MemoryArchive()
    put(archive, 1, at(0), at(20))
    clock_ms = H21 + HOUR_MS + 300_000
    refresh(archive, FORMAT, clock_ms=clock_ms, limit_kmh=LIMIT)
    put(archive, 2, at(1), at(21), at(-100))
    refresh(archive, FORMAT, clock_ms=clock_ms, limit_kmh=LIMIT)
    revisions = {(row.hour_ms - H21) // HOUR_MS: row.revision for row in stored(archive)}
    assert revisions == {-1: 1, 0: 2, 1: 1}


def test_compaction_changes_neither_rows_nor_revisions() -> None:
    archive = MemoryArchive()
    put(archive, 1, at(0, speed=1), at(20), at(131))
    put(archive, 2, at(0, speed=1), at(1, north_km=1), truck_b := at(2, truck="B"))
    assert truck_b.truck_id == "B"
    refresh(archive, FORMAT, clock_ms=None, limit_kmh=LIMIT)
    before = stored(archive)
    compact(archive, FORMAT, clock_ms=None)
    assert refresh(archive, FORMAT, clock_ms=None, limit_kmh=LIMIT).computed == 2
    assert stored(archive) == before


def test_current_gives_the_same_rows_and_writes_nothing() -> None:
    script = FaultScript()
    archive = MemoryArchive(script)
    put(archive, 1, at(0), at(131))
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    put(archive, 2, at(5, north_km=1), at(131, truck="B"))
    puts = script.calls.count("archive.put")
    read = current(archive, FORMAT, clock_ms=None, limit_kmh=LIMIT)
    assert script.calls.count("archive.put") == puts
    refresh(archive, FORMAT, clock_ms=None, limit_kmh=LIMIT)
    assert list(read.rows()) == stored(archive)
    chosen = current(archive, FORMAT, clock_ms=None, limit_kmh=LIMIT, trucks=["B"], from_ms=T0 + HOUR_MS)
    assert [row.truck_id for row in chosen.rows()] == ["B"]
    assert len(read_stats(archive, FORMAT, to_ms=T0)) == 1


def test_a_damaged_file_of_statistics_is_made_anew() -> None:
    archive = MemoryArchive()
    put(archive, 1, at(0))
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    before = stored(archive)
    archive.put(hourly_key("2024-01-15"), b"gone bad")
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    assert stored(archive) == before


def test_positions_set_aside_before_midnight_count_once_confirmed_after_it() -> None:
    archive = MemoryArchive()
    home = [at(minute) for minute in range(8)]
    far = [at(128 + minute / 2, north_km=900 + minute / 4) for minute in range(12)]  # midnight is at 130
    put(archive, 1, *home, *far[:4])
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    assert stored(archive)[-1].total_distance_km == 0
    put(archive, 2, *far[4:])
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=LIMIT)
    assert without_state(stored(archive)) == without_state(one_pass(*home, *far))
    assert stored(archive)[-2].total_distance_km > 0


moves = st.lists(
    st.tuples(
        st.sampled_from("AAAB"),
        st.sampled_from([0.25, 0.25, 0.5, 7, 300]),
        st.sampled_from([0] * 9 + [900]),
        st.sampled_from([None, 0.0, 40.0]),
        st.integers(1, 3),
    ),
    min_size=8,
    max_size=50,
)


@given(moves, st.floats(0, 1), st.permutations([1, 2, 3]), st.booleans())
@settings(deadline=None, max_examples=12, database=None)
def test_any_order_of_arrival_and_refreshing_equals_one_pass(
    drawn: list[tuple[str, float, int, float | None, int]],
    midnight: float,
    order: list[int],
    compacted: bool,
) -> None:
    archive = MemoryArchive()
    # Midnight is at minute 130: shift the history so that it falls anywhere into it.
    minute = 130 - sum(pause for _, pause, *_ in drawn[: round(midnight * len(drawn))])
    place, rows = {"A": 0, "B": 50}, {1: list[Position](), 2: [], 3: []}
    for truck, pause, jump, speed, part in drawn:
        minute += pause
        place[truck] = (place[truck] + jump) % 1800
        north_km = place[truck] + len(rows[part]) / 100
        rows[part].append(at(minute, north_km=north_km, speed=speed, truck=truck))
    for sequence in order:
        put(archive, sequence, *rows[sequence])
        refresh(archive, FORMAT, clock_ms=T0 + DAY_MS, limit_kmh=LIMIT)
        if compacted:
            compact(archive, FORMAT, clock_ms=T0 + DAY_MS)
    refresh(archive, FORMAT, clock_ms=T0 + DAY_MS, limit_kmh=LIMIT)
    assert without_state(stored(archive)) == without_state(one_pass(*rows[1], *rows[2], *rows[3]))


def test_a_carry_survives_being_written_down() -> None:
    carry = {"B": Track(at(1), (at(2), at(3)), 7, T0), "A": Track(at(0, speed=0.1))}
    assert decode_carry(encode_carry(carry)) == carry
    assert encode_carry(carry) == encode_carry(dict(reversed(carry.items())))

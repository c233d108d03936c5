"""Compaction: every reader gives the same answer before, during and after it, wherever it is interrupted."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.growing import CountingFormat

from truckstream.consumers.archive import ArchiveConsumer
from truckstream.consumers.archive_keys import date_in, live_key
from truckstream.consumers.compaction import Compacted, compact
from truckstream.consumers.history import dates, positions_of
from truckstream.core.instants import HOUR_MS, date_of
from truckstream.core.records import Position, ReceivedPositions, encode_position
from truckstream.parquet import ParquetFormat
from truckstream.ports import Batch, StreamRecord
from truckstream.testing import FaultScript, MemoryArchive, MemoryRejected, SimulatedCrash

T0 = 1_705_312_800_000  # 2024-01-15T10:00:00Z
FORMAT = ParquetFormat()
MINUTE_MS = 60_000

type Row = tuple[str, int, int]  # truck, minute after T0, a speed that tells rows of equal identity apart


def rows_of(archive: MemoryArchive) -> list[Position]:
    return [p for date in dates(archive) for p in positions_of(archive, FORMAT, date).to_positions()]


def put_file(archive: MemoryArchive, sequence: int, rows: Sequence[Row], *, shard: str = "shard-0") -> None:
    by_date: dict[str, list[Position]] = {}
    for truck, minute, speed in rows:
        position = Position(truck, T0 + minute * MINUTE_MS, 47.0, 8.0, float(speed))
        by_date.setdefault(date_of(position.timestamp_ms), []).append(position)
    for date, positions in by_date.items():
        count = len(positions)
        received = ReceivedPositions(positions, [sequence] * count, list(range(count)), [T0] * count)
        archive.put(live_key(date, shard, sequence, sequence), FORMAT.write_received(received))


def files_in(archive: MemoryArchive) -> list[str]:
    """Return the names of the position files."""
    return [file.key.rpartition("/")[2] for file in archive.list("positions/") if date_in(file.key)]


def test_closed_hours_become_one_file_each() -> None:
    archive = MemoryArchive()
    put_file(archive, 1, [("A", 0, 1), ("B", 59, 2), ("A", 60, 3)])
    put_file(archive, 2, [("A", 5, 4), ("A", 60, 5)])
    before = rows_of(archive)
    done = compact(archive, FORMAT, clock_ms=None)
    assert files_in(archive) == ["h10.parquet", "h11.parquet"]
    assert rows_of(archive) == before
    assert (done.files_merged, done.hours_written) == (2, 2)


def test_an_hour_closes_five_minutes_after_its_end() -> None:
    archive = MemoryArchive()
    put_file(archive, 1, [("A", 0, 1)])
    compact(archive, FORMAT, clock_ms=T0 + HOUR_MS + 299_999)
    assert "h10.parquet" not in files_in(archive)
    compact(archive, FORMAT, clock_ms=T0 + HOUR_MS + 300_000)
    assert files_in(archive) == ["h10.parquet"]


def test_a_file_with_an_open_hour_stays_and_its_rows_still_count() -> None:
    archive = MemoryArchive()
    put_file(archive, 1, [("A", 59, 1), ("A", 60, 2)])  # the lowest sequence number, in a file that must stay
    put_file(archive, 2, [("A", 59, 3), ("A", 58, 4)])
    before = rows_of(archive)
    compact(archive, FORMAT, clock_ms=T0 + HOUR_MS + 300_000)
    assert len(files_in(archive)) == 2
    assert rows_of(archive) == before
    compact(archive, FORMAT, clock_ms=None)
    assert files_in(archive) == ["h10.parquet", "h11.parquet"]
    assert rows_of(archive) == before


def test_running_twice_writes_nothing_again() -> None:
    script = FaultScript()
    archive = MemoryArchive(script)
    put_file(archive, 1, [("A", 0, 1), ("A", 60, 3)])
    clock_ms = T0 + HOUR_MS + 300_000
    put_file(archive, 2, [("A", 5, 4)])
    compact(archive, FORMAT, clock_ms=clock_ms)
    puts = script.calls.count("archive.put")
    done = compact(archive, FORMAT, clock_ms=clock_ms)
    assert script.calls.count("archive.put") == puts
    assert done.files_merged == 0


def test_an_open_hour_is_read_once_and_no_more() -> None:
    archive, format = MemoryArchive(), CountingFormat()
    put_file(archive, 1, [("A", 0, 1), ("A", 24 * 60, 3)])
    put_file(archive, 2, [("A", 5, 4)])
    assert compact(archive, format, clock_ms=T0 + 10 * MINUTE_MS) == Compacted()
    assert format.rows_read == 3


def test_late_rows_join_the_settled_hour_which_wins() -> None:
    archive = MemoryArchive()
    put_file(archive, 5, [("A", 0, 1)])
    compact(archive, FORMAT, clock_ms=None)
    put_file(archive, 2, [("A", 0, 9), ("A", 1, 2)])  # redelivered later, with a lower number
    before = rows_of(archive)
    compact(archive, FORMAT, clock_ms=None)
    assert [p.speed_kmh for p in rows_of(archive)] == [1, 2]
    assert rows_of(archive) == before


def test_progress_is_told_date_by_date() -> None:
    archive = MemoryArchive()
    put_file(archive, 1, [("A", 0, 1), ("A", 24 * 60, 1)])
    told: list[tuple[str, int, int]] = []
    compact(archive, FORMAT, clock_ms=None, progress=lambda *step: told.append(step))
    assert told == [("2024-01-16", 1, 2), ("2024-01-15", 2, 2)]  # later dates tell what was late on earlier ones


files = st.lists(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from([0, 1, 59, 60, 61, 120, 14 * 60]), st.integers(0, 9)),
        min_size=1,
        max_size=5,
    ),
    min_size=1,
    max_size=5,
)


def filled(drawn: list[list[Row]], script: FaultScript) -> MemoryArchive:
    archive = MemoryArchive(script)
    for sequence, rows in enumerate(drawn):
        put_file(archive, sequence, rows)
    return archive


@given(
    files,
    st.sampled_from([None, T0 + HOUR_MS + 300_000, T0 + 2 * HOUR_MS + 300_000]),
    st.floats(0, 1, exclude_max=True),
    st.booleans(),
)
@settings(deadline=None, max_examples=25, database=None)
def test_interrupted_anywhere_every_reader_sees_the_same(
    drawn: list[list[Row]], clock_ms: int | None, where: float, after_effect: bool
) -> None:
    plain_script = FaultScript()
    plain = filled(drawn, plain_script)
    expected = rows_of(plain)
    before = len(plain_script.calls)
    compact(plain, FORMAT, clock_ms=clock_ms)
    writes = [
        place for place, call in enumerate(plain_script.calls[before:], 1) if call in ("archive.put", "archive.delete")
    ]
    assert rows_of(plain) == expected
    if not writes:
        return
    script = FaultScript()
    archive = filled(drawn, script)
    script.crash(len(script.calls) + writes[int(where * len(writes))], after_effect=after_effect)
    with pytest.raises(SimulatedCrash):
        compact(archive, FORMAT, clock_ms=clock_ms)
    assert rows_of(archive) == expected
    compact(archive, FORMAT, clock_ms=clock_ms)
    assert rows_of(archive) == expected
    assert files_in(archive) == files_in(plain)


def test_interrupted_at_each_write_the_next_run_finishes() -> None:
    drawn: list[list[Row]] = [[("A", 0, 1), ("B", 61, 1)], [("A", 0, 2), ("A", 130, 1)], [("A", 14 * 60, 3)]]
    script = FaultScript()
    plain = filled(drawn, script)
    before = len(script.calls)
    compact(plain, FORMAT, clock_ms=None)
    calls = script.calls[before:]
    assert (calls.count("archive.put"), calls.count("archive.delete")) == (8, 2)  # an hour's counts, then the hour
    for place in range(1, len(calls) + 1):
        script = FaultScript()
        archive = filled(drawn, script)
        script.crash(len(script.calls) + place)
        with pytest.raises(SimulatedCrash):
            compact(archive, FORMAT, clock_ms=None)
        assert rows_of(archive) == rows_of(plain)
        compact(archive, FORMAT, clock_ms=None)
        assert archive.list("") == plain.list("")


# --- the archive consumer -----------------------------------------------------------------------------------


def batch_of(*rows: Row, first: int = 1) -> Batch:
    return Batch(
        "shard-0",
        [
            StreamRecord(
                "shard-0",
                first + place,
                T0 + 48 * HOUR_MS,
                truck,
                encode_position(Position(truck, T0 + minute * MINUTE_MS, 47.0, 8.0, float(speed))),
            )
            for place, (truck, minute, speed) in enumerate(rows)
        ],
    )


def test_a_batch_becomes_one_file_per_event_date() -> None:
    archive, rejected = MemoryArchive(), MemoryRejected()
    consume = ArchiveConsumer(archive, FORMAT, rejected)
    assert consume(batch_of(("A", 0, 1), ("A", 15 * 60, 2), ("B", 1, 3))).failed_sequence is None
    keys = [file.key for file in archive.list("positions/")]
    assert keys == [live_key("2024-01-15", "shard-0", 1, 3), live_key("2024-01-16", "shard-0", 1, 3)]
    assert [p.speed_kmh for p in rows_of(archive)] == [1, 3, 2]


def test_a_retried_batch_overwrites_itself() -> None:
    script = FaultScript()
    archive = MemoryArchive(script)
    consume = ArchiveConsumer(archive, FORMAT, MemoryRejected())
    script.crash(1, after_effect=True)
    with pytest.raises(SimulatedCrash):
        consume(batch_of(("A", 0, 1), ("A", 15 * 60, 2)))
    consume(batch_of(("A", 0, 1), ("A", 15 * 60, 2)))
    consume(batch_of(("A", 0, 1), ("A", 15 * 60, 2)))
    assert len(archive.list("positions/")) == 2


def test_a_bad_record_is_set_aside_and_the_others_archived() -> None:
    archive, rejected = MemoryArchive(), MemoryRejected()
    batch = batch_of(("A", 0, 1), ("A", 1, 2))
    batch.records[0].data = b"{not json"
    ArchiveConsumer(archive, FORMAT, rejected)(batch)
    assert [p.speed_kmh for p in rows_of(archive)] == [2]
    assert [entry.payload for entry in rejected.list()] == [b"{not json"]

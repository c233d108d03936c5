"""SQL over a local archive: right rows, also beside a writer, and nothing but reading."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from truckstream.consumers.archive_keys import live_key
from truckstream.consumers.compaction import compact
from truckstream.consumers.statistics import current, refresh
from truckstream.core.errors import InvalidInput
from truckstream.core.records import Position, ReceivedPositions
from truckstream.local.analytics import query
from truckstream.local.archive import DirectoryArchive
from truckstream.parquet import ParquetFormat

T0 = 1_705_312_800_000  # 2024-01-15T10:00:00Z
FORMAT = ParquetFormat()


@pytest.fixture
def archive(tmp_path: Path) -> DirectoryArchive:
    return DirectoryArchive(tmp_path / "it's here")


def put(archive: DirectoryArchive, sequence: int, *positions: Position) -> None:
    count = len(positions)
    rows = ReceivedPositions(list(positions), [sequence] * count, list(range(count)), [T0] * count)
    archive.put(live_key("2024-01-15", "shard-0", sequence, sequence), FORMAT.write_received(rows))


def test_an_empty_archive_has_views_without_rows(archive: DirectoryArchive) -> None:
    names, rows = query(archive.root, "SELECT * FROM positions")
    assert names[:4] == ["truck_id", "timestamp", "latitude", "longitude"]
    assert names[-1] == "date"
    assert rows == []
    assert query(archive.root, "SELECT count(*), sum(coordinates_count) FROM hourly_stats")[1] == [(0, None)]


def test_positions_are_unique_before_and_after_compaction(archive: DirectoryArchive) -> None:
    put(archive, 2, Position("A", T0, 47.0, 8.0, 2.0))
    put(archive, 1, Position("A", T0, 47.5, 8.0, 1.0), Position("B", T0 + 1, 1.0, 2.0))
    text = 'SELECT truck_id, "timestamp", latitude, speed_kmh, date FROM positions ORDER BY 1'
    expected = [
        ("A", datetime(2024, 1, 15, 10, tzinfo=UTC), Decimal("47.5"), Decimal(1), date(2024, 1, 15)),
        ("B", datetime(2024, 1, 15, 10, 0, 0, 1000, UTC), Decimal(1), None, date(2024, 1, 15)),
    ]
    assert query(archive.root, text)[1] == expected
    compact(archive, FORMAT, clock_ms=None)
    assert query(archive.root, text)[1] == expected
    put(archive, 0, Position("A", T0, 50.0, 8.0), Position("A", T0 + 5000, 50.0, 8.0))
    assert [row[2] for row in query(archive.root, text + ", 2")[1]] == [Decimal("47.5"), Decimal(50), Decimal(1)]


def test_hourly_stats_are_the_stored_or_the_given_ones(archive: DirectoryArchive) -> None:
    put(archive, 1, Position("A", T0, 47.0, 8.0, 30.0), Position("A", T0 + 60_000, 47.01, 8.0, 40.0))
    text = 'SELECT truck_id, "hour", average_speed_kmh, idle_time_minutes, coordinates_count, "final" FROM hourly_stats'
    assert query(archive.root, text)[1] == []
    given = query(archive.root, text, hourly=lambda: current(archive, FORMAT, clock_ms=T0, limit_kmh=0))
    refresh(archive, FORMAT, clock_ms=T0, limit_kmh=0)
    expected = [("A", datetime(2024, 1, 15, 10, tzinfo=UTC), 35.0, 0.0, 2, False)]
    assert given[1] == query(archive.root, text)[1] == expected
    more = "SELECT driving_time_minutes, gap_time_minutes, gap_count, speed_count, first_position FROM hourly_stats"
    first = datetime.fromtimestamp(T0 / 1000, UTC)
    assert query(archive.root, more)[1] == [(1.0, 0.0, 0, 2, first)]


def test_counts_and_sums_of_integers_are_int(archive: DirectoryArchive) -> None:
    assert query(archive.root, "SELECT sum(x) AS total, count(*) AS n FROM range(3) AS t(x)") == (
        ["total", "n"],
        [(3, 3)],
    )


def test_two_columns_of_one_name_are_both_returned(archive: DirectoryArchive) -> None:
    assert query(archive.root, "SELECT 1 AS a, 2 AS a")[1] == [(1, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; SELECT 2",
        "",
        "DROP VIEW positions",
        "COPY (SELECT 1) TO '{other}/out.csv'",
        "ATTACH '{other}/other.db'",
        "SET memory_limit = '1GB'",
        "INSTALL httpfs",
        "SELECT * FROM read_csv('{other}/secret.csv')",
        "SELECT * FROM '{other}/secret.csv'",
        "SELECT * FROM glob('{other}/*')",
        "SELECT nonsense FROM positions",
        "SELEC 1",
    ],
)
def test_anything_but_reading_the_archive_is_refused(archive: DirectoryArchive, tmp_path: Path, text: str) -> None:
    put(archive, 1, Position("A", T0, 47.0, 8.0))
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput) as refused:
        query(archive.root, text.format(other=other))
    assert "positions" in refused.value.hint
    assert "\n" not in refused.value.message
    assert sorted(file.name for file in other.iterdir()) == ["secret.csv"]


def test_explained_errors_name_the_mistake(archive: DirectoryArchive) -> None:
    with pytest.raises(InvalidInput, match="nonsense"):
        query(archive.root, "SELECT nonsense FROM positions")

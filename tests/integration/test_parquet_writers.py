"""The two Parquet writers make the same files: what one wrote, the other and SQL read as the same rows."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckstream.core.columns import PositionColumns
from truckstream.core.errors import StorageDamaged
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.stats import hourly
from truckstream.parquet import ParquetFormat, schema
from truckstream.parquet.with_arro3 import Arro3Format
from truckstream.parquet.with_pyarrow import PyarrowFormat
from truckstream.ports import ArchiveFormat

T0 = 1_705_312_200_000
FORMATS: list[ArchiveFormat] = [PyarrowFormat(), Arro3Format()]
each_pair = pytest.mark.parametrize(
    ("writer", "reader"),
    [(writer, reader) for writer in FORMATS for reader in FORMATS],
    ids=lambda format: type(format).__name__,
)
both = pytest.mark.parametrize("format", FORMATS, ids=lambda format: type(format).__name__)


def scaled(low: int, high: int, digits: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda number: number / 10**digits)


positions = st.builds(
    Position,
    st.sampled_from(["TRK-001", "TRK-002", "a:b", "Z"]),
    st.integers(T0 - 10_000, T0 + 10_000),
    scaled(-900_000_000, 900_000_000, 7),
    scaled(-1_800_000_000, 1_800_000_000, 7),
    st.none() | scaled(0, 999_999, 3),
    st.none() | scaled(0, 36_000, 2),
    st.none() | scaled(-99_999, 9_999_999, 2),
    st.none() | scaled(0, 9_999_999, 2),
    st.none() | scaled(0, 10_000, 2),
    st.sampled_from([None, "running", "idle", "off"]),
)


def received(rows: list[Position], first_sequence: int = 1) -> ReceivedPositions:
    count = len(rows)
    return ReceivedPositions(
        rows, [first_sequence + n // 3 for n in range(count)], [n % 3 for n in range(count)], [T0] * count
    )


def same(one: PositionColumns, other: PositionColumns) -> bool:
    if (one.delivery is None) != (other.delivery is None) or one.trucks != other.trucks:
        return False
    names = (
        "truck",
        "timestamp_ms",
        "latitude_e7",
        "longitude_e7",
        "speed",
        "heading",
        "altitude",
        "accuracy",
        "fuel",
        "engine",
    )
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    if one.delivery is not None and other.delivery is not None:
        pairs += [
            (getattr(one.delivery, n), getattr(other.delivery, n)) for n in ("sequence", "record_index", "arrival_ms")
        ]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@each_pair
@given(rows=st.lists(positions, min_size=1, max_size=12), sequence=st.sampled_from([1, 10**17, 2**185]))
def test_received_rows_are_read_equal_by_either(
    writer: ArchiveFormat, reader: ArchiveFormat, rows: list[Position], sequence: int
) -> None:
    expected = PositionColumns.from_received(received(rows, sequence)).sorted()
    assert same(reader.read(writer.write_received(received(rows, sequence))), expected)


@each_pair
@given(rows=st.lists(positions, min_size=1, max_size=12))
def test_settled_rows_are_read_equal_by_either(
    writer: ArchiveFormat, reader: ArchiveFormat, rows: list[Position]
) -> None:
    columns = PositionColumns.from_received(received(rows))
    assert same(reader.read(writer.write_settled(columns)), columns.settled())


@each_pair
def test_hourly_statistics_are_read_equal_by_either(writer: ArchiveFormat, reader: ArchiveFormat) -> None:
    rows = [Position("B", T0 + n * 5000, 47.0 + n / 1e4, 8.0, speed_kmh=None if n < 9 else 1.5) for n in range(900)]
    table, _ = hourly(PositionColumns.from_positions([*rows, Position("A", T0, 1.0, 2.0)]).settled())
    back, metadata = reader.read_hourly(writer.write_hourly(table, {"inputs": "abc", "carry": ""}))
    assert list(back.rows()) == list(table.rows())
    assert any(row.average_speed_kmh is None for row in back.rows())
    assert metadata == {"inputs": "abc", "carry": ""}
    assert len(reader.read_hourly(writer.write_hourly(HourlyTable.empty(), {}))[0]) == 0


@each_pair
def test_no_rows_make_a_file_either_reads(writer: ArchiveFormat, reader: ArchiveFormat) -> None:
    assert len(reader.read(writer.write_settled(PositionColumns.empty()))) == 0
    assert len(reader.read(writer.write_received(ReceivedPositions()))) == 0


@each_pair
def test_more_rows_than_a_row_group_stay_in_order(writer: ArchiveFormat, reader: ArchiveFormat) -> None:
    count = schema.ROW_GROUP_ROWS + 10
    number = np.arange(count)
    whole = PositionColumns.from_positions([Position("A", T0, 1.0, 2.0, 3.0)]).take(np.zeros(count, np.int64))
    columns = PositionColumns(
        **{name: getattr(whole, name) for name in PositionColumns.__slots__}
        | {
            "timestamp_ms": T0 + number,
            "latitude_e7": number * 7,
            "truck": (number >= 100).astype(np.int32),
            "trucks": ("A", "B"),
        }
    )
    data = writer.write_settled(columns)
    assert pq.read_metadata(pa.BufferReader(data)).num_row_groups == 2
    assert same(reader.read(data), columns)
    for trucks in ({"A"}, {"B"}, {"A", "B"}, {"Z"}, set()):
        found, wanted = reader.read(data, trucks).of_trucks(trucks), columns.of_trucks(trucks)
        assert np.array_equal(found.timestamp_ms, wanted.timestamp_ms)
        assert np.array_equal(found.latitude_e7, wanted.latitude_e7)
    if isinstance(reader, PyarrowFormat):  # what holds none of the trucks is not decoded
        assert len(reader.read(data, {"A"})) == schema.ROW_GROUP_ROWS
        assert len(reader.read(data, {"C", "Z"})) == 0


def test_files_of_both_have_equal_types_and_encodings() -> None:
    rows = received([Position("A", T0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, "idle"), Position("B", T0, -1.5, 2.0)])
    mine, theirs = (pq.read_metadata(pa.BufferReader(format.write_received(rows))) for format in FORMATS)
    assert mine.num_columns == theirs.num_columns == 13
    for place in range(mine.num_columns):
        one, other = mine.row_group(0).column(place), theirs.row_group(0).column(place)
        assert mine.schema.column(place).equals(theirs.schema.column(place)), one.path_in_schema
        assert (one.physical_type, one.compression) == (other.physical_type, "ZSTD")
        assert set(one.encodings) == set(other.encodings), one.path_in_schema
        assert one.has_dictionary_page == other.has_dictionary_page
        known = one.statistics, other.statistics
        assert [(s.has_min_max, s.min, s.max, s.null_count) for s in known[:1]] == [
            (s.has_min_max, s.min, s.max, s.null_count) for s in known[1:]
        ]


@both
def test_sql_reads_the_files_of_both_as_equal_rows(format: ArchiveFormat, tmp_path: Path) -> None:
    full = Position("TRK-1", T0 + 1, -33.8567844, 151.2152967, 999.999, 360.0, -999.99, 99_999.99, 100.0, "off")
    (tmp_path / "x.parquet").write_bytes(format.write_received(received([full, Position("TRK-2", T0, 90.0, -180.0)])))
    with duckdb.connect() as db:
        found = db.execute(f"SELECT * EXCLUDE (timestamp, arrival) FROM '{tmp_path}/x.parquet'").fetchall()
        kinds = db.execute(f"SELECT typeof(latitude), typeof(arrival) FROM '{tmp_path}/x.parquet'").fetchone()
    numbers = [Decimal(text) for text in ("-33.8567844", "151.2152967", "999.999", "360", "-999.99", "99999.99", "100")]
    assert found[0] == ("TRK-1", *numbers, "off", "1".zfill(56), 0)
    assert found[1] == ("TRK-2", Decimal(90), Decimal(-180), *(None,) * 6, "1".zfill(56), 1)
    assert kinds == ("DECIMAL(10,7)", "TIMESTAMP WITH TIME ZONE")


@both
def test_every_speed_and_height_survives_exactly(format: ArchiveFormat) -> None:
    number = np.arange(1_000_000)
    whole = PositionColumns.from_positions([Position("A", T0, 1.0, 2.0, 3.0)]).take(np.zeros(len(number), np.int64))
    columns = PositionColumns(
        **{name: getattr(whole, name) for name in PositionColumns.__slots__}
        | {
            "timestamp_ms": T0 + number,
            "speed": number.astype(np.int32),
            "altitude": (number * 10 - 99_999).astype(np.int32),
        }
        | {"latitude_e7": number * 1799 - 900_000_000, "longitude_e7": number * 3599 - 1_800_000_000}
    )
    assert same(format.read(format.write_settled(columns)), columns)


@both
def test_same_rows_give_the_same_bytes_in_any_order(format: ArchiveFormat) -> None:
    rows = received([Position("B", T0, 1.0, 2.0), Position("A", T0, 1.0, 2.0), Position("B", T0, 1.0, 2.0, 3.0)])
    shuffled = ReceivedPositions(rows.positions[::-1], rows.sequence_numbers[::-1], rows.indexes[::-1], [T0] * 3)
    assert format.write_received(rows) == format.write_received(shuffled)


def foreign(**columns: list[object]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


@both
@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1", b"not parquet at all" * 10, b"PAR1" + bytes(100) + b"PAR1", foreign(x=[1]), foreign(truck_id=[1])],
    ids=["empty", "magic", "text", "no footer", "foreign", "foreign type"],
)
def test_bytes_that_are_no_archive_file_are_damage(format: ArchiveFormat, data: bytes) -> None:
    with pytest.raises(StorageDamaged):
        format.read(data)
    with pytest.raises(StorageDamaged):
        format.read_hourly(data)


@both
def test_a_cut_file_is_damage(format: ArchiveFormat) -> None:
    whole = format.write_received(received([Position("A", T0 + n, 1.0, 2.0) for n in range(50)]))
    for place in range(4, len(whole), 97):
        with pytest.raises(StorageDamaged):
            format.read(whole[:place])


def test_pyarrow_is_chosen_where_installed_and_arro3_elsewhere() -> None:
    assert ParquetFormat is PyarrowFormat
    program = """
import sys
sys.modules["pyarrow"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "pyarrow" else found(name, package)
from truckstream.consumers.archive import ArchiveConsumer
from truckstream.parquet import ParquetFormat
from truckstream.core.records import Position, ReceivedPositions
data = ParquetFormat().write_received(ReceivedPositions([Position("A", 0, 1.0, 2.0)], [1], [0], [0]))
assert data[:4] == b"PAR1"
print(ParquetFormat.__name__, "numpy" in sys.modules)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["Arro3Format", "False"]

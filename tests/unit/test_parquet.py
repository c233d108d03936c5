"""The archive's files: exact both ways, nulls stay null, the same rows give the same bytes, readable by SQL."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from truckstream.core.columns import PositionColumns
from truckstream.core.errors import StorageDamaged
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.stats import hourly
from truckstream.parquet import ParquetFormat

T0 = 1_705_312_200_000
FORMAT = ParquetFormat()
FULL = Position("TRK-1", T0 + 1, -33.8567844, 151.2152967, 999.999, 360.0, -999.99, 99_999.99, 100.0, "off")
BARE = Position("TRK-2", T0, 90.0, -180.0)


def received(*positions: Position, sequence: int = 7) -> ReceivedPositions:
    count = len(positions)
    return ReceivedPositions(list(positions), list(range(sequence, sequence + count)), [0] * count, [T0] * count)


def test_received_file_keeps_every_row_and_its_delivery() -> None:
    again = Position("TRK-2", T0, 1.0, 2.0, 3.0)
    columns = FORMAT.read(FORMAT.write_received(received(BARE, again, FULL)))
    assert columns.to_positions() == [FULL, BARE, again]
    assert columns.delivery is not None
    assert columns.delivery.sequence.tolist() == [9, 7, 8]
    assert columns.delivery.arrival_ms.tolist() == [T0] * 3


def test_huge_sequence_numbers_survive_the_file() -> None:
    columns = FORMAT.read(FORMAT.write_received(received(FULL, BARE, sequence=2**185)))
    assert columns.delivery is not None
    assert [int(text) for text in columns.delivery.sequence.tolist()] == [2**185, 2**185 + 1]


def test_settled_file_is_unique_and_without_delivery_columns() -> None:
    columns = FORMAT.read(FORMAT.write_settled(PositionColumns.from_received(received(BARE, BARE, FULL))))
    assert columns.to_positions() == [FULL, BARE]
    assert columns.delivery is None


def test_no_rows_make_a_readable_file() -> None:
    assert len(FORMAT.read(FORMAT.write_settled(PositionColumns.empty()))) == 0
    assert len(FORMAT.read(FORMAT.write_received(ReceivedPositions()))) == 0


def test_same_rows_give_the_same_bytes_in_any_order() -> None:
    rows = received(FULL, BARE)
    swapped = ReceivedPositions(rows.positions[::-1], rows.sequence_numbers[::-1], [0, 0], [T0, T0])
    assert FORMAT.write_received(rows) == FORMAT.write_received(swapped)


def test_sql_sees_decimals_utc_instants_and_nulls(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(FORMAT.write_received(received(FULL, BARE)))
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        found = db.sql(f"SELECT * FROM '{tmp_path}/x.parquet'").to_arrow_table().to_pylist()
    assert found[0]["latitude"] == Decimal("-33.8567844")
    assert found[0]["altitude_m"] == Decimal("-999.99")
    assert found[0]["timestamp"] == datetime(2024, 1, 15, 9, 50, 0, 1000, UTC)
    assert found[0]["sequence_number"] == "7".zfill(56)
    unknown = ("speed_kmh", "heading", "altitude_m", "accuracy_m", "fuel_level_pct", "engine_status")
    assert [found[1][name] for name in unknown] == [None] * 6


def test_columns_are_integers_delta_encoded_with_zstd() -> None:
    metadata = pq.read_metadata(pa.BufferReader(FORMAT.write_received(received(FULL, BARE))))
    columns = {
        column["path_in_schema"]: column
        for column in (metadata.row_group(0).column(i).to_dict() for i in range(metadata.num_columns))
    }
    for name, kind in {"timestamp": "INT64", "latitude": "INT64", "speed_kmh": "INT32"}.items():
        assert columns[name]["physical_type"] == kind
        assert "DELTA_BINARY_PACKED" in columns[name]["encodings"]
        assert columns[name]["compression"] == "ZSTD"
        assert columns[name]["statistics"] is not None


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not parquet at all" * 10])
def test_bytes_that_are_no_archive_file_are_damage(data: bytes) -> None:
    with pytest.raises(StorageDamaged):
        FORMAT.read(data)
    with pytest.raises(StorageDamaged):
        FORMAT.read_hourly(data)


def test_a_foreign_parquet_file_is_damage() -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [1]}), sink)
    with pytest.raises(StorageDamaged, match="truck_id"):
        FORMAT.read(sink.getvalue().to_pybytes())


def test_truncated_file_is_damage() -> None:
    whole = FORMAT.write_received(received(FULL, BARE))
    with pytest.raises(StorageDamaged):
        FORMAT.read(whole[:-20])


def test_hourly_file_keeps_values_unknowns_and_metadata() -> None:
    table, _ = hourly(PositionColumns.from_positions([FULL, BARE]).settled())
    back, metadata = FORMAT.read_hourly(FORMAT.write_hourly(table, {"inputs": "abc", "carry": ""}))
    assert list(back.rows()) == list(table.rows())
    assert np.isnan(back.average_speed_kmh[1])
    assert metadata == {"inputs": "abc", "carry": ""}
    assert len(FORMAT.read_hourly(FORMAT.write_hourly(HourlyTable.empty(), {}))[0]) == 0

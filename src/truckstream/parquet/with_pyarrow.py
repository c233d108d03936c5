"""The archive's file format, made with PyArrow."""

from collections.abc import Collection

from truckstream.core.columns import PositionColumns
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.records import ReceivedPositions
from truckstream.parquet.pyarrow_hourly import read_hourly, write_hourly
from truckstream.parquet.pyarrow_positions import read_positions, write_positions


class PyarrowFormat:
    """The archive's file format: implements `ports.ArchiveFormat`."""

    def write_received(self, rows: ReceivedPositions) -> bytes:
        """Return a file of all these positions, by truck, time, sequence number and index."""
        return write_positions(PositionColumns.from_received(rows).sorted())

    def write_settled(self, columns: PositionColumns) -> bytes:
        """Return a compacted file: unique rows by truck and time, without delivery columns."""
        return write_positions(columns.settled())

    def read(self, data: bytes, trucks: Collection[str] | None = None) -> PositionColumns:
        """Return the rows of either kind of file, in file order, at least those of `trucks`. Raises StorageDamaged."""
        return read_positions(data, trucks)

    def write_hourly(self, table: HourlyTable, metadata: dict[str, str]) -> bytes:
        """Return a file of hourly statistics with free key-value metadata."""
        return write_hourly(table, metadata)

    def read_hourly(self, data: bytes) -> tuple[HourlyTable, dict[str, str]]:
        """Return the rows and the metadata given to `write_hourly`. Raises StorageDamaged."""
        return read_hourly(data)

"""The archive's file format, made with arro3: 11 MB zipped where PyArrow is 40.

The live archive function only writes received positions, and does so without NumPy; everything else (the
jobs) imports it when first called.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from truckstream.core.records import ReceivedPositions
from truckstream.parquet.arro3_received import write_received

if TYPE_CHECKING:
    from truckstream.core.columns import PositionColumns
    from truckstream.core.hourly_table import HourlyTable


class Arro3Format:
    """The archive's file format: implements `ports.ArchiveFormat`."""

    def write_received(self, rows: ReceivedPositions) -> bytes:
        """Return a file of all these positions, by truck, time, sequence number and index."""
        return write_received(rows)

    def write_settled(self, columns: "PositionColumns") -> bytes:
        """Return a compacted file: unique rows by truck and time, without delivery columns."""
        from truckstream.parquet.arro3_positions import write_positions

        return write_positions(columns.settled())

    def read(self, data: bytes, trucks: Collection[str] | None = None) -> "PositionColumns":
        """Return the rows of either kind of file, in file order: always all of them. Raises StorageDamaged."""
        del trucks
        from truckstream.parquet.arro3_positions import read_positions

        return read_positions(data)

    def write_hourly(self, table: "HourlyTable", metadata: dict[str, str]) -> bytes:
        """Return a file of hourly statistics with free key-value metadata."""
        from truckstream.parquet.arro3_hourly import write_hourly

        return write_hourly(table, metadata)

    def read_hourly(self, data: bytes) -> "tuple[HourlyTable, dict[str, str]]":
        """Return the rows and the metadata given to `write_hourly`. Raises StorageDamaged."""
        from truckstream.parquet.arro3_hourly import read_hourly

        return read_hourly(data)

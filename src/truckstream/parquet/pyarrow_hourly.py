"""The hourly statistics to a Parquet file and back with PyArrow, with free key-value metadata."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from truckstream.core.errors import StorageDamaged
from truckstream.core.hourly_table import HourlyTable
from truckstream.parquet import pyarrow_file
from truckstream.parquet.schema import MAYBE_UNKNOWN, METADATA_PREFIX


def hourly_to_arrow(table: HourlyTable) -> pa.Table:
    """Return the statistics as an Arrow table with the archive's column types; NaN becomes null."""
    arrays = {"truck_id": pa.array(table.truck_id, pa.string()).dictionary_encode()}
    for name, kind in pyarrow_file.HOURLY_TYPES.items():
        if name == "truck_id":
            continue
        values = table.column(name)
        if pa.types.is_timestamp(kind):
            arrays[name] = pa.array(values, pa.int64()).view(kind)
        else:
            arrays[name] = pa.array(values, kind, from_pandas=name in MAYBE_UNKNOWN)
    return pa.table(arrays)


def write_hourly(table: HourlyTable, metadata: dict[str, str]) -> bytes:
    """Return a file of the statistics and the metadata."""
    kept = {METADATA_PREFIX + key: value for key, value in sorted(metadata.items())}
    return pyarrow_file.write([hourly_to_arrow(table)], kept)


def read_hourly(data: bytes) -> tuple[HourlyTable, dict[str, str]]:
    """Return the statistics and the metadata of a file. Raises StorageDamaged."""
    row_groups = list(pyarrow_file.read(data, ()))
    if not row_groups:
        return HourlyTable.empty(), _metadata_of(data)
    table = pa.concat_tables(row_groups)
    missing = [name for name in pyarrow_file.HOURLY_TYPES if name not in table.column_names]
    if missing:
        raise StorageDamaged(f"a file of hourly statistics without the column {missing[0]!r}")
    values = {name: _values(table[name].combine_chunks()) for name in pyarrow_file.HOURLY_TYPES if name != "truck_id"}
    return HourlyTable.from_columns(table["truck_id"].to_pylist(), values), _metadata_of(data)


def _values(array: pa.Array) -> npt.NDArray[np.generic]:
    if pa.types.is_timestamp(array.type):
        array = array.view(pa.int64())
    values: npt.NDArray[np.generic] = array.to_numpy(zero_copy_only=False)
    return values


def _metadata_of(data: bytes) -> dict[str, str]:
    stored = pq.read_metadata(pa.BufferReader(data)).metadata or {}
    prefix = METADATA_PREFIX.encode()
    return {
        key.removeprefix(prefix).decode(): value.decode() for key, value in stored.items() if key.startswith(prefix)
    }

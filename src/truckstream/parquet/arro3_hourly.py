"""The hourly statistics to a Parquet file and back with arro3 and NumPy, with free key-value metadata."""

from typing import Any

import arro3.core as ac
import numpy as np
import numpy.typing as npt

from truckstream.core.errors import StorageDamaged
from truckstream.core.hourly_table import HourlyTable
from truckstream.parquet import arro3_file as file
from truckstream.parquet.arro3_memory import flags_of, numbers_of
from truckstream.parquet.schema import HOURLY_COLUMNS, MAYBE_UNKNOWN, METADATA_PREFIX, Column

_PREFIX = METADATA_PREFIX.encode()


def write_hourly(table: HourlyTable, metadata: dict[str, str]) -> bytes:
    """Return a file of the statistics and the metadata."""
    arrays = {column.name: _array(table, column) for column in HOURLY_COLUMNS}
    return file.write(arrays, {METADATA_PREFIX + key: value for key, value in metadata.items()})


def read_hourly(data: bytes) -> tuple[HourlyTable, dict[str, str]]:
    """Return the statistics and the metadata of a file. Raises StorageDamaged."""
    parts = [_table(arrays) for arrays in file.read(data, HOURLY_COLUMNS)]
    table = parts[0] if len(parts) == 1 else HourlyTable.concat(parts)
    found = file.metadata_of(data)
    return table, {
        key.removeprefix(_PREFIX).decode(): value.decode() for key, value in found.items() if key.startswith(_PREFIX)
    }


def _array(table: HourlyTable, column: Column) -> ac.Array:
    if column.name == "truck_id":
        return file.texts(table.truck_id)
    values = table.column(column.name)
    if column.name in MAYBE_UNKNOWN:
        return ac.Array([None if value != value else value for value in values.tolist()], file.type_of(column))
    return ac.Array.from_numpy(np.ascontiguousarray(values)).cast(file.type_of(column))


def _table(arrays: dict[str, ac.Array]) -> HourlyTable:
    for column in HOURLY_COLUMNS:
        if arrays[column.name].null_count and column.name not in MAYBE_UNKNOWN:
            raise StorageDamaged(f"a file of hourly statistics with a row without {column.name}")
    values: dict[str, Any] = {column.name: _values(arrays[column.name], column) for column in HOURLY_COLUMNS[1:]}
    return HourlyTable.from_columns(tuple(arrays["truck_id"].to_pylist()), values)


def _values(array: ac.Array, column: Column) -> npt.NDArray[Any]:
    if column.kind == "bool":
        return flags_of(array)
    if column.kind == "instant":
        return numbers_of(array, np.int64).values
    values, known = numbers_of(array, column.kind)
    return values if column.name not in MAYBE_UNKNOWN else np.where(known, values, np.nan)

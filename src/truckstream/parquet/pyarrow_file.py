"""Arrow tables to Parquet files and back with PyArrow, in the types and encodings of `schema`."""

import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq

from truckstream.core.errors import StorageDamaged
from truckstream.parquet.schema import (
    COLUMNS,
    DELIVERY_COLUMNS,
    HOURLY_COLUMNS,
    POSITION_COLUMNS,
    ROW_GROUP_ROWS,
    ZSTD_LEVEL,
    Column,
)

INSTANT = pa.timestamp("ms", tz="UTC")
_TYPES = {
    "name": pa.dictionary(pa.int32(), pa.string()),
    "status": pa.dictionary(pa.int8(), pa.string()),
    "text": pa.string(),
    "instant": INSTANT,
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}


def _type_of(column: Column) -> pa.DataType:
    if column.kind == "decimal":
        return pa.decimal128(column.precision, column.scale)
    return _TYPES[column.kind]


POSITION_TYPES: Mapping[str, pa.DataType] = {column.name: _type_of(column) for column in POSITION_COLUMNS}
DELIVERY_TYPES: Mapping[str, pa.DataType] = {column.name: _type_of(column) for column in DELIVERY_COLUMNS}
HOURLY_TYPES: Mapping[str, pa.DataType] = {column.name: _type_of(column) for column in HOURLY_COLUMNS}


def write(row_groups: Iterable[pa.Table], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return tables of one schema, at least one, as the row groups of a Parquet file.

    The same tables and metadata always give the same bytes.
    """
    tables = iter(row_groups)
    first = next(tables)
    columns = [COLUMNS[name] for name in first.column_names]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        first.schema,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=[column.name for column in columns if column.has_dictionary],
        column_encoding={column.name: column.encoding for column in columns if column.encoding},
        store_decimal_as_integer=True,
        store_schema=False,
        write_statistics=True,
    ) as writer:
        for table in chain([first], tables):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        if metadata:
            writer.add_key_value_metadata(dict(sorted(metadata.items())))
    return bytes(sink.getvalue().to_pybytes())


def read(data: bytes, dictionaries: Sequence[str], trucks: Collection[str] | None = None) -> Iterator[pa.Table]:
    """Yield the file's row groups (that may hold these trucks). Raises StorageDamaged when it is no Parquet file."""
    wanted = None if trucks is None else sorted(trucks)
    try:
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=list(dictionaries))
        for place in range(file.num_row_groups):
            if wanted is not None and not _may_hold(file.metadata.row_group(place), wanted):
                continue
            yield file.read_row_group(place, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise StorageDamaged(f"not a readable Parquet file: {error}") from error
    except KeyError as error:
        raise StorageDamaged(f"an archive file without the column {error.args[0].decode()!r}") from error


def _may_hold(row_group: pq.RowGroupMetaData, trucks: Sequence[str]) -> bool:
    """Return whether one of the trucks (sorted) lies between the row group's first and last truck id."""
    column = row_group.column(0)
    statistics = column.statistics
    if column.path_in_schema != "truck_id" or statistics is None or not statistics.has_min_max:
        return True
    place = bisect.bisect_left(trucks, statistics.min)
    return place < len(trucks) and trucks[place] <= statistics.max

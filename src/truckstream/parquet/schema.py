"""The columns of the archive's files: names, types, encodings. Both backends and SQL read exactly these.

Numbers are DECIMALs stored as integers, so SQL sees plain numbers and DELTA_BINARY_PACKED + zstd make a
position about 5 bytes. The Arrow schema is not stored: the Parquet types say it all, small files stay small.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq

from truckstream.core.errors import StorageDamaged

INSTANT = pa.timestamp("ms", tz="UTC")
NAMES = pa.dictionary(pa.int32(), pa.string())

POSITION_TYPES: Mapping[str, pa.DataType] = {
    "truck_id": NAMES,
    "timestamp": INSTANT,
    "latitude": pa.decimal128(10, 7),
    "longitude": pa.decimal128(10, 7),
    "speed_kmh": pa.decimal128(6, 3),
    "heading": pa.decimal128(5, 2),
    "altitude_m": pa.decimal128(7, 2),
    "accuracy_m": pa.decimal128(7, 2),
    "fuel_level_pct": pa.decimal128(5, 2),
    "engine_status": pa.dictionary(pa.int8(), pa.string()),
}
DELIVERY_TYPES: Mapping[str, pa.DataType] = {
    "sequence_number": pa.string(),
    "record_index": pa.int32(),
    "arrival": INSTANT,
}
HOURLY_TYPES: Mapping[str, pa.DataType] = {
    "truck_id": NAMES,
    "hour": INSTANT,
    "total_distance_km": pa.float64(),
    "average_speed_kmh": pa.float64(),
    "max_speed_kmh": pa.float64(),
    "idle_time_minutes": pa.float64(),
    "coordinates_count": pa.int64(),
    "final": pa.bool_(),
    "revision": pa.int32(),
}

ROW_GROUP_ROWS = 196_608
_ZSTD_LEVEL = 3


def write(row_groups: Iterable[pa.Table], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return tables of one schema, at least one, as the row groups of a Parquet file.

    The same tables and metadata always give the same bytes.
    """
    tables = iter(row_groups)
    first = next(tables)
    dictionaries = [field.name for field in first.schema if pa.types.is_dictionary(field.type)]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        first.schema,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=dictionaries,
        column_encoding={
            field.name: encoding
            for field in first.schema
            if field.name not in dictionaries and (encoding := _encoding(field.type))
        },
        store_decimal_as_integer=True,
        store_schema=False,
        write_statistics=True,
    ) as writer:
        for table in chain([first], tables):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        if metadata:
            writer.add_key_value_metadata(dict(sorted(metadata.items())))
    return bytes(sink.getvalue().to_pybytes())


def read(data: bytes, dictionaries: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the file's row groups. Raises StorageDamaged when it is not a whole Parquet file."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=list(dictionaries))
        for place in range(file.num_row_groups):
            yield file.read_row_group(place, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise StorageDamaged(f"not a readable Parquet file: {error}") from error
    except KeyError as error:
        raise StorageDamaged(f"an archive file without the column {error.args[0].decode()!r}") from error


def _encoding(kind: pa.DataType) -> str | None:
    if pa.types.is_decimal(kind) or pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return "DELTA_BINARY_PACKED"
    return "DELTA_BYTE_ARRAY" if pa.types.is_string(kind) else None

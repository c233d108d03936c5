"""Arrow arrays to Parquet files and back with arro3, in the types and encodings of `schema`. No NumPy.

arro3 makes no decimal from integers. It does from doubles, rounding to the nearest: exact here, because every
number is within 1e-9 of its resolution (tested for every speed, altitude and percentage there is).

Reading trusts the store to give back the bytes that were written: a cut or foreign file is found, yet flipped
bits inside can make arro3 ask for memory that is not there. S3 checks every object.
"""

import io
from array import array
from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import Literal

import arro3.core as ac
import arro3.io as aio

from truckstream.core.errors import StorageDamaged
from truckstream.parquet.schema import COLUMNS, ROW_GROUP_ROWS, ZSTD_LEVEL, Column

TEXT = ac.DataType.utf8()
NAMES = ac.DataType.dictionary(ac.DataType.int32(), ac.DataType.utf8())
_TYPES = {
    "name": TEXT,
    "status": TEXT,
    "text": TEXT,
    "instant": ac.DataType.timestamp("ms", tz="UTC"),
    "int32": ac.DataType.int32(),
    "int64": ac.DataType.int64(),
    "float64": ac.DataType.float64(),
    "bool": ac.DataType.bool(),
}
_MAGIC = b"PAR1"


def type_of(column: Column) -> ac.DataType:
    """Return the Arrow type a column is written from and read to."""
    if column.kind == "decimal":
        return ac.DataType.decimal128(column.precision, column.scale)
    return _TYPES[column.kind]


def decimals(name: str, numbers: Sequence[float | None]) -> ac.Array:
    """Return numbers as a decimal column; None becomes null."""
    values = array("d", [nan if number is None else number for number in numbers])
    return _from_buffer(values, "float64").cast(type_of(COLUMNS[name]))


def integers(name: str, numbers: Sequence[int]) -> ac.Array:
    """Return integers as an integer or instant column."""
    return _from_buffer(array("q", numbers), "int64").cast(type_of(COLUMNS[name]))


def texts(values: Sequence[str | None]) -> ac.Array:
    """Return a text column; None is null."""
    return ac.Array(values, TEXT)


def write(arrays: Mapping[str, ac.Array], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the columns as a Parquet file; the same columns and metadata always give the same bytes."""
    columns = [COLUMNS[name] for name in arrays]
    sink = io.BytesIO()
    aio.write_parquet(
        ac.Table.from_pydict(dict(arrays)),
        sink,
        compression=f"zstd({ZSTD_LEVEL})",
        dictionary_enabled=False,
        column_dictionary_enabled={column.name: True for column in columns if column.has_dictionary},
        column_encoding={column.name: _encoding(column) for column in columns if column.encoding},
        data_page_row_count_limit=ROW_GROUP_ROWS,
        max_row_group_size=ROW_GROUP_ROWS,
        key_value_metadata=dict(sorted((metadata or {}).items())),
        skip_arrow_metadata=True,
    )
    return sink.getvalue()


def read(data: bytes, columns: Sequence[Column]) -> Iterator[dict[str, ac.Array]]:
    """Yield the named columns, a row group at a time.

    Raises StorageDamaged when it is not a whole Parquet file or a column is missing or of another type.
    """
    reader = _opened(data)
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except BaseException as error:
            raise _damage(error) from error
        yield {column.name: _column(batch, column) for column in columns}


def column_names(data: bytes) -> list[str]:
    """Return the names of the file's columns. Raises StorageDamaged."""
    return _opened(data).schema.names


def metadata_of(data: bytes) -> dict[bytes, bytes]:
    """Return the file's key-value metadata. Raises StorageDamaged."""
    return _opened(data).schema.metadata


def _from_buffer(values: array[float] | array[int], kind: Literal["float64", "int64"]) -> ac.Array:
    return ac.Array.from_buffer(values) if values else ac.Array([], _TYPES[kind])  # an empty one is refused


def _opened(data: bytes) -> ac.RecordBatchReader:
    if len(data) < 12 or data[:4] != _MAGIC or data[-4:] != _MAGIC:
        raise StorageDamaged("not a readable Parquet file: it does not begin and end with PAR1")
    try:
        return aio.read_parquet(data, batch_size=ROW_GROUP_ROWS)
    except BaseException as error:
        raise _damage(error) from error


def _damage(error: BaseException) -> BaseException:
    """Return what to raise: arro3 panics (no `Exception`) where other readers raise errors."""
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return StorageDamaged(f"not a readable Parquet file: {error}")
    return error


def _column(batch: ac.RecordBatch, column: Column) -> ac.Array:
    if column.name not in batch.schema.names:
        raise StorageDamaged(f"an archive file without the column {column.name!r}")
    values = batch.column(column.name)
    if values.type != type_of(column):
        raise StorageDamaged(f"an archive file with other columns than ours: {column.name} is {values.type}")
    return values


def _encoding(column: Column) -> Literal["delta_byte_array", "delta_binary_packed"]:
    return "delta_byte_array" if column.encoding == "DELTA_BYTE_ARRAY" else "delta_binary_packed"

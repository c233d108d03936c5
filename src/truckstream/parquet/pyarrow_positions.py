"""Position columns to a Parquet file and back with PyArrow, through Arrow buffers: no Python object per value."""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from truckstream.core.columns import (
    ENGINE_STATUSES,
    ENGINE_UNKNOWN,
    SEQUENCE_DIGITS,
    UNKNOWN,
    Bool,
    Delivery,
    Int64,
    PositionColumns,
    sequence_from_text,
    sequence_text,
)
from truckstream.core.errors import StorageDamaged
from truckstream.parquet import pyarrow_file
from truckstream.parquet.schema import DECIMALS, ROW_GROUP_ROWS

_NUMBERS = {column.name: column.field for column in DECIMALS}
_TOLD = set(_NUMBERS.values()) - {"latitude_e7", "longitude_e7"}


def write_positions(columns: PositionColumns) -> bytes:
    """Return a file of these rows, in their order, with the delivery columns they have."""
    starts = range(0, len(columns) or 1, ROW_GROUP_ROWS)
    return pyarrow_file.write(_to_arrow(columns.take(slice(start, start + ROW_GROUP_ROWS))) for start in starts)


def read_positions(data: bytes, trucks: Collection[str] | None = None) -> PositionColumns:
    """Return the rows of a file that `write_positions` made, in file order. Raises StorageDamaged.

    With `trucks`, row groups that hold none of them are not even decoded.
    """
    row_groups = pyarrow_file.read(data, ("truck_id", "engine_status"), trucks)
    return PositionColumns.concat([_from_arrow(table) for table in row_groups])


def _to_arrow(columns: PositionColumns) -> pa.Table:
    arrays = {
        "truck_id": _truck_array(columns),
        "timestamp": pa.array(columns.timestamp_ms).view(pyarrow_file.INSTANT),
        **{name: _decimal_array(name, getattr(columns, field)) for name, field in _NUMBERS.items()},
        "engine_status": pa.DictionaryArray.from_arrays(
            pa.array(columns.engine, mask=columns.engine == ENGINE_UNKNOWN), pa.array(ENGINE_STATUSES)
        ),
    }
    if columns.delivery is not None:
        arrays["sequence_number"] = _sequence_array(columns.delivery.sequence)
        arrays["record_index"] = pa.array(columns.delivery.record_index)
        arrays["arrival"] = pa.array(columns.delivery.arrival_ms).view(pyarrow_file.INSTANT)
    return pa.table(arrays)


def _from_arrow(table: pa.Table) -> PositionColumns:
    kinds = dict(pyarrow_file.POSITION_TYPES)
    if "sequence_number" in table.column_names:
        kinds |= pyarrow_file.DELIVERY_TYPES
    missing = [name for name in kinds if name not in table.column_names]
    if missing:
        raise StorageDamaged(f"an archive file without the column {missing[0]!r}")
    try:
        table = table.select(list(kinds)).cast(pa.schema(list(kinds.items()))).unify_dictionaries()
    except pa.ArrowException as error:
        raise StorageDamaged(f"an archive file with other columns than ours: {error}") from error
    arrays = {name: table[name].combine_chunks() for name in kinds}
    trucks, truck = _trucks_of(arrays["truck_id"])
    delivery = None
    if "sequence_number" in arrays:
        delivery = Delivery(
            _sequence_of(arrays["sequence_number"]),
            arrays["record_index"].to_numpy(),
            _instants_of(arrays["arrival"]),
        )
    numbers: dict[str, Any] = {field: _integers_of(arrays[name]) for name, field in _NUMBERS.items()}
    return PositionColumns(
        trucks,
        truck,
        _instants_of(arrays["timestamp"]),
        **{field: value.astype(np.int32) if field in _TOLD else value for field, value in numbers.items()},
        engine=_engine_of(arrays["engine_status"]),
        delivery=delivery,
    )


def _truck_array(columns: PositionColumns) -> pa.Array:
    """Return the truck ids, without the names of trucks that have no row."""
    used = np.zeros(len(columns.trucks), np.bool_)
    used[columns.truck] = True
    names = [name for name, is_used in zip(columns.trucks, used.tolist(), strict=True) if is_used]
    codes = (np.cumsum(used, dtype=np.int32) - 1)[columns.truck]
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))


def _decimal_array(name: str, values: npt.NDArray[np.signedinteger]) -> pa.Array:
    """Return integers as the decimals they stand for; `UNKNOWN` becomes null."""
    words = np.empty((len(values), 2), np.int64)
    words[:, 0] = values
    words[:, 1] = words[:, 0] >> 63  # the sign, in the upper half of 128 bits
    known: Bool = values != UNKNOWN
    validity = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(pyarrow_file.POSITION_TYPES[name], len(values), [validity, pa.py_buffer(words)])


def _integers_of(array: pa.Array) -> Int64:
    words = np.frombuffer(array.buffers()[1], np.int64)
    values: Int64 = words[2 * array.offset : 2 * (array.offset + len(array)) : 2].copy()
    if array.null_count:
        values[pc.is_null(array).to_numpy(zero_copy_only=False)] = UNKNOWN
    return values


def _sequence_array(sequence: npt.NDArray[np.generic]) -> pa.Array:
    text = np.ascontiguousarray(sequence_text(sequence))
    offsets = np.arange(len(text) + 1, dtype=np.int32) * SEQUENCE_DIGITS
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(text.view(np.uint8)))


def _sequence_of(array: pa.Array) -> npt.NDArray[np.generic]:
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
    if (np.diff(offsets) != SEQUENCE_DIGITS).any():
        raise StorageDamaged(f"a sequence number that has not {SEQUENCE_DIGITS} digits")
    if not len(array):
        return np.empty(0, np.int64)
    text = np.frombuffer(array.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    return sequence_from_text(text.view(f"S{SEQUENCE_DIGITS}"))


def _instants_of(array: pa.Array) -> Int64:
    values: Int64 = array.view(pa.int64()).to_numpy()
    return values


def _trucks_of(array: pa.DictionaryArray) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return sorted names, and codes that are places in them."""
    names: list[str] = array.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    return tuple(names[code] for code in order), place[array.indices.to_numpy()]


def _engine_of(array: pa.DictionaryArray) -> npt.NDArray[np.int8]:
    codes = {status: code for code, status in enumerate(ENGINE_STATUSES)}
    known = np.array([codes[status] for status in array.dictionary.to_pylist()] + [ENGINE_UNKNOWN], np.int8)
    engine: npt.NDArray[np.int8] = known[array.indices.fill_null(-1).to_numpy()]  # -1: the last, unknown
    return engine

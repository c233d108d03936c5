"""Position columns to a Parquet file and back with arro3 and NumPy: for the jobs in Lambda."""

from typing import Any

import arro3.core as ac
import numpy as np
import numpy.typing as npt

from truckstream.core.columns import (
    ENGINE_STATUSES,
    ENGINE_UNKNOWN,
    SEQUENCE_DIGITS,
    UNKNOWN,
    Delivery,
    Int64,
    PositionColumns,
    sequence_from_text,
    sequence_text,
)
from truckstream.core.errors import StorageDamaged
from truckstream.parquet import arro3_file as file
from truckstream.parquet.arro3_memory import numbers_of, texts_of
from truckstream.parquet.schema import COLUMNS, DECIMALS, DELIVERY_COLUMNS, POSITION_COLUMNS

_WIDE = ("latitude_e7", "longitude_e7")  # the others fit 32 bits


def write_positions(columns: PositionColumns) -> bytes:
    """Return a file of these rows, in their order, with the delivery columns they have."""
    arrays = {
        "truck_id": _chosen([*columns.trucks], columns.truck),
        "timestamp": _integers("timestamp", columns.timestamp_ms),
        **{column.name: _decimals(column.name, getattr(columns, column.field)) for column in DECIMALS},
        "engine_status": _chosen(
            [*ENGINE_STATUSES, None],
            np.where(columns.engine == ENGINE_UNKNOWN, len(ENGINE_STATUSES), columns.engine).astype(np.int32),
        ),
    }
    delivery = columns.delivery
    if delivery is not None:
        arrays["sequence_number"] = file.texts([text.decode() for text in sequence_text(delivery.sequence).tolist()])
        arrays["record_index"] = _integers("record_index", delivery.record_index)
        arrays["arrival"] = _integers("arrival", delivery.arrival_ms)
    return file.write(arrays)


def read_positions(data: bytes) -> PositionColumns:
    """Return the rows of a file that either writer made, in file order. Raises StorageDamaged."""
    received = "sequence_number" in file.column_names(data)
    columns = (*POSITION_COLUMNS, *DELIVERY_COLUMNS) if received else POSITION_COLUMNS
    return PositionColumns.concat([_from_arrays(arrays) for arrays in file.read(data, columns)])


def _from_arrays(arrays: dict[str, ac.Array]) -> PositionColumns:
    for name in ("truck_id", "timestamp", "latitude", "longitude"):
        if arrays[name].null_count:
            raise StorageDamaged(f"an archive file with a row without {name}")
    trucks, truck = _trucks_of(arrays["truck_id"])
    delivery = None
    if "sequence_number" in arrays:
        delivery = Delivery(
            _sequence_of(arrays["sequence_number"]),
            numbers_of(arrays["record_index"], np.int32).values,
            numbers_of(arrays["arrival"], np.int64).values,
        )
    numbers: dict[str, Any] = {column.field: _integers_of(arrays[column.name]) for column in DECIMALS}
    return PositionColumns(
        trucks,
        truck,
        numbers_of(arrays["timestamp"], np.int64).values,
        **{field: values if field in _WIDE else values.astype(np.int32) for field, values in numbers.items()},
        engine=_engine_of(arrays["engine_status"]),
        delivery=delivery,
    )


def _integers(name: str, values: npt.NDArray[np.signedinteger]) -> ac.Array:
    return ac.Array.from_numpy(np.ascontiguousarray(values)).cast(file.type_of(COLUMNS[name]))


def _decimals(name: str, values: npt.NDArray[np.signedinteger]) -> ac.Array:
    """Return integers as the decimals they stand for; `UNKNOWN` becomes null, as NaN does in arro3."""
    numbers = np.where(values == UNKNOWN, np.nan, values / 10.0 ** COLUMNS[name].scale)
    return ac.Array.from_numpy(numbers).cast(file.type_of(COLUMNS[name]))


def _chosen(names: list[str | None], places: npt.NDArray[np.int32]) -> ac.Array:
    return file.texts(names).take(ac.Array.from_numpy(np.ascontiguousarray(places)))


def _integers_of(array: ac.Array) -> Int64:
    values, known = numbers_of(array, np.int64, words=2)
    return np.where(known, values, UNKNOWN)


def _names_of(array: ac.Array) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Return the different strings of a column, and which of them each row has; -1 is null."""
    coded = array.cast(file.NAMES)
    places, known = numbers_of(ac.dictionary_indices(coded), np.int32)
    return list(ac.dictionary_dictionary(coded).to_pylist()), np.where(known, places, np.int32(-1))


def _trucks_of(array: ac.Array) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return sorted names, and codes that are places in them."""
    names, places = _names_of(array)
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    return tuple(names[code] for code in order), place[places]


def _engine_of(array: ac.Array) -> npt.NDArray[np.int8]:
    codes = {status: code for code, status in enumerate(ENGINE_STATUSES)}
    names, places = _names_of(array)
    try:
        known = np.array([*(codes[name] for name in names), ENGINE_UNKNOWN], np.int8)  # type: ignore[index]
    except KeyError as error:
        raise StorageDamaged(f"an archive file with the engine status {error.args[0]!r}") from None
    engine: npt.NDArray[np.int8] = known[places]  # -1: the last, unknown
    return engine


def _sequence_of(array: ac.Array) -> npt.NDArray[np.generic]:
    data, offsets = texts_of(array)
    if array.null_count or (np.diff(offsets) != SEQUENCE_DIGITS).any():
        raise StorageDamaged(f"a sequence number that has not {SEQUENCE_DIGITS} digits")
    if not len(array):
        return np.empty(0, np.int64)
    return sequence_from_text(data.view(f"S{SEQUENCE_DIGITS}"))

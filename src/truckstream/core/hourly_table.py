"""The hourly statistics as a table: one row per truck and hour, unknown is NaN inside and empty outside."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

VALUE_COLUMNS = (
    "total_distance_km",
    "average_speed_kmh",
    "max_speed_kmh",
    "idle_time_minutes",
    "coordinates_count",
)
_COLUMNS = ("hour_ms", *VALUE_COLUMNS, "final", "revision")


class HourlyRow(msgspec.Struct, frozen=True):
    """One truck's hour; None is unknown. `hour_ms` is the start of the UTC clock hour."""

    truck_id: str
    hour_ms: int
    total_distance_km: float
    average_speed_kmh: float | None
    max_speed_kmh: float | None
    idle_time_minutes: float | None
    coordinates_count: int
    final: bool
    revision: int


@dataclass(frozen=True, slots=True, eq=False)
class HourlyTable:
    """Hourly statistics column by column, sorted by truck and hour."""

    truck_id: tuple[str, ...]
    hour_ms: npt.NDArray[np.int64]
    total_distance_km: npt.NDArray[np.float64]
    average_speed_kmh: npt.NDArray[np.float64]
    max_speed_kmh: npt.NDArray[np.float64]
    idle_time_minutes: npt.NDArray[np.float64]
    coordinates_count: npt.NDArray[np.int64]
    final: npt.NDArray[np.bool_]
    revision: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.truck_id)

    @classmethod
    def empty(cls) -> Self:
        """Return a table of no rows."""
        numbers = np.empty(0, np.float64)
        whole = np.empty(0, np.int64)
        return cls(
            (),
            whole,
            *(numbers,) * 4,
            coordinates_count=whole,
            final=whole > 0,
            revision=whole.astype(np.int32),
        )

    @classmethod
    def concat(cls, tables: Sequence[Self]) -> Self:
        """Return the rows of all tables, sorted by truck and hour."""
        if not tables:
            return cls.empty()
        truck_id = [name for table in tables for name in table.truck_id]
        columns = {field: np.concatenate([getattr(table, field) for table in tables]) for field in _COLUMNS}
        hours = columns["hour_ms"].tolist()
        order = sorted(range(len(truck_id)), key=lambda row: (truck_id[row], hours[row]))
        return cls(tuple(truck_id), **columns).take(np.array(order, np.int64))

    def take(self, rows: npt.NDArray[np.int64]) -> Self:
        """Return the chosen rows, in the order chosen."""
        columns = {field: getattr(self, field)[rows] for field in _COLUMNS}
        return type(self)(tuple(self.truck_id[row] for row in rows.tolist()), **columns)

    def select(
        self, *, trucks: Collection[str] | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> Self:
        """Return the rows of these trucks with `from_ms <= hour_ms < to_ms`."""
        chosen = np.ones(len(self), np.bool_)
        if from_ms is not None:
            chosen &= self.hour_ms >= from_ms
        if to_ms is not None:
            chosen &= self.hour_ms < to_ms
        if trucks is not None:
            chosen &= np.array([name in trucks for name in self.truck_id], np.bool_)
        return self if chosen.all() else self.take(np.flatnonzero(chosen))

    def rows(self) -> Iterator[HourlyRow]:
        """Yield the rows, unknown values as None."""
        values = [[None if value != value else value for value in getattr(self, field).tolist()] for field in _COLUMNS]
        yield from map(HourlyRow, self.truck_id, *values)

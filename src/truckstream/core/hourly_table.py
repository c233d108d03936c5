"""The hourly statistics as a table: one row per truck and hour, unknown is NaN inside and empty outside."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from truckstream.core.speed_bands import BAND_NAMES, BANDS

VALUE_COLUMNS = (
    "total_distance_km",
    "average_speed_kmh",
    "max_speed_kmh",
    "idle_time_minutes",
    "coordinates_count",
)
ACTIVITY_COLUMNS = (
    "driving_time_minutes",
    "gap_time_minutes",
    "gap_count",
    "speed_count",
    "first_ms",
    "last_ms",
    "band_ms",
)
"""What the reports show beside the statistics proper; never unknown."""

COLUMNS = ("hour_ms", *VALUE_COLUMNS, "final", "revision", *ACTIVITY_COLUMNS)
"""All but the trucks' names."""

_FIELD_OF = {"hour": "hour_ms", "first_position": "first_ms", "last_position": "last_ms"}


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
    driving_time_minutes: float
    gap_time_minutes: float
    gap_count: int
    speed_count: int
    first_ms: int
    last_ms: int
    band_ms: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class HourlyTable:
    """Hourly statistics column by column, sorted by truck and hour.

    `driving_time_minutes`: pairs at most 300 s apart that do not idle and lie at least 3 km/h times their span
    apart, in the hour of the later one; `band_ms` is the same time by speed, a row of `BANDS` for each hour.
    `gap_time_minutes`, `gap_count`: silences over 300 s between two positions of the hour; those between hours
    show in `first_ms` and `last_ms`, the hour's first and last position. `speed_count`: positions with a known speed,
    which the average is of: the average of several hours weighs each by it.
    """

    truck_id: tuple[str, ...]
    hour_ms: npt.NDArray[np.int64]
    total_distance_km: npt.NDArray[np.float64]
    average_speed_kmh: npt.NDArray[np.float64]
    max_speed_kmh: npt.NDArray[np.float64]
    idle_time_minutes: npt.NDArray[np.float64]
    coordinates_count: npt.NDArray[np.int64]
    final: npt.NDArray[np.bool_]
    revision: npt.NDArray[np.int32]
    driving_time_minutes: npt.NDArray[np.float64]
    gap_time_minutes: npt.NDArray[np.float64]
    gap_count: npt.NDArray[np.int64]
    speed_count: npt.NDArray[np.int64]
    first_ms: npt.NDArray[np.int64]
    last_ms: npt.NDArray[np.int64]
    band_ms: npt.NDArray[np.int32]

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
            driving_time_minutes=numbers,
            gap_time_minutes=numbers,
            gap_count=whole,
            speed_count=whole,
            first_ms=whole,
            last_ms=whole,
            band_ms=np.empty((0, BANDS), np.int32),
        )

    @classmethod
    def concat(cls, tables: Sequence[Self]) -> Self:
        """Return the rows of all tables, sorted by truck and hour."""
        if not tables:
            return cls.empty()
        truck_id = [name for table in tables for name in table.truck_id]
        columns = {field: np.concatenate([getattr(table, field) for table in tables]) for field in COLUMNS}
        hours = columns["hour_ms"].tolist()
        order = sorted(range(len(truck_id)), key=lambda row: (truck_id[row], hours[row]))
        return cls(tuple(truck_id), **columns).take(np.array(order, np.int64))

    def take(self, rows: npt.NDArray[np.int64]) -> Self:
        """Return the chosen rows, in the order chosen."""
        columns = {field: getattr(self, field)[rows] for field in COLUMNS}
        return type(self)(tuple(self.truck_id[row] for row in rows.tolist()), **columns)

    def select(
        self,
        *,
        trucks: Collection[str] | None = None,
        without: Collection[str] = (),
        from_ms: int | None = None,
        to_ms: int | None = None,
    ) -> Self:
        """Return the rows of these trucks, less those of others, with `from_ms <= hour_ms < to_ms`."""
        chosen = np.ones(len(self), np.bool_)
        if from_ms is not None:
            chosen &= self.hour_ms >= from_ms
        if to_ms is not None:
            chosen &= self.hour_ms < to_ms
        if trucks is not None:
            chosen &= np.array([name in trucks for name in self.truck_id], np.bool_)
        if without:
            chosen &= np.array([name not in without for name in self.truck_id], np.bool_)
        return self if chosen.all() else self.take(np.flatnonzero(chosen))

    def rows(self) -> Iterator[HourlyRow]:
        """Yield the rows, unknown values as None."""
        values = [[None if value != value else value for value in getattr(self, field).tolist()] for field in COLUMNS]
        yield from map(HourlyRow, self.truck_id, *values)

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """Return a column under its name in a file: instants there have no `_ms`, each speed band is one.

        >>> HourlyTable.empty().column("driving_from_120_kmh_ms").shape
        (0,)
        """
        if name in BAND_NAMES:
            band: npt.NDArray[np.generic] = self.band_ms[:, BAND_NAMES.index(name)]
            return band
        values: npt.NDArray[np.generic] = getattr(self, _FIELD_OF.get(name, name))
        return values

    @classmethod
    def from_columns(cls, truck_id: Sequence[str], columns: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        """Return the table of columns under their names in a file."""
        fields = {_FIELD_OF.get(name, name): values for name, values in columns.items() if name not in BAND_NAMES}
        bands = np.stack([columns[name] for name in BAND_NAMES], axis=1).astype(np.int32)
        return cls(tuple(truck_id), **fields, band_ms=bands)  # type: ignore[arg-type]

"""Rows of a table, as many as there are: a page of them, or all of them one after another."""

import bisect
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
import numpy as np

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import format_hour, parse_instant
from truckstream.reports.answers import HourlyRow
from truckstream.reports.hours import Hours
from truckstream.reports.period import Period

_PART_ROWS = 10_000


class Rows[Row: msgspec.Struct](Protocol):
    """A table's rows in their order."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def part(self, start: int, end: int) -> list[Row]:
        """Return those at the places `start` to before `end`."""
        ...

    def sorted(self, by: str) -> "Rows[Row]":
        """Return them by a column; `-` before its name: largest first; unknown last. Raises InvalidInput."""
        ...

    def key(self, row: Row) -> list[str]:
        """Return what tells the row's place in the order they come in."""
        ...

    def after(self, key: Sequence[str]) -> int:
        """Return the place of the first row behind that key, whether a row with it is still there or not."""
        ...


class ListRows[Row: msgspec.Struct]:
    """Rows that are all there, ordered by the fields `keys`, which are texts."""

    def __init__(self, rows: Sequence[Row], keys: Sequence[str]) -> None:
        self._rows = rows
        self._keys = keys

    def __len__(self) -> int:
        return len(self._rows)

    def part(self, start: int, end: int) -> list[Row]:
        """Return those at the places `start` to before `end`."""
        return list(self._rows[start:end])

    def sorted(self, by: str) -> "ListRows[Row]":
        """Return them by a column. Raises InvalidInput."""
        name, descending = _column(by)
        if not self._rows:
            return self
        if name not in self._rows[0].__struct_fields__:
            raise _no_column(name, self._rows[0].__struct_fields__)
        known = [row for row in self._rows if getattr(row, name) is not None]
        unknown = [row for row in self._rows if getattr(row, name) is None]
        known.sort(key=lambda row: getattr(row, name), reverse=descending)
        return ListRows([*known, *unknown], self._keys)

    def key(self, row: Row) -> list[str]:
        """Return the values of the fields that order the rows."""
        return [getattr(row, name) for name in self._keys]

    def after(self, key: Sequence[str]) -> int:
        """Return the place of the first row behind that key."""
        return bisect.bisect_right(self._rows, list(key), key=self.key)


class HourlyRows:
    """The hourly table, whose rows are made when they are asked for."""

    def __init__(self, hours: Hours, period: Period) -> None:
        self._hours = hours
        self._period = period

    def __len__(self) -> int:
        return len(self._hours)

    def part(self, start: int, end: int) -> list[HourlyRow]:
        """Return those at the places `start` to before `end`."""
        hours = self._hours.take(np.arange(start, min(end, len(self._hours))))
        local = {ms: self._period.local(ms) for ms in set(hours.hour_ms.tolist())}
        columns = [
            [None if value != value else value for value in column.tolist()]
            for column in (
                hours.total_distance_km,
                hours.average_speed_kmh,
                hours.max_speed_kmh,
                hours.idle_time_minutes,
                hours.driving_time_minutes,
                hours.gap_time_minutes,
            )
        ]
        return [
            HourlyRow(
                truck_id=hours.trucks[code],
                hour=format_hour(hour_ms),
                hour_local=local[hour_ms],
                total_distance_km=distance,
                average_speed_kmh=average,
                max_speed_kmh=fastest,
                idle_time_minutes=idle,
                coordinates_count=count,
                driving_time_minutes=driving,
                gap_time_minutes=gap,
                final=final,
                revision=revision,
            )
            for code, hour_ms, distance, average, fastest, idle, driving, gap, count, final, revision in zip(
                hours.truck.tolist(),
                hours.hour_ms.tolist(),
                *columns,
                hours.coordinates_count.tolist(),
                hours.final.tolist(),
                hours.revision.tolist(),
                strict=True,
            )
        ]

    def sorted(self, by: str) -> "HourlyRows":
        """Return them by a column. Raises InvalidInput."""
        name, descending = _column(by)
        field = {"hour": "hour_ms", "hour_local": "hour_ms", "truck_id": "truck"}.get(name, name)
        if name not in HourlyRow.__struct_fields__:
            raise _no_column(name, HourlyRow.__struct_fields__)
        values = getattr(self._hours, field).astype(np.float64)
        return HourlyRows(self._hours.take(np.argsort(-values if descending else values, kind="stable")), self._period)

    def key(self, row: HourlyRow) -> list[str]:
        """Return truck and hour."""
        return [row.truck_id, row.hour]

    def after(self, key: Sequence[str]) -> int:
        """Return the place of the first row behind that truck and hour. Raises InvalidInput."""
        hours = self._hours
        try:
            truck_id, hour_ms = key[0], parse_instant(key[1])
        except (IndexError, ValueError) as error:
            raise InvalidInput("cursor: not one that this server gave", hint="Start again without a cursor.") from error
        code = bisect.bisect_left(hours.trucks, truck_id)
        first = int(np.searchsorted(hours.truck, code))
        if code == len(hours.trucks) or hours.trucks[code] != truck_id:
            return first
        end = int(np.searchsorted(hours.truck, code, side="right"))
        return first + int(np.searchsorted(hours.hour_ms[first:end], hour_ms, side="right"))


def each[Row: msgspec.Struct](rows: Rows[Row]) -> Iterator[list[Row]]:
    """Yield all rows in parts."""
    for start in range(0, len(rows), _PART_ROWS):
        yield rows.part(start, start + _PART_ROWS)


def _column(by: str) -> tuple[str, bool]:
    return by.removeprefix("-"), by.startswith("-")


def _no_column(name: str, there: Sequence[str]) -> InvalidInput:
    return InvalidInput(f"sort: there is no column {name[:40]!r}", hint=f"Columns: {', '.join(there)}.")

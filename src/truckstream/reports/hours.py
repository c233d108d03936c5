"""The hourly statistics of a period as columns, kept in memory date by date while their file stays the same.

A thousand trucks over 30 days are 720,000 rows: names become numbers once, so that every report is a few sums.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from truckstream.consumers.archive_keys import HOURLY, POSITIONS, date_in
from truckstream.consumers.history import fingerprint
from truckstream.consumers.statistics import current_days, stored_day
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.instants import DAY_MS, date_of
from truckstream.core.pairs import GAP_MS
from truckstream.ports import ArchiveObject
from truckstream.reports.sources import ReportSources

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

COMPUTE_BYTES: Final = 16 * 1024 * 1024
"""Statistics that are behind the archive are made while the reader waits if the positions are no more than this."""

_KEPT_PERIODS: Final = 4

_COLUMNS: Final = (
    "hour_ms",
    "total_distance_km",
    "average_speed_kmh",
    "max_speed_kmh",
    "idle_time_minutes",
    "coordinates_count",
    "final",
    "revision",
    "driving_time_minutes",
    "gap_time_minutes",
    "gap_count",
    "first_ms",
    "last_ms",
    "band_ms",
)


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """Rows by truck and hour. `truck` holds places in `trucks`, which are sorted; names without rows may be there."""

    trucks: tuple[str, ...]
    truck: Int64
    hour_ms: Int64
    total_distance_km: Float64
    average_speed_kmh: Float64
    max_speed_kmh: Float64
    idle_time_minutes: Float64
    coordinates_count: Int64
    final: npt.NDArray[np.bool_]
    revision: npt.NDArray[np.int32]
    driving_time_minutes: Float64
    gap_time_minutes: Float64
    gap_count: Int64
    first_ms: Int64
    last_ms: Int64
    band_ms: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.truck)

    def take(self, rows: npt.NDArray[np.bool_] | Int64) -> "Hours":
        """Return the chosen rows."""
        return Hours(self.trucks, self.truck[rows], **{name: getattr(self, name)[rows] for name in _COLUMNS})

    def select(self, from_ms: int, to_ms: int, trucks: Collection[str] | None = None) -> "Hours":
        """Return the hours that begin within `from_ms <= t < to_ms` (of these trucks)."""
        chosen = (self.hour_ms >= from_ms) & (self.hour_ms < to_ms)
        if trucks is not None:
            chosen &= np.array([name in trucks for name in self.trucks], np.bool_)[self.truck]
        return self if chosen.all() else self.take(chosen)

    def present(self) -> Int64:
        """Return the places in `trucks` that have rows, ascending."""
        return np.flatnonzero(np.bincount(self.truck, minlength=len(self.trucks)))

    def silences(self) -> tuple[Int64, Int64, Int64]:
        """Return the gaps between one hour's last position and the next one's first: truck, begin, end."""
        same = self.truck[1:] == self.truck[:-1]
        gap = np.flatnonzero(same & (self.first_ms[1:] - self.last_ms[:-1] > GAP_MS))
        return self.truck[gap], self.last_ms[gap], self.first_ms[gap + 1]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A date's columns, and what they were made from."""

    date: str
    stamp: str
    inputs: str
    names: tuple[str, ...]
    table: HourlyTable
    truck: Int64


class HourStore:
    """Reads statistics; any number of threads may ask at once."""

    def __init__(self, sources: ReportSources) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._computed: dict[str, _Kept] = {}
        self._joined: OrderedDict[object, Hours] = OrderedDict()
        self._listing = ""

    def extent(self) -> tuple[int, int, list[str]] | None:
        """Return the first and last position's time of all dates, and the trucks; None when there are no statistics."""
        with self._lock:
            days = [day for day in self._days_of(None)[0] if len(day.truck)]
        if not days:
            return None
        names = sorted(set().union(*(day.names for day in days)))
        return int(days[0].table.first_ms.min()), int(days[-1].table.last_ms.max()), names

    def stamp(self, from_ms: int, to_ms: int) -> str:
        """Return a text that changes when the positions of the dates around the period do."""
        positions, _ = self._list()
        files = [file for date in sorted(positions) if _near(date, from_ms, to_ms) for file in positions[date]]
        return fingerprint(files)

    def read(self, from_ms: int, to_ms: int) -> tuple[Hours, list[str]]:
        """Return all hours of the dates from a day before the period to a day after it, and what is amiss with them."""
        with self._lock:
            days, notes = self._days_of((from_ms, to_ms))
            key = tuple((day.date, day.stamp, day.inputs) for day in days)
            if key in self._joined:
                self._joined.move_to_end(key)
                return self._joined[key], notes
        joined = _joined(days)
        with self._lock:
            self._joined[key] = joined
            while len(self._joined) > _KEPT_PERIODS:
                self._joined.popitem(last=False)
        return joined, notes

    def _days_of(self, period: tuple[int, int] | None) -> tuple[list[_Kept], list[str]]:
        """Return the dates around the period (None: all), brought up to date as far as that is quick."""
        positions, hourly = self._list()
        dates = sorted({*positions, *hourly})
        wanted = [date for date in dates if period is None or _near(date, *period)]
        for date in wanted:
            self._load(date, hourly.get(date))
        behind = [date for date in wanted if date in positions and self._is_behind(date, positions[date])]
        notes: list[str] = []
        if behind:
            if sum(file.size for date in behind for file in positions[date]) <= COMPUTE_BYTES:
                self._compute(positions)
            else:
                notes = [_behind_note(behind, self._kept)]
        found = [self._newest(date, positions.get(date, [])) for date in wanted]
        return [each for each in found if each is not None], notes

    def _list(self) -> tuple[dict[str, list[ArchiveObject]], dict[str, ArchiveObject]]:
        positions: dict[str, list[ArchiveObject]] = {}
        for file in self._sources.archive.list(POSITIONS):
            if date := date_in(file.key):
                positions.setdefault(date, []).append(file)
        hourly = {date: file for file in self._sources.archive.list(HOURLY) if (date := date_in(file.key))}
        return positions, hourly

    def _load(self, date: str, file: ArchiveObject | None) -> None:
        stamp = f"{file.tag}" if file is not None else ""
        kept = self._kept.get(date)
        if file is None:
            self._kept.pop(date, None)
        elif kept is None or kept.stamp != stamp:
            source = self._sources
            day = stored_day(source.archive, source.format, date, limit_kmh=source.limit_kmh)
            if day is None:
                self._kept.pop(date, None)
            else:
                self._kept[date] = _coded(date, stamp, day.inputs, day.table)

    def _is_behind(self, date: str, files: Sequence[ArchiveObject]) -> bool:
        kept = self._kept.get(date)
        return kept is None or kept.inputs != fingerprint(files)

    def _compute(self, positions: dict[str, list[ArchiveObject]]) -> None:
        listing = fingerprint([file for date in sorted(positions) for file in positions[date]])
        if listing == self._listing:
            return
        source = self._sources
        newest_ms = max((int(kept.table.last_ms.max()) for kept in self._kept.values() if len(kept.table)), default=0)
        days = current_days(source.archive, source.format, clock_ms=newest_ms or None, limit_kmh=source.limit_kmh)
        self._computed = {day.date: _coded(day.date, "", day.inputs, day.table) for day in days}
        self._listing = listing

    def _newest(self, date: str, files: Sequence[ArchiveObject]) -> _Kept | None:
        """Return the computed columns where they fit the files better than the stored ones."""
        computed = self._computed.get(date)
        if computed is not None and self._is_behind(date, files) and computed.inputs == fingerprint(files):
            return computed
        return self._kept.get(date)


def _near(date: str, from_ms: int, to_ms: int) -> bool:
    return date_of(from_ms - DAY_MS) <= date <= date_of(to_ms + DAY_MS)


def _behind_note(behind: Sequence[str], kept: dict[str, _Kept]) -> str:
    missing = [date for date in behind if date not in kept]
    told = ", ".join(missing[:3] or behind[:3]) + (", ..." if len(missing or behind) > 3 else "")
    if missing:
        return f"The statistics of {told} (UTC) are not made yet; the running pipeline makes them every minute."
    return f"The statistics of {told} (UTC) are a little older than their positions."


def _coded(date: str, stamp: str, inputs: str, table: HourlyTable) -> _Kept:
    names = tuple(sorted(set(table.truck_id)))
    code_of = {name: code for code, name in enumerate(names)}
    truck = np.array([code_of[name] for name in table.truck_id], np.int64)
    return _Kept(date, stamp, inputs, names, table, truck)


def _joined(days: Sequence[_Kept]) -> Hours:
    names = tuple(sorted(set().union(*(day.names for day in days))))
    code_of = {name: code for code, name in enumerate(names)}
    tables = [day.table for day in days] or [HourlyTable.empty()]
    codes = [np.array([code_of[name] for name in day.names], np.int64)[day.truck] for day in days if len(day.truck)]
    truck = np.concatenate(codes) if codes else np.empty(0, np.int64)
    columns = {name: np.concatenate([getattr(table, name) for table in tables]) for name in _COLUMNS}
    hours = Hours(names, truck, **columns)
    return hours.take(np.lexsort((hours.hour_ms, hours.truck)))

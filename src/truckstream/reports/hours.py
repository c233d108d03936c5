"""The hourly statistics of a period as columns, kept in memory date by date while their file stays the same.

A thousand trucks over 30 days are 720,000 rows: names become numbers once, so that every report is a few sums.
"""

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from truckstream.consumers.archive_keys import HOURLY, date_in
from truckstream.consumers.compaction import CLOSES_AFTER_MS
from truckstream.consumers.history import by_date, fingerprint
from truckstream.consumers.statistics import current_days, stored_day
from truckstream.core.errors import InvalidInput
from truckstream.core.hourly_table import COLUMNS, HourlyTable
from truckstream.core.instants import DAY_MS, HOUR_MS, date_of
from truckstream.core.pairs import GAP_MS
from truckstream.ports import ArchiveObject
from truckstream.reports.sources import ReportSources

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

COMPUTE_BYTES: Final = 16 * 1024 * 1024
"""Statistics that are behind the archive are made while the reader waits if the positions are no more than this."""

MOST_ROWS: Final = 4_000_000
"""A report is made of so many truck-hours at most: 1,000 trucks over 160 days."""

REACH_DATES: Final = 2
"""So many dates with data are read on either side of a period: a silence over a weekend shows at both its ends."""

KEPT_ROWS: Final = 2_000_000
"""So many rows are kept in memory for the next question, at about 200 bytes each, by date and again by period."""


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
    speed_count: Int64
    first_ms: Int64
    last_ms: Int64
    band_ms: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.truck)

    def take(self, rows: npt.NDArray[np.bool_] | Int64) -> "Hours":
        """Return the chosen rows."""
        return Hours(self.trucks, self.truck[rows], **{name: getattr(self, name)[rows] for name in COLUMNS})

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


@dataclass(slots=True)
class _Kept:
    """A date: what its statistics were made from, its trucks, first and last position, and the columns while kept."""

    date: str
    stamp: str
    inputs: str
    names: tuple[str, ...]
    rows: int
    first_ms: int
    last_ms: int
    columns: dict[str, npt.NDArray[np.generic]] | None


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
            days = [day for day in self._days_of(None)[0] if day.rows]
            self._forget()
        if not days:
            return None
        return days[0].first_ms, days[-1].last_ms, sorted(set().union(*(day.names for day in days)))

    def stamp(self, from_ms: int, to_ms: int) -> str:
        """Return a text that changes when the positions of the dates around the period do."""
        positions, _ = self._list()
        files = [file for date in sorted(positions) if _near(date, from_ms, to_ms) for file in positions[date]]
        return fingerprint(files)

    def read(self, from_ms: int, to_ms: int) -> tuple[Hours, list[str]]:
        """Return all hours of the period's dates and those next to it (`REACH_DATES`), and what is amiss with them."""
        with self._lock:
            days, notes = self._days_of((from_ms, to_ms))
            key = tuple((day.date, day.stamp, day.inputs) for day in days)
            joined = self._joined.pop(key, None)
            if joined is None:
                joined = _joined(days)
            self._joined[key] = joined
            while len(self._joined) > 1 and sum(len(each) for each in self._joined.values()) > KEPT_ROWS:
                self._joined.popitem(last=False)
            self._forget()
        return joined, notes

    def _days_of(self, period: tuple[int, int] | None) -> tuple[list[_Kept], list[str]]:
        """Return the dates around the period (None: all), brought up to date as far as that is quick."""
        positions, hourly = self._list()
        dates = sorted({*positions, *hourly})
        wanted = dates if period is None else _reached(dates, *period)
        rows = 0
        for date in wanted:
            self._load(date, hourly.get(date), whole=period is not None)
            rows += self._kept[date].rows if date in self._kept else 0
            if rows > MOST_ROWS:
                self._forget()
                if period is not None:
                    hint = f"Up to {MOST_ROWS:,} hours of all trucks together fit: choose a shorter period."
                    raise InvalidInput(f"to: until {date} there are {rows:,} hours already", hint=hint)
        # Of dates further away only silences are told: those are good enough as they were stored.
        near = [date for date in wanted if period is None or _near(date, *period)]
        behind = [date for date in near if date in positions and self._is_behind(date, positions[date])]
        notes: list[str] = []
        if behind:
            if sum(file.size for date in behind for file in positions[date]) <= COMPUTE_BYTES:
                self._compute(positions)
            else:
                notes = [_behind_note(behind, self._kept)]
        found = [self._newest(date, positions.get(date, [])) for date in wanted]
        return [each for each in found if each is not None], notes

    def _list(self) -> tuple[dict[str, list[ArchiveObject]], dict[str, ArchiveObject]]:
        positions = by_date(self._sources.archive)
        hourly = {date: file for file in self._sources.archive.list(HOURLY) if (date := date_in(file.key))}
        return positions, hourly

    def _load(self, date: str, file: ArchiveObject | None, *, whole: bool) -> None:
        """Read a date's statistics if they are new; `whole` False needs no columns."""
        stamp = f"{file.tag}" if file is not None else ""
        kept = self._kept.pop(date, None)
        if file is None:
            return
        if kept is not None and kept.stamp == stamp and (kept.columns is not None or not whole):
            self._kept[date] = kept  # as the one asked for last
        else:
            source = self._sources
            day = stored_day(source.archive, source.format, date, limit_kmh=source.limit_kmh)
            if day is not None:
                self._kept[date] = _coded(date, stamp, day.inputs, day.table)

    def _is_behind(self, date: str, files: Sequence[ArchiveObject]) -> bool:
        kept = self._kept.get(date)
        return kept is None or kept.inputs != fingerprint(files)

    def _compute(self, positions: dict[str, list[ArchiveObject]]) -> None:
        listing = fingerprint([file for date in sorted(positions) for file in positions[date]])
        if listing == self._listing:
            return
        source = self._sources
        computed, newest_ms = {}, 0
        for day in current_days(source.archive, source.format, clock_ms=None, limit_kmh=source.limit_kmh):
            newest_ms = max(newest_ms, int(day.table.last_ms.max(initial=0)))
            if self._is_behind(day.date, positions[day.date]):
                computed[day.date] = _coded(day.date, "", day.inputs, day.table)
        # The archive keeps no clock: it is at least as late as the newest position.
        for kept in computed.values():
            assert kept.columns is not None
            hours_ms = kept.columns["hour_ms"].astype(np.int64)
            kept.columns["final"] = hours_ms + HOUR_MS + CLOSES_AFTER_MS <= newest_ms
        self._computed = computed
        self._listing = listing

    def _forget(self) -> None:
        """Keep only as many columns as memory should hold, those asked for last."""
        rows = 0
        for kept in reversed(self._kept.values()):
            rows += kept.rows
            if rows > KEPT_ROWS:
                kept.columns = None

    def _newest(self, date: str, files: Sequence[ArchiveObject]) -> _Kept | None:
        """Return the computed columns where they fit the files better than the stored ones."""
        computed = self._computed.get(date)
        if computed is not None and self._is_behind(date, files) and computed.inputs == fingerprint(files):
            return computed
        return self._kept.get(date)


def _reached(dates: Sequence[str], from_ms: int, to_ms: int) -> list[str]:
    """Return the period's dates and the nearest ones with data on either side."""
    start, end = bisect_left(dates, date_of(from_ms)), bisect_right(dates, date_of(to_ms - 1))
    return list(dates[max(0, start - REACH_DATES) : end + REACH_DATES])


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
    columns = {name: getattr(table, name) for name in COLUMNS}
    columns["truck"] = np.array([code_of[name] for name in table.truck_id], np.int64)
    first_ms = int(table.first_ms.min()) if len(table) else 0
    last_ms = int(table.last_ms.max()) if len(table) else 0
    return _Kept(date, stamp, inputs, names, len(table), first_ms, last_ms, columns)


def _joined(days: Sequence[_Kept]) -> Hours:
    names = tuple(sorted(set().union(*(day.names for day in days))))
    code_of = {name: code for code, name in enumerate(names)}
    empty = HourlyTable.empty()
    parts: list[dict[str, Any]] = [{name: getattr(empty, name) for name in COLUMNS} | {"truck": np.empty(0, np.int64)}]
    for day in days:
        assert day.columns is not None
        places = np.array([code_of[name] for name in day.names], np.int64)
        parts.append(day.columns | {"truck": places[day.columns["truck"]] if day.rows else day.columns["truck"]})
    columns = {name: np.concatenate([part[name] for part in parts]) for name in ("truck", *COLUMNS)}
    hours = Hours(names, **columns)
    return hours.take(np.lexsort((hours.hour_ms, hours.truck)))

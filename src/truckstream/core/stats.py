"""Hourly statistics per truck, from position columns: distance, speeds, idle time, count.

One pass in event order, in windows of any size: what a window needs of the past is its `Carry`, what it needs
of the future (positions set aside as too fast, which later ones may yet confirm) it asks for by `pending`.
Any split of a history into windows gives the same numbers as one pass over all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from truckstream.core.columns import (
    ENGINE_UNKNOWN,
    UNKNOWN,
    Int64,
    PositionColumns,
)
from truckstream.core.geodesy import distance_m
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.instants import HOUR_MS
from truckstream.core.outliers import Track, judge
from truckstream.core.pairs import MS_M_PER_KMH, Pairs, is_driving, is_idle
from truckstream.core.records import Position
from truckstream.core.speed_bands import BANDS, band_of

__all__ = ["Carry", "HourlyPass", "HourlyTable", "PositionColumns", "hourly"]

_CERTAINLY_FINE = 1 - 1e-9  # the scalar formula decides where rounding could

type Carry = Mapping[str, Track]
"""Per truck, the last accepted position and those set aside after it."""


@dataclass(slots=True)
class _Cell:
    """What one truck did in one hour. Speeds and times are integers, so no order of adding shows."""

    distance_m: float = 0.0
    speed_sum: int = 0
    speed_count: int = 0
    speed_max: int = UNKNOWN
    idle_ms: int = 0
    known_count: int = 0
    count: int = 0
    gap_ms: int = 0
    gap_count: int = 0
    first_ms: int = 2**62
    last_ms: int = 0
    band_ms: list[int] = field(default_factory=lambda: [0] * BANDS)


def hourly(
    columns: PositionColumns, carry: Carry | None = None, limit_kmh: float = 0.0
) -> tuple[HourlyTable, dict[str, Track]]:
    """Return the statistics of these positions, and what the next ones need to know of them.

    Args:
        columns: sorted by truck and time, unique, newer than everything in `carry`.
        carry: what the call before returned; None at the start of the history.
        limit_kmh: the fastest believable speed; 0 believes everything.
    """
    window = HourlyPass(carry or {}, limit_kmh)
    window.add(columns)
    return window.table(), window.carry()


class HourlyPass:
    """The statistics of one window, `from_ms <= timestamp_ms < to_ms`, fed in event order."""

    def __init__(self, carry: Carry, limit_kmh: float, *, from_ms: int | None = None, to_ms: int | None = None) -> None:
        self._tracks = dict(carry)
        self._limit_kmh = limit_kmh
        self._from_ms, self._to_ms = from_ms, to_ms
        self._cells: dict[tuple[str, int], _Cell] = {}
        self._ahead: dict[str, Track] | None = None

    def add(self, columns: PositionColumns) -> None:
        """Take the next positions of the window: sorted by truck and time, unique, all newer than before."""
        if not len(columns):
            return
        if self._from_ms is None:
            self._from_ms = int(columns.timestamp_ms.min())
        starts = np.flatnonzero(np.append(True, columns.truck[1:] != columns.truck[:-1]))
        names = [columns.trucks[code] for code in columns.truck[starts].tolist()]
        pairs = Pairs(columns, starts, [self._tracks.get(name) for name in names])
        doubtful = self._doubtful(pairs, starts, names)
        self._add_cells(columns, pairs)
        self._follow(columns, starts, names, doubtful)

    def pending(self) -> frozenset[str]:
        """Return the trucks whose set-aside positions in the window may yet be accepted: see `look_ahead`."""
        tracks = self._tracks if self._ahead is None else self._ahead
        return frozenset(
            name
            for name, track in tracks.items()
            if any(self._inside(position.timestamp_ms) for position in track.set_aside)
        )

    def look_ahead(self, columns: PositionColumns) -> None:
        """Judge positions after the window (sorted, unique): they may confirm its last ones (see `pending`).

        Nothing of these positions is counted, and `carry` does not change.
        """
        if self._ahead is None:
            self._ahead = {name: self._tracks[name] for name in self.pending()}
        for position in columns.of_trucks(self.pending()).to_positions():
            track = self._ahead[position.truck_id]
            if track.set_aside:
                self._ahead[position.truck_id] = self._judge(track, position)

    def carry(self) -> dict[str, Track]:
        """Return what the window after this one needs to know.

        The length of a run is left out: it does not matter here, and late rows would change every later carry.
        """
        return {name: Track(track.last, track.set_aside) for name, track in self._tracks.items()}

    def table(self) -> HourlyTable:
        """Return the statistics so far, every row open and of revision 1."""
        keys = sorted(self._cells)
        cells = [self._cells[key] for key in keys]
        speed_count = np.array([cell.speed_count for cell in cells], np.float64)
        speed_count[speed_count == 0] = np.nan
        known = np.array([cell.known_count > 0 for cell in cells], np.bool_)
        return HourlyTable(
            tuple(truck_id for truck_id, _ in keys),
            np.array([hour_ms for _, hour_ms in keys], np.int64),
            np.array([cell.distance_m for cell in cells], np.float64) / 1000,
            np.array([cell.speed_sum for cell in cells], np.float64) / 1000 / speed_count,
            np.array([cell.speed_max for cell in cells], np.float64) / 1000 + 0 * speed_count,
            np.where(known, np.array([cell.idle_ms for cell in cells], np.float64) / 60_000, np.nan),
            np.array([cell.count for cell in cells], np.int64),
            np.zeros(len(cells), np.bool_),
            np.ones(len(cells), np.int32),
            np.array([sum(cell.band_ms) for cell in cells], np.float64) / 60_000,
            np.array([cell.gap_ms for cell in cells], np.float64) / 60_000,
            np.array([cell.gap_count for cell in cells], np.int64),
            np.array([cell.speed_count for cell in cells], np.int64),
            np.array([cell.first_ms for cell in cells], np.int64),
            np.array([cell.last_ms for cell in cells], np.int64),
            np.array([cell.band_ms for cell in cells], np.int32).reshape(len(cells), BANDS),
        )

    def _inside(self, timestamp_ms: int) -> bool:
        return (self._from_ms is None or timestamp_ms >= self._from_ms) and (
            self._to_ms is None or timestamp_ms < self._to_ms
        )

    def _doubtful(self, pairs: "Pairs", starts: Int64, names: list[str]) -> list[int]:
        """Return which trucks (places in `starts`) need judging one by one; clear their distances."""
        if self._limit_kmh <= 0:
            return []
        reach_m = self._limit_kmh * _CERTAINLY_FINE * pairs.gap_ms / MS_M_PER_KMH
        violated = np.logical_or.reduceat(pairs.distance_m > reach_m, starts)
        ends = np.append(starts[1:], len(pairs.distance_m))
        doubtful = []
        for place, name in enumerate(names):
            track = self._tracks.get(name)
            if violated[place] or (track is not None and track.set_aside):
                doubtful.append(place)
                pairs.distance_m[starts[place] : ends[place]] = 0.0
        return doubtful

    def _add_cells(self, columns: PositionColumns, pairs: "Pairs") -> None:
        hour = columns.timestamp_ms // HOUR_MS
        starts = np.flatnonzero(np.append(True, (columns.truck[1:] != columns.truck[:-1]) | (hour[1:] != hour[:-1])))
        known = columns.speed != UNKNOWN
        ends = np.append(starts[1:], len(columns))
        silent = pairs.inner_gaps_ms(columns, hour)
        sums = (
            np.add.reduceat(pairs.distance_m, starts).tolist(),
            np.add.reduceat(np.where(known, columns.speed, 0), starts, dtype=np.int64).tolist(),
            np.add.reduceat(known, starts, dtype=np.int64).tolist(),
            np.maximum.reduceat(columns.speed, starts).tolist(),
            np.add.reduceat(pairs.idle_ms, starts).tolist(),
            np.add.reduceat(known | (columns.engine != ENGINE_UNKNOWN), starts, dtype=np.int64).tolist(),
            (ends - starts).tolist(),
            np.add.reduceat(silent, starts).tolist(),
            np.add.reduceat(silent > 0, starts, dtype=np.int64).tolist(),
            columns.timestamp_ms[starts].tolist(),
            columns.timestamp_ms[ends - 1].tolist(),
            pairs.bands_ms(columns, starts).tolist(),
        )
        hours_ms = (hour[starts] * HOUR_MS).tolist()
        trucks = [columns.trucks[code] for code in columns.truck[starts].tolist()]
        for truck_id, hour_ms, *more in zip(trucks, hours_ms, *sums, strict=True):
            cell = self._cells.get((truck_id, hour_ms))
            if cell is None:
                self._cells[truck_id, hour_ms] = _Cell(*more)
                continue
            cell.distance_m += more[0]
            cell.speed_sum += more[1]
            cell.speed_count += more[2]
            cell.speed_max = max(cell.speed_max, more[3])
            cell.idle_ms += more[4]
            cell.known_count += more[5]
            cell.count += more[6]
            cell.gap_ms += more[7]
            cell.gap_count += more[8]
            cell.first_ms = min(cell.first_ms, more[9])
            cell.last_ms = max(cell.last_ms, more[10])
            cell.band_ms = [one + other for one, other in zip(cell.band_ms, more[11], strict=True)]

    def _follow(self, columns: PositionColumns, starts: Int64, names: list[str], doubtful: list[int]) -> None:
        """Bring the tracks up to date: in one step where nothing is doubtful, else position by position."""
        ends = np.append(starts[1:], len(columns))
        lasts = columns.take(ends - 1).to_positions()
        judged = set(doubtful)
        for place, (name, last) in enumerate(zip(names, lasts, strict=True)):
            if place not in judged:
                self._tracks[name] = Track(last)
                continue
            track = self._tracks.get(name)
            for position in columns.to_positions(slice(int(starts[place]), int(ends[place]))):
                track = self._judge(track, position)
            assert track is not None
            self._tracks[name] = track

    def _judge(self, track: Track | None, position: Position) -> Track:
        """Judge one position, and count the distance of what it brought into the track."""
        verdict = judge(track, position, self._limit_kmh)
        before = None if track is None or verdict.reanchored else track.last
        for accepted in verdict.accepted:
            if before is not None and self._inside(accepted.timestamp_ms):
                cell = self._cells[accepted.truck_id, accepted.timestamp_ms // HOUR_MS * HOUR_MS]
                moved_m = distance_m(before.latitude, before.longitude, accepted.latitude, accepted.longitude)
                cell.distance_m += moved_m
                span_ms = accepted.timestamp_ms - before.timestamp_ms
                if is_driving(span_ms, moved_m) and not (is_idle(before) and is_idle(accepted)):
                    speed_kmh = accepted.speed_kmh
                    if speed_kmh is None:
                        speed_kmh = moved_m * MS_M_PER_KMH / span_ms
                    cell.band_ms[band_of(speed_kmh)] += span_ms
            before = accepted
        return verdict.track

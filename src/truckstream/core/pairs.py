"""Each position with the one before it of the same truck: distances, idling, driving and gaps of whole columns."""

import numpy as np
import numpy.typing as npt

from truckstream.core.columns import ENGINE_IDLE, ENGINE_OFF, UNKNOWN, Bool, Int64, PositionColumns
from truckstream.core.distances import distances_m
from truckstream.core.instants import HOUR_MS
from truckstream.core.outliers import Track
from truckstream.core.records import Position
from truckstream.core.speed_bands import BAND_KMH, BANDS

IDLE_PAIR_MS = 300_000
IDLE_BELOW_KMH = 3
GAP_MS = 300_000
"""A longer silence is a gap: whatever the truck did in it counts neither as driving nor as idling."""

MS_M_PER_KMH = 3_600.0


class Pairs:
    """The pairs of a window; the position before the first of a truck may come from the carry."""

    def __init__(self, columns: PositionColumns, starts: Int64, tracks: list[Track | None]) -> None:
        before = [None if track is None else _newest(track) for track in tracks]
        idle = _idle(columns)
        was_idle = _shifted(idle, starts, [p is not None and is_idle(p) for p in before])
        self.gap_ms = columns.timestamp_ms - _shifted(
            columns.timestamp_ms, starts, [0 if p is None else p.timestamp_ms for p in before]
        )
        lone = starts[[p is None for p in before]]
        self.idle_ms = np.where(idle & was_idle & (self.gap_ms <= IDLE_PAIR_MS), self.gap_ms, 0)
        self.idle_ms[lone] = 0
        latitude, longitude = columns.latitude_e7 / 1e7, columns.longitude_e7 / 1e7
        self.distance_m = distances_m(
            _shifted(latitude, starts, [0.0 if p is None else p.latitude for p in before], keep=lone),
            _shifted(longitude, starts, [0.0 if p is None else p.longitude for p in before], keep=lone),
            latitude,
            longitude,
        )
        self.lone = lone

    def inner_gaps_ms(self, columns: PositionColumns, hour: Int64) -> Int64:
        """Return the silence before each position if it is a gap that begins in the same hour, else 0."""
        inside = (columns.timestamp_ms - self.gap_ms) // HOUR_MS == hour
        gaps = np.where(inside & (self.gap_ms > GAP_MS), self.gap_ms, 0)
        gaps[self.lone] = 0
        return gaps

    def bands_ms(self, columns: PositionColumns, starts: Int64) -> Int64:
        """Return the driving time of the rows from each start to the next, by speed band of the later position."""
        drives = (self.gap_ms <= GAP_MS) & (self.idle_ms == 0)
        drives &= self.distance_m * MS_M_PER_KMH >= IDLE_BELOW_KMH * self.gap_ms
        drives[self.lone] = False
        rows = np.flatnonzero(drives)
        speed_kmh = columns.speed[rows] / 1000
        unknown = columns.speed[rows] == UNKNOWN
        speed_kmh[unknown] = (self.distance_m[rows] * MS_M_PER_KMH / self.gap_ms[rows])[unknown]
        band = np.minimum(speed_kmh / BAND_KMH, BANDS - 1).astype(np.int64)
        cell = np.searchsorted(starts, rows, side="right") - 1
        flat = np.bincount(cell * BANDS + band, weights=self.gap_ms[rows], minlength=len(starts) * BANDS)
        return flat.astype(np.int64).reshape(len(starts), BANDS)


def is_driving(span_ms: int, moved_m: float) -> bool:
    """Return whether a truck that does not idle drove from one position to the next."""
    return span_ms <= GAP_MS and moved_m * MS_M_PER_KMH >= IDLE_BELOW_KMH * span_ms


def _newest(track: Track) -> Position:
    return track.set_aside[-1] if track.set_aside else track.last


def _shifted[T: np.generic](
    values: npt.NDArray[T],
    starts: Int64,
    first: list[bool] | list[int] | list[float],
    *,
    keep: Int64 | None = None,
) -> npt.NDArray[T]:
    """Return each row's predecessor, `first` for the rows at `starts`; rows of `keep` keep their own."""
    before = np.empty_like(values)
    before[1:] = values[:-1]
    before[starts] = first
    if keep is not None:
        before[keep] = values[keep]
    return before


def _idle(columns: PositionColumns) -> Bool:
    slow = (columns.speed != UNKNOWN) & (columns.speed < IDLE_BELOW_KMH * 1000)
    idle: Bool = (columns.engine == ENGINE_IDLE) | ((columns.engine != ENGINE_OFF) & slow)
    return idle


def is_idle(position: Position) -> bool:
    """Return whether the truck idles: by its engine, or slow while the engine is not off."""
    slow = position.speed_kmh is not None and position.speed_kmh < IDLE_BELOW_KMH
    return position.engine_status == "idle" or (position.engine_status != "off" and slow)

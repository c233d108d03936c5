"""The figures of a fleet in a period, from hourly statistics alone: sums of columns, no position is read."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from truckstream.core.instants import HOUR_MS, format_hour
from truckstream.core.speed_bands import BAND_KMH, BANDS
from truckstream.reports import answers
from truckstream.reports.hours import Float64, Hours, Int64
from truckstream.reports.period import Day, Period

HEAT_CELLS: Final = 60_000
"""More cells than this nobody can look at: the trucks that drove most are shown."""

_HOURS_SHOWN_DAYS = 3


class Counted(NamedTuple):
    """Trips by truck, and stops, that begin in a period."""

    by_truck: dict[str, int]
    stops: int


def totals(hours: Hours, counted: Counted | None) -> answers.Totals:
    """Return the sums of these hours."""
    return answers.Totals(
        distance_km=rounded(hours.total_distance_km.sum(), 6),
        driving_minutes=rounded(hours.driving_time_minutes.sum(), 4),
        idle_minutes=_known_sum(hours.idle_time_minutes),
        positions=int(hours.coordinates_count.sum()),
        trucks=len(hours.present()),
        trips=None if counted is None else sum(counted.by_truck.values()),
        stops=None if counted is None else counted.stops,
    )


def day_totals(hours: Hours, around: Hours, days: Sequence[Day]) -> list[answers.DayTotals]:
    """Return the sums of each day. `around`: hours before and after as well, for gaps over midnight."""
    place = day_places(hours.hour_ms, days)
    count = len(days)
    positions = sums(place, hours.coordinates_count, count).astype(np.int64)
    gaps = gap_minutes(hours, around, days)
    idle_known = np.bincount(place[~np.isnan(hours.idle_time_minutes)], minlength=count) > 0
    idle = sums(place, np.nan_to_num(hours.idle_time_minutes), count)
    distance = sums(place, hours.total_distance_km, count)
    driving = sums(place, hours.driving_time_minutes, count)
    return [
        answers.DayTotals(
            date=day.date,
            hours=day.hours,
            distance_km=rounded(distance[at], 6),
            driving_minutes=rounded(driving[at], 4),
            idle_minutes=rounded(idle[at], 4) if idle_known[at] else None,
            positions=int(positions[at]),
            gap_minutes=rounded(gaps[at], 4) if positions[at] or gaps[at] else None,
        )
        for at, day in enumerate(days)
    ]


def hour_totals(hours: Hours, period: Period) -> list[answers.HourTotals]:
    """Return the sums of each hour of a short period, nothing for a longer one."""
    if len(period.days) > _HOURS_SHOWN_DAYS or not len(hours):
        return []
    starts = hour_starts(period)
    place = (hours.hour_ms - starts[0]) // HOUR_MS
    count = len(starts)
    known = np.bincount(place[~np.isnan(hours.idle_time_minutes)], minlength=count) > 0
    columns = [
        sums(place, values, count)
        for values in (
            hours.total_distance_km,
            hours.driving_time_minutes,
            np.nan_to_num(hours.idle_time_minutes),
            hours.coordinates_count,
        )
    ]
    return [
        answers.HourTotals(
            hour=format_hour(hour_ms),
            distance_km=rounded(columns[0][at], 6),
            driving_minutes=rounded(columns[1][at], 4),
            idle_minutes=rounded(columns[2][at], 4) if known[at] else None,
            positions=int(columns[3][at]),
        )
        for at, hour_ms in enumerate(starts.tolist())
    ]


def truck_totals(hours: Hours, counted: Counted | None) -> list[answers.TruckTotals]:
    """Return the sums of each truck that has rows."""
    count = len(hours.trucks)
    present = hours.present().tolist()
    distance = sums(hours.truck, hours.total_distance_km, count)
    driving = sums(hours.truck, hours.driving_time_minutes, count)
    positions = sums(hours.truck, hours.coordinates_count, count).astype(np.int64)
    knows_idle = ~np.isnan(hours.idle_time_minutes)
    idle = sums(hours.truck, np.nan_to_num(hours.idle_time_minutes), count)
    idle_known = np.bincount(hours.truck[knows_idle], minlength=count) > 0
    knows_speed = ~np.isnan(hours.average_speed_kmh)
    speed = sums(hours.truck, np.nan_to_num(hours.average_speed_kmh) * hours.speed_count, count)
    weights = sums(hours.truck, hours.speed_count, count)
    fastest = np.full(count, -1.0)
    np.maximum.at(fastest, hours.truck[knows_speed], hours.max_speed_kmh[knows_speed])
    return [
        answers.TruckTotals(
            truck_id=hours.trucks[code],
            distance_km=rounded(distance[code], 6),
            driving_minutes=rounded(driving[code], 4),
            idle_minutes=rounded(idle[code], 4) if idle_known[code] else None,
            idle_share=_share(idle[code], driving[code]) if idle_known[code] else None,
            max_speed_kmh=rounded(fastest[code], 3) if fastest[code] >= 0 else None,
            average_speed_kmh=rounded(speed[code] / weights[code], 4) if weights[code] else None,
            positions=int(positions[code]),
            trips=None if counted is None else counted.by_truck.get(hours.trucks[code], 0),
        )
        for code in present
    ]


def heat_map(hours: Hours, period: Period) -> tuple[answers.HeatMap, list[str]]:
    """Return minutes driven per truck and hour, and a note when not all trucks are shown."""
    starts = hour_starts(period)
    codes = hours.present()
    most = max(1, HEAT_CELLS // max(1, len(starts)))
    notes = []
    if len(codes) > most:
        driving = sums(hours.truck, hours.driving_time_minutes, len(hours.trucks))
        codes = np.sort(codes[np.argsort(-driving[codes], kind="stable")[:most]])
        notes = [f"The heat map shows the {most} trucks that drove most of {len(hours.present())}."]
    row_of = np.full(len(hours.trucks), -1)
    row_of[codes] = np.arange(len(codes))
    row = row_of[hours.truck]
    shown = row >= 0
    cells = np.full((len(codes), len(starts)), np.nan)
    if len(starts):
        cells[row[shown], (hours.hour_ms[shown] - starts[0]) // HOUR_MS] = hours.driving_time_minutes[shown]
    minutes = [[None if value != value else round(value, 2) for value in line] for line in cells.tolist()]
    return (
        answers.HeatMap(
            trucks=[hours.trucks[code] for code in codes.tolist()],
            hours=[format_hour(ms) for ms in starts.tolist()],
            minutes=minutes,
        ),
        notes,
    )


def speeds(hours: Hours) -> answers.Speeds:
    """Return the driving time by speed."""
    minutes = hours.band_ms.sum(axis=0, dtype=np.int64) / 60_000
    return answers.Speeds(
        edges_kmh=[float(band * BAND_KMH) for band in range(BANDS + 1)],
        minutes=[rounded(value, 4) for value in minutes.tolist()],
    )


def gap_minutes(hours: Hours, around: Hours, days: Sequence[Day]) -> Float64:
    """Return the gaps' minutes in each day, summed over the trucks."""
    inner = sums(day_places(hours.hour_ms, days), hours.gap_time_minutes, len(days))
    _, begin, end = around.silences()
    between = np.array(
        [np.clip(np.minimum(end, day.to_ms) - np.maximum(begin, day.from_ms), 0, None).sum() for day in days]
    )
    result: Float64 = inner + between / 60_000
    return result


def day_places(hour_ms: Int64, days: Sequence[Day]) -> Int64:
    """Return for each hour the place of the day in which it begins."""
    starts = np.array([day.from_ms for day in days if day.to_ms > day.from_ms], np.int64)
    places = np.array([place for place, day in enumerate(days) if day.to_ms > day.from_ms], np.int64)
    found: Int64 = places[np.searchsorted(starts, hour_ms, side="right") - 1]
    return found


def hour_starts(period: Period) -> Int64:
    """Return the begin of each UTC clock hour that begins in the period."""
    first = -(-period.from_ms // HOUR_MS) * HOUR_MS
    return np.arange(first, period.to_ms, HOUR_MS, dtype=np.int64)


def rounded(value: float, digits: int) -> float:
    """Return a plain float with as many digits as its source can have."""
    return round(float(value), digits)


def sums(places: Int64, values: npt.NDArray[np.generic], count: int) -> Float64:
    """Return the sum of the values at each place; NumPy's own gives integers where there are no values."""
    summed: Float64 = np.bincount(places, weights=values.astype(np.float64), minlength=count).astype(np.float64)
    return summed


def _share(part: float, other: float) -> float | None:
    return rounded(part / (part + other), 6) if part + other else None


def _known_sum(values: Float64) -> float | None:
    return None if np.isnan(values).all() else rounded(np.nansum(values), 4)

"""Trips, stops, visits and routes: what only the positions tell, so read with care for how many there are."""

import bisect
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import numpy as np

from truckstream.consumers import journeys
from truckstream.consumers.history import dates, read_date
from truckstream.consumers.visits import Stay
from truckstream.core.columns import UNKNOWN, PositionColumns
from truckstream.core.errors import InvalidInput
from truckstream.core.instants import date_of, format_instant, parse_instant
from truckstream.core.outliers import Track, judge
from truckstream.core.pairs import GAP_MS
from truckstream.core.trips import Segment
from truckstream.http.heavy import heavy
from truckstream.reports import answers
from truckstream.reports.hours import Hours, HourStore
from truckstream.reports.overview import Counted, rounded
from truckstream.reports.period import Period
from truckstream.reports.sources import ReportSources

COUNTED_POSITIONS: Final = 250_000
"""The overview counts trips and stops of so many positions at most: nobody should wait for a number beside others."""

READ_POSITIONS: Final = 3_000_000
"""A table of trips, stops or visits is made from so many positions at most."""

ROUTE_ROWS: Final = 20_000
PAGE_PATIENCE_S: Final = 60.0
"""A page asks several such questions at once: they wait for each other."""

_KEPT_ANSWERS = 64


class Span(NamedTuple):
    """`from_ms <= t < to_ms`."""

    from_ms: int
    to_ms: int


class Travel:
    """Reads positions; the answers asked for last are kept while the archive's files stay the same."""

    def __init__(self, sources: ReportSources, hours: HourStore) -> None:
        self._sources = sources
        self._hours = hours
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, object] = OrderedDict()
        self._making: dict[object, threading.Lock] = {}

    def segments(self, period: Period, trucks: Collection[str] | None) -> list[Segment]:
        """Return the trips, stops and gaps that overlap the period."""
        source = self._sources
        return self.remembered(
            "segments",
            period,
            trucks,
            lambda: journeys.trips_and_stops(
                source.archive,
                source.format,
                limit_kmh=source.limit_kmh,
                trucks=trucks,
                from_ms=period.from_ms,
                to_ms=period.to_ms,
            ),
        )

    def stays(self, period: Period, trucks: Collection[str] | None) -> tuple[list[Stay], dict[str, str]]:
        """Return the geofence visits that overlap the period, and the geofences' names."""
        source = self._sources
        catalogue = source.geofences.catalogue()
        found = self.remembered(
            f"visits at revision {catalogue.revision}",
            period,
            trucks,
            lambda: journeys.visits(
                source.archive,
                source.format,
                catalogue,
                limit_kmh=source.limit_kmh,
                trucks=trucks,
                from_ms=period.from_ms,
                to_ms=period.to_ms,
            ),
        )
        return found, {geofence.geofence_id: geofence.name for geofence in catalogue.geofences}

    def counted(self, hours: Hours, period: Period, trucks: Collection[str] | None) -> Counted | None:
        """Return how many trips and stops begin in the period; None when there are too many positions to look at."""
        if int(hours.coordinates_count.sum()) > COUNTED_POSITIONS:
            return None
        by_truck: dict[str, int] = {}
        stops = 0
        for segment in self.segments(period, trucks):
            if period.from_ms <= segment.begin_ms < period.to_ms:
                if segment.kind == "trip":
                    by_truck[segment.truck_id] = by_truck.get(segment.truck_id, 0) + 1
                stops += segment.kind == "stop"
        return Counted(by_truck, stops)

    def check_size(self, hours: Hours) -> None:
        """Refuse to read positions without end. Raises InvalidInput."""
        positions = int(hours.coordinates_count.sum())
        if positions > READ_POSITIONS:
            raise InvalidInput(
                f"trucks: {positions:,} positions would have to be read for this",
                hint=f"Choose fewer trucks or a shorter period: up to {READ_POSITIONS:,} positions.",
            )

    def positions(self, period: "Period | Span", trucks: Collection[str] | None) -> Iterator[PositionColumns]:
        """Yield the positions of the period, hour by hour, each by truck and time."""
        source = self._sources
        for date in dates(source.archive):
            if date_of(period.from_ms) <= date <= date_of(period.to_ms - 1):
                files = read_date(source.archive, source.format, date)
                for hour_ms in files.hours_ms:
                    columns = files.hour(hour_ms, trucks).between(period.from_ms, period.to_ms)
                    if len(columns):
                        yield columns

    def route(self, period: Period, truck_id: str, limit: int) -> tuple[list[list[float | None] | None], int]:
        """Return one truck's way, thinned to about `limit` rows by taking every n-th, and that n.

        Positions too fast to be true are left out; None stands for a silence over 5 minutes.
        """
        with heavy(PAGE_PATIENCE_S):
            columns = PositionColumns.concat(list(self.positions(period, (truck_id,))))
        if self._sources.limit_kmh > 0 and len(columns):
            columns = columns.take(_believed(columns, self._sources.limit_kmh))
        every = max(1, -(-len(columns) // limit))
        times = columns.timestamp_ms
        gaps = np.flatnonzero(np.diff(times) > GAP_MS) if len(times) else np.empty(0, np.int64)
        keep = np.zeros(len(columns), np.bool_)
        keep[::every] = True
        keep[-1:] = True
        keep[gaps] = True  # the ends of a silence are always shown
        keep[gaps + 1] = True
        before_gap = set(gaps.tolist())
        rows: list[list[float | None] | None] = []
        for place, at_ms, latitude, longitude, speed in zip(
            np.flatnonzero(keep).tolist(),
            times[keep].tolist(),
            (columns.latitude_e7[keep] / 1e7).tolist(),
            (columns.longitude_e7[keep] / 1e7).tolist(),
            columns.speed[keep].tolist(),
            strict=True,
        ):
            rows.append([at_ms, latitude, longitude, None if speed == UNKNOWN else speed / 1000])
            if place in before_gap:
                rows.append(None)
        return rows, every

    def paths(self, trips: Sequence[Mapping[str, Any]], trucks: Collection[str] | None) -> dict[int, list[list[float]]]:
        """Return the way of each trip (by its number) as pairs of longitude and latitude."""
        if not trips:
            return {}
        begins = [parse_instant(trip["start"]) for trip in trips]
        ends = [begin + round(trip["duration_minutes"] * 60_000) for begin, trip in zip(begins, trips, strict=True)]
        span = Span(min(begins), max(ends) + 1)
        with heavy(PAGE_PATIENCE_S):
            columns = PositionColumns.concat(list(self.positions(span, trucks))).sorted()
        found = {}
        for number, (trip, begin_ms, end_ms) in enumerate(zip(trips, begins, ends, strict=True)):
            code = bisect.bisect_left(columns.trucks, trip["truck_id"])
            first, last = np.searchsorted(columns.truck, [code, code + 1]).tolist()
            times = columns.timestamp_ms[first:last]
            # The duration is rounded to a few milliseconds.
            inside = slice(
                first + int(np.searchsorted(times, begin_ms)), first + int(np.searchsorted(times, end_ms + 4, "right"))
            )
            found[number] = np.stack(
                [columns.longitude_e7[inside] / 1e7, columns.latitude_e7[inside] / 1e7], axis=1
            ).tolist()
        return found

    def remembered[T](self, what: str, period: Period, trucks: Collection[str] | None, make: Callable[[], T]) -> T:
        """Return what was made for this question before, as long as the archive's files are the same."""
        names = None if trucks is None else frozenset(trucks)
        key = (what, period.from_ms, period.to_ms, names, self._hours.stamp(period.from_ms, period.to_ms))
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:  # a page asks for trips and stops at once: the second one waits for what the first one makes
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return cast("T", self._kept[key])
            try:
                with heavy(PAGE_PATIENCE_S):
                    made = make()
                with self._lock:
                    self._kept[key] = made
                    while len(self._kept) > _KEPT_ANSWERS:
                        self._kept.popitem(last=False)
            finally:
                with self._lock:
                    self._making.pop(key, None)
            return made


def _believed(columns: PositionColumns, limit_kmh: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which positions of one truck are not set aside as too fast to be true."""
    track: Track | None = None
    accepted: set[int] = set()
    for position in columns.to_positions():
        verdict = judge(track, position, limit_kmh)
        track = verdict.track
        accepted.update(each.timestamp_ms for each in verdict.accepted)
    return np.array([at_ms in accepted for at_ms in columns.timestamp_ms.tolist()], np.bool_)


def trip_row(trip: Segment, period: Period) -> answers.TripRow:
    """Return a trip as it is shown."""
    goes_on = trip.after == "nothing"
    average = trip.average_speed_kmh
    return answers.TripRow(
        truck_id=trip.truck_id,
        start=format_instant(trip.begin_ms),
        start_local=period.local(trip.begin_ms),
        end=None if goes_on else format_instant(trip.end_ms),
        end_local=None if goes_on else period.local(trip.end_ms),
        duration_minutes=rounded(trip.duration_s / 60, 4),
        distance_km=rounded(trip.distance_m / 1000, 6),
        average_speed_kmh=None if average is None else rounded(average, 3),
        max_speed_kmh=trip.max_speed_kmh,
        start_latitude=trip.latitude,
        start_longitude=trip.longitude,
        end_latitude=trip.end_latitude,
        end_longitude=trip.end_longitude,
        positions=trip.positions,
        start_seen=trip.before not in ("nothing", "gap"),
        after=trip.after,
    )


def stop_row(stop: Segment, period: Period) -> answers.StopRow:
    """Return a stop as it is shown."""
    goes_on = stop.after == "nothing"
    return answers.StopRow(
        truck_id=stop.truck_id,
        start=format_instant(stop.begin_ms),
        start_local=period.local(stop.begin_ms),
        end=None if goes_on else format_instant(stop.end_ms),
        end_local=None if goes_on else period.local(stop.end_ms),
        duration_minutes=rounded(stop.duration_s / 60, 4),
        latitude=stop.latitude,
        longitude=stop.longitude,
        moved_km=rounded(stop.distance_m / 1000, 6),
        positions=stop.positions,
        start_seen=stop.before not in ("nothing", "gap"),
        after=stop.after,
    )


def visit_row(stay: Stay, names: dict[str, str], period: Period) -> answers.VisitRow:
    """Return a visit as it is shown."""
    return answers.VisitRow(
        truck_id=stay.truck_id,
        geofence_id=stay.geofence_id,
        geofence_name=names.get(stay.geofence_id, stay.geofence_id),
        arrive=format_instant(stay.arrive_ms),
        arrive_local=period.local(stay.arrive_ms),
        leave=None if stay.leave_ms is None else format_instant(stay.leave_ms),
        leave_local=None if stay.leave_ms is None else period.local(stay.leave_ms),
        minutes=rounded(stay.time_on_site_s / 60, 4),
        arrive_seen=stay.arrive_seen,
    )

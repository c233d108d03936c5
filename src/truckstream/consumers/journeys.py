"""Trips, stops and visits of the archive for a period: what overlaps it, whole, with its true begin and end.

A stop or visit may have begun days before the period and end days after it. So reading begins a date earlier, and
is repeated from further back for those trucks whose first answer could still change (up to `LOOK_BACK_DATES` dates
with data), and goes on behind the period for those that are not through (`LOOK_AHEAD_DATES`). Answers for
overlapping periods agree.
"""

import itertools
import operator
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from truckstream.consumers.history import dates, read_date, spare_positions
from truckstream.consumers.visits import Stay, VisitFinder
from truckstream.core.geofences import Catalogue
from truckstream.core.instants import date_of
from truckstream.core.records import Position
from truckstream.core.trips import Segment, SegmentFinder, TripRules
from truckstream.ports import ArchiveFormat, ArchiveStore

LOOK_BACK_DATES = 8
LOOK_AHEAD_DATES = 8
_SURE_AFTER = 2
"""So many segments before the period make sure that where reading began does not show in it."""


_TRUCK = operator.attrgetter("truck_id")


class _Finder[Found](Protocol):
    def add(self, positions: Iterable[Position]) -> None: ...
    def found(self) -> list[Found]: ...
    def open_before(self, from_ms: int) -> set[str]: ...
    def open_after(self, to_ms: int) -> set[str]: ...


def trips_and_stops(
    archive: ArchiveStore,
    format: ArchiveFormat,
    *,
    limit_kmh: float,
    rules: TripRules | None = None,
    trucks: Collection[str] | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> list[Segment]:
    """Return the trips, stops and gaps that overlap the period, by truck and time.

    Args:
        limit_kmh: the fastest believable speed, 0 for off.
        rules: how far and how long; None for 200 m, 180 s, 3,600 s.
        trucks: only these.
        from_ms, to_ms: the period, `from_ms <= t < to_ms`; None is open.
    """
    found = _read(archive, format, lambda: _Journeys(rules, limit_kmh), trucks, from_ms, to_ms)
    kept = [each for each in found if _overlaps(each.begin_ms, each.end_ms, from_ms, to_ms)]
    return sorted(kept, key=lambda each: (each.truck_id, each.begin_ms))


def visits(
    archive: ArchiveStore,
    format: ArchiveFormat,
    catalogue: Catalogue,
    *,
    limit_kmh: float,
    trucks: Collection[str] | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> list[Stay]:
    """Return the visits that overlap the period, by arrival, truck and geofence.

    The geofences are applied to the archive as they are now, whatever their `alert_on`.
    """
    found = _read(archive, format, lambda: _Visits(catalogue, limit_kmh), trucks, from_ms, to_ms)
    kept = [each for each in found if _overlaps(each.arrive_ms, each.until_ms, from_ms, to_ms)]
    return sorted(kept, key=lambda each: (each.arrive_ms, each.truck_id, each.geofence_id))


def _overlaps(begin_ms: int, end_ms: int, from_ms: int | None, to_ms: int | None) -> bool:
    return (to_ms is None or begin_ms < to_ms) and (from_ms is None or end_ms > from_ms or begin_ms >= from_ms)


class _Owned(Protocol):
    @property
    def truck_id(self) -> str: ...


def _read[Found: _Owned](
    archive: ArchiveStore,
    format: ArchiveFormat,
    new: Callable[[], _Finder[Found]],
    trucks: Collection[str] | None,
    from_ms: int | None,
    to_ms: int | None,
) -> Iterator[Found]:
    """Yield what the finder finds, each truck read from far enough back."""
    known = dates(archive)
    first = 0 if from_ms is None else sum(date < date_of(from_ms) for date in known)
    end = len(known) if to_ms is None else sum(date <= date_of(to_ms - 1) for date in known)
    back = 1
    while True:
        start = max(0, first - back)
        finder = new()
        for date in known[start:end]:
            _feed(archive, format, date, trucks, finder)
        for date in known[end : end + LOOK_AHEAD_DATES]:
            waiting = set() if to_ms is None else finder.open_after(to_ms)
            if not waiting:
                break
            _feed(archive, format, date, waiting, finder)
        unsure = finder.open_before(from_ms) if start > 0 and from_ms is not None else set()
        last = back >= LOOK_BACK_DATES
        yield from (each for each in finder.found() if last or each.truck_id not in unsure)
        if last or not unsure:
            return
        trucks, back = unsure, back * 2


def _feed[Found](
    archive: ArchiveStore,
    format: ArchiveFormat,
    date: str,
    trucks: Collection[str] | None,
    finder: _Finder[Found],
) -> None:
    files = read_date(archive, format, date)
    for hour_ms in files.hours_ms:
        finder.add(spare_positions(files.hour(hour_ms, trucks)))


class _Journeys:
    """The segment finders of many trucks."""

    def __init__(self, rules: TripRules | None, limit_kmh: float) -> None:
        self._rules, self._limit_kmh = rules, limit_kmh
        self._finders: dict[str, SegmentFinder] = {}

    def add(self, positions: Iterable[Position]) -> None:
        for truck_id, own in itertools.groupby(positions, key=_TRUCK):
            finder = self._finders.get(truck_id)
            if finder is None:
                finder = self._finders[truck_id] = SegmentFinder(self._rules, self._limit_kmh)
            finder.add_all(list(own))

    def found(self) -> list[Segment]:
        return [segment for finder in self._finders.values() for segment in finder.segments()]

    def open_before(self, from_ms: int) -> set[str]:
        """Return the trucks of which too little before the period is known."""
        return {
            truck_id
            for truck_id, finder in self._finders.items()
            if sum(each.end_ms <= from_ms for each in finder.segments()) < _SURE_AFTER
        }

    def open_after(self, to_ms: int) -> set[str]:
        """Return the trucks whose last segments may still grow over the period's end."""
        return {
            truck_id
            for truck_id, finder in self._finders.items()
            if sum(each.begin_ms >= to_ms for each in finder.segments()) < _SURE_AFTER
        }


class _Visits(VisitFinder):
    """Visits, and which of them reading more would change."""

    def found(self) -> list[Stay]:
        return self.stays()

    def open_before(self, from_ms: int) -> set[str]:
        return {stay.truck_id for stay in self.stays() if not stay.arrive_seen and stay.until_ms >= from_ms}

    def open_after(self, to_ms: int) -> set[str]:
        return {stay.truck_id for stay in self.stays() if stay.leave_ms is None and stay.arrive_ms < to_ms}

"""What a geofence that is not stored would have done on history: the presence engine over the trucks that came near.

Most trucks never come near a geofence: an hour in which a truck stayed outside its bounds is skipped, but for the
last position, from which the next hour goes on.
"""

from collections.abc import Callable, Collection

import msgspec
import numpy as np

from truckstream.consumers.history import iterate_hours, spare_positions
from truckstream.core.alerts import Event, wants_alert
from truckstream.core.columns import Bool, PositionColumns
from truckstream.core.geofences import Catalogue, Geofence
from truckstream.core.presence import FenceSet, TruckPresence, step
from truckstream.core.records import Position
from truckstream.core.segments import Bounds
from truckstream.web.sources import WebSources

_METRES_PER_DEGREE = 110_570.0
_CROSSING_REACH_M = 3_000.0


class Preview(msgspec.Struct):
    """The events found, and up to where history was read (None: to its end)."""

    events: list[Event]
    alerts: int
    stopped_at_ms: int | None


def preview(
    sources: WebSources, geofence: Geofence, from_ms: int, to_ms: int, *, out_of_time: Callable[[], bool]
) -> Preview:
    """Return what the geofence would have done to positions with `from_ms <= timestamp_ms < to_ms`.

    Each truck's first position sets its presence silently, as live. `out_of_time` ends the reading early.
    """
    geofence = msgspec.structs.replace(geofence, version=1, revision=1, active=True)
    fences = FenceSet(Catalogue(1, (geofence,)))
    walker = _Walker(fences, geofence, sources.outlier_limit_kmh)
    stopped_at_ms = None
    for hour_ms, rows in iterate_hours(sources.archive, sources.format, from_ms=from_ms, to_ms=to_ms):
        if out_of_time():
            stopped_at_ms = hour_ms
            break
        walker.take(rows)
    events = sorted(walker.events, key=lambda event: (event.timestamp_ms, event.truck_id))
    return Preview(events, sum(wants_alert(geofence, event) for event in events), stopped_at_ms)


class _Walker:
    """Takes an hour of all trucks after the other."""

    def __init__(self, fences: FenceSet, geofence: Geofence, limit_kmh: float) -> None:
        self.events: list[Event] = []
        self._fences = fences
        self._limit_kmh = limit_kmh
        (rule,) = fences.rules.values()
        self._rule = rule
        margin_m = geofence.exit_buffer_meters + (_CROSSING_REACH_M if geofence.detect_crossing else 0.0)
        self._bounds = _widened(rule.shape.bounds, margin_m)
        self._near: dict[str, TruckPresence] = {}
        self._outside: dict[str, Position] = {}

    def take(self, rows: PositionColumns) -> None:
        """Take the rows of an hour, by truck and time."""
        if not len(rows):
            return
        inside = _inside(rows, self._bounds)
        near = {rows.trucks[code] for code in np.unique(rows.truck[inside]).tolist()}
        near = {truck_id for truck_id in near if self._rule.applies_to(truck_id)}
        wanted = near | self._near.keys()
        for position in spare_positions(rows.of_trucks(wanted)):
            presence = self._near.get(position.truck_id)
            if presence is None:
                presence = self._near[position.truck_id] = TruckPresence(position.truck_id)
                before = self._outside.pop(position.truck_id, None)
                if before is not None:
                    step(self._fences, presence, before, self._limit_kmh)
            self.events += step(self._fences, presence, position, self._limit_kmh)
        self._leave(near)
        self._note_last(rows, wanted)

    def _leave(self, near: Collection[str]) -> None:
        """Forget the trucks that were away all hour and are in no state that the next position could change."""
        for truck_id in [each for each in self._near if each not in near]:
            presence = self._near[truck_id]
            if not (presence.visits or presence.candidates or presence.inside) and presence.track is not None:
                self._outside[truck_id] = presence.track.last
                del self._near[truck_id]

    def _note_last(self, rows: PositionColumns, walked: Collection[str]) -> None:
        last = np.append(rows.truck[1:] != rows.truck[:-1], True)
        for position in spare_positions(rows.take(last)):
            if position.truck_id not in walked:
                self._outside[position.truck_id] = position


def _inside(rows: PositionColumns, bounds: Bounds) -> Bool:
    latitude, longitude = rows.latitude_e7 / 1e7, rows.longitude_e7 / 1e7
    east_of_west = (longitude - bounds.west) % 360.0
    within: Bool = (latitude >= bounds.south) & (latitude <= bounds.north) & (east_of_west <= bounds.east - bounds.west)
    return within


def _widened(bounds: Bounds, margin_m: float) -> Bounds:
    reach = margin_m / _METRES_PER_DEGREE + 1e-6
    south, north = max(-90.0, bounds.south - reach), min(90.0, bounds.north + reach)
    shrink = float(np.cos(np.radians(max(abs(south), abs(north)))))
    east_reach = 180.0 if shrink < 1e-3 else min(180.0, reach / shrink)
    if bounds.east - bounds.west + 2 * east_reach >= 360.0:
        return Bounds(south, -180.0, north, 180.0)
    return Bounds(south, bounds.west - east_reach, north, bounds.east + east_reach)

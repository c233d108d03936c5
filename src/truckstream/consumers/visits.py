"""Visits: how long trucks stayed in geofences, from the engine that also makes the transitions.

A visit arrives with an enter and leaves with an exit. A truck that was inside when its record begins has an
arrival nobody saw (`arrive_seen` False: dated at the first position inside); one that is still there has no exit.
"""

from collections.abc import Iterable, Iterator

import msgspec

from truckstream.core.alerts import Event
from truckstream.core.geofences import Catalogue
from truckstream.core.presence import FenceSet, TruckPresence, step
from truckstream.core.records import Position


class Stay(msgspec.Struct, frozen=True, gc=False):
    """One truck's time in one geofence. `until_ms`: the exit, or the newest position while it is still inside."""

    truck_id: str
    geofence_id: str
    arrive_ms: int
    leave_ms: int | None
    until_ms: int
    arrive_seen: bool

    @property
    def time_on_site_s(self) -> float:
        """Seconds from the arrival to the exit, or to the newest position."""
        return (self.until_ms - self.arrive_ms) / 1000


class VisitFinder:
    """Takes positions of any trucks, each truck's in time order; `stays` may be asked at any time."""

    def __init__(self, catalogue: Catalogue, limit_kmh: float = 0.0) -> None:
        self._fences = FenceSet(catalogue)
        self._limit_kmh = limit_kmh
        self._presences: dict[str, TruckPresence] = {}
        self._open: dict[str, dict[str, tuple[int, bool]]] = {}
        self._ended: list[Stay] = []

    def add(self, positions: Iterable[Position]) -> None:
        """Take the next positions."""
        for position in positions:
            truck_id = position.truck_id
            presence = self._presences.get(truck_id)
            if presence is None:
                presence = self._presences[truck_id] = TruckPresence(truck_id)
                self._open[truck_id] = {}
            here = self._open[truck_id]
            for event in step(self._fences, presence, position, self._limit_kmh):
                self._note(here, event)
            if here.keys() != presence.visits.keys():  # set silently: the record begins, or begins anew
                for geofence_id in here.keys() - presence.visits.keys():
                    del here[geofence_id]
                for geofence_id in presence.visits.keys() - here.keys():
                    here[geofence_id] = (presence.visits[geofence_id].begin_ms, False)

    def stays(self) -> list[Stay]:
        """Return all visits by arrival, truck and geofence, those that go on included."""
        return sorted(
            [*self._ended, *self._going_on()], key=lambda stay: (stay.arrive_ms, stay.truck_id, stay.geofence_id)
        )

    def _note(self, here: dict[str, tuple[int, bool]], event: Event) -> None:
        if event.event == "enter":
            here[event.geofence_id] = (event.timestamp_ms, True)
        elif event.event == "exit" and event.geofence_id in here:
            arrive_ms, seen = here.pop(event.geofence_id)
            at_ms = event.timestamp_ms
            self._ended.append(Stay(event.truck_id, event.geofence_id, arrive_ms, at_ms, at_ms, seen))

    def _going_on(self) -> Iterator[Stay]:
        for truck_id, here in self._open.items():
            track = self._presences[truck_id].track
            for geofence_id, (arrive_ms, seen) in here.items():
                until_ms = max(arrive_ms, track.last.timestamp_ms if track is not None else arrive_ms)
                yield Stay(truck_id, geofence_id, arrive_ms, None, until_ms, seen)

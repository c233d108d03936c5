"""Event sequences of peers' own suites (E1 to E6) under our contract.

Parity reading: one fix confirms, no buffer, no dwell; our first position is silent where the peer's enters,
so a script that begins inside is also run from a position outside before it. The peer's `inside`/`outside`
notifications at every position have no counterpart: presence is state here, not an event.
"""

import msgspec
import pytest

from truckstream.core.alerts import Event
from truckstream.core.fence_set import FenceSet
from truckstream.core.geofences import Catalogue, Geofence, LatLon, shape_of
from truckstream.core.presence import TruckPresence, step
from truckstream.core.records import Position

EVERY_MS = 5_000


def circle(latitude: float, longitude: float, radius_m: float, *, detect_crossing: bool = False) -> Geofence:
    return Geofence(
        geofence_id="fence",
        name="Fence",
        type="circle",
        center=LatLon(latitude, longitude),
        radius_meters=radius_m,
        detect_crossing=detect_crossing,
        revision=1,
    )


def box(geofence_id: str, west: float, south: float, east: float, north: float, revision: int = 1) -> Geofence:
    corners = (LatLon(south, west), LatLon(south, east), LatLon(north, east), LatLon(north, west))
    return Geofence(geofence_id=geofence_id, name=geofence_id, type="polygon", polygon=corners, revision=revision)


def script(geofence: Geofence, *places: tuple[float, float]) -> list[tuple[str, int]]:
    """Run places 5 s apart, without the outlier rule; return (event, number of the place)."""
    fences, presence = FenceSet(Catalogue(1, (geofence,))), TruckPresence("TRK-1")
    return [
        (event.event, number)
        for number, place in enumerate(places)
        for event in step(fences, presence, Position("TRK-1", number * EVERY_MS, *place), 0)
    ]


def test_peer_e1_circle_enter_then_exit() -> None:
    fence = circle(33, -115, 5_000)
    assert script(fence, (33, -115), (34, -115)) == [("exit", 1)]
    assert script(fence, (34, -115), (33, -115), (34, -115)) == [("enter", 1), ("exit", 2)]


def test_peer_e2_bounds_inside_then_outside() -> None:
    fence = box("P9", -84.457973, 33.618824, -84.399859, 33.654359)
    inside, outside = (33.642301, -84.43118), (34.642301, -84.43118)
    assert script(fence, inside, outside) == [("exit", 1)]
    assert script(fence, outside, inside, outside) == [("enter", 1), ("exit", 2)]


def test_peer_e3_deviation_cross_needs_a_step_of_at_most_3_km() -> None:
    """The peer reports `cross` over a step of 3,100 km. A gap that long says nothing about the way driven, so
    enter and exit come only from positions; the straight lon/lat segment itself does touch the circle."""
    fence = circle(10, 10, 10_000, detect_crossing=True)
    assert script(fence, (10, 10), (0, 0), (20, 20)) == [("exit", 1)]
    assert script(fence, (0, 0), (10, 10), (0, 0), (20, 20)) == [("enter", 1), ("exit", 2)]
    crossing = shape_of(fence).crossing(0, 0, 20, 20)
    assert crossing is not None
    assert crossing[0] < 0.5 < crossing[1]


def test_peer_e3_in_small_steps_crosses() -> None:
    fence = circle(10, 10, 100, detect_crossing=True)
    assert script(fence, (10, 10), (9.99, 9.99), (10.008, 10.008)) == [("exit", 1), ("enter", 2), ("exit", 2)]


def test_peer_e4_fences_made_after_the_first_fix_are_seeded_from_it() -> None:
    before, after = (33.412529053733444, -111.93368911743164), (33.412529053733444, -111.91909790039062)
    made_later = (
        box("A", -111.95205688, 33.40049182, -111.92630767, 33.42227226),
        box("B", -111.93952560, 33.40350129, -111.92630767, 33.41997984),
        box("C", -111.92557812, 33.40342963, -111.91201687, 33.41994402),
        box("D", -111.92562103, 33.40063513, -111.90021515, 33.42212899),
    )
    presence = TruckPresence("TRK-1")
    first: list[Event] = step(FenceSet(Catalogue()), presence, Position("TRK-1", 0, *before), 0)
    moved = step(FenceSet(Catalogue(1, made_later)), presence, Position("TRK-1", 60_000, *after), 0)
    assert first == []
    assert [(event.event, event.geofence_id) for event in moved] == [
        ("exit", "A"),
        ("exit", "B"),
        ("enter", "C"),
        ("enter", "D"),
    ]
    assert presence.visits.keys() == {"C", "D"}


def test_peer_e5_deviation_minimum_durations_become_confirmed_fixes_and_dwell() -> None:
    """The peer holds `Inside` back for 60 s on the server's clock and mirrors it with `Outside`. Ours are
    `confirm_fixes` (a change holds n positions) and `dwell_minutes` (60 s since the enter, event time): the
    dwell comes once, at 60.000 s or later, and leaving has no counterpart of it."""
    fence = Geofence(
        geofence_id="fence",
        name="Fence",
        type="circle",
        center=LatLon(33, -115),
        radius_meters=5_000,
        dwell_minutes=1,
        revision=1,
    )
    fences, presence = FenceSet(Catalogue(1, (fence,))), TruckPresence("TRK-1")
    seen = [
        (event.event, at_ms)
        for at_ms, latitude in ((0, 34), (1_000, 33), (31_000, 33), (61_001, 33), (90_000, 33), (95_000, 34))
        for event in step(fences, presence, Position("TRK-1", at_ms, latitude, -115), 0)
    ]
    assert seen == [("enter", 1_000), ("dwell", 61_001), ("exit", 95_000)]


def test_peer_e6_deviation_fences_do_not_roam_with_trucks() -> None:
    """Fences around moving objects are not part of the contract: `type` is circle, polygon or corridor.
    The distances of that case are tests of geodesy (D8)."""
    with pytest.raises(msgspec.ValidationError, match="roam"):
        msgspec.convert({"geofence_id": "r", "name": "r", "type": "roam"}, Geofence)

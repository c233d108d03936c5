"""Geofences to try the system with: depots, city areas, a planned route and a speed limit.

In the wire format of a geofence file, as plain JSON values.
"""

from truckstream.core.cities import CITIES, ROADS

DEPOT_RADIUS_M = 500.0
DEPOT_CITIES = (
    "Zürich",
    "Bern",
    "Basel",
    "Genève",
    "Lausanne",
    "Luzern",
    "Winterthur",
    "St. Gallen",
    "Olten",
    "Lugano",
)
_DWELL_CITIES = ("Bern", "Olten", "Zürich")

# Rough outlines by hand, not administrative borders: (latitude, longitude).
_ZURICH = (
    (47.434, 8.495),
    (47.433, 8.550),
    (47.412, 8.600),
    (47.366, 8.620),
    (47.335, 8.560),
    (47.322, 8.520),
    (47.365, 8.465),
    (47.405, 8.455),
)
_ZURICH_LAKE = ((47.366, 8.542), (47.362, 8.550), (47.348, 8.558), (47.345, 8.540))
_BERN = ((46.985, 7.420), (46.982, 7.470), (46.955, 7.495), (46.925, 7.470), (46.925, 7.410), (46.950, 7.385))


def demo_geofences() -> list[dict[str, object]]:
    """Return the demonstration's geofences, each in the wire format."""
    return [
        *(_depot(name) for name in DEPOT_CITIES),
        {
            "geofence_id": "city-zurich",
            "name": "Zürich, without the lake",
            "type": "polygon",
            "polygon": _points(_ZURICH),
            "holes": [_points(_ZURICH_LAKE)],
            "alert_on": "enter",
        },
        {
            "geofence_id": "city-bern",
            "name": "Bern",
            "type": "polygon",
            "geometry": {"type": "Polygon", "coordinates": [[[lon, lat] for lat, lon in (*_BERN, _BERN[0])]]},
            "alert_on": "both",
            "confirm_fixes": 2,
        },
        {
            "geofence_id": "route-bern-thun",
            "name": "Route Bern - Thun",
            "type": "corridor",
            "path": _points(_way("Bern", "Thun")),
            "width_meters": 1_500,
            "alert_on": "exit",
            "exit_buffer_meters": 50,
        },
        {
            "geofence_id": "speed-winterthur",
            "name": "Speed limit 60, Winterthur",
            "type": "circle",
            "center": _point(_place("Winterthur")),
            "radius_meters": 6_000,
            "alert_on": "enter",
            "speed_limit_kmh": 60,
        },
    ]


def _depot(name: str) -> dict[str, object]:
    plain = name.lower().replace("ü", "u").replace("è", "e").replace(". ", "-")
    depot: dict[str, object] = {
        "geofence_id": f"depot-{plain}",
        "name": f"Depot {name}",
        "type": "circle",
        "center": _point(_place(name)),
        "radius_meters": DEPOT_RADIUS_M,
        "alert_on": "both",
    }
    if name in _DWELL_CITIES:
        depot["dwell_minutes"] = 5
    return depot


def _place(name: str) -> tuple[float, float]:
    return next((city.latitude, city.longitude) for city in CITIES if city.name == name)


def _way(start: str, end: str) -> list[tuple[float, float]]:
    road = next(road for road in ROADS if (road.start, road.end) == (start, end))
    return [_place(start), *((place[0], place[1]) for place in road.via), _place(end)]


def _point(place: tuple[float, float]) -> dict[str, float]:
    return {"latitude": place[0], "longitude": place[1]}


def _points(places: tuple[tuple[float, float], ...] | list[tuple[float, float]]) -> list[dict[str, float]]:
    return [_point(place) for place in places]

"""Straight lon/lat segments: the nearest point on one, and where a drive comes within a distance of something.

A segment is straight in longitude/latitude, not a great circle: that is how people draw fences and routes.
Distances are WGS 84 metres (`core.geodesy`).
"""

from collections.abc import Callable
from math import ceil, cos, radians, remainder, sin, sqrt
from typing import Final, NamedTuple

from truckstream.core.geodesy import ECCENTRICITY_2, EQUATOR_RADIUS_M, distance_m, metres_per_degree

_GOLDEN: Final = (sqrt(5.0) - 1.0) / 2.0
_SPAN_PER_PIECE_DEG: Final = 0.5
_POLAR_LATITUDE: Final = 80.0


class Bounds(NamedTuple):
    """A box in degrees, edges included. `east` >= `west`, both may run past 180; 360 apart = every longitude."""

    south: float
    west: float
    north: float
    east: float

    def meets(self, other: "Bounds") -> bool:
        """Say whether two boxes share a point, whatever turns their longitudes are given in."""
        if self.north < other.south or other.north < self.south:
            return False
        apart = remainder((other.west + other.east - self.west - self.east) / 2, 360.0)
        return abs(apart) <= (other.east - other.west + self.east - self.west) / 2 + 1e-9


def drive_bounds(lat1: float, lon1: float, lat2: float, lon2: float) -> Bounds:
    """Return the box around the straight line between two points, the shorter way round."""
    d_lon = remainder(lon2 - lon1, 360.0)
    return Bounds(min(lat1, lat2), min(lon1, lon1 + d_lon), max(lat1, lat2), max(lon1, lon1 + d_lon))


def nearest_fraction(lat: float, lon: float, a_lat: float, a_lon: float, d_lat: float, d_lon: float) -> float:
    """Return t in [0, 1]: the point a + t * d of the segment nearest to (lat, lon).

    Starts from the flat answer and refines it on the ellipsoid itself (Gauss-Newton on the straight line
    through the earth), so long segments and high latitudes are as good as short ones.
    """
    if d_lat == 0.0 and d_lon == 0.0:
        return 0.0
    t = _first_guess(lat, lon, a_lat, a_lon, d_lat, d_lon)
    px, py, pz = _earth_point(lat, lon)[:3]
    for _ in range(12):
        x, y, z, normal, sine, cosine, lon_sine, lon_cosine = _earth_point(a_lat + t * d_lat, a_lon + t * d_lon)
        w2 = 1.0 - ECCENTRICITY_2 * sine * sine
        north = normal * (1.0 - ECCENTRICITY_2) / w2 * radians(d_lat)
        east = normal * cosine * radians(d_lon)
        vx = -sine * lon_cosine * north - lon_sine * east
        vy = -sine * lon_sine * north + lon_cosine * east
        vz = cosine * north
        speed2 = vx * vx + vy * vy + vz * vz
        if speed2 < 1e-12:
            break
        step = ((px - x) * vx + (py - y) * vy + (pz - z) * vz) / speed2
        moved = min(1.0, max(0.0, t + step))
        if abs(moved - t) < 1e-10:
            return moved
        t = moved
    return t


def _first_guess(lat: float, lon: float, a_lat: float, a_lon: float, d_lat: float, d_lon: float) -> float:
    if max(abs(d_lat), abs(d_lon)) > 2.0 or abs(lat) > _POLAR_LATITUDE or abs(a_lat) > _POLAR_LATITUDE:
        px, py, pz = _earth_point(lat, lon)[:3]
        steps = 32 if max(abs(d_lat), abs(d_lon)) > 2.0 else 8

        def apart(i: int) -> float:
            x, y, z = _earth_point(a_lat + d_lat * i / steps, a_lon + d_lon * i / steps)[:3]
            return (x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2

        return min(range(steps + 1), key=apart) / steps
    lat_m, lon_m = metres_per_degree(lat)
    x = (remainder(lon - a_lon - d_lon / 2, 360.0) + d_lon / 2) * lon_m
    y = (lat - a_lat) * lat_m
    sx, sy = d_lon * lon_m, d_lat * lat_m
    return min(1.0, max(0.0, (x * sx + y * sy) / (sx * sx + sy * sy)))


def _earth_point(lat: float, lon: float) -> tuple[float, float, float, float, float, float, float, float]:
    """Return x, y, z in metres, the normal's length, and sine and cosine of latitude and longitude."""
    sine, cosine = sin(radians(lat)), cos(radians(lat))
    lon_sine, lon_cosine = sin(radians(lon)), cos(radians(lon))
    normal = EQUATOR_RADIUS_M / sqrt(1.0 - ECCENTRICITY_2 * sine * sine)
    axis = normal * cosine
    z = normal * (1.0 - ECCENTRICITY_2) * sine
    return axis * lon_cosine, axis * lon_sine, z, normal, sine, cosine, lon_sine, lon_cosine


def distance_to_segment_m(lat: float, lon: float, a_lat: float, a_lon: float, d_lat: float, d_lon: float) -> float:
    """Return the metres from a point to the nearest point of the segment a -> a + d."""
    t = nearest_fraction(lat, lon, a_lat, a_lon, d_lat, d_lon)
    return distance_m(lat, lon, a_lat + t * d_lat, a_lon + t * d_lon)


def interval_within(
    distance: Callable[[float, float], float], limit_m: float, lat1: float, lon1: float, lat2: float, lon2: float
) -> tuple[float, float] | None:
    """Return the first and last fraction of the drive 1 -> 2 at which `distance(lat, lon)` <= `limit_m`.

    `distance` has one valley on any half degree of the drive: true for a point or a segment to stay clear of.
    None when the drive never comes that near. Good to 1e-7 of the drive.
    """
    d_lat, d_lon = lat2 - lat1, remainder(lon2 - lon1, 360.0)

    def at(t: float) -> float:
        return distance(lat1 + t * d_lat, lon1 + t * d_lon)

    pieces = min(720, max(1, ceil(max(abs(d_lat), abs(d_lon)) / _SPAN_PER_PIECE_DEG)))
    near: list[tuple[float, float, float]] = []
    for i in range(pieces):
        start, end = i / pieces, (i + 1) / pieces
        lowest = _valley(at, start, end)
        if at(lowest) <= limit_m:
            near.append((start, lowest, end))
    if not near:
        return None
    start, first, _ = near[0]
    _, last, end = near[-1]
    return _rim(at, limit_m, first, start), _rim(at, limit_m, last, end)


def _valley(at: Callable[[float], float], start: float, end: float) -> float:
    """Return where `at` is lowest on [start, end], by golden section, the ends included."""
    a, b = start, end
    c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    at_c, at_d = at(c), at(d)
    while b - a > 1e-8:
        if at_c <= at_d:
            b, d, at_d = d, c, at_c
            c = b - _GOLDEN * (b - a)
            at_c = at(c)
        else:
            a, c, at_c = c, d, at_d
            d = a + _GOLDEN * (b - a)
            at_d = at(d)
    return min(((a + b) / 2, start, end), key=at)


def _rim(at: Callable[[float], float], limit_m: float, near: float, far: float) -> float:
    """Return the fraction between `near` (within the limit) and `far` at which the limit is passed."""
    if at(far) <= limit_m:
        return far
    while abs(far - near) > 1e-8:
        middle = (near + far) / 2
        if at(middle) <= limit_m:
            near = middle
        else:
            far = middle
    return near

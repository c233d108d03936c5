"""Distances, bearings and metre scales on the WGS 84 ellipsoid, in metres, from degrees.

Pure functions of numbers, for numbers that are known to be finite and in range: nothing is checked here.
A sphere would be wrong by 0.2-0.7 %: up to 3.4 m on the rim of a 500 m geofence, so there is none.

The mid-latitude formula (radii of curvature at the mean latitude of the two points) is within 1.2 mm of the
geodesic up to 5 km and |latitude| <= 70; beyond that the geodesic itself is computed (geographiclib, good
to 15 nm). Constants: a and 1/f of WGS 84 (NGA.STND.0036).
"""

from math import asin, cos, pi, radians, remainder, sin, sqrt
from typing import Final, NamedTuple

from geographiclib.geodesic import Geodesic

EQUATOR_RADIUS_M: Final = 6_378_137.0
FLATTENING: Final = 1 / 298.257223563
ECCENTRICITY_2: Final = FLATTENING * (2 - FLATTENING)
LEAST_CURVATURE_RADIUS_M: Final = EQUATOR_RADIUS_M * (1 - ECCENTRICITY_2)
"""Radius of the strongest curvature anywhere: the meridian at the equator, 6,335,439 m."""

FORMULA_LIMIT_M: Final = 5_000.0
FORMULA_LIMIT_LATITUDE: Final = 70.0

_DEGREE: Final = pi / 180
_ONE_MINUS_E2: Final = 1 - ECCENTRICITY_2
_DEGREE_M: Final = EQUATOR_RADIUS_M * _DEGREE
_WGS84: Final = Geodesic.WGS84


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the WGS 84 distance in metres; exactly 0 for equal points.

    Mid-latitude formula up to 5 km and |latitude| <= 70 at both ends, geodesic otherwise.
    Longitudes may differ by whole turns; the shorter way over the antimeridian is taken.

    >>> round(distance_m(47.3769, 8.5417, 47.3769, 8.5483))
    498
    """
    if -FORMULA_LIMIT_LATITUDE <= lat1 <= FORMULA_LIMIT_LATITUDE >= lat2 >= -FORMULA_LIMIT_LATITUDE:
        lon_difference = lon2 - lon1
        if not -180.0 <= lon_difference <= 180.0:
            lon_difference = remainder(lon_difference, 360.0)
        middle = (lat1 + lat2) * (_DEGREE / 2)
        sine = sin(middle)
        w2 = 1.0 - ECCENTRICITY_2 * sine * sine
        x = lon_difference * cos(middle)
        y = (lat2 - lat1) * (_ONE_MINUS_E2 / w2)
        metres = _DEGREE_M * sqrt((x * x + y * y) / w2)
        if metres <= FORMULA_LIMIT_M:
            return metres
    return geodesic_m(lat1, lon1, lat2, lon2)


def geodesic_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the length in metres of the shortest line on the ellipsoid between two points."""
    if lat1 == lat2 and lon1 == lon2:
        return 0.0
    return float(_WGS84.Inverse(lat1, lon1, lat2, lon2, Geodesic.DISTANCE)["s12"])


def initial_bearing_deg(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the bearing at the first point towards the second, [0, 360), clockwise from north; 0 if equal."""
    if lat1 == lat2 and lon1 == lon2:
        return 0.0
    azimuth = float(_WGS84.Inverse(lat1, lon1, lat2, lon2, Geodesic.AZIMUTH)["azi1"])
    return azimuth % 360.0 % 360.0


def destination(lat: float, lon: float, bearing_deg: float, distance_m: float) -> tuple[float, float]:
    """Return (latitude, longitude in [-180, 180]) after that many metres along a geodesic."""
    end = _WGS84.Direct(lat, lon, bearing_deg, distance_m, Geodesic.LATITUDE | Geodesic.LONGITUDE)
    return float(end["lat2"]), float(end["lon2"])


def angle_between_deg(a: float, b: float) -> float:
    """Return the unsigned angle between two bearings, 0 to 180 degrees."""
    return abs(remainder(a - b, 360.0))


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Return metres per degree of latitude and of longitude at a latitude."""
    sine = sin(lat * _DEGREE)
    w2 = 1.0 - ECCENTRICITY_2 * sine * sine
    w = sqrt(w2)
    return _DEGREE_M * _ONE_MINUS_E2 / (w2 * w), _DEGREE_M * max(0.0, cos(lat * _DEGREE)) / w


class MetreBand(NamedTuple):
    """The least and greatest metres per degree between two parallels.

    They bound every distance whose shortest line stays between the parallels: with d_lat, d_lon in degrees,
    hypot(lat_least * d_lat, lon_least * d_lon) <= geodesic <= hypot(lat_most * d_lat, lon_most * d_lon),
    because each piece of a line is at least (the straight line in lon/lat at most) that long.
    """

    lat_least: float
    lat_most: float
    lon_least: float
    lon_most: float


def metre_band(south: float, north: float) -> MetreBand:
    """Return the scales between two latitudes (cut at the poles). Both are monotone in |latitude|."""
    south, north = max(-90.0, south), min(90.0, north)
    nearest = 0.0 if south <= 0.0 <= north else min(abs(south), abs(north))
    farthest = max(abs(south), abs(north))
    lat_least, lon_most = metres_per_degree(nearest)
    lat_most, lon_least = metres_per_degree(farthest)
    return MetreBand(lat_least, lat_most, 0.0 if farthest >= 90.0 else lon_least, lon_most)


def latitude_reach_deg(metres: float) -> float:
    """Return how many degrees of latitude that many metres can cross at most, anywhere."""
    return metres / (LEAST_CURVATURE_RADIUS_M * _DEGREE)


def axis_and_height_m(lat: float) -> tuple[float, float]:
    """Return a surface point's distance from the earth's axis and its height over the equator's plane."""
    phi = radians(lat)
    sine = sin(phi)
    normal = EQUATOR_RADIUS_M / sqrt(1.0 - ECCENTRICITY_2 * sine * sine)
    return normal * cos(phi), normal * _ONE_MINUS_E2 * sine


def chord_m(metres: float) -> float:
    """Return the shortest straight line through the earth that a geodesic of that length can have.

    A curve bent nowhere more than a circle has at least the circle's chord (Schur); the circle here has the
    strongest curvature of the ellipsoid. Valid up to a quarter more than half way round; capped there.
    """
    diameter = 2 * LEAST_CURVATURE_RADIUS_M
    return diameter * sin(min(metres, 15_000_000.0) / diameter)


def longitude_reach_deg(lat: float, metres: float) -> float:
    """Return how far in longitude a circle of that radius around `lat` reaches, generously; 360 if it holds a pole."""
    north_most = abs(lat) + latitude_reach_deg(metres)
    if north_most >= 89.9:
        return 360.0
    # On the sphere of least curvature radius every distance is shorter than on the ellipsoid.
    ratio = sin(min(pi / 2, metres / LEAST_CURVATURE_RADIUS_M)) / cos(radians(abs(lat)))
    return 360.0 if ratio >= 1.0 else min(360.0, asin(ratio) / _DEGREE * 1.02 + 1e-9)

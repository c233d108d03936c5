"""Corridors: everything within half a width of a path. Path segments are straight in longitude/latitude.

Inside means: the WGS 84 distance to the nearest point of the path is at most half the width; the ends are
round. As for circles, flat bounds decide all but the points near the border.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import remainder, sqrt
from typing import Final

from truckstream.core.geodesy import latitude_reach_deg, longitude_reach_deg, metre_band
from truckstream.core.segments import (
    Bounds,
    distance_to_segment_m,
    drive_bounds,
    interval_within,
)

MARGIN_M: Final = 0.002
"""The mid-latitude formula may be 1.2 mm off the geodesic which the flat bounds are about."""


class Capsule:
    """One segment of a path with everything within `half_width_m` of it."""

    __slots__ = ("_inside2", "_least", "_most", "_outside2", "bounds", "d_lat", "d_lon", "half_width_m", "lat", "lon")

    def __init__(self, lat1: float, lon1: float, lat2: float, lon2: float, half_width_m: float) -> None:
        self.lat, self.lon, self.half_width_m = lat1, lon1, half_width_m
        self.d_lat, self.d_lon = lat2 - lat1, remainder(lon2 - lon1, 360.0)
        reach = latitude_reach_deg(half_width_m + MARGIN_M) + 1e-9
        south, north = min(lat1, lat2) - reach, max(lat1, lat2) + reach
        band = metre_band(south, north)
        self._least, self._most = (band.lat_least, band.lon_least), (band.lat_most, band.lon_most)
        self._outside2 = (half_width_m * (1 + 1e-9) + MARGIN_M) ** 2
        surely_in = half_width_m * (1 - 1e-9) - MARGIN_M
        self._inside2 = surely_in * surely_in if surely_in > 0 else -1.0
        lon_reach = max(
            longitude_reach_deg(lat1, half_width_m + MARGIN_M),
            longitude_reach_deg(lat2, half_width_m + MARGIN_M),
        )
        west, east = min(lon1, lon1 + self.d_lon) - lon_reach, max(lon1, lon1 + self.d_lon) + lon_reach
        if east - west >= 360.0:
            west, east = -180.0, 180.0
        self.bounds = Bounds(max(-90.0, south), west, min(90.0, north), east)

    def contains(self, lat: float, lon: float) -> bool:
        """Say whether the point is within half the width of this segment."""
        if not self.bounds.south <= lat <= self.bounds.north:
            return False
        if self._flat2(lat, lon, self._least) > self._outside2:
            return False
        if self._flat2(lat, lon, self._most) <= self._inside2:
            return True
        return self.distance_m(lat, lon) <= self.half_width_m

    def distance_m(self, lat: float, lon: float) -> float:
        """Return the metres to the segment itself (not to its border)."""
        return distance_to_segment_m(lat, lon, self.lat, self.lon, self.d_lat, self.d_lon)

    def _flat2(self, lat: float, lon: float, scales: tuple[float, float]) -> float:
        lat_m, lon_m = scales
        middle = self.d_lon / 2
        x = (remainder(lon - self.lon - middle, 360.0) + middle) * lon_m
        y = (lat - self.lat) * lat_m
        sx, sy = self.d_lon * lon_m, self.d_lat * lat_m
        length2 = sx * sx + sy * sy
        if length2 > 0.0:
            t = (x * sx + y * sy) / length2
            t = 0.0 if t < 0.0 else 1.0 if t > 1.0 else t
            x -= t * sx
            y -= t * sy
        return x * x + y * y

    def box_relation(self, south: float, west: float, north: float, east: float) -> int:
        """Return 1 when the capsule covers the whole box, -1 when it surely misses it, 0 when neither is sure.

        Flat capsules are convex: one that holds the four corners holds the box.
        """
        if not self.bounds.meets(Bounds(south, west, north, east)):
            return -1
        turns = 360.0 * round((self.lon + self.d_lon / 2 - (west + east) / 2) / 360.0)
        corners = [(lat, lon + turns) for lat in (south, north) for lon in (west, east)]
        middle = self.lon + self.d_lon / 2
        if all(abs(lon - middle) <= 180.0 for _, lon in corners) and all(
            self._flat2(lat, lon, self._most) <= self._inside2 for lat, lon in corners
        ):
            return 1
        return -1 if self._all_on_one_side(corners) else 0

    def _all_on_one_side(self, corners: Sequence[tuple[float, float]]) -> bool:
        lat_m, lon_m = self._least
        sx, sy = self.d_lon * lon_m, self.d_lat * lat_m
        away = [sx * (lat - self.lat) * lat_m - sy * (lon - self.lon) * lon_m for lat, lon in corners]
        limit = sqrt(self._outside2 * (sx * sx + sy * sy))
        return limit > 0.0 and (min(away) > limit or max(away) < -limit)


class Corridor:
    """A path of at least two (latitude, longitude) points and its full width."""

    __slots__ = ("bounds", "capsules", "width_m")

    def __init__(self, path: Sequence[tuple[float, float]], width_m: float) -> None:
        self.width_m = width_m
        self.capsules = tuple(
            Capsule(lat1, lon1, lat2, lon2, width_m / 2) for (lat1, lon1), (lat2, lon2) in pairwise(path)
        )
        self.bounds = _around([capsule.bounds for capsule in self.capsules])

    def contains(self, lat: float, lon: float) -> bool:
        """Say whether the point is within half the width of the path."""
        return any(capsule.contains(lat, lon) for capsule in self.capsules)

    def distance_outside_m(self, lat: float, lon: float) -> float:
        """Return 0 inside, else the metres to the corridor's border."""
        if self.contains(lat, lon):
            return 0.0
        return max(0.0, min(capsule.distance_m(lat, lon) for capsule in self.capsules) - self.width_m / 2)

    def crossing(self, lat1: float, lon1: float, lat2: float, lon2: float) -> tuple[float, float] | None:
        """Return where the straight lon/lat drive between two outside points enters and leaves, as fractions."""
        box = drive_bounds(lat1, lon1, lat2, lon2)
        find = partial(interval_within, lat1=lat1, lon1=lon1, lat2=lat2, lon2=lon2)
        found = [
            fractions
            for capsule in self.capsules
            if capsule.bounds.meets(box) and (fractions := find(capsule.distance_m, capsule.half_width_m)) is not None
        ]
        return (min(f[0] for f in found), max(f[1] for f in found)) if found else None

    def segment_hits(self, lat1: float, lon1: float, lat2: float, lon2: float) -> bool:
        """Say whether any point of the straight lon/lat segment is inside."""
        if self.contains(lat1, lon1) or self.contains(lat2, lon2):
            return True
        return self.crossing(lat1, lon1, lat2, lon2) is not None


def _around(boxes: Sequence[Bounds]) -> Bounds:
    """Return the box around boxes of which each meets the one before it, longitudes kept continuous."""
    south, west, north, east = boxes[0]
    at = (west + east) / 2
    for box in boxes[1:]:
        half = (box.east - box.west) / 2
        at += remainder((box.west + box.east) / 2 - at, 360.0)
        south, north = min(south, box.south), max(north, box.north)
        west, east = min(west, at - half), max(east, at + half)
    if east - west >= 360.0:
        west, east = -180.0, 180.0
    return Bounds(south, west, north, east)

"""Polygons: outer rings and holes, even-odd over all of them, edges straight in longitude/latitude.

The boundary is inside, a hole's boundary too. Points on vertices and edges are answered exactly, in decimal
arithmetic (`core.orientation`). A point is inside when an odd number of edges lies east of it: latitudes are
compared as given (never shifted), so only "east or west of this edge" can need exact arithmetic.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from math import ceil, floor, remainder

from truckstream.core.geodesy import metres_per_degree
from truckstream.core.orientation import exact, exact_side, shifted, side
from truckstream.core.rings import NEARLY, Edge, ExactEdge, LatLonPair, Ring
from truckstream.core.segments import Bounds, distance_to_segment_m


class Polygon:
    """A shape of rings of (latitude, longitude) vertices; outer rings and holes are told apart by even-odd."""

    def __init__(self, rings: Sequence[Sequence[LatLonPair]]) -> None:
        made: list[Ring] = []
        for vertices in rings:
            made.append(Ring(vertices, like=made[0] if made else None))
        self.rings = tuple(made)
        self.west = min(min(min(ring.xs), ring.vertex(len(ring.xs))[1]) for ring in self.rings)
        self.east = max(max(max(ring.xs), ring.vertex(len(ring.xs))[1]) for ring in self.rings)
        poles = [ring.pole for ring in self.rings if ring.pole is not None]
        lats = [lat for ring in self.rings for lat in ring.lats]
        self.south, self.north = min((*lats, *poles)), max((*lats, *poles))
        self.vertex_count = len(lats)
        self._poles = poles

    @property
    def bounds(self) -> Bounds:
        """The box around it; all longitudes when it holds or touches a pole, which is on every meridian."""
        if self.north >= 90.0 or self.south <= -90.0 or self.east - self.west >= 360.0:
            return Bounds(self.south, -180.0, self.north, 180.0)
        return Bounds(self.south, self.west, self.north, self.east)

    @cached_property
    def edges(self) -> list[Edge]:
        """All edges and seams in the plane of unwrapped longitudes. Kept once asked for."""
        found: list[Edge] = []
        for ring in self.rings:
            found += ring.edges(len(found))
        return found

    def shifts(self, west: float, east: float) -> range:
        """Return the turns k for which [west, east] + 360 * k meets the polygon's unwrapped longitudes."""
        return range(ceil((self.west - east - NEARLY) / 360.0), floor((self.east - west + NEARLY) / 360.0) + 1)

    def contains(self, lat: float, lon: float) -> bool:
        """Say whether the point is inside or on the boundary."""
        if not self.south <= lat <= self.north:
            return False
        if not -90.0 < lat < 90.0:
            return self._contains_pole(lat)
        inside = False
        for turns in self.shifts(lon, lon):
            x = lon + 360.0 * turns
            for south, north, start, d_lon, d_lat, limit, number, _ in self.edges:
                if south <= lat <= north:
                    cross = d_lon * (lat - south) - d_lat * (x - start)
                    if cross > limit:
                        if lat < north:
                            inside = not inside
                    elif cross >= -limit:
                        where = self._exact_side(number, lat, lon, turns)
                        if where == 0:
                            return True
                        if where > 0 and lat < north:
                            inside = not inside
        return inside

    def _contains_pole(self, lat: float) -> bool:
        touched = any(lat in ring.lats for ring in self.rings)
        return touched or self._poles.count(lat) % 2 == 1

    def _exact_side(self, number: int, lat: float, lon: float, turns: int) -> int:
        """Return 1 when the point is west of the edge, -1 when not, 0 on it; its latitude is in the edge's range."""
        edge = self.edges[number]
        if edge.d_lat == 0.0:
            x = lon + 360.0 * turns
            if not edge.longitude - NEARLY <= x <= edge.longitude + edge.d_lon + NEARLY:
                return -1
        south, west, north, east = self._exact_edge(number)
        x_exact, lat_exact = exact(lon) + 360 * turns, exact(lat)
        if edge.d_lat == 0.0:
            return 0 if west <= x_exact <= east else -1
        where = exact_side(west, south, east, north, x_exact, lat_exact)
        return -1 if where == 0 and edge.is_seam else where

    def _exact_edge(self, number: int) -> ExactEdge:
        i = bisect_right(self._first_numbers, number) - 1
        return self.rings[i].exact_edge(number - self._first_numbers[i])

    @cached_property
    def _first_numbers(self) -> list[int]:
        numbers = [0]
        for ring in self.rings:
            numbers.append(numbers[-1] + len(ring.lats) + (2 if ring.winding else 0))
        return numbers

    def distance_outside_m(self, lat: float, lon: float) -> float:
        """Return 0 inside, else the metres to the nearest edge."""
        if self.contains(lat, lon):
            return 0.0
        lat_m, lon_m = metres_per_degree(lat)
        flat = [(_flat_distance(lat, lon, edge, lat_m, lon_m), edge) for edge in self.edges if not edge.is_seam]
        if abs(lat) < 80.0:
            limit = min(metres for metres, _ in flat) * 1.05 + 1.0
            flat = [near for near in flat if near[0] <= limit]
        return min(
            distance_to_segment_m(lat, lon, edge.south, edge.longitude, edge.d_lat, edge.d_lon) for _, edge in flat
        )

    def crossing(self, lat1: float, lon1: float, lat2: float, lon2: float) -> tuple[float, float] | None:
        """Return where the straight lon/lat drive between two outside points enters and leaves, as fractions."""
        fractions = [
            fraction
            for drive in self._shifted_drives(lat1, lon1, lat2, lon2)
            for edge in self.edges
            if not edge.is_seam
            for fraction in _meeting(*drive, edge)
        ]
        return (min(fractions), max(fractions)) if fractions else None

    def _shifted_drives(
        self, lat1: float, lon1: float, lat2: float, lon2: float
    ) -> Iterator[tuple[float, float, float, float]]:
        if max(lat1, lat2) < self.south or min(lat1, lat2) > self.north:
            return
        turns = round((lon1 - lon2) / 360.0) if abs(lon2 - lon1) > 180.0 else 0
        end = shifted(lon2, turns)
        for k in self.shifts(min(lon1, end), max(lon1, end)):
            yield lat1, shifted(lon1, k), lat2, shifted(lon2, turns + k)

    def segment_hits(self, lat1: float, lon1: float, lat2: float, lon2: float) -> bool:
        """Say whether any point of the straight lon/lat segment is inside or on the boundary."""
        if self.contains(lat1, lon1) or self.contains(lat2, lon2):
            return True
        return self.crossing(lat1, lon1, lat2, lon2) is not None


def _flat_distance(lat: float, lon: float, edge: Edge, lat_m: float, lon_m: float) -> float:
    """Return the metres to an edge in a plane with the scales of the point's latitude."""
    x = (remainder(lon - edge.longitude - edge.d_lon / 2, 360.0) + edge.d_lon / 2) * lon_m
    y = (lat - edge.south) * lat_m
    sx, sy = edge.d_lon * lon_m, edge.d_lat * lat_m
    length2 = sx * sx + sy * sy
    t = min(1.0, max(0.0, (x * sx + y * sy) / length2)) if length2 > 0.0 else 0.0
    return float(((x - t * sx) ** 2 + (y - t * sy) ** 2) ** 0.5)


def _meeting(lat1: float, x1: float, lat2: float, x2: float, edge: Edge) -> list[float]:
    """Return the fractions of the drive at which it meets the edge: none, one, or both ends of an overlap."""
    west, east = sorted((edge.longitude, edge.longitude + edge.d_lon))
    if max(lat1, lat2) < edge.south or min(lat1, lat2) > edge.north:
        return []
    if max(x1, x2) < west - NEARLY or min(x1, x2) > east + NEARLY:
        return []
    ax, ay, bx, by = edge.longitude, edge.south, edge.longitude + edge.d_lon, edge.north
    from_start, from_end = side(ax, ay, bx, by, x1, lat1), side(ax, ay, bx, by, x2, lat2)
    to_a, to_b = side(x1, lat1, x2, lat2, ax, ay), side(x1, lat1, x2, lat2, bx, by)
    if from_start * from_end > 0 or to_a * to_b > 0:
        return []
    if from_start == from_end == 0:
        return _overlap(lat1, x1, lat2, x2, ((ay, ax), (by, bx)))
    start = abs((bx - ax) * (lat1 - ay) - (by - ay) * (x1 - ax)) if from_start else 0.0
    end = abs((bx - ax) * (lat2 - ay) - (by - ay) * (x2 - ax)) if from_end else 0.0
    return [start / (start + end) if start + end > 0.0 else 0.0]


def _overlap(lat1: float, x1: float, lat2: float, x2: float, ends: Sequence[LatLonPair]) -> list[float]:
    """Return the fractions covered by an edge on the drive's own line."""
    d_lat, dx = lat2 - lat1, x2 - x1
    if d_lat == 0.0 and dx == 0.0:
        return [0.0]
    along = sorted((lat - lat1) / d_lat if abs(d_lat) >= abs(dx) else (x - x1) / dx for lat, x in ends)
    if along[1] < -NEARLY or along[0] > 1.0 + NEARLY:
        return []
    return [max(0.0, along[0]), min(1.0, along[1])]

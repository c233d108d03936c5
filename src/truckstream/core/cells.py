"""What the cells of the shape index hold: for one box of the map, which shapes cover it and which need a test.

A polygon is cut down to what a point of the box needs: the edges that touch the box, and the parity of the
edges east of it. The rule is `Polygon.contains`'s own (odd number of edges to the east, southern end of an
edge counts, northern end does not), so the two agree on every point; whatever floats cannot decide is asked
of the polygon itself.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from truckstream.core.circle import Circle
from truckstream.core.corridor import Capsule, Corridor
from truckstream.core.orientation import filter_limit
from truckstream.core.polygon import Polygon
from truckstream.core.segments import Bounds
from truckstream.core.shapes import Shape

MARGIN_DEG: Final = 1e-9
"""Boxes are widened by this: a point's cell is found in floats."""

CUT_ANEW: Final = 500
"""Polygons up to this many vertices are cut for each cell from the whole: quicker than it costs to keep their
parts in every coarser cell."""

type LocalEdge = tuple[float, float, float, float, float, float]
"""South, north, longitude at the south, longitude and latitude extent, filter limit (see `rings.Edge`)."""


class PolygonPart(NamedTuple):
    """A polygon as seen from one box.

    A point of the box is inside when `parity`, the number of `breaks` at or south of its latitude and the
    number of `edges` east of it add up to an odd number.
    """

    parity: bool
    breaks: tuple[float, ...]
    edges: tuple[LocalEdge, ...]


class CorridorPart(NamedTuple):
    """The segments of a corridor whose borders may pass through one box."""

    capsules: tuple[Capsule, ...]


type Part = PolygonPart | CorridorPart | None
"""What is left of a shape to be looked at: None where only the whole shape will do."""


class Entry(NamedTuple):
    """A shape whose boundary may pass through a box."""

    ordinal: int
    shape: Shape
    part: Part


def narrow(entry: Entry, box: Bounds, *, rough: bool) -> Entry | bool:
    """Return what remains of an entry in a smaller box: an entry, True (covers it whole) or False (misses it).

    `rough`: the box only serves to make smaller ones, so polygons of few vertices are not cut yet.
    """
    shape, part = entry.shape, entry.part
    if isinstance(shape, Circle):
        relation = shape.box_relation(*box)
        return entry if relation == 0 else relation > 0
    if isinstance(shape, Corridor):
        return _narrow_corridor(entry, part.capsules if isinstance(part, CorridorPart) else shape.capsules, box)
    if isinstance(part, PolygonPart):
        part = _narrow_polygon(part, box)
    elif not _meets(shape, box):
        return False
    elif rough and shape.vertex_count <= CUT_ANEW:
        return entry
    else:
        part = _narrow_polygon(_edges_near(shape, box), box)
    if part.edges or part.breaks:
        return Entry(entry.ordinal, shape, part)
    return part.parity


def _meets(polygon: Polygon, box: Bounds) -> bool:
    if polygon.north < box.south or polygon.south > box.north:
        return False
    return len(polygon.shifts(box.west, box.east)) > 0


def _narrow_corridor(entry: Entry, capsules: Iterable[Capsule], box: Bounds) -> Entry | bool:
    touching = []
    for capsule in capsules:
        relation = capsule.box_relation(*box)
        if relation > 0:
            return True
        if relation == 0:
            touching.append(capsule)
    return Entry(entry.ordinal, entry.shape, CorridorPart(tuple(touching))) if touching else False


def _edges_near(polygon: Polygon, box: Bounds) -> PolygonPart:
    """Return the edges that may touch the box or lie east of it, shifted by whole turns to where it sees them.

    A box sees an edge as often as its longitudes come round to it.
    """
    south, _, north, _ = box
    near: list[LocalEdge] = []
    for turns in polygon.shifts(box.west, box.east):
        shift = 360.0 * turns
        west = box.west + shift
        for ring in polygon.rings:
            for outline in ring.outlines():
                lat1, x1 = outline[0]
                for lat2, x2 in outline:
                    if (lat1 >= south or lat2 >= south) and (lat1 <= north or lat2 <= north):  # noqa: SIM102
                        if x1 >= west or x2 >= west:
                            near.append(local_edge(lat1, x1, lat2, x2, shift))
                    lat1, x1 = lat2, x2
    return PolygonPart(False, (), tuple(near))


def local_edge(lat1: float, x1: float, lat2: float, x2: float, shift: float) -> LocalEdge:
    """Return an edge as `rings.Ring.edges` has it, `shift` degrees further west."""
    if (lat2, x2) < (lat1, x1):
        lat1, x1, lat2, x2 = lat2, x2, lat1, x1
    dx, dy = x2 - x1, lat2 - lat1
    return lat1, lat2, x1 - shift, dx, dy, filter_limit(dx, dy)


def _narrow_polygon(part: PolygonPart, box: Bounds) -> PolygonPart:
    south, west, north, east = box
    mid_lat, mid_lon = (south + north) / 2, (west + east) / 2
    half_lat, half_lon = (north - south) / 2, (east - west) / 2
    touching = []
    ends = list(part.breaks)
    for edge in part.edges:
        low, high, start, d_lon, d_lat, limit = edge
        if high < south or low > north:
            continue
        end = start + d_lon
        if start < west and end < west:
            continue
        if not (start > east and end > east):
            cross = d_lon * (mid_lat - low) - d_lat * (mid_lon - start)
            reach = abs(d_lon) * half_lat + d_lat * half_lon + limit
            if cross + reach < 0.0:
                continue
            if cross - reach <= 0.0:
                touching.append(edge)
                continue
        ends.append(low)
        ends.append(high)
    parity, breaks = _settle(ends, part.parity, south, north)
    return PolygonPart(parity, breaks, tuple(touching))


def _settle(ends: list[float], parity: bool, south: float, north: float) -> tuple[bool, tuple[float, ...]]:
    """Cancel equal latitudes in pairs and fold those south of the box into the parity."""
    odd: set[float] = set()
    for lat in ends:
        if lat <= south:
            parity = not parity
        elif lat <= north:
            odd ^= {lat}
    return parity, tuple(sorted(odd))


type CircleTest = tuple[float, float, float, float, float, float, float, float, int, Circle]
type PolygonTest = tuple[int, bool, tuple[float, ...], tuple[LocalEdge, ...], Polygon]


class Cell:
    """The tests a point of one box needs. `deep` cells are looked up again at the next finer level."""

    __slots__ = ("capsules", "circles", "deep", "entries", "inside", "polygons", "weight", "whole")

    def __init__(self, inside: tuple[int, ...], entries: list[Entry], *, deep: bool, whole: bool) -> None:
        self.inside = inside
        self.deep = deep
        self.entries: tuple[Entry, ...] = ()
        self.circles: tuple[CircleTest, ...] = ()
        self.polygons: tuple[PolygonTest, ...] = ()
        self.capsules: tuple[tuple[int, tuple[Capsule, ...]], ...] = ()
        self.whole: tuple[tuple[int, Shape], ...] = ()
        if deep:
            entries = [_uncut(entry) for entry in entries]
            self.entries = tuple(entries)
        elif whole:
            self.whole = tuple((entry.ordinal, entry.shape) for entry in entries)
        else:
            self._prepare(entries)
        self.weight = 3 + sum(part_weight(entry) for entry in entries)

    def _prepare(self, entries: list[Entry]) -> None:
        circles, polygons, capsules = [], [], []
        for ordinal, shape, part in entries:
            if isinstance(shape, Circle):
                circles.append((*shape.flat, ordinal, shape))
            elif isinstance(part, CorridorPart):
                capsules.append((ordinal, part.capsules))
            elif isinstance(part, PolygonPart) and isinstance(shape, Polygon):
                polygons.append((ordinal, *part, shape))
        self.circles, self.polygons, self.capsules = tuple(circles), tuple(polygons), tuple(capsules)


def _uncut(entry: Entry) -> Entry:
    shape = entry.shape
    if isinstance(shape, Polygon) and shape.vertex_count <= CUT_ANEW:
        return Entry(entry.ordinal, shape, None)
    return entry


def part_weight(entry: Entry) -> int:
    """Return how many tests (and how much memory, roughly) an entry costs."""
    part = entry.part
    if part is None:
        return 1
    return 1 + len(part.edges) if isinstance(part, PolygonPart) else 3 * len(part.capsules)

"""Which shapes contain a point: a grid of cells over the map, refined where boundaries are dense.

Exact: `locate` answers what asking every shape's `contains` would. Cells are made when a point first falls
into them, a child from its parent's short list, so a new cell is cheap whatever the number of shapes. Cells
of one level are squares in degrees, 8 times finer per level; a cell without any boundary is a plain tuple.
The number of cells kept is bounded; when it is passed they are dropped and made again as needed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from truckstream.core.cells import MARGIN_DEG, Cell, Entry, narrow, part_weight
from truckstream.core.segments import Bounds, drive_bounds
from truckstream.core.shapes import Shape

SIZES_DEG: Final = (8.0, 1.0, 1 / 8, 1 / 64, 1 / 512, 1 / 4096)
"""Edge lengths, level by level: 890 km to 27 m. Powers of two, so that cells nest exactly in floats."""
START_LEVEL: Final = 3
"""The first level a point is looked up at; the coarser ones only serve to make its cells."""
_ROW: Final = 1 << 24
_REFINE_ABOVE: Final = {3: 5, 4: 8}
"""Tests in a cell of that level beyond which it is refined: between 3 and 16 the speed hardly differs."""

type Located = tuple[int, ...]


class ShapeIndex:
    """An index over shapes, named by their ordinals in the sequence given. Not for changing: make a new one."""

    def __init__(self, shapes: Sequence[Shape], *, max_weight: int = 400_000) -> None:
        self._shapes = tuple(shapes)
        self._bounds = [shape.bounds for shape in self._shapes]
        self._buckets: list[dict[tuple[int, int], list[int]]] = [{} for _ in range(START_LEVEL + 1)]
        for ordinal, bounds in enumerate(self._bounds):
            level = _bucket_level(bounds)
            for key in _bucket_keys(bounds, level):
                self._buckets[level].setdefault(key, []).append(ordinal)
        self._cells: list[dict[int, Cell | Located]] = [{} for _ in SIZES_DEG]
        self._start, self._finer, self._finest = self._cells[START_LEVEL:]
        self._weight, self._max_weight = 0, max_weight

    def locate(self, lat: float, lon: float) -> Located:
        """Return the ordinals of all shapes that contain the point, ascending.

        `lat` is -90 to 90, `lon` -180 to 180 degrees.
        """
        y, x = lat + 90.0, lon + 180.0
        cell = self._start.get(int(y * 64.0) * _ROW + int(x * 64.0))
        if cell is None:
            cell = self._make(3, int(y * 64.0), int(x * 64.0))
        if type(cell) is tuple:
            return cell
        assert isinstance(cell, Cell)
        if cell.deep:
            finer = self._finer.get(int(y * 512.0) * _ROW + int(x * 512.0))
            if finer is None:
                finer = self._make(4, int(y * 512.0), int(x * 512.0))
            if type(finer) is tuple:
                return finer
            assert isinstance(finer, Cell)
            if finer.deep:
                finest = self._finest.get(int(y * 4096.0) * _ROW + int(x * 4096.0))
                if finest is None:
                    finest = self._make(5, int(y * 4096.0), int(x * 4096.0))
                if type(finest) is tuple:
                    return finest
                assert isinstance(finest, Cell)
                finer = finest
            cell = finer
        return _test(cell, lat, lon)

    def candidates_crossed(self, lat1: float, lon1: float, lat2: float, lon2: float) -> Iterable[int]:
        """Return the ordinals, ascending, of the shapes whose bounds meet the box of the drive 1 -> 2."""
        box = drive_bounds(lat1, lon1, lat2, lon2)
        found: set[int] = set()
        for level, buckets in enumerate(self._buckets):
            keys: Iterable[tuple[int, int]] = buckets
            if buckets and _key_count(box, level) <= len(buckets):
                keys = _bucket_keys(box, level)
            for key in keys:
                found.update(buckets.get(key, ()))
        return sorted(ordinal for ordinal in found if self._bounds[ordinal].meets(box))

    def _make(self, level: int, row: int, column: int) -> Cell | Located:
        """Make (and keep) a cell, with the ancestors it needs."""
        if self._weight > self._max_weight:
            for cells in self._cells:
                cells.clear()
            self._weight = 0
        key = row * _ROW + column
        known = self._cells[level].get(key)
        if known is not None:
            return known
        inside: Located = ()
        entries: tuple[Entry, ...] = ()
        if level > 0:
            parent = self._make(level - 1, row >> 3, column >> 3)
            if isinstance(parent, Cell):
                inside, entries = parent.inside, parent.entries
            else:
                inside = parent
        if level <= START_LEVEL:
            columns = int(360.0 / SIZES_DEG[level])
            bucket = self._buckets[level].get((row, column % columns), ())
            entries += tuple(Entry(ordinal, self._shapes[ordinal], None) for ordinal in bucket)
        made = _cell(level, row, column, inside, entries)
        self._cells[level][key] = made
        self._weight += made.weight if isinstance(made, Cell) else 2
        return made


def _cell(level: int, row: int, column: int, inside: Located, entries: Iterable[Entry]) -> Cell | Located:
    size = SIZES_DEG[level]
    south, west = row * size - 90.0, column * size - 180.0
    box = Bounds(south - MARGIN_DEG, west - MARGIN_DEG, south + size + MARGIN_DEG, west + size + MARGIN_DEG)
    at_pole = box.south <= -90.0 or box.north >= 90.0
    covering: list[int] = []
    kept: list[Entry] = []
    for entry in entries:
        # A pole lies on every meridian: plane boxes say nothing there, so cells at a pole keep whole shapes.
        rest = entry if at_pole else narrow(entry, box, rough=level < START_LEVEL)
        if rest is True:
            covering.append(entry.ordinal)
        elif isinstance(rest, Entry):
            kept.append(rest)
    if covering:
        inside = tuple(sorted((*inside, *covering)))
    if not kept and level >= START_LEVEL:
        return inside
    tests = sum(part_weight(entry) for entry in kept)
    deep = level < START_LEVEL or (not at_pole and tests > _REFINE_ABOVE.get(level, tests))
    return Cell(inside, kept, deep=deep, whole=at_pole)


def _test(cell: Cell, lat: float, lon: float) -> Located:
    found: list[int] = []
    for centre_lat, centre_lon, lat_least, lon_least, out, lat_most, lon_most, within, ordinal, circle in cell.circles:
        dy, dx = lat - centre_lat, lon - centre_lon
        if not -180.0 <= dx <= 180.0:
            dx -= 360.0 if dx > 0.0 else -360.0
        dy *= dy
        dx *= dx
        if lat_least * dy + lon_least * dx <= out and (
            lat_most * dy + lon_most * dx <= within or circle.contains_near_rim(lat, lon)
        ):
            found.append(ordinal)
    for ordinal, inside, breaks, edges, polygon in cell.polygons:
        if breaks and bisect_right(breaks, lat) & 1:
            inside = not inside
        for south, north, start, d_lon, d_lat, limit in edges:
            if south <= lat <= north:
                cross = d_lon * (lat - south) - d_lat * (lon - start)
                if cross > limit:
                    if lat < north:
                        inside = not inside
                elif cross >= -limit:
                    inside = polygon.contains(lat, lon)
                    break
        if inside:
            found.append(ordinal)
    for ordinal, capsules in cell.capsules:
        for capsule in capsules:
            if capsule.contains(lat, lon):
                found.append(ordinal)
                break
    for ordinal, shape in cell.whole:
        if shape.contains(lat, lon):
            found.append(ordinal)
    if not found:
        return cell.inside
    if cell.inside or len(found) > 1:
        return tuple(sorted((*cell.inside, *found)))
    return (found[0],)


def _bucket_level(bounds: Bounds) -> int:
    """Return the finest level at which the bounds span at most 2 x 2 cells (or the coarsest)."""
    extent = max(bounds.north - bounds.south, bounds.east - bounds.west) + 2 * MARGIN_DEG
    return max((level for level in range(START_LEVEL + 1) if SIZES_DEG[level] >= extent), default=0)


def _rows_and_columns(bounds: Bounds, level: int) -> tuple[range, range]:
    size = SIZES_DEG[level]
    south, west, north, east = bounds
    first_row, last_row = int((south + 90.0 - MARGIN_DEG) // size), int((north + 90.0 + MARGIN_DEG) // size)
    first, last = int((west + 180.0 - MARGIN_DEG) // size), int((east + 180.0 + MARGIN_DEG) // size)
    columns = int(360.0 / size)
    return range(max(0, first_row), last_row + 1), range(first, min(last, first + columns - 1) + 1)


def _key_count(bounds: Bounds, level: int) -> int:
    rows, columns = _rows_and_columns(bounds, level)
    return len(rows) * len(columns)


def _bucket_keys(bounds: Bounds, level: int) -> Iterable[tuple[int, int]]:
    rows, columns = _rows_and_columns(bounds, level)
    turn = int(360.0 / SIZES_DEG[level])
    return ((row, column % turn) for row in rows for column in columns)

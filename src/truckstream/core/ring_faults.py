"""What may be wrong with a ring: it touches or crosses itself (allowed, worth a warning), or has no area.

Contact is found by one sweep from west to east (Shamos and Hoey 1976) that stops at the first one, so rings
of thousands of vertices take a fraction of a second. All decisions are exact in decimals.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from truckstream.core.orientation import side
from truckstream.core.rings import LatLonPair, Ring

type Point = tuple[float, float]
"""Unwrapped longitude first, then latitude: the order of the sweep."""
type Line = tuple[Point, Point]

_FLAT_DEG2: Final = 1e-9
_SPLIT_AT_MOST: Final = 500


def self_contact(ring: Ring) -> LatLonPair | None:
    """Return (latitude, unwrapped longitude) of a place where the ring touches or crosses itself, else None."""
    points = _points(ring)
    seen: set[Point] = set()
    for x, lat in points[:-1]:
        if (x, lat) in seen:
            return lat, x
        seen.add((x, lat))
    for before, at, after in zip((points[-2], *points[:-2]), points[:-1], points[1:], strict=True):
        if ring.winding == 0 and _turns_back(before, at, after):
            return at[1], at[0]
    found = _Sweep(points).first_contact()
    return (found[1], found[0]) if found is not None else None


def without_area(rings: Sequence[Ring]) -> bool:
    """Say whether even-odd leaves nothing inside: the edges lie on one line or cancel each other out."""
    if any(ring.winding for ring in rings):
        return False
    lines = _odd(line for ring in rings for line in pairwise(_points(ring)))
    if not lines:
        return True
    if all(_on_one_line(_points(ring)) for ring in rings):
        return True
    doubled = sum(x1 * lat2 - x2 * lat1 for ring in rings for (x1, lat1), (x2, lat2) in pairwise(_points(ring)))
    if abs(doubled) > _FLAT_DEG2 or len(lines) > _SPLIT_AT_MOST:
        return False
    corners = {point for line in lines for point in line}
    return not _odd(piece for line in lines for piece in _split(line, corners))


def _points(ring: Ring) -> list[Point]:
    return [(x, lat) for lat, x in (ring.vertex(i) for i in range(len(ring.lats) + 1))]


def _odd(lines: Iterable[Line]) -> set[Line]:
    """Return the lines that occur an odd number of times, whichever way they run."""
    odd: set[Line] = set()
    for a, b in lines:
        odd ^= {(a, b) if a < b else (b, a)}
    return odd


def _split(line: Line, corners: set[Point]) -> list[Line]:
    a, b = line
    between = sorted(p for p in corners if a < p < b and side(*a, *b, *p) == 0)
    return list(pairwise((a, *between, b)))


def _on_one_line(points: Sequence[Point]) -> bool:
    a, b = points[0], points[1]
    return all(side(*a, *b, *p) == 0 for p in points)


def _turns_back(before: Point, at: Point, after: Point) -> bool:
    forward = (at[0] - before[0]) * (after[0] - at[0]) + (at[1] - before[1]) * (after[1] - at[1])
    return forward < 0.0 and side(*before, *at, *after) == 0


class _Sweep:
    """Edges that the sweep line meets, from south to north, until two that are not neighbours touch."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._lines: list[Line] = [(a, b) if a < b else (b, a) for a, b in pairwise(points)]
        self._status: list[int] = []

    def first_contact(self) -> Point | None:
        events = [(left, 1, i) for i, (left, _) in enumerate(self._lines)]
        events += [(right, 0, i) for i, (_, right) in enumerate(self._lines)]
        for _, starts, i in sorted(events):
            found = self._insert(i) if starts else self._remove(i)
            if found is not None:
                return found
        return None

    def _insert(self, i: int) -> Point | None:
        left, right = self._lines[i]
        low, high = 0, len(self._status)
        while low < high:
            middle = (low + high) // 2
            other = self._status[middle]
            a, b = self._lines[other]
            above = side(*a, *b, *left)
            if above == 0:
                if not self._neighbours(i, other):
                    return left
                above = side(*a, *b, *right)
            if above > 0:
                low = middle + 1
            else:
                high = middle
        self._status.insert(low, i)
        for j in (low - 1, low + 1):
            if 0 <= j < len(self._status) and (found := self._contact(i, self._status[j])) is not None:
                return found
        return None

    def _remove(self, i: int) -> Point | None:
        at = self._status.index(i)
        del self._status[at]
        if 0 < at < len(self._status):
            return self._contact(self._status[at - 1], self._status[at])
        return None

    def _neighbours(self, i: int, j: int) -> bool:
        return abs(i - j) in (1, len(self._lines) - 1)

    def _contact(self, i: int, j: int) -> Point | None:
        if self._neighbours(i, j):
            return None
        (a, b), (c, d) = self._lines[i], self._lines[j]
        if b[0] < c[0] or d[0] < a[0]:
            return None
        if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
            return None
        to_c, to_d, to_a, to_b = side(*a, *b, *c), side(*a, *b, *d), side(*c, *d, *a), side(*c, *d, *b)
        if to_c * to_d > 0 or to_a * to_b > 0:
            return None
        for point, sign in ((c, to_c), (d, to_d), (a, to_a), (b, to_b)):
            if sign == 0:
                return point
        off_c = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
        off_d = abs((b[0] - a[0]) * (d[1] - a[1]) - (b[1] - a[1]) * (d[0] - a[0]))
        t = off_c / (off_c + off_d) if off_c + off_d > 0.0 else 0.0
        return c[0] + t * (d[0] - c[0]), c[1] + t * (d[1] - c[1])
